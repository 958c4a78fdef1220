"""Answer one question: how is a pull request found, opened, changed and closed on GitHub?

What was lost on the way is looked up before it is made again. A commit goes there in two ways: pushed by git, or made
by the Git Data interface, which signs it for an app.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from migrator.evidence_words import visible
from migrator.github_api import BROKEN, TRIES, Answer, Client, table, tables
from migrator.settings import CannotRun

# Who makes a commit where GitHub itself does it, as for an app.
WEB_FLOW = "noreply@github.com"
BOTS = "[bot]@users.noreply.github.com"
# GitHub's words where a plan has no drafts.
NO_DRAFTS = "raft pull requests are not supported"
# The beginning of the last line of our own commits.
TRAILER = "\nMigrator-Change: "
# A comparison lists no more files than these.
MOST_FILES = 300
_TO_DRAFT = "mutation($id:ID!){convertPullRequestToDraft(input:{pullRequestId:$id}){clientMutationId}}"
_TO_READY = "mutation($id:ID!){markPullRequestReadyForReview(input:{pullRequestId:$id}){clientMutationId}}"


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as the forge has it. ``node`` is its name for GraphQL."""

    number: int
    url: str
    is_open: bool
    is_merged: bool
    title: str
    body: str
    base: str
    is_draft: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pull request as it should be; ``turns`` where one that is there is to become a draft, or ready."""

    branch: str
    base: str
    title: str
    body: str
    is_draft: bool
    turns: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its number, who wrote it, and its text."""

    number: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Tip:
    """The last commit of a branch, with its parents and its tree."""

    commit: str
    parents: tuple[str, ...]
    tree: str


@dataclass(frozen=True, slots=True)
class Since:
    """What a branch has that the base has not: who else wrote it, and the objects of its files by their paths.

    ``files`` is None where the forge does not list them all.
    """

    strangers: tuple[str, ...]
    files: Mapping[str, str] | None


class Forge(Protocol):
    """What a pull request asks of a forge. Each raises CannotRun, in one line, where the forge refuses."""

    def default_branch(self) -> str:
        """Name the branch that a pull request goes to."""
        ...

    def pulls(self, branch: str) -> Sequence[Pull]:
        """Give all pull requests of a branch of this repository, the open one first."""
        ...

    def tip(self, branch: str) -> Tip | None:
        """Look at the last commit of a branch; None where there is no such branch."""
        ...

    def since(self, base: str, branch: str) -> Since:
        """Say what a branch has that the base has not."""
        ...

    def commit(self, tree: str, parent: str, message: str, files: Mapping[bytes, tuple[str, bytes]]) -> tuple[str, str]:
        """Make a commit with other bytes in some files of a tree; give its name and its tree's."""
        ...

    def tree_on(self, base: str, commit: str) -> str:
        """Give the tree of a commit that a branch has; "" where the branch does not have it."""
        ...

    def is_base(self, branch: str) -> bool:
        """Say whether an open pull request goes to a branch."""
        ...

    def point(self, branch: str, commit: str, before: Tip | None) -> None:
        """Let a branch name a commit ("": delete it), if it still is where it was (None: nowhere)."""
        ...

    def put(self, wanted: Wanted, there: Pull | None) -> Pull | None:
        """Open a pull request, or change the one that is there; None where nothing was sent."""
        ...

    def close(self, pull: Pull, why: str, body: str) -> None:
        """Close a pull request with a comment and the body that says so."""
        ...

    def tell(self, pull: Pull, mark: str, words: str) -> None:
        """Say something once: the comment of ours with this mark is changed where it is there."""
        ...

    def dress(self, pull: Pull, kind: str, names: Sequence[str]) -> str:
        """Add labels, reviewers or assignees; give what the forge says where it refuses, and raise nothing."""
        ...


