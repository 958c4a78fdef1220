"""Answer one question: is the inbox in PostgreSQL the same as in a file, also for several processes?

The stories of ``test_bot_inbox`` run again, in a real PostgreSQL of this machine that lives as long as the tests do.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_bot_inbox import (
    Clock,
    clock,
    test_a_delivery_that_comes_twice_is_done_once,
    test_a_failure_is_tried_again_later_and_later_and_then_put_aside,
    test_a_task_of_a_process_that_died_is_taken_again,
    test_a_task_that_kills_its_process_is_put_aside_too,
    test_a_wait_that_the_forge_asks_for_is_no_failure,
    test_many_threads_take_each_task_once,
    test_one_task_of_a_repository_at_a_time,
    test_the_same_work_is_done_once_and_each_command_by_itself,
    test_what_a_sweep_finds_comes_after_what_is_sent,
    test_what_comes_while_the_same_is_being_done_is_done_after_it,
    test_what_is_given_back_has_not_been_tried,
    test_what_is_old_is_forgotten_but_not_what_waits,
)

from migrator.bot.database import Database
from migrator.bot.events import Reading, Task
from migrator.bot.inbox import Inbox

__all__ = [
    "clock",
    "test_a_delivery_that_comes_twice_is_done_once",
    "test_a_failure_is_tried_again_later_and_later_and_then_put_aside",
    "test_a_task_of_a_process_that_died_is_taken_again",
    "test_a_task_that_kills_its_process_is_put_aside_too",
    "test_a_wait_that_the_forge_asks_for_is_no_failure",
    "test_many_threads_take_each_task_once",
    "test_one_task_of_a_repository_at_a_time",
    "test_the_same_work_is_done_once_and_each_command_by_itself",
    "test_what_a_sweep_finds_comes_after_what_is_sent",
    "test_what_comes_while_the_same_is_being_done_is_done_after_it",
    "test_what_is_given_back_has_not_been_tried",
    "test_what_is_old_is_forgotten_but_not_what_waits",
]
pytestmark = pytest.mark.delivery
psycopg = pytest.importorskip("psycopg")

DRAIN = """
import sys
from migrator.bot.database import Database
from migrator.bot.inbox import Inbox
inbox = Inbox(Database(sys.argv[1]))
while (job := inbox.take(sys.argv[2])) is not None:
    print(job.task.repository)
    inbox.done(job, sys.argv[2], "")
"""


def programs() -> Path | None:
    """Give the folder of PostgreSQL's programs."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1].parent if places else None


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start one that only this machine reaches."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed")
    # It does not run as root.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    user = "postgres" if is_root else getpass.getuser()
    other = ("setpriv", f"--reuid={user}", "--clear-groups") if is_root else ()
    place = tmp_path_factory.mktemp("postgres")
    if is_root:
        place = Path("/tmp") / f"migrator-postgres-{os.getpid()}"
        place.mkdir()
        shutil.chown(place, user)
    data = place / "data"
    made = (str(folder / "initdb"), "--auth=trust", "--username=migrator", "--no-sync", f"--pgdata={data}")
    subprocess.run((*other, *made), check=True, capture_output=True, cwd="/")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    options = (f"--port={port}", "--listen_addresses=127.0.0.1", f"--unix_socket_directories={place}", "-F")
    serve = (*other, str(folder / "postgres"), f"-D{data}", *options)
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    found = f"postgresql://migrator@127.0.0.1:{port}/postgres"
    try:
        for _ in range(100):
            try:
                psycopg.connect(found, connect_timeout=1).close()
                break
            except psycopg.OperationalError:
                assert process.poll() is None
                subprocess.run(("sleep", "0.1"), check=True)
        yield found
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url)
    yield made
    with made.transaction() as rows:
        rows.run("drop table if exists deliveries")
        rows.run("drop table if exists tasks")
    made.close()


@pytest.fixture
def inbox(database: Database, clock: Clock) -> Inbox:
    return Inbox(database, clock)


def test_several_processes_take_each_task_once(database: Database) -> None:
    names = tuple(f"acme/repository-{number}" for number in range(200))
    inbox = Inbox(database)
    inbox.put("one", Reading("push", "", tuple(Task("publish", name) for name in names)))
    words = (sys.executable, "-c", DRAIN, database.place)
    running = [subprocess.Popen((*words, f"worker-{number}"), stdout=subprocess.PIPE, text=True) for number in range(3)]
    taken = [process.communicate(timeout=120)[0].split() for process in running]
    assert sorted(name for part in taken for name in part) == sorted(names)
    assert inbox.counts() == {"done": 200}


def test_a_server_that_goes_away_is_found_again(database: Database) -> None:
    inbox = Inbox(database)
    inbox.put("one", Reading("push", "", ()))
    with psycopg.connect(database.place, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    assert inbox.has("one")
