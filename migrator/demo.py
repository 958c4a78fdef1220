"""Answer one question: what does the whole job look like, from the first scan to a clean one?"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from migrator import plan, receipt, report, survey_report
from migrator.deliver.diff import styled, unified
from migrator.deliver.terminal import show, width
from migrator.deliver.write import write
from migrator.lines import BLANK, Line, plural
from migrator.model import Plan
from migrator.prompt_words import Tables
from migrator.rulebook import Rulebook, load, load_caching
from migrator.settings import Settings
from migrator.survey import survey

SETTINGS = Settings()


def play() -> bool:
    """Scan, show the diff and the prompts, apply, scan again; say whether the second scan finds nothing to change."""
    book = load(SETTINGS.migration)
    with TemporaryDirectory(prefix="migrator-demo-") as folder:
        root = Path(folder) / "helpdesk"
        shutil.copytree(sample(), root)
        show(_opening())
        first = _scan(root)
        _step("migrator scan", _report(first, book))
        _step("migrator apply --diff", chain.from_iterable(styled(unified(one)) for one in first.patches))
        _step("migrator cache", _prompts(root, book))
        done = write(first.patches)
        _step("migrator apply", receipt.receipt(done, first, book, review=False, width=width()))
        second = _scan(root)
        _step("migrator scan", report.summary(second, book, review=False, width=width()))
        show([BLANK, *_closing(second)])
        return bool(done.written) and not done.left and not second.patches


def sample() -> Path:
    """Find the sample: inside the package when installed, among the fixtures in a checkout."""
    inside = Path(__file__).parent / "sample"
    return inside if inside.exists() else Path(__file__).parent.parent / "fixtures" / "repos" / "sample"


def _scan(root: Path) -> Plan:
    return plan.make((root,), SETTINGS, cwd=root, today=date.today())


def _prompts(root: Path, book: Rulebook) -> Iterator[Line]:
    found = survey((root,), SETTINGS, cwd=root, today=date.today())
    tables = Tables(book, book.migrations[SETTINGS.migration], load_caching())
    yield from survey_report.rows(found, tables, show_all=False, width=width())


def _report(found: Plan, book: Rulebook) -> Iterator[Line]:
    yield from report.rows(found, book, explain=False, quiet=False, width=width())
    yield from report.summary(found, book, review=False, width=width())


def _step(command: str, lines: Iterable[Line]) -> None:
    show([BLANK, ((f"$ {command}", "command"),), BLANK])
    show(lines)


def _opening() -> Iterator[Line]:
    yield (("A small help desk, copied to a temporary folder. No network, no key.", ""),)


def _closing(second: Plan) -> Iterator[Line]:
    if second.patches:
        yield (("The second scan still finds something to change.", "error"),)
        return
    left = plural(len(second.decisions), "name")
    yield ((f"Clean: nothing is left to rewrite; {left} stay for a person, with the reason.", "rewrite"),)
    yield (("The temporary copy is gone. Try it on your own code: migrator scan PATH", ""),)
