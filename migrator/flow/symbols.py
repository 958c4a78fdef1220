"""Answer one question: what can this expression be: a library's name, or the repository's own thing?

A library's name is canonical: ``openai.OpenAI().chat.completions.create``, where ``X()`` is an
instance of X, or what X gives back when it is called.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator.flow.project import STORED, Project
from migrator.flow.unit import FUNCTIONS, Binding, FunctionNode, Unit, parameters_of

MAX_DEPTH = 24
MAX_NAME = 160


@dataclass(frozen=True, slots=True)
class Called:
    """A call on the way to a library's object: the constructor's arguments are read from it."""

    unit: Unit
    call: ast.Call


@dataclass(frozen=True, slots=True)
class External:
    """A name of a library. ``made`` are the calls inside it, in order of ``()``."""

    name: str
    made: tuple[Called, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the repository. ``bound``: the first parameter is already given."""

    unit: Unit
    node: FunctionNode
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the repository."""

    unit: Unit
    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the repository."""

    cls: Class


@dataclass(frozen=True, slots=True)
class Super:
    """``super()`` in a method of ``cls``."""

    cls: Class


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the repository."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be followed."""


UNKNOWN = Unknown()
Symbol = External | Function | Class | Instance | Super | Module | Unknown
Symbols = frozenset[Symbol]
NOTHING: Symbols = frozenset()


def symbols(project: Project, unit: Unit, node: ast.AST, depth: int = 0) -> Symbols:
    """What ``node`` can be. Empty when it is a plain value such as a string or None."""
    key = ("symbols", node)
    known = project.memory.get(key)
    if known is not None:
        return known  # type: ignore[return-value]  # only Symbols are kept under this key
    if depth > MAX_DEPTH:
        return frozenset({UNKNOWN})
    active = project.active
    if node in active:
        project.lowest = min(project.lowest, active[node])
        return NOTHING
    # What was found inside a circle is whole only at the circle's start, so only that is kept.
    place, around = len(active), project.lowest
    active[node], project.lowest = place, place
    found = frozenset(_symbols(project, unit, node, depth))
    del active[node]
    if project.lowest >= place:
        project.memory[key] = found
        project.lowest = around
    else:
        project.lowest = min(around, project.lowest)
    return found


def _symbols(project: Project, unit: Unit, node: ast.AST, depth: int) -> Iterator[Symbol]:
    match node:
        case ast.Name():
            yield from _name(project, unit, node, depth)
        case ast.Attribute():
            for base in symbols(project, unit, node.value, depth + 1):
                yield from attribute(project, base, node.attr, depth)
        case ast.Call():
            yield from _call(project, unit, node, depth)
        case ast.BoolOp():
            for value in node.values:
                yield from symbols(project, unit, value, depth + 1)
        case ast.IfExp():
            yield from symbols(project, unit, node.body, depth + 1)
            yield from symbols(project, unit, node.orelse, depth + 1)
        case ast.Await() | ast.NamedExpr() | ast.Starred():
            yield from symbols(project, unit, node.value, depth + 1)
        case ast.Lambda():
            yield Function(unit, node)
        case ast.Constant() | ast.JoinedStr() | ast.List() | ast.Dict() | ast.Set() | ast.Tuple():
            return
        case ast.Subscript():
            yield from _subscript(project, unit, node, depth)
        case _:
            yield UNKNOWN


def _subscript(project: Project, unit: Unit, node: ast.Subscript, depth: int) -> Iterator[Symbol]:
    """``Agent[Deps]`` is ``Agent``; an entry of a dictionary literal is that entry."""
    table = node.value
    if isinstance(table, ast.Name):
        for binding in unit.lookup(table.id, table):
            if isinstance(binding.value, ast.Dict) and binding.kind == "value":
                for key, value in zip(binding.value.keys, binding.value.values, strict=True):
                    if _may_be(key, node.slice):
                        yield from symbols(project, unit, value, depth + 1)
                return
    for symbol in symbols(project, unit, table, depth + 1):
        yield symbol if isinstance(symbol, (External, Class)) and not _is_object(symbol) else UNKNOWN


