"""Answer one question: what does a shadow report look like as one page that needs no network?

Styles and the script stand in ``page/`` and are put into the page; its policy allows these two by their hashes and
nothing else, so that no text of a model can become a script, load a picture or send a form.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.resources import files

from migrator import evidence_sections as sections
from migrator.evidence import Exchange, ShadowReport
from migrator.evidence_words import counts
from migrator.markup import Html, element

PAGE = files("migrator.deliver") / "page"


def document(report: ShadowReport) -> bytes:
    """Write the page, UTF-8. The same report gives the same bytes.

    The table and the numbers are there without a script. The pairs of answers are data that is read once a call is
    opened, so that thousands of them cost nothing before.
    """
    style, script = part("page.css"), part("page.js")
    return whole(f"Shadow comparison: {counts(report)}", style, script, _body(report, script))


def part(name: str) -> str:
    """Read a style or a script of the pages."""
    return PAGE.joinpath(name).read_text(encoding="utf-8")


def whole(title: str, style: str, script: str, body: Sequence[str]) -> bytes:
    """Write a page around its body, which may hold this script and no other."""
    page = "".join(("<!doctype html>\n", '<html lang="en">\n', *_head(title, style, script), *body))
    return f"{page}</html>\n".encode()


def _head(title: str, style: str, script: str) -> Sequence[str]:
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        "<head>\n",
        '<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        '<meta name="referrer" content="no-referrer">\n',
        element("title", title),
        f"\n<style>{style}</style>\n",
        "</head>\n",
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _body(report: ShadowReport, script: str) -> Sequence[str]:
    sites = sections.ordered(report)
    details = [sections.section(site, number, report.alpha) for number, site in enumerate(sites)]
    main = (sections.overview(report), element("h2", "Each call"), *details) if sites else (_nothing(),)
    return (
        "<body>\n",
        sections.top(report),
        element("main", *main),
        *[_data(number, site.exchanges) for number, site in enumerate(sites)],
        f"\n<script>{script}</script>\n" if sites else "",
        "</body>\n",
    )


def _nothing() -> Html:
    return element("p", "Nothing was compared.")


def _data(number: int, exchanges: Sequence[Exchange]) -> str:
    """Write the pairs as a block of data. ``<`` is escaped, so that no text ends the block."""
    said = json.dumps([_pair(one) for one in exchanges], separators=(",", ":"))
    said = said.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'\n<script type="application/json" id="pairs-{number}">{said}</script>'


def _pair(one: Exchange) -> Mapping[str, object]:
    """Leave out an answer that is the recorded one, which most of the old ones are."""
    told = asdict(one)
    del told["weight"]
    return {key: value for key, value in told.items() if key not in ("old", "new") or value != one.recorded}
