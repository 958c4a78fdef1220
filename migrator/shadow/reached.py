"""Answer one question: which calls may have made the object that this call uses?

What a run did not note, the code may show: ``chain.invoke(...)`` uses the ``ChatOpenAI(...)`` in ``chain``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.project import Project
from migrator.flow.symbols import Called, External, Function, returns, symbols
from migrator.flow.unit import FunctionNode, Unit

MAX_STEPS = 12


def makers(project: Project, unit: Unit, call: ast.Call) -> tuple[Called, ...]:
    """Every call that is seen to make what ``call`` is called on or given, directly or as a part of it."""
    found: dict[Called, None] = {}
    seen: set[ast.AST] = {call}
    for part in (call.func, *_arguments(call)):
        _follow(project, unit, part, found, seen)
    return tuple(found)


def _follow(
    project: Project, unit: Unit, node: ast.expr, found: dict[Called, None], seen: set[ast.AST], steps: int = 0
) -> None:
    if node in seen or steps > MAX_STEPS:
        return
    seen.add(node)
    for symbol in symbols(project, unit, node):
        for made in symbol.made if isinstance(symbol, External) else ():
            found[made] = None
            if made.call not in seen:
                seen.add(made.call)
                for argument in _arguments(made.call):
                    _follow(project, made.unit, argument, found, seen, steps + 1)
    for home, part in _parts(project, unit, node):
        _follow(project, home, part, found, seen, steps + 1)


def _parts(project: Project, unit: Unit, node: ast.expr) -> Iterator[tuple[Unit, ast.expr]]:
    """Give what an expression is made of where a symbol says nothing: ``prompt | llm``, a list of agents."""
    match node:
        case ast.BinOp():
            yield from ((unit, side) for side in (node.left, node.right))
        case ast.List() | ast.Tuple() | ast.Set():
            yield from ((unit, one) for one in node.elts)
        case ast.Attribute() | ast.Await() | ast.Starred():
            yield unit, node.value
        case ast.Name():
            bound = (binding for binding in unit.lookup(node.id, node) if binding.kind == "value")
            yield from ((binding.unit, binding.value) for binding in bound if binding.value is not None)
        case ast.Call():
            yield from (
                (function.unit, one) for function in _functions(project, unit, node) for one in _given(function.node)
            )
            if isinstance(node.func, ast.Attribute):
                yield unit, node.func.value


def _functions(project: Project, unit: Unit, call: ast.Call) -> Iterator[Function]:
    yield from (one for one in symbols(project, unit, call.func) if isinstance(one, Function))


def _given(node: FunctionNode) -> Iterator[ast.expr]:
    yield from (node.body,) if isinstance(node, ast.Lambda) else returns(node)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)
