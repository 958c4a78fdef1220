"""Answer one question: how does a plan become a pull request on GitHub?

The base is fetched without a checkout and planned as ``pull_session`` does it. Reading goes on in a dry run; what would
change something there is printed instead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.pull_session import MOST_FILE, Start, Wish, blobs, branch_of, counts, planned, stop_at, text
from migrator.settings import CannotRun, SettingsError

if TYPE_CHECKING:
    from migrator.deliver.forge import Forge, Pull
    from migrator.deliver.git import Branch
    from migrator.deliver.pull_request import Change
    from migrator.pull_session import Copy

DONE = 0
SUPERSEDED = "Nothing is left to change on the base branch, so `migrator` closes this."


@dataclass(frozen=True, slots=True)
class There:
    """Where a pull request goes: ``owner/name``, the server's address, and what is added to a new one by its kind."""

    repository: str
    api: str
    added: Mapping[str, Sequence[str]]


def make(wish: Wish, there: There) -> int:
    """Open, renew or close the pull request, say what was done, and give the exit code."""
    from migrator.deliver import git
    from migrator.deliver.forge import GitHub, git_url
    from migrator.shadow_session import read

    report = read(wish.report) if wish.report is not None else None
    remote = git.Remote(git_url(there.api, _checked(there.repository)), _token())
    say = (lambda request: print(request, end="\n\n")) if wish.is_dry else None
    forge = GitHub(there.repository, remote.token, there.api.rstrip("/"), say)
    with ExitStack() as stack:
        base = wish.base or forge.default_branch()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-")))
        repository = git.clone(remote, folder, base, MOST_FILE)
        commit = git.commit_of(repository, f"refs/heads/{base}")
        assert commit is not None
        start = Start(repository, base, commit)
        change, copy = planned(start, wish, report, stack)
        return Delivery(change, copy, start, forge, wish, there).run()


def _checked(repository: str) -> str:
    import re

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", repository) or repository.endswith(("/.", "/..")):
        raise SettingsError(f"--repo {repository!r}: write owner/name")
    return repository.removesuffix(".git")


def _token() -> str:
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise CannotRun("GITHUB_TOKEN is not set: it needs the rights contents: write and pull-requests: write")
    if not token.isascii() or not token.isprintable():
        raise CannotRun("GITHUB_TOKEN holds a character that no token has")
    return token


@dataclass(frozen=True, slots=True)
class Delivery:
    """One change on its way to one repository."""

    change: Change
    copy: Copy
    start: Start
    forge: Forge
    wish: Wish
    there: There

    def run(self) -> int:
        """Do what the state of the branch and of its pull requests asks for."""
        from migrator.deliver import git

        name = branch_of(self.change)
        self.start.must_not_be(name)
        repository = self.start.repository
        branch = git.branch(repository, name, self.start.commit) if git.fetch(repository, name) else None
        strangers = self._strangers(name) if branch is not None else ()
        pulls = self.forge.pulls(name)
        pull = next((one for one in pulls if one.is_open), None)
        if pull is not None and pull.base != self.start.name:
            raise CannotRun(f"{pull.url} goes to {pull.base}, not to {self.start.name}: close it, or pass --base")
        if not self.change.plan.patches:
            return self._superseded(name, branch, strangers, pull)
        stop_at(name, strangers)
        refused = None if pull is not None else self._refused(pulls)
        if refused is not None:
            print(f"Nothing was done: a person closed {refused.url}, which was the same change.")
            return DONE
        is_pushed = self._push(name, branch)
        return self._put(name, pull, is_pushed)

    def _strangers(self, name: str) -> Sequence[str]:
        from migrator.deliver.git import EMAIL

        return sorted(set(self.forge.mails(self.start.name, name)) - {EMAIL})

    def _refused(self, pulls: Sequence[Pull]) -> Pull | None:
        """Find a pull request with the same change that a person closed."""
        from migrator.deliver.pull_request import content, data_of

        wanted = content(self.change)
        shut = (one for one in pulls if not one.is_open and not one.is_merged)
        said = ((one, data_of(one.body)) for one in shut)
        return next((one for one, data in said if data.get("hash") == wanted and "closed" not in data), None)

    def _push(self, name: str, branch: Branch | None) -> bool:
        """Push the commit, unless the branch has the same change of the same files."""
        from migrator.deliver import git
        from migrator.deliver.pull_request import message

        repository, base = self.start.repository, self.start.commit
        tree = git.write_tree(repository, base, blobs(self.change.plan, self.copy))
        commit = git.write_commit(repository, tree, base, message(self.change))
        if branch is not None and len(branch.parents) == 1:
            there = git.difference(repository, branch.parents[0], branch.tip)
            if there == git.difference(repository, base, commit):
                return False
        before = branch.tip if branch is not None else None
        if self.wish.is_dry:
            print(f"git push --force-with-lease={name}:{before or ''} {self.there.repository} {commit}:{name}\n")
        else:
            git.push(repository, name, commit, before)
        return True

    def _put(self, name: str, there: Pull | None, is_pushed: bool) -> int:
        from migrator.deliver.forge import Pull, Wanted
        from migrator.deliver.pull_request import says_the_same, title

        heading = title(self.change.plan, self.change.book)
        body = text(self.change)
        self._keep(body)
        if there is not None and not is_pushed and says_the_same(there.body, body):
            body = there.body
        pull = self.forge.put(Wanted(name, self.start.name, heading, body, bool(self.change.drafts)), there)
        if there is None:
            self._dress(pull or Pull(0, "", True, False, heading, body, self.start.name))
        if pull is None or self.wish.is_dry:
            return DONE
        is_same = there is not None and not is_pushed and there == pull
        word = "is as it should be" if is_same else "is opened" if there is None else "is up to date now"
        draft = ", a draft" if self.change.drafts else ""
        print(f"{pull.url} {word}: {counts(self.change)}{draft}.")
        return DONE

    def _dress(self, pull: Pull) -> None:
        """Add labels, reviewers and assignees; one that does not exist is told, and changes nothing else."""
        import sys

        for kind, names in self.there.added.items():
            said = self.forge.dress(pull, kind, names) if names else ""
            if said:
                print(f"migrator: {kind} were not added: {said}", file=sys.stderr)

    def _keep(self, body: str) -> None:
        """Write the text where the user wants it too."""
        if self.wish.body is None or self.wish.is_dry:
            return
        try:
            self.wish.body.write_text(body, "utf-8", errors="replace")
        except OSError as error:
            raise SettingsError(f"{self.wish.body}: {(error.strerror or str(error)).lower()}") from None

    def _superseded(self, name: str, branch: Branch | None, strangers: Sequence[str], pull: Pull | None) -> int:
        """Close what has nothing left to change; the branch goes too, unless somebody else works on it."""
        from migrator.deliver import git
        from migrator.deliver.pull_request import closed

        print(f"Nothing to change on {self.start.name}.")
        if strangers:
            print(f"{name} has commits of others and stays.")
            return DONE
        if pull is not None:
            self.forge.close(pull, SUPERSEDED, closed(pull.body, "superseded"))
            if not self.wish.is_dry:
                print(f"{pull.url} is closed: superseded.")
        if branch is not None and pull is not None and not self.wish.is_dry:
            git.push(self.start.repository, name, "", branch.tip)
        return DONE
