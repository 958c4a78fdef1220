"""Answer one question: which words does a person read about recorded cases?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from migrator import lines
from migrator.lines import Line
from migrator.shadow.model import Case, SiteCases, Usage

_HEADS = ("SITE", "WHERE", "CASES", "OF", "FAILED", "MODEL", "INPUT", "CACHED", "OUTPUT")
_RIGHT = frozenset({"CASES", "OF", "FAILED", "INPUT", "CACHED", "OUTPUT"})
UNKNOWN = "(no line of this project)"


def table(sites: Sequence[SiteCases], width: int) -> Iterator[Line]:
    """Give one row for each site, with the tokens of a request on average."""
    rows = [_HEADS, *(_row(site) for site in sites)]
    return lines.table(rows, width, right=_RIGHT, above=2, styles={"WHERE": "path", "MODEL": "name"})


def remarks(sites: Sequence[SiteCases]) -> Iterator[Line]:
    """Say under the table what it does not show: how cases were linked, and which cannot be sent again."""
    for site in sites:
        said = [(text, count) for text, count in _remarks(site) if count]
        if said:
            yield ()
            yield ((where(site) if site.site else UNKNOWN, "path"),)
        for text, count in said:
            yield ((f"  {count:,} of {len(site.cases):,} {text}", ""),)


def _remarks(site: SiteCases) -> Iterator[tuple[str, int]]:
    yield "linked by template", sum(case.linked == "template" for case in site.cases)
    for fits, count in sorted(Counter(case.fits for case in site.cases if case.fits > 1).items()):
        yield f"fits {fits} calls" if count == 1 else f"fit {fits} calls", count
    for reason, count in Counter(reason for case in site.cases for reason in case.lacks).most_common():
        yield f"not replayable: {reason}", count


def _row(site: SiteCases) -> tuple[str, ...]:
    answered = [case for case in site.cases if case.is_answered]
    usages = [case.usage for case in answered if case.usage is not None]
    return (
        site.site or "-",
        where(site),
        f"{len(answered)}",
        f"{max(site.seen, len(site.cases)):,}",
        f"{len(site.cases) - len(answered)}",
        ", ".join(models(site)),
        _mean([usage.input for usage in usages]),
        _share(usages),
        _mean([usage.output for usage in usages]),
    )


def where(site: SiteCases) -> str:
    """Say where the call stands: ``app.py:12 answer``."""
    place = site.place
    return f"{place.file}:{place.line} {place.function}".strip() if place is not None else UNKNOWN


def models(site: SiteCases) -> Sequence[str]:
    """Give the models that a site asked, the most asked first."""
    return [name for name, _ in Counter(case.model for case in site.cases).most_common()]


def _mean(values: Sequence[int]) -> str:
    return f"{sum(values) / len(values):,.0f}" if values else "-"


def _share(usages: Sequence[Usage]) -> str:
    tokens = sum(usage.input for usage in usages)
    return f"{sum(usage.cached for usage in usages) / tokens:.0%}" if tokens else "-"


def document(sites: Sequence[SiteCases]) -> bytes:
    """Give the same as JSON."""
    return _json({"version": 1, "sites": [_site(site) for site in sites]})


def _site(site: SiteCases) -> Mapping[str, object]:
    answered = [case for case in site.cases if case.is_answered]
    usages = [case.usage for case in answered if case.usage is not None]
    place = site.place
    return {
        "site": site.site or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "function": place.function if place else None,
        "models": models(site),
        "seen": max(site.seen, len(site.cases)),
        "failed": len(site.cases) - len(answered),
        "input_tokens": sum(usage.input for usage in usages),
        "cached_tokens": sum(usage.cached for usage in usages),
        "output_tokens": sum(usage.output for usage in usages),
        "cases": [case.id for case in answered],
        "linked": dict(Counter(case.linked for case in site.cases if case.linked)),
        "fits": {case.id: case.fits for case in site.cases if case.fits > 1},
        "not_replayable": {case.id: case.lacks for case in site.cases if case.lacks},
    }


def case_lines(case: Case) -> Iterator[Line]:
    """Give everything that is known of one case."""
    for name, text in _facts(case):
        if text:
            yield ((f"{name:<10}", "dim"), (text, "bold" if name == "case" else ""))
    for name, content in (("request", case.request), ("response", case.response)):
        yield ()
        yield ((name, "bold"),)
        for line in json.dumps(content, indent=2, ensure_ascii=False).splitlines():
            yield ((line, ""),)


def _facts(case: Case) -> Iterator[tuple[str, str]]:
    place, usage = case.place, case.usage
    yield "case", case.id
    yield "site", f"{case.site}{', linked by template' if case.linked == 'template' else ''}"
    yield "unlinked", f"fits {case.fits} calls" if case.fits > 1 else ""
    yield "where", f"{place.file}:{place.line} {place.function}".strip() if place else UNKNOWN
    yield "imported", f"from {case.origin}" if case.origin else ""
    yield "lacks", f"not replayable: {'; '.join(case.lacks)}" if case.lacks else ""
    yield "called by", " → ".join(f"{file}:{line}" for file, line, _ in place.stack[:-1]) if place else ""
    yield "made by", ", ".join(f"{one.place.makes} at {one.place.file}:{one.place.line}" for one in case.makers)
    yield "endpoint", f"{case.endpoint}{f' at {case.address}' if case.address else ''}"
    yield "status", _status(case)
    yield "time", _times(case)
    yield "tokens", f"{usage.input:,} in, {usage.cached:,} of them cached, {usage.output:,} out" if usage else ""
    yield "taken", f"{case.taken}{f', commit {case.commit[:12]}' if case.commit else ''}"
    yield "versions", ", ".join(f"{name} {version}" for name, version in case.versions.items())
    yield "redacted", ", ".join(f"{count} {kind}" for kind, count in case.redacted.items())


def _status(case: Case) -> str:
    said = case.error or (str(case.status) if case.status else "no answer")
    cut = "" if case.whole or case.error else ", the answer was not read to its end"
    tries = f", attempt {case.retries + 1}" if case.retries else ""
    return f"{said}{cut}{tries}"


def _times(case: Case) -> str:
    first = f", first byte after {case.first * 1000:,.0f} ms" if case.first is not None else ""
    return f"{case.latency * 1000:,.0f} ms{first}" if case.latency is not None else ""


def case_document(case: Case) -> bytes:
    """Give one case as JSON."""
    place = case.place
    return _json(
        {
            "version": 1,
            "id": case.id,
            "site": case.site or None,
            "linked": case.linked or None,
            "fits": case.fits,
            "origin": case.origin or None,
            "lacks": case.lacks,
            "place": None
            if place is None
            else {"file": place.file, "line": place.line, "function": place.function, "stack": place.stack},
            "endpoint": case.endpoint,
            "address": case.address,
            "status": case.status,
            "error": case.error,
            "whole": case.whole,
            "retries": case.retries,
            "latency": case.latency,
            "first_byte": case.first,
            "taken": case.taken,
            "commit": case.commit,
            "versions": case.versions,
            "redacted": case.redacted,
            "request": case.request,
            "response": case.response,
        }
    )


def _json(content: object) -> bytes:
    return json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
