"""Answer one question: a value is kept in an attribute; who reads it?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from migrator.flow.callers import callers
from migrator.flow.classes import descendants, external_bases, family, is_self, lineage, method, owner_of, repr_of
from migrator.flow.constants import admitted, constants, values_of
from migrator.flow.declared import check_declaration
from migrator.flow.guards import reachable
from migrator.flow.project import Project
from migrator.flow.stores import class_of_settings, kept_in_store, module_of_settings
from migrator.flow.symbols import (
    Class,
    External,
    Function,
    Instance,
    class_of,
    decorators,
    instances,
    is_property,
    last_name,
    symbols,
)
from migrator.flow.trace import ANY, Key, Path, State, Trace, attr
from migrator.flow.unit import Binding, FunctionNode, Unit, before

ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "strenum.StrEnum"})


def store_attribute(trace: Trace, state: State, cls: Class, name: str, path: Path, node: ast.AST) -> None:
    """The value is kept as ``name`` of objects of ``cls``."""
    mark = ("kept", cls, name, path, state.old)
    if mark in trace.seen or len(path) >= trace.longest or path.count(attr(name)) > 1:
        return
    trace.seen.add(mark)
    trace.named(name)
    what = f"{cls.node.name}.{name}"
    for relative in family(trace.project, cls):
        _read_on_self(trace, state, relative, name, path, what)
    for owner in (cls, *descendants(trace.project, cls)):
        _read_on_objects(trace, state, owner, name, path, what)
    class_of_settings(trace, state, cls, name, path)
    _validated(trace, state, cls, name, path)
    _external_field(trace, state, cls, name, path)
    _overridden_type(trace, state, cls, name, node)


def _read_on_self(trace: Trace, state: State, cls: Class, name: str, path: Path, what: str) -> None:
    for load in cls.unit.attributes.get(name, ()):
        if is_self(cls, load.value):
            trace.go(state, cls.unit, load, path, what, context=())


def _read_on_objects(trace: Trace, state: State, cls: Class, name: str, path: Path, what: str) -> None:
    inner: Path = (attr(name), *path)
    for unit, node in class_uses(trace.project, cls):
        parent = unit.parent(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            trace.go(state, unit, parent, inner, what, context=())
        elif isinstance(parent, ast.Attribute) and parent.attr == name:
            trace.go(state, unit, parent, path, what, context=())
        elif isinstance(parent, ast.Attribute):
            _made_by_classmethod(trace, state, unit, parent, cls, inner, what)
        else:
            annotated(trace, state, unit, node, inner, what)


def _made_by_classmethod(
    trace: Trace, state: State, unit: Unit, node: ast.Attribute, cls: Class, inner: Path, what: str
) -> None:
    """``Settings.from_env()`` and ``Settings.model_validate(x)`` give a ``Settings``."""
    call = unit.parent(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return
    made = symbols(trace.project, unit, call)
    if Instance(cls) in made or any(isinstance(s, External) and s.name.split(".")[-1] in MAKERS for s in made):
        trace.go(state, unit, call, inner, what, context=())


MAKERS = frozenset(
    {"model_validate()", "parse_obj()", "model_construct()", "from_runnable_config()"}
    | {"model_validate_json()", "parse_raw()", "parse_file()"}
)


def annotated(trace: Trace, state: State, unit: Unit, node: ast.AST, inner: Path, what: str) -> None:
    """The class stands in an annotation: what is annotated is an object of it."""
    child, above = node, unit.parent(node)
    while isinstance(above, (ast.BinOp, ast.Subscript, ast.Tuple)) or (
        isinstance(above, ast.expr) and not isinstance(above, (ast.Call, ast.Attribute))
    ):
        if isinstance(above, ast.Subscript) and last_name(above.value) not in TRANSPARENT:
            return
        child, above = above, unit.parent(above)
    match above:
        case ast.arg() if above.annotation is child:
            for binding in _parameter(unit, above):
                bound_to(trace, state, binding, inner, f"parameter {above.arg}", context=())
        case ast.AnnAssign() if above.annotation is child:
            kept_in(trace, state, unit, above.target, inner, what)
        case ast.FunctionDef() | ast.AsyncFunctionDef() if above.returns is child:
            for where, call in callers(trace.project, Function(unit, above)):
                trace.go(state, where, call, inner, what, context=())
        case _:
            return


TRANSPARENT = frozenset({"Optional", "Union", "Annotated"})


def _parameter(unit: Unit, argument: ast.arg) -> Iterator[Binding]:
    function = unit.parent(unit.parent(argument))
    for binding in unit.bindings.get((function, argument.arg), ()):
        if binding.node is argument:
            yield binding


def class_uses(project: Project, cls: Class) -> tuple[tuple[Unit, ast.AST], ...]:
    """The places that name the class: constructions, annotations (quoted ones too), attribute reads."""
    key = ("uses", cls)
    if key not in project.memory:
        project.memory[key] = tuple(_class_uses(project, cls))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _class_uses(project: Project, cls: Class) -> Iterator[tuple[Unit, ast.AST]]:
    name = cls.node.name
    for unit in project.units_naming(name):
        aliases = {name} | {b.name for b in unit.imports if b.member == name}
        for alias in sorted(aliases):
            for load in unit.loads.get(alias, ()):
                if cls in symbols(project, unit, load):
                    yield unit, load
        for access in unit.attributes.get(name, ()):
            if cls in symbols(project, unit, access):
                yield unit, access
        for text in unit.strings:
            if text.value == name and _is_annotation(unit, text):
                yield unit, text


def _is_annotation(unit: Unit, node: ast.AST) -> bool:
    parent = unit.parent(node)
    return isinstance(parent, (ast.arg, ast.AnnAssign)) or (
        isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)) and parent.returns is node
    )


VALIDATORS = frozenset({"field_validator", "validator", "validates"})
# They get all fields in one dictionary.
WHOLE = frozenset({"root_validator", "model_validator"})


def _validated(trace: Trace, state: State, cls: Class, name: str, path: Path) -> None:
    """A method of the class checks the field: ``@field_validator("model")``; the value is its second parameter."""
    for relative in family(trace.project, cls):
        for node in relative.node.body:
            place = _checks(node, name) if isinstance(node, ast.FunctionDef) else None
            if isinstance(node, ast.FunctionDef) and place is not None and len(node.args.args) > place:
                parameter = node.args.args[place]
                inner = (("key", name), *path) if WHOLE.intersection(decorators(node)) else path
                for binding in relative.unit.bindings.get((node, parameter.arg), ()):
                    bound_to(trace, state, binding, inner, f"checked by {node.name}", context=())


def _checks(node: ast.FunctionDef, name: str) -> int | None:
    """The index of the parameter that gets the field's value, or None when the method checks no such field."""
    if WHOLE.intersection(decorators(node)):
        return 1
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and last_name(decorator.func) in VALIDATORS:
            wanted = [a.value for a in decorator.args if isinstance(a, ast.Constant)]
            if name in wanted or "*" in wanted:
                return 1
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("validator", "setter"):
            if last_name(decorator.value) == name:
                return 2 if decorator.attr == "validator" else 1
    return None


