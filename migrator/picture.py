"""Answer one question: what does a prompt look like in one bar?

Static text is as long as it has tokens; what varies has a length of its own kind, because nobody knows it. The
letters differ, so that the picture says the same without colours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from migrator.lines import Line, Piece
from migrator.model import Prompt, PromptPart

SHARED, OPEN, BEHIND, VARIES = "shared", "open", "behind", "varies"
LETTERS = {SHARED: "█", OPEN: "▒", BEHIND: "▓", VARIES: "░"}
ROLES = {"*": "messages", "": "message", "?": "message"}
VARYING = 6
MARK, MISSING = "▾", "·"
WIDE = (OPEN, VARIES)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring parts of one role and one kind; ``tokens`` is 0 where nobody knows them."""

    role: str
    kind: str
    tokens: int


MEANINGS = {
    SHARED: "shared by all requests",
    OPEN: "shared, its length not known",
    BEHIND: "the same in all, but behind what varies",
    VARIES: "varies",
}


def legend(kinds: Collection[str], minimum: int) -> Iterator[Line]:
    """Say what the letters mean, and the mark."""
    used = [kind for kind in LETTERS if kind in kinds]
    for kind in used:
        yield ("  ", ""), (LETTERS[kind], kind), (f" {MEANINGS[kind]}", "dim")
    if used:
        yield ((f"  {MARK} {minimum:,} tokens: a shorter beginning is not cached", "dim"),)


def kinds(prompt: Prompt) -> frozenset[str]:
    """Give the kinds of parts that a prompt's picture has."""
    return frozenset(kind for _, kind in _kinds(prompt.parts))


def picture(prompt: Prompt, minimum: int, width: int) -> Iterator[Line]:
    """Draw the mark that a prefix must reach, the bar, and the roles below; nothing for a prompt that is not seen."""
    stretches = _stretches(prompt)
    if not stretches:
        return
    cells = _cells(stretches, minimum, width)[:width]
    mark = _mark(stretches, cells, minimum, width)
    yield ((_beside(f"{minimum:,}", mark, width), "dim"),)
    bar = tuple((LETTERS[one.kind] * cell, one.kind) for one, cell in zip(stretches, cells, strict=False))
    yield (*bar, (MISSING * max(0, mark - sum(cells)), "dim"))
    yield ((_labels(stretches, cells, width), "dim"),)


def _stretches(prompt: Prompt) -> tuple[Stretch, ...]:
    found = [
        Stretch(role, kind, sum(part.least for part, _ in group))
        for (role, kind), group in groupby(_kinds(prompt.parts), key=lambda pair: (pair[0].role, pair[1]))
    ]
    first = next((number for number, one in enumerate(found) if one.kind == SHARED), None)
    if first is not None:
        # The frames of messages are part of the prefix and of no text: with them the mark agrees with the verdict.
        frames = prompt.least - sum(one.tokens for one in found if one.kind in (SHARED, OPEN))
        found[first] = replace(found[first], tokens=max(0, found[first].tokens + frames))
    return tuple(found)


def _kinds(parts: Sequence[PromptPart]) -> Iterator[tuple[PromptPart, str]]:
    is_shared = True
    for part in parts:
        is_shared = is_shared and not part.breaks
        if part.breaks:
            yield part, VARIES
        elif not is_shared:
            yield part, BEHIND
        else:
            yield part, OPEN if part.most is None else SHARED


def _cells(stretches: Sequence[Stretch], minimum: int, width: int) -> tuple[int, ...]:
    """Give the width of each stretch: at least one cell, so that nothing is hidden, and room for the mark."""
    varying = sum(one.kind in WIDE for one in stretches)
    each = min(VARYING, max(1, width // 2 // varying)) if varying else 0
    known = sum(one.tokens for one in stretches)
    scale = max(width - 1 - varying * each, 1) / max(known, minimum)
    cells = [each if one.kind in WIDE else max(1, round(one.tokens * scale)) for one in stretches]
    while sum(cells) > width - 1 and max(cells) > 1:
        cells[cells.index(max(cells))] -= 1
    return tuple(cells)


def _mark(stretches: Sequence[Stretch], cells: Sequence[int], minimum: int, width: int) -> int:
    """Give the cell at which the static text has ``minimum`` tokens; the last one where it has fewer."""
    at = tokens = 0
    for one, cell in zip(stretches, cells, strict=False):
        if one.tokens and tokens + one.tokens >= minimum:
            return min(at + cell * (minimum - tokens) // one.tokens, width - 1)
        at, tokens = at + cell, tokens + one.tokens
    return width - 1


def _beside(label: str, mark: int, width: int) -> str:
    """Write the label on the side of the mark that has room for it."""
    if mark > len(label):
        return f"{label} {MARK}".rjust(mark + 1)
    return f"{' ' * mark}{MARK} {label}"[:width]


def _labels(stretches: Sequence[Stretch], cells: Sequence[int], width: int) -> str:
    """Write each role below its first cell, where there is room."""
    line, at, before = "", 0, ""
    for one, cell in zip(stretches, cells, strict=False):
        label = ROLES.get(one.role, one.role)
        start = min(at, width - len(label))
        if one.role != before and (not line or start > len(line)):
            line = line.ljust(start) + label
            before = one.role
        at += cell
    return line


def pieces(line: Line, indent: str) -> Line:
    """Put white space before a line."""
    first: Piece = (indent, "")
    return (first, *line)
