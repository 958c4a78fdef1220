"""Answer one question: is each key of a configuration table known, and its value of the right type?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import inf

STRING, BOOLEAN = "a string", "true or false"
NUMBER = "a whole number from 1 to 99"
SHARE, CHANCE, AMOUNT = "a number between 0 and 1", "a number between 0 and 0.5", "a number above 0"
STRINGS, TABLES, TABLE = "an array of strings", "an array of tables", "a table"
_BELOW: Mapping[str, float] = {SHARE: 1.0, CHANCE: 0.5, AMOUNT: inf}


class SettingsError(Exception):
    """What the user asked for cannot be read; the message is one line for the person who will fix it."""


def check(table: Mapping[str, object], known: Mapping[str, str], place: str, of_runs: Iterable[str] = ()) -> None:
    """Raise SettingsError where a key is not known or its value not of its type.

    ``known`` has the type of each key as a message says it, ``of_runs`` the keys that only a command line may have.
    """
    for key, value in table.items():
        if key not in known and key in of_runs:
            raise SettingsError(f"'{key}' in {place} is for the command line alone: pass --{key}")
        if key not in known:
            raise SettingsError(f"unknown key '{key}' in {place}; {nearest(key, known)}")
        if not _fits(value, known[key]):
            raise SettingsError(f"'{key}' in {place} must be {known[key]}, not {_said(value, known[key])}")


def _fits(value: object, expected: str) -> bool:
    if expected == STRING:
        return isinstance(value, str)
    if expected == BOOLEAN:
        return isinstance(value, bool)
    if expected == TABLE:
        return isinstance(value, dict)
    if expected == NUMBER:
        return type(value) is int and 1 <= value <= 99
    if expected in _BELOW:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _BELOW[expected]
    kind = str if expected == STRINGS else dict
    return isinstance(value, list | tuple) and all(isinstance(item, kind) for item in value)


def _said(value: object, expected: str) -> str:
    """A number that is out of its range, else the type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if expected in _BELOW and is_number else given(value)


def given(value: object) -> str:
    """Name a value by its type, as a message says it."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "table", list: "array"}
    if isinstance(value, list | tuple):
        kinds = {names.get(type(item), type(item).__name__) for item in value}
        return f"an array of {kinds.pop()}s" if len(kinds) == 1 else "an array of mixed values"
    name = names.get(type(value), type(value).__name__)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask for the nearest of the known names, or list them."""
    close = get_close_matches(name.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
