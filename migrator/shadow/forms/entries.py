"""Answer one question: which entries does an exported file hold, and on which line does each begin?

A file is one JSON value, a list, one value a line, or values one after the other as the console exporter of
OpenTelemetry prints them. A page of an API holds its entries under ``data``.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.settings import SettingsError

YAML = (".yaml", ".yml")
MOST_BYTES = 2_000_000_000
_BETWEEN = re.compile(r"[\s,]*")
_PAGES = ("data", "runs", "observations", "rows")

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a file, and where it begins."""

    file: str
    line: int
    value: Body

    @property
    def where(self) -> str:
        """Name the place as a person reads it."""
        return f"{self.file}:{self.line}"


def entries(path: Path) -> tuple[Entry, ...]:
    """Read a file; raises SettingsError with the line and what is wrong there."""
    shown = path.as_posix()
    text = _text(path, shown)
    if path.suffix in YAML or _is_yaml(text):
        return (_yaml(shown, text),)
    return tuple(_json(shown, text))


def _text(path: Path, shown: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{shown}: more than 2 GB; split it, and import the parts one by one")
        data = path.read_bytes()
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{shown}: not UTF-8; JSON, JSONL, and the YAML of vcrpy can be imported") from None
    except (OSError, EOFError) as error:
        raise SettingsError(f"{shown}: {(getattr(error, 'strerror', None) or str(error)).lower()}") from None


def _is_yaml(text: str) -> bool:
    return text.startswith(("interactions:", "---\ninteractions:"))


def _yaml(shown: str, text: str) -> Entry:
    from migrator.sources.entries import Unreadable
    from migrator.sources.yaml_text import plain  # PyYAML is loaded for a file that needs it

    try:
        value = plain(text)
    except Unreadable as error:
        raise SettingsError(f"{shown}: {error}") from None
    if not isinstance(value, Mapping):
        raise SettingsError(f"{shown}:1: not a cassette of vcrpy: it has no interactions")
    return Entry(shown, 1, value)


def _json(shown: str, text: str) -> Iterator[Entry]:
    """Read value after value; what is in a list, or on a page, is an entry of its own."""
    decoder, at, line = json.JSONDecoder(), 0, 1
    inside = False
    while True:
        begin = _skip(text, at)
        if text.startswith("[" if not inside else "]", begin):
            inside, begin = not inside, _skip(text, begin + 1)
        line += text.count("\n", at, begin)
        if begin >= len(text) and not inside:
            return
        try:
            value, at = decoder.raw_decode(text, begin)
        except RecursionError:
            raise SettingsError(f"{shown}:{line}: nested too deep to be read") from None
        except ValueError as error:
            wrong = line + text.count("\n", begin, getattr(error, "pos", begin))
            raise SettingsError(f"{shown}:{wrong}: not JSON; is the file whole?") from None
        yield from _unpacked(shown, line, value)
        line += text.count("\n", begin, at)


def _skip(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _unpacked(shown: str, line: int, value: object) -> Iterator[Entry]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{shown}:{line}: not an object; each entry of an export is one")
    page = next((value[key] for key in _PAGES if isinstance(value.get(key), list)), None)
    if page is None or value.get("object") not in (None, "list"):
        yield Entry(shown, line, value)
        return
    yield from (Entry(shown, line, one) for one in page if isinstance(one, Mapping))
