"""Answer one question: how does a snippet parse whose ``...`` stands for more arguments?

``create(model="gpt-4o", ...)`` → ``create(model="gpt-4o", **_)``, ``{"role": "user", ...}`` →
``{"role": "user", **_}``: as long as before, and as little known as what the dots leave out.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.sources import python

_DOTS, _MORE = "...", "**_"
_CLOSED = {")": "(", "]": "[", "}": "{"}
_SILENT = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})

_Place = tuple[int, int]


@dataclass(slots=True)
class _Group:
    """What stands between two brackets: whether anything there has a name or a key, and the dots so far."""

    bracket: str
    is_named: bool = False
    dots: list[_Place] = field(default_factory=list)


def fill(text: str) -> str:
    """Give ``text``, whose lines end in ``\\n``, with such dots overwritten; one that parses is given back as it is."""
    if _DOTS not in text or python.problem_of(text) is None:
        return text
    lines = text.split("\n")
    try:
        for row, column in tuple(_places(text)):
            line = lines[row - 1]
            lines[row - 1] = line[:column] + _MORE + line[column + len(_DOTS) :]
    except (tokenize.TokenError, SyntaxError, IndexError):
        return text
    return "\n".join(lines)


def _places(text: str) -> Iterator[_Place]:
    groups: list[_Group] = []
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        if token.type in _SILENT:
            continue
        if token.string in _CLOSED.values():
            groups.append(_Group(token.string))
        elif token.string in _CLOSED and groups:
            closed = groups.pop()
            yield from closed.dots if closed.is_named else ()
        elif groups:
            _note(groups[-1], token, before)
        before = token.string


def _note(group: _Group, token: tokenize.TokenInfo, before: str) -> None:
    if token.string == _DOTS and before in (",", "{") and (group.is_named or group.bracket == "{"):
        group.dots.append(token.start)
    elif token.string == {"(": "=", "{": ":"}.get(group.bracket):
        group.is_named = True
