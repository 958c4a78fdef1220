"""Answer one question: at which bytes of a JSON text does each value stand?

The text is known to be JSON; nothing is checked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_BETWEEN = re.compile(rb"[\s,:]*")


def members(data: bytes, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Give each key of the object at ``at`` with the range of its value."""
    values = elements(data, at)
    for start, end in values:
        yield json.loads(data[start:end]), next(values)


def elements(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Give the range of each value of the array at ``at``; for an object, keys and values in turn."""
    at = skip(data, at + 1)
    while data[at : at + 1] not in (b"]", b"}"):
        end = end_of(data, at)
        yield at, end
        at = skip(data, end)


def skip(data: bytes, at: int) -> int:
    """Pass over blanks, commas and colons."""
    between = _BETWEEN.match(data, at)
    return at if between is None else between.end()


def end_of(data: bytes, at: int) -> int:
    """Give the end of the value that begins at ``at``."""
    first = data[at : at + 1]
    if first not in (b"[", b"{"):
        value = (_STRING if first == b'"' else _SCALAR).match(data, at)
        return len(data) if value is None else value.end()
    depth = 0
    for token in _TOKEN.finditer(data, at):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(data)
