"""Answer one question: does ``migrator cases`` show, prune, export and import what was recorded?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migrator.cli import run
from migrator.shadow import folder as folders
from migrator.shadow.cases import load, sample
from migrator.shadow.recorder.assemble import assembled
from migrator.shadow.recorder.journal import Journal
from migrator.shadow.recorder.sample import OTHER, Sample, stratum_of

SOURCE = """\
def ask(client, text):
    return client.chat.completions.create(model="gpt-4o", messages=text)


def other(client, text):
    with client.chat.completions.stream(model="gpt-4o", messages=text) as chunks:
        return list(chunks)
"""
USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 250}}
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}], "usage": USAGE}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository, and go there."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def journal(project: Path, cap: int = 200) -> Journal:
    """Begin a run, as the recorder does in a program."""
    run_folder = folders.make_run(project, datetime.now())
    (run_folder / folders.RUNNING).write_text("0", encoding="utf-8")
    settings = {"folder": str(run_folder), "raw": False, "commit": "", "root": str(project), "redact": [], "cap": cap}
    return Journal.of(json.dumps(settings))


def add(to: Journal, text: str, *, line: int = 2, taken: datetime | None = None, status: int = 200) -> None:
    """Record one request of a line of the project, as a Python that knows no columns does."""
    place = {"file": "app.py", "function": "ask", "line": line, "column": None}
    call = {"place": place, "endpoint": "chat/completions", "address": "h/v1", "status": status, "length": len(text)}
    times = {"taken": (taken or datetime.now(UTC)).isoformat(), "latency": 0.5, "first": None, "retries": 0}
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": True}
    to.add({**call, **times}, request, lambda: (ANSWER, True), ())


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command."""
    code = run(arguments)
    out, err = capfd.readouterr()
    return code, out, err


