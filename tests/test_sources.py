"""Answer one question: is a file read as CPython reads it, and every place in it found?"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from migrator import sources
from migrator.model import Position, Skip, Source
from migrator.sources import downlevel, literals, magics

MODERN = sys.version_info >= (3, 14)


def read(data: bytes | str, name: str = "a.py") -> Source:
    source = sources.read(Path(name), name, data.encode() if isinstance(data, str) else data)
    assert isinstance(source, Source), source
    return source


def reason(data: bytes | str, name: str = "a.py") -> str:
    skip = sources.read(Path(name), name, data.encode() if isinstance(data, str) else data)
    assert isinstance(skip, Skip), skip
    assert not skip.is_error
    return skip.reason


def notebook(*cells: str | list[str], **metadata: object) -> str:
    code: list[object] = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in cells]
    return json.dumps({"cells": code, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def strings(source: Source) -> list[tuple[str, str]]:
    """Give the value of each plain string and the text that stands at its place."""
    lines = sources.offsets(source)
    return [
        (
            node.value,
            lines.slice(lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)),
        )
        for node in ast.walk(sources.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.end_lineno is not None and node.end_col_offset is not None
    ]


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"a = 'x'\r\nb = 1\rc = 2\n\x0cd = 3", "a = 'x'\r\nb = 1\rc = 2\n\x0cd = 3", "utf-8"),
        (b"\xef\xbb\xbfa = '\xc3\xa9'\n", "a = 'é'\n", "utf-8-sig"),
        (b"# -*- coding: latin-1 -*-\na = '\xe9'\n", "# -*- coding: latin-1 -*-\na = 'é'\n", "iso-8859-1"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\na = '\x80'\n", None, "cp1252"),
        (b"", "", "utf-8"),
    ],
)
def test_text_is_the_file_with_its_newlines(data: bytes, text: str | None, encoding: str) -> None:
    source = read(data)
    assert source.encoding == encoding
    assert source.text == (data.decode(encoding) if text is None else text)
    assert source.view == source.text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = 1\nb = '\0'\n", "line 2: a NUL byte, not Python text; exclude the file"),
        (b"a = 1\n\nb = '\xe9'\n", "line 3: not valid utf-8; declare the encoding"),
        (b"# coding: klingon\n", "line 1: unknown encoding: klingon; declare the file's encoding"),
        (b"# coding: hex\n00", "line 1: 'hex' is not a text encoding"),
        (b"# coding: utf-7\na = '+AGE-'\n", "line 1: utf-7 does not give the same bytes back"),
        ("a = 1\nb = (\n", "line 2: '(' was never closed; fix the syntax, or exclude the file"),
        ("x = 1\nprint 'a'\n", "line 2: Python 2 syntax; port the file to Python 3, or exclude it"),
        ("-" * 100_000 + "1", "line 1: cannot be parsed ("),
    ],
)
def test_what_is_no_python_is_skipped_with_line_and_advice(data: bytes | str, expected: str) -> None:
    assert reason(data).startswith(expected)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    skip = sources.read(tmp_path / "no.py", "no.py")
    assert skip == Skip("no.py", "cannot be read: No such file or directory", is_error=True)


def test_file_on_disk_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"a = 1\r\n")
    text = "a = 1\r\n"
    assert sources.read(path, "a.py") == Source(path, "a.py", "python", text.encode(), text, text, "utf-8")


def test_places_count_as_cpython_counts() -> None:
    source = read("a = 'é'; b = 'x'\r\n\x0cc = 'y'\rd = '''1\r\n2'''\ne = 'ü' 'z'\n")
    values = {"é": "'é'", "x": "'x'", "y": "'y'", "1\n2": "'''1\r\n2'''", "üz": "'ü' 'z'"}
    assert dict(strings(source)) == values
    encoded = source.text.encode()
    assert sources.locate(source, encoded.index(b"'x'")) == Position(None, 1, 14)
    assert sources.locate(source, encoded.index(b"'z'")) == Position(None, 5, 9)
    assert sources.locate(source, len(encoded)) == Position(None, 6, 1)


def test_warnings_of_the_code_are_not_ours(recwarn: pytest.WarningsRecorder) -> None:
    sources.parse(read("a = '\\d' is 'x'\n"))
    assert not recwarn.list


NEWER = [
    ("def f[T: int = str](x: T) -> T: return 'm'\n", "def f              (x: T) -> T: return 'm'\n"),
    ("class A[\n    T,  # why\r\n](B): pass\n", "class A\\\n            \\\r\n (B): pass\n"),
    ("type X[T] = list['m']\n", "type;X    = list['m']\n"),
    ("try:\n    a()\nexcept A, B.c:\n    b()\n", "try:\n    a()\nexcept A| B.c:\n    b()\n"),
    ("try:\n    a()\nexcept* A, B:\n    b()\n", "try:\n    a()\nexcept* A| B:\n    b()\n"),
    ('x = f"{a["é"]} {b["c"]:>{w["d"]}}"\n', "x = f\"{a['é']} {b['c']:>{w['d']}}\"\n"),
    ('x = t"{a}" + rT"{b}"\n', 'x = f"{a}" + rF"{b}"\n'),
    ('x = f"{a[\n"b"] # c\n}" + "m"\n', 'x = f"  \\\n       \\\n " + "m"\n'),
    ('x = f"{call(\n"b")}" + "m"\n', 'x = f"{0}  \\\n     " + "m"\n'),
    ('x = f"{"\\n".join(a)}" + "m"\n', 'x = f"{0}           " + "m"\n'),
    ("lazy import x\nlazy from a import b\n", "lazy;import x\nlazy;from a import b\n"),
    ("x = [*a for a in b]\n", "x = [ a for a in b]\n"),
]


@pytest.mark.parametrize(("text", "view"), NEWER)
def test_newer_syntax_is_overwritten_in_place(text: str, view: str) -> None:
    lowered = downlevel.lower(text)
    assert lowered is not None
    assert len(lowered.encode()) == len(text.encode())
    ast.parse(lowered)
    if sys.version_info < (3, 12):  # a newer interpreter reads nested quotes as they are
        assert lowered == view
    assert read(text).text == text


@pytest.mark.skipif(MODERN, reason="this interpreter reads it")
def test_offsets_hold_in_the_view() -> None:
    text = "é = 'é'\ntry:\n    f()\nexcept A, B:\n    x = t'{a}' + 'm'; y = call(model='n')\n"
    assert {"'m'", "'n'", "'é'"} <= {shown for _, shown in strings(read(text))}


@pytest.mark.skipif(MODERN, reason="this interpreter reads it")
def test_newer_syntax_that_cannot_be_overwritten_is_named() -> None:
    assert reason("a = {**b for b in c}\n") == "line 1: needs newer Python syntax; run migrator on a newer Python"


def test_cells_are_joined_and_places_are_inside_their_cell() -> None:
    data = json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": ["model='gpt-4o'"]},
                {"source": ["a = 'é'\n", 'b = "x"\n'], "cell_type": "code", "source_": "no"},
                {"cell_type": "raw", "source": "c = 1"},
                {"cell_type": "code", "source": "await f('y')\r\nz = 'z\t'"},
            ],
            "metadata": {"kernelspec": {"language": "python"}, "language_info": {"name": "python"}},
        }
    )
    source = read(data, "a.ipynb")
    assert source.text == "a = 'é'\nb = \"x\"\n\nawait f('y')\r\nz = 'z\t'"
    assert [cell.index for cell in source.cells] == [1, 3]
    encoded, file = source.text.encode(), source.data
    for cell in source.cells:
        for run in cell.runs:
            assert encoded[run.text.start : run.text.end] == file[run.data.start : run.data.end]
    assert sources.locate(source, encoded.index(b"x")) == Position(1, 2, 6)
    assert sources.locate(source, encoded.index(b"z =")) == Position(3, 2, 1)
    assert [value for value, _ in strings(source)] == ["é", "x", "z\t", "y"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%pip install x\na = 1", "pass          \na = 1"),
        ("pip install -q 'x\na = 1", "pass             \na = 1"),
        ("if a:\n    !ls 'é\n    b = 1\n", "if a:\n    pass   \n    b = 1\n"),
        ("!x\n?\na?\nb.c??", "0 \n0\n0 \npass "),
        ("x = !ls\ny = %env A\n", "x = ...\ny = ...   \n"),
        ("%%time\nx = 1\n!ls\n", "      \nx = 1\n0  \n"),
        ("\n%%capture out\n%%time\nx = 1", "\n             \n      \nx = 1"),
        ("%%bash\necho 'é'\n", "      \n         \n"),
        ("%load x.py\n", "pass      \n"),
        ("!pip install \\\n  a\\b \\\nc\nx = 1", "pass          \n       \n \nx = 1"),
        ('s = """\n%s\n!ls\n"""\n%cd x\n', 's = """\n%s\n!ls\n"""\npass \n'),
        ("s = (a\n% b)\n!ls", "s = (a\n% b)\n0  "),
        ("%time x = f('m')\n", "if 1: x = f('m')\n"),
        ("%timeit -n 1 f('m')\n", "pass               \n"),
        ("%time for x in y: z\n", "pass               \n"),
        ("a = b\n% c\n", "a = b\n0  \n"),
    ],
)
def test_magics_are_blanked_to_the_same_length(cell: str, expected: str) -> None:
    blanked = magics.blank(cell)
    assert blanked == expected
    assert len(blanked.encode()) == len(cell.encode())
    ast.parse(blanked)


def test_cell_that_does_not_parse_is_blank_and_named() -> None:
    source = read(notebook("a = 1", ["b = (\n", "'é'"], "c = '\ud83d'", "d = 4"), "a.ipynb")
    assert source.text == "a = 1\nb=0  \n    \n\nd = 4"
    assert source.skipped_cells == (
        (1, "line 1: '(' was never closed; fix the syntax, or exclude the file"),
        (2, "half a surrogate pair; save the notebook again from Jupyter"),
    )
    assert b"".join(source.data[run.data.start : run.data.end] for run in source.cells[1].runs) == b"b = (''"
    assert source.cells[2].runs == ()


def test_notebook_escapes_lie_between_the_runs() -> None:
    source = read(notebook('a = "gpt-4o"\nb = "😀"'), "a.ipynb")
    (cell,) = source.cells
    texts = [source.data[run.data.start : run.data.end] for run in cell.runs]
    assert source.text == 'a = "gpt-4o"\nb = "😀"'
    assert texts == [b"a = ", b"gpt-4o", b"b = "]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff", "line 1: not valid UTF-8"),
        ("", "line 1: not valid JSON (Expecting value)"),
        ('{\n"cells": [}', "line 2: not valid JSON"),
        ("[" * 100_000, "line 1: too deeply nested"),
        ("[]", "line 1: not a notebook of format 4"),
        ('{"worksheets": [], "nbformat": 3}', "line 1: not a notebook of format 4"),
        ('{"cells": {}}', "line 1: a notebook without cells"),
        ('{"cells": [{"source": null, "cell_type": "code"}]}', "cell 0: not a cell of format 4"),
        ('{"cells": [1]}', "cell 0: not a cell of format 4"),
        (notebook("x", kernelspec={"language": "R"}), "line 1: a notebook in R, not Python; exclude it"),
        (notebook("x", language_info={"name": "julia"}), "line 1: a notebook in julia, not Python"),
    ],
)
def test_what_is_no_python_notebook_is_skipped(data: bytes | str, expected: str) -> None:
    assert reason(data, "a.ipynb").startswith(expected)


def renamed(text: str, old: str = "gpt-4o", new: str = "gpt-4.1-mini") -> str | None:
    found = literals.rename_in_literal(text, old, new)
    if found is None:
        return None
    span, replacement = found
    encoded = text.encode()
    return (encoded[: span.start] + replacement.encode() + encoded[span.end :]).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"gpt-4o"', '"gpt-4.1-mini"'),
        ("R'''openai/gpt-4o'''", "R'''openai/gpt-4.1-mini'''"),
        ('u"é:gpt-4o\\n"', 'u"é:gpt-4.1-mini\\n"'),
        ('"gpt-" "4o"', '"gpt-" "4.1-mini"'),
        ('"4 gpt-" \\\n  # "gpt-4o"\r\n\'4o\'', '"4 gpt-" \\\n  # "gpt-4o"\r\n\'4.1-mini\''),
        ('"openai/"\n"gpt-4o" ""', '"openai/"\n"gpt-4.1-mini" ""'),
        ('"""a\r\ngpt-4o"""', '"""a\r\ngpt-4.1-mini"""'),
        ('"g" "pt-4" "o"', '"g" "pt-4" ".1-mini"'),
    ],
)
def test_only_the_name_changes(text: str, expected: str) -> None:
    assert renamed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"gpt\\x2d4o"',
        '"gpt-4o-mini"',
        '"my-gpt-4o"',
        '"gpt-4o gpt-4o"',
        'b"gpt-4o"',
        '"gpt-4o" + ""',
        '"gpt-4o',
        '"a\\"b" "gpt-3"',
        "name",
        '"\\x67 gpt-\\x34o gpt-" "4o 4o\\x34"',
        '"gpt-\\\n4o"',
        'f"gpt-4o{x}"',
        '"a" f"gpt-4o"',
        '"\\u0067pt-4o"',
    ],
)
def test_name_that_cannot_be_replaced_in_one_piece(text: str) -> None:
    assert renamed(text) is None


def test_name_that_would_change_in_two_pieces_is_left() -> None:
    assert renamed('"ab" "cd"', "abcd", "xbcy") is None
    assert renamed('"ab" "cd"', "abcd", "xyz") is None


def test_new_name_with_a_quote_is_refused() -> None:
    assert renamed('"gpt-4o"', new='gpt"') is None


def test_value_of_what_is_no_string() -> None:
    assert literals.evaluate("1") is None
    assert literals.evaluate("(") is None
    assert literals.evaluate("'a' # b") == "a"
