"""Answer one question: does ``apply --shadow`` change nothing that was not compared, and say what stands in its way?

Programs are recorded and compared by the real commands. The server here gives scripted answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from isolated import surroundings
from recording import ROOT, record

from migrator import shadow_session

CONFIG = "[tool.migrator.shadow.margin]\nlabel = 0.4\n"
CLIENT = "import sys\nfrom openai import AzureOpenAI, OpenAI\n\nclient = OpenAI()\n"
RULES = 'RULES = "Say which kind of mail this is, in one word. " * 150\n'
ANSWER = {
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "complaint"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1},
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        data = json.dumps({**ANSWER, "model": asked["model"]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run a server whose answers are scripted: each is the same."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/v1"
        running.shutdown()


def migrator(folder: Path, server: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a project."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", *words],
        cwd=folder,
        env={**surroundings(folder, server), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def recorded(folder: Path, server: str, code: str) -> Path:
    """Make a project of a program, and record it."""
    (folder / ".git").mkdir()
    (folder / "pyproject.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "app.py").write_text(CLIENT + code, encoding="utf-8")
    record(folder, [sys.executable, "app.py"], server)
    return folder / "app.py"


ONE = """

def kind(mail):
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": mail}])


for n in range(20):
    kind(f"mail {n}")
"""
SORTED = (
    RULES
    + """TAGS = {"spam", "ham", "eggs"}


def kind(mail):
    said = [{"role": "system", "content": ", ".join(TAGS) + RULES}, {"role": "user", "content": mail}]
    return client.chat.completions.create(model="gpt-4o", messages=said)


for n in range(20):
    kind(f"mail {n}")
"""
)
WRAPPED = """

def ask(mail, model):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": mail}])


def often(mail):
    return ask(mail, "gpt-4o-mini")


def rare(mail):
    return ask(mail, "gpt-4o")


for n in range(20):
    often(f"mail {n}")
"""
AZURE = (
    RULES
    + """azure = AzureOpenAI(azure_endpoint="https://desk.openai.azure.com", api_version="2024-10-21", api_key="k")


def there(mail):
    said = [{"role": "system", "content": RULES}, {"role": "user", "content": mail}]
    return azure.chat.completions.create(model="desk", messages=said)
"""
)


@pytest.fixture(scope="module")
def project(server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a program with one call."""
    return recorded(tmp_path_factory.mktemp("project"), server, ONE).parent


def test_a_call_that_holds_up_is_changed(server: str, tmp_path: Path) -> None:
    app = recorded(tmp_path, server, ONE)
    before = app.read_text(encoding="utf-8")
    done = migrator(tmp_path, server, "apply", "--shadow", "--yes", "--max-usd", "1")
    assert (done.returncode, app.read_text(encoding="utf-8")) == (0, before.replace('"gpt-4o"', '"gpt-4.1-mini"'))


def test_an_order_within_a_text_that_was_not_compared_stays(server: str, tmp_path: Path) -> None:
    app = recorded(tmp_path, server, SORTED)
    assert "sorted(TAGS)" in migrator(tmp_path, server, "apply", "--diff", "--review").stdout
    assert migrator(tmp_path, server, "apply", "--shadow", "--yes").returncode == 0
    after = app.read_text(encoding="utf-8")
    assert ('"gpt-4.1-mini"' in after, "sorted(TAGS)" in after) == (True, False)


def test_a_name_on_which_no_compared_request_ran_stays(server: str, tmp_path: Path) -> None:
    app = recorded(tmp_path, server, WRAPPED)
    before = app.read_text(encoding="utf-8")
    migrator(tmp_path, server, "apply", "--shadow", "--yes")
    assert app.read_text(encoding="utf-8") == before.replace('"gpt-4o-mini"', '"gpt-4.1-mini"')


