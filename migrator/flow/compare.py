"""Answer one question: does this test come out differently for the new name?

A value that reaches a comparison is carried as a pair, the old name and the new one. Where both give
the same answer (``model.startswith("gpt-4")``) the branch is no obstacle; where they differ it is.
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Callable, Sequence

from migrator.flow.constants import Constants, constants, elements, values_of
from migrator.flow.members import spelled
from migrator.flow.row_files import is_loaded
from migrator.flow.trace import ANY, ROW, State, Trace
from migrator.flow.unit import Unit

PREDICATES = frozenset({"startswith", "endswith", "__contains__", "find", "count", "index", "isdigit", "__eq__"})
OTHER_CASE = frozenset({"upper", "title", "capitalize", "swapcase"})
SAME_TEXT = frozenset({"strip", "lower", "casefold", "lstrip", "rstrip", "encode", "__str__"})


def follow_compare(trace: Trace, state: State, compare: ast.Compare) -> None:
    """The value is an operand of ``compare``."""
    if state.node is trace.literal:
        reason = reason_of(state.unit, compare, "comparison")
        own = "assertion" if reason == "assertion" else "comparison"
        trace.block(own, source(state.unit, compare), state.unit, compare)
        return
    operands = [compare.left, *compare.comparators]
    for i, operator in enumerate(compare.ops):
        left, right = operands[i], operands[i + 1]
        if state.node is left:
            _from_left(trace, state, compare, operator, right)
        elif state.node is right:
            _from_right(trace, state, compare, operator, left)


def _from_left(trace: Trace, state: State, compare: ast.Compare, operator: ast.cmpop, other: ast.expr) -> None:
    if state.path:
        _composite(trace, state, compare, other)
        return
    if isinstance(operator, (ast.In, ast.NotIn)):
        text = constants(trace.project, state.unit, other)
        if any(isinstance(v, str) for v in text.values):
            _judge(trace, state, compare, text, lambda name, known: isinstance(known, str) and name in known)
        else:
            _membership(trace, state, compare, other)
    else:
        found = constants(trace.project, state.unit, other)
        _judge(trace, state, compare, found, lambda n, k: n == k)
        if not found.known:
            _row_sought(trace, state, compare, other)


def _from_right(trace: Trace, state: State, compare: ast.Compare, operator: ast.cmpop, other: ast.expr) -> None:
    found = constants(trace.project, state.unit, other)
    if state.path == (ROW,):
        if _is_old_alone(trace, state, found):
            trace.block(reason_of(state.unit, compare, "membership"), source(state.unit, compare), state.unit, compare)
    elif isinstance(operator, (ast.In, ast.NotIn)):
        if len(state.path) == 1 and (state.path[0][1] == ANY or isinstance(state.path[0][1], int)):
            if found.complete and state.old not in found.values and state.new not in found.values:
                return
            trace.block(reason_of(state.unit, compare, "membership"), source(state.unit, compare), state.unit, compare)
        elif not state.path:
            _judge(trace, state, compare, found, lambda name, known: isinstance(known, str) and known in name)
    elif state.path:
        _composite(trace, state, compare, other)
    else:
        _judge(trace, state, compare, found, lambda name, known: name == known)
        if not found.known:
            _row_sought(trace, state, compare, other)


def _row_sought(trace: Trace, state: State, compare: ast.Compare, other: ast.expr) -> None:
    """``row.name == model`` for each row of a table that has the old name, or ``frame[frame.model == model]``."""
    holder = state.unit.parent(compare)
    is_mask = isinstance(holder, ast.Subscript) and holder.slice is compare
    if is_mask or _rows_mention(trace, state, other):
        trace.block(reason_of(state.unit, compare, "table_lookup"), source(state.unit, compare), state.unit, compare)


def _rows_mention(trace: Trace, state: State, other: ast.expr) -> bool:
    root = other
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    bound = state.unit.lookup(root.id, root) if isinstance(root, ast.Name) and root is not other else ()
    tables = [b.value for b in bound if b.kind == "item" and b.value is not None]
    old = any(mentions(trace, state.unit, table, state.old) for table in tables)
    return old and not any(mentions(trace, state.unit, table, state.new) for table in tables)


def _composite(trace: Trace, state: State, compare: ast.AST, other: ast.expr) -> None:
    """A tuple or a dictionary that holds the value is compared with one in which the old name stands."""
    if mentions(trace, state.unit, other, state.old):
        trace.block(reason_of(state.unit, compare, "comparison"), source(state.unit, compare), state.unit, compare)


def mentions(trace: Trace, unit: Unit, node: ast.AST, text: str) -> bool:
    """Say whether ``text`` stands in an expression, or in what its names are bound to."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and inner.value == text and inner is not trace.literal:
            return True
        if isinstance(inner, ast.Attribute) and spelled(trace.project, unit, inner) == text:
            return inner is not trace.literal
        if isinstance(inner, (ast.Name, ast.Attribute)):
            for _, value in values_of(trace.project, unit, inner):
                if value is not None and any(
                    isinstance(n, ast.Constant) and n.value == text and n is not trace.literal for n in ast.walk(value)
                ):
                    return True
    return False


