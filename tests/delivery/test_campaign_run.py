"""Answer one question: does a campaign keep to what people and forges say while it runs?

The forge is a server of this machine with real git; each run is a process of its own.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from campaigns import BRANCH, CALL, User, each, forge, git, listed, make, opened, planned, put, until
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forge_server import APP_ID, APP_TOKEN, State

from migrator.campaign.lanes import ONE_PULL

pytestmark = pytest.mark.delivery

FAST = ("--pace", "0.05")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[State]:
    (tmp_path / "served").mkdir()
    with forge(tmp_path / "served") as state:
        yield state


def test_a_signal_stops_it_with_everything_kept(server: State, tmp_path: Path) -> None:
    kinds = {f"acme/r{number}": "one" for number in range(8)}
    user = planned(server, tmp_path / "home", kinds)
    for number in (signal.SIGTERM, signal.SIGINT):
        before = len(server.pulls)
        process = user.start(*FAST)
        until(lambda before=before: len(server.pulls) > before)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, "Traceback" in out) == (130, False), out
        # Nothing of it is left behind but what is to be done.
        work = tmp_path / "home/state/migrator/work"
        assert [path for path in work.rglob("*") if path.is_file()] == []
    user.type("run", *FAST)
    assert (opened(server), set(user.states().values())) == (sorted(kinds), {"open"})


def test_a_limit_of_the_forge_holds_the_lane(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one"))
    server.scripted.append(("POST ", (403, {"Retry-After": "3600"}, {"message": "You have exceeded a limit."})))
    process = user.start(*FAST)
    until(lambda: "waits" in user.type("status"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    process.communicate()
    said = user.type("status")
    assert "127.0.0.1" in said
    assert "#token waits 60 min: the forge asks to wait" in said
    assert (user.states(), server.pulls) == ({"acme/one": "waiting"}, [])


def test_the_most_open_ones_and_a_merge(server: State, tmp_path: Path) -> None:
    kinds = {f"acme/r{number}": "one" for number in range(4)}
    user = planned(server, tmp_path / "home", kinds)
    said = user.type("run", *FAST, "--max-open", "2", code=3)
    assert len(server.pulls) == 2
    assert "2 wait until fewer than 2 are open (--max-open)." in said
    server.pulls[0] |= {"state": "closed", "merged_at": "2026-11-28T12:00:00Z"}
    # The next run asks what became of them, and keeps to the same number.
    user.type("run", code=3)
    assert len(server.pulls) == 3


def test_nothing_is_sent_outside_of_a_window_or_while_it_is_paused(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one"))
    ahead = datetime.now(UTC) + timedelta(hours=3)
    closed = f"{ahead:%H}:00-{ahead + timedelta(hours=1):%H}:00"
    said = user.type("run", *FAST, "--window", closed, code=3)
    assert (user.states(), server.pulls) == ({"acme/one": "waiting"}, [])
    assert f"Outside of its windows ({closed}); opens " in said
    user.type("pause", "--reason", "a freeze")
    assert user.type("run", code=4) == "migrator: models is paused (a freeze): `migrator campaign resume models`\n"
    user.type("resume")
    user.type("run", "--window", "always")
    assert opened(server) == ["acme/one"]


def test_a_pause_stops_a_run(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", {f"acme/r{number}": "one" for number in range(6)})
    process = user.start("--pace", "0.5", "--wait")
    until(lambda: len(server.pulls) >= 1)
    user.type("pause")
    until(lambda: not {"scanning", "sending"} & set(user.states().values()))
    sent = len(server.pulls)
    assert sent < 6
    time.sleep(1.5)
    assert (len(server.pulls), process.poll()) == (sent, None)
    user.type("resume")
    assert process.wait(60) == 0
    process.communicate()
    assert len(server.pulls) == 6


def test_a_base_that_moved_since_the_scan_is_planned_again(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one"))
    ahead = datetime.now(UTC) + timedelta(hours=3)
    user.type("run", *FAST, "--window", f"{ahead:%H}:00-{ahead + timedelta(hours=1):%H}:00", code=3)
    put(server.root / "acme/one.git", {"more.py": CALL.format(name="more", model="gpt-4o")}, "one more")
    user.type("run", "--window", "always")
    bare = server.root / "acme/one.git"
    assert git(bare, "rev-parse", f"{BRANCH}^") == git(bare, "rev-parse", "main")
    assert git(bare, "diff", "--name-only", "main", BRANCH).splitlines() == ["more.py", "title.py"]
    assert user.table()["models"] == {"gpt-4o-mini": 1, "gpt-4o": 1}
    # And one that needs nothing any more gets none.
    put(bare, {"title.py": "print(1)\n", "more.py": "print(2)\n"}, "done by hand")
    user.type("retry", "acme/one")
    user.type("run", *FAST)
    assert (server.pulls[0]["state"], user.states()) == ("closed", {"acme/one": "closed"})


def test_closing_leaves_the_work_of_people_alone(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one", "two", "by_name"))
    user.type("run", *FAST)
    put(server.root / "acme/two.git", {"mine.py": "print(1)\n"}, "mine", branch=BRANCH)
    server.pulls[2] |= {"state": "closed", "merged_at": "2026-11-28T12:00:00Z"}
    said = user.type("close", "--reason", "we wait for the next quarter")
    assert said.startswith("1 closed, 2 left as they are. models is paused.\n")
    assert "others have commits on the branch" in said
    assert sorted(user.states().values()) == ["closed", "merged", "open"]
    first = next(one for one in server.pulls if one["repository"] == "acme/one")
    assert (first["state"], first["comments"][0]["body"]) == ("closed", "we wait for the next quarter")  # type: ignore[index]
    assert git(server.root / "acme/one.git", "for-each-ref", f"refs/heads/{BRANCH}") == ""
    assert git(server.root / "acme/two.git", "for-each-ref", f"refs/heads/{BRANCH}") != ""


def test_what_a_person_closed_is_not_opened_by_another_campaign(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one"))
    user.type("run", *FAST)
    server.pulls[0] |= {"state": "closed"}
    other = User(tmp_path / "home", "again")
    other.type("plan", str(tmp_path / "home/list.txt"), "--api-url", server.api)
    other.type("run", *FAST)
    assert (len(server.pulls), other.states()) == (1, {"acme/one": "closed"})
    assert "1 × a person closed the same change before" in other.type("status")


def test_a_forge_without_graphql_is_asked_one_by_one(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one", "two"))
    user.type("run", *FAST)
    server.more[:] = [lambda *asked: (404, {}, {}) if asked[1] == "/api/graphql" else None]
    server.pulls[0] |= {"state": "closed", "merged_at": "2026-11-28T12:00:00Z"}
    server.asked.clear()
    user.type("status", "--sync")
    assert sorted(user.states().values()) == ["merged", "open"]
    assert sorted(one[:2] for one in server.asked) == [
        ("GET", "/pulls/1"),
        ("GET", "/pulls/1"),
        ("POST", "/api/graphql"),
    ]


def test_an_app_goes_over_its_installations(server: State, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, bare = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, form, bare).decode()
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    server.key = key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
    kinds = each("one", "two", "plain")
    make(server.root, kinds)
    user = User(
        tmp_path / "home", more={"GITHUB_TOKEN": "", "MIGRATOR_APP_ID": APP_ID, "MIGRATOR_PRIVATE_KEY": private}
    )
    said = user.type("plan", "--installation", "all", "--match", "o*", "--match", "plain", "--api-url", server.api)
    assert said.startswith("models: 2 repositories of installation all; left out: 1 × its name does not match.")
    user.type("run", *FAST)
    assert (opened(server), user.states()) == (["acme/one"], {"acme/one": "open", "acme/plain": "clean"})
    assert user.table()["requests_in_the_last_hour"] == 4
    # Each token is for one repository, and the process that plans gets one that only reads.
    asked = [(one.get("repositories"), one["permissions"].get("contents")) for one in server.minted]  # type: ignore[attr-defined]
    assert (["one"], "read") in asked
    assert (["one"], "write") in asked
    assert (["plain"], "write") not in asked
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    secrets = (APP_TOKEN.encode(), private.splitlines()[5].encode())
    assert [path for path in files if any(one in path.read_bytes() for one in secrets)] == []


def test_the_budget_of_an_hour_holds_a_run_back(server: State, tmp_path: Path) -> None:
    kinds = {f"acme/r{number}": "one" for number in range(6)}
    user = planned(server, tmp_path / "home", kinds)
    # One pull request is begun only while there is room for the most that one may take.
    process = user.start(*FAST, "--per-hour", str(ONE_PULL + 2))
    until(lambda: len(server.pulls) == 3 and "waiting                 3" in user.type("status"))
    time.sleep(2)
    assert (len(server.pulls), process.poll()) == (3, None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    process.communicate()
    assert "3 of 10 requests in the last hour" in user.type("status")


def test_a_terminal_sees_how_far_it_is(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one", "plain"))
    said = in_terminal(user.command("run", *FAST), user.environment())
    lines = said.split("\r")
    assert any(line.startswith("\x1b[K0 of 2: ") for line in lines), said
    # The line is gone in the end, and what stays is the status.
    assert said.rstrip().endswith("1 of 500 requests in the last hour.")
    assert all(len(line.removeprefix("\x1b[K")) < 80 for line in lines if " of 2: " in line)


def in_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run a command whose output is a terminal, and give what it shows."""
    own, other = pty.openpty()
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        said = b""
        with suppress(OSError):  # the terminal is gone when the process is
            while data := os.read(own, 65_536):
                said += data
        os.close(own)
    assert process.returncode == 0, said
    return said.decode()


def test_a_server_that_is_down_does_not_fail_them_all(tmp_path: Path) -> None:
    user = User(tmp_path / "home")
    names = [f"acme/r{number}" for number in range(60)]
    user.type("plan", str(listed(tmp_path / "home/list.txt", names)), "--api-url", "http://127.0.0.1:1/api/v3")
    said = user.type("run", code=4)
    assert "the last 20 all failed: 127.0.0.1:1: " in said


def test_a_token_that_is_not_taken_ends_it_soon(server: State, tmp_path: Path) -> None:
    user = User(tmp_path / "home", more={"GITHUB_TOKEN": "ghp_expired"})
    names = [f"acme/r{number}" for number in range(1000)]
    user.type("plan", str(listed(tmp_path / "home/list.txt", names)), "--api-url", server.api)
    said = user.type("run", "--workers", "1", code=4)
    assert "the last 3 all failed: " in said
    assert "answers 401" in said
    assert sum(state == "failed" for state in user.states().values()) < 900
