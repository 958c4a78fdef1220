"""Answer one question: does a campaign do each thing once, at its pace, whatever happens to it?

The forge is a server of this machine with real git; each run is a process of its own. What people and forges do to
one is in ``tests/delivery``, a thousand repositories and PostgreSQL in ``tests/fleet``.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from campaigns import (
    BRANCH,
    CLEAN,
    FAILING,
    KINDS,
    NEEDING,
    User,
    each,
    forge,
    kill,
    listed,
    opened,
    planned,
    put,
    until,
)
from forge_server import TOKEN, State

from migrator.campaign import commands, listing, orders, status, windows, work
from migrator.campaign import ledger as states
from migrator.campaign.access import Access
from migrator.campaign.executors import Executor
from migrator.campaign.lanes import ONE_PULL
from migrator.campaign.ledger import Ledger, Row
from migrator.campaign.pace import Pace, Stopped
from migrator.cli import run as cli
from migrator.settings import CannotRun, SettingsError

FAST = ("--pace", "0.05")


# ---- windows ----


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        # 2026-11-27 is a Friday; Berlin is an hour ahead then.
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-11-27T06:59", "2026-11-27T07:00"),
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-11-27T07:00", "2026-11-27T07:00"),
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-11-27T17:00", "2026-11-30T07:00"),
        ("mon-fri 08:00-18:00", "2026-11-27T17:00", "2026-11-27T17:00"),
        ("08:00-18:00", "2026-11-28T18:00", "2026-11-29T08:00"),
        ("sat,sun 00:00-00:00", "2026-11-29T23:59", "2026-11-29T23:59"),
        ("sat,sun 00:00-00:00", "2026-11-30T00:00", "2026-12-05T00:00"),
        # Over midnight it belongs to the day on which it begins.
        ("fri 22:00-06:00", "2026-11-28T05:59", "2026-11-28T05:59"),
        ("fri 22:00-06:00", "2026-11-28T06:00", "2026-12-04T22:00"),
        ("sat-mon 10:00-11:00", "2026-11-30T10:30", "2026-11-30T10:30"),
        # The clocks are turned on: the same hour of the day is an hour earlier in UTC.
        ("sun 08:00-09:00 Europe/Berlin", "2026-03-28T12:00", "2026-03-29T06:00"),
        ("sun 08:00-09:00 Europe/Berlin", "2026-10-24T12:00", "2026-10-25T07:00"),
    ],
)
def test_a_window_opens(text: str, now: str, opens: str) -> None:
    window = windows.parse(text)
    assert windows.opens([window], at(now)) == at(opens)
    assert windows.is_open([window], at(now)) is (now == opens)


def test_the_next_of_several_windows_counts_and_none_is_always_open() -> None:
    both = [windows.parse("mon 08:00-09:00"), windows.parse("sun 08:00-09:00")]
    assert windows.opens(both, at("2026-11-28T12:00")) == at("2026-11-29T08:00")
    assert windows.is_open([], at("2026-11-28T12:00"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weekdays", "write days, a span and a time zone, as 'mon-fri 08:00-18:00 Europe/Berlin'"),
        ("mon-fry 08:00-18:00", "'mon-fry' is no day"),
        ("mon 08:00-24:00", "24:00 is no time of the day"),
        ("08:00-18:00 Europe/Berlim", "no time zone is called 'Europe/Berlim'"),
        ("08:00-18:00 ../../etc/passwd", "write days, a span and a time zone"),
        ("08:00-18:00 Europe", "no time zone is called 'Europe'"),
    ],
)
def test_a_wrong_window_is_told(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        windows.parse(text)
    assert said in str(caught.value)


# ---- the pace ----


class Clock:
    """A clock that moves when somebody rests."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'models.db'}", "models", clock)
    made.make({"to": None}, [f"acme/r{number}" for number in range(5)])
    yield made
    made.close()


