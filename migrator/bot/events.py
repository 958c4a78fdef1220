"""Answer one question: what does a delivery of GitHub ask the bot for?

The payload is reduced to what the work needs, and nothing else of it is kept. What is read may lack any member and may
have any other one: GitHub adds members, and an Enterprise server is older. The members that are read are those of
https://docs.github.com/en/webhooks/webhook-events-and-payloads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from migrator.deliver.pull_request import is_own

Kind = Literal["publish", "check", "command"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]{1,100}")
_WORD = re.compile(r"[a-z0-9_]{1,60}")
_AUTHOR = re.compile(r"[!-~]{1,100}")
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?")
_COMMAND = re.compile(r"/migrator (rerun|recreate|ignore|help)[ \t]*\r?")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_READ = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})
_INSTALLED = frozenset({"created", "unsuspend", "new_permissions_accepted"})


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    ``kind``: "publish" looks at the default branch of a repository and keeps its pull request, "check" looks at the
    lines that pull request ``number`` adds, "command" does what ``word`` says, which ``sender`` wrote in ``comment``.
    ``sender`` is the login of who caused it, ``author`` that of the last commit, "" where it is not said.
    """

    kind: Kind
    repository: str
    number: int = 0
    word: str = ""
    comment: int = 0
    sender: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in a delivery: what there is to do, or why there is nothing."""

    event: str
    action: str
    tasks: tuple[Task, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Payload:
    """A payload, with its members by their path; one that is not there, or is of another type, is empty."""

    said: object = field(repr=False)

    def at(self, *keys: str) -> object:
        here = self.said
        for key in keys:
            here = here.get(key) if isinstance(here, Mapping) else None
        return here

    def text(self, *keys: str) -> str:
        found = self.at(*keys)
        return found if isinstance(found, str) else ""

    def like(self, pattern: re.Pattern[str], *keys: str) -> str:
        """Give a text that has a form; "" for any other: it goes into a row, an address or a line of the log."""
        found = self.text(*keys)
        return found if pattern.fullmatch(found) else ""

    def number(self, *keys: str) -> int:
        found = self.at(*keys)
        # No row takes a larger one.
        return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**63 else 0

    def rows(self, *keys: str) -> Sequence[_Payload]:
        found = self.at(*keys)
        return [_Payload(one) for one in found] if isinstance(found, list) else []

    @property
    def repository(self) -> str:
        """The repository as ``owner/name``; "" for a name that no address may have."""
        return named(self.text("repository", "full_name"))

    @property
    def sender(self) -> str:
        return self.like(_LOGIN, "sender", "login")


def named(text: str) -> str:
    """Give a repository's name back if it is one, as ``owner/name``; "" if it could be read as another address."""
    return text if _NAME.fullmatch(text) and not text.endswith(("/.", "/..")) else ""


def read(event: str, payload: object) -> Reading:
    """Say what a delivery asks for. Never raises, whatever the payload is."""
    inner = _Payload(payload)
    reading = _READERS.get(event)
    action = inner.like(_WORD, "action")
    if reading is None:
        return Reading(event, action, why="no event that the bot acts on")
    found = reading(inner)
    if isinstance(found, str):
        return Reading(event, action, why=found)
    return Reading(event, action, found, "" if found else "no repository is named")


Answer = tuple[Task, ...] | str


def _push(said: _Payload) -> Answer:
    default = said.text("repository", "default_branch") or said.text("repository", "master_branch")
    if not said.repository or said.text("ref") != f"refs/heads/{default}":
        return "a push to another branch than the default one"
    if said.at("deleted") is True:
        return "the branch was deleted"
    who = ("head_commit", "author")
    author = said.like(_AUTHOR, *who, "username") or said.like(_AUTHOR, *who, "email")
    return (Task("publish", said.repository, sender=said.sender, author=author),)


def _pull(said: _Payload) -> Answer:
    action, number = said.text("action"), said.number("pull_request", "number")
    if not said.repository or not number:
        return "no pull request is named"
    if is_own(said.text("pull_request", "head", "ref"), _is_fork(said), said.text("pull_request", "body")):
        if action != "closed":
            return "a pull request of migrator's own"
        return (Task("publish", said.repository, sender=said.sender),)
    if action in _READ:
        return (Task("check", said.repository, number, sender=said.sender),)
    return "nothing that changes the code"


def _is_fork(said: _Payload) -> bool:
    return said.text("pull_request", "head", "repo", "full_name") != said.text(
        "pull_request", "base", "repo", "full_name"
    )


def _comment(said: _Payload) -> Answer:
    if said.text("action") != "created" or not isinstance(said.at("issue", "pull_request"), Mapping):
        return "no new comment of a pull request"
    word = command(said.text("comment", "body"))
    number, comment = said.number("issue", "number"), said.number("comment", "id")
    if not word or not said.repository or not number or not comment:
        return "no command"
    return (Task("command", said.repository, number, word, comment, said.sender),)


def command(text: str) -> str:
    """Give the word of the first command in a comment: a line of its own, in its exact form; "" where there is none.

    A line in a block of code shows a command to somebody, and asks for nothing.
    """
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) else fence
        elif found:
            fence = found[1]
        elif (said := _COMMAND.fullmatch(line)) is not None:
            return said[1]
    return ""


def _installation(said: _Payload) -> Answer:
    if said.text("action") not in _INSTALLED:
        return "the app has no right there any more, or nothing new"
    return tuple(_each(said, "repositories"))


def _repositories(said: _Payload) -> Answer:
    if said.text("action") != "added":
        return "repositories were taken away"
    return tuple(_each(said, "repositories_added"))


def _each(said: _Payload, key: str) -> Iterator[Task]:
    for one in said.rows(key):
        repository = named(one.text("full_name"))
        if repository:
            yield Task("publish", repository, sender=said.sender)


_READERS = {
    "push": _push,
    "pull_request": _pull,
    "issue_comment": _comment,
    "installation": _installation,
    "installation_repositories": _repositories,
}
EVENTS = tuple(_READERS)
