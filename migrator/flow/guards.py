"""Answer one question: can this line run at all while a name has this value?

``if "claude" in model: ...`` does not run for gpt-4o nor for gpt-4.1-mini, so what stands in it is
no concern of either. A test is judged only when it depends on nothing but the name and constants.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.constants import constants, elements
from migrator.flow.project import Project
from migrator.flow.unit import FUNCTIONS, Binding, Unit

TEXT_TESTS = frozenset({"startswith", "endswith"})


def reachable(project: Project, binding: Binding, use: ast.AST, values: tuple[str, str]) -> bool:
    """Say whether ``use`` can run for either of two values of ``binding``'s name."""
    return any(_runs(project, binding, use, value) for value in values)


def _runs(project: Project, binding: Binding, use: ast.AST, value: str) -> bool:
    return not any(
        _test(project, binding, test, value) is (not wanted) for test, wanted in _guards(binding.unit, use)
    )


def _guards(unit: Unit, use: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """The tests around ``use`` in its function, each with the outcome under which ``use`` runs."""
    child = use
    for above in unit.ancestors(use):
        if isinstance(above, (ast.If, ast.IfExp)) and child is not above.test:
            inside = child in above.body if isinstance(above, ast.If) else child is above.body
            yield above.test, inside
        if isinstance(above, FUNCTIONS):
            return
        child = above


def _test(project: Project, binding: Binding, test: ast.expr, value: str) -> bool | None:
    """The outcome of a test while the name has ``value``, or None when it depends on more."""
    match test:
        case ast.BoolOp():
            parts = [_test(project, binding, part, value) for part in test.values]
            decisive = isinstance(test.op, ast.Or)
            if decisive in parts:
                return decisive
            return None if None in parts else not decisive
        case ast.UnaryOp(op=ast.Not()):
            inner = _test(project, binding, test.operand, value)
            return None if inner is None else not inner
        case ast.Compare(ops=[operator], comparators=[right]):
            return _compare(project, binding, test.left, operator, right, value)
        case ast.Call(func=ast.Attribute(value=ast.Name() as name, attr=method), args=[argument]):
            if method in TEXT_TESTS and _is(binding, name):
                return _text_test(project, binding, method, argument, value)
            return None
        case _:
            return None


def _compare(project: Project, binding: Binding, left: ast.expr, operator: ast.cmpop, right: ast.expr,
             value: str) -> bool | None:
    if isinstance(operator, (ast.Eq, ast.NotEq)):
        other = right if _is(binding, left) else left if _is(binding, right) else None
        known = constants(project, binding.unit, other) if other is not None else None
        if known is None or not known.complete or len(known.values) != 1:
            return None
        return (known.values[0] == value) is isinstance(operator, ast.Eq)
    if isinstance(operator, (ast.In, ast.NotIn)):
        found = _contains(project, binding, left, right, value)
        return None if found is None else found is isinstance(operator, ast.In)
    return None


def _contains(project: Project, binding: Binding, left: ast.expr, right: ast.expr, value: str) -> bool | None:
    if _is(binding, left):
        known = elements(project, binding.unit, right)
        return value in known.values if known.complete and known.known else None
    if _is(binding, right):
        part = constants(project, binding.unit, left)
        if part.complete and len(part.values) == 1 and isinstance(part.values[0], str):
            return part.values[0] in value
    return None


def _text_test(project: Project, binding: Binding, method: str, argument: ast.expr, value: str) -> bool | None:
    known = constants(project, binding.unit, argument)
    if known.complete and len(known.values) == 1 and isinstance(known.values[0], str):
        return value.startswith(known.values[0]) if method == "startswith" else value.endswith(known.values[0])
    return None


def _is(binding: Binding, node: ast.expr) -> bool:
    """Say whether ``node`` is a load that sees this binding and no other."""
    return isinstance(node, ast.Name) and binding.unit.lookup(binding.name, node) == (binding,)
