"""Answer one question: what is a pull request before it is sent anywhere?

It is data alone, so that one process can plan what a stranger's repository needs and another, which has the right to
write, can send it.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from migrator.settings import CannotRun

# A token needs a right of its own to change what runs with the repository's secrets.
WORKFLOWS = ".github/workflows/"
# The beginning of each branch that `migrator` makes.
OWN = "migrator/"
_BRANCH, _NAME = re.compile(OWN + r"[A-Za-z0-9_][A-Za-z0-9._-]*"), re.compile("[0-9a-f]{40}([0-9a-f]{24})?")
_MODES = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Numbers:
    """How much is found, what changes, and what is held for a person: names, cache keys, prompts put in order.

    ``unread`` counts the files that could not be read, so that nobody knows what they hold.
    """

    found: int
    names: int
    keys: int
    orders: int
    held: int
    files: int
    unread: int = 0


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
        made = Prepared(**{**said, "drafts": tuple(said["drafts"])}, numbers=numbers, files=files)
        if not _is_sound(made):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CannotRun("what was planned cannot be read: run it again") from None
    return made


def leads_out(path: bytes) -> bool:
    """Say whether a path of a commit leads out of the repository, or into what git keeps of it."""
    parts = path.split(b"/")
    return any(part in (b"", b".", b"..") or part.lower().rstrip(b". ") in (b".git", b"git~1") for part in parts)


def _is_sound(made: Prepared) -> bool:
    """Say whether this is what ``migrator`` plans: a branch of its own, and plain files that it may change."""
    texts = (made.migration, made.base, made.title, made.message, made.body, made.hash, made.said, *made.drafts)
    names = all(_NAME.fullmatch(one) for one in (made.commit, made.base_tree, made.tree))
    is_text = all(isinstance(one, str) for one in texts)
    return bool(_BRANCH.fullmatch(made.branch)) and names and is_text and all(map(_may_change, made.files.items()))


def _may_change(file: tuple[bytes, tuple[str, bytes]]) -> bool:
    path, (mode, _) = file
    return mode in _MODES and not leads_out(path) and not path.lower().startswith(WORKFLOWS.encode())
