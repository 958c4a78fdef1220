"""Answer one question: does the command line do what the README says, with the right exit codes?"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from terminals import on_a_terminal

from migrator import __version__, demo
from migrator.cli import app, run
from migrator.demo_server import CANNED

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
CALL = 'from openai import OpenAI\n\nOpenAI().responses.create(model="gpt-4o", input="x")\n'
CHANGED = CALL.replace("gpt-4o", "gpt-4.1-mini")
ENDING = "gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced\n  replacement is gpt-6-luna.\n"
DIFF = """\
--- a/app.py
+++ b/app.py
@@ -1,3 +1,3 @@
 from openai import OpenAI

-OpenAI().responses.create(model="gpt-4o", input="x")
+OpenAI().responses.create(model="gpt-4.1-mini", input="x")
""".replace("\n\n", "\n \n")

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and closed pipes work otherwise there")
Output = tuple[int, str, str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with one call in it, and go there."""
    (tmp_path / "app.py").write_bytes(CALL.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> Output:
    """Run a command in this process."""
    code = run(arguments)
    out, err = capfd.readouterr()
    return code, out, err


def process(*arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        check=False,
    )


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Put bytes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_scan_shows_the_name_and_exits_with_1(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "scan")
    assert (code, err) == (1, "")
    assert out.startswith(
        "app.py\n  3:33  gpt-4o → gpt-4.1-mini  rewrite  openai.responses  ×0.16 cheaper\n\n"
        "1 name in 1 file (1 file read)\n"
    )
    assert "gpt-4.1-mini has an announced shutdown date: 2027-01-14.\n" in out
    assert (folder / "app.py").read_text() == CALL


def test_scan_of_a_clean_folder_exits_with_0(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "app.py").write_text(CHANGED)
    assert call(capfd, "scan") == (0, "Nothing names the old models (1 file read).\n", "")


def test_scan_explain_shows_the_way_to_the_call(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "app.py").write_text(CALL.replace('"gpt-4o"', "MODEL").replace("\n\n", '\n\nMODEL = "gpt-4o"\n'))
    _, out, _ = call(capfd, "scan", "--explain")
    assert re.search(r"^ {8}app\.py:3 → app\.py:4 .*→ app\.py:4 openai\.responses$", out, re.MULTILINE), out


def test_scan_quiet_prints_the_rows_alone(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "scan", "--quiet")
    assert (code, err) == (1, "")
    assert out == "app.py\n  3:33  gpt-4o → gpt-4.1-mini  rewrite  openai.responses  ×0.16 cheaper\n\n"


def test_scan_json_follows_the_schema_and_is_the_same_bytes_twice(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capfd, "scan", "--format", "json")
    content = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    site = content["sites"][0]
    assert code == 1
    assert (site["path"], site["line"], site["column"]) == ("app.py", 3, 33)
    assert (site["end"], site["old"], site["new"]) == ({"line": 3, "column": 41}, "gpt-4o", "gpt-4.1-mini")
    assert (site["decision"], site["surface"], site["origin"]) == ("rewrite", "openai.responses", "inline")
    assert call(capfd, "scan", "--format", "json")[1] == out


def test_json_of_a_clean_folder_follows_the_schema(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "scan", str(tmp_path), "--format", "json")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(out))
    assert code == 0


def test_json_of_the_sample_follows_the_schema(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo.sample())
    _, out, _ = call(capfd, "scan", "--format", "json")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(out))


def test_scan_github_prints_one_command_for_each_name(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "scan", "--format", "github") == (
        1,
        "::warning file=app.py,line=3,endLine=3,col=33,endColumn=41,title=migrator%3A rewrite"
        "::gpt-4o → gpt-4.1-mini (openai.responses) Price ×0.16 cheaper.\n",
        "",
    )


def test_apply_diff_shows_the_change_and_writes_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "apply", "--diff") == (1, DIFF, "1 name in 1 file would change.\n" + ENDING)
    assert (folder / "app.py").read_text() == CALL


def test_apply_diff_of_a_clean_folder_exits_with_0(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "app.py").write_text(CHANGED)
    assert call(capfd, "apply", "--diff") == (0, "", "Nothing would change.\n")


def test_apply_writes_and_a_second_run_finds_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "apply") == (
        0,
        "wrote  app.py  1 name\nChanged 1 name in 1 file.\n\nNext: look at git diff, then run your tests.\n\n" + ENDING,
        "",
    )
    assert (folder / "app.py").read_text() == CHANGED
    assert call(capfd, "apply") == (0, "Nothing to change.\n", "")


def test_apply_quiet_says_nothing_when_all_went_well(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "apply", "--quiet") == (0, "", "")
    assert (folder / "app.py").read_text() == CHANGED


def test_apply_json_says_what_was_written(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "apply", "--format", "json")
    content = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    assert (code, content["written"]) == (0, ["app.py"])


def test_pin_takes_the_dated_snapshot(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "apply", "--pin")
    assert (folder / "app.py").read_text() == CALL.replace("gpt-4o", "gpt-4.1-mini-2025-04-14")


