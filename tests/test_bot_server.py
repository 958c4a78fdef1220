"""Answer one question: does the bot's server take what GitHub signed, at once and once, and nothing else?

It is the real application on a real uvicorn, asked over a socket.
"""

from __future__ import annotations

import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import uvicorn

from migrator.bot.database import Database
from migrator.bot.events import Task
from migrator.bot.inbox import Inbox
from migrator.bot.log import Log, Meters
from migrator.bot.server import Door, application
from migrator.bot.workers import Workers
from migrator.settings import CannotRun

SECRET = "0123456789abcdef0123456789abcdef"
PUSH = {
    "ref": "refs/heads/main",
    "repository": {"full_name": "acme/helpdesk", "default_branch": "main"},
    "sender": {"login": "ada"},
}


@contextmanager
def serving(app: object) -> Iterator[int]:
    """Run an application on a free port of this machine, and stop it as a signal would."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        for _ in range(200):
            if server.started:
                break
            time.sleep(0.02)
        yield port
    finally:
        server.should_exit = True
        thread.join()


def ask(port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def signed(body: bytes, delivery: str = "d-1", event: str = "push", secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": delivery, "X-GitHub-Event": event}


class Bot:
    """A server with an inbox of its own, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.database = Database(str(folder / "bot.db"))
        self.inbox = Inbox(self.database)
        self.log = Log((SECRET,), self.said.append)
        self.meters = Meters()
        self.port = 0

    def door(self, **more: object) -> Door:
        return Door(SECRET, self.inbox, self.log, self.meters, **more)  # type: ignore[arg-type]

    def send(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        status, said = ask(self.port, "POST", "/webhook", body, headers)
        return status, str(json.loads(said)["said"])


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    made = Bot(tmp_path)
    with serving(application(made.door(most=100_000))) as made.port:
        yield made
    made.database.close()


def test_a_delivery_is_kept_and_comes_again(bot: Bot) -> None:
    body = json.dumps(PUSH).encode()
    assert bot.send(body, signed(body)) == (202, "to be done")
    assert bot.send(body, signed(body)) == (202, "known already")
    job = bot.inbox.take("me")
    assert job is not None
    assert job.task == Task("publish", "acme/helpdesk", sender="ada")
    ping = b'{"zen": "Speak like a human."}'
    assert bot.send(ping, signed(ping, "d-2", "ping")) == (202, "no event that the bot acts on")
    assert bot.inbox.has("d-2")


def _other_secret(body: bytes) -> Mapping[str, str]:
    return signed(body, secret="another secret of the same kind")


def _without(name: str) -> Callable[[bytes], Mapping[str, str]]:
    return lambda body: {key: value for key, value in signed(body).items() if key != name}


def _with(name: str, change: Callable[[str], str]) -> Callable[[bytes], Mapping[str, str]]:
    return lambda body: {key: change(value) if key == name else value for key, value in signed(body).items()}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (_other_secret, 401),
        (_without("X-Hub-Signature-256"), 401),
        (_with("X-Hub-Signature-256", lambda text: text[:-1]), 401),
        (_with("X-Hub-Signature-256", lambda text: text.removeprefix("sha256=")), 401),
        (_with("X-Hub-Signature-256", lambda text: text.upper()), 401),
        (_with("X-Hub-Signature-256", lambda text: "sha1=" + text), 401),
        (_with("X-Hub-Signature-256", lambda text: "\xe9" * len(text)), 401),
        (lambda body: signed(body + b" "), 401),
        (_without("X-GitHub-Delivery"), 400),
        (_without("X-GitHub-Event"), 400),
        (_with("X-GitHub-Delivery", lambda text: "a'; drop table tasks"), 400),
        (_with("X-GitHub-Event", lambda text: "push\x85"), 400),
    ],
)
def test_what_github_did_not_sign_is_refused(
    bot: Bot, headers: Callable[[bytes], Mapping[str, str]], status: int
) -> None:
    body = json.dumps(PUSH).encode()
    assert bot.send(body, headers(body))[0] == status
    assert bot.inbox.counts() == {}
    assert SECRET not in "".join(bot.said)


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"[" * 50_000, b'{"a": NaN', b"payload=%7B%7D", b"\xff"])
def test_what_is_no_json_object_is_refused(bot: Bot, body: bytes) -> None:
    assert bot.send(body, signed(body))[0] == 400
    assert bot.inbox.counts() == {}


def test_a_body_that_is_too_large_is_not_read(bot: Bot) -> None:
    large = b" " * 100_001
    assert bot.send(large, signed(large)) == (413, "more than 100,000 bytes")
    with socket.create_connection(("127.0.0.1", bot.port), timeout=30) as plain:
        # It says nothing of its size, and goes on and on.
        plain.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(11):
            plain.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 413 ")
    assert bot.inbox.counts() == {}


