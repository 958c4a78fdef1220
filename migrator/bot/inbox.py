"""Answer one question: which work is waiting, and who is doing it?

A delivery is kept by its id before it is answered, so that one that comes twice is done once. Whoever takes a task has
it for the time of a lease, and renews that; one whose lease runs out, as its process was killed, is taken again. Of one
repository only one task is worked on at a time. No payload is kept, and no secret.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from migrator.bot.database import Database, Rows
from migrator.bot.events import Kind, Reading, Task

# How long a task is somebody's without a renewal, in seconds, and how often it is tried before it is put aside.
LEASE, TRIES = 60.0, 7
# The first wait before another try, in seconds; each one after that is four times as long: 11 hours in all.
FIRST = 30.0
DAY = 86_400.0
# GitHub keeps deliveries for three days, so older ids cannot come again.
KEPT = 30 * DAY
LONGEST = 500

SCHEMA = (
    "create table if not exists deliveries (id text primary key, event text not null, action text not null, "
    "note text not null, received double precision not null)",
    "create table if not exists tasks (id text primary key, kind text not null, repository text not null, "
    "number bigint not null, word text not null, comment bigint not null, sender text not null, author text not null, "
    "state text not null, priority integer not null, tries integer not null, due double precision not null, "
    "lease double precision not null, worker text not null, reason text not null, received double precision not null, "
    "ended double precision not null)",
    "create index if not exists tasks_state on tasks (state, due)",
    "create index if not exists tasks_repository on tasks (repository, state)",
)
_TASK = "kind, repository, number, word, comment, sender, author"
_OPEN = "((state = 'waiting' and due <= ?) or (state = 'working' and lease <= ?))"
_CHOOSE = (
    f"select id, tries, {_TASK} from tasks where {_OPEN} and not exists (select 1 from tasks as other "
    "where other.repository = tasks.repository and other.state = 'working' and other.lease > ? ) "
    "order by priority, received, id limit 1"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A task in somebody's hands: ``tries`` counts this one."""

    id: str
    tries: int
    task: Task


