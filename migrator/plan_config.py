"""Answer one question: what would happen to these configuration files?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from migrator import discover, filebook
from migrator.data_files import by_content, by_name
from migrator.discover import File, is_page
from migrator.model import Decision, Edit, Finding, Hazard, Patch, Report, Review, Rewrite, Skip
from migrator.nouns import Migration
from migrator.rulebook import Rulebook
from migrator.settings import Settings
from migrator.sources import page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from migrator.flow.project import Project
    from migrator.sources.entries import ConfigSource

# What is larger is not even read: nobody writes such a file by hand.
MOST_READ = 20_000_000

_MENTION = re.compile(r"#\s*migrator\b", re.IGNORECASE)
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ConfigPlan:
    """What would happen to the configuration files.

    ``counted`` are the files that name the models and were not looked into, with the number of times;
    ``left_out`` says why for those of them that are data, and ``pages`` are documents with such Python.
    ``ignored`` counts what comments ask to leave.
    """

    decisions: tuple[Decision, ...] = ()
    patches: tuple[Patch, ...] = ()
    skips: tuple[Skip, ...] = ()
    counted: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[str, ...] = ()
    ignored: int = 0
    parsed: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the repository says: the distributions it requires at a file's place, its Python
    files, and its code and other files, which are listed only when there is a value to follow."""

    requires: Callable[[str, Path], bool] = lambda library, path: False
    python: tuple[File, ...] = ()
    code: Callable[[], Project] | None = None
    others: Callable[[], Iterable[Path]] = tuple


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for every file of a run."""

    migration: Migration
    rules: Rulebook
    settings: Settings
    today: date
    shapes: tuple[filebook.Shape, ...]
    around: Surroundings


def plan_config(
    files: Sequence[File],
    migration: Migration,
    rules: Rulebook,
    settings: Settings,
    *,
    today: date,
    around: Surroundings | None = None,
) -> ConfigPlan:
    """Plan the migration of the files among ``files`` that are configuration; the others are counted."""
    shapes = filebook.load(rules.reasons)
    ordered = sorted(files, key=lambda file: file.shown)
    hits = [(file, data) for file in ordered if (data := _data(file, migration, shapes)) is not None]
    if not hits:
        return ConfigPlan()
    around = around or Surroundings()
    run = _Run(migration, rules, settings, today, shapes, around)
    return _sum([_planned(run, file, data) for file, data in hits])


def _sum(plans: Sequence[ConfigPlan]) -> ConfigPlan:
    return ConfigPlan(
        decisions=tuple(decision for plan in plans for decision in plan.decisions),
        patches=tuple(patch for plan in plans for patch in plan.patches),
        skips=tuple(skip for plan in plans for skip in plan.skips),
        counted={shown: count for plan in plans for shown, count in plan.counted.items()},
        left_out={shown: why for plan in plans for shown, why in plan.left_out.items()},
        pages=tuple(shown for plan in plans for shown in plan.pages),
        ignored=sum(plan.ignored for plan in plans),
        parsed=sum(plan.parsed for plan in plans),
    )


def _planned(run: _Run, file: File, data: bytes) -> ConfigPlan:
    """Plan one file; one that cannot be planned is one skip, and never stops the others."""
    from migrator.sources.config import form_of

    why = by_name(file.shown, len(data))
    if why is not None or form_of(file.path) is None:
        return _counted(run, file, data, why)
    try:
        return _of_config(run, file, data)
    except Exception as error:  # as in plan: a bug in one file must not stop the rest, and is shown
        text = f"could not be planned: {type(error).__name__}: {error}"
        return ConfigPlan(skips=(Skip(file.shown, text, is_error=True),))


def _data(file: File, migration: Migration, shapes: Sequence[filebook.Shape]) -> bytes | None:
    """Read a file; None for one that cannot matter, as ``discover.others_naming`` passes it over."""
    try:
        if file.path.stat().st_size > MOST_READ:
            return None
        data = file.path.read_bytes()
    except OSError:
        return None
    has_aliases = any(s.has_aliases and "*" not in s.files and s.fits(file.shown) for s in shapes)
    needles = (*migration.heads, *(a.encode() for a in migration.aliases if has_aliases))
    return data if b"\0" not in data and any(needle in data for needle in needles) else None


def _counted(run: _Run, file: File, data: bytes, why: str | None) -> ConfigPlan:
    count = discover.count(data, run.migration.heads)
    if not count:
        return ConfigPlan()
    pages = (file.shown,) if is_page(file.path) and page.mentions(data, run.migration.prefilter) else ()
    return ConfigPlan(counted={file.shown: count}, left_out={file.shown: why} if why else {}, pages=pages)


def _of_config(run: _Run, file: File, data: bytes) -> ConfigPlan:
    from migrator.decide import decide
    from migrator.find_config import Known, config_findings
    from migrator.sources.config import read_config

    config = read_config(file.path, file.shown, data)
    if isinstance(config, Skip):
        return ConfigPlan(skips=(config,))
    needed = {shape.needs for shape in run.shapes if shape.needs is not None and shape.fits(file.shown)}
    known = Known(run.shapes, frozenset(name for name in needed if run.around.requires(name, file.path)))
    found = config_findings(config, known, run.migration, pin=run.settings.pin)
    why = by_content(config, is_known=any(finding.reaches for finding in found))
    if why is not None:
        return replace(_counted(run, file, data, why), parsed=1)
    kept = tuple(
        _picked_by_code(_read_by_code(config, f, run), run) for f in found if not _is_ignored(config, f, run.today)
    )
    decided = tuple(_with_parameters(d, run) for d in decide(kept, run.migration, run.settings))
    planned = _patched(config, decided, run.settings)
    return replace(planned, ignored=len(found) - len(kept), parsed=1)


def _with_parameters(decision: Decision, run: _Run) -> Decision:
    """Leave a name alone whose call needs parameters: a file cannot say that its reader sets them."""
    if isinstance(decision, Report) or not run.migration.parameters:
        return decision
    return Report(decision.finding, "parameters", "set them where the file is read, and change both")


def _read_by_code(config: ConfigSource, finding: Finding, run: _Run) -> Finding:
    """Follow a value, against which nothing stands in its file, through the code that reads it."""
    if finding.hazards or run.around.code is None or run.migration.match(finding.origin.value) is None:
        return finding
    from migrator.find_reads import with_reads

    pin, others = run.settings.pin, run.around.others()
    return with_reads(config, finding, run.around.code(), run.rules, run.migration, pin=pin, others=others)


def _picked_by_code(finding: Finding, run: _Run) -> Finding:
    """Hold back an entry that code picks by its model's name: the code would find it no more."""
    surfaces = {reach.site.surface for reach in finding.reaches}
    words = [w.encode() for shape in run.shapes if shape.name in surfaces for w in shape.named_by]
    if not words:
        return finding
    for file in run.around.python:
        try:
            data = file.path.read_bytes()
        except OSError:
            continue
        word = next((w for w in words if w in data), None)
        if word is not None and finding.origin.value.encode() in data:
            origin = finding.origin
            detail = f"{word.decode()} in {file.shown}"
            hazard = Hazard("comparison", detail, origin.shown, origin.position, origin.span)
            return Finding(finding.id, origin, finding.reaches, (*finding.hazards, hazard), finding.hint)
    return finding


