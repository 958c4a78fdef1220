"""Answer one question: do the real libraries have what the tables in ``rules/surfaces`` say?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import (
    BOOK,
    GONE,
    GROUPS,
    HERE,
    MAKE,
    ROOT,
    Group,
    covers,
    marks,
    python_of,
    surfaces_of,
    surroundings,
)

from migrator.nouns import Slot, Surface

Found = Mapping[str, Any]

# Tables without a package on the index: names of other providers alone, and a library that lives on GitHub.
# Importing langroid loads a tokenizer's table from a server, which no test may ask; routellm needs all of torch.
WITHOUT_GROUP = {"other_providers", "swarm", "langroid", "routellm"}

# Nobody writes the third argument of these without its name.
NEAR = 2

EACH_TABLE = [
    pytest.param(group, table, marks=marks(group), id=f"{group.name}-{table}")
    for group in GROUPS
    for table in group.tables
]


@pytest.fixture(scope="session")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Group], Mapping[str, Found]]:
    """Look at all callees of a group at once, and only once."""

    @cache
    def probe(group: Group) -> Mapping[str, Found]:
        python = python_of(group)
        folder = tmp_path_factory.mktemp(group.name)
        surfaces = {callee for surface in group.surfaces() for callee in surface.calls}
        calls = sorted(surfaces | members_of(group))
        answer = folder / "found.json"
        result = subprocess.run(
            [str(python), str(HERE / "probe.py"), str(answer)],
            input=json.dumps({"calls": calls, "make": dict(MAKE)}),
            env=surroundings(folder, "http://127.0.0.1:9/v1"),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert answer.exists(), result.stderr[-2000:]
        found: Mapping[str, Found] = json.loads(answer.read_text(encoding="utf-8"))
        return found

    return probe


def members_of(group: Group) -> frozenset[str]:
    """Give the members of enumerations that the group's libraries must have."""
    heads = {callee.partition(".")[0] for surface in group.surfaces() for callee in surface.calls}
    known = (name for migration in BOOK.migrations.values() for name in migration.members)
    return frozenset(f"{name}.**" for name in known if name.partition(".")[0] in heads)


EACH_WITH_MEMBERS = [pytest.param(group, marks=marks(group), id=group.name) for group in GROUPS if members_of(group)]


@pytest.mark.parametrize("group", EACH_WITH_MEMBERS)
def test_members_exist(group: Group, probed: Callable[[Group], Mapping[str, Found]]) -> None:
    found = probed(group)
    assert {name: found[name]["why"] for name in members_of(group) if not found[name]["found"]} == {}


@pytest.mark.parametrize(("group", "table"), EACH_TABLE)
def test_names_exist(group: Group, table: str, probed: Callable[[Group], Mapping[str, Found]]) -> None:
    found = probed(group)
    calls = {callee for surface in surfaces_of(table) for callee in surface.calls}
    missing = {callee: found[callee]["why"] for callee in calls if not found[callee]["found"]}
    expected = {callee for callee in calls if covers((*group.missing, *GONE), callee)}
    assert {callee: missing[callee] for callee in missing.keys() - expected} == {}, "not in the library"
    assert sorted(expected - missing.keys()) == [], "in the library after all"


@pytest.mark.parametrize(("group", "table"), EACH_TABLE)
def test_the_model_is_where_the_table_says(
    group: Group, table: str, probed: Callable[[Group], Mapping[str, Found]]
) -> None:
    found = probed(group)
    wrong = [
        f"{surface.name}: {callee}: {complaint}"
        for surface in surfaces_of(table)
        for callee in surface.calls
        if "positional" in found[callee] and callee not in group.moved
        for complaint in complaints(surface, found[callee])
    ]
    assert wrong == []


def complaints(surface: Surface, taken: Found) -> tuple[str, ...]:
    """Say what a callee does not take as a surface's slots have it."""
    named = tuple(keyword for slot in surface.slots for keyword in slot.keywords)
    known = (*taken["keywords"], *taken["positional"])
    none = named and not taken["open"] and not set(named) & set(known)
    return (
        *((f"takes none of {named}, but {known}",) if none else ()),
        *(complaint for slot in surface.slots for complaint in misplaced(slot, taken)),
    )


def misplaced(slot: Slot, taken: Found) -> tuple[str, ...]:
    """Say what is wrong with a slot's position: another parameter is there, or none where one could be."""
    positional = taken["positional"]
    if slot.position is None:
        given = [name for name in slot.keywords if name in positional[:NEAR]]
        return tuple(f"{name} may stand at {positional.index(name)} too" for name in given)
    if slot.position >= len(positional):
        return ()
    there = positional[slot.position]
    elsewhere = slot.keywords and there not in slot.keywords and set(slot.keywords) & set(positional)
    return (f"at {slot.position} stands {there}, not one of {slot.keywords}",) if elsewhere else ()


def test_each_table_has_a_group() -> None:
    tables = {path.stem for path in (ROOT / "rules" / "surfaces").glob("*.toml")}
    assert tables - {table for group in GROUPS for table in group.tables} == WITHOUT_GROUP


def test_each_callee_is_in_some_group_or_gone() -> None:
    lost = []
    for table in {table for group in GROUPS for table in group.tables}:
        groups = [group for group in GROUPS if table in group.tables]
        calls = {callee for surface in surfaces_of(table) for callee in surface.calls if not covers(GONE, callee)}
        lost += [callee for callee in calls if all(covers(group.missing, callee) for group in groups)]
    assert sorted(lost) == []


def test_the_groups_name_no_callee_that_no_table_has() -> None:
    for group in GROUPS:
        calls = {callee for surface in group.surfaces() for callee in surface.calls}
        assert [one for one in group.missing if not any(covers((one,), callee) for callee in calls)] == [], group.name
    known = {callee for path in (ROOT / "rules" / "surfaces").glob("*.toml") for callee in calls_of(path)}
    assert [one for one in GONE if not any(covers((one,), callee) for callee in known)] == []


def calls_of(path: Path) -> set[str]:
    """Give all callees of one file."""
    return {callee for surface in surfaces_of(path.stem) for callee in surface.calls}
