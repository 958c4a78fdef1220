"""Answer one question: was text only moved: every word and every value is still there, once, and nothing else is?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from migrator import sources
from migrator.model import Edit, Source, Span

TRANSFORM = "order_prompt"
Bag = Counter[str]
# Stands before the code of a value; no text has it.
SIGN = "\ufffc"


def same(source: Source, old: ast.AST, new: ast.AST, edits: Sequence[Edit]) -> bool:
    """Say whether the new tree is the old one, but for the order of what stands inside the moving edits."""
    spans = [edit.span for edit in edits if edit.transform == TRANSFORM]
    return _same(_Old(source, spans), old, new)


class _Old:
    """The places of the old tree's nodes, and where text was moved."""

    def __init__(self, source: Source, spans: Sequence[Span]) -> None:
        self.lines = sources.offsets(source)
        self.spans = spans

    def moved(self, node: ast.AST) -> bool:
        """Say whether something was moved inside a node."""
        if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
            return False
        span = self.lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return any(span.start <= s.start and s.end <= span.end for s in self.spans)


def _same(old: _Old, one: object, two: object) -> bool:
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(_same(old, a, b) for a, b in zip(one, two, strict=True))
    if not isinstance(one, ast.AST) or not isinstance(two, ast.AST):
        return one == two and type(one) is type(two)
    if ast.dump(one) == ast.dump(two):
        return True
    if not isinstance(one, ast.expr) or not old.moved(one):
        return _fields(old, one, two)
    if is_text(one) and isinstance(two, ast.expr) and is_text(two):
        return bag(one) == bag(two) and _letters(one) == _letters(two)
    if isinstance(one, ast.List) and isinstance(two, ast.List) and len(one.elts) == len(two.elts):
        return Counter(map(_shape, one.elts)) == Counter(map(_shape, two.elts))
    return _fields(old, one, two)


def _fields(old: _Old, one: ast.AST, two: ast.AST) -> bool:
    if type(one) is not type(two):
        return False
    pairs = zip(ast.iter_fields(one), ast.iter_fields(two), strict=True)
    return all(name == other and _same(old, a, b) for (name, a), (other, b) in pairs)


def is_text(node: ast.AST) -> bool:
    """Say whether an expression writes a text out of strings and values."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return any(is_text(side) for side in (node.left, node.right))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def bag(node: ast.expr) -> Bag:
    """The words of a text and the values in it, without their order; a value parts words as white space does."""
    return Counter(word for part in _parts(node) for word in (part.split() if not part.startswith(SIGN) else [part]))


def _letters(node: ast.expr) -> Bag:
    return Counter("".join(_parts(node)))


def _parts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.BinOp(op=ast.Add()):
            yield from _parts(node.left)
            yield from _parts(node.right)
        case ast.JoinedStr():
            for value in node.values:
                yield from _parts(value)
        case ast.Constant() if isinstance(node.value, str):
            yield node.value
        case _:
            yield SIGN + ast.dump(node)


def _shape(node: ast.expr) -> str:
    """An element of a list, its texts as bags of words: two that differ only in moved text look alike."""

    class Bags(ast.NodeTransformer):
        def visit(self, inner: ast.AST) -> ast.AST:
            if isinstance(inner, ast.expr) and is_text(inner):
                words = sorted(bag(inner).items())
                return ast.Constant(repr(words))
            return self.generic_visit(inner)

    import copy

    return ast.dump(Bags().visit(copy.deepcopy(node)))
