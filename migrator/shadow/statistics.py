"""Answer one question: do these pairs show that the new model answers as the old one does?

For each case D = [the new answer differs] − [a fresh old answer differs], both against the recorded answer. Were
the new model the old one, the two fresh answers could change places and the mean of D would be 0, however noisy
the old model is. A site passes when the mean of D is shown to be below a margin, and fails when it is shown to be
above it; what is shown holds at whatever moment one stops looking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp, inf, log, log2
from typing import Protocol, TypeVar

from migrator.shadow.model import Alarm, Answer, Kind, Numbers, Outcome, Pair, Rule, Verdict
from migrator.shadow.shares import clustered_error, mcnemar, rate

BETS = 40
MARGINS: Mapping[Kind, float] = {
    Kind.LABEL: 0.05,
    Kind.JSON: 0.02,
    Kind.TOOLS: 0.02,
    Kind.CODE: 0.05,
    Kind.PROSE: 0.10,
    Kind.OWN: 0.05,
}
# The e-value from which one template among several holds up a PASS.
SUSPICION = 3
# Where the old model itself differs in more cases than this, no answer could be told from its own.
MOST_NOISE = 0.5
LOUD = "the old model itself differs in more than half of the cases, so that nothing could be seen"
# Further than this nobody collects cases.
FAR = 100_000

Tally = Mapping[float, float]


def e_below(tally: Tally, margin: float) -> float:
    """Give the evidence against "the mean of D is the margin or more": how much a bet against it has won.

    K = mean over bets λ of ∏ᵢ (1 − λ (Dᵢ − m)), with 40 bets λ evenly over (0, 1/(1 − m)), so that no factor is
    below 0. When the mean of D is m or more, K is a supermartingale that begins at 1, and by Ville's inequality it
    ever reaches 1/α with a chance of at most α, at whatever case one stops.
    Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", arXiv:2010.09686,
    section 4; the mixture over fixed bets is their GridKelly. ``tally`` says how often each value of D, in −1..1, was
    seen; the order does not matter to a fixed bet. Without unit; 1 is no evidence, below 1 is none either.
    Raises ValueError for a margin outside (0, 1).
    """
    return _mixed(_wins(tally, margin, -1))


def e_above(tally: Tally, margin: float) -> float:
    """Give the evidence against "the mean of D is the margin or less".

    As ``e_below`` with ∏ᵢ (1 + λ (Dᵢ − m)) and λ over (0, 1/(1 + m)).
    """
    return _mixed(_wins(tally, margin, 1))


def _bets(margin: float, side: int) -> tuple[float, ...]:
    if not 0 < margin < 1:
        raise ValueError(f"a margin lies between 0 and 1, not at {margin}")
    most = 1 / (1 + side * margin)
    return tuple(most * (k + 0.5) / BETS for k in range(BETS))


def _wins(tally: Tally, margin: float, side: int) -> tuple[float, ...]:
    """The logarithm of what each bet has made of 1."""
    return tuple(
        sum(count * log(1 + side * bet * (value - margin)) for value, count in tally.items())
        for bet in _bets(margin, side)
    )


def _mixed(wins: Sequence[float]) -> float:
    """The mean of the bets, from their logarithms."""
    top = max(wins)
    scale = sum(exp(win - top) for win in wins) / len(wins)
    return exp(min(top, 700.0)) * scale


def benjamini_hochberg(e_values: Mapping[str, float], alpha: float) -> frozenset[str]:
    """Give the sites that pass together: of all that are let through, at most the share α is wrong, on average.

    e-BH: the k largest, for the largest k whose k-th e-value is at least m/(kα), m being all sites compared. Source:
    Wang and Ramdas, "False discovery rate control with e-values", arXiv:2009.02824, theorem 2; it holds whatever the
    dependence between sites. Where all sites pass by themselves it takes nothing away. It must be given the e-value
    at the moment of stopping, never the largest on the way, which is none.
    """
    ranked = sorted(e_values.items(), key=lambda item: -item[1])
    kept = 0
    for k, (_, value) in enumerate(ranked, 1):
        if value * k * alpha >= len(ranked):
            kept = k
    return frozenset(site for site, _ in ranked[:kept])


def bar(e_values: Mapping[str, float], alpha: float) -> float:
    """Give the e-value that one more site must reach to pass together with those that do."""
    return len(e_values) / ((min(len(benjamini_hochberg(e_values, alpha)) + 1, len(e_values))) * alpha)


class Grouped(Protocol):
    """What belongs to a prompt and to a unit: a case before it is asked, and the pair that comes of it."""

    @property
    def template(self) -> str: ...

    @property
    def unit(self) -> str: ...


One = TypeVar("One", bound=Grouped)


def in_turn(pairs: Iterable[One]) -> tuple[One, ...]:
    """Order cases so that every template is seen early and in proportion, and a unit stays together.

    Unit k of a template with n of them stands at (k + ½)/n of the way. Within a template the order is kept: whoever
    draws the cases shuffles them.
    """
    places: list[tuple[float, str, int, tuple[One, ...]]] = []
    for template, group in _by_template(pairs).items():
        units = _units(group)
        places += [((k + 0.5) / len(units), template, k, unit) for k, unit in enumerate(units)]
    return tuple(pair for *_, unit in sorted(places, key=lambda place: place[:3]) for pair in unit)


def _by_template(pairs: Iterable[One]) -> Mapping[str, list[One]]:
    found: dict[str, list[One]] = {}
    for pair in pairs:
        found.setdefault(pair.template, []).append(pair)
    return found


def _units(pairs: Sequence[One]) -> tuple[tuple[One, ...], ...]:
    """Put the cases of one unit together, at the place of its first."""
    found: dict[str, list[One]] = {}
    for number, pair in enumerate(pairs):
        found.setdefault(f"u{pair.unit}" if pair.unit else f"n{number}", []).append(pair)
    return tuple(tuple(unit) for unit in found.values())


def _worst(pair: Pair) -> float:
    """D, with what is undecided counted against the new model."""
    return (pair.new is not Answer.SAME) - (pair.old is Answer.DIFFERS)


def _best(pair: Pair) -> float:
    """D, with what is undecided counted for the new model."""
    return (pair.new is Answer.DIFFERS) - (pair.old is not Answer.SAME)


def _mean(values: Iterable[float]) -> float:
    held = tuple(values)
    return sum(held) / len(held)


def tallies(units: Sequence[Sequence[Pair]]) -> tuple[Tally, Tally]:
    """Give how often each value of D was seen: once for a PASS, once for a FAIL, each at its most careful.

    A unit of several cases is one observation, the mean of its own, which lies in −1..1 as well.
    """
    return (
        Counter(_mean(_worst(p) for p in unit) for unit in units),
        Counter(_mean(_best(p) for p in unit) for unit in units),
    )


def judge(site: str, pairs: Sequence[Pair], rule: Rule, bar: float | None = None) -> Verdict:
    """Say what the pairs of one site show, in the order in which they were run.

    The first look at which the evidence reaches ``bar`` (1/α when not given) decides; later cases change nothing.
    A site also fails when one of its templates does, so that a prompt that broke is not netted against those that
    hold.
    """
    units = _units(pairs)
    high = 1 / rule.alpha if bar is None else bar
    for end in _looks(len(units), rule):
        better, worse = tallies(units[:end])
        if (broken := _broken(units[:end], worse, rule)) is not None:
            return _verdict(site, Outcome.FAIL, broken, units[:end], rule)
        if e_below(better, rule.margin) >= high and not _may_not_pass(units[:end], rule.margin):
            return _verdict(site, Outcome.PASS, "the excess is below the margin", units[:end], rule)
    return _open(site, units[: rule.most], rule, high)


def standing(pairs: Sequence[Pair], rule: Rule, alarms: Sequence[Alarm] = ()) -> float:
    """Give the e-value for a PASS of all pairs so far.

    It is 0 where there are none, a prompt among several leans away, the old model differs from itself too often, or
    a hard failure is open or shown. ``benjamini_hochberg`` and ``bar`` are given it of each site.
    """
    units = _units(pairs)[: rule.most]
    if not units or any(one.is_open or one.is_shown for one in alarms) or _may_not_pass(units, rule.margin):
        return 0.0
    return e_below(tallies(units)[0], rule.margin)


def enough(kinds: int, alpha: float) -> int:
    """Give how often a hard failure must be the new model's alone, and never the old one's, to fail a site.

    Were both models alike, the one fresh answer of two that has it would be either with a chance of a half, whatever
    the prompt is, and whatever was seen before. That the first n such pairs all speak against the new one has a chance
    of 2⁻ⁿ, at whatever moment one looks (a sign test). With ``kinds`` of failures, each looked at by itself, it is at
    most kinds · 2⁻ⁿ in all, which n = ⌈log₂(kinds/α)⌉ keeps below α: 7 for six kinds and 0.05.
    Raises ValueError where α is not within (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"a chance of error lies between 0 and 1, not at {alpha}")
    return ceil(log2(kinds / alpha))


