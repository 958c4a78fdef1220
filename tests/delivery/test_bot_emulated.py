"""Answer one question: does the bot work with a GitHub that nobody here wrote, from its webhook to its pull request?

That is emulate of vercel-labs (npm, Apache-2.0): it checks the app's signature and rights, keeps objects, pull requests
and check runs, and sends signed webhooks. It has no git over HTTP, no real files of a pull request and takes no review
comments on lines; git is answered by ``git http-backend``, with the same commits: both name them alike.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from emulator import emulated
from forge_server import NAME, Handler, State
from test_bot_server import SECRET, Bot, serving
from test_bot_work import OLD, topic, work
from test_pull_forge import ask, moved

from migrator.bot.server import application
from migrator.bot.work import Work
from migrator.bot.workers import Workers
from migrator.deliver.app import App
from migrator.github_api import Steady
from migrator.isolation import Limits

__all__ = ["work"]
pytestmark = pytest.mark.delivery

APP_ID, SLUG, BRANCH = 12_345, "migrator-acme", "migrator/gpt-4.1-mini"
ADA = "ghp_migrator_emulated_ada"


class Front(Handler):
    """Answer git from a real repository, and hand everything else to emulate."""

    behind = ""

    def answer(self) -> None:
        size = self.headers.get("Content-Length", "0")
        is_chunked = "chunked" in str(self.headers.get("Transfer-Encoding"))
        data = self.chunks() if is_chunked else self.rfile.read(int(size))
        parts = urlsplit(self.path)
        if ".git/" in parts.path:
            self.git(parts.path, parts.query, data)
            return
        kept = {name: self.headers[name] for name in ("Authorization", "Accept", "Content-Type") if self.headers[name]}
        # It gives made-up files of a pull request; those that it compares are real.
        is_files = parts.path.endswith("/pulls/1/files")
        path = f"/repos/{NAME}/compare/main...topic" if is_files else self.path
        status, headers, answer = sent(self.behind, self.command, path, data, kept)
        answer = json.dumps(json.loads(answer)["files"]).encode() if is_files else answer
        self.state.asked.append((self.command, self.path, status))
        self.reply(status, headers, answer)

    do_GET = do_POST = do_PATCH = do_DELETE = answer


def sent(url: str, method: str, path: str, data: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, data or None, headers)
        reply = connection.getresponse()
        return reply.status, {"Content-Type": "application/json"}, reply.read()
    finally:
        connection.close()


def app_of(key: str, webhook: str) -> dict[str, object]:
    """Describe the app as emulate has it, installed on all repositories of acme."""
    return {
        "app_id": APP_ID,
        "slug": SLUG,
        "name": "Migrator of Acme",
        "private_key": key,
        "permissions": {
            "checks": "write",
            "contents": "write",
            "issues": "write",
            "metadata": "read",
            "pull_requests": "write",
        },
        "events": ["push", "pull_request", "issue_comment"],
        "webhook_url": webhook,
        "webhook_secret": SECRET,
        "installations": [{"installation_id": 100, "account": "acme", "repository_selection": "all"}],
    }


def say(url: str, method: str, path: str, body: object = None, fails: bool = False) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {ADA}", "Content-Type": "application/json"}
    data = b"" if body is None else json.dumps(body).encode()
    status, _, said = sent(url, method, f"/repos/{NAME}{path}", data, headers)
    assert fails or status < 300, (method, path, said)
    return dict(json.loads(said)) if said.startswith(b"{") else {"rows": json.loads(said or b"[]")}


def copied(url: str, work: Path, commit: str) -> None:
    """Give emulate a commit of the real repository, and see that it has the same name there."""
    entries = []
    for line in ask(work, "ls-tree", "-r", commit).splitlines():
        mode, _, rest = line.split(" ", 2)
        blob, path = rest.split("\t")
        text = subprocess.run(["git", "cat-file", "blob", blob], cwd=work, capture_output=True, check=True).stdout
        made = say(url, "POST", "/git/blobs", {"content": text.decode(), "encoding": "utf-8"})
        assert made["sha"] == blob
        entries.append({"path": path, "mode": mode, "type": "blob", "sha": blob})
    tree = say(url, "POST", "/git/trees", {"tree": entries})
    form = "%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%P%x00%B"
    said = ask(work, "show", "--no-patch", f"--format={form}", commit).split("\0")
    people = [dict(zip(("name", "email", "date"), said[i : i + 3], strict=True)) for i in (0, 3)]
    body = {"message": said[7], "tree": tree["sha"], "parents": said[6].split()}
    assert say(url, "POST", "/git/commits", {**body, "author": people[0], "committer": people[1]})["sha"] == commit


def until(is_so: Callable[[], object], what: Callable[[], object]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    pytest.fail(f"it did not come: {what()}")


def test_from_webhooks_to_a_check_run_and_a_pull_request(work: Path, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    state = State(tmp_path / "served")
    ask(tmp_path, "clone", "--quiet", "--bare", str(work), str(state.bare))
    state.git("config", "uploadpack.allowFilter", "true")
    ask(work, "remote", "add", "origin", str(state.bare))
    moved(work, "title.py", OLD)
    commit = topic(work, {"new.py": OLD})
    state.git("update-ref", "refs/pull/1/head", commit)
    front = type("Fronting", (Front,), {"state": state})
    bot = Bot(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), front) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = f"http://127.0.0.1:{server.server_address[1]}"
        doer = Work(App(str(APP_ID), key.decode(), api, Steady(0.0)), Limits(120))
        workers = Workers(bot.inbox, doer.do, bot.log, bot.meters)
        with (
            serving(application(bot.door(wake=workers.wake), workers.running)) as bot.port,
            emulated(tmp_path, [NAME], ADA, [app_of(key.decode(), f"http://127.0.0.1:{bot.port}/webhook")]) as url,
        ):
            front.behind = url  # type: ignore[attr-defined]
            for one in (ask(work, "rev-list", "--reverse", commit)).splitlines():
                copied(url, work, one)
            say(url, "PATCH", "/git/refs/heads/main", {"sha": ask(work, "rev-parse", "main"), "force": True})
            say(url, "POST", "/git/refs", {"ref": "refs/heads/topic", "sha": commit})
            opened = {"title": "New", "head": "topic", "base": "main"}
            assert say(url, "POST", "/pulls", opened)["number"] == 1
            until(lambda: bot.inbox.counts().get("done", 0) >= 2, lambda: (bot.said, state.asked[-20:]))
            runs = say(url, "GET", f"/commits/{commit}/check-runs")["check_runs"]
            pulls = say(url, "GET", "/pulls?state=all")["rows"]
        server.shutdown()
    assert isinstance(runs, list)
    assert isinstance(pulls, list)
    (run,) = runs
    assert (run["name"], run["conclusion"], run["output"]["annotations_count"]) == ("migrator", "neutral", 1)
    (own,) = (one for one in pulls if one["head"]["ref"] == BRANCH)
    assert (own["user"]["login"], own["draft"], own["title"]) == (f"{SLUG}[bot]", True, "Move 1 name to gpt-4.1-mini")
    # It takes no comments on lines, which stops nothing.
    tasks = [json.loads(line) for line in bot.said if '"task"' in line]
    assert {(one["kind"], one["said"].partition(" ")[0]) for one in tasks} == {("check", "1"), ("publish", "opened")}
    bot.database.close()
