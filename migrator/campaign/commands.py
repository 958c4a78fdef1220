"""Answer one question: what does each command of a campaign do?"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from migrator.campaign import ledger as states
from migrator.campaign import orders, status, work
from migrator.campaign.access import Access, access
from migrator.campaign.database import UNREADABLE
from migrator.campaign.executors import Executor
from migrator.campaign.ledger import Campaign, Ledger, Row
from migrator.campaign.listing import Filters, about, chosen, matching, read
from migrator.campaign.pace import Pace, Stopped
from migrator.campaign.sync import sync
from migrator.defaults import default_migration
from migrator.settings import CannotRun, SettingsError
from migrator.tables import RuleError

if TYPE_CHECKING:
    from migrator.rulebook import Rulebook

DONE, SOME_FAILED, SOME_WAIT, INTERRUPTED = 0, 1, 3, 130
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
# How long a run that was told to stop lets its work end, in seconds.
GRACE = 60
THEIRS = "its branch or its text is a person's"
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Where:
    """A campaign's name, and the URL of its database ("": a file of its own)."""

    name: str
    db: str = field(default="", repr=False)

    @property
    def folder(self) -> Path:
        """Where what belongs to no repository is kept on this machine."""
        home = os.environ.get("XDG_STATE_HOME", "")
        return (Path(home) if home else Path.home() / ".local" / "state") / "migrator"

    @property
    def file(self) -> Path:
        """The file of the campaign where no database is named."""
        return self.folder / f"{self.name}.db"

    @property
    def lanes(self) -> str:
        """Where the paces are kept: all campaigns of this machine, or of the database, share them."""
        return self.url if self.db else f"sqlite:///{self.folder / 'lanes.db'}"

    def work(self, executor: str) -> Path:
        """Where this executor keeps what does not last; it is its own, and emptied when it begins."""
        # No name or password of the database gets into the path, and no name leads out of the folder.
        database = re.sub("//[^@/]*@", "//", self.db)
        return self.folder / "work" / self.name / sha256(f"{database}\0{executor}".encode()).hexdigest()[:16]

    @property
    def url(self) -> str:
        """The database as SQLAlchemy reads it."""
        if not self.db:
            return f"sqlite:///{self.file}"
        if not self.db.startswith(("postgresql://", "postgres://")):
            raise SettingsError("--db: write postgresql://USER@HOST/DATABASE; without it a file is used")
        if self.db.partition("://")[2].partition("/")[0].count("@") > 1:
            raise SettingsError(UNREADABLE)
        return re.sub("^postgres(ql)?://", "postgresql+psycopg://", self.db)


@contextmanager
def opened(where: Where, *, makes: bool = False) -> Iterator[Ledger]:
    """Open the database of a campaign; only ``plan`` makes one."""
    if not NAME.fullmatch(where.name):
        raise SettingsError(f"{where.name!r}: a campaign is named with small letters, digits and -, at most 40")
    if not where.db and not makes and not where.file.exists():
        raise SettingsError(f"there is no campaign {where.name}: `migrator campaign plan {where.name} ...` makes one")
    if not where.db:
        where.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Ledger(where.url, where.name, lanes=where.lanes)
    try:
        yield made
    finally:
        made.close()


def known(ledger: Ledger) -> Campaign:
    """Read the campaign. Raises SettingsError where there is none."""
    found = ledger.campaign()
    if found is None:
        raise SettingsError(f"there is no campaign {ledger.name}: `migrator campaign plan {ledger.name} ...` makes one")
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """Where the repositories come from: exactly one of a file, an organisation, an installation."""

    file: Path | None = None
    organisation: str = ""
    installation: str = ""

    def __str__(self) -> str:
        return str(self.file or self.organisation or f"installation {self.installation}")


