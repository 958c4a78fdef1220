"""Answer one question: how do lines reach the screen?

A pipe gets the words alone. A terminal gets the same words with colours, unless ``NO_COLOR`` is set.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from migrator.lines import WIDTH, Line

STYLES = {
    "bold": "bold",
    "path": "bold cyan",
    "place": "cyan",
    "name": "bold",
    "rewrite": "green",
    "review": "yellow",
    "report": "magenta",
    "dim": "dim",
    "cheaper": "green",
    "dearer": "bold red",
    "error": "bold red",
    "removed": "red",
    "added": "green",
    "hunk": "cyan",
    "file": "bold",
    "command": "bold cyan",
    "shared": "green",
    "open": "green",
    "behind": "yellow",
    "varies": "magenta",
}


def is_coloured() -> bool:
    """Say whether colours are wanted: a terminal, and no ``NO_COLOR`` (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Give the terminal's width; a pipe gets 80 columns, so that the same input gives the same bytes."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def show(lines: Iterable[Line]) -> None:
    """Print lines on standard output."""
    if is_coloured():
        _paint(lines)
        return
    for line in lines:
        write("".join(text for text, _ in line).encode("utf-8", "surrogateescape") + b"\n")


def write(data: bytes) -> None:
    """Put bytes on standard output as they are: no newline is translated, no character is refused."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _paint(lines: Iterable[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((_printable(piece), STYLES.get(style, "")) for piece, style in line)))


def _printable(text: str) -> str:
    """Replace the bytes of a file name that are no text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
