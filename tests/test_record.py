"""Answer one question: does ``migrator record`` write down what a program asks, and leave the program alone?

Each test runs a real program with the real SDK in a process of its own, against a server of this process.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from model_server import USAGE, serving
from recording import lay_out, marked, places, record, records, said

from migrator import plan
from migrator.model import Rewrite
from migrator.settings import Settings
from migrator.shadow import cases

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, signals and fork are those of POSIX")
CALL = """\
import sys
import openai


def ask(text):
    return openai.OpenAI().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])


if __name__ == "__main__":
    for text in sys.argv[1:]:
        print(ask(text).choices[0].message.content)
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run the server."""
    with serving() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a repository with a program that asks what it is told to."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(CALL, encoding="utf-8")
    return tmp_path


def on_disk(folder: Path) -> bytes:
    """Give everything that was written below ``.migrator``."""
    return b"".join(path.read_bytes() for path in sorted((folder / ".migrator").rglob("*")) if path.is_file())


def test_each_way_of_the_sdk_is_recorded_with_its_line(address: str, tmp_path: Path) -> None:
    done = record(lay_out(tmp_path, "sdk.py"), [sys.executable, "sdk.py"], address)
    assert (done.returncode, done.stderr) == (0, "")
    found = records(tmp_path)
    ways = {name: line for name, line in marked("sdk.py").items() if name in done.stdout.split()}
    assert marked("sdk.py").keys() - ways.keys() <= {"aiohttp"}
    assert places(found) == {(name, "sdk.py", line) for name, line in ways.items()}
    assert len(found) == len(ways)


def test_a_record_says_what_was_asked_and_answered(folder: Path, address: str) -> None:
    done = record(folder, [sys.executable, "app.py", "hello"], address)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    (site,) = cases.load(folder)
    (case,) = site.cases
    assert case.request == {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    assert case.response is not None
    assert case.response["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    ]
    assert case.usage is not None
    assert (case.usage.input, case.usage.cached, case.usage.output) == (100, 64, 7)
    assert (case.status, case.whole, case.retries, case.error, case.endpoint) == (
        200,
        True,
        0,
        None,
        "chat/completions",
    )
    assert case.latency is not None
    assert 0 < case.latency < 60
    assert case.versions.keys() >= {"python", "openai"}
    assert case.place is not None
    assert (case.place.function, case.place.line, case.place.column) == ("ask", 6, 11)
    assert case.place.stack == (("app.py", 11, ""), ("app.py", 6, "ask"))


def test_a_case_has_the_id_of_the_call_that_a_scan_gives(folder: Path, address: str) -> None:
    record(folder, [sys.executable, "app.py", "hello"], address)
    made = plan.make([folder], Settings(), cwd=folder, today=date(2026, 11, 22))
    (rewrite,) = made.decisions
    assert isinstance(rewrite, Rewrite)
    assert [site.site for site in cases.load(folder)] == [rewrite.finding.reaches[0].site.id]
    (folder / "app.py").write_text(CALL.replace("gpt-4o", "gpt-4.1-mini"), encoding="utf-8")
    assert [site.site for site in cases.load(folder)] == [rewrite.finding.reaches[0].site.id], "forgotten with the file"


def test_a_stream_is_put_together_and_timed(folder: Path, address: str) -> None:
    text = CALL.replace('"content": text}]', '"content": text}], stream=True').replace(
        "print(ask(text).choices[0].message.content)", "list(ask(text))"
    )
    (folder / "app.py").write_text(text, encoding="utf-8")
    assert record(folder, [sys.executable, "app.py", "hello"], address).returncode == 0
    ((case,),) = (site.cases for site in cases.load(folder))
    message = {"role": "assistant", "content": "hello"}
    assert case.response == {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    assert case.whole
    assert case.first is not None
    assert case.latency is not None
    assert 0 < case.first <= case.latency


def test_what_is_no_question_to_a_model_is_not_recorded(folder: Path, address: str) -> None:
    others = (
        "import httpx2\n",
        f"httpx2.post('{address}/responses', json={{'form': 1}})\n",
        f"httpx2.get('{address}/responses')\n",
        f"httpx2.post('{address}/embeddings', json={{'input': 'a'}})\n",
        f"httpx2.post('{address}/chat/completions', content=iter([b'model']))\n",
    )
    (folder / "app.py").write_text("".join(others), encoding="utf-8")
    done = record(folder, [sys.executable, "app.py"], address)
    assert "no request to a model was recorded" in done.stderr
    assert not list(folder.rglob("*.jsonl"))


def test_a_refusal_and_the_retry_are_two_records(folder: Path, address: str) -> None:
    assert record(folder, [sys.executable, "app.py", "429 once"], address).returncode == 0
    found = [(one["status"], one["retries"], one["whole"]) for one in records(folder)]
    assert found == [(429, 0, True), (200, 1, True)]
    (site,) = cases.load(folder)
    assert [case.is_answered for case in site.cases] == [False, True]


def test_a_server_that_is_away_is_recorded_as_an_error(folder: Path) -> None:
    done = record(folder, [sys.executable, "app.py", "x"], "http://127.0.0.1:9/v1")
    assert done.returncode == 1
    assert "APIConnectionError" in done.stderr
    assert [(one["status"], one["error"], one["retries"]) for one in records(folder)] == [
        (None, "ConnectError", number) for number in range(3)
    ]


SECRETS = (
    *("sk-proj-abcdef0123456789abcdef", "ada@example.com", "4111 1111 1111 1111", "+49 30 1234 5678"),
    *("hunter2hunter2", "AKIAIOSFODNN7EXAMPLE", "the-value-of-a-variable", "ticket-4711"),
)


def test_no_secret_is_on_the_disk(folder: Path, address: str) -> None:
    text = "{} {} {} {} password={} {} {} {}".format(*SECRETS)
    options = ("--redact", r"ticket-\d+")
    program = [sys.executable, "app.py", text]
    done = record(folder, program, address, *options, MY_TOKEN="the-value-of-a-variable", OPENAI_API_KEY="sk-own")
    assert done.stdout == f"{text}\n", "the program gets what it would get without us"
    left = on_disk(folder)
    assert [secret for secret in (*SECRETS, "sk-own") if secret.encode() in left] == []
    (one,) = records(folder)
    given = "<key-1> <email-1> <card-1> <phone-1> password=<secret-2> <key-2> <secret-1> <redacted-1>"
    assert said(one) == given
    assert one["response"]["choices"][0]["message"]["content"] == given  # type: ignore[index]
    assert "authorization" not in left.decode().lower()


def test_raw_keeps_bodies_and_says_so(folder: Path, address: str) -> None:
    done = record(folder, [sys.executable, "app.py", "ada@example.com"], address, "--raw")
    assert done.stderr == "migrator: --raw: bodies are kept as they are, with every secret in them\n"
    ((case,),) = (site.cases for site in cases.load(folder))
    assert said({"request": case.request}) == "ada@example.com"
    assert case.raw


def test_a_setting_redacts_too(folder: Path, address: str) -> None:
    (folder / "migrator.toml").write_text("redact = ['case \\d+']\n", encoding="utf-8")
    record(folder, [sys.executable, "app.py", "see case 12"], address)
    assert [said(one) for one in records(folder)] == ["see <redacted-1>"]


@posix
def test_records_are_private_and_hidden_from_git(folder: Path, address: str) -> None:
    record(folder, [sys.executable, "app.py", "x"], address)
    top = folder / ".migrator" / "records"
    assert (top / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"
    (path,) = top.rglob("*.jsonl")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, top)] == [0o600, 0o700, 0o700]


@posix
def test_a_killed_process_loses_nothing_that_was_answered(folder: Path, address: str) -> None:
    (folder / "app.py").write_text(f"{CALL}\nimport os\nos.kill(os.getpid(), 9)\n", encoding="utf-8")
    done = record(folder, [sys.executable, "app.py", "a", "b", "c"], address)
    assert done.returncode == 128 + 9
    assert [said(one) for one in records(folder)] == ["a", "b", "c"]


@posix
@pytest.mark.parametrize(("kills", "threads"), [(30, 1), (12, 4)])
def test_a_process_that_is_killed_at_any_moment_loses_at_most_the_calls_in_flight(
    kills: int, threads: int, address: str, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path, "killed.py")
    done = record(folder, [sys.executable, "killed.py", str(kills), str(threads), "11"], address)
    assert (done.returncode, done.stderr) == (0, "")
    came_back = (folder / "came-back").read_text(encoding="utf-8").splitlines()
    found = [said({"request": case.request}) for site in cases.load(folder) for case in site.cases]
    assert len(found) == len(set(found))
    assert set(came_back) <= set(found), "an answer that the program had is not there"
    # Besides, at most one in flight for each thread: the next one of those that came back.
    last = {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in came_back}
    in_flight = set(found) - set(came_back) - {"0 0 warm"}
    assert in_flight <= {f"{thread} {last.get(thread, -1) + 1}" for thread in {one.rpartition(" ")[0] for one in found}}
    assert len({line.split()[0] for line in came_back}) == kills


def test_a_line_that_was_cut_off_is_passed_over(folder: Path, address: str) -> None:
    record(folder, [sys.executable, "app.py", "a"], address)
    (path,) = folder.rglob("*.jsonl")
    path.write_bytes(path.read_bytes() + path.read_bytes()[:200])
    assert [len(site.cases) for site in cases.load(folder)] == [1]


def test_the_program_goes_on_when_nothing_can_be_written(folder: Path, address: str) -> None:
    text = f"import shutil\nshutil.rmtree('.migrator')\n{CALL}"
    (folder / "app.py").write_text(text, encoding="utf-8")
    done = record(folder, [sys.executable, "app.py", "a", "b"], address)
    assert (done.returncode, done.stdout) == (0, "a\nb\n")


def test_an_error_of_the_recorder_is_noted_and_goes_no_further(folder: Path, address: str) -> None:
    broken = "import json.decoder, sys\nfrom _migrator_recorder import call\ncall.answer = None\n"
    (folder / "app.py").write_text(f"{broken}{CALL}", encoding="utf-8")
    done = record(folder, [sys.executable, "app.py", "a"], address)
    assert (done.returncode, done.stdout) == (0, "a\n")
    first, second = done.stderr.splitlines()
    assert first.startswith("migrator: the recorder failed once: see .migrator/records/")
    assert second == "migrator: no request to a model was recorded; docs/shadow.md says what is seen"
    (log,) = folder.rglob("errors.log")
    assert "TypeError" in log.read_text(encoding="utf-8")


def test_the_sitecustomize_that_was_there_still_runs(folder: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins\nbuiltins.own = 'ran'\n", encoding="utf-8")
    (folder / "app.py").write_text(
        f"{CALL}\nimport sitecustomize\nprint(own, sitecustomize.__file__)\n", encoding="utf-8"
    )
    paths = os.pathsep.join((str(Path(__file__).parent.parent), str(tmp_path / "own")))
    done = record(folder, [sys.executable, "app.py", "a"], address, PYTHONPATH=paths)
    assert done.stdout == f"a\nran {tmp_path / 'own' / 'sitecustomize.py'}\n"
    assert len(records(folder)) == 1


def test_pytest_and_modules_are_recorded(folder: Path, address: str) -> None:
    (folder / "test_app.py").write_text(
        "from app import ask\n\n\ndef test_it():\n    assert ask('a')\n", encoding="utf-8"
    )
    done = record(folder, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"], address)
    assert done.returncode == 0, done.stdout
    record(folder, [sys.executable, "-m", "app", "b"], address)
    assert places(records(folder)) == {("a", "app.py", 6), ("b", "app.py", 6)}
    (site,) = cases.load(folder)
    stacks = [case.place.stack for case in site.cases if case.place]
    assert stacks == [(("test_app.py", 5, "test_it"), ("app.py", 6, "ask")), (("app.py", 11, ""), ("app.py", 6, "ask"))]


def test_no_more_than_the_cap_are_kept_and_all_are_counted(folder: Path, address: str) -> None:
    program = [sys.executable, "app.py", *(f"{number:02}" for number in range(40))]
    record(folder, program, address, "--max-per-site", "5")
    (site,) = cases.load(folder)
    assert (len(site.cases), site.seen) == (5, 40)


def test_the_exit_code_is_that_of_the_command(folder: Path, address: str) -> None:
    done = record(folder, [sys.executable, "-c", "raise SystemExit(7)"], address)
    assert done.returncode == 7
    assert done.stderr == "migrator: no request to a model was recorded; docs/shadow.md says what is seen\n"
    assert list((folder / ".migrator" / "records").iterdir()) == [folder / ".migrator" / "records" / ".gitignore"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--", "no-such-command"), "migrator: no-such-command: no such command\n"),
        (("--redact", "(", "--", "true"), "migrator: --redact '(' is no regular expression: "),
        ((), "migrator: Missing argument '-- COMMAND ...'.\n"),
    ],
)
def test_what_cannot_run_is_one_line(arguments: tuple[str, ...], message: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "record", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_the_commit_is_recorded(folder: Path, address: str) -> None:
    (folder / ".git").rmdir()
    commands = ("init -q", "add app.py", "-c user.name=a -c user.email=a@example.com commit -q -m first")
    for command in commands:
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout
    record(folder, [sys.executable, "app.py", "a"], address)
    assert [one["commit"] for one in records(folder)] == [head.strip()]
