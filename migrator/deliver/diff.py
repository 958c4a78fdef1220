"""Answer one question: what does a patch look like as a unified diff?

The result is bytes, because a diff must carry the file's own bytes to be applied again. ``git apply``
and ``patch -p1`` accept it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from migrator.lines import Line
from migrator.model import Patch

CONTEXT = 3
Block = tuple[int, int, int, int]


def unified(patch: Patch) -> bytes:
    """Write one patch as a unified diff, with ``a/`` and ``b/`` in front of the paths."""
    if patch.before == patch.after:
        return b""
    before, after = patch.before.split(b"\n"), patch.after.split(b"\n")
    name = patch.shown.lstrip("/")
    lines = [b"--- " + _quoted(f"a/{name}") + b"\n", b"+++ " + _quoted(f"b/{name}") + b"\n"]
    old, new = _lines(before), _lines(after)
    for hunk in _hunks(tuple(_blocks(old, new))):
        lines.extend(_hunk(hunk, old, new))
    return b"".join(lines)


def styled(diff: bytes) -> Iterator[Line]:
    """Colour a diff's lines for a terminal."""
    styles = {"---": "file", "+++": "file", "@@ ": "hunk"}
    for line in diff.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        style = styles.get(line[:3]) or {"-": "removed", "+": "added"}.get(line[:1], "")
        yield ((line.rstrip("\r"), style),)


def _lines(parts: Sequence[bytes]) -> tuple[bytes, ...]:
    """Give the lines with their newlines; only ``\\n`` ends a line, as in git."""
    whole = tuple(part + b"\n" for part in parts[:-1])
    return (*whole, parts[-1]) if parts[-1] else whole


def _blocks(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Block]:
    """Give the ranges that differ, as (old start, old end, new start, new end)."""
    if len(old) == len(new):
        # Most edits stay within their line, and comparing line by line is linear for a huge notebook.
        yield from _aligned(old, new)
        return
    for tag, *block in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield block[0], block[1], block[2], block[3]


def _aligned(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Block]:
    start: int | None = None
    for i in range(len(old) + 1):
        differs = i < len(old) and old[i] != new[i]
        if differs and start is None:
            start = i
        elif not differs and start is not None:
            yield start, i, start, i
            start = None


def _hunks(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    """Put blocks whose contexts touch into one hunk."""
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * CONTEXT:
            yield tuple(group)
            group = []
        group.append(block)
    if group:
        yield tuple(group)


def _hunk(blocks: Sequence[Block], old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[bytes]:
    first, last = blocks[0], blocks[-1]
    lead = min(CONTEXT, first[0], first[2])
    tail = min(CONTEXT, len(old) - last[1])
    ranges = _range(first[0] - lead, last[1] + tail), _range(first[2] - lead, last[3] + tail)
    yield f"@@ -{ranges[0]} +{ranges[1]} @@\n".encode()
    at = first[0] - lead
    for block in blocks:
        yield from (_marked(b" ", line) for line in old[at : block[0]])
        yield from (_marked(b"-", line) for line in old[block[0] : block[1]])
        yield from (_marked(b"+", line) for line in new[block[2] : block[3]])
        at = block[1]
    yield from (_marked(b" ", line) for line in old[at : at + tail])


def _range(start: int, end: int) -> str:
    """Write a range as diff does: counted from 1, an empty one from the line before it."""
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _quoted(name: str) -> bytes:
    """Write a file name as git does: C quoting for unusual bytes, a tab behind a name with a space."""
    data = name.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return data + (b"\t" if b" " in data else b"")
    escapes = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
    text = "".join(escapes.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data)
    return f'"{text}"'.encode()
