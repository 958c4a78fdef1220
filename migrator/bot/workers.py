"""Answer one question: who does the work while deliveries come in, and how does it stop?

Each worker takes one task after the other. A keeper renews the leases of those that are worked on, and a sweeper looks
for what was lost. When the server stops they end what they are at, or give it back after a while.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from migrator.bot.events import Task
from migrator.bot.inbox import DAY, LEASE, Inbox, Job
from migrator.bot.log import Log, Meters
from migrator.github_api import Limited
from migrator.settings import CannotRun, SettingsError

# How long a worker waits for work that no delivery of this process announces: another try, another process.
PATIENCE = 2.0
# How long the end waits for what is being done, in seconds; systemd kills after 90, Kubernetes after 30.
GRACE = 25.0
SWEEP = 600.0
Result = TypeVar("Result")


@dataclass(eq=False)
class Workers:
    """The threads of one process. ``do`` does a task and says in a few words what came of it."""

    inbox: Inbox
    do: Callable[[Task], str]
    log: Log
    meters: Meters
    count: int = 2
    sweep: Callable[[], str] | None = None
    grace: float = GRACE
    every: float = SWEEP
    name: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(6)}")
    _stopping: threading.Event = field(default_factory=threading.Event)
    _work: threading.Condition = field(default_factory=threading.Condition)

    def wake(self) -> None:
        """Say that there is work."""
        with self._work:
            self._work.notify()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work while this lasts."""
        todo: list[Callable[[], None]] = [self._working] * self.count + [self._keeping]
        todo += [self._sweeping] if self.sweep is not None else []
        threads = [threading.Thread(target=one, daemon=True) for one in todo]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end(threads)

    def _end(self, threads: list[threading.Thread]) -> None:
        """Wait a while for what is being done, and give back what is not done then."""
        self._stopping.set()
        with self._work:
            self._work.notify_all()
        until = time.monotonic() + self.grace
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        given = self.inbox.release(self.name)
        self.log.say("stopped", given_back=given)

    def _working(self) -> None:
        while not self._stopping.is_set():
            job = self._guarded(lambda: self.inbox.take(self.name))
            if job is not None:
                self._guarded(partial(self._one, job))
            else:
                with self._work:
                    if not self._stopping.is_set():
                        self._work.wait(PATIENCE)

    def _one(self, job: Job) -> None:
        """Do one task. The one place where any error of ours ends: it is told, and tried again."""
        begun = time.monotonic()
        wait: float | None = None
        try:
            outcome, said = "done", self.do(job.task)
        except Limited as error:
            outcome, said, wait = "failed", str(error), error.seconds
        except CannotRun as error:
            outcome, said = "failed", str(error)
        except SettingsError as error:
            # Nothing but a change of the repository mends that, and such a change is a new delivery.
            outcome, said = "done", str(error)
        except Exception as error:
            outcome, said = "failed", place(error)
        said = self.log.clean(said)
        if outcome == "done":
            self.inbox.done(job, self.name, said)
        elif not self.inbox.failed(job, self.name, said, wait):
            outcome = "parked"
        seconds = time.monotonic() - begun
        self.meters.add("migrator_tasks_total", kind=job.task.kind, outcome=outcome)
        self.meters.add("migrator_task_seconds_total", seconds, kind=job.task.kind)
        self._tell(job, outcome, said, seconds)

    def _tell(self, job: Job, outcome: str, said: str, seconds: float) -> None:
        task = job.task
        more: dict[str, object] = {"number": task.number} if task.number else {}
        more |= {"command": task.word} if task.word else {}
        level = "info" if outcome == "done" else "error"
        about = {"kind": task.kind, "repository": task.repository, **more, "outcome": outcome, "said": said}
        self.log.say("task", level=level, id=job.id, tries=job.tries, seconds=round(seconds, 3), **about)

    def _keeping(self) -> None:
        pruned = 0.0
        while not self._stopping.wait(LEASE / 3):
            self._guarded(lambda: self.inbox.renew(self.name))
            if time.monotonic() - pruned > DAY:
                pruned = time.monotonic()
                self._guarded(self.inbox.prune)

    def _sweeping(self) -> None:
        assert self.sweep is not None
        # The first one soon: what came while the server was away is lost until then.
        wait = min(5.0, self.every)
        while not self._stopping.wait(wait):
            wait = self.every
            said = self._guarded(self.sweep)
            self.meters.add("migrator_sweeps_total", outcome="failed" if said is None else "done")
            if said:
                self.log.say("sweep", said=said)
                self.wake()

    def _guarded(self, act: Callable[[], Result]) -> Result | None:
        """Let a thread go on after any error; None where there was one."""
        try:
            return act()
        except SettingsError as error:
            self.log.say("error", level="error", why=str(error))
        except Exception as error:
            self.log.say("error", level="error", why=place(error))
        self._stopping.wait(PATIENCE)
        return None


def place(error: BaseException) -> str:
    """Say where an error of ours happened, without its words, which may quote what nobody should read."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"an error of migrator: {type(error).__name__}{where}"
