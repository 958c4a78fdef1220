"""Answer one question: what does one comparison print, ask, keep and give as its exit code?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from migrator import session
from migrator.session import Options
from migrator.settings import Settings, SettingsError

if TYPE_CHECKING:
    from migrator.comparison import Order, Ready
    from migrator.evidence import ShadowReport, Step
    from migrator.lines import Line
    from migrator.shadow.rounds import State
    from migrator.shadow.run.runner import Runner

DONE, NOT_RUN = 0, 4
REPORT = Path(".migrator") / "shadow" / "report.json"
# Where the keys for other servers than the comparison's stand, and the word that is sent where there is none.
KEYS: Mapping[str, str] = {"judge": "MIGRATOR_JUDGE_KEY", "embeddings": "MIGRATOR_EMBEDDINGS_KEY"}
NO_KEY = "no-key"
# Nobody needs to know that a server was busy for so many seconds.
SHORT = 10.0


class Spending(TypedDict):
    """What the user asks of the requests."""

    yes: bool
    max_usd: float | None
    base_url: str | None
    batch: bool
    site: tuple[str, ...]
    cases: int
    stored: bool


class Applied(Options, Spending):
    """What ``apply --shadow`` takes."""


@dataclass(frozen=True, slots=True)
class Out:
    """How a report is printed, and where to; ``is_aside``: beside a diff or data, which standard output is for."""

    form: str = "text"
    file: Path | None = None
    quiet: bool = False
    is_dry: bool = False
    is_aside: bool = False

    @property
    def is_shown(self) -> bool:
        """Say whether the report is what is printed on standard output."""
        return self.form == "text" and self.file is None and not self.is_aside


def compare(
    paths: tuple[Path, ...], said: Mapping[str, object], config: Path | None, chosen: Spending, out: Out
) -> int:
    """Plan, ask, send, report; give the exit code."""
    found = _ready(_order(paths, _settings(paths, said, config), chosen), out)
    if not found.targets:
        _tell("Nothing to compare: no call changes its model.", out)
        return DONE
    if not found.prepared.trials:
        _tell("Nothing was sent: begin with `migrator record -- COMMAND`.", out)
        return NOT_RUN
    if out.is_dry:
        return DONE
    told = run(found, chosen, quiet=out.quiet)
    if told is None:
        return NOT_RUN
    keep(found.root, told)
    put(told, out)
    return told.code


def apply(paths: tuple[Path, ...], chosen: Applied, *, only_diff: bool) -> int:
    """Compare, then change only what holds up; the exit code is the comparison's unless a file cannot be written."""
    if Path(session.STDIN) in paths:
        raise SettingsError("--shadow compares the recorded requests of a project, not standard input")
    out = Out(quiet=chosen["quiet"], is_aside=only_diff or chosen["form"] != "text")
    settings = session.settle(paths, chosen)
    found = _ready(_order(paths, settings, chosen), out)
    if not found.prepared.trials:
        _tell("Nothing was sent and nothing changed: no call that changes its model can be compared.", out)
        return NOT_RUN if found.targets else DONE
    told = run(found, chosen, quiet=chosen["quiet"])
    if told is None:
        return NOT_RUN
    keep(found.root, told)
    if not chosen["quiet"]:
        put(told, out)
    planned = session.plan(paths, chosen, settings=gated(settings, told, found))
    if only_diff:
        session.show_diff(planned, chosen["form"])
        return told.code
    return session.write(planned, chosen["form"]) or told.code


def _settings(paths: tuple[Path, ...], said: Mapping[str, object], config: Path | None) -> Settings:
    from migrator.folders import common_folder
    from migrator.settings import load

    return load(config, common_folder(paths, Path.cwd()), said)


def _order(paths: tuple[Path, ...], settings: Settings, chosen: Spending) -> Order:
    from migrator.comparison import SERVER, Order
    from migrator.shadow.prepare import Wishes

    return Order(
        paths,
        settings,
        base_url=chosen["base_url"] or os.environ.get("OPENAI_BASE_URL") or SERVER,
        cap=settings.shadow.most if chosen["max_usd"] is None else chosen["max_usd"],
        is_batch=chosen["batch"],
        sites=chosen["site"],
        wishes=Wishes(most=chosen["cases"]),
    )


def _ready(order: Order, out: Out) -> Ready:
    """Plan, and say what would be sent."""
    from migrator import shadow_words
    from migrator.comparison import ready
    from migrator.deliver.terminal import width

    found = ready(order, Path.cwd())
    if not out.quiet:
        _print(shadow_words.outlook(found, width()), out)
    return found


