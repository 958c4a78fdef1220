"""Answer one question: what does one run plan, and what does it print?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from migrator.settings import Settings, SettingsError

if TYPE_CHECKING:
    from migrator.lines import Line
    from migrator.model import Patch, Plan, Receipt, Skip, Survey
    from migrator.rulebook import Rulebook

DONE, CHANGES, WRONG = 0, 1, 2
STDIN = "-"


class Options(TypedDict):
    """What ``scan`` and ``apply`` both take."""

    only: str | None
    skip: str | None
    review: bool | None
    to: str | None
    pin: bool | None
    gateways: bool | None
    docs: bool | None
    azure_cache_keys: bool | None
    cache_key_buckets: int | None
    exclude: tuple[str, ...]
    force_exclude: bool | None
    config: Path | None
    form: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One planned run: what would happen, under which settings, by which tables."""

    plan: Plan
    settings: Settings
    quiet: bool
    stdin: bytes
    is_stdin: bool

    @property
    def book(self) -> Rulebook:
        """Read the tables; only when there is something to say, because most scans find nothing."""
        from migrator.rulebook import load

        return load(self.settings.migration, self.settings.surfaces)

    @property
    def code(self) -> int:
        """Give the exit code of a run that only looks."""
        if any(skip.is_error for skip in self.plan.skips):
            return WRONG
        return CHANGES if self.plan.patches else DONE


class Looks(TypedDict):
    """What ``cache`` takes."""

    azure_cache_keys: bool | None
    exclude: tuple[str, ...]
    force_exclude: bool | None
    config: Path | None
    form: str
    quiet: bool


def is_clean(paths: tuple[Path, ...], chosen: Options) -> bool:
    """Say whether files are named that plainly hold no old name, so that no plan has to be made to know."""
    from migrator.needles import is_clean as hold_none

    return chosen["form"] == "text" and hold_none(paths, settle(paths, chosen).migration)


def say_clean(*, only_diff: bool, quiet: bool) -> int:
    """Say that nothing changes, in the words of a run that made a plan."""
    from migrator.deliver.terminal import show
    from migrator.lines import UNCHANGED, WOULD_STAY

    if not quiet:
        _tell([WOULD_STAY]) if only_diff else show([UNCHANGED])
    return DONE


def plan(paths: tuple[Path, ...], chosen: Options, cache: Path | None = None, settings: Settings | None = None) -> Run:
    """Plan what the command line asks for; only what is shown, never what is written, may come from ``cache``."""
    from migrator.plan import make_text

    settings = settings or settle(paths, chosen)
    is_stdin = paths == (Path(STDIN),)
    data = sys.stdin.buffer.read() if is_stdin else b""
    if is_stdin:
        found = make_text(data, STDIN, settings, cwd=Path.cwd(), today=date.today())
    else:
        found = _plan_paths(paths, settings, chosen["quiet"], cache)
    return Run(found, settings, chosen["quiet"], data, is_stdin)


def _plan_paths(paths: tuple[Path, ...], settings: Settings, quiet: bool, cache: Path | None) -> Plan:
    from migrator.plan import make

    if Path(STDIN) in paths:
        raise SettingsError("- stands alone: standard input cannot be mixed with files")
    with _progress(quiet) as progress:
        here, today = Path.cwd(), date.today()
        return make(paths or (Path(),), settings, cwd=here, today=today, progress=progress, cache=cache)


def cache_folder(named: Path | None) -> Path:
    """Give where results are kept: the folder that was named, else one below the project's root."""
    from migrator.cache import FOLDER, is_usable

    if named is None:
        return FOLDER
    folder = Path(os.path.abspath(named))  # noqa: PTH100 - resolve() would follow links
    if not is_usable(folder):
        raise SettingsError(f"--cache-dir {named}: holds other files; name a new or an empty folder")
    return folder