def test_a_call_on_azure_that_was_not_compared_gets_no_key(server: str, tmp_path: Path) -> None:
    app = recorded(tmp_path, server, AZURE + ONE)
    keyed = migrator(tmp_path, server, "apply", "--diff", "--azure-cache-keys").stdout
    assert "app.there" in keyed
    assert migrator(tmp_path, server, "apply", "--shadow", "--yes", "--azure-cache-keys").returncode == 0
    after = app.read_text(encoding="utf-8")
    assert ('"gpt-4.1-mini"' in after, "app.there" in after) == (True, False)


def test_a_diff_is_all_that_stands_on_standard_output(server: str, project: Path) -> None:
    done = migrator(project, server, "apply", "--shadow", "--diff", "--yes")
    assert done.stdout.startswith("--- a/app.py\n+++ b/app.py\n")
    assert "Exit code 0: every call holds up." in done.stderr
    data = migrator(project, server, "apply", "--shadow", "--diff", "--yes", "--format", "json")
    assert json.loads(data.stdout)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("apply", "--shadow", "--only", "cache_key"), 2, "a comparison is of two models"),
        (("apply", "--shadow", "--skip", "model"), 2, "a comparison is of two models"),
        (("shadow", "--site", "zzz"), 2, "--site zzz: no call that changes is called so; there are: "),
        (("shadow", "--site", ""), 2, "--site : no call that changes is called so; there are: "),
        (("shadow", "--site", "app.py:8"), 0, ""),
        (("shadow", "--max-usd", "nan"), 2, "'nan' is no amount of money"),
        (("shadow", "--max-usd", "inf"), 2, "'inf' is no amount of money"),
    ],
)
def test_what_cannot_be_meant_is_said(words: tuple[str, ...], code: int, said: str, server: str, project: Path) -> None:
    done = migrator(project, server, *words, "--yes")
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr


def test_a_login_in_an_address_is_not_printed(project: Path) -> None:
    done = migrator(project, "http://ann:hunter2@127.0.0.1:9/v1?key=hunter2", "shadow", "--yes")
    assert done.returncode == 4
    assert "127.0.0.1:9 cannot be reached" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_report_that_cannot_be_kept_is_one_line(server: str, tmp_path: Path) -> None:
    recorded(tmp_path, server, ONE)
    (tmp_path / ".migrator" / "shadow" / "report.json").mkdir(parents=True)
    done = migrator(tmp_path, server, "shadow", "--yes")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "report.json: is a directory" in done.stderr


