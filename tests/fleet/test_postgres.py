"""Answer one question: do two machines share a campaign, and does one finish what the other had begun when it died?

PostgreSQL is the real one (Debian's package ``postgresql``), in a folder of its own, reached by its socket alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from campaigns import BRANCH, User, forge, git, kill, listed, make

pytestmark = pytest.mark.fleet

PASSWORD = "pg-0123456789-marker"


def program(name: str) -> str | None:
    """Find a program of PostgreSQL; Debian keeps them beside the path."""
    beside = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))
    return shutil.which(name) or next(reversed(beside), None)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Run a server, and give the URL of an empty database."""
    initdb, postgres = program("initdb"), program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # It refuses to run as root, and its socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="migrator-pg-", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="ascii")
    if user is not None:
        shutil.chown(secret, user)
    made = [initdb, "-D", str(folder / "data"), "-U", "owner", "-A", "scram-sha-256", "--pwfile", str(secret)]
    subprocess.run([*made, "--no-sync"], check=True, capture_output=True, user=user, cwd=folder)
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    with subprocess.Popen(
        [postgres, "-D", str(folder / "data"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    ) as process:
        try:
            url = f"postgresql://owner:{PASSWORD}@/postgres?host={folder}"
            answering(url)
            yield url
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
            shutil.rmtree(folder, ignore_errors=True)


def answering(url: str) -> None:
    import psycopg

    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("PostgreSQL does not answer")


def test_one_of_two_dies_and_the_other_finishes(tmp_path: Path, database: str) -> None:
    root = tmp_path / "served"
    root.mkdir()
    kinds = {f"acme/r{number:02}": ("one", "plain", "two")[number % 3] for number in range(45)}
    make(root, kinds)
    with forge(root) as server:
        user = User(tmp_path / "home", more={"MIGRATOR_CAMPAIGN_DB": database})
        user.type("plan", str(listed(tmp_path / "list.txt", list(kinds))), "--api-url", server.api)
        first = user.start("--executor", "a", "--pace", "0.3")
        second = user.start("--executor", "b", "--pace", "0.3")
        while len(server.pulls) < 5:
            assert (first.poll(), second.poll()) == (None, None)
            time.sleep(0.05)
        # Another process with the name of one that runs is refused.
        assert "is being run already, by process" in user.type("run", "--executor", "a", code=4)
        kill(first)
        out, _ = second.communicate(timeout=300)
        assert second.returncode == 0, out
        assert "Traceback" not in out
        states = user.states()
        # The dead one left nothing behind that stops it from coming back.
        user.type("run", "--executor", "a")
    needing = sorted(name for name, kind in kinds.items() if kind != "plain")
    assert sorted(str(one["repository"]) for one in server.pulls) == needing
    assert states == {name: "clean" if kind == "plain" else "open" for name, kind in kinds.items()}
    assert all(git(root / f"{name}.git", "rev-list", "--count", f"main..{BRANCH}") == "1" for name in needing)
    sent = sorted(
        when for one, (_, when) in zip(server.asked, server.at, strict=True) if one[1] == "/pulls" and one[0] == "POST"
    )
    # One lane has one pace, whoever sends.
    assert min(after - before for before, after in pairwise(sent)) >= 0.3


def test_no_secret_is_in_the_database_or_in_an_error(tmp_path: Path, database: str) -> None:
    import psycopg
    from forge_server import TOKEN

    with psycopg.connect(database) as link:
        tables = link.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'dbos')"
        ).fetchall()
        assert ("public", "migrator_repository") in tables
        for schema, name in tables:
            for row in link.execute(f'select * from "{schema}"."{name}"').fetchall():
                assert TOKEN not in repr(row)
                assert PASSWORD not in repr(row)
    wrong = database.replace("/postgres?", "/nowhere?")
    user = User(tmp_path / "home", more={"MIGRATOR_CAMPAIGN_DB": wrong})
    said = user.type("status", code=4)
    assert PASSWORD not in said
    assert (said.count("\n"), 'database "nowhere" does not exist' in said) == (1, True), said
