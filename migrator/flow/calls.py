"""Answer one question: a value is an argument of a call; where does it go inside?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from migrator.flow.callers import gives_first
from migrator.flow.classes import all_fields, constructor, external_bases, is_data, lineage, repr_of
from migrator.flow.compare import source
from migrator.flow.constants import admitted
from migrator.flow.declared import check_declaration, is_choice
from migrator.flow.files import into_reader
from migrator.flow.objects import bound_to, enum_values, is_enum, overriding, store_attribute
from migrator.flow.outside import follow_builtin, follow_carrier, note_shape
from migrator.flow.records import of_argument
from migrator.flow.refusals import FORGIVEN, against, beside_azure, own_hosts, refusal
from migrator.flow.stores import given_to_store
from migrator.flow.symbols import (
    UNKNOWN,
    Called,
    Class,
    External,
    Function,
    Instance,
    Symbol,
    attribute,
    class_of,
    decorators,
    last_name,
    returned,
    symbols,
)
from migrator.flow.trace import ANY, Entered, Path, State, Trace, attr, fits, key, spelled
from migrator.flow.unit import Unit, parameters_of
from migrator.flow.validated import as_fields, made_from
from migrator.rulebook import Enumeration, Slot, Surface

# Calls that run the function given to them: the index of that argument.
RUNNERS = {"submit": 0, "to_thread": 0, "run_in_executor": 1, "run_sync": 0, "create_task": 0, "apply_async": 0}


def _handed_over(
    trace: Trace, state: State, call: ast.Call, name: str | None, position: int | None, path: Path
) -> bool:
    """``executor.submit(ask, text, model)`` runs ``ask(text, model)``."""
    index = RUNNERS.get(last_name(call.func))
    if index is None or index >= len(call.args) or (position is not None and position <= index):
        return False
    found = sorted(symbols(trace.project, state.unit, call.args[index]), key=repr_of)
    inner = position - index - 1 if position is not None else None
    arrived = _alternatives(trace, state, call, name, inner, path, found)
    for symbol in found:
        if isinstance(symbol, Function):
            _into(trace, state, call, symbol, name, inner, path)
    return arrived or any(isinstance(s, Function) for s in found)


# Calls whose reply says, in ``model``, which model answered.
REQUESTS = frozenset({"create", "parse", "completion", "acompletion", "responses", "aresponses"})
OWN_LIBRARY = "your own"
LABELS = frozenset({"metadata", "run_metadata", "tags_metadata", "labels"})
TESTS_OF_TEXT = frozenset({"startswith", "endswith", "__eq__", "find", "index"})


def into_call(trace: Trace, state: State, call: ast.Call, name: str | None, position: int | None, path: Path) -> None:
    """The value, or what holds it at ``path``, is the argument ``name`` or number ``position`` of ``call``."""
    unit = state.unit
    if name is not None:
        trace.named(name)
    beside_azure(trace, state, call, name)
    trace.callees.append(last_name(call.func))
    for cls, field, rest in made_from(trace, state, call, path) if path else ():
        into_class(trace, state, call, cls, field, None, rest)
    if _judged_by_method(trace, state, call) or _handed_over(trace, state, call, name, position, path):
        return
    if (seen := of_argument(call, name, position)) is not None:
        trace.block(*seen, unit, call)
    if name in LABELS and path:
        trace.block("metadata", f"{name}=", unit, call)
        return
    found = sorted(symbols(trace.project, unit, call.func), key=repr_of)
    arrived = _alternatives(trace, state, call, name, position, path, found)
    if sum(isinstance(s, (Function, Class)) for s in found) > 1:
        state = replace(state, choice=call)
    for symbol in found:
        if not (isinstance(symbol, External) and arrived):
            _into(trace, state, call, symbol, name, position, path)
    if not found or UNKNOWN in found:
        _unresolved(trace, state, call, name, path)
    is_own = any(isinstance(s, (Function, Class)) for s in found)
    if not path and not arrived and not is_own and is_choice(name, call):
        check_declaration(trace, state, unit, call)


def _judged_by_method(trace: Trace, state: State, call: ast.Call) -> bool:
    """The literal itself is what a text is tested against, or what a mock's assertion expects."""
    last = last_name(call.func)
    if state.node is not trace.literal or not isinstance(call.func, ast.Attribute):
        return False
    if last.startswith("assert"):
        trace.block("assertion", source(state.unit, call), state.unit, call)
    elif last in TESTS_OF_TEXT:
        trace.block("comparison", source(state.unit, call), state.unit, call)
    else:
        return False
    return True


