"""Answer one question: which bytes of a string literal write which part of its text?

A literal is a row of pieces: text as the program sees it, with the place of every character, and the
fields of an f-string. LibCST says where one ends and the next begins, also on an interpreter whose
``ast`` does not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPE = re.compile(
    r"""\\(?:\r\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|N\{[^}]+\}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)""", re.DOTALL
)

# One string without escapes, quotes and fields inside: most are, and they need no parser.
_PLAIN = re.compile(
    r"""(?P<prefix>[rRuU]?)(?P<quote>\"\"\"|'''|"(?!"")|'(?!''))(?P<body>[^"'\\]*)(?P=quote)""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Static text: ``text[i]`` is written by the characters ``offsets[i]:offsets[i + 1]`` of the literal's source.

    ``start`` and ``end`` bound it there. ``quote`` and ``prefix`` are those of the string that holds it.
    """

    text: str
    offsets: tuple[int, ...]
    start: int
    end: int
    quote: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Field:
    """One ``{...}`` of an f-string: ``index`` counts them through the whole literal."""

    index: int
    code: str
    start: int
    end: int
    is_plain: bool


def pieces(literal: str) -> tuple[Piece | Field, ...] | None:
    """Take a literal's exact source apart, implicit concatenation included. None for bytes and what does not parse."""
    plain = _PLAIN.fullmatch(literal)
    if plain is not None:
        return (_piece(plain["body"], plain.start("body"), plain["quote"], plain["prefix"]),)
    import libcst

    try:
        # In parentheses, because strings beside each other may stand on several lines.
        node = libcst.parse_expression(f"({literal}\n)")
    except Exception:  # its own errors, recursion: what cannot be read is not taken apart
        return None
    found = tuple(_of_node(node, literal))
    return None if any(part is None for part in found) else tuple(p for p in found if p is not None)


def _of_node(node: object, literal: str) -> Iterator[Piece | Field | None]:
    import libcst as cst

    at = 0
    index = 0
    for string in _strings(node):
        if string is None:
            yield None
            return
        code = _code(string)
        at = literal.index(code, at)
        if isinstance(string, cst.SimpleString):
            if "b" in string.prefix.lower():
                yield None
                return
            body = at + len(string.prefix) + len(string.quote)
            yield _piece(string.raw_value, body, string.quote, string.prefix)
        elif isinstance(string, cst.FormattedString):
            inner = at + len(string.start)
            for part in string.parts:
                written = _code(part)
                if isinstance(part, cst.FormattedStringText):
                    yield _piece(part.value, inner, string.quote, string.prefix)
                elif isinstance(part, cst.FormattedStringExpression):
                    yield Field(index, _code(part.expression), inner, inner + len(written), _is_plain(part))
                    index += 1
                inner += len(written)
        else:
            yield None
            return
        at += len(code)


def _strings(node: object) -> Iterator[object]:
    import libcst as cst

    if isinstance(node, cst.ConcatenatedString):
        yield from _strings(node.left.with_changes(lpar=(), rpar=()))
        yield from _strings(node.right)
    elif isinstance(node, (cst.SimpleString, cst.FormattedString)):
        yield node.with_changes(lpar=(), rpar=())
    else:
        yield None


def _code(node: object) -> str:
    import libcst as cst

    assert isinstance(node, cst.CSTNode)
    return cst.Module([]).code_for_node(node)


def _is_plain(part: object) -> bool:
    """Say whether the field only converts its value to text: no ``!r``, no format, no ``=``."""
    import libcst as cst

    assert isinstance(part, cst.FormattedStringExpression)
    return part.conversion is None and not part.format_spec and part.equal is None


def _piece(raw: str, start: int, quote: str, prefix: str) -> Piece:
    """Read escapes and doubled braces, character by character."""
    is_raw, is_format = "r" in prefix.lower(), "f" in prefix.lower()
    text: list[str] = []
    offsets: list[int] = []
    at = 0
    while at < len(raw):
        width, value = 1, raw[at]
        if value == "\\" and not is_raw:
            match = _ESCAPE.match(raw, at)
            width = len(match[0]) if match else 1
            value = _unescaped(raw[at : at + width])
        elif is_format and raw[at : at + 2] in ("{{", "}}"):
            width = 2
        elif raw[at : at + 2] == "\r\n":
            width, value = 2, "\n"
        elif value == "\r":
            value = "\n"
        text += value
        offsets += [start + at] * len(value)
        at += width
    return Piece("".join(text), (*offsets, start + len(raw)), start, start + len(raw), quote, prefix)


def _unescaped(escape: str) -> str:
    if escape[1:] in ("\n", "\r", "\r\n"):
        return ""
    try:
        return str(ast.literal_eval(f'"{escape}"' if escape != '\\"' else "'\\\"'"))
    except (SyntaxError, ValueError):
        return escape