def _external_field(trace: Trace, state: State, cls: Class, name: str, path: Path) -> None:
    """A subclass of a library's class sets the field that is its model: ``class Mine(OpenAIChat): id = ...``."""
    from migrator.flow.calls import into_external

    unit, node = state.unit, state.node
    if node is not trace.literal and not isinstance(unit.parent(node), ast.ClassDef):
        if owner_of(unit, unit.statement(node)) is None:
            return
    for base in external_bases(trace.project, cls):
        into_external(trace, state, External(base.name, base.made), None, name, path, cls.unit, cls.node)


def _overridden_type(trace: Trace, state: State, cls: Class, name: str, node: ast.AST) -> None:
    """The type of the field, and what else its declaration says, must admit the new name."""
    for owner in lineage(trace.project, cls):
        for binding in owner.unit.bindings.get((owner.node, name), ()):
            statement = owner.unit.parent(binding.node)
            if isinstance(statement, ast.AnnAssign):
                check_type(trace, state, owner.unit, statement.annotation)
                _check_annotated(trace, state, owner.unit, statement.annotation)
            if isinstance(binding.value, ast.Call):
                check_declaration(trace, state, owner.unit, binding.value)


def check_type(trace: Trace, state: State, unit: Unit, annotation: ast.expr | None) -> None:
    """Hold back when ``annotation`` is a ``Literal`` type that has the old name and not the new one."""
    if annotation is None:
        return
    for symbol in instances(trace.project, unit, annotation):
        if isinstance(symbol, Instance) and is_enum(trace.project, symbol.cls):
            if state.old in enum_values(symbol.cls) and state.new not in enum_values(symbol.cls):
                trace.block("enum_member", ast.unparse(annotation)[:60], unit, annotation)
            return
    found = admitted(trace.project, unit, annotation)
    if found is not None and state.old in found.values and state.new not in found.values:
        trace.block("literal_type", ast.unparse(annotation)[:60], unit, annotation)


