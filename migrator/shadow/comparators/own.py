"""Answer one question: what does the user's own comparator say?

It is a function of the project, named in the configuration as ``module:function``. It takes the texts of the old and
the new answer and gives True (the same), False (another) or None (it cannot say).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from migrator.shadow.model import Answer, Comparison, Evidence

Own = Callable[[str, str], bool | None]


def load(name: str, root: Path | None = None) -> Own:
    """Import a comparator, from the project's root where one is given: that runs the user's module.

    Raises ValueError with what is wrong with the name or the module.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise ValueError(f"a comparator is named module:function, not {name!r}")
    own = getattr(_imported(name, module, root), function, None)
    if not callable(own):
        raise ValueError(f"comparator {name!r}: {module} has no function {function}")
    checked: Own = own
    return checked


def _imported(name: str, module: str, root: Path | None) -> ModuleType:
    """Import a module and leave no trace: no folder on the path, no compiled file in the project."""
    path, writes_nothing = list(sys.path), sys.dont_write_bytecode
    try:
        sys.path[:0] = [str(root)] if root is not None else []
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        return importlib.import_module(module)
    except Exception as error:  # it is the user's code: whatever it raises, it is no comparator
        raise ValueError(f"comparator {name!r}: {error or type(error).__name__}") from error
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes_nothing


def compare(own: Own, old: str, new: str) -> Comparison:
    """Ask the function. One that raises, or gives anything else, leaves the pair undecided and says so."""
    try:
        said: object = own(old, new)
    except Exception as error:  # it is the user's code: whatever it raises is no answer
        return Comparison(Answer.UNDECIDED, (Evidence("own comparator", "", "", f"{type(error).__name__}: {error}"),))
    if said is True:
        return Comparison(Answer.SAME)
    if said is False:
        return Comparison(Answer.DIFFERS, (Evidence("own comparator", "", old[:80], new[:80]),))
    return Comparison(Answer.UNDECIDED, (Evidence("own comparator", "", "", f"gave {said!r}"),))
