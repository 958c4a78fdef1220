"""Answer one question: which lines does a person read about a finished comparison?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator import evidence_words as words
from migrator.evidence import Exchange, ShadowReport, SiteEvidence
from migrator.lines import BLANK, Line, plural, wrapped

HEADS = ("WHERE", "READ AS", "CASES", "NOISE", "NEW", "EXCESS", "95 % INTERVAL", "COST", "CACHED", "VERDICT", "ACTION")
RIGHT = frozenset({"CASES", "NOISE", "NEW", "EXCESS", "COST", "CACHED"})
# Where the place does not fit beside the numbers, these stand on a line of their own above them.
ABOVE = (HEADS.index("WHERE"), HEADS.index("95 % INTERVAL"))
TONES = {"pass": "rewrite", "fail": "error", "inconclusive": "review"}
SHOWN, PLACES = 1, 10
TEXT = 160


def rows(report: ShadowReport, width: int) -> Iterator[Line]:
    """Give the table, why each site is held, an example of each that fails, what it cost and what the exit code says.

    What answers hold is printed without control characters, and cut.
    """
    if report.canned:
        yield from wrapped(words.visible(report.canned), width, indent="", style="review")
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
    if sum(sizes) + 2 * (len(HEADS) - 1) > width:
        yield from _stacked(sites, table, sizes, width)
        return
    for number, row in enumerate(table):
        yield tuple(_cells(row, sizes, "dim" if number == 0 else TONES[sites[number - 1].outcome]))


def _stacked(
    sites: Sequence[SiteEvidence], table: Sequence[Sequence[str]], sizes: Sequence[int], width: int
) -> Iterator[Line]:
    below = [column for column in range(len(HEADS)) if column not in ABOVE]
    heads, kept = [HEADS[column] for column in below], [sizes[column] for column in below]
    yield (("  ", ""), *_cells(heads, kept, "dim", heads))
    for site, row in zip(sites, table[1:], strict=True):
        where, between = (row[column] for column in ABOVE)
        yield from _above(where, f"excess {between}", width)
        yield (("  ", ""), *_cells([row[column] for column in below], kept, TONES[site.outcome], heads))


def _above(where: str, between: str, width: int) -> Iterator[Line]:
    if len(where) + 2 + len(between) <= width:
        yield ((where, "path"), (f"  {between}", "dim"))
        return
    yield ((where, "path"),)
    yield ((f"  {between}", "dim"),)


def _cells(
    row: Sequence[str], sizes: Sequence[int], tone: str, heads: Sequence[str] = HEADS
) -> Iterator[tuple[str, str]]:
    for head, text, size in zip(heads, row, sizes, strict=True):
        shown = text.rjust(size) if head in RIGHT else text.ljust(size)
        style = tone if tone == "dim" or head in ("VERDICT", "ACTION") else "path" if head == "WHERE" else ""
        yield (shown.rstrip() if head == heads[-1] else f"{shown}  ", style)


def _row(site: SiteEvidence) -> tuple[str, ...]:
    return (
        words.place(site),
        site.contract,
        f"{site.compared:,}",
        words.percent(site.noise.share),
        words.percent(site.new.share),
        words.signed(site.excess),
        words.interval(site),
        words.cost_change(site.before, site.after),
        words.cached_share(site.after),
        site.outcome,
        words.action(site),
    )


def _reason(site: SiteEvidence, width: int) -> Iterator[Line]:
    """Say of a site that does not simply pass why, and what to do."""
    if site.outcome == "pass":
        return
    yield BLANK
    yield ((words.place(site), "path"), (f"  {site.site}", "dim"))
    said = f"{site.outcome}: {words.reason(site)}"
    yield from wrapped(said, width, indent="  ", style=TONES[site.outcome])
    if site.accepted is not None:
        yield from wrapped(f"* {words.acceptance(site)}", width, indent="  ", style="rewrite")
    counted = f"of {plural(site.compared, 'case')} {site.losses} differ only with the new model, {site.gains} only with"
    counted += f" the old one, {site.undecided} undecided; margin {words.percent(site.margin)}"
    yield from wrapped(counted, width, indent="  ")
    if site.attribution is not None:
        yield from wrapped(f"{words.blame(site)}: {words.ACTIONS[site.action]}", width, indent="  ")
    for one in words.worst(site)[:SHOWN]:
        yield from _example(one, width)
    for reason, count in site.unbound.items():
        text = f"{plural(count, 'case')} not compared: {words.visible(reason)}"
        yield from wrapped(text, width, indent="  ", style="dim")


def _example(one: Exchange, width: int) -> Iterator[Line]:
    yield from wrapped(f"{words.visible(one.case)}  {words.told(one)}", width, indent="  ", style="dim")
    for name, text in _texts(one):
        yield from wrapped(f"{name:8}  {text}", width, indent="    ", hanging=" " * 10)


def _texts(one: Exchange) -> Iterator[tuple[str, str]]:
    yield "asked", words.excerpt(one.prompt, "", TEXT)
    yield "recorded", words.excerpt(one.recorded, one.new, TEXT)
    for name, text in (("old", one.old), ("new", one.new)):
        yield name, "(as recorded)" if text == one.recorded else words.excerpt(text, one.recorded, TEXT)


def _held(report: ShadowReport, width: int) -> Iterator[Line]:
    """Count what was not compared, by reason."""
    if report.held:
        yield BLANK
    for reason in sorted(set(report.held.values())):
        places = words.held_at(report, reason)
        shown = ", ".join(places[:PLACES]) + (", …" if len(places) > PLACES else "")
        text = f"{plural(len(places), 'call')} not compared: {words.visible(reason)} ({shown})"
        yield from wrapped(text, width, indent="", style="dim")


def _sum(report: ShadowReport, width: int) -> Iterator[Line]:
    """Say how many sites came out how, what it cost, and what the exit code means."""
    said = words.counts(report)
    yield from wrapped(f"{said[:1].upper()}{said[1:]}.", width, indent="")
    promise = f"At most {words.percent(report.alpha)} of what passes is wrong."
    yield from wrapped(f"{words.spent(report)}. {promise}", width, indent="")
    for text in words.around(report):
        yield from wrapped(text, width, indent="", style="dim")
    yield from wrapped(words.ending(report), width, indent="")
