"""Answer one question: where was the object made that sends this request?

``llm = ChatOpenAI(model=...)`` names the model, and ``llm.invoke(...)`` makes the request, perhaps in another file.
The classes that are listed in the settings note where each of their objects is made. When a request is sent, the
functions of the libraries that are running have the object among their arguments.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .places import DEEPEST, Finder, Place, is_loop

MOST_MADE = 8
# A function that asks for its variables as a dictionary would see them change when we look at them.
SNAPSHOTS = frozenset({"locals", "vars", "dir", "eval", "exec", "f_locals"})
LOOKS_BACK = sys.version_info < (3, 13)


class Makers:
    """The objects of this process that hold a model, by their identity, each with the place that made it."""

    def __init__(self, finder: Finder, classes: Mapping[str, Sequence[str]]) -> None:
        self.finder = finder
        self.classes = {package: frozenset(names) for package, names in classes.items()}
        self.made: dict[int, tuple[Any, Sequence[Place]]] = {}

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
        """Remember where an object was made, as long as it lives. The place is that of the first call to note it.

        A library may make it late, from an object that was given to it; where that was made is remembered too.
        """
        try:
            key = id(made)
            place = self.finder.here(frame) if key not in self.made else None
            if place is not None and "file" in place:
                places = ({**_bare(place), "makes": name, "depth": 0}, *_deeper(self.of(frame), 1))
                self.made[key] = weakref.ref(made, lambda _: self.made.pop(key, None)), places
        except Exception:
            return

    def of(self, frame: Any) -> Sequence[Place]:
        """Give the places of the objects that send the request which this frame sends, the nearest first.

        The smaller its ``depth``, the nearer; what has the same was given to one function of a library together.
        """
        found: list[Place] = []
        seen: set[int] = set()
        for one in self._libraries(frame) if self.made else ():
            known = dict(self._among(_arguments(one)))
            depth = found[-1]["depth"] + 1 if found else 0
            fresh = (place for key in known.keys() - seen for place in _deeper(known[key], depth))
            found += sorted(fresh, key=_depth)
            seen |= known.keys()
            if len(found) >= MOST_MADE:
                break
        # One that was made from another may have come with it.
        once: dict[Any, Place] = {}
        for place in found:
            once.setdefault((place["file"], place["line"], place["column"], place["end_column"]), place)
        return list(once.values())[:MOST_MADE]

    def _among(self, values: Iterable[Any]) -> Iterator[tuple[int, Sequence[Place]]]:
        for value in values:
            reference, places = self.made.get(id(value), (None, ()))
            if reference is not None and reference() is value:
                yield id(value), places

    def _libraries(self, frame: Any) -> Iterator[Any]:
        """Give the running functions of the libraries, as far as the nearest one of the project."""
        for _ in range(DEEPEST):
            if frame is None or is_loop(frame) or self.finder.shown(frame.f_code.co_filename) is not None:
                return
            if self.is_home(str(frame.f_globals.get("__name__"))):
                yield frame
            frame = frame.f_back


def _bare(place: Place) -> Place:
    return {name: value for name, value in place.items() if name != "made"}


def _deeper(places: Sequence[Place], depth: int) -> Iterator[Place]:
    return ({**place, "depth": place["depth"] + depth} for place in places)


def _depth(place: Place) -> int:
    depth: int = place["depth"]
    return depth


def _arguments(frame: Any) -> Iterator[Any]:
    code = frame.f_code
    if LOOKS_BACK and not SNAPSHOTS.isdisjoint(code.co_names):
        return
    known = frame.f_locals
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        if name in known:
            yield known[name]
