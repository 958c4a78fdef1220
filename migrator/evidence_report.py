"""Answer one question: which words does a person read about a finished comparison?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from migrator.evidence import Arm, Exchange, ShadowReport, Share, SiteEvidence
from migrator.lines import BLANK, Line, plural, wrapped

HEADS = ("WHERE", "READ AS", "CASES", "NOISE", "NEW", "EXCESS", "COST", "VERDICT", "ACTION")
RIGHT = frozenset({"CASES", "NOISE", "NEW", "EXCESS", "COST"})
TONES = {"pass": "rewrite", "fail": "error", "inconclusive": "review"}
ACTIONS = {"apply": "apply", "layout": "order only", "model": "model only", "hold": "hold"}
# Half the width of a 95 % interval, in standard errors.
Z = 1.96
SHOWN = 1
TEXT = 160


def rows(report: ShadowReport, width: int) -> Iterator[Line]:
    """Give the table, why each site is held, an example of each that fails, and what it cost."""
    if report.canned:
        yield from wrapped(report.canned, width, indent="", style="review")
        yield BLANK
    if report.sites:
        yield from _table(report.sites, width)
    for site in report.sites:
        yield from _reason(site, width)
    yield from _held(report, width)
    yield BLANK
    yield from _sum(report, width)


def _table(sites: Sequence[SiteEvidence], width: int) -> Iterator[Line]:
    table = [HEADS, *(_row(site) for site in sites)]
    sizes = [max(len(row[column]) for row in table) for column in range(len(HEADS))]
    if sum(sizes) + 2 * len(HEADS) > width:
        # Where the place does not fit beside the numbers, it gets a line of its own.
        yield from _stacked(sites, table, sizes)
        return
    for number, row in enumerate(table):
        yield tuple(_cells(row, sizes, "dim" if number == 0 else TONES[sites[number - 1].outcome]))


def _stacked(sites: Sequence[SiteEvidence], table: Sequence[Sequence[str]], sizes: Sequence[int]) -> Iterator[Line]:
    yield (("  ", ""), *_cells(table[0][1:], sizes[1:], "dim", HEADS[1:]))
    for site, row in zip(sites, table[1:], strict=True):
        yield ((row[0], "path"),)
        yield (("  ", ""), *_cells(row[1:], sizes[1:], TONES[site.outcome], HEADS[1:]))


def _cells(
    row: Sequence[str], sizes: Sequence[int], tone: str, heads: Sequence[str] = HEADS
) -> Iterator[tuple[str, str]]:
    for head, text, size in zip(heads, row, sizes, strict=True):
        shown = text.rjust(size) if head in RIGHT else text.ljust(size)
        style = tone if tone == "dim" or head in ("VERDICT", "ACTION") else "path" if head == "WHERE" else ""
        yield (shown.rstrip() if head == heads[-1] else f"{shown}  ", style)


def _row(site: SiteEvidence) -> tuple[str, ...]:
    return (
        place(site),
        site.contract,
        f"{site.compared:,}",
        percent(site.noise.share),
        percent(site.new.share),
        signed(site.excess),
        cost_change(site.before, site.after),
        site.outcome + ("*" if site.accepted is not None else ""),
        ACTIONS[site.action],
    )


def place(site: SiteEvidence) -> str:
    """Say where a call stands."""
    return f"{site.file}:{site.line} {site.function}".strip()


def percent(share: float) -> str:
    """Say a share: ``4.2 %``."""
    return f"{share * 100:.1f} %"


def signed(share: float) -> str:
    """Say a difference of shares with its sign."""
    return f"{'+' if share > 0 else '−' if share < 0 else '±'}{abs(share) * 100:.1f} %"


def cost_change(before: Arm, after: Arm) -> str:
    """Say what the new model's calls cost against the old one's, with the sign; "" where it is not known."""
    if not before.cost or after.cost is None:
        return ""
    return f"{'+' if after.cost > before.cost else '−'}{abs(after.cost / before.cost - 1) * 100:.0f} %"


def interval(site: SiteEvidence) -> str:
    """Say between which values the excess lies in 95 of 100 such samples."""
    if not isfinite(site.error):
        return "not known"
    low, high = (max(-1.0, min(1.0, site.excess + side * Z * site.error)) for side in (-1, 1))
    return f"{signed(low)} to {signed(high)}"


def _reason(site: SiteEvidence, width: int) -> Iterator[Line]:
    """Say of a site that does not simply pass why, and what to do."""
    if site.outcome == "pass":
        return
    yield BLANK
    yield ((place(site), "path"), (f"  {site.site}", "dim"))
    said = f"{site.outcome}: {site.reason}"
    if site.more_cost is not None:
        said += f", about ${site.more_cost:,.2f}"
    yield from wrapped(said, width, indent="  ", style=TONES[site.outcome])
    counted = f"{site.losses} only new, {site.gains} only old, {site.undecided} undecided of {site.compared}"
    yield from wrapped(f"excess {interval(site)}, margin {percent(site.margin)}; {counted}", width, indent="  ")
    yield from _blame(site, width)
    if site.accepted is not None:
        by = f" by {site.accepted.by}" if site.accepted.by else ""
        text = f"* accepted{by} until {site.accepted.until}: {site.accepted.reason}"
        yield from wrapped(text, width, indent="  ", style="rewrite")
    for one in [e for e in site.exchanges if e.flip in ("loss", "failure", "undecided")][:SHOWN]:
        yield from _example(one, width)
    for reason, count in site.unbound.items():
        yield from wrapped(f"{plural(count, 'case')} not compared: {reason}", width, indent="  ", style="dim")


def _blame(site: SiteEvidence, width: int) -> Iterator[Line]:
    found = site.attribution
    if found is None:
        return
    text = (
        f"of {plural(found.cases, 'failing case')} the new model alone fails {_of(found.model)}, "
        f"the new order alone {_of(found.layout)}; {ACTIONS[site.action]}"
    )
    yield from wrapped(text, width, indent="  ")


def _of(share: Share) -> str:
    return f"{share.count} of {share.total}"


def _example(one: Exchange, width: int) -> Iterator[Line]:
    told = one.failure or next((f"{d.kind} {d.where}".strip() for d in one.differences if not d.is_noise), one.flip)
    yield from wrapped(f"{one.case}  {told}", width, indent="  ", style="dim")
    for name, text in (("asked", one.prompt), ("recorded", one.recorded), ("old", one.old), ("new", one.new)):
        yield from wrapped(f"{name:8}  {_short(text)}", width, indent="    ", hanging=" " * 14)


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= TEXT else f"{said[:TEXT]}…"


def _held(report: ShadowReport, width: int) -> Iterator[Line]:
    if report.held:
        yield BLANK
        reasons = sorted(set(report.held.values()))
        for reason in reasons:
            count = sum(one == reason for one in report.held.values())
            yield from wrapped(f"{plural(count, 'call')} not compared: {reason}", width, indent="", style="dim")
    for reason, count in report.unlinked.items():
        yield from wrapped(f"{plural(count, 'recorded request')} left out: {reason}", width, indent="", style="dim")


def _sum(report: ShadowReport, width: int) -> Iterator[Line]:
    """Say how many sites came out how, and what it cost."""
    words = ("pass", "fail", "inconclusive")
    counts = [f"{n} {word}" for word in words if (n := sum(site.outcome == word for site in report.sites))]
    yield from wrapped(", ".join(counts) or "Nothing was compared.", width, indent="")
    money = report.money
    spent = f"{money.calls:,} requests to {report.server}, ${money.spent:,.2f} at list price"
    kept = f", {money.stored_calls:,} answers from earlier runs" if money.stored_calls else ""
    yield from wrapped(f"{spent}{kept}. At most {percent(report.alpha)} of what passes is wrong.", width, indent="")
    if not report.is_complete:
        yield from wrapped("The money ran out before all was decided; what was answered is kept.", width, indent="")
    for note in report.notes:
        yield from wrapped(note, width, indent="", style="dim")
