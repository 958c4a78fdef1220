"""Answer one question: which parts of a text belong together, so that they may only be moved as one?

A text is split at empty lines; without any at lines, and a single line at sentences. Then what
belongs together is put back together: a label and what it labels, a tag or a fence and what it encloses, the
items of a list, a line and the deeper ones below it, a sentence and what continues it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Stands for a part that varies; no prompt has it.
HOLE = "\ufffc"
# Stands for static text that is written elsewhere and can only be moved whole.
SOLID = "\ufffb"

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_LINE = re.compile(r"\n[ \t]*")
_SENTENCE = re.compile(r"(?<=[.!?])[ \t]+(?=[\"'(\[]?[A-Z\ufffc])|[ \t]+(?=\ufffb)|(?<=\ufffb)[ \t]+")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Ms|Dr|No|St|approx)\.\Z")
_HEADING = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*\n]+\*\*:?\s*\Z|={3,}|-{3,})")
_ITEM = re.compile(r"\s*(?:[-*•+]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)(?:\s[^<>]*)?>")
_CONTINUES = re.compile(
    r"\s*(?:[a-z,;)\]}]|(?:And|Or|But|So|Then|Otherwise|However|Also|Instead|It|They|This|These|That|Those|Such)\b)"
)
# Within one paragraph such a word means what the sentence before has named.
_REFERS = re.compile(r"\b(?:it|its|them|they|their|this|that|these|those|each|both|either|neither)\b", re.I)
# What points at a neighbour: a text with one of these means something else in another place.
POINTS = re.compile(
    r"\b(?:(?:above|below)\b(?!\s+(?:[\d$€£-]|zero|one|average|normal|a\b|an\b))"
    r"|following|preceding|previous(?:ly)?|aforementioned|earlier|latter|former|foregoing"
    r"|next\s+(?:section|paragraph|part|message|lines?|text|document|input|block|question))\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text, without the white space around it."""

    start: int
    end: int


def blocks(text: str) -> tuple[Block, ...]:
    """Split a text, in which a ``HOLE`` stands for each part that varies and a ``SOLID`` for each constant."""
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    for separator, together in WAYS:
        found = _joined(text, _split(text, start, end, separator), together)
        if len(found) > 1:
            return found
    return (Block(start, end),)


def _split(text: str, start: int, end: int, separator: re.Pattern[str]) -> list[Block]:
    found: list[Block] = []
    at = start
    for match in separator.finditer(text, start, end):
        if separator is _SENTENCE and _ABBREVIATION.search(text, at, match.start()):
            continue
        found.append(Block(at, match.start()))
        at = match.end()
    return [*found, Block(at, end)]


Together = Callable[[str, Block, Block], bool]


def _joined(text: str, found: Sequence[Block], together: Together) -> tuple[Block, ...]:
    """Put neighbours together while something in them asks for it."""
    merged: list[Block] = []
    for block in found:
        if merged and (together(text, merged[-1], block) or _is_open(text[merged[-1].start : merged[-1].end])):
            merged[-1] = Block(merged[-1].start, block.end)
        else:
            merged.append(block)
    return tuple(merged)


def _paragraphs(text: str, one: Block, two: Block) -> bool:
    first, second = text[one.start : one.end], text[two.start : two.end]
    last = first.rpartition("\n")[2]
    labels = first.rstrip().endswith(":") or _HEADING.match(last) is not None
    return labels or _lists(first, second) or _CONTINUES.match(second) is not None


def _lines(text: str, one: Block, two: Block) -> bool:
    first, second = text[one.start : one.end], text[two.start : two.end]
    deeper = _depth(text, two.start) > _depth(text, one.start)
    labels = first.rstrip().endswith((":", ",", "-")) or _HEADING.match(first.rpartition("\n")[2]) is not None
    # A line that does not end a sentence goes on in the next one.
    runs_on = first[-1:] not in (HOLE, SOLID) and not first.rstrip().endswith(
        (".", "!", "?", '"', "'", ")", "]", "}", ">", "`")
    )
    return deeper or labels or runs_on or _lists(first, second) or _CONTINUES.match(second) is not None


def _sentences(text: str, one: Block, two: Block) -> bool:
    first, second = text[one.start : one.end], text[two.start : two.end]
    return first.rstrip().endswith(":") or _CONTINUES.match(second) is not None or _REFERS.search(second) is not None


WAYS: tuple[tuple[re.Pattern[str], Together], ...] = (
    (_PARAGRAPH, _paragraphs),
    (_LINE, _lines),
    (_SENTENCE, _sentences),
)


def _lists(first: str, second: str) -> bool:
    """Say whether the second goes on with a list that the first has begun."""
    return _ITEM.match(second) is not None and any(_ITEM.match(line) for line in first.splitlines())


def _depth(text: str, start: int) -> int:
    """How far a line is indented."""
    begin = text.rfind("\n", 0, start) + 1
    return start - begin


def _is_open(text: str) -> bool:
    """Say whether a tag or a fence is opened and not closed."""
    if text.count("```") % 2 or text.count('"""') % 2:
        return True
    names: dict[str, int] = {}
    for closing, name in _TAG.findall(text):
        names[name] = names.get(name, 0) + (-1 if closing else 1)
    # A tag that is never closed anywhere is a word in angle brackets.
    return any(count > 0 for count in names.values())
