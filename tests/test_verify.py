"""Answer one question: does every proof fail when what it proves is not so?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import edits, sources, verify
from migrator.model import Edit, Source, Span

CODE = "# one\nx = call(model='old', other='old')  # two\ny = f'{x}/old {call('p')}'\n"


def read(data: bytes | str, name: str = "a.py") -> Source:
    source = sources.read(Path(name), name, data.encode() if isinstance(data, str) else data)
    assert isinstance(source, Source), source
    return source


def changing(source: Source, *pairs: tuple[str, str]) -> list[Edit]:
    """Plan to replace the first place of each text."""
    text = source.text.encode()
    plan = []
    for old, new in pairs:
        start = text.index(old.encode())
        plan.append(Edit(source.shown, Span(start, start + len(old.encode())), new, "model"))
    return plan


def proof(data: bytes | str, *pairs: tuple[str, str], name: str = "a.py") -> str | None:
    source = read(data, name)
    plan = changing(source, *pairs)
    return verify.prove(source, plan, edits.apply(source, plan))


def notebook(*cells: str) -> str:
    code = [{"cell_type": "code", "outputs": [], "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": code, "metadata": {"old": 1}}, indent=1)


@pytest.mark.parametrize(
    "data",
    [
        CODE.replace("'p'", "1"),
        "\ufeffx = 'é' 'old'\r\n",
        b"# coding: latin-1\nx = '\xe9' 'old'\n",
        "x = u'old'\n",
        "x = ('a'  # old?\n     'b/old'\n)\n".replace("# old?", "# why"),
        "x = b'' + f'old/{y!r:>{z}}'.encode()\n",
        "if a:\n\tx = '''\r\nold'''\r\n",
        "x = 'old'",
    ],
)
def test_planned_change_is_proved(data: bytes | str) -> None:
    assert proof(data, ("old", "new-er")) is None


@pytest.mark.parametrize("data", ["x = Kind.OLD\n", "x = a.Kind . OLD.value\n", "x = (é.\n  # OLDER?\n  OLD)\n"])
def test_planned_name_is_proved(data: str) -> None:
    source = read(data)
    start = data.encode().rindex(b"OLD")
    plan = [Edit(source.shown, Span(start, start + 3), "NEW", "model")]
    assert verify.prove(source, plan, edits.apply(source, plan)) is None


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        ("x = Kind.OLDER\n", "OLD", "NEW"),
        ("x = Kind.OLD\n", "OLD", "NEW.value"),
        ("x = Kind.OLD\n", "Kind.OLD", "NEW"),
        ("x = OLD.value\n", "OLD", "NEW"),
        ("x.OLD = 1; y = 'OLD'\n", "OLD = 1", "NEW = 1"),
    ],
)
def test_an_edit_that_is_no_whole_name_is_refused(data: str, old: str, new: str) -> None:
    assert proof(data, (old, new)) is not None


def test_newer_syntax_is_proved_in_its_view() -> None:
    assert proof('def f[T](x: T): return g(f"{x["old"]}", \'new\')\ntype X = int\n', ("new", "newer")) is None


def test_two_edits_of_one_string_are_proved() -> None:
    assert proof("x = 'a b'\n", ("a", "c"), ("b", "d")) is None


def test_notebook_change_is_proved() -> None:
    assert proof(notebook("a = 1\n%time b\n", "x = 'é'; y = 'old'\n"), ("old", "new"), name="a.ipynb") is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("'old'", "'a", "the new text does not parse: line 2"),
        ("'old'", "1", "line 2: the edit leaves no string, or changes an expression in it"),
        ("call(", "run(", "line 2: the edit of model is not inside a string or a name"),
        ("{x}/old", "{z}/new", "line 3: the edit leaves no string, or changes an expression in it"),
        ("old'", "new', more='x'", "line 2: the edit leaves no string, or changes an expression in it"),
        ("old'", "new' 'x'", None),
        ("# two", "# three", "line 2: the edit of model is not inside a string or a name"),
        ("old', other='old", "new", "line 2: the edit of model is not inside a string or a name"),
    ],
)
def test_edit_that_does_more_than_planned_is_refused(old: str, new: str, expected: str | None) -> None:
    found = proof(CODE.replace("'p'", "1"), (old, new))
    assert found is expected if expected is None else (found or "").startswith(expected)


def test_lost_comment_is_refused() -> None:
    data = "x = ('a'  # why\n     'old')\n"
    assert proof(data, ("a'  # why\n     'old", "new")) == "a comment was lost or changed"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("x = 'new'; y = 1  # c\n", "the new code is not the old code with the planned strings changed"),
        ("x = 'newer'; y = 2  # c\n", "the new code is not the old code with the planned strings changed"),
        ("x = 'new'; y = 2  # d\n", "a comment was lost or changed"),
        ("x =  'new'; y = 2  # c\n", "the bytes are not the old ones with the planned edits"),
        ("\ufeffx = 'new'; y = 2  # c\n", "the encoding became utf-8-sig"),
        ("x = 'new'; y = 2  # c\n", None),
    ],
)
def test_bytes_that_differ_from_the_plan_are_refused(after: str, expected: str | None) -> None:
    source = read("x = 'old'; y = 2  # c\n")
    assert verify.prove(source, changing(source, ("old", "new")), after.encode()) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"old": 1', '"old": 1.0', "the notebook changed outside the edited cells"),
        ('"old": 1', '"old": true', "the notebook changed outside the edited cells"),
        ('"outputs": []', '"outputs": [1]', "the notebook changed outside the edited cells"),
        ("b = 2", "b = 3", "the notebook changed outside the edited cells"),
        ("y = 1", "y = 3", "cell 0: the source is not the old one with the planned edits"),
        ('"metadata"', ' "metadata"', "the bytes are not the old ones with the planned edits"),
    ],
)
def test_notebook_that_differs_from_the_plan_is_refused(old: str, new: str, expected: str) -> None:
    source = read(notebook("x = 'old'\ny = 1\n", "b = 2\n"), "a.ipynb")
    plan = changing(source, ("old", "new"))
    after = edits.apply(source, plan).decode()
    assert verify.prove(source, plan, after.replace(old, new, 1).encode()) == expected


@pytest.mark.parametrize("data", ["\x0cx = 'old'\n", "y = 1\rx = 'old'\r"])
def test_file_that_libcst_does_not_give_back_is_left(data: str) -> None:
    assert proof(data, ("old", "new")) == "LibCST does not give the text back byte for byte; edit it by hand"


def test_file_that_libcst_does_not_read_is_left() -> None:
    found = proof("x = 'old'\ny = " + " + ".join(["z"] * 800), ("old", "new"))
    assert (found or "").startswith("LibCST does not read it: ")


@pytest.mark.parametrize("spec", ["old", "old{w}", "{w}old"])
def test_format_specification_is_no_string(spec: str) -> None:
    found = proof(f"x = f'{{y:{spec}}}'\n", ("old", "new")) or ""
    reasons = (
        "the edit leaves no string, or changes an expression in it",
        "the edited place is not the whole",
    )
    assert found.startswith(tuple(f"line 1: {reason}" for reason in reasons))


def test_only_the_edited_cell_has_to_be_given_back() -> None:
    data = notebook("y = 1\rz = 2", "x = 'old'")
    assert proof(data, ("old", "new"), name="a.ipynb") is None


STEADY = "import json\nTAGS = {'a', 'b'}\nx = ', '.join(TAGS)\ny = json.dumps(TAGS)\nz = f'{len(TAGS)}'\n"


def steadied(data: str, *pairs: tuple[str, str]) -> str | None:
    """Prove edits of the transform that gives an order to what has none."""
    source = read(data)
    plan = [Edit(e.shown, e.span, e.text, "order_prompt") for e in changing(source, *pairs)]
    return verify.prove(source, plan, edits.apply(source, plan))


def inserted(data: str, before: str, text: str) -> str | None:
    """Prove an insertion before the first place of a text."""
    source = read(data)
    at = source.text.encode().index(before.encode())
    plan = [Edit(source.shown, Span(at, at), text, "order_prompt")]
    return verify.prove(source, plan, edits.apply(source, plan))


SET = "{'a', 'b'}"


def test_an_order_for_what_has_none_is_proved() -> None:
    assert steadied(STEADY, (SET, f"sorted({SET})")) is None
    assert steadied("x = [t for t in TAGS]\n", ("TAGS", "sorted(TAGS)")) is None
    assert steadied("x = f'{\"\".join(TAGS)} é {TAGS}'\n", ("TAGS", "sorted(TAGS)")) is None
    assert inserted(STEADY, ")\nz", ", sort_keys=True") is None
    assert inserted("from json import dumps\ny = dumps(\n    x,\n)\n", "\n)", "\n    sort_keys=True,") is None
    assert inserted("import json as j\ny = f'{j.dumps(x)}'\n", ")}", ", sort_keys=True") is None


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        # Another function, or more than the function.
        (STEADY, SET, f"reversed({SET})"),
        (STEADY, SET, f"list({SET})"),
        (STEADY, SET, f"sorted({SET}, reverse=True)"),
        (STEADY, SET, f"sorted({SET}, key=len)"),
        (STEADY, SET, f"sorted(sorted({SET}))"),
        (STEADY, SET, f"sorted({SET})[0]"),
        (STEADY, SET, f"sorted({SET}) or 1"),
        (STEADY, SET, f"sorted(*{SET})"),
        # Another value, or one that is changed.
        (STEADY, SET, "sorted({'a', 'c'})"),
        (STEADY, SET, "sorted({'b', 'a'})"),
        (STEADY, SET, "sorted(TAGS)"),
        (STEADY, "TAGS)\ny", "sorted(TAGS))\nTAGS = 2\ny"),
        (STEADY, "', '.join(TAGS)", "'; '.join(sorted(TAGS))"),
        (STEADY, "x = ', '.join(TAGS)", "w = ', '.join(sorted(TAGS))"),
        # The order is taken away, or put elsewhere.
        ("x = sorted(TAGS)\n", "sorted(TAGS)", "TAGS"),
        ("x = sorted(A), B\n", "sorted(A), B", "A, sorted(B)"),
        ("x = f(sorted(A), B)\n", "sorted(A), B", "A, sorted(B)"),
        ("x = f(A, A)\n", "A, A", "sorted(A)"),
        # The name is another function's.
        ("from desk import sorted\nx = f(TAGS)\n", "TAGS", "sorted(TAGS)"),
        ("from desk import by as sorted\nx = f(TAGS)\n", "TAGS", "sorted(TAGS)"),
        ("def sorted(a): return a\nx = f(TAGS)\n", "TAGS", "sorted(TAGS)"),
        ("sorted = 1\nx = f(TAGS)\n", "TAGS", "sorted(TAGS)"),
        ("def f(sorted): return f(TAGS)\n", "TAGS", "sorted(TAGS)"),
        # Code beside it in an f-string.
        ("x = f'{TAGS}'\n", "{TAGS}", "{sorted(TAGS)} {more}"),
        ("x = f'{TAGS}'\n", "{TAGS}", "{sorted(TAGS)!r}"),
        ("x = f'{TAGS=}'\n", "TAGS", "sorted(TAGS)"),
    ],
)
def test_anything_else_than_sorted_is_refused(data: str, old: str, new: str) -> None:
    assert steadied(data, (old, new)) is not None


@pytest.mark.parametrize(
    ("data", "before", "text"),
    [
        (STEADY, ")\nz", ", sort_keys=False"),
        (STEADY, ")\nz", ", sort_keys=1"),
        (STEADY, ")\nz", ", indent=2"),
        (STEADY, ")\nz", ", indent=2, sort_keys=True"),
        (STEADY, ")\nz", ", sort_keys=True, indent=2"),
        (STEADY, ")\nz", ", 2, sort_keys=True"),
        (STEADY, ")\ny", ", sort_keys=True"),
        (STEADY, ")}", ", sort_keys=True"),
        (STEADY, "\nz", "\nprint(1)"),
        (STEADY, ")\nz", "), dict(sort_keys=True"),
        # Not the function of the standard library.
        ("import yaml as json\ny = json.dumps(x)\n", ")", ", sort_keys=True"),
        ("y = book.dumps(x)\n", ")", ", sort_keys=True"),
        ("from .json import dumps\ny = dumps(x)\n", ")", ", sort_keys=True"),
    ],
)
def test_anything_else_than_sorted_keys_is_refused(data: str, before: str, text: str) -> None:
    assert inserted(data, before, text) is not None


def test_text_that_moves_takes_its_order_along() -> None:
    data = "import json\nx = f'{now}. {\"\".join(TAGS)}. {n}.'\n"
    moved = ('{now}. {"".join(TAGS)}.', '{"".join(sorted(TAGS))}. {now}.')
    assert steadied(data, moved) is None
    assert steadied(data, (moved[0], '{"".join(sorted(TAGS))}. {other}.')) is not None
    assert steadied(data, (moved[0], '{"".join(sorted(TAGS, key=n))}. {now}.')) is not None
