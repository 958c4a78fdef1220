"""Answer one question: which values does a JSON text hold, and where?

Comments and commas behind the last value, as in JSONC, are read as blanks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from migrator.sources.entries import Keys, Scalar, Unreadable
from migrator.sources.json_scan import elements, skip

_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[\]}])', re.DOTALL)
_NOT_BREAK = re.compile(r"[^\r\n]")


def scalars(text: str) -> Iterator[Scalar]:
    """Give every value; what is read by scanning must be what ``json`` reads."""
    view, document = _strict(text)
    # A character outside ASCII only stands in strings and comments: one byte in its place keeps the offsets.
    data = view.encode("ascii", "replace")
    found = tuple(_values(view, data, skip(data, 0), ()))
    if [(s.keys, s.value) for s in found if s.is_text] != list(_strings(document, ())):
        raise Unreadable("line 1: a key stands twice, or the text is ambiguous")
    yield from found


def _strict(text: str) -> tuple[str, object]:
    """Give the text without comments, as long as before, and what it says."""
    try:
        return text, json.loads(text)
    except json.JSONDecodeError as error:
        problem = error
    view = _LAST_COMMA.sub(_blank, _COMMENT.sub(_blank, text))
    try:
        return view, json.loads(view)
    except json.JSONDecodeError:
        raise Unreadable(f"line {problem.lineno}: not valid JSON ({problem.msg})") from None


def _blank(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else _NOT_BREAK.sub(" ", match[0])


def _values(view: str, data: bytes, at: int, keys: Keys) -> Iterator[Scalar]:
    first = data[at : at + 1]
    if first == b"{":
        for place, (start, end) in _members(view, data, at):
            yield from _value(view, data, (start, end), (*keys, place))
    elif first == b"[":
        for number, (start, end) in enumerate(elements(data, at)):
            yield from _value(view, data, (start, end), (*keys, number))


def _members(view: str, data: bytes, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    ranges = elements(data, at)
    for start, end in ranges:
        yield json.loads(view[start:end]), next(ranges)


def _value(view: str, data: bytes, place: tuple[int, int], keys: Keys) -> Iterator[Scalar]:
    start, end = place
    first = data[start : start + 1]
    if first == b'"':
        yield Scalar(keys, json.loads(view[start:end]), start + 1, end - 1)
    elif first in (b"{", b"[") and data[skip(data, start + 1) : end] not in (b"}", b"]"):
        yield from _values(view, data, start, keys)
    else:
        yield Scalar(keys, view[start:end], start, end, is_text=False)


def _strings(value: object, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, str) and keys:
        yield keys, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _strings(child, (*keys, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _strings(child, (*keys, number))