def _is_ignored(config: ConfigSource, finding: Finding, today: date) -> bool:
    """Say whether a ``# migrator: ignore`` behind the value, or alone above it, asks to leave it."""
    from migrator.pragmas import pragmas

    text = config.source.text
    if not _MENTION.search(text):
        return False
    return pragmas(_as_python(text)).ignored(finding.origin.position.line, today) is not None


def _as_python(text: str) -> str:
    """Give a text with the same comments on the same lines, and a name where the lines have something else."""
    lines: list[str] = []
    for line in _NEWLINE.split(text):
        mention = _MENTION.search(line)
        rest = line[: mention.start()] if mention else line
        is_code = bool(rest.strip()) and not rest.lstrip().startswith(("#", ";"))
        lines.append(("x " if is_code else "") + (line[mention.start() :] if mention else ""))
    return "\n".join(lines) + "\n"


def _patched(config: ConfigSource, decisions: tuple[Decision, ...], settings: Settings) -> ConfigPlan:
    from migrator.edits import EditConflict, apply, merge
    from migrator.verify_config import prove_config

    decided = tuple(_spelled(config, decision) for decision in decisions)
    wanted = [_edit(d) for d in decided if isinstance(d, Rewrite) or (isinstance(d, Review) and settings.review)]
    if not wanted or "model" not in settings.transforms:
        return ConfigPlan(decided)
    source = config.source
    try:
        edits = merge(wanted)
        after = apply(source, edits)
        reason = prove_config(config, edits, after)
    except EditConflict as error:
        reason = str(error)
    if reason is not None:
        return ConfigPlan(_withheld(decided), skips=(Skip(source.shown, reason),))
    return ConfigPlan(decided, (Patch(source.path, source.shown, source.data, after, edits),))


def _spelled(config: ConfigSource, decision: Decision) -> Decision:
    """Report a value whose bytes are not the value itself, such as ``openai\\/gpt-4o`` in JSON."""
    origin = decision.finding.origin
    written = config.source.text.encode()[origin.span.start : origin.span.end]
    if isinstance(decision, Report) or written == origin.value.encode():
        return decision
    return Report(decision.finding, "escaped", "")


def _edit(decision: Rewrite | Review) -> Edit:
    origin = decision.finding.origin
    return Edit(origin.shown, origin.span, decision.new, "model")


def _withheld(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """The decisions of a file whose change could not be proven: nothing of it is rewritten."""
    return tuple(
        d if isinstance(d, Report) else Report(d.finding, "escaped", "the file is left alone") for d in decisions
    )
