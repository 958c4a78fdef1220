"""Answer one question: what does the server say to this request?

The SDK sends each request once; retries are ours, so that each is paced and counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from migrator.settings import CannotRun
from migrator.shadow.run.pace import AGAIN, FIRST_TRIES, LONGEST, PATIENCE, TRIES, Pace, minutes, wait_for

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

TIMEOUT = 600.0
# The key, the money of the account, or the country is refused: no other request will fare better.
REFUSED = frozenset({401, 402, 403})
BROKE = "insufficient_quota"
TOO_MANY = 429
# Somebody between us and the model has stopped waiting; it may have answered all the same.
LOST = frozenset({408, 504, 522, 524})
# Failures before a byte of the request has left.
UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
KEY_MARK, SHORTEST_KEY = "<key>", 16
# An error with the status of an answer, as some gateways give it.
BAD_GATEWAY = 502
# The list that an answer holds, and what the SDK takes by name; the rest of a body goes as it is.
ANSWERS, VECTORS = ("choices", "output"), ("data",)
NAMED: Mapping[str, tuple[str, ...]] = {
    "chat/completions": ("model", "messages"),
    "responses": ("model", "input"),
    "embeddings": ("model", "input", "encoding_format"),
}


class Refused(Exception):
    """The server takes no request of ours; the message is one line for the person who will fix it."""


class _Body(Protocol):
    """The response of whichever HTTP client the SDK has."""

    @property
    def text(self) -> str: ...


class _Raw(Protocol):
    """What ``with_raw_response`` gives in every version."""

    @property
    def http_response(self) -> _Body: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def status_code(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What came back: a body or an error, the status, seconds, and the headers in lower case.

    ``is_lost``: the request left and no answer that can be read came, so that it may have to be paid for.
    """

    body: Mapping[str, object] | None
    error: str
    status: int | None
    latency: float
    headers: Mapping[str, str]
    is_lost: bool = False


def connect(base_url: str, key: str | None) -> AsyncOpenAI:
    """Make the client. Raises CannotRun where the SDK or the key is missing."""
    try:
        from openai import AsyncOpenAI
    except ImportError:
        raise CannotRun("requests are sent with the openai SDK: pip install 'migrator-llm[shadow]'") from None
    if not key:
        raise CannotRun("no key: set OPENAI_API_KEY; --dry-run and --stored need none")
    return AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=TIMEOUT)


class Flight(Protocol):
    """Whoever wants to know when a request is on its way."""

    def leave(self) -> None:
        """Hear that it leaves."""

    def land(self) -> None:
        """Hear that something came back."""


async def ask(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object], pace: Pace, flight: Flight) -> Said:
    """Send one request, again where that may help, and give what came of it.

    Raises Refused where the server will take no other request either: it says so, asks to wait for too long, or has
    said nothing but that it is busy for longer than we wait.
    """
    attempt = 0
    while True:
        async with pace as left_at:
            flight.leave()
            said = await _once(client, endpoint, body)
            flight.land()
        if said.status in REFUSED or BROKE in said.error:
            raise Refused(said.error)
        attempt += 1
        wait = wait_for(said.headers, attempt - 1)
        if not said.error:
            pace.answered(said.headers)
            return said
        if _is_busy(said):
            silence = pace.refused(wait if said.status == TOO_MANY else 0.0, left_at)
            _bear(said, silence, wait)
            pace.on_busy(silence, wait)
        else:
            pace.heard()
        if not _may_help(said, attempt, pace):
            return said
        await asyncio.sleep(wait)


def _is_busy(said: Said) -> bool:
    return said.status == TOO_MANY or said.status is None or said.status >= 500


def _bear(said: Said, silence: float, wait: float) -> None:
    """Raise Refused where waiting has no end in sight, but for what was lost, which must first be paid for."""
    if said.is_lost:
        return
    if wait > LONGEST:
        raise Refused(f"{said.error}; it asks to wait for {minutes(wait)}; run again then to go on")
    if silence > PATIENCE:
        raise Refused(f"{said.error}; for {minutes(silence)} it has said nothing else; run again later to go on")