@dataclass(eq=False)
class Inbox:
    """The tasks of one bot; ``clock`` gives seconds since 1970."""

    database: Database
    clock: Callable[[], float] = time.time
    _is_made: bool = field(default=False, repr=False)

    def put(self, delivery: str, reading: Reading, *, priority: int = 0) -> bool:
        """Keep a delivery and its tasks; False where it is there already. A lower ``priority`` is done earlier."""
        now = self.clock()
        with self._rows() as rows:
            row = (delivery, reading.event, reading.action, reading.why, now)
            if not rows.run("insert into deliveries values (?, ?, ?, ?, ?) on conflict do nothing", *row):
                return False
            rows.each(
                "insert into tasks values (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, 0, ?, 0, '', '', ?, 0)",
                (
                    (f"{delivery}/{i}", *_columns(task), priority, now, now + i * 1e-6)
                    for i, task in enumerate(reading.tasks)
                ),
            )
            return True

    def has(self, delivery: str) -> bool:
        """Say whether a delivery came."""
        with self._rows() as rows:
            return bool(rows.ask("select 1 from deliveries where id = ?", delivery))

    def take(self, worker: str) -> Job | None:
        """Take the next task, for the time of a lease; None where there is none to do now.

        Others in which the same person asks for the same are done with it: the work looks at how things are, not at
        how they were. What the bot itself caused is nothing, and must not stand for what somebody else did.
        """
        now = self.clock()
        with self._rows() as rows:
            while found := rows.ask(_CHOOSE, now, now, now):
                job = _job(found[0])
                if job.tries <= TRIES:
                    break
                self._end(rows, job.id, "parked", f"it was begun {TRIES} times, and never ended")
            else:
                return None
            rows.run(
                "update tasks set state = 'working', tries = ?, lease = ?, worker = ? where id = ?",
                *(job.tries, now + LEASE, worker, job.id),
            )
            task = job.task
            if task.kind != "command":
                rows.run(
                    "update tasks set state = 'done', reason = 'done together with another one', ended = ? "
                    f"where {_OPEN} and id <> ? and kind = ? and repository = ? and number = ? and sender = ? "
                    "and author = ?",
                    *(now, now, now, job.id, task.kind, task.repository, task.number, task.sender, task.author),
                )
            return job

    def renew(self, worker: str) -> int:
        """Keep all tasks of a worker for another lease, and say how many they are."""
        with self._rows() as rows:
            return rows.run(
                "update tasks set lease = ? where state = 'working' and worker = ?", self.clock() + LEASE, worker
            )

    def done(self, job: Job, worker: str, reason: str) -> None:
        """End a task, unless somebody else has it by now."""
        with self._rows() as rows:
            self._end(rows, job.id, "done", reason, worker)

    def failed(self, job: Job, worker: str, reason: str, wait: float | None = None) -> bool:
        """Let a task wait for its next try, or put it aside after the last one; False where it is put aside.

        ``wait`` are the seconds that the forge asks for, if it does: longer than ours, and no failure of the task.
        """
        with self._rows() as rows:
            if wait is None and job.tries >= TRIES:
                self._end(rows, job.id, "parked", reason, worker)
                return False
            due = self.clock() + (FIRST * 4.0 ** (job.tries - 1) if wait is None else wait)
            tries = job.tries - (wait is not None)
            rows.run(
                "update tasks set state = 'waiting', due = ?, lease = 0, reason = ?, tries = ? "
                "where id = ? and state = 'working' and worker = ?",
                *(due, reason[:LONGEST], tries, job.id, worker),
            )
            return True

    def release(self, worker: str) -> int:
        """Give back all tasks of a worker, as if they had not been begun; gives how many they are."""
        with self._rows() as rows:
            return rows.run(
                "update tasks set state = 'waiting', tries = tries - 1, lease = 0, worker = '' "
                "where state = 'working' and worker = ?",
                worker,
            )

    def counts(self) -> Mapping[str, int]:
        """Count the tasks by their state."""
        with self._rows() as rows:
            found = rows.ask("select state, count(*) from tasks group by state")
        return {str(state): int(str(count)) for state, count in found}

    def parked(self) -> tuple[tuple[Task, str], ...]:
        """Give the tasks that were put aside, each with the reason."""
        with self._rows() as rows:
            found = rows.ask(f"select reason, {_TASK} from tasks where state = 'parked' order by received, id")
        return tuple((_task(row[1:]), str(row[0])) for row in found)

    def prune(self) -> int:
        """Forget what ended, and what came, more than 30 days ago; gives how many tasks that are."""
        before = self.clock() - KEPT
        with self._rows() as rows:
            rows.run("delete from deliveries where received < ?", before)
            return rows.run("delete from tasks where state in ('done', 'parked') and ended < ?", before)

    def _end(self, rows: Rows, job: str, state: str, reason: str, worker: str | None = None) -> None:
        mine = "" if worker is None else " and state = 'working' and worker = ?"
        values = (state, reason[:LONGEST], self.clock(), job, *(() if worker is None else (worker,)))
        rows.run(f"update tasks set state = ?, reason = ?, lease = 0, ended = ? where id = ?{mine}", *values)

    @contextmanager
    def _rows(self) -> Iterator[Rows]:
        if not self._is_made:
            with self.database.transaction() as rows:
                for statement in SCHEMA:
                    rows.run(statement)
            self._is_made = True
        with self.database.transaction() as rows:
            yield rows


def _columns(task: Task) -> tuple[object, ...]:
    return task.kind, task.repository, task.number, task.word, task.comment, task.sender, task.author


def _job(row: tuple[object, ...]) -> Job:
    return Job(str(row[0]), int(str(row[1])) + 1, _task(row[2:]))


def _task(row: tuple[object, ...]) -> Task:
    kind, repository, number, word, comment, sender, author = row
    known: Mapping[str, Kind] = {"publish": "publish", "check": "check", "command": "command"}
    return Task(
        known[str(kind)], str(repository), int(str(number)), str(word), int(str(comment)), str(sender), str(author)
    )
