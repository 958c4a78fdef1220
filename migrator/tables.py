"""Answer one question: is this TOML table well formed?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

CALLEE = re.compile(r"(\*\*\.)?[A-Za-z_]\w*(\(\))?(\.[A-Za-z_]\w*(\(\))?)*(\.\*\*)?")


class RuleError(Exception):
    """A rule table is wrong. The message is one line that names the file, the table and the key."""

    def __init__(self, file: str, table: str, key: str, message: str) -> None:
        places = (file, table, f"key {key}" if key else "")
        super().__init__(f"{', '.join(place for place in places if place)}: {message}")
        self.file = file
        self.table = table
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Table:
    """One TOML table, and where it stands. Each reader raises ``RuleError`` for a wrong type."""

    file: str
    name: str
    data: Mapping[str, object]

    def wrong(self, key: str, message: str) -> RuleError:
        """Build the error for one of this table's keys."""
        return RuleError(self.file, self.name, key, message)

    def only(self, *known: str) -> None:
        """Raise for the first key that is not known."""
        for key in self.data:
            if key not in known:
                raise self.wrong(key, f"unknown key{nearest(key, known)}")

    def text(self, key: str) -> str:
        """Give a string that must be there and not be empty."""
        value = self.maybe_text(key)
        if not value:
            raise self.wrong(key, "is missing" if value is None else "is empty")
        return value

    def maybe_text(self, key: str) -> str | None:
        """Give a string, or None where the key is absent."""
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(key, f"expected a string, found {describe(value)}")

    def texts(self, key: str) -> tuple[str, ...]:
        """Give a list of strings; one string stands for a list of one, an absent key for an empty one."""
        value = self.data.get(key, [])
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.wrong(key, f"expected a list of strings, found {describe(value)}")

    def names(self, key: str) -> tuple[str, ...]:
        """Give a list of strings with their braces expanded, each once, in order."""
        try:
            return tuple(dict.fromkeys(name for text in self.texts(key) for name in expand(text)))
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def callees(self, key: str) -> tuple[str, ...]:
        """Give canonical callees that must be there: ``openai.{OpenAI,AsyncOpenAI}().chat.**``."""
        names = self.names(key)
        if not names:
            raise self.wrong(key, "is missing" if key not in self.data else "is empty")
        for name in names:
            if not CALLEE.fullmatch(name):
                raise self.wrong(key, f"{name!r} is not a canonical callee, such as 'openai.OpenAI().chat'")
        return names

    def mapping(self, key: str) -> Mapping[str, str]:
        """Give a table of strings; an absent key is an empty one."""
        value = self.data.get(key, {})
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return value
        raise self.wrong(key, f"expected a table of strings, found {describe(value)}")

    def flag(self, key: str) -> bool:
        """Give true or false; an absent key is false."""
        value = self.data.get(key, False)
        if isinstance(value, bool):
            return value
        raise self.wrong(key, f"expected true or false, found {describe(value)}")

    def number(self, key: str) -> int | None:
        """Give a whole number that is not negative."""
        value = self.data.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise self.wrong(key, f"expected a whole number, found {describe(value)}")

    def numbers(self, key: str) -> tuple[int, ...]:
        """Give a list of whole numbers; an absent key is an empty one."""
        value = self.data.get(key, [])
        if isinstance(value, list) and all(type(item) is int for item in value):
            return tuple(value)
        raise self.wrong(key, f"expected a list of whole numbers, found {describe(value)}")

    def day(self, key: str) -> date | None:
        """Give a date: ``checked = 2026-11-22``."""
        value = self.data.get(key)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        raise self.wrong(key, f"expected a date such as 2026-11-22, found {describe(value)}")

    def price(self, key: str) -> Decimal | None:
        """Give an amount, written as a string so that no binary fraction rounds it."""
        text = self.maybe_text(key)
        try:
            return None if text is None else Decimal(text)
        except InvalidOperation:
            raise self.wrong(key, f'expected an amount such as "0.40", found {text!r}') from None

    def child(self, key: str) -> Table | None:
        """Give the table under a key."""
        children = self.children(key)
        if len(children) > 1:
            raise self.wrong(key, f"expected one table, found {len(children)}")
        return children[0] if children else None

    def children(self, key: str) -> tuple[Table, ...]:
        """Give the tables under a key: a list of tables, or one table."""
        value = self.data.get(key, [])
        items = [value] if isinstance(value, dict) else value
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.wrong(key, f"expected a table, found {describe(value)}")
        names = (self._label(key, item, i if items is value else None) for i, item in enumerate(items, 1))
        return tuple(Table(self.file, name, item) for name, item in zip(names, items, strict=True))

    def _label(self, key: str, item: Mapping[str, object], place: int | None) -> str:
        """Name a child: ``surface.model``, ``library``, ``surface openai.chat`` or ``client 2``."""
        if self.name:
            return f"{self.name}.{key}"
        if place is None:
            return key
        return f"{key} {item['name']}" if isinstance(item.get("name"), str) else f"{key} {place}"


def expand(pattern: str) -> Iterator[str]:
    """Expand braces: ``a.{b,c{,d}}`` gives ``a.b``, ``a.c``, ``a.cd``."""
    start = pattern.find("{")
    if start < 0:
        if "}" in pattern:
            raise ValueError(f"a brace is closed but never opened in {pattern!r}")
        yield pattern
        return
    end, options = _options(pattern, start)
    tails = tuple(expand(pattern[end:]))
    for option in options:
        for head in expand(option):
            yield from (pattern[:start] + head + tail for tail in tails)


def _options(pattern: str, start: int) -> tuple[int, tuple[str, ...]]:
    """Give the end of the braces that open at ``start``, and the alternatives between them."""
    depth, begin, options = 0, start + 1, []
    for i in range(start, len(pattern)):
        depth += (pattern[i] == "{") - (pattern[i] == "}")
        if (depth == 1 and pattern[i] == ",") or depth == 0:
            options.append(pattern[begin:i])
            begin = i + 1
        if depth == 0:
            return begin, tuple(options)
    raise ValueError(f"a brace is opened but never closed in {pattern!r}")


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Say which known word was probably meant: ``; did you mean 'keyword'?``."""
    from difflib import get_close_matches

    found = get_close_matches(word, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known are {', '.join(known)}"


def describe(value: object) -> str:
    """Name a TOML value's type in words."""
    if isinstance(value, list):
        kinds = sorted({describe(item) for item in value})
        return f"a list with {' and '.join(kinds)}" if kinds else "an empty list"
    words = {bool: "a boolean", int: "a whole number", float: "a float", str: "a string", dict: "a table"}
    return words.get(type(value), type(value).__name__)