def settle(paths: tuple[Path, ...], chosen: Options) -> Settings:
    """Read what the command line and the configuration ask for."""
    from migrator.folders import common_folder
    from migrator.settings import load

    said: Mapping[str, object] = {
        "to": chosen["to"],
        "pin": chosen["pin"],
        "gateways": chosen["gateways"],
        "docs": chosen["docs"],
        "review": chosen["review"],
        "only": _names(chosen["only"]),
        "skip": _names(chosen["skip"]),
        "exclude": chosen["exclude"],
        "force-exclude": chosen["force_exclude"],
        "azure-cache-keys": chosen["azure_cache_keys"],
        "cache-key-buckets": chosen["cache_key_buckets"],
    }
    files = () if paths == (Path(STDIN),) else paths
    return load(chosen["config"], common_folder(files, Path.cwd()), said)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show progress on standard error while a person watches, and wipe it afterwards."""
    if quiet or not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield None
        return

    def show(what: str, done: int, total: int) -> None:
        sys.stderr.write(f"\r\033[K{what} {done}/{total}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def show_scan(found: Run, form: str, *, explain: bool) -> None:
    """Print what a scan found."""
    from migrator import report
    from migrator.deliver.terminal import show, width

    if form != "text":
        _print_data(found, form)
        return
    if not found.plan.decisions:
        _show_nothing(found)
        return
    show(report.rows(found.plan, found.book, explain=explain, quiet=found.quiet, width=width()))
    if found.quiet:
        _complain(found.plan.skips)
    else:
        review = found.settings.review
        show(report.summary(found.plan, found.book, review=review, width=width(), explain=explain))


def deprecated(paths: tuple[Path, ...], chosen: Options) -> int:
    """Print every literal that names a model with an announced shutdown date, and give the exit code."""
    from migrator import model_words
    from migrator.deliver.json import deprecated as document
    from migrator.deliver.terminal import show, width
    from migrator.deliver.terminal import write as emit
    from migrator.deprecated import deprecated as look

    if Path(STDIN) in paths:
        raise SettingsError("--deprecated reads files and folders, not standard input")
    if chosen["form"] not in ("text", "json"):
        raise SettingsError(f"--deprecated prints text or json, not {chosen['form']}")
    found = look(paths or (Path(),), settle(paths, chosen), cwd=Path.cwd())
    if chosen["form"] == "json":
        emit(document(found, date.today()))
    else:
        show(model_words.deprecated(found, date.today(), width()))
    _complain(found.skips)
    if any(skip.is_error for skip in found.skips):
        return WRONG
    return CHANGES if found.named else DONE


def tables(to: str | None) -> Rulebook:
    """Read all tables, those of the configuration too, and a migration that is a file of the user's."""
    from migrator.rulebook import load_all
    from migrator.settings import load

    settings = load(None, Path.cwd(), {"to": to})
    return load_all(settings.migration, settings.surfaces)


def models(book: Rulebook, base_url: str | None, *, check: bool) -> int:
    """Print the models; with ``check`` what a server says of them that the tables do not, and give the exit code."""
    from migrator import model_words
    from migrator.deliver.terminal import show, width

    if not check:
        show(model_words.models(book, date.today(), width()))
        return DONE
    from migrator.model_list import ask

    server = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    told = tuple(model_words.differences(book, ask(server, os.environ.get("OPENAI_API_KEY"))))
    show([((text, "review"),) for text in told] or [(("The server says what the tables say.", ""),)])
    return CHANGES if told else DONE


def _show_nothing(found: Run) -> None:
    from migrator import report
    from migrator.deliver.terminal import show, width

    if found.quiet:
        _complain(found.plan.skips)
    else:
        show(report.nothing(found.plan, width()))


def cache(paths: tuple[Path, ...], *, show_all: bool, chosen: Looks) -> int:
    """Print what the prompts of these paths come to, and give the exit code."""
    from migrator.deliver.json import survey as document
    from migrator.deliver.terminal import write as emit
    from migrator.rulebook import load

    found, settings = _survey(paths, chosen)
    book = load(settings.migration, settings.surfaces)
    if chosen["form"] == "json":
        emit(document(found, book))
    else:
        _show_survey(found, book, show_all=show_all, quiet=chosen["quiet"])
    return WRONG if any(skip.is_error for skip in found.skips) else DONE


def _show_survey(found: Survey, book: Rulebook, *, show_all: bool, quiet: bool) -> None:
    from migrator import survey_report
    from migrator.deliver.terminal import show, width
    from migrator.prompt_words import Tables
    from migrator.rulebook import load_caching

    tables = Tables(book, book.migrations[found.migration], load_caching())
    show(survey_report.rows(found, tables, show_all=show_all, width=width()))
    if quiet:
        _complain(found.skips)
    else:
        show(survey_report.summary(found, tables, show_all=show_all, width=width()))


