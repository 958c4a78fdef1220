"""Answer one question: what did the user type after ``campaign``?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migrator import cli_options
from migrator.cli_errors import one_line_errors

if TYPE_CHECKING:
    from migrator.campaign.commands import Where

DB = "PostgreSQL for many machines: postgresql://HOST/DATABASE; read from MIGRATOR_CAMPAIGN_DB too."


@click.group(short_help="Move many repositories: list, scan, pull requests, status.")
def campaign() -> None:
    """Move many repositories, each by one pull request, at the pace that the forge allows.

    \b
    migrator campaign plan models repositories.txt
    migrator campaign run models --max-open 50
    migrator campaign status models

    A campaign is kept in a file below ~/.local/state/migrator, or in a database with --db. Any of its
    processes may be killed at any moment: the next run goes on, nothing is done twice. The token is read
    from GITHUB_TOKEN, or an app from MIGRATOR_APP_ID and MIGRATOR_PRIVATE_KEY_FILE.
    """


@contextmanager
def _errors() -> Iterator[None]:
    """Say what is missing in one line, beside the errors that every command has."""
    with one_line_errors():
        try:
            yield
        except ModuleNotFoundError as error:
            if error.name not in ("dbos", "jwt", "psycopg", "sqlalchemy"):
                raise
            from migrator.campaign.engine import MISSING
            from migrator.settings import CannotRun

            raise CannotRun(MISSING) from None


def _command(name: str, short: str) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command of the group, which takes the campaign's name and its database."""

    def made(function: Callable[..., int]) -> click.Command:
        named = click.argument("name", metavar="NAME")(function)
        placed = click.option("--db", metavar="URL", envvar="MIGRATOR_CAMPAIGN_DB", default="", help=DB)(named)
        return campaign.command(name, short_help=short)(placed)

    return made


def _where(name: str, db: str) -> Where:
    from migrator.campaign.commands import Where

    return Where(name, db)


@_command("plan", "List the repositories and say what will be done.")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--org", metavar="NAME", default="", help="All repositories of this organisation.")
@click.option("--installation", metavar="NUMBER", default="", help="All repositories of an app's installation, or all.")
@click.option("--match", metavar="GLOB", multiple=True, help="Only names such as billing-*; may be repeated.")
@click.option("--topic", "topics", metavar="TOPIC", multiple=True, help="Only with this topic; may be repeated.")
@click.option("--language", "languages", metavar="NAME", multiple=True, help="Only in this language; may be repeated.")
@click.option("--forks", is_flag=True, help="Forks too.")
@cli_options.to("Where to go. A repository may be configured otherwise.")
@click.option("--api-url", "api", metavar="URL", help="GitHub Enterprise: https://HOST/api/v3.")
def plan(
    name: str,
    db: str,
    *,
    file: Path | None,
    org: str,
    installation: str,
    match: tuple[str, ...],
    topics: tuple[str, ...],
    languages: tuple[str, ...],
    forks: bool,
    to: str | None,
    api: str | None,
) -> int:
    """List the repositories of a new campaign, keep the list, and say what a run will do. Nothing is sent.

    FILE has a repository on each line, owner/name; what follows a # is a comment. Archived ones, forks
    and those with the topic no-migrator are left out.
    """
    with _errors():
        from migrator.campaign import commands
        from migrator.campaign.listing import Filters
        from migrator.github_api import API

        source = commands.Source(file, org, installation)
        filters = Filters(match, topics, languages, forks)
        return commands.plan(_where(name, db), source, filters, to, (api or API).rstrip("/"))


