"""The reports: a plan made by hand goes in, whole texts come out."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from migrator import prices, receipt, report
from migrator.deliver import diff, github, plan_markdown
from migrator.deliver import json as document
from migrator.lines import Line
from migrator.model import (
    CallSite,
    Decision,
    Edit,
    Finding,
    Hazard,
    How,
    Origin,
    Patch,
    Plan,
    Position,
    Reach,
    Receipt,
    Report,
    Review,
    Rewrite,
    Skip,
    Span,
    Step,
)
from migrator.rulebook import load

BOOK = load("gpt-4.1-mini")
SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def finding(shown: str, value: str, line: int, *, surface: str = "", cell: int | None = None) -> Finding:
    """Build what was seen of one literal at column 7 of a line."""
    at = Position(cell, line, 7)
    origin = Origin(shown, Span(6, 14), at, Position(cell, line, 15), value, How.CONSTANT, "answer")
    site = CallSite(f"{shown}:answer:0:c0ffee", surface, shown, Span(40, 80), Position(cell, line + 9, 5))
    steps = (Step(shown, Position(cell, line + 4, 3), "parameter model"), Step(shown, site.position, surface))
    reaches = (Reach(site, steps),) if surface else ()
    return Finding(f"{shown}:answer:0", origin, reaches, (), None)


COMPARED = Hazard("comparison", '`model == "gpt-4o"`', "app/costs.py", Position(None, 3, 4))
DECISIONS: tuple[Decision, ...] = (
    Rewrite(finding("app/answer.py", "gpt-4o", 4, surface="openai.chat"), "gpt-4.1-mini"),
    Rewrite(finding("app/answer.py", "gpt-4o-mini", 24, surface="openai.responses"), "gpt-4.1-mini"),
    Report(replace(finding("app/costs.py", "gpt-4o", 3), hazards=(COMPARED,)), "comparison", COMPARED.detail),
    Review(finding("notes.ipynb", "gpt-4o", 2, cell=1), "gpt-4.1-mini", "unproven", "keyword `model`"),
)
BEFORE, AFTER = b'MODEL = "gpt-4o"\n', b'MODEL = "gpt-4.1-mini"\n'
PATCH = Patch(
    Path("app/answer.py"),
    "app/answer.py",
    BEFORE,
    AFTER,
    (Edit("app/answer.py", Span(9, 15), "gpt-4.1-mini", "model"),),
)
PLAN = Plan(
    "gpt-4.1-mini",
    DECISIONS,
    (PATCH,),
    (
        Skip("app/old.py", "line 3 is Python 2; convert it first", is_error=True),
        Skip("big.py", "larger than 5 MB"),
    ),
    files_read=7,
    files_parsed=3,
    ignored=1,
    others={"README.md": 2, "deploy/values.yaml": 1, "docs/a.md": 1},
)
NOTHING = Plan("gpt-4.1-mini", (), (), (), files_read=7)


def words(lines: Iterable[Line]) -> str:
    """Put a report's lines together as a pipe would."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def read(data: bytes) -> dict[str, object]:
    """Read a document and hold it against the published schema."""
    content: dict[str, object] = json.loads(data)
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    return content


def test_rows_are_grouped_by_file_and_fit_80_columns() -> None:
    text = words(report.rows(PLAN, BOOK, explain=False, quiet=False, width=80))
    assert (
        text
        == """\
app/answer.py
   4:7  gpt-4o → gpt-4.1-mini       rewrite  openai.chat  ×0.16 cheaper
  24:7  gpt-4o-mini → gpt-4.1-mini  rewrite  openai.responses  ×2.67 dearer

app/costs.py
  3:7  gpt-4o  report   compared with a name: `model == "gpt-4o"`

notes.ipynb
  cell 2:2:7  gpt-4o → gpt-4.1-mini  review
        looks like a model choice, but no request could be traced: keyword
        `model`  ×0.16 cheaper

"""
    )
    assert max(map(len, text.splitlines())) <= 80


def test_quiet_rows_leave_out_what_is_only_reported() -> None:
    text = words(report.rows(PLAN, BOOK, explain=False, quiet=True, width=80))
    assert "costs.py" not in text
    assert "answer.py" in text


def test_explain_shows_the_way_and_what_stands_against_it() -> None:
    text = words(report.rows(PLAN, BOOK, explain=True, quiet=False, width=80))
    assert ("        line 4 → line 8 parameter model → line 13 openai.chat\n") in text
    assert '        against it: app/costs.py:3 compared with a name: `model == "gpt-4o"`\n' in text


