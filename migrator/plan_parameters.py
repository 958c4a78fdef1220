"""Answer one question: which calls get the parameters of their new model, and which names stay because one cannot?

A name is changed only where each call that it arrives at can be given its parameters; and a call gets them only where
each name that arrives there is changed: what the new model needs the old one may refuse.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from migrator.flow.expected import expected
from migrator.flow.project import Project
from migrator.flow.symbols import External, symbols
from migrator.flow.unit import Unit
from migrator.model import CallSite, Decision, Edit, Report, Review, Rewrite, Span
from migrator.nouns import Migration
from migrator.plan_prompts import is_ignored, site_at
from migrator.prompts.sites import Site
from migrator.prompts.varying import Reader
from migrator.rulebook import Rulebook, load_caching
from migrator.settings import Settings
from migrator.transforms import set_parameters
from migrator.transforms.set_parameters import Refusal

NO_CALL = "no call is known that could be given the parameters"
STAYS = "a name that stays arrives here too"
BARRED = "the change of its file could not be proven"
ALONE = "names alone are asked for, and its call takes other parameters"
GATEWAY = "a gateway has no known way to set parameters"
OUTSIDE = "its file is not among those that were named, or is left out"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The edits by file; the names that stay, by their findings' ids, with the reason; and those for review."""

    edits: Mapping[Path, tuple[Edit, ...]] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    doubtful: Mapping[str, str] = field(default_factory=dict)

    def decided(self, decision: Decision) -> Decision:
        """Give the decision as it is once the parameters are known."""
        finding = decision.finding
        if isinstance(decision, Report):
            return decision
        if finding.id in self.stays:
            return Report(finding, "parameters", self.stays[finding.id])
        if finding.id in self.doubtful and isinstance(decision, Rewrite):
            return Review(finding, decision.new, "parameters", self.doubtful[finding.id])
        return decision


Place = tuple[str, Span]


@dataclass(slots=True)
class _Calls:
    """What is known of each call: its edits, why it cannot have them, and whether that is a doubt alone."""

    edits: dict[Place, tuple[Edit, ...]] = field(default_factory=dict)
    refused: dict[Place, str] = field(default_factory=dict)
    doubted: dict[Place, str] = field(default_factory=dict)


def plan_parameters(
    project: Project,
    rules: Rulebook,
    migration: Migration,
    decisions: Sequence[Decision],
    settings: Settings,
    today: date,
    *,
    within: Collection[Path],
    barred: Set[str] = frozenset(),
) -> Parameters:
    """Look at every call that a name which moves arrives at.

    Nothing changes in a file that is not ``within``, nor in those that are ``barred``.
    """
    if not migration.parameters or "model" not in settings.transforms:
        return Parameters()
    moving = [d for d in decisions if not isinstance(d, Report) and (isinstance(d, Rewrite) or settings.review)]
    calls = _looked_at(project, rules, migration, moving, today)
    paths = {shown: path for path, shown in project.files.items()}
    if "parameters" not in settings.transforms:
        calls.refused.update((place, ALONE) for place, edits in calls.edits.items() if edits)
    calls.refused.update((place, BARRED) for place in calls.edits if place[0] in barred)
    calls.refused.update(
        (place, OUTSIDE) for place, edits in calls.edits.items() if any(paths[e.shown] not in within for e in edits)
    )
    stays = {d.finding.id: NO_CALL for d in moving if not d.finding.reaches}
    stays.update((d.finding.id, GATEWAY) for d in moving if _is_at_gateway(d, migration))
    others = {_place(r.site) for d in decisions if d not in moving for r in d.finding.reaches}
    calls.refused.update((place, STAYS) for place in others & calls.edits.keys())
    _spread(moving, calls, stays)
    kept = [d for d in moving if d.finding.id not in stays]
    doubtful = {} if settings.review else _doubtful(kept, calls)
    places = {_place(r.site) for d in kept if d.finding.id not in doubtful for r in d.finding.reaches}
    edits: dict[Path, tuple[Edit, ...]] = {}
    for place in sorted(places):
        for edit in calls.edits.get(place, ()):
            edits[paths[edit.shown]] = (*edits.get(paths[edit.shown], ()), edit)
    return Parameters(edits, stays, doubtful)


def _is_at_gateway(decision: Decision, migration: Migration) -> bool:
    match = migration.match(decision.finding.origin.value)
    return match is not None and match.kind == "gateway"


def _place(site: CallSite) -> Place:
    return site.shown, site.span