def most(times: Sequence[float], seconds: float) -> int:
    """Count the requests of the fullest span of so many seconds."""
    return max(sum(start <= one < start + seconds for one in times) for start in times)


def test_no_second_and_no_hour_has_more_than_it_may(ledger: Ledger, clock: Clock) -> None:
    chance = random.Random(7)
    pace = Pace(ledger, "github.com#token", 1.0, 30, threading.Event(), clock, clock.rest)
    sent = []
    for _ in range(100):
        pace.wait()
        # It takes some time to get there, and some until the answer is back.
        clock.rest(chance.random() * 0.4)
        sent.append(clock.now)
        clock.rest(chance.random() * 0.4)
    assert most(sent, 1.0) == 1
    # What the ledger counts is when it was allowed; it arrives less than half a second later.
    assert most(sent, 3600.0 - 0.4) == 30
    assert 3 * 3600 < sent[-1] - sent[0] < 3 * 3600 + 400


def test_a_pace_outlives_its_process_and_is_shared(ledger: Ledger, clock: Clock, tmp_path: Path) -> None:
    assert ledger.lanes.slot("a", 1.0, 2) == (0.0, "")
    other = Ledger(f"sqlite:///{tmp_path / 'models.db'}", "models", clock)
    assert other.lanes.slot("a", 1.0, 2) == (1.0, "")
    assert other.lanes.slot("b", 1.0, 2) == (0.0, "")
    clock.rest(1.0)
    assert other.lanes.slot("a", 1.0, 2) == (0.0, "")
    clock.rest(1.0)
    assert ledger.lanes.slot("a", 1.0, 2) == (3598.0, "the requests of this hour are used up")
    other.close()


def test_two_campaigns_of_one_machine_share_their_pace(tmp_path: Path, clock: Clock) -> None:
    lanes = f"sqlite:///{tmp_path / 'lanes.db'}"
    one, other = (Ledger(f"sqlite:///{tmp_path / name}.db", name, clock, lanes=lanes) for name in ("one", "other"))
    assert (one.lanes.slot("a", 1.0, 9), other.lanes.slot("a", 1.0, 9)) == ((0.0, ""), (1.0, ""))
    one.close()
    other.close()


def test_a_lane_that_is_held_leaves_the_others_alone(ledger: Ledger, clock: Clock) -> None:
    ledger.lanes.hold("a", 40, "the forge asks to wait")
    ledger.lanes.hold("a", 10, "less")
    assert ledger.lanes.slot("a", 1.0, 9) == (40.0, "the forge asks to wait")
    assert ledger.lanes.slot("b", 1.0, 9) == (0.0, "")
    assert ledger.lanes.held() == {"a": (40.0, "the forge asks to wait")}
    clock.rest(40)
    assert (ledger.lanes.held(), ledger.lanes.slot("a", 1.0, 9)) == ({}, (0.0, ""))


def test_a_run_that_is_stopped_ends_a_long_wait_and_no_short_one(ledger: Ledger, clock: Clock) -> None:
    stop = threading.Event()
    pace = Pace(ledger, "a", 2.0, 9, stop, clock, clock.rest)
    stop.set()
    pace.wait()
    pace.wait()
    with pytest.raises(Stopped):
        pace.sleep(60)
    with pytest.raises(Stopped):
        pace.wait()


def test_a_pull_request_is_not_begun_where_it_could_not_be_finished(ledger: Ledger, clock: Clock) -> None:
    for _ in range(20 - ONE_PULL + 1):
        assert ledger.lanes.until("a", 20) == (0.0, "")
        ledger.lanes.slot("a", 0.0, 20)
    assert ledger.lanes.until("a", 20)[0] == 3600.0


# ---- the ledger ----