def test_summary_says_counts_price_dates_reasons_and_what_to_do_next() -> None:
    assert (
        words(report.summary(PLAN, BOOK, review=False, width=80))
        == """\
4 names in 3 files (7 files read)
  rewrite    2  decides a request's model, and nothing is against the new name
  review     1  looks like a model choice, but there is no proof
  report     1  stays as it is; a person should look
  ignored    1  by a comment in the code

Price per token, new over old, at list prices
  gpt-4o → gpt-4.1-mini          1 site  ×0.16 cheaper
  gpt-4o-mini → gpt-4.1-mini     1 site  ×2.67 dearer
  In total: 1 site cheaper, 1 site dearer.

Note: gpt-4.1-mini is dearer than gpt-4o-mini for text, whatever the cache
  share; calls with images get cheaper (source: litellm 1.109.1,
  model_prices_and_context_window_backup.json;
  https://developers.openai.com/api/docs/guides/images-vision, read 2026-11-22)

gpt-4.1-mini has an announced shutdown date: 2027-01-14.
  The announced replacement is gpt-6-luna.
  Source: openai 3.54.0, types/shared/chat_model.py (announced shutdown dates),
    read 2026-11-22

Not changed, and what to do
    1  compared with a name. Change the branch and the value together.
    1  looks like a model choice, but no request could be traced. Check it;
       apply with --review.

Other files and prose that name the models; nothing of it is changed
  2 .md, 1 .yaml

Failed:
  app/old.py: line 3 is Python 2; convert it first
Left alone:
  big.py: larger than 5 MB

Next: migrator apply --diff shows the change, migrator apply writes it.
To change what is held for review as well, add --review.
"""
    )


def test_review_counts_what_is_held_as_changed() -> None:
    text = words(report.summary(PLAN, BOOK, review=True, width=80))
    assert "In total: 2 sites cheaper, 1 site dearer." in text
    assert "apply with --review" not in text
    assert "add --review" not in text


def test_a_clean_repository_gets_one_line_and_what_else_there_is() -> None:
    assert words(report.nothing(NOTHING, 80)) == "Nothing names the old models (7 files read).\n"
    assert (
        words(report.nothing(replace(PLAN, decisions=(), patches=()), 80))
        == """\
No old model is named in what could be read (7 files read).

Other files and prose that name the models; nothing of it is changed
  2 .md, 1 .yaml

Failed:
  app/old.py: line 3 is Python 2; convert it first
Left alone:
  big.py: larger than 5 MB
"""
    )


def test_receipt_says_what_was_written_what_was_held_and_why() -> None:
    done = Receipt(("app/answer.py",), (Skip("b.py", "changed on disk", is_error=True),))
    assert (
        words(receipt.receipt(done, PLAN, BOOK, review=False, width=80))
        == """\
wrote  app/answer.py  1 name
Changed 1 name in 1 file.

left: 1 × compared with a name
held for review: 1 × looks like a model choice, but no request could be traced

Failed:
  b.py: changed on disk
  app/old.py: line 3 is Python 2; convert it first
Left alone:
  big.py: larger than 5 MB

Next: look at git diff, then run your tests.
migrator scan shows each name that is left, and what to do about it.

gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced
  replacement is gpt-6-luna.
"""
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gpt-4o", "gpt-4.1-mini", "×0.16 cheaper"),
        ("gpt-4o-mini", "gpt-4.1-mini", "×2.67 dearer"),
        ("openai/gpt-4o", "openai/gpt-4.1-mini", "×0.16 cheaper"),
        ("openai:gpt-4o-mini:completions", "openai:gpt-4.1-mini:completions", "×2.67 dearer"),
        ("gpt-4o-2024-05-13", "gpt-4.1-mini-2025-04-14", "×0.08 in, ×0.11 out cheaper"),
    ],
)
def test_price_change_comes_from_the_tables(old: str, new: str, said: str) -> None:
    assert str(prices.change(old, new, migration=BOOK.migrations["gpt-4.1-mini"], book=BOOK)) == said


def test_a_name_without_a_price_has_no_price_change() -> None:
    assert prices.change("o9", "gpt-4.1-mini", migration=BOOK.migrations["gpt-4.1-mini"], book=BOOK) is None


