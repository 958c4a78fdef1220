"""Answer one question: how does a run of a campaign go from its list to its pull requests?

It hands out work a little at a time, so that a pause is one at once, and looks after what others left behind. All
that counts is in the ledger; a run may be killed at any moment and begun again.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from migrator.campaign import ledger as states
from migrator.campaign import windows
from migrator.campaign.access import Access
from migrator.campaign.engine import Engine
from migrator.campaign.executors import Executor
from migrator.campaign.ledger import Ledger
from migrator.campaign.orders import Orders
from migrator.campaign.sync import sync
from migrator.settings import CannotRun

# Seconds: between two looks at the ledger, between two signs of life, the silence after which one counts as dead, and
# between two questions what became of the pull requests.
LOOK, BEAT, SILENCE, SYNC = 0.25, 5.0, 30.0, 300.0
# Scans handed out ahead for each worker, and pull requests for each lane.
AHEAD, IN_LANE = 2, 2
# So many failures behind each other, all for one reason, are no fault of the repositories.
MOST_FAILURES = 20
# Of a token that the forge does not take so many are enough.
MOST_REFUSED, REFUSED = 3, " answers 401 "


@dataclass
class Run:
    """One run: ``me`` is this process. ``shown`` is called now and then, to show how far it is."""

    ledger: Ledger
    engine: Engine
    access: Access
    orders: Orders
    me: Executor
    stop: threading.Event
    stays: bool = False
    shown: Callable[[], None] = lambda: None
    _next: dict[str, float] = field(default_factory=dict)
    _began: float = 0.0
    _is_lost: bool = False

    def until_done(self) -> None:
        """Work until there is nothing to do, nothing that can be done now, or the run is told to stop."""
        self._began = self.ledger.now()
        self._again()
        with self._beating():
            self._loop()
        if self._is_lost:
            raise CannotRun("another process took this one for dead, and goes on: run it again")

    def _loop(self) -> None:
        while not self.stop.is_set():
            if self._is_due("care", BEAT):
                self._look_after()
            if self._is_due("sync", SYNC):
                self._sync()
            goes_on = self._hand_out()
            self.shown()
            counts = self.ledger.counts()
            if not any(counts[state] for state in states.UNDONE) or not (goes_on or self.stays):
                break
            self.stop.wait(LOOK)

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """Give signs of life, however long the rest takes; stop where another one took this process for dead."""
        is_over = threading.Event()

        def beat() -> None:
            while not is_over.wait(BEAT):
                with suppress(CannotRun):
                    if not self.ledger.executors.beat(self.me.name):
                        self._is_lost = True
                        self.stop.set()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._next.get(what, 0.0):
            return False
        self._next[what] = now + seconds
        return True

    def _again(self) -> None:
        """Ask again for all that was handed out: what the engine knows it does not do twice."""
        for row in self.ledger.rows(states.SCANNING):
            self.engine.scan(row.name, row.turn)
        for row in self.ledger.rows(states.SENDING):
            self.engine.send(row.name, row.turn, row.lane)

    def _look_after(self) -> None:
        """Take over from the dead, and write down what broke."""
        self._stop_if_all_fail()
        if self.engine.rescue(self.ledger.executors.bury(self.me.name, SILENCE)):
            self._again()
        rows = {row.name: row for row in self.ledger.rows(states.SCANNING, states.SENDING)}
        kinds = {states.SCANNING: "scan", states.SENDING: "pr"}
        for name, why in self.engine.broken((kinds[row.state], row.name, row.turn) for row in rows.values()).items():
            self.ledger.finish(rows[name], states.FAILED, reason=f"an error of migrator: {why}")

    def _stop_if_all_fail(self) -> None:
        """Stop where the last ones all failed alike, as with a server that is down."""
        ended = sorted(
            self.ledger.rows(states.CLEAN, states.WAITING, states.OPEN, states.FAILED), key=lambda one: one.at
        )
        is_refused = all(REFUSED in row.reason for row in ended[-MOST_REFUSED:])
        most = MOST_REFUSED if is_refused else MOST_FAILURES
        last = ended[-most:]
        alike = {row.reason.replace(row.name, "…") for row in last}
        if len(last) == most and len(alike) == 1 and all(row.state == states.FAILED for row in last):
            if last[-1].at > self._began:
                raise CannotRun(f"the last {most} all failed: {alike.pop()}; then `campaign retry --failed`")

    def _sync(self) -> None:
        """Ask what became of the open ones; that it cannot be asked now stops nothing."""
        with suppress(CannotRun):
            sync(self.ledger, self.access)

    def _hand_out(self) -> bool:
        """Hand out work, and say whether something goes on that ends by itself."""
        if self.ledger.paused():
            return self._goes_on(may_begin=False, is_open=False)
        # Where reading is limited, or the one token, nothing is read either; a lane of an app holds back its own.
        if not {self.access.host, f"{self.access.host}#token"} & set(self.ledger.lanes.held()):
            for row in self.ledger.take(states.TODO, states.SCANNING, AHEAD * self.orders.workers):
                self.engine.scan(row.name, row.turn)
        is_open = windows.is_open(self.orders.spans, datetime.now(UTC))
        if is_open:
            self._hand_out_sending()
        return self._goes_on(may_begin=True, is_open=is_open)

    def _goes_on(self, *, may_begin: bool, is_open: bool) -> bool:
        """Say whether anything is at work, or will be without anybody's help."""
        counts = self.ledger.counts()
        has_room = is_open and not 0 < self.orders.max_open <= counts[states.OPEN]
        return bool(
            counts[states.SCANNING]
            or counts[states.SENDING]
            or (may_begin and counts[states.TODO])
            or (has_room and counts[states.WAITING])
        )

    def _hand_out_sending(self) -> None:
        for lane in self.ledger.lanes_of(states.WAITING):
            if self.ledger.lanes.until(lane, self.orders.per_hour)[0] > 0:
                continue
            for row in self.ledger.take(
                states.WAITING, states.SENDING, IN_LANE, lane=lane, most_open=self.orders.max_open
            ):
                self.engine.send(row.name, row.turn, row.lane)


def me(name: str) -> Executor:
    """Say who this process is; by its name it finds again what it had begun."""
    host = socket.gethostname()
    return Executor(name or host, host, os.getpid())


def is_gone(one: Executor, now: float) -> bool:
    """Say whether an executor has ended: on this machine by its process, elsewhere by its silence."""
    if one.host != socket.gethostname() or os.name == "nt":
        return now - one.beat_at > SILENCE
    return one.process == os.getpid() or not _runs(one.process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def arrive(ledger: Ledger, one: Executor) -> None:
    """Say that an executor works. Raises CannotRun where another one of its name does."""
    there = ledger.executors.arrive(one, is_gone)
    if there is not None:
        raise CannotRun(
            f"{ledger.name} is being run already, by process {there.process} on {there.host}: "
            "stop it, or give this one another name with --executor"
        )


@contextmanager
def listening() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set; the second Ctrl-C ends the process as usual."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def told(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    for number in before:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
