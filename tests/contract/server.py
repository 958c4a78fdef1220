"""Answer one question: what did the requests say that a program sent?

The server is somebody else's, and its journal is the judge.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import SERVER, python_of, surroundings

# How the SDK addresses a deployment on Azure. The server knows no such path: it answers 404, and notes the request.
DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)(/.+)")
ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/completions")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that answers as OpenAI's would and keeps a journal of what it was asked."""

    address: str

    def requests(self) -> tuple[Request, ...]:
        """Give the requests to models so far, and forget them."""
        journal = self.ask("GET", "/_llmock/requests")
        self.ask("POST", "/_llmock/reset")
        listed = journal["requests"] if isinstance(journal, dict) else journal
        found = (_request(one["path"], one["body"]) for one in listed)
        return tuple(one for one in found if one.path in ENDPOINTS)

    def models(self) -> tuple[str, ...]:
        """Give the model of each request so far, and forget them."""
        return tuple(str(request.body["model"]) for request in self.requests())

    def ask(self, method: str, path: str) -> Any:
        """Talk to the server's own pages."""
        request = urllib.request.Request(self.address + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")


def _request(path: str, body: Any) -> Request:
    """Read one entry of the journal; on Azure the path may name the deployment, which is then the model."""
    if match := DEPLOYMENT.fullmatch(path):
        return Request(f"/v1{match[2]}", {**body, "model": body.get("model") or match[1]})
    return Request(path.replace("/openai/", "/v1/"), body)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run the server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python_of(SERVER)), "-m", "llmock.cli", "serve", "--port", str(port), "--log-level", "warning"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=surroundings(folder, ""), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    running = Server(f"http://127.0.0.1:{port}")
    try:
        wait(running, process, folder / "log")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    for _ in range(150):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            server.ask("GET", "/_llmock/requests")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))
