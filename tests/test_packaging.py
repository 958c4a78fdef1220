"""Answer one question: does what a user installs work without the checkout?"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from migrator import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.slow


def python(*arguments: str, where: Path, program: Path | str = sys.executable) -> str:
    """Run Python away from the checkout, so that nothing of it can be imported by accident."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(program), *arguments], cwd=where, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a user's pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT), where=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a fresh environment and give its folder of programs."""
    folder = tmp_path_factory.mktemp("environment")
    python("-m", "venv", str(folder), where=folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python("-m", "pip", "install", "--quiet", str(wheel), where=folder, program=programs / "python")
    return programs


def test_wheel_holds_the_package_the_rules_and_the_sample(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.name.startswith(f"migrator_llm-{__version__}-py3-none-any")
    shipped = {"migrator/py.typed"}
    for folder, inside in (("migrator", "migrator"), ("rules", "migrator/rules")):
        files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".css", ".js", ".py", ".toml"}]
        shipped |= {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files}
    pages = ROOT / "docs" / "reasons"
    shipped |= {f"migrator/reasons/{path.name}" for path in pages.glob("*.md")}
    sample = ROOT / "fixtures" / "repos" / "sample"
    files = [path for path in sample.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    shipped |= {f"migrator/sample/{path.relative_to(sample).as_posix()}" for path in files}
    assert shipped - names == set()
    strangers = {name for name in names - shipped if ".dist-info/" not in name}
    assert strangers == set()


def test_installed_command_lists_its_rules(installed: Path, tmp_path: Path) -> None:
    assert "openai.chat" in python("rules", where=tmp_path, program=installed / "migrator")


def test_installed_command_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    out = python("demo", where=tmp_path, program=installed / "migrator")
    assert "pip install 'migrator-llm[shadow]'" in " ".join(out.split())


def test_installed_command_knows_the_pages_of_its_reasons(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('PRICES = {"gpt-4o": 2.5}\n', encoding="utf-8")
    log = python("scan", "--no-cache", "--format", "sarif", where=tmp_path, program=installed / "migrator")
    assert "# `table_key`: a key of a table" in log


def test_installed_package_brings_no_test_tool_and_no_openai(installed: Path, tmp_path: Path) -> None:
    listed = python("-m", "pip", "list", "--format", "freeze", where=tmp_path, program=installed / "python")
    names = {line.partition("==")[0].lower() for line in listed.splitlines()}
    assert {"migrator-llm", "libcst", "click", "rich"} <= names
    assert names & {"openai", "pytest", "hypothesis", "pyjwt", "starlette", "uvicorn"} == set()


@pytest.mark.parametrize("word", ["serve", "check"])
def test_installed_bot_says_what_it_needs(word: str, installed: Path, tmp_path: Path) -> None:
    words = (str(installed / "migrator"), "bot", word)
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = "migrator: the bot needs more packages: pip install 'migrator-llm[bot]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (4, "", said)


def test_every_supported_python_is_named() -> None:
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    assert PROJECT["requires-python"] == ">=3.11"
    assert named == {"3.11", "3.12", "3.13", "3.14"}
