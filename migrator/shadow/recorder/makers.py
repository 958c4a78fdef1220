"""Answer one question: where was the object made that sends this request?

``llm = ChatOpenAI(model=...)`` names the model, and ``llm.invoke(...)`` makes the request, perhaps in another file.
The classes that are listed in the settings note where each of their objects is made. When a request is sent, the
functions of the libraries that are running have the object among their arguments.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .places import DEEPEST, Finder, Place, is_loop

MOST_MADE = 4
# A function that asks for its variables as a dictionary would see them change when we look at them.
SNAPSHOTS = frozenset({"locals", "vars", "dir", "eval", "exec", "f_locals"})
LOOKS_BACK = sys.version_info < (3, 13)


class Makers:
    """The objects of this process that hold a model, by their identity, each with the place that made it."""

    def __init__(self, finder: Finder, classes: Mapping[str, Sequence[str]]) -> None:
        self.finder = finder
        self.classes = {package: frozenset(names) for package, names in classes.items()}
        self.made: dict[int, tuple[Any, Place]] = {}

    def is_home(self, module: str) -> bool:
        """Say whether a module may define one of the classes."""
        return module.partition(".")[0] in self.classes

    def hook(self, module: Any) -> None:
        """Wrap the classes that a module which was just imported defines; the project's own are left alone."""
        names = self.classes.get(module.__name__.partition(".")[0], frozenset())
        if not names or self.finder.shown(getattr(module, "__file__", None) or "<none>") is not None:
            return
        for name in names & vars(module).keys():
            kind = vars(module)[name]
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                self._wrap(kind)

    def _wrap(self, kind: Any) -> None:
        if getattr(vars(kind).get("__init__"), "_migrator", False):
            return
        kind.__init__ = self._noting(kind)
        # What ``__new__`` gives may be of another class, whose ``__init__`` is not this one.
        if isinstance(vars(kind).get("__new__"), staticmethod):
            kind.__new__ = staticmethod(self._giving(vars(kind)["__new__"].__func__))

    def _noting(self, kind: Any) -> Any:
        own = vars(kind).get("__init__")

        @functools.wraps(kind.__init__)
        def __init__(this: Any, /, *args: Any, **kwargs: Any) -> None:
            if own is not None:
                own(this, *args, **kwargs)
            else:
                super(kind, this).__init__(*args, **kwargs)
            self.note(this, kind.__name__, sys._getframe(1))

        __init__._migrator = True  # type: ignore[attr-defined]  # a mark on our own function
        return __init__

    def _giving(self, original: Any) -> Any:
        @functools.wraps(original)
        def __new__(kind: Any, /, *args: Any, **kwargs: Any) -> Any:
            made = original(kind, *args, **kwargs)
            self.note(made, getattr(kind, "__name__", ""), sys._getframe(1))
            return made

        return __new__

    def note(self, made: Any, name: str, frame: Any) -> None:
        """Remember where an object was made, as long as it lives. The place is that of the first call to note it."""
        try:
            key = id(made)
            if key not in self.made and (place := self.finder.here(frame)) is not None:
                self.made[key] = weakref.ref(made, lambda _: self.made.pop(key, None)), {**place, "makes": name}
        except Exception:
            return

    def of(self, frame: Any) -> Sequence[Place]:
        """Give the places of the objects that send the request which this frame sends, the nearest first.

        ``depth`` is how many functions of the libraries stand between: objects of the same depth are arguments of one.
        """
        found: dict[int, Place] = {}
        for depth, one in enumerate(self._libraries(frame) if self.made else ()):
            for value in _arguments(one):
                reference, place = self.made.get(id(value), (None, {}))
                if reference is not None and reference() is value and len(found) < MOST_MADE:
                    found.setdefault(id(value), {**place, "depth": depth})
        return tuple(found.values())

    def _libraries(self, frame: Any) -> Iterator[Any]:
        """Give the running functions of the libraries, as far as the nearest one of the project."""
        for _ in range(DEEPEST):
            if frame is None or is_loop(frame) or self.finder.shown(frame.f_code.co_filename) is not None:
                return
            if self.is_home(str(frame.f_globals.get("__name__"))):
                yield frame
            frame = frame.f_back


def _arguments(frame: Any) -> Iterator[Any]:
    code = frame.f_code
    if LOOKS_BACK and not SNAPSHOTS.isdisjoint(code.co_names):
        return
    known = frame.f_locals
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        if name in known:
            yield known[name]
