"""Answer one question: does ``migrator bot serve`` lose nothing, do nothing twice and give no secret away?

It is the real command in a process of its own, which is killed and stopped as a machine does it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forge_checks_server import Checks
from forge_server import APP_ID, APP_TOKEN, NAME, Reply
from test_bot_server import SECRET, ask, signed
from test_bot_work import BOT, OLD, checks, key, server, topic, work

__all__ = ["checks", "key", "server", "work"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")


class Served:
    """The command in a process, with what it wrote."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.database = folder / "bot.db"
        self.lines: list[str] = []
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "GIT_CONFIG_GLOBAL") if name in os.environ}
        words = (sys.executable, "-m", "migrator", "bot", "serve", "--port", str(self.port))
        environment = {**kept, **variables, "MIGRATOR_DATABASE": str(self.database), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            words, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=folder
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(self.is_up)

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)
        self.process.stderr.close()

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.lines
        try:
            return ask(self.port, "GET", "/healthz")[0] == 200
        except OSError:
            return False

    def send(self, event: str, payload: object, delivery: str) -> None:
        body = json.dumps(payload).encode()
        status, said = ask(self.port, "POST", "/webhook", body, signed(body, delivery, event))
        assert (status, json.loads(said)["said"]) == (202, "to be done")

    def counts(self) -> dict[str, int]:
        return dict(json.loads(ask(self.port, "GET", "/healthz")[1])["tasks"])

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        self._reader.join()
        return code


def until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    for _ in range(int(seconds / 0.05)):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("it did not come")


