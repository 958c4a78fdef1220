"""Answer one question: which values does a TOML text hold, and where?

``tomllib`` says what the values are, and this scan where they stand; the two must agree.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping

from migrator.sources.entries import Key, Keys, Scalar, Unreadable

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_KEY = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'''', re.DOTALL
)
_OTHER = re.compile(r"[^,\]}#\r\n]+")

_Counts = dict[Keys, int]
_Found = list[tuple[Keys, int, int]]


def scalars(text: str) -> Iterator[Scalar]:
    """Give every value."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"not valid TOML ({error})") from None
    found: _Found = []
    _scan(text, found)
    values = dict(_leaves(document, ()))
    places = {keys: (start, end) for keys, start, end in found}
    filled = {keys for keys, (start, _) in places.items() if text[start] not in "[{"}
    if filled != values.keys() or len(places) != len(found):
        raise Unreadable("line 1: written in a way that this program does not read")
    yield from (_scalar(text, keys, start, end, values.get(keys)) for keys, start, end in found)


def _scalar(text: str, keys: Keys, start: int, end: int, value: object) -> Scalar:
    raw = text[start:end]
    if not isinstance(value, str):
        return Scalar(keys, raw, start, end, is_text=False)
    is_long = raw.startswith(('"""', "'''"))
    size = 3 if is_long else 1
    return Scalar(keys, value, start + size, end - size, is_text=not is_long)


def _scan(text: str, found: _Found) -> None:
    counts: _Counts = {}
    table: Keys = ()
    at = _skip(text, 0)
    while at < len(text):
        if text[at] == "[":
            table, at = _header(text, at, counts)
        else:
            at = _pair(text, at, table, found)
        at = _skip(text, at)


def _header(text: str, at: int, counts: _Counts) -> tuple[Keys, int]:
    """Read ``[a.b]`` or ``[[a.b]]``; each of the latter is one more element of a list."""
    is_element = text.startswith("[[", at)
    keys, at = _dotted(text, at + 1 + is_element)
    if not is_element:
        return _inside(keys, counts), at + 1
    place = (*_inside(keys[:-1], counts), keys[-1])
    counts[place] = counts.get(place, 0) + 1
    return (*place, counts[place] - 1), at + 2


def _inside(keys: tuple[str, ...], counts: Mapping[Keys, int]) -> Keys:
    place: Keys = ()
    for key in keys:
        place = (*place, key)
        if place in counts:
            place = (*place, counts[place] - 1)
    return place


def _dotted(text: str, at: int) -> tuple[tuple[str, ...], int]:
    keys: list[str] = []
    while match := _KEY.match(text, at):
        keys.append(_key(match[1]))
        at = match.end()
        if text[at : at + 1] != ".":
            return tuple(keys), at
        at += 1
    raise Unreadable("line 1: a key is written in a way that this program does not read")


def _key(raw: str) -> str:
    if raw[0] == '"':
        return str(tomllib.loads(f"key = {raw}")["key"])
    return raw[1:-1] if raw[0] == "'" else raw


def _pair(text: str, at: int, table: Keys, found: _Found) -> int:
    keys, at = _dotted(text, at)
    return _value(text, _skip(text, at + 1), (*table, *keys), found)


def _value(text: str, at: int, keys: Keys, found: _Found) -> int:
    if text[at] == "[":
        return _many(text, at, keys, found, is_list=True)
    if text[at] == "{":
        return _many(text, at, keys, found, is_list=False)
    match = _STRING.match(text, at) or _OTHER.match(text, at)
    if match is None:
        raise Unreadable("line 1: a value is written in a way that this program does not read")
    found.append((keys, at, at + len(match[0].rstrip())))
    return match.end()


def _many(text: str, at: int, keys: Keys, found: _Found, *, is_list: bool) -> int:
    """Read an array or an inline table; an empty one is a value of its own."""
    start, number = at, 0
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        at = _value(text, at, (*keys, number), found) if is_list else _pair(text, at, keys, found)
        number += 1
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    if number == 0:
        found.append((keys, start, at + 1))
    return at + 1


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return at if match is None else match.end()


def _leaves(value: object, keys: Keys) -> Iterator[tuple[Keys, object]]:
    """Give what ``tomllib`` read; an empty table has no value."""
    if not isinstance(value, dict | list):
        yield keys, value
        return
    children: Iterable[tuple[Key, object]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield from _leaves(child, (*keys, key))
