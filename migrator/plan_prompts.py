"""Answer one question: what would happen to the prompts of the calls whose model changes?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from migrator.evidence import Gate
from migrator.find import call_site, qualname
from migrator.flow.project import Project
from migrator.flow.unit import Unit
from migrator.model import CallSite, Decision, Edit, Prompt, Report, Rewrite, Span
from migrator.nouns import Caching
from migrator.pragmas import pragmas
from migrator.prompts.analysis import analyse
from migrator.prompts.buckets import Bucket, bucket_for
from migrator.prompts.keys import key_for
from migrator.prompts.layout import Layout, Stays
from migrator.prompts.report import prompt
from migrator.prompts.servers import against, models
from migrator.prompts.sites import Site, has_way, site, sites
from migrator.prompts.template import Template
from migrator.prompts.varying import Reader
from migrator.rulebook import Rulebook, load_caching
from migrator.settings import Settings
from migrator.transforms import add_cache_key, order_prompt, steady_order


@dataclass(frozen=True, slots=True)
class Target:
    """One call whose model changes: ``before`` the names that arrive there, ``models`` those that will.

    ``template`` is its prompt as far as the code shows it, ``layout`` the order that is proposed for it, ``key`` the
    cache key that it gets. A comparison of the models makes its requests with them.
    """

    site: CallSite
    before: tuple[str, ...]
    models: tuple[str, ...]
    template: Template | None = None
    layout: Layout | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What was seen of each call's prompt, the edits by file, and the calls that change."""

    seen: tuple[Prompt, ...] = ()
    edits: Mapping[Path, tuple[Edit, ...]] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()


@dataclass(slots=True)
class _Place:
    """One call, the names that arrive there now and later, and whether a name that stays does too.

    On Azure they are those of deployments, and there is no later.
    """

    site: CallSite
    before: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    is_mixed: bool = False


def plan_prompts(
    project: Project,
    rules: Rulebook,
    decisions: Iterable[Decision],
    settings: Settings,
    today: date,
    paths: Sequence[Path] = (),
    *,
    within: Collection[Path],
) -> Prompts:
    """Look at the prompt of every call whose model changes, and give those a cache key for which it pays.

    Where keys for Azure are asked for, the calls of the files ``paths`` that run there get one too. A name may
    arrive at a call in a file that was not asked for, or left out: what is not ``within`` stays.
    """
    caching = load_caching()
    reader = Reader(project, rules, caching, keyed_only=True)
    homes = {shown: path for path, shown in project.files.items()}
    may_change = frozenset(shown for shown, path in homes.items() if path in within)
    places = _places(decisions, settings)
    # A comparison knows no calls on Azure, so that it lets none of them through.
    if settings.azure_keys and settings.gate is None and "cache_key" in settings.transforms:
        places = {**{(place.site.shown, place.site.span): place for place in _on_azure(reader, paths)}, **places}
    seen: list[Prompt] = []
    edits: dict[Path, tuple[Edit, ...]] = {}
    targets: list[Target] = []
    counts: Counter[str] = Counter()
    for _, place in sorted(places.items(), key=lambda item: item[0]):
        path = homes.get(place.site.shown)
        unit = project.unit(path) if path is not None else None
        found = site_at(reader, unit, place.site.span) if unit is not None else None
        if found is not None and is_ignored(found.unit, found.call, today):
            found = None
        if found is None:
            targets += [_target(place)] if place.models else []
            continue
        made = _planned(reader, found, place, settings, counts, may_change)
        seen.append(made.told)
        targets += [made.target] if place.models else []
        for edit in made.edits:
            home = homes[edit.shown]
            edits[home] = (*edits.get(home, ()), edit)
    return Prompts(tuple(seen), edits, tuple(targets))


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is told of one call's prompt, the call for a comparison, and its edits."""

    told: Prompt
    target: Target
    edits: tuple[Edit, ...]


def _planned(
    reader: Reader, found: Site, place: _Place, settings: Settings, counts: Counter[str], within: Collection[str]
) -> _Planned:
    """Put one prompt in order, and give its call a key; no file changes that is not ``within``."""
    template, caching = found.template, reader.caching
    before, models = tuple(sorted(place.before)), tuple(sorted(place.models))
    server = against(reader, found, reader.rules.migrations[settings.migration])
    is_azure = server is not None and server[0] == "azure"
    stays: tuple[Site, Ordered, tuple[Edit, ...]] = (found, Ordered(), ())
    found, ordered, moves = put_in_order(reader, found, settings, place.site.id) if models else stays
    if not all(edit.shown in within for edit in moves):
        found, ordered, moves = stays
    told = prompt(found, place.site, models, caching, before=before, exact=False)
    told = replace(told, is_azure=is_azure and not models)
    if told.reason == "hidden_prompt" and found.surface.cache_key and not has_way(reader, found.unit, found.surface):
        told = replace(told, reason="old_library", detail=f"{found.surface.cache_key['since']} is not sure")
    added: tuple[Edit, ...] = ()
    if told.reason == "" and server is not None and not (is_azure and settings.azure_keys):
        told = replace(told, reason=server[0], detail=server[1])
    elif told.reason == "" or not found.surface.cache_key:
        told, added = keyed(reader, found, told, place.is_mixed, counts, settings.buckets)
    if not all(edit.shown in within for edit in added):
        told, added = replace(told, key="", reason="outside", detail=""), ()
    kept = added if "cache_key" in settings.transforms else ()
    target = Target(place.site, before, models, template, ordered.layout, told.key if kept else "")
    return _Planned(ordered.on(told, caching), target, (*moves, *kept))


def _target(place: _Place) -> Target:
    return Target(place.site, tuple(sorted(place.before)), tuple(sorted(place.models)))


