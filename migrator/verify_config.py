"""Answer one question: does this change of a configuration file do what was planned, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator import edits as splicing
from migrator.model import Edit, Skip, Span
from migrator.sources.config import ConfigSource, read_config
from migrator.sources.entries import Entry


def prove_config(before: ConfigSource, edits: Sequence[Edit], after: bytes) -> str | None:
    """Give None where every proof holds, else why the file must be left alone, in one line.

    Each edit lies inside one value; the new file reads; it has the old one's values in the old order
    with exactly the planned ones changed; and no byte outside the edits differs, so that comments,
    quotes, anchors and line ends are as they were.
    """
    source = before.source
    changed = read_config(source.path, source.shown, after)
    if isinstance(changed, Skip):
        return f"the new text does not parse: {changed.reason}"
    if changed.source.encoding != source.encoding:
        return f"the encoding became {changed.source.encoding}"
    merged = splicing.merge(edits)
    if not all(any(_holds(entry, edit) for entry in before.entries) for edit in merged):
        return "an edit is outside the values"
    if (reason := _values_differ(before, merged, changed)) is not None:
        return reason
    if list(_outside(source.text, merged)) != list(_outside(changed.source.text, tuple(_moved(merged)))):
        return "a byte outside the edits changed"
    return None if splicing.apply(source, merged) == after else "the bytes are not the old ones with the planned edits"


def _holds(entry: Entry, edit: Edit) -> bool:
    is_inside = entry.span.start <= edit.span.start and edit.span.end <= entry.span.end
    return is_inside and entry.is_text and entry.is_plain


def _values_differ(before: ConfigSource, edits: Sequence[Edit], changed: ConfigSource) -> str | None:
    if len(before.entries) != len(changed.entries):
        return "a value came or went"
    for old, new in zip(before.entries, changed.entries, strict=True):
        mine = [edit for edit in edits if _holds(old, edit)]
        path = ".".join(str(key) for key in old.keys)
        if (old.document, old.places, old.is_text) != (new.document, new.places, new.is_text):
            return f"line {old.line}: {path} is another value now"
        if new.value != _expected(old, mine):
            return f"line {old.line}: {path} is not the old value with the planned edits"
    return None


def _expected(entry: Entry, edits: Sequence[Edit]) -> str:
    start = entry.span.start
    moved = ((Span(e.span.start - start, e.span.end - start), e.text.encode()) for e in edits)
    return splicing.splice(entry.value.encode(), moved).decode() if edits else entry.value


def _outside(text: str, edits: Sequence[Edit]) -> Iterator[bytes]:
    data, at = text.encode(), 0
    for edit in edits:
        yield data[at : edit.span.start]
        at = edit.span.end
    yield data[at:]


def _moved(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Give the edits at the places of their new texts."""
    by = 0
    for edit in edits:
        start = edit.span.start + by
        size = len(edit.text.encode())
        yield Edit(edit.shown, Span(start, start + size), edit.text, edit.transform)
        by += size - (edit.span.end - edit.span.start)