def test_document_matches_the_schema_and_carries_the_plan() -> None:
    content = read(document.document(PLAN, BOOK, review=False))
    sites = content["sites"]
    assert isinstance(sites, list)
    assert [(site["decision"], site["cell"], site["line"], site["new"], site["reason"]) for site in sites] == [
        ("rewrite", None, 4, "gpt-4.1-mini", None),
        ("rewrite", None, 24, "gpt-4.1-mini", None),
        ("report", None, 3, None, "comparison"),
        ("review", 1, 2, "gpt-4.1-mini", "unproven"),
    ]
    assert sites[1]["price"] == {
        "old": "gpt-4o-mini",
        "new": "gpt-4.1-mini",
        "input": 2.6667,
        "output": 2.6667,
        "cached": 1.3333,
        "direction": "dearer",
    }
    assert content["skipped"] == [
        {"path": "app/old.py", "reason": "line 3 is Python 2; convert it first", "error": True},
        {"path": "big.py", "reason": "larger than 5 MB", "error": False},
    ]


def test_document_of_nothing_and_of_a_receipt_match_the_schema() -> None:
    assert read(document.document(NOTHING, BOOK, review=False))["written"] is None
    done = Receipt(("app/answer.py",), ())
    assert read(document.document(PLAN, BOOK, review=True, done=done))["written"] == ["app/answer.py"]


def test_document_is_the_same_bytes_for_the_same_plan() -> None:
    again = replace(PLAN, others=dict(reversed(list(PLAN.others.items()))))
    assert document.document(PLAN, BOOK, review=False) == document.document(again, BOOK, review=False)


def test_github_commands() -> None:
    assert list(github.commands(PLAN, BOOK)) == [
        "::warning file=app/answer.py,line=4,endLine=4,col=7,endColumn=15,title=migrator%3A rewrite"
        "::gpt-4o → gpt-4.1-mini (openai.chat) Price ×0.16 cheaper.",
        "::warning file=app/answer.py,line=24,endLine=24,col=7,endColumn=15,title=migrator%3A rewrite"
        "::gpt-4o-mini → gpt-4.1-mini (openai.responses) Price ×2.67 dearer.",
        "::notice file=app/costs.py,line=3,endLine=3,col=7,endColumn=15,title=migrator%3A report"
        '::gpt-4o not changed: compared with a name: `model == "gpt-4o"`. '
        "Change the branch and the value together.",
        "::warning file=notes.ipynb,title=migrator%3A review"
        "::notes.ipynb:cell 2:2:7: gpt-4o → gpt-4.1-mini not changed: looks like a model choice, but no "
        "request could be traced: keyword `model`. Check it; apply with --review. Price ×0.16 cheaper.",
        "::error file=app/old.py,title=migrator%3A file left alone::line 3 is Python 2; convert it first",
    ]


def test_github_escapes_what_would_end_a_property_or_a_command() -> None:
    line = github.command("notice", {"file": "a,b:c%.py"}, "100 %\r\nover: two, lines")
    assert line == "::notice file=a%2Cb%3Ac%25.py::100 %25%0D%0Aover: two, lines"


def test_markdown_says_what_changes_what_stays_and_what_failed() -> None:
    page = plan_markdown.document(PLAN, BOOK, review=False).decode()
    assert (
        page
        == """\
### migrator: 2 names to change, 1 held for review, 1 left to a person

| where | change | call | price per token |
| --- | --- | --- | --- |
| `app/answer.py:4:7` | `gpt-4o` → `gpt-4.1-mini` | `openai.chat` | ×0.16 cheaper |
| `app/answer.py:24:7` | `gpt-4o-mini` → `gpt-4.1-mini` | `openai.responses` | ×2.67 dearer |

<details><summary>Not changed: 2 names</summary>

| where | name |  | why |
| --- | --- | --- | --- |
| `app/costs.py:3:7` | `gpt-4o` | report | compared with a name: `model == "gpt-4o"`. Change the branch and the \
value together. |
| `notes.ipynb:cell 2:2:7` | `gpt-4o` | review | looks like a model choice, but no request could be traced: \
`keyword model`. Check it; apply with --review. |

</details>

Failed:

- `app/old.py`: `line 3 is Python 2; convert it first`

gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced replacement is gpt-6-luna.
"""
    )
    assert plan_markdown.document(NOTHING, BOOK, review=False) == (
        b"### migrator: nothing names the old models\n\n7 files read.\n"
    )


