"""Answer one question: does the whole story of a repository run from its webhooks, with each request as GitHub has it?

Installed, planned, opened; a person commits, and the next run keeps its hands off; a person has it made anew; it is
merged, and the sweep finds nothing to do. Each delivery is signed and sent to the real server, each request is held
against GitHub's description of its interface.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from api_description import GITHUB
from forge_checks_server import Checks
from forge_server import APP_TOKEN, NAME
from test_bot_requests import checks
from test_bot_server import SECRET, Bot, serving, signed
from test_bot_work import BOT, OLD, bot, key, server, work
from test_pull_forge import BRANCH, ask, moved

from migrator.bot.server import application
from migrator.bot.sweep import Sweep
from migrator.bot.work import Work
from migrator.bot.workers import Workers

__all__ = ["bot", "checks", "key", "server", "work"]
pytestmark = [pytest.mark.delivery, pytest.mark.parametrize("checks", [GITHUB], indirect=True)]

REPOSITORY = {"full_name": NAME, "default_branch": "main"}
ADA = {"login": "ada"}


class Hub:
    """GitHub as far as it sends: each delivery is signed, and waited for."""

    def __init__(self, bot: Bot) -> None:
        self.bot, self.count = bot, 0

    def send(self, event: str, **payload: object) -> str:
        """Send one, and give what the bot said of the task that it brought."""
        self.count += 1
        body = json.dumps({"repository": REPOSITORY, "sender": ADA, **payload}).encode()
        assert self.bot.send(body, signed(body, f"d-{self.count}", event)) == (202, "to be done")
        for _ in range(1_200):
            told = [json.loads(line) for line in self.bot.said]
            tasks = [line["said"] for line in told if line["what"] == "task"]
            if len(tasks) == self.count:
                return str(tasks[-1])
            time.sleep(0.05)
        pytest.fail(f"it did not come: {self.bot.said}")

    def push(self) -> str:
        return self.send("push", ref="refs/heads/main", head_commit={"author": {"username": "ada"}})

    def say(self, number: int, text: str, who: str = "ada") -> str:
        issue = {"number": number, "pull_request": {"url": "u"}}
        said = {"id": 99, "body": text}
        return self.send("issue_comment", action="created", issue=issue, comment=said, sender={"login": who})


def test_the_whole_story(bot: Work, checks: Checks, work: Path, tmp_path: Path) -> None:
    server, mine = checks.state, Bot(tmp_path)
    moved(work, "title.py", OLD)
    workers = Workers(mine.inbox, bot.do, mine.log, mine.meters)
    with serving(application(mine.door(wake=workers.wake), workers.running)) as mine.port:
        hub = Hub(mine)
        first = hub.send("installation", action="created", repositories=[{"full_name": NAME}])
        assert first == "opened https://forge.example/pull/1"
        assert server.git("show", "--no-patch", "--format=%an", BRANCH) == BOT
        ask(work, "fetch", "--quiet", "origin")
        ask(work, "checkout", "--quiet", "-B", "mine", f"origin/{BRANCH}")
        ask(work, "commit", "--quiet", "--allow-empty", "--message", "mine")
        ask(work, "push", "--quiet", "origin", f"mine:{BRANCH}")
        ask(work, "checkout", "--quiet", "main")
        before = server.tip(BRANCH)
        moved(work, "other.py", OLD)
        assert hub.push() == "foreign https://forge.example/pull/1"
        assert server.tip(BRANCH) == before
        assert hub.say(1, "/migrator recreate", "eve").startswith("refused: only people who may push")
        assert server.tip(BRANCH) == before
        assert hub.say(1, "No thanks to the old commit.\n/migrator recreate") == "renewed https://forge.example/pull/1"
        assert checks.reactions == [(99, "confused"), (99, "eyes"), (99, "rocket")]
        server.git("update-ref", "refs/heads/main", server.tip(BRANCH))
        server.pulls[0] |= {"state": "closed", "merged_at": "2026-11-28T00:00:00Z"}
        place = {"repo": {"full_name": NAME}}
        merged = {"number": 1, "head": {"ref": BRANCH, **place}, "base": {"ref": "main", **place}}
        closed = {**merged, "body": server.pulls[0]["body"], "merged": True}
        assert hub.send("pull_request", action="closed", pull_request=closed) == "clean"
        server.asked.clear()
        assert Sweep(bot.app, mine.inbox).run() == "1 daily look at a repository"
        workers.wake()
        for _ in range(1_200):
            if mine.inbox.counts() == {"done": hub.count + 1}:
                break
            time.sleep(0.05)
        # It looked, and found nothing to do.
        assert json.loads(mine.said[-1])["said"] == "clean"
        assert server.changing() == []
        assert len(server.pulls) == 1
    mine.database.close()
    rows = b"".join(path.read_bytes() for path in tmp_path.glob("bot.db*")).decode("latin-1")
    everything = "\n".join([*mine.said, rows, json.dumps([server.asked, server.pulls], default=str)])
    secrets = (SECRET, APP_TOKEN, *bot.app.key.splitlines()[1:3])
    assert [one for one in secrets if one in everything] == []
