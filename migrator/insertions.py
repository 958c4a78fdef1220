"""Answer one question: which bytes add an argument to a call, or an entry to a dictionary, in the file's own style?

One argument per line or all on one line, the trailing comma, the indentation and the quotes are those
that stand there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from migrator.flow.unit import Unit
from migrator.model import Edit, Span

COPY = "{**"
_AFTER = re.compile(rb"(?:\s|\\\r?\n|#[^\r\n]*)*,")
_TABLE = re.compile(r"(?s)(?P<before>\s*,?\s*)(?P<name>\w+)=\{(?P<inside>.*)\}(?P<after>,?)")
_REST = re.compile(rb"[ \t]*(#[^\r\n]*)?(?=\r?\n|\r|\Z)")


def argument(unit: Unit, call: ast.Call, text: str, transform: str) -> tuple[Edit, ...]:
    """Add ``name=value`` behind the last argument of a call."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    end = unit.span(call).end - 1
    last = max((_end(unit, node) for node in given), default=None)
    return _behind(unit, last, end, text, transform, _start(unit, call, given))


def entry(unit: Unit, table: ast.Dict, text: str, transform: str) -> tuple[Edit, ...]:
    """Add ``"key": value`` behind the last entry of a dictionary display."""
    end = unit.span(table).end - 1
    last = max((_end(unit, node) for node in table.values), default=None)
    firsts = [k if k is not None else v for k, v in zip(table.keys, table.values, strict=True)]
    return _behind(unit, last, end, text, transform, unit.span(firsts[-1]).start if firsts else None)


def copied(unit: Unit, held: ast.expr, text: str, transform: str) -> tuple[Edit, ...]:
    """Put a copy of a dictionary with one more entry in its place: ``{**held, "key": value}``."""
    span, shown = unit.span(held), unit.source.shown
    before = Edit(shown, Span(span.start, span.start), COPY, transform)
    return before, Edit(shown, Span(span.end, span.end), f", {text}}}", transform)


def quote(unit: Unit, near: ast.AST) -> str:
    """The quote that the strings around use; double where there is none."""
    strings = [n for n in ast.walk(near) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    marks = [next((letter for letter in unit.code(n) if letter in "\"'"), '"') for n in strings]
    return "'" if marks.count("'") > marks.count('"') else '"'


def joined(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Put insertions at one place into one edit, in their order, with a comma between those that have none."""
    found: dict[tuple[str, Span], Edit] = {}
    for edit in edits:
        key = (edit.shown, edit.span)
        first = found.get(key)
        if first is None or edit.span.start != edit.span.end or first.text == edit.text == ",":
            found[key] = edit
            continue
        tables = _TABLE.fullmatch(first.text), _TABLE.fullmatch(edit.text)
        if tables[0] and tables[1] and tables[0]["name"] == tables[1]["name"]:
            # Both make the same dictionary: it is made once, with what both put into it.
            both = f"{tables[0]['inside']}, {tables[1]['inside']}"
            text = f"{tables[0]['before']}{tables[0]['name']}={{{both}}}{tables[0]['after']}"
            found[key] = replace(edit, text=text)
            continue
        needs = not first.text.rstrip().endswith(",") and not edit.text.lstrip().startswith(",")
        # The last one names the edit: a key and a parameter together are proven as parameters.
        found[key] = replace(edit, text=f"{first.text}{',' if needs else ''}{edit.text}")
    return tuple(found.values())


def _start(unit: Unit, call: ast.Call, given: list[ast.expr]) -> int | None:
    """Where the last argument begins, its name included."""
    if call.keywords and (not call.args or unit.span(call.keywords[-1]).start > unit.span(call.args[-1]).start):
        return unit.span(call.keywords[-1]).start
    return unit.span(given[-1]).start if given else None


def _end(unit: Unit, node: ast.AST) -> int:
    """The end of an expression with the parentheses around it, which the tree does not have."""
    data = unit.lines.encoded
    span = unit.span(node)
    start, end = span.start, span.end
    while True:
        before = re.search(rb"\(\s*\Z", data[:start])
        after = re.match(rb"(?:\s|#[^\r\n]*\r?\n)*\)", data[end:])
        parent = unit.parent(node)
        if before is None or after is None or _is_own(unit, parent, before.start()):
            return end
        start, end = before.start(), end + after.end()


def _is_own(unit: Unit, parent: ast.AST, paren: int) -> bool:
    """Say whether a parenthesis is the call's, and not one around the argument."""
    holder = unit.parent(parent) if isinstance(parent, ast.keyword) else parent
    return isinstance(holder, ast.Call) and paren < _opening(unit, holder) + 1


def _opening(unit: Unit, call: ast.Call) -> int:
    return unit.lines.encoded.index(b"(", unit.span(call.func).end)


def _behind(unit: Unit, last: int | None, end: int, text: str, transform: str, start: int | None) -> tuple[Edit, ...]:
    return tuple(
        Edit(unit.source.shown, Span(at, at), added, transform)
        for at, added in _places(unit.lines.encoded, last, end, text, start, unit.source.kind == "notebook")
    )


def _places(
    data: bytes, last: int | None, end: int, text: str, start: int | None, is_flat: bool
) -> Iterator[tuple[int, str]]:
    """The insertions: one, or two where a comment stands between the comma and the new line."""
    if last is None or start is None:
        yield end, text
        return
    comma = _AFTER.match(data, last, end)
    at = comma.end() if comma else last
    indent = _indent(data, start)
    closing = data[at:end]
    if indent is None or is_flat or not _breaks(closing):
        yield at, f" {text}," if comma else f", {text}"
        return
    newline = "\r\n" if b"\r\n" in data else "\n"
    rest = _REST.match(data, at)
    line_end = rest.end() if rest else at
    line = f"{newline}{indent}{text}{',' if comma else ''}"
    if comma or line_end == at:
        yield line_end, line if comma else f",{line}"
    else:
        yield at, ","
        yield line_end, line


def _breaks(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text


def _indent(data: bytes, start: int) -> str | None:
    """The white space before an argument that begins its line; None for one that does not."""
    begin = max(data.rfind(b"\n", 0, start), data.rfind(b"\r", 0, start)) + 1
    before = data[begin:start]
    return before.decode() if before.strip() == b"" and begin else None
