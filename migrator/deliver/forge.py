"""Answer one question: how is a pull request found, opened, changed and closed on GitHub?

What was lost on the way is looked up before it is made again. A token goes to the one server that it is for: no
redirect is followed. Requests that change something are at least a second apart, as GitHub asks.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Protocol
from urllib.parse import quote, urlsplit

from migrator.evidence_words import visible
from migrator.settings import CannotRun

API = "https://api.github.com"
PATIENCE = 30
# The longest time that it waits for a limit, in seconds, and how often.
LONGEST, TRIES = 90, 3
PACE = 1.0
BROKEN = frozenset({500, 502, 503, 504})
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as the forge has it."""

    number: int
    url: str
    is_open: bool
    is_merged: bool
    title: str
    body: str
    base: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pull request as it should be."""

    branch: str
    base: str
    title: str
    body: str
    is_draft: bool


class Forge(Protocol):
    """What ``migrator pr`` asks of a forge. Each raises CannotRun, in one line, where the forge refuses."""

    def default_branch(self) -> str:
        """Name the branch that a pull request goes to."""
        ...

    def pulls(self, branch: str) -> Sequence[Pull]:
        """Give all pull requests of a branch of this repository, the open one first."""
        ...

    def mails(self, base: str, branch: str) -> Sequence[str]:
        """Give the addresses of all authors and committers since the base."""
        ...

    def put(self, wanted: Wanted, there: Pull | None) -> Pull | None:
        """Open a pull request, or change the one that is there; None where nothing was sent."""
        ...

    def close(self, pull: Pull, why: str, body: str) -> None:
        """Close a pull request with a comment and the body that says so."""
        ...

    def dress(self, pull: Pull, kind: str, names: Sequence[str]) -> str:
        """Add labels, reviewers or assignees; give what the forge says where it refuses, and raise nothing."""
        ...


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would take the token along."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the JSON (None where it is none)."""

    status: int
    headers: Mapping[str, str]
    said: object


