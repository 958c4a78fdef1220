"""Answer one question: which values does a configuration file hold, and at which bytes?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

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

    def at(self, keys: Keys, document: int = 0) -> Entry | None:
        """Find the value under a path of keys."""
        return next((e for e in self.entries if e.document == document and keys in e.places), None)

    def inside(self, keys: Keys, document: int = 0) -> Mapping[str, Entry]:
        """Give the values that stand directly in the table under ``keys``, by their last key."""
        return {
            str(place[-1]): entry
            for entry in self.entries
            if entry.document == document
            for place in entry.places
            if place[:-1] == keys and place
        }


def entries(text: str, scalars: Iterable[Scalar], starts: tuple[int, ...]) -> tuple[Entry, ...]:
    """Turn a parser's values into entries; ``starts`` are the bytes at which the lines begin."""
    place = _offsets(text)
    found = sorted(scalars, key=lambda scalar: (scalar.start, scalar.end))
    return tuple(_entry(text, scalar, Span(place(scalar.start), place(scalar.end)), starts) for scalar in found)


def _entry(text: str, scalar: Scalar, span: Span, starts: tuple[int, ...]) -> Entry:
    is_plain = text[scalar.start : scalar.end] == scalar.value
    line = bisect_right(starts, span.start)
    return Entry(scalar.keys, scalar.value, span, line, scalar.is_text, is_plain, scalar.document, scalar.aliases)


def _offsets(text: str) -> Callable[[int], int]:
    """Give the function from a character's index to its byte."""
    if text.isascii():
        return int
    table = (0, *accumulate(len(character.encode()) for character in text))
    return table.__getitem__