def conclude(
    site: str, pairs: Sequence[Pair], rule: Rule, alarms: Sequence[Alarm] = (), *, passes: bool, needed: float
) -> Verdict:
    """Say what the pairs of one site show where all sites together have said whether it ``passes``.

    A FAIL is the site's own affair: that of its numbers, or of a hard failure, whatever the numbers are. ``needed`` is
    the e-value that a PASS takes.
    """
    units = _units(pairs)[: rule.most]
    if (shown := next((one for one in alarms if one.is_shown), None)) is not None:
        return _verdict(site, Outcome.FAIL, _alarm(shown), units, rule)
    alone = judge(site, pairs, rule, inf)
    if alone.outcome is Outcome.FAIL:
        return alone
    if passes:
        return _verdict(site, Outcome.PASS, "the excess is below the margin", units, rule)
    if (still := next((one for one in alarms if one.is_open), None)) is not None:
        reason = f"an open {_alarm(still, f'; {still.needed} times are a FAIL')}"
        return _verdict(site, Outcome.INCONCLUSIVE, reason, units, rule)
    return _open(site, units, rule, needed)


def _alarm(one: Alarm, more: str = "") -> str:
    return f"hard failure: {one.said} ({one.times} times, never with the old model{more})"


def _looks(units: int, rule: Rule) -> Iterable[int]:
    """After how many units to look; always at the end of what there is."""
    last = min(units, rule.most)
    yield from (*range(rule.peek, last, rule.peek), *((last,) if last else ()))


