"""Answer one question: does a campaign over a thousand repositories survive being killed, and keep to the limits?

350 of them need a change, ten cannot be done, two of them because they take too long; the rest need
nothing. The whole process group is killed with ``kill -9`` twice. What was sent, and when, is what the server saw.
"""

from __future__ import annotations

import random
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from campaigns import BRANCH, CLEAN, NEEDING, User, forge, git, kill, listed, make
from forge_server import TOKEN, State

pytestmark = pytest.mark.fleet

TOTAL, NEED = 1_000, 350
BROKEN = ("empty",) * 4 + ("misread",) * 4 + ("slow",) * 2
KILLED_AT = (110, 230)


@contextmanager
def ours(folder: Path, root: Path, names: Sequence[str]) -> Iterator[State]:
    """Serve them with the double of this project."""
    with forge(root) as server:
        yield server


@contextmanager
def emulated(folder: Path, root: Path, names: Sequence[str]) -> Iterator[State]:
    """Serve them with the pull requests of emulate, which are read back when all is over."""
    from emulator import before, send

    with before(folder, root, names, TOKEN) as (server, url):
        yield server
        for name in names:
            found: list[dict[str, object]] = send(url, TOKEN, "GET", f"/repos/{name}/pulls?state=all")[2]  # type: ignore[assignment]
            server.pulls += [{**one, "repository": name} for one in found]


def opened(server: State) -> int:
    """Count the pull requests that were asked for."""
    return sum((method, path) == ("POST", "/pulls") for method, path, _ in tuple(server.asked))


def fleet(owners: int) -> dict[str, str]:
    """Name a thousand repositories of some owners, each with its kind, in an order that nobody chose."""
    kinds = [NEEDING[number % len(NEEDING)] for number in range(NEED)] + list(BROKEN)
    kinds += [CLEAN[number % len(CLEAN)] for number in range(TOTAL - len(kinds))]
    random.Random(11).shuffle(kinds)
    names = [f"acme-{number}" for number in range(owners)] if owners > 1 else ["acme"]
    return {f"{names[number % owners]}/service-{number:04}": kind for number, kind in enumerate(kinds)}


class Watch:
    """The most memory that a process had, in MB, looked at twice a second."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.most, self._process = 0.0, process
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while self._process.poll() is None:
            try:
                lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
            except OSError:
                return
            found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
            self.most = max(self.most, *(int(one) / 1024 for one in found), 0.0)
            time.sleep(0.5)


@pytest.mark.parametrize(("serve", "owners"), [(ours, 4), (emulated, 1)])
def test_a_thousand_repositories(
    serve: Callable[[Path, Path, Sequence[str]], AbstractContextManager[State]], owners: int, tmp_path: Path
) -> None:
    root, kinds = tmp_path / "served", fleet(owners)
    root.mkdir()
    make(root, kinds)
    began, memory = time.monotonic(), 0.0
    with serve(tmp_path, root, list(kinds)) as server:
        user = User(tmp_path / "home")
        user.type("plan", str(listed(tmp_path / "list.txt", list(kinds))), "--api-url", server.api)
        for number in (*KILLED_AT, TOTAL):
            # What was asked for is kept: the limit of the first run holds in the others.
            process = user.start(*{KILLED_AT[0]: ("--seconds", "20"), TOTAL: ("--label", "models")}.get(number, ()))
            watch = Watch(process)
            while process.poll() is None and opened(server) < number:
                time.sleep(0.1)
            if number == TOTAL:
                out = process.communicate()[0]
            else:
                assert process.poll() is None, process.communicate()[0]
                kill(process)
            memory = max(memory, watch.most)
        took = time.monotonic() - began
        states = user.states()

    assert process.returncode == 1, out
    # Exactly one pull request for each that needs one, and none elsewhere.
    needing = sorted(name for name, kind in kinds.items() if kind in NEEDING)
    assert sorted(str(one["repository"]) for one in server.pulls) == needing
    assert [name for name in kinds if bool(git(root / f"{name}.git", "branch", "--list", BRANCH))] == [
        name for name, kind in kinds.items() if kind in NEEDING
    ]
    assert all(git(root / f"{name}.git", "rev-list", "--count", f"main..{BRANCH}") == "1" for name in needing)
    expected = {
        name: "open" if kind in NEEDING else "clean" if kind in CLEAN else "failed" for name, kind in kinds.items()
    }
    assert states == expected
    # The limits, as the server saw them.
    sent = sorted(
        when
        for (method, path, _), (_, when) in zip(server.asked, server.at, strict=True)
        if method != "GET" and path != "/api/graphql"
    )
    fullest = max(sum(start <= one < start + 1.0 for one in sent) for start in sent)
    hour = max(sum(start <= one < start + 3600 for one in sent) for start in sent)
    closest = min(after - before for before, after in pairwise(sent))
    assert (fullest, hour <= 500) == (1, True)
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"\n{TOTAL} repositories, {len(needing)} pull requests, 2 kills: {took:,.0f} s; "
        f"{len(sent)} requests that change something, at most {fullest} in any second (closest {closest:.3f} s), "
        f"{hour} in any hour; {len(server.asked):,} requests in all; "
        f"most memory of the run {memory:,.0f} MB, of any process {child:,.0f} MB"
    )
