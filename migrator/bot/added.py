"""Answer one question: which calls of an old model stand on lines that a pull request adds?

What was there before is not the author's concern, and is left to the pull request of ``migrator`` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

from migrator.model import CallSite, Edit, Plan, Review, Rewrite
from migrator.readings import line_of, spelling, told
from migrator.regions import Files, Region, Replacement
from migrator.rulebook import Rulebook

Added = Mapping[str, frozenset[int]]
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# A suggestion of more lines is no remark on a line any more.
MOST_LINES = 20
# What belongs to a name that moves: without its parameters a request could fail.
TOGETHER = ("model", "parameters")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the lines from ``start`` to ``end`` become; ``text`` has no newline at its end."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to say about added lines. ``level`` is "warning" where the change is proven, else "notice"."""

    id: str
    path: str
    line: int
    end_line: int
    level: str
    old: str
    new: str
    message: str
    suggestion: Suggestion | None = None


def lines(patch: str) -> frozenset[int]:
    """Give the numbers of the lines that a file gets, out of its patch as GitHub gives it."""
    found: set[int] = set()
    number = 0
    for line in patch.split("\n"):
        hunk = _HUNK.match(line)
        if hunk is not None:
            number = int(hunk[1])
        elif number and line.startswith("+"):
            found.add(number)
            number += 1
        elif number and not line.startswith(("-", "\\")):
            number += 1
    return frozenset(found)


def found(plan: Plan, book: Rulebook, files: Files, added: Added) -> tuple[Found, ...]:
    """Give what the added lines bring, in the order of files and lines."""
    suggested = _suggestions(plan, files, added)
    said: list[Found] = []
    for decision in plan.decisions:
        if not isinstance(decision, Rewrite | Review):
            continue
        origin = decision.finding.origin
        region = files.of_origin(origin)
        if region is not None and region.line in added.get(origin.shown, ()):
            said.append(_at_name(decision, told(decision, plan, book), region, suggested.get(decision.finding.id)))
        elif isinstance(decision, Rewrite):
            said += _at_calls(decision, added)
    return tuple(sorted(set(said), key=lambda one: (one.path, one.line, one.id)))


def _at_name(decision: Rewrite | Review, said: str, region: Region, suggestion: Suggestion | None) -> Found:
    old, new = spelling(decision)
    finding = decision.finding
    level = "warning" if isinstance(decision, Rewrite) else "notice"
    place = (finding.origin.shown, region.line, region.end_line)
    return Found(finding.id, *place, level, old, new or "", said, suggestion)