def run(found: Ready, chosen: Spending, *, quiet: bool = False) -> ShadowReport | None:
    """Ask whether to send, and compare; None where the person says no."""
    from migrator.comparison import compare as go

    if not chosen["stored"] and not _may_send(chosen["yes"]):
        print("Nothing was sent.", file=sys.stderr)
        return None
    with ExitStack() as opened:
        runner, others = _sending(found, chosen, opened, _Waiting(not quiet, sys.stderr.isatty()))
        look = opened.enter_context(_progress(quiet, runner))
        return go(found, runner, look, others=others)


def _may_send(yes: bool) -> bool:
    """Ask a person before anything is sent; a program must have said yes."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SettingsError("nothing was sent: pass --yes to send the requests, or --dry-run to look only")
    sys.stderr.write("Send them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _sending(
    found: Ready, chosen: Spending, opened: ExitStack, waiting: _Waiting
) -> tuple[Runner, Mapping[Step, Runner]]:
    """Open the stores of answers and the ways to the servers: the comparison's, and those that the steps ask.

    All share one cap. A store is that of a host.
    """
    from migrator.comparison import host
    from migrator.shadow.run.runner import Runner
    from migrator.shadow.run.store import Store

    order, is_stored = found.order, chosen["stored"]

    def store(name: str) -> Store:
        return opened.enter_context(Store(found.root, name))

    runner = opened.enter_context(
        Runner(
            store(order.server),
            found.book,
            order.base_url,
            os.environ.get("OPENAI_API_KEY"),
            order.cap,
            is_stored,
            order.is_batch,
            on_stop=_stopping,
            on_busy=waiting.busy,
            on_batch=waiting.batch,
        )
    )
    owners: dict[str, Runner] = {order.server: runner}
    others: dict[Step, Runner] = {}
    for step, one in order.advisers.items():
        name = host(one.url)
        owner = owners.get(name)
        others[step] = opened.enter_context(
            Runner(
                owner.store if owner is not None else store(name),
                found.book,
                one.url,
                _key(step, one.url, order.base_url),
                is_offline=is_stored,
                on_stop=_stopping,
                on_busy=waiting.busy,
                beside=owner or runner,
            )
        )
        owners.setdefault(name, others[step])
    if any(one.carried for one in owners.values()):
        _tell_carried(runner)
    return runner, others


def _key(step: Step, url: str, base_url: str) -> str | None:
    """Give the key for a step's server. The one in OPENAI_API_KEY goes to the comparison's server and no other."""
    own = os.environ.get(KEYS[step])
    is_same = urlsplit(url)[:2] == urlsplit(base_url)[:2]
    return own or (os.environ.get("OPENAI_API_KEY") if is_same else NO_KEY)


def _tell_carried(runner: Runner) -> None:
    """Say that money of a run that was stopped counts."""
    from migrator.shadow_words import money

    print(f"migrator: going on with a run that was stopped; it has spent {money(runner.spent)}", file=sys.stderr)


def _stopping(count: int) -> None:
    """Say that Ctrl-C was heard, and what it waits for."""
    requests = "1 request" if count == 1 else f"{count} requests"
    text = f"migrator: {requests} under way, which are paid for; press Ctrl-C again not to wait for the answers"
    print(f"\n{text}", file=sys.stderr)


@dataclass(slots=True)
class _Waiting:
    """Says what is waited for: on a terminal each time, else only once that the server is busy."""

    is_told: bool
    is_watched: bool
    has_said: bool = False

    def busy(self, silence: float, wait: float) -> None:
        """Say that the server is busy."""
        from migrator.shadow_words import waiting

        if not self.is_told or silence + wait < SHORT:
            return
        text = waiting(silence, wait)
        if self.is_watched:
            self._over(text)
        elif not self.has_said:
            print(f"migrator: {text}", file=sys.stderr, flush=True)
        self.has_said = True

    def batch(self, name: str, done: int, of: int) -> None:
        """Say how far a batch is."""
        if self.is_told and self.is_watched:
            self._over(f"{name}: {done:,} of {of:,} requests answered; Ctrl-C leaves it with the server")

    def _over(self, text: str) -> None:
        """Write over the line of progress."""
        from migrator.lines import WIDTH

        sys.stderr.write(f"\r\033[K{text[: WIDTH - 1]}")
        sys.stderr.flush()


@contextmanager
def _progress(quiet: bool, runner: Runner) -> Iterator[Callable[[Sequence[State]], None]]:
    """Show on standard error how far it is, while a person watches."""
    from migrator.shadow_words import progress

    is_shown = not quiet and sys.stderr.isatty()

    def look(states: Sequence[State]) -> None:
        if is_shown:
            sys.stderr.write(f"\r\033[K{progress(states, runner.spent)}")
            sys.stderr.flush()

    try:
        yield look
    finally:
        if is_shown:
            sys.stderr.write("\r\033[K")


def keep(root: Path, told: ShadowReport) -> None:
    """Keep the report beside the answers, for `shadow report` and `shadow accept`."""
    from migrator.deliver.evidence_json import document

    path = root / REPORT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document(told))
        path.chmod(0o600)
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def put(told: ShadowReport, out: Out) -> None:
    """Print the report, or write it where the user wants it."""
    from migrator.deliver.terminal import width
    from migrator.deliver.terminal import write as emit
    from migrator.evidence_report import rows

    if out.is_shown or out.is_aside:
        _print(rows(told, width()), out)
        return
    data = _document(told, out.form)
    if out.file is None:
        emit(data)
        return
    try:
        out.file.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"{out.file}: {(error.strerror or str(error)).lower()}") from None
    if not out.quiet:
        print(f"Wrote {out.file}.", file=sys.stderr)


def _document(told: ShadowReport, form: str) -> bytes:
    """Write the report in one of its forms."""
    from migrator.deliver import evidence_json, html, junit, markdown
    from migrator.evidence_report import rows
    from migrator.lines import WIDTH

    if form == "json":
        return evidence_json.document(told)
    if form == "junit":
        return junit.document(told)
    if form == "markdown":
        return markdown.document(told).encode()
    if form == "html":
        return html.document(told)
    return "".join("".join(text for text, _ in line) + "\n" for line in rows(told, WIDTH)).encode()


def reprint(file: Path | None, out: Out) -> int:
    """Print a report that is there, and give its exit code."""
    told = read(file)
    put(told, out)
    return told.code


def read(file: Path | None) -> ShadowReport:
    """Read a report: the one that is named, else that of the last comparison here."""
    from migrator.deliver.evidence_json import read as parse
    from migrator.folders import project_root

    path = file or project_root((), Path.cwd()) / REPORT
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "" if file else "; begin with `migrator shadow`"
        raise SettingsError(f"{path}: {(error.strerror or str(error)).lower()}{hint}") from None
    try:
        return parse(data)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def accept(site: str, reason: str, until: date | None) -> int:
    """Write down that a difference is wanted."""
    from migrator.evidence import Acceptance
    from migrator.folders import project_root
    from migrator.shadow import accepted

    root = project_root((), Path.cwd())
    told = read(None)
    here = Path(os.path.relpath(Path.cwd() / site, root)).as_posix()
    found = [one for one in told.sites if one.site.startswith(site) or f"{one.file}:{one.line}" in (site, here)]
    if len(found) != 1:
        known = ", ".join(f"{one.file}:{one.line}" for one in told.sites)
        raise SettingsError(f"{len(found)} calls of the last comparison are {site!r}; there are: {known}")
    last = until or date.today() + timedelta(days=accepted.DAYS)
    if last < date.today():
        raise SettingsError(f"--until {last}: that day is past")
    where = f"{found[0].file}:{found[0].line} {found[0].function}".strip()
    covered = accepted.against(found[0].exchanges)
    wanted = accepted.Accepted(Acceptance(reason, _name(root), last.isoformat()), *covered)
    path = accepted.accept(root, found[0].key, where, wanted, to=told.migration)
    print(f"Accepted until {last}: {where}. It stands in {path.name}; commit it.")
    return DONE


def _name(root: Path) -> str:
    """Give the name that git knows of the person here."""
    import subprocess

    try:
        asked = ("git", "-C", str(root), "config", "user.name")
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _tell(text: str, out: Out) -> None:
    print(text, file=sys.stdout if out.is_shown else sys.stderr)


def _print(lines: Iterable[Line], out: Out) -> None:
    """Print lines where they do not get into a report that a program reads."""
    from migrator.deliver.terminal import show

    if out.is_shown:
        show(lines)
    else:
        for line in lines:
            print("".join(text for text, _ in line), file=sys.stderr)


def gated(settings: Settings, told: ShadowReport, found: Ready) -> Settings:
    """Give the settings under which only what holds up is changed."""
    from migrator.shadow.gate import gate

    return replace(settings, gate=gate(told, found.prepared.trials))
