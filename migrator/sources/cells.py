"""Answer one question: how do the cells of a notebook, or the blocks of a document, become one Python text?"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrator.model import Cell, Run, Source, SourceKind, Span
from migrator.sources import magics, python

_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)[ \t]*(?::[^=\n]*)?=(?!=)[^\r\n]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """One cell or block as the file has it: its text and the runs, counted from its own start."""

    index: int
    text: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class File:
    """The file that the pieces are of."""

    path: Path
    shown: str
    kind: SourceKind
    data: bytes

    @property
    def encoding(self) -> str:
        """Give the codec; a byte order mark stays."""
        return "utf-8-sig" if self.data.startswith(b"\xef\xbb\xbf") else "utf-8"


def join(file: File, pieces: Iterable[Piece]) -> Source:
    """Join the pieces into one text; one that is no Python is blank, and named with the reason."""
    texts: list[str] = []
    views: list[str] = []
    cells: list[Cell] = []
    skipped: list[tuple[int, str]] = []
    start = 0
    for piece in pieces:
        text, view, problem = _python_of(piece.text)
        if problem is not None:
            skipped.append((piece.index, problem))
        size = len(text.encode())
        runs = tuple(_shifted(run, start) for run in piece.runs) if text else ()
        cells.append(Cell(piece.index, Span(start, start + size), runs))
        texts.append(text)
        views.append(view)
        start += size + 1
    text, view = "\n".join(texts), "\n".join(views)
    return Source(file.path, file.shown, file.kind, file.data, text, view, file.encoding, tuple(cells), tuple(skipped))


def _shifted(run: Run, by: int) -> Run:
    return Run(Span(run.text.start + by, run.text.end + by), run.data)


def _python_of(text: str) -> tuple[str, str, str | None]:
    """Give a cell's Python and its view, or blanks and the reason."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "", "", "half a surrogate pair; save the notebook again from Jupyter"
    plain = magics.blank(text)
    view = python.lower(plain)
    if isinstance(view, python.Refusal):
        blanked = unread(text)
        return blanked, blanked, view.reason
    return plain, view, None


def unread(text: str) -> str:
    """Blank what is not read, byte for byte; a name that it seems to bind is bound to what nobody knows.

    ``client = AzureOpenAI(endpoint=<yours>)`` becomes ``client=0``: the client of an earlier cell is no longer meant.
    """
    return re.sub(r"[^\r\n]+", lambda line: _bound(line[0]), text)


def _bound(line: str) -> str:
    found = _ASSIGNMENT.match(line)
    start = f"{found['name']}=0" if found and not keyword.iskeyword(found["name"]) else ""
    return start.ljust(len(line.encode()))
