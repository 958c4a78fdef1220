"""Answer one question: what did the user type after ``record`` and ``cases``?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from migrator.cli_errors import one_line_errors

if TYPE_CHECKING:
    from migrator.shadow.imports import Imported
    from migrator.shadow.model import Case, SiteCases
    from migrator.shadow.record import Ended

DONE = 0
FORM = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print. [default: text]"
)


@click.command(
    short_help="Run a command and record the requests that it makes.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--max-per-site",
    "most",
    metavar="N",
    type=click.IntRange(1),
    default=200,
    help="Keep at most N requests of a call, a fair sample. [default: 200]",
)
@click.option("--redact", metavar="REGEX", multiple=True, help="Replace what matches too; may be repeated.")
@click.option("--raw", is_flag=True, help="Keep bodies as they are, secrets included.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Read this file.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND ...")
def record(command: tuple[str, ...], *, most: int, redact: tuple[str, ...], raw: bool, config: Path | None) -> int:
    """Run COMMAND and record each request that it makes to a model, with the line that makes it.

    \b
    migrator record -- python app.py
    migrator record -- pytest -q
    migrator record -- uvicorn app:app

    No code changes. Records stay in .migrator/records, without headers, and with placeholders for
    keys, tokens, e-mail addresses, card and phone numbers. The exit code is the command's.
    """
    from migrator.settings import load
    from migrator.shadow.record import Recording
    from migrator.shadow.record import record as run

    with one_line_errors():
        patterns = (*load(config, Path.cwd(), {}).redact, *redact)
        if raw:
            click.echo("migrator: --raw: bodies are kept as they are, with every secret in them", err=True)
        ended = run(Recording(command, most, patterns, raw), Path.cwd())
    _tell(ended)
    return ended.code


def _tell(ended: Ended) -> None:
    """Say on standard error what came of it: to a person, or where something is wrong."""
    from migrator.shadow.cases import count

    cases, sites = count(ended.run)
    if ended.errors:
        times = "once" if ended.errors == 1 else f"{ended.errors} times"
        click.echo(f"migrator: the recorder failed {times}: see {_shown(ended.run / 'errors.log')}", err=True)
    if not cases:
        click.echo("migrator: no request to a model was recorded; docs/shadow.md says what is seen", err=True)
    elif sys.stderr.isatty():
        kept = f"{cases} request{'s' * (cases != 1)} of {sites} call{'s' * (sites != 1)}"
        click.echo(f"migrator: recorded {kept} in {_shown(ended.run)}; see `migrator cases list`", err=True)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


@click.group(short_help="List, show, prune, export and import recorded requests.")
def cases() -> None:
    """Work with the requests that `migrator record` has recorded."""


@cases.command("list", short_help="Show what is recorded, call by call.")
@FORM
def list_cases(form: str) -> int:
    """Show for each call how many requests were recorded, with which models and tokens."""
    from migrator.deliver.terminal import show, width, write
    from migrator.shadow import listing

    sites = _load()
    if form == "json":
        write(listing.document(sites))
    elif sites:
        show((*listing.table(sites, width()), *listing.remarks(sites)))
    else:
        click.echo("Nothing is recorded. Begin with: migrator record -- COMMAND")
    return DONE


@cases.command(short_help="Show one case, or the cases of one call.")
@click.argument("case", metavar="ID")
@FORM
def show(case: str, form: str) -> int:
    """Show one case, or the cases of one call.

    ID is the beginning of a case's or a call's id; `migrator cases list --format json` lists both.
    """
    from migrator.deliver.terminal import show as print_lines
    from migrator.deliver.terminal import write
    from migrator.shadow import listing

    for number, found in enumerate(_named(_load(), case)):
        if form == "json":
            write(listing.case_document(found))
        else:
            print_lines((*(((),) if number else ()), *listing.case_lines(found)))
    return DONE


@cases.command()
@click.option("--site", metavar="ID", help="Only the cases of this call.")
@click.option("--older-than", metavar="DAYS", type=click.IntRange(0), help="Remove what is older.")
@click.option("--max-per-site", "most", metavar="N", type=click.IntRange(1), help="Keep a sample of N for each call.")
@click.option("--all", "everything", is_flag=True, help="Remove all records.")
def prune(*, site: str | None, older_than: int | None, most: int | None, everything: bool) -> int:
    """Remove records.

    Without an option it removes only what the sample of each call no longer needs; --site alone
    removes all cases of that call.
    """
    from migrator.shadow.prune import keepers
    from migrator.shadow.prune import prune as remove

    sites = _load()
    if site is not None and all(one.site != site for one in sites):
        raise click.UsageError(f"no call {site!r} is recorded; `migrator cases list` shows the ids")
    since = None if older_than is None else datetime.now(UTC) - timedelta(days=older_than)
    kept = frozenset() if everything else keepers(sites, site=site, since=since, most=most)
    done = remove(_root(), kept)
    click.echo(f"Removed {done.gone:,} record{'s' * (done.gone != 1)}, kept {done.kept:,}.")
    for run in done.running:
        click.echo(f"migrator: {run} is still being recorded and stays as it is", err=True)
    return DONE


@cases.command(short_help="Write input files of the Batch API.")
@click.option("--format", "form", type=click.Choice(["batch"]), default="batch", help="The form. [default: batch]")
@click.option("--site", metavar="ID", help="Only the cases of this call.")
@click.option("--model", metavar="NAME", help="Only requests to this model.")
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path), help="Write there, readable by you alone."
)
def export(*, form: str, site: str | None, model: str | None, output: Path | None) -> int:
    """Write the recorded requests as an input file of OpenAI's Batch API, one line for each.

    A batch is of one model and one endpoint. With --output and requests to several there is a file for each, with the
    model in its name. Requests of which an import lacks something are left out.
    """
    from migrator.deliver.terminal import write
    from migrator.shadow.batch import batches, lines, path_of

    del form  # there is one so far
    chosen = [one for found in _load() if site in (None, found.site) for one in found.cases]
    wanted = [one for one in chosen if one.is_answered and model in (None, one.model)]
    found = batches(wanted)
    if not found:
        raise click.UsageError("nothing to export; `migrator cases list` shows what is recorded")
    _tell_exported(wanted)
    if len(found) > 1 and output is None:
        raise click.UsageError(_several(found))
    for batch, of_batch in sorted(found.items()):
        if output is None:
            write(lines(of_batch))
        else:
            _write_private(path_of(output, batch) if len(found) > 1 else output, lines(of_batch))
    if output is not None and len(found) > 1:
        names = ", ".join(str(path_of(output, batch)) for batch in sorted(found))
        click.echo(f"Wrote {len(found)} files, as a batch is of one model and endpoint: {names}")
    return DONE


def _several(found: Iterable[tuple[str, str]]) -> str:
    names = ", ".join(f"{model} ({endpoint})" for model, endpoint in sorted(found))
    return f"a batch is of one model and endpoint, these are of {names}; give --output FILE for a file each, or --model"


def _tell_exported(wanted: Sequence[Case]) -> None:
    """Say which requests are not what was sent, and which are missing."""
    from migrator.shadow.batch import MOST_REQUESTS

    redacted = sum(bool(one.redacted) for one in wanted)
    lacking = sum(not one.is_replayable for one in wanted)
    if redacted:
        text = f"{redacted:,} of {len(wanted):,} requests hold{'s' * (redacted == 1)} placeholders such as <email-1>"
        click.echo(f"migrator: {text} instead of what was sent", err=True)
    if lacking:
        text = f"{lacking:,} of {len(wanted):,} requests left out, which cannot be sent again"
        click.echo(f"migrator: {text}; `migrator cases list` says why", err=True)
    if len(wanted) > MOST_REQUESTS:
        click.echo(f"migrator: a batch takes {MOST_REQUESTS:,} requests; give --site to export call by call", err=True)


def _write_private(path: Path, data: bytes) -> None:
    import os

    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise click.UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None


# The names of migrator.shadow.forms.detect.FORMS, which a start does not import.
IMPORTED = ("batch", "openai", "otel", "logfire", "langfuse", "langsmith", "vcr")


@cases.command("import", short_help="Read requests that another tool has kept.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", *IMPORTED]),
    default="auto",
    help="The form of all files. [default: auto, told by the content]",
)
@click.option("--redact", metavar="REGEX", multiple=True, help="Replace what matches too; may be repeated.")
@click.option("--raw", is_flag=True, help="Keep bodies as they are, secrets included.")
def import_cases(files: tuple[Path, ...], form: str, redact: tuple[str, ...], raw: bool) -> int:
    """Read requests and answers that another tool has kept, and keep them as cases.

    \b
    migrator cases import batch-input.jsonl batch-output.jsonl
    migrator cases import traces.jsonl
    migrator cases import tests/cassettes/*.yaml

    FILE is one of: a batch of OpenAI (its two files together), stored completions, OpenTelemetry (OTLP as JSON, spans
    and logs), logfire, Langfuse, LangSmith, or cassettes of vcrpy. Nothing is asked of a server. What is there already
    is not added again, and keys, tokens and addresses are replaced before anything is written.
    """
    from migrator.settings import load
    from migrator.shadow.imports import Asked, take
    from migrator.shadow.record import check

    with one_line_errors():
        check(redact)
        patterns = (*load(None, Path.cwd(), {}).redact, *redact)
        if raw:
            click.echo("migrator: --raw: bodies are kept as they are, with every secret in them", err=True)
        done = take(_root(), Asked(files, None if form == "auto" else form, patterns, raw))
    for line in _imported(done):
        click.echo(line)
    return DONE


def _imported(done: Imported) -> Iterator[str]:
    """Say what came of an import, a line for each reason."""
    total = sum(done.new.values())
    forms = ", ".join(f"{count:,} {form}" if len(done.new) > 1 else form for form, count in done.new.items())
    yield f"Imported {total:,} case{'s' * (total != 1)}{f' ({forms})' if forms else ''}."
    if done.known:
        yield f"  {done.known:,} {'was' if done.known == 1 else 'were'} there already"
    for reason, count in sorted(done.left.items(), key=lambda one: -one[1]):
        yield f"  {count:,} skipped: {reason}"
    for reason, count in sorted(done.lacking.items(), key=lambda one: -one[1]):
        yield f"  {count:,} not replayable: {reason}"


def _root() -> Path:
    from migrator.folders import project_root

    return project_root((), Path.cwd())


def _load() -> tuple[SiteCases, ...]:
    from migrator.shadow.linked import load_linked

    with one_line_errors():
        return load_linked(_root())


def _named(sites: Sequence[SiteCases], name: str) -> Sequence[Case]:
    """Give the cases that a beginning of an id means, or say why it means none."""
    found = [case for one in sites for case in one.cases if case.id.startswith(name)]
    of_sites = [one for one in sites if one.site.startswith(name)]
    if len(found) == 1 and not of_sites:
        return found
    if len(of_sites) == 1 and not found:
        return of_sites[0].cases
    if found or of_sites:
        raise click.UsageError(f"{name!r} begins {len(found) + len(of_sites)} ids; give more of it")
    raise click.UsageError(f"no case and no call is called {name!r}; `migrator cases list` shows what is recorded")
