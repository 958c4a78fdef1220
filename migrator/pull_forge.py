"""Answer one question: how does a plan become a pull request on GitHub?

The base is fetched without a checkout and planned as ``pull_session`` does it. Reading goes on in a dry run; what would
change something there is printed instead.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.pull_session import Wish, fetched, planned, prepare, stop_at
from migrator.settings import CannotRun, SettingsError

if TYPE_CHECKING:
    from migrator.deliver.forge import GitHub
    from migrator.deliver.git import Repository
    from migrator.prepared import Prepared
    from migrator.publish import Outcome, Way

DONE = 0
# The beginning of a token of an app, also of the one that a workflow gets. Source: GitHub, "token formats".
OF_AN_APP = "ghs_"
# The topic by which a repository says that no pull request is wanted, for the bot and for campaigns.
OPT_OUT = "no-migrator"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
RIGHTS = "it needs the rights contents: write and pull-requests: write"


@dataclass(frozen=True, slots=True)
class There:
    """Where a pull request goes: ``owner/name``, the server's address, and what is added to a new one by its kind.

    ``recreate``: as ``publish.Manner`` has it. ``is_json``: what was done is said as JSON.
    """

    repository: str
    api: str
    added: Mapping[str, Sequence[str]]
    recreate: bool = False
    is_json: bool = False


def make(wish: Wish, there: There) -> int:
    """Open, renew or close the pull request, say what was done, and give the exit code."""
    from migrator.deliver import git
    from migrator.deliver.forge import GitHub
    from migrator.github_api import Client, git_url
    from migrator.publish import Manner, publish
    from migrator.shadow_session import read

    report = read(wish.report) if wish.report is not None else None
    name = checked(there.repository)
    api = there.api.rstrip("/")
    url = git_url(api, name)
    token = token_of(name, api)
    remote = git.Remote(url, token())
    say = (lambda request: print(request, end="\n\n")) if wish.is_dry else None
    forge = GitHub(name, Client(token, api, say), git.EMAIL)
    with ExitStack() as stack:
        base = wish.base or forge.default_branch()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-")))
        start = fetched(remote, base, folder)
        change, copy = planned(start, wish, report, stack)
        prepared = prepare(change, copy, start)
        if prepared.files:
            _keep(prepared.body, wish)
        outcome = publish(
            prepared,
            forge,
            way_of(remote.token, start.repository, forge, say),
            Manner(there.added, recreate=there.recreate),
        )
        lines = (_json(outcome, prepared),) if there.is_json else _lines(outcome, prepared, wish)
        return _said(outcome, prepared, lines)


def is_name(repository: str) -> bool:
    """Say whether it is ``owner/name``."""
    return _NAME.fullmatch(repository) is not None and not repository.endswith(("/.", "/.."))


def checked(repository: str) -> str:
    """Give ``owner/name`` as it is; raises SettingsError for anything else."""
    if not is_name(repository):
        raise SettingsError(f"--repo {repository!r}: write owner/name")
    return repository.removesuffix(".git")


def token_of(repository: str, api: str) -> Callable[[], str]:
    """Find who asks: the token of GITHUB_TOKEN, or the app of MIGRATOR_APP_ID and its private key."""
    token, app = os.environ.get("GITHUB_TOKEN", "").strip(), os.environ.get("MIGRATOR_APP_ID", "").strip()
    if token:
        if not token.isascii() or not token.isprintable():
            raise CannotRun("GITHUB_TOKEN holds a character that no token has")
        return lambda: token
    if not app:
        raise CannotRun(f"GITHUB_TOKEN is not set: {RIGHTS}")
    from migrator.deliver.app import App

    known = App(app, private_key(), api)
    return lambda: known.token(repository)


def private_key() -> str:
    """Read the private key of the app, from the environment or from the file that it names."""
    said, path = (os.environ.get(f"MIGRATOR_PRIVATE_KEY{end}", "").strip() for end in ("", "_FILE"))
    if said:
        # Many secret stores keep a text in one line.
        return said.replace("\\n", "\n")
    if not path:
        raise CannotRun("MIGRATOR_APP_ID is set; MIGRATOR_PRIVATE_KEY or MIGRATOR_PRIVATE_KEY_FILE is needed too")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"MIGRATOR_PRIVATE_KEY_FILE: {getattr(error, 'strerror', None) or error}") from None


def way_of(token: str, repository: Repository, forge: GitHub, say: Callable[[str], None] | None = None) -> Way:
    """Choose how a commit gets there: GitHub signs what an app has it make; what anybody else makes is pushed."""
    from migrator.publish import ByApi, ByGit

    return ByApi(forge, say is not None) if token.startswith(OF_AN_APP) else ByGit(repository, say)


def _json(outcome: Outcome, prepared: Prepared) -> str:
    """Write what was done as one table."""
    said = {
        "outcome": outcome.kind,
        "number": outcome.number or None,
        "url": outcome.url or None,
        "draft": bool(prepared.drafts),
        "branch": prepared.branch,
        "base": prepared.base,
        "commit": prepared.commit,
        "hash": prepared.hash,
        **asdict(prepared.numbers),
    }
    return json.dumps(said, indent=2)


def _said(outcome: Outcome, prepared: Prepared, lines: Iterable[str]) -> int:
    """Say what came of it, and give the exit code."""
    for line in outcome.told:
        print(f"migrator: {line}", file=sys.stderr)
    for line in lines:
        print(line)
    if outcome.kind == "foreign" and prepared.files:
        stop_at(prepared.branch, outcome.strangers)
    return DONE


def _lines(outcome: Outcome, prepared: Prepared, wish: Wish) -> Iterator[str]:
    """Write what was done as sentences; a dry run has printed its requests."""
    draft = ", a draft" if prepared.drafts else ""
    sentences = {
        "foreign": "" if prepared.files else f"{prepared.branch} has commits of others and stays.",
        "refused": f"Nothing was done: a person closed {outcome.url}, which was the same change.",
        "closed": "" if wish.is_dry else f"{outcome.url} is closed: superseded.",
        "opened": "" if wish.is_dry else f"{outcome.url} is opened: {prepared.said}{draft}.",
        "renewed": "" if wish.is_dry else f"{outcome.url} is up to date now: {prepared.said}{draft}.",
        "same": "" if wish.is_dry else f"{outcome.url} is as it should be: {prepared.said}{draft}.",
    }
    nothing = "" if prepared.files else f"Nothing to change on {prepared.base}."
    yield from filter(None, (nothing, sentences.get(outcome.kind, "")))


def _keep(body: str, wish: Wish) -> None:
    """Write the text where the user wants it too."""
    if wish.body is None or wish.is_dry:
        return
    try:
        wish.body.write_text(body, "utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(f"{wish.body}: {(error.strerror or str(error)).lower()}") from None
