"""Answer one question: what does a plan look like on a page of a forge?

The summary of a workflow and the text of a pull request are GitHub's Markdown. What comes from the code
stands in code spans, so that nothing in it is a link, a mention or a cell of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from migrator.lines import plural
from migrator.model import Decision, Plan, Report, Review, Rewrite, Skip
from migrator.readings import changed, ending, kind, place, price, spelling, surface
from migrator.readings import left as waiting
from migrator.rulebook import Rulebook

# GitHub takes a summary of 1 MB, and nobody reads a longer table.
MOST_ROWS = 300
MOST_LETTERS = 200


def document(plan: Plan, book: Rulebook, *, review: bool, left: Sequence[Skip] = ()) -> bytes:
    """Write what would change, what stays and why, and what failed; ``left`` are files that failed since."""
    failed = [skip for skip in (*plan.skips, *left) if skip.is_error]
    tables = _changes(plan, book, review), _rest(plan, book, review)
    blocks = (_counts(plan), *tables, _failed(failed), _target(plan, book))
    return "\n\n".join(block for block in blocks if block).encode("utf-8", "replace") + b"\n"


def _counts(plan: Plan) -> str:
    found = Counter(kind(decision) for decision in plan.decisions)
    keys = sum(bool(prompt.key) for prompt in plan.prompts)
    if not found:
        return f"### migrator: nothing names the old models\n\n{plural(plan.files_read, 'file')} read."
    added = f", {plural(keys, 'cache key')} to add" if keys else ""
    held = f"{found['review']} held for review, {found['report']} left to a person"
    return f"### migrator: {plural(found['rewrite'], 'name')} to change{added}, {held}"


def _changes(plan: Plan, book: Rulebook, review: bool) -> str:
    rows = [
        (_place(one), _change(one), _code(surface(one.finding)), _price(one, plan, book))
        for one in changed(plan, review=review)
    ]
    return _table(("where", "change", "call", "price per token"), rows)


def _rest(plan: Plan, book: Rulebook, review: bool) -> str:
    rows = [(_place(one), _code(spelling(one)[0]), kind(one), _why(one, book)) for one in waiting(plan, review=review)]
    table = _table(("where", "name", "", "why"), rows)
    summary = f"<summary>Not changed: {plural(len(rows), 'name')}</summary>"
    return f"<details>{summary}\n\n{table}\n\n</details>" if rows else ""


def _why(decision: Review | Report, book: Rulebook) -> str:
    reason = book.reasons[decision.reason]
    detail = f": {_code(decision.detail)}" if decision.detail else ""
    return f"{reason.title}{detail}. {reason.advice}"


def _failed(skips: Iterable[Skip]) -> str:
    listed = [f"- {_code(skip.shown)}: {_code(skip.reason)}" for skip in skips]
    return "\n".join(("Failed:", "", *listed)) if listed else ""


def _target(plan: Plan, book: Rulebook) -> str:
    return ending(book.migrations[plan.migration], book) if plan.decisions else ""


def _change(decision: Rewrite | Review) -> str:
    old, new = spelling(decision)
    return f"{_code(old)} → {_code(new or decision.new)}"


def _price(decision: Decision, plan: Plan, book: Rulebook) -> str:
    change = price(decision, plan, book)
    return "" if change is None else str(change)


def _place(decision: Decision) -> str:
    origin = decision.finding.origin
    return _code(place(origin.shown, origin.position))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    return "\n".join((*map(_row, (head, ["---"] * len(head), *rows[:MOST_ROWS])), *_more(len(rows))))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _more(count: int) -> Iterator[str]:
    if count > MOST_ROWS:
        yield f"\nand {count - MOST_ROWS:,} more: `migrator scan` shows them."


def _code(text: str) -> str:
    """Write a text as a code span in a cell of a table: no backtick ends it, and no bar ends the cell."""
    flat = re.sub(r"\s+", " ", text.replace("`", "").replace("\\|", "\\ |")).strip()
    cut = flat if len(flat) <= MOST_LETTERS else f"{flat[:MOST_LETTERS]}…"
    return "`{}`".format(cut.replace("|", r"\|")) if cut else ""
