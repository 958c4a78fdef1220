"""Answer one question: who calls this function, and with which argument for this parameter?"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.classes import constructor, descendants
from migrator.flow.project import CALLED, Project
from migrator.flow.symbols import Class, Function, class_of, decorators, symbols, takes_self
from migrator.flow.unit import Unit

MANY_FILES = 60


def callers(project: Project, function: Function) -> tuple[tuple[Unit, ast.Call], ...]:
    """The calls, anywhere in the project, that may run ``function``."""
    key = ("callers", function.unit, function.node)
    if key not in project.memory:
        project.memory[key] = ()
        project.memory[key] = tuple(_callers(project, function))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _callers(project: Project, function: Function) -> Iterator[tuple[Unit, ast.Call]]:
    node, unit = function.node, function.unit
    if isinstance(node, ast.Lambda):
        yield from _of_lambda(function)
        return
    owner = class_of(unit, node)
    if owner is not None and node.name in ("__init__", "__new__"):
        for cls in (Class(unit, owner), *descendants(project, Class(unit, owner))):
            found = constructor(project, cls)
            if found is not None and found.node is node:
                yield from constructions(project, cls)
    for other in _units_calling(project, function, node.name):
        for call in calls_named(other, node.name):
            if runs(project, other, call, function):
                yield other, call


def _units_calling(project: Project, function: Function, name: str) -> Iterator[Unit]:
    """The files that may call the function by its name; a method with a common name only where its class is named."""
    owner = class_of(function.unit, function.node)
    if owner is None:
        yield from project.units_naming(name, shape=CALLED)
        return
    cls = Class(function.unit, owner)
    if name.startswith("__"):
        yield from dict.fromkeys((function.unit, *(d.unit for d in descendants(project, cls))))
    elif len(project.files_naming(name)) <= MANY_FILES:
        yield from project.units_naming(name, shape=CALLED)
    else:
        yield from project.units_naming(name, owner.name, shape=CALLED)


def _of_lambda(function: Function) -> Iterator[tuple[Unit, ast.Call]]:
    parent = function.unit.parent(function.node)
    if isinstance(parent, ast.Call) and parent.func is function.node:
        yield function.unit, parent
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        for call in calls_named(function.unit, parent.targets[0].id):
            yield function.unit, call


def constructions(project: Project, cls: Class) -> Iterator[tuple[Unit, ast.Call]]:
    """The calls that make an object of ``cls``."""
    for other in project.units_naming(cls.node.name, shape=CALLED):
        for call in calls_named(other, cls.node.name):
            if cls in symbols(project, other, call.func):
                yield other, call


def calls_named(unit: Unit, name: str) -> Iterator[ast.Call]:
    """The calls in ``unit`` whose callee ends in ``name`` or in a local alias of it."""
    aliases = {name} | {b.name for b in unit.imports if b.member == name}
    loads: list[ast.expr] = [load for alias in sorted(aliases) for load in unit.loads.get(alias, ())]
    for load in (*loads, *unit.attributes.get(name, ())):
        call = unit.parent(load)
        if isinstance(call, ast.Call) and call.func is load:
            yield call


def runs(project: Project, unit: Unit, call: ast.Call, function: Function) -> bool:
    """Say whether ``call`` may run ``function``."""
    return any(isinstance(s, Function) and s.node is function.node for s in symbols(project, unit, call.func))


def arguments_for(project: Project, function: Function, argument: ast.arg) -> Iterator[tuple[Unit, ast.expr]]:
    """The expressions that callers give for one parameter."""
    for unit, call in callers(project, function):
        found = argument_of(function, call, argument)
        if found is not None:
            yield unit, found


def argument_of(function: Function, call: ast.Call, argument: ast.arg) -> ast.expr | None:
    """The expression that ``call`` gives for ``argument``, or None when it gives none openly."""
    for keyword in call.keywords:
        if keyword.arg == argument.arg:
            return keyword.value
    a = function.node.args
    positional = [*a.posonlyargs, *a.args]
    if argument not in positional:
        return None
    index = positional.index(argument) - (1 if gives_first(function, call) else 0)
    if 0 <= index < len(call.args) and not any(isinstance(x, ast.Starred) for x in call.args[: index + 1]):
        return call.args[index]
    return None


def gives_first(function: Function, call: ast.Call) -> bool:
    """Say whether the first parameter is given by the access, not by an argument of ``call``."""
    if function.bound:
        return True
    if not takes_self(function.unit, function.node):
        return False
    name = getattr(function.node, "name", "")
    if name in ("__init__", "__new__"):
        return True
    if "classmethod" in decorators(function.node):
        return True
    return isinstance(call.func, ast.Attribute) and not _is_class_name(function, call)


def _is_class_name(function: Function, call: ast.Call) -> bool:
    owner = class_of(function.unit, function.node)
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner is not None and isinstance(value, ast.Name) and value.id == owner.name
