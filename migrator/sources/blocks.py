"""Answer one question: on which lines of a document does each block of Python stand?

Markdown is read by markdown-it, with two of its rules off: code that is only indented, since tabs and
admonitions of MkDocs indent their fences, and HTML, since MDX has Markdown between its tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LANGUAGES = frozenset(
    {"python", "py", "python3", "py3", "ipython", "ipython3", "pycon", "python-repl", "python-console"}
)

# ``{code-cell} ipython3`` and ``{code-block} python`` of MyST name the language in the second place.
_DIRECTIVES = frozenset({"code-cell", "code-block", "code", "sourcecode"})
_WORD = re.compile(r"[\w+-]+")
# These lines open a paragraph for CommonMark, which would swallow an indented fence below them.
_MARK = re.compile(r"(?m)^[ \t]*(?:(?:!!!|\?\?\?\+?|===)[ \t].*|<[^>\n]+>[ \t]*)(?=\n[ \t]+(?:`{3}|~{3}))")
_COMMENT = re.compile(r"^[\s>]*(?:<!--|\{/\*)")
_WISH = re.compile(r"^[\s>]*(?:<!--|\{/\*|\.\.)\s*(?P<wish>migrator\b.*?)\s*(?:-->|\*/\}|$)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?P<indent>[ \t]*)\.\. (?:code-block|code|sourcecode|testcode):: *(?P<language>\S*) *$")
_OPTION = re.compile(r"\s*:[\w-]+:")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: the line of its first line of code, from 0, and the lines without what stands before them.

    ``wish`` is the line of a comment for us that stands above the block, or None.
    """

    first: int
    lines: tuple[str, ...]
    wish: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The blocks of Python in a document; ``wishes`` maps the lines of our comments in its prose to them."""

    blocks: tuple[Block, ...]
    wishes: dict[int, tuple[int, str]]


def of_markdown(lines: Sequence[str]) -> Document:
    """Find the fences of Python, except inside comments and inside other fences."""
    fences = tuple(_fences(lines))
    wishes: dict[int, tuple[int, str]] = {}
    hidden = _read_prose(lines, fences, wishes)
    return Document(
        tuple(
            Block(first, body, _wish_above(lines, first - 1, wishes))
            for number, (first, body, language) in enumerate(fences)
            if language in LANGUAGES and number not in hidden
        ),
        wishes,
    )


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # loaded for a document that needs it

    parser = MarkdownIt("commonmark").disable(["code", "html_block"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _fences(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Give each fence: its first line of code, what stands in it, and its language in small letters."""
    text = _MARK.sub("", "\n".join(lines) + "\n")
    for token in _parser().parse(text):
        if token.type == "fence" and token.map:
            yield token.map[0] + 1, _body(token), _language(token.info)


def _body(token: Token) -> tuple[str, ...]:
    body = token.content.split("\n")[:-1]
    if token.info.lstrip().startswith("{"):
        return tuple(_without_options(body))
    return tuple(body)


def _without_options(body: Sequence[str]) -> Iterator[str]:
    is_head = True
    for line in body:
        is_head = is_head and _OPTION.match(line) is not None
        yield "" if is_head else line


def _language(info: str) -> str:
    words = [word[0].lower() for word in _WORD.finditer(info)][:2]
    if len(words) > 1 and info.lstrip().startswith("{") and words[0] in _DIRECTIVES:
        return words[1]
    return words[0] if words else ""


def _read_prose(
    lines: Sequence[str], fences: Sequence[tuple[int, tuple[str, ...], str]], wishes: dict[int, tuple[int, str]]
) -> frozenset[int]:
    """Gather the comments for us, and the numbers of the fences that stand inside a comment."""
    starts = {first - 1: (number, first + len(body)) for number, (first, body, _) in enumerate(fences)}
    hidden: set[int] = set()
    at, inside = 0, False
    while at < len(lines):
        if at in starts:
            number, at = starts[at]
            hidden |= {number} if inside else set()
            continue
        line = lines[at]
        inside = (inside or _COMMENT.match(line) is not None) and not re.search(r"-->|\*/\}", line)
        if wish := _WISH.match(line):
            wishes[at] = (len(line[: wish.start("wish")].encode()), wish["wish"])
        at += 1
    return frozenset(hidden)


def _wish_above(lines: Sequence[str], at: int, wishes: dict[int, tuple[int, str]]) -> int | None:
    """Give the line of our comment above a block, with nothing but empty lines between."""
    above = at - 1
    while above >= 0 and not lines[above].strip(" \t>"):
        above -= 1
    return above if above in wishes else None


def of_rst(lines: Sequence[str]) -> Document:
    """Find the directives of reStructuredText that hold Python."""
    wishes = {
        at: (len(line[: wish.start("wish")].encode()), wish["wish"])
        for at, line in enumerate(lines)
        if line.lstrip().startswith("..") and (wish := _WISH.match(line))
    }
    blocks: list[Block] = []
    for at, line in enumerate(lines):
        head = _DIRECTIVE.match(line)
        if head and (head["language"].lower() in LANGUAGES or "testcode" in line):
            body = tuple(_without_options(_indented(lines, at + 1, len(head["indent"]))))
            blocks.append(Block(at + 1, body, _wish_above(lines, at, wishes)))
    return Document(tuple(blocks), wishes)


def _indented(lines: Sequence[str], at: int, indent: int) -> list[str]:
    """Give the lines that stand deeper than the directive, with the empty ones between them."""
    body: list[str] = []
    for line in lines[at:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        body.append(line)
    return body