def test_other_addresses(bot: Bot) -> None:
    assert ask(bot.port, "GET", "/webhook")[0] == 405
    assert ask(bot.port, "GET", "/")[0] == 404
    assert json.loads(ask(bot.port, "GET", "/healthz")[1]) == {"ok": True, "tasks": {}}


def test_an_inbox_that_cannot_be_written_is_said(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.database.close()
    Path(bot.database.place).write_bytes(b"no database at all, but a text of some length" * 10)
    for rest in ("-wal", "-shm"):
        Path(bot.database.place + rest).unlink(missing_ok=True)
    body = json.dumps(PUSH).encode()
    # GitHub sees that it failed, and the sweep will find it there.
    assert bot.send(body, signed(body)) == (503, "the inbox cannot be written")
    status, said = ask(bot.port, "GET", "/healthz")
    assert (status, json.loads(said)["ok"]) == (503, False)


def test_the_figures(bot: Bot) -> None:
    body = json.dumps(PUSH).encode()
    bot.send(body, signed(body))
    bot.send(body, signed(body))
    bot.send(body, signed(body, event="made_up"))
    bot.send(body, {})
    bot.meters.add("migrator_tasks_total", kind='a"b\\c\nd', outcome="done")
    page = ask(bot.port, "GET", "/metrics")[1]
    assert page.splitlines() == [
        "# HELP migrator_deliveries_total Deliveries of GitHub, by event and answer.",
        "# TYPE migrator_deliveries_total counter",
        'migrator_deliveries_total{answer="202",event="other"} 1',
        'migrator_deliveries_total{answer="202",event="push"} 2',
        'migrator_deliveries_total{answer="401",event="other"} 1',
        "# HELP migrator_tasks_total Tasks that ended or failed, by kind and outcome.",
        "# TYPE migrator_tasks_total counter",
        r'migrator_tasks_total{kind="a\"b\\c\nd",outcome="done"} 1',
        "# HELP migrator_inbox_tasks Tasks in the inbox, by state.",
        "# TYPE migrator_inbox_tasks gauge",
        'migrator_inbox_tasks{state="done"} 0',
        'migrator_inbox_tasks{state="parked"} 0',
        'migrator_inbox_tasks{state="waiting"} 1',
        'migrator_inbox_tasks{state="working"} 0',
    ]


def test_a_line_of_the_log_is_json_without_secrets() -> None:
    said: list[str] = []
    log = Log(("line one of a key\nline two of a key", SECRET), said.append)
    token = "ghs_" + "a1B2" * 9
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0NSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
    log.say("x", why=f"{SECRET} {token} {jwt} Bearer abcdefghijklmnopqrst {pem}", more=["line two of a key"])
    (line,) = said
    fields = json.loads(line)
    assert (fields["what"], fields["level"], fields["more"]) == ("x", "info", ["***"])
    assert fields["why"] == "*** *** *** *** ***"


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.02)
    pytest.fail("it did not come")


def test_work_is_done_while_deliveries_come_in_and_the_end_gives_back(tmp_path: Path) -> None:
    bot, done, hold = Bot(tmp_path), [], threading.Event()

    def do(task: Task) -> str:
        if task.repository == "acme/slow":
            hold.wait(30)
        if task.repository == "acme/broken":
            raise CannotRun("the forge does not answer")
        if task.repository == "acme/bug":
            raise KeyError(SECRET)
        done.append(task.repository)
        return f"did {task.repository}"

    workers = Workers(bot.inbox, do, bot.log, bot.meters, grace=0.5)
    app = application(bot.door(wake=workers.wake), workers.running)
    try:
        with serving(app) as bot.port:
            for number, name in enumerate(("helpdesk", "broken", "bug", "slow")):
                text = json.dumps({**PUSH, "repository": {"full_name": f"acme/{name}", "default_branch": "main"}})
                assert bot.send(text.encode(), signed(text.encode(), f"d-{number}"))[0] == 202
            until(lambda: bot.inbox.counts() == {"done": 1, "waiting": 2, "working": 1})
    finally:
        hold.set()
    assert done[:1] == ["acme/helpdesk"]
    # What was not done in time waits for the next process.
    assert bot.inbox.counts() == {"done": 1, "waiting": 3}
    lines = [json.loads(line) for line in bot.said]
    told = {line["repository"]: (line["outcome"], line["said"]) for line in lines if line["what"] == "task"}
    assert told["acme/helpdesk"] == ("done", "did acme/helpdesk")
    assert told["acme/broken"] == ("failed", "the forge does not answer")
    assert told["acme/bug"][1].startswith("an error of migrator: KeyError at test_bot_server.py:")
    assert {"what": "stopped", "given_back": 1}.items() <= lines[-1].items() or lines[-1]["what"] == "task"
    assert SECRET not in "".join(bot.said)
    bot.database.close()
