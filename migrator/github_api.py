"""Answer one question: how is one request sent to GitHub, and what is waited for?

A token goes to the one server that it is for: no redirect is followed, and no message holds it. Requests that change
something keep to a pace, as GitHub asks. Nothing that changes something is sent again unless the server said that it
did not do it.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Protocol
from urllib.parse import SplitResult, urlsplit

from migrator.evidence_words import visible
from migrator.settings import CannotRun

API = "https://api.github.com"
PATIENCE = 30
# The longest time that it waits for a limit, in seconds, and how often.
LONGEST, TRIES = 90, 3
PACE = 1.0
BROKEN = frozenset({500, 502, 503, 504})
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A page has at most so many entries, and no list of ours so many pages.
PAGE, PAGES = 100, 1000

# What a person can do about an answer that GitHub gives without saying so.
_HINTS = {401: "; the token is wrong or has expired, or the address is not that of the API"}


class Limited(CannotRun):
    """The forge asks to wait for ``seconds``, which is longer than one command waits."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"{host} asks to wait {seconds:,.0f} seconds: run it again then")
        self.seconds = seconds


class Pace(Protocol):
    """When the next request may be sent that changes something."""

    def wait(self) -> None:
        """Return when it may; it counts as sent then."""
        ...


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(eq=False)
class Steady:
    """Requests that change something at least ``seconds`` apart, whichever thread they come from.

    Source: GitHub's best practices for the REST API ask for at least one second between them.
    """

    seconds: float = PACE
    sleep: Callable[[float], None] = _sleep
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self) -> None:
        """Return when the next one may be sent."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self.seconds
        if at > now:
            self.sleep(at - now)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would take the token along."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers with small names, and the JSON (None where it is none)."""

    status: int
    headers: Mapping[str, str]
    said: object


