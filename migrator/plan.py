"""Answer one question: what would happen to these paths?

``scan``, ``apply --diff``, ``apply``, the hook and the bot are readings of the one ``Plan``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from migrator import discover
from migrator.model import Decision, Edit, Finding, Hazard, Patch, Plan, Report, Review, Rewrite, Skip, Source
from migrator.rulebook import Migration, Rulebook, load, load_migration
from migrator.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from migrator.flow.project import Project
    from migrator.flow.unit import Unit

Progress = Callable[[str, int, int], None]


def make(
    paths: Sequence[Path], settings: Settings, *, cwd: Path, today: date, progress: Progress | None = None
) -> Plan:
    """Plan the migration of ``paths``. Reads files, writes nothing, asks no network."""
    migration = load_migration(settings.migration)
    selection = discover.select(paths, settings, cwd)
    found = tuple(discover.candidates(selection.python, migration.prefilter))
    skips = [*selection.skips, *(f for f in found if isinstance(f, Skip))]
    hits = {c.file.path: c for c in found if isinstance(c, discover.Candidate)}
    others = discover.others_naming(selection.others, migration.prefilter[:1])
    read = len(selection.python)
    if not hits:
        return Plan(migration.name, (), (), tuple(skips), read, 0, 0, others)
    root = discover.project_root(paths, cwd)
    known = {f.path: f.shown for f in (*discover.select([root], Settings(), cwd).python, *selection.python)}
    planned = _planned(known, root, hits, settings, today, progress)
    return replace(planned, skips=(*skips, *planned.skips), files_read=read, others=others)


def make_text(text: bytes, shown: str, settings: Settings, *, cwd: Path, today: date) -> Plan:
    """Plan the migration of one text that is not a file, such as standard input."""
    path = cwd / shown
    candidate = discover.Candidate(discover.File(path, shown), text)
    return replace(_planned({path: shown}, cwd, {path: candidate}, settings, today, None), files_read=1)


def _planned(
    known: dict[Path, str],
    root: Path,
    hits: dict[Path, discover.Candidate],
    settings: Settings,
    today: date,
    progress: Progress | None,
) -> Plan:
    from migrator.flow.project import Project
    from migrator.sources import pins
    from migrator.sources.metadata import published_here

    rules = load(settings.migration, settings.surfaces)
    migration = rules.migrations[settings.migration]
    project = Project(root, known, pins.read(root), published_here(root, known, rules))
    project.data.update({path: c.data for path, c in hits.items()})
    decisions: list[Decision] = []
    patches: list[Patch] = []
    skips: list[Skip] = []
    ignored = 0
    for number, path in enumerate(sorted(hits, key=lambda p: known[p]), 1):
        if progress is not None:
            progress(known[path], number, len(hits))
        outcome, left_out = _file(project, rules, migration, path, settings, today)
        ignored += left_out
        if isinstance(outcome, Skip):
            skips.append(outcome)
            continue
        decided, patch, skip = outcome
        decisions += decided
        patches += [patch] if patch is not None else []
        skips += [skip] if skip is not None else []
    return Plan(migration.name, tuple(decisions), tuple(patches), tuple(skips), len(hits), len(project.units), ignored)


Outcome = tuple[tuple[Decision, ...], Patch | None, Skip | None]


def _file(
    project: Project, rules: Rulebook, migration: Migration, path: Path, settings: Settings, today: date
) -> tuple[Outcome | Skip, int]:
    """Plan one file. A file that cannot be planned is one skip, and never stops the others."""
    from migrator.decide import decide
    from migrator.find import findings

    try:
        unit = project.unit(path)
        if unit is None:
            return project.skips[path], 0
        found = findings(project, rules, migration, unit, pin=settings.pin)
        kept, ignored = _not_ignored(unit, found, today)
        decided = decide(kept, migration, settings)
        return _patched(path, unit.source, decided, settings), ignored
    except Exception as error:  # the one broad net: a bug in one file must not stop the rest, and is shown
        return Skip(project.files[path], f"could not be planned: {type(error).__name__}: {error}", is_error=True), 0


def _not_ignored(unit: Unit, found: tuple[Finding, ...], today: date) -> tuple[tuple[Finding, ...], int]:
    """Leave out what a comment asks to ignore, and count it."""
    from migrator.pragmas import pragmas

    wishes = pragmas(unit.source.view)
    kept = tuple(f for f in found if not any(wishes.ignored(n, today) for n in _lines(unit, f)))
    return kept, len(found) - len(kept)


def _lines(unit: Unit, finding: Finding) -> range:
    """The lines of the joined text that the literal covers; a notebook's positions count per cell."""
    span = finding.origin.span
    return range(unit.lines.line(span.start), unit.lines.line(span.end) + 1)


def _patched(path: Path, source: Source, decisions: tuple[Decision, ...], settings: Settings) -> Outcome:
    from migrator.edits import EditConflict, apply, merge
    from migrator.verify import prove

    decided, wanted = _edits(source, decisions, settings)
    if not wanted:
        return decided, None, None
    edits = merge(wanted)
    try:
        after = apply(source, edits)
    except EditConflict as error:
        return _withheld(decided), None, Skip(source.shown, str(error))
    reason = prove(source, edits, after)
    if reason is not None:
        return _withheld(decided), None, Skip(source.shown, reason)
    return decided, Patch(path, source.shown, source.data, after, edits), None


def _edits(
    source: Source, decisions: Iterable[Decision], settings: Settings
) -> tuple[tuple[Decision, ...], tuple[Edit, ...]]:
    """The edits of the transforms that run; a decision whose edit cannot be spelled becomes a report."""
    from migrator.transforms import TRANSFORMS

    decided: list[Decision] = []
    wanted: list[Edit] = []
    for decision in decisions:
        if isinstance(decision, Report):
            decided.append(decision)
            continue
        found = [TRANSFORMS[name](decision, source) for name in settings.transforms if name in TRANSFORMS]
        if any(e is None for e in found):
            decided.append(Report(decision.finding, "escaped", ""))
            continue
        decided.append(decision)
        if isinstance(decision, Rewrite) or settings.review:
            wanted += [e for e in found if e is not None]
    return tuple(decided), tuple(wanted)


def _withheld(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """The decisions of a file whose change could not be proven: nothing of it is rewritten."""
    return tuple(
        Report(d.finding, "escaped", "the file is left alone") if isinstance(d, (Rewrite, Review)) else d
        for d in decisions
    )


__all__ = ["Hazard", "make", "make_text"]
