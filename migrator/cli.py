"""Answer one question: what did the user type, and what does the exit code say?

Exit codes: 0 nothing to do or done, 1 something would change, 2 a usage or file error. What a
command needs is imported inside it, so that ``migrator --version`` starts in a blink.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

import click

from migrator import __version__, cli_options
from migrator.cli_bot import bot
from migrator.cli_campaign import campaign
from migrator.cli_compare import shadow, spending
from migrator.cli_errors import Unable, one_line_errors
from migrator.cli_pull import pr
from migrator.cli_shadow import cases, record

if TYPE_CHECKING:
    from migrator.rulebook import Rulebook
    from migrator.session import Looks, Options
    from migrator.shadow_session import Applied

DONE, CHANGES, WRONG, INTERRUPTED, CLOSED = 0, 1, 2, 130, 141
Command = TypeVar("Command", bound=Callable[..., object])


def run(arguments: Sequence[str]) -> int:
    """Run one command and give the exit code; what goes wrong is one line for a person, never a traceback."""
    try:
        code = app.main(list(arguments), prog_name="migrator", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG
    except click.ClickException as error:
        click.echo(f"migrator: {' '.join(error.format_message().split())}", err=True)
        return error.exit_code if isinstance(error, Unable) else WRONG
    except (click.Abort, KeyboardInterrupt):
        click.echo("migrator: interrupted; every file is either as it was or written whole", err=True)
        return INTERRUPTED
    except SystemExit:
        # The only exit that click makes here is its own answer to a reader that went away.
        return CLOSED
    except BrokenPipeError:
        # The reader went away, as `head` does; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    return code if isinstance(code, int) else DONE


@click.group(cls=cli_options.App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="migrator", message="%(prog)s %(version)s")
def app() -> None:
    """Move Python code from {old} to {new}.

    Only the names that decide which model a request runs on are changed, each with a proof.
    """


AZURE_KEYS = "Calls that run on Azure get a cache key too."


def options(command: Command) -> Command:
    """Add what ``scan`` and ``apply`` both take."""
    added = (
        click.argument("paths", nargs=-1, type=click.Path(path_type=Path)),
        click.option("--only", metavar="NAME,...", help="Run only these transforms."),
        click.option("--skip", metavar="NAME,...", help="Run all transforms but these."),
        _flag("--review", "Change what is held for review as well."),
        cli_options.to(),
        _flag("--pin", "Aliases become the dated snapshot too."),
        _flag("--gateways", "Change names at gateways such as OpenRouter too."),
        _flag("--docs", "Change Python code in Markdown and reStructuredText too."),
        _flag("--azure-cache-keys", AZURE_KEYS),
        click.option("--cache-key-buckets", metavar="N", type=int, help="Spread a call's requests over N cache keys."),
        click.option("--exclude", metavar="PATTERN", multiple=True, help="Leave out; as in .gitignore."),
        _flag("--force-exclude", "Apply --exclude to files named on the command line too."),
        click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Read this file."),
        click.option(
            "--format",
            "form",
            type=click.Choice(["text", "json", "github", "sarif", "markdown"]),
            default="text",
            help="How to print. [default: text]",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Print only what matters."),
    )
    for add in reversed(added):
        command = add(command)
    return command


def _flag(name: str, text: str) -> Callable[[Command], Command]:
    # None means that nothing was said, so that the configuration file counts.
    return click.option(name, is_flag=True, default=None, help=text)


@app.command(short_help="Show every name of an old model and what would happen to it.")
@click.option("--explain", is_flag=True, help="Show the way of each name to its calls.")
@click.option("--deprecated", is_flag=True, help="List every literal that names a model with a shutdown date.")
@click.option("--no-cache", is_flag=True, help="Neither read nor keep results.")
@click.option("--cache-dir", metavar="DIR", type=click.Path(path_type=Path), help="Keep results there.")
@options
def scan(
    paths: tuple[Path, ...],
    *,
    explain: bool,
    deprecated: bool,
    no_cache: bool,
    cache_dir: Path | None,
    **chosen: Unpack[Options],
) -> int:
    """Show every name of an old model, what would happen to it, and why.

    PATHS are files or folders, by default the current one; - reads standard input.
    """
    from migrator import session

    with one_line_errors():
        if deprecated:
            return session.deprecated(paths, chosen)
        found = session.plan(paths, chosen, None if no_cache else session.cache_folder(cache_dir))
    session.show_scan(found, chosen["form"], explain=explain)
    return found.code


@app.command()
@click.option("--diff", "only_diff", is_flag=True, help="Show the change and write nothing.")
@click.option("--shadow", "is_compared", is_flag=True, help="Compare first, and change only what holds up.")
@spending
@options
def apply(paths: tuple[Path, ...], *, only_diff: bool, is_compared: bool, **chosen: Unpack[Applied]) -> int:
    """Write the change, or show it with --diff.

    PATHS are files or folders, by default the current one; - reads standard input and writes the
    result to standard output.

    With --shadow the recorded requests are sent to both models first, as `migrator shadow` does; the
    exit code then says what came of it. The options from --yes to --stored are for that.
    """
    from migrator import session

    if is_compared:
        from migrator import shadow_session

        with one_line_errors():
            return shadow_session.apply(paths, chosen, only_diff=only_diff)
    with one_line_errors():
        if session.is_clean(paths, chosen):
            return session.say_clean(only_diff=only_diff, quiet=chosen["quiet"])
        found = session.plan(paths, chosen)
    if only_diff:
        session.show_diff(found, chosen["form"])
        return found.code
    if found.is_stdin:
        return session.write_stdin(found)
    return session.write(found, chosen["form"])


@app.command(short_help="Show each prompt, how much of it is cached, and what ends that.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "show_all", is_flag=True, help="Show short and unseen prompts too.")
@_flag("--azure-cache-keys", AZURE_KEYS)
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Leave out; as in .gitignore.")
@_flag("--force-exclude", "Apply --exclude to files named on the command line too.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Read this file.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print. [default: text]"
)
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters.")
def cache(paths: tuple[Path, ...], *, show_all: bool, **chosen: Unpack[Looks]) -> int:
    """Show the prompt of each call that sends one, how much of it is cached, and what ends that.

    PATHS are files or folders, by default the current one. No model has to change, and nothing is
    written.
    """
    from migrator import session

    with one_line_errors():
        return session.cache(paths, show_all=show_all, chosen=chosen)


OWN_TARGET = "Read this migration of your own too: FILE.toml."


def _own_target(command: Command) -> Command:
    """Add what the commands take that show the tables; the configuration's own tables are shown in any case."""
    return click.option("--to", metavar="MIGRATION", help=OWN_TARGET)(command)