def _broken(units: Sequence[Sequence[Pair]], worse: Tally, rule: Rule) -> str | None:
    """Why the site fails, if it does.

    Where it has several templates, the site as a whole is given half of α and the j-th template that was seen
    α/(2j(j + 1)), which together is α however many there come to be.
    """
    groups = _templates(units)
    several = len(groups) > 1
    if e_above(worse, rule.margin) >= (2 if several else 1) / rule.alpha:
        return "more answers differ than the margin allows"
    for j, (template, group) in enumerate(groups.items(), 1):
        if several and e_above(tallies(group)[1], rule.margin) >= 2 * j * (j + 1) / rule.alpha:
            return f"more answers to the prompt {template} differ than the margin allows"
    return None


def _templates(units: Sequence[Sequence[Pair]]) -> Mapping[str, list[Sequence[Pair]]]:
    groups: dict[str, list[Sequence[Pair]]] = {}
    for unit in units:
        groups.setdefault(unit[0].template, []).append(unit)
    return groups


def _suspect(units: Sequence[Sequence[Pair]], margin: float) -> str | None:
    """A template among several that leans towards having broken: it keeps the site from passing, which is no error."""
    groups = _templates(units)
    if len(groups) < 2:
        return None
    return next((t for t, group in groups.items() if e_above(tallies(group)[0], margin) >= SUSPICION), None)


def _may_not_pass(units: Sequence[Sequence[Pair]], margin: float) -> bool:
    """Say whether something keeps a site from passing whatever its e-value is."""
    return _is_loud(units) or _suspect(units, margin) is not None


