"""Answer one question: does the inbox lose nothing, do nothing twice, and let nobody wait for ever?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.bot.database import Database
from migrator.bot.events import Reading, Task
from migrator.bot.inbox import FIRST, KEPT, LEASE, TRIES, Inbox
from migrator.settings import CannotRun

PUSH = Task("publish", "acme/helpdesk", sender="ada")
OTHER = Task("publish", "acme/website", sender="ada")
CHECK = Task("check", "acme/helpdesk", 7)
COMMAND = Task("command", "acme/helpdesk", 7, "rerun", 99, "ada")


class Clock:
    """A clock that a test moves."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Iterator[Inbox]:
    database = Database(str(tmp_path / "bot.db"))
    yield Inbox(database, clock)
    database.close()


def reading(*tasks: Task) -> Reading:
    return Reading("push", "", tasks)


def test_a_delivery_that_comes_twice_is_done_once(inbox: Inbox) -> None:
    assert inbox.put("one", reading(PUSH))
    assert not inbox.put("one", reading(PUSH))
    job = inbox.take("me")
    assert job is not None
    assert (job.task, job.tries) == (PUSH, 1)
    inbox.done(job, "me", "opened")
    assert not inbox.put("one", reading(PUSH))
    assert inbox.take("me") is None
    assert inbox.counts() == {"done": 1}
    assert inbox.has("one")
    assert not inbox.has("two")


def test_one_task_of_a_repository_at_a_time(inbox: Inbox) -> None:
    inbox.put("one", reading(PUSH, CHECK))
    inbox.put("two", reading(OTHER))
    first, second = inbox.take("me"), inbox.take("you")
    assert first is not None
    assert second is not None
    assert (first.task, second.task, inbox.take("she")) == (PUSH, OTHER, None)
    inbox.done(first, "me", "")
    third = inbox.take("me")
    assert third is not None
    assert third.task == CHECK


def test_the_same_work_is_done_once_and_each_command_by_itself(inbox: Inbox) -> None:
    for number in range(3):
        inbox.put(f"push-{number}", reading(PUSH))
        inbox.put(f"said-{number}", reading(COMMAND))
    done = []
    while (job := inbox.take("me")) is not None:
        done.append(job.id)
        inbox.done(job, "me", "")
    assert done == ["push-0/0", "said-0/0", "said-1/0", "said-2/0"]
    assert inbox.counts() == {"done": 6}


def test_what_somebody_else_caused_is_done_by_itself(inbox: Inbox) -> None:
    own = Task("publish", "acme/helpdesk", sender="migrator[bot]")
    inbox.put("one", reading(own))
    inbox.put("two", reading(PUSH))
    done = []
    while (job := inbox.take("me")) is not None:
        done.append(job.task)
        inbox.done(job, "me", "")
    assert done == [own, PUSH]


def test_what_comes_while_the_same_is_being_done_is_done_after_it(inbox: Inbox) -> None:
    inbox.put("one", reading(PUSH))
    job = inbox.take("me")
    assert job is not None
    inbox.put("two", reading(PUSH))
    assert inbox.take("you") is None
    inbox.done(job, "me", "")
    again = inbox.take("you")
    assert again is not None
    assert again.id == "two/0"


def test_a_task_of_a_process_that_died_is_taken_again(inbox: Inbox, clock: Clock) -> None:
    inbox.put("one", reading(PUSH))
    dead = inbox.take("dead")
    assert dead is not None
    clock.now += LEASE - 1
    assert inbox.take("me") is None
    assert inbox.renew("dead") == 1
    clock.now += LEASE - 1
    assert inbox.take("me") is None
    clock.now += 2
    job = inbox.take("me")
    assert job is not None
    assert (job.task, job.tries) == (PUSH, 2)
    # The one that was thought dead ends after all: it has no say any more.
    inbox.done(dead, "dead", "late")
    inbox.failed(dead, "dead", "late")
    assert inbox.counts() == {"working": 1}
    assert inbox.renew("dead") == 0
    inbox.done(job, "me", "opened")
    assert inbox.counts() == {"done": 1}


