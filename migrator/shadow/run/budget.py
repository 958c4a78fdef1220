"""Answer one question: may this call be paid for?

A call is sent only when what it may cost at most is still free: spent and reserved money together never exceed the cap.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

NOTHING = Decimal(0)


class Budget:
    """Money in dollars, exact. ``cap`` None bounds nothing; ``spent`` is what a run that goes on has spent before."""

    def __init__(self, cap: Decimal | None = None, spent: Decimal = NOTHING) -> None:
        self.cap, self.spent, self.reserved = cap, spent, NOTHING
        self._under_way = 0
        self._changed = asyncio.Condition()

    def try_reserve(self, worst: Decimal) -> bool:
        """Reserve what a call may cost at most, if that is free now."""
        if self.cap is not None and self.spent + self.reserved + worst > self.cap:
            return False
        self.take(worst)
        return True

    def take(self, worst: Decimal) -> None:
        """Reserve what is under way already, whether it is free or not."""
        self.reserved += worst
        self._under_way += 1

    async def reserve(self, worst: Decimal) -> bool:
        """Reserve the same; wait for calls under way, and say no when even they leave too little."""
        async with self._changed:
            while not self.try_reserve(worst):
                if not self._under_way:
                    return False
                await self._changed.wait()
        return True

    async def settle(self, worst: Decimal, cost: Decimal, calls: int = 1) -> None:
        """Give back what was reserved for some calls, and pay what they cost."""
        self.reserved -= worst
        self.spent += cost
        self._under_way -= calls
        async with self._changed:
            self._changed.notify_all()
