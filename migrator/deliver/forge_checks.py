"""Answer one question: how are check runs, review comments, reactions and rights read and written on GitHub?

What was lost on the way is looked up before it is made again: a check run by its external id, a comment by the data in
its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from migrator.github_api import Answer, table
from migrator.settings import CannotRun

# GitHub refuses more annotations in one request; the rest is added by others.
MOST_ANNOTATIONS = 50
NAME = "migrator"
WRITING = ("admin", "maintain", "write")
_MARK = re.compile(r"<!-- migrator-review: (\{[^\n]*\}) -->")

Table = Mapping[str, object]


class Requests(Protocol):
    """One repository of a forge, as requests below its address. Each raises CannotRun where the forge refuses."""

    def ask(self, method: str, path: str, body: object = None, fails: Sequence[int] = ()) -> Answer:
        """Send a request that changes nothing; ``fails`` are the statuses that the caller reads."""
        ...

    def change(self, method: str, path: str, body: object, fails: Sequence[int] = ()) -> Answer | None:
        """Send one that changes something; None where it was only said."""
        ...

    def pages(self, path: str, key: str = "") -> Iterator[Table]:
        """Give the entries of a list, page by page."""
        ...


@dataclass(frozen=True, slots=True)
class About:
    """A repository as the forge has it."""

    default: str
    is_archived: bool
    is_fork: bool
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A pull request and its last commit; ``author`` is the login of who opened it, ``base`` the branch it goes to."""

    number: int
    commit: str
    branch: str
    base: str
    is_open: bool
    is_fork: bool
    body: str
    author: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A file of a pull request; ``patch`` is None where GitHub does not show it: too large, or no text."""

    path: str
    patch: str | None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on lines of a file. ``level``: "notice", "warning" or "failure"."""

    path: str
    line: int
    end_line: int
    level: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check run as it should be: ``key`` tells it from another one at the same commit."""

    commit: str
    key: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on lines that a pull request adds, to be made; ``start`` is the first line, ``line`` the last."""

    path: str
    start: int
    line: int
    text: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Made:
    """A comment of ours that is there: outdated where its lines are gone, answered where somebody replied to it."""

    id: int
    fingerprint: str
    is_outdated: bool
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Checks:
    """What the bot asks of one repository. ``bot`` is its own login, such as ``migrator[bot]``."""

    requests: Requests
    bot: str

    def about(self) -> About:
        """Say what the repository is."""
        said = table(self.requests.ask("GET", "").said)
        topics = said.get("topics")
        return About(
            str(said.get("default_branch", "")),
            bool(said.get("archived")) or bool(said.get("disabled")),
            bool(said.get("fork")),
            tuple(str(one) for one in topics) if isinstance(topics, list) else (),
        )

    def head(self, number: int) -> Head:
        """Say what a pull request is, and which commit is its last."""
        said = table(self.requests.ask("GET", f"/pulls/{number}").said)
        head, base = table(said.get("head")), table(said.get("base"))
        commit = str(head.get("sha", ""))
        if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", commit):
            raise CannotRun(f"the forge names no commit of pull request {number}")
        places = [table(one.get("repo")).get("full_name") for one in (head, base)]
        return Head(
            number,
            commit,
            str(head.get("ref", "")),
            str(base.get("ref", "")),
            said.get("state") == "open",
            places[0] != places[1],
            str(said.get("body") or ""),
            str(table(said.get("user")).get("login", "")),
        )

    def files(self, number: int) -> Sequence[Changed]:
        """Give the files that a pull request changes, with what it does to each."""
        found = self.requests.pages(f"/pulls/{number}/files")
        return [Changed(str(one.get("filename", "")), _text(one.get("patch"))) for one in found]

    def put(self, run: CheckRun) -> None:
        """Make a check run, or go on with the one that is there: each annotation is sent once."""
        id, there = self._there(run)
        rest = run.annotations[there:]
        if id is None:
            first, rest = rest[:MOST_ANNOTATIONS], rest[MOST_ANNOTATIONS:]
            asked = {"name": NAME, "head_sha": run.commit, "external_id": run.key, "status": "completed"}
            sent = {**asked, "conclusion": run.conclusion, "output": _output(run, first)}
            said = self.requests.change("POST", "/check-runs", sent)
            id = _number(table(said.said if said else None).get("id"))
        while rest and id is not None:
            part, rest = rest[:MOST_ANNOTATIONS], rest[MOST_ANNOTATIONS:]
            self.requests.change("PATCH", f"/check-runs/{id}", {"output": _output(run, part)})

    def _there(self, run: CheckRun) -> tuple[int | None, int]:
        """Find a check run by its key; gives its number and how many annotations it has."""
        for one in self._runs(run.commit):
            if one.get("external_id") == run.key:
                return _number(one.get("id")), _number(table(one.get("output")).get("annotations_count")) or 0
        return None, 0

    def has_run(self, commit: str) -> bool:
        """Say whether a commit has a check run of ours."""
        return any(True for _ in self._runs(commit))

    def _runs(self, commit: str) -> Iterator[Table]:
        for one in self.requests.pages(f"/commits/{commit}/check-runs?check_name={NAME}&filter=all", "check_runs"):
            if f"{table(one.get('app')).get('slug')}[bot]" == self.bot:
                yield one

    def made(self, number: int) -> Sequence[Made]:
        """Give our comments on the lines of a pull request."""
        rows = list(self.requests.pages(f"/pulls/{number}/comments"))
        answered = {one.get("in_reply_to_id") for one in rows if not self._is_own(one)}
        return [
            Made(_number(one.get("id")) or 0, mark, _number(one.get("line")) is None, one.get("id") in answered)
            for one in rows
            if self._is_own(one) and (mark := fingerprint_of(str(one.get("body") or "")))
        ]

    def _is_own(self, row: Table) -> bool:
        return table(row.get("user")).get("login") == self.bot

    def review(self, head: Head, remarks: Sequence[Remark]) -> bool:
        """Make one review of several comments; False where GitHub does not take their places."""
        rows = [_comment(one) for one in remarks]
        sent = {"commit_id": head.commit, "event": "COMMENT", "body": "", "comments": rows}
        said = self.requests.change("POST", f"/pulls/{head.number}/reviews", sent, (422,))
        return said is None or said.status < 300

    def take_back(self, made: Made) -> None:
        """Delete a comment on a line; one that is gone already is none the less."""
        self.requests.change("DELETE", f"/pulls/comments/{made.id}", None, (404,))

    def forget(self, comment: int) -> None:
        """Delete a comment below a pull request."""
        self.requests.change("DELETE", f"/issues/comments/{comment}", None, (404,))

    def react(self, comment: int, content: str) -> None:
        """React to a comment: "eyes", "rocket" or "confused". The same reaction twice is one."""
        self.requests.change("POST", f"/issues/comments/{comment}/reactions", {"content": content}, (404,))

    def may_write(self, login: str) -> bool:
        """Say whether a person may push to the repository."""
        said = self.requests.ask("GET", f"/collaborators/{quote(login, safe='')}/permission", fails=(404,))
        return said.status == 200 and table(said.said).get("permission") in WRITING

    def close(self, number: int) -> None:
        """Close a pull request, and leave its text as it is."""
        self.requests.change("PATCH", f"/pulls/{number}", {"state": "closed"})


