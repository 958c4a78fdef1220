"""Answer one question: do pre-commit and prek run the hooks as a user sees it?

Both are installed from PyPI and build the hooks' environment from a copy of this checkout, so that the
manifest, the packaging and the command are tried together, in real commits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from isolated import NOWHERE, python_with

pytestmark = pytest.mark.delivery

ROOT = Path(__file__).parent.parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".migrator", "*_cache", "__pycache__", "tests", "benchmarks")
TOOLS = ("pre-commit==4.7.0", "prek==0.5.11")

CALL = 'from openai import OpenAI\n\n\ndef answer(x):\n    return OpenAI().responses.create(model="{}", input=x)\n'
OLD, NEW = CALL.format("gpt-4o"), CALL.format("gpt-4.1-mini")
CONFIG = """\
repos:
  - repo: {place}
    rev: v0.0.1
    hooks:
      - id: {hook}
"""

Words = tuple[str, ...]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Give an environment in which git knows nobody and each tool keeps its files apart."""
    home = tmp_path_factory.mktemp("home")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTHON", "PRE_COMMIT"))}
    person = {
        f"GIT_{role}_{what}": "hooks@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    tools = {"PRE_COMMIT_HOME": str(home / "pre-commit"), "PREK_HOME": str(home / "prek")}
    return {**kept, **person, **tools, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="session")
def run(variables: Mapping[str, str]) -> Run:
    """Give a function that runs a command and expects one exit code."""

    def command(folder: Path, *arguments: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            arguments, cwd=folder, env={**variables, **more}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    return command


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """Make a repository of this checkout as it is, with a tag."""
    folder = tmp_path_factory.mktemp("hooks") / "migrator"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "all"), ("tag", "v0.0.1")):
        run(folder, "git", *words)
    return folder


@pytest.fixture(scope="session", params=["pre-commit", "prek"])
def tool(request: pytest.FixtureRequest, place: Path, tmp_path_factory: pytest.TempPathFactory, run: Run) -> Words:
    """Give the words that start a hook runner whose environment for our hooks is built."""
    python = python_with("hooks", TOOLS)
    # The environment was moved into place, so a script in it would look for its Python elsewhere.
    program = (str(python.parent / "prek"),) if request.param == "prek" else (str(python), "-m", "pre_commit")
    folder = tmp_path_factory.mktemp("build")
    run(folder, "git", "init", "--quiet")
    (folder / ".pre-commit-config.yaml").write_text(CONFIG.format(place=place, hook="migrator"), encoding="utf-8")
    run(folder, *program, "install-hooks")
    return program


@pytest.fixture
def project(tmp_path: Path, place: Path, tool: Words, run: Run) -> Path:
    """Make a project with the rewriting hook installed, in which nothing can reach a network."""
    folder = tmp_path / "project"
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    (folder / ".pre-commit-config.yaml").write_text(CONFIG.format(place=place, hook="migrator"), encoding="utf-8")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "-m", "first")
    run(folder, *tool, "install")
    return folder


OFFLINE = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}


def test_a_commit_is_stopped_once_and_then_goes_through(project: Path, run: Run) -> None:
    (project / "app.py").write_text(OLD, encoding="utf-8")
    run(project, "git", "add", "app.py")
    stopped = run(project, "git", "commit", "-m", "app", code=1, **OFFLINE)
    said = stopped.stdout + stopped.stderr
    assert "files were modified by this hook" in said
    assert "wrote  app.py  1 name" in said
    assert (project / "app.py").read_text(encoding="utf-8") == NEW
    run(project, "git", "add", "app.py")
    run(project, "git", "commit", "-m", "app", **OFFLINE)
    assert run(project, "git", "show", "HEAD:app.py").stdout == NEW
    assert run(project, "git", "status", "--short", "--ignored").stdout == ""


def test_what_is_not_staged_stays_as_it_is(project: Path, run: Run) -> None:
    (project / "app.py").write_text("# first\n" + "\n" * 20 + OLD, encoding="utf-8")
    run(project, "git", "add", "app.py")
    (project / "app.py").write_text("# second\n" + "\n" * 20 + OLD, encoding="utf-8")
    run(project, "git", "commit", "-m", "app", code=1, **OFFLINE)
    assert (project / "app.py").read_text(encoding="utf-8") == "# second\n" + "\n" * 20 + NEW
    assert run(project, "git", "show", ":app.py").stdout == "# first\n" + "\n" * 20 + OLD


def test_an_edit_of_the_same_line_is_never_lost(project: Path, run: Run) -> None:
    (project / "app.py").write_text(OLD, encoding="utf-8")
    run(project, "git", "add", "app.py")
    edited = OLD.replace("input=x", "input=x + x")
    (project / "app.py").write_text(edited, encoding="utf-8")
    stopped = run(project, "git", "commit", "-m", "app", code=1, **OFFLINE)
    assert "conflicted with" in stopped.stdout + stopped.stderr
    assert (project / "app.py").read_text(encoding="utf-8") == edited


def test_many_files_that_use_each_other(project: Path, run: Run) -> None:
    for number in range(1_500):
        folder = project / f"part_{number % 30}"
        folder.mkdir(exist_ok=True)
        (folder / f"module_{number}.py").write_text(f"VALUE = {number}\n", encoding="utf-8")
    (project / "part_0" / "names.py").write_text('FAST = "gpt-4o-mini"\nGOOD = "gpt-4o"\n', encoding="utf-8")
    compared = "from part_0.names import GOOD\n\n\ndef is_good(model):\n    return model == GOOD\n"
    (project / "part_1" / "check.py").write_text(compared, encoding="utf-8")
    call = (
        "from openai import OpenAI\nfrom part_0.names import FAST\n\nOpenAI().responses.create(model=FAST, input='')\n"
    )
    (project / "part_2" / "call.py").write_text(call, encoding="utf-8")
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "-m", "all", code=1, **OFFLINE)
    assert run(project, "git", "diff", "--name-only").stdout == "part_0/names.py\n"
    names = (project / "part_0" / "names.py").read_text(encoding="utf-8")
    assert names == 'FAST = "gpt-4.1-mini"\nGOOD = "gpt-4o"\n'


def test_what_is_excluded_stays_though_it_is_named(project: Path, run: Run) -> None:
    (project / "old").mkdir()
    (project / "old" / "app.py").write_text(OLD, encoding="utf-8")
    (project / "migrator.toml").write_text('exclude = ["old/"]\n', encoding="utf-8")
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "-m", "old", **OFFLINE)


def test_the_check_shows_the_change_and_writes_nothing(project: Path, place: Path, tool: Words, run: Run) -> None:
    (project / ".pre-commit-config.yaml").write_text(
        CONFIG.format(place=place, hook="migrator-check"), encoding="utf-8"
    )
    (project / "app.py").write_text(OLD, encoding="utf-8")
    run(project, "git", "add", "--all")
    stopped = run(project, *tool, "run", "--all-files", code=1, **OFFLINE)
    assert '+    return OpenAI().responses.create(model="gpt-4.1-mini", input=x)\n' in stopped.stdout
    assert "exit code: 1" in stopped.stdout
    assert (project / "app.py").read_text(encoding="utf-8") == OLD
    (project / "app.py").write_text(NEW, encoding="utf-8")
    run(project, "git", "add", "--all")
    run(project, *tool, "run", "--all-files", **OFFLINE)


def test_the_manifest_is_valid(place: Path, tool: Words, run: Run) -> None:
    words = ("validate-manifest", ".pre-commit-hooks.yaml")
    run(place, *tool, *words)
