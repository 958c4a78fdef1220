"""Answer one question: what does a page say of a comparison and of each of its calls, before any script runs?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from migrator import evidence_plots as plots
from migrator import evidence_words as words
from migrator.evidence import Arm, Attribution, ShadowReport, Share, SiteEvidence
from migrator.lines import plural
from migrator.markup import Html, element, together

ORDER = ("fail", "inconclusive", "pass")
# Head, how a cell is sorted and set.
HEADS = ("call", "read as", "cases", "noise", "new", "excess", "cost", "cached", "verdict", "action")
NUMBERS = frozenset({"cases", "noise", "new", "excess", "cost", "cached"})
READ_AS = {
    "label": "one of a few words",
    "json": "JSON, field by field",
    "tools": "calls of tools",
    "code": "a program",
    "prose": "prose",
    "own": "what your own comparator says",
}


def ordered(report: ShadowReport) -> Sequence[SiteEvidence]:
    """Give the sites as a page shows them: what fails first, then what is open."""
    return sorted(report.sites, key=lambda site: ORDER.index(site.outcome))


def top(report: ShadowReport) -> Html:
    """Say what was compared, how it came out and what it cost; canned answers first."""
    return element(
        "header",
        element("h1", "Shadow comparison"),
        element("p", report.canned, class_="canned", role="note") if report.canned else Html(),
        element("p", _made(report), class_="quiet"),
        element("ul", *_tiles(report), class_="tiles"),
        element("p", f"{_capital(words.spent(report))}. {words.ending(report)}"),
        element("ul", *[element("li", text) for text in words.around(report)], class_="quiet notes"),
    )


def _made(report: ShadowReport) -> str:
    try:
        when = datetime.fromisoformat(report.created).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        when = report.created
    commit = f", commit {report.commit}" if report.commit else ""
    return f"To {report.migration}, {when}{commit}, migrator {report.tool}"


def _tiles(report: ShadowReport) -> Iterator[Html]:
    for outcome in ("pass", "fail", "inconclusive"):
        count = sum(site.outcome == outcome for site in report.sites)
        yield element("li", element("b", f"{count}"), f" {outcome}", class_=outcome)
    yield element("li", element("b", f"{len(report.held)}"), " not compared")
    accepted = sum(site.accepted is not None for site in report.sites)
    if accepted:
        yield element("li", element("b", f"{accepted}"), " accepted")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def overview(report: ShadowReport) -> Html:
    """Give the table of all calls."""
    sites = ordered(report)
    heads = [element("th", head, scope="col", class_="n" if head in NUMBERS else None) for head in HEADS]
    body = [_row(site, number) for number, site in enumerate(sites)]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *body), id="calls")
    return element("section", element("h2", "Calls"), table, *_held(report), class_="overview")


def _row(site: SiteEvidence, number: int) -> Html:
    noise, new = site.noise.share, site.new.share
    cost = site.after.cost / site.before.cost if site.after.cost is not None and site.before.cost else None
    cached = words.cached(site.after)
    cells = (
        (element("a", words.place(site), href=f"#site-{number}"), None),
        (site.contract, None),
        (f"{site.compared:,}", site.compared),
        (words.percent(noise), noise),
        (words.percent(new), new),
        (together(plots.spark(site), " ", words.signed(site.excess)), site.excess),
        (words.cost_change(site.before, site.after) or "–", cost),
        (words.cached_share(site.after) or "–", cached),
        (element("span", site.outcome, class_=f"verdict {site.outcome}"), ORDER.index(site.outcome)),
        (words.action(site), None),
    )
    return element("tr", *[_cell(head, *cell) for head, cell in zip(HEADS, cells, strict=True)])


def _cell(head: str, inside: str, value: float | None) -> Html:
    sort = None if value is None else f"{value:.6g}"
    kind = "n" if head in NUMBERS else None
    if head == "call":
        return element("th", inside, scope="row", data_label=head)
    return element("td", inside, class_=kind, data_label=head, data_value=sort)


def _held(report: ShadowReport) -> Iterator[Html]:
    for reason in sorted(set(report.held.values())):
        sites = words.held_at(report, reason)
        text = f"{plural(len(sites), 'call')} not compared: {reason}"
        yield element("p", f"{text} ({', '.join(sites[:10])}{', …' if len(sites) > 10 else ''})", class_="quiet")


def section(site: SiteEvidence, number: int, alpha: float) -> Html:
    """Give everything that is known of one call, folded; the pairs come by script."""
    summary = element(
        "summary",
        element("span", site.outcome, class_=f"verdict {site.outcome}"),
        " ",
        element("span", words.place(site), class_="place"),
        " ",
        element("span", f"{words.signed(site.excess)} of {site.compared:,}", class_="quiet"),
    )
    body = element(
        "div",
        *_verdict(site),
        element("div", _pictures(site, alpha), _numbers(site), class_="columns"),
        _before_after(site),
        *_attribution(site.attribution),
        *_more(site),
        element("div", element("h4", "Pairs"), _script_needed(), class_="pairs", data_pairs=f"{number}"),
        class_="body",
    )
    return element("details", summary, body, class_="site", id=f"site-{number}")


def _script_needed() -> Html:
    return element("noscript", element("p", "The pairs of answers are shown by a script, which is off here."))


def _verdict(site: SiteEvidence) -> Iterator[Html]:
    changed = ", ".join(words.CHANGES.get(one, one) for one in site.changes)
    said = f"{_capital(site.outcome)}: {words.reason(site)}. What follows: {words.ACTIONS[site.action]}."
    yield element("p", element("strong", said))
    if site.accepted is not None:
        yield element("p", f"{_capital(words.acceptance(site))}.", class_="accepted")
    yield element("p", _plainly(site))
    why = f", because {site.why}" if site.why else ""
    read = READ_AS.get(site.contract, site.contract)
    yield element("p", f"What would change: {changed or 'nothing'}. An answer is read as {read}{why}.", class_="quiet")


def _plainly(site: SiteEvidence) -> str:
    """Say the numbers in a sentence."""
    if not site.compared:
        return "No case was compared."
    return (
        f"Of {plural(site.compared, 'case')} the old model differed from its own recorded answer in "
        f"{site.noise.count:,}, and the new model in {site.new.count:,}. Only the new one differed in {site.losses:,}, "
        f"only the old one in {site.gains:,}: an excess of {words.signed(site.excess)}, where "
        f"{words.percent(site.margin)} are allowed."
    )


def _pictures(site: SiteEvidence, alpha: float) -> Html:
    return element(
        "div",
        element("figure", element("figcaption", "Excess with its 95 % interval, and the margin"), plots.excess(site)),
        element("figure", element("figcaption", "Answers that differ from the recorded one"), plots.shares(site)),
        element("figure", element("figcaption", *_legend()), plots.path(site, alpha)),
        class_="plots",
    )


def _legend() -> tuple[str, ...]:
    passes, fails = (element("span", word, class_=f"key {word}") for word in ("pass", "fail"))
    return "Evidence (e-value) for ", passes, " and for ", fails, ", case by case"


def _numbers(site: SiteEvidence) -> Html:
    rows = (
        ("compared", f"{site.compared:,} of {plural(site.cases, 'recorded case')}"),
        ("old model differs (noise)", _share(site.noise)),
        ("new model differs", _share(site.new)),
        ("only the new one differs", f"{site.losses:,}"),
        ("only the old one differs", f"{site.gains:,}"),
        ("undecided", f"{site.undecided:,}"),
        ("excess", f"{words.signed(site.excess)}, {words.interval(site)}"),
        ("margin", words.percent(site.margin)),
        ("e-value for a pass", plots.figure(site.better)),
        ("e-value for a fail", plots.figure(site.worse)),
        ("McNemar's p, decides nothing", f"{site.mcnemar:.2g}"),
    )
    return _pairs_of("dl", "numbers", rows)


def _share(share: Share) -> str:
    between = f"{words.percent(share.low)} to {words.percent(share.high)}"
    return f"{share.count:,} of {share.total:,}, {words.percent(share.share)} ({between})"


def _pairs_of(name: str, kind: str, rows: Sequence[tuple[str, str]]) -> Html:
    inside = [element("div", element("dt", head), element("dd", said)) for head, said in rows]
    return element(name, *inside, class_=kind)


def _before_after(site: SiteEvidence) -> Html:
    before, after = site.before, site.after
    heads = ("", f"before: {before.model}", f"after: {after.model}", "change")
    rows = [row for row in _measured(before, after) if row[1] or row[2]]
    body = [
        element("tr", element("th", row[0], scope="row"), *[element("td", c, class_="n") for c in row[1:]])
        for row in rows
    ]
    head = element("tr", *[element("th", text, scope="col", class_="n" if text else None) for text in heads])
    return element(
        "div",
        element("h4", "Cost, time and cache"),
        element("table", element("thead", head), element("tbody", *body), class_="small"),
    )


def _measured(before: Arm, after: Arm) -> Iterator[tuple[str, str, str, str]]:
    for name, one, other, say in (
        ("1,000 calls at list price", before.cost, after.cost, words.money),
        ("latency, median", before.latency, after.latency, words.seconds),
        ("latency, slowest in 20", before.slow_latency, after.slow_latency, words.seconds),
        ("tokens in, a call", _mean(before.input, before), _mean(after.input, after), _tokens),
        ("tokens out, a call", _mean(before.output, before), _mean(after.output, after), _tokens),
    ):
        yield name, "" if one is None else say(one), "" if other is None else say(other), words.change(one, other)
    old, new = words.cached(before), words.cached(after)
    points = "" if old is None or new is None else f"{(new - old) * 100:+.0f} points".replace("-", "−")
    yield "cached share of the input", words.cached_share(before), words.cached_share(after), points


def _mean(tokens: int, arm: Arm) -> float | None:
    return tokens / arm.calls if arm.calls else None


def _tokens(value: float) -> str:
    return f"{value:,.0f}"


def _attribution(found: Attribution | None) -> Iterator[Html]:
    """The cells of model and order on the cases that fail: how many of them differ in each."""
    if found is None:
        return
    whole = f"{found.cases} of {found.cases}"
    rows = (
        ("old model", f"0 of {found.cases}", f"{found.layout.count} of {found.layout.total}"),
        ("new model", f"{found.model.count} of {found.model.total}", whole),
    )
    heads = [element("th", text, scope="col", class_="n" if text else None) for text in ("", "old order", "new order")]
    body = [
        element("tr", element("th", r[0], scope="row"), *[element("td", c, class_="n") for c in r[1:]]) for r in rows
    ]
    yield element("h4", f"Which half did it: of {plural(found.cases, 'case')} that fail so many differ")
    yield element("table", element("thead", element("tr", *heads)), element("tbody", *body), class_="small")


def _more(site: SiteEvidence) -> Iterator[Html]:
    said = [f"Prompt {name}: excess {words.signed(value)}" for name, value in site.templates.items()]
    said += [f"The old model disagrees with itself on {name}" for name in site.noisy_fields]
    said += [f"{plural(count, 'case')} not compared: {reason}" for reason, count in site.unbound.items()]
    if said:
        yield element("ul", *[element("li", text) for text in said], class_="quiet notes")