def plan(where: Where, source: Source, filters: Filters, to: str | None, api: str) -> int:
    """List the repositories, keep them as a campaign, and say what it will do; nothing is sent."""
    from migrator.github_api import git_url
    from migrator.rulebook import is_own, load

    if to is not None:
        load(to)
        # A run may begin in another folder.
        to = str(Path(to).resolve()) if is_own(to) else to
    if sum(map(bool, (source.file, source.organisation, source.installation))) != 1:
        raise SettingsError("give one of a FILE, --org and --installation")
    git_url(api, "")
    names, out, is_known = _listed(source, filters, api)
    if not names:
        raise SettingsError(f"{source}: no repository is left{_out(out)}")
    kept = {
        "to": to,
        "api": api,
        "source": str(source),
        "is_known": is_known,
        "filters": {"topics": filters.topics, "languages": filters.languages, "forks": filters.forks},
    }
    with opened(where, makes=True) as ledger:
        ledger.make(kept, names)
    _say_plan(where, names, out, kept)
    return DONE


def _listed(source: Source, filters: Filters, api: str) -> tuple[tuple[str, ...], Mapping[str, int], bool]:
    """Give the names, what was left out, and whether the forge has been asked about each."""
    if source.file is not None and not (filters.topics or filters.languages):
        return (*matching(read(source.file), filters), False)
    who = access(api)
    if source.file is not None:
        told = (who.reader(name).ask("GET", f"/repos/{name}").said for name in read(source.file) if filters.fits(name))
        return (*chosen((about(one) for one in told if isinstance(one, dict)), filters), True)
    found = (
        who.of_organisation(source.organisation) if source.organisation else who.of_installation(source.installation)
    )
    return (*chosen(map(about, found), filters), True)


def _out(out: Mapping[str, int]) -> str:
    said = ", ".join(f"{count:,} × {why}" for why, count in sorted(out.items()))
    return f"; left out: {said}" if said else ""


def _say_plan(where: Where, names: Sequence[str], out: Mapping[str, int], kept: Mapping[str, Any]) -> None:
    count = f"{len(names):,} repositor{'y' if len(names) == 1 else 'ies'}"
    print(f"{where.name}: {count} of {kept['source']}{_out(out)}.")
    for name in names[:SHOWN]:
        print(f"  {name}")
    if len(names) > SHOWN:
        print(f"  and {len(names) - SHOWN:,} more")
    print(f"\nNothing was sent. `migrator campaign run {where.name}` will, for each:")
    if not kept["is_known"]:
        print("  - ask the forge about it: archived ones, forks and those with the topic")
        print("    no-migrator are left out;")
    print(f"  - plan its default branch for {kept['to'] or f'{default_migration()}, or as it is configured'};")
    print("  - open one pull request, a draft, where something is to change.")


@dataclass(frozen=True, slots=True)
class How:
    """How a run is done on this machine: the executor's name, and whether it stays until all is done."""

    executor: str = ""
    stays: bool = False


def run(where: Where, asked: Mapping[str, Any], how: How) -> int:
    """Do what the campaign has to do now, and give the exit code."""
    with opened(where) as ledger:
        campaign = known(ledger)
        who = access(campaign.plan["api"])
        chosen = orders.read(campaign.orders, asked)
        if campaign.paused:
            raise CannotRun(f"{where.name} is paused ({campaign.paused}): `migrator campaign resume {where.name}`")
        one = work.me(how.executor)
        work.arrive(ledger, one)
        ledger.order(chosen.kept())
        with work.listening() as stop:
            is_over = _work(where, ledger, who, chosen, one, how, stop)
            code = _ended(ledger, is_stopped=stop.is_set())
        if not is_over:
            # A thread that does not end would keep the process; the next run begins its work again.
            sys.stdout.flush()
            os._exit(code)
        return code


