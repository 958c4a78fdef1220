"""Answer one question: what would happen to these paths?

``scan``, ``apply --diff``, ``apply``, the hook and the bot are readings of the one ``Plan``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path

from migrator import discover
from migrator.folders import project_root
from migrator.model import Decision, Edit, Finding, Patch, Plan, Remark, Report, Review, Rewrite, Skip, Source
from migrator.rulebook import Migration, Rulebook, load, load_migration, own_file
from migrator.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from migrator.flow.project import Project
    from migrator.flow.unit import Unit
    from migrator.plan_config import ConfigPlan
    from migrator.plan_prompts import Prompts, Target
    from migrator.pragmas import Pragmas
    from migrator.sources.pins import Pins
    from migrator.verify import Provers

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
    found = tuple(discover.candidates((*selection.python, *selection.pages), migration.prefilter))
    skips = [*selection.skips, *(f for f in found if isinstance(f, Skip))]
    found = (*_sending(selection, settings), *found)
    hits = {c.file.path: c for c in found if isinstance(c, discover.Candidate)}
    naming = discover.others_naming(selection.others, migration.prefilter)
    read = len(selection.python) + len(selection.pages)
    if not hits and not naming:
        return Plan(migration.name, (), (), tuple(skips), read)
    root = project_root(paths, cwd)
    code = Code(root, cwd, selection, settings)
    # A migration of the user's own names the models too, as it must.
    own = own_file(settings.migration, cwd)
    others = [f for f in selection.others if f.shown in naming and f.path != own]
    beyond = partial(_beyond, code, others, settings, today)
    if not hits:
        return beyond(Plan(migration.name, (), (), tuple(skips), read))
    from migrator.cache import remembered
    from migrator.fingerprint import Inputs

    bytes_of = {path: candidate.data for path, candidate in hits.items()}
    others_read = {**code.others, **{f.path: f.shown for f in selection.pages}}
    within = frozenset(f.path for f in (*selection.python, *selection.pages))
    inputs = Inputs(root, code.known, others_read, bytes_of, settings, today, within)
    planned = remembered(
        cache, inputs, lambda: beyond(_planned(code.project(bytes_of), hits, within, settings, today, progress)[0])
    )
    return replace(planned, skips=(*skips, *planned.skips), files_read=read)


def targets(
    paths: Sequence[Path], settings: Settings, *, cwd: Path, today: date, progress: Progress | None = None
) -> tuple[Plan, tuple[Target, ...]]:
    """Plan the Python of ``paths``, and give the calls that change: what a comparison of the models is made of."""
    migration = load_migration(settings.migration)
    selection = discover.select(paths, settings, cwd)
    found = tuple(discover.candidates(selection.python, migration.prefilter))
    hits = {c.file.path: c for c in found if isinstance(c, discover.Candidate)}
    skips = (*selection.skips, *(f for f in found if isinstance(f, Skip)))
    if not hits:
        return Plan(migration.name, (), (), skips, len(selection.python)), ()
    code = Code(project_root(paths, cwd), cwd, selection, settings)
    project = code.project({path: candidate.data for path, candidate in hits.items()})
    within = frozenset(f.path for f in selection.python)
    planned, changing = _planned(project, hits, within, settings, today, progress, is_compared=True)
    return replace(planned, skips=(*skips, *planned.skips), files_read=len(selection.python)), changing


def _sending(selection: discover.Selection, settings: Settings) -> Iterator[discover.Candidate | Skip]:
    """Where keys for Azure are asked for, the files with a call that sends a prompt: no old name need be in them."""
    if settings.azure_keys and "cache_key" in settings.transforms:
        from migrator.prompts.sending import candidates

        yield from candidates(selection.python, load(settings.migration, settings.surfaces))


@dataclass(eq=False)
class Code:
    """The project's code: listed when somebody asks for it, and read once for Python and configuration."""

    root: Path
    cwd: Path
    selection: discover.Selection
    settings: Settings

    @cached_property
    def _all(self) -> discover.Selection:
        return discover.select([self.root], Settings(), self.cwd)

    @property
    def known(self) -> Mapping[Path, str]:
        return {f.path: f.shown for f in (*self._all.python, *self.selection.python)}

    @property
    def others(self) -> Mapping[Path, str]:
        return {f.path: f.shown for f in (*self._all.others, *self.selection.others)}

    def project(self, data: Mapping[Path, bytes] | None = None) -> Project:
        if data:
            self._project.data.update(data)
        return self._project

    @cached_property
    def pins(self) -> Pins:
        """The versions that the project's files hold libraries at."""
        from migrator.sources import pins

        return pins.read(self.root)

    @cached_property
    def _project(self) -> Project:
        rules = load(self.settings.migration, self.settings.surfaces)
        tables = {f.path: f.shown for f in discover.tables(self._all.others)}
        return replace(_project(self.root, self.known, rules, self.pins, tables), texts=self.others)


