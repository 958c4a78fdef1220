"""Answer one question: do edits land on the right bytes, and are clashes refused?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import edits, sources
from migrator.model import Edit, Source, Span


def read(data: bytes, name: str = "a.py") -> Source:
    source = sources.read(Path(name), name, data)
    assert isinstance(source, Source), source
    return source


def edit(start: int, end: int, text: str, *, shown: str = "a.py", transform: str = "model") -> Edit:
    return Edit(shown, Span(start, end), text, transform)


def renaming(source: Source, old: str, new: str) -> list[Edit]:
    """Plan to replace every ``old`` in the text."""
    text, size = source.text.encode(), len(old.encode())
    starts = [at for at in range(len(text)) if text.startswith(old.encode(), at)]
    return [edit(at, at + size, new, shown=source.shown) for at in starts]


def test_identical_edits_collapse_and_the_rest_is_sorted() -> None:
    first, second = edit(0, 1, "x"), edit(5, 6, "y")
    assert edits.merge([second, first, second]) == (first, second)


def test_same_edit_of_two_transforms_is_one() -> None:
    assert edits.merge([edit(0, 1, "x", transform="z"), edit(0, 1, "x")]) == (edit(0, 1, "x"),)


def test_different_files_never_clash() -> None:
    both = (edit(0, 2, "x"), edit(1, 3, "y", shown="b.py"))
    assert edits.merge(both) == both


@pytest.mark.parametrize("other", [edit(1, 3, "y"), edit(0, 2, "y"), edit(0, 9, "y"), edit(1, 1, "y")])
def test_different_edits_of_the_same_bytes_are_refused_by_name(other: Edit) -> None:
    with pytest.raises(edits.EditConflict, match=r"a\.py: model \(.*'y'\) change the same bytes|'x'.*'y'|'y'.*'x'"):
        edits.merge([edit(0, 2, "x"), other])


def test_two_insertions_at_one_place_are_refused() -> None:
    with pytest.raises(edits.EditConflict):
        edits.merge([edit(1, 1, "x"), edit(1, 1, "y")])


def test_long_edit_clashes_with_each_edit_inside_it() -> None:
    with pytest.raises(edits.EditConflict):
        edits.merge([edit(0, 9, "x"), edit(1, 2, "y"), edit(4, 5, "z")])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"\xef\xbb\xbfa = '\xc3\xa9', 'old'\r\nb = 'old'\r",
            b"\xef\xbb\xbfa = '\xc3\xa9', 'newer'\r\nb = 'newer'\r",
        ),
        (b"# coding: latin-1\n\x0ca = '\xe9', 'old'", b"# coding: latin-1\n\x0ca = '\xe9', 'newer'"),
        (b"# coding: shift_jis\na = '\x83\x5c', 'old'\n", b"# coding: shift_jis\na = '\x83\x5c', 'newer'\n"),
    ],
)
def test_only_the_spans_change(before: bytes, after: bytes) -> None:
    source = read(before)
    assert edits.apply(source, renaming(source, "old", "newer")) == after
    assert edits.apply(source, []) == before


def test_notebook_is_edited_inside_its_json() -> None:
    before = b'{"cells": [{"cell_type":"code","source":["a = \\"old\\"\\n", "b = \'\\u00e9old\'"]}] }\r\n'
    source = read(before, "a.ipynb")
    assert edits.apply(source, renaming(source, "old", 'n"é')) == before.replace(b"old", b'n\\"\\u00e9')


def test_edit_across_a_notebook_escape_is_refused() -> None:
    source = read(json.dumps({"cells": [{"cell_type": "code", "source": 'a = "old"'}]}).encode(), "a.ipynb")
    with pytest.raises(edits.EditConflict, match="touches an escape"):
        edits.apply(source, renaming(source, '"old"', "new"))


def test_edit_of_another_file_is_refused() -> None:
    with pytest.raises(edits.EditConflict, match=r"a\.py: .* is for another file, b\.py"):
        edits.apply(read(b"a = 1\n"), [edit(0, 1, "b", shown="b.py")])


def test_edit_behind_the_end_is_refused() -> None:
    with pytest.raises(edits.EditConflict, match="behind the end"):
        edits.apply(read(b"a = 1\n"), [edit(0, 7, "b")])
