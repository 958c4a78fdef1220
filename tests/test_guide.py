"""Answer one question: does somebody who follows the guide to migrations, command by command, get what it shows?

The files of the guide are its fenced blocks with a name, its commands the lines that begin with a dollar. Each command
runs as it stands there, in a folder with these files, and prints what follows it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "add-a-migration.md"
FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^( *)```(?:console|diff)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

needs_shell = pytest.mark.skipif(shutil.which("bash") is None, reason="the guide's commands are those of a shell")


def files(text: str) -> Mapping[str, str]:
    """Give the files of the guide by their paths."""
    found = FILE.findall(text)
    assert len(dict(found)) == len(found), "two blocks are the same file"
    return dict(found)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Give each command with what the guide shows behind it."""
    for indent, block in SHOWN.findall(text):
        shown = textwrap.dedent(block) if indent else block
        for said in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
            command, _, output = said.partition("\n")
            yield command, output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The guide's files in a folder of their own, and the program on the way to commands."""
    for name, body in files(GUIDE.read_text(encoding="utf-8")).items():
        path = tmp_path / "desk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    (tmp_path / "desk" / ".git").mkdir()
    program = tmp_path / "bin" / "migrator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m migrator "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path / "desk"


def follow(folder: Path, command: str) -> tuple[str, str]:
    """Run a command as the guide has it; give both outputs."""
    way = os.pathsep.join((str(folder.parent / "bin"), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": way, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout, done.stderr


@needs_shell
def test_each_command_prints_what_the_guide_shows(folder: Path) -> None:
    told = list(commands(GUIDE.read_text(encoding="utf-8")))
    assert len(told) >= 10
    for command, output in told:
        assert (command, *follow(folder, command)) == (command, output, "")


@needs_shell
def test_a_migration_of_ones_own_is_shown_beside_the_others(folder: Path) -> None:
    assert "acme.toml" in follow(folder, "migrator rules")[0]
    assert "chat-large-2026  " in follow(folder, "migrator models")[0]
    assert follow(folder, "migrator explain acme.toml")[0].startswith("migration to chat-large-2026\n")
    assert "13:48  chat-large-2024  2027-03-01" in follow(folder, "migrator scan --deprecated before")[0]
    # From below, the file is still the one beside the configuration.
    assert follow(folder, "cd before && migrator explain ../acme.toml") == follow(folder, "migrator explain acme.toml")
    assert "acme/chat-large-2024 → acme/chat-large-2026" in follow(folder, "cd before && migrator scan")[0]
