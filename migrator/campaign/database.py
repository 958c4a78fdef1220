"""Answer one question: where is a campaign kept, and what is a transaction there?

SQLite on one machine or PostgreSQL for many: the same tables. No token and no key ever gets into one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from migrator.settings import CannotRun, SettingsError

UNREADABLE = "--db: no URL that can be read; in a password, %40 stands for @, %25 for %, %2F for /"
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


class Database:
    """The tables. ``clock`` gives seconds since 1970; of PostgreSQL the server's own counts."""

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        """Open it; ``url`` is as SQLAlchemy reads it. Raises CannotRun, without the URL's password."""
        self._clock = clock
        self._engine = _opened(url)
        with self.begin() as link:
            TABLES.create_all(link)

    @property
    def is_shared(self) -> bool:
        """Say whether other machines can work on it too."""
        return self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction, which ends well or leaves nothing behind."""
        with _told(self._engine.url), self._engine.begin() as link:
            yield link

    def now(self, link: Connection | None = None) -> float:
        """Give the time by which everything here is measured."""
        if self._clock is not None:
            return self._clock()
        if not self.is_shared:
            return time.time()
        if link is None:
            with self.begin() as made:
                return self.now(made)
        return float(link.execute(sa.text("select extract(epoch from clock_timestamp())")).scalar_one())

    def lock(self, link: Connection, campaign: str) -> None:
        """Let one transaction at a time decide about a campaign; SQLite lets in one writer anyway."""
        if self.is_shared:
            link.execute(sa.select(CAMPAIGN.c.name).where(CAMPAIGN.c.name == campaign).with_for_update())


def _opened(url: str) -> Engine:
    try:
        made = sa.make_url(url)
    except (ValueError, sa.exc.ArgumentError):
        # Its own words quote a part of the URL, which may be one of the password.
        raise SettingsError(UNREADABLE) from None
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