def _project(root: Path, known: Mapping[Path, str], rules: Rulebook, pins: Pins, tables: Mapping[Path, str]) -> Project:
    from migrator.flow.project import Project
    from migrator.sources.metadata import libraries, published_here

    members = {name: to for migration in rules.migrations.values() for name, to in migration.members.items()}
    return Project(root, known, pins, published_here(root, known, rules), members, libraries(rules), tables)


def _beyond(code: Code, files: Sequence[discover.File], settings: Settings, today: date, plan: Plan) -> Plan:
    """Add what would happen to configuration files, and the number of other files that name the models."""
    if not files:
        return plan
    from migrator.plan_config import Surroundings, plan_config

    migration, rules = load_migration(settings.migration), load(settings.migration, settings.surfaces)
    requires = code.pins.requires
    around = Surroundings(requires, python=code.selection.python, code=code.project, others=lambda: code.others)
    return _joined(plan, plan_config(files, migration, rules, settings, today=today, around=around))


def _joined(plan: Plan, beyond: ConfigPlan) -> Plan:
    """Put what would happen to code and to configuration files together."""
    return replace(
        plan,
        decisions=(*plan.decisions, *beyond.decisions),
        patches=(*plan.patches, *beyond.patches),
        skips=(*plan.skips, *beyond.skips),
        files_parsed=plan.files_parsed + beyond.parsed,
        ignored=plan.ignored + beyond.ignored,
        others={**plan.others, **beyond.counted},
        pages=beyond.pages,
    )


def make_text(text: bytes, shown: str, settings: Settings, *, cwd: Path, today: date) -> Plan:
    """Plan the migration of one text that is not a file, such as standard input."""
    path = cwd / shown
    candidate = discover.Candidate(discover.File(path, shown), text)
    from migrator.sources import pins

    project = _project(cwd, {path: shown}, load(settings.migration, settings.surfaces), pins.read(cwd), {})
    project.data[path] = text
    hits = {path: candidate}
    return replace(_planned(project, hits, hits.keys(), settings, today, None)[0], files_read=1)


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
    prose: int = 0
    skips: tuple[Skip, ...] = ()


def _planned(
    project: Project,
    hits: Mapping[Path, discover.Candidate],
    within: Collection[Path],
    settings: Settings,
    today: date,
    progress: Progress | None,
    *,
    is_compared: bool = False,
    barred: frozenset[str] = frozenset(),
) -> tuple[Plan, tuple[Target, ...]]:
    """Plan the files of Python, and say which calls change; nothing changes in a file that is not ``within``."""
    rules = load(settings.migration, settings.surfaces)
    migration = rules.migrations[settings.migration]
    known = project.files
    drafts: list[Draft] = []
    skips: list[Skip] = []
    with _uncollected():
        for number, (path, hit) in enumerate(sorted(hits.items(), key=lambda item: item[1].file.shown), 1):
            shown = hit.file.shown
            if progress is not None:
                progress(shown, number, len(hits))
            seen = project if path in known else project.beside(path, shown)
            drafted = _draft(seen, rules, migration, path, settings, today)
            if isinstance(drafted, Skip):
                skips.append(drafted)
            else:
                drafts.append(drafted)
    drafts, parameters = _parameterised(project, rules, drafts, within, settings, today, barred)
    from migrator.verify import Provers

    with Provers(sum(bool(draft.edits) for draft in drafts)) as provers:
        first = {draft.path: _spliced(draft) for draft in drafts}
        provers.begin([(d.source, d.edits, d.after) for d in first.values() if d.after is not None])
        with _uncollected():
            prompts = _prompts(project, rules, drafts, within, settings, today, is_compared=is_compared)
        wanted = _together(prompts.edits, parameters)
        spliced = [_spliced(d) if d.path in wanted else first[d.path] for d in _with_edits(project, drafts, wanted)]
        proven = _proven(migration, spliced, skips, len(project.units), provers)
        unproven = {d.source.shown for d in spliced if d.path in parameters} - {p.shown for p in proven.patches}
        if unproven - barred:
            # A name must not change where its call's parameters cannot.
            again = barred | unproven
            return _planned(project, hits, within, settings, today, progress, is_compared=is_compared, barred=again)
        return replace(proven, prompts=prompts.seen), prompts.targets


