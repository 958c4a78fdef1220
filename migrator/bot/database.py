"""Answer one question: how does the bot keep rows, in one file or in PostgreSQL, with the same statements?

One connection serves the process; a transaction takes it for itself. In SQLite a transaction holds the file's lock for
writing from its first statement, in PostgreSQL a lock of ours, so that of several processes one at a time chooses work.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from migrator.settings import CannotRun, SettingsError

Row = tuple[object, ...]
POSTGRES = ("postgresql", "postgres")
# Any number, as long as nobody else locks it in this database.
LOCK = 6_117_004


class Cursor(Protocol):
    """What both give for a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchall(self) -> Sequence[Row]:
        """Give all rows."""
        ...


class Connection(Protocol):
    """What both are, as far as it is used here."""

    def execute(self, statement: str, values: Sequence[object] = ..., /) -> Cursor:
        """Carry out one statement."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows as one transaction sees them."""

    _connection: Connection
    _is_postgres: bool

    def ask(self, statement: str, *values: object) -> Sequence[Row]:
        """Carry out a statement, with ``?`` for each value, and give its rows."""
        return self._run(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Carry out a statement, and give how many rows it changed."""
        return self._run(statement, values).rowcount

    def each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Carry out a statement for each row."""
        for row in rows:
            self._run(statement, row)

    def _run(self, statement: str, values: Sequence[object]) -> Cursor:
        return self._connection.execute(statement.replace("?", "%s") if self._is_postgres else statement, values)


@dataclass(eq=False)
class Database:
    """A database by its place: a file, or the URL of a PostgreSQL. The password in a URL is shown nowhere."""

    place: str = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _connection: Connection | None = field(default=None, repr=False)

    @property
    def is_postgres(self) -> bool:
        """Say whether it is no file."""
        return urlsplit(self.place).scheme in POSTGRES

    @property
    def shown(self) -> str:
        """Name it without a password."""
        if not self.is_postgres:
            return self.place
        parts = urlsplit(self.place)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """Do several things as one, or none of them. Raises CannotRun where the database does not answer."""
        with self._lock:
            connection = self._begun()
            rows = Rows(connection, self.is_postgres)
            try:
                yield rows
                rows.run("commit")
            except BaseException as error:
                self._undo(connection)
                if isinstance(error, self._errors()):
                    raise CannotRun(f"{self.shown}: {_line(error)}") from None
                raise

    def close(self) -> None:
        """Close it; it opens again when it is used."""
        with self._lock:
            self._drop()

    def _connect(self) -> Connection:
        try:
            self._connection = self._postgres() if self.is_postgres else self._sqlite()
        except self._errors() as error:
            raise CannotRun(f"{self.shown}: {_line(error)}") from None
        return self._connection

    def _sqlite(self) -> Connection:
        made = sqlite3.connect(self.place, timeout=30, isolation_level=None, check_same_thread=False)
        # What was answered with 202 is on the disk, even if the power goes.
        try:
            for pragma in ("journal_mode=wal", "synchronous=full"):
                made.execute(f"pragma {pragma}")
        except sqlite3.Error:
            made.close()
            raise
        return made

    def _postgres(self) -> Connection:
        return _psycopg()(self.place, autocommit=True, connect_timeout=10)

    def _begun(self) -> Connection:
        """Begin a transaction, on a new connection where the old one is gone: a server may start anew."""
        if self._connection is not None:
            with contextlib.suppress(*self._errors()):
                self._begin(self._connection)
                return self._connection
            self._drop()
        connection = self._connect()
        try:
            self._begin(connection)
        except self._errors() as error:
            self._drop()
            raise CannotRun(f"{self.shown}: {_line(error)}") from None
        return connection

    def _begin(self, connection: Connection) -> None:
        rows = Rows(connection, self.is_postgres)
        if self.is_postgres:
            rows.run("begin")
            rows.run("select pg_advisory_xact_lock(?)", LOCK)
        else:
            rows.run("begin immediate")

    def _undo(self, connection: Connection) -> None:
        """Take back what was done; a connection that cannot even do that is replaced by a new one."""
        try:
            connection.execute("rollback")
        except self._errors():
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*self._errors()):
                self._connection.close()
        self._connection = None

    def _errors(self) -> tuple[type[Exception], ...]:
        if not self.is_postgres:
            return (sqlite3.Error,)
        import psycopg

        return (psycopg.Error,)


def _psycopg() -> Callable[..., Connection]:
    try:
        import psycopg
    except ImportError:
        raise SettingsError("MIGRATOR_DATABASE: for PostgreSQL, pip install 'migrator-llm[postgres]'") from None
    return psycopg.connect


def _line(error: Exception) -> str:
    """Give the first line of what the database says; the others repeat the statement."""
    return (str(error).strip().splitlines() or ["it does not answer"])[0][:300]