@app.command(short_help="List the surfaces, models and migrations it knows.")
@_own_target
def rules(*, to: str | None) -> int:
    """List the transforms, migrations, models and call surfaces it knows, those of your configuration too."""
    from migrator import lookup
    from migrator.deliver.terminal import show, width

    show(lookup.overview(_book(to), width()))
    return DONE


@app.command(short_help="List the models it knows: prices, limits, shutdown dates.")
@click.option("--check", is_flag=True, help="Ask the server for its dates, with the key in OPENAI_API_KEY.")
@click.option("--base-url", metavar="URL", help="Ask this server. [default: OPENAI_BASE_URL, or OpenAI's]")
@_own_target
def models(*, check: bool, base_url: str | None, to: str | None) -> int:
    """List the models that the tables know, with prices, limits, shutdown dates and the days left.

    With --check the server's own list is read (GET /v1/models), and what differs from the tables is
    named. The exit code is then 1.
    """
    from migrator import session

    with one_line_errors():
        return session.models(_book(to), base_url, check=check)


@app.command(short_help="Explain a rule, a model or a reason, with sources.")
@click.argument("name")
@_own_target
def explain(name: str, *, to: str | None) -> int:
    """Explain one surface, library, model, migration, reason or transform, with sources.

    NAME may be the file of a migration of your own.
    """
    from migrator import lookup
    from migrator.deliver.terminal import show, width

    book = _book(name if name.endswith(".toml") else to)
    lines = lookup.explain(name, book, width())
    if not lines:
        close = lookup.nearest(name, book)
        hint = f"did you mean {' or '.join(close)}?" if close else "`migrator rules` lists every name"
        raise click.UsageError(f"nothing is called {name!r}; {hint}")
    show(lines)
    return DONE


@app.command(short_help="Run the whole job on a bundled sample.")
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep the copy there.")
def demo(keep: Path | None) -> int:
    """Run the whole job on a bundled sample repository, in a temporary copy.

    It scans, records what the sample sends to a scripted server on this machine, compares both models
    there and changes what holds up. No network, no key.
    """
    from migrator import demo as bundled

    with one_line_errors():
        return DONE if bundled.play(keep) else CHANGES


def _book(to: str | None) -> Rulebook:
    from migrator import session

    with one_line_errors():
        return session.tables(to)


app.add_command(record)
app.add_command(cases)
app.add_command(shadow)
app.add_command(pr)
app.add_command(bot)
app.add_command(campaign)
