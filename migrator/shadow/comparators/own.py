"""Answer one question: what does the user's own comparator say?

It is a function of the project, named in the configuration as ``module:function``. It takes the texts of the old and
the new answer and gives True (the same), False (another) or None (it cannot say).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from migrator.shadow.model import Answer, Comparison, Evidence

Own = Callable[[str, str], bool | None]


def load(name: str) -> Own:
    """Import a comparator. Raises ValueError with what is wrong with the name."""
    module, _, function = name.partition(":")
    if not module or not function:
        raise ValueError(f"a comparator is named module:function, not {name!r}")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"comparator {name!r}: {error}") from error
    own = getattr(found, function, None)
    if not callable(own):
        raise ValueError(f"comparator {name!r}: {module} has no function {function}")
    checked: Own = own
    return checked


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