def _survey(paths: tuple[Path, ...], chosen: Looks) -> tuple[Survey, Settings]:
    from migrator.folders import common_folder
    from migrator.settings import load
    from migrator.survey import survey

    if Path(STDIN) in paths:
        raise SettingsError("cache reads files and folders, not standard input")
    said = {
        "azure-cache-keys": chosen["azure_cache_keys"],
        "exclude": chosen["exclude"],
        "force-exclude": chosen["force_exclude"],
    }
    settings = load(chosen["config"], common_folder(paths, Path.cwd()), said)
    with _progress(chosen["quiet"]) as progress:
        found = survey(paths or (Path(),), settings, cwd=Path.cwd(), today=date.today(), progress=progress)
    return found, settings


def show_diff(found: Run, form: str) -> None:
    """Print what would change; the diff alone goes to standard output."""
    from migrator import receipt
    from migrator.deliver.diff import styled, unified
    from migrator.deliver.terminal import is_coloured, show
    from migrator.deliver.terminal import write as emit
    from migrator.lines import WIDTH

    if form != "text":
        _print_data(found, form)
        return
    for patch in found.plan.patches:
        diff = unified(patch)
        if is_coloured():
            show(styled(diff))
        else:
            emit(diff)
    _complain(found.plan.skips)
    if not found.quiet:
        _tell(receipt.diff_summary(found.plan, found.book, review=found.settings.review, width=WIDTH))


def write(found: Run, form: str) -> int:
    """Write what was planned, print what was done, and give the exit code."""
    done = _put(found.plan.patches)
    if form != "text":
        _print_data(found, form, done)
    elif found.quiet:
        _complain((*done.left, *found.plan.skips))
    else:
        _show_receipt(found, done)
    return WRONG if any(skip.is_error for skip in (*done.left, *found.plan.skips)) else DONE


def _put(patches: Sequence[Patch]) -> Receipt:
    if not patches:
        from migrator.model import Receipt

        return Receipt((), ())
    from migrator.deliver.write import write

    return write(patches)


def _show_receipt(found: Run, done: Receipt) -> None:
    from migrator import receipt
    from migrator.deliver.terminal import show, width

    if found.plan.decisions:
        show(receipt.receipt(done, found.plan, found.book, review=found.settings.review, width=width()))
    else:
        show(receipt.nothing(found.plan, width()))


def write_stdin(found: Run) -> int:
    """Print what standard input becomes, and give the exit code."""
    from migrator.deliver.terminal import write as emit

    patches = found.plan.patches
    emit(patches[0].after if patches else found.stdin)
    _complain(found.plan.skips)
    return WRONG if found.code == WRONG else DONE


def _print_data(found: Run, form: str, done: Receipt | None = None) -> None:
    from migrator.deliver import github, json, plan_markdown
    from migrator.deliver.terminal import write as emit

    left = done.left if done else ()
    match form:
        case "json":
            emit(json.document(found.plan, found.book, review=found.settings.review, done=done))
        case "sarif":
            emit(_log(found, left))
        case "markdown":
            emit(plan_markdown.document(found.plan, found.book, review=found.settings.review, left=left))
        case _:
            for command in github.commands(found.plan, found.book, left):
                emit(f"{command}\n".encode("utf-8", "surrogateescape"))


def _log(found: Run, left: Sequence[Skip]) -> bytes:
    """Write the SARIF log, with every path as seen from the project's root."""
    from migrator.deliver import sarif
    from migrator.folders import project_root
    from migrator.regions import files

    cwd = Path.cwd()
    root = project_root([cwd], cwd)
    return sarif.document(found.plan, found.book, files(found.plan, cwd), root=root, cwd=cwd, left=left)


def _complain(skips: Sequence[Skip]) -> None:
    """Name each failed file on standard error."""
    if not any(skip.is_error for skip in skips):
        return  # most runs of a hook end here, and the words of a report take time to load
    from migrator import report
    from migrator.lines import WIDTH

    _tell(report.failures(skips, WIDTH))


def _tell(lines: Iterable[Line]) -> None:
    for line in lines:
        print("".join(text for text, _ in line), file=sys.stderr)