def test_each_repository_is_taken_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'many.db'}"
    first = Ledger(url, "many")
    first.make({}, [f"acme/r{number}" for number in range(60)])
    others = [Ledger(url, "many") for _ in range(4)]

    def take(one: Ledger) -> list[str]:
        return [row.name for _ in range(20) for row in one.take(states.TODO, states.SCANNING, 60)[:60]]

    with ThreadPoolExecutor(4) as pool:
        taken = [name for names in pool.map(take, others) for name in names]
    assert sorted(taken) == sorted(f"acme/r{number}" for number in range(60))
    for one in (first, *others):
        one.close()


def test_what_was_done_is_not_done_again(ledger: Ledger) -> None:
    (row,) = ledger.take(states.TODO, states.SCANNING, 1)
    assert row == Row("acme/r0", states.SCANNING, 1, row.at)
    assert ledger.finish(row, states.CLEAN, numbers={"names": 2})
    assert not ledger.finish(row, states.FAILED, reason="late")
    again = ledger.row("acme/r0")
    assert again is not None
    assert (again.state, again.numbers, again.reason) == (states.CLEAN, {"names": 2}, "")
    assert ledger.finish(again, states.TODO, again=True)
    # A turn that is over cannot end the next one.
    assert not ledger.finish(row, states.CLEAN)
    assert [(one.before, one.after) for one in ledger.events()] == [
        ("todo", "scanning"),
        ("scanning", "clean"),
        ("clean", "todo"),
    ]


def test_the_most_open_counts_those_on_their_way(ledger: Ledger) -> None:
    for row in ledger.take(states.TODO, states.SCANNING, 5):
        ledger.finish(row, states.WAITING, lane="a")
    assert [row.name for row in ledger.take(states.WAITING, states.SENDING, 9, lane="a", most_open=2)] == [
        "acme/r0",
        "acme/r1",
    ]
    assert ledger.take(states.WAITING, states.SENDING, 9, lane="a", most_open=2) == ()
    assert len(ledger.take(states.WAITING, states.SENDING, 3, lane="a")) == 1
    assert (ledger.lanes_of(states.WAITING), ledger.take(states.WAITING, states.SENDING, 9, lane="b")) == (("a",), ())


def test_an_executor_that_is_silent_is_buried_by_one(ledger: Ledger, clock: Clock) -> None:
    for name in ("a", "b", "c"):
        assert ledger.executors.arrive(Executor(name, "host", 1), lambda *_: False) is None
    clock.rest(20)
    assert ledger.executors.beat("b")
    clock.rest(20)
    assert ledger.executors.bury("b", 30) == ("a", "c")
    assert (ledger.executors.bury("b", 30), ledger.executors.beat("a")) == ((), False)
    # Who left with work undone is for the others at once.
    ledger.executors.leave("b", has_work=True)
    assert ledger.executors.bury("d", 30) == ("b",)


def test_one_name_is_one_process(ledger: Ledger) -> None:
    one = Executor("a", "host", 1)
    assert ledger.executors.arrive(one, lambda *_: True) is None
    there = ledger.executors.arrive(Executor("a", "host", 2), lambda *_: False)
    assert there is not None
    assert there.process == 1
    assert ledger.executors.arrive(Executor("a", "host", 2), lambda *_: True) is None
    ledger.executors.leave("a", has_work=False)
    assert ledger.executors.all() == ()


# ---- the list, and what is asked for ----


def test_a_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# ours\nacme/one\n\n  acme/two.git  # with a comment\nAcme/One\nacme/three/\n", encoding="utf-8")
    assert listing.read(path) == ("Acme/One", "acme/two", "acme/three")


@pytest.mark.parametrize("line", ["acme", "acme/..", "-x/y", "https://github.com/acme/one", "acme/one two", "a/b/c"])
def test_a_line_that_is_no_repository_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"acme/one\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        listing.read(path)
    assert str(caught.value) == f"{path}:2: {line!r} is no repository; write owner/name"


