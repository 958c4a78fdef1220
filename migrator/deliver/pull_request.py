"""Answer one question: what does a pull request say?

GitHub's Markdown, with what comes from the code written by ``github_text``: no path and no name in it calls a person or
links an issue. The last line is data for ``migrator`` itself, which GitHub does not show.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import PurePath

from migrator import prices
from migrator.evidence import ShadowReport, SiteEvidence
from migrator.github_text import code, literal
from migrator.lines import plural
from migrator.model import CallSite, Decision, Plan, Prompt, Report, Review
from migrator.prepared import OWN
from migrator.readings import changed, counted, left, line_of, price, spelling
from migrator.rulebook import Rulebook
from migrator.rulebook import is_own as is_file

# GitHub refuses the body of a pull request with more characters.
LIMIT = 65_536
VERSION = 1
MOST_ROWS = 300
LONGEST = 200
MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
HEAD = ("where", "from → to", "caching", "verdict", "list price")
_DATA = re.compile(r"<!-- migrator: (\{[^<>\n]*\}) -->")
CUT = "The evidence did not fit here; `migrator shadow report` prints the whole report."


@dataclass(frozen=True, slots=True)
class Change:
    """What a pull request is about.

    ``base`` is the commit that it starts from, ``report`` what was compared. ``drafts`` are the reasons why a person
    has to look before it is ready; there is none where it is. ``aside`` are files that were left out, each kind of
    them one sentence. ``hears``: commands are heard there, for `migrator bot` opens it.
    """

    plan: Plan
    book: Rulebook
    base: str
    report: ShadowReport | None = None
    drafts: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    hears: bool = False


def title(plan: Plan, book: Rulebook) -> str:
    """Write the first line of the commit, which is the title too: ``Move 3 names to gpt-4.1-mini``."""
    edits = counted(edit for patch in plan.patches for edit in patch.edits)
    names = any(edit.transform == "model" for patch in plan.patches for edit in patch.edits)
    target = book.migrations[plan.migration].target
    return f"Move {edits} to {target}" if names else f"Prepare {edits} for prompt caching"


def message(change: Change) -> str:
    """Write the message of the commit."""
    files = plural(len(change.plan.patches), "file")
    kind = "Draft: nothing shows yet that the answers stay as good." if change.drafts else "The answers were compared."
    said = (
        title(change.plan, change.book),
        f"In {files}, by `migrator pr`. {kind}",
        f"Migrator-Change: {content(change)}",
    )
    return "\n\n".join(said) + "\n"


def content(change: Change) -> str:
    """Give the hash of what changes: it stays the same where only lines move or another part of a file changes."""
    names = [(one.finding.id, one.finding.origin.value, one.new) for one in changed(change.plan, review=False)]
    prompts = [(one.site.id, one.key, ordered(one)) for one in _prompts(change.plan)]
    said = json.dumps([label(change.plan.migration), sorted(names), sorted(prompts)], ensure_ascii=True)
    return sha256(said.encode("ascii")).hexdigest()[:16]


def label(migration: str) -> str:
    """Name a migration; one of the user's own is a file, and called by its name without the folder."""
    return PurePath(migration).stem if is_file(migration) else migration


def ordered(prompt: Prompt) -> str:
    """Say what was done to the order of a prompt; "" where it stays."""
    return prompt.order if prompt.order in ("applied", "sorted") else ""


