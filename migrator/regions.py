"""Answer one question: at which lines and columns of its file does a piece of a plan stand?

A position for people counts the lines of a notebook's cell; a program that shows or changes the file
needs those of the JSON around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.edits import in_file
from migrator.model import Edit, Origin, Plan, Position, Skip, Source, Span
from migrator.sources import read
from migrator.sources.config import form_of, read_config
from migrator.sources.lines import Lines, lines_of

NOTEBOOK = ".ipynb"


@dataclass(frozen=True, slots=True)
class Region:
    """A half-open range of a file: lines and columns count from 1, a column is one Unicode character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """One change of a file as a program can carry it out: what stands in ``region`` becomes ``text``."""

    region: Region
    text: str
    edit: Edit


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a plan whose text is needed to place something: those that change, and notebooks."""

    sources: Mapping[str, Source]
    lines: Mapping[str, Lines]

    def of_origin(self, origin: Origin) -> Region | None:
        """Give the region of a name, or None where its place in the file is not known."""
        if origin.position.cell is None:
            return Region(*_pair(origin.position), *_pair(origin.end))
        source = self.sources.get(origin.shown)
        return None if source is None else self._region(origin.shown, _seen(source, origin.span))

    def of_position(self, position: Position) -> Region | None:
        """Give the region of a place, which has no length; None inside of a notebook."""
        return Region(*_pair(position), *_pair(position)) if position.cell is None else None

    def replacements(self, shown: str, edits: Iterable[Edit]) -> Iterator[Replacement]:
        """Give the changes that edits of one file ask for, in its own text: of a notebook, JSON."""
        source = self.sources.get(shown)
        if source is None:
            return
        for edit in edits:
            region = self._region(shown, in_file(source, edit.span))
            if region is not None:
                text = json.dumps(edit.text)[1:-1] if shown.endswith(NOTEBOOK) else edit.text
                yield Replacement(region, text, edit)

    def _region(self, shown: str, place: Span | None) -> Region | None:
        if place is None:
            return None
        start, end = (self.lines[shown].position(offset) for offset in (place.start, place.end))
        return Region(*_pair(start), *_pair(end))


def files(plan: Plan, cwd: Path) -> Files:
    """Take the files that change as the plan has them, and read the notebooks in which something was found."""
    known = {patch.shown: (patch.path, patch.before) for patch in plan.patches}
    origins = (decision.finding.origin for decision in plan.decisions)
    others = {origin.shown for origin in origins if origin.position.cell is not None} - known.keys()
    for shown in sorted(others):
        path = cwd / shown
        if path.is_file():
            known[shown] = (path, path.read_bytes())
    sources = {shown: source for shown, (path, data) in known.items() if (source := _source(path, shown, data))}
    return Files(sources, {shown: lines_of(_written(source)) for shown, source in sources.items()})


def _source(path: Path, shown: str, data: bytes) -> Source | None:
    if form_of(path) is None:
        found = read(path, shown, data, parses=True)
        return None if isinstance(found, Skip) else found
    config = read_config(path, shown, data)
    return None if isinstance(config, Skip) else config.source


def _seen(source: Source, span: Span) -> Span | None:
    """Give the bytes of the file from the first to the last that stand for ``span`` as they are.

    In the JSON of a notebook quotes are escaped, so of ``"gpt-4o"`` the name is left.
    """
    runs = (run for cell in source.cells for run in cell.runs)
    parts = [run for run in runs if run.text.start < span.end and span.start < run.text.end]
    if not parts:
        return None
    first, last = parts[0], parts[-1]
    start = first.data.start + max(0, span.start - first.text.start)
    return Span(start, last.data.start + min(span.end, last.text.end) - last.text.start)


def _written(source: Source) -> bytes:
    """Give the text of the file in which places count: its own bytes, or those of its text as UTF-8."""
    return source.data if source.kind in ("notebook", "page") else source.text.encode()


def _pair(position: Position) -> tuple[int, int]:
    return position.line, position.column