def _is_object(symbol: Symbol) -> bool:
    return isinstance(symbol, External) and symbol.name.endswith("()")


def _may_be(key: ast.expr | None, wanted: ast.expr) -> bool:
    if isinstance(key, ast.Constant) and isinstance(wanted, ast.Constant):
        return bool(key.value == wanted.value)
    return True


def _name(project: Project, unit: Unit, node: ast.Name, depth: int) -> Iterator[Symbol]:
    bindings = unit.lookup(node.id, node)
    if not bindings and unit.owner(node.id, node) is None:
        bindings = project.exported(unit, node.id)
    if not bindings:
        if unit.stars and not hasattr(builtins, node.id):
            for star in unit.stars:
                if project.module(star.module, unit) is None and not star.module.startswith("."):
                    yield External(f"{star.module}.{node.id}")
            return
        yield External(node.id) if hasattr(builtins, node.id) else UNKNOWN
        return
    for binding in bindings:
        yield from bound(project, binding, depth + 1)
        if isinstance(binding.scope, ast.Module) and binding.kind == "value":
            yield from _set_on_module(project, binding, depth)


def _set_on_module(project: Project, binding: Binding, depth: int) -> Iterator[Symbol]:
    """``llm.client = AzureOpenAI()`` in another module."""
    for other in project.units_naming(binding.name, shape=STORED):
        for store in other.stores.get(binding.name, ()):
            statement = other.parent(store)
            if isinstance(statement, ast.Assign) and isinstance(store.value, ast.Name):
                if Module(binding.unit) in symbols(project, other, store.value, depth + 2):
                    yield from symbols(project, other, statement.value, depth + 2)


def bound(project: Project, binding: Binding, depth: int = 0) -> Iterator[Symbol]:
    """What a binding's name can be."""
    node, unit = binding.node, binding.unit
    match binding.kind:
        case "import":
            yield from _imported(project, binding, depth)
        case "function":
            assert isinstance(node, FUNCTIONS)
            yield Function(unit, node, bound=False)
        case "class":
            assert isinstance(node, ast.ClassDef)
            yield Class(unit, node)
        case "parameter":
            yield from _parameter(project, binding, depth)
        case "value" if binding.path:
            yield from _unpacked(project, unit, binding.value, binding.path, depth)
        case "value":
            annotation = _annotation_of(unit, node)
            if annotation is not None:
                declared = frozenset(instances(project, unit, annotation, depth + 1))
                if declared and UNKNOWN not in declared:
                    yield from declared
                    if binding.value is None:
                        return
            if binding.value is not None:
                yield from symbols(project, unit, binding.value, depth + 1)
        case "entered":
            if binding.value is not None:
                yield from symbols(project, unit, binding.value, depth + 1)
        case _:
            yield UNKNOWN


def _unpacked(
    project: Project, unit: Unit, value: ast.expr | None, path: tuple[int, ...], depth: int
) -> Iterator[Symbol]:
    """What ``a, b = value`` gives one of the names: an element of a display, or of what a function returns."""
    if not path:
        yield from symbols(project, unit, value, depth + 1) if value is not None else (UNKNOWN,)
        return
    match value:
        case ast.Tuple() | ast.List() if path[0] < len(value.elts):
            yield from _unpacked(project, unit, value.elts[path[0]], path[1:], depth)
        case ast.Await():
            yield from _unpacked(project, unit, value.value, path, depth)
        case ast.Call() if depth < MAX_DEPTH:
            for callee in symbols(project, unit, value.func, depth + 1):
                if isinstance(callee, Function) and not isinstance(callee.node, ast.Lambda):
                    for given in returns(callee.node):
                        yield from _unpacked(project, callee.unit, given, path, depth + 1)
                else:
                    yield UNKNOWN
        case _:
            yield UNKNOWN


def _annotation_of(unit: Unit, target: ast.AST) -> ast.expr | None:
    statement = unit.parent(target)
    return statement.annotation if isinstance(statement, ast.AnnAssign) else None


