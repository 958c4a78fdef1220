"""Answer one question: what does a shadow report look like in a pull request?

GitHub's Markdown: a table, then the evidence of each call folded away. What comes from outside, a path or an answer, is
written so that no character of it means anything to Markdown. GitHub looks for ``@ada`` and ``#12`` in the text of the
finished page, so that escaping does not stop it: it stays out of ``<code>``, and of a word with a zero-width space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from migrator import evidence_words as words
from migrator.evidence import Exchange, ShadowReport, SiteEvidence
from migrator.lines import plural

# GitHub refuses the body of a pull request or a comment with more characters.
LIMIT = 65_536
# What stands above the table takes less, whatever it is.
SHORTEST = 5_000
EXAMPLES = 3
TEXT = 600
HEADS = ("call", "n", "noise", "new", "excess", "cost", "cached", "verdict", "action")
ALIGNED = ("---", "--:", "--:", "--:", "--:", "--:", "--:", "---", "---")
CUT = "\n*The evidence was cut here to fit; the whole report is in the run's files.*\n"
MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
ORDER = ("fail", "inconclusive", "pass")
# What Markdown, HTML or a table reads as more than a letter.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+!|~&\"'$^=:@-]")
# What GitHub and GitLab make a link of, or a call to a person.
_CALLS = re.compile(r"[@#!$%~^&](?=\w)|:(?=//)|(?<=\bGH)(?=-\d)|(?<=\bwww)(?=\.)")
QUIET = "\u200b"


def document(report: ShadowReport, limit: int = LIMIT) -> str:
    """Write the report with at most ``limit`` characters: the table is whole as long as its rows fit, evidence is cut.

    Raises ValueError for a limit below 5,000.
    """
    if limit < SHORTEST:
        raise ValueError(f"a limit of {limit} characters is too short for a report")
    top, foot = "".join(_top(report)), "".join(_foot(report))
    foot = foot if len(foot) < limit // 4 else ""
    table = _fitting(_table(report.sites), limit - len(top) - len(foot) - len(CUT), report.sites)
    room = limit - len(top) - len(table) - len(foot) - len(CUT)
    return top + table + _evidence(report.sites, room) + foot


def _top(report: ShadowReport) -> Iterator[str]:
    yield "## Shadow comparison\n\n"
    if report.canned:
        yield f"> **{literal(report.canned[:300])}**\n\n"
    said = words.counts(report)
    to, spent = report.migration[:100], words.spent(report)[:200]
    yield f"{said[:1].upper()}{said[1:]}. To {literal(to)}. {literal(spent)}.\n\n"


def _table(sites: Sequence[SiteEvidence]) -> Iterator[str]:
    if not sites:
        return
    yield _line(HEADS)
    yield _line(ALIGNED)
    for site in _sorted(sites):
        yield _line(_row(site))


def _sorted(sites: Sequence[SiteEvidence]) -> Sequence[SiteEvidence]:
    return sorted(sites, key=lambda one: ORDER.index(one.outcome))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _row(site: SiteEvidence) -> tuple[str, ...]:
    return (
        code(words.place(site)),
        f"{site.compared:,}",
        words.percent(site.noise.share),
        words.percent(site.new.share),
        f"{words.signed(site.excess)} ({words.interval(site)})",
        words.cost_change(site.before, site.after),
        _cached(site),
        f"{MARKS[site.outcome]} {site.outcome}",
        words.action(site).replace("*", r"\*"),
    )


def _cached(site: SiteEvidence) -> str:
    before, after = words.cached_share(site.before), words.cached_share(site.after)
    return f"{before or '?'} → {after}" if after else ""


def _fitting(lines: Iterator[str], room: int, sites: Sequence[SiteEvidence]) -> str:
    """Take as many rows as fit, and count the others."""
    rows, said = list(lines), ""
    for number, row in enumerate(rows):
        if len(said) + len(row) + 80 > room:
            missing = len(sites) - max(0, number - 2)
            return f"{said}\n{plural(missing, 'more call')} did not fit into this table.\n\n"
        said += row
    return f"{said}\n" if said else ""


def _evidence(sites: Sequence[SiteEvidence], room: int) -> str:
    said = ""
    for site in _sorted(sites):
        if site.outcome == "pass":
            continue
        part = _fold(site, EXAMPLES)
        for fewer in (1, 0):
            if len(said) + len(part) <= room:
                break
            part = _fold(site, fewer)
        if len(said) + len(part) > room:
            return said + CUT
        said += part
    return said


def _fold(site: SiteEvidence, examples: int) -> str:
    return "".join(_details(site, words.worst(site)[:examples]))


def _details(site: SiteEvidence, examples: Sequence[Exchange]) -> Iterator[str]:
    """Fold a call's evidence; inside is HTML alone, without an empty line, so that no Markdown is read there."""
    said = sentence(f"{site.outcome}: {words.reason(site)[:500]}")
    yield f"<details><summary>{quoted(words.place(site)[:300])} {said}</summary>\n<ul>\n"
    for text in _facts(site):
        yield f"<li>{sentence(text[:500])}</li>\n"
    yield "</ul>\n"
    for one in examples:
        yield f"<p>{quoted(one.case[:100])} {sentence(words.told(one)[:300])}</p>\n<table>\n"
        for name, text in _texts(one):
            yield f"<tr><td>{name}</td><td>{quoted(text)}</td></tr>\n"
        yield "</table>\n"
    yield "</details>\n\n"