def test_review_changes_what_is_held(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = 'def answer(client, m):\n    return client.chat.completions.create(model="gpt-4o", messages=m)\n'
    (folder / "app.py").write_text(source)
    code, out, _ = call(capfd, "scan")
    assert code == 0
    assert "  review     1  " in out
    assert "To change what is held for review as well, add --review.\n" in out
    assert call(capfd, "scan", "--review")[0] == 1
    assert call(capfd, "apply", "--review")[0] == 0
    assert (folder / "app.py").read_text() == source.replace("gpt-4o", "gpt-4.1-mini")


def test_exclude_leaves_a_file_out(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "scan", "--exclude", "app.py")[0] == 0


def test_one_bad_file_is_named_and_the_others_are_done(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "apply", "nowhere.py", "app.py")
    assert (code, err) == (2, "")
    assert "Failed:\n  nowhere.py: no such file or directory\n" in out
    assert (folder / "app.py").read_text() == CHANGED


def test_quiet_still_names_a_bad_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "apply", "-q", "nowhere.py") == (
        2,
        "",
        "Failed:\n  nowhere.py: no such file or directory\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "--to", "gpt-4.1-mni"), "did you mean 'gpt-4.1-mini'?"),
        (("scan", "--only", "modle"), "did you mean 'model'?"),
        (("scan", "--skip", "model,order_prompt,cache_key,parameters"), "nothing is left to run"),
        (("scan", "--format", "xml"), "'xml' is not one of 'text', 'json', 'github'"),
        (("scan", "-", "."), "- stands alone"),
        (("scan", "--revew"), "--review"),
        (("scan", "--config", "nowhere.toml"), "nowhere.toml"),
        (("explain", "openai.caht"), "did you mean openai.chat"),
        (("explain", "zzzzzz"), "`migrator rules` lists every name"),
        (("skan",), "No such command 'skan'"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], said: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capfd, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("migrator: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_configuration_names_file_and_key(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "migrator.toml").write_text("pinn = true\n")
    code, _, err = call(capfd, "scan")
    assert code == 2
    assert "migrator.toml" in err
    assert "'pin'" in err


def test_standard_input_becomes_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, CALL.replace("\n", "\r\n").encode())
    assert run(["apply", "-"]) == 0
    # Captured as text, "\r\n" would come back as "\n"; the bytes are compared in a process of its own below.
    assert capfd.readouterr().out.replace("\r\n", "\n") == CHANGED


@pytest.mark.parametrize("data", [CALL.replace("\n", "\r\n").encode(), "\ufeff# größe\n".encode() + CALL.encode()])
def test_standard_input_keeps_its_bytes(data: bytes) -> None:
    done = process("apply", "-", stdin=data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == data.replace(b"gpt-4o", b"gpt-4.1-mini")


def test_standard_input_without_a_hit_comes_back_unchanged() -> None:
    done = process("apply", "-", stdin=b"x = 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x = 1", b"")


def test_standard_input_that_does_not_parse_comes_back_unchanged_and_is_named() -> None:
    data = b'print "gpt-4o"\n'
    done = process("apply", "-", stdin=data)
    assert done.stdout == data
    assert b"Traceback" not in done.stderr


def test_scan_of_standard_input(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    give(monkeypatch, CALL.encode())
    code, out, _ = call(capfd, "scan", "-", "-q")
    assert (code, out.splitlines()[0]) == (1, "-")


def test_rules_lists_every_table(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "rules")
    assert (code, err) == (0, "")
    assert out.startswith("Transforms\n  model  ")
    assert "openai.chat" in out
    assert "  gpt-4.1-mini                   0.40     0.10     1.60  2027-01-14\n" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai.chat", "surface openai.chat"),
        ("langchain_openai.ChatOpenAI", "surface langchain_openai.ChatOpenAI"),
        ("gpt-4o-2024-08-06", "model gpt-4o-2024-08-06"),
        ("gpt-4.1-mini", "migration to gpt-4.1-mini"),
        ("comparison", "reason comparison"),
        ("model", "transform model"),
    ],
)
def test_explain_shows_one_table(name: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "explain", name)
    assert (code, err) == (0, "")
    assert said in out.splitlines()


def test_explain_gives_sources(capfd: pytest.CaptureFixture[str]) -> None:
    assert "  source: openai 3.54.0" in call(capfd, "explain", "gpt-4.1-mini")[1]


@pytest.mark.parametrize("name", [(), *((name,) for name in sorted(app.commands))])
def test_every_command_has_help(name: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, *name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: migrator{' ' if name else ''}{''.join(name)}")
    assert "..." not in "".join(out.partition("Commands:")[2])


def test_version() -> None:
    assert process("--version").stdout.decode().split() == ["migrator", __version__]


@pytest.mark.parametrize("arguments", [("--version",), ("scan", "{empty}"), ("scan", "{empty}", "--format", "json")])
def test_a_start_without_a_hit_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    script = (
        "import sys; from migrator.cli import run; run(sys.argv[1:]);"
        "print(sorted({'libcst', 'openai', 'rich', 'pathspec'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *(part.format(empty=tmp_path) for part in arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stderr == b"[]\n"


def test_plain_output_needs_no_rich(folder: Path) -> None:
    script = "import sys; from migrator.cli import run; run(['scan']); sys.exit('rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, b"\x1b[" in done.stdout) == (0, False)


def test_a_terminal_gets_a_coloured_diff(folder: Path) -> None:
    _, text = on_a_terminal(("apply", "--diff"))
    assert '\x1b[31m-OpenAI().responses.create(model="gpt-4o", input="x")\x1b[0m\n' in text
    assert '\x1b[32m+OpenAI().responses.create(model="gpt-4.1-mini", input="x")\x1b[0m\n' in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == DIFF


def test_no_color_is_honoured(folder: Path) -> None:
    assert on_a_terminal(("apply", "--diff"), NO_COLOR="1")[1] == DIFF


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text there")
def test_a_file_name_that_is_no_text_is_printed_as_it_is(folder: Path) -> None:
    name = b"caf\xe9.py"
    Path(os.fsdecode(name)).write_text(CALL)
    for form in ("text", "github", "json"):
        done = process("scan", os.fsdecode(name), "--format", form)
        assert done.stderr == b""
        assert (b"caf\\udce9.py" if form == "json" else name) in done.stdout
    assert "caf\N{REPLACEMENT CHARACTER}.py" in on_a_terminal(("scan", os.fsdecode(name)))[1]


@posix
def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "rules"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@posix
def test_an_interrupt_is_one_line(folder: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "migrator", "scan", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert started.stdin is not None
    started.stdin.write(b"x = 1\n" * 100_000)  # more than a pipe holds: it is being read when this returns
    started.stdin.flush()
    started.send_signal(signal.SIGINT)
    out, err = started.communicate()
    assert started.returncode == 130
    assert out == b""
    assert err.strip() == b"migrator: interrupted; every file is either as it was or written whole"


def test_demo_runs_from_scan_to_a_change_that_holds_up(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "demo")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith("$ ")] == [
        "$ migrator scan",
        "$ migrator apply --diff",
        "$ migrator cache",
        "$ migrator record -- python -m helpdesk.day",
        "$ migrator cases list",
        "$ migrator shadow --max-usd 2",
        "$ migrator apply --shadow",
        "$ git diff",
    ]
    assert out.count(CANNED) == 2
    assert '-MODEL = "gpt-4o"  # moved from gpt-4-turbo to gpt-4o in May\n' in out
    assert '+MODEL = "gpt-4.1-mini"  # moved from gpt-4-turbo to gpt-4o in May\n' in out
    assert '+        prompt_cache_key="helpdesk.sorting.desk_of",\n' in out
    assert "  shared   1,105 tokens; a hit reads 1,024 of them\n" in out
    assert "2 pass, 1 fail, 4 not compared.\n" in out
    assert "left: 6 × the comparison of the models does not let it through\n" in out
    assert "Changed 2 names and 1 cache key in 2 files.\n" in out
    assert "Done: 2 calls held up and changed; the rest stays for a person, with the reason.\n" in out


def test_demo_keeps_its_copy_where_it_is_told_to(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capfd, "demo", "--keep", str(tmp_path / "kept"))
    assert (code, err) == (0, "")
    kept = json.loads((tmp_path / "kept" / ".migrator" / "shadow" / "report.json").read_bytes())
    assert (kept["canned"], len(kept["sites"])) == (CANNED, 3)
    code, _, err = call(capfd, "demo", "--keep", str(tmp_path / "kept"))
    assert (code, err) == (2, f"migrator: {tmp_path / 'kept'}: is there already; name a new folder\n")


def test_demo_changes_the_names_that_run_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(demo.sample(), tmp_path / "helpdesk")
    monkeypatch.chdir(tmp_path / "helpdesk")
    assert call(capfd, "apply")[0] == 0
    changed = {}
    for before in sorted(path for path in demo.sample().rglob("*") if path.is_file()):
        shown = before.relative_to(demo.sample()).as_posix()
        old, new = before.read_text().splitlines(), (tmp_path / "helpdesk" / shown).read_text().splitlines()
        added = [line.strip() for line in new if line not in old]
        if added:
            changed[shown] = added
        assert [line for line in new if line in old] == [line for line in old if line in new]
    assert changed == {
        "helpdesk/answer.py": [
            'MODEL = "gpt-4.1-mini"  # moved from gpt-4-turbo to gpt-4o in May',
            "response = client.responses.create(model='gpt-4.1-mini', input=f\"A title for: {mail}\")",
        ],
        "helpdesk/sorting.py": ['model="gpt-4.1-mini",', 'prompt_cache_key="helpdesk.sorting.desk_of",'],
        "helpdesk/summary.py": [
            'def __init__(self, client: AsyncOpenAI, model: str = "gpt-4.1-mini-2025-04-14") -> None:'
        ],
        "helpdesk/triage.py": [
            'classifier = ChatOpenAI(model=os.getenv("HELPDESK_TRIAGE_MODEL", "gpt-4.1-mini"), temperature=0)',
            'model="openai/gpt-4.1-mini",',
        ],
        "notebooks/explore.ipynb": ['"    model=\\"gpt-4.1-mini-2025-04-14\\",\\n",'],
    }