def _into(
    trace: Trace,
    state: State,
    call: ast.Call,
    symbol: Symbol,
    name: str | None,
    position: int | None,
    path: Path,
) -> None:
    match symbol:
        case External():
            into_external(trace, state, symbol, call, name if name is not None else position, path, state.unit, call)
        case Function():
            for unit, node in ((symbol.unit, symbol.node), *overriding(trace.project, symbol)):
                into_function(trace, state, call, Function(unit, node, symbol.bound), name, position, path)
        case Class():
            into_class(trace, state, call, symbol, name, position, path)
        case Instance():
            for method in attribute(trace.project, symbol, "__call__"):
                if isinstance(method, Function):
                    into_function(trace, state, call, method, name, position, path)
        case _:
            return


def _alternatives(
    trace: Trace,
    state: State,
    call: ast.Call,
    name: str | None,
    position: int | None,
    path: Path,
    found: list[Symbol],
) -> bool:
    """Judge all library meanings of the callee together: one may be Azure's client and one OpenAI's own.

    True when the value is the model of at least one of them, so that nothing is left to follow.
    """
    taking = [
        (symbol, surface)
        for symbol in (*(s for s in found if isinstance(s, External)), *_named_in_tables(trace, found))
        for surface in _taking(trace, symbol, name if name is not None else position, path)
    ]
    if not taking:
        return False
    trace.touched += [(surface, Called(state.unit, call)) for _, surface in taking if surface.knows]
    judged = [(surface, refusal(trace, state, symbol, surface, call)) for symbol, surface in taking]
    free = [surface for surface, reason in judged if reason is None]
    for _, reason in judged:
        if reason is not None and (not free or reason[0] not in FORGIVEN):
            trace.block(("two_values" if free else reason[0]), reason[1], state.unit, call, state.choice)
    for surface in free[:1]:
        if is_made_up(trace, state):
            trace.block("composed", state.old.replace("\0", "…"), state.unit, call)
        else:
            trace.arrive(surface, Called(state.unit, call), state)
            if last_name(call.func) in REQUESTS:
                trace.go(state, state.unit, call, (attr("model"),), "the reply's model", context=())
            elif last_name(call.func)[:1].isupper():
                for told in sorted({"model", "model_name", name or "model"}):
                    trace.go(state, state.unit, call, (attr(told),), f"its {told}", context=())
    return True


def is_made_up(trace: Trace, state: State) -> bool:
    """Say whether the value became a name that the migration does not know: ``BASE + "-search-preview"``."""
    return state.new not in (trace.migration.rename(state.old), trace.migration.rename(state.old, True))


def _named_in_tables(trace: Trace, found: list[Symbol]) -> Iterator[External]:
    """The repository's own functions and classes for which the user wrote a table."""
    first = trace.rules.surfaces[:1]  # the user's tables stand first
    for symbol in found if first and first[0].library.name == OWN_LIBRARY else ():
        if isinstance(symbol, (Function, Class)):
            name = trace.project.dotted(symbol.unit.source.path)
            parts = [name, *_outer_names(symbol)]
            yield External(".".join(p for p in parts if p))


def _outer_names(symbol: Function | Class) -> Iterator[str]:
    """``Agent().ask`` for a method, ``ask`` for a function."""
    if isinstance(symbol, Function):
        owner = class_of(symbol.unit, symbol.node)
        if owner is not None:
            yield owner.name + "()"
    yield getattr(symbol.node, "name", "")


def _taking(trace: Trace, symbol: External, given: str | int | None, path: Path) -> Iterator[Surface]:
    """The surfaces of a call that take this argument as their model, holds last."""
    match = trace.migration.match(str(trace.literal.value)) if isinstance(trace.literal, ast.Constant) else None
    alias = match is not None and match.kind == "alias"
    for surface in trace.rules.surfaces_for(symbol.name):
        if any(_takes(slot, given, path) for slot in surface.slots) and (not alias or "alias" in surface.forms):
            yield surface


