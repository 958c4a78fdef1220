"""Answer one question: what does the bot do for one task?

A stranger's repository is read in a child process with a token that reads; this one has the right to write and reads no
file of it. Each task looks at how things are now, so that doing it twice does it once. No shadow comparison runs here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrator.bot import words
from migrator.bot.added import Found, from_json, lines
from migrator.bot.events import Task
from migrator.deliver.app import READS, WRITES, App
from migrator.deliver.forge import GitHub, Pull
from migrator.deliver.forge_checks import About, Changed, Checks, Head
from migrator.deliver.git import EMAIL
from migrator.deliver.pull_request import is_own
from migrator.github_api import Client, Limited, git_url, table
from migrator.isolation import Limits, run
from migrator.prepared import from_json as prepared_from
from migrator.publish import ByApi, Manner, Outcome, publish
from migrator.pull_forge import OPT_OUT
from migrator.settings import CannotRun

ANEW = "comment `/migrator recreate`"
# A pull request that touches none of these brings no call, and is not fetched.
CODE = (".py", ".pyi", ".pyw", ".ipynb", ".md", ".mdx", ".markdown", ".qmd", ".rst")
DATA = (".yaml", ".yml", ".toml", ".json", ".jsonc", ".json5", ".env", ".ini", ".cfg", ".conf", ".properties")
# The marks by which comments of ours are found again.
QUIET, ANSWER, HELP = "quiet", "answer", "help"


class LeftAlone(Exception):
    """Nothing is done in this repository, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """One repository: what it is, and how it is asked. ``login`` is the bot's own."""

    name: str
    login: str
    about: About
    forge: GitHub
    checks: Checks


@dataclass(frozen=True, slots=True)
class Work:
    """The bot at work as one app."""

    app: App
    limits: Limits = field(default_factory=Limits)

    def do(self, task: Task) -> str:
        """Do a task, and say in a few words what came of it. Raises CannotRun where another try may help."""
        login = f"{self.app.slug()}[bot]"
        if login in (task.sender, task.author) or task.author == EMAIL:
            return "nothing: the bot itself caused it"
        try:
            return self._do(self._place(task.repository, login), task)
        except LeftAlone as why:
            return f"nothing: {why}"

    def _do(self, place: Place, task: Task) -> str:
        match task.kind:
            case "publish":
                return said(self._publish(place))
            case "check":
                return self._check(place, task.number)
            case "command":
                return self._command(place, task)

    def _place(self, name: str, login: str) -> Place:
        forge = GitHub(name, self._client(name), EMAIL, login)
        checks = Checks(forge, login)
        about = checks.about()
        left = left_alone(about)
        if left:
            raise LeftAlone(left)
        return Place(name, login, about, forge, checks)

    def _client(self, name: str) -> Client:
        return Client(lambda: self.app.token(name, WRITES), self.app.api, pace=self.app.pace)

    def _read(self, place: Place, more: Mapping[str, object]) -> str:
        """Read the repository in a process of its own, with a token that reads."""
        asked = {
            "url": git_url(self.app.api, place.name),
            "token": self.app.token(place.name, READS),
            "base": place.about.default,
            "number": 0,
            **more,
        }
        with tempfile.TemporaryDirectory(prefix="migrator-") as folder:
            text = run("migrator.bot.child", asked, Path(folder), self.limits)
        left = table(_json(text)).get("left")
        if left is not None:
            raise LeftAlone(str(left))
        return text

    def _publish(self, place: Place, recreate: Head | None = None) -> Outcome:
        """Keep the pull request of the default branch, or make it anew."""
        prepared = prepared_from(self._read(place, {}))
        if prepared.base != place.about.default:
            raise CannotRun("what was planned goes to another branch than asked")
        if recreate is not None and (recreate.branch, recreate.base) != (prepared.branch, prepared.base):
            raise CannotRun(f"the change is now that of {prepared.branch} for {prepared.base}: close this one")
        return publish(prepared, place.forge, ByApi(place.forge), Manner(recreate=recreate is not None, anew=ANEW))

    def _check(self, place: Place, number: int) -> str:
        """Look at what a pull request adds, and say it beside its lines."""
        head = place.checks.head(number)
        if not head.is_open:
            return "nothing: it is closed"
        if is_own(head.branch, head.is_fork, head.body) or head.author == place.login:
            return "nothing: it is migrator's own"
        if _marked(place, number, QUIET):
            return "nothing: it was told to be quiet here"
        files = place.checks.files(number)
        added = added_lines(files)
        looked = self._found(place, head, added) if added else ((), 0)
        return _review(place.checks, head, *looked)

    def _found(self, place: Place, head: Head, added: Mapping[str, frozenset[int]]) -> tuple[Sequence[Found], int]:
        """Give what the added lines bring, and how many files could not be read."""
        own = (EMAIL, f"+{place.login}@users.noreply.github.com")
        rows = {path: sorted(numbers) for path, numbers in added.items()}
        text = self._read(place, {"number": head.number, "commit": head.commit, "added": rows, "own": own})
        told = table(_json(text))
        try:
            return from_json(told.get("found")), int(str(told.get("failed")))
        except ValueError:
            raise CannotRun("what was read of the pull request is no answer of ours") from None

    def _command(self, place: Place, task: Task) -> str:
        """Do what a person asks for, and answer: eyes, then a rocket, or a comment that says why not."""
        checks, answer = place.checks, _pull(task.number)
        if not checks.may_write(task.sender):
            return self._refuse(place, task, "only people who may push to this repository are heard")
        checks.react(task.comment, "eyes")
        act: Mapping[str, Callable[[Place, Task, Head], str]] = {
            "rerun": self._rerun,
            "recreate": self._recreate,
            "ignore": self._ignore,
        }
        try:
            if task.word == "help":
                place.forge.tell(answer, HELP, words.offered())
                done = "helped"
            else:
                done = act[task.word](place, task, checks.head(task.number))
        except Limited:
            raise
        except (CannotRun, LeftAlone) as error:
            return self._refuse(place, task, words.reason(error))
        checks.react(task.comment, "rocket")
        return done

    def _refuse(self, place: Place, task: Task, why: str) -> str:
        place.checks.react(task.comment, "confused")
        place.forge.tell(_pull(task.number), ANSWER, words.refused(why))
        return f"refused: {why}"

    def _rerun(self, place: Place, task: Task, head: Head) -> str:
        if is_own(head.branch, head.is_fork, head.body):
            return said(self._publish(place))
        for comment in _marked(place, head.number, QUIET):
            place.checks.forget(comment)
        return self._check(place, head.number)

    def _recreate(self, place: Place, task: Task, head: Head) -> str:
        if not is_own(head.branch, head.is_fork, head.body):
            raise CannotRun("only a pull request that migrator itself opened can be made anew")
        return said(self._publish(place, head))

    def _ignore(self, place: Place, task: Task, head: Head) -> str:
        """Close a pull request of ours, which keeps its hash and so does not come back; be quiet on another one."""
        if is_own(head.branch, head.is_fork, head.body):
            if head.is_open:
                place.checks.close(head.number)
            return "closed"
        place.forge.tell(_pull(head.number), QUIET, words.quiet())
        for one in place.checks.made(head.number):
            if not one.is_answered:
                place.checks.take_back(one)
        return "quiet from now on"


