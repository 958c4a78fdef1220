"""Answer one question: was an order given to what had none, in one of two known forms?

They are ``sorted(X)`` where ``X`` stood, and ``sort_keys=True`` as the last argument of a call of ``json.dumps``.
Both are taken out of the new tree again, which must then be the old one.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from migrator import sources
from migrator.model import Edit, Source, Span
from migrator.verify_keys import moved

TRANSFORM = "order_prompt"
KEYWORD = "sort_keys=True"


def is_steady(source: Source, edit: Edit) -> bool:
    """Say whether an edit writes one of the two forms and moves nothing."""
    written = source.text.encode()[edit.span.start : edit.span.end].decode(errors="replace")
    if edit.transform != TRANSFORM:
        return False
    return edit.text == f"sorted({written})" if written else edit.text.strip(", \r\n\t") in (KEYWORD, "")


def undo(source: Source, changed: Source, old: ast.Module, new: ast.Module, edits: Sequence[Edit]) -> str | None:
    """Take both forms out of the new tree where edits wrote them. Give None where each edit wrote one, else why not."""
    mine = [edit for edit in edits if edit.transform == TRANSFORM]
    if not any(is_steady(source, edit) or "sorted(" in edit.text or KEYWORD in edit.text for edit in mine):
        return None
    wanted = sum(is_steady(source, edit) and edit.text.strip(", \r\n\t") != "" for edit in mine)
    ranges = [span for edit, span in moved(edits) if edit.transform == TRANSFORM]
    taken = _Undo(changed, old, new, ranges)
    taken.visit(new)
    if taken.sorts and any(_rebinds(node) for node in ast.walk(new)):
        return "sorted may be another function here"
    only = wanted == sum(edit.text.strip(", \r\n\t") != "" for edit in mine)
    if taken.count < wanted or (only and taken.count != wanted):
        return "more or less than an order was given to what has none"
    return None


class _Undo(ast.NodeTransformer):
    """Takes out what the old tree has not: as often as the new one has it more often, inside of the edits."""

    def __init__(self, changed: Source, old: ast.Module, new: ast.Module, ranges: Sequence[Span]) -> None:
        self.lines = sources.offsets(changed)
        self.ranges = ranges
        self.gained = Counter(map(ast.dump, _forms(new))) - Counter(map(ast.dump, _forms(old)))
        self.count = self.sorts = 0
        self.outer: ast.JoinedStr | None = None

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        # Interpreters differ in the places they give inside f-strings, so that the whole of it counts.
        before, self.outer = self.outer, self.outer or node
        self.generic_visit(node)
        self.outer = before
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        said = ast.dump(node)
        mine = self.gained[said] > 0 and self._is_edited(self.outer or node)
        self.generic_visit(node)
        if not mine:
            return node
        self.gained[said] -= 1
        self.count += 1
        if _is_sorted(node):
            self.sorts += 1
            return node.args[0]
        node.keywords = node.keywords[:-1]
        return node

    def _is_edited(self, node: ast.expr) -> bool:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        span = self.lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return any(_contains(span, other) or _contains(other, span) for other in self.ranges)


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _forms(tree: ast.Module) -> Iterator[ast.Call]:
    modules, functions = _names_of_json(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_is_sorted(node) or _is_keyed(node, modules, functions)):
            yield node


def _names_of_json(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """The names under which a module imports ``json`` and its ``dumps``."""
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {a.asname or a.name for n in found if isinstance(n, ast.Import) for a in n.names if a.name == "json"}
    functions = {
        alias.asname or alias.name
        for node in found
        if isinstance(node, ast.ImportFrom) and node.module == "json" and not node.level
        for alias in node.names
        if alias.name == "dumps"
    }
    return frozenset(modules), frozenset(functions)


def _is_sorted(node: ast.Call) -> bool:
    """``sorted(X)`` and no key, no direction, of what has no order by itself."""
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[one], keywords=[]):
            is_sorted = isinstance(one, ast.Call) and _is_sorted(one)
            return not isinstance(one, ast.Starred) and not is_sorted
    return False


def _is_keyed(node: ast.Call, modules: frozenset[str], functions: frozenset[str]) -> bool:
    """``json.dumps(X, sort_keys=True)``."""
    match node.func:
        case ast.Attribute(value=ast.Name(id=module), attr="dumps"):
            is_json = module in modules
        case ast.Name(id=name):
            is_json = name in functions
        case _:
            is_json = False
    match node.keywords[-1:]:
        case [ast.keyword(arg="sort_keys", value=ast.Constant(value=True))]:
            return is_json and len(node.args) > 0
    return False


def _rebinds(node: ast.AST) -> bool:
    """Say whether a node gives ``sorted`` another meaning."""
    match node:
        case ast.Name(id="sorted", ctx=ast.Store() | ast.Del()) | ast.arg(arg="sorted"):
            return True
        case ast.FunctionDef(name="sorted") | ast.AsyncFunctionDef(name="sorted") | ast.ClassDef(name="sorted"):
            return True
        case ast.alias():
            return (node.asname or node.name) == "sorted"
    return False
