"""Answer one question: which sites can be compared, with which recorded cases?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.plan_prompts import Target
from migrator.shadow.bind import NotBound
from migrator.shadow.comparators.contract import infer
from migrator.shadow.model import Case, Contract, Kind, Rule
from migrator.shadow.replies import reply
from migrator.shadow.requests import Move, bodies
from migrator.shadow.statistics import MARGINS, in_turn
from migrator.shadow.trial import Item, Trial
from migrator.shadow.units import templates, units


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks of a site: a margin by the kind of its answers, an own comparator and margin, a mask."""

    margins: Mapping[Kind, float] = field(default_factory=lambda: MARGINS)
    alpha: float = 0.05
    most: int = 400
    comparator: Callable[[Target], str] = lambda _: ""
    margin: Callable[[Target], float | None] = lambda _: None
    mask: Callable[[Target], tuple[str, ...]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The sites that can be compared, in the order of the code; ``held`` are the others, each with the reason.

    ``unlinked`` counts the cases that belong to no call that changes, by reason. ``redacted`` counts cases whose
    requests hold placeholders, so that they are asked with those.
    """

    trials: tuple[Trial, ...]
    held: Mapping[str, str]
    unlinked: Mapping[str, int]
    redacted: int = 0


def prepare(
    targets: Sequence[Target],
    cases: Sequence[Case],
    links: Mapping[str, tuple[str, ...]],
    move: Move,
    wishes: Wishes,
    reasons: Mapping[str, str] | None = None,
) -> Prepared:
    """Put cases and calls together.

    ``links`` gives the calls of a case by the case's id, ``reasons`` why a case has none.
    """
    trials: list[Trial] = []
    held: dict[str, str] = {}
    known = {target.site.id for target in targets}
    for target in targets:
        own = [case for case in cases if target.site.id in links.get(case.id, ())]
        made = _trial(target, own, move, wishes)
        if isinstance(made, Trial):
            trials.append(made)
        else:
            held[target.site.id] = made
    used = [item.case for trial in trials for item in trial.items]
    redacted = len({case.id for case in used if case.redacted and not case.raw})
    return Prepared(tuple(trials), held, Counter(_unlinked(cases, links, known, reasons or {})), redacted)


def _unlinked(
    cases: Iterable[Case], links: Mapping[str, tuple[str, ...]], known: set[str], reasons: Mapping[str, str]
) -> Iterable[str]:
    for case in cases:
        if not links.get(case.id):
            yield reasons.get(case.id) or "its call is not known"
        elif known.isdisjoint(links[case.id]):
            yield "its call does not change"


def _trial(target: Target, cases: Sequence[Case], move: Move, wishes: Wishes) -> Trial | str:
    """Make the trial of one site, or say why there is none."""
    usable = [case for case in cases if case.is_answered or case.status is None]
    if not usable:
        return "no request is recorded" if not cases else "no recorded request was answered"
    unbound: Counter[str] = Counter()
    if len(usable) < len(cases):
        unbound["the recorded request failed"] = len(cases) - len(usable)
    items: list[Item] = []
    groups, kinds = units(usable), templates(usable)
    for case in usable:
        made = bodies(case, target, move)
        if isinstance(made, NotBound):
            unbound[made.reason] += 1
        else:
            items.append(Item(case, made, kinds[case.id], groups[case.id]))
    if not items:
        reason, count = unbound.most_common(1)[0]
        return f"none of its {len(cases)} requests can be compared; of {count}: {reason}"
    contract = _contract(target, [item.case for item in items], wishes)
    return Trial(
        target=target,
        items=_ordered(target, items),
        contract=contract,
        rule=_rule(target, contract, wishes),
        cases=len(cases),
        unbound=dict(unbound),
        mask=wishes.mask(target),
    )


def _ordered(target: Target, items: Sequence[Item]) -> tuple[Item, ...]:
    """Give the cases in a random order that is the same in each run, so that a run can go on where one ended."""
    mixed = sorted(items, key=lambda item: item.case.id)
    random.Random(target.site.id).shuffle(mixed)
    return in_turn(mixed)


def _contract(target: Target, cases: Sequence[Case], wishes: Wishes) -> Contract:
    replies = [reply(case.response) for case in cases if case.is_answered and case.response is not None]
    return infer(cases[0].request, replies, wishes.comparator(target))


def _rule(target: Target, contract: Contract, wishes: Wishes) -> Rule:
    margin = wishes.margin(target)
    return Rule(wishes.margins[contract.kind] if margin is None else margin, wishes.alpha, most=wishes.most)
