"""Answer one question: do the project's files hold a library at a version too old for a new name?

Only what the files prove counts: an exact pin, a locked version, an upper bound. Nothing is
installed and nothing is asked of an index. What cannot be read declares nothing.
"""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.sources.metadata import normal
from migrator.sources.python import tree

if TYPE_CHECKING:
    from packaging.specifiers import Specifier
    from packaging.version import Version

# ``litellm[proxy]>=1.50,<1.60 ; python_version < "3.12"``: the name, extras, versions and marker.
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*\(?([^;@()#]*)\)?[^;]*(;.*)?", re.DOTALL)
_EXACT = re.compile(r"\s*===?[^*,]+")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_LOCKED = re.compile(r"(name|version) = [\"']([^\"']+)[\"']")
_POETRY = re.compile(r"(\^|~=|~|[<>=!]=?=?)?\s*(\d[\w.*+!-]*|\*)")
_CONDA = re.compile(r"\s*-\s+[\"']?(?:[\w./-]+::)?(-[rc]\s*\S+|[\w.-]+)([^\"'#]*)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A library that is held at a version without the new name, and the line that holds it."""

    detail: str
    shown: str
    line: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """One line that names a library: ``text`` as written, ``allowed`` as PEP 440 spells it.

    Of the alternatives in one file (markers, ``||``, entries of a lock file) one comes to be
    installed; what is no alternative always counts.
    """

    name: str
    text: str
    allowed: str
    path: Path
    line: int
    is_alternative: bool = False
    is_locked: bool = False

    @property
    def is_firm(self) -> bool:
        """Say whether one single version is named, as lock files do."""
        return self.is_locked or _EXACT.fullmatch(self.allowed) is not None


@dataclass(frozen=True, slots=True)
class Pins:
    """What the project files below ``root`` declare; a folder is read when a question first needs it."""

    root: Path
    folders: dict[Path, tuple[tuple[Declaration, ...], ...]] = field(default_factory=dict, repr=False)

    def refuses(self, requirement: str, path: Path) -> Refusal | None:
        """Say what keeps the code in ``path`` from ever running with ``requirement`` (``litellm>=1.66.1``).

        The nearest folder that declares the library decides. Without an upper bound the newest
        version would be installed, which is no refusal.
        """
        name, _, needed = _parts(requirement)
        folder = path.parent
        while folder == self.root or self.root in folder.parents:
            declared = self._of(name, folder)
            if declared:
                return self._judge(declared, needed)
            folder = folder.parent if folder != self.root else Path()
            if folder == Path():
                break
        return None

    def _of(self, name: str, folder: Path) -> tuple[tuple[Declaration, ...], ...]:
        if folder not in self.folders:
            self.folders[folder] = tuple(_read(folder))
        files = (tuple(d for d in file if d.name == name) for file in self.folders[folder])
        return tuple(file for file in files if file)

    def _judge(self, files: tuple[tuple[Declaration, ...], ...], needed: str) -> Refusal | None:
        """Ask the lock files and exact pins of a folder, else its ranges: one file that proves it is enough."""
        firm = tuple(file for file in files if any(d.is_firm for d in file))
        for file in firm or files:
            old = _too_old(file, needed)
            if old is not None:
                shown = Path(os.path.relpath(old.path, self.root)).as_posix()
                return Refusal(f"{old.text} in {shown}:{old.line}; needs {needed}", shown, old.line)
        return None


def read(root: Path) -> Pins:
    """Be ready to answer for the files below ``root``; nothing is read yet."""
    return Pins(root)
