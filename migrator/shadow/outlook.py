"""Answer one question: what would a comparison send, what would that cost, and what can it show?

Costs are dollars at list price, from the tokens of the recorded requests; the new model is taken to write as much as
the old one did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from migrator.shadow.account import Price
from migrator.shadow.model import Case, Usage
from migrator.shadow.run.model import Cell
from migrator.shadow.statistics import fewest
from migrator.shadow.trial import Item, Trial

# A site that is broken is known to be after about so many cases; docs/shadow-statistics.md.
BROKEN = 20
LETTERS_A_TOKEN = 4


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

    At its worst every case is asked of both models, every new answer is confirmed, and both halves are tried too.
    """
    items = trial.items[: trial.rule.most]
    least, has_halves = fewest(trial.rule), any(item.bodies.layout for item in items)
    early = min(len(items), BROKEN if least > len(items) else least)
    old, new = (_mean_cost(items, cell, price) for cell in (Cell.OLD, Cell.NEW))
    news = 3 if has_halves else 2
    olds = 2 if has_halves else 1
    return Outlook(
        trial,
        least,
        2 * early,
        (olds + news) * len(items),
        _sum(early, old, new, 1, 1),
        _sum(len(items), old, new, olds, news),
    )


def _sum(cases: int, old: float | None, new: float | None, olds: int, news: int) -> float | None:
    return None if old is None or new is None else cases * (olds * old + news * new)


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


def total(found: Sequence[Outlook]) -> tuple[int, int, float | None, float | None]:
    """Add up calls and costs, low and high."""
    lows, highs = [one.low for one in found], [one.high for one in found]
    low = sum(cost for cost in lows if cost is not None) if None not in lows else None
    high = sum(cost for cost in highs if cost is not None) if None not in highs else None
    return sum(one.low_calls for one in found), sum(one.high_calls for one in found), low, high
