"""Answer one question: what is kept of a campaign, so that nothing is done twice and nothing is lost?

A row for each repository with its state, a row for each change of a state, a row for each request that changed
something on the forge. SQLite on one machine or PostgreSQL for many: the same tables, and each change is one
transaction. No token and no key ever gets here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from migrator.settings import CannotRun, SettingsError

# What a repository can be in, in the order in which a person reads them.
TODO, SCANNING, CLEAN, WAITING, SENDING = "todo", "scanning", "clean", "waiting", "sending"
OPEN, MERGED, CLOSED, SKIPPED, FAILED = "open", "merged", "closed", "skipped", "failed"
STATES: Final = (TODO, SCANNING, WAITING, SENDING, OPEN, MERGED, CLOSED, CLEAN, SKIPPED, FAILED)
# Something is still to be done for these.
UNDONE: Final = (TODO, SCANNING, WAITING, SENDING)
VERSION: Final = 1
HOUR: Final = 3_600.0
# How long what was sent is remembered, in seconds: two days of rates.
REMEMBERED: Final = 48 * HOUR
# So many requests at most make one pull request: tree, commit, branch, pull request, labels, reviewers, assignees, and
# one for a file that is no text.
ONE_PULL: Final = 8

TABLES = sa.MetaData()
CAMPAIGN = sa.Table(
    "migrator_campaign",
    TABLES,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("made_at", sa.Float, nullable=False),
    sa.Column("synced_at", sa.Float, nullable=False),
    sa.Column("paused", sa.String, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("orders", sa.Text, nullable=False),
)
REPOSITORY = sa.Table(
    "migrator_repository",
    TABLES,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
    sa.Column("lane", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),
    sa.Column("prepared", sa.Text, nullable=False),
)
EVENT = sa.Table(
    "migrator_event",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("before", sa.String, nullable=False),
    sa.Column("after", sa.String, nullable=False),
)
LANE = sa.Table(
    "migrator_lane",
    TABLES,
    sa.Column("lane", sa.String, primary_key=True),
    sa.Column("held_until", sa.Float, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
REQUEST = sa.Table(
    "migrator_request",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("lane", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("migrator_request_lane_at", "lane", "at"),
)
EXECUTOR = sa.Table(
    "migrator_executor",
    TABLES,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One repository of a campaign: ``turn`` counts how often its work was begun, ``at`` is when its state changed.

    ``lane`` is the host and the installation whose requests go one behind the other.
    """

    name: str
    state: str
    turn: int
    at: float
    lane: str = ""
    reason: str = ""
    url: str = ""
    number: int = 0
    numbers: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a campaign is: ``plan`` as it was made, ``orders`` as the last run was asked; ``paused`` says why, or "".

    ``synced_at`` is when the forge was last asked what became of the open ones, 0 for never.
    """

    name: str
    made_at: float
    synced_at: float
    paused: str
    plan: Mapping[str, Any]
    orders: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A repository went from one state to another, at a time in seconds since 1970."""

    at: float
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Executor:
    """One running process: its name in the campaign, its machine and its number there."""

    name: str
    host: str
    process: int
    beat_at: float = 0.0


