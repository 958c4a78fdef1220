"""Answer one question: how does a delivery of GitHub come in?

The signature is that of the bytes as they came, compared in a time that says nothing. The delivery is on the
disk before it is answered with 202; GitHub, which waits ten seconds and never tries again, does not wait for the work.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from migrator.bot.events import EVENTS, Reading, read
from migrator.bot.inbox import Inbox
from migrator.bot.log import Log, Meters
from migrator.settings import CannotRun

# GitHub sends no larger payload:
# https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
MOST = 25 * 1024 * 1024
_ID, _EVENT = re.compile(r"[A-Za-z0-9-]{1,100}"), re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Door:
    """What an answer needs: the secret, the inbox, and what is told. ``wake`` is called when there is work."""

    secret: str = field(repr=False)
    inbox: Inbox
    log: Log
    meters: Meters
    wake: Callable[[], None] = lambda: None
    most: int = MOST


def application(door: Door, running: Callable[[], AbstractContextManager[object]] | None = None) -> Starlette:
    """Make the server's application; ``running`` is entered when it starts and left when it stops."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if running is None:
            yield
            return
        context = running()
        await run_in_threadpool(context.__enter__)
        try:
            yield
        finally:
            await run_in_threadpool(context.__exit__, None, None, None)

    async def webhook(request: Request) -> Response:
        return await _webhook(request, door)

    async def health(_: Request) -> Response:
        return await _health(door)

    async def metrics(_: Request) -> Response:
        return await _metrics(door)

    routes = [
        Route("/webhook", webhook, methods=["POST"]),
        Route("/healthz", health, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _health(door: Door) -> Response:
    """Say whether deliveries can be kept."""
    try:
        counts = await run_in_threadpool(door.inbox.counts)
    except CannotRun as error:
        return JSONResponse({"ok": False, "why": door.log.clean(str(error))}, 503)
    return JSONResponse({"ok": True, "tasks": counts})


async def _metrics(door: Door) -> Response:
    """Give all figures; without those of the inbox where it cannot be read, which healthz says."""
    counts: Mapping[str, int] | None
    try:
        counts = await run_in_threadpool(door.inbox.counts)
    except CannotRun:
        counts = None
    return PlainTextResponse(door.meters.page(counts), media_type="text/plain; version=0.0.4")


async def _webhook(request: Request, door: Door) -> Response:
    event = request.headers.get("X-GitHub-Event", "")
    delivery = request.headers.get("X-GitHub-Delivery", "")
    status, said, reading = await _taken(request, door, event, delivery)
    known = event if event in (*EVENTS, "ping") else "other"
    door.meters.add("migrator_deliveries_total", event=known, answer=str(status))
    shown = {"delivery": delivery, "event": event, "action": reading.action} if reading else {"event": known}
    level = "info" if status < 400 else "warning"
    door.log.say("delivery", level=level, status=status, said=said, **shown)
    return JSONResponse({"said": said}, status)


async def _taken(request: Request, door: Door, event: str, delivery: str) -> tuple[int, str, Reading | None]:
    """Check one delivery and keep it; gives the status, a sentence, and what was read if it is GitHub's."""
    body = await _body(request, door.most)
    if body is None:
        return 413, f"more than {door.most:,} bytes", None
    if not is_signed(body, request.headers.get("X-Hub-Signature-256", ""), door.secret):
        return 401, "the signature is missing or wrong", None
    if not _EVENT.fullmatch(event) or not _ID.fullmatch(delivery):
        return 400, "X-GitHub-Event or X-GitHub-Delivery is missing", None
    payload = _json(body)
    if not isinstance(payload, Mapping):
        return 400, "no JSON object: set the content type of the webhook to application/json", None
    reading = read(event, payload)
    try:
        is_new = await run_in_threadpool(door.inbox.put, delivery, reading)
    except CannotRun as error:
        door.log.say("the inbox cannot be written", level="error", why=str(error))
        return 503, "the inbox cannot be written", reading
    if is_new and reading.tasks:
        door.wake()
    return 202, reading.why or "to be done" if is_new else "known already", reading


async def _body(request: Request, most: int) -> bytes | None:
    """Read the body as it comes; None where it is larger than it may be, whatever its head says."""
    size = request.headers.get("Content-Length", "0")
    if not size.isdigit() or int(size) > most:
        return None
    parts, length = [], 0
    try:
        async for part in request.stream():
            length += len(part)
            if length > most:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Say whether a signature, ``sha256=`` and 64 digits, is that of the body."""
    wanted = f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"
    return hmac.compare_digest(wanted.encode(), signature.encode("latin-1", "replace"))


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
