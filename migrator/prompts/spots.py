"""Answer one question: which expression writes this part of a prompt, and at which bytes does it stand?

Also of what stands in an f-string, where not every interpreter's tree tells the places.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.request import Spot
from migrator.flow.unit import Unit
from migrator.model import Span
from migrator.prompts.pieces import Field, pieces
from migrator.prompts.template import Place
from migrator.prompts.varying import Reader


def spot_of(reader: Reader, home: Unit, place: Place) -> Spot | None:
    """The expression that writes a part: one of the code, or a field of an f-string."""
    unit = home
    if unit.source.shown != place.shown:
        path = next((p for p, shown in reader.project.files.items() if shown == place.shown), None)
        other = reader.project.unit(path) if path is not None else None
        if other is None:
            return None
        unit = other
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.expr) and unit.span(node) == place.span and _reads_as(unit, place.span, node):
            return Spot(unit, node)
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.JoinedStr) and _contains(unit.span(node), place.span):
            for value, _, span in _fields(unit, node):
                if span == place.span:
                    return Spot(unit, value)
    return None


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _reads_as(unit: Unit, span: Span, node: ast.AST) -> bool:
    """Say whether these bytes alone are this expression; interpreters differ in the places inside f-strings."""
    found = _parsed(unit.lines.encoded[span.start : span.end].decode(errors="replace"))
    return found is not None and ast.dump(found) == ast.dump(node)


def _parsed(code: str) -> ast.expr | None:
    try:
        return ast.parse(f"({code}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _fields(unit: Unit, node: ast.JoinedStr) -> Iterator[tuple[ast.FormattedValue, Field, Span]]:
    """The fields of an f-string with their bytes."""
    start = unit.span(node).start
    source = unit.lines.encoded[start : unit.span(node).end].decode()
    values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
    parts = [part for part in pieces(source) or () if isinstance(part, Field)]
    if len(values) == len(parts):
        for value, part in zip(values, parts, strict=True):
            first, last = len(source[: part.start].encode()), len(source[: part.end].encode())
            yield value, part, Span(start + first, start + last)


def where(unit: Unit, node: ast.AST) -> Span | None:
    """The bytes of an expression, also of one in an f-string, where not every interpreter's tree tells them."""
    outer = joined(unit, node)
    if outer is None:
        return unit.span(node)
    around = [node, *unit.ancestors(node)]
    if sum(isinstance(above, ast.JoinedStr) for above in around[: around.index(outer) + 1]) > 1:
        return None
    field = next((f for f in _fields(unit, outer) if f[0] in around), None)
    if field is None:
        return None
    value, part, span = field
    # ``{value=}`` writes its own code into the text; that field is not a plain one.
    return _in_field(unit, value.value, node, span) if part.is_plain else None


def joined(unit: Unit, node: ast.AST) -> ast.JoinedStr | None:
    """The outermost f-string that an expression stands in."""
    return next((a for a in reversed(list(unit.ancestors(node))) if isinstance(a, ast.JoinedStr)), None)


def _in_field(unit: Unit, value: ast.expr, node: ast.AST, span: Span) -> Span | None:
    """The bytes of an expression in ``{...}``, by reading the field's code alone."""
    inner = unit.lines.encoded[span.start + 1 : span.end - 1].decode()
    again = _parsed(inner)
    if again is None or ast.dump(again) != ast.dump(value) or "\n" in inner or "\r" in inner:
        return None
    for one, other in zip(ast.walk(again), ast.walk(value), strict=True):
        if other is node and isinstance(one, ast.expr) and one.end_col_offset is not None:
            # One byte is the parenthesis that it was read in, one the brace before it.
            return Span(span.start + one.col_offset, span.start + one.end_col_offset)
    return None