def check_held_type(trace: Trace, state: State, unit: Unit, annotation: ast.expr | None, path: Path) -> None:
    """``settings: Settings = {"model": "gpt-4o"}``: the entry's own type must admit the new name."""
    if annotation is None or len(path) > 1:
        return
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Unpack":
        annotation = annotation.slice
    if not path:
        check_type(trace, state, unit, annotation)
        return
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value).lower() in HOLDERS:
        held = annotation.slice.elts[-1:] if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        for inner in held:
            check_type(trace, state, unit, inner)
    for symbol in instances(trace.project, unit, annotation) if path[0][0] == "key" else ():
        if isinstance(symbol, Instance):
            for owner in lineage(trace.project, symbol.cls):
                for binding in owner.unit.bindings.get((owner.node, str(path[0][1])), ()):
                    check_type(trace, state, owner.unit, _declared(owner.unit, binding))


HOLDERS = frozenset({"list", "dict", "set", "frozenset", "sequence", "mapping", "iterable", "mutablemapping"})
CHECKERS = frozenset({"AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator"})


def _check_annotated(trace: Trace, state: State, unit: Unit, annotation: ast.expr) -> None:
    """``Annotated[str, AfterValidator(known), Field(max_length=11)]``, written out or by its name."""
    found = [(unit, annotation)]
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        found = [(u, v) for u, v in values_of(trace.project, unit, annotation) if v is not None]
    for where, kind in found:
        if isinstance(kind, ast.Call):  # constr(max_length=11)
            check_declaration(trace, state, where, kind)
        if not isinstance(kind, ast.Subscript) or last_name(kind.value) != "Annotated":
            continue
        for call in ast.walk(kind):
            if isinstance(call, ast.Call) and last_name(call.func) in CHECKERS and call.args:
                _checked_by(trace, state, where, call.args[0])
            elif isinstance(call, ast.Call):
                check_declaration(trace, state, where, call)


def _checked_by(trace: Trace, state: State, unit: Unit, checker: ast.expr) -> None:
    for symbol in symbols(trace.project, unit, checker):
        if isinstance(symbol, Function) and symbol.node.args.args:
            parameter = symbol.node.args.args[0]
            for binding in symbol.unit.bindings.get((symbol.node, parameter.arg), ()):
                bound_to(trace, state, binding, (), f"checked by {parameter.arg}", context=())


def is_enum(project: Project, cls: Class) -> bool:
    """Say whether the class is an enumeration."""
    return any(base.name in ENUMS for base in external_bases(project, cls))


def enum_values(cls: Class) -> tuple[object, ...]:
    """The values that an enumeration's members are given."""
    values = (s.value for s in cls.node.body if isinstance(s, ast.Assign))
    return tuple(v.value for v in values if isinstance(v, ast.Constant))


def kept_in(trace: Trace, state: State, unit: Unit, target: ast.AST, path: Path, what: str) -> None:
    """The value is assigned to ``target``."""
    match target:
        case ast.Name():
            owner = owner_of(unit, unit.statement(target))
            binding = unit.bound[target]
            if owner is not None and binding.scope is owner.node:
                store_attribute(trace, state, owner, target.id, path, target)
            bound_to(trace, state, binding, path, what or f"variable {target.id}")
        case ast.Attribute():
            _kept_in_attribute(trace, state, unit, target, path)
        case ast.Subscript():
            _kept_in_entry(trace, state, unit, target, path)
        case ast.Tuple() | ast.List():
            for i, element in enumerate(target.elts):
                if path and path[0][0] == "key" and path[0][1] in (i, "*"):
                    kept_in(trace, state, unit, element, path[1:], what)
        case ast.Starred():
            kept_in(trace, state, unit, target.value, path, what)
        case _:
            return


