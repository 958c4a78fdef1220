"""Answer one question: which line of the project makes this request?

The nearest frame of the project counts, as it is when a call is *made*: a coroutine runs later, under the
event loop, and a batch runs in other threads. So the entrances of the libraries (``doors``) note the place
in a context variable, which tasks and threads inherit, and the hook of the request reads it.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any

Place = dict[str, Any]
Span = tuple[int, "int | None", "int | None", "int | None"]

# Where the call was made; and, where no frame tells, where its work was handed to a pool of threads. The
# latter belongs to the thread that works: the work itself may run in any context.
CURRENT: ContextVar[Place | None] = ContextVar("migrator_current", default=None)
SUBMITTED = threading.local()

MOST_FRAMES = 20
DEEPEST = 400
MOST_SPANS = 20_000

# Below these the stack belongs to whoever started the event loop, not to the task that runs.
LOOPS = {
    ("asyncio.events", "_run"),
    ("asyncio.base_events", "run_until_complete"),
    ("asyncio.base_events", "run_forever"),
    ("asyncio.runners", "run"),
    ("trio._core._run", "unrolled_run"),
}
FOREIGN = ("site-packages", "dist-packages", "node_modules", "__pypackages__", ".tox", ".nox")


class Finder:
    """Finds the project's frames; remembers for each file whether it is one of the project."""

    def __init__(self, root: str) -> None:
        self.root = os.path.join(os.path.realpath(root), "")
        self.known: dict[str, str | None] = {}
        # An expression's lines and columns are found by counting; the code is kept, so that its id stays its own.
        self.spans: dict[tuple[int, int], tuple[Any, Span]] = {}

    def here(self, frame: Any) -> Place | None:
        """Give the place of the nearest frame of the project, or what an entrance or a pool noted."""
        return self.nearest(frame) or CURRENT.get() or getattr(SUBMITTED, "place", None)

    def nearest(self, frame: Any) -> Place | None:
        """Give the place of the nearest frame of the project, as far as an entrance or an event loop."""
        found: list[tuple[Any, str]] = []
        for _ in range(DEEPEST):
            if frame is None or frame.f_code is ENTRANCE or is_loop(frame):
                break
            shown = self.shown(frame.f_code.co_filename)
            if shown is not None and len(found) < MOST_FRAMES:
                found.append((frame, shown))
            frame = frame.f_back
        return self._place(found) if found else None

    def _place(self, found: list[tuple[Any, str]]) -> Place:
        frame, shown = found[0]
        start, end, column, end_column = self.span(frame)
        return {
            "file": shown,
            "function": _name(frame.f_code),
            "line": start,
            "end_line": end,
            "column": column,
            "end_column": end_column,
            "stack": [self._outer(outer, one) for outer, one in reversed(found)],
        }

    def _outer(self, frame: Any, shown: str) -> list[Any]:
        start, end, column, end_column = self.span(frame)
        return [shown, frame.f_lineno, _name(frame.f_code), start, end, column, end_column]

    def span(self, frame: Any) -> Span:
        """Give the lines and columns of the running expression, and remember them."""
        key = id(frame.f_code), frame.f_lasti
        if key not in self.spans:
            if len(self.spans) > MOST_SPANS:
                self.spans.clear()
            self.spans[key] = frame.f_code, _span(frame)
        return self.spans[key][1]

    def shown(self, path: str) -> str | None:
        """Give the path below the root with forward slashes; None if the file is not the project's own."""
        if path not in self.known:
            self.known[path] = self._shown(path)
        return self.known[path]

    def _shown(self, path: str) -> str | None:
        if path.startswith("<"):
            return None
        real = os.path.realpath(path)
        if not real.startswith(self.root) or self._is_library(real):
            return None
        return real[len(self.root) :].replace(os.sep, "/")

    def _is_library(self, real: str) -> bool:
        prefixes = {os.path.join(os.path.realpath(one), "") for one in (sys.prefix, sys.base_prefix)}
        inside = [one for one in prefixes if one.startswith(self.root) and one != self.root]
        parts = real[len(self.root) :].split(os.sep)
        return any(part in FOREIGN for part in parts) or any(real.startswith(one) for one in inside)


def is_loop(frame: Any) -> bool:
    """Say whether a frame is that of an event loop."""
    return (frame.f_globals.get("__name__"), frame.f_code.co_name) in LOOPS


def _name(code: Any) -> str:
    name: str = getattr(code, "co_qualname", code.co_name)
    return "" if name == "<module>" else name.replace(".<locals>", "")


def _span(frame: Any) -> Span:
    """Give the lines and columns of the running expression; Python 3.11 and newer know more than the line."""
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is not None and frame.f_lasti >= 0:
        for number, (start, end, column, end_column) in enumerate(positions()):
            if number == frame.f_lasti // 2 and start is not None:
                return start, end, column, end_column
    return frame.f_lineno, None, None, None


def entrance(
    function: Callable[..., Any], finder: Finder, makers: Callable[[Any], Sequence[Place]] | None = None
) -> Callable[..., Any]:
    """Wrap an entrance of a library, so that what it does is known to come from where it was called.

    ``makers`` says which objects call it: a task that makes the request has their functions no longer around it.
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            frame = sys._getframe(1)
            place = finder.nearest(frame) or CURRENT.get()
            made = makers(frame) if makers is not None else ()
            if made:
                place = {**(place or {}), "made": made}
        except Exception:
            place = None
        if place is None:
            return function(*args, **kwargs)
        token = CURRENT.set(place)
        try:
            result = function(*args, **kwargs)
        finally:
            CURRENT.reset(token)
        # A method of the SDK is no coroutine function and gives a coroutine all the same: the result counts.
        return _named(_carried(result, place), result) if inspect.iscoroutine(result) else result

    return _mark(called, function)


def submit(original: Callable[..., Any], finder: Finder) -> Callable[..., Any]:
    """Wrap a pool's ``submit``: a method of the SDK itself may be what is submitted, and has no frame of ours."""

    @functools.wraps(original)
    def submitted(self: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            place = finder.here(sys._getframe(1))
        except Exception:
            place = None
        if place is None:
            return original(self, function, *args, **kwargs)
        return original(self, functools.partial(_run_at, place, function), *args, **kwargs)

    return submitted


def _run_at(place: Place, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    SUBMITTED.place = place
    try:
        return function(*args, **kwargs)
    finally:
        SUBMITTED.place = None


async def _carried(coroutine: Coroutine[Any, Any, Any], place: Place) -> Any:
    before = CURRENT.get()
    CURRENT.set(place)
    try:
        return await coroutine
    finally:
        # Closed from elsewhere, the context is another one, and nothing is to be undone.
        if CURRENT.get() is place:
            CURRENT.set(before)


def _named(coroutine: Any, original: Any) -> Any:
    """Keep the name that a debugger and a warning show."""
    coroutine.__name__, coroutine.__qualname__ = original.__name__, original.__qualname__
    return coroutine


def _mark(wrapper: Any, function: Any) -> Callable[..., Any]:
    """Keep the answer to the question whether this is a coroutine function."""
    if inspect.iscoroutinefunction(function):
        if hasattr(inspect, "markcoroutinefunction"):
            wrapper = inspect.markcoroutinefunction(wrapper)
        else:
            import asyncio

            wrapper._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
    wrapper._migrator = True
    marked: Callable[..., Any] = wrapper
    return marked


def _code_of_entrances() -> Any:
    """Give the code object that all entrances share, by which their frames are known."""
    return next(one for one in entrance.__code__.co_consts if getattr(one, "co_name", "") == "called")


ENTRANCE = _code_of_entrances()
