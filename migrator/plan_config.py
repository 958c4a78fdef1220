"""Answer one question: what would happen to these configuration files?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from migrator import filebook
from migrator.data_files import MOST_BYTES, by_content, by_name
from migrator.discover import File
from migrator.model import Decision, Edit, Finding, Hazard, Patch, Reach, Report, Review, Rewrite, Skip
from migrator.nouns import Migration
from migrator.rulebook import Rulebook
from migrator.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from migrator.find_config import Known
    from migrator.sources.entries import ConfigSource

# What is larger is not even read: nobody writes such a file by hand.
MOST_READ = 20_000_000

_MENTION = re.compile(r"#\s*migrator\b", re.IGNORECASE)
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ConfigPlan:
    """What would happen to the configuration files.

    ``counted`` are the files that name the models and were not looked into, with the number of times;
    ``left_out`` says why for those of them that are data. ``ignored`` counts what comments ask to leave.
    """

    decisions: tuple[Decision, ...] = ()
    patches: tuple[Patch, ...] = ()
    skips: tuple[Skip, ...] = ()
    counted: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    ignored: int = 0
    parsed: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the repository says: the distributions it requires, the requests that its code
    sends with an environment variable's value, and its Python files."""

    libraries: frozenset[str] = frozenset()
    reads: Mapping[str, tuple[Reach, ...]] = field(default_factory=dict)
    python: tuple[File, ...] = ()


@dataclass(slots=True)
class _Sums:
    decisions: list[Decision] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    parsed: int = 0


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
    from migrator.find_config import Known

    around = around or Surroundings()
    shapes = filebook.load(rules.reasons)
    known = Known(shapes, around.libraries, around.reads)
    sums = _Sums()
    for file in sorted(files, key=lambda file: file.shown):
        data = _data(file, migration, known)
        if data is None:
            continue
        try:
            _file(sums, file, data, migration, known, settings, today, around)
        except Exception as error:  # as in plan: a bug in one file must not stop the rest, and is shown
            text = f"could not be planned: {type(error).__name__}: {error}"
            sums.skips.append(Skip(file.shown, text, is_error=True))
    return ConfigPlan(
        tuple(sums.decisions),
        tuple(sums.patches),
        tuple(sums.skips),
        sums.counted,
        sums.left_out,
        sums.ignored,
        sums.parsed,
    )


def _data(file: File, migration: Migration, known: Known) -> bytes | None:
    """Read a file; None for one that cannot matter, as ``discover.others_naming`` passes it over."""
    try:
        if file.path.stat().st_size > MOST_READ:
            return None
        data = file.path.read_bytes()
    except OSError:
        return None
    has_aliases = any(s.has_aliases and "*" not in s.files and s.fits(file.shown) for s in known.shapes)
    needles = (*migration.prefilter[:1], *(a.encode() for a in migration.aliases if has_aliases))
    return data if b"\0" not in data and any(needle in data for needle in needles) else None


def _file(
    sums: _Sums,
    file: File,
    data: bytes,
    migration: Migration,
    known: Known,
    settings: Settings,
    today: date,
    around: Surroundings,
) -> None:
    from migrator.sources.config import form_of, read_config

    count = data.count(migration.prefilter[0])
    why = by_name(file.shown, len(data))
    if form_of(file.path) is None or why is not None:
        if count and (why is None or len(data) <= MOST_BYTES or form_of(file.path)):
            sums.counted[file.shown] = count
            sums.left_out.update({file.shown: why} if why else {})
        return
    config = read_config(file.path, file.shown, data)
    if isinstance(config, Skip):
        sums.skips.append(config)
        return
    sums.parsed += 1
    why = by_content(config)
    if why is not None:
        sums.counted[file.shown] = count
        sums.left_out[file.shown] = why
        return
    _config(sums, config, migration, known, settings, today, around)


def _config(
    sums: _Sums,
    config: ConfigSource,
    migration: Migration,
    known: Known,
    settings: Settings,
    today: date,
    around: Surroundings,
) -> None:
    from migrator.decide import decide
    from migrator.find_config import config_findings

    found = config_findings(config, known, migration, pin=settings.pin)
    found = tuple(_picked_by_code(f, known, around.python) for f in found)
    kept = tuple(_not_ignored(config, found, today))
    sums.ignored += len(found) - len(kept)
    decided, patch, skip = _patched(config, decide(kept, migration, settings), settings)
    sums.decisions += decided
    sums.patches += [patch] if patch else []
    sums.skips += [skip] if skip else []


def _picked_by_code(finding: Finding, known: Known, python: Sequence[File]) -> Finding:
    """Hold back an entry that code picks by its model's name: the code would find it no more."""
    surfaces = {reach.site.surface for reach in finding.reaches}
    words = [w.encode() for shape in known.shapes if shape.name in surfaces for w in shape.named_by]
    if not words:
        return finding
    for file in python:
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


def _not_ignored(config: ConfigSource, found: Iterable[Finding], today: date) -> Iterable[Finding]:
    """Leave out what a ``# migrator: ignore`` behind the value, or alone above it, asks to leave."""
    from migrator.pragmas import pragmas

    text = config.source.text
    wishes = pragmas(_as_python(text) if _MENTION.search(text) else "")
    return (f for f in found if wishes.ignored(f.origin.position.line, today) is None)


def _as_python(text: str) -> str:
    """Give a text with the same comments on the same lines, and a name where the lines have something else."""
    lines: list[str] = []
    for line in _NEWLINE.split(text):
        mention = _MENTION.search(line)
        rest = line[: mention.start()] if mention else line
        is_code = bool(rest.strip()) and not rest.lstrip().startswith(("#", ";"))
        lines.append(("x " if is_code else "") + (line[mention.start() :] if mention else ""))
    return "\n".join(lines) + "\n"


def _patched(
    config: ConfigSource, decisions: tuple[Decision, ...], settings: Settings
) -> tuple[tuple[Decision, ...], Patch | None, Skip | None]:
    from migrator.edits import EditConflict, apply, merge
    from migrator.verify_config import prove_config

    decided = tuple(_spelled(config, decision) for decision in decisions)
    wanted = [_edit(d) for d in decided if isinstance(d, Rewrite) or (isinstance(d, Review) and settings.review)]
    if not wanted or "model" not in settings.transforms:
        return decided, None, None
    source = config.source
    try:
        edits = merge(wanted)
        after = apply(source, edits)
    except EditConflict as error:
        return _withheld(decided), None, Skip(source.shown, str(error))
    reason = prove_config(config, edits, after)
    if reason is not None:
        return _withheld(decided), None, Skip(source.shown, reason)
    return decided, Patch(Path(source.path), source.shown, source.data, after, edits), None


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
