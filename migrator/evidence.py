"""Answer one question: which values does the report of a shadow comparison speak of?

The comparison makes one ``ShadowReport``; the terminal, JSON, JUnit, Markdown and HTML are readings of it, and so
is the gate of ``apply --shadow``. Shares are between 0 and 1, money is US dollars, times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Literal

Outcome = Literal["pass", "fail", "inconclusive"]
Action = Literal["apply", "layout", "model", "hold"]
Step = Literal["embeddings", "judge"]
Flip = Literal["loss", "gain", "both", "undecided", "same", "failure"]
# Half the width of a 95 % interval, in standard errors.
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total`` cases, with the 95 % Wilson interval of the share."""

    count: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share itself; 0 where there are no cases."""
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two answers: ``kind`` such as "number" or "missing field", ``where`` a path or words.

    ``is_noise``: the old model disagrees with itself here; it is shown and does not count.
    """

    kind: str
    where: str
    old: str
    new: str
    is_noise: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One case with its three answers, as far as it is shown.

    ``flip``: "loss" (only the new answer differs from the recorded one), "gain" (only the fresh old one does),
    "both", "same", "undecided", or "failure" (a hard failure of the new model alone, named in ``failure``).
    ``differences`` are those of the new answer against the recorded one, ``old_differences`` those of the fresh old
    answer against it.
    ``prompt`` is what was asked, the last message or input of a person; answers are texts, JSON or calls of tools
    as text. ``weight`` orders a site's exchanges, the worst first.
    """

    case: str
    template: str
    flip: Flip
    prompt: str
    recorded: str
    old: str
    new: str
    differences: tuple[Difference, ...] = ()
    old_differences: tuple[Difference, ...] = ()
    failure: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Arm:
    """What one side's fresh answers took: of the old model in the old layout, or of the new one in the new layout.

    Tokens are sums over ``calls``; ``cost`` is for 1,000 such calls at list price without Batch, None where no price
    is known. Latencies and cached tokens are of synchronous calls alone: None where there was none.
    """

    model: str
    calls: int
    input: int
    cached: int | None
    output: int
    cost: float | None
    latency: float | None = None
    slow_latency: float | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which of the two changes did it, on the cases that fail: each half alone against the recorded answers.

    ``model``: the new model with the old layout; ``layout``: the old model with the new layout. Each share counts
    cases that differ.
    """

    cases: int
    model: Share
    layout: Share


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's word that the difference at a site is wanted: why, by whom, until which day (YYYY-MM-DD)."""

    reason: str
    by: str
    until: str


@dataclass(frozen=True, slots=True)
class SiteEvidence:
    """What was found at one call site.

    ``site`` is the id of the call in ``migrator scan --format json``, ``key`` that of a scan from the project's root,
    from which ``file`` is seen. ``changes`` says what would be done there, some of "model", "order", "cache_key".
    ``cases`` were recorded, ``unbound`` counts by reason those that could not be compared, ``compared`` were.
    ``excess`` is the mean of D = [new differs] − [old differs] with ``error``, its standard error; ``better`` and
    ``worse`` are the e-values for PASS and FAIL; ``path`` are the looks on the way: cases, and the two e-values in this
    order. ``more`` is about how many cases are missing for a verdict (None: no number would do) and ``more_cost`` what
    they would cost. ``action`` follows from all of it: "apply" both, the "layout" alone, the "model" alone, or "hold".
    """

    site: str
    file: str
    line: int
    function: str
    surface: str
    contract: str
    why: str
    changes: tuple[str, ...]
    outcome: Outcome
    reason: str
    action: Action
    cases: int
    compared: int
    unbound: Mapping[str, int]
    margin: float
    noise: Share
    new: Share
    losses: int
    gains: int
    undecided: int
    excess: float
    error: float
    mcnemar: float
    better: float
    worse: float
    before: Arm
    after: Arm
    path: tuple[tuple[int, float, float], ...] = ()
    templates: Mapping[str, float] = field(default_factory=dict)
    noisy_fields: tuple[str, ...] = ()
    more: int | None = None
    more_cost: float | None = None
    attribution: Attribution | None = None
    accepted: Acceptance | None = None
    exchanges: tuple[Exchange, ...] = ()
    key: str = ""

    @property
    def is_let_through(self) -> bool:
        """Say whether the whole change may be made here."""
        return self.action == "apply"

    @property
    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval of the excess, within -1..1; it is shown and decides nothing.

        The wider of two on each side: Newcombe's for paired shares, which does not shrink to nothing where no answer
        differs, and excess ± 1.96 standard errors, which knows that cases of one prompt depend on each other.
        Source: Newcombe, Statistics in Medicine 17 (1998), 2635-2650, method 10. No cases give (-1, 1).
        """
        low, high = _paired(self.noise, self.new, self.losses, self.gains)
        half = Z * self.error if isfinite(self.error) else 0.0
        return max(-1.0, min(low, self.excess - half)), min(1.0, max(high, self.excess + half))


def _paired(old: Share, new: Share, losses: int, gains: int) -> tuple[float, float]:
    """Give Newcombe's interval of ``new`` − ``old`` where both are of the same cases."""
    total, mean = new.total, new.share - old.share
    if not total:
        return -1.0, 1.0
    both = new.count - losses
    linked = _correlation(both, losses, gains, total - both - losses - gains)
    below, above = new.share - new.low, old.high - old.share
    low = mean - sqrt(max(0.0, below**2 - 2 * linked * below * above + above**2))
    above, below = new.high - new.share, old.share - old.low
    return low, mean + sqrt(max(0.0, above**2 - 2 * linked * above * below + below**2))