def _at_calls(decision: Rewrite, added: Added) -> Iterator[Found]:
    """Say it at each call that is new, where the name itself was there before."""
    old, new = spelling(decision)
    finding = decision.finding
    named = line_of(finding.origin.shown, finding.origin.position)
    for site in {reach.site.id: reach.site for reach in finding.reaches}.values():
        line = site.position.line
        if site.position.cell is None and line in added.get(site.shown, ()):
            said = f"this call runs on {old}, which {named} names"
            yield Found(f"{finding.id}:{site.id}", site.shown, line, line, "warning", old, new or "", said)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The edits of one file that go together, on the lines from ``start`` to ``end``, and the names they are for."""

    shown: str
    start: int
    end: int
    changes: frozenset[Replacement]
    names: frozenset[str]

    def meets(self, other: _Piece) -> bool:
        return self.shown == other.shown and self.start <= other.end and other.start <= self.end

    def joined(self, other: _Piece) -> _Piece:
        start, end = min(self.start, other.start), max(self.end, other.end)
        return _Piece(self.shown, start, end, self.changes | other.changes, self.names | other.names)


def _suggestions(plan: Plan, files: Files, added: Added) -> Mapping[str, Suggestion]:
    """Give the changes as whole lines, by the finding; none where a part lies outside the lines that were added.

    Names on the same line are changed by one suggestion, for two of them could not both be accepted.
    """
    pieces: list[_Piece] = []
    for decision in plan.decisions:
        piece = _piece(decision, plan, files) if isinstance(decision, Rewrite) else None
        while piece is not None:
            met = next((one for one in pieces if one.meets(piece)), None)
            if met is None:
                pieces.append(piece)
                break
            pieces.remove(met)
            piece = piece.joined(met)
    texts = {patch.shown: patch.before for patch in plan.patches}
    made = ((piece, _suggestion(piece, texts[piece.shown], added.get(piece.shown, frozenset()))) for piece in pieces)
    return {name: one for piece, one in made if one is not None for name in piece.names}


def _piece(decision: Rewrite, plan: Plan, files: Files) -> _Piece | None:
    """Gather what belongs to one name; None where its calls need something in another file."""
    shown = decision.finding.origin.shown
    edits = _edits(decision, plan)
    changes = frozenset(files.replacements(shown, edits))
    if not edits or len(changes) != len(edits) or any(edit.shown != shown for edit in edits):
        return None
    start, end = min(one.region.line for one in changes), max(one.region.end_line for one in changes)
    return _Piece(shown, start, end, changes, frozenset({decision.finding.id}))


def _edits(decision: Rewrite, plan: Plan) -> frozenset[Edit]:
    """Give the edits of a name and those of the parameters of its calls, wherever these are set.

    None where another name arrives at such a call: what the new model needs the old one may refuse.
    """
    origin = decision.finding.origin
    every = [edit for patch in plan.patches for edit in patch.edits]
    own = {
        edit
        for edit in every
        if edit.transform == "model" and edit.shown == origin.shown and edit.span.overlaps(origin.span)
    }
    mine = {reach.site for reach in decision.finding.reaches}
    others = {reach.site for one in plan.decisions if one is not decision for reach in one.finding.reaches}
    parameters = [edit for edit in every if edit.transform == "parameters"]
    more = {edit for edit in parameters if _is_in_one(edit, mine) or not _is_in_one(edit, others)}
    is_shared = bool(more) and bool(mine & others)
    return frozenset(own | more) if own and not is_shared else frozenset()


def _is_in_one(edit: Edit, sites: Iterable[CallSite]) -> bool:
    return any(
        edit.shown == site.shown and site.span.start <= edit.span.start and edit.span.end <= site.span.end
        for site in sites
    )


def _suggestion(piece: _Piece, before: bytes, added: frozenset[int]) -> Suggestion | None:
    span = range(piece.start, piece.end + 1)
    if len(span) > MOST_LINES or not added.issuperset(span) or b"\r" in before:
        return None
    try:
        rows = before.decode("utf-8").split("\n")[piece.start - 1 : piece.end]
    except UnicodeDecodeError:
        return None
    return Suggestion(piece.start, piece.end, _changed(rows, tuple(piece.changes), piece.start))


def _changed(rows: Sequence[str], changes: Sequence[Replacement], first: int) -> str:
    """Carry out changes on some lines of a file, from the last one to the first."""
    text = "\n".join(rows)
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row) + 1)
    for change in sorted(changes, key=lambda one: (one.region.line, one.region.column), reverse=True):
        region = change.region
        begin = starts[region.line - first] + region.column - 1
        finish = starts[region.end_line - first] + region.end_column - 1
        text = text[:begin] + change.text + text[finish:]
    return text


def fingerprint(one: Found) -> str:
    """Tell a remark from another one, wherever its lines have moved to."""
    said = (one.path, one.id, one.old, one.new, one.suggestion.text if one.suggestion else "")
    return blake2b("\0".join(said).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def to_json(rows: Sequence[Found]) -> list[object]:
    """Write what was found as JSON."""
    return [asdict(one) for one in rows]


def from_json(said: object) -> tuple[Found, ...]:
    """Read it back. Raises ValueError where it is anything else."""
    if not isinstance(said, list):
        raise ValueError("no list")
    return tuple(_found(row) for row in said)


def _found(row: object) -> Found:
    if not isinstance(row, dict):
        raise ValueError("no object")
    try:
        inner = row.pop("suggestion")
        return Found(**row, suggestion=None if inner is None else Suggestion(**inner))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from None
