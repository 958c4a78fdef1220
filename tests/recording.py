"""Answer one question: what does a program record, and does it say the right line?

A program of ``tests/recorded`` asks a model in many ways. What it says is a name, and the line that asks ends
in a comment with that name (``# -3: name`` means the line three above).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from isolated import surroundings

HERE = Path(__file__).parent
ROOT = HERE.parent
PROGRAMS = HERE / "recorded"
MARK = re.compile(r"# (?:(-\d+): )?([a-z_]+(?:, [a-z_]+)*)$")
Record = Mapping[str, object]


def marked(program: str) -> Mapping[str, int]:
    """Give the line that each name is to be recorded with."""
    lines = (PROGRAMS / program).read_text(encoding="utf-8").splitlines()
    found = ((number, match) for number, line in enumerate(lines, 1) if (match := MARK.search(line)))
    return {name: number + int(match[1] or 0) for number, match in found for name in match[2].split(", ")}


def lay_out(folder: Path, program: str) -> Path:
    """Put a program into a repository of its own."""
    (folder / ".git").mkdir(exist_ok=True)
    shutil.copy(PROGRAMS / program, folder / program)
    return folder


def record(
    folder: Path, command: Sequence[str], base_url: str, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command under ``migrator record`` in a folder, with nothing but one server to reach."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", "record", *options, "--", *command],
        cwd=folder,
        env={**surroundings(folder, base_url), "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def records(folder: Path) -> Sequence[Record]:
    """Read what lies on the disk, not through our own reader."""
    lines = [
        line
        for path in sorted((folder / ".migrator" / "records").rglob("*.jsonl"))
        for line in path.read_text(encoding="ascii").splitlines()
    ]
    return [one for one in map(json.loads, lines) if "counts" not in one]


def said(record: Record) -> str:
    """Give what a request said last: the name of its way."""
    request = record["request"]
    assert isinstance(request, dict)
    content = (request.get("messages") or request["input"])[-1]["content"]
    return content if isinstance(content, str) else content[0]["text"]


def places(found: Iterable[Record]) -> set[tuple[str, str | None, int | None]]:
    """Give each name with the file and line that were recorded with it."""
    return {(said(one), *_file_and_line(one["place"])) for one in found}


def _file_and_line(place: object) -> tuple[str | None, int | None]:
    return (place["file"], place["line"]) if isinstance(place, dict) else (None, None)
