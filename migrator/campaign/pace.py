"""Answer one question: when may the next request that changes something be sent?

GitHub asks for a second between two of them, and takes 500 an hour (its "Rate limits for the REST API" and "Best
practices"). A lane is one host and one installation, or one token: each has its own pace, and where the forge asks one
to wait, the others go on. The pace is kept in the ledger, so that it holds over restarts and over machines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from migrator.campaign.ledger import Ledger

APART = 1.0
BUDGET = 500
# A run that was told to stop finishes what it is at, if no wait in it is longer than this, in seconds.
PATIENCE = 3.0


class Stopped(Exception):
    """The run was told to stop, and what it was at would take long."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of one lane: ``apart`` seconds between two requests, ``budget`` requests in any hour.

    ``stop`` is set when the run is told to stop.
    """

    ledger: Ledger
    lane: str
    apart: float
    budget: int
    stop: threading.Event
    clock: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = field(default=time.sleep)

    def wait(self) -> None:
        """Wait until a request may be sent; call it right before. Raises Stopped.

        It waits the whole distance from its call on. Who sends one request after the other has the answer to the last
        one by then, so that the server sees this distance too, however long each was on its way.
        """
        began = self.clock()
        while True:
            wait = began + self.apart - self.clock()
            if wait <= 0:
                wait, _ = self.ledger.lanes.slot(self.lane, self.apart, self.budget)
            if wait <= 0:
                return
            self._rest(wait)

    def sleep(self, seconds: float) -> None:
        """Hold the lane, as the forge asks. Raises Stopped."""
        self.ledger.lanes.hold(self.lane, seconds, "the forge asks to wait")
        end = self.clock() + seconds
        while (left := end - self.clock()) > 0:
            self._rest(left)

    def _rest(self, seconds: float) -> None:
        if self.stop.is_set() and seconds > PATIENCE:
            raise Stopped
        self.rest(min(seconds, 1.0))