def left_alone(about: About) -> str:
    """Say why a repository is left alone; "" where it is not."""
    if about.is_archived:
        return "the repository is archived"
    if about.is_fork:
        return "the repository is a fork"
    return f"the repository has the topic {OPT_OUT}" if OPT_OUT in about.topics else ""


def added_lines(files: Sequence[Changed]) -> Mapping[str, frozenset[int]]:
    """Give the lines that are added to each file that may hold a call, or bring one its model."""
    found = {one.path: lines(one.patch) for one in files if one.patch is not None and one.path.endswith((*CODE, *DATA))}
    return {path: numbers for path, numbers in found.items() if numbers}


def said(outcome: Outcome) -> str:
    """Say what came of a pull request in a few words."""
    return " ".join(filter(None, (outcome.kind, outcome.url, *outcome.told)))


def _review(checks: Checks, head: Head, found: Sequence[Found], failed: int) -> str:
    """Let the check run and the comments be as what was found; where there was and is nothing, say nothing."""
    if found or checks.has_run(head.commit):
        checks.put(words.check(found, head, failed))
    wanted = {one.fingerprint: one for one in words.remarks(found)}
    for made in checks.made(head.number):
        if made.fingerprint in wanted and not made.is_outdated:
            del wanted[made.fingerprint]
        elif not made.is_answered:
            checks.take_back(made)
    taken = not wanted or checks.review(head, tuple(wanted.values()))
    more = "" if taken else "; GitHub did not take the comments"
    return f"{len(found)} found, {len(wanted) if taken else 0} new comments{more}"


def _marked(place: Place, number: int, mark: str) -> Sequence[int]:
    """Give the numbers of our comments with a mark."""
    sign = f"<!-- migrator: {mark} -->"
    return [one.number for one in place.forge.comments(number) if one.author == place.login and sign in one.body]


def _json(text: str) -> object:
    """Read what the child wrote; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _pull(number: int) -> Pull:
    return replace(Pull(0, "", True, False, "", "", ""), number=number)
