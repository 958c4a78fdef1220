"""Answer one question: which lines does a person read about what was done?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from migrator.lines import UNCHANGED, WOULD_STAY, Line, joined, plural, wrapped
from migrator.model import Edit, Plan, Receipt
from migrator.readings import counted, ending, kind, left
from migrator.report import skipped
from migrator.rulebook import Rulebook


def receipt(done: Receipt, plan: Plan, book: Rulebook, *, review: bool, width: int) -> Iterator[Line]:
    """Give what was written, what was not, and what to do next."""
    edits = {patch.shown: patch.edits for patch in plan.patches}
    yield from joined(
        _written(done, edits),
        _held(plan, book, review=review),
        skipped((*done.left, *plan.skips), width),
        _after(done, plan, review=review),
        _ending(plan, book, width) if done.written else (),
    )


def _ending(plan: Plan, book: Rulebook, width: int) -> Iterator[Line]:
    """Say when the target ends, where a name becomes it."""
    if any(edit.transform == "model" for patch in plan.patches for edit in patch.edits):
        yield from wrapped(ending(book.migrations[plan.migration], book), width, indent="")


def nothing(plan: Plan, width: int) -> Iterator[Line]:
    """Say that there was nothing to change; it takes no table, because most runs of a hook end here."""
    yield from joined([UNCHANGED], skipped(plan.skips, width))


def diff_summary(plan: Plan, book: Rulebook, *, review: bool, width: int) -> Iterator[Line]:
    """Say in one line what a diff changes and what it leaves, and in another when its target ends."""
    edits = counted(edit for patch in plan.patches for edit in patch.edits)
    waiting = len(left(plan, review=review))
    if not edits and not waiting:
        yield WOULD_STAY
        return
    files = plural(len(plan.patches), "file")
    said = f"{edits[:1].upper()}{edits[1:]} in {files} would change" if edits else "Nothing would change"
    yield ((f"{said}; {waiting} left (migrator scan says why)." if waiting else f"{said}.", ""),)
    yield from _ending(plan, book, width)


def _written(done: Receipt, edits: Mapping[str, Sequence[Edit]]) -> Iterator[Line]:
    changed = counted(edit for shown in done.written for edit in edits.get(shown, ()))
    if not changed:
        yield UNCHANGED
        return
    for shown in done.written:
        yield (
            ("wrote", "rewrite"),
            (f"  {shown}", "path"),
            (f"  {counted(edits.get(shown, ()))}", "dim"),
        )
    yield ((f"Changed {changed} in {plural(len(done.written), 'file')}.", "bold"),)


def _held(plan: Plan, book: Rulebook, *, review: bool) -> Iterator[Line]:
    """Count what stays, reason by reason."""
    waiting = Counter((kind(decision), decision.reason) for decision in left(plan, review=review))
    for (word, reason), count in sorted(waiting.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        said = "held for review" if word == "review" else "left"
        yield (f"{said}: ", word), (f"{count} × {book.reasons[reason].title}", "")


def _after(done: Receipt, plan: Plan, *, review: bool) -> Iterator[Line]:
    if done.written:
        yield (("Next: ", "bold"), ("look at git diff, then run your tests.", ""))
    if left(plan, review=review):
        yield (("migrator scan shows each name that is left, and what to do about it.", ""),)
