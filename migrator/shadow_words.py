"""Answer one question: which words does a person read before and while a comparison runs?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.comparison import Ready, host
from migrator.lines import Line, plural, table, wrapped
from migrator.readings import ending
from migrator.shadow.model import Outcome
from migrator.shadow.outlook import Outlook, total
from migrator.shadow.rounds import State
from migrator.shadow.run.pace import PATIENCE, minutes

HEADS = ("WHERE", "READ AS", "CASES", "PASS FROM", "REQUESTS", "COST")
RIGHT = frozenset({"CASES", "PASS FROM", "REQUESTS", "COST"})


def outlook(found: Ready, width: int) -> Iterator[Line]:
    """Say what would be sent, what it may cost and what it can show: a row for each call, then the sum."""
    if found.outlooks:
        rows = [HEADS, *map(_row, found.outlooks)]
        yield from table(rows, width, right=RIGHT, above=1, styles={})
        yield from _sum(found, width)
    yield from _held(found, width)
    if found.targets:
        yield from wrapped(ending(found.book.migrations[found.order.settings.migration], found.book), width, indent="")


def _row(one: Outlook) -> tuple[str, ...]:
    place, items = one.trial.target.site, len(one.trial.items)
    shortage = "" if one.can_pass else " !"
    return (
        f"{place.shown}:{place.position.line}",
        one.trial.contract.kind.value,
        f"{items:,}",
        f"{one.fewest:,}{shortage}",
        f"{one.low_calls:,} to {one.high_calls:,}",
        money_range(one.low, one.high),
    )


def money_range(low: float | None, high: float | None) -> str:
    """Say a range of dollars; it is unknown where the tables know no price."""
    return "unknown" if low is None or high is None else f"{money(low)} to {money(high)}"


def money(dollars: float) -> str:
    """Say dollars: in cents, and finer below one."""
    return f"${dollars:,.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.4f}"


def _sum(found: Ready, width: int) -> Iterator[Line]:
    low, high, least, most = total(found.outlooks)
    calls = plural(len(found.outlooks), "call")
    text = f"{calls}: {low:,} to {high:,} requests to {found.order.server}, {money_range(least, most)}."
    if found.order.is_batch:
        text += " The Batch API takes half of that."
    yield from wrapped(text, width, indent="")
    yield from _advice(found, width)
    short = [one for one in found.outlooks if not one.can_pass]
    if short:
        calls = plural(len(short), "call")
        text = f"! {calls} with too few cases cannot pass: record more, or just read the answers."
        yield from wrapped(text, width, indent="", style="review")


def _advice(found: Ready, width: int) -> Iterator[Line]:
    """Name the models that are asked about what stays undecided, and what they may cost on top."""
    for step, one in found.order.advisers.items():
        name = f"the judge {one.model}" if step == "judge" else f"{one.model} for embeddings"
        ahead = found.advice[step]
        cost = "cost unknown" if ahead.cost is None else f"at most about {money(ahead.cost)}"
        text = (
            f"For prose that stays undecided, up to {ahead.calls:,} requests more to {name} at {host(one.url)}, {cost}"
        )
        yield from wrapped(f"{text}{', not as a batch' * found.order.is_batch}.", width, indent="")


def _held(found: Ready, width: int) -> Iterator[Line]:
    """Name the calls that cannot be compared, and the cases that belong to none."""
    places = {target.site.id: target.site for target in found.targets}
    for site, reason in found.prepared.held.items():
        place = places[site]
        yield from wrapped(
            f"{place.shown}:{place.position.line}  not compared: {reason}", width, indent="", style="dim"
        )
    for reason, count in found.prepared.unlinked.items():
        yield from wrapped(f"{plural(count, 'recorded request')} left out: {reason}", width, indent="", style="dim")


def progress(states: Sequence[State], spent: float) -> str:
    """Say in one line how far a comparison is."""
    said = [state.verdict.outcome for state in states if state.verdict is not None]
    counts = [(outcome, said.count(outcome)) for outcome in (Outcome.PASS, Outcome.FAIL)]
    still = sum(state.is_open for state in states)
    told = [f"{count} {outcome.value}" for outcome, count in counts if count]
    return ", ".join([*told, f"{still} open", f"{sum(s.asked for s in states):,} cases", f"{money(spent)} spent"])


def waiting(silence: float, wait: float) -> str:
    """Say for how long a server is busy, and in how long it is asked again; both are seconds."""
    again = minutes(wait) if wait >= 60 else f"{max(1, round(wait))} s"
    return f"the server is busy ({round(silence / 60)} of {minutes(PATIENCE)}), asked again in {again}"