def test_a_failure_is_tried_again_later_and_later_and_then_put_aside(inbox: Inbox, clock: Clock) -> None:
    inbox.put("one", reading(PUSH))
    waited = []
    for number in range(1, TRIES + 1):
        job = inbox.take("me")
        assert job is not None
        assert job.tries == number
        is_waiting = inbox.failed(job, "me", f"no answer {number}")
        assert is_waiting is (number < TRIES)
        began = clock.now
        while is_waiting and (again := inbox.take("me")) is None:
            clock.now += FIRST
            assert clock.now - began < 10 * 24 * 3600
        if is_waiting:
            waited.append(clock.now - began)
            assert again is not None
            assert inbox.release("me") == 1
    assert waited == [FIRST * 4**number for number in range(TRIES - 1)]
    assert inbox.parked() == ((PUSH, f"no answer {TRIES}"),)
    assert inbox.take("me") is None


def test_a_wait_that_the_forge_asks_for_is_no_failure(inbox: Inbox, clock: Clock) -> None:
    inbox.put("one", reading(PUSH))
    for _ in range(TRIES + 1):
        job = inbox.take("me")
        assert job is not None
        assert job.tries == 1
        assert inbox.failed(job, "me", "wait", 3_600.0)
        clock.now += 3_599
        assert inbox.take("me") is None
        clock.now += 1


def test_a_task_that_kills_its_process_is_put_aside_too(inbox: Inbox, clock: Clock) -> None:
    inbox.put("one", reading(PUSH))
    for _ in range(TRIES):
        assert inbox.take("me") is not None
        clock.now += LEASE + 1
    assert inbox.take("me") is None
    ((task, why),) = inbox.parked()
    assert (task, why) == (PUSH, f"it was begun {TRIES} times, and never ended")


def test_what_is_given_back_has_not_been_tried(inbox: Inbox) -> None:
    inbox.put("one", reading(PUSH))
    inbox.put("two", reading(OTHER))
    inbox.take("me")
    inbox.take("you")
    assert inbox.release("me") == 1
    job = inbox.take("you")
    assert job is not None
    assert (job.task, job.tries) == (PUSH, 1)


def test_what_a_sweep_finds_comes_after_what_is_sent(inbox: Inbox) -> None:
    inbox.put("sweep", reading(OTHER), priority=1)
    inbox.put("one", reading(PUSH))
    job = inbox.take("me")
    assert job is not None
    assert job.task == PUSH


def test_what_is_old_is_forgotten_but_not_what_waits(inbox: Inbox, clock: Clock) -> None:
    inbox.put("one", reading(PUSH))
    inbox.put("two", reading(OTHER))
    job = inbox.take("me")
    assert job is not None
    inbox.done(job, "me", "")
    clock.now += KEPT + 1
    assert inbox.prune() == 1
    assert inbox.counts() == {"waiting": 1}
    assert not inbox.has("one")


def test_many_threads_take_each_task_once(inbox: Inbox) -> None:
    tasks = tuple(Task("publish", f"acme/repository-{number}") for number in range(60))
    inbox.put("one", reading(*tasks))
    taken: list[str] = []

    def work(worker: str) -> None:
        while (job := inbox.take(worker)) is not None:
            taken.append(job.task.repository)
            inbox.done(job, worker, "")

    threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(task.repository for task in tasks)


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    missing = Inbox(Database(str(tmp_path / "none" / "bot.db")))
    with pytest.raises(CannotRun, match=r"unable to open database file$"):
        missing.put("one", reading(PUSH))


def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "bot.db"))
    inbox = Inbox(database)

    def half() -> None:
        with database.transaction() as rows:
            rows.run("create table half (id text)")
            rows.run("no statement")

    with pytest.raises(CannotRun):
        half()
    inbox.put("one", reading(PUSH))
    database.close()
    with sqlite3.connect(tmp_path / "bot.db") as file:
        assert {name for (name,) in file.execute("select name from sqlite_master where type = 'table'")} == {
            "deliveries",
            "tasks",
        }
    file.close()


def test_a_password_is_not_shown() -> None:
    database = Database("postgresql://migrator:s3cret-s3cret@127.0.0.1:9/bot")
    assert "s3cret" not in f"{database} {database.shown}"
    pytest.importorskip("psycopg")
    with pytest.raises(CannotRun) as caught:
        Inbox(database).counts()
    assert "s3cret" not in str(caught.value)
    assert str(caught.value).startswith("postgresql://127.0.0.1/bot: ")
