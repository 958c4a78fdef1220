"""Answer one question: how does a GitHub App get a token for one repository?

The app proves itself with a JSON Web Token that its private key signs, and gets a token of one installation for it.
Such a token ends after an hour; it is asked for with no more rights, and for no more repositories, than its use needs.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from migrator.github_api import API, PAGE, PAGES, Client, Pace, Steady, table, tables
from migrator.settings import CannotRun

# What `migrator` does with a repository: it reads, or it opens a pull request and answers there.
READS: Mapping[str, str] = {"contents": "read", "metadata": "read"}
WRITES: Mapping[str, str] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
# GitHub takes a token that says it was made a minute ago, for clocks that differ, and ends within ten minutes.
BEFORE, LIFETIME = 60, 540
# A token is not used in its last minutes, so that it does not end on the way.
MARGIN = 300
_EXTRA = "pip install 'migrator-llm[bot]'"


@dataclass(frozen=True, slots=True)
class Home:
    """A repository that the app is installed on, as GitHub lists it."""

    name: str
    installation: int
    is_archived: bool
    is_fork: bool
    topics: tuple[str, ...]
    language: str
    default_branch: str


@dataclass(eq=False)
class App:
    """A GitHub App: ``id`` is its App ID or Client ID, ``key`` its private key as PEM.

    Tokens are kept until shortly before they end; several threads may ask. ``now`` gives seconds since 1970.
    """

    id: str
    key: str = field(repr=False)
    api: str = API
    pace: Pace = field(default_factory=Steady)
    now: Callable[[], float] = time.time
    _tokens: dict[tuple[str, frozenset[tuple[str, str]]], tuple[str, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _slug: str = ""

    @property
    def client(self) -> Client:
        """Give the client that asks as the app itself, for what belongs to no installation."""
        return Client(self.proof, self.api, pace=self.pace)

    def proof(self) -> str:
        """Sign who the app is. Raises CannotRun where the key is none, or the library for it is not installed."""
        try:
            import jwt
        except ImportError:
            raise CannotRun(f"a GitHub App needs PyJWT: {_EXTRA}") from None
        now = int(self.now())
        said = {"iat": now - BEFORE, "exp": now + LIFETIME, "iss": self.id}
        try:
            return str(jwt.encode(said, self.key, algorithm="RS256"))
        except (ValueError, TypeError, jwt.PyJWTError):
            raise CannotRun("the private key of the app cannot be read: it must be the PEM file from GitHub") from None

    def slug(self) -> str:
        """Give the app's name as it stands in ``name[bot]``."""
        if not self._slug:
            self._slug = str(table(self.client.ask("GET", "/app").said).get("slug", ""))
        return self._slug

    def installation(self, repository: str) -> int:
        """Give the number of the installation on a repository. Raises CannotRun where there is none."""
        said = self.client.ask("GET", f"/repos/{repository}/installation", fails=(404,))
        number = table(said.said).get("id")
        if said.status == 404 or not isinstance(number, int):
            raise CannotRun(f"the app is not installed on {repository}")
        return number

    def token(self, repository: str, rights: Mapping[str, str] = WRITES) -> str:
        """Give a token for one repository with these rights, a kept one where it lasts."""
        return self._token(repository, rights, lambda: self.installation(repository), repository.partition("/")[2])

    def of(self, installation: int, rights: Mapping[str, str] = READS) -> str:
        """Give a token for all repositories of an installation."""
        return self._token(f"#{installation}", rights, lambda: installation, "")

    def _token(self, key: str, rights: Mapping[str, str], find: Callable[[], int], name: str) -> str:
        kept = (key, frozenset(rights.items()))
        with self._lock:
            token, ends = self._tokens.get(kept, ("", 0.0))
            if ends - MARGIN <= self.now():
                token, ends = self._new(find(), rights, name)
                self._tokens[kept] = token, ends
            return token

    def _new(self, installation: int, rights: Mapping[str, str], name: str) -> tuple[str, float]:
        body = {"permissions": dict(rights), **({"repositories": [name]} if name else {})}
        # It changes nothing that a person sees, so it keeps to no pace.
        said = table(self.client.ask("POST", f"/app/installations/{installation}/access_tokens", body).said)
        token, ends = said.get("token"), said.get("expires_at")
        if not isinstance(token, str) or not isinstance(ends, str):
            raise CannotRun(f"{self.client.host} gave no token for installation {installation}")
        return token, datetime.fromisoformat(ends).timestamp()

    def installations(self) -> Iterator[int]:
        """Give the numbers of all installations that nobody has suspended."""
        for one in self.client.pages("/app/installations"):
            number = one.get("id")
            if isinstance(number, int) and not one.get("suspended_at"):
                yield number

    def repositories(self, installation: int) -> Iterator[Home]:
        """Give the repositories of an installation."""
        client = Client(lambda: self.of(installation), self.api, pace=self.pace)
        for one in client.pages("/installation/repositories", "repositories"):
            topics = one.get("topics")
            yield Home(
                str(one.get("full_name", "")),
                installation,
                one.get("archived") is True,
                one.get("fork") is True,
                tuple(map(str, topics)) if isinstance(topics, list) else (),
                str(one.get("language") or ""),
                str(one.get("default_branch", "")),
            )

    def deliveries(self) -> Iterator[Mapping[str, object]]:
        """Give the deliveries of the app's webhook, the newest first, as GitHub lists them: no body is among it."""
        cursor = ""
        for _ in range(PAGES):
            said = self.client.ask("GET", f"/app/hook/deliveries?per_page={PAGE}{cursor}")
            yield from tables(said.said)
            found = re.search(r'[?&]cursor=([^&>]+)[^>]*>; rel="next"', said.headers.get("link", ""))
            if found is None:
                return
            cursor = f"&cursor={found[1]}"

    def redeliver(self, delivery: int) -> None:
        """Ask GitHub to send a delivery again."""
        self.client.change("POST", f"/app/hook/deliveries/{delivery}/attempts", None)

    def forget(self, repository: str) -> None:
        """Drop the kept tokens of a repository, as when the app was taken off it."""
        with self._lock:
            for kept in [one for one in self._tokens if one[0] == repository]:
                del self._tokens[kept]
