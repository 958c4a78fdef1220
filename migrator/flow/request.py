"""Answer one question: which expressions can become part of this very request, and which stand beside it?

Followed are names, attributes, what the repository's own functions return, and what is added to a
list or a dictionary before the call. What another call answers is not part of the request, and what
callers give a parameter stands elsewhere.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.flow.callers import argument_of
from migrator.flow.constants import given, values_of
from migrator.flow.project import Project
from migrator.flow.symbols import Function, last_name, returns, symbols
from migrator.flow.unit import Binding, Unit, before

NEAR = 20
MAX_SPOTS = 4_000
MAX_DEPTH = 4

# Calls whose result holds their arguments; so does every constructor.
PASSING = frozenset(
    {
        *("list", "tuple", "dict", "str", "sorted", "reversed", "cast", "copy", "deepcopy", "dedent", "cleandoc"),
        *("format", "join", "strip", "rstrip", "lstrip", "replace", "dumps", "model_dump", "to_dict"),
    }
)
GROWING = frozenset({"append", "extend", "insert", "update", "appendleft"})
# Arguments and entries that carry further arguments of the request.
HOLDERS = frozenset(
    {
        *("json", "data", "body", "extra_body", "model_kwargs", "model_settings", "settings"),
        *("generation_kwargs", "additional_kwargs", "llm_kwargs", "completion_kwargs"),
    }
)
CONTENT = frozenset({"messages", "input", "prompt", "prompts", "contents", "instructions", *HOLDERS})

Place = ast.Call | ast.Dict


@dataclass(frozen=True, eq=False, slots=True)
class Entered:
    """The call through which the walk came into a function: its parameters are what this call gives."""

    unit: Unit
    call: ast.Call
    function: Function
    outer: Entered | None


@dataclass(frozen=True, slots=True)
class Spot:
    """One node and the module that it stands in."""

    unit: Unit
    node: ast.AST
    entered: Entered | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One named argument of a request."""

    name: str
    unit: Unit
    value: ast.expr


def request(project: Project, unit: Unit, place: Place) -> tuple[Spot, ...]:
    """Every node of what the request can hold, the nearest first."""
    queue = deque(Spot(unit, child) for child in _inside(place))
    seen: set[tuple[ast.AST, Entered | None]] = set()
    found: list[Spot] = []
    while queue and len(found) < MAX_SPOTS:
        spot = queue.popleft()
        if (spot.node, spot.entered) not in seen:
            seen.add((spot.node, spot.entered))
            found.append(spot)
            queue.extend(_parts(project, spot))
    return tuple(found)


def arguments(project: Project, unit: Unit, place: Place, depth: int = 0) -> Iterator[Given]:
    """The named arguments of a request, those in ``**options`` and in ``extra_body`` too."""
    pairs: list[tuple[str | None, ast.expr]] = (
        [(keyword.arg, keyword.value) for keyword in place.keywords]
        if isinstance(place, ast.Call)
        else [(_text(key), value) for key, value in zip(place.keys, place.values, strict=True)]
    )
    for name, value in pairs:
        if name is not None:
            yield Given(name, unit, value)
        if (name is None or name in HOLDERS) and depth < MAX_DEPTH:
            yield from _held(project, unit, value, depth + 1)


def around(unit: Unit, place: ast.AST) -> tuple[ast.AST, ...]:
    """The function that holds the call; outside of functions the statements near it."""
    block: list[ast.stmt] = unit.tree.body
    for above in unit.ancestors(place):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return (above,)
        if isinstance(above, ast.ClassDef):
            block = above.body
            break
    line = getattr(place, "lineno", 0)
    return tuple(s for s in block if not isinstance(s, DEFINITIONS) and _distance(s, line) <= NEAR)


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def brings_content(place: Place) -> bool:
    """Say whether the call itself carries what the model reads, and is not only a client's constructor."""
    if isinstance(place, ast.Dict):
        return any(_text(key) in CONTENT for key in place.keys)
    return len(place.args) > 1 or any(k.arg is None or k.arg in CONTENT for k in place.keywords)


def holder(unit: Unit, node: ast.AST) -> Place | None:
    """The call that ``node`` is an argument of, or the outermost dictionary that holds it as a value."""
    above = unit.parent(node)
    if isinstance(above, ast.keyword):
        above = unit.parent(above)
    if isinstance(above, ast.Call) and node is not above.func:
        return above
    found: ast.Dict | None = None
    while isinstance(above, ast.Dict) and node in above.values:
        found, node, above = above, above, unit.parent(above)
    return found


def _distance(statement: ast.stmt, line: int) -> int:
    return max(statement.lineno - line, line - (statement.end_lineno or statement.lineno), 0)


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _inside(place: Place) -> Iterator[ast.AST]:
    if isinstance(place, ast.Call):
        yield from (*place.args, *place.keywords)
    else:
        yield place


def _parts(project: Project, spot: Spot) -> Iterator[Spot]:
    """What the value of a node is made of."""
    unit, node, entered = spot.unit, spot.node, spot.entered
    match node:
        case ast.Call():
            yield from _of_call(project, unit, node, entered)
        case ast.Name(ctx=ast.Load()):
            yield from _of_name(project, unit, node, entered)
        case ast.Attribute(ctx=ast.Load()):
            yield from (Spot(u, v) for u, v in values_of(project, unit, node) if v is not None)
        case ast.Lambda():
            return
        case _:
            yield from (Spot(unit, child, entered) for child in ast.iter_child_nodes(node))