def listed(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Give what the list says of each site."""
    sites: list[dict[str, object]] = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    return sites


def test_the_list_has_a_row_for_each_call(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = journal(project)
    add(made, "a")
    add(made, "b")
    add(made, "c", status=500)
    add(made, "d", line=6)
    code, out, err = call(capfd, "cases", "list")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["SITE", "WHERE", "CASES", "OF", "FAILED", "MODEL", "INPUT", "CACHED", "OUTPUT"]
    assert [row[1:] for row in rows[1:]] == [
        ["app.py:2", "ask", "2", "3", "1", "gpt-4o", "1,000", "25%", "20"],
        ["app.py:6", "ask", "1", "1", "0", "gpt-4o", "1,000", "25%", "20"],
    ]
    assert [(one["site"], one["line"], one["seen"], one["failed"]) for one in listed(capfd)] == [
        (rows[1][0], 2, 3, 1),
        (rows[2][0], 6, 1, 0),
    ]


def test_an_empty_list_says_how_to_begin(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cases", "list") == (0, "Nothing is recorded. Begin with: migrator record -- COMMAND\n", "")


def test_show_prints_a_case(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add(journal(project), "hello")
    (site,) = listed(capfd)
    (name,) = site["cases"]  # type: ignore[misc]
    code, out, _ = call(capfd, "cases", "show", str(name)[:6])
    assert code == 0
    assert f"case      {name}\nsite      {site['site']}\nwhere     app.py:2 ask\n" in out
    assert "tokens    1,000 in, 250 of them cached, 20 out\n" in out
    shown = json.loads(call(capfd, "cases", "show", str(name), "--format", "json")[1])
    assert (shown["request"]["messages"][0]["content"], shown["response"]) == ("hello", ANSWER)
    assert call(capfd, "cases", "show", str(site["site"]))[1] == out


def test_show_says_what_is_wrong_with_an_id(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add(journal(project), "a")
    add(journal(project), "b")
    assert call(capfd, "cases", "show", "zz") == (
        2,
        "",
        "migrator: no case and no call is called 'zz'; `migrator cases list` shows what is recorded\n",
    )
    code, _, err = call(capfd, "cases", "show", "")
    assert (code, err) == (2, "migrator: '' begins 3 ids; give more of it\n")


def test_prune_removes_what_was_asked(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = journal(project)
    add(made, "old", taken=datetime.now(UTC) - timedelta(days=9))
    for text in ("a", "b", "c"):
        add(made, text)
    add(made, "d", line=6)
    assert call(capfd, "cases", "prune") == (0, "Removed 0 records, kept 5.\n", "")
    assert call(capfd, "cases", "prune", "--older-than", "7") == (0, "Removed 1 record, kept 4.\n", "")
    assert call(capfd, "cases", "prune", "--max-per-site", "2") == (0, "Removed 1 record, kept 3.\n", "")
    second = str(listed(capfd)[1]["site"])
    assert call(capfd, "cases", "prune", "--site", second) == (0, "Removed 1 record, kept 2.\n", "")
    assert call(capfd, "cases", "prune", "--site", second)[0] == 2
    assert call(capfd, "cases", "prune", "--all") == (0, "Removed 2 records, kept 0.\n", "")
    assert [path.name for path in folders.of(project).iterdir()] == [".gitignore"]


def test_prune_leaves_a_run_that_still_grows(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = journal(project)
    add(made, "a")
    (Path(made.folder) / folders.RUNNING).write_text(str(os.getpid()), encoding="utf-8")
    name = Path(made.folder).name
    assert call(capfd, "cases", "prune", "--all") == (
        0,
        "Removed 0 records, kept 0.\n",
        f"migrator: {name} is still being recorded and stays as it is\n",
    )
    assert len(listed(capfd)) == 1


def test_export_and_import_are_a_round_trip(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add(journal(project), "a")
    assert call(capfd, "cases", "export", "-o", "in.jsonl") == (0, "", "")
    (line,) = (project / "in.jsonl").read_text(encoding="utf-8").splitlines()
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "a"}]}
    name = json.loads(line)["custom_id"]
    assert json.loads(line) == {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
    answer = {"id": "x", "custom_id": name, "response": {"status_code": 200, "body": ANSWER}, "error": None}
    stranger = {**answer, "custom_id": "stranger"}
    (project / "out.jsonl").write_text(f"{json.dumps(stranger)}\n{json.dumps(answer)}\n", encoding="utf-8")
    call(capfd, "cases", "prune", "--all")
    assert call(capfd, "cases", "import", "in.jsonl", "out.jsonl") == (
        0,
        "Imported 1 case (batch).\n  1 skipped: no request with its custom_id\n",
        "",
    )
    (site,) = listed(capfd)
    assert (site["site"], site["seen"], site["input_tokens"], site["cached_tokens"]) == (None, 1, 1000, 250)
    assert json.loads(call(capfd, "cases", "export")[1])["body"] == body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "in.jsonl:1: not a line of OpenAI's Batch API: it has no custom_id"),
        ("[", "in.jsonl:1: not JSON; is the file whole?"),
        ("", "in.jsonl: nothing is in it"),
    ],
)
def test_a_file_that_is_no_batch_is_refused(
    text: str, message: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "in.jsonl").write_text(text, encoding="utf-8")
    assert call(capfd, "cases", "import", "in.jsonl", "--format", "batch") == (2, "", f"migrator: {message}\n")


def test_nothing_to_export_is_an_error(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cases", "export")[0] == 2


def test_two_processes_join_into_one_sample(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        made = journal(project, cap=10)
        for number in range(50):
            add(made, f"{number:02}")
        made.count()
    (site,) = listed(capfd)
    assert (len(site["cases"]), site["seen"]) == (10, 100)  # type: ignore[arg-type]


def test_a_sample_is_fair_and_has_something_of_each_stratum() -> None:
    taken: Counter[int] = Counter()
    for _ in range(400):
        made, kept = Sample(5), []
        for number in range(20):
            draw = made_draw()
            if made.admits("site", "s", draw):
                kept.append((draw, number))
        taken.update(number for _, number in sorted(kept)[:5])
    assert sum(taken.values()) == 2000
    assert min(taken.values()) > 60
    assert max(taken.values()) < 145


def made_draw() -> float:
    """Draw as the recorder does."""
    import random

    return random.Random(os.urandom(8)).random()


def test_strata_are_bounded_and_say_nothing_of_the_text() -> None:
    request = {"model": "m", "messages": [{"content": "secret"}], "tools": [{}], "stream": True}
    assert stratum_of(request, 2000) == "m stream tools turns1 size5"
    assert stratum_of(None, 5) == OTHER
    made = Sample(5)
    names = [made.stratum("site", f"s{number}") for number in range(30) if made.admits("site", "x", 0.5) or True]
    assert set(names) == {f"s{number}" for number in range(30)}
    for number in range(30):
        made.admits("other", made.stratum("other", f"s{number}"), 0.5)
    assert made.stratum("other", "s99") == OTHER


def test_the_cases_of_a_site_come_from_each_stratum(project: Path) -> None:
    made = journal(project)
    for number in range(30):
        add(made, f"{number:02}")
    add(made, "a long one " * 1000)
    (site,) = load(project)
    assert max(len(case.request["messages"][0]["content"]) for case in sample(site.cases, 3)) > 1000  # type: ignore[index]


def chunk(delta: dict[str, object], **more: object) -> str:
    return json.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, **more}]})


def test_calls_of_tools_are_put_together() -> None:
    pieces = [
        {"role": "assistant", "tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}, {"index": 1, "id": "u"}]},
    ]
    text = "\n\n".join(f"data: {chunk(piece)}" for piece in pieces)
    answer, is_whole = assembled(text.encode())
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}, {"id": "u"}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    assert answer["choices"] == [{"index": 0, "message": message, "finish_reason": None}]
    assert not is_whole


def test_an_abandoned_response_keeps_its_text() -> None:
    events = [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_text.delta", "delta": "He"},
        {"type": "response.output_text.delta", "delta": "llo"},
    ]
    answer, is_whole = assembled("\n".join(f"data: {json.dumps(one)}" for one in events).encode())
    content = [{"type": "output_text", "text": "Hello"}]
    assert answer == {"id": "r", "output": [{"type": "message", "role": "assistant", "content": content}]}
    assert not is_whole


def test_the_commands_are_quick_to_start() -> None:
    script = "import sys; from migrator.cli import run; run(['cases', '-h']); print('libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.endswith("False\n")


ROOT = Path(__file__).parent.parent