def _looked_at(
    project: Project,
    rules: Rulebook,
    migration: Migration,
    moving: Sequence[Decision],
    today: date,
) -> _Calls:
    reader = Reader(project, rules, load_caching(), keyed_only=True)
    paths = {shown: path for path, shown in project.files.items()}
    calls = _Calls()
    origins = {(d.finding.origin.shown, d.finding.origin.span) for d in moving}
    for place in dict.fromkeys(_place(reach.site) for decision in moving for reach in decision.finding.reaches):
        path = paths.get(place[0])
        unit = project.unit(path) if path is not None else None
        found = site_at(reader, unit, place[1]) if unit is not None else None
        if unit is None or found is None or is_ignored(unit, found.call, today):
            calls.refused[place] = "the call is not one that can be changed"
            continue
        made = set_parameters.edits(reader, found, migration)
        if not isinstance(made, Refusal) and (other := _later(project, rules, found, migration)) is not None:
            made = Refusal(f"a call of its object sets {other}")
        if made and not isinstance(made, Refusal) and (test := _expected(project, found, made)) is not None:
            made = Refusal(f"a test expects its arguments: {test}")
        where = f"{place[0]}:{unit.lines.position(place[1].start).line}"
        if isinstance(made, Refusal):
            calls.refused[place] = f"{where}: {made.detail}"
            continue
        calls.edits[place] = made
        if made and set_parameters.staying(reader, found, migration, origins):
            calls.refused[place] = f"{where}: {STAYS}"
        if made and not (set_parameters.is_closed(reader, found, migration) and _is_final(project, found)):
            calls.doubted[place] = f"{where}: another model may arrive there, which may refuse the parameters"
    return calls


def _expected(project: Project, site: Site, edits: Sequence[Edit]) -> str | None:
    """Where a test compares the arguments of the call, or reads one whose name goes."""
    keywords = {keyword for slot in site.surface.slots for keyword in slot.keywords}
    data = site.unit.lines.encoded
    changed = {data[e.span.start : e.span.end].decode().partition("=")[0].strip() for e in edits}
    return expected(project, site.call, keywords, changed - {""})


def _later(project: Project, rules: Rulebook, site: Site, migration: Migration) -> str | None:
    """What a call of an object sets in its turn: a model (``llm.bind(model=...)``), or a parameter that is set here."""
    begin = f"{site.symbol.name}()."
    own = [surface for surface in rules.surfaces if any(call.startswith(begin) for call in surface.calls)]
    methods = {call.rpartition(".")[2] for surface in own for call in surface.calls if call.startswith(begin)}
    names = {keyword for surface in own for slot in surface.slots for keyword in slot.keywords}
    names |= set_parameters.later(site, migration)
    for method, word in sorted((m, w) for m in methods for w in names):
        for unit in project.units_naming(method, word):
            for call in _calls_of(project, unit, method, begin):
                if word in {k.arg for k in call.keywords}:
                    return f"{word} too: {unit.source.shown}:{call.lineno}"
    return None


def _calls_of(project: Project, unit: Unit, method: str, begin: str) -> Iterator[ast.Call]:
    """The calls of a method of an object, by the beginning of its canonical callee."""
    for node in unit.attributes.get(method, ()):
        call = unit.parent(node)
        if isinstance(call, ast.Call) and call.func is node:
            found = (s.name for s in symbols(project, unit, node) if isinstance(s, External))
            if any(name.startswith(begin) for name in found):
                yield call


def _is_final(project: Project, site: Site) -> bool:
    """Say whether an object keeps its model: nothing stores another into it, and no method lets one arrive."""
    begin, names = site.symbol.name, {keyword for slot in site.surface.slots for keyword in slot.keywords}
    for name in sorted(names):
        for unit in project.units_naming(name):
            held = (s for store in unit.stores.get(name, ()) for s in symbols(project, unit, store.value))
            if any(isinstance(s, External) and s.name == f"{begin}()" for s in held):
                return False
    opening = set_parameters.words(site, set_parameters.OPENS)
    return not any(True for word in opening for _ in _opened(project, word, begin, names))


def _opened(project: Project, word: str, begin: str, names: Set[str]) -> Iterator[ast.Call]:
    """The calls of a method of the object, or of another callee (``agents.RunConfig``), that let a model arrive."""
    last = word.rpartition(".")[2]
    for unit in project.units_naming(last):
        if last == word:
            yield from _calls_of(project, unit, word, f"{begin}().")
            continue
        for node in (*unit.loads.get(last, ()), *unit.attributes.get(last, ())):
            call = unit.parent(node)
            if (
                isinstance(call, ast.Call)
                and call.func is node
                and (call.args or names & {k.arg for k in call.keywords})
            ):
                if any(isinstance(s, External) and s.name == word for s in symbols(project, unit, node)):
                    yield call


def _spread(moving: Sequence[Decision], calls: _Calls, stays: dict[str, str]) -> None:
    """A name stays where one of its calls is refused, and a call is refused where one of its names stays."""
    before = -1
    while before != len(stays) + len(calls.refused):
        before = len(stays) + len(calls.refused)
        for decision in moving:
            places = [_place(reach.site) for reach in decision.finding.reaches]
            why = next((calls.refused[place] for place in places if place in calls.refused), None)
            if why is not None:
                stays.setdefault(decision.finding.id, why)
            if decision.finding.id in stays:
                for place in places:
                    calls.refused.setdefault(place, STAYS)


def _doubtful(kept: Sequence[Decision], calls: _Calls) -> Mapping[str, str]:
    """The names of which a call is in doubt, and those that share a call with one."""
    found: dict[str, str] = {}
    before = -1
    while before != len(found):
        before = len(found)
        for decision in kept:
            places = [_place(reach.site) for reach in decision.finding.reaches]
            why = next((calls.doubted[place] for place in places if place in calls.doubted), None)
            if why is not None:
                found.setdefault(decision.finding.id, why)
                calls.doubted.update((place, why) for place in places if place not in calls.doubted)
    return found
