"""Answer one question: what came back for these requests, and what did that cost?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from migrator.prices import model_of
from migrator.rulebook import Rulebook
from migrator.settings import CannotRun, SettingsError
from migrator.shadow.model import usage
from migrator.shadow.run.batches import Batches
from migrator.shadow.run.budget import NOTHING, Budget
from migrator.shadow.run.client import TOO_MANY, Refused, Said, ask, connect, host
from migrator.shadow.run.cost import BATCH_FACTOR, cost_of, worst_case
from migrator.shadow.run.model import Ask, Got
from migrator.shadow.run.pace import Pace
from migrator.shadow.run.store import Store

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OUT = "budget"
# So often a request is sent whose answer does not come.
LOST = 2
# So many requests without any answer say that the server has gone, where it was there before.
FEWEST_SILENT = 4
T = TypeVar("T")


@dataclass(slots=True)
class Runner:
    """Sends requests to one server. An answer that the store has is never asked for again.

    Use it as a context: a run that is left by an exception has not ended, and the next one goes on with its money.
    ``cap`` is dollars, for all of a run. ``is_offline``: nothing is sent, what the store does not have is as if the
    money were out. ``on_got`` hears of each answer as it comes, ``on_stop`` how many are still awaited after Ctrl-C.
    ``on_busy`` hears for how many seconds the server has said nothing but that it is busy, and when it is asked again.
    ``on_batch`` hears of each batch that is awaited: its name, how many requests are answered, and of how many.
    ``beside`` is the runner of another server whose money, and so whose cap, is that of this one too; it is opened
    before this one and closed after it, and the two do not send at once.
    """

    store: Store
    book: Rulebook
    base_url: str
    key: str | None = None
    cap: float | None = None
    is_offline: bool = False
    is_batch: bool = False
    on_got: Callable[[Got], None] = lambda _: None
    on_stop: Callable[[int], None] = lambda _: None
    on_busy: Callable[[float, float], None] = lambda *_: None
    on_batch: Callable[[str, int, int], None] = lambda *_: None
    beside: Runner | None = None
    budget: Budget = field(init=False)
    carried: float = field(init=False, default=0.0)
    _loop: asyncio.Runner = field(init=False)
    _client: AsyncOpenAI | None = field(init=False, default=None)
    _pace: Pace = field(init=False, default_factory=Pace)

    def __post_init__(self) -> None:
        before = NOTHING if self.is_offline or not self._is_first else self.store.begin()
        self.carried = float(before)
        self._pace.on_busy = self.on_busy
        if self.beside is None:
            self.budget = Budget(None if self.cap is None else Decimal(str(self.cap)), before)
            self._loop = asyncio.Runner()
        else:
            self.budget, self.cap, self._loop = self.beside.budget, self.beside.cap, self.beside._loop
            self.budget.spent += before

    @property
    def _is_first(self) -> bool:
        """Say whether this runner begins and ends the run in its store."""
        return self.beside is None or self.beside.store is not self.store

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not self.is_offline and self._is_first:
            self.store.end()
        self.close()

    @property
    def spent(self) -> float:
        """Give what this run has cost so far, in dollars; before it was stopped, too."""
        return float(self.budget.spent)

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        """Give what came back for each request, by its digest; those without an answer in the store are sent.

        Raises CannotRun where the key is missing or refused or no server answers, SettingsError where the cap cannot be
        kept, KeyboardInterrupt once what was under way is kept.
        """
        if not self.is_offline and self.store.waves:
            self._run(self._batches().finish(is_patient=self.is_batch))
        found = {one.digest: kept for one in asks if (kept := self.store.get(one.digest)) is not None}
        missing = [one for one in {one.digest: one for one in asks}.values() if one.digest not in found]
        if self.is_offline:
            return {**found, **{one.digest: Got(one.digest, error=OUT) for one in missing}}
        if missing:
            worst = {one.digest: self._worst(one) for one in missing}
            sent = self._run(self._batches().send(missing, worst) if self.is_batch else self._all(missing, worst))
            found |= {got.digest: got for got in sent}
        return found

    def close(self) -> None:
        """End all connections."""
        if self._client is not None:
            self._loop.run(self._client.close())
        if self.beside is None:
            self._loop.close()

    def _run(self, work: Coroutine[object, object, T]) -> T:
        try:
            return self._loop.run(work)
        except Refused as error:
            name = "the server" if self.beside is None else self.base_url
            raise CannotRun(f"{name} refuses: {error}") from None

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            self._client = connect(self.base_url, self.key)
        return self._client

    def _batches(self) -> Batches:
        return Batches(self._connected(), self.store, self.book, self.budget, self._hear, self.on_batch)

    def _hear(self, got: Got) -> Got:
        self.on_got(got)
        return got

    async def _all(self, asks: Sequence[Ask], worst: Mapping[str, Decimal]) -> list[Got]:
        """Send all; an error or Ctrl-C ends it as soon as the requests under way, which are paid for, are answered."""
        client = self._connected()
        tasks = [asyncio.create_task(self._one(client, one, worst[one.digest])) for one in asks]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            await self._settled(tasks)
        got = [task.result() for task in tasks]
        is_alone = len(got) < FEWEST_SILENT and self._pace.has_heard
        if not is_alone and all(one.error.startswith("connection") for one in got):
            where = host(self.base_url)
            raise CannotRun(f"{where} cannot be reached: {got[0].error.removeprefix('connection: ')}")
        if not self._pace.has_heard and all(one.status == TOO_MANY for one in got):
            raise CannotRun(f"{host(self.base_url)} answers nothing: {got[0].error}; run again later")
        return got

    async def _settled(self, tasks: Sequence[asyncio.Task[Got]]) -> None:
        """Let requests under way come to their end, and the others not begin. The first error is raised."""
        if all(task.done() and not task.exception() for task in tasks):
            return
        self._pace.is_closing = True
        for task in tasks:
            if task not in self._pace.flying:
                task.cancel()
        stopped = asyncio.current_task()
        if self._pace.flying and stopped is not None and stopped.cancelling():
            self.on_stop(len(self._pace.flying))
        await asyncio.wait(tasks)
        errors = [task.exception() for task in tasks if not task.cancelled()]
        if (error := next(filter(None, errors), None)) is not None:
            raise error

    async def _one(self, client: AsyncOpenAI, one: Ask, worst: Decimal) -> Got:
        """Send one request; what was lost on its way is paid for in the books, and sent once more."""
        paid, got = NOTHING, Got(one.digest, error=OUT)
        for _ in range(LOST):
            if not await self.budget.reserve(worst):
                break
            cost, flight = NOTHING, _Flight(self.store, one.digest, worst)
            try:
                said = await ask(client, one.endpoint, one.body, self._pace, flight)
                got, cost = self._kept(one, said, worst)
            except (asyncio.CancelledError, Refused):
                cost = flight.end()
                raise
            finally:
                await self.budget.settle(worst, cost)
            paid += cost
            if not said.is_lost or self._pace.is_closing:
                break
        return self._hear(replace(got, cost=float(paid)))

    def _kept(self, one: Ask, said: Said, worst: Decimal) -> tuple[Got, Decimal]:
        """Write down what came, and what it cost."""
        counted = usage(said.body)
        got = Got(one.digest, said.body, said.error, said.status, counted, said.latency)
        if said.body is None:
            cost = worst if said.is_lost else NOTHING
            self.store.paid(one.digest, cost)
            return got, cost
        model = model_of(str(one.body.get("model", "")), self.book)
        known = cost_of(counted, model, said.body) if counted is not None and model is not None else None
        cost = worst if known is None else known
        self.store.put(got, cost)
        return got, cost

    def _worst(self, one: Ask) -> Decimal:
        """The most that a request may cost, 0 where no price is known and nothing depends on it."""
        name = str(one.body.get("model", ""))
        model = model_of(name, self.book)
        worst = worst_case(one.body, model) if model is not None else None
        if worst is None and self.cap is not None:
            what = "no price is known" if model is None or model.input_price is None else "no longest answer is known"
            raise SettingsError(
                f"{what} of {name}, so that --max-usd cannot be kept; give it as a 'price' in the configuration, "
                "or leave --max-usd out"
            )
        return (worst or NOTHING) * (BATCH_FACTOR if self.is_batch else 1)


@dataclass(slots=True)
class _Flight:
    """What the journal knows of a request: that it has left, and that no answer to it is lost."""

    store: Store
    digest: str
    worst: Decimal
    has_left: bool = False
    is_in_air: bool = False

    def leave(self) -> None:
        """Note that it leaves, before the first time."""
        if not self.has_left:
            self.store.sent(self.digest, self.worst)
        self.has_left = self.is_in_air = True

    def land(self) -> None:
        """Note that the server has answered, with an error or not."""
        self.is_in_air = False

    def end(self) -> Decimal:
        """Give it up; what is in the air counts at its worst, here and where the run goes on."""
        if self.is_in_air:
            return self.worst
        if self.has_left:
            self.store.paid(self.digest, NOTHING)
        return NOTHING
