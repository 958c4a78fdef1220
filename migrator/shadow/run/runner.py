"""Answer one question: what came back for these requests, and what did that cost?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator.prices import call_cost, model_of
from migrator.rulebook import Rulebook
from migrator.settings import SettingsError
from migrator.shadow.model import Usage, usage
from migrator.shadow.run.budget import Budget, worst_case
from migrator.shadow.run.client import NotAllowed, Said, ask, connect
from migrator.shadow.run.model import Ask, Got
from migrator.shadow.run.pace import Pace
from migrator.shadow.run.store import Store

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OUT = "budget"
# So often a request is sent whose answer does not come.
LOST = 2


@dataclass(slots=True)
class Runner:
    """Sends requests to one server. An answer that the store has is never asked for again.

    ``is_offline``: nothing is sent, what the store does not have is as if the money were out. ``on_got`` hears of each
    answer as it comes.
    """

    store: Store
    book: Rulebook
    base_url: str
    key: str | None = None
    cap: float | None = None
    is_offline: bool = False
    on_got: Callable[[Got], None] = lambda _: None
    budget: Budget = field(init=False)
    _loop: asyncio.Runner = field(init=False, default_factory=asyncio.Runner)
    _client: AsyncOpenAI | None = field(init=False, default=None)
    _pace: Pace = field(init=False, default_factory=Pace)

    def __post_init__(self) -> None:
        self.budget = Budget(self.cap)

    @property
    def spent(self) -> float:
        """Give what this run has cost so far, in dollars."""
        return self.budget.spent

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        """Give what came back for each request, by its digest; those without an answer in the store are sent.

        Raises SettingsError where the key is missing or refused, or where the cap cannot be kept.
        """
        found = {one.digest: kept for one in asks if (kept := self.store.get(one.digest)) is not None}
        missing = [one for one in asks if one.digest not in found]
        if self.is_offline:
            return {**found, **{one.digest: Got(one.digest, error=OUT) for one in missing}}
        if not missing:
            return found
        if self._client is None:
            self._client = connect(self.base_url, self.key)
        try:
            sent = self._loop.run(self._all(self._client, missing))
        except* NotAllowed as group:
            raise SettingsError(f"the server refuses the key: {group.exceptions[0]}") from None
        return {**found, **{got.digest: got for got in sent}}

    def close(self) -> None:
        """End all connections."""
        if self._client is not None:
            self._loop.run(self._client.close())
        self._loop.close()

    async def _all(self, client: AsyncOpenAI, asks: Sequence[Ask]) -> list[Got]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(client, one)) for one in asks]
        return [task.result() for task in tasks]

    async def _one(self, client: AsyncOpenAI, one: Ask) -> Got:
        """Send one request; what was lost on its way is paid for in the books, and sent once more."""
        worst = self._worst(one)
        for _ in range(LOST):
            if not await self.budget.reserve(worst):
                return Got(one.digest, error=OUT)
            cost = worst
            try:
                said = await ask(client, one.endpoint, one.body, self._pace)
                got = self._got(one, said)
                self.store.put(got)
                cost = worst if said.is_lost else got.cost
            finally:
                await self.budget.settle(worst, cost)
            if not said.is_lost:
                break
        self.on_got(got)
        return got

    def _worst(self, one: Ask) -> float:
        if self.cap is None:
            return 0.0
        name = str(one.body.get("model", ""))
        model = model_of(name, self.book)
        worst = worst_case(one.body, model) if model is not None else None
        if worst is None:
            raise SettingsError(f"no price is known of {name}, so that --max-usd cannot be kept; leave it out")
        return float(worst)

    def _got(self, one: Ask, said: Said) -> Got:
        counted = usage(said.body)
        return Got(
            digest=one.digest,
            body=said.body,
            error=said.error,
            status=said.status,
            usage=counted,
            latency=said.latency,
            cost=self._cost(str(one.body.get("model", "")), counted) if said.body is not None else 0.0,
        )

    def _cost(self, name: str, counted: Usage | None) -> float:
        model = model_of(name, self.book)
        if model is None or counted is None:
            return 0.0
        return float(call_cost(model, counted.input, counted.cached, counted.output) or 0)
