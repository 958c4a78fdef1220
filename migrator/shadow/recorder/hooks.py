"""Answer one question: how does the recorder see each request, whatever library makes it?

Every one of them sends it through ``Client.send`` or ``AsyncClient.send`` of httpx or httpx2. These are
replaced when the program imports them. A request is sent exactly once and its answer or error handed on
as it is; an error of the recorder's own is noted beside the records and goes no further.
"""

from __future__ import annotations

import functools
import importlib.abc
import sys
import threading
from typing import Any

from . import doors
from .call import Call
from .journal import Journal

CLIENTS = ("httpx", "httpx2")


def install(journal: Journal) -> None:
    """Hook what is imported already, and what will be."""
    patches = {**dict.fromkeys(doors.MODULES, _hook_doors), **dict.fromkeys(CLIENTS, _hook_client)}
    watcher = Watcher(patches, journal)
    for name in patches:
        if name in sys.modules:
            watcher.patch(sys.modules[name])
    sys.meta_path.insert(0, watcher)


class Watcher(importlib.abc.MetaPathFinder):
    """Finds no module itself; lets the others find it, and patches it once it is executed."""

    def __init__(self, patches: dict[str, Any], journal: Journal) -> None:
        self.patches = patches
        self.journal = journal
        # Another finder may ask all finders in its turn, and so this one again.
        self.asking: set[tuple[int, str]] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Give the spec that another finder gives, with a patch after its loader's work."""
        if name not in self.patches and not self.journal.makers.is_home(name):
            return None
        mark = (threading.get_ident(), name)
        if mark in self.asking:
            return None
        self.asking.add(mark)
        try:
            return self._found(name, path, target)
        finally:
            self.asking.discard(mark)

    def _found(self, name: str, path: Any, target: Any) -> Any:
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                self._follow(spec)
                return spec
        return None

    def _follow(self, spec: Any) -> None:
        try:
            execute = getattr(spec.loader, "exec_module", None)
            # A folder without code has no loader, and that of a zip file is one for all its modules.
            if execute is None or getattr(execute, "_migrator", False):
                return

            @functools.wraps(execute)
            def executed(module: Any) -> None:
                execute(module)
                self.patch(module)

            executed._migrator = True  # type: ignore[attr-defined]  # a mark on our own function
            spec.loader.exec_module = executed
        except Exception:
            self.journal.failed()

    def patch(self, module: Any) -> None:
        """Patch one module, or leave it as it is."""
        try:
            patch = self.patches.get(module.__name__)
            if patch is not None:
                patch(module, self.journal)
            self.journal.makers.hook(module)
        except Exception:
            self.journal.failed()


def _hook_doors(module: Any, journal: Journal) -> None:
    doors.hook(module, journal.finder, journal.makers)


def _hook_client(module: Any, journal: Journal) -> None:
    if getattr(module.Client.send, "_migrator", False):
        return
    module.Client.send = _send(module, module.Client.send, journal)
    module.AsyncClient.send = _send_async(module, module.AsyncClient.send, journal)


def _send(module: Any, original: Any, journal: Journal) -> Any:
    @functools.wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        call = Call.of(request, journal, sys._getframe(1))
        if call is None:
            return original(self, request, *args, **kwargs)
        try:
            response = original(self, request, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.answered(response, module, is_async=False)
        return response

    send._migrator = True  # type: ignore[attr-defined]  # a mark on our own function
    return send


def _send_async(module: Any, original: Any, journal: Journal) -> Any:
    @functools.wraps(original)
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        call = Call.of(request, journal, sys._getframe(1))
        if call is None:
            return await original(self, request, *args, **kwargs)
        try:
            response = await original(self, request, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.answered(response, module, is_async=True)
        return response

    send._migrator = True  # type: ignore[attr-defined]  # a mark on our own function
    return send
