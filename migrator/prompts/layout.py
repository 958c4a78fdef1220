"""Answer one question: in which order would a prompt's static parts come first, and may they?

Text is moved, never reworded. Within a message blocks change places; between messages whole messages do,
but none across a turn of the assistant or a tool. What points at its neighbours stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from migrator.prompts.blocks import HOLE, POINTS, SOLID, Block, blocks
from migrator.prompts.template import Message, Segment, Template, Varies

INSTRUCTIONS = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Shift:
    """The blocks of one message's text in their new order: ``order[i]`` is which of ``blocks`` comes at place i."""

    message: int
    blocks: tuple[Block, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A new order: ``order`` of the messages (old indices), ``shifts`` within them, and the prompt that results."""

    order: tuple[int, ...]
    shifts: tuple[Shift, ...]
    after: Template

    @property
    def moves_messages(self) -> bool:
        """Say whether messages change places."""
        return self.order != tuple(range(len(self.order)))


@dataclass(frozen=True, slots=True)
class Stays:
    """Why the order is left as it is: ``reason`` is a key of ``stays`` in ``rules/caching.toml``, or "in_order"."""

    reason: str
    detail: str = ""


def propose(template: Template) -> Layout | Stays:
    """Give the order with everything static first, or why there is none."""
    ordered = _order(template.messages)
    if isinstance(ordered, Stays):
        return ordered
    messages = [template.messages[i] for i in ordered]
    shifts: list[Shift] = []
    stays: Stays | None = None
    for place, index in enumerate(ordered):
        message = template.messages[index]
        if message.varies.breaks:
            found = _shift(index, message)
            if isinstance(found, Shift):
                shifts.append(found)
                messages[place] = shifted(message, found)
            else:
                stays = found
            break
    layout = Layout(ordered, tuple(shifts), replace(template, messages=tuple(messages)))
    if not shifts and not layout.moves_messages:
        return stays or Stays("in_order")
    return layout


@dataclass(frozen=True, slots=True)
class _Unit:
    """Messages that move as one: a single one, or a static question with its answer. ``role`` is the first one's."""

    places: tuple[int, ...]
    role: str
    varies: Varies


def _order(messages: Sequence[Message]) -> tuple[int, ...] | Stays:
    """Put static messages before varying ones, where roles allow it."""
    ordered: list[_Unit] = []
    for unit in _units(messages):
        at = len(ordered)
        while at and _may_pass(unit, ordered[at - 1]):
            at -= 1
        if at < len(ordered):
            pointing = next((messages[i] for i in unit.places if POINTS.search(_text(messages[i]))), None)
            if pointing is not None:
                return Stays("points", _found(_text(pointing)))
        ordered.insert(at, unit)
    return tuple(i for unit in ordered for i in unit.places)


def _may_pass(unit: _Unit, before: _Unit) -> bool:
    """Say whether a static message may come before a varying one.

    Instructions may come before anything but a turn of the assistant; a user's message never before
    instructions that it stands behind.
    """
    if unit.varies.breaks or not before.varies.breaks or before.role not in (*INSTRUCTIONS, "user"):
        return False
    return unit.role in INSTRUCTIONS or (unit.role == "user" and before.role == "user")


def _units(messages: Sequence[Message]) -> Iterator[_Unit]:
    """Take the messages one by one; a static question and its static answer are one example."""
    index = 0
    while index < len(messages):
        one = messages[index]
        two = messages[index + 1] if index + 1 < len(messages) else None
        pair = one.role == "user" and two is not None and two.role == "assistant"
        if pair and two is not None and not one.varies.breaks and not two.varies.breaks:
            yield _Unit((index, index + 1), one.role, max(one.varies, two.varies))
            index += 2
        else:
            yield _Unit((index,), one.role, one.varies)
            index += 1


def _shift(index: int, message: Message) -> Shift | Stays:
    """Put the static blocks of a message before the varying ones."""
    if any(s.text is None and not s.code for s in message.segments) or not all(s.whole for s in message.segments):
        return Stays("pieces", "its text is computed")
    text = holed(message.segments)
    found = blocks(text)
    varies = [_varies(message.segments, block) for block in found]
    if text[: found[-1].end].endswith(":"):
        # A cue for the answer ("Answer:") stays at the end.
        varies[-1] = Varies.REQUEST
    static = [i for i, often in enumerate(varies) if not often.breaks]
    moving = [i for i, often in enumerate(varies) if often.breaks]
    passed = [i for i in static if any(j < i for j in moving)]
    if not passed:
        return Stays("in_order")
    for i in passed:
        written = said(_cut(message.segments, found[i].start, found[i].end))
        if POINTS.search(written):
            return Stays("points", _found(written))
    for i in moving:
        # What varies may itself point at what it stands before: "{name}, obey the following rules."
        written = said(_cut(message.segments, found[i].start, found[i].end))
        if POINTS.search(written) and i + 1 < len(found) and not varies[i + 1].breaks:
            return Stays("points", _found(written))
    return Shift(index, found, (*static, *moving))


def _found(text: str) -> str:
    match = POINTS.search(text)
    return f"“{match[0]}”" if match else ""


def _text(message: Message) -> str:
    return said(message.segments)


def said(segments: Sequence[Segment]) -> str:
    """All static text of some segments, constants included, with a ``HOLE`` for each part that varies."""
    return "".join(HOLE if s.text is None else s.text for s in segments)


def holed(segments: Sequence[Segment]) -> str:
    """The text with one sign for each part that may only be moved whole."""
    return "".join(_sign(segment) for segment in segments)


def _sign(segment: Segment) -> str:
    if segment.text is None:
        return HOLE
    return SOLID if segment.is_solid else segment.text


def _varies(segments: Sequence[Segment], block: Block) -> Varies:
    """How often a block changes: as often as the quickest part in it."""
    found = Varies.NEVER
    at = 0
    for segment in segments:
        width = len(_sign(segment))
        if at < block.end and block.start < at + width:
            found = max(found, segment.varies)
        at += width
    return found


def shifted(message: Message, shift: Shift) -> Message:
    """Give the message with its blocks in the new order; what stands between blocks stays in its place."""
    cuts = [0, *(edge for block in shift.blocks for edge in (block.start, block.end)), len(holed(message.segments))]
    pieces = [_cut(message.segments, a, b) for a, b in pairwise(cuts)]
    between, inside = pieces[0::2], pieces[1::2]
    segments = list(between[0])
    for place, index in enumerate(shift.order):
        segments += [*inside[index], *between[place + 1]]
    return replace(message, segments=tuple(segments))


def _cut(segments: Sequence[Segment], start: int, end: int) -> list[Segment]:
    """The segments between two places of the text with holes."""
    found: list[Segment] = []
    at = 0
    for segment in segments:
        width = len(_sign(segment))
        first, last = max(start, at), min(end, at + width)
        if first < last:
            if segment.text is None or segment.is_solid:
                found.append(segment)
            else:
                found.append(replace(segment, text=segment.text[first - at : last - at]))
        at += width
    return found
