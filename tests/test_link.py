"""Answer one question: is the call that made a request found again by its lines and columns?"""

from __future__ import annotations

import ast

import pytest

from migrator.shadow.link import call_at
from migrator.shadow.model import Place


def place(line: int, column: int | None = None, end_line: int | None = None, end_column: int | None = None) -> Place:
    return Place("app.py", "", line, end_line, column, end_column, "")


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("x = ask(make(1))", place(1, 4, 1, 16), "ask(make(1))"),
        ("x = ask(make(1))", place(1, 8, 1, 15), "make(1)"),
        ("await later(say(1))", place(1, 0, 1, 19), "later(say(1))"),
        ("with a.stream(say(1)) as b:\n    b.close()", place(1, 0, 2, 13), "a.stream(say(1))"),
        ("for b in a.create(say(1)):\n    b.create()", place(1, 0, 2, 14), "a.create(say(1))"),
        ("a.b.create(\n    say(1),\n)", place(1), "a.b.create(say(1))"),
        ("a.create(say(1)).parse()", place(1), "a.create(say(1))"),
        ("ask(1)", place(1), "ask(1)"),
        ("a.create(1); a.create(2)", place(1), None),
        ("ask(say(1))", place(1), None),
        ("x = 1", place(1), None),
    ],
)
def test_the_call_at_a_place(text: str, at: Place, expected: str | None) -> None:
    found = call_at(ast.parse(text), at)
    assert (ast.unparse(found) if found is not None else None) == expected