def nowhere(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply | None:
    """Be installed nowhere, as far as the sweep is concerned, which would bring work of its own after five seconds."""
    return (200, {}, []) if path == "/api/v3/app/installations" else None


@pytest.fixture
def variables(checks: Checks, key: rsa.RSAPrivateKey, tmp_path: Path) -> dict[str, str]:
    checks.state.more.insert(0, nowhere)
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    place = tmp_path / "app.pem"
    place.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    place.chmod(0o600)
    return {
        "MIGRATOR_APP_ID": APP_ID,
        "MIGRATOR_PRIVATE_KEY_FILE": str(place),
        "MIGRATOR_WEBHOOK_SECRET": SECRET,
        "MIGRATOR_API_URL": checks.state.api,
    }


@pytest.fixture
def start(tmp_path: Path, variables: dict[str, str]) -> Iterator[Callable[[], Served]]:
    made: list[Served] = []

    def one() -> Served:
        made.append(Served(tmp_path, variables))
        return made[-1]

    yield one
    for served in made:
        if served.process.poll() is None:
            served.end(signal.SIGKILL)


def payload(number: int, who: str = "ada") -> dict[str, object]:
    place = {"repo": {"full_name": NAME}}
    pull = {"number": number, "head": {"ref": "topic", **place}, "base": {"ref": "main", **place}, "body": None}
    repository = {"full_name": NAME, "default_branch": "main"}
    return {"action": "opened", "pull_request": pull, "repository": repository, "sender": {"login": who}}


def words_of_children(pid: int) -> str:
    """Give the argument lists of a process and of all that it started, as every user of the machine sees them."""
    done = subprocess.run(["ps", "-e", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in done.stdout.splitlines()]
    mine = {str(pid)}
    for _ in range(5):
        mine |= {row[0] for row in rows if row[1] in mine}
    return "\n".join(row[2] for row in rows if row[0] in mine and len(row) > 2)


def test_from_a_delivery_to_a_check_run_and_to_the_end(
    start: Callable[[], Served], checks: Checks, work: Path, variables: dict[str, str]
) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    served = start()
    seen: list[str] = []
    served.send("pull_request", payload(number), "d-1")

    def is_done() -> bool:
        seen.append(words_of_children(served.process.pid))
        return served.counts() == {"done": 1}

    until(is_done)
    assert (len(checks.runs), len(checks.remarks)) == (1, 1)
    page = ask(served.port, "GET", "/metrics")[1]
    assert 'migrator_tasks_total{kind="check",outcome="done"} 1' in page
    assert served.end(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in served.lines]
    assert [line["what"] for line in lines] == ["started", "delivery", "task", "stopped"]
    assert lines[2]["said"] == "1 found, 1 new comments"
    # Another process read the repository, and no list of processes, no line and no row has a secret.
    assert any("migrator.bot.child" in one for one in seen)
    key = Path(variables["MIGRATOR_PRIVATE_KEY_FILE"]).read_text("utf-8").splitlines()
    kept = b"".join(path.read_bytes() for path in served.database.parent.glob("bot.db*")).decode("latin-1")
    everything = "\n".join([*seen, *served.lines, kept, page, json.dumps(checks.state.asked, default=str)])
    assert [one for one in (SECRET, APP_TOKEN, key[1], key[5]) if one in everything] == []


def test_what_was_being_done_when_it_was_killed_is_done_after_that(
    start: Callable[[], Served], checks: Checks, work: Path
) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    came, go = threading.Event(), threading.Event()

    def slow(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply | None:
        if (method, path.rpartition("/")[2]) == ("POST", "reviews") and not go.is_set():
            came.set()
            go.wait(60)
        return None

    checks.state.more.insert(0, slow)
    first = start()
    first.send("pull_request", payload(number), "d-1")
    assert came.wait(120)
    # Two more are kept, and nobody has begun them.
    first.send("pull_request", payload(number), "d-2")
    body = json.dumps({**payload(number), "action": "synchronize"}).encode()
    assert ask(first.port, "POST", "/webhook", body, signed(body, "d-3", "pull_request"))[0] == 202
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    go.set()
    # The forge did what it was asked for; the answer came to nobody.
    until(lambda: len(checks.remarks) == 1)
    with sqlite3.connect(first.database) as file:
        assert file.execute("select state, count(*) from tasks group by state").fetchall() == [
            ("waiting", 2),
            ("working", 1),
        ]
        # The lease of a minute runs out.
        file.execute("update tasks set lease = 0")
    file.close()
    second = start()
    until(lambda: second.counts() == {"done": 3})
    assert (len(checks.runs), len(checks.remarks)) == (1, 1)
    assert {one["user"]["login"] for one in checks.remarks} == {BOT}  # type: ignore[index]
    assert second.end(signal.SIGINT) == 0


def test_the_check_of_the_setup_as_a_command(variables: dict[str, str], checks: Checks, tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    words = (sys.executable, "-m", "migrator", "bot", "check")
    done = subprocess.run(words, env={**kept, **variables}, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.splitlines()[:3] == [
        "ok  the app is Migrator of Acme, and writes as acme-migrator[bot]",
        "no  rights that are missing: checks: write, contents: write, issues: write, metadata: read, "
        "pull_requests: write",
        "    add them under Permissions & events; each installation must then accept them",
    ]
    done = subprocess.run(words, env=kept, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (4, 3)


def test_what_cannot_be_started_is_one_line(variables: dict[str, str], tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for more, said in (
            ({}, f"migrator: cannot listen on 127.0.0.1:{port}: address already in use\n"),
            ({"MIGRATOR_DATABASE": "none/bot.db"}, "migrator: none/bot.db: unable to open database file\n"),
            (
                {"MIGRATOR_API_URL": "http://forge.example"},
                "migrator: MIGRATOR_API_URL: only https, so that nobody on the way reads the tokens\n",
            ),
            (
                {"MIGRATOR_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", "MIGRATOR_PRIVATE_KEY_FILE": ""},
                "migrator: the private key of the app cannot be read: it must be the PEM file from GitHub\n",
            ),
        ):
            done = subprocess.run(
                (sys.executable, "-m", "migrator", "bot", "serve", "--port", port),
                env={**kept, **variables, **more},
                capture_output=True,
                text=True,
                cwd=tmp_path,
                check=False,
            )
            assert (done.stdout, done.stderr) == ("", said)


def test_a_request_that_is_none_is_a_line_of_the_log(start: Callable[[], Served]) -> None:
    served = start()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as plain:
        plain.sendall(b"no request at all\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 400 ")
    assert served.end(signal.SIGTERM) == 0
    assert [json.loads(line)["what"] for line in served.lines] == ["started", "server", "stopped"]
