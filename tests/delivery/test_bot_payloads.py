"""Answer one question: does the bot read every payload that GitHub publishes as an example?

They are those of npm's ``@octokit/webhooks-examples`` (MIT): 329 payloads of 58 events, sent to the real server. The
package is older than GitHub is now: what is newer is missing in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from npm import one_file
from test_bot_server import Bot, serving, signed

from migrator.bot.events import EVENTS, named, read
from migrator.bot.server import application

pytestmark = pytest.mark.delivery
PACKAGE = "@octokit/webhooks-examples@7.6.1"


def examples(server: str = "api.github.com") -> Iterator[tuple[str, object]]:
    for one in json.loads(one_file(PACKAGE, f"{server}/index.json").read_bytes()):
        for payload in one["examples"]:
            yield one["name"], payload


def test_each_one_is_taken_in(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    found: Counter[str] = Counter()
    with serving(application(bot.door())) as bot.port:
        for number, (event, payload) in enumerate(examples()):
            body = json.dumps(payload).encode()
            status, said = bot.send(body, signed(body, f"d-{number}", event))
            assert status == 202, (event, said)
            found[said] += 1
    assert found.total() == 329
    # In the examples nobody writes a command, and none is of a pull request that migrator opened.
    assert found["to be done"] == bot.inbox.counts()["waiting"] - _more_than_one(examples())
    bot.database.close()


def _more_than_one(payloads: Iterator[tuple[str, object]]) -> int:
    counts = [len(read(event, payload).tasks) for event, payload in payloads]
    return sum(count - 1 for count in counts if count > 1)


@pytest.mark.parametrize("server", ["api.github.com", "ghes-31", "ghes-35"])
def test_what_is_read_in_them(server: str) -> None:
    kinds: Counter[str] = Counter()
    for event, payload in examples(server):
        reading = read(event, payload)
        assert bool(reading.tasks) is (reading.why == "")
        assert event in EVENTS or not reading.tasks
        for task in reading.tasks:
            kinds[f"{event} {reading.action}".strip()] += 1
            assert named(task.repository) == task.repository
            assert task.sender
            assert bool(task.number) is (task.kind != "publish")
    assert "pull_request opened" in kinds
    if server == "api.github.com":
        assert {"installation created", "pull_request synchronize", "push"} <= set(kinds)
