"""Answer one question: does a real engine cache what the analysis promises, once ``migrator apply`` is done?

Three programs send ten requests each, before and after. The prediction is made from the code alone, by
``migrator.prompts``, and put into the engine's tokens by the engine itself: its vocabulary and its frame
around messages differ from OpenAI's. Whether a prompt is long enough to be cached at all is asked of the
analysis, in OpenAI's tokens; the engine has no minimum.

Takes some minutes of one processor: ``pytest -m engine tests/engine``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine import SAMPLES, Usage, running, table

from migrator import rulebook
from migrator.flow.project import Project
from migrator.prompts.analysis import Analysis, analyse
from migrator.prompts.sites import sites
from migrator.prompts.template import Template
from migrator.prompts.varying import Reader
from migrator.sources import pins

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = SAMPLES.parent.parent
CACHING = rulebook.load_caching()
REQUESTS = 10
SHARE = 0.8
NAMES = tuple(sorted(path.stem for path in SAMPLES.glob("*.py")))


@dataclass(frozen=True, slots=True)
class Measured:
    """What was promised of a program's requests, and what they used."""

    promise: Analysis
    shared: int
    usages: tuple[Usage, ...]

    @property
    def warm(self) -> tuple[Usage, ...]:
        """Give all requests but the first, which finds the cache empty."""
        return self.usages[1:]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_promised_is_cached(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = copied(name, tmp_path / "before")
    after = copied(name, tmp_path / "after")
    apply(after.parent)
    promised = analyse(template_of(after), CACHING)
    assert promised.pays, f"{promised.prefix} tokens are shared, {promised.missing} are missing"
    first, second = measured(before), measured(after)
    with capsys.disabled():
        print(f"\n\n{name}\n{table(rows(first, second))}")
    assert not first.promise.pays, "the sample is badly ordered"
    for one in (first, second):
        assert len(one.usages) == REQUESTS
        assert one.usages[0].cached == 0
        assert [usage for usage in one.warm if abs(usage.cached - one.shared) > CACHING.step] == []
    assert [usage for usage in second.warm if usage.cached < SHARE * usage.prompt] == []


def rows(first: Measured, second: Measured) -> Sequence[tuple[str, int, Sequence[Usage]]]:
    """Put both runs into the rows of a table."""
    return (("before", first.shared, first.usages), ("after", second.shared, second.usages))


def copied(name: str, folder: Path) -> Path:
    """Copy a sample and the pin of its library into a folder of its own."""
    folder.mkdir()
    for file in (f"{name}.py", "requirements.txt"):
        shutil.copy(SAMPLES / file, folder)
    return folder / f"{name}.py"


def apply(folder: Path) -> None:
    """Change a folder as a user would."""
    command = [sys.executable, "-m", "migrator", "apply", "--review", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def measured(program: Path) -> Measured:
    """Run a program against an engine that has seen nothing yet."""
    template = template_of(program)
    with running(program.parent) as engine:
        return Measured(analyse(template, CACHING), engine.shared(template), engine.usages(program))


def template_of(program: Path) -> Template:
    """Read the prompt of the one call of a program."""
    project = Project(program.parent, {program: program.name}, pins.read(program.parent))
    unit = project.unit(program)
    assert unit is not None
    (found,) = sites(Reader(project, rulebook.load(), CACHING), unit)
    assert found.template is not None
    return found.template
