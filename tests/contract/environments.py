"""Answer one question: where is the real library that a table describes?

Each group of ``groups.toml`` gets an environment of its own.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from isolated import python_with
from isolated import surroundings as surroundings

from migrator import rulebook
from migrator.nouns import Surface
from migrator.tables import expand

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAIRS = ROOT / "fixtures" / "swap_model"
KEYED = ROOT / "fixtures" / "add_cache_key"
MOVED = ROOT / "fixtures" / "set_parameters"
BOOK = rulebook.load()


@dataclass(frozen=True, slots=True)
class Group:
    """Libraries that live in one environment, and what is asked of them there."""

    name: str
    packages: tuple[str, ...]
    tables: tuple[str, ...]
    requests: tuple[str, ...]
    keys: tuple[str, ...]
    parameters: tuple[str, ...]
    missing: frozenset[str]
    moved: frozenset[str]
    is_of_the_ten: bool
    python: str

    def surfaces(self) -> tuple[Surface, ...]:
        """Give the surfaces of the group's tables."""
        return tuple(surface for table in self.tables for surface in surfaces_of(table))


def read(name: str) -> Mapping[str, object]:
    """Read a table of this folder."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def surfaces_of(table: str) -> tuple[Surface, ...]:
    """Give the surfaces of one file of ``rules/surfaces``, by their names."""
    raw = tomllib.loads((ROOT / "rules" / "surfaces" / f"{table}.toml").read_text(encoding="utf-8"))
    names = {row["name"] for row in raw["surface"]}
    return tuple(surface for surface in BOOK.surfaces if surface.name in names)


def expanded(patterns: object) -> frozenset[str]:
    """Expand the braces of callees, as the tables do."""
    assert isinstance(patterns, list)
    return frozenset(callee for pattern in patterns for callee in expand(pattern))


def covers(patterns: Iterable[str], callee: str) -> bool:
    """Say whether a callee is listed, by itself or by its beginning (``langchain_classic.**``)."""
    return any(callee == pattern or callee.startswith(beginning(pattern)) for pattern in patterns)


def beginning(pattern: str) -> str | tuple[str, ...]:
    """Give what a callee starts with where a pattern means all names below one; else nothing."""
    return (pattern.removesuffix("**"), pattern.removesuffix(".**") + "()") if pattern.endswith(".**") else ()


def _group(row: Mapping[str, object]) -> Group:
    def texts(key: str) -> tuple[str, ...]:
        value = row.get(key, [])
        assert isinstance(value, list)
        return tuple(value)

    return Group(
        name=str(row["name"]),
        packages=texts("packages"),
        tables=texts("tables"),
        requests=texts("requests"),
        keys=texts("keys"),
        parameters=texts("parameters"),
        missing=expanded(row.get("missing", [])),
        moved=expanded(row.get("moved", [])),
        is_of_the_ten=bool(row.get("ten", False)),
        python=str(row.get("python", "3.11")),
    )


TABLE = read("groups.toml")
GROUPS: tuple[Group, ...] = tuple(_group(row) for row in TABLE["group"])  # type: ignore[attr-defined]
MAKE: Mapping[str, str] = {
    callee: row["statements"]
    for row in TABLE["make"]  # type: ignore[attr-defined]
    for callee in expanded(row["calls"])
}
GONE: Mapping[str, str] = {
    callee: row["reason"]
    for row in TABLE["gone"]  # type: ignore[attr-defined]
    for callee in expanded(row["calls"])
}
SERVER = _group(TABLE["server"])  # type: ignore[arg-type]


def marks(group: Group) -> tuple[pytest.MarkDecorator, ...]:
    """Mark a group: all belong to the full contract, ten libraries to the small one."""
    full = pytest.mark.contract_full
    return (pytest.mark.contract, full) if group.is_of_the_ten else (full,)


def python_of(group: Group) -> Path:
    """Give the interpreter of a group's environment; make the environment where there is none yet."""
    if sys.version_info < tuple(int(part) for part in group.python.split(".")):
        pytest.skip(f"{group.name} needs Python {group.python}")
    return python_with(group.name, group.packages)
