"""Answer one question: what does the process do that reads a stranger's repository for the bot?

It is started by ``isolation``, with a token that reads and nothing else. The configuration that counts is that of the
default branch: what a pull request says of itself changes nothing in how it is looked at.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.isolated import begin
from migrator.pull_session import MOST_FILE, Copy, Start, change_of, fetched, lay_out, prepare, settled
from migrator.settings import CannotRun, SettingsError

if TYPE_CHECKING:
    from migrator.settings import Settings

# What the bot looks for in a pull request: names, and the parameters that belong to them.
LOOKED_FOR = ("model", "parameters")


def _work(asked: Mapping[str, Any]) -> str:
    """Plan the default branch, or look at what a pull request adds; or say why the repository is left alone."""
    from migrator.deliver import git

    start = fetched(git.Remote(asked["url"], asked["token"]), asked["base"], Path(asked["folder"]) / "git")
    with ExitStack() as stack:
        try:
            copy, settings = _configured(start, stack)
        except CannotRun:
            raise
        except SettingsError as error:
            # Nothing but a change of the repository mends that, so that another try is of no use.
            return json.dumps({"left": str(error)})
        if not settings.bot:
            return json.dumps({"left": "the repository wants no bot"})
        if not asked["number"]:
            change = replace(change_of(copy, start, settings, None), hears=True)
            return prepare(change, copy, start).to_json()
        return _added(start, settings, asked, stack)


def _configured(start: Start, stack: ExitStack) -> tuple[Copy, Settings]:
    copy = lay_out(start, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-"))))
    return copy, settled(copy, start, None, None)


def _added(start: Start, settings: Settings, asked: Mapping[str, Any], stack: ExitStack) -> str:
    """Say what the lines bring that a pull request adds."""
    from migrator.bot.added import found, to_json
    from migrator.deliver import git
    from migrator.plan import make as plan
    from migrator.regions import files
    from migrator.rulebook import load

    commit = git.fetch_pull(start.repository, asked["number"], MOST_FILE)
    if commit != asked["commit"]:
        raise CannotRun(f"pull request {asked['number']} has moved meanwhile")
    if git.addresses(start.repository, commit)[0].endswith(tuple(asked["own"])):
        return json.dumps({"found": [], "failed": 0})
    head = Start(start.repository, f"pull request {asked['number']}", commit)
    copy = lay_out(head, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-"))))
    wanted = tuple(name for name in settings.transforms if name in LOOKED_FOR)
    if "model" not in wanted:
        return json.dumps({"found": [], "failed": 0})
    chosen = replace(settings, transforms=wanted)
    made = plan([copy.root], chosen, cwd=copy.root, today=date.today())
    added = {path: frozenset(lines) for path, lines in asked["added"].items()}
    rows = found(made, load(chosen.migration, chosen.surfaces), files(made, copy.root), added)
    failed = len({skip.shown for skip in made.skips} & added.keys())
    return json.dumps({"found": to_json(rows), "failed": failed})


if __name__ == "__main__":
    begin(_work)
