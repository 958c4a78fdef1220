"""Answer one question: is everything that the README shows really so?"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from migrator import lines, plan, prices, report, rulebook, survey, survey_report
from migrator.deliver.diff import unified
from migrator.model import Plan, Report
from migrator.prompt_words import Tables
from migrator.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BOOK = rulebook.load("gpt-4.1-mini")


def blocks(language: str) -> list[str]:
    """Give the contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def before(diff: str) -> str:
    """Read the old file back out of a diff that shows all of it."""
    head, _, body = diff.partition("@@ -1,")
    assert head.startswith("--- a/")
    lines = body.splitlines(keepends=True)[1:]
    return "".join(line[1:] for line in lines if not line.startswith("+"))


def planned(text: str, name: str, *, review: bool = False, to: str = "gpt-4.1-mini") -> Plan:
    """Plan one file that stands in no repository."""
    nowhere = ROOT / "nowhere"
    return plan.make_text(
        text.encode(), name, Settings(migration=to, review=review), cwd=nowhere, today=date(2026, 11, 22)
    )


def test_there_is_a_diff_on_the_first_screen() -> None:
    assert README.index("```diff") < README.index("will not touch") < README.index("## Try it")
    assert len(README[: README.index("## Try it")].splitlines()) <= 40


@pytest.mark.parametrize("diff", blocks("diff"))
def test_a_diff_is_what_the_tool_makes(diff: str) -> None:
    name = re.match(r"--- a/(\S+)", diff)
    assert name is not None
    to = "gpt-6-luna" if "gpt-6-luna" in diff else "gpt-4.1-mini"
    patches = planned(before(diff), name[1], review=name[1] == "reply.py", to=to).patches
    assert "".join(unified(patch).decode() for patch in patches) == diff


def test_the_scan_is_what_the_tool_prints() -> None:
    shown = blocks("console")[0]
    found = planned(before(blocks("diff")[0]), "support.py")
    rows = report.rows(found, BOOK, explain=False, quiet=False, width=lines.WIDTH)
    text = "".join("".join(piece for piece, _ in line) + "\n" for line in rows)
    assert f"$ migrator scan\n{text}" == f"{shown}\n"


def test_the_picture_of_a_prompt_is_what_the_tool_prints(tmp_path: Path) -> None:
    (old,) = (before(diff) for diff in blocks("diff") if diff.startswith("--- a/answer.py"))
    (tmp_path / "answer.py").write_text(old, encoding="utf-8")
    found = survey.survey([tmp_path], Settings(), cwd=tmp_path, today=date(2026, 11, 22))
    tables = Tables(BOOK, BOOK.migrations["gpt-4.1-mini"], rulebook.load_caching())
    rows = survey_report.rows(found, tables, show_all=False, width=lines.WIDTH)
    text = "".join("".join(piece for piece, _ in line) + "\n" for line in rows)
    assert f"$ migrator cache\n{text}" == f"{blocks('console')[1]}\n"


def test_the_python_that_stays_gets_the_reasons_that_it_says() -> None:
    (text,) = blocks("python")
    found = planned(text, "stays.py")
    assert found.patches == ()
    said = [line.partition("  # ")[2] for line in text.splitlines() if "  # " in line]
    assert [BOOK.reasons[one.reason].title for one in found.decisions if isinstance(one, Report)] == said
    assert len(found.decisions) == len(said)


def test_figures_come_from_the_tables() -> None:
    migration = BOOK.migrations["gpt-4.1-mini"]
    for old in ("gpt-4o", "gpt-4o-mini"):
        change = prices.change(old, "gpt-4.1-mini", migration=migration, book=BOOK)
        assert change is not None
        assert prices.factor(change.input) in README
    shutdown = BOOK.models["gpt-4.1-mini"].shutdown
    assert shutdown is not None
    assert shutdown.isoformat() in README


def test_there_are_two_commands_to_set_up_each_from_nothing() -> None:
    setups = [block for block in blocks("sh") if "venv" in block and "-m venv" in block]
    assert len(setups) == 2
    for block in setups:
        assert block.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert block.count("\n") == 1
    assert setups[0].rstrip().endswith(".venv/bin/migrator demo")
    assert setups[1].rstrip().endswith(".venv/bin/pytest")


def test_the_diff_of_a_document_is_what_the_tool_makes(tmp_path: Path) -> None:
    (diff,) = re.findall(r"^````diff\n(.*?)^````$", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "guide.md").write_text(before(diff), encoding="utf-8")
    found = plan.make([tmp_path], Settings(docs=True), cwd=tmp_path, today=date(2026, 11, 22))
    assert "".join(unified(patch).decode() for patch in found.patches) == diff


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)", README))
def test_a_link_leads_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()