class Ledger:
    """The tables of one campaign. ``clock`` gives seconds since 1970; of PostgreSQL the server's own counts."""

    def __init__(self, url: str, name: str, clock: Callable[[], float] | None = None) -> None:
        """Open the database; ``url`` is as SQLAlchemy reads it. Raises CannotRun, without the URL's password."""
        self.name = name
        self._clock = clock
        self._engine = _opened(url)
        with self._begin() as link:
            TABLES.create_all(link)

    @property
    def is_shared(self) -> bool:
        """Say whether other machines can work on it too."""
        return self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with _told(self._engine.url), self._engine.begin() as link:
            yield link

    def now(self, link: Connection | None = None) -> float:
        """Give the time by which everything here is measured."""
        if self._clock is not None:
            return self._clock()
        if not self.is_shared:
            return time.time()
        if link is None:
            with self._begin() as made:
                return self.now(made)
        return float(link.execute(sa.text("select extract(epoch from clock_timestamp())")).scalar_one())

    # ---- the campaign ----

    def campaign(self) -> Campaign | None:
        """Read the campaign; None where there is none of this name."""
        with self._begin() as link:
            found = link.execute(sa.select(CAMPAIGN).where(CAMPAIGN.c.name == self.name)).one_or_none()
        if found is None:
            return None
        if found.version != VERSION:
            raise CannotRun(
                f"the campaign {self.name} was made by another version of migrator: finish it with that one"
            )
        texts = json.loads(found.plan), json.loads(found.orders)
        return Campaign(found.name, found.made_at, found.synced_at, found.paused, *texts)

    def make(self, plan: Mapping[str, Any], names: Sequence[str]) -> None:
        """Write a new campaign. Raises SettingsError where there is one of this name."""
        if self.campaign() is not None:
            raise SettingsError(f"there is a campaign {self.name} already: take another name, or look at its status")
        with self._begin() as link:
            now = self.now(link)
            made = {"name": self.name, "version": VERSION, "made_at": now, "synced_at": 0.0, "paused": ""}
            link.execute(CAMPAIGN.insert().values(**made, plan=json.dumps(dict(plan)), orders="{}"))
            rows = [_new(self.name, name, place, now) for place, name in enumerate(names)]
            if rows:
                link.execute(REPOSITORY.insert(), rows)

    def order(self, orders: Mapping[str, Any]) -> None:
        """Keep what this run was asked for; the next one does the same where it is not asked otherwise."""
        with self._begin() as link:
            link.execute(CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(orders=json.dumps(dict(orders))))

    def pause(self, why: str) -> None:
        """Pause the campaign, or let it go on with ""."""
        with self._begin() as link:
            link.execute(CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(paused=why))

    def synced(self) -> None:
        """Write down that the forge was asked now."""
        with self._begin() as link:
            link.execute(CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(synced_at=self.now(link)))

    def paused(self) -> str:
        """Say why it is paused; "" where it is not."""
        with self._begin() as link:
            return str(link.execute(sa.select(CAMPAIGN.c.paused).where(CAMPAIGN.c.name == self.name)).scalar() or "")

    # ---- its repositories ----

    def rows(self, *states: str) -> tuple[Row, ...]:
        """Read the repositories, those of some states or all, in the order of the list."""
        asked = sa.select(*_SEEN).where(REPOSITORY.c.campaign == self.name).order_by(REPOSITORY.c.place)
        if states:
            asked = asked.where(REPOSITORY.c.state.in_(states))
        with self._begin() as link:
            return tuple(_row(one) for one in link.execute(asked))

    def row(self, name: str) -> Row | None:
        """Read one repository."""
        asked = sa.select(*_SEEN).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.name == name)
        with self._begin() as link:
            found = link.execute(asked).one_or_none()
        return None if found is None else _row(found)

    def counts(self) -> Mapping[str, int]:
        """Count the repositories in each state; each state is there."""
        asked = sa.select(REPOSITORY.c.state, sa.func.count()).where(REPOSITORY.c.campaign == self.name)
        with self._begin() as link:
            found = {state: int(count) for state, count in link.execute(asked.group_by(REPOSITORY.c.state))}
        return {state: found.get(state, 0) for state in STATES}

    def prepared(self, name: str) -> str:
        """Read what was prepared for one repository; "" where there is nothing."""
        asked = sa.select(REPOSITORY.c.prepared).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.name == name)
        with self._begin() as link:
            return str(link.execute(asked).scalar() or "")

    def take(self, before: str, after: str, most: int, *, lane: str = "", most_open: int = 0) -> tuple[Row, ...]:
        """Move repositories into a state of work until ``most`` are in it, each to one taker only, and give them.

        ``lane``: only those of this lane, counted by themselves. ``most_open`` is the greatest number of open pull
        requests of the campaign, those on their way counted; 0 for no limit.
        """
        mine = REPOSITORY.c.campaign == self.name
        here = sa.and_(mine, REPOSITORY.c.lane == lane) if lane else mine
        with self._begin() as link:
            self._lock(link)
            room = most - _count(link, here, after)
            if most_open:
                room = min(room, most_open - _count(link, mine, OPEN, SENDING))
            asked = sa.select(*_SEEN).where(here, REPOSITORY.c.state == before).order_by(REPOSITORY.c.place)
            found = [_row(one) for one in link.execute(asked.limit(room))] if room > 0 else []
            now = self.now(link)
            for one in found:
                link.execute(_of(self.name, one.name).values(state=after, changed_at=now))
                self._note(link, one.name, before, after, now)
        return tuple(replace(one, state=after, at=now) for one in found)

    def lanes(self, state: str) -> tuple[str, ...]:
        """Name the lanes of the repositories in a state."""
        asked = sa.select(REPOSITORY.c.lane).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.state == state)
        with self._begin() as link:
            return tuple(sorted(link.execute(asked.distinct()).scalars()))

    def _lock(self, link: Connection) -> None:
        """Let one transaction at a time decide about the campaign; SQLite lets in one writer anyway."""
        if self.is_shared:
            link.execute(sa.select(CAMPAIGN.c.name).where(CAMPAIGN.c.name == self.name).with_for_update())

    def finish(self, row: Row, after: str, **more: Any) -> bool:
        """Move a repository on, if it still is as ``row`` says; False where another one was here before.

        ``again=True`` counts its turn up, so that its work is begun anew.
        """
        if more.pop("again", False):
            more["turn"] = row.turn + 1
        if "numbers" in more:
            more["numbers"] = json.dumps(dict(more["numbers"]))
        with self._begin() as link:
            now = self.now(link)
            change = _of(self.name, row.name).where(REPOSITORY.c.state == row.state, REPOSITORY.c.turn == row.turn)
            done = link.execute(change.values(state=after, changed_at=now, **more)).rowcount == 1
            if done and row.state != after:
                self._note(link, row.name, row.state, after, now)
        return done

    def _note(self, link: Connection, name: str, before: str, after: str, now: float) -> None:
        link.execute(EVENT.insert().values(campaign=self.name, at=now, name=name, before=before, after=after))

    def events(self) -> tuple[Event, ...]:
        """Read all changes of state, the oldest first."""
        asked = sa.select(EVENT).where(EVENT.c.campaign == self.name).order_by(EVENT.c.at, EVENT.c.id)
        with self._begin() as link:
            return tuple(Event(one.at, one.name, one.before, one.after) for one in link.execute(asked))

    # ---- the pace of a lane ----

    def slot(self, lane: str, apart: float, budget: int) -> tuple[float, str]:
        """Take the right to send one request that changes something: 0 seconds, or how long to wait and why.

        Two requests of a lane are ``apart`` seconds from each other, and at most ``budget`` are sent in any hour.
        The right is written down before it is used, so that a process that dies has used it.
        """
        with self._begin() as link:
            self._lane(link, lane)
            now = self.now(link)
            wait, why = self._wait(link, lane, now, apart, budget)
            if wait <= 0:
                link.execute(REQUEST.insert().values(lane=lane, at=now))
                link.execute(REQUEST.delete().where(REQUEST.c.at < now - REMEMBERED))
        return (wait, why) if wait > 0 else (0.0, "")

    def until(self, lane: str, budget: int) -> tuple[float, str]:
        """Say for how many seconds nothing may be begun on a lane, and why: as long as a whole pull request has no room.

        0 seconds where it may be.
        """
        with self._begin() as link:
            self._lane(link, lane)
            wait, why = self._wait(link, lane, self.now(link), 0.0, max(1, budget - ONE_PULL + 1))
        return (wait, why) if wait > 0 else (0.0, "")

    def _lane(self, link: Connection, lane: str) -> None:
        """Make the lane's row if it is not there, and lock it."""
        insert = _upsert(link)(LANE).values(lane=lane, held_until=0.0, why="").on_conflict_do_nothing()
        link.execute(insert)
        link.execute(sa.select(LANE.c.lane).where(LANE.c.lane == lane).with_for_update())

    def _wait(self, link: Connection, lane: str, now: float, apart: float, budget: int) -> tuple[float, str]:
        held = link.execute(sa.select(LANE.c.held_until, LANE.c.why).where(LANE.c.lane == lane)).one()
        sent = sa.select(REQUEST.c.at).where(REQUEST.c.lane == lane).order_by(REQUEST.c.at.desc())
        last = link.execute(sent.limit(1)).scalar()
        oldest = link.execute(sent.offset(budget - 1).limit(1)).scalar()
        waits = [(held.held_until - now, str(held.why))]
        if last is not None:
            waits.append((last + apart - now, ""))
        if oldest is not None:
            waits.append((oldest + HOUR - now, "the requests of this hour are used up"))
        return max(waits)

    def hold(self, lane: str, seconds: float, why: str) -> None:
        """Let nothing be sent on this lane for some seconds; the other lanes go on."""
        with self._begin() as link:
            self._lane(link, lane)
            until = self.now(link) + seconds
            later = sa.and_(LANE.c.lane == lane, LANE.c.held_until < until)
            link.execute(LANE.update().where(later).values(held_until=until, why=why))

    def held(self) -> Mapping[str, tuple[float, str]]:
        """Give the lanes that are held now: for how many seconds, and why."""
        with self._begin() as link:
            now = self.now(link)
            found = link.execute(sa.select(LANE).where(LANE.c.held_until > now)).all()
        return {one.lane: (one.held_until - now, one.why) for one in found}

    def sent(self, lanes: Sequence[str], seconds: float = HOUR) -> int:
        """Count the requests that changed something on these lanes in the last seconds."""
        with self._begin() as link:
            since = self.now(link) - seconds
            asked = sa.select(sa.func.count()).select_from(REQUEST)
            return int(link.execute(asked.where(REQUEST.c.lane.in_(lanes), REQUEST.c.at > since)).scalar_one())

    # ---- who works on it ----

    def executors(self) -> tuple[Executor, ...]:
        """Give those that run, or ran and did not say that they stopped."""
        asked = sa.select(EXECUTOR).where(EXECUTOR.c.campaign == self.name)
        with self._begin() as link:
            return tuple(Executor(one.name, one.host, one.process, one.beat_at) for one in link.execute(asked))

    def arrive(self, one: Executor, is_gone: Callable[[Executor, float], bool]) -> Executor | None:
        """Say that an executor runs; where another one of its name does, and is not gone, that one is given."""
        mine = sa.and_(EXECUTOR.c.campaign == self.name, EXECUTOR.c.name == one.name)
        with self._begin() as link:
            self._lock(link)
            now = self.now(link)
            found = link.execute(sa.select(EXECUTOR).where(mine)).one_or_none()
            if found is not None:
                there = Executor(found.name, found.host, found.process, found.beat_at)
                if not is_gone(there, now):
                    return there
                link.execute(EXECUTOR.delete().where(mine))
            values = {"name": one.name, "host": one.host, "process": one.process, "beat_at": now}
            link.execute(EXECUTOR.insert().values(campaign=self.name, **values))
        return None

    def beat(self, name: str) -> bool:
        """Say that an executor still runs; False where another one took it for dead."""
        mine = sa.and_(EXECUTOR.c.campaign == self.name, EXECUTOR.c.name == name)
        with self._begin() as link:
            return link.execute(EXECUTOR.update().where(mine).values(beat_at=self.now(link))).rowcount == 1

    def leave(self, name: str, *, has_work: bool) -> None:
        """Say that an executor stopped; what it was at, if anything, is for others then."""
        mine = sa.and_(EXECUTOR.c.campaign == self.name, EXECUTOR.c.name == name)
        with self._begin() as link:
            link.execute(
                EXECUTOR.update().where(mine).values(beat_at=0.0) if has_work else EXECUTOR.delete().where(mine)
            )

    def bury(self, own: str, silence: float) -> tuple[str, ...]:
        """Take the executors that were silent for so many seconds off the list, and name them: to one asker only."""
        with self._begin() as link:
            self._lock(link)
            before = self.now(link) - silence
            gone = sa.and_(EXECUTOR.c.campaign == self.name, EXECUTOR.c.name != own, EXECUTOR.c.beat_at < before)
            found = tuple(link.execute(sa.select(EXECUTOR.c.name).where(gone)).scalars())
            if found:
                link.execute(EXECUTOR.delete().where(gone))
        return found


