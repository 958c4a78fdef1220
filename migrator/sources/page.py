"""Answer one question: what Python text is in this document, and at which bytes of the file?"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from migrator.model import Run, Skip, Source, Span
from migrator.sources import blocks, cells, placeholders

MARKDOWN = (".md", ".mdx", ".markdown", ".qmd")
RST = (".rst",)
SUFFIXES = (*MARKDOWN, *RST)

_BOM = b"\xef\xbb\xbf"
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?: |$)")
_QUOTED = re.compile(r"[\"']([\w./:-]{4,})[\"']")
_OPENED = re.compile(
    rb"(?im)^[ \t>*+-]*(?:(?P<fence>`{3,}|~{3,})[ \t]*\{?[ \t]*\.?(?:code[\w-]*\}[ \t]*)?(?:i?python|py\b|py3|pycon)"
    rb"|\.\. (?:code-block|code|sourcecode|testcode)::[ \t]*(?:i?python|py\b|py3|pycon|$))"
)

_NO_PYTHON = "line {}: this block does not parse, so nothing of it is read; change it by hand"


def read(path: Path, shown: str, data: bytes) -> Source | Skip:
    """Join the blocks of Python of a document into one text."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Skip(shown, f"line {line}: not valid UTF-8; save the file as UTF-8, or exclude it")
    places = tuple(_lines(data))
    lines = [data[place.start : place.end].decode() for place in places]
    document = (blocks.of_rst if path.suffix.lower() in RST else blocks.of_markdown)(lines)
    found = cells.join(cells.File(path, shown, "page", data), _pieces(document, lines, places))
    skipped = tuple((first, _NO_PYTHON.format(first + 1)) for first, _ in found.skipped_cells)
    return replace(found, skipped_cells=skipped)


def _lines(data: bytes) -> Iterator[Span]:
    """Give the bytes of each line, without its end and a byte order mark."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    for end in _NEWLINE.finditer(data):
        yield Span(start, end.start())
        start = end.end()
    yield Span(start, len(data))


def _pieces(document: blocks.Document, lines: Sequence[str], places: Sequence[Span]) -> Iterator[cells.Piece]:
    """Give each block, and each comment that speaks of the whole file, under the number of its first line."""
    pieces = [_of_block(block, document, lines, places) for block in document.blocks]
    taken = {block.wish for block in document.blocks}
    for at, wish in document.wishes.items():
        if at not in taken and "ignore-file" in wish[1]:
            pieces.append(cells.Piece(at, *_comment(wish, places[at])))
    yield from sorted(pieces, key=lambda piece: piece.index)


def _of_block(
    block: blocks.Block, document: blocks.Document, lines: Sequence[str], places: Sequence[Span]
) -> cells.Piece:
    head, runs = ("", ()) if block.wish is None else _comment(document.wishes[block.wish], places[block.wish])
    body = _dedented(_typed(block.lines))
    at = len(head.encode())
    for number, text in enumerate(body, block.first):
        code = text if lines[number].endswith(text) else text.lstrip()
        if code and lines[number].endswith(code):
            start, size = at + len(text.encode()) - len(code.encode()), len(code.encode())
            runs = (*runs, Run(Span(start, start + size), Span(places[number].end - size, places[number].end)))
        at += len(text.encode()) + 1
    return cells.Piece(block.first, head + placeholders.fill("\n".join(body)), runs)


def _comment(wish: tuple[int, str], place: Span) -> tuple[str, tuple[Run, ...]]:
    """Give a comment for us of the document as one of Python; the sign before it is no byte of the file."""
    offset, text = wish
    start, size = place.start + offset, len(text.encode())
    return f"# {text}\n", (Run(Span(2, 2 + size), Span(start, start + size)),)


def _typed(body: Sequence[str]) -> Sequence[str]:
    """Give what is typed at the prompts of a session; other blocks are given back as they are.

    A session whose answers repeat a string of its code is left alone: both must change together.
    """
    first = next((line for line in body if line.strip()), "")
    if not first.lstrip().startswith(">>>"):
        return body
    prompts = [_PROMPT.match(line) for line in body]
    code = ["" if prompt is None else line[prompt.end() :] for line, prompt in zip(body, prompts, strict=True)]
    answers = "\n".join(line for line, prompt in zip(body, prompts, strict=True) if prompt is None)
    is_repeated = any(word in answers for word in _QUOTED.findall("\n".join(code)))
    return [cells.unread(line) for line in code] if is_repeated else code


def _dedented(body: Sequence[str]) -> Sequence[str]:
    """Take off what all lines are indented by: a snippet may show the inside of a function."""
    return textwrap.dedent("\n".join(body)).split("\n") if body else ()


def mentions(data: bytes, needles: Sequence[bytes]) -> bool:
    """Say whether a block of Python seems to hold a needle; for a hint, so it is quick and may err."""
    for opened in _OPENED.finditer(data):
        fence = opened["fence"]
        closed = re.compile(rb"(?m)^[ \t>]*" + re.escape(fence) if fence else rb"(?m)^\S").search(data, opened.end())
        body = data[opened.end() : closed.start() if closed else len(data)]
        if any(needle in body for needle in needles):
            return True
    return False
