"""Answer one question: do comments hold back exactly the lines that a person meant?"""

from __future__ import annotations

from datetime import date

import pytest

from migrator.pragmas import Ignore, Pragmas, Problem, pragmas

TODAY = date(2026, 11, 22)


def covered(text: str, today: date = TODAY) -> list[int]:
    found = pragmas(text)
    return [line for line in range(1, text.count("\n") + 2) if found.ignored(line, today)]


def test_a_text_without_a_mention_has_no_wish() -> None:
    assert pragmas('model = "gpt-4o"  # ignore\n') == Pragmas()


@pytest.mark.parametrize(
    "comment",
    [
        "# migrator: ignore",
        "#migrator:ignore",
        "# migrator : ignore",
        "# noqa: E501  # migrator: ignore",
        "# type: ignore # migrator: ignore # noqa",
        "# migrator: ignore the customer pays for it",
        "# migrator: ignore[until=2027-01-01]",
        "# migrator: ignore [until = 2027-01-01] see #41",
    ],
)
def test_a_comment_covers_its_line(comment: str) -> None:
    assert covered(f'a = "gpt-4o"\nb = "gpt-4o"  {comment}\nc = "gpt-4o"\n') == [2]


@pytest.mark.parametrize(
    "text",
    [
        'a = "# migrator: ignore"\n',
        'a = """\n# migrator: ignore\n"""\n',
        "a = 1  # see migrator: ignore is a comment\n",
        "a = 1  # migrator: runs before the server starts\n",
        "a = 1  # migrator ignores this\n",
        "a = 1  # the_migrator: ignore\n",
    ],
)
def test_what_only_looks_like_a_wish(text: str) -> None:
    assert pragmas(text) == Pragmas()


def test_a_line_of_a_call() -> None:
    assert covered('call(\n    a="gpt-4o",\n    b="gpt-4o",  # migrator: ignore\n    c="gpt-4o",\n)\n') == [3]


@pytest.mark.parametrize(
    "text",
    [
        'x = 1\ncall(  # migrator: ignore\n    a="gpt-4o",\n)\ny = 1\n',
        'x = 1\ncall(\n    a="gpt-4o",\n)  # migrator: ignore\ny = 1\n',
        '# migrator: ignore\ncall(\n    a="gpt-4o",\n)\ny = 1\n',
    ],
)
def test_a_bracket_covers_what_is_in_it(text: str) -> None:
    assert covered(text) == [2, 3, 4]


def test_an_inner_bracket_covers_no_more_than_its_own() -> None:
    text = 'T = {\n    "a": {  # migrator: ignore\n        "m": "gpt-4o",\n    },\n    "b": "gpt-4o",\n}\n'
    assert covered(text) == [2, 3, 4]


def test_a_first_line_that_leaves_the_bracket_open_behind_an_argument_covers_itself() -> None:
    assert covered('call(a="gpt-4o",  # migrator: ignore\n     b="gpt-4o")\n') == [1]


def test_a_line_that_begins_with_an_open_bracket_covers_itself() -> None:
    assert covered('x = [\n    ("gpt-4o", 1,  # migrator: ignore\n     "gpt-4o"),\n    "gpt-4o",\n]\n') == [2]


def test_a_comment_alone_stands_for_the_line_below() -> None:
    assert covered('call(\n    # migrator: ignore\n    # (agreed)\n    a="gpt-4o",\n    b="gpt-4o",\n)\n') == [4]


def test_a_comment_alone_above_a_function_covers_its_head() -> None:
    assert covered('if x:\n    # migrator: ignore\n    def f(model="gpt-4o"):\n        return "gpt-4o"\n') == [3]


@pytest.mark.parametrize(
    "text",
    [
        'x = """\ngpt-4o\n"""  # migrator: ignore\n',
        '# migrator: ignore\nx = """\ngpt-4o\n"""\n',
        'x = \\\n    "gpt-4o" \\\n    "-mini"  # migrator: ignore\n',
    ],
)
def test_a_string_and_a_backslash_join_lines(text: str) -> None:
    first = 2 if text.startswith("#") else 1
    assert covered(text) == [first, first + 1, first + 2]


def test_crlf_counts_lines_as_lf_does() -> None:
    assert covered('a = 1\r\nb = "gpt-4o"  # migrator: ignore\r\nc = 1\r\n') == [2]


def test_until_ends_on_its_day() -> None:
    text = 'a = "gpt-4o"  # migrator: ignore[until=2027-01-01] the contract ends\n'
    wish = Ignore(1, date(2027, 1, 1), "the contract ends")
    found = pragmas(text)
    assert found.ignored(1, date(2026, 12, 31)) == wish
    assert found.expired(date(2026, 12, 31)) == ()
    assert found.ignored(1, date(2027, 1, 1)) is None
    assert found.expired(date(2027, 1, 1)) == (wish,)


def test_an_expired_wish_leaves_another_one_standing() -> None:
    text = '# migrator: ignore by contract\nx = call(  # migrator: ignore[until=2026-01-01]\n    "gpt-4o",\n)\n'
    assert covered(text) == [2, 3, 4]
    assert [wish.line for wish in pragmas(text).expired(TODAY)] == [2]


def test_ignore_file_covers_every_line() -> None:
    found = pragmas('import os\n\n\n# migrator: ignore-file recorded answers\nx = "gpt-4o"\n')
    assert found == Pragmas(file=Ignore(4, None, "recorded answers"))
    assert found.ignored(1, TODAY) == found.file


def test_ignore_file_ends_too() -> None:
    assert covered('# migrator: ignore-file[until=2026-11-22]\nx = "gpt-4o"\n') == []


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("migrator: ingore", "unknown comment 'migrator: ingore'; did you mean '# migrator: ignore'?"),
        ("migrator: Ignore", "unknown comment 'migrator: Ignore'; did you mean '# migrator: ignore'?"),
        (
            "migrator: ignore_file",
            "unknown comment 'migrator: ignore_file'; did you mean '# migrator: ignore-file'?",
        ),
        ("migrator: skip this one", "unknown comment 'migrator: skip'; did you mean '# migrator: ignore'?"),
        ("migrator: leave", "unknown comment 'migrator: leave'; did you mean '# migrator: ignore'?"),
        ("migrator ignore", "a colon is missing; write '# migrator: ignore'"),
        ("migrator: ignore[until=2027-1-1]", "'2027-1-1' is not a date; write '[until=2027-01-01]'"),
        ("migrator: ignore[2027-01-01]", "cannot read '[2027-01-01]'; write '[until=2027-01-01]'"),
        ("migrator: ignore[until=2027-01-01", "cannot read '[until=2027-01-01'; write '[until=2027-01-01]'"),
        ("migrator: ignore-file", "'ignore-file' must stand alone on a line"),
    ],
)
def test_a_wish_that_cannot_be_read_is_a_problem(comment: str, message: str) -> None:
    assert pragmas(f'a = 1\nb = "gpt-4o"  # {comment}\n') == Pragmas(problems=(Problem(2, message),))


def test_a_text_that_cannot_be_tokenized_keeps_its_wishes() -> None:
    assert 4 in covered('a = 1\n\nx = """ never closed\nb = "gpt-4o"  # migrator: ignore\n')
    assert 4 in covered('if x:\n        a = 1\n    b = 1\nc = "gpt-4o"  # migrator: ignore\n')
