"""Answer one question: what does the server say to this request?

The SDK sends each request once; retries are ours, so that each is paced and counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from migrator.settings import SettingsError
from migrator.shadow.run.pace import AGAIN, TRIES, Pace, wait_for

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TIMEOUT = 600.0
NOT_ALLOWED = (401, 403)


class NotAllowed(Exception):
    """The server refuses the key; the message is one line for the person who will fix it."""


class _Body(Protocol):
    """The response of whichever HTTP client the SDK has."""

    def json(self) -> object: ...


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

    ``is_lost``: the request left and no answer came, so that it may have to be paid for.
    """

    body: Mapping[str, object] | None
    error: str
    status: int | None
    latency: float
    headers: Mapping[str, str]
    is_lost: bool = False


def connect(base_url: str, key: str | None) -> AsyncOpenAI:
    """Make the client. Raises SettingsError where the SDK or the key is missing."""
    try:
        from openai import AsyncOpenAI
    except ImportError:
        raise SettingsError("requests are sent with the openai SDK: pip install 'migrator-llm[shadow]'") from None
    if not key:
        raise SettingsError("no key: set OPENAI_API_KEY; --dry-run and --stored need none")
    return AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=TIMEOUT)


async def ask(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object], pace: Pace) -> Said:
    """Send one request, again where that may help, and give what came of it."""
    attempt = 0
    while True:
        async with pace:
            said = await _once(client, endpoint, body)
        if said.status in NOT_ALLOWED:
            raise NotAllowed(said.error)
        may_help = said.status is None or said.status in AGAIN
        if said.error and may_help and not said.is_lost and attempt + 1 < TRIES:
            wait = wait_for(said.headers, attempt)
            pace.refused(wait if said.status == 429 else 0.0)
            await asyncio.sleep(wait)
            attempt += 1
            continue
        pace.answered(said.headers)
        return said


async def _once(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object]) -> Said:
    import openai

    begun = time.monotonic()
    try:
        raw = await _create(client, endpoint, body)
    except openai.APIStatusError as error:
        text = f"{error.status_code} {_kind(error.body)}"
        return Said(None, text, error.status_code, time.monotonic() - begun, _lower(error.response.headers))
    except openai.APITimeoutError:
        return Said(None, "timeout", None, time.monotonic() - begun, {}, is_lost=True)
    except openai.APIConnectionError as error:
        cause = error.__cause__
        is_lost = type(cause).__name__ != "ConnectError"
        return Said(None, f"connection: {cause or error}", None, time.monotonic() - begun, {}, is_lost=is_lost)
    took = time.monotonic() - begun
    try:
        found = raw.http_response.json()
    except ValueError:
        return Said(None, "the server's answer is no JSON", 502, took, {})
    return Said(found if isinstance(found, dict) else {}, "", raw.status_code, took, _lower(raw.headers))


async def _create(client: AsyncOpenAI, endpoint: str, body: Mapping[str, object]) -> _Raw:
    """Send the body as it is: what the SDK's own version does not know goes through ``extra_body``."""
    named = ("model", "input") if endpoint == "responses" else ("model", "messages")
    rest = {name: value for name, value in body.items() if name not in named}
    return await _way(client, endpoint)(**{name: body[name] for name in named if name in body}, extra_body=rest)


def _way(client: AsyncOpenAI, endpoint: str) -> Callable[..., Awaitable[_Raw]]:
    if endpoint == "responses":
        return client.responses.with_raw_response.create
    return client.chat.completions.with_raw_response.create


def _kind(body: object) -> str:
    """The type and the message of an error, in one line."""
    said = body if isinstance(body, Mapping) else {}
    inner = said.get("error") if isinstance(said.get("error"), Mapping) else said
    kind, message = (inner.get(name) for name in ("type", "message")) if isinstance(inner, Mapping) else ("", "")
    return " ".join(f"{kind or 'error'}: {message or 'no message'}".split())[:300]


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}
