"""Answer one question: which values does a configuration file hold, and at which bytes?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from migrator.model import Source, Span

Key = str | int
Keys = tuple[Key, ...]


class Unreadable(Exception):
    """A text is not of the format that its file's name says; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as a parser gives it: ``start`` and ``end`` count the text's characters, without quotes.

    ``is_text`` is no for numbers, booleans, empty containers and texts of several lines: they are kept
    to compare, never to change. ``aliases`` are further places of a value that YAML's ``*`` names.
    """

    keys: Keys
    value: str
    start: int
    end: int
    is_text: bool = True
    document: int = 0
    aliases: tuple[Keys, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a configuration file: the keys to it, and its bytes in the text without quotes.

    ``is_plain`` says that those bytes are the value itself, without an escape.
    """

    keys: Keys
    value: str
    span: Span
    line: int
    is_text: bool = True
    is_plain: bool = True
    document: int = 0
    aliases: tuple[Keys, ...] = ()

    @property
    def places(self) -> tuple[Keys, ...]:
        """Give every path that leads to this value."""
        return (self.keys, *self.aliases)


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """A configuration file: its text as a ``Source`` of kind "config", and its values in their order.

    ``form`` is the format: yaml, json, toml, env or ini.
    """

    source: Source
    form: str
    entries: tuple[Entry, ...]
    _tables: Mapping[tuple[int, Keys], Mapping[str, Entry]] = field(init=False, repr=False, compare=False)
    _keys: Mapping[tuple[int, Keys], Set[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the values by the table that they stand in, once."""
        tables: dict[tuple[int, Keys], dict[str, Entry]] = {}
        keys: dict[tuple[int, Keys], set[str]] = {}
        for entry, place in ((e, place) for e in self.entries for place in e.places if place):
            tables.setdefault((entry.document, place[:-1]), {})[str(place[-1])] = entry
            for depth, key in enumerate(place):
                keys.setdefault((entry.document, place[:depth]), set()).add(str(key))
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_keys", keys)

    def at(self, keys: Keys, document: int = 0) -> Entry | None:
        """Find the value under a path of keys."""
        return self.inside(keys[:-1], document).get(str(keys[-1])) if keys else None

    def inside(self, keys: Keys, document: int = 0) -> Mapping[str, Entry]:
        """Give the values that stand directly in the table under ``keys``, by their last key."""
        return self._tables.get((document, keys), {})

    def keys(self, keys: Keys, document: int = 0) -> Set[str]:
        """Give the keys of the table under ``keys``, of values and of tables in it."""
        return self._keys.get((document, keys), frozenset())


def entries(text: str, scalars: Iterable[Scalar], starts: tuple[int, ...]) -> tuple[Entry, ...]:
    """Turn a parser's values into entries; ``starts`` are the bytes at which the lines begin."""
    found = sorted(scalars, key=lambda scalar: (scalar.start, scalar.end))
    place = _offsets(text, sorted({at for scalar in found for at in (scalar.start, scalar.end)}))
    return tuple(_entry(text, scalar, Span(place[scalar.start], place[scalar.end]), starts) for scalar in found)


def _entry(text: str, scalar: Scalar, span: Span, starts: tuple[int, ...]) -> Entry:
    is_plain = text[scalar.start : scalar.end] == scalar.value
    line = bisect_right(starts, span.start)
    return Entry(scalar.keys, scalar.value, span, line, scalar.is_text, is_plain, scalar.document, scalar.aliases)


def _offsets(text: str, places: Iterable[int]) -> Mapping[int, int]:
    """Give the byte at which each of these characters stands; the places are sorted."""
    found: dict[int, int] = {}
    last = byte = 0
    for place in places:
        byte += len(text[last:place].encode())
        found[place] = byte
        last = place
    return found
