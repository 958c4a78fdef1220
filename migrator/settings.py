"""Answer one question: what did the user ask for?

The command line beats the configuration file, the file beats the defaults. What is not known is an
error that names the file, the key and the nearest right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.evidence import Gate

TRANSFORMS = ("model", "parameters", "order_prompt", "cache_key")

FILES = ("migrator.toml", "pyproject.toml")

_STRING, _BOOLEAN = "a string", "true or false"
_NUMBER = "a whole number from 1 to 99"
_STRINGS, _TABLES = "an array of strings", "an array of tables"

FILE_KEYS: Mapping[str, str] = {
    "to": _STRING,
    "pin": _BOOLEAN,
    "gateways": _BOOLEAN,
    "docs": _BOOLEAN,
    "only": _STRINGS,
    "skip": _STRINGS,
    "exclude": _STRINGS,
    "force-exclude": _BOOLEAN,
    "cache-key-buckets": _NUMBER,
    "redact": _STRINGS,
    "surface": _TABLES,
}
# A file that applies what is held for review would do so in every run: only a command line can ask for it.
RUN_KEYS: Mapping[str, str] = {**FILE_KEYS, "review": _BOOLEAN}


class SettingsError(Exception):
    """What the user asked for cannot be read; the message is one line for the person who will fix it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run is asked to do, from the command line and the configuration file.

    ``buckets``: over how many cache keys the requests of one call are spread, where a parameter allows it.
    ``gate``: only what a shadow comparison lets through is changed.
    ``transforms`` are the names that run after --only and --skip. ``surfaces`` are the user's own
    surface tables, as parsed TOML, in the notation of ``rules/surfaces``.
    """

    migration: str = "gpt-4.1-mini"
    pin: bool = False
    gateways: bool = False
    docs: bool = False
    review: bool = False
    buckets: int = 1
    transforms: tuple[str, ...] = TRANSFORMS
    exclude: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    force_exclude: bool = False
    surfaces: tuple[Mapping[str, object], ...] = field(default_factory=tuple)
    config: Path | None = None
    gate: Gate | None = None


def load(config: Path | None, root: Path, overrides: Mapping[str, object]) -> Settings:
    """Build the settings of a run.

    ``config`` is a file that the user named; without one the nearest file at or above ``root`` counts.
    ``overrides`` has the keys of a file and ``review``; None and () say nothing.
    """
    path = config or find(root)
    table, place = _read(path, root) if path else ({}, "")
    said = {key: value for key, value in overrides.items() if value is not None and value != ()}
    _check(table, FILE_KEYS, place)
    _check(said, RUN_KEYS, "the command line")
    chosen = {**_undecided(table, said), **said}
    places = {**dict.fromkeys(table, place), **dict.fromkeys(said, "the command line")}
    return _settings(chosen, _transforms(chosen, places), path)


def find(root: Path) -> Path | None:
    """Give the nearest file at or above ``root``; a pyproject.toml counts if it has our table."""
    paths = (folder / name for folder in (root, *root.parents) for name in FILES)
    return next((path for path in paths if _counts(path)), None)


def _counts(path: Path) -> bool:
    """Parse only a file that mentions us: another project's broken pyproject.toml is not our error."""
    try:
        if path.name != "pyproject.toml":
            return path.is_file()
        return b"migrator" in path.read_bytes() and _own_table(_parse(path, str(path))) is not None
    except OSError:
        return False


def _read(path: Path, root: Path) -> tuple[Mapping[str, object], str]:
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    document = _parse(path, shown)
    if path.name != "pyproject.toml":
        return document, shown
    table = _own_table(document)
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"'tool.migrator' in {shown} must be a table, not {_given(table)}")
    return table or {}, f"{shown} [tool.migrator]"


def _parse(path: Path, shown: str) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{shown}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{shown}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{shown}: not TOML: {error}") from error


def _own_table(document: Mapping[str, object]) -> object:
    tool = document.get("tool")
    return tool.get("migrator") if isinstance(tool, dict) else None


def _check(table: Mapping[str, object], known: Mapping[str, str], place: str) -> None:
    for key, value in table.items():
        if key not in known and key in RUN_KEYS:
            raise SettingsError(f"'{key}' in {place} is for the command line alone: pass --{key}")
        if key not in known:
            raise SettingsError(f"unknown key '{key}' in {place}; {_nearest(key, known)}")
        if not _fits(value, known[key]):
            raise SettingsError(f"'{key}' in {place} must be {known[key]}, not {_given(value)}")


def _fits(value: object, expected: str) -> bool:
    if expected == _STRING:
        return isinstance(value, str)
    if expected == _BOOLEAN:
        return isinstance(value, bool)
    if expected == _NUMBER:
        return type(value) is int and 1 <= value <= 99
    kind = str if expected == _STRINGS else dict
    return isinstance(value, list | tuple) and all(isinstance(item, kind) for item in value)


def _given(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "table", list: "array"}
    if isinstance(value, list | tuple):
        kinds = {names.get(type(item), type(item).__name__) for item in value}
        return f"an array of {kinds.pop()}s" if len(kinds) == 1 else "an array of mixed values"
    name = names.get(type(value), type(value).__name__)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"


def _undecided(table: Mapping[str, object], said: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out what the command line decides: --only is the whole choice, so the file's skip goes too."""
    return {key: value for key, value in table.items() if not (key == "skip" and "only" in said)}


def _transforms(chosen: Mapping[str, object], places: Mapping[str, str]) -> tuple[str, ...]:
    named = {key: _names(chosen, key) for key in ("only", "skip")}
    for key, name in ((key, name) for key, names in named.items() for name in names):
        if name not in TRANSFORMS:
            place = f"'{key}' of {places[key]}"
            raise SettingsError(f"unknown transform '{name}' in {place}; {_nearest(name, TRANSFORMS)}")
    wanted = named["only"] or TRANSFORMS
    left = tuple(name for name in TRANSFORMS if name in wanted and name not in named["skip"])
    if not left:
        raise SettingsError(f"nothing is left to run: 'skip' of {places['skip']} names all that is chosen")
    return left


def _names(chosen: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Split at commas, since a command line gives ``--only model,cache_key``."""
    return tuple(name.strip() for text in _strings(chosen, key) for name in text.split(",") if name.strip())


def _settings(chosen: Mapping[str, object], transforms: tuple[str, ...], config: Path | None) -> Settings:
    default = Settings()
    return Settings(
        migration=str(chosen.get("to", default.migration)),
        pin=bool(chosen.get("pin", default.pin)),
        gateways=bool(chosen.get("gateways", default.gateways)),
        docs=bool(chosen.get("docs", default.docs)),
        review=bool(chosen.get("review", default.review)),
        buckets=_number(chosen, "cache-key-buckets", default.buckets),
        transforms=transforms,
        exclude=_strings(chosen, "exclude"),
        redact=_strings(chosen, "redact"),
        force_exclude=bool(chosen.get("force-exclude", default.force_exclude)),
        surfaces=tuple(item for item in _items(chosen, "surface") if isinstance(item, dict)),
        config=config,
    )


def _number(chosen: Mapping[str, object], key: str, default: int) -> int:
    value = chosen.get(key, default)
    return value if isinstance(value, int) else default


def _strings(chosen: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(item for item in _items(chosen, key) if isinstance(item, str))


def _items(chosen: Mapping[str, object], key: str) -> Sequence[object]:
    value = chosen.get(key, ())
    return value if isinstance(value, list | tuple) else ()
