"""Answer one question: which bytes does a source have after these edits?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

from migrator.model import Edit, Source, Span


class EditConflict(ValueError):
    """Two edits that cannot both be done, or one that the file has no place for."""


def merge(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Sort the edits; identical ones collapse, different ones on the same bytes are refused."""
    unique = {(edit.shown, edit.span, edit.text): edit for edit in sorted(edits, reverse=True)}
    merged = tuple(sorted(unique.values()))
    for first, second in pairwise(merged):
        if first.shown == second.shown and first.span.overlaps(second.span):
            raise EditConflict(f"{first.shown}: {_named(first)} and {_named(second)} change the same bytes")
    return merged


def apply(source: Source, edits: Sequence[Edit]) -> bytes:
    """Give the file's bytes with the edits in place. This is the only place that makes new bytes."""
    merged = merge(edits)
    for edit in merged:
        if edit.shown != source.shown:
            raise EditConflict(f"{source.shown}: {_named(edit)} is for another file, {edit.shown}")
    if source.kind == "notebook":
        places = ((_in_data(source, edit), json.dumps(edit.text)[1:-1].encode()) for edit in merged)
        return splice(source.data, places)
    if source.kind == "page":
        return splice(source.data, ((_in_data(source, edit), edit.text.encode()) for edit in merged))
    text = source.text.encode()
    if any(edit.span.end > len(text) for edit in merged):
        raise EditConflict(f"{source.shown}: {_named(merged[-1])} is behind the end of the text")
    return splice(text, ((edit.span, edit.text.encode()) for edit in merged)).decode().encode(source.encoding)


def splice(data: bytes, replacements: Iterable[tuple[Span, bytes]]) -> bytes:
    """Put each replacement in the place of its span; the spans are sorted and do not overlap."""
    parts: list[bytes] = []
    at = 0
    for span, replacement in replacements:
        parts += [data[at : span.start], replacement]
        at = span.end
    return b"".join([*parts, data[at:]])


def in_file(source: Source, span: Span) -> Span | None:
    """Give the bytes of the file's own text in which ``span`` stands, or None where they are not one piece.

    For Python and configuration that is the text itself as UTF-8, for a notebook and a document the file.
    """
    if source.kind not in ("notebook", "page"):
        return span
    runs = (run for cell in source.cells for run in cell.runs)
    run = next((run for run in runs if run.text.start <= span.start and span.end <= run.text.end), None)
    if run is None:
        return None
    shift = run.data.start - run.text.start
    return Span(span.start + shift, span.end + shift)


def _in_data(source: Source, edit: Edit) -> Span:
    place = in_file(source, edit.span)
    if place is None:
        what = "an escape of the notebook's JSON" if source.kind == "notebook" else "what is no code"
        raise EditConflict(f"{source.shown}: {_named(edit)} touches {what}")
    return place


def _named(edit: Edit) -> str:
    return f"{edit.transform} ({edit.span.start}-{edit.span.end} to {edit.text!r})"
