"""Answer one question: is the Python in documents changed exactly where it should, and no prose?

``fixtures/pages/<case>.before.md`` becomes ``.after.md``; ``reported_`` and ``untouched_`` cases stay as they
are. ``<case>@<file name>`` names the file. A comment ``# expect: report azure`` names the decision and the
reason that its line must get.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from file_cases import Case, cases
from hypothesis import given
from hypothesis import strategies as st

from migrator import edits, plan, sources
from migrator.cli import run
from migrator.model import Edit, Plan, Position, Report, Rewrite, Skip, Source, Span
from migrator.settings import Settings
from migrator.sources import page, placeholders
from migrator.verify import prove

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures" / "pages"
TODAY = date(2026, 11, 22)
EXPECTATION = re.compile(r"# expect: ((?:(?:report|review) \w+(?:, )?)+)")
REQUEST = 'import openai\nopenai.responses.create(model="gpt-4o", input="x")\n'
FENCED = f"# T\n\n```python\n{REQUEST}```\n"


CASES = tuple(cases(FIXTURES))


def planned(folder: Path, texts: dict[str, str | bytes], settings: Settings | None = None) -> Plan:
    """Write files into a folder and plan it, documents too."""
    (folder / ".git").mkdir(exist_ok=True)
    for shown, text in texts.items():
        path = folder / shown
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan.make([folder], settings or Settings(docs=True), cwd=folder, today=TODAY)


def expected(text: str) -> list[tuple[int, str, str]]:
    """Read the remarks that a fixture asks for."""
    return sorted(
        (number, *words.split(" "))
        for number, line in enumerate(text.splitlines(), 1)
        for found in EXPECTATION.findall(line)
        for words in found.strip().rstrip(",").split(", ")
    )


def remarks(made: Plan) -> list[tuple[int, str, str]]:
    """Give what a plan says of the names that it leaves alone."""
    kinds = [(d, "report" if isinstance(d, Report) else "review") for d in made.decisions if not isinstance(d, Rewrite)]
    return sorted((d.finding.origin.position.line, kind, d.reason) for d, kind in kinds)


def read(text: str | bytes, name: str = "a.md") -> Source:
    found = sources.read(Path(name), name, text if isinstance(text, bytes) else text.encode())
    assert isinstance(found, Source)
    return found


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_fixture_comes_out_as_written(case: Case, ends: str, tmp_path: Path) -> None:
    before, after = (data.replace(b"\n", ends.encode()) for data in (case.before, case.after))
    made = planned(tmp_path, {case.shown: before})
    assert {patch.shown: patch.after for patch in made.patches}.get(case.shown, before) == after
    if not case.name.startswith("untouched_"):
        assert remarks(made) == expected(before.decode())
    assert planned(tmp_path, {case.shown: after}).patches == ()


def test_two_cases_stay_for_each_three_that_change() -> None:
    still = [case for case in CASES if case.before == case.after]
    assert 3 * len(still) >= 2 * (len(CASES) - len(still))


def test_a_pair_changes_something() -> None:
    for case in CASES:
        assert (case.before == case.after) == case.name.startswith(("reported_", "untouched_")), case.name


def test_documents_are_only_counted_by_default(tmp_path: Path) -> None:
    texts: dict[str, str | bytes] = {
        "a.md": FENCED,
        "b.md": "Use gpt-4o.\n\n```python\nx = 1\n```\n",
        "c.rst": ".. code:: python\n\n   x('gpt-4o')\n",
    }
    made = planned(tmp_path, texts, Settings())
    assert (made.decisions, made.patches) == ((), ())
    assert dict(made.others) == {"a.md": 1, "b.md": 1, "c.rst": 1}
    assert made.pages == ("a.md", "c.rst")


def test_prose_is_counted_beside_the_code(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": f"gpt-4o, gpt-4o-mini and `gpt-4o`\n\n{FENCED}", "b.md": FENCED})
    assert dict(made.others) == {"a.md": 3}
    assert [patch.shown for patch in made.patches] == ["a.md", "b.md"]


def test_a_place_is_that_of_the_file(tmp_path: Path) -> None:
    made = planned(
        tmp_path,
        {
            "a.md": "\ufeff"
            + '- é\n\n  ```python\n  import openai\n  x = "é"; openai.responses.create(model="gpt-4o")\n  ```\n'
        },
    )
    [decision] = made.decisions
    assert decision.finding.origin.position == Position(None, 5, 42)
    assert decision.finding.origin.end == Position(None, 5, 50)
    [patch] = made.patches
    assert patch.after == patch.before.replace(b"gpt-4o", b"gpt-4.1-mini")


def test_a_block_that_does_not_parse_is_named_if_it_names_a_model(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": "```python\nask(<gpt-4o>)\n```\n\n```python\nask(<x>)\n```\n"})
    reason = "line 2: this block does not parse, so nothing of it is read; change it by hand"
    assert made.skips == (Skip("a.md", reason),)


def test_a_document_changes_nothing_of_what_is_said_of_code(tmp_path: Path) -> None:
    code = 'def ask(client, model="gpt-4o"):\n    return client.responses.create(model=model, input="x")\n'
    page = (
        "```python\nfrom openai import OpenAI\nfrom ask import ask\nask(OpenAI())\nask(OpenAI(), 'gpt-4o-mini')\n```\n"
    )
    other = page.replace("OpenAI", "AzureOpenAI")
    alone = planned(tmp_path, {"ask.py": code}).decisions
    made = planned(tmp_path, {"ask.py": code, "a.md": page, "b.md": other})
    assert tuple(d for d in made.decisions if d.finding.origin.shown == "ask.py") == alone
    assert [patch.shown for patch in made.patches] == ["a.md"]


def test_a_document_sees_the_code_of_the_repository(tmp_path: Path) -> None:
    code = (
        "from openai import OpenAI\n\n\ndef ask(name):\n    return OpenAI().responses.create(model=name, input='x')\n"
    )
    made = planned(
        tmp_path, {"lib/ask.py": code, "README.md": "```python\nfrom lib.ask import ask\nask('gpt-4o')\n```\n"}
    )
    assert [patch.shown for patch in made.patches] == ["README.md"]


def test_a_comment_that_cannot_be_read_is_named_by_its_line(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": f"# T\n\n<!-- migrator: ingore -->\n```python\n{REQUEST}```\n"})
    assert [(r.line, r.text) for r in made.remarks] == [
        (3, "unknown comment 'migrator: ingore'; did you mean '# migrator: ignore'?")
    ]
    assert len(made.patches) == 1


def test_a_comment_above_a_later_block_is_named_by_its_line(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": f"{FENCED}\n<!-- migrator: ignore[until=2026-01-01] -->\n{FENCED[5:]}"})
    assert [(r.line, r.text) for r in made.remarks] == [(8, "the ignore comment ended on 2026-01-01")]
    assert len(made.patches[0].edits) == 2


def test_what_is_not_read_of_a_notebook_is_named_by_cell_and_line(tmp_path: Path) -> None:
    texts = ["x = 1", "f('gpt-4o'", "f('x'", "y = 1\nz = 1  # migrator: ingore"]
    cells = [{"cell_type": "code", "source": text} for text in texts]
    made = planned(tmp_path, {"a.ipynb": json.dumps({"cells": cells, "metadata": {}, "nbformat": 4})})
    assert [skip.reason.partition(";")[0] for skip in made.skips] == ["cell 2: line 1: '(' was never closed"]
    assert [(r.cell, r.line) for r in made.remarks] == [(3, 2)]


def test_a_wish_counts_for_its_block_alone(tmp_path: Path) -> None:
    made = planned(
        tmp_path,
        {"a.md": f"<!-- migrator: ignore -->\n\n{FENCED[5:]}\n{FENCED}\n<!-- migrator: ignore -->\nProse.\n\n{FENCED}"},
    )
    assert (made.ignored, [d.finding.origin.position.line for d in made.decisions]) == (1, [12, 22])


def test_a_comment_about_the_file_may_stand_behind_all_blocks(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": f"{FENCED}\n<!-- migrator: ignore-file -->\n"})
    assert (made.ignored, made.decisions) == (1, ())


def test_a_shown_comment_is_no_comment(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": f"{FENCED}\n```html\n<!-- migrator: ignore-file -->\n```\n"})
    assert (made.ignored, len(made.patches)) == (0, 1)


def test_no_document_is_pinned_by_a_test(tmp_path: Path) -> None:
    test = "from unittest.mock import patch\n\nwith patch('guide.x'):\n    assert f() == 'gpt-4o'\n"
    made = planned(tmp_path, {"guide.md": FENCED, "tests/test_guide.py": test})
    assert [patch.shown for patch in made.patches] == ["guide.md"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('f(model="m", ...)\n', 'f(model="m", **_)\n'),
        ('f(model="m", ..., n=1, ...)\n', 'f(model="m", **_, n=1, **_)\n'),
        ('[{"a": 1, ...}, ...]\n', '[{"a": 1, **_}, ...]\n'),
        ('{..., "a": ...}\n', '{**_, "a": ...}\n'),
        ("def f(a=1, ...):\n    ...\n", "def f(a=1, **_):\n    ...\n"),
        ("f(x, ...)\n", "f(x, ...)\n"),
        ('f(model="m" ...)\n', 'f(model="m" ...)\n'),
        ('f(model="m", ...\n', 'f(model="m", ...\n'),
    ],
)
def test_dots_become_arguments_that_nobody_knows(text: str, filled: str) -> None:
    assert placeholders.fill(text) == filled


@pytest.mark.parametrize(
    ("text", "is_hit"),
    [
        (FENCED, True),
        ("> ```py\n> gpt-4o\n> ```\n", True),
        ("```{python}\ngpt-4o\n```\n", True),
        ("```{code-cell} ipython3\ngpt-4o\n```\n", True),
        ("```python\nx\n```\ngpt-4o\n", False),
        ("```pytorch\ngpt-4o\n```\n```js\ngpt-4o\n```\n", False),
        (".. code-block:: python\n\n   gpt-4o\n", True),
        (".. code-block:: python\n\n   x\n\ngpt-4o\n", False),
    ],
)
def test_the_hint_comes_where_python_names_a_model(text: str, is_hit: bool) -> None:
    assert page.mentions(text.encode(), (b"gpt-4o",)) is is_hit


def test_a_document_that_is_not_utf_8_is_skipped(tmp_path: Path) -> None:
    made = planned(tmp_path, {"a.md": b"caf\xe9\n\n" + FENCED.encode()})
    assert made.skips == (Skip("a.md", "line 1: not valid UTF-8; save the file as UTF-8, or exclude it"),)


def edit_of(source: Source, old: str, new: str) -> Edit:
    start = source.text.encode().index(old.encode())
    return Edit(source.shown, Span(start, start + len(old.encode())), new, "model")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"", b""), None),
        ((b"# T", b"# U"), "the document changed outside the edited blocks"),
        ((b"```python", b"``` python"), "the document changed outside the edited blocks"),
        ((b'"x"', b'"y"'), "the code is not the old one with the planned edits"),
    ],
)
def test_a_change_is_proven_or_refused(change: tuple[bytes, bytes], reason: str | None) -> None:
    source = read(FENCED)
    planned_edits = (edit_of(source, "gpt-4o", "gpt-4.1-mini"),)
    after = edits.apply(source, planned_edits)
    assert prove(source, planned_edits, after.replace(*change)) == reason


def test_an_edit_of_two_lines_is_refused() -> None:
    source = read("- x\n\n  ```python\n  a = 1\n  b = 2\n  ```\n")
    with pytest.raises(edits.EditConflict, match="touches what is no code"):
        edits.apply(source, (edit_of(source, "1\nb", "2"),))


CODE = st.sampled_from(
    ["x = 1", "f('gpt-4o', ...)", "    y = 'é'", "", ">>> z", "if x:", "```", "~~~", "\tpass", "!ls", ")"]
)
PROSE = st.sampled_from(
    ["# é", "- item", "> quote", "", "```python", "~~~py", "   ```", "<!--", "-->", "    deep", "1. a"]
)


@given(
    st.lists(st.one_of(CODE, PROSE)), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["a.md", "a.mdx", "a.rst"])
)
def test_every_run_is_the_text_of_the_file(lines: list[str], ends: str, name: str) -> None:
    data = ends.join(lines).encode()
    source = read(data, name)
    assert edits.apply(source, ()) == data
    assert len(source.view.encode()) == len(source.text.encode())
    runs = [one for cell in source.cells for one in cell.runs]
    assert [one.data for one in runs] == sorted(one.data for one in runs)
    for cell in source.cells:
        for one in cell.runs:
            assert cell.span.start <= one.text.start < one.text.end <= cell.span.end
            assert one.text.end - one.text.start == one.data.end - one.data.start


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for name in ("a.md", "a.rst"):
        source = read(text.encode("utf-8", "replace"), name)
        assert edits.apply(source, ()) == source.data


def test_the_option_and_the_setting_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.md").write_text(FENCED, encoding="utf-8")
    assert run(["scan", "--no-cache", "a.md"]) == 0
    assert "The Python in 1 document names them too: --docs reads it." in capfd.readouterr().out
    assert run(["scan", "--no-cache", "--docs", "--format", "json", "a.md"]) == 1
    by_option = json.loads(capfd.readouterr().out)
    (tmp_path / "migrator.toml").write_text("docs = true\n", encoding="utf-8")
    assert run(["scan", "--no-cache", "--format", "json", "a.md"]) == 1
    assert json.loads(capfd.readouterr().out) == by_option
    assert run(["apply", "--quiet"]) == 0
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == FENCED.replace("gpt-4o", "gpt-4.1-mini")