def _work(
    where: Where,
    ledger: Ledger,
    who: Access,
    chosen: orders.Orders,
    one: Executor,
    how: How,
    stop: threading.Event,
) -> bool:
    """Run it, and say whether all that was begun here has ended."""
    from migrator.campaign.engine import Crew, Dbos
    from migrator.campaign.steps import Steps

    folder = where.work(one.name)
    rmtree(folder, ignore_errors=True)
    campaign = known(ledger)
    filters = None if campaign.plan["is_known"] else _filters(campaign)
    steps = Steps(ledger, who, chosen, campaign.plan["to"], filters, folder, stop)
    is_over = True
    try:
        engine = Dbos(where.url, Crew(where.name, who.host, one.name, chosen.workers), steps.scan, steps.send)
        is_over = False
        try:
            work.Run(ledger, engine, who, chosen, one, stop, how.stays, _progress(ledger)).until_done()
        finally:
            stop_was = stop.is_set()
            stop.set()
            is_over = engine.stop(GRACE)
            if not stop_was:
                stop.clear()
    finally:
        ledger.executors.leave(one.name, has_work=not is_over)
        rmtree(folder, ignore_errors=True)
    return is_over


def _filters(campaign: Campaign) -> Filters:
    said = campaign.plan["filters"]
    return Filters((), tuple(said["topics"]), tuple(said["languages"]), bool(said["forks"]))


def _progress(ledger: Ledger) -> Callable[[], None]:
    """Show how far it is in one line of a terminal; a pipe gets nothing."""
    if not sys.stderr.isatty():
        return lambda: None
    shown = [0.0]

    def show() -> None:
        if time.monotonic() - shown[0] >= 0.5:
            shown[0] = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{status.line(ledger.counts())}")
            sys.stderr.flush()

    return show


def _ended(ledger: Ledger, *, is_stopped: bool) -> int:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    show(ledger)
    counts = ledger.counts()
    if is_stopped:
        return INTERRUPTED
    if any(counts[state] for state in states.UNDONE):
        return SOME_WAIT
    return SOME_FAILED if counts[states.FAILED] else DONE


def show(ledger: Ledger) -> None:
    """Print how far it is."""
    campaign, rows, events = known(ledger), ledger.rows(), ledger.events()
    print("\n".join(status.words(status.of(ledger, campaign, rows, events))))


def tell(where: Where, *, is_json: bool, syncs: bool) -> int:
    """Say how far it is; ``syncs`` asks the forge first what became of the open ones."""
    with opened(where) as ledger:
        campaign = known(ledger)
        if syncs:
            sync(ledger, access(campaign.plan["api"]))
        if not is_json:
            show(ledger)
            return DONE
        rows, events = ledger.rows(), ledger.events()
        print(json.dumps(status.table(status.of(ledger, campaign, rows, events), rows), indent=2, ensure_ascii=False))
    return DONE


def report(where: Where, file: Path) -> int:
    """Write the page."""
    from migrator.campaign.page import document

    with opened(where) as ledger:
        campaign, rows, events = known(ledger), ledger.rows(), ledger.events()
        told = status.of(ledger, campaign, rows, events)
        data = document(told, rows, events, _books(rows))
    try:
        file.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    print(f"{file} is written.")
    return DONE


def _books(rows: Sequence[Row]) -> Mapping[str, Rulebook]:
    """Read the tables of each migration; one that is a file of another machine is left out."""
    from migrator.rulebook import load

    found = {}
    for name in sorted({str(row.numbers["migration"]) for row in rows if row.numbers}):
        with suppress(SettingsError, RuleError):
            found[name] = load(name)
    return found


def pause(where: Where, why: str) -> int:
    """Let nothing more be begun; what is on its way arrives."""
    with opened(where) as ledger:
        known(ledger)
        ledger.pause(why)
        print(f"{where.name} is paused. What is on its way arrives; nothing more is begun.")
    return DONE


def resume(where: Where) -> int:
    """Let it go on."""
    with opened(where) as ledger:
        known(ledger)
        ledger.pause("")
        print(f"{where.name} goes on, with its next `migrator campaign run {where.name}` if none runs.")
    return DONE


