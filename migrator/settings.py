"""Answer one question: what did the user ask for?

The command line beats the configuration file, the file beats the defaults. What is not known is an
error that names the file, the key and the nearest right one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.checks import BOOLEAN, NUMBER, STRING, STRINGS, TABLE, TABLES, check, given, nearest
from migrator.checks import SettingsError as SettingsError
from migrator.defaults import default_migration
from migrator.shadow_settings import ShadowSettings, read

if TYPE_CHECKING:
    from migrator.evidence import Gate

TRANSFORMS = ("model", "parameters", "order_prompt", "cache_key")

FILES = ("migrator.toml", "pyproject.toml")

FILE_KEYS: Mapping[str, str] = {
    "to": STRING,
    "pin": BOOLEAN,
    "gateways": BOOLEAN,
    "docs": BOOLEAN,
    "only": STRINGS,
    "skip": STRINGS,
    "exclude": STRINGS,
    "force-exclude": BOOLEAN,
    "azure-cache-keys": BOOLEAN,
    "cache-key-buckets": NUMBER,
    "redact": STRINGS,
    "price": TABLES,
    "surface": TABLES,
    "shadow": TABLE,
}
# A file that applies what is held for review would do so in every run: only a command line can ask for it.
RUN_KEYS: Mapping[str, str] = {**FILE_KEYS, "review": BOOLEAN}


class CannotRun(SettingsError):
    """What the user asked for is right and cannot be done here: no key, no SDK, no server, no money."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run is asked to do, from the command line and the configuration file.

    ``azure_keys``: calls that run on Azure get a cache key too.
    ``buckets``: over how many cache keys the requests of one call are spread, where a parameter allows it.
    ``gate``: only what a shadow comparison lets through is changed.
    ``transforms`` are the names that run after --only and --skip. ``surfaces`` are the user's own
    surface tables, as parsed TOML, in the notation of ``rules/surfaces``, ``prices`` what they pay for models.
    ``shadow`` is read by ``migrator shadow`` alone.
    """

    migration: str = field(default_factory=default_migration)
    pin: bool = False
    gateways: bool = False
    docs: bool = False
    review: bool = False
    azure_keys: bool = False
    buckets: int = 1
    transforms: tuple[str, ...] = TRANSFORMS
    exclude: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    force_exclude: bool = False
    prices: tuple[Mapping[str, object], ...] = ()
    surfaces: tuple[Mapping[str, object], ...] = field(default_factory=tuple)
    shadow: ShadowSettings = field(default_factory=ShadowSettings)
    config: Path | None = None
    gate: Gate | None = None


def load(config: Path | None, root: Path, overrides: Mapping[str, object], *, looks_above: bool = True) -> Settings:
    """Build the settings of a run.

    ``config`` is a file that the user named; without one the nearest file at or above ``root`` counts, or only one in
    ``root`` itself. ``overrides`` has the keys of a file and ``review``; None and () say nothing.
    """
    path = config or find(root, looks_above=looks_above)
    table, place = _read(path, root) if path else ({}, "")
    said = {key: value for key, value in overrides.items() if value is not None and value != ()}
    check(table, FILE_KEYS, place, RUN_KEYS)
    check(said, RUN_KEYS, "the command line")
    chosen = {**_undecided(table, said), **said}
    # Where nothing above is looked at, the configuration is that of a copy, and so is what it names.
    if path is not None and looks_above and "to" in table and "to" not in said:
        chosen["to"] = _from_folder(path, str(table["to"]))
    places = {**dict.fromkeys(table, place), **dict.fromkeys(said, "the command line")}
    shadow = read(table.get("shadow", {}), f"{place[:-1]}.shadow]" if place.endswith("]") else f"{place} [shadow]")
    return replace(_settings(chosen, _transforms(chosen, places), path), shadow=shadow)


def find(root: Path, *, looks_above: bool = True) -> Path | None:
    """Give the nearest file at or above ``root``; a pyproject.toml counts if it has our table."""
    paths = (folder / name for folder in (root, *(root.parents if looks_above else ())) for name in FILES)
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
        raise SettingsError(f"'tool.migrator' in {shown} must be a table, not {given(table)}")
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
    except RecursionError:
        raise SettingsError(f"{shown}: not TOML that can be read: it is nested too deeply") from None


def _own_table(document: Mapping[str, object]) -> object:
    tool = document.get("tool")
    return tool.get("migrator") if isinstance(tool, dict) else None


def _from_folder(config: Path, target: str) -> str:
    """Give the file of a user's own migration as seen from here: it is named as seen from the configuration."""
    if not target.endswith(".toml"):
        return target
    path = config.parent / target
    try:
        return os.path.relpath(path)
    except ValueError:  # on another drive
        return str(path)


def _undecided(table: Mapping[str, object], said: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out what the command line decides: --only is the whole choice, so the file's skip goes too."""
    return {key: value for key, value in table.items() if not (key == "skip" and "only" in said)}


def _transforms(chosen: Mapping[str, object], places: Mapping[str, str]) -> tuple[str, ...]:
    named = {key: _names(chosen, key) for key in ("only", "skip")}
    for key, name in ((key, name) for key, names in named.items() for name in names):
        if name not in TRANSFORMS:
            place = f"'{key}' of {places[key]}"
            raise SettingsError(f"unknown transform '{name}' in {place}; {nearest(name, TRANSFORMS)}")
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
        azure_keys=bool(chosen.get("azure-cache-keys", default.azure_keys)),
        buckets=_number(chosen, "cache-key-buckets", default.buckets),
        transforms=transforms,
        exclude=_strings(chosen, "exclude"),
        redact=_strings(chosen, "redact"),
        force_exclude=bool(chosen.get("force-exclude", default.force_exclude)),
        prices=_tables(chosen, "price"),
        surfaces=_tables(chosen, "surface"),
        config=config,
    )


def _number(chosen: Mapping[str, object], key: str, default: int) -> int:
    value = chosen.get(key, default)
    return value if isinstance(value, int) else default


def _strings(chosen: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(item for item in _items(chosen, key) if isinstance(item, str))


def _tables(chosen: Mapping[str, object], key: str) -> tuple[Mapping[str, object], ...]:
    return tuple(item for item in _items(chosen, key) if isinstance(item, dict))


def _items(chosen: Mapping[str, object], key: str) -> Sequence[object]:
    value = chosen.get(key, ())
    return value if isinstance(value, list | tuple) else ()