def _judge(
    trace: Trace, state: State, compare: ast.Compare, found: Constants, holds: Callable[[str, object], bool]
) -> None:
    """Hold the edit back when a known other side tells the old name from the new one."""
    for known in found.known:
        renamed = trace.migration.rename(known.value) if isinstance(known.value, str) else None
        before = holds(state.old, known.value)
        same = before == holds(state.new, known.value) and before == holds(state.new, renamed or known.value)
        if known.node is not trace.literal and not same:
            trace.block(reason_of(state.unit, compare, "comparison"), source(state.unit, compare), state.unit, compare)
            return


def _membership(trace: Trace, state: State, compare: ast.Compare, table: ast.expr) -> None:
    found = elements(trace.project, state.unit, table)
    others = [k.value for k in found.known if k.node is not trace.literal]
    same_literal = len(others) != len(found.known)
    if (not found.known and not found.complete) or ((state.old in others or same_literal) and state.new not in others):
        trace.block(reason_of(state.unit, compare, "membership"), source(state.unit, compare), state.unit, compare)


def reason_of(unit: Unit, test: ast.AST, plain: str) -> str:
    """Name what depends on a test: an assertion, a raise, or just a branch."""
    child = test
    for above in unit.ancestors(test):
        if isinstance(above, ast.Assert):
            return "assertion"
        if isinstance(above, ast.If) and child is above.test:
            return "raises" if _raises(above) else plain
        if isinstance(above, ast.stmt):
            return plain
        child = above
    return plain


def follow_composite_index(trace: Trace, state: State, table: ast.expr, use: ast.AST) -> None:
    """``PRICES["openai", model]``: the value is part of a key."""
    if mentions(trace, state.unit, table, state.old):
        trace.block("table_lookup", source(state.unit, use), state.unit, use)


def _raises(branch: ast.If) -> bool:
    """Say whether the branch, or the last ``else`` of its chain, raises."""
    if any(isinstance(s, ast.Raise) for s in branch.body):
        return True
    rest = branch.orelse
    if len(rest) == 1 and isinstance(rest[0], ast.If):
        return _raises(rest[0])
    return any(isinstance(s, ast.Raise) for s in rest)


def follow_index(trace: Trace, state: State, table: ast.expr, use: ast.Subscript | ast.Call) -> None:
    """The value looks a row up in ``table``."""
    if state.node is trace.literal:
        kept = isinstance(use, ast.Subscript) and isinstance(use.ctx, ast.Store)
        trace.block("table_key" if kept else "table_lookup", source(state.unit, use), state.unit, use)
        return
    found = elements(trace.project, state.unit, table)
    values = found.values
    stored = isinstance(use, ast.Subscript) and not isinstance(use.ctx, ast.Load)
    must_be_there = isinstance(use, ast.Subscript) or (
        len(use.args) == 1 and is_loaded(trace.project, state.unit, table)
    )
    unread = not found.known and not found.complete and must_be_there and not stored
    if (state.old in values and state.new not in values) or unread:
        trace.block("table_lookup", source(state.unit, use), state.unit, use)


def follow_overlap(trace: Trace, state: State, other: ast.expr, use: ast.AST) -> None:
    """``{model} & KNOWN``: the other set has the old name and not the new one."""
    values = elements(trace.project, state.unit, other).values
    if state.old in values and state.new not in values:
        trace.block("membership", source(state.unit, use), state.unit, use)


def follow_own_row(trace: Trace, state: State, wanted: ast.expr, use: ast.AST) -> None:
    """The value is a key of a table that is read here by a constant: ``clients["gpt-4o"]``."""
    if _is_old_alone(trace, state, constants(trace.project, state.unit, wanted)):
        trace.block("table_lookup", source(state.unit, use), state.unit, use)


def _is_old_alone(trace: Trace, state: State, found: Constants) -> bool:
    """Say whether a text can only be constants, among them the old name and not the new one."""
    others = {k.value for k in found.known if k.node is not trace.literal}
    return found.complete and state.old in others and state.new not in others


