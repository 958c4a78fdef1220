"""Answer one question: how is the server run that somebody else wrote, and what was it asked?"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import SERVER, python_of, surroundings

ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/completions")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that answers as OpenAI's would and keeps a journal of what it was asked."""

    address: str

    def models(self) -> tuple[str, ...]:
        """Give the model of each request so far, and forget them."""
        journal = self.ask("GET", "/_llmock/requests")
        self.ask("POST", "/_llmock/reset")
        listed = journal["requests"] if isinstance(journal, dict) else journal
        return tuple(str(one["model"]) for one in listed if one["path"] in ENDPOINTS)

    def ask(self, method: str, path: str) -> Any:
        """Talk to the server's own pages."""
        request = urllib.request.Request(self.address + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run the server on a free port, with its log in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python_of(SERVER)), "-m", "llmock.cli", "serve", "--port", str(port), "--log-level", "warning"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=surroundings(folder, ""), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    server = Server(f"http://127.0.0.1:{port}")
    try:
        wait(server, process, folder / "log")
        yield server
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