def mark(fingerprint: str) -> str:
    """Write the data by which a comment on a line is found again, unseen."""
    return f"<!-- migrator-review: {json.dumps({'fingerprint': fingerprint}, separators=(',', ':'))} -->"


def fingerprint_of(body: str) -> str:
    """Read the fingerprint in a comment; "" where there is none of ours."""
    found = _MARK.findall(body)
    try:
        said = json.loads(found[-1]) if found else {}
    except (ValueError, RecursionError):
        return ""
    return str(said.get("fingerprint", "")) if isinstance(said, dict) else ""


def _output(run: CheckRun, annotations: Sequence[Annotation]) -> Table:
    rows = [
        {
            "path": one.path,
            "start_line": one.line,
            "end_line": one.end_line,
            "annotation_level": one.level,
            "title": one.title,
            "message": one.message,
        }
        for one in annotations
    ]
    return {"title": run.title, "summary": run.summary, "annotations": rows}


def _comment(remark: Remark) -> Table:
    """Place a comment on exactly the lines that its suggestion replaces."""
    several = {"start_line": remark.start, "start_side": "RIGHT"} if remark.start != remark.line else {}
    body = f"{remark.text}\n\n{mark(remark.fingerprint)}"
    return {"path": remark.path, "line": remark.line, "side": "RIGHT", "body": body, **several}


def _number(said: object) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _text(said: object) -> str | None:
    return said if isinstance(said, str) else None
