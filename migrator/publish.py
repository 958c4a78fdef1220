"""Answer one question: what is done on the forge for a change that is prepared?

Humans come first: a branch with a commit of somebody else stays as it is, and a change that a person has closed is not
asked again. All is looked up before it is made, so that doing it twice does it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import new as digest
from typing import TYPE_CHECKING, Literal, Protocol

from migrator.deliver.forge import Pull, Wanted
from migrator.deliver.pull_request import closed, data_of, says_the_same
from migrator.settings import CannotRun

if TYPE_CHECKING:
    from migrator.deliver.forge import Forge, Since, Tip
    from migrator.deliver.git import Repository
    from migrator.prepared import Prepared

Kind = Literal["opened", "renewed", "same", "refused", "foreign", "closed", "clean"]
SUPERSEDED = "Nothing is left to change on the base branch, so `migrator` closes this."
STOPPED = (
    "Somebody else has committed to this branch, so `migrator` leaves it alone from now on. Merge it as it is, or "
    "{anew}; those commits are lost then."
)
LEFT = "Nothing is left to change on the base branch, but this branch has commits of others, so it stays open."
ANEW = "delete the branch and run `migrator pr` again"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    ``opened``, ``renewed``, ``same`` (nothing had to be sent), ``refused`` (a person closed the same change),
    ``foreign`` (others have commits on the branch), ``closed`` (nothing is left to change), ``clean`` (nothing to
    change, and nothing there). ``number`` is 0 where there is no pull request. ``told`` are refusals that stop nothing,
    such as that of a label. ``strangers`` are the addresses of others.
    """

    kind: Kind
    number: int = 0
    url: str = ""
    told: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a pull request is made: what is added to a new one by its kind, and whether it is a draft in any case.

    ``recreate``: the branch is made anew even if others have commits on it, and a closed one is asked again. ``anew``
    says how a person has that done.
    """

    added: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_draft: bool = False
    recreate: bool = False
    anew: str = ANEW


class Way(Protocol):
    """How a commit gets to the forge."""

    def push(self, prepared: Prepared, tip: Tip | None, since: Since | None) -> bool:
        """Let the branch have the change as one commit on its base; False where it has the same one already."""
        ...

    def drop(self, branch: str, tip: Tip) -> None:
        """Delete a branch, if it still is where it was."""
        ...


@dataclass(frozen=True, slots=True)
class ByGit:
    """Pushed by git, from a repository here that has the base. ``say`` gets what a dry run does not push."""

    repository: Repository
    say: Callable[[str], None] | None = None

    def push(self, prepared: Prepared, tip: Tip | None, since: Since | None) -> bool:
        """Push it with a lease."""
        from migrator.deliver import git

        tree = git.write_tree(self.repository, prepared.commit, prepared.files)
        commit = git.write_commit(self.repository, tree, prepared.commit, prepared.message)
        is_ours = since is not None and not since.strangers
        if tip is not None and is_ours and len(tip.parents) == 1 and git.fetch(self.repository, prepared.branch):
            there = git.difference(self.repository, tip.parents[0], tip.commit)
            if there == git.difference(self.repository, prepared.commit, commit):
                return False
        before = tip.commit if tip is not None else None
        if self.say is not None:
            self.say(f"git push --force-with-lease={prepared.branch}:{before or ''} {commit}:{prepared.branch}")
        else:
            git.push(self.repository, prepared.branch, commit, before)
        return True

    def drop(self, branch: str, tip: Tip) -> None:
        """Delete it with a lease."""
        from migrator.deliver import git

        if self.say is None:
            git.push(self.repository, branch, "", tip.commit)


@dataclass(frozen=True, slots=True)
class ByApi:
    """Made by the forge itself, which signs it for an app. ``is_dry``: its requests are only printed."""

    forge: Forge
    is_dry: bool = False

    def push(self, prepared: Prepared, tip: Tip | None, since: Since | None) -> bool:
        """Make the commit, see that it has the planned tree, and let the branch name it."""
        if tip is not None and since is not None and _is_same(prepared, tip, since):
            return False
        if self.forge.tree_on(prepared.base, prepared.commit) != prepared.base_tree:
            raise CannotRun(f"what was planned does not start from {prepared.base} as it is: run it again")
        made = self.forge.commit(prepared.base_tree, prepared.commit, prepared.message, prepared.files)
        if made[1] != prepared.tree and not self.is_dry:
            raise CannotRun(f"the forge made the tree {made[1]}, not {prepared.tree} as planned: the branch stays")
        self.forge.point(prepared.branch, made[0], tip)
        return True

    def drop(self, branch: str, tip: Tip) -> None:
        """Delete it, if it still is where it was."""
        self.forge.point(branch, "", tip)


def _is_same(prepared: Prepared, tip: Tip, since: Since) -> bool:
    """Say whether a branch has the same change of the same files, on this base or on an older one."""
    if since.strangers:
        return False
    if tip.parents == (prepared.commit,):
        return tip.tree == prepared.tree
    kind = "sha256" if len(prepared.commit) == 64 else "sha1"
    planned = {
        path.decode("utf-8", "replace"): digest(kind, b"blob %d\0%s" % (len(data), data)).hexdigest()
        for path, (_, data) in prepared.files.items()
    }
    return len(tip.parents) == 1 and since.files == planned


def publish(prepared: Prepared, forge: Forge, way: Way, manner: Manner = Manner()) -> Outcome:
    """Open, renew or close the pull request of a change. Raises CannotRun where the forge stands against it."""
    name = prepared.branch
    if name == prepared.base:
        raise CannotRun(f"{name} is the branch of the pull request itself: name the one that it goes to with --base")
    tip = forge.tip(name)
    since = forge.since(prepared.base, name) if tip is not None else None
    pulls = forge.pulls(name)
    there = next((one for one in pulls if one.is_open), None)
    if there is not None and there.base != prepared.base:
        raise CannotRun(f"{there.url} goes to {there.base}, not to {prepared.base}: close it, or pass --base")
    strangers = since.strangers if since is not None else ()
    if there is not None and not data_of(there.body) and not manner.recreate:
        told = (f"{there.url} has no data of migrator in its text: a person wrote that, so it stays as it is",)
        return Outcome("foreign", there.number, there.url, told, strangers)
    if not prepared.files:
        return _superseded(forge, way, name, tip, strangers, there)
    if strangers and not manner.recreate:
        return _foreign(forge, there, strangers, manner)
    refused = None if there is not None or manner.recreate else _refused(prepared, pulls)
    if refused is not None:
        return Outcome("refused", refused.number, refused.url)
    is_pushed = way.push(prepared, tip, since)
    return _put(prepared, forge, manner, there, is_pushed)


def _refused(prepared: Prepared, pulls: Sequence[Pull]) -> Pull | None:
    """Find a pull request with the same change that a person closed; without its hash, it may have been the same."""
    shut = (one for one in pulls if not one.is_open and not one.is_merged)
    said = ((one, data_of(one.body)) for one in shut)
    return next(
        (one for one, data in said if data.get("hash", prepared.hash) == prepared.hash and "closed" not in data), None
    )


def _foreign(forge: Forge, there: Pull | None, strangers: tuple[str, ...], manner: Manner) -> Outcome:
    """Leave the branch alone, and say so once where people look."""
    told = _tell(forge, there, "stopped", STOPPED.format(anew=manner.anew))
    number, url = (there.number, there.url) if there is not None else (0, "")
    return Outcome("foreign", number, url, told, strangers)


def _tell(forge: Forge, there: Pull | None, mark: str, words: str) -> tuple[str, ...]:
    try:
        if there is not None:
            forge.tell(there, mark, words)
    except CannotRun as error:
        return (f"no comment was written: {error}",)
    return ()


def _put(prepared: Prepared, forge: Forge, manner: Manner, there: Pull | None, is_pushed: bool) -> Outcome:
    is_draft = manner.is_draft or bool(prepared.drafts)
    body = prepared.body
    was = data_of(there.body) if there is not None else {}
    if there is not None and not is_pushed and says_the_same(there.body, body):
        body = there.body
    # A person who made it ready, or a draft, has the last word until the evidence is another.
    turns = there is not None and was.get("draft") is not data_of(prepared.body).get("draft")
    wanted = Wanted(prepared.branch, prepared.base, prepared.title, body, is_draft, turns)
    pull = forge.put(wanted, there)
    if pull is None:
        pull = Pull(0, "", True, False, prepared.title, body, prepared.base)
    told = _dress(forge, pull, manner) if there is None else ()
    is_same = there is not None and not is_pushed and not turns and there == pull
    return Outcome("opened" if there is None else "same" if is_same else "renewed", pull.number, pull.url, told)


def _dress(forge: Forge, pull: Pull, manner: Manner) -> tuple[str, ...]:
    """Add labels, reviewers and assignees; one that does not exist is told, and changes nothing else."""
    said = ((kind, forge.dress(pull, kind, names)) for kind, names in manner.added.items() if names)
    return tuple(f"{kind} were not added: {words}" for kind, words in said if words)


def _superseded(
    forge: Forge, way: Way, name: str, tip: Tip | None, strangers: tuple[str, ...], there: Pull | None
) -> Outcome:
    """Close what has nothing left to change; the branch goes too, unless somebody else works on it.

    GitHub closes the pull requests that go to a branch which is deleted, so one that has such stays.
    """
    if strangers:
        told = _tell(forge, there, "left", LEFT)
        number, url = (there.number, there.url) if there is not None else (0, "")
        return Outcome("foreign", number, url, told, strangers)
    if there is None:
        return Outcome("clean")
    forge.close(there, SUPERSEDED, closed(there.body, "superseded"))
    if tip is not None and not forge.is_base(name):
        way.drop(name, tip)
    return Outcome("closed", there.number, there.url)
