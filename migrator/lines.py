"""Answer one question: what is a line that a person reads?

A line is a tuple of pieces, each a text and a style's name, so that what is printed on a terminal
and what goes into a pipe are the same words. ``deliver.terminal`` turns styles into colours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Piece = tuple[str, str]
Line = tuple[Piece, ...]
WIDTH = 80
BLANK: Line = ()
UNCHANGED: Line = (("Nothing to change.", "bold"),)
WOULD_STAY: Line = (("Nothing would change.", ""),)
# ``cell 3:4`` is one word to the eye.
_CELL = "cell\xa0"


def wrapped(text: str, width: int, *, indent: str, hanging: str = "  ", style: str = "") -> Iterator[Line]:
    """Break a text at spaces; a word longer than the width, such as a path, is never cut."""
    for line in textwrap.wrap(
        text.replace("cell ", _CELL),
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield ((line.replace(_CELL, "cell "), style),)


def plural(count: int, noun: str) -> str:
    """Count in words: ``1 file``, ``2 files``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def joined(*parts: Iterable[Line]) -> Iterator[Line]:
    """Put an empty line between the parts that say something."""
    said = [lines for lines in map(tuple, parts) if lines]
    for i, lines in enumerate(said):
        if i:
            yield BLANK
        yield from lines


def table(
    rows: Sequence[Sequence[str]], width: int, *, right: Collection[str], above: int, styles: Mapping[str, str]
) -> Iterator[Line]:
    """Line up rows, the first of which holds the heads; those in ``right`` have their cells at the right.

    Where that is too wide, the first ``above`` cells of each row stand on a line of their own above the others.
    """
    heads = rows[0]
    sizes = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    is_wide = sum(sizes) + 2 * (len(heads) - 1) > width
    for number, row in enumerate(rows):
        cells = tuple(
            (text.rjust(size) if head in right else text.ljust(size), styles.get(head, "") if number else "dim")
            for head, text, size in zip(heads, row, sizes, strict=True)
        )
        if not is_wide:
            yield _spaced(cells)
            continue
        if number:
            yield _spaced([(text.rstrip(), style) for text, style in cells[:above]])
        yield (("  ", ""), *_spaced(cells[above:]))


def _spaced(cells: Sequence[Piece]) -> Line:
    *most, (last, style) = cells
    return (*((f"{text}  ", tone) for text, tone in most), (last.rstrip(), style))