def _may_help(said: Said, attempt: int, pace: Pace) -> bool:
    """Say whether to send it again; one that was lost must first be paid for."""
    tries = TRIES if pace.has_heard or said.status is not None else FIRST_TRIES
    return (
        not said.is_lost and not pace.is_closing and (said.status is None or said.status in AGAIN) and attempt < tries
    )


async def _once(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object]) -> Said:
    """Send one request once. The key is in nothing that comes back."""
    import openai

    begun = time.monotonic()
    try:
        raw = await _create(client, endpoint, body)
        took = time.monotonic() - begun
        text, headers = hidden(raw.http_response.text, client.api_key), lower(raw.headers)
        return answer(text, raw.status_code, took, headers, VECTORS if endpoint == "embeddings" else ANSWERS)
    except openai.APIStatusError as error:
        return refused(error, client.api_key, time.monotonic() - begun)
    except openai.APIConnectionError as error:
        return lost(error, client.api_key, time.monotonic() - begun)


def answer(text: str, status: int, took: float, headers: Mapping[str, str], lists: Sequence[str] = ANSWERS) -> Said:
    """Read an answer, which has one of ``lists``. What cannot be read was paid for; an error instead was not."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Said(None, f"{status} the answer is no JSON", status, took, headers, is_lost=True)
    if isinstance(body, dict) and isinstance(next((body[n] for n in lists if n in body), None), list):
        if body.get("status") not in ("failed", "cancelled", "queued", "in_progress"):
            return Said(body, "", status, took, headers)
    is_paid = isinstance(body, dict) and bool(body.get("usage"))
    return Said(None, f"{status} {kind_of(body)}", BAD_GATEWAY, took, headers, is_lost=is_paid)


def refused(error: APIStatusError, key: str, took: float) -> Said:
    """Read an answer with the status of an error."""
    status, text = error.status_code, hidden(f"{error.status_code} {kind_of(error.body)}", key)
    return Said(None, text, status, took, lower(error.response.headers), is_lost=status in LOST)


def lost(error: APIConnectionError, key: str, took: float) -> Said:
    """Say why no answer came, and whether the request may have arrived."""
    import openai

    cause = error.__cause__
    is_lost = type(cause).__name__ not in UNSENT
    if isinstance(error, openai.APITimeoutError):
        return Said(None, "timeout", None, took, {}, is_lost)
    return Said(None, hidden(f"connection: {cause or error}", key), None, took, {}, is_lost)


async def _create(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object]) -> _Raw:
    """Send the body as it is: what the SDK's own version does not know goes through ``extra_body``."""
    named = NAMED[endpoint]
    rest = {name: value for name, value in body.items() if name not in named}
    return await _way(client, endpoint)(**{name: body[name] for name in named if name in body}, extra_body=rest)


def _way(client: AsyncOpenAI, endpoint: str) -> Callable[..., Awaitable[_Raw]]:
    if endpoint == "responses":
        return client.responses.with_raw_response.create
    if endpoint == "embeddings":
        return client.embeddings.with_raw_response.create
    return client.chat.completions.with_raw_response.create


def kind_of(body: object) -> str:
    """The type and the message of an error, in one line."""
    said = body if isinstance(body, Mapping) else {}
    inner = said.get("error") if isinstance(said.get("error"), Mapping) else said
    kind, message = (inner.get(name) for name in ("type", "message")) if isinstance(inner, Mapping) else ("", "")
    kind = kind or (inner.get("code") if isinstance(inner, Mapping) else "")
    return " ".join(f"{kind or 'error'}: {message or 'no message'}".split())[:300]


def host(base_url: str) -> str:
    """Give the server of an address, without a login or a key that the address may hold."""
    parts = urlsplit(base_url)
    return parts.netloc.rpartition("@")[2] or parts.path


def hidden(text: str, key: str) -> str:
    """Take the key out of a text; a word such as ``none`` is no key, and may well be an answer."""
    return text.replace(key, KEY_MARK) if len(key) >= SHORTEST_KEY else text


def lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give headers with their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}
