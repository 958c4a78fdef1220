"""Answer one question: in which ways can a text be cut into the parts of a prompt?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from migrator.prompts.layout import Shift, holed
from migrator.prompts.template import Message, Segment

Places = tuple[frozenset[int] | range, ...]


def places(segments: Sequence[Segment], text: str) -> Places | None:
    """Where each segment may begin, so that all of them give the text; None when they cannot."""
    forward: list[frozenset[int] | range] = [frozenset({0})]
    for segment in segments:
        before = forward[-1]
        if not before:
            return None
        if segment.text is None:
            forward.append(range(min(before), len(text) + 1))
        else:
            forward.append(frozenset(at + len(segment.text) for at in _found(segment.text, text, before)))
    if len(text) not in forward[-1]:
        return None
    found: list[frozenset[int] | range] = [frozenset({len(text)})]
    for segment, before in zip(reversed(segments), reversed(forward[:-1]), strict=True):
        after = found[0]
        if segment.text is not None:
            width = len(segment.text)
            found.insert(0, frozenset(at - width for at in after if text.startswith(segment.text, at - width)
                                      and at - width in before))  # fmt: skip
        elif isinstance(before, range):
            found.insert(0, range(before.start, max(after) + 1))
        else:
            found.insert(0, frozenset(at for at in before if at <= max(after)))
    return tuple(found)


def _found(piece: str, text: str, among: frozenset[int] | range) -> list[int]:
    """The places among the given ones at which a piece stands."""
    if not isinstance(among, range):
        return [at for at in among if text.startswith(piece, at)]
    if not piece:
        return list(among)
    places = []
    at = text.find(piece, among.start)
    while at >= 0:
        places.append(at)
        at = text.find(piece, at + 1)
    return places


def said(message: Message) -> str:
    return "".join(segment.text or "" for segment in message.segments)


def filled(message: Message, places: Places, text: str) -> Message:
    """The message with its values as solid parts: these have the width of a hole, so that a shift cuts alike."""
    ends = [0]
    for segment, after in zip(message.segments, places[1:], strict=True):
        ends.append(_first(after, ends[-1]) if segment.text is None else ends[-1] + len(segment.text))
    segments = (
        replace(segment, text=text[a:b], is_solid=True) if segment.text is None else segment
        for segment, (a, b) in zip(message.segments, pairwise(ends), strict=True)
    )
    return replace(message, segments=tuple(segments))


def _first(places: frozenset[int] | range, least: int) -> int:
    return max(places.start, least) if isinstance(places, range) else min(at for at in places if at >= least)


def edges(segments: Sequence[Segment], shift: Shift) -> set[int]:
    """The segments whose beginning decides where a block is cut, as places in the row of segments."""
    begins = [0]
    for segment in segments:
        begins.append(begins[-1] + len(holed((segment,))))
    found = {edge for block in shift.blocks for edge in (block.start, block.end)}
    return {_segment_at(begins, edge) for edge in found}


def _segment_at(begins: Sequence[int], edge: int) -> int:
    """The segment that begins at the edge, or the static one that holds it."""
    return max(i for i, begin in enumerate(begins) if begin <= edge)