def _parameterised(
    project: Project,
    rules: Rulebook,
    drafts: list[Draft],
    within: Collection[Path],
    settings: Settings,
    today: date,
    barred: frozenset[str],
) -> tuple[list[Draft], Mapping[Path, tuple[Edit, ...]]]:
    """Give the drafts with the names that stay because a call cannot have its parameters, and the edits of those."""
    migration = rules.migrations[settings.migration]
    if not migration.parameters:
        return drafts, {}
    from migrator.plan_parameters import plan_parameters

    decisions = [decision for draft in drafts for decision in draft.decisions]
    found = plan_parameters(project, rules, migration, decisions, settings, today, within=within, barred=barred)
    decided = [(draft, tuple(map(found.decided, draft.decisions))) for draft in drafts]
    again = [
        draft if decisions == draft.decisions else replace(draft, decisions=decisions, edits=edits)
        for draft, decisions in decided
        for edits in (_edits(draft.source, decisions, settings)[1],)
    ]
    return again, found.edits


def _together(
    one: Mapping[Path, tuple[Edit, ...]], two: Mapping[Path, tuple[Edit, ...]]
) -> Mapping[Path, tuple[Edit, ...]]:
    """Put edits of the same files together; what both insert at one place becomes one edit."""
    if not two:
        return one
    from migrator.insertions import joined

    return {path: joined((*one.get(path, ()), *two.get(path, ()))) for path in {**one, **two}}


def _prompts(
    project: Project,
    rules: Rulebook,
    drafts: Sequence[Draft],
    within: Collection[Path],
    settings: Settings,
    today: date,
    *,
    is_compared: bool,
) -> Prompts:
    """Look at the prompts of the calls that the decided names arrive at."""
    from migrator.plan_prompts import Prompts, plan_prompts
    from migrator.transforms import OF_PROMPTS

    if not is_compared and not set(settings.transforms).intersection(OF_PROMPTS):
        return Prompts()
    decisions = (d for draft in drafts for d in draft.decisions)
    paths = tuple(draft.path for draft in drafts)
    return plan_prompts(project, rules, decisions, settings, today, paths, within=within)


def _with_edits(project: Project, drafts: Sequence[Draft], edits: Mapping[Path, tuple[Edit, ...]]) -> Iterator[Draft]:
    """Put what the prompts' transforms ask for beside the other edits; a call may stand in a file without a name."""
    known = {draft.path for draft in drafts}
    for draft in drafts:
        yield replace(draft, edits=(*draft.edits, *edits.get(draft.path, ())))
    for path in sorted(edits.keys() - known):
        unit = project.unit(path)
        if unit is not None:
            yield Draft(path, unit.source, (), edits[path])


