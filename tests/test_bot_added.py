"""Answer one question: is each remark about a line that was added, and each suggestion the whole change and no more?"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from migrator import plan, rulebook
from migrator.bot.added import Found, Suggestion, found, from_json, lines, to_json
from migrator.bot.words import fenced
from migrator.regions import files
from migrator.settings import Settings

TODAY = date(2026, 11, 22)
HEAD = "from openai import OpenAI\n\nclient = OpenAI()\n"
CALL = """\
client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": mail}],
    max_tokens=300,
)
"""


def looked(folder: Path, sources: dict[str, str], added: dict[str, set[int]], to: str = "gpt-4.1-mini") -> list[Found]:
    """Look at the lines that are added to some files."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_bytes(text.encode())
    settings = Settings(to, transforms=("model", "parameters"))
    made = plan.make([folder], settings, cwd=folder, today=TODAY)
    numbers = {name: frozenset(one) for name, one in added.items()}
    return list(found(made, rulebook.load(to), files(made, folder), numbers))


@pytest.mark.parametrize(
    ("patch", "numbers"),
    [
        ("", set()),
        ("@@ -0,0 +1,2 @@\n+a\n+b", {1, 2}),
        ("@@ -1,3 +1,4 @@ def f():\n a\n-b\n+c\n+d\n e", {2, 3}),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file", {1}),
        ("@@ -1,2 +1,1 @@\n a\n-b\n@@ -10,2 +9,3 @@\n x\n+@@ -1 +99 @@\n y", {10}),
        ("@@ -1,2 +1,3 @@\n \n+\n ", {2}),
        ("no patch at all", set()),
    ],
)
def test_the_lines_of_a_patch(patch: str, numbers: set[int]) -> None:
    assert lines(patch) == numbers


def test_a_line_that_was_there_says_nothing(tmp_path: Path) -> None:
    assert looked(tmp_path, {"a.py": HEAD + CALL}, {"a.py": {1, 2, 3, 6, 7, 8}, "b.py": {5}}) == []


def test_the_parameters_of_a_call_are_part_of_its_suggestion(tmp_path: Path) -> None:
    (one,) = looked(tmp_path, {"a.py": HEAD + CALL}, {"a.py": {4, 5, 6, 7, 8}}, "gpt-6-luna")
    changed = CALL.replace("gpt-4o", "gpt-6-luna").replace("max_tokens", "max_completion_tokens")
    rows = changed.splitlines()
    assert one.suggestion == Suggestion(5, 7, "\n".join((*rows[1:4], '    reasoning_effort="none",')))
    assert (one.line, one.level, one.old, one.new) == (5, "warning", "gpt-4o", "gpt-6-luna")
    # With a line of it that was there before, a person does it.
    (other,) = looked(tmp_path, {"a.py": HEAD + CALL}, {"a.py": {4, 5, 6, 8}}, "gpt-6-luna")
    assert (other.line, other.suggestion) == (5, None)


def test_a_call_that_two_names_reach_gets_its_parameters_from_a_person(tmp_path: Path) -> None:
    text = HEAD + CALL.replace('"gpt-4o"', '"gpt-4o" if mail else "gpt-4o-mini"')
    both = looked(tmp_path, {"a.py": text}, {"a.py": set(range(1, 9))}, "gpt-6-luna")
    assert {(one.old, one.suggestion) for one in both} == {("gpt-4o", None), ("gpt-4o-mini", None)}


def test_what_is_held_for_review_is_a_notice_without_a_suggestion(tmp_path: Path) -> None:
    text = 'def models():\n    return {"model": "gpt-4o"}\n'
    (one,) = looked(tmp_path, {"a.py": text}, {"a.py": {2}})
    assert (one.line, one.level, one.suggestion) == (2, "notice", None)


def test_a_notebook_is_suggested_in_its_own_json(tmp_path: Path) -> None:
    source = ["from openai import OpenAI\n", "OpenAI().responses.create(model='gpt-4o', input='')\n"]
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(book, indent=1) + "\n"
    number = next(i for i, line in enumerate(text.splitlines(), 1) if "gpt-4o" in line)
    (one,) = looked(tmp_path, {"a.ipynb": text}, {"a.ipynb": {number}})
    line = text.splitlines()[number - 1]
    assert one.suggestion == Suggestion(number, number, line.replace("gpt-4o", "gpt-4.1-mini"))


def test_characters_are_counted_and_not_bytes(tmp_path: Path) -> None:
    text = HEAD + "client.responses.create(input='🐈 für', model='gpt-4o', instructions='é')\n"
    (one,) = looked(tmp_path, {"a.py": text}, {"a.py": {4}})
    assert one.suggestion is not None
    assert one.suggestion.text == text.splitlines()[3].replace("gpt-4o", "gpt-4.1-mini")


def test_it_is_the_same_as_json(tmp_path: Path) -> None:
    rows = looked(tmp_path, {"a.py": HEAD + CALL}, {"a.py": {4, 5, 6, 7, 8}})
    assert rows
    assert list(from_json(json.loads(json.dumps(to_json(rows))))) == rows


@pytest.mark.parametrize("said", [None, {}, [1], [{}], [{"id": "a"}], [{"suggestion": None, "x": 1}]])
def test_what_is_no_answer_of_ours_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(said)


@pytest.mark.parametrize("text", ["x", "```", "a ```` b\n``", "~~~"])
def test_nothing_ends_a_fence_but_its_own(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    assert (first, "\n".join(inside)) == (f"{last}suggestion", text)
    assert last not in text
    assert set(last) == {"`"}
