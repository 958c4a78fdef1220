"""Answer one question: how does a file become a ``Source``?"""

from __future__ import annotations

import ast
from pathlib import Path

from migrator.model import Skip, Source
from migrator.sources import notebook, page, python
from migrator.sources.lines import Lines, locate, offsets

__all__ = ["SUFFIXES", "Lines", "locate", "offsets", "parse", "read"]

SUFFIXES = (".py", ".pyi", ".pyw", ".ipynb", *page.SUFFIXES)


def read(path: Path, shown: str, data: bytes | None = None, *, parses: bool = False) -> Source | Skip:
    """Read one file, or take its bytes as given. A file without a suffix is taken as Python.

    ``parses`` saves the trial for a caller that parses the text at once and can read again.
    """
    if data is None:
        try:
            data = path.read_bytes()
        except OSError as error:
            return Skip(shown, f"cannot be read: {error.strerror or error}", is_error=True)
    if path.suffix == ".ipynb":
        return notebook.read(path, shown, data)
    if path.suffix.lower() in page.SUFFIXES:
        return page.read(path, shown, data)
    return python.read(path, shown, data, parses=parses)


def parse(source: Source) -> ast.Module:
    """Parse ``source.view``; ``read`` has shown that it parses."""
    return python.tree(source.view)
