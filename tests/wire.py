"""Answer one question: what did the server see and charge while its answers were lost, refused and cut off?

A proxy on this machine, in front of a server that somebody else wrote. By a script of luck it refuses a request, drops
it before or after the server has answered, or cuts the answer off, and it keeps the books as the provider would: what
the server answered is charged, whether the answer arrives or not.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from migrator.prices import model_of
from migrator.rulebook import load
from migrator.shadow.model import usage
from migrator.shadow.run.cost import cost_of

BOOK = load()
AGAIN = {"retry-after-ms": "5"}
NO_FAULTS: Mapping[str, int] = {}
# What happens to a request, and how often of a hundred times.
FAULTS = {
    "429": 6,
    "500": 5,
    "504 after the answer": 3,
    "dropped": 4,
    "dropped after the answer": 4,
    "cut off": 3,
    "an error as an answer": 2,
}


@dataclass(slots=True)
class Wire:
    """What was seen. ``asked`` counts the requests of each text that reached the server, ``charged`` is in dollars."""

    address: str = ""
    luck: random.Random = field(default_factory=random.Random)
    faults: Mapping[str, int] = field(default_factory=lambda: FAULTS)
    headers: Mapping[str, str] = field(default_factory=dict)
    again: Mapping[str, str] = field(default_factory=lambda: AGAIN)
    asked: Counter[str] = field(default_factory=Counter)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    charged: Decimal = Decimal(0)
    most_at_once: int = 0
    at_once: int = 0
    delay: float = 0.0
    # The lines of each file that was uploaded, by the server's name of it, and the names of those in a batch.
    uploads: dict[str, list[Any]] = field(default_factory=dict)
    made_of: list[str] = field(default_factory=list)
    # The first answer to such a request is held back until it is released.
    hold: tuple[str, str] | None = None
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def files(self) -> list[list[Any]]:
        """Give the lines of each file that was uploaded."""
        return list(self.uploads.values())

    @property
    def batched(self) -> list[list[Any]]:
        """Give the lines of each batch that was made."""
        return [self.uploads[name] for name in self.made_of]

    def release(self) -> None:
        """Hold nothing back any more."""
        self.hold = None
        self.released.set()

    def draw(self) -> str:
        """Draw what happens to the next request."""
        with self.lock:
            kinds = [*self.faults, "nothing"]
            shares = [*self.faults.values(), 100 - sum(self.faults.values())]
            (drawn,) = self.luck.choices(kinds, shares)
            self.happened[drawn] += 1
        return drawn

    def charge(self, body: Mapping[str, Any], answer: bytes) -> None:
        """Charge what the server has answered."""
        said = json.loads(answer)
        model, counted = model_of(str(body["model"]), BOOK), usage(said)
        assert counted is not None, said
        cost = cost_of(counted, model, said) if model is not None else Decimal(0)
        assert cost is not None
        with self.lock:
            self.charged += cost
            self.asked[text_of(body)] += 1


def text_of(body: Mapping[str, Any]) -> str:
    """Give the text by which the tests tell requests apart."""
    said = body.get("messages", body.get("input"))
    return str(said if isinstance(said, str) else said[-1]["content"])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    wire: Wire
    target: str

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.wire.lock:
            self.wire.at_once += 1
            self.wire.most_at_once = max(self.wire.most_at_once, self.wire.at_once)
        try:
            # A client that was killed is not there any more.
            with suppress(ConnectionError):
                self._post(data)
        finally:
            with self.wire.lock:
                self.wire.at_once -= 1

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            self._send(*self._forward(None))

    def do_DELETE(self) -> None:
        self.do_GET()

    def _post(self, data: bytes) -> None:
        is_model = self.path.endswith(("/chat/completions", "/responses"))
        body = json.loads(data) if self.headers.get("content-type", "").startswith("application/json") else None
        with self.wire.lock:
            self.wire.seen.append((self.path, body))
        fault = self.wire.draw() if is_model else "nothing"
        if (status := fault[:3]).isdigit() and not fault.endswith("answer"):
            error = {"type": fault[4:] or "busy", "message": f"no, {self.headers['authorization']}"}
            self._send(int(status), json.dumps({"error": error}).encode(), self.wire.again)
        elif fault == "an error as an answer":
            self._send(200, b'{"error": {"type": "busy", "message": "upstream"}}', self.wire.again)
        elif fault == "dropped":
            self._drop()
        else:
            self._answer(fault, data, body if is_model else None)

    def _answer(self, fault: str, data: bytes, body: Mapping[str, Any] | None) -> None:
        time.sleep(self.wire.delay)
        status, answer, headers = self._forward(data)
        if body is not None and status == 200:
            self.wire.charge(body, answer)
        if self.path.endswith("/files"):
            lines = [json.loads(line) for line in data.split(b"\n") if line.startswith(b'{"custom_id"')]
            self.wire.uploads[json.loads(answer)["id"]] = lines
        if self.path.endswith("/batches"):
            self.wire.made_of.append(json.loads(data)["input_file_id"])
        if fault == "dropped after the answer":
            self._drop()
        elif fault == "504 after the answer":
            self._send(504, b"<html>the gateway has waited long enough</html>", self.wire.again)
        elif fault == "cut off":
            self._send(status, answer[: len(answer) // 2], headers)
        else:
            self._send(status, answer, headers)

    def _forward(self, data: bytes | None) -> tuple[int, bytes, Mapping[str, str]]:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        asked = urllib.request.Request(
            self.target + self.path,
            data,
            {**kept, **self.wire.headers, "accept-encoding": "identity"},
            method=self.command,
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as reply:
                return reply.status, reply.read(), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def _wait(self) -> None:
        """Hold the first answer of a kind back."""
        hold = self.wire.hold
        if hold is not None and self.command == hold[0] and self.path.startswith(hold[1]):
            self.wire.held.set()
            self.wire.released.wait(60)

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self._wait()
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that was killed leaves without a word."""


@contextmanager
def wire_to(target: str, seed: int = 0, faults: Mapping[str, int] = FAULTS) -> Iterator[Wire]:
    """Run a proxy in front of a server, given without ``/v1``, and give what it sees."""
    wire = Wire(luck=random.Random(seed), faults=faults)
    with _Proxy(("127.0.0.1", 0), type("Handler", (_Handler,), {"wire": wire, "target": target})) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        wire.address = f"http://127.0.0.1:{proxy.server_address[1]}/v1"
        try:
            yield wire
        finally:
            proxy.shutdown()