@dataclass(eq=False)
class Client:
    """A server that speaks GitHub's interface, and who asks it.

    ``token`` is asked for before each request, since one of an app ends after an hour. ``say`` gets each request that
    a dry run does not send. Each method raises CannotRun, in one line, where the server refuses, and Limited where it
    asks to wait for long.
    """

    token: Callable[[], str] = field(repr=False)
    api: str = API
    say: Callable[[str], None] | None = None
    sleep: Callable[[float], None] = _sleep
    pace: Pace = field(default_factory=Steady)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        fails: Sequence[int] = (),
        still: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a request, and wait where the server asks for it. ``fails`` are the statuses that the caller reads.

        ``still`` is called right before each try; it raises where the request should not be sent any more.
        """
        for number in range(TRIES):
            if still is not None:
                still()
            said = self._send(method, path, body)
            wait = _wait(said, number, is_reading=method == "GET")
            if wait is None or number == TRIES - 1:
                break
            if wait > LONGEST:
                raise Limited(self.host, wait)
            self.sleep(wait)
        if said.status >= 300 and said.status not in fails:
            raise CannotRun(self.complaint(method, path, said))
        return said

    def change(
        self,
        method: str,
        path: str,
        body: object,
        fails: Sequence[int] = (),
        still: Callable[[], None] | None = None,
    ) -> Answer | None:
        """Send what changes something, when its turn comes; None where a dry run only says it.

        Its turn may be an hour away, so what must be so until then is looked at by ``still``, as ``ask`` has it.
        """
        if self.say is not None:
            self.say(f"{method} {self.api}{path}\n{json.dumps(body, indent=2)}")
            return None
        self.pace.wait()
        return self.ask(method, path, body, fails, still)

    def pages(self, path: str, key: str = "") -> Iterator[Mapping[str, object]]:
        """Give the entries of a list, page by page; ``key`` names the list where the answer is a table."""
        sign = "&" if "?" in path else "?"
        for number in range(1, PAGES + 1):
            said = self.ask("GET", f"{path}{sign}per_page={PAGE}&page={number}").said
            found = tables(table(said).get(key) if key else said)
            yield from found
            if len(found) < PAGE:
                return
        raise CannotRun(f"{self.host}: {urlsplit(path).path} has more than {PAGE * PAGES:,} entries")

    def graphql(self, query: str, variables: Mapping[str, object]) -> None:
        """Send one mutation of GraphQL, which is another door of the same server."""
        said = self.change("POST", _GRAPHQL, {"query": query, "variables": dict(variables)})
        errors = tables(table(said.said).get("errors")) if said is not None else ()
        if errors:
            words = visible(str(errors[0].get("message", "")))[:300]
            raise CannotRun(f"{self.host} refuses a mutation of GraphQL: {words or 'no words'}")

    @property
    def host(self) -> str:
        """Name the server."""
        return urlsplit(self.api).netloc

    def complaint(self, method: str, path: str, said: Answer) -> str:
        """Write what the server refuses as one line, without the token."""
        inner = table(said.said)
        told = [inner.get("message"), *(one.get("message") for one in tables(inner.get("errors")))]
        words = ": ".join(str(one) for one in told if one)
        hint = "; it has moved or is called otherwise now" if 300 <= said.status < 400 else _HINTS.get(said.status, "")
        where = f"{method} {urlsplit(path).path or '/'}"
        return f"{self.host} answers {said.status} to {where}: {visible(words)[:300] or 'no words'}{hint}"

    def _send(self, method: str, path: str, body: object) -> Answer:
        token = self.token()
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "User-Agent": "migrator",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        data = None if body is None else json.dumps(body).encode("ascii")
        try:
            request = urllib.request.Request(self._url(path), data, headers, method=method)
            with urllib.request.build_opener(_Stay).open(request, timeout=PATIENCE) as reply:
                return _answer(reply.status, reply.headers, reply.read(), token)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read(), token)
        except (OSError, http.client.HTTPException) as error:  # URLError and a time out are of the first kind
            reason = str(getattr(error, "reason", error)).replace(token, "***")
            raise CannotRun(f"{self.host}: {visible(reason) or 'it does not answer'}") from None

    def _url(self, path: str) -> str:
        return f"{self.api.removesuffix('/v3')}{path}" if path == _GRAPHQL else f"{self.api}{path}"


# https://api.github.com/graphql, and https://HOST/api/graphql beside https://HOST/api/v3.
_GRAPHQL = "/graphql"


def is_secret(parts: SplitResult) -> bool:
    """Say whether nobody on the way to an address reads a token: https, or a server of this machine."""
    return parts.scheme == "https" or (parts.scheme == "http" and (parts.hostname or "") in LOOPBACK)


def git_url(api: str, repository: str) -> str:
    """Give the URL that git takes for a repository. Raises CannotRun for one that would show the token on the way."""
    parts = urlsplit(api)
    if not is_secret(parts):
        raise CannotRun(f"--api-url {visible(api)}: only https, so that nobody on the way reads the token")
    if "@" in parts.netloc:
        raise CannotRun("--api-url: no name or password belongs there; the token is read from GITHUB_TOKEN")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}/{repository}.git"


def table(said: object) -> Mapping[str, object]:
    """Give a table of an answer; empty where it is something else."""
    return said if isinstance(said, dict) else {}


def tables(said: object) -> Sequence[Mapping[str, object]]:
    """Give a list of tables of an answer; empty where it is something else."""
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def _wait(said: Answer, number: int, *, is_reading: bool) -> float | None:
    """Say how many seconds to wait before it is sent again; None where that would not help, or could do it twice."""
    if said.status in (403, 429):
        after, reset = (_seconds(said.headers.get(name, "")) for name in ("retry-after", "x-ratelimit-reset"))
        if after is not None:
            return after
        if said.headers.get("x-ratelimit-remaining") == "0" and reset is not None:
            return max(1.0, reset - time.time())
        # GitHub's words where it gives no time; it asks for a minute then.
        return 60.0 if said.status == 429 or "secondary rate limit" in str(said.said) else None
    return 2.0**number if said.status in BROKEN and is_reading else None


def _seconds(text: str) -> float | None:
    """Read a header that counts seconds; None where it is no such number."""
    return float(text) if re.fullmatch("[0-9]{1,12}", text) else None


def _answer(status: int, headers: Message, data: bytes, token: str) -> Answer:
    """Read an answer; should it hold the token, that is gone before anybody sees it."""
    lower = {key.lower(): value for key, value in headers.items()}
    try:
        return Answer(status, lower, json.loads(data.replace(token.encode(), b"***") if token else data))
    except (ValueError, RecursionError):
        return Answer(status, lower, None)