def _on_azure(reader: Reader, paths: Iterable[Path]) -> Iterator[_Place]:
    """Every call that surely runs on Azure and whose library passes a key on; its deployment may have any name."""
    (migration,) = reader.rules.migrations.values()
    for path in paths:
        unit = reader.project.unit(path)
        for found in sites(reader, unit) if unit is not None else ():
            server = against(reader, found, migration) if found.surface.cache_key else None
            if server is not None and server[0] == "azure":
                yield _Place(call_site(found.unit, found.call, found.surface.name), set(models(reader, found)))


@dataclass(frozen=True, slots=True)
class Ordered:
    """What happens to the order of a prompt, and the shared prefix that the new order has."""

    word: str = ""
    detail: str = ""
    best: int = 0
    layout: Layout | None = None

    def on(self, told: Prompt, caching: Caching) -> Prompt:
        """Put it into what is told of the prompt."""
        told = replace(told, order=self.word, order_detail=self.detail)
        return replace(told, best=self.best, best_cached=caching.hit(self.best)) if self.best else told


def put_in_order(
    reader: Reader, found: Site, settings: Settings, site: str = ""
) -> tuple[Site, Ordered, tuple[Edit, ...]]:
    """Put the static parts first, or say that it can be done, or why not; the site then has the new order."""
    if found.template is None or "order_prompt" not in settings.transforms:
        return found, Ordered(), ()
    # What a comparison has shown to hold needs no review.
    is_wanted = settings.review if settings.gate is None else settings.gate.allows(site, "layout")
    made = order_prompt.order(reader, found)
    after = found.template if isinstance(made, Stays) else made.after
    # What is put into another order within a text is in no recorded request, so that a comparison does not show it.
    steady = steady_order.steady(reader, found, after) if settings.gate is None else None
    if steady is not None:
        after = steady.after
        made = made if isinstance(made, Stays) else order_prompt.order(reader, found, steady.edits)
    moves = steady.edits if steady is not None and isinstance(made, Stays) else ()
    if isinstance(made, Stays):
        quiet = ("sorted" if is_wanted else "sort") if steady is not None else ""
        word = quiet if made.reason in ("in_order", "short_prefix") else made.reason
        ordered = Ordered(word, made.detail if word == made.reason else "")
        return (replace(found, template=after), ordered, moves) if is_wanted else (found, ordered, ())
    best = analyse(after, reader.caching).prefix.least
    if not is_wanted:
        return found, Ordered("review", "", best, made.layout), ()
    return replace(found, template=after), Ordered("applied", "", best, made.layout), made.edits


def _places(decisions: Iterable[Decision], settings: Settings) -> Mapping[tuple[str, Span], _Place]:
    """Every call that a decision's name arrives at, by its place, so that they sort in the order of files and text."""
    places: dict[tuple[str, Span], _Place] = {}
    for decision in decisions:
        for reach in decision.finding.reaches:
            place = places.setdefault((reach.site.shown, reach.site.span), _Place(reach.site))
            if isinstance(decision, Rewrite) or (settings.review and not isinstance(decision, Report)):
                place.models.add(decision.new)
                place.before.add(decision.finding.origin.value)
            elif settings.gate is not None and decision.reason == "shadow" and _may_move(settings.gate, reach.site.id):
                place.models.add(decision.finding.origin.value)
                place.before.add(decision.finding.origin.value)
            else:
                place.is_mixed = True
    return {key: place for key, place in places.items() if place.models}


def _may_move(gate: Gate, site: str) -> bool:
    """Say whether a comparison lets a call's prompt move although its model stays."""
    return gate.allows(site, "layout") and not gate.allows(site, "model")


def site_at(reader: Reader, unit: Unit, span: Span) -> Site | None:
    """Find the call that covers exactly these bytes."""
    key = ("calls by span", unit)
    if key not in reader.project.memory:
        calls = (node for node in unit.parents if isinstance(node, ast.Call))
        reader.project.memory[key] = {unit.span(call): call for call in calls}
    by_span: Mapping[Span, ast.Call] = reader.project.memory[key]  # type: ignore[assignment]  # kept just so
    return site(reader, unit, by_span[span]) if span in by_span else None


def is_ignored(unit: Unit, call: ast.Call, today: date) -> bool:
    """Say whether a comment in the code leaves a call alone."""
    wishes = pragmas(unit.source.view)
    span = unit.span(call)
    lines = range(unit.lines.line(span.start), unit.lines.line(span.end) + 1)
    return any(wishes.ignored(line, today) for line in lines)


def keyed(
    reader: Reader, found: Site, told: Prompt, is_mixed: bool, counts: Counter[str], buckets: int = 1
) -> tuple[Prompt, tuple[Edit, ...]]:
    """Add the key, or say why there is none."""
    if is_mixed:
        return replace(told, reason="mixed_models", detail="a name that stays arrives here too"), ()
    shown, name = found.unit.source.shown, qualname(found.unit, found.call)
    limit = reader.caching.key_length - (len(f"-{buckets - 1}") if buckets > 1 else 0)
    plain = key_for(shown, name, 1, limit)
    key = key_for(shown, name, counts[plain] + 1, limit)
    bucket = bucket_for(reader, found.unit, found.call, buckets) if buckets > 1 else None
    made = add_cache_key.edits(reader, found, key, bucket)
    if isinstance(made, add_cache_key.Refusal):
        return replace(told, reason=made.reason, detail=made.detail), ()
    counts[plain] += 1
    return replace(told, key=key, detail=_spread(bucket, buckets)), made


def _spread(bucket: Bucket | None, buckets: int) -> str:
    """What to tell of the buckets that were asked for."""
    if bucket is not None:
        return f"{bucket.number} keys, by {bucket.name}"
    return "one key: no parameter here tells users or conversations apart" if buckets > 1 else ""