class _Busy(_Handler):
    """Says nothing but that there are too many requests, and that half a day may help."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("retry-after", "43200")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


def test_a_server_that_is_busy_for_hours_is_one_line_and_exit_code_4(server: str, tmp_path: Path) -> None:
    recorded(tmp_path, server, ONE)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Busy) as busy:
        threading.Thread(target=busy.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{busy.server_address[1]}/v1"
        done = migrator(tmp_path, address, "shadow", "--yes", "--quiet", "--max-usd", "1")
        busy.shutdown()
    line = (
        "migrator: the server refuses: 429 error: no message; it asks to wait for 12 hours; run again then to go on\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (4, "", line)


def test_what_is_waited_for_is_said_once_and_on_a_terminal_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    for is_told, is_watched in ((True, False), (True, True), (False, True)):
        waiting = shadow_session._Waiting(is_told, is_watched)
        waiting.busy(1.0, 2.0)
        waiting.busy(5.0, 20.0)
        waiting.busy(200.0, 600.0)
        waiting.batch("batch_1", 12, 1400)
    first = "the server is busy (0 of 15 minutes), asked again in 20 s"
    later = "the server is busy (3 of 15 minutes), asked again in 10 minutes"
    batch = "batch_1: 12 of 1,400 requests answered; Ctrl-C leaves it with the server"
    over = "".join(f"\r\033[K{text[:79]}" for text in (first, later, batch))
    assert capsys.readouterr() == ("", f"migrator: {first}\n{over}")


class _ByModel(_Handler):
    """Says ``said`` where the new model is asked, and else the same as ever."""

    said = "praise"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = type(self).said if asked["model"] == "gpt-4.1-mini" else "complaint"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        data = json.dumps({**ANSWER, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_what_is_accepted_holds_from_every_folder_and_for_what_was_there(server: str, tmp_path: Path) -> None:
    recorded(tmp_path, server, ONE)
    (tmp_path / "sub").mkdir()
    words = ("shadow", "--yes", "--quiet", "--max-usd", "1")
    with ThreadingHTTPServer(("127.0.0.1", 0), type("_Handler", (_ByModel,), {})) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{other.server_address[1]}/v1"
        assert migrator(tmp_path / "sub", address, *words, "..").returncode == 1
        accepting = migrator(tmp_path / "sub", address, "shadow", "accept", "../app.py:8", "--reason", "wanted")
        assert (accepting.returncode, accepting.stderr) == (0, "")
        assert 'where = "app.py:8 kind"\n' in (tmp_path / "migrator-accepted.toml").read_text("utf-8")
        again = [
            migrator(folder, address, *words, path) for folder, path in ((tmp_path, "."), (tmp_path / "sub", ".."))
        ]
        assert [one.returncode for one in again] == [0, 0], again
        other.RequestHandlerClass.said = "I'm sorry, but I can't help with that."
        for path in (tmp_path / ".migrator" / "shadow" / "answers").iterdir():
            path.unlink()
        refusing = migrator(tmp_path, address, *words)
        other.shutdown()
    assert (refusing.returncode, refusing.stderr) == (1, "")
    told = " ".join(refusing.stdout.split())
    assert "app.py:8: what was accepted does not cover what is found now: hard failure: the model refuses" in told


def test_answers_that_were_paid_for_are_told_with_what_they_would_cost(server: str, tmp_path: Path) -> None:
    recorded(tmp_path, server, ONE)
    first, again = (migrator(tmp_path, server, "shadow", "--yes", "--quiet", "--format", "json") for _ in range(2))
    before, after = (json.loads(one.stdout)["money"] for one in (first, again))
    assert (before["stored"], before["stored_calls"], after["spent"], after["calls"]) == (0, 0, 0, 0)
    assert (after["stored"], after["stored_calls"]) == (pytest.approx(before["spent"]), before["calls"])
    assert before["spent"] > 0


def test_of_a_call_that_was_changed_it_is_said_that_no_old_name_is_left(server: str, tmp_path: Path) -> None:
    code = recorded(tmp_path, server, ONE + 'OTHER = "gpt-4o-mini"\n')
    code.write_text(code.read_text("utf-8").replace('"gpt-4o"', '"gpt-4.1-mini"'), encoding="utf-8")
    code.with_name("more.py").write_text(CLIENT + 'client.responses.create(model="gpt-4o", input="")\n', "utf-8")
    done = migrator(tmp_path, server, "shadow", "--dry-run")
    told = " ".join(done.stdout.split())
    assert "20 recorded requests left out: app.py does not name gpt-4o any more, so that nothing changes there" in told


def test_what_would_be_sent_and_what_is_recorded_stay_within_80_columns(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "a_package_with_a_long_name" / "and_another_one_below_it"
    folder.mkdir(parents=True)
    recorded(tmp_path, server, "")
    code = CLIENT + ONE.replace("def kind", "def what_kind_of_mail_this_is").replace(
        "kind(f", "what_kind_of_mail_this_is(f"
    )
    (folder / "answers_to_letters.py").write_text(code, encoding="utf-8")
    record(tmp_path, [sys.executable, str(folder / "answers_to_letters.py")], server)
    for words in (("cases", "list"), ("shadow", "--dry-run")):
        lines = migrator(tmp_path, server, *words).stdout.splitlines()
        assert len(lines) >= 3
        assert all(len(line) <= 80 for line in lines if "answers_to_letters.py" not in line), lines
        assert [line for line in lines if line.endswith(("_this_is", "answers_to_letters.py:8"))], lines