def _kept_in_attribute(trace: Trace, state: State, unit: Unit, target: ast.Attribute, path: Path) -> None:
    trace.named(target.attr)
    for above in unit.ancestors(target):
        if isinstance(above, ast.ClassDef):
            if is_self(Class(unit, above), target.value):
                store_attribute(trace, state, Class(unit, above), target.attr, path, target)
                return
            break
    for symbol in sorted(symbols(trace.project, unit, target.value), key=repr_of):
        if isinstance(symbol, (Instance, Class)):
            cls = symbol.cls if isinstance(symbol, Instance) else symbol
            store_attribute(trace, state, cls, target.attr, path, target)
        elif hasattr(symbol, "unit") and not isinstance(symbol, Function):
            for binding in trace.project.exported(symbol.unit, target.attr):
                bound_to(trace, state, binding, path, f"variable {target.attr}")
    same_object(trace, state, unit, target.value, (attr(target.attr), *path))


def _kept_in_entry(trace: Trace, state: State, unit: Unit, target: ast.Subscript, path: Path) -> None:
    index = target.slice.value if isinstance(target.slice, ast.Constant) else looped_key(state, unit, target.slice)
    if isinstance(index, str):
        trace.named(index)
    from migrator.flow.environment import set_environment

    if isinstance(index, str) and set_environment(trace, state, unit, target.value, index):
        return
    same_object(trace, state, unit, target.value, (("key", index), *path))


def looped_key(state: State, unit: Unit, name: ast.expr) -> object:
    """The key under which the value stood when ``for name, value in table.items()`` took it out; else ``ANY``.

    Also where it was read by the loop's key: ``merged[name]``. Only what the same call of the function did counts.
    """
    loops = unit.lookup(name.id, name) if isinstance(name, ast.Name) else ()
    if len(loops) != 1 or loops[0].kind != "item" or loops[0].path != (0,):
        return ANY
    found: list[object] = []
    call = state.context
    while state.via is not None:
        before = state.via
        is_key = before.node is not state.node and before.path[:1] and before.path[0][0] == "key"
        if is_key and state.context == call and _takes_out(state, loops[0]):
            found.append(before.path[0][1])
        state = before
    return found[0] if len(found) == 1 else ANY


def _takes_out(state: State, loop: Binding) -> bool:
    node = state.node
    if node is loop.value:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items"
    name = node.slice if isinstance(node, ast.Subscript) else None
    return isinstance(name, ast.Name) and state.unit is loop.unit and state.unit.lookup(name.id, name) == (loop,)


def same_object(trace: Trace, state: State, unit: Unit, holder: ast.expr, path: Path) -> None:
    """The object that ``holder`` names now holds the value at ``path``: follow its other uses."""
    if kept_in_store(trace, state, unit, holder, path):
        return
    match holder:
        case ast.Name():
            for binding in unit.lookup(holder.id, holder):
                bound_to(trace, state, binding, path, f"variable {holder.id}")
        case ast.Attribute():
            for symbol in sorted(symbols(trace.project, unit, holder.value), key=repr_of):
                if isinstance(symbol, (Instance, Class)):
                    cls = symbol.cls if isinstance(symbol, Instance) else symbol
                    store_attribute(trace, state, cls, holder.attr, path, holder)
        case ast.Subscript():
            index = holder.slice.value if isinstance(holder.slice, ast.Constant) else "*"
            same_object(trace, state, unit, holder.value, (("key", index), *path))
        case _:
            return


def bound_to(
    trace: Trace,
    state: State,
    binding: Binding,
    path: Path,
    what: str,
    *,
    context: tuple[object, ...] | None = None,
) -> None:
    """The value is what ``binding``'s name means: follow the loads, here and in importing modules."""
    unit = binding.unit
    trace.named(binding.name)
    where = () if context is not None else None
    annotation = _declared(unit, binding)
    check_held_type(trace, state, unit, annotation, path)
    if not path and annotation is not None:
        _check_annotated(trace, state, unit, annotation)
    for load in unit.uses(binding):
        if path and _overwritten(state, binding, load, path[0]):
            continue
        if path or reachable(trace.project, binding, load, (state.old, state.new), trace.facts):
            trace.go(state, unit, load, path, what, context=where)
    if not path:
        _lengthened(trace, state, binding)
    if isinstance(binding.scope, ast.Module):
        _imported_elsewhere(trace, state, binding.unit, binding.name, path, what)