def test_what_is_left_out_is_counted() -> None:
    base = {"default_branch": "main", "language": "Python", "topics": ["backend"]}
    said = [
        {**base, "full_name": "acme/billing-api"},
        {**base, "full_name": "acme/billing-old", "archived": True},
        {**base, "full_name": "acme/billing-fork", "fork": True},
        {**base, "full_name": "acme/billing-out", "topics": ["backend", "no-migrator"]},
        {**base, "full_name": "acme/billing-web", "language": "TypeScript"},
        {**base, "full_name": "acme/billing-none", "topics": []},
        {**base, "full_name": "acme/other"},
        {"full_name": "acme/billing-empty", "size": 0, "language": "Python", "topics": ["backend"]},
    ]
    filters = listing.Filters(("billing-*",), ("backend",), ("python",))
    assert listing.chosen(map(listing.about, said), filters) == (
        ("acme/billing-api",),
        {
            "archived": 1,
            "a fork": 1,
            "it has the topic no-migrator": 1,
            "not written in python": 1,
            "without the topic backend": 1,
            "its name does not match": 1,
            "empty": 1,
        },
    )


def test_a_run_keeps_to_what_the_last_one_was_asked() -> None:
    first = orders.read({}, {"max_open": 5, "windows": ("08:00-18:00",), "labels": ("models",), "apart": None})
    kept = json.loads(json.dumps(dict(first.kept())))
    assert orders.read(kept, {"max_open": None, "windows": ()}) == first
    again = orders.read(kept, {"max_open": 0, "windows": ("always",), "labels": ()})
    assert (again.max_open, again.windows, again.labels) == (0, (), ("models",))


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "unknown"), (40, "40 s"), (720, "12 min"), (12_000, "3 h 20 min"), (5e5, "5 days")]
)
def test_a_time_is_said(seconds: float | None, said: str) -> None:
    assert status.duration(seconds) == said


@pytest.mark.parametrize(
    ("coming", "rate", "each", "sent", "seconds"),
    [
        (0, 0.0, 0.0, 0, 0.0),
        (None, 60.0, 1.0, 9, None),
        (30, 0.0, 0.0, 0, None),
        (30, 60.0, 1.0, 100, 1800.0),
        # 300 requests are left of this hour; the other 100 come in the next one.
        (400, 1200.0, 1.0, 200, 3600.0),
        (1300, 1200.0, 1.0, 0, 7200.0),
        (400, 1200.0, 4.0, 0, 3 * 3600.0),
        (1300, 100.0, 1.0, 0, 13 * 3600.0),
    ],
)
def test_the_time_that_is_left_knows_the_budget_of_an_hour(
    coming: float | None, rate: float, each: float, sent: int, seconds: float | None
) -> None:
    assert status.left(coming, rate, each, sent, 500) == seconds


def test_what_is_to_come_is_guessed_from_what_was_scanned() -> None:
    none = dict.fromkeys(states.STATES, 0)
    assert status.coming({**none, states.TODO: 9}) is None
    assert status.coming({**none, states.TODO: 100, states.CLEAN: 30, states.OPEN: 8, states.WAITING: 2}) == 27
    assert status.coming({**none, states.CLEAN: 30}) == 0


# ---- the run ----


class Doing:
    """An engine that does nothing of what it is asked, and says of one work that it broke."""

    def __init__(self, broken: str) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self._broken = broken

    def scan(self, name: str, turn: int) -> None:
        self.asked.append(("scan", name, turn))

    def send(self, name: str, turn: int, lane: str) -> None:
        self.asked.append((lane, name, turn))

    def broken(self, asked: Iterable[tuple[str, str, int]]) -> Mapping[str, str]:
        return {name: "error: why" for _, name, _ in asked if name == self._broken}

    def rescue(self, executors: Sequence[str]) -> int:
        return len(executors)

    def stop(self, seconds: int) -> bool:
        return True


