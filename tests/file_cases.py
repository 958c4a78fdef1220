"""Answer one question: which fixtures of single files are there, before and after?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture: the name that the file gets in the trial, and its bytes before and after."""

    name: str
    shown: str
    before: bytes
    after: bytes


def cases(folder: Path) -> Iterator[Case]:
    """Read all fixtures of a folder: ``name@path.before.suffix``; one that stays has no ``.after``."""
    for path in sorted(folder.iterdir()):
        if ".after" in path.name:
            continue
        name, _, shown = path.name.replace(".before", "").rpartition("@")
        after = path.with_name(path.name.replace(".before", ".after"))
        yield Case(name or shown.partition(".")[0], shown, path.read_bytes(), after.read_bytes())