def _facts(site: SiteEvidence) -> Iterator[str]:
    if site.accepted is not None:
        yield words.acceptance(site)
    yield (
        f"of {plural(site.compared, 'case')} {site.losses} differ only with the new model, {site.gains} only with the "
        f"old one, {site.undecided} undecided"
    )
    yield f"read as {site.contract}: {words.visible(site.why)}; margin {words.percent(site.margin)}"
    for name, moved in words.movements(site):
        yield f"{name}: {moved}"
    if site.attribution is not None:
        yield words.blame(site)
    for reason, count in site.unbound.items():
        yield f"{plural(count, 'case')} not compared: {words.visible(reason)}"


def _texts(one: Exchange) -> Iterator[tuple[str, str]]:
    yield "asked", words.excerpt(one.prompt, "", TEXT)
    yield "recorded", words.excerpt(one.recorded, one.new, TEXT)
    for name, text in (("old", one.old), ("new", one.new)):
        yield name, "(as recorded)" if text == one.recorded else words.excerpt(text, one.recorded, TEXT)


def _foot(report: ShadowReport) -> Iterator[str]:
    said = [text[:300] for text in words.around(report)][:10]
    if any(site.accepted is not None for site in report.sites):
        said.insert(0, "A star marks a difference that a person accepted.")
    said.append(f"At most {words.percent(report.alpha)} of what passes is wrong.")
    yield f"{literal(' '.join(said)[:2_000])}\n"


def _flat(text: str) -> str:
    return " ".join(words.visible(text).split())


def literal(text: str) -> str:
    """Write a text between Markdown as it is: every mark becomes its number, and nothing becomes a link."""
    return _MARKS.sub(_number, _CALLS.sub(rf"\g<0>{QUIET}", _flat(text)))


def code(text: str) -> str:
    """Write a text between Markdown in the font of code, as literally."""
    return f"<code>{_MARKS.sub(_number, _flat(text))}</code>"


def _number(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def sentence(text: str) -> str:
    """Write a text between HTML, where Markdown is not read; nothing becomes a link."""
    return escape(_CALLS.sub(rf"\g<0>{QUIET}", _flat(text)))


def quoted(text: str) -> str:
    """Write a text between HTML in the font of code."""
    return f"<code>{escape(_flat(text))}</code>"
