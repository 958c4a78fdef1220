"""Answer one question: in which words do all readings of a shadow report say its numbers?"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from migrator.evidence import Action, Arm, Exchange, Flip, Judged, Outcome, ShadowReport, Share, SiteEvidence
from migrator.lines import plural

OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "inconclusive")
ACTIONS: dict[Action, str] = {"apply": "apply", "layout": "order only", "model": "model only", "hold": "hold"}
CHANGES = {"model": "its model", "order": "the order of its prompt", "cache_key": "its cache key"}
FLIPS: dict[Flip, str] = {
    "failure": "hard failure",
    "loss": "only the new answer differs",
    "both": "both differ",
    "undecided": "undecided",
    "gain": "only the old answer differs",
    "same": "the same",
}
# What Python's escapes call by a letter stays readable; everything else is shown by its number.
_KEPT = "\n\t"


def place(site: SiteEvidence) -> str:
    """Say where a call stands."""
    return visible(f"{site.file}:{site.line} {site.function}".strip())


def visible(text: str) -> str:
    """Write what no one would see, or what would move the cursor or the reading direction, as an escape.

    An answer may hold any character: ``\\x1b[2J`` clears a terminal, ``\\u202e`` turns a line round.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_plain(char) else _escape(char) for char in text)


def _is_plain(char: str) -> bool:
    # A zero-width joiner holds emoji together.
    return char in _KEPT or char == "\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    number = ord(char)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def percent(share: float) -> str:
    """Say a share: ``4.2 %``, from ten on ``12 %``."""
    return f"{_figure(abs(share))} %"


def signed(share: float) -> str:
    """Say a difference of shares with its sign."""
    said = _figure(abs(share))
    return f"{'±' if not float(said) else '+' if share > 0 else '−'}{said} %"


def _figure(share: float) -> str:
    return f"{share * 100:.0f}" if share >= 0.0995 else f"{share * 100:.1f}"


def interval(site: SiteEvidence) -> str:
    """Say the 95 % interval of the excess: ``−1.2 % to +8.2 %``."""
    low, high = site.interval
    return f"{signed(low)} to {signed(high)}"


def money(dollars: float) -> str:
    """Say dollars: in cents, and finer below ten."""
    return f"${dollars:,.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.4f}"


def change(before: float | None, after: float | None) -> str:
    """Say how much more or less something became, with the sign; "" where that is not known."""
    if not before or after is None:
        return ""
    said = f"{abs(after / before - 1) * 100:,.0f}"
    return f"{'±' if said == '0' else '+' if after > before else '−'}{said} %"


def cost_change(before: Arm, after: Arm) -> str:
    """Say what the new model's calls cost against the old one's."""
    return change(before.cost, after.cost)


def cached(arm: Arm) -> float | None:
    """Give the share of the input that was cached; None where nothing was measured."""
    return arm.cached / arm.input if arm.cached is not None and arm.input else None


def cached_share(arm: Arm) -> str:
    """Say how much of the input was cached; "" where nothing was measured."""
    found = cached(arm)
    return "" if found is None else f"{found:.0%}".replace("%", " %")


def movement(before: float | None, after: float | None, say: Callable[[float], str]) -> str:
    """Say a number before and after, and the change: ``$4.00 → $0.48 (−88 %)``; "" where nothing is known."""
    if before is None and after is None:
        return ""
    one, other = ("unknown" if value is None else say(value) for value in (before, after))
    changed = change(before, after)
    return f"{one} → {other} ({changed})" if changed else f"{one} → {other}"


def seconds(value: float) -> str:
    """Say a time: ``0.90 s``, ``12 s``."""
    return f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def movements(site: SiteEvidence) -> Iterator[tuple[str, str]]:
    """Say what is known before and after: cost, latency, cached share, each with its name."""
    before, after = site.before, site.after
    numbers = (
        ("cost of 1,000 calls", movement(before.cost, after.cost, money)),
        ("latency, median", movement(before.latency, after.latency, seconds)),
        ("latency, slowest in 20", movement(before.slow_latency, after.slow_latency, seconds)),
        ("cached share of the input", _cached(before, after)),
    )
    yield from ((name, said) for name, said in numbers if said)


def _cached(before: Arm, after: Arm) -> str:
    """Two shares differ by points, not by a share of a share."""
    one, other = cached_share(before), cached_share(after)
    return f"{one or 'unknown'} → {other or 'unknown'}" if one or other else ""


def reason(site: SiteEvidence) -> str:
    """Say why a site came out as it did, and what the cases that are missing would cost."""
    said = visible(site.reason)
    return said if site.more_cost is None else f"{said}, {money(site.more_cost)}"


def action(site: SiteEvidence) -> str:
    """Say what follows; a star where a person accepted the difference."""
    return ACTIONS[site.action] + ("*" if site.accepted is not None else "")


def acceptance(site: SiteEvidence) -> str:
    """Say who accepted a difference, why and until when; "" where nobody did."""
    found = site.accepted
    if found is None:
        return ""
    by = f" by {found.by}" if found.by else ""
    return visible(f"accepted{by} until {found.until}: {found.reason}")


