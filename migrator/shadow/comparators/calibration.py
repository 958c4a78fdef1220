"""Answer one question: how often is a step wrong about this site's own answers?

Two answers of the old model to the same request should be called the same; an answer and itself with a planted defect
should be called different. A step that does not do so well enough is not used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrator.shadow.comparators import prose
from migrator.shadow.comparators.plant import plant
from migrator.shadow.comparators.settle import Decide, Doubt
from migrator.shadow.model import Answer, Rate
from migrator.shadow.shares import rate


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a step did: ``false`` of the old model's own pairs it called different, ``seen`` of the planted defects it
    called different, ``missed`` it called the same; ``kinds`` is ``seen`` by the kind of defect.
    """

    false: Rate
    seen: Rate
    missed: Rate
    kinds: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a step must keep to, by the 95 % Wilson intervals: at most so many false, at least so many seen."""

    false: float
    seen: float
    missed: float


def repeated(pairs: Sequence[Doubt]) -> tuple[Doubt, ...]:
    """Give the pairs of the old model's answers that may be called the same: not equal, and no fact differs."""
    return tuple(
        one for one in pairs if one.old != one.new and prose.compare(one.old, one.new).answer is not Answer.DIFFERS
    )


# A defect by its kind, and the answer with and without it.
Defect = tuple[str, Doubt]


def defects(pairs: Sequence[Doubt], seed: int, most: int) -> tuple[Defect, ...]:
    """Plant defects in the first answers of pairs; each keeps what was asked for it."""
    tasks = {pair.old: pair.task for pair in pairs}
    return tuple((one.kind, Doubt(one.old, one.new, tasks[one.old])) for one in plant(tuple(tasks), seed, most))


def unseen(planted: Sequence[Defect]) -> tuple[Defect, ...]:
    """Give the defects that the comparators leave undecided, which is what a step is asked about."""
    return tuple(one for one in planted if prose.compare(one[1].old, one[1].new).answer is Answer.UNDECIDED)


def calibrate(decide: Decide, pairs: Sequence[Doubt], planted: Sequence[Defect]) -> Calibration:
    """Ask a step about pairs of the old model's answers and about planted defects."""
    asked = (*pairs, *(doubt for _, doubt in planted))
    answers = [said.answer for said in decide(asked)] if asked else []
    own, said = answers[: len(pairs)], answers[len(pairs) :]
    seen = Counter(kind for (kind, _), answer in zip(planted, said, strict=True) if answer is Answer.DIFFERS)
    totals = Counter(kind for kind, _ in planted)
    return Calibration(
        rate(own.count(Answer.DIFFERS), len(own)),
        rate(seen.total(), len(said)),
        rate(said.count(Answer.SAME), len(said)),
        {kind: rate(seen[kind], total) for kind, total in totals.items()},
    )


def objection(found: Calibration, bounds: Bounds) -> str:
    """Say why a step may not be used; empty where it may."""
    if not found.seen.total or not found.false.total:
        what = "answers that repeat in other words" if found.seen.total else "answers to plant a defect in"
        return f"there are no {what}"
    if found.seen.interval.low < bounds.seen:
        return f"sees {_of(found.seen)} planted defects; {bounds.seen:.0%} must be sure"
    if found.missed.interval.high > bounds.missed:
        return f"takes {_of(found.missed)} planted defects for the same; at most {bounds.missed:.0%} may be"
    if found.false.interval.high > bounds.false:
        return f"blames {_of(found.false)} pairs of the old model's own answers; at most {bounds.false:.0%} may be"
    return ""


def summary(found: Calibration) -> str:
    """The rates in one line, as the report prints them."""
    return (
        f"sees {_of(found.seen)} planted defects, takes {found.missed.count} for the same, "
        f"blames {_of(found.false)} pairs of the old model's own answers"
    )


def _of(found: Rate) -> str:
    """``19 of 20 (76 to 99 %)``."""
    low, high = (round(100 * edge) for edge in (found.interval.low, found.interval.high))
    return f"{found.count} of {found.total} ({low} to {high} %)"
