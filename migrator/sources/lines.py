"""Answer one question: at which byte is a line and column, and at which line and column is a byte?"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from migrator.model import Position, Run, Source, Span

# As CPython's tokenizer counts lines; a form feed and the Unicode separators end none.
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """The line starts of one text. Lines count from 1 and columns from 0, in UTF-8 bytes, as in ``ast``.

    ``file`` are the lines of the document that the text was taken out of, by ``runs``.
    """

    encoded: bytes
    starts: tuple[int, ...]
    cells: tuple[tuple[int, int], ...] = ()
    runs: tuple[Run, ...] = ()
    file: Lines | None = None

    def offset(self, line: int, column: int) -> int:
        """Give the byte offset of ``ast``'s ``(lineno, col_offset)``."""
        return self.starts[line - 1] + column

    def span(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """Give the bytes between two places, as ``ast`` names them."""
        return Span(self.offset(line, column), self.offset(end_line, end_column))

    def slice(self, span: Span) -> str:
        """Give the text that stands in ``span``."""
        return self.encoded[span.start : span.end].decode()

    def line(self, offset: int) -> int:
        """Give the line of the joined text that holds a byte, counted as ``ast`` does."""
        return bisect_right(self.starts, offset)

    def position(self, offset: int) -> Position:
        """Give the place that an editor shows for a byte; in a notebook, inside its cell."""
        if self.file is not None and self.runs:
            return self.file.position(self._in_file(offset))
        line = bisect_right(self.starts, offset)
        column = len(self.encoded[self.starts[line - 1] : offset].decode(errors="replace")) + 1
        at = bisect_right(self.cells, offset, key=lambda cell: cell[0]) - 1
        if at < 0:
            return Position(None, line, column)
        start, index = self.cells[at]
        return Position(index, line - bisect_right(self.starts, start) + 1, column)

    def _in_file(self, offset: int) -> int:
        """Give the byte of the file for one of the text; between two runs, the end of the first."""
        at = bisect_right(self.runs, offset, key=lambda run: run.text.start) - 1
        run = self.runs[max(at, 0)]
        return run.data.start + max(0, min(offset, run.text.end) - run.text.start)


def offsets(source: Source) -> Lines:
    """Compute the line starts of ``source`` once, for any number of questions."""
    encoded = source.text.encode()
    if source.kind == "page":
        runs = tuple(run for cell in source.cells for run in cell.runs)
        return Lines(encoded, _starts(encoded), (), runs, lines_of(source.data))
    return Lines(encoded, _starts(encoded), tuple((cell.span.start, cell.index) for cell in source.cells))


def lines_of(encoded: bytes) -> Lines:
    """Compute the line starts of a text that is in UTF-8."""
    return Lines(encoded, _starts(encoded))


def _starts(encoded: bytes) -> tuple[int, ...]:
    return (0, *(match.end() for match in _NEWLINE.finditer(encoded)))


def locate(source: Source, offset: int) -> Position:
    """Give the place of one byte. Ask ``offsets`` once where there are many."""
    return offsets(source).position(offset)