def _is_loud(units: Sequence[Sequence[Pair]]) -> bool:
    """Say whether the old model differs so often from itself that D is small whatever the new one answers."""
    return _mean(_mean(pair.old is Answer.DIFFERS for pair in unit) for unit in units) > MOST_NOISE


def _open(site: str, units: Sequence[Sequence[Pair]], rule: Rule, high: float) -> Verdict:
    better, worse = tallies(units)
    more = min(_missing(better, rule.margin, -1, high), _missing(worse, rule.margin, 1, 1 / rule.alpha))
    if units and _is_loud(units):
        return _verdict(site, Outcome.INCONCLUSIVE, LOUD, units, rule)
    if (suspect := _suspect(units, rule.margin)) is not None:
        return _verdict(site, Outcome.INCONCLUSIVE, f"needs more cases of the prompt {suspect}", units, rule)
    if more < FAR:
        needed = f"needs about {more} more cases"
    elif sum(better.values()) and _mean_of(better) >= rule.margin > _mean_of(worse):
        needed = "too many answers are undecided; no number of cases settles that"
    else:
        needed = "the excess seen lies at the margin; no number of cases in reach settles that"
    return _verdict(site, Outcome.INCONCLUSIVE, needed, units, rule, more if more < FAR else None)


def _mean_of(tally: Tally) -> float:
    return sum(value * count for value, count in tally.items()) / sum(tally.values())


def _missing(tally: Tally, margin: float, side: int, high: float) -> int:
    """About how many more cases like those seen bring the evidence to ``high``; ``FAR`` where none in reach do.

    Each bet goes on winning as much a case as it did until now; with no cases yet, D is taken to be 0.
    """
    seen = sum(tally.values())
    wins = _wins(tally, margin, side)
    growth = [win / seen for win in wins] if seen else _wins({0.0: 1}, margin, side)
    low, most = 0, FAR
    if _mixed([w + most * g for w, g in zip(wins, growth, strict=True)]) < high:
        return FAR
    while low < most:
        middle = (low + most) // 2
        reached = _mixed([w + middle * g for w, g in zip(wins, growth, strict=True)]) >= high
        low, most = (low, middle) if reached else (middle + 1, most)
    return low


def fewest(rule: Rule) -> int:
    """Give how many cases a PASS takes at least, when not one answer differs; a site with fewer cannot pass."""
    return _missing({}, rule.margin, -1, 1 / rule.alpha)


def _verdict(
    site: str, outcome: Outcome, reason: str, units: Sequence[Sequence[Pair]], rule: Rule, more: int | None = None
) -> Verdict:
    return Verdict(site, outcome, reason, numbers(units, rule.margin), more)


def numbers(units: Sequence[Sequence[Pair]], margin: float) -> Numbers:
    """Give everything that stands beside the verdict; here an undecided answer counts as not differing."""
    pairs = [pair for unit in units for pair in unit]
    old = [pair.old is Answer.DIFFERS for pair in pairs]
    new = [pair.new is Answer.DIFFERS for pair in pairs]
    losses = sum(n and not o for o, n in zip(old, new, strict=True))
    gains = sum(o and not n for o, n in zip(old, new, strict=True))
    better, worse = tallies(units)
    return Numbers(
        cases=len(pairs),
        units=len(units),
        noise=rate(sum(old), len(pairs)),
        new=rate(sum(new), len(pairs)),
        losses=losses,
        gains=gains,
        mcnemar=mcnemar(losses, gains),
        excess=(losses - gains) / len(pairs) if pairs else 0.0,
        error=clustered_error([[float(p.new is Answer.DIFFERS) - (p.old is Answer.DIFFERS) for p in u] for u in units]),
        better=e_below(better, margin),
        worse=e_above(worse, margin),
        undecided=sum(Answer.UNDECIDED in (pair.old, pair.new) for pair in pairs),
    )


def by_template(pairs: Iterable[Pair]) -> Mapping[str, float]:
    """Give the mean excess of each template, for the report of a site that has several."""
    return {
        template: _mean(float(p.new is Answer.DIFFERS) - (p.old is Answer.DIFFERS) for p in group)
        for template, group in _by_template(pairs).items()
    }
