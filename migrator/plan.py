"""Answer one question: what would happen to these paths?

``scan``, ``apply --diff``, ``apply``, the hook and the bot are readings of the one ``Plan``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from migrator import discover
from migrator.model import Decision, Edit, Finding, Patch, Plan, Remark, Report, Review, Rewrite, Skip, Source
from migrator.rulebook import Migration, Rulebook, load, load_migration
from migrator.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from migrator.flow.project import Project
    from migrator.flow.unit import Unit
    from migrator.plan_config import ConfigPlan
    from migrator.pragmas import Pragmas

Progress = Callable[[str, int, int], None]


def make(
    paths: Sequence[Path],
    settings: Settings,
    *,
    cwd: Path,
    today: date,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Plan:
    """Plan the migration of ``paths``. Reads files, asks no network, and writes nowhere but into ``cache``."""
    migration = load_migration(settings.migration)
    selection = discover.select(paths, settings, cwd)
    found = tuple(discover.candidates(selection.python, migration.prefilter))
    skips = [*selection.skips, *(f for f in found if isinstance(f, Skip))]
    hits = {c.file.path: c for c in found if isinstance(c, discover.Candidate)}
    beyond = _beyond(selection, migration, settings, today)
    read = len(selection.python)
    if not hits:
        return _joined(Plan(migration.name, (), (), tuple(skips), read), beyond)
    from migrator.cache import remembered
    from migrator.fingerprint import Inputs

    root = discover.project_root(paths, cwd)
    around = discover.select([root], Settings(), cwd)
    known = {f.path: f.shown for f in (*around.python, *selection.python)}
    tables = {f.path: f.shown for f in discover.tables(around.others)}
    others_read = {**tables, **{f.path: f.shown for f in selection.others}}
    inputs = Inputs(root, known, others_read, {p: c.data for p, c in hits.items()}, settings, today)
    planned = remembered(cache, inputs, lambda: _planned(known, root, hits, settings, today, progress, tables))
    return _joined(replace(planned, skips=(*skips, *planned.skips), files_read=read), beyond)


def _beyond(selection: discover.Selection, migration: Migration, settings: Settings, today: date) -> ConfigPlan | None:
    """Plan the configuration files, and count the other files that name the models; None when there are none."""
    naming = discover.others_naming(selection.others, migration.prefilter)
    if not naming:
        return None
    from migrator.plan_config import Surroundings, plan_config

    files = tuple(f for f in selection.others if f.shown in naming)
    rules = load(settings.migration, settings.surfaces)
    return plan_config(files, migration, rules, settings, today=today, around=Surroundings(python=selection.python))


def _joined(plan: Plan, beyond: ConfigPlan | None) -> Plan:
    """Put what would happen to code and to configuration files together."""
    if beyond is None:
        return plan
    return replace(
        plan,
        decisions=(*plan.decisions, *beyond.decisions),
        patches=(*plan.patches, *beyond.patches),
        skips=(*plan.skips, *beyond.skips),
        files_parsed=plan.files_parsed + beyond.parsed,
        ignored=plan.ignored + beyond.ignored,
        others=beyond.counted,
    )


def make_text(text: bytes, shown: str, settings: Settings, *, cwd: Path, today: date) -> Plan:
    """Plan the migration of one text that is not a file, such as standard input."""
    path = cwd / shown
    candidate = discover.Candidate(discover.File(path, shown), text)
    return replace(_planned({path: shown}, cwd, {path: candidate}, settings, today, None, {}), files_read=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """One file as it would be; ``after`` are the bytes that still have to be proven, None where nothing changes."""

    path: Path
    source: Source
    decisions: tuple[Decision, ...]
    edits: tuple[Edit, ...] = ()
    after: bytes | None = None
    reason: str | None = None
    remarks: tuple[Remark, ...] = ()
    ignored: int = 0


def _planned(
    known: dict[Path, str],
    root: Path,
    hits: dict[Path, discover.Candidate],
    settings: Settings,
    today: date,
    progress: Progress | None,
    tables: Mapping[Path, str],
) -> Plan:
    from migrator.flow.project import Project
    from migrator.sources import pins
    from migrator.sources.metadata import published_here

    rules = load(settings.migration, settings.surfaces)
    migration = rules.migrations[settings.migration]
    project = Project(root, known, pins.read(root), published_here(root, known, rules), tables)
    project.data.update({path: c.data for path, c in hits.items()})
    drafts: list[Draft] = []
    skips: list[Skip] = []
    for number, path in enumerate(sorted(hits, key=lambda p: known[p]), 1):
        if progress is not None:
            progress(known[path], number, len(hits))
        drafted = _draft(project, rules, migration, path, settings, today)
        if isinstance(drafted, Skip):
            skips.append(drafted)
        else:
            drafts.append(drafted)
    return _proven(migration, drafts, skips, len(project.units))


def _proven(migration: Migration, drafts: Sequence[Draft], skips: Sequence[Skip], parsed: int) -> Plan:
    """Prove every draft that changes bytes; what cannot be proven is left alone and named."""
    from migrator.verify import prove_all

    proofs = iter(prove_all([(d.source, d.edits, d.after) for d in drafts if d.after is not None]))
    decisions: list[Decision] = []
    patches: list[Patch] = []
    left = list(skips)
    for draft in drafts:
        reason = draft.reason if draft.after is None else next(proofs)
        decisions += draft.decisions if reason is None else _withheld(draft.decisions)
        if reason is not None:
            left.append(Skip(draft.source.shown, reason))
        elif draft.after is not None:
            patches.append(Patch(draft.path, draft.source.shown, draft.source.data, draft.after, draft.edits))
    return Plan(
        migration=migration.name,
        decisions=tuple(decisions),
        patches=tuple(patches),
        skips=tuple(left),
        files_parsed=parsed,
        ignored=sum(d.ignored for d in drafts),
        remarks=tuple(r for d in drafts for r in d.remarks),
    )


def _draft(
    project: Project, rules: Rulebook, migration: Migration, path: Path, settings: Settings, today: date
) -> Draft | Skip:
    """Plan one file. A file that cannot be planned is one skip, and never stops the others."""
    from migrator.decide import decide
    from migrator.find import findings
    from migrator.pragmas import pragmas

    try:
        unit = project.unit(path)
        if unit is None:
            return project.skips[path]
        wishes = pragmas(unit.source.view)
        found = findings(project, rules, migration, unit, pin=settings.pin)
        kept = tuple(f for f in found if not any(wishes.ignored(n, today) for n in _lines(unit, f)))
        draft = _edited(Draft(path, unit.source, decide(kept, migration, settings)), settings)
        return replace(draft, remarks=_remarks(unit, wishes, today), ignored=len(found) - len(kept))
    except Exception as error:  # the one broad net: a bug in one file must not stop the rest, and is shown
        return Skip(project.files[path], f"could not be planned: {type(error).__name__}: {error}", is_error=True)


def _remarks(unit: Unit, wishes: Pragmas, today: date) -> tuple[Remark, ...]:
    """What to tell about the ignore comments of a file: those that cannot be read, and those that ended."""
    shown = unit.source.shown
    unread = [Remark(shown, p.line, p.message) for p in wishes.problems]
    ended = [Remark(shown, i.line, f"the ignore comment ended on {i.until}") for i in wishes.expired(today)]
    return tuple(sorted((*unread, *ended)))


def _lines(unit: Unit, finding: Finding) -> range:
    """The lines of the joined text that the literal covers; a notebook's positions count per cell."""
    span = finding.origin.span
    return range(unit.lines.line(span.start), unit.lines.line(span.end) + 1)


def _edited(draft: Draft, settings: Settings) -> Draft:
    """Make the new bytes that the decisions ask for."""
    from migrator.edits import EditConflict, apply, merge

    decided, wanted = _edits(draft.source, draft.decisions, settings)
    if not wanted:
        return replace(draft, decisions=decided)
    try:
        edits = merge(wanted)
        return replace(draft, decisions=decided, edits=edits, after=apply(draft.source, edits))
    except EditConflict as error:
        return replace(draft, decisions=decided, reason=str(error))


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