def _takes(slot: Slot, given: str | int | None, path: Path) -> bool:
    if isinstance(given, str):
        if given not in slot.keywords:
            return False
    elif given is None or given != slot.position:
        return False
    wanted = [key(ANY if p == "*" else p) for p in slot.path]
    return len(wanted) == len(path) and all(fits(a, b) for a, b in zip(path, wanted, strict=True))


def into_external(
    trace: Trace,
    state: State,
    symbol: External,
    call: ast.Call | None,
    given: str | int | None,
    path: Path,
    unit: Unit,
    node: ast.AST,
) -> None:
    """The value goes into a library's call, or into a field of a class built on a library's."""
    taking = tuple(_taking(trace, symbol, given, path))
    for surface in taking:
        reason = refusal(trace, state, symbol, surface, call)
        if reason is not None:
            trace.block(reason[0], reason[1], unit, node, state.choice)
        elif is_made_up(trace, state):
            trace.block("composed", state.old.replace("\0", "…"), unit, node)
        else:
            where = call if call is not None else ast.Call(ast.Name(symbol.name), [], [])
            trace.arrive(surface, Called(unit, where), state)
    if taking or call is None:
        return
    if path and into_reader(trace, state, symbol, call, given, path):
        return
    if given_to_store(trace, state, symbol, call, given, path):
        return
    carrier = trace.rules.carrier_of(symbol.name)
    enumeration = trace.migration.enumeration_of(symbol.name)
    if enumeration is not None:
        _by_text(trace, state, enumeration, call)
    elif symbol.name == "functools.partial" and given != 0:
        _into_partial(trace, state, call, given, path)
    elif carrier is not None:
        follow_carrier(trace, state, carrier, symbol, call, given, path)
    else:
        follow_builtin(trace, state, symbol, call, given, path)


def _by_text(trace: Trace, state: State, enumeration: Enumeration, call: ast.Call) -> None:
    """``ModelType("gpt-4o")`` is the member that the text stands for; there may be none for the new text."""
    if state.old in enumeration.members.values() and state.new not in enumeration.targets.values():
        trace.block("enum_member", source(state.unit, call), state.unit, call)
    else:
        trace.go(state, state.unit, call, state.path)


def _into_partial(trace: Trace, state: State, call: ast.Call, given: str | int | None, path: Path) -> None:
    name = given if isinstance(given, str) else None
    position = given - 1 if isinstance(given, int) else None
    found = sorted(symbols(trace.project, state.unit, call.args[0]), key=repr_of)
    if _alternatives(trace, state, call, name, position, path, found):
        return
    for symbol in found:
        if isinstance(symbol, (Function, Class)):
            _into(trace, state, call, symbol, name, position, path)


def into_function(
    trace: Trace,
    state: State,
    call: ast.Call,
    function: Function,
    name: str | None,
    position: int | None,
    path: Path,
) -> None:
    """The value goes into a parameter of one of the repository's functions, past its own decorators."""
    for wrapper in _wrappers(trace, function):
        if wrapper.node is not function.node:
            into_function(trace, state, call, wrapper, name, position, path)
    entered = (*state.context, Entered(state.unit, call, function.node))
    arguments = function.node.args
    found = _parameter(function, call, name, position)
    if found is not None:
        _enter(trace, state, function, found, path, entered)
    elif name is not None and arguments.kwarg is not None:
        _enter(trace, state, function, arguments.kwarg, (key(name), *path), entered)
    elif position is not None and arguments.vararg is not None:
        index = _index_of_rest(function, call, position)
        _enter(trace, state, function, arguments.vararg, (key(index), *path), entered)


def _wrappers(trace: Trace, function: Function) -> Iterator[Function]:
    """What the repository's own decorators put in the function's place."""
    project = trace.project
    for decorator in getattr(function.node, "decorator_list", ()):
        for made in symbols(project, function.unit, decorator):
            inner = returned(project, made) if isinstance(made, Function) else ()
            yield from (w for w in inner if isinstance(w, Function) and not isinstance(w.node, ast.Lambda))