def test_a_run_takes_over_and_writes_down_what_broke(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOOK", 0.01)
    monkeypatch.setattr(work, "BEAT", 0.05)
    ledger.executors.arrive(Executor("dead", "other", 1), work.is_gone)
    ledger.take(states.TODO, states.SCANNING, 2)
    clock.now += work.SILENCE + 1
    me = work.me("me")
    ledger.executors.arrive(me, work.is_gone)
    engine, stop = Doing("acme/r1"), threading.Event()
    who = Access("https://api.github.com", TOKEN)
    run = work.Run(ledger, engine, who, orders.Orders(workers=1), me, stop)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run.until_done)
        until(lambda: bool(ledger.rows(states.FAILED)))
        assert [one.name for one in ledger.executors.all()] == ["me"]
        # Another process takes this one for dead.
        ledger.executors.leave("me", has_work=False)
        with pytest.raises(CannotRun, match="another process took this one for dead"):
            ended.result(30)
    failed = [(row.name, row.reason) for row in ledger.rows(states.FAILED)]
    assert failed == [("acme/r1", "an error of migrator: error: why")]
    # What was handed out is asked for at the beginning, and again when somebody died.
    assert engine.asked.count(("scan", "acme/r0", 1)) == 2


def test_a_lane_that_is_held_holds_back_its_own(ledger: Ledger) -> None:
    for row, lane in zip(ledger.take(states.TODO, states.SCANNING, 2), ("github.com#1", "github.com#2"), strict=True):
        ledger.finish(row, states.WAITING, lane=lane)
    ledger.lanes.hold("github.com#1", 600, "the forge asks to wait")
    engine, stop = Doing(""), threading.Event()
    who = Access("https://api.github.com", TOKEN)
    run = work.Run(ledger, engine, who, orders.Orders(workers=1), work.me("me"), stop)
    assert run._hand_out()
    assert engine.asked == [("scan", "acme/r2", 1), ("scan", "acme/r3", 1), ("github.com#2", "acme/r1", 1)]
    # One token, or a limit on reading, holds back the scans too.
    for lane in ("github.com#token", "github.com"):
        engine.asked.clear()
        ledger.lanes.hold(lane, 600, "the forge asks to wait")
        for row in ledger.rows(states.SCANNING):
            ledger.finish(row, states.CLEAN)
        assert run._hand_out()
        assert engine.asked == []


# ---- whole campaigns ----


@pytest.fixture
def server(tmp_path: Path) -> Iterator[State]:
    (tmp_path / "served").mkdir()
    with forge(tmp_path / "served") as state:
        yield state


def test_a_campaign_from_its_list_to_its_end(server: State, tmp_path: Path) -> None:
    kinds = each(*(kind for kind in KINDS if kind != "slow"))
    user = planned(server, tmp_path / "home", kinds)
    said = user.type("run", *FAST, "--label", "models", "--reviewer", "nobody", code=1)
    assert opened(server) == sorted(each(*NEEDING))
    found = user.states()
    assert {name: found[name] for name in each(*NEEDING)} == dict.fromkeys(each(*NEEDING), "open")
    assert {name: found[name] for name in each(*CLEAN)} == dict.fromkeys(each(*CLEAN), "clean")
    assert {found["acme/misread"], found["acme/empty"]} == {"failed"}
    for kind in ("misread", "empty"):
        assert FAILING[kind] in said
    # What could not be read is told, since nobody knows what it holds.
    assert "2 × 1 file could not be read" in said
    # A reviewer that does not exist is told, and the pull request stays.
    assert all(one["labels"] == [{"labels": ["models"]}] for one in server.pulls)
    assert "3 × reviewers were not added" in user.type("status")
    # A second run has nothing to do and sends nothing.
    server.asked.clear()
    user.type("run", code=1)
    assert server.changing() == [("POST", "/api/graphql", server.changing()[0][2])]
    # What became of them is read with one request.
    server.pulls[0] |= {"state": "closed", "merged_at": "2026-11-28T12:00:00Z"}
    server.pulls[1] |= {"state": "closed"}
    server.asked.clear()
    said = user.type("status", "--sync")
    assert len(server.asked) == 1
    assert "merged                  1" in said
    assert "1 × a person closed it" in said
    # Mended, the failed one goes through.
    put(server.root / "acme/misread.git", {"pyproject.toml": ""}, "mend it")
    assert user.type("retry", "--failed") == "2 to do again: `migrator campaign run models`.\n"
    user.type("run", *FAST, code=1)
    assert user.states()["acme/misread"] == "open"
    # Nothing that was merged or closed is opened again.
    assert opened(server) == sorted(each(*NEEDING, "misread"))


