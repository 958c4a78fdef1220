"""Answer one question: what did the user type after ``shadow`` and ``apply --shadow``?

Exit codes: 0 all let through, 1 a regression, 2 a usage or file error, 3 inconclusive, 4 could not run, 130
interrupted with everything kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

import click

from migrator import cli_options
from migrator.cli_errors import one_line_errors

if TYPE_CHECKING:
    from migrator.shadow_session import Spending

FORMS = ("text", "json", "junit", "markdown", "html")
Command = TypeVar("Command", bound=Callable[..., object])


class _Dollars(click.FloatRange):
    """An amount of money; neither ``nan`` nor ``inf`` is one."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the amount."""
        amount: float = super().convert(value, param, ctx)
        return amount if isfinite(amount) else self.fail(f"{value!r} is no amount of money.", param, ctx)


def spending(command: Command) -> Command:
    """Add the options that are about sending requests."""
    added = (
        click.option("--yes", "-y", is_flag=True, help="Send without asking."),
        click.option("--max-usd", metavar="USD", type=_Dollars(0), help="Never spend more than this."),
        click.option("--base-url", metavar="URL", help="Ask this server. [default: OPENAI_BASE_URL, or OpenAI's]"),
        click.option("--batch", is_flag=True, help="Use the Batch API: half the price, up to a day."),
        click.option("--site", metavar="ID", multiple=True, help="Only this call (or app.py:12); may be repeated."),
        click.option(
            "--cases", metavar="N", type=click.IntRange(1), default=400, help="Ask at most N of a call. [default: 400]"
        ),
        click.option("--stored", is_flag=True, help="Send nothing: use the answers of earlier runs."),
    )
    for add in reversed(added):
        command = add(command)
    return command


class DefaultGroup(click.Group):
    """A group that takes what is no command of its own as the arguments of ``run``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` before arguments that name no command."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=DefaultGroup,
    short_help="Compare the old model with the new one on recorded requests.",
    subcommand_metavar="[PATHS]... [OPTIONS] | COMMAND [ARGS]...",
)
def shadow() -> None:
    """Compare the old model with the new one on recorded requests, call by call.

    \b
    migrator shadow --dry-run          what would be sent, and what that can show
    migrator shadow --max-usd 2        compare, and spend no more than this
    migrator apply --shadow            change only what holds up

    Without a command it runs; `migrator shadow run --help` lists the options.
    """


@shadow.command(short_help="Compare; also without the word run.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be sent and what it may cost; send nothing.")
@spending
@cli_options.to()
@click.option("--review", is_flag=True, default=None, help="Compare what is held for review as well.")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Leave out; as in .gitignore.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Read this file.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", help="How to print. [default: text]")
@click.option("--output", "-o", metavar="FILE", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters.")
def run(
    paths: tuple[Path, ...],
    *,
    dry_run: bool,
    to: str | None,
    review: bool | None,
    exclude: tuple[str, ...],
    config: Path | None,
    form: str,
    output: Path | None,
    quiet: bool,
    **chosen: Unpack[Spending],
) -> int:
    """Send the recorded requests of each call to the old and to the new model, and compare.

    PATHS are files or folders, by default the current one. Before anything is sent it says how many
    requests that takes and what they may cost, and asks. Answers are kept in .migrator/shadow, so that
    nothing is paid for twice.

    Exit codes: 0 all hold up, 1 one does not, 3 one is open, 4 could not run.
    """
    from migrator import shadow_session

    said = {"to": to, "review": review, "exclude": exclude}
    with one_line_errors():
        return shadow_session.compare(paths, said, config, chosen, shadow_session.Out(form, output, quiet, dry_run))


@shadow.command(short_help="Print the report of the last comparison, or of FILE.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMS), default="text", help="How to print. [default: text]")
@click.option("--output", "-o", metavar="FILE", type=click.Path(path_type=Path), help="Write the report there.")
def report(file: Path | None, *, form: str, output: Path | None) -> int:
    """Print the report of the last comparison, or the one that FILE holds as JSON. Nothing is sent."""
    from migrator import shadow_session

    with one_line_errors():
        return shadow_session.reprint(file, shadow_session.Out(form, output))


@shadow.command(short_help="Accept the differences of one call.")
@click.argument("site", metavar="SITE")
@click.option("--reason", required=True, metavar="TEXT", help="Why the difference is wanted.")
@click.option("--until", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="[default: 90 days from now]")
def accept(site: str, *, reason: str, until: datetime | None) -> int:
    """Accept the differences of one call, so that `apply --shadow` changes it.

    SITE is the beginning of the call's id, or its place as the report prints it (app.py:12). It is written
    into migrator-accepted.toml, which belongs into the repository, and ends on a day.
    """
    from migrator import shadow_session

    with one_line_errors():
        return shadow_session.accept(site, reason, until.date() if until else None)
