"""Answer one question: does a request of the real library carry the name that the rewrite put there?

The ``.after.py`` of a pair runs in the environment of its group against a local server that somebody
else wrote; the server's journal is the judge.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import BOOK, GROUPS, PAIRS, SERVER, Group, marks, python_of, surroundings

from migrator import plan
from migrator.model import Rewrite
from migrator.settings import Settings

TARGET = "gpt-4.1-mini"
ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/completions")

EACH_PAIR = [
    pytest.param(group, name, marks=marks(group), id=f"{group.name}-{name}")
    for group in GROUPS
    for name in group.requests
]


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the server on a free port."""
    folder = tmp_path_factory.mktemp("server")
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


@pytest.mark.parametrize(("group", "name"), EACH_PAIR)
def test_each_request_carries_the_target(group: Group, name: str, server: Server, tmp_path: Path) -> None:
    python = python_of(group)
    server.models()
    result = subprocess.run(
        [str(python), str(PAIRS / f"{name}.after.py")],
        env=surroundings(tmp_path, f"{server.address}/v1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    models = server.models()
    assert result.returncode == 0, result.stderr[-3000:]
    assert set(models) == {TARGET}
    assert len(models) >= len(rewritten(name)), "a name was rewritten that no request carried"


@cache
def rewritten(name: str) -> tuple[Rewrite, ...]:
    """Plan a pair's ``.before.py`` and give what is rewritten."""
    before = PAIRS / f"{name}.before.py"
    made = plan.make_text(before.read_bytes(), "case.py", Settings(), cwd=PAIRS / "none", today=date(2026, 11, 22))
    return tuple(one for one in made.decisions if isinstance(one, Rewrite))


def test_each_measured_surface_has_a_request() -> None:
    names = {name for group in GROUPS for name in group.requests}
    reached = {reach.site.surface for name in names for one in rewritten(name) for reach in one.finding.reaches}
    measured = {one.name for one in BOOK.surfaces if one.evidence == "measured" and one.hold is None}
    assert measured - reached == set()


def test_each_pair_of_requests_belongs_to_a_group() -> None:
    named: Mapping[str, Group] = {name: group for group in GROUPS for name in group.requests}
    assert {path.name.partition(".")[0] for path in PAIRS.glob("*_requests.after.py")} == named.keys()