def document(change: Change, evidence: str = "", limit: int = LIMIT) -> str:
    """Write the body with at most ``limit`` characters.

    ``evidence`` is the Markdown of the report. It is left out where it does not fit; the tables then end early, and
    say so. What is said around them, and the data for ``migrator``, is always whole.
    """
    top, foot = "\n\n".join(_top(change)), "\n\n".join((_ignoring(change), _commands(change), data(change)))
    # What stands in the place of what does not fit has its room too.
    room = limit - len(top) - len(foot) - len(CUT) - 100
    rows = tuple(_rows(change))
    table = _table(HEAD, rows, room)
    if len(table) > room * 3 // 5:
        # What stays is as much worth knowing as the end of a long table.
        table = _table(HEAD, rows, room * 3 // 5)
    stays = _stays(change, room - len(table) - 2)
    folded = _folded(change, evidence, room - len(table) - len(stays) - 4)
    return "\n\n".join(part for part in (top, table, folded, stays, foot) if part) + "\n"


def data(change: Change) -> str:
    """Write what ``migrator`` needs to know of its own pull request, unseen."""
    said = {
        "version": VERSION,
        "migration": label(change.plan.migration),
        "base": change.base,
        "hash": content(change),
        "draft": bool(change.drafts),
    }
    return _hidden(said)


def _hidden(said: Mapping[str, object]) -> str:
    """Write data as a comment of HTML, which nothing in it ends."""
    text = json.dumps(said, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<!-- migrator: {text} -->"


def is_own(branch: str, is_fork: bool, body: str) -> bool:
    """Say whether a pull request is one that `migrator` opened: by its branch, and the data in its text."""
    return branch.startswith(OWN) and not is_fork and bool(data_of(body))


def data_of(body: str) -> Mapping[str, object]:
    """Read that data in the body of a pull request; empty where there is none of ours."""
    found = _DATA.findall(body)
    try:
        said = json.loads(found[-1]) if found else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def says_the_same(one: str, other: str) -> bool:
    """Say whether two bodies differ at most in the commit that they start from, which is no reason to edit one."""
    texts = (_DATA.sub("", body).rstrip() for body in (one, other))
    data = ({**data_of(body), "base": ""} for body in (one, other))
    return len(set(texts)) == 1 and next(data) == next(data)


def closed(body: str, why: str) -> str:
    """Give the body of a pull request that ``migrator`` itself closes, so that it blocks nothing later on."""
    return f"{_DATA.sub('', body).rstrip()}\n\n{_hidden({**data_of(body), 'closed': why})}\n"


def _top(change: Change) -> Iterator[str]:
    plan = change.plan
    edits = counted(edit for patch in plan.patches for edit in patch.edits)
    files = plural(len(plan.patches), "file")
    target = change.book.migrations[plan.migration].target
    yield f"`migrator` changes {edits} in {files}, for {code(target)}."
    if change.report is not None and change.report.canned:
        yield f"> **{literal(change.report.canned[:300])}**"
    if change.drafts:
        yield "\n".join(
            ("> **This is a draft.** Before it is ready:", ">", *(f"> - {_said(one[:300])}" for one in change.drafts))
        )


def _said(text: str) -> str:
    """Write a sentence of ours, with its ``code`` in that font; what it quotes stays without a meaning."""
    return "".join(code(part) if i % 2 else _quoting(part) for i, part in enumerate(text.split("`")))


def _quoting(text: str) -> str:
    """Escape a part of a sentence, and keep the space at its ends."""
    return f"{' ' * text.startswith(' ')}{literal(text)}{' ' * text.endswith(' ')}" if text.strip() else text


def _rows(change: Change) -> Iterator[tuple[str, ...]]:
    """Give a row for each name that changes, then one for each call whose prompt alone does."""
    prompts = {one.site.id: one for one in _prompts(change.plan)}
    told: set[str] = set()
    for one in changed(change.plan, review=False):
        sites = _sites(one)
        told |= {site.id for site in sites}
        old, new = spelling(one)
        yield (
            _where(one.finding.origin.shown, one),
            f"{code(old[:LONGEST])} → {code((new or one.new)[:LONGEST])}",
            _caching([prompts[site.id] for site in sites if site.id in prompts]),
            _verdict(sites, change.report),
            _price(one, change),
        )
    for prompt in _prompts(change.plan):
        if prompt.site.id not in told:
            place = _short(line_of(prompt.site.shown, prompt.site.position))
            yield place, "the model stays", _caching([prompt]), _verdict((prompt.site,), change.report), ""


def _prompts(plan: Plan) -> Sequence[Prompt]:
    """Give the calls whose prompt changes."""
    files = {patch.shown for patch in plan.patches}
    return [one for one in plan.prompts if (one.key or ordered(one)) and one.site.shown in files]


def _sites(decision: Decision) -> tuple[CallSite, ...]:
    found = {reach.site.id: reach.site for reach in decision.finding.reaches}
    return tuple(found.values())


def _where(shown: str, decision: Decision) -> str:
    return _short(line_of(shown, decision.finding.origin.position))


def _short(place: str) -> str:
    """Keep the end of a place, where the name and the line are."""
    return code(place if len(place) <= LONGEST else f"…{place[-LONGEST:]}")


def _caching(prompts: Iterable[Prompt]) -> str:
    said = []
    for one in prompts:
        said += [f"key {code(one.key[:LONGEST])}"] if one.key else []
        said += ["static text first"] if ordered(one) == "applied" else ["a set in one order"] if ordered(one) else []
    return ", ".join(dict.fromkeys(said))


def _verdict(sites: Iterable[CallSite], report: ShadowReport | None) -> str:
    """Say what came of the comparison at the calls of a name: once for each outcome."""
    compared = {one.site: one for one in report.sites} if report is not None else {}
    found = Counter(_outcome(compared.get(site.id)) for site in sites) or Counter({"not compared": 1})
    return ", ".join(said if count == 1 else f"{said} ({count} calls)" for said, count in sorted(found.items()))


def _outcome(site: SiteEvidence | None) -> str:
    if site is None:
        return "not compared"
    return f"{MARKS[site.outcome]} {site.outcome}{', accepted' if site.accepted is not None else ''}"


def _price(decision: Decision, change: Change) -> str:
    """Say what a token of the new model costs against one of the old: ``−84 %``."""
    found = price(decision, change.plan, change.book)
    if found is None:
        return ""
    into, out = (prices.percent(Decimal(1), ratio) for ratio in (found.input, found.output))
    return into if into == out else f"{into} in, {out} out"


def _folded(change: Change, evidence: str, room: int) -> str:
    if change.report is None:
        return ""
    said = f"<details><summary>Evidence: the shadow comparison</summary>\n\n{evidence.strip()}\n\n</details>"
    return said if evidence and len(said) <= room else CUT


def _stays(change: Change, room: int) -> str:
    """Fold away what does not change, and why."""
    waiting = left(change.plan, review=False)
    rows = [
        (_where(one.finding.origin.shown, one), code(spelling(one)[0][:LONGEST]), _why(one, change.book))
        for one in waiting
    ]
    failed = [f"{skip.shown[-LONGEST:]}: {skip.reason[:LONGEST]}" for skip in change.plan.skips]
    listed = "\n".join(f"- {_said(one)}" for one in (*change.aside, *failed)[:50])
    if not rows and not listed:
        return ""
    title = f"<details><summary>Not changed: {plural(len(rows), 'name')}</summary>"
    table = _table(("where", "name", "why"), rows, room - len(title) - len(listed) - 30)
    inside = "\n\n".join(part for part in (table, listed) if part)
    return (
        f"{title}\n\n{inside}\n\n</details>"
        if len(inside) + len(title) + 20 <= room
        else f"*{plural(len(rows), 'name')} did not change: `migrator scan` says why.*"
    )


def _why(decision: Review | Report, book: Rulebook) -> str:
    reason = book.reasons[decision.reason]
    detail = f": {literal(decision.detail[:LONGEST])}" if decision.detail else ""
    return f"{reason.title}{detail}. {reason.advice}"


def _ignoring(change: Change) -> str:
    more = ("- No pull request at all: `bot = false` there, or the topic `no-migrator`.",) if change.hears else ()
    return "\n".join(
        (
            "<details><summary>If you do not want this</summary>",
            "",
            "- One line: write `# migrator: ignore` at its end.",
            '- A path: `exclude = ["path/"]` in `[tool.migrator]` of `pyproject.toml`, on the base branch.',
            '- The whole repository: `exclude = ["*"]` there.',
            *more,
            "- Your own commits on this branch are safe: `migrator` stops when it sees one.",
            "",
            "</details>",
        )
    )


# A comment of a person who may push is heard; docs/bot.md has the details.
_HEARD = (
    "- `/migrator rerun` in a comment, alone on its line, looks again.",
    "- `/migrator recreate` makes this anew; commits of others on this branch are then lost.",
    "- `/migrator ignore` closes this, and the same change does not come back.",
)


def _commands(change: Change) -> str:
    return "\n".join(
        (
            "<details><summary>Commands</summary>",
            "",
            *(_HEARD if change.hears else ()),
            "- `migrator scan --explain` shows the way of each name to its calls.",
            "- `migrator apply --diff` shows the change on your own branch.",
            "- `migrator record -- COMMAND`, then `migrator shadow`, compares the models on your own requests.",
            "- `migrator pr --shadow-report FILE` makes this anew, with what that shows.",
            "",
            "</details>",
        )
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> str:
    """Write as many rows as fit, and say how many do not."""
    lines = [_row(head), _row(["---"] * len(head))]
    used = sum(map(len, lines)) + 80
    for row in rows[:MOST_ROWS]:
        line = _row(row)
        used += len(line) + 1
        if used > room:
            break
        lines.append(line)
    missing = len(rows) - len(lines) + 2
    more = [f"\nand {missing:,} more: `migrator scan` shows them."] if missing else []
    return "\n".join([*lines, *more]) if rows else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
