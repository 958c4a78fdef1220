"""Answer one question: what came back for these requests from the Batch API?

It takes half the price and up to a day. Requests go in files, one for each model, that are named in the journal before
anything is made of them: a run that was killed finds its batches again and makes none twice. Once its answers are kept,
the files of a batch are removed from the server.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeVar

from migrator.prices import model_of
from migrator.rulebook import Rulebook
from migrator.settings import CannotRun
from migrator.shadow.model import usage
from migrator.shadow.run.budget import NOTHING, Budget
from migrator.shadow.run.client import BROKE, LOST, REFUSED, Refused, answer, hidden, kind_of, lost, refused
from migrator.shadow.run.cost import batch_cost
from migrator.shadow.run.model import Ask, Got
from migrator.shadow.run.pace import AGAIN, LONGEST, TRIES, wait_for
from migrator.shadow.run.store import Store, Wave

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

OUT = "budget"
# The API takes files of 50,000 requests and 200 MB.
MOST_REQUESTS, MOST_BYTES = 10_000, 100_000_000
FIRST_POLL, LAST_POLL = 2.0, 60.0
# While a batch is awaited, the server may be away for about an hour.
PATIENCE = 60
LAST_DOUBLING = 7
OVER = frozenset({"completed", "failed", "expired", "cancelled"})
TOO_MUCH = "token_limit_exceeded"
MARK = "migrator"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batches:
    """Sends requests as batches.

    ``hear`` is told of each answer, ``look`` of each batch that is awaited: its name, how many of its requests are
    answered, and of how many.
    """

    client: AsyncOpenAI
    store: Store
    book: Rulebook
    budget: Budget
    hear: Callable[[Got], Got]
    look: Callable[[str, int, int], None] = lambda *_: None

    async def finish(self, *, is_patient: bool) -> None:
        """Take the answers of batches that a stopped run has left.

        One that is not over is awaited, or where we are not patient is an error: its requests are paid for.
        """
        for wave in self.store.waves:
            worst = sum(wave.worst.values(), NOTHING)
            self.budget.take(worst)
            cost = NOTHING
            try:
                named = wave if wave.batch else await self._found(wave)
                if named is None:
                    self.store.over(wave)
                    continue
                _, cost = await self._answers(named, await self._over(named, is_patient=is_patient))
            finally:
                await self.budget.settle(worst, cost)

    async def send(self, asks: Sequence[Ask], worst: Mapping[str, Decimal]) -> list[Got]:
        """Send what the money allows; when that is answered, see whether it allows more."""
        left, got = list(asks), []
        while left:
            paid = [one for one in left if self.budget.try_reserve(worst[one.digest])]
            if not paid:
                break
            got += await _each([self._wave(part, worst) for part in _parts(paid)])
            left = [one for one in left if one not in paid]
        return [*got, *(Got(one.digest, error=OUT) for one in left)]

    async def _wave(self, asks: Sequence[Ask], worst: Mapping[str, Decimal]) -> list[Got]:
        """Send one batch and await it; where the server takes no more at once, each half by itself."""
        wave = Wave(secrets.token_hex(8), str(asks[0].body.get("model")), {a.digest: worst[a.digest] for a in asks})
        reserved, cost = sum(wave.worst.values(), NOTHING), NOTHING
        is_split = False
        try:
            batch = await self._over(await self._made(wave, asks), is_patient=True)
            is_split = len(asks) > 1 and TOO_MUCH in _errors(batch)
            if not is_split:
                got, cost = await self._answers(wave, batch)
                return got
            self.store.over(wave)
        finally:
            if not is_split:
                await self.budget.settle(reserved, cost, len(asks))
        half = len(asks) // 2
        return [*await self._wave(asks[:half], worst), *await self._wave(asks[half:], worst)]

    async def _made(self, wave: Wave, asks: Sequence[Ask]) -> Wave:
        """Upload the requests and make the batch, once."""
        self.store.wave(wave)
        data = b"".join(map(_line, asks))
        try:
            file = await self._again(lambda: self.client.files.create(file=(f"{MARK}.jsonl", data), purpose="batch"))
            return await self._created(wave, file.id, asks[0].endpoint)
        except _NotTaken as error:
            self.store.over(wave)
            raise CannotRun(f"the server takes no batch: {error}") from None

    async def _created(self, wave: Wave, file: str, endpoint: str) -> Wave:
        """Make the batch of a file. Where no answer came, it is looked for before it is made again."""
        where: Literal["/v1/responses", "/v1/chat/completions"]
        where = "/v1/responses" if endpoint == "responses" else "/v1/chat/completions"
        is_new = True

        async def create() -> Wave:
            nonlocal is_new
            if not is_new and (found := await self._found(wave)) is not None:
                return found
            is_new = False
            made = await self.client.batches.create(
                input_file_id=file, endpoint=where, completion_window="24h", metadata={MARK: wave.name}
            )
            return self._named(wave, made.id)

        return await self._again(create)

    def _named(self, wave: Wave, batch: str) -> Wave:
        self.store.batch(wave, batch)
        return Wave(wave.name, wave.model, wave.worst, batch)

    async def _found(self, wave: Wave) -> Wave | None:
        """Find the batch of a wave among the latest of the account; None where it was never made."""
        try:
            page = await self._again(lambda: self.client.batches.list(limit=100))
        except _NotTaken:
            return None
        for batch in page.data:
            if (batch.metadata or {}).get(MARK) == wave.name:
                return self._named(wave, batch.id)
        return None

    async def _over(self, wave: Wave, *, is_patient: bool) -> Batch | None:
        """Wait until a batch is over; None where the server does not know it any more."""
        wave = self.store.books.waves[wave.name]
        wait = FIRST_POLL
        while True:
            try:
                batch = await self._again(lambda: self.client.batches.retrieve(wave.batch), PATIENCE)
            except _NotTaken:
                return None
            if batch.status in OVER:
                return batch
            counts = batch.request_counts
            self.look(wave.batch, counts.completed if counts is not None else 0, len(wave.worst))
            if not is_patient:
                raise CannotRun(f"{wave.batch} of a stopped run is not over; pass --batch to wait for its answers")
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, LAST_POLL)

    async def _answers(self, wave: Wave, batch: Batch | None) -> tuple[list[Got], Decimal]:
        """Keep the answers of a batch that is over; give them with what they cost."""
        files = [name for name in (batch.output_file_id, batch.error_file_id) if name] if batch is not None else []
        lines = {str(line.get("custom_id")): line for name in files for line in await self._lines(name)}
        status = batch.status if batch is not None else "gone"
        why = f"batch {status}: {_errors(batch) or 'no answer to this request'}"
        got, sums = [], NOTHING
        for digest, worst in wave.worst.items():
            if (kept := self.store.get(digest)) is not None:
                got.append(kept)
                continue
            is_lost = status in ("completed", "gone")
            one, cost = self._kept(digest, wave.model, lines.get(digest), Got(digest, error=why), worst * is_lost)
            got.append(self.hear(one))
            sums += cost
        self.store.over(wave)
        await self._remove([*files, *([batch.input_file_id] if batch is not None else [])])
        return got, sums

    def _kept(
        self, digest: str, model: str, line: Mapping[str, object] | None, missing: Got, worst: Decimal
    ) -> tuple[Got, Decimal]:
        """Read a line of an output or an error file, and keep what it says."""
        if line is None:
            self.store.paid(digest, worst)
            return Got(digest, error=missing.error, cost=float(worst), is_batch=True), worst
        response = line.get("response")
        said = response if isinstance(response, Mapping) else {}
        status, body = said.get("status_code"), said.get("body")
        number = status if isinstance(status, int) else None
        if number != 200:
            self.store.paid(digest, NOTHING)
            text = f"{number} {kind_of(body)}" if number else f"batch {kind_of(line)}"
            return Got(digest, error=text, status=number, is_batch=True), NOTHING
        read = answer(json.dumps(body), 200, 0.0, {})
        counted, known = usage(read.body), model_of(model, self.book)
        cost = batch_cost(counted, known) if counted is not None and known is not None else None
        paid = worst if cost is None else cost
        got = Got(digest, read.body, read.error, read.status, counted, None, float(paid), is_batch=True)
        if read.body is None:
            self.store.paid(digest, paid)
        else:
            self.store.put(got, paid)
        return got, paid

    async def _lines(self, file: str) -> list[Mapping[str, object]]:
        content = await self._again(lambda: self.client.files.content(file), PATIENCE)
        text = hidden(content.content.decode("utf-8", "replace"), self.client.api_key)
        return list(_objects(text))

    async def _remove(self, files: Sequence[str]) -> None:
        """Remove the files of a batch from the server; one that stays does no harm and ends by itself."""
        import openai

        for name in files:
            with suppress(openai.APIError):
                await self.client.files.delete(name)

    async def _again(self, call: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
        """Call until there is an answer. Raises _NotTaken where another time would not help."""
        import openai

        attempt = 0
        while True:
            try:
                return await call()
            except openai.APIStatusError as error:
                said = refused(error, self.client.api_key, 0.0)
            except openai.APIConnectionError as error:
                said = lost(error, self.client.api_key, 0.0)
            if said.status in REFUSED or BROKE in said.error:
                raise Refused(said.error)
            if said.status is not None and said.status not in AGAIN | LOST:
                raise _NotTaken(said.error)
            attempt += 1
            wait = wait_for(said.headers, min(attempt - 1, LAST_DOUBLING))
            if attempt >= tries or wait > LONGEST:
                raise CannotRun(f"the Batch API does not answer: {said.error}; run again to go on")
            await asyncio.sleep(wait)


class _NotTaken(Exception):
    """The server answers, and says no."""


async def _each(waves: Sequence[Coroutine[object, object, list[Got]]]) -> list[Got]:
    """Run all at once. The first error ends them all; what is under way then is in the journal."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(wave) for wave in waves]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [one for task in tasks for one in task.result()]


def _parts(asks: Sequence[Ask]) -> Iterator[Sequence[Ask]]:
    """Part requests into files: of one model and endpoint each, as many as the API takes."""
    groups: dict[tuple[str, str], list[Ask]] = {}
    for one in asks:
        groups.setdefault((one.endpoint, str(one.body.get("model"))), []).append(one)
    for group in groups.values():
        part, size = list[Ask](), 0
        for one in group:
            length = len(_line(one))
            if part and (len(part) == MOST_REQUESTS or size + length > MOST_BYTES):
                yield part
                part, size = [], 0
            part.append(one)
            size += length
        yield part


def _line(one: Ask) -> bytes:
    line = {"custom_id": one.digest, "method": "POST", "url": f"/v1/{one.endpoint}", "body": one.body}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _objects(text: str) -> Iterator[Mapping[str, object]]:
    for line in text.split("\n"):
        with suppress(ValueError):
            said = json.loads(line) if line.strip() else None
            if isinstance(said, dict):
                yield said


def _errors(batch: Batch | None) -> str:
    """What the server says about a batch that failed, in one line."""
    found = batch.errors.data if batch is not None and batch.errors is not None else None
    return " ".join("; ".join(f"{one.code}: {one.message}" for one in found or ()).split())[:300]
