"""Answer one question: which expressions of a module name an old model?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.flow.members import members
from migrator.flow.project import Project
from migrator.flow.symbols import last_name
from migrator.flow.unit import Unit
from migrator.model import Member
from migrator.rulebook import Enumeration, Migration


@dataclass(frozen=True, slots=True)
class Named:
    """An expression that names an old model: ``"gpt-4o"``, or a member of a library's ``enumeration``."""

    node: ast.Constant | ast.Attribute
    value: str
    new: str
    enumeration: Enumeration | None = None


def named_in(project: Project, migration: Migration, unit: Unit, *, pin: bool) -> tuple[Named, ...]:
    """The strings and the members of libraries' enumerations, in the order of the text."""
    found = (*_strings(migration, unit, pin), *_members(project, migration, unit))
    return tuple(sorted(found, key=lambda n: (n.node.lineno, n.node.col_offset)))


def _strings(migration: Migration, unit: Unit, pin: bool) -> Iterator[Named]:
    for node in unit.strings:
        value = str(node.value)
        if _names_model(migration, value) and not _is_prose(unit, node):
            yield Named(node, value, migration.rename(value, pin) or "")


def _members(project: Project, migration: Migration, unit: Unit) -> Iterator[Named]:
    for node, enumeration in members(project, migration, unit):
        yield Named(node, enumeration.members[node.attr], enumeration.target[1], enumeration)


def written(named: Named) -> str:
    """What stands in the code: the string, or the member's name."""
    return named.value if isinstance(named.node, ast.Constant) else named.node.attr


def _names_model(migration: Migration, value: str) -> bool:
    return migration.match(value) is not None or migration.reported_as(value) is not None


def _is_prose(unit: Unit, node: ast.Constant) -> bool:
    """Say whether the string is a docstring, or a piece of a longer text."""
    parent = unit.parent(node)
    return isinstance(parent, ast.Expr) or (isinstance(parent, ast.JoinedStr) and len(parent.values) > 1)


def member_of(named: Named) -> Member | None:
    """The member as it is written, with the one that takes its place; None for a string."""
    if named.enumeration is None or not isinstance(named.node, ast.Attribute):
        return None
    return Member(last_name(named.node.value), named.node.attr, named.enumeration.target[0])
