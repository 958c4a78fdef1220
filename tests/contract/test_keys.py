"""Answer one question: does the request of a real library carry the cache key that was put there?

The ``.before.py`` of a pair gets its keys twice: once with nothing pinned, once with the exact versions of the
environment that it is then run in. The newest SDK's own types judge each body.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from environments import GROUPS, HERE, KEYED, Group, marks, python_of, surroundings
from server import Request, Server

from migrator import plan
from migrator.settings import Settings

NEWEST = next(group for group in GROUPS if group.name == "openai-3")
KEY = "prompt_cache_key"
NEVER = ("prompt_cache_retention", "prompt_cache_options")
VERSIONS = "import importlib.metadata as m; [print(d.name + '==' + d.version) for d in m.distributions()]"

Judge = Callable[[Sequence[Request]], list[str]]

EACH_PAIR = [
    pytest.param(
        group, name, is_pinned, marks=marks(group), id=f"{group.name}-{name}-{'pinned' if is_pinned else 'open'}"
    )
    for group in GROUPS
    for name in group.keys
    for is_pinned in (False, True)
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """Ask the newest SDK's types about requests; an empty list says that all is well."""
    command = [str(python_of(NEWEST)), str(HERE / "typed.py")]
    home = tmp_path_factory.mktemp("typed")
    with subprocess.Popen(
        command, env=surroundings(home, ""), cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def ask(sent: Sequence[Request]) -> list[str]:
            asked.write(json.dumps([[request.path, request.body] for request in sent]) + "\n")
            asked.flush()
            found: list[str] = json.loads(told.readline())
            return found

        yield ask
        asked.close()


def run(python: Path, *arguments: str, home: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the environment of a group."""
    return subprocess.run(
        [str(python), *arguments],
        env=surroundings(home, f"{address}/v1"),
        cwd=home,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


def keyed(name: str, folder: Path) -> Path:
    """Give a pair's program its keys, by what the folder pins."""
    path = folder / f"{name}.py"
    path.write_bytes((KEYED / f"{name}.before.py").read_bytes())
    settings = Settings(transforms=("model", "cache_key"), azure_keys=name.startswith("azure_"))
    made = plan.make([folder], settings, cwd=folder, today=date(2026, 11, 22))
    (patch,) = made.patches
    path.write_bytes(patch.after)
    return path


@pytest.mark.parametrize(("group", "name", "is_pinned"), EACH_PAIR)
def test_each_request_carries_its_key(
    group: Group, name: str, is_pinned: bool, server: Server, judge: Judge, tmp_path: Path
) -> None:
    python = python_of(group)
    if is_pinned:
        listed = run(python, "-c", VERSIONS, home=tmp_path, address=server.address)
        # pydantic-ai is pydantic-ai-slim with everything, and has the same versions.
        whole = [line.replace("-slim", "") for line in listed.stdout.splitlines() if "-slim" in line]
        (tmp_path / "requirements.txt").write_text("\n".join((listed.stdout, *whole)), encoding="utf-8")
    program = keyed(name, tmp_path)
    server.requests()
    result = run(python, str(program), home=tmp_path, address=server.address)
    sent = server.requests()
    assert result.returncode == 0, result.stderr[-3000:]
    assert sent
    assert [request.path for request in sent if not is_key(request, name)] == []
    assert [request.body.keys() & set(NEVER) for request in sent] == [set()] * len(sent)
    assert judge(sent) == []


def is_key(request: Request, name: str) -> bool:
    """Say whether a request carries a key that the program was given."""
    return str(request.body.get(KEY, "")).startswith(name)


def test_each_program_with_keys_belongs_to_a_group() -> None:
    named = {name for group in GROUPS for name in group.keys}
    assert {path.name.partition(".")[0] for path in KEYED.glob("*_requests.before.py")} == named
