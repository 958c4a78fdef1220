"""Answer one question: can this line run at all while a name has this value?

``if "claude" in model: ...`` does not run for gpt-4o nor for gpt-4.1-mini, so what stands in it is
no concern of either. A test is judged only when it depends on nothing but the name and constants.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from migrator.flow.constants import Constants, constants, elements
from migrator.flow.project import Project
from migrator.flow.unit import FUNCTIONS, Binding, Unit, blocks

LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
TEXT_TESTS = frozenset({"startswith", "endswith"})


Pair = tuple[str, str]
Values = Mapping[Binding, str]


def reachable(project: Project, binding: Binding, use: ast.AST, pair: Pair, facts: Mapping[Binding, Pair]) -> bool:
    """Say whether ``use`` can run for either value of ``binding``'s name.

    ``facts`` are what other names are at the same time: ``provider, model = name.split(":")``.
    """
    known = {**facts, binding: pair}
    sides = ({b: p[side] for b, p in known.items()} for side in (0, 1))
    return any(_runs(project, binding.unit, use, values) for values in sides)


def _runs(project: Project, unit: Unit, use: ast.AST, values: Values) -> bool:
    return not any(_test(project, unit, test, values) is (not wanted) for test, wanted in _guards(unit, use))


def _guards(unit: Unit, use: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """The tests around ``use`` in its function, each with the outcome under which ``use`` runs."""
    child = use
    for above in unit.ancestors(use):
        if isinstance(above, (ast.If, ast.IfExp)) and child is not above.test:
            inside = child in above.body if isinstance(above, ast.If) else child is above.body
            yield above.test, inside
        yield from _left_before(above, child)
        if isinstance(above, FUNCTIONS):
            return
        child = above


def _left_before(block: ast.AST, child: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """The tests of earlier statements of the same block that always leave it: ``if not model: return``."""
    for body in blocks(block):
        for statement in body[: body.index(child)] if child in body else ():
            if isinstance(statement, ast.If) and not statement.orelse and isinstance(statement.body[-1], LEAVING):
                yield statement.test, False


def _test(project: Project, unit: Unit, test: ast.expr, values: Values) -> bool | None:
    """The outcome of a test while names have ``values``, or None when it depends on more."""
    match test:
        case ast.BoolOp():
            parts = [_test(project, unit, part, values) for part in test.values]
            decisive = isinstance(test.op, ast.Or)
            if decisive in parts:
                return decisive
            return None if None in parts else not decisive
        case ast.UnaryOp(op=ast.Not()):
            inner = _test(project, unit, test.operand, values)
            return None if inner is None else not inner
        case ast.Compare(ops=[operator], comparators=[right]):
            return _compare(project, unit, test.left, operator, right, values)
        case ast.Call(func=ast.Attribute(value=ast.Name() as name, attr=method), args=[argument]):
            value = _value(unit, name, values)
            known = _one_text(constants(project, unit, argument))
            if method not in TEXT_TESTS or value is None or known is None:
                return None
            return value.startswith(known) if method == "startswith" else value.endswith(known)
        case _:
            return None


def _compare(
    project: Project, unit: Unit, left: ast.expr, operator: ast.cmpop, right: ast.expr, values: Values
) -> bool | None:
    one, two = _value(unit, left, values), _value(unit, right, values)
    if isinstance(operator, (ast.Eq, ast.NotEq)) and (one is None) != (two is None):
        other = constants(project, unit, right if one is not None else left)
        if not other.complete or len(other.values) != 1:
            return None
        return (other.values[0] in (one, two)) is isinstance(operator, ast.Eq)
    if isinstance(operator, (ast.In, ast.NotIn)):
        found = _contains(project, unit, one, two, left, right)
        return None if found is None else found is isinstance(operator, ast.In)
    return None


def _contains(
    project: Project, unit: Unit, one: str | None, two: str | None, left: ast.expr, right: ast.expr
) -> bool | None:
    if one is not None and two is None:
        known = elements(project, unit, right)
        return one in known.values if known.complete and known.known else None
    if two is not None and one is None:
        part = _one_text(constants(project, unit, left))
        return part in two if part is not None else None
    return None


def _one_text(known: Constants) -> str | None:
    value = known.values[0] if known.complete and len(known.values) == 1 else None
    return value if isinstance(value, str) else None


def _value(unit: Unit, node: ast.expr, values: Values) -> str | None:
    """What a name is, when it can be nothing but one of the bindings whose value is known."""
    if not isinstance(node, ast.Name):
        return None
    found = unit.lookup(node.id, node)
    return values.get(found[0]) if len(found) == 1 else None
