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
        self.rfile.read(int(self.headers["content-length"]))
        data = json.dumps(ANSWER).encode()
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
    first = "the server is busy or away, asked again in 20 s, given up after 15 minutes"
    later = "the server is busy or away since 3 minutes, asked again in 10 minutes, given up after 15 minutes"
    batch = "batch_1: 12 of 1,400 requests answered; Ctrl-C leaves it with the server"
    over = "".join(f"\r\033[K{text[:79]}" for text in (first, later, batch))
    assert capsys.readouterr() == ("", f"migrator: {first}\n{over}")
