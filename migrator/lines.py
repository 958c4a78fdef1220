"""Answer one question: what is a line that a person reads?

A line is a tuple of pieces, each a text and a style's name, so that what is printed on a terminal
and what goes into a pipe are the same words. ``deliver.terminal`` turns styles into colours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

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
