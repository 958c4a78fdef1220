"""Answer one question: how many requests may be under way, and when may the next one leave?

The number grows by one with each round of answers and is halved when the server says that there were too many (additive
increase, multiplicative decrease). What the server says about its limits in headers is obeyed.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST, MOST = 4, 32
# No wait is longer, in seconds; where the server asks for more, the run ends.
LONGEST = 600.0
# So long, in seconds, a server may say nothing but that it is busy; then the run ends.
PATIENCE = 900.0
# Attempts of one request: too many requests, a server's error, a connection that was refused.
TRIES = 6
# As long as the server has not answered once, it is more likely not there.
FIRST_TRIES = 3
AGAIN = frozenset({409, 425, 429, 500, 502, 503, 529})
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """Read a time such as ``6m0s``, ``20ms`` or ``1.5``, in seconds; None for what is no time, such as a date."""
    try:
        return float(text)
    except ValueError:
        found = _TIME.findall(text)
        return sum(float(number) * _SECONDS[unit] for number, unit in found) if found else None


def minutes(wait: float) -> str:
    """Say a time for people: ``15 minutes``, and in hours from two on."""
    many, of = (wait / 60, "minute") if wait < 7200 else (wait / 3600, "hour")
    return f"{max(1, round(many))} {of}{'s' * (round(many) > 1)}"


def _until(date: str) -> float | None:
    """Read a date of HTTP as the seconds until then."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


def wait_for(headers: Mapping[str, str], attempt: int) -> float:
    """Give how long to wait before the next attempt, in seconds: what the server says, else twice as long each time.

    A little is added by chance, so that not all leave at the same moment.
    """
    exact, said = headers.get("retry-after-ms"), headers.get("retry-after", "")
    told = (seconds(exact) or 0) / 1000 if exact else seconds(said)
    told = _until(said) if told is None and said else told
    if told is not None and told >= 0:
        return told + random.uniform(0, 0.1)
    return float(0.5 * (1 << attempt) * random.uniform(0.75, 1.25))


class Pace:
    """How many requests are under way at once; ``async with`` takes one place.

    ``flying`` are the tasks whose request has left and whose answer has not come. ``on_busy`` hears, each time
    the server says that it is busy, for how many seconds it has said nothing else, and in how many it is asked again.
    """

    def __init__(self, most: int = MOST, on_busy: Callable[[float, float], None] = lambda *_: None) -> None:
        self.allowed, self.most, self.on_busy = float(min(FIRST, most)), most, on_busy
        self.flying: set[asyncio.Task[object]] = set()
        self.has_heard = False
        self.is_closing = False
        self._changed = asyncio.Condition()
        self._closed_until = 0.0
        self._halved = 0.0
        self._busy_since: float | None = None

    async def __aenter__(self) -> float:
        """Wait for a place, and give the moment at which it was free."""
        task = asyncio.current_task()
        assert task is not None, "a request runs in a task of its own"
        async with self._changed:
            while True:
                if len(self.flying) >= int(self.allowed):
                    await self._changed.wait()
                elif (left := self._closed_until - _now()) > 0:
                    await _at_most(self._changed, left)
                else:
                    self.flying.add(task)
                    return _now()

    async def __aexit__(self, *_: object) -> None:
        task = asyncio.current_task()
        async with self._changed:
            self.flying -= {task} if task is not None else set()
            self._changed.notify_all()

    def answered(self, headers: Mapping[str, str]) -> None:
        """Take one more at a time, no more than the server has left, and none where that is none."""
        self.has_heard = True
        self.heard()
        self.allowed = min(self.allowed + 1 / self.allowed, self.most)
        for kind in ("requests", "tokens"):
            left = seconds(headers.get(f"x-ratelimit-remaining-{kind}", ""))
            if left is not None and kind == "requests":
                self.allowed = max(1.0, min(self.allowed, left))
            if left == 0:
                self._close(seconds(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0)

    def heard(self) -> None:
        """Note that the server is there and has time for us, whatever it says about the request."""
        self._busy_since = None

    def refused(self, wait: float, left_at: float) -> float:
        """Take half as many at a time, and none until the server's time is over.

        The refusals of one crowd halve once: those that left before the last halving say nothing about it.
        Gives for how many seconds the server has now said nothing else.
        """
        self._close(wait)
        if left_at >= self._halved:
            self.allowed, self._halved = max(1.0, self.allowed / 2), _now()
        since = left_at if self._busy_since is None else self._busy_since
        self._busy_since = since
        return _now() - since

    def _close(self, wait: float) -> None:
        self._closed_until = max(self._closed_until, _now() + min(wait, LONGEST))


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _at_most(changed: asyncio.Condition, wait: float) -> None:
    """Wait for a change, or for the time to be over."""
    try:
        await asyncio.wait_for(changed.wait(), wait)
    except TimeoutError:
        return