def test_a_kill_loses_nothing_and_does_nothing_twice(server: State, tmp_path: Path) -> None:
    kinds = {f"acme/{kind.replace('_', '-')}-{number}": kind for number in range(2) for kind in ("one", "plain", "two")}
    user = planned(server, tmp_path / "home", kinds)
    for wanted in (1, 3):
        process = user.start(*FAST)
        until(lambda wanted=wanted: len(server.pulls) >= wanted)
        kill(process)
    user.type("run", *FAST)
    assert opened(server) == sorted(name for name, kind in kinds.items() if kind != "plain")
    assert set(user.states().values()) == {"open", "clean"}
    assert not (tmp_path / "home/state/migrator/work/models").exists() or not any(
        path.is_file() for path in (tmp_path / "home/state/migrator/work/models").rglob("*")
    )


def test_a_base_that_moves_before_it_is_sent_is_planned_again(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one", "two"))
    asked: Counter[str] = Counter()

    def moves(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> None:
        # It is asked about when it is scanned, and again right before it is sent.
        asked[path] += method == "GET"
        if path == "/api/v3/repos/acme/one" and asked[path] == 2:
            put(server.root / "acme/one.git", {"more.py": KINDS["one"]["title.py"]}, "more")

    server.more.append(moves)
    user.type("run", *FAST)
    assert opened(server) == ["acme/one", "acme/two"]
    name = "acme/one"
    assert server.git("diff", "--name-only", "main", BRANCH, name=name).split() == ["more.py", "title.py"]
    assert server.git("rev-parse", f"{BRANCH}^", name=name) == server.tip("main", name)


def test_to_close_all_leaves_what_persons_did(server: State, tmp_path: Path) -> None:
    kinds = {f"acme/one-{number}": "one" for number in range(4)}
    user = planned(server, tmp_path / "home", kinds)
    user.type("run", *FAST)
    mine = {str(one["repository"]): one for one in server.pulls}
    # Another repository has this name now, and a person's pull request the number.
    mine["acme/one-1"] |= {"head": {"ref": "topic"}, "body": "mine"}
    # A person's pull request goes to this branch: GitHub closes it when the branch is deleted.
    server.pulls.append({**mine["acme/one-2"], "number": 2, "head": {"ref": "topic"}, "base": {"ref": BRANCH}})

    def commits(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> None:
        # A person commits while it is being closed.
        if method == "PATCH" and path.endswith("/acme/one-3/pulls/1"):
            put(server.root / "acme/one-3.git", {"mine.txt": "mine\n"}, "mine", branch=BRANCH)

    server.more.append(commits)
    said = user.type("close", "--reason", "another plan")
    assert "acme/one-1" in said
    assert "its branch or its text is a person's" in said
    assert [mine[name]["state"] for name in sorted(mine)] == ["closed", "open", "closed", "closed"]
    tips = {name: server.tip(BRANCH, name) for name in mine}
    assert (tips["acme/one-0"], bool(tips["acme/one-1"]), bool(tips["acme/one-2"])) == ("", True, True)
    assert server.git("show", f"{BRANCH}:mine.txt", name="acme/one-3") == "mine"


def test_no_secret_is_kept(server: State, tmp_path: Path) -> None:
    user = planned(server, tmp_path / "home", each("one", "plain"))
    user.type("run", *FAST)
    folder = tmp_path / "home"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "models.db" for path in files)
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert (folder / "state" / "migrator").stat().st_mode & 0o077 == 0
    # What is kept is data: no pickle, which could run something when it is read.
    with sqlite3.connect(folder / "state/migrator/models.db") as link:
        kinds = set(link.execute("select distinct serialization from workflow_status"))
    assert kinds == {("migrator_json",)}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "none"), 2, "there is no campaign none"),
        (("plan", "Bad", "list.txt"), 2, "'Bad': a campaign is named with small letters"),
        (("plan", "x"), 2, "give one of a FILE, --org and --installation"),
        (("plan", "x", "--org", "acme", "--installation", "1"), 2, "give one of a FILE, --org and --installation"),
        (("plan", "x", "nowhere.txt"), 2, "nowhere.txt: no such file or directory"),
        (("plan", "x", "--installation", "1"), 2, "--installation is for an app"),
        (("status", "x", "--db", "mysql://h/d"), 2, "--db: write postgresql://USER@HOST/DATABASE"),
        (("status", "x", "--db", "postgresql://u:se@cr:et@h/d"), 2, "--db: no URL that can be read; in a password"),
        (("status", "x", "--db", "postgresql://u:secret@h:x/d"), 2, "--db: no URL that can be read; in a password"),
        (("run", "models", "--window", "never"), 2, "--window 'never': write days"),
        (("retry", "models"), 2, "give either --failed or the names of repositories"),
        (("retry", "models", "acme/none"), 2, "acme/none is no repository of models"),
        (("plan", "models", "list.txt"), 2, "there is a campaign models already"),
    ],
)
def test_a_wrong_word_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in User(tmp_path).environment().items():
        monkeypatch.setenv(name, value)
    listed(tmp_path / "list.txt", ["acme/one"])
    assert cli(["campaign", "plan", "models", "list.txt", "--api-url", "http://127.0.0.1:1/api/v3"]) == 0
    capsys.readouterr()
    assert cli(["campaign", *words]) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), said in err) == ("", 1, True), err
    assert not re.search("secret|cr:et", err)


