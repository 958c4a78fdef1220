"""Answer one question: which requests does code send with a configuration file's value?

The value's file is what a string of the code names, and a call reads; or the value is a variable of
the environment. From there it is followed as a literal is, and what stands against it counts the same.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from migrator.find import hazards_of, notes_of, reaches_of
from migrator.find_config import variable
from migrator.flow import files
from migrator.flow.environment import read_environment
from migrator.flow.forward import run
from migrator.flow.project import Project
from migrator.flow.trace import ANY, MAX_PATH, State, Trace, key
from migrator.flow.trace import Path as Way
from migrator.flow.unit import Unit
from migrator.model import Finding, Hazard, Reach, Step
from migrator.nouns import Migration
from migrator.rulebook import Rulebook
from migrator.sources.entries import ConfigSource, Entry, Keys

# Code in another language may read the same file or variable; nobody looks into it.
LANGUAGES = frozenset(
    (
        *(".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
        *(".go", ".java", ".kt", ".kts", ".scala", ".cs", ".rb", ".php", ".rs", ".swift", ".dart", ".ex", ".exs"),
    )
)
# Hydra: the file's values stand elsewhere than its folder says.
PACKAGE = "# @package"


def with_reads(
    config: ConfigSource,
    finding: Finding,
    project: Project,
    rules: Rulebook,
    migration: Migration,
    *,
    pin: bool,
    others: Iterable[Path] = (),
) -> Finding:
    """Add to what is known of a value the requests that code sends with it, and what stands against them.

    ``others`` are the project's other files: where code of another language names the file or the
    variable too, its use is unknown, and nothing is proven.
    """
    entry = next((e for e in config.entries if e.span.end == finding.origin.span.end), None)
    if entry is None:
        return finding
    trace = _traced(config, entry, finding, project, rules, migration, pin)
    if trace is None:
        return finding
    doubted = _doubted(trace)
    found = (*hazards_of(trace, finding.origin.value), *(hazards_of(doubted, finding.origin.value)))
    against = (hazard for hazard in found if not _is_published(project, hazard))
    if finding.reaches:
        # The kind of file is a proof of its own, which never depended on how far the code can be followed.
        against = (hazard for hazard in against if hazard.reason != "too_far")
    origin = finding.origin
    start = Step(origin.shown, origin.position, origin.qualname)
    reaches = tuple(Reach(reach.site, (start, *reach.steps)) for reach in reaches_of(trace))
    if reaches and _is_read_elsewhere(project, config, _variable(config, entry, finding), others):
        reaches = ()
    match = migration.match(origin.value)
    notes: Iterator[Hazard] = notes_of(trace, None, match.old) if match is not None else iter(())
    return replace(
        finding,
        reaches=(*finding.reaches, *reaches),
        hazards=tuple(dict.fromkeys((*finding.hazards, *against))),
        notes=(*finding.notes, *notes),
    )


def _traced(
    config: ConfigSource,
    entry: Entry,
    finding: Finding,
    project: Project,
    rules: Rulebook,
    migration: Migration,
    pin: bool,
) -> Trace | None:
    """Follow a value from where code reads it; None when no code can."""
    name = _variable(config, entry, finding)
    first = _first_unit(project, config, name)
    if first is None:
        return None
    value = finding.origin.value
    origin = ast.copy_location(ast.Constant(value), first.tree.body[0]) if first.tree.body else None
    if origin is None:
        return None
    trace = Trace(project, rules, migration, first, origin)
    begin = State(first, origin, (), value, migration.rename(value, pin) or "", (), None, "")
    if name is None:
        trace.longest = MAX_PATH + max(len(place) for place in entry.places)
        for place in entry.places:
            files.named(trace, begin, config.source.path, _way(config, place))
            if not config.source.text.startswith(PACKAGE):
                files.composed(trace, begin, config.source.path, _way(config, place))
    else:
        folder = _folder_of_code(config, entry)
        trace.within = _home(project, folder, name) if folder is not None else None
        if trace.within is None:
            return None
        read_environment(trace, begin, name)
    run(trace)
    return trace


def _variable(config: ConfigSource, entry: Entry, finding: Finding) -> str | None:
    """The variable that the value is for; ``- OPENAI_MODEL=gpt-4o`` is one too, its entry holds the whole text."""
    if entry.value.endswith(f"={finding.origin.value}"):
        return finding.origin.qualname.rpartition(".")[2]
    return variable(config, entry)


def _is_read_elsewhere(project: Project, config: ConfigSource, name: str | None, others: Iterable[Path]) -> bool:
    path = config.source.path
    word = (name or path.name).encode()
    folder = project.program(path)
    codes = (p for p in others if p.suffix.lower() in LANGUAGES and folder in p.parents)
    return any(word in project.bytes_of(code) for code in codes)


def _first_unit(project: Project, config: ConfigSource, name: str | None) -> Unit | None:
    """A file that names what would be read, or one that reads whole folders or any variable."""
    words = (config.source.path.name, "config_path") if name is None else (name, "BaseSettings")
    return next((unit for word in words for unit in project.units_naming(word)), None)


def _way(config: ConfigSource, keys: Keys) -> Way:
    """The keys as code has them: of an INI file, options are in small letters, and defaults are in every section."""
    if config.form != "ini" or len(keys) < 2:
        return tuple(key(name) for name in keys)
    section = ANY if keys[0] == "DEFAULT" else keys[0]
    return key(section), *(key(str(name).lower()) for name in keys[1:])


def _folder_of_code(config: ConfigSource, entry: Entry) -> Path | None:
    """The folder whose code a variable is for: an environment file's own, or what the service is built from."""
    folder = config.source.path.parent
    if config.form == "env":
        return folder
    for depth in range(len(entry.keys)):
        table = entry.keys[:depth]
        if "build" in config.keys(table, entry.document):
            build = config.at((*table, "build"), entry.document) or config.at((*table, "build", "context"))
            return Path(os.path.normpath(folder / build.value)) if build is not None else folder
    return None


def _home(project: Project, start: Path, name: str) -> Path | None:
    """The nearest folder from ``start`` upwards with code that may read the variable, inside the same program."""
    readers = (*project.files_naming(name), *project.files_naming("BaseSettings"))
    program = project.program(start / name)
    for folder in (start, *start.parents):
        if any(folder in reader.parents for reader in readers):
            return folder
        if folder == program:
            return None
    return None


def _is_published(project: Project, hazard: Hazard) -> bool:
    """Say whether a place is inside a library that is developed here: the tables say what it does with a model."""
    return bool(project.published.intersection(hazard.shown.split("/")[:-1]))


def _doubted(trace: Trace) -> Trace:
    """Follow what a file of the same name, which may be this one, would give: nothing of it may stand against."""
    other = Trace(trace.project, trace.rules, trace.migration, trace.unit, trace.literal)
    other.longest = trace.longest
    for state, call, reader in trace.doubts:
        files.open_content(other, state, reader, call)
    run(other)
    return other