@_command("run", "Scan, and open pull requests.")
@click.option("--workers", metavar="N", type=click.IntRange(1, 64), help="Scan so many at a time. [default: 2]")
@click.option("--max-open", metavar="N", type=click.IntRange(0), help="At most so many open pull requests; 0: any.")
@click.option(
    "--window",
    "windows",
    metavar="TEXT",
    multiple=True,
    help="Send only then: 'mon-fri 08:00-18:00 Europe/Berlin'; may be repeated; 'always' takes them off.",
)
@click.option("--per-hour", metavar="N", type=click.IntRange(1), help="Requests that change something. [default: 500]")
@click.option("--pace", "apart", metavar="SECONDS", type=click.FloatRange(0), help="Between two of them. [default: 1]")
@click.option(
    "--seconds", metavar="N", type=click.FloatRange(1), help="One repository may take so long. [default: 600]"
)
@click.option("--memory", metavar="MB", type=click.IntRange(100), help="And so much memory. [default: 3000]")
@click.option("--label", "labels", metavar="NAME", multiple=True, help="Add this label; may be repeated.")
@click.option("--reviewer", "reviewers", metavar="USER", multiple=True, help="Ask this person; may be repeated.")
@click.option("--assignee", "assignees", metavar="USER", multiple=True, help="Assign this person; may be repeated.")
@click.option("--wait", "stays", is_flag=True, help="Stay until all is done: for windows, and for merges.")
@click.option("--executor", metavar="NAME", default="", help="This process among several. [default: the host's name]")
def run(name: str, db: str, *, memory: int | None, stays: bool, executor: str, **asked: Any) -> int:
    """Scan each repository in a process of its own, and open a pull request where something is to change.

    Requests that change something keep to a pace and to a number in an hour. A branch with commits of
    others is never touched, and a change that a person has closed is not asked again. What was asked for
    is kept, so that the next run does the same.

    It ends when all is done, or when what is left waits for a window, a merge or a person: the exit code
    is 3 then, and 1 where a repository failed. Ctrl-C stops it; the next run goes on.
    """
    with _errors():
        from migrator.campaign import commands

        chosen = {**asked, "memory": None if memory is None else memory * 1_000_000}
        return commands.run(_where(name, db), chosen, commands.How(executor, stays))


@_command("status", "Say how far it is.")
@click.option("--json", "is_json", is_flag=True, help="As JSON, with each repository.")
@click.option("--sync", "syncs", is_flag=True, help="Ask the forge first what became of the open ones.")
def status(name: str, db: str, *, is_json: bool, syncs: bool) -> int:
    """Count the repositories in each state, with reasons, the rate, and the time that is left."""
    with _errors():
        from migrator.campaign import commands

        return commands.tell(_where(name, db), is_json=is_json, syncs=syncs)


@_command("pause", "Let nothing more be begun.")
@click.option("--reason", metavar="TEXT", default="by a person", help="Shown in the status.")
def pause(name: str, db: str, *, reason: str) -> int:
    """Let nothing more be begun, in any run of this campaign; what is on its way arrives."""
    with _errors():
        from migrator.campaign import commands

        return commands.pause(_where(name, db), reason)


@_command("resume", "Let it go on.")
def resume(name: str, db: str) -> int:
    """Let a paused campaign go on."""
    with _errors():
        from migrator.campaign import commands

        return commands.resume(_where(name, db))


@_command("retry", "Do repositories again.")
@click.argument("repositories", metavar="[REPO]...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed.")
def retry(name: str, db: str, *, repositories: tuple[str, ...], failed: bool) -> int:
    """Scan repositories again in the next run, and renew or close their pull requests."""
    with _errors():
        from migrator.campaign import commands

        return commands.retry(_where(name, db), repositories, failed=failed)


@_command("close", "Close its open pull requests.")
@click.option("--reason", metavar="TEXT", required=True, help="Written below each of them.")
def close(name: str, db: str, *, reason: str) -> int:
    """Close the open pull requests of the campaign, with the reason, and pause it.

    Their branches are deleted. One with commits of others stays as it is.
    """
    with _errors():
        from migrator.campaign import commands

        return commands.close(_where(name, db), reason)


@_command("report", "Write a page about it.")
@click.option("--html", "file", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Write it there.")
def report(name: str, db: str, *, file: Path) -> int:
    """Write one page that needs no network: what is left over time, what changes, each repository."""
    with _errors():
        from migrator.campaign import commands

        return commands.report(_where(name, db), file)