@dataclass(eq=False)
class GitHub:
    """GitHub, or GitHub Enterprise, by its REST interface; ``say`` gets each request that a dry run does not send."""

    repository: str
    token: str = field(repr=False)
    api: str = API
    say: Callable[[str], None] | None = None
    sleep: Callable[[float], None] = time.sleep
    _last: float = 0.0

    def default_branch(self) -> str:
        """Name the branch that a pull request goes to."""
        return str(_table(self._ask("GET", "").said).get("default_branch", ""))

    def pulls(self, branch: str) -> Sequence[Pull]:
        """Give all pull requests of a branch of this repository, the open one first."""
        owner = self.repository.partition("/")[0]
        asked = f"/pulls?state=all&per_page=100&head={quote(f'{owner}:{branch}')}"
        found = [one for one in _tables(self._ask("GET", asked).said) if _table(one.get("head")).get("ref") == branch]
        return sorted(map(_pull, found), key=lambda one: (not one.is_open, -one.number))

    def mails(self, base: str, branch: str) -> Sequence[str]:
        """Give the addresses of all authors and committers since the base."""
        said = _table(self._ask("GET", f"/compare/{quote(base, safe='')}...{quote(branch, safe='')}").said)
        commits = _tables(said.get("commits"))
        if said.get("total_commits", len(commits)) != len(commits):
            raise CannotRun(f"{branch} has more commits than GitHub lists: look at it yourself")
        inner = [_table(one.get("commit")) for one in commits]
        return [str(_table(one.get(who)).get("email", "")) for one in inner for who in ("author", "committer")]

    def put(self, wanted: Wanted, there: Pull | None) -> Pull | None:
        """Open a pull request, or change the one that is there; None where nothing was sent."""
        if there is not None:
            if (there.title, there.body.rstrip()) == (wanted.title, wanted.body.rstrip()):
                return there
            said = self._change("PATCH", f"/pulls/{there.number}", {"title": wanted.title, "body": wanted.body})
            return there if said is None else _pull(_table(said.said))
        return self._open(wanted)

    def _open(self, wanted: Wanted) -> Pull | None:
        """Open it; where that fails it may be there all the same, so it is looked up before it is made again."""
        body = {"title": wanted.title, "head": wanted.branch, "base": wanted.base, "body": wanted.body}
        for number in range(TRIES):
            said = self._change("POST", "/pulls", {**body, "draft": wanted.is_draft}, fails=(422, *BROKEN))
            if said is None or said.status < 300:
                return None if said is None else _pull(_table(said.said))
            found = next((one for one in self.pulls(wanted.branch) if one.is_open), None)
            if found is not None:
                return self.put(wanted, found)
            if said.status == 422 or number == TRIES - 1:
                raise CannotRun(self._complaint("POST", "/pulls", said))
            self.sleep(2.0**number)
        raise AssertionError("the loop ends with a return")  # pragma: no cover - the last turn raises

    def close(self, pull: Pull, why: str, body: str) -> None:
        """Close a pull request with a comment and the body that says so."""
        self._change("PATCH", f"/pulls/{pull.number}", {"state": "closed", "body": body})
        self._change("POST", f"/issues/{pull.number}/comments", {"body": why})

    def dress(self, pull: Pull, kind: str, names: Sequence[str]) -> str:
        """Add labels, reviewers or assignees; give what the forge says where it refuses, and raise nothing.

        Only a dry run has a pull request of the number 0: one that is not there yet.
        """
        room, key = {"reviewers": ("pulls", "requested_reviewers")}.get(kind, ("issues", kind))
        try:
            self._change("POST", f"/{room}/{pull.number or 'NUMBER'}/{key}", {kind: list(names)})
        except CannotRun as error:
            return str(error)
        return ""

    def _change(self, method: str, path: str, body: Mapping[str, object], fails: Sequence[int] = ()) -> Answer | None:
        """Send what changes something; a dry run only says it."""
        if self.say is not None:
            self.say(f"{method} {self.api}/repos/{self.repository}{path}\n{json.dumps(body, indent=2)}")
            return None
        wait = self._last + PACE - time.monotonic()
        if wait > 0:
            self.sleep(wait)
        try:
            return self._ask(method, path, body, fails)
        finally:
            self._last = time.monotonic()

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, fails: Sequence[int] = ()
    ) -> Answer:
        """Send a request, and wait where the forge asks for it. ``fails`` are the statuses that the caller reads."""
        for number in range(TRIES):
            said = self._send(method, path, body)
            wait = _wait(said, number, is_reading=method == "GET")
            if wait is None or number == TRIES - 1:
                break
            if wait > LONGEST:
                raise CannotRun(f"{self._host()} asks to wait {wait:,.0f} seconds: run it again then")
            self.sleep(wait)
        if said.status >= 300 and said.status not in fails:
            raise CannotRun(self._complaint(method, path, said))
        return said

    def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/vnd.github+json",
            "User-Agent": "migrator",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        data = None if body is None else json.dumps(body).encode("ascii")
        url = f"{self.api}/repos/{self.repository}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=PATIENCE) as reply:
                return Answer(reply.status, _lower(reply.headers), _json(reply.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _lower(error.headers), _json(error.read()))
        except OSError as error:  # URLError and a time out are such
            reason = getattr(error, "reason", error)
            raise CannotRun(f"{self._host()}: {visible(str(reason)) or 'it does not answer'}") from None

    def _host(self) -> str:
        return urlsplit(self.api).netloc

    def _complaint(self, method: str, path: str, said: Answer) -> str:
        table = _table(said.said)
        told = [table.get("message"), *(one.get("message") for one in _tables(table.get("errors")))]
        words = ": ".join(str(one) for one in told if one).replace(self.token, "***")
        hint = "; it has moved or is called otherwise now" if 300 <= said.status < 400 else ""
        where = f"{method} {urlsplit(path).path or '/'}"
        return f"{self._host()} answers {said.status} to {where}: {visible(words)[:300] or 'no words'}{hint}"


def git_url(api: str, repository: str) -> str:
    """Give the URL that git takes for a repository. Raises CannotRun for one that would show the token on the way."""
    parts = urlsplit(api)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise CannotRun(f"--api-url {visible(api)}: only https, so that nobody on the way reads the token")
    if "@" in parts.netloc:
        raise CannotRun("--api-url: no name or password belongs there; the token is read from GITHUB_TOKEN")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}/{repository}.git"


def _wait(said: Answer, number: int, *, is_reading: bool) -> float | None:
    """Say how many seconds to wait before it is sent again; None where that would not help, or could do it twice."""
    if said.status in (403, 429):
        if said.headers.get("retry-after", "").isdigit():
            return float(said.headers["retry-after"])
        if said.headers.get("x-ratelimit-remaining") == "0" and said.headers.get("x-ratelimit-reset", "").isdigit():
            return max(1.0, float(said.headers["x-ratelimit-reset"]) - time.time())
        # GitHub's words where it gives no time; it asks for a minute then.
        return 60.0 if said.status == 429 or "secondary rate limit" in str(said.said) else None
    return 2.0**number if said.status in BROKEN and is_reading else None


def _lower(headers: Message) -> Mapping[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _table(said: object) -> Mapping[str, object]:
    return said if isinstance(said, dict) else {}


def _tables(said: object) -> Sequence[Mapping[str, object]]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def _pull(said: Mapping[str, object]) -> Pull:
    number, body = said.get("number"), said.get("body")
    if not isinstance(number, int):
        raise CannotRun("the forge answered without the number of the pull request: look for it there")
    return Pull(
        number,
        visible(str(said.get("html_url", ""))),
        said.get("state") == "open",
        bool(said.get("merged_at")),
        str(said.get("title", "")),
        body.replace("\r\n", "\n") if isinstance(body, str) else "",
        str(_table(said.get("base")).get("ref", "")),
    )