def _overwritten(state: State, binding: Binding, load: ast.Name, kept: Key) -> bool:
    """Say whether a later statement puts another value in the same place before ``load`` reads it."""
    unit = binding.unit
    if state.unit is not unit or unit.scope(state.node) is not binding.scope:
        return False
    if unit.common_loop(state.node, load) is not None:
        return False
    return any(
        _stores(unit, use, kept)
        and before(unit.statement(state.node), use)
        and before(use, load)
        and unit.always_before(use, load)
        for use in unit.uses(binding)
        if unit.statement(use) is not unit.statement(state.node)
    )


def _stores(unit: Unit, use: ast.Name, kept: Key) -> bool:
    """Say whether ``use`` is the holder in ``holder["model"] = ...`` or ``holder.model = ...``."""
    target = unit.parent(use)
    if not isinstance(unit.parent(target), ast.Assign):
        return False
    if isinstance(target, ast.Subscript) and isinstance(target.ctx, ast.Store) and target.value is use:
        return isinstance(target.slice, ast.Constant) and kept == ("key", target.slice.value)
    return isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store) and kept == ("attr", target.attr)


def _lengthened(trace: Trace, state: State, binding: Binding) -> None:
    """``model += "-mini"`` makes another name of it."""
    unit = binding.unit
    for other in unit.bindings.get((binding.scope, binding.name), ()):
        statement = unit.parent(other.node)
        if other is binding or not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Add):
            continue
        for piece in constants(trace.project, unit, statement.value).values:
            if isinstance(piece, str):
                longer = replace(state, old=state.old + piece, new=state.new + piece)
                for load in unit.uses(other):
                    trace.go(longer, unit, load, (), f"variable {binding.name}")


def _declared(unit: Unit, binding: Binding) -> ast.expr | None:
    if isinstance(binding.node, ast.arg):
        return binding.node.annotation
    statement = unit.parent(binding.node)
    return statement.annotation if isinstance(statement, ast.AnnAssign) else None


def _imported_elsewhere(trace: Trace, state: State, unit: Unit, name: str, path: Path, what: str) -> None:
    project = trace.project
    mark = ("imported", unit, name, path, state.old)
    if mark in trace.seen:
        return
    trace.seen.add(mark)
    module_of_settings(trace, state, unit, name, path)
    for inner in project.importers(unit, name):
        bound_to(trace, state, inner, path, f"imported as {inner.name}", context=())
    for module in project.module_importers(unit, name):
        for access in module.unit.attributes.get(name, ()):
            if _is_module(project, module.unit, access.value, unit):
                trace.go(state, module.unit, access, path, what, context=())
    for other in project.star_importers(unit, name):
        if not set(project.exported(other, name)) & set(project.exported(unit, name)):
            continue
        for load in other.loads.get(name, ()):
            if other.owner(name, load) is None:
                trace.go(state, other, load, path, what, context=())
        _imported_elsewhere(trace, state, other, name, path, what)


def _is_module(project: Project, unit: Unit, node: ast.expr, wanted: Unit) -> bool:
    return project.is_module(unit, node, wanted) or any(
        getattr(s, "unit", None) is wanted and not isinstance(s, (Function, Class))
        for s in symbols(project, unit, node)
    )


def property_reads(trace: Trace, state: State, function: Function, path: Path) -> bool:
    """A property gives the value: follow the reads of the attribute. False when it is no property."""
    node = function.node
    owner = class_of(function.unit, node)
    if owner is None or isinstance(node, ast.Lambda) or not is_property(node):
        return False
    store_attribute(trace, state, Class(function.unit, owner), node.name, path, node)
    return True


def overriding(project: Project, function: Function) -> tuple[tuple[Unit, FunctionNode], ...]:
    """The methods that subclasses put in place of this one."""
    owner = class_of(function.unit, function.node)
    name = getattr(function.node, "name", "")
    if owner is None or name.startswith("__"):
        return ()
    found = ((d.unit, method(d, name)) for d in descendants(project, Class(function.unit, owner)))
    return tuple((unit, node) for unit, node in found if node is not None)
