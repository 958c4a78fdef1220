"""Answer one question: what do the tables in ``rules/`` say?"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from migrator import rows
from migrator.nouns import (
    READING,
    STORE,
    Caching,
    Carrier,
    Client,
    Enumeration,
    Fact,
    Library,
    Match,
    Migration,
    Model,
    Note,
    Provider,
    Reason,
    Reported,
    Shutdowns,
    Slot,
    Surface,
    Url,
    Use,
)
from migrator.shipped import rules as rules_folder
from migrator.tables import RuleError, Table, nearest

__all__ = (
    "Caching",
    "Carrier",
    "Client",
    "Enumeration",
    "Fact",
    "Library",
    "Match",
    "Migration",
    "Model",
    "Note",
    "Provider",
    "Reason",
    "Reported",
    "RuleError",
    "Rulebook",
    "Shutdowns",
    "Slot",
    "Surface",
    "Url",
    "Use",
    "is_own",
    "load",
    "load_all",
    "load_caching",
    "load_migration",
    "load_shutdowns",
    "own_file",
)

CONFIGURATION = "[tool.migrator]"


class Called(Protocol):
    """A row that is found by its callee."""

    @property
    def calls(self) -> tuple[str, ...]:
        """Give canonical callees without braces."""


Row = TypeVar("Row", bound=Called)


@dataclass(frozen=True, slots=True)
class Index(Generic[Row]):
    """Rows by callee: exact, by a beginning (``a.b.**``) or by an end (``**.assert_called_with``)."""

    exact: Mapping[str, tuple[Row, ...]]
    beginnings: Mapping[str, tuple[Row, ...]]
    endings: Mapping[str, tuple[Row, ...]]

    def get(self, callee: str) -> tuple[Row, ...]:
        """Find the rows: an exact callee goes before a pattern, a longer pattern before a shorter."""
        if found := self.exact.get(callee):
            return found
        dots = tuple(i for i, letter in enumerate(callee) if letter == ".")
        beginnings = (self.beginnings.get(callee[:i], ()) for i in reversed(dots))
        endings = (self.endings.get(callee[i + 1 :], ()) for i in dots)
        return next((found for found in chain(beginnings, endings) if found), ())


def _index(table: Iterable[Row]) -> Index[Row]:
    exact: dict[str, tuple[Row, ...]] = {}
    beginnings: dict[str, tuple[Row, ...]] = {}
    endings: dict[str, tuple[Row, ...]] = {}
    for row in table:
        for call in row.calls:
            kind = beginnings if call.endswith(".**") else endings if call.startswith("**.") else exact
            key = call.removesuffix(".**").removeprefix("**.")
            kind[key] = (*kind.get(key, ()), row)
    return Index(exact, beginnings, endings)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All tables, parsed. Lookups by canonical callee are the hot path: a few dictionary reads."""

    models: Mapping[str, Model]
    migrations: Mapping[str, Migration]
    surfaces: tuple[Surface, ...]
    clients: tuple[Client, ...]
    carriers: tuple[Carrier, ...]
    reasons: Mapping[str, Reason]
    uses: tuple[Use, ...] = ()
    _surfaces: Index[Surface] = field(init=False, repr=False, compare=False)
    _uses: Index[Use] = field(init=False, repr=False, compare=False)
    _clients: Index[Client] = field(init=False, repr=False, compare=False)
    _carriers: Index[Carrier] = field(init=False, repr=False, compare=False)
    _readers: Index[Carrier] = field(init=False, repr=False, compare=False)
    _stores: Index[Carrier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the rows once."""
        object.__setattr__(self, "_surfaces", _index(self.surfaces))
        object.__setattr__(self, "_uses", _index(self.uses))
        object.__setattr__(self, "_clients", _index(self.clients))
        object.__setattr__(self, "_carriers", _index(c for c in self.carriers if c.kind not in (*READING, STORE)))
        object.__setattr__(self, "_readers", _index(c for c in self.carriers if c.kind in READING))
        object.__setattr__(self, "_stores", _index(c for c in self.carriers if c.kind == STORE))

    def surfaces_for(self, callee: str) -> tuple[Surface, ...]:
        """Find the surfaces of a call: ``openai.OpenAI().with_options().responses.create``."""
        return self._surfaces.get(self.plain(callee))

    def uses_for(self, callee: str) -> tuple[Use, ...]:
        """Find where a call takes an object and a prompt: ``agno.agent.Agent``."""
        return self._uses.get(self.plain(callee))

    def client_of(self, callee: str) -> Client | None:
        """Find the constructor whose instance is called, or that is called itself: ``openai.OpenAI``."""
        while callee:
            if found := self._clients.get(callee):
                return found[0]
            callee = callee.rpartition("()")[0]
        return None

    def carrier_of(self, callee: str) -> Carrier | None:
        """Find the carrier of a call: ``os.getenv``."""
        return next(iter(self._carriers.get(callee)), None)

    def reader_of(self, callee: str) -> Carrier | None:
        """Find the carrier of a call that is given a file, or what a file holds: ``yaml.safe_load``."""
        return next(iter(self._readers.get(callee)), None)

    def store_of(self, name: str) -> Carrier | None:
        """Find the store that a library's object is: ``streamlit.session_state``."""
        return next(iter(self._stores.get(name)), None)

    def plain(self, callee: str) -> str:
        """Drop the methods that give the same client back: ``openai.OpenAI().copy().responses.create``."""
        client = self.client_of(callee)
        for method in client.same if client else ():
            callee = callee.replace(f".{method}()", "")
        return callee


def load(target: str | None = None, extra: Sequence[Mapping[str, object]] = ()) -> Rulebook:
    """Read all tables, once; of the migrations only ``target`` where it is given.

    ``extra`` are a user's own surface tables, in the notation of ``rules/surfaces``. One that has the name of a shipped
    table is put on top of it; any other takes the place of the shipped ones for the callees that it names.
    """
    book = _shipped(target)
    if not extra:
        return book
    known = {surface.name: surface for surface in book.surfaces}
    own = [_own_surface(data, place, book, known) for place, data in enumerate(extra, 1)]
    _no_name_twice(CONFIGURATION, tuple(surface.name for surface in own))
    new = tuple(surface for surface in own if surface.name not in known)
    changed = {surface.name: surface for surface in own if surface.name in known}
    taken = {call for one in own for call in one.calls if one.name not in known or call not in known[one.name].calls}
    kept = (changed.get(one.name) or _without(one, taken) for one in book.surfaces)
    return replace(book, surfaces=(*new, *(surface for surface in kept if surface.calls)))


def load_all(target: str, extra: Sequence[Mapping[str, object]] = ()) -> Rulebook:
    """Read all tables, and beside all shipped migrations the one that a project goes to, which may be its own.

    ``extra`` is as in ``load``.
    """
    book = load(None, extra)
    there = _shipped(target)
    return replace(book, models=there.models, migrations={**book.migrations, **there.migrations})


def _own_surface(data: Mapping[str, object], place: int, book: Rulebook, known: Mapping[str, Surface]) -> Surface:
    name = data.get("name")
    base = known.get(name) if isinstance(name, str) else None
    library = base.library if base is not None else rows.OWN
    whole = _on_top(_raw_surfaces()[base.name], data) if base is not None else data
    return rows.surface(Table(CONFIGURATION, f"surface {name or place}", whole), library, book.reasons)


def _on_top(base: Mapping[str, object], data: Mapping[str, object]) -> Mapping[str, object]:
    """Put a user's keys on top of a shipped table: callees are added, tables are filled up, all else is replaced."""
    whole = {**base, **data}
    for key, value in data.items():
        under = base.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            whole[key] = {**under, **value}
        elif key == "calls" and isinstance(value, list) and isinstance(under, list):
            whole[key] = [*under, *value]
    return whole


def _without(surface: Surface, taken: Set[str]) -> Surface:
    left = tuple(call for call in surface.calls if call not in taken)
    return surface if left == surface.calls else replace(surface, calls=left)


@cache
def _raw_surfaces() -> Mapping[str, Mapping[str, object]]:
    """The shipped tables of surfaces by their names, as parsed TOML."""
    files = (_read(path) for path in _files("surfaces"))
    return {str(child.data["name"]): child.data for table in files for child in table.children("surface")}


@cache
def load_migration(name: str) -> Migration:
    """Read one migration and no other file. A name that ends in ``.toml`` is a file of the user's own."""
    return rows.migration(name, _migration_table(name))


def is_own(name: str) -> bool:
    """Say whether a migration is a file of the user's."""
    return name.endswith(".toml")


def own_file(name: str, folder: Path) -> Path | None:
    """Give the file of a user's own migration, as seen from ``folder``; None for one that is shipped."""
    return Path(os.path.normpath(folder / name)) if is_own(name) else None


def _migration_table(name: str) -> Table:
    if is_own(name):
        return _read(Path(name))
    known = tuple(path.stem for path in _files("migrations"))
    if name not in known:
        hint = nearest(name, known)
        also = f"{' A' if hint.endswith('?') else '; a'} path to a .toml file is taken too"
        raise RuleError("rules/migrations", "", "", f"no migration {name!r}{hint}{also}")
    return _read(rules_folder() / "migrations" / f"{name}.toml")


@cache
def load_caching() -> Caching:
    """Read the rules of prompt caching and no other file."""
    return rows.caching(_read(rules_folder() / "caching.toml"))


@cache
def load_shutdowns() -> Shutdowns:
    """Read the announced shutdown dates and no other file."""
    return rows.shutdowns(_read(rules_folder() / "shutdowns.toml"))


@cache
def _shipped(target: str | None) -> Rulebook:
    models = {model.name: model for path in _files("models") for model in _models(path)}
    if target is not None and is_own(target):
        models.update((model.name, model) for model in rows.models(_migration_table(target)))
    names = (target,) if target else tuple(path.stem for path in _files("migrations"))
    migrations = {name: load_migration(name) for name in names}
    reasons = rows.reasons(_read(rules_folder() / "reasons.toml"))
    surfaces: list[Surface] = []
    clients: list[Client] = []
    uses: list[Use] = []
    for path in _files("surfaces"):
        table = _read(path)
        surfaces += rows.surfaces(table, reasons)
        clients += rows.clients(table)
        uses += rows.uses(table)
        _no_name_twice(table.file, tuple(surface.name for surface in surfaces))
    carriers = rows.carriers(_read(rules_folder() / "carriers.toml"))
    for migration in migrations.values():
        _check(migration, models, reasons)
    return Rulebook(models, migrations, tuple(surfaces), tuple(clients), carriers, reasons, tuple(uses))


def _models(path: Path) -> tuple[Model, ...]:
    table = _read(path)
    table.only("model")
    return rows.models(table)


def _files(folder: str) -> tuple[Path, ...]:
    return tuple(sorted((rules_folder() / folder).glob("*.toml")))


def _read(path: Path) -> Table:
    shown = f"rules/{path.relative_to(rules_folder()).as_posix()}" if path.is_relative_to(rules_folder()) else str(path)
    try:
        return Table(shown, "", tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RuleError(shown, "", "", f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError(shown, "", "", f"cannot be read: {error}") from None


def _no_name_twice(file: str, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise RuleError(file, f"surface {name}", "name", "another surface has this name")


def _check(migration: Migration, models: Mapping[str, Model], reasons: Mapping[str, Reason]) -> None:
    """Raise where a migration names a model or a reason that no table has."""
    file = migration.name if is_own(migration.name) else f"rules/migrations/{migration.name}.toml"
    places = (
        ("migration", "target", (migration.target,)),
        ("rename", "from", tuple(migration.names)),
        ("rename", "to", tuple(migration.names.values())),
        ("rename", "pinned", tuple(migration.pinned.values())),
    )
    known = tuple(name for model in models.values() for name in (model.name, *model.aliases))
    for table, key, names in places:
        for name in names:
            if name not in known:
                raise RuleError(file, table, key, f"no [[model]] {name!r}{nearest(name, known)}")
    for entry in migration.reported:
        rows.known_reason(Table(file, "reported", {}), "reason", entry.reason, reasons)