def retry(where: Where, names: Sequence[str], *, failed: bool) -> int:
    """Do repositories again: those that failed, or those that are named."""
    if failed == bool(names):
        raise SettingsError("give either --failed or the names of repositories")
    with opened(where) as ledger:
        known(ledger)
        rows = {row.name.lower(): row for row in ledger.rows(*((states.FAILED,) if failed else ()))}
        unknown = [name for name in names if name.lower() not in rows]
        if unknown:
            raise SettingsError(f"{unknown[0]} is no repository of {where.name}")
        wanted = [rows[name.lower()] for name in names] if names else list(rows.values())
        busy = [row for row in wanted if row.state in (states.SCANNING, states.SENDING)]
        done = [ledger.finish(row, states.TODO, again=True, reason="") for row in wanted if row not in busy]
        said = f", {len(busy):,} at work already" if busy else ""
        print(f"{sum(done):,} to do again{said}: `migrator campaign run {where.name}`.")
    return DONE


def close(where: Where, why: str) -> int:
    """Close the campaign's open pull requests, each with the reason, and pause it; those with others' commits stay."""
    with opened(where) as ledger:
        campaign = known(ledger)
        who, chosen = access(campaign.plan["api"]), orders.read(campaign.orders, {})
        ledger.pause(f"closed: {why}")
        with work.listening() as stop:
            said = list(_closed(ledger, who, chosen, why, stop))
        kept = [one for one in said if one]
        print(f"{len(said) - len(kept):,} closed, {len(kept):,} left as they are. {where.name} is paused.")
        for line in kept[:SHOWN]:
            print(f"  {line}")
        return INTERRUPTED if stop.is_set() else DONE


def _closed(ledger: Ledger, who: Access, chosen: orders.Orders, why: str, stop: threading.Event) -> Iterator[str]:
    """Close one after the other until it is stopped; give why each was left, "" where it was not."""
    for row in ledger.rows(states.OPEN):
        if stop.is_set():
            return
        try:
            yield _close(ledger, who, chosen, row, why, stop)
        except Stopped:
            return


def _close(ledger: Ledger, who: Access, chosen: orders.Orders, row: Row, why: str, stop: threading.Event) -> str:
    """Close one; give why it was left."""
    from migrator.campaign.steps import FOREIGN
    from migrator.deliver.forge import GitHub, is_of_fork, pull_of
    from migrator.deliver.git import EMAIL
    from migrator.deliver.pull_request import closed, is_own
    from migrator.github_api import Limited, table

    pace = Pace(ledger, row.lane, chosen.apart, chosen.per_hour, stop)
    forge = GitHub(row.name, who.writer(row.name, pace, pace.sleep), EMAIL)
    try:
        said = table(forge.ask("GET", f"/pulls/{row.number}").said)
        pull, branch = pull_of(said), str(table(said.get("head")).get("ref", ""))
        if not pull.is_open:
            ledger.finish(row, states.MERGED if pull.is_merged else states.CLOSED, reason="")
            return f"{row.url}: it was {'merged' if pull.is_merged else 'closed'} already"
        if not is_own(branch, is_of_fork(said), pull.body):
            return f"{row.url}: {THEIRS}"
        tip = forge.tip(branch)
        if tip is not None and forge.since(pull.base, branch).strangers:
            ledger.finish(row, states.OPEN, reason=FOREIGN)
            return f"{row.url}: {FOREIGN}"
        forge.close(pull, why, closed(pull.body, "campaign"))
    except Limited:
        raise
    except CannotRun as error:
        return f"{row.url}: {error}"
    ledger.finish(row, states.CLOSED, reason=why)
    try:
        # GitHub closes the pull requests that go to a branch which is deleted.
        if tip is not None and not forge.is_base(branch):
            forge.point(branch, "", tip)
    except CannotRun as error:
        return f"{row.url}: closed, but its branch stays: {error}"
    return ""
