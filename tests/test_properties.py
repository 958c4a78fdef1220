"""Answer one question: what holds for every program and every edit?"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import edits, sources, verify
from migrator.model import Edit, Source, Span
from migrator.sources import literals

OLD, NEW = "gpt-4o", "gpt-4.1-mini"
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.sampled_from(["x", "größe", "ключ", "model", "data_1"])
prose = st.text(st.sampled_from("ab é€😀\t#{}'\"\\"), max_size=8)
literal = st.one_of(
    st.sampled_from([f"'{OLD}'", f'"{OLD}"', f"r'openai/{OLD}'", f"'''{OLD}'''", '("gpt-" "4o")', f'u"{OLD}"']),
    st.sampled_from([f'("a"  # {OLD}\n        "{OLD}")', f'"\\t{OLD}"', f"'{OLD}' \\\n        ''"]),
    prose.map(ascii),
    prose.map(repr),
)
indents = st.sampled_from(["    ", "\t", "  "])
comments = st.sampled_from(["", "  # why", f"  # {OLD} é", "  # noqa", ";", "  "])


@st.composite
def statements(draw: st.DrawFn) -> str:
    """Give one statement as people write it."""
    name, value, indent, end = draw(words), draw(literal), draw(indents), draw(comments)
    forms = (
        f"{name} = {value}{end}",
        f"{name}(\n{indent}model={value},{'' if end == ';' else end}\n)",
        f"def {name}(model={value}):{'' if end == ';' else end}\n{indent}return {{'a': {value}}}",
        f"async def f():\n{indent}async with {name} as y:\n{indent * 2}await y({value}){end}",
        f"class A:\n{indent}'''Doc of {OLD}.'''\n\n{indent}model: str = {value}{end}",
        f'x = f"a {{{name}!r:>4}} é"{end}',
        f"# {OLD} in a comment",
        "",
    )
    return draw(st.sampled_from(forms))


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Give a program with newlines of every kind, as the text of a file."""
    lines = "\n".join(draw(st.lists(statements(), max_size=6))).split("\n")
    newlines = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\n", "\n\x0c\n", "\r\n"], ["\r"]]))
    pieces = [line + draw(st.sampled_from(newlines)) for line in lines]
    # A form feed in the middle of a string or after a backslash would be another program.
    text = "".join(pieces)
    return text if draw(st.booleans()) else text.rstrip("\r\n\x0c")


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Give a program as bytes, in an encoding that it declares."""
    text = draw(programs())
    header, encoding = draw(
        st.sampled_from(
            [
                ("", "utf-8"),
                ("\ufeff", "utf-8"),
                ("# coding: latin-1\n", "latin-1"),
                ("#!/bin/x\n# -*- coding: cp1251 -*-\r\n", "cp1251"),
                ("# coding: utf-16-nonsense\n", "utf-8"),
            ]
        )
    )
    return (header + text).encode(encoding, errors="replace")


@st.composite
def notebooks(draw: st.DrawFn) -> bytes:
    """Give a notebook in one of the styles that tools write."""
    cells = []
    for text in draw(st.lists(programs(), max_size=4)):
        as_lines = draw(st.booleans())
        magic = draw(st.sampled_from(["", "", "%%time\n", "!ls é\n", "%%bash\n", "a?\n"]))
        source = (magic + text).splitlines(keepends=True) if as_lines else magic + text
        kind = draw(st.sampled_from(["code", "code", "markdown"]))
        members = [("cell_type", kind), ("outputs", [{"text": f'"{OLD}"', "n": 1.50}]), ("source", source)]
        cells.append(dict(draw(st.permutations(members))))
    document = {"metadata": {"é": None, "cells": [OLD]}, "cells": cells, "nbformat": 4}
    indent = draw(st.sampled_from([None, 1, 2, "\t"]))
    written = json.dumps(document, indent=indent, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        written = written.replace("\n", "\r\n") + "\r\n"
    return (draw(st.sampled_from(["", "\ufeff"])) + written).encode()


def planned(source: Source, data: st.DataObject) -> tuple[Edit, ...]:
    """Plan the rename in some of the strings that name the old model."""
    lines, plan = sources.offsets(source), []
    for node in ast.walk(sources.parse(source)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and data.draw(st.booleans())):
            continue
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        span = lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        found = literals.rename_in_literal(lines.slice(span), OLD, NEW)
        if found is not None:
            inside, text = found
            place = Span(span.start + inside.start, span.start + inside.end)
            plan.append(Edit(source.shown, place, text, "model"))
    return edits.merge(plan)


def check(source: Source, draw: st.DataObject) -> None:
    """Say that every byte outside the edits stays, and that the proofs agree."""
    assert edits.apply(source, ()) == source.data
    plan = planned(source, draw)
    after = edits.apply(source, plan)
    changed = sources.read(source.path, source.shown, after)
    assert isinstance(changed, Source)
    before_text, after_text, at, moved = source.text.encode(), changed.text.encode(), 0, 0
    for edit in plan:
        assert before_text[at : edit.span.start] == after_text[at + moved : edit.span.start + moved]
        at, moved = edit.span.end, moved + len(edit.text) - (edit.span.end - edit.span.start)
    assert before_text[at:] == after_text[at + moved :]
    assert len(after) - len(source.data) == moved or source.encoding not in {"utf-8", "utf-8-sig"}
    reason = verify.prove(source, plan, after)
    odd = "\x0c" in source.text or "\r" in source.text.replace("\r\n", "")
    assert reason is None or (odd and "LibCST does not" in reason)
    back = [Edit(e.shown, moved_span, old, "back") for e, moved_span, old in inverse(source, plan)]
    assert edits.apply(changed, back) == source.data


def inverse(source: Source, plan: tuple[Edit, ...]) -> list[tuple[Edit, Span, str]]:
    """Give each edit with the place of its new text and the text that stood there."""
    moved, found, text = 0, [], source.text.encode()
    for edit in plan:
        start = edit.span.start + moved
        old = text[edit.span.start : edit.span.end].decode()
        found.append((edit, Span(start, start + len(edit.text)), old))
        moved += len(edit.text) - len(old)
    return found


@QUICK
@given(data=files(), draw=st.data())
def test_bytes_outside_the_edits_of_a_file_stay(data: bytes, draw: st.DataObject) -> None:
    source = sources.read(Path("a.py"), "a.py", data)
    if isinstance(source, Source):
        check(source, draw)


@QUICK
@given(data=notebooks(), draw=st.data())
def test_bytes_outside_the_edits_of_a_notebook_stay(data: bytes, draw: st.DataObject) -> None:
    source = sources.read(Path("a.ipynb"), "a.ipynb", data)
    assert isinstance(source, Source)
    assert len(source.view.encode()) == len(source.text.encode())
    for cell in source.cells:
        for run in cell.runs:
            assert cell.span.start <= run.text.start < run.text.end <= cell.span.end
    check(source, draw)


@QUICK
@given(st.binary(max_size=60), st.sampled_from(["a.py", "a.ipynb"]))
def test_any_bytes_are_read_or_skipped_with_one_line(data: bytes, name: str) -> None:
    found = sources.read(Path(name), name, data)
    if isinstance(found, Source):
        assert edits.apply(found, ()) == data
    else:
        assert found.reason
        assert "\n" not in found.reason


@QUICK
@given(literal, st.sampled_from([OLD, "openai", "4o", "a"]))
def test_renamed_literal_has_the_value_renamed(text: str, old: str) -> None:
    text = text.removeprefix("(").removesuffix(")")
    found, value = literals.rename_in_literal(text, old, NEW), literals.evaluate(text)
    if found is not None:
        span, replacement = found
        encoded = text.encode()
        changed = encoded[: span.start] + replacement.encode() + encoded[span.end :]
        assert value is not None
        renamed = literals.evaluate(changed.decode())
        # One place, and there as a whole name: "aa'a" has three a's and one name.
        assert renamed in {
            value[:at] + NEW + value[at + len(old) :] for at in range(len(value)) if value[at:].startswith(old)
        }


def test_the_programs_are_worth_trying() -> None:
    """Without this, a strategy that stops parsing would prove nothing."""
    tried, read, changed = 0, 0, 0

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(files(), st.data())
    def count(data: bytes, draw: st.DataObject) -> None:
        nonlocal tried, read, changed
        tried += 1
        source = sources.read(Path("a.py"), "a.py", data)
        if isinstance(source, Source):
            read += 1
            changed += bool(planned(source, draw))

    count()
    assert read > tried // 2
    assert changed > tried // 6
