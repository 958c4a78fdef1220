"""Answer one question: a class is made from a table; which attributes do the table's entries become?"""

from __future__ import annotations

import ast

from migrator.flow.classes import external_bases, is_data, lineage
from migrator.flow.files import is_this_file
from migrator.flow.project import Project
from migrator.flow.symbols import Class, Instance, instances, last_name, symbols
from migrator.flow.trace import Path, State, Trace, attr, is_file
from migrator.flow.unit import Unit

FROM_TABLE = frozenset({"model_validate", "parse_obj", "model_construct"})
FROM_TEXT = frozenset({"model_validate_json", "parse_raw", "parse_file"})
LISTS = frozenset({"list", "List", "Sequence", "tuple", "Tuple", "dict", "Dict", "Mapping"})


def made_from(trace: Trace, state: State, call: ast.Call, path: Path) -> tuple[tuple[Class, str, Path], ...]:
    """``Settings.model_validate(table)`` sets the field that the table's key names: class, field and the rest."""
    method = last_name(call.func)
    if method not in FROM_TABLE | FROM_TEXT or not isinstance(call.func, ast.Attribute):
        return ()
    if is_file(path):
        path = path[1:] if method in FROM_TEXT and is_this_file(trace, state) else ()
    if not path or path[0][0] != "key" or not isinstance(path[0][1], str):
        return ()
    found = symbols(trace.project, state.unit, call.func.value)
    return tuple((s, str(path[0][1]), path[1:]) for s in found if isinstance(s, Class))


def as_fields(project: Project, cls: Class, name: str, path: Path) -> Path:
    """The rest of the way below a field, where pydantic makes objects of the tables in it."""
    if not path or path[0][0] != "key" or not _is_validated(project, cls):
        return path
    for owner in lineage(project, cls):
        for binding in owner.unit.bindings.get((owner.node, name), ()):
            statement = owner.unit.parent(binding.node)
            if isinstance(statement, ast.AnnAssign):
                return _typed(project, owner.unit, statement.annotation, path)
    return path


def _typed(project: Project, unit: Unit, annotation: ast.expr, path: Path) -> Path:
    if not path or path[0][0] != "key":
        return path
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) in LISTS:
        inner = annotation.slice.elts[-1] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
        return (path[0], *_typed(project, unit, inner, path[1:]))
    inside = [s.cls for s in instances(project, unit, annotation) if isinstance(s, Instance)]
    field = path[0][1]
    if not inside or not isinstance(field, str) or not (_is_validated(project, inside[0]) or is_data(inside[0])):
        return path
    return (attr(field), *as_fields(project, inside[0], field, path[1:]))


def _is_validated(project: Project, cls: Class) -> bool:
    return any(base.name.startswith(("pydantic", "sqlmodel")) for base in external_bases(project, cls)) or is_data(cls)
