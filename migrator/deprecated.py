"""Answer one question: where does a repository name a model that is shut down or will be?

Every string of the code and every value of a configuration file that is the name of such a model as a whole, with or
without a provider's prefix. What it is for is not asked: a price table needs the date as much as a call does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from migrator import discover
from migrator.flow.unit import build
from migrator.model import Position, Skip
from migrator.rulebook import Fact, load, load_migration, load_shutdowns, own_file
from migrator.settings import Settings
from migrator.sources import offsets, read
from migrator.sources.config import form_of, read_config


@dataclass(frozen=True, slots=True)
class Named:
    """One literal: ``value`` as it is written, the ``model`` that it names, and the day that ends it."""

    shown: str
    position: Position
    value: str
    model: str
    shutdown: date


@dataclass(frozen=True, slots=True)
class Deprecated:
    """All that were found, in the order of files and lines, and the files that could not be read.

    ``sources`` are where the dates of those that were found were read.
    """

    named: tuple[Named, ...]
    skips: tuple[Skip, ...]
    files_read: int = 0
    sources: tuple[Fact, ...] = ()


def deprecated(paths: Sequence[Path], settings: Settings, *, cwd: Path) -> Deprecated:
    """List every such literal. Reads files, asks no network and writes nothing."""
    migration = load_migration(settings.migration)
    # A migration of the user's own brings models of its own; the shipped ones are in the list of dates already.
    listed = load_shutdowns()
    models = load(settings.migration).models.values()
    own = {name: one for one in models for name in (one.name, *one.aliases) if name not in listed.dates}
    dates = {**listed.dates, **{name: model.shutdown for name, model in own.items() if model.shutdown}}
    names = _Names(dates, tuple(sorted({*migration.prefixes, *migration.gateways}, key=len, reverse=True)))
    selection = discover.select(paths, settings, cwd)
    # A migration of the user's own names the models too, as it must.
    table = own_file(settings.migration, cwd)
    others = (f for f in selection.others if form_of(f.path) is not None and f.path != table)
    files = (*selection.python, *selection.pages, *others)
    found: list[Named] = []
    skips = list(selection.skips)
    for file in discover.candidates(files, tuple(sorted(names.heads))):
        if isinstance(file, Skip):
            skips.append(file)
            continue
        for one in _in_file(file, names):
            (skips if isinstance(one, Skip) else found).append(one)  # type: ignore[arg-type]  # each list has its kind
    found.sort(key=lambda one: (one.shown, one.position.cell or 0, one.position.line, one.position.column))
    facts = (fact for one in found for fact in (own[one.model].sources if one.model in own else (listed.fact,)))
    return Deprecated(tuple(found), tuple(skips), len(files), tuple(dict.fromkeys(facts)))


@dataclass(frozen=True, eq=False)
class _Names:
    dates: Mapping[str, date]
    prefixes: tuple[str, ...]

    @property
    def heads(self) -> frozenset[bytes]:
        """Byte strings one of which stands in every file that matters: the families of the names."""
        return frozenset(re.split(r"(?<=[a-z])-|(?<=\d)[-.]", name)[0].encode() for name in self.dates)

    def model(self, value: str) -> str | None:
        """Give the model that a string names as a whole; a fine-tuned one (``ft:BASE:...``) ends with its base."""
        if value in self.dates:
            return value
        if value.startswith("ft:") and value.split(":")[1] in self.dates:
            return value.split(":")[1]
        bare = (value.removeprefix(prefix) for prefix in self.prefixes if prefix and value.startswith(prefix))
        return next((name for name in bare if name in self.dates), None)


def _in_file(file: discover.Candidate, names: _Names) -> Iterator[Named | Skip]:
    path, shown = file.file.path, file.file.shown
    if form_of(path) is not None and not path.suffix.startswith(".py"):
        yield from _in_config(file, names)
        return
    source = read(path, shown, file.data)
    if isinstance(source, Skip):
        yield source
        return
    unit = build(source)
    for node in unit.strings:
        model = names.model(str(node.value))
        if model is not None:
            place = unit.lines.position(unit.span(node).start)
            yield Named(shown, place, str(node.value), model, names.dates[model])


def _in_config(file: discover.Candidate, names: _Names) -> Iterator[Named | Skip]:
    config = read_config(file.file.path, file.file.shown, file.data)
    if isinstance(config, Skip):
        yield config
        return
    lines = offsets(config.source)
    for entry in config.entries:
        model = names.model(entry.value) if entry.is_text else None
        if model is not None:
            place = lines.position(entry.span.start)
            yield Named(file.file.shown, place, entry.value, model, names.dates[model])
