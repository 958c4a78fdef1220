"""Answer one question: does a request of the real library carry the parameters that the new model takes?

The ``.before.py`` of a pair is changed for the versions of its group, as they would stand in requirements.txt, and runs
in their environment against a local server that somebody else wrote. The server's journal is the judge, and the newest
SDK's types judge each request. The names of the pairs' calls all move: what a call sets besides is in its requests too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from environments import GROUPS, MOVED, Group, marks, python_of
from server import Request, Server
from test_keys import VERSIONS, Judge, judge, run

from migrator import plan
from migrator.model import Rewrite
from migrator.settings import Settings

__all__ = ["judge"]
TARGET = "gpt-6-luna"
CHAT = "/v1/chat/completions"

EACH_PAIR = [
    pytest.param(group, name, marks=marks(group), id=f"{group.name}-{name}")
    for group in GROUPS
    for name in group.parameters
]


def moved(name: str, folder: Path) -> Path:
    """Change a pair's program, by what the folder pins; each name in it must move."""
    path = folder / f"{name}.py"
    path.write_bytes((MOVED / f"{name}.before.py").read_bytes())
    settings = Settings(migration=TARGET, transforms=("model", "parameters"))
    made = plan.make([folder], settings, cwd=folder, today=date(2026, 11, 22))
    assert [d for d in made.decisions if not isinstance(d, Rewrite)] == []
    (patch,) = made.patches
    path.write_bytes(patch.after)
    return path


@pytest.mark.parametrize(("group", "name"), EACH_PAIR)
def test_each_request_carries_its_parameters(
    group: Group, name: str, server: Server, judge: Judge, tmp_path: Path
) -> None:
    python = python_of(group)
    listed = run(python, "-c", VERSIONS, home=tmp_path, address=server.address)
    whole = [line.replace("-slim", "") for line in listed.stdout.splitlines() if "-slim" in line]
    (tmp_path / "requirements.txt").write_text("\n".join((listed.stdout, *whole)), encoding="utf-8")
    program = moved(name, tmp_path)
    server.requests()
    result = run(python, str(program), home=tmp_path, address=server.address)
    sent = server.requests()
    assert result.returncode == 0, result.stderr[-3000:]
    assert len(sent) >= program.read_text(encoding="utf-8").count(TARGET), "a call was rewritten that sent nothing"
    assert [(one.path, problem) for one in sent for problem in problems(one)] == []
    assert kept(sent) >= said(program)
    assert judge(sent) == []


def problems(request: Request) -> Iterator[str]:
    """What the new model would refuse, or would answer in another way for."""
    body = request.body
    if body["model"] != TARGET:
        yield f"the model is {body['model']}"
    reasoning: Mapping[str, Any] = body.get("reasoning") or {}
    effort = body.get("reasoning_effort") if request.path == CHAT else reasoning.get("effort")
    if effort != "none":
        yield f"the effort is {effort}"
    wrong = {"max_tokens", "prompt_cache_retention", "reasoning" if request.path == CHAT else "reasoning_effort"}
    yield from (f"{name} is sent" for name in sorted(wrong & body.keys()))


LIMITS = ("max_completion_tokens", "max_output_tokens")


def kept(sent: Sequence[Request]) -> set[tuple[str, float]]:
    """The temperatures and limits that were sent."""
    return {(name, one.body[name]) for one in sent for name in ("temperature", *LIMITS) if one.body.get(name)}


def said(program: Path) -> set[tuple[str, float]]:
    """The temperature that a program sets, as all of them set the same one."""
    return {("temperature", 0.5)} if "0.5" in program.read_text(encoding="utf-8") else set()


def test_each_program_belongs_to_a_group() -> None:
    named = {name for group in GROUPS for name in group.parameters}
    assert {path.name.partition(".")[0] for path in MOVED.glob("*_requests.before.py")} == named
