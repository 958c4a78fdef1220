"""Answer one question: which recorded answers does a test file replay, and does one name this model?

vcrpy and pytest-recording keep them beside the tests, ``cassettes/test_llm/test_answer.yaml``, and may
compare the request's body: for another model's name they have no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from migrator.flow.project import Project

FOLDERS = ("cassettes", "vcr_cassettes", "fixtures/cassettes", "fixtures/vcr_cassettes")
SUFFIXES = (".yaml", ".yml", ".json")


def recorded(project: Project, path: Path, old: str, test: str = "") -> Path | None:
    """The first recording of the test file ``path`` that names ``old``; of one ``test`` where that is given."""
    named = re.compile(rb"(?<![\w.-])" + re.escape(old.encode()) + rb"(?![\w.-])")
    for recording in _recordings(project, path):
        name = _test_of(recording)
        if (not test or name == test or not name.startswith("test")) and named.search(_bytes(recording)):
            return recording
    return None


def _recordings(project: Project, path: Path) -> tuple[Path, ...]:
    key = ("recordings", path)
    if key not in project.memory:
        project.memory[key] = tuple(_found(project, path))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _found(project: Project, path: Path) -> Iterator[Path]:
    for folder in (path.parent / name for name in FOLDERS):
        if not folder.is_dir():
            continue
        own = folder / path.stem
        yield from (p for p in sorted(own.rglob("*")) if p.suffix in SUFFIXES)
        text = project.bytes_of(path)
        for beside in sorted(folder.iterdir()):
            if beside.suffix in SUFFIXES and _test_of(beside).encode() in text:
                yield beside


def _test_of(recording: Path) -> str:
    """The test that a recording is named after: ``TestLlm.test_answer[gpt].yaml`` gives ``test_answer``."""
    return recording.name.removesuffix(recording.suffix).partition("[")[0].rpartition(".")[2]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
