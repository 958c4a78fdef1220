"""Answer one question: how does newer syntax read in an older interpreter's ``ast``, every offset kept?

LibCST reads syntax that the running ``ast`` may not. Each newer form is overwritten in place by an
older one of the same length, so that every node that is left stands where it stood:

``def f[T](x)`` → ``def f   (x)``, ``type X = int`` → ``type;X = int``, ``except A, B:`` →
``except A| B:``, ``t"{x}"`` → ``f"{x}"``, ``f"{a["b"]}"`` → ``f"{a['b']}"``,
``lazy import x`` → ``lazy;import x``, ``[*x for x in y]`` → ``[ x for x in y]``.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper

_Spans = Mapping[cst.CSTNode, CodeSpan]
_Patch = tuple[int, bytes]
_Template = cst.FormattedString | cst.TemplatedString
_EXPRESSIONS = (cst.FormattedStringExpression, cst.TemplatedStringExpression)
_NEWLINE = re.compile(rb"(\r\n|\r|\n)")


def lower(text: str) -> str | None:
    """Give ``text`` with the newer forms overwritten, or None where LibCST does not read it either."""
    try:
        module = cst.parse_module(text)
        if module.code != text:
            return None
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        spans = wrapper.resolve(ByteSpanPositionProvider)
    except Exception:  # whatever LibCST trips over (its own errors, recursion), the file is unreadable here
        return None
    buffer = bytearray(text.encode())
    for node in _walk(module):
        for start, replacement in _patches(node, spans, buffer):
            buffer[start : start + len(replacement)] = replacement
    for template in _outermost(module):
        _lower_template(template, spans, buffer)
    return buffer.decode(errors="replace")


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(current.children)


def _outermost(node: cst.CSTNode) -> Iterator[_Template]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, cst.FormattedString | cst.TemplatedString):
            yield current
        else:
            pending.extend(current.children)


def _patches(node: cst.CSTNode, spans: _Spans, buffer: bytearray) -> Iterator[_Patch]:
    match node:
        case cst.TypeParameters():
            start, end = _bounds(spans[node])
            yield start, _blank(bytes(buffer[start:end]))
        case cst.TypeAlias() | cst.LazyImport() | cst.LazyImportFrom():
            yield spans[node].start + 4, b";"
        case cst.BaseSimpleComp(elt=cst.StarredElement() as element):
            yield spans[element].start, b" "
        case (
            cst.ExceptHandler(type=cst.Tuple(lpar=()) as types)
            | cst.ExceptStarHandler(type=cst.Tuple(lpar=()) as types)
        ):
            yield from _commas(types, spans)
        case cst.TemplatedString():
            start = spans[node].start
            yield start, bytes(buffer[start : start + 2]).replace(b"t", b"f").replace(b"T", b"F")


def _commas(types: cst.Tuple, spans: _Spans) -> Iterator[_Patch]:
    last = len(types.elements) - 1
    for i, element in enumerate(types.elements):
        if isinstance(element.comma, cst.Comma):
            comma = spans[element.comma]
            yield comma.start, b"|" if i < last else b" "


def _blank(piece: bytes) -> bytes:
    """Overwrite by spaces; a line that does not end here goes on by a backslash."""
    parts = _NEWLINE.split(piece)
    blanked = [b" " * len(part) if i % 2 == 0 else part for i, part in enumerate(parts)]
    for i in range(0, len(parts) - 1, 2):
        blanked[i] = blanked[i][:-1] + b"\\" if blanked[i] else b""
    return b"".join(blanked)


def _lower_template(template: _Template, spans: _Spans, buffer: bytearray) -> None:
    start, end = _bounds(spans[template])
    original = bytes(buffer[start:end])
    if _parses(original):
        return
    for attempt in (_swap_quotes, _drop_expressions):
        candidate = attempt(template, spans, original)
        if _parses(candidate):
            buffer[start:end] = candidate
            return


def _parses(piece: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(b"(" + piece + b")")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _swap_quotes(template: _Template, spans: _Spans, piece: bytes) -> bytes:
    """Give the strings inside the expressions the quote that the outermost one does not have."""
    base = spans[template].start
    outer = template.end[:1].encode()
    inner = b"'" if outer == b'"' else b'"'
    swapped = bytearray(piece)
    for node in _walk(template):
        if node is template or not isinstance(node, cst.SimpleString | cst.FormattedString | cst.TemplatedString):
            continue
        start, end = _bounds(spans[node])
        text = piece[start - base : end - base]
        if inner not in text and b"\\" not in text:
            swapped[start - base : end - base] = text.replace(outer, inner)
    return bytes(swapped)


def _drop_expressions(template: _Template, spans: _Spans, piece: bytes) -> bytes:
    """Overwrite each ``{...}`` by ``{0}`` and spaces, at the loss of what it says."""
    base = spans[template].start
    dropped = bytearray(piece)
    for part in template.parts:
        if isinstance(part, _EXPRESSIONS):
            start, end = _bounds(spans[part])
            expression = piece[start - base : end - base]
            # Four bytes: a first line that goes on needs its backslash too.
            zero = b"" if _NEWLINE.search(expression[:4]) else b"{0}"
            dropped[start - base : end - base] = zero + _blank(expression[len(zero) :])
    return bytes(dropped)


def _bounds(span: CodeSpan) -> tuple[int, int]:
    return span.start, span.start + span.length