def _correlation(both: int, losses: int, gains: int, same: int) -> float:
    """Give the correlation of the two sides, corrected for continuity as Newcombe has it."""
    margins = (both + losses) * (gains + same) * (both + gains) * (losses + same)
    product = float(both * same - losses * gains)
    if product > 0:
        product = max(0.0, product - (both + losses + gains + same) / 2)
    return product / sqrt(margins) if margins > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Gate:
    """What a comparison lets through: the ``actions`` of the sites by their ids, and in ``reasons`` why one holds.

    A site that stands in neither was not compared. ``ran`` are the models on which the compared cases of a site ran;
    a site that does not stand there ran on all that arrive.
    """

    actions: Mapping[str, Action]
    reasons: Mapping[str, str]
    ran: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def allows(self, site: str, change: Literal["model", "layout"]) -> bool:
        """Say whether this half of the change may be made at a site."""
        return self.actions.get(site, "hold") in ("apply", change)

    def reason(self, site: str) -> str:
        """Say why a site is held."""
        return self.reasons.get(site, "no recorded request was compared")


@dataclass(frozen=True, slots=True)
class Money:
    """What the run cost: spent now, what the answers of earlier runs would cost now, and what was estimated before."""

    spent: float
    stored: float
    low: float
    high: float
    cap: float | None
    calls: int
    stored_calls: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What embeddings or a judge were worth at a site: differences that they saw between two answers of the old
    model, planted defects that they saw, and those that they missed and called the same.

    ``site`` is the site's id. ``used`` is False where that was not good enough or could not be measured, and
    ``reason`` says so. ``decided`` counts the answers, old and new, that were undecided before.
    """

    site: str
    step: Step
    model: str
    used: bool
    reason: str
    false_alarms: Share
    detected: Share
    missed: Share
    decided: int


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """The whole comparison.

    ``server`` names who answered. ``canned`` is "" for answers of a model; where answers were scripted, as in
    the demo, it is the sentence that says so, and every reading of the report shows it. ``held`` names sites without
    a comparison, with the reason: no case, no case that could be bound. ``places`` says
    where those sites stand. ``unlinked`` counts recorded cases that
    belong to no site of the plan, by reason. ``alpha`` bounds the share of wrong sites among those let through.
    ``steps`` are the embeddings and judges that were to decide what stays undecided, site by site.
    """

    version: int
    tool: str
    migration: str
    created: str
    commit: str
    server: str
    canned: str
    alpha: float
    sites: tuple[SiteEvidence, ...]
    held: Mapping[str, str]
    unlinked: Mapping[str, int]
    money: Money
    is_batch: bool = False
    is_complete: bool = True
    steps: tuple[Judged, ...] = ()
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """Give the exit code: 0 all pass, 1 one fails, 3 one is open; ``docs/exit-codes.md``."""
        outcomes = {site.outcome for site in self.sites if site.accepted is None}
        if "fail" in outcomes:
            return 1
        return 3 if "inconclusive" in outcomes or self.held or not self.is_complete else 0