def _imported(project: Project, binding: Binding, depth: int) -> Iterator[Symbol]:
    if binding.module.partition(".")[0] in project.published:
        yield External(binding.module + (f".{binding.member}" if binding.member else ""))
        return
    module = project.imported_module(binding)
    if module is not None:
        yield Module(module)
        return
    if binding.member is None:
        yield External(binding.module)
        return
    owner = project.module(binding.module, binding.unit)
    if owner is not None:
        found = project.exported(owner, binding.member)
        if found:
            for inner in found:
                yield from bound(project, inner, depth + 1) if depth < MAX_DEPTH else (UNKNOWN,)
        else:
            yield from _star_external(project, owner, binding.member)
        return
    yield UNKNOWN if binding.module.startswith(".") else External(f"{binding.module}.{binding.member}")


def _star_external(project: Project, owner: Unit, name: str) -> Iterator[Symbol]:
    outside = [s for s in owner.stars if not s.module.startswith(".") and project.module(s.module, owner) is None]
    for star in outside:
        yield External(f"{star.module}.{name}")
    if not outside:
        yield UNKNOWN


def _parameter(project: Project, binding: Binding, depth: int) -> Iterator[Symbol]:
    function = binding.scope
    assert isinstance(function, FUNCTIONS)
    assert isinstance(binding.node, ast.arg)
    owner = class_of(binding.unit, function)
    if owner is not None and is_first(function, binding.node) and not _is_static(function):
        yield (Class(binding.unit, owner) if _is_classmethod(function) else Instance(Class(binding.unit, owner)))
        return
    if binding.node is function.args.vararg or binding.node is function.args.kwarg:
        return
    if binding.node.annotation is not None:
        declared = frozenset(instances(project, binding.unit, binding.node.annotation, depth + 1))
        if declared and UNKNOWN not in declared:
            yield from declared
            if any(isinstance(s, External) for s in declared):
                yield from (s for s in _given(project, binding, depth) if isinstance(s, External))
            return
    yield from _given(project, binding, depth)


def _given(project: Project, binding: Binding, depth: int) -> Iterator[Symbol]:
    """What callers and the default give an unannotated parameter."""
    from migrator.flow.callers import arguments_for

    if binding.value is not None:
        yield from symbols(project, binding.unit, binding.value, depth + 1)
    if depth > MAX_DEPTH - 4:
        yield UNKNOWN
        return
    assert isinstance(binding.scope, FUNCTIONS)
    assert isinstance(binding.node, ast.arg)
    given = tuple(arguments_for(project, Function(binding.unit, binding.scope), binding.node))
    for unit, argument in given:
        yield from symbols(project, unit, argument, depth + 2)
    if not given and binding.value is None:
        yield UNKNOWN


def instances(project: Project, unit: Unit, annotation: ast.expr, depth: int = 0) -> Iterator[Symbol]:
    """The objects that an annotation admits; None and plain values are left out."""
    match annotation:
        case ast.Constant(value=str()):
            inner = _parsed(project, unit, annotation)
            yield from instances(project, unit, inner, depth + 1) if inner is not None else (UNKNOWN,)
        case ast.Constant():
            return
        case ast.BinOp(op=ast.BitOr()):
            yield from instances(project, unit, annotation.left, depth + 1)
            yield from instances(project, unit, annotation.right, depth + 1)
        case ast.Subscript():
            yield from _generic(project, unit, annotation, depth)
        case _:
            for symbol in symbols(project, unit, annotation, depth + 1):
                match symbol:
                    case Class():
                        yield Instance(symbol)
                    case External() if symbol.name in PLAIN:
                        continue
                    case External():
                        yield External(symbol.name + "()")
                    case _:
                        yield UNKNOWN


PLAIN = frozenset({"str", "int", "float", "bool", "dict", "list", "bytes", "None", "typing.Any", "object"})


def _generic(project: Project, unit: Unit, annotation: ast.Subscript, depth: int) -> Iterator[Symbol]:
    name = annotation.value.attr if isinstance(annotation.value, ast.Attribute) else getattr(annotation.value, "id", "")
    inner = annotation.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name in ("Optional", "Union", "ClassVar", "Final", "InitVar", "Required", "NotRequired"):
        for part in parts:
            yield from instances(project, unit, part, depth + 1)
    elif name == "Annotated":
        yield from instances(project, unit, parts[0], depth + 1)
    elif name in ("type", "Type"):
        yield from symbols(project, unit, parts[0], depth + 1)
    else:
        yield from instances(project, unit, annotation.value, depth + 1)


