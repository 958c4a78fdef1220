"""Answer one question: what would a comparison send, what would that cost, and what can it show?

Costs are dollars at list price, from the tokens of the recorded requests; the new model is taken to write as much as
the old one did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import mean

from migrator.shadow.account import Price
from migrator.shadow.alarms import most_again
from migrator.shadow.comparators.judge import LONGEST_ANSWER, questions, task
from migrator.shadow.comparators.ladder import PAIRS, PLANTED
from migrator.shadow.comparators.settle import Doubt
from migrator.shadow.model import Case, Usage
from migrator.shadow.replies import reply
from migrator.shadow.run.model import Cell
from migrator.shadow.settling import CLOSED, MOST_LETTERS, MOST_TEXTS
from migrator.shadow.statistics import fewest
from migrator.shadow.trial import Item, Trial

# A site that is broken is known to be after about so many cases; docs/shadow-statistics.md.
BROKEN = 20
LETTERS_A_TOKEN = 4
# Embeddings are measured on so many defects at most; each is sent with its answer.
DEFECTS = 10 * PLANTED


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one site would take: ``low`` if it is decided as early as it can be, ``high`` at its worst.

    ``fewest`` is how many cases a PASS takes at least. Costs are None where a price is not known.
    """

    trial: Trial
    fewest: int
    low_calls: int
    high_calls: int
    low: float | None
    high: float | None

    @property
    def can_pass(self) -> bool:
        """Say whether there are enough cases for a PASS."""
        return len(self.trial.items) >= self.fewest


def outlook(trial: Trial, price: Price) -> Outlook:
    """Look ahead for one site.

    At its worst every case is asked of both models, both halves are tried too, and in each of the three trials as much
    is sent again as hard failures can take.
    """
    items = trial.items[: trial.rule.most]
    least, has_halves = fewest(trial.rule), any(item.bodies.layout for item in items)
    early = min(len(items), BROKEN if least > len(items) else least)
    old, new = (_mean_cost(items, cell, price) for cell in (Cell.OLD, Cell.NEW))
    again = most_again(len(items), trial.rule.alpha)
    olds = 2 * len(items) + 4 * again if has_halves else len(items) + again
    news = 2 * len(items) + 2 * again if has_halves else len(items) + again
    return Outlook(trial, least, 2 * early, olds + news, _sum(old, new, early, early), _sum(old, new, olds, news))


def _sum(old: float | None, new: float | None, olds: int, news: int) -> float | None:
    return None if old is None or new is None else olds * old + news * new


def _mean_cost(items: Sequence[Item], cell: Cell, price: Price) -> float | None:
    costs = [price(str((item.body(cell) or {}).get("model", "")), usage_of(item.case)) for item in items]
    known = [cost for cost in costs if cost is not None]
    return mean(known) if known and len(known) == len(costs) else None


def usage_of(case: Case) -> Usage:
    """Give the tokens of a recorded request, with nothing cached; from its letters where the server did not count."""
    usage = case.usage
    if usage is not None:
        return Usage(usage.input, 0, usage.output)
    sizes = (len(str(case.request)), len(str(case.response or "")))
    return Usage(*(size // LETTERS_A_TOKEN for size in (sizes[0], 0, sizes[1])))


@dataclass(frozen=True, slots=True)
class Advice:
    """What a step would take at a site at its worst: every answer stays undecided. ``cost`` None: no price is known."""

    calls: int
    cost: float | None


def judged(trial: Trial, model: str, price: Price) -> Advice:
    """Look ahead for a judge: it is measured, then asked twice about each text of each answer, old and new.

    Where both halves of a change are tried too, their answers are asked about as well.
    """
    items = _asked(trial)
    if not items:
        return Advice(0, 0.0)
    answers = 4 if any(item.bodies.layout for item in items) else 2
    calls = 2 * (PAIRS + PLANTED) + 2 * answers * sum(len(_texts(item.case)) for item in items)
    letters = mean(
        len(str(questions(Doubt(text, text, task(item.case.request)), model)[0]))
        for item in items
        for text in _texts(item.case)
    )
    cost = price(model, Usage(int(letters) // LETTERS_A_TOKEN, 0, LONGEST_ANSWER))
    return Advice(calls, None if cost is None else calls * cost)


def embedded(trial: Trial, model: str, price: Price) -> Advice:
    """Look ahead for embeddings: each text is sent once, many in a request, with each look at the answers."""
    items = _asked(trial)
    if not items:
        return Advice(0, 0.0)
    has_halves = any(item.bodies.layout for item in items)
    sizes = [len(text) for item in items for text in _texts(item.case)]
    texts = (5 if has_halves else 3) * len(sizes) + DEFECTS
    letters = texts * mean(sizes)
    looks = (3 if has_halves else 1) * ceil(len(items) / trial.rule.peek) + 2
    calls = looks + ceil(texts / MOST_TEXTS) + ceil(2 * letters / MOST_LETTERS)
    cost = price(model, Usage(int(letters) // LETTERS_A_TOKEN, 0, 0))
    return Advice(calls, cost)


def _asked(trial: Trial) -> Sequence[Item]:
    return () if trial.contract.kind in CLOSED else trial.items[: trial.rule.most]


def _texts(case: Case) -> Sequence[str]:
    """Give the texts of a recorded answer that may stay open: those in its JSON and its arguments, else all of it."""
    said = reply(case.response or {})
    parts = [said.text, *(call.arguments for call in said.tools)]
    return [text for part in parts if part for text in _strings(part)] or [said.text]


def _strings(text: str) -> Sequence[str]:
    try:
        return list(_leaves(json.loads(text)))
    except (ValueError, RecursionError):
        return [text]


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


def total(found: Sequence[Outlook]) -> tuple[int, int, float | None, float | None]:
    """Add up calls and costs, low and high."""
    lows, highs = [one.low for one in found], [one.high for one in found]
    low = sum(cost for cost in lows if cost is not None) if None not in lows else None
    high = sum(cost for cost in highs if cost is not None) if None not in highs else None
    return sum(one.low_calls for one in found), sum(one.high_calls for one in found), low, high
