"""Answer one question: which bytes of a string literal have to change to put a new name in it?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.model import Span

_PIECE = re.compile(
    r"""(?P<prefix>[rRuU]?|[fF](?=[^{}]*\Z))(?P<quote>\"\"\"|'''|"|')(?P<body>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)""",
    re.DOTALL,
)
_BETWEEN = re.compile(r"(?:\s|\\(?:\r\n|\r|\n)|\#[^\r\n]*)*")
_NAME = re.compile(r"[\w./:-]+", re.ASCII)
_NAME_PART = re.compile(r"[\w.-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One string of an implicit concatenation: its value, and where its body stands in the slice."""

    value: str
    body: str
    start: int


def rename_in_literal(source_slice: str, old: str, new: str) -> tuple[Span, str] | None:
    """Give the bytes of ``source_slice`` to replace, and by what, to have ``new`` for ``old`` in its value.

    ``'"openai/gpt-4o"'`` gives the bytes of ``gpt-4o``; ``'"gpt-" "4o"'`` those of ``4o``. None where
    the name is written with escapes, stands there twice, or would have to change in two strings.
    """
    pieces = _pieces(source_slice)
    if pieces is None or not _NAME.fullmatch(new):
        return None
    value = "".join(piece.value for piece in pieces)
    at = _only_place(value, old)
    if at is None:
        return None
    found = _place(pieces, at, old, new)
    if found is None:
        return None
    start, end, text = found
    changed = source_slice[:start] + text + source_slice[end:]
    if evaluate(changed) != value[:at] + new + value[at + len(old) :]:
        return None
    first = len(source_slice[:start].encode())
    return Span(first, first + len(source_slice[start:end].encode())), text


def evaluate(source_slice: str) -> str | None:
    """Give the value of a string literal's exact text, or None if it is none."""
    if source_slice[:1] in "fF" and "{" not in source_slice and "}" not in source_slice:
        source_slice = source_slice[1:]  # without a field an f-string is a plain one
    try:
        value = ast.literal_eval(f"({source_slice}\n)")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def _pieces(source_slice: str) -> tuple[_Piece, ...] | None:
    found: list[_Piece] = []
    at = 0
    while at < len(source_slice):
        piece = _PIECE.match(source_slice, at)
        value = None if piece is None else evaluate(piece[0])
        if piece is None or value is None:
            return None
        found.append(_Piece(value, piece["body"], piece.start("body")))
        between = _BETWEEN.match(source_slice, piece.end())
        at = piece.end() if between is None else between.end()
    return tuple(found)


def _only_place(value: str, old: str) -> int | None:
    """Give the index of ``old`` as a whole name; ``gpt-4o`` is not in ``gpt-4o-mini``."""
    places = [match.start() for match in re.finditer(re.escape(old), value) if _is_whole(value, match.span())]
    return places[0] if len(places) == 1 else None


def _is_whole(value: str, place: tuple[int, int]) -> bool:
    start, end = place
    around = (value[start - 1 : start] if start else "", value[end : end + 1])
    return not any(_NAME_PART.match(character) for character in around if character)


def _place(pieces: tuple[_Piece, ...], at: int, old: str, new: str) -> tuple[int, int, str] | None:
    """Find the one piece whose part of ``old`` can take all that changes."""
    for first, piece in _placed(pieces):
        start, end = max(at, first), min(at + len(old), first + len(piece.value))
        before, after = old[: max(start - at, 0)], old[max(end - at, 0) :]
        fits = len(before) + len(after) <= len(new) and new.startswith(before) and new.endswith(after)
        if start >= end or not fits:
            continue
        body = _in_body(piece, start - first, old[start - at : end - at])
        if body is None:
            return None
        where = piece.start + body
        return where, where + end - start, new[len(before) : len(new) - len(after)]
    return None


def _placed(pieces: tuple[_Piece, ...]) -> Iterator[tuple[int, _Piece]]:
    first = 0
    for piece in pieces:
        yield first, piece
        first += len(piece.value)


def _in_body(piece: _Piece, index: int, part: str) -> int | None:
    """Give the index in the body as written, which other escapes may have moved."""
    if piece.body == piece.value:
        return index
    return piece.body.index(part) if piece.body.count(part) == 1 else None