def _parsed(project: Project, unit: Unit, annotation: ast.Constant) -> ast.expr | None:
    """A quoted annotation as an expression that stands where the quotes stood."""
    key = ("annotation", annotation)
    if key not in project.memory:
        try:
            inner: ast.expr | None = ast.parse(str(annotation.value), mode="eval").body
        except SyntaxError:
            inner = None
        if inner is not None:
            stack: list[tuple[ast.AST, ast.AST]] = [(inner, unit.parent(annotation))]
            while stack:
                node, parent = stack.pop()
                unit.parents[node] = parent
                if isinstance(node, (ast.expr, ast.stmt)):
                    ast.copy_location(node, annotation)
                stack += [(child, node) for child in ast.iter_child_nodes(node)]
        project.memory[key] = inner
    found = project.memory[key]
    return found if isinstance(found, ast.expr) else None


def _call(project: Project, unit: Unit, node: ast.Call, depth: int) -> Iterator[Symbol]:
    function = node.func
    if isinstance(function, ast.Name) and function.id == "super":
        owner = _enclosing_class(unit, node)
        yield Super(Class(unit, owner)) if owner is not None else UNKNOWN
        return
    for callee in symbols(project, unit, function, depth + 1):
        match callee:
            case External():
                yield from _external_call(project, unit, node, callee, depth)
            case Class():
                yield Instance(callee)
            case Function():
                yield from returned(project, callee, depth + 1)
                for where, below in _overrides(project, callee) if isinstance(function, ast.Attribute) else ():
                    yield from returned(project, Function(where, below, callee.bound), depth + 1)
            case Instance():
                for method in attribute(project, callee, "__call__", depth):
                    if isinstance(method, Function):
                        yield from returned(project, method, depth + 1)
            case _:
                yield UNKNOWN


def _overrides(project: Project, function: Function) -> tuple[tuple[Unit, FunctionNode], ...]:
    from migrator.flow.objects import overriding

    return overriding(project, function) if function.bound else ()


def _external_call(project: Project, unit: Unit, node: ast.Call, callee: External, depth: int) -> Iterator[Symbol]:
    if len(callee.name) > MAX_NAME:
        yield UNKNOWN
    elif callee.name == "functools.partial" and node.args:
        for inner in symbols(project, unit, node.args[0], depth + 1):
            yield replace(inner, made=(*inner.made, Called(unit, node))) if isinstance(inner, External) else inner
    elif callee.name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        for base in symbols(project, unit, node.args[0], depth + 1):
            yield from attribute(project, base, str(node.args[1].value), depth)
    elif callee.name in ("typing.cast", "cast") and len(node.args) == 2:
        yield from symbols(project, unit, node.args[1], depth + 1)
    else:
        yield External(callee.name + "()", (*callee.made, Called(unit, node)))


def returned(project: Project, function: Function, depth: int = 0) -> Iterator[Symbol]:
    """What a call of a function of the repository can give."""
    node, unit = function.node, function.unit
    if isinstance(node, ast.Lambda):
        yield from symbols(project, unit, node.body, depth + 1)
        return
    if node.returns is not None:
        declared = frozenset(instances(project, unit, node.returns, depth + 1))
        if declared and UNKNOWN not in declared:
            yield from declared
            return
    if depth > MAX_DEPTH:
        yield UNKNOWN
        return
    for value in returns(node):
        yield from symbols(project, unit, value, depth + 1)


