"""Answer one question: which rows does a table have that the code reads from a file of the repository?

``PRICES = json.loads(Path("prices.json").read_text())["models"]``: the file is found by its name, and
its keys are the rows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from migrator.discover import TABLES
from migrator.flow.project import Project
from migrator.flow.symbols import External, Function, returns, symbols
from migrator.flow.unit import Unit
from migrator.model import Skip
from migrator.sources.entries import ConfigSource

MAX_DEPTH = 8
LOADERS = frozenset(
    {
        *("json.load", "json.loads", "orjson.loads", "ujson.load", "ujson.loads"),
        *("yaml.safe_load", "yaml.load", "yaml.full_load", "toml.load", "toml.loads"),
        *("tomllib.load", "tomllib.loads", "tomli.load", "tomli.loads"),
    }
)

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A place in what a file holds; ``path`` is None when the file is not known."""

    path: Path | None
    keys: Keys


def rows(project: Project, unit: Unit, node: ast.expr) -> frozenset[str] | None:
    """The keys of a table, or the elements of a list; None when ``node`` is nothing that could be read."""
    found = tuple(_loaded(project, unit, node, 0))
    read = [_rows(project, place) for place in found]
    if not read or None in read:
        return None
    return frozenset[str]().union(*(r for r in read if r is not None))


def is_loaded(project: Project, unit: Unit, node: ast.expr) -> bool:
    """Say whether ``node`` is what was read from a file, known or not."""
    return any(_loaded(project, unit, node, 0))


def _loaded(project: Project, unit: Unit, node: ast.expr, depth: int) -> Iterator[Loaded]:
    """The places of files that an expression gives."""
    from migrator.flow.constants import values_of

    if depth > MAX_DEPTH:
        return
    match node:
        case ast.Name() | ast.Attribute():
            for where, value in values_of(project, unit, node):
                if value is not None:
                    yield from _loaded(project, where, value, depth + 1)
        case ast.Subscript():
            yield from _inside(project, unit, node.value, node.slice, depth)
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[wanted, *_]):
            yield from _inside(project, unit, table, wanted, depth)
        case ast.Call():
            for symbol in symbols(project, unit, node.func):
                if isinstance(symbol, External) and symbol.name in LOADERS and node.args:
                    yield Loaded(_file(project, unit, node.args[0]), ())
                elif isinstance(symbol, Function) and not isinstance(symbol.node, ast.Lambda):
                    for value in returns(symbol.node):
                        yield from _loaded(project, symbol.unit, value, depth + 1)


def _inside(project: Project, unit: Unit, table: ast.expr, wanted: ast.expr, depth: int) -> Iterator[Loaded]:
    for place in _loaded(project, unit, table, depth + 1):
        if isinstance(wanted, ast.Constant):
            yield Loaded(place.path, (*place.keys, str(wanted.value)))
        else:
            yield Loaded(None, place.keys)


def _rows(project: Project, place: Loaded) -> frozenset[str] | None:
    config = _config(project, place.path) if place.path is not None else None
    if config is None:
        return None
    below = [e for e in config.entries if tuple(str(k) for k in e.keys[: len(place.keys)]) == place.keys]
    inner = [(e.keys[len(place.keys)], e) for e in below if len(e.keys) > len(place.keys)]
    values = frozenset(e.value if isinstance(k, int) else k for k, e in inner)
    return values or None


def _config(project: Project, path: Path) -> ConfigSource | None:
    """The file's values, read once."""
    from migrator.sources.config import read_config

    key = ("table", path)
    if key not in project.memory:
        found = read_config(path, project.tables[path], project.bytes_of(path))
        project.memory[key] = None if isinstance(found, Skip) else found
    return project.memory[key]  # type: ignore[return-value]  # only these are kept under this key


def _file(project: Project, unit: Unit, source: ast.expr) -> Path | None:
    """The one file of the repository whose name stands in what is opened, the nearest of several."""
    names = {t for t in _texts(project, unit, source, 0) if t.endswith(TABLES)}
    if len(names) != 1:
        return None
    parts = [p for p in PurePosixPath(names.pop()).parts if p not in (".", "..", "/")]
    fitting = [p for p in project.tables if list(p.parts[-len(parts) :]) == parts]
    home = unit.source.path.parent
    return min(fitting, key=lambda p: (not p.is_relative_to(home), len(p.parts), str(p)), default=None)


def _texts(project: Project, unit: Unit, node: ast.AST, depth: int) -> Iterator[str]:
    """The strings in what is opened, through names and ``with open(...) as file``."""
    from migrator.flow.constants import values_of

    if depth > MAX_DEPTH:
        return
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
        elif isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load):
            entered = unit.lookup(inner.id, inner) if isinstance(inner, ast.Name) else ()
            opened = [(unit, b.value) for b in entered if b.kind == "entered"]
            for where, value in (*opened, *values_of(project, unit, inner)):
                if value is not None:
                    yield from _texts(project, where, value, depth + 1)
