"""Answer one question: how many requests may be under way, and when may the next one leave?

The number grows by one with each round of answers and is halved when the server says that there were too many (additive
increase, multiplicative decrease). What the server says about its limits in headers is obeyed.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping

FIRST, MOST = 4, 32
LONGEST = 60.0
# Retries of one request: too many requests, a server's error, a connection that broke.
TRIES = 6
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """Read a time such as ``6m0s``, ``20ms`` or ``1.5``, in seconds."""
    try:
        return float(text)
    except ValueError:
        found = _TIME.findall(text)
        return sum(float(number) * _SECONDS[unit] for number, unit in found) if found else None


def wait_for(headers: Mapping[str, str], attempt: int) -> float:
    """Give how long to wait before the next attempt, in seconds: what the server says, else twice as long each time."""
    said = headers.get("retry-after-ms")
    told = (seconds(said) or 0) / 1000 if said else seconds(headers.get("retry-after", ""))
    if told is not None and told >= 0:
        return min(told, LONGEST)
    return min(0.5 * (1 << attempt), LONGEST) * random.uniform(0.75, 1.25)


class Pace:
    """How many requests are under way at once; ``async with`` takes one place."""

    def __init__(self, most: int = MOST) -> None:
        self.allowed, self.most = float(min(FIRST, most)), most
        self._busy = 0
        self._changed = asyncio.Condition()
        self._closed_until = 0.0

    async def __aenter__(self) -> None:
        async with self._changed:
            while self._busy >= int(self.allowed):
                await self._changed.wait()
            self._busy += 1
        while (left := self._closed_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def answered(self, headers: Mapping[str, str]) -> None:
        """Take one more at a time, and stop where the server says that nothing is left for now."""
        self.allowed = min(self.allowed + 1 / self.allowed, self.most)
        for kind in ("requests", "tokens"):
            if headers.get(f"x-ratelimit-remaining-{kind}") == "0":
                self._close(seconds(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0)

    def refused(self, wait: float) -> None:
        """Take half as many at a time, and none until the server's time is over."""
        self.allowed = max(1.0, self.allowed / 2)
        self._close(wait)

    def _close(self, wait: float) -> None:
        until = asyncio.get_running_loop().time() + min(wait, LONGEST)
        self._closed_until = max(self._closed_until, until)
