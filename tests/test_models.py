"""Answer one question: are models, and the days that end them, told as the tables and a server say it?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from migrator import demo, model_words, rulebook
from migrator.cli import run
from migrator.deprecated import deprecated
from migrator.settings import Settings

TODAY = date(2026, 11, 28)
BOOK = rulebook.load()
ROOT = Path(__file__).parent.parent


@contextmanager
def serving(status: int, body: bytes) -> Iterator[str]:
    """Answer every request with these bytes; the key must be the one that is expected."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_right = self.path == "/v1/models" and self.headers["authorization"] == "Bearer sk-mine"
            self.send_response(status if is_right else 401)
            self.end_headers()
            self.wfile.write(body if is_right else b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()


def listed(changes: Mapping[str, str | None]) -> bytes:
    """The list of a server that says what our tables say, but for ``changes``; "" leaves a model out."""
    dates = {m.name: m.shutdown.isoformat() if m.shutdown else None for m in BOOK.models.values()} | dict(changes)
    rows = [{"id": name, "object": "model", "shutdown_date": day} for name, day in dates.items() if day != ""]
    return json.dumps({"object": "list", "data": rows}).encode()


def test_a_row_says_prices_limits_and_days() -> None:
    rows = ["".join(text for text, _ in line) for line in model_words.models(BOOK, TODAY, 140)]
    row = next(row for row in rows if row.startswith("gpt-4.1-mini "))
    assert row.split() == [
        *("gpt-4.1-mini", "0.40", "0.10", "1.60", "1,047,576", "32,768", "2027-01-14", "47", "days", "gpt-6-luna")
    ]
    gone = next(row for row in rows if row.startswith("gpt-4o-2024-05-13"))
    assert "2026-10-23     gone" in gone


def test_the_dates_of_both_tables_agree() -> None:
    dates = rulebook.load_shutdowns().dates
    said = {model.name: model.shutdown for model in BOOK.models.values() if model.name in dates}
    assert said == {name: dates[name] for name in said}
    assert {"gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-5", "o3"} <= dates.keys()


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({}, 0, "The server says what the tables say.\n"),
        ({"gpt-6-luna": "2028-01-01"}, 1, "gpt-6-luna: 2028-01-01 on the server, no date here\n"),
        (
            {"gpt-4.1-mini": ""},
            1,
            "gpt-4.1-mini: is not listed: the key may not reach it, or it is shut down (2027-01-14 here)\n",
        ),
    ],
)
def test_a_check_names_what_differs(
    changes: dict[str, str | None],
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    with serving(200, listed(changes)) as address:
        assert run(["models", "--check", "--base-url", address]) == code
    assert capfd.readouterr().out == told


@pytest.mark.parametrize(
    ("key", "status", "body", "told"),
    [
        ("", 200, b"", "no key: set OPENAI_API_KEY to ask the server for its models"),
        ("sk-other", 200, b"", "the server answered 401 Unauthorized"),
        ("sk-mine", 503, b"", "the server answered 503 Service Unavailable"),
        ("sk-mine", 200, b"<html>", "Expecting value"),
        ("sk-mine", 200, b"[]", "the answer is no list of models"),
    ],
)
def test_a_check_that_fails_is_one_line(
    key: str, status: int, body: bytes, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serving(status, body) as address:
        assert run(["models", "--check", "--base-url", address]) == 2
    err = capfd.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert "sk-" not in err


def test_every_literal_of_the_sample_is_listed() -> None:
    found = deprecated([demo.sample()], Settings(), cwd=demo.sample())
    places = [(one.shown, one.position.line, one.value) for one in found.named]
    assert places == [
        ("deploy/values.yaml", 4, "gpt-4o-mini"),
        ("helpdesk/answer.py", 5, "gpt-4o"),
        ("helpdesk/answer.py", 23, "gpt-4o-mini"),
        ("helpdesk/costs.py", 4, "gpt-4o"),
        ("helpdesk/costs.py", 5, "gpt-4o-mini"),
        ("helpdesk/costs.py", 15, "gpt-4o"),
        ("helpdesk/regional.py", 6, "ft:gpt-4o-mini-2024-07-18:helpdesk::A1b2C3"),
        ("helpdesk/regional.py", 11, "gpt-4o"),
        ("helpdesk/sorting.py", 12, "gpt-4o"),
        ("helpdesk/summary.py", 9, "gpt-4o-mini-2024-07-18"),
        ("helpdesk/triage.py", 11, "gpt-4o-mini"),
        ("helpdesk/triage.py", 21, "openai/gpt-4o"),
        ("notebooks/explore.ipynb", 2, "gpt-4o-2024-08-06"),
        ("tests/test_costs.py", 5, "gpt-4o-mini"),
        ("tests/test_costs.py", 9, "gpt-4o"),
    ]


def test_other_families_are_listed_and_what_only_begins_like_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text('A = ["o3", "gpt-5-mini", "o3-pro-max", "about gpt-5", "gpt-6-luna", "o39"]\n')
    monkeypatch.chdir(tmp_path)
    assert run(["scan", "--deprecated", "--format", "json"]) == 1
    said = json.loads(capfd.readouterr().out)
    assert [(one["line"], one["value"], one["shutdown"]) for one in said["literals"]] == [
        (1, "o3", "2026-12-11"),
        (1, "gpt-5-mini", "2026-12-11"),
    ]
    (tmp_path / "app.py").write_text('A = "gpt-6-luna"\n')
    assert run(["scan", "--deprecated"]) == 0
    assert capfd.readouterr().out == "No model with an announced shutdown date is named in 1 file.\n"


def test_the_table_of_dates_is_what_the_installed_package_says() -> None:
    """Of a newer package the table may know less; what it says must not be another date."""
    look = "import json, sys; sys.path.insert(0, 'rules'); import refresh as r"
    script = f"{look}; print(json.dumps(r.announced(r.folder('openai'))))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    announced = json.loads(done.stdout)
    dates = rulebook.load_shutdowns().dates
    assert {name: day for name, day in announced.items() if name in dates and dates[name].isoformat() != day} == {}
    assert len(announced) > 40


@pytest.mark.parametrize("form", ["github", "sarif", "markdown"])
def test_a_form_that_says_nothing_of_dates_is_refused(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--deprecated", "--format", form]) == 2
    assert capfd.readouterr() == ("", f"migrator: --deprecated prints text or json, not {form}\n")


OWN = """\
[migration]
target   = "chat-next"
prefixes = ["", "acme/"]
sources  = [{ source = "a", checked = 2026-11-28 }]

[[rename]]
from = ["chat-large", "chat-large-2024"]
to   = "chat-next"

[[model]]
name     = "chat-large"
aliases  = ["chat-large-2024"]
shutdown = 2027-03-01
sources  = [{ source = "the wiki", checked = 2026-11-20 }]

[[model]]
name    = "chat-next"
sources = [{ source = "the wiki", checked = 2026-11-20 }]
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that goes to a migration of its own, seen from a folder below."""
    (tmp_path / "acme.toml").write_text(OWN, encoding="utf-8")
    (tmp_path / "migrator.toml").write_text('to = "acme.toml"\n', encoding="utf-8")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "desk.py").write_text('A = ["acme/chat-large", "chat-large-2024", "gpt-4o"]\n')
    monkeypatch.chdir(tmp_path / "app")
    return tmp_path


def test_the_days_of_ones_own_models_are_told_with_their_sources(
    own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(own)
    assert run(["scan", "--deprecated"]) == 1
    told = capfd.readouterr().out
    assert [line.split()[:3] for line in told.splitlines()[1:4]] == [
        ["1:6", "acme/chat-large", "2027-03-01"],
        ["1:25", "chat-large-2024", "2027-03-01"],
        ["1:44", "gpt-4o", "2027-01-14"],
    ]
    assert "acme.toml" not in told
    assert [line for line in told.splitlines() if "the wiki" in line] == ["Source: the wiki, read 2026-11-20"]


@pytest.mark.parametrize("arguments", [(), ("--to", "../acme.toml"), ("--to", "gpt-6-luna")])
def test_a_migration_of_ones_own_is_listed(
    arguments: tuple[str, ...], own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    is_listed = "gpt-6-luna" not in arguments
    assert run(["rules", *arguments]) == 0
    assert ("acme.toml" in capfd.readouterr().out) == is_listed
    assert run(["models", *arguments]) == 0
    rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert (["chat-next"] in rows) == is_listed
    assert run(["explain", "chat-large", *arguments]) == (0 if is_listed else 2)
    assert ("model chat-large" in capfd.readouterr().out) == is_listed


def test_the_file_of_a_migration_is_explained(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "../acme.toml"]) == 0
    assert capfd.readouterr().out.startswith("migration to chat-next\n")
    assert run(["explain", "../none.toml"]) == 2
    assert capfd.readouterr().err == "migrator: ../none.toml: cannot be read: no such file or directory\n"


@pytest.mark.parametrize(("width", "heads"), [(60, 0), (80, 0), (100, 2), (140, 3)])
def test_the_models_fit_into_the_width(width: int, heads: int) -> None:
    lines = ["".join(text for text, _ in line) for line in model_words.models(BOOK, TODAY, width)]
    assert sum(head in lines[0] for head in ("READS", "WRITES", "SUCCESSOR")) == heads
    assert max(map(len, lines)) <= max(width, 72)