@pytest.mark.parametrize(("missing", "verb"), [("sqlalchemy", "status"), ("dbos", "run")])
def test_without_its_extra_it_says_how_to_get_it(tmp_path: Path, missing: str, verb: str) -> None:
    listed(tmp_path / "list.txt", ["acme/one"])
    user = User(tmp_path)
    user.type("plan", "list.txt")
    program = f"import sys; sys.modules[{missing!r}] = None; from migrator.cli import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "campaign", verb, "models"]
    done = subprocess.run(command, capture_output=True, text=True, env=user.environment(), check=False)
    said = "migrator: a campaign needs more than the rest: pip install 'migrator-llm[fleet]'\n"
    assert (done.returncode, done.stderr) == (4, said)


def test_without_a_token_it_says_which(tmp_path: Path) -> None:
    listed(tmp_path / "list.txt", ["acme/one"])
    user = User(tmp_path, more={"GITHUB_TOKEN": ""})
    user.type("plan", "list.txt")
    said = user.type("run", code=4)
    assert said.startswith("migrator: neither GITHUB_TOKEN nor MIGRATOR_APP_ID is set: ")


def test_the_folder_of_an_executor_is_its_own() -> None:
    names = ["a", "a.b", "a-b", "..", ".", "/", "a/../b"]
    made = [commands.Where("models").work(name) for name in names]
    assert len(set(made)) == len(names)
    assert {path.parent for path in made} == {commands.Where("models").folder / "work" / "models"}
    mine, other = (commands.Where("models", f"postgresql://{one}@h/d").work("a") for one in ("me:secret", "you"))
    assert mine == other != made[0]
