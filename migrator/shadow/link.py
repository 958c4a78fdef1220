"""Answer one question: which call of the code made a recorded request?

The recorder noted lines and columns and the hash of the file. As long as the file is the same, the call
there is found and gets the id that a scan gives it; the run remembers it, since the file may change later.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from migrator.find import site_id
from migrator.flow.symbols import last_name
from migrator.flow.unit import Unit, build
from migrator.model import Skip
from migrator.shadow.model import Place
from migrator.sources import read

SITES = "sites.json"
# What makes requests is called so; it decides between several calls on one line.
ENTRANCES = frozenset(
    {"create", "parse", "stream", "invoke", "ainvoke", "batch", "abatch", "astream", "run", "run_sync", "run_streamed"}
    | {"run_stream", "completion", "acompletion", "responses", "aresponses", "create_with_completion", "post"}
)

CALLED_BY_ANY_NAME = frozenset({"__init__", "__call__", "__new__"})


class Linker:
    """Finds calls by their places; reads each file once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.units: dict[str, tuple[str, Unit | None]] = {}
        self.sites: dict[Path, dict[str, str]] = {}
        self.fresh: set[Path] = set()

    def site(self, run: Path, place: Place) -> str:
        """Give the id of the call at a place; empty if the code there is no longer what it was."""
        known = self._known(run)
        key = _key(place)
        if key not in known:
            known[key] = self._found(place)
            self.fresh.add(run)
        return known[key]

    def keep(self, run: Path) -> None:
        """Write down what was found, beside the records; a folder that cannot be written is no error."""
        if run in self.fresh and any(self.sites[run].values()):
            found = {key: site for key, site in self.sites[run].items() if site}
            with suppress(OSError):
                (run / SITES).write_text(json.dumps(found, indent=1), encoding="utf-8")

    def _known(self, run: Path) -> dict[str, str]:
        if run not in self.sites:
            self.sites[run] = {}
            with suppress(OSError, ValueError):
                found = json.loads((run / SITES).read_text(encoding="utf-8"))
                self.sites[run].update((str(key), str(site)) for key, site in found.items())
        return self.sites[run]

    def _found(self, place: Place) -> str:
        digest, unit = self.unit(place.file)
        if unit is None or digest != place.source:
            return ""
        call = call_at(unit.tree, place)
        if call is None or (place.calls and not _is_call_of(call, place.calls)):
            return ""
        return site_id(unit, call)

    def unit(self, shown: str) -> tuple[str, Unit | None]:
        """Give the hash of a file as it is now, and its code; None where it cannot be read."""
        if shown not in self.units:
            path = self.root / shown
            try:
                data = path.read_bytes()
            except OSError:
                data = b""
            source = read(path, shown, data)
            unit = None if isinstance(source, Skip) else build(source)
            self.units[shown] = hashlib.sha256(data).hexdigest()[:16], unit
        return self.units[shown]


def _key(place: Place) -> str:
    """Give what tells a call from others for good: one may begin where another does."""
    ends = (place.line, place.column, place.end_line, place.end_column)
    return ":".join(map(str, (place.file, *ends, place.source, *filter(None, (place.calls, place.makes)))))


def _is_call_of(call: ast.Call, function: str) -> bool:
    """Say whether a call calls this function itself: a library that is called may call back what it was given."""
    return last_name(call.func) == function or function in CALLED_BY_ANY_NAME


def call_at(tree: ast.Module, place: Place) -> ast.Call | None:
    """Give the call that ran: the one with exactly these columns, else the only one there of the name that is called.

    That is a name of what makes requests, where the place gives none.
    """
    exact = next(_exact(tree, place), None)
    if exact is not None:
        return exact
    calls = _headed(tree, place) or [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    near = [one for one in calls if _covers(one, place.line)]
    name = place.calls or place.makes
    names = frozenset({name}) if name else ENTRANCES
    named = [one for one in near if last_name(one.func) in names] or near
    # Of ``create(...).parse()`` the first makes the request.
    first = [one for one in named if not any(other is not one and other in ast.walk(one.func) for other in named)]
    return first[0] if len(first) == 1 else None


def _exact(tree: ast.Module, place: Place) -> Iterator[ast.Call]:
    """Give the call with exactly these columns, or the one that the ``await`` there awaits."""
    span = (place.line, place.column, place.end_line, place.end_column)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.Await):
            call = node.value if isinstance(node, ast.Await) else node
            if (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) == span:
                if isinstance(call, ast.Call):
                    yield call


def _headed(tree: ast.Module, place: Place) -> list[ast.Call]:
    """Give the calls in the head of the ``with`` or ``for`` that ran: its body is not what made the request."""
    heads = (
        head
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and (node.lineno, node.col_offset) == (place.line, place.column)
        for head in _head(node)
    )
    return [node for head in heads for node in ast.walk(head) if isinstance(node, ast.Call)]


def _head(node: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(node, ast.With | ast.AsyncWith):
        yield from (item.context_expr for item in node.items)
    elif isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter


def _covers(call: ast.Call, line: int) -> bool:
    return call.lineno <= line <= (call.end_lineno or call.lineno)
