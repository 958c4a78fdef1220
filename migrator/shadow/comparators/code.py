"""Answer one question: is this the same program?

Python is the same when its syntax tree is, without comments and docstrings. Other languages are compared as text,
without empty lines and with each run of white space as one.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from migrator.shadow.model import Answer, Comparison, Evidence

_FENCE = re.compile(r"^[ \t]*```([\w+#.-]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.S | re.M)
PYTHON = frozenset({"python", "py", "python3"})


@dataclass(frozen=True, slots=True)
class Block:
    """One program of an answer."""

    language: str
    text: str


def blocks(text: str) -> tuple[Block, ...]:
    """The fenced programs of an answer, or the whole answer as one."""
    found = tuple(Block(language.lower(), body) for language, body in _FENCE.findall(text))
    return found or (Block("", text),)


def compare(old: str, new: str) -> Comparison:
    """Compare the programs of two answers, one by one; the words around them do not count."""
    before, after = blocks(old), blocks(new)
    if len(before) != len(after):
        said = f"{len(before)} programs", f"{len(after)} programs"
        return Comparison(Answer.DIFFERS, (Evidence("programs", "", *said),))
    found = tuple(
        evidence
        for number, (one, other) in enumerate(zip(before, after, strict=True), 1)
        if (evidence := _difference(number, one, other)) is not None
    )
    return Comparison(Answer.DIFFERS if found else Answer.SAME, found)


def _difference(number: int, old: Block, new: Block) -> Evidence | None:
    where = f"program {number}"
    if {old.language, new.language} <= PYTHON | {""}:
        one, other = tree(old.text), tree(new.text)
        if one is not None and one == other:
            return None
        if one is not None:
            kind = "program" if other is not None else "does not parse"
            return Evidence(kind, where, *_first_lines(old.text, new.text))
    elif old.language != new.language and "" not in (old.language, new.language):
        return Evidence("language", where, old.language, new.language)
    if _lines(old.text) == _lines(new.text):
        return None
    return Evidence("program", where, *_first_lines(old.text, new.text))


def tree(text: str) -> str | None:
    """The syntax tree as text, None where it is no Python."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(module)


def _lines(text: str) -> list[str]:
    """The lines that count. What stands in front of a line counts too: it means something in some languages."""
    return [
        f"{line[: len(line) - len(line.lstrip())]}{' '.join(line.split())}"
        for line in text.expandtabs(4).splitlines()
        if line.strip()
    ]


def _first_lines(old: str, new: str) -> tuple[str, str]:
    """The first lines that differ."""
    one, other = _lines(old), _lines(new)
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return " ".join(one[at : at + 1]).strip(), " ".join(other[at : at + 1]).strip()