def blame(site: SiteEvidence) -> str:
    """Say which half of the change did it; "" where that was not asked."""
    found = site.attribution
    if found is None:
        return ""
    return (
        f"of {plural(found.cases, 'case')} that fail, {found.model.count} differ with the new model alone, "
        f"{found.layout.count} with the new order alone"
    )


def told(one: Exchange) -> str:
    """Say in a few words what is wrong with an exchange."""
    first = next((d for d in one.differences if not d.is_noise), None)
    return visible(one.failure or (f"{first.kind} {first.where}".strip() if first else FLIPS[one.flip]))


def worst(site: SiteEvidence) -> Sequence[Exchange]:
    """Give the exchanges that speak against the new model, the worst first."""
    return [one for one in site.exchanges if one.flip in ("failure", "loss", "undecided")]


def excerpt(text: str, other: str, length: int) -> str:
    """Cut a text to about ``length`` characters, where possible around the first that differs from ``other``."""
    said, against = " ".join(text.split()), " ".join(other.split())
    if len(said) <= length:
        return visible(said)
    same = next((i for i, pair in enumerate(zip(said, against, strict=False)) if pair[0] != pair[1]), 0)
    start = min(max(0, same - length // 3), len(said) - length)
    shown = visible(said[start : start + length])
    return f"{'…' if start else ''}{shown}{'…' if start + length < len(said) else ''}"


def counts(report: ShadowReport) -> str:
    """Count the sites by verdict: ``1 pass, 3 fail``; and those that were not compared."""
    said = [f"{n} {word}" for word in OUTCOMES if (n := sum(site.outcome == word for site in report.sites))]
    if report.held:
        said.append(f"{len(report.held)} not compared")
    return ", ".join(said) or "nothing was compared"


def spent(report: ShadowReport) -> str:
    """Say what the run cost."""
    found = report.money
    kept = ""
    if found.stored_calls:
        kept = f", {plural(found.stored_calls, 'answer')} from earlier runs ({money(found.stored)})"
    limit = f" of at most {money(found.cap)}" if found.cap is not None else ""
    asked = "1 request" if found.calls == 1 else f"{found.calls:,} requests"
    return f"{asked} to {visible(report.server)}, {money(found.spent)}{limit} at list price{kept}"


def ending(report: ShadowReport) -> str:
    """Say the exit code and what it means."""
    return f"Exit code {report.code}: {' and '.join(_causes(report))}."


def _causes(report: ShadowReport) -> Iterator[str]:
    open_ones = [site for site in report.sites if site.accepted is None]
    if report.code == 0:
        yield "every call holds up" if len(open_ones) == len(report.sites) else "every call holds up or is accepted"
        return
    failed = sum(site.outcome == "fail" for site in open_ones)
    if failed:
        yield f"{plural(failed, 'call')} {'does' if failed == 1 else 'do'} not hold up"
        return
    still = sum(site.outcome == "inconclusive" for site in open_ones)
    if still:
        yield f"{plural(still, 'call')} {'is' if still == 1 else 'are'} open"
    if report.held:
        yield f"{plural(len(report.held), 'call')} {'was' if len(report.held) == 1 else 'were'} not compared"
    if not report.is_complete:
        yield "not all requests were sent"


def held_at(report: ShadowReport, reason: str) -> Sequence[str]:
    """Give the places of the calls that were not compared for a reason; the id of one whose place is not known."""
    sites = (site for site, said in report.held.items() if said == reason)
    return [visible(report.places.get(site, site)) for site in sites]


def judged(one: Judged, report: ShadowReport) -> str:
    """Say what embeddings or a judge were worth at a call: both rates, and whether they were used."""
    name = f"the judge {one.model}" if one.step == "judge" else f"embeddings by {one.model}"
    where = next((place(site) for site in report.sites if site.site == one.site), one.site)
    if not one.used:
        return visible(f"{where}: {name}, not used: {one.reason}.{_rates(one)}")
    answers = "1 answer that was" if one.decided == 1 else f"{one.decided:,} answers that were"
    return visible(f"{where}: {name} decided {answers} open.{_rates(one)}")


def _rates(one: Judged) -> str:
    """Say how often a step blames the old model's own answers, and how many defects it sees; "" if not measured."""
    alarms, seen, missed = one.false_alarms, one.detected, one.missed
    if not alarms.total and not seen.total:
        return ""
    return (
        f" Of {plural(alarms.total, 'pair')} of old answers it called {alarms.count} different ({_range(alarms)}); "
        f"of {plural(seen.total, 'planted defect')} it saw {seen.count} ({_range(seen)}) "
        f"and took {missed.count} for the same ({_range(missed)})."
    )


def _range(share: Share) -> str:
    return f"{100 * share.low:.0f} to {100 * share.high:.0f} %"


def around(report: ShadowReport) -> Iterator[str]:
    """Say what else a reader should know, a sentence each."""
    if not report.is_complete:
        yield "Not all requests were sent: the money ran out, or --stored held them back. What was answered is kept."
    if report.is_batch:
        yield "The answers came by the Batch API: no latency and no cached share was measured."
    yield from (judged(one, report) for one in report.steps)
    for count, reason in sorted(((count, reason) for reason, count in report.unlinked.items()), reverse=True):
        yield f"{plural(count, 'recorded request')} left out: {visible(reason)}."
    yield from (visible(note if note.endswith(".") else f"{note}.") for note in report.notes)