def returns(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """The expressions that a function's own ``return`` and ``yield`` give."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Return, ast.Yield)) and current.value is not None:
            yield current.value
        if not isinstance(current, (*FUNCTIONS, ast.ClassDef)):
            stack += ast.iter_child_nodes(current)


def attribute(project: Project, base: Symbol, name: str, depth: int = 0) -> Iterator[Symbol]:
    """What ``base.name`` can be."""
    match base:
        case External():
            yield External(f"{base.name}.{name}", base.made) if len(base.name) < MAX_NAME else UNKNOWN
        case Module():
            found = project.exported(base.unit, name)
            for binding in found:
                yield from bound(project, binding, depth + 1) if depth < MAX_DEPTH else (UNKNOWN,)
            if not found:
                inner = project.module("." + name, base.unit) if base.unit.source.path.stem == "__init__" else None
                yield Module(inner) if inner is not None else UNKNOWN
        case Class() | Instance() | Super():
            yield from _member(project, base, name, depth)
        case _:
            yield UNKNOWN


def _member(project: Project, base: Class | Instance | Super, name: str, depth: int) -> Iterator[Symbol]:
    from migrator.flow.classes import bases, external_bases, lookup_member

    cls = base if isinstance(base, Class) else base.cls
    if depth > MAX_DEPTH:
        yield UNKNOWN
        return
    start = bases(project, cls) if isinstance(base, Super) else (cls,)
    found = False
    for owner in start:
        for symbol in lookup_member(project, owner, name, not isinstance(base, Class), depth + 1):
            found = True
            yield symbol
        if found:
            return
    outside = external_bases(project, cls)
    begun = _base_calls(cls)
    for outer in outside:
        made = outer.name if isinstance(base, Class) else outer.name + "()"
        yield External(outer.name if name == "__init__" else f"{made}.{name}", (*outer.made, *begun))
    if not outside:
        yield UNKNOWN


def _base_calls(cls: Class) -> tuple[Called, ...]:
    """The calls of ``super().__init__`` in the class's own constructor: what they give counts for its objects."""
    for binding in cls.unit.bindings.get((cls.node, "__init__"), ()):
        calls = (n for n in ast.walk(binding.node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
        return tuple(Called(cls.unit, c) for c in calls if ast.unparse(c.func) == "super().__init__")
    return ()


def class_of(unit: Unit, function: FunctionNode) -> ast.ClassDef | None:
    """The class whose body holds this function directly (under ``if`` or ``try`` too)."""
    above = unit.parent(function)
    while isinstance(above, (ast.If, ast.Try)):
        above = unit.parent(above)
    return above if isinstance(above, ast.ClassDef) else None


def _enclosing_class(unit: Unit, node: ast.AST) -> ast.ClassDef | None:
    return next((a for a in unit.ancestors(node) if isinstance(a, ast.ClassDef)), None)


def is_first(function: FunctionNode, argument: ast.arg) -> bool:
    """Say whether ``argument`` is the first positional parameter."""
    positional = [*function.args.posonlyargs, *function.args.args]
    return bool(positional) and positional[0] is argument


def decorators(function: FunctionNode) -> tuple[str, ...]:
    """The last names of a function's decorators: ``cached_property`` for ``@functools.cached_property``."""
    if isinstance(function, ast.Lambda):
        return ()
    return tuple(last_name(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list)


def last_name(node: ast.AST) -> str:
    """The last identifier of a dotted name, or an empty string."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_static(function: FunctionNode) -> bool:
    return "staticmethod" in decorators(function)


def _is_classmethod(function: FunctionNode) -> bool:
    names = decorators(function)
    return "classmethod" in names or "validator" in names or "root_validator" in names


def is_property(function: FunctionNode) -> bool:
    """Say whether reading the attribute calls this function."""
    return any(n in ("property", "cached_property", "computed_field") for n in decorators(function))


def takes_self(unit: Unit, function: FunctionNode) -> bool:
    """Say whether the first parameter is given by the attribute access."""
    return class_of(unit, function) is not None and not _is_static(function)


__all__ = [
    "NOTHING",
    "UNKNOWN",
    "Called",
    "Class",
    "External",
    "Function",
    "Instance",
    "Module",
    "Super",
    "Symbol",
    "Symbols",
    "attribute",
    "bound",
    "class_of",
    "decorators",
    "instances",
    "is_first",
    "is_property",
    "last_name",
    "parameters_of",
    "returned",
    "returns",
    "symbols",
    "takes_self",
]
