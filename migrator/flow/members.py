"""Answer one question: is this attribute a member of a library's enumeration of models, and which?

``ModelType.GPT_4O`` of camel, however its class was imported, stands for the text ``gpt-4o``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.project import Project
from migrator.flow.symbols import External, symbols
from migrator.flow.unit import Unit
from migrator.rulebook import Enumeration, Migration


def members(project: Project, migration: Migration, unit: Unit) -> Iterator[tuple[ast.Attribute, Enumeration]]:
    """The attributes in ``unit`` that name an old model, each with its enumeration.

    None in the repository that publishes the library, whose members are its own to change, and none in
    an f-string, whose pieces have no sure place in the text.
    """
    for enumeration in migration.enumerations:
        if enumeration.classes[0].partition(".")[0] in project.published:
            continue
        nodes = (n for name in enumeration.members for n in unit.attributes.get(name, ()))
        for node in nodes:
            owner = _owner(project, unit, node)
            is_text = any(isinstance(above, ast.JoinedStr) for above in unit.ancestors(node))
            if owner is not None and owner in enumeration.classes and not is_text:
                yield node, enumeration


def spelled(project: Project, unit: Unit, node: ast.Attribute) -> str | None:
    """The text that a member stands for, by itself or as its ``value``; None for other attributes."""
    if node.attr == "value" and isinstance(node.value, ast.Attribute):
        node = node.value
    if node.attr not in project.member_names:
        return None
    owner = _owner(project, unit, node)
    return project.members.get(f"{owner}.{node.attr}")


def _owner(project: Project, unit: Unit, node: ast.Attribute) -> str | None:
    """The one class of a library that the attribute is read on; None where it may be another."""
    found = symbols(project, unit, node.value)
    names = {symbol.name for symbol in found if isinstance(symbol, External)}
    return next(iter(names)) if len(names) == len(found) == 1 else None