@dataclass(eq=False)
class GitHub:
    """One repository of GitHub, or of GitHub Enterprise, by its REST interface.

    ``mail`` is the address of the commits that are ours. ``login`` is who asks, where that is known: an app is
    ``name[bot]``.
    """

    repository: str
    client: Client
    mail: str
    login: str = ""

    def ask(self, method: str, path: str, body: object = None, fails: Sequence[int] = ()) -> Answer:
        """Send a request about this repository, as ``Client.ask`` does."""
        return self.client.ask(method, f"/repos/{self.repository}{path}", body, fails)

    def change(
        self,
        method: str,
        path: str,
        body: object,
        fails: Sequence[int] = (),
        still: Callable[[], None] | None = None,
    ) -> Answer | None:
        """Send what changes something in this repository, as ``Client.change`` does."""
        return self.client.change(method, f"/repos/{self.repository}{path}", body, fails, still)

    def pages(self, path: str, key: str = "") -> Iterator[Mapping[str, object]]:
        """Give the entries of a list of this repository, as ``Client.pages`` does."""
        return self.client.pages(f"/repos/{self.repository}{path}", key)

    def default_branch(self) -> str:
        """Name the branch that a pull request goes to."""
        return str(table(self.ask("GET", "").said).get("default_branch", ""))

    def pulls(self, branch: str) -> Sequence[Pull]:
        """Give all pull requests of a branch of this repository, the open one first."""
        owner = self.repository.partition("/")[0]
        asked = self.pages(f"/pulls?state=all&head={quote(f'{owner}:{branch}')}")
        # A fork that belongs to the same owner has the same name before the branch.
        found = [one for one in asked if table(one.get("head")).get("ref") == branch and not is_of_fork(one)]
        return sorted(map(pull_of, found), key=lambda one: (not one.is_open, -one.number))

    def tip(self, branch: str) -> Tip | None:
        """Look at the last commit of a branch; None where there is no such branch."""
        said = self.ask("GET", f"/git/ref/heads/{quote(branch)}", fails=(404, 409))
        if said.status >= 300:
            return None
        name = _sha(table(said.said).get("object"))
        inner = table(self.ask("GET", f"/git/commits/{name}").said)
        return Tip(name, tuple(map(_sha, tables(inner.get("parents")))), _sha(inner.get("tree")))

    def since(self, base: str, branch: str) -> Since:
        """Say what a branch has that the base has not."""
        between = f"{quote(base, safe='')}...{quote(branch, safe='')}"
        said = table(self.ask("GET", f"/compare/{between}").said)
        commits, files = tables(said.get("commits")), tables(said.get("files"))
        if said.get("total_commits", len(commits)) != len(commits):
            raise CannotRun(f"{branch} has more commits than GitHub lists: look at it yourself")
        strangers = {mail for one in commits for mail in self._strangers(one)}
        listed = {str(one.get("filename", "")): str(one.get("sha", "")) for one in files}
        is_whole = "files" in said and len(files) < MOST_FILES
        return Since(tuple(sorted(strangers)), listed if is_whole else None)

    def _strangers(self, said: Mapping[str, object]) -> Iterator[str]:
        """Give the addresses of a commit's author and committer that are not ours."""
        inner = table(said.get("commit"))
        author, committer = (str(table(inner.get(who)).get("email", "")) for who in ("author", "committer"))
        # What an app of ours makes by the interface has GitHub as its committer, and so has what a person does on
        # GitHub's pages: the author tells them apart, and our last line in the message one app from another.
        is_app = author.endswith(BOTS) and committer in (WEB_FLOW, author) and TRAILER in str(inner.get("message"))
        if not is_app:
            yield from {author, committer} - {self.mail}

    def commit(self, tree: str, parent: str, message: str, files: Mapping[bytes, tuple[str, bytes]]) -> tuple[str, str]:
        """Make a commit with other bytes in some files of a tree; give its name and its tree's.

        Neither author nor committer is sent: GitHub signs what an app makes only then. Source: DELIVERY 1.4, Renovate.
        """
        entries = [self._entry(path, *files[path]) for path in sorted(files)]
        made = self.change("POST", "/git/trees", {"base_tree": tree, "tree": entries})
        name = _sha(made.said) if made is not None else "TREE"
        done = self.change("POST", "/git/commits", {"message": message, "tree": name, "parents": [parent]})
        return (_sha(done.said) if done is not None else "COMMIT"), name

    def _entry(self, path: bytes, mode: str, data: bytes) -> Mapping[str, str]:
        """Write one file of a tree, with its text where it is text, which needs no request of its own."""
        try:
            entry = {"path": path.decode("utf-8"), "mode": mode, "type": "blob"}
        except UnicodeDecodeError:
            raise CannotRun(f"{visible(repr(path))}: GitHub takes no such path; exclude it") from None
        try:
            return {**entry, "content": data.decode("utf-8")}
        except UnicodeDecodeError:
            sent = {"content": b64encode(data).decode("ascii"), "encoding": "base64"}
            made = self.change("POST", "/git/blobs", sent)
            return {**entry, "sha": _sha(made.said) if made is not None else "BLOB"}

    def tree_on(self, base: str, commit: str) -> str:
        """Give the tree of a commit that a branch has; "" where the branch does not have it."""
        said = table(self.ask("GET", f"/compare/{quote(base, safe='')}...{commit}", fails=(404,)).said)
        if said.get("total_commits") != 0:
            return ""
        return _sha(table(self.ask("GET", f"/git/commits/{commit}").said).get("tree"))

    def is_base(self, branch: str) -> bool:
        """Say whether an open pull request goes to a branch."""
        return any(self.pages(f"/pulls?state=open&base={quote(branch, safe='')}"))

    def point(self, branch: str, commit: str, before: Tip | None) -> None:
        """Let a branch name a commit ("": delete it), if it still is where it was (None: nowhere).

        The interface takes no lease: it is looked at right before, behind any wait.
        """

        def still() -> None:
            if self.tip(branch) != before:
                raise CannotRun(f"{branch} has moved meanwhile: run it again")

        if not commit:
            self.change("DELETE", f"/git/refs/heads/{quote(branch)}", None, (422,), still)
        elif before is None:
            self.change("POST", "/git/refs", {"ref": f"refs/heads/{branch}", "sha": commit}, (), still)
        else:
            self.change("PATCH", f"/git/refs/heads/{quote(branch)}", {"sha": commit, "force": True}, (), still)

    def put(self, wanted: Wanted, there: Pull | None) -> Pull | None:
        """Open a pull request, or change the one that is there; None where nothing was sent."""
        if there is None:
            return self._open(wanted)
        if wanted.turns and there.is_draft != wanted.is_draft and there.node:
            self.client.graphql(_TO_DRAFT if wanted.is_draft else _TO_READY, {"id": there.node})
        if (there.title, there.body.rstrip()) == (wanted.title, wanted.body.rstrip()):
            return there
        said = self.change("PATCH", f"/pulls/{there.number}", {"title": wanted.title, "body": wanted.body})
        return there if said is None else pull_of(table(said.said))

    def _open(self, wanted: Wanted) -> Pull | None:
        """Open it; where that fails it may be there all the same, so it is looked up before it is made again."""
        body = {"title": wanted.title, "head": wanted.branch, "base": wanted.base, "body": wanted.body}
        is_draft = wanted.is_draft
        for number in range(TRIES):
            said = self.change("POST", "/pulls", {**body, "draft": is_draft}, fails=(422, *BROKEN))
            if said is None or said.status < 300:
                return None if said is None else pull_of(table(said.said))
            found = next((one for one in self.pulls(wanted.branch) if one.is_open), None)
            if found is not None:
                return self.put(wanted, found)
            if said.status == 422 and is_draft and NO_DRAFTS in str(said.said) and number < TRIES - 1:
                # Such as a private repository of a free plan; the text says all the same that it is one.
                is_draft = False
                continue
            if said.status == 422 or number == TRIES - 1:
                raise CannotRun(self.client.complaint("POST", "/pulls", said))
            self.client.sleep(2.0**number)
        raise AssertionError("the loop ends with a return")  # pragma: no cover - the last turn raises

    def close(self, pull: Pull, why: str, body: str) -> None:
        """Close a pull request with a comment and the body that says so."""
        self.change("PATCH", f"/pulls/{pull.number}", {"state": "closed", "body": body})
        self.change("POST", f"/issues/{pull.number}/comments", {"body": why})

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a pull request, the oldest first."""
        for one in self.pages(f"/issues/{number}/comments"):
            told = one.get("body")
            yield Comment(_number(one), str(table(one.get("user")).get("login", "")), str(told) if told else "")

    def tell(self, pull: Pull, mark: str, words: str) -> None:
        """Say something once: the comment of ours with this mark is changed where it is there.

        Where nobody knows who we are it may be somebody's who quotes us, so it stays as it is.
        """
        sign = f"<!-- migrator: {mark} -->"
        body = f"{words}\n\n{sign}\n"
        ours = (one for one in self.comments(pull.number) if not self.login or one.author == self.login)
        found = [one for one in ours if sign in one.body]
        if not found:
            self.change("POST", f"/issues/{pull.number}/comments", {"body": body})
        elif self.login and found[0].body.replace("\r\n", "\n").rstrip() != body.rstrip():
            self.change("PATCH", f"/issues/comments/{found[0].number}", {"body": body})

    def dress(self, pull: Pull, kind: str, names: Sequence[str]) -> str:
        """Add labels, reviewers or assignees; give what the forge says where it refuses, and raise nothing.

        Only a dry run has a pull request of the number 0: one that is not there yet.
        """
        room, key = {"reviewers": ("pulls", "requested_reviewers")}.get(kind, ("issues", kind))
        try:
            self.change("POST", f"/{room}/{pull.number or 'NUMBER'}/{key}", {kind: list(names)})
        except CannotRun as error:
            return str(error)
        return ""


def is_of_fork(said: Mapping[str, object]) -> bool:
    """Say whether the branch of a pull request, as GitHub writes it, is another repository's than where it goes."""
    head, base = (table(table(said.get(end)).get("repo")).get("full_name") for end in ("head", "base"))
    return head != base


def pull_of(said: Mapping[str, object]) -> Pull:
    """Read a pull request as GitHub writes it. Raises CannotRun where it has no number."""
    body = said.get("body")
    return Pull(
        _number(said),
        visible(str(said.get("html_url", ""))),
        said.get("state") == "open",
        bool(said.get("merged_at")),
        str(said.get("title", "")),
        body.replace("\r\n", "\n") if isinstance(body, str) else "",
        str(table(said.get("base")).get("ref", "")),
        said.get("draft") is True,
        str(said.get("node_id") or ""),
    )


def _number(said: Mapping[str, object]) -> int:
    number = said.get("number", said.get("id"))
    if not isinstance(number, int):
        raise CannotRun("the forge answered without the number of what it has: look for it there")
    return number


def _sha(said: object) -> str:
    """Read the name of an object. Raises CannotRun where there is none."""
    found = str(table(said).get("sha", ""))
    if not re.fullmatch("[0-9a-f]{40,64}", found):
        raise CannotRun("the forge answered without the name of an object: run it again")
    return found