def test_markdown_lets_no_text_of_the_code_out_of_its_cell() -> None:
    hostile = Hazard("comparison", "`a`\\| @team\n<img src=x> " + "x" * 300, "app/costs.py", Position(None, 3, 4))
    held = Report(finding("a`|b.py", "gpt-4o", 3), "comparison", hostile.detail)
    page = plan_markdown.document(replace(PLAN, decisions=(held,) * 400, skips=()), BOOK, review=False).decode()
    rows = [line for line in page.splitlines() if "@team" in line]
    assert len(rows) == plan_markdown.MOST_ROWS == 300
    assert "\n\nand 100 more: `migrator scan` shows them.\n" in page
    assert set(rows) == {
        "| `a\\|b.py:3:7` | `gpt-4o` | report | compared with a name: `a\\ \\| @team <img src=x> "
        f"{'x' * 177}…`. Change the branch and the value together. |"
    }


def test_diff_of_one_line() -> None:
    assert diff.unified(PATCH) == (
        b'--- a/app/answer.py\n+++ b/app/answer.py\n@@ -1 +1 @@\n-MODEL = "gpt-4o"\n+MODEL = "gpt-4.1-mini"\n'
    )


def test_diff_styles_every_kind_of_line() -> None:
    text = b"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\r\n-old\n+new\n"
    assert [line[0] for line in diff.styled(text)] == [
        ("--- a/x", "file"),
        ("+++ b/x", "file"),
        ("@@ -1,2 +1,2 @@", "hunk"),
        (" same", ""),
        ("-old", "removed"),
        ("+new", "added"),
    ]


CASES: dict[str, tuple[bytes, bytes]] = {
    "plain.py": (b"a\nb\nc\n", b"a\nB\nc\n"),
    "crlf.py": (b"a\r\nb\r\n", b"a\r\nB\r\n"),
    "no newline at the end.py": (b"a\nb", b"a\nB"),
    "newline added.py": (b"a", b"a\n"),
    "newline removed.py": (b"a\nb\n", b"a\nb"),
    "latin.py": (b"# caf\xe9\nb\n", b"# caf\xe9\nB\n"),
    "form feed.py": (b"a\x0cb\nc\x0b\n\xe2\x80\xa8x\n", b"a\x0cb\nC\x0b\n\xe2\x80\xa8x\n"),
    "größe.py": (b"a\n", b"b\n"),
    'quo"te.py': (b"a\n", b"b\n"),
    "lines added.py": (b"a\nb\nc\n", b"a\nx\ny\nb\nc\nz\n"),
    "lines removed.py": (b"a\nb\nc\nd\n", b"b\nd\n"),
    "emptied.py": (b"a\n", b""),
    "far apart.py": (
        b"1\n" * 30 + b"a\n" + b"2\n" * 30,
        b"0\n" + b"1\n" * 29 + b"b\n" + b"2\n" * 29 + b"3\n",
    ),
}


@pytest.mark.parametrize("tool", [("git", "apply", "--whitespace=nowarn"), ("patch", "-p1", "--binary", "-s", "-i")])
def test_a_real_tool_applies_the_diff(tool: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    cases = {**CASES, **random_cases()}
    if sys.platform == "linux":  # elsewhere a file name is always text
        cases["caf\udce9.py"] = (b"a\n", b"b\n")
    if tool[0] == "patch":
        # GNU patch deletes a file that becomes empty; git knows better.
        del cases["emptied.py"]
    lines = []
    for name, (before, after) in cases.items():
        (tmp_path / name).write_bytes(before)
        lines.append(diff.unified(Patch(tmp_path / name, name, before, after, ())))
    (tmp_path / "change.diff").write_bytes(b"".join(lines))
    subprocess.run([*tool, "change.diff"], cwd=tmp_path, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in cases} == {
        name: after for name, (_, after) in cases.items()
    }


def random_cases() -> dict[str, tuple[bytes, bytes]]:
    """Make files whose lines are changed, doubled and dropped at random, the same in every run."""
    dice = random.Random(4)
    cases = {}
    for number in range(80):
        before = [dice.choice([b"a", b"b", b"\tc", b""]) for _ in range(dice.randrange(1, 40))]
        after = [
            new for line in before for new in dice.choices(([line], [b"changed"], [line, line], []), (12, 2, 1, 1))[0]
        ]
        pair = b"\n".join(before), b"\n".join(after)
        if all(pair) and pair[0] != pair[1]:
            cases[f"random{number}.py"] = pair
    return cases