def _of_call(project: Project, unit: Unit, call: ast.Call, entered: Entered | None) -> Iterator[Spot]:
    name = last_name(call.func)
    own = [s for s in symbols(project, unit, call.func) if isinstance(s, Function)] if _depth(entered) else []
    for function in own:
        if not isinstance(function.node, ast.Lambda):
            inner = Entered(unit, call, function, entered)
            yield from (Spot(function.unit, value, inner) for value in returns(function.node))
    if not own and (name[:1].isupper() or name in PASSING):
        yield from (Spot(unit, child, entered) for child in (*call.args, *call.keywords))
        if isinstance(call.func, ast.Attribute) and name in PASSING:
            yield Spot(unit, call.func.value, entered)


def _depth(entered: Entered | None) -> int:
    """How many calls may still be entered."""
    left = MAX_DEPTH
    while entered is not None:
        left, entered = left - 1, entered.outer
    return max(left, 0)


def _of_name(project: Project, unit: Unit, name: ast.Name, entered: Entered | None) -> Iterator[Spot]:
    found = bindings_of(project, unit, name)
    for binding in found:
        yield from _of_binding(project, binding, entered)
    for _, value in added(unit, name, found):
        yield Spot(unit, value, entered)


def bindings_of(project: Project, unit: Unit, name: ast.Name) -> tuple[Binding, ...]:
    """The bindings that a name may mean, all that add to it included."""
    found = unit.lookup(name.id, name)
    owner = unit.owner(name.id, name)
    if any(isinstance(unit.parent(b.node), ast.AugAssign) for b in found) and owner is not None:
        return tuple(unit.bindings[owner, name.id])
    return found or (project.exported(unit, name.id) if owner is None else ())


def entered_value(binding: Binding, entered: Entered | None) -> Spot | None:
    """What the call through which the walk came gives for a parameter, its default where it gives none."""
    if binding.kind != "parameter" or entered is None or binding.scope is not entered.function.node:
        return None
    assert isinstance(binding.node, ast.arg)
    value = argument_of(entered.function, entered.call, binding.node)
    if value is not None:
        return Spot(entered.unit, value, entered.outer)
    return Spot(binding.unit, binding.value) if binding.value is not None else None


def _of_binding(project: Project, binding: Binding, entered: Entered | None) -> Iterator[Spot]:
    if binding.kind == "parameter" and entered is not None and binding.scope is entered.function.node:
        value = entered_value(binding, entered)
        if value is not None:
            yield value
    elif binding.kind in ("value", "item") and binding.value is not None:
        same = entered is not None and binding.unit is entered.function.unit
        yield Spot(binding.unit, binding.value, entered if same else None)
    elif binding.kind == "import":
        yield from (Spot(u, v) for u, v in given(project, binding) if v is not None)
    elif binding.value is not None:
        yield Spot(binding.unit, binding.value)


def added(unit: Unit, name: ast.Name, bindings: tuple[Binding, ...]) -> Iterator[tuple[str | None, ast.expr]]:
    """What is put into the named list or dictionary before ``name`` reads it, with its key."""
    for binding in bindings:
        for use in unit.uses(binding) if binding.unit is unit else ():
            if use is not name and (before(use, name) or unit.common_loop(use, name) is not None):
                yield from _addition(unit, use)


def _addition(unit: Unit, use: ast.Name) -> Iterator[tuple[str | None, ast.expr]]:
    """``use.append(x)``, ``use[0]["content"].append(x)``, ``use.update(x=1)``, ``use["key"] = x``."""
    node: ast.AST = use
    above, key = unit.parent(use), None
    while isinstance(above, ast.Subscript) and above.value is node:
        key = _text(above.slice) if node is use else None
        node, above = above, unit.parent(above)
    if isinstance(above, ast.Assign) and node in above.targets:
        yield key, above.value
    elif isinstance(above, ast.Attribute) and above.attr in GROWING:
        call = unit.parent(above)
        if isinstance(call, ast.Call) and call.func is above:
            yield from ((None, value) for value in call.args)
            yield from ((keyword.arg, keyword.value) for keyword in call.keywords)


def _held(project: Project, unit: Unit, node: ast.expr, depth: int) -> Iterator[Given]:
    """The entries of a dictionary, or the keywords of a constructor, that carries further arguments."""
    match node:
        case ast.Call() if last_name(node.func) == "dumps" and node.args:
            yield from _held(project, unit, node.args[0], depth + 1)
        case ast.Dict() | ast.Call():
            yield from arguments(project, unit, node, depth)
        case ast.BinOp(op=ast.BitOr()):
            yield from _held(project, unit, node.left, depth)
            yield from _held(project, unit, node.right, depth)
        case ast.Name() if depth < MAX_DEPTH:
            found = bindings_of(project, unit, node)
            for binding in found:
                for spot in _of_binding(project, binding, None):
                    if isinstance(spot.node, ast.expr):
                        yield from _held(project, spot.unit, spot.node, depth + 1)
            for name, value in added(unit, node, found):
                if name is not None:
                    yield Given(name, unit, value)
                else:
                    yield from _held(project, unit, value, depth + 1)
        case ast.Attribute() if depth < MAX_DEPTH:
            for where, held in values_of(project, unit, node):
                if held is not None:
                    yield from _held(project, where, held, depth + 1)
        case _:
            return
