"""Answer one question: who asks the forge in a campaign, and with which right?

One token for all, or a GitHub App, which gets a token for each repository: one that only reads for the process that
plans it, one that writes for its pull request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from migrator.deliver.app import READS, WRITES
from migrator.github_api import Client, Pace, Steady, git_url
from migrator.settings import CannotRun, SettingsError

if TYPE_CHECKING:
    from migrator.deliver.app import App


@dataclass(frozen=True, slots=True)
class Access:
    """The forge's address, and either a token or an app."""

    api: str
    token: str = field(repr=False)
    app: App | None = None
    _owners: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Name the forge: ``github.com``."""
        return git_url(self.api, "").partition("://")[2].partition("/")[0]

    def url(self, name: str) -> str:
        """Give the URL that git takes."""
        return git_url(self.api, name)

    def lane(self, name: str) -> str:
        """Name whose requests are counted together: ``github.com#token``, or the installation's number."""
        return f"{self.host}#{'token' if self.app is None else self._installation(name)}"

    def _installation(self, name: str) -> int:
        # An app has one installation in each account.
        owner = name.partition("/")[0].lower()
        if owner not in self._owners:
            assert self.app is not None
            self._owners[owner] = self.app.installation(name)
        return self._owners[owner]

    def reading(self, name: str) -> str:
        """Give a token that reads a repository."""
        return self.token if self.app is None else self.app.token(name, READS)

    def writing(self, name: str) -> str:
        """Give a token that opens a pull request."""
        return self.token if self.app is None else self.app.token(name, WRITES)

    def reader(self, name: str) -> Client:
        """Give a client that only reads about a repository."""
        return Client(lambda: self.reading(name), self.api)

    def writer(self, name: str, pace: Pace, sleep: Callable[[float], None] = time.sleep) -> Client:
        """Give a client that opens a pull request, at a pace."""
        return Client(lambda: self.writing(name), self.api, None, sleep, pace)

    def looker(self, name: str) -> Client:
        """Give a client that looks at pull requests of all repositories on a repository's lane."""
        app = self.app
        if app is None:
            return Client(lambda: self.token, self.api)
        rights = {"metadata": "read", "pull_requests": "read"}
        return Client(lambda: app.of(self._installation(name), rights), self.api)

    def of_organisation(self, name: str) -> Iterator[Mapping[str, object]]:
        """List the repositories of an organisation, as the forge describes them."""
        if self.app is not None:
            raise SettingsError("--org is for a token; of an app's repositories take --installation")
        return Client(lambda: self.token, self.api, None, time.sleep, Steady()).pages(
            f"/orgs/{quote(name)}/repos?type=all"
        )

    def of_installation(self, number: str) -> Iterator[Mapping[str, object]]:
        """List the repositories of one installation, or of ``all``, as the forge describes them."""
        if self.app is None:
            raise SettingsError("--installation is for an app: set MIGRATOR_APP_ID and its private key")
        if number != "all" and not number.isdigit():
            raise SettingsError(f"--installation {number!r}: write its number, or all")
        for one in self.app.installations() if number == "all" else [int(number)]:
            for home in self.app.repositories(one):
                yield {
                    "full_name": home.name,
                    "archived": home.is_archived,
                    "fork": home.is_fork,
                    "topics": list(home.topics),
                    "language": home.language,
                    "default_branch": home.default_branch,
                }


def access(api: str) -> Access:
    """Find who asks, in the environment: GITHUB_TOKEN, or MIGRATOR_APP_ID with the app's private key."""
    import os

    from migrator.pull_forge import RIGHTS, private_key, token_of

    if os.environ.get("GITHUB_TOKEN", "").strip():
        return Access(api, token_of("", api)())
    app = os.environ.get("MIGRATOR_APP_ID", "").strip()
    if not app:
        raise CannotRun(f"neither GITHUB_TOKEN nor MIGRATOR_APP_ID is set: {RIGHTS}")
    from migrator.deliver.app import App

    return Access(api, "", App(app, private_key(), api))
