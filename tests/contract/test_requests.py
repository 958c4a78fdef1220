"""Answer one question: does a request of the real library carry the name that the rewrite put there?

The ``.after.py`` of a pair runs in the environment of its group against a local server that somebody
else wrote; the server's journal is the judge.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from environments import BOOK, GROUPS, PAIRS, Group, marks, python_of, surroundings
from server import Server, running

from migrator import plan
from migrator.model import Rewrite
from migrator.settings import Settings

TARGET = "gpt-4.1-mini"

EACH_PAIR = [
    pytest.param(group, name, marks=marks(group), id=f"{group.name}-{name}")
    for group in GROUPS
    for name in group.requests
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the server on a free port."""
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.mark.parametrize(("group", "name"), EACH_PAIR)
def test_each_request_carries_the_target(group: Group, name: str, server: Server, tmp_path: Path) -> None:
    python = python_of(group)
    server.models()
    result = subprocess.run(
        [str(python), str(PAIRS / f"{name}.after.py")],
        env=surroundings(tmp_path, f"{server.address}/v1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    models = server.models()
    assert result.returncode == 0, result.stderr[-3000:]
    assert set(models) == {TARGET}
    assert len(models) >= len(rewritten(name)), "a name was rewritten that no request carried"


@cache
def rewritten(name: str) -> tuple[Rewrite, ...]:
    """Plan a pair's ``.before.py`` and give what is rewritten."""
    before = PAIRS / f"{name}.before.py"
    made = plan.make_text(before.read_bytes(), "case.py", Settings(), cwd=PAIRS / "none", today=date(2026, 11, 22))
    return tuple(one for one in made.decisions if isinstance(one, Rewrite))


def test_each_measured_surface_has_a_request() -> None:
    names = {name for group in GROUPS for name in group.requests}
    reached = {reach.site.surface for name in names for one in rewritten(name) for reach in one.finding.reaches}
    measured = {one.name for one in BOOK.surfaces if one.evidence == "measured" and one.hold is None}
    assert measured - reached == set()


def test_each_pair_of_requests_belongs_to_a_group() -> None:
    named: Mapping[str, Group] = {name: group for group in GROUPS for name in group.requests}
    assert {path.name.partition(".")[0] for path in PAIRS.glob("*_requests.after.py")} == named.keys()