def _spliced(draft: Draft) -> Draft:
    """Make the new bytes that the edits ask for."""
    from migrator.edits import EditConflict, apply, merge

    if not draft.edits:
        return draft
    try:
        edits = merge(draft.edits)
        return replace(draft, edits=edits, after=apply(draft.source, edits))
    except EditConflict as error:
        return replace(draft, reason=str(error))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: trees are kept to the end, and walking them takes a third of a run."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _proven(
    migration: Migration, drafts: Sequence[Draft], skips: Sequence[Skip], parsed: int, provers: Provers
) -> Plan:
    """Prove every draft that changes bytes; what cannot be proven is left alone and named."""
    proofs = iter(provers.prove([(d.source, d.edits, d.after) for d in drafts if d.after is not None]))
    decisions: list[Decision] = []
    patches: list[Patch] = []
    left = [*skips, *(skip for draft in drafts for skip in draft.skips)]
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
        others={d.source.shown: d.prose for d in drafts if d.prose},
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
    from migrator.pragmas import pragmas_of

    try:
        unit = project.unit(path)
        if unit is None:
            return project.skips[path]
        wishes = pragmas_of(unit.source, unit.lines)
        found = findings(project, rules, migration, unit, pin=settings.pin)
        kept = tuple(f for f in found if not any(wishes.ignored(n, today) for n in _lines(unit, f)))
        decided, edits = _edits(unit.source, decide(kept, migration, settings), settings)
        return Draft(
            path,
            unit.source,
            decided,
            edits,
            remarks=_remarks(unit, wishes, today),
            ignored=len(found) - len(kept),
            prose=_prose(unit.source, migration),
            skips=tuple(_unread(unit.source, migration)),
        )
    except Exception as error:  # the one broad net: a bug in one file must not stop the rest, and is shown
        return Skip(project.files[path], f"could not be planned: {type(error).__name__}: {error}", is_error=True)


def _remarks(unit: Unit, wishes: Pragmas, today: date) -> tuple[Remark, ...]:
    """What to tell about the ignore comments of a file: those that cannot be read, and those that ended."""
    unread = [(problem.line, problem.message) for problem in wishes.problems]
    ended = [(wish.line, f"the ignore comment ended on {wish.until}") for wish in wishes.expired(today)]
    return tuple(_remark(unit, line, text) for line, text in sorted((*unread, *ended)))


def _remark(unit: Unit, line: int, text: str) -> Remark:
    """Place a remark by the end of its line in the joined text; where a comment begins may be no byte of the file."""
    starts = (*unit.lines.starts, len(unit.lines.encoded) + 1)
    place = unit.lines.position(starts[line] - 1)
    return Remark(unit.source.shown, place.line, text, place.cell)


def _unread(source: Source, migration: Migration) -> Iterator[Skip]:
    """The cells and blocks that name an old model and do not parse: a person should know."""
    cells = {cell.index: cell for cell in source.cells}
    for index, reason in source.skipped_cells:
        code = b"".join(source.data[run.data.start : run.data.end] for run in cells[index].runs)
        if any(needle in code for needle in migration.prefilter):
            yield Skip(source.shown, f"cell {index + 1}: {reason}" if source.kind == "notebook" else reason)


def _prose(source: Source, migration: Migration) -> int:
    """How often a document names the old models outside its blocks of Python."""
    if source.kind != "page":
        return 0
    prose = bytearray(source.data)
    for run in (run.data for cell in source.cells for run in cell.runs):
        prose[run.start : run.end] = b" " * (run.end - run.start)
    return discover.count(bytes(prose), migration.prefilter)


def _lines(unit: Unit, finding: Finding) -> range:
    """The lines of the joined text that the literal covers; a notebook's positions count per cell."""
    span = finding.origin.span
    return range(unit.lines.line(span.start), unit.lines.line(span.end) + 1)


def _edits(
    source: Source, decisions: Iterable[Decision], settings: Settings
) -> tuple[tuple[Decision, ...], tuple[Edit, ...]]:
    """The edits of the transforms that run; a decision whose edit cannot be spelled becomes a report."""
    from migrator.transforms import OF_LITERALS

    decided: list[Decision] = []
    wanted: list[Edit] = []
    for decision in decisions:
        if isinstance(decision, Report):
            decided.append(decision)
            continue
        found = [OF_LITERALS[name](decision, source) for name in settings.transforms if name in OF_LITERALS]
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
