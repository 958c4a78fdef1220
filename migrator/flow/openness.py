"""Answer one question: can a value arrive at this expression that is not written in the code?

``constants`` gives what is written. A field of a dataclass or of settings takes what its constructor or the
environment gives, an attribute what any other statement stores into it, and so does a constant of a module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.classes import classes_of, family, fields
from migrator.flow.constants import MAX_DEPTH, values_of
from migrator.flow.project import Project
from migrator.flow.symbols import Class, last_name, symbols
from migrator.flow.unit import Unit

PATCHES = frozenset({"setattr", "patch", "object"})


def is_open(project: Project, unit: Unit, node: ast.expr, depth: int = 0) -> bool:
    """Say whether something outside may set what the expression reads."""
    if depth > MAX_DEPTH:
        return True
    match node:
        case ast.Name():
            if _is_global(unit, node) and (_is_stored(project, node.id) or _is_patched(project, node.id)):
                return True
        case ast.Attribute():
            if _is_stored(project, node.attr) or _is_patched(project, node.attr) or _is_field(project, unit, node):
                return True
        case ast.Subscript():
            return True  # any other statement may put an entry into the table
        case _:
            return any(is_open(project, unit, inner, depth + 1) for inner in _parts(node))
    given = tuple(values_of(project, unit, node))
    return any(value is None or is_open(project, home, value, depth + 1) for home, value in given)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """What an expression takes its value from: not what a condition asks."""
    match node:
        case ast.IfExp():
            return iter((node.body, node.orelse))
        case ast.NamedExpr():
            return iter((node.value,))
        case _:
            return (inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr))


def _is_global(unit: Unit, node: ast.Name) -> bool:
    """Say whether a name is one of a module, which other modules can set."""
    return all(isinstance(binding.scope, ast.Module) for binding in unit.lookup(node.id, node))


def _is_stored(project: Project, name: str) -> bool:
    """Say whether a statement stores into an attribute of this name, other than a class into its own."""
    stores = (store.value for unit in project.units_naming(name) for store in unit.stores.get(name, ()))
    return any(not isinstance(owner, ast.Name) or owner.id not in ("self", "cls") for owner in stores)


def _is_patched(project: Project, name: str) -> bool:
    """Say whether a test puts another value in the place of a name: ``monkeypatch.setattr(app, "MODEL", "o1")``."""
    for unit in project.units_naming(name):
        for text in unit.strings:
            holder = unit.parent(text)
            if isinstance(holder, ast.Call) and last_name(holder.func) in PATCHES:
                if text.value == name or str(text.value).endswith(f".{name}"):
                    return True
    return False


def _is_field(project: Project, unit: Unit, node: ast.Attribute) -> bool:
    """Say whether an attribute is a field that a constructor may fill: ``model: str = "gpt-4o"``."""
    found = symbols(project, unit, node.value)
    classes = {*classes_of(found), *(symbol for symbol in found if isinstance(symbol, Class))}
    owners = [owner for cls in classes for owner in family(project, cls)]
    is_made = any(owner.node.decorator_list or owner.node.bases for owner in owners)
    names = {f.target.id for owner in owners for f in fields(owner) if isinstance(f.target, ast.Name)}
    return is_made and node.attr in names