def follow_method(trace: Trace, state: State, call: ast.Call, method: str) -> None:
    """A method of the name itself is called: ``model.startswith("gpt-4")``."""
    if method in SAME_TEXT:
        trace.go(state, state.unit, call, ())
    elif method in OTHER_CASE:
        trace.go(state, state.unit, call, (), value=(getattr(state.old, method)(), getattr(state.new, method)()))
    elif method in PREDICATES:
        for argument in call.args:
            known = constants(trace.project, state.unit, argument) | elements(trace.project, state.unit, argument)
            for value in known.values:
                if _outcome(state.old, method, value) != _outcome(state.new, method, value):
                    trace.block(reason_of(state.unit, call, "comparison"), source(state.unit, call), state.unit, call)
    elif method in EXACT and not call.keywords:
        _changed_text(trace, state, call, method)
    else:
        trace.lose(f"str.{method}")


EXACT = frozenset({"split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "replace"})


def _changed_text(trace: Trace, state: State, call: ast.Call, method: str) -> None:
    """``provider, model = name.split("/")`` with constant arguments: do it to both names."""
    arguments = [constants(trace.project, state.unit, a) for a in call.args]
    if any(not a.complete or len(a.values) != 1 for a in arguments):
        trace.lose(f"str.{method}")
        return
    given = [a.values[0] for a in arguments]
    try:
        old, new = getattr(state.old, method)(*given), getattr(state.new, method)(*given)
    except (TypeError, ValueError):
        trace.lose(f"str.{method}")
        return
    if isinstance(old, str):
        if method == "replace" and (old == state.old) != (new == state.new):
            trace.block("comparison", source(state.unit, call), state.unit, call)
        if old != new:
            trace.go(state, state.unit, call, (), value=(old, new))
    elif len(old) != len(new) and _unpacks(state.unit.parent(call), len(old)):
        trace.block("raises", f"{len(old)} parts, then {len(new)}", state.unit, call)
    else:
        _parts(trace, state, call, old, new)


def _unpacks(statement: ast.AST, count: int) -> bool:
    """Say whether exactly ``count`` parts are unpacked: ``family, size = model.split("-")``."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(target, (ast.Tuple, ast.List)) or any(isinstance(e, ast.Starred) for e in target.elts):
        return False
    return len(target.elts) == count


def _parts(trace: Trace, state: State, call: ast.Call, old: Sequence[str], new: Sequence[str]) -> None:
    statement = state.unit.parent(call)
    targets = statement.targets[0] if isinstance(statement, ast.Assign) else None
    for i, pair in enumerate(zip(old, _padded(new, len(old)), strict=True)):
        if isinstance(targets, (ast.Tuple, ast.List)) and i < len(targets.elts):
            bound = state.unit.bound.get(targets.elts[i])
            if bound is not None:
                trace.facts[bound] = pair
        if pair[0] != pair[1]:
            trace.go(state, state.unit, call, (("key", i),), value=pair)
    for i in range(1, len(old) + 1):
        last = (old[-i], new[-i] if i <= len(new) else "")
        if last[0] != last[1]:
            trace.go(state, state.unit, call, (("key", -i),), value=last)


def _padded(parts: Sequence[str], count: int) -> Sequence[str]:
    """As many parts, with nothing where there is none."""
    return [*parts[:count], *[""] * (count - len(parts))]


def _outcome(name: str, method: str, value: object) -> object:
    try:
        return getattr(name, method)(value)
    except (TypeError, ValueError):
        return None


def follow_pattern(trace: Trace, state: State, call: ast.Call, unit: Unit, pattern: ast.expr, kind: str) -> None:
    """The value is searched with ``re`` or ``fnmatch``: evaluate a constant pattern for both names."""
    matches = fnmatch.fnmatch if kind == "fnmatch" else _found
    for value in constants(trace.project, unit, pattern).values:
        if not isinstance(value, str):
            continue
        texts = (value, state.old), (value, state.new)
        old, new = (matches(b, a) if kind == "fnmatch" else matches(a, b) for a, b in texts)
        if old != new:
            trace.block(reason_of(state.unit, call, "comparison"), source(state.unit, call), state.unit, call)


def _found(pattern: str, name: str) -> bool | None:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return None


def follow_match(trace: Trace, state: State, match: ast.Match) -> None:
    """The value is the subject of a ``match`` statement."""
    if state.path:
        if any(mentions(trace, state.unit, case.pattern, state.old) for case in match.cases):
            trace.block("match_case", "", state.unit, match.subject)
        return
    for case in match.cases:
        for node in ast.walk(case.pattern):
            if isinstance(node, ast.MatchValue):
                values = constants(trace.project, state.unit, node.value).values
                if any((state.old == v) != (state.new == v) for v in values):
                    trace.block("match_case", source(state.unit, node.value), state.unit, node.value)


def source(unit: Unit, node: ast.AST) -> str:
    """The first line of a node's text, for a report."""
    span = unit.span(node)
    text = unit.lines.encoded[span.start : span.end].decode("utf-8", "replace")
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= 60 else line[:57] + "..."
