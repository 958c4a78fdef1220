"""Answer one question: what happened to one request, from when it was sent to the last byte of its answer?"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timezone
from typing import Any

from .assemble import answer
from .journal import Journal

PATHS = ("/chat/completions", "/responses")
# Other services have such paths too; what is sent to a model says at least one of these.
MEMBERS = frozenset({"model", "messages", "input", "prompt"})
SECRET_HEADERS = ("authorization", "api-key", "x-api-key")


class Call:
    """One attempt at one request. Nothing that it does reaches the program, nor does what goes wrong in it."""

    def __init__(self, request: Any, journal: Journal, frame: Any) -> None:
        self.journal = journal
        self.asked = _json(request.content)
        self.secrets = tuple(
            word for name in SECRET_HEADERS for word in str(request.headers.get(name, "")).split() if len(word) > 7
        )
        place = journal.finder.here(frame)
        self.facts: dict[str, Any] = {
            "taken": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "place": place,
            "made": journal.makers.of(frame) or (place or {}).get("made", ()),
            "endpoint": next(path for path in PATHS if _path(request).endswith(path)).lstrip("/"),
            "address": f"{request.url.host}{_path(request)}",
            "length": len(request.content),
            "retries": _number(request.headers.get("x-stainless-retry-count")),
            "status": None,
            "error": None,
            "first": None,
        }
        self.chunks: list[bytes] = []
        self.decode: Any = None
        self.content_type = ""
        self.is_done = False
        self.started = time.perf_counter()

    @classmethod
    def of(cls, request: Any, journal: Journal, frame: Any) -> Call | None:
        """Begin to record a request; None for one that asks no model."""
        try:
            is_ours = request.method == "POST" and _path(request).endswith(PATHS)
            call = cls(request, journal, frame) if is_ours else None
            return call if call is not None and isinstance(call.asked, dict) and MEMBERS & call.asked.keys() else None
        except Exception:
            journal.failed()
            return None

    def fail(self, error: BaseException) -> None:
        """Note that no answer came; the type alone, because a message can hold anything."""
        self.facts["error"] = type(error).__name__
        self.done()

    def answered(self, response: Any, module: Any, *, is_async: bool) -> None:
        """Take the answer if it is read already; else listen while the program reads it."""
        try:
            self.facts["status"] = response.status_code
            self.content_type = response.headers.get("content-type", "")
            if response.is_closed:
                self.chunks.append(response.content)
                self.done()
                return
            self.decode = _decoder(response, module)
            listener = _async_listener if is_async else _listener
            response.stream = listener(module, response.stream, self)
        except Exception:
            self.journal.failed()

    def chunk(self, data: bytes) -> None:
        """Keep a piece of the answer as it comes."""
        if not self.chunks:
            self.facts["first"] = self._passed()
        self.chunks.append(data)

    def done(self) -> None:
        """Write the record, once."""
        if self.is_done:
            return
        self.is_done = True
        try:
            self.facts["latency"] = self._passed()
            self.journal.add(self.facts, self.asked, self._answer, self.secrets)
        except Exception:
            self.journal.failed()

    def _answer(self) -> tuple[Any, bool]:
        if self.facts["error"] is not None and not self.chunks:
            return None, False
        raw = b"".join(self.chunks)
        return answer(self.decode(raw) if self.decode else raw, self.content_type)

    def _passed(self) -> float:
        return round(time.perf_counter() - self.started, 6)


def _path(request: Any) -> str:
    path: str = request.url.path
    return path.rstrip("/")


def _number(text: Any) -> int:
    return int(text) if isinstance(text, str) and text.isdigit() else 0


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _decoder(response: Any, module: Any) -> Any:
    """Give what undoes the compression of the bytes that are listened to: the client's own way to do it."""
    coding = response.headers.get("content-encoding")
    if not coding:
        return None
    return lambda raw: module.Response(200, headers={"content-encoding": coding}, content=raw).content


def _listener(module: Any, stream: Any, call: Call) -> Any:
    """Give a stream that hands on what ``stream`` gives; an abandoned one is recorded as far as it was read."""

    class Listener(module.SyncByteStream):  # type: ignore[misc]  # the client's own class, known only when it runs
        def __iter__(self) -> Iterator[bytes]:
            try:
                for data in stream:
                    call.chunk(data)
                    yield data
            except Exception as error:
                call.fail(error)
                raise
            finally:
                call.done()

        def close(self) -> None:
            try:
                stream.close()
            finally:
                call.done()

    return Listener()


def _async_listener(module: Any, stream: Any, call: Call) -> Any:
    class Listener(module.AsyncByteStream):  # type: ignore[misc]  # the client's own class, known only when it runs
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for data in stream:
                    call.chunk(data)
                    yield data
            except Exception as error:
                call.fail(error)
                raise
            finally:
                call.done()

        async def aclose(self) -> None:
            try:
                await stream.aclose()
            finally:
                call.done()

    return Listener()
