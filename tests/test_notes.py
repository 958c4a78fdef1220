"""Answer one question: does each note on a call stand where a fixture shows it, and nowhere else?

A case is a file ``fixtures/notes/<note>_<case>.py``, or a folder of that name. A comment
``# note: images`` marks the line on which the note must be seen; without one it must stay silent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from migrator import lookup, plan, report
from migrator.deliver import github
from migrator.deliver import json as document
from migrator.model import Decision, Plan, Rewrite
from migrator.nouns import CallNote
from migrator.rows import migration as read_migration
from migrator.rulebook import load
from migrator.settings import Settings
from migrator.tables import RuleError, Table

NOTES = Path(__file__).parent.parent / "fixtures" / "notes"
CASES = tuple(sorted(path for path in NOTES.iterdir() if not path.name.startswith((".", "_"))))
MARK = re.compile(r"# note: (\w+(?:, \w+)*)")
BOOK = load("gpt-4.1-mini")
MIGRATION = BOOK.migrations["gpt-4.1-mini"]
NAMES = tuple(dict.fromkeys(note.name for note in MIGRATION.call_notes))
TODAY = date(2026, 11, 22)

Seen = tuple[str, int, str]


def texts(case: Path) -> Mapping[str, str]:
    """Read a case: one file, or all files of a folder, by the path in the trial."""
    if case.is_file():
        return {case.name: case.read_text(encoding="utf-8")}
    return {path.relative_to(case).as_posix(): path.read_text(encoding="utf-8") for path in sorted(case.rglob("*.*"))}


def planned(case: Path, folder: Path) -> Plan:
    """Plan a case in a folder of its own."""
    for shown, text in texts(case).items():
        path = folder / shown
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return plan.make([folder], Settings(), cwd=folder, today=TODAY)


def seen(made: Plan) -> set[Seen]:
    """Gather the notes of a plan: path, line and name."""
    return {(note.shown, note.position.line, note.reason) for found in made.decisions for note in found.finding.notes}


def marked(case: Path) -> set[Seen]:
    """Gather what the comments of a case ask for."""
    return {
        (shown, number, name)
        for shown, text in texts(case).items()
        for number, line in enumerate(text.splitlines(), start=1)
        for names in MARK.findall(line)
        for name in names.split(", ")
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_notes_stand_where_the_case_shows_them(case: Path, tmp_path: Path) -> None:
    made = planned(case, tmp_path)
    assert made.decisions
    assert not made.skips
    assert seen(made) == marked(case)


@pytest.mark.parametrize("name", NAMES)
def test_each_note_has_a_case_that_shows_it_and_one_that_is_silent(name: str) -> None:
    own = [case for case in CASES if case.name.startswith(f"{name}_")]
    assert [case for case in own if name in {told for _, _, told in marked(case)}]
    assert [case for case in own if not marked(case)]


def test_each_case_is_about_a_note() -> None:
    assert [case.name for case in CASES if not case.name.startswith(tuple(f"{name}_" for name in NAMES))] == []


@pytest.mark.parametrize("note", MIGRATION.call_notes, ids=lambda note: f"{note.name}-{note.names[0]}")
def test_each_note_is_one_short_line_about_known_names_with_a_source(note: CallNote) -> None:
    assert set(note.names) <= set(MIGRATION.names)
    assert note.fact.source
    assert note.fact.checked <= TODAY
    assert len(note.text) <= 110
    assert not note.text.endswith(".")


def test_no_note_is_told_in_two_ways_for_one_name() -> None:
    told = Counter((note.name, old) for note in MIGRATION.call_notes for old in note.names)
    assert [one for one, count in told.items() if count > 1] == []


@pytest.mark.parametrize(
    ("old", "tokens", "ratio"),
    [("gpt-4o", 85 + 4 * 170, "0.35"), ("gpt-4o-2024-05-13", 765, "0.17"), ("gpt-4o-mini", 2833 + 4 * 5667, "0.17")],
)
def test_the_figures_of_images_follow_from_the_price_tables(old: str, tokens: int, ratio: str) -> None:
    patches = Decimal(32 * 32) * Decimal("1.62")
    text = next(note.text for note in MIGRATION.call_notes if note.name == "images" and old in note.names)
    before, after = BOOK.models[old].input_price, BOOK.models[MIGRATION.target].input_price
    assert before is not None
    assert after is not None
    assert f"costs ×{round(patches * after / (tokens * before), 2)}" in text
    assert ratio in text
    assert f"×{(patches / tokens).quantize(Decimal('0.01') if patches > tokens else Decimal('0.001'))} the" in text


def test_the_figures_of_limits_are_those_of_the_models() -> None:
    new = BOOK.models[MIGRATION.target]
    for note in MIGRATION.call_notes:
        if note.name == "output_cap":
            assert {BOOK.models[old].max_output for old in note.names} == set(note.numbers)
            assert f"{note.numbers[0]:,} was" in note.text
            assert f"{new.max_output:,}" in note.text
        if note.name == "old_limit":
            assert f"{new.max_input:,}" in note.text
            assert {BOOK.models[old].max_input for old in note.names} <= set(note.numbers)


def noted(name: str, line: int) -> Decision:
    """Plan one small file and give its decision the note twice, at two lines."""
    made = plan.make_text(
        b'from openai import OpenAI\nOpenAI().responses.create(model="gpt-4o", input="x", service_tier="flex")\n',
        "app.py",
        Settings(),
        cwd=NOTES / "none",
        today=TODAY,
    )
    (decision,) = made.decisions
    (note,) = decision.finding.notes
    other = replace(note, position=replace(note.position, line=line))
    assert note.reason == name
    return replace(decision, finding=replace(decision.finding, notes=(note, other)))


def words(lines: object) -> str:
    """Put lines together as a pipe would."""
    return "".join("".join(text for text, _ in line) + "\n" for line in lines)  # type: ignore[attr-defined]


def test_every_report_tells_a_note_once_with_its_source() -> None:
    decision = noted("flex", 9)
    made = Plan("gpt-4.1-mini", (decision,), (), ())
    told = "no flex price is listed for gpt-4.1-mini; a model without flex answers 400"
    assert "note: flex at app.py:2 and 1 more\n" in words(report.rows(made, BOOK, explain=True, quiet=False, width=200))
    assert "note" not in words(report.rows(made, BOOK, explain=False, quiet=False, width=200))
    assert words(report.summary(made, BOOK, review=False, width=200)).count(f"  1  flex: {told}\n") == 1
    assert [line.count(f"Note on flex: {told}.") for line in github.commands(made, BOOK)] == [1]
    assert words(lookup.explain("flex", BOOK, 500)).count("litellm 1.109.1") == 1
    text = document.document(made, BOOK, review=False).decode()
    assert text.count('"name": "flex"') == text.count("guides/flex-processing") == 2


def test_a_plan_without_notes_says_nothing_of_them() -> None:
    decision = noted("flex", 9)
    made = Plan("gpt-4.1-mini", (replace(decision, finding=replace(decision.finding, notes=())),), (), ())
    assert "at the calls" not in words(report.summary(made, BOOK, review=False, width=80))


TABLE: Mapping[str, object] = {"name": "n", "names": ["a"], "text": "t", "source": "s", "checked": TODAY}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "call_note n: has no sign; it needs one of keyword, entries, numbers, compared, calls"),
        ({"keyword": "k", "source": ""}, "call_note n, key source: is empty"),
        ({"keyword": "k", "keywords": "k"}, "call_note n, key keywords: unknown key; did you mean 'keyword'?"),
        (
            {"numbers": [True]},
            "call_note n, key numbers: expected a list of whole numbers, found a list with a boolean",
        ),
        ({"conflict": [{"one": ["x"]}]}, "call_note n.conflict, key other: is missing"),
    ],
)
def test_a_wrong_note_is_named_with_its_key(change: Mapping[str, object], message: str) -> None:
    head = {"target": "b", "sources": [{"source": "s", "checked": TODAY}]}
    table = Table("m.toml", "", {"migration": head, "call_note": [{**TABLE, **change}]})
    with pytest.raises(RuleError, match=re.escape(message)):
        read_migration("m", table)


def test_a_note_holds_no_edit_back() -> None:
    decision = noted("flex", 9)
    assert isinstance(decision, Rewrite)
    assert decision.finding.hazards == ()