_SEEN = tuple(column for column in REPOSITORY.c if column.name != "prepared")


def _new(campaign: str, name: str, place: int, now: float) -> Mapping[str, Any]:
    texts = dict.fromkeys(("lane", "reason", "url", "numbers", "prepared"), "")
    return {
        "campaign": campaign,
        "name": name,
        "place": place,
        "state": TODO,
        "turn": 1,
        "changed_at": now,
        "number": 0,
        **texts,
    }


def _row(one: sa.Row[Any]) -> Row:
    numbers = json.loads(one.numbers) if one.numbers else None
    return Row(one.name, one.state, one.turn, one.changed_at, one.lane, one.reason, one.url, one.number, numbers)


def _count(link: Connection, where: sa.ColumnElement[bool], *states: str) -> int:
    asked = sa.select(sa.func.count()).select_from(REPOSITORY).where(where, REPOSITORY.c.state.in_(states))
    return int(link.execute(asked).scalar_one())


def _of(campaign: str, name: str) -> sa.Update:
    return REPOSITORY.update().where(REPOSITORY.c.campaign == campaign, REPOSITORY.c.name == name)


def _upsert(link: Connection) -> Callable[[sa.Table], Any]:
    from sqlalchemy.dialects import postgresql, sqlite

    return postgresql.insert if link.dialect.name == "postgresql" else sqlite.insert


def _opened(url: str) -> Engine:
    made = sa.make_url(url)
    if made.get_backend_name() == "postgresql":
        return sa.create_engine(made.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    engine = sa.create_engine(made)

    @sa.event.listens_for(engine, "connect")
    def prepare(link: Any, _: object) -> None:
        # A writer waits for another one instead of failing, and readers wait for nobody.
        link.isolation_level = None
        link.execute("PRAGMA busy_timeout=30000")
        link.execute("PRAGMA journal_mode=WAL")

    @sa.event.listens_for(engine, "begin")
    def begin(link: Connection) -> None:
        link.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def _told(url: sa.URL) -> Iterator[None]:
    """Say in one line what the database says; neither the statement nor a password goes along."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        said = str(error.orig).strip().splitlines() or ["it does not answer"]
        raise CannotRun(f"{url.render_as_string(hide_password=True)}: {_bare(said[0], url)}") from None


def _bare(text: str, url: sa.URL) -> str:
    return text.replace(str(url.password), "***") if url.password else text