def _index_of_rest(function: Function, call: ast.Call, position: int) -> int | str:
    """The place of an argument in ``*args``; any place behind another starred argument."""
    if any(isinstance(a, ast.Starred) for a in call.args[:position]):
        return ANY
    a = function.node.args
    return position + (1 if gives_first(function, call) else 0) - len((*a.posonlyargs, *a.args))


def _parameter(function: Function, call: ast.Call, name: str | None, position: int | None) -> ast.arg | None:
    a = function.node.args
    if name is not None:
        return next((p for p in (*a.args, *a.kwonlyargs) if p.arg == name), None)
    positional = [*a.posonlyargs, *a.args]
    index = (position or 0) + (1 if gives_first(function, call) else 0)
    return positional[index] if index < len(positional) else None


def _enter(
    trace: Trace,
    state: State,
    function: Function,
    parameter: ast.arg,
    path: Path,
    entered: tuple[Entered, ...],
) -> None:
    trace.named(parameter.arg)
    if not path:
        _check_overloads(trace, state, function, parameter.arg)
    for binding in function.unit.bindings.get((function.node, parameter.arg), ()):
        if binding.node is parameter:
            title = getattr(function.node, "name", "lambda")
            inside = replace(state, context=entered, via=state, what="")
            bound_to(trace, inside, binding, path, f"parameter {parameter.arg}{spelled(path)} of {title}")


def _check_overloads(trace: Trace, state: State, function: Function, name: str) -> None:
    """``@overload`` declarations with ``Literal`` types must admit the new name, one of them at least."""
    bindings = function.unit.bindings.get((function.unit.scope(function.node), getattr(function.node, "name", "")), ())
    known: list[object] = []
    for node in (b.node for b in bindings):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or "overload" not in decorators(node):
            continue
        typed = next((p.annotation for p in parameters_of(node) if p.arg == name and p.annotation is not None), None)
        found = admitted(trace.project, function.unit, typed) if typed is not None else None
        if found is None:
            return
        known += found.values
    if state.old in known and state.new not in known:
        trace.block("literal_type", f"overloads of {getattr(function.node, 'name', '')}", function.unit, function.node)


def into_class(
    trace: Trace, state: State, call: ast.Call, cls: Class, name: str | None, position: int | None, path: Path
) -> None:
    """The value goes into a constructor: the repository's own, a generated one, or a library's."""
    if is_enum(trace.project, cls):
        if not path and state.new not in enum_values(cls):
            trace.block("enum_member", f"{cls.node.name}({state.old!r})", state.unit, call)
        return
    made = constructor(trace.project, cls)
    if made is not None:
        into_function(trace, state, call, made, name, position, path)
        return
    outside = external_bases(trace.project, cls)
    if any(base.name.endswith("TypedDict") for base in outside) and name is not None:
        trace.go(state, state.unit, call, (key(name), *path))
        return
    names = all_fields(trace.project, cls)
    field = name if name is not None else names[position] if position is not None and position < len(names) else None
    if field is not None and (field in names or any(is_data(c) for c in lineage(trace.project, cls))):
        store_attribute(trace, state, cls, field, as_fields(trace.project, cls, field, path), call)
    given = name if name is not None else position
    for base in outside:
        _fixed_address(trace, state, cls, base, call)
        into_external(trace, state, base, call, given, path, state.unit, call)
    if field is None and not outside:
        trace.lose(cls.node.name)


def _fixed_address(trace: Trace, state: State, cls: Class, base: External, call: ast.Call) -> None:
    """A field of the class points all its objects at another server: ``openai_api_base: str = "http://..."``."""
    for surface in trace.rules.surfaces_for(base.name):
        for field in surface.endpoint:
            for binding in cls.unit.bindings.get((cls.node, field), ()):
                seen = against(trace, cls.unit, binding.value, own_hosts(trace)) if binding.value is not None else None
                if seen is not None:
                    trace.block(seen[0], seen[1], state.unit, call)


def _unresolved(trace: Trace, state: State, call: ast.Call, name: str | None, path: Path) -> None:
    """The callee could not be traced; say so, with more weight when it has the shape of a request."""
    trace.lose(ast.unparse(call.func))
    note_shape(trace, call, name, path)
