"""Answer one question: a variable of the environment holds the value; who reads it?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from migrator.flow.classes import descendants, external_bases, fields, lineage
from migrator.flow.refusals import is_azure
from migrator.flow.symbols import Class, External, last_name, symbols
from migrator.flow.trace import State, Trace
from migrator.flow.unit import Unit

TABLES = frozenset({"os.environ", "dotenv.dotenv_values()", "environ.Env.ENVIRON"})
# Readers of other things than the environment, whose default is a default all the same.
OTHERS = ("configparser.", "airflow.", "streamlit.")
ALIASES = frozenset({"alias", "validation_alias", "env"})


def set_environment(trace: Trace, state: State, unit: Unit, holder: ast.expr, name: str) -> bool:
    """``os.environ[name] = value``: follow what reads the variable. False when ``holder`` is no environment."""
    if not any(isinstance(s, External) and s.name == "os.environ" for s in symbols(trace.project, unit, holder)):
        return False
    if is_azure(name):
        trace.block("azure", name, unit, holder)
    read_environment(trace, state, name)
    return True


def read_environment(trace: Trace, state: State, name: str) -> None:
    """Follow the places that read an environment variable by its name."""
    if not name.isidentifier():
        return
    for unit in trace.project.units_naming(name):
        for text in unit.strings if trace.looks_at(unit) else ():
            holder = unit.parent(text) if text.value == name else None
            called = isinstance(holder, ast.Call) and text in holder.args[:1]
            if (called and _reads_environment(trace, unit, holder)) or _is_entry(trace, unit, holder, text):
                assert holder is not None
                trace.go(state, unit, holder, (), f"environment {name}", context=())
    _read_by_settings(trace, state, name)


def _is_entry(trace: Trace, unit: Unit, holder: ast.AST | None, text: ast.AST) -> bool:
    """Say whether ``holder`` is ``os.environ[text]``, read."""
    return (
        isinstance(holder, ast.Subscript)
        and holder.slice is text
        and isinstance(holder.ctx, ast.Load)
        and any(isinstance(s, External) and s.name in TABLES for s in symbols(trace.project, unit, holder.value))
    )


def _reads_environment(trace: Trace, unit: Unit, call: ast.AST | None) -> bool:
    if not isinstance(call, ast.Call):
        return False
    names = [s.name for s in symbols(trace.project, unit, call.func) if isinstance(s, External)]
    found = (trace.rules.carrier_of(name) for name in names if not name.startswith(OTHERS))
    return any(carrier is not None and carrier.kind == "environment" for carrier in found)


def _read_by_settings(trace: Trace, state: State, name: str) -> None:
    """A field of a pydantic settings class takes the variable that bears its name."""
    from migrator.flow.objects import store_attribute

    for cls in _settings_classes(trace):
        for field in fields(cls) if trace.looks_at(cls.unit) else ():
            assert isinstance(field.target, ast.Name)
            if name.upper() in variables(trace, cls, field):
                what = f"environment {name}"
                inside = replace(state, unit=cls.unit, node=field.target, via=state, what=what, context=())
                store_attribute(trace, inside, cls, field.target.id, (), field.target)


def _settings_classes(trace: Trace) -> tuple[Class, ...]:
    project = trace.project
    key = "classes of settings"
    if key not in project.memory:
        own = (Class(unit, node) for unit in project.units_naming("BaseSettings") for node in unit.classes)
        first = [c for c in own if any(b.name.endswith(".BaseSettings") for b in external_bases(project, c))]
        project.memory[key] = tuple(dict.fromkeys(d for c in first for d in (c, *descendants(project, c))))
    return project.memory[key]  # type: ignore[return-value]  # only this tuple is kept under this key


def variables(trace: Trace, cls: Class, field: ast.AnnAssign) -> frozenset[str]:
    """The variables that a field of a settings class takes, in capitals."""
    assert isinstance(field.target, ast.Name)
    if isinstance(field.value, ast.Call):
        given = [k.value for k in field.value.keywords if k.arg in ALIASES]
        texts = [n.value for value in given for n in ast.walk(value) if isinstance(n, ast.Constant)]
        if texts:
            return frozenset(str(text).upper() for text in texts)
    prefix = _prefix(trace, cls)
    return frozenset() if prefix is None else frozenset({(prefix + field.target.id).upper()})


def _prefix(trace: Trace, cls: Class) -> str | None:
    """What stands before each variable's name; None when it cannot be read."""
    for owner in lineage(trace.project, cls):
        for node in _own_nodes(owner):
            value = _given(node, "env_prefix")
            if value is not None:
                return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return ""


def _own_nodes(cls: Class) -> Iterator[ast.AST]:
    """The nodes of ``model_config = SettingsConfigDict(...)`` and of ``class Config``, and the class's own keywords."""
    yield from cls.node.keywords
    for statement in cls.node.body:
        is_table = isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None
        if is_table or (isinstance(statement, ast.ClassDef) and statement.name == "Config"):
            yield from ast.walk(statement)


def _given(node: ast.AST, name: str) -> ast.expr | None:
    match node:
        case ast.keyword() if node.arg == name:
            return node.value
        case ast.Assign() if any(last_name(target) == name for target in node.targets):
            return node.value
        case ast.AnnAssign() if last_name(node.target) == name:
            return node.value
        case ast.Dict():
            rows = zip(node.keys, node.values, strict=True)
            return next((v for k, v in rows if isinstance(k, ast.Constant) and k.value == name), None)
        case _:
            return None
