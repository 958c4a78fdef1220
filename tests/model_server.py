"""Answer one question: what answers as a model does, in this process and with what a test needs?

It repeats what it was asked. A request whose last message begins with ``429`` is refused once; one that accepts
gzip and asks for a stream gets it compressed.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "total_tokens": 107,
    "prompt_tokens_details": {"cached_tokens": 64},
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refused: set[str] = set()  # noqa: RUF012 - made anew for each server

    def do_GET(self) -> None:
        self._reply(b"{}", "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        turns = asked.get("messages") or asked.get("input", "")
        said = turns if isinstance(turns, str) else turns[-1]["content"]
        if said.startswith("429") and said not in self.refused:
            self.refused.add(said)
            self._reply(b'{"error": {"message": "slow down"}}', "application/json", status=429)
        elif asked.get("stream"):
            events = _chunks(said) if "messages" in asked else _events(said)
            self._reply("".join(f"data: {event}\n\n" for event in events).encode(), "text/event-stream")
        else:
            content = _chat(said) if "messages" in asked else _response(said)
            self._reply(json.dumps(content).encode(), "application/json")

    def _reply(self, data: bytes, kind: str, status: int = 200) -> None:
        is_packed = kind == "text/event-stream" and "gzip" in self.headers.get("accept-encoding", "")
        body = gzip.compress(data) if is_packed else data
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        if is_packed:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _chat(said: str) -> object:
    message = {"role": "assistant", "content": said}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": USAGE}


def _chunks(said: str) -> Iterator[str]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for piece in (said[:3], said[3:]):
        choice = {"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}
        yield json.dumps({**head, "choices": [choice]})
    yield json.dumps({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield json.dumps({**head, "choices": [], "usage": USAGE})
    yield "[DONE]"


def _response(said: str) -> dict[str, object]:
    content = [{"type": "output_text", "text": said, "annotations": []}]
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
    head = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    return {**head, "output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def _events(said: str) -> Iterator[str]:
    yield json.dumps({"type": "response.created", "sequence_number": 0, "response": _response("")})
    yield json.dumps({"type": "response.completed", "sequence_number": 1, "response": _response(said)})


@contextmanager
def serving() -> Iterator[str]:
    """Run the server on a free port and give its address."""
    handler = type("Handler", (_Handler,), {"refused": set()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
