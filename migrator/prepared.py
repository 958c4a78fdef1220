"""Answer one question: what is a pull request before it is sent anywhere?

It is data alone, so that one process can plan what a stranger's repository needs and another, which has the right to
write, can send it.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from migrator.settings import CannotRun


@dataclass(frozen=True, slots=True)
class Numbers:
    """How much is found, what changes, and what is held for a person: names, cache keys, prompts put in order."""

    found: int
    names: int
    keys: int
    orders: int
    held: int
    files: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change of one repository, and how its pull request reads.

    ``base`` is the branch that it goes to, ``commit`` and ``base_tree`` what stood there; ``tree`` is what it becomes.
    ``files`` are the new bytes of each file that changes, with its mode, by its path; there is none where nothing is to
    change. ``hash`` is that of the change, ``message`` that of the commit. ``drafts`` are the reasons why it is none
    that a person may trust as it is. ``said`` counts what changes, in words. ``models`` counts the names that change,
    as ``"gpt-4o": 2``: money is theirs to save.
    """

    migration: str
    branch: str
    base: str
    commit: str
    base_tree: str
    tree: str
    title: str
    message: str
    body: str
    hash: str
    drafts: tuple[str, ...]
    said: str
    numbers: Numbers
    models: Mapping[str, int]
    files: Mapping[bytes, tuple[str, bytes]]

    def to_json(self) -> str:
        """Write it as one line."""
        files = {
            os.fsdecode(path): [mode, b64encode(data).decode("ascii")] for path, (mode, data) in self.files.items()
        }
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("files", "numbers")}
        return json.dumps({**plain, "numbers": asdict(self.numbers), "files": files})


def from_json(text: str) -> Prepared:
    """Read it again. Raises CannotRun where it is another kind of text, since it comes from another process."""
    try:
        said = json.loads(text)
        files = {os.fsencode(path): (mode, b64decode(data)) for path, (mode, data) in said.pop("files").items()}
        numbers = Numbers(**{name: int(value) for name, value in said.pop("numbers").items()})
        return Prepared(**{**said, "drafts": tuple(said["drafts"])}, numbers=numbers, files=files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CannotRun("what was planned cannot be read: run it again") from None
