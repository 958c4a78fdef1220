"""Answer one question: which lines did a person ask us to leave alone?

``# migrator: ignore`` counts for its line, ``# migrator: ignore[until=2027-01-01] reason`` up to that
day, ``# migrator: ignore-file`` alone on a line for the file. Only real comments count. In a document
``<!-- migrator: ignore -->`` above a block counts for the block.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

from migrator.model import Source
from migrator.sources import Lines

WORDS = ("ignore", "ignore-file")
# Other tools' words for the same wish, so that they are not taken for prose.
SYNONYMS = ("skip", "disable", "off", "noqa", "skip-file", "disable-file")

_MENTION = re.compile(r"#\s*migrator\b", re.IGNORECASE)
_COMMENT = re.compile(
    r"#\s*migrator(?P<colon>\s*:\s*|\s+)(?P<word>[\w-]+)\s*(?P<options>\[[^\]#]*\]?)?(?P<reason>(?:(?!\s#\s).)*)",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\[\s*until\s*=\s*(?P<day>[^\s\]]+)\s*\]")
_BLANK = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER})

_Token = tokenize.TokenInfo


@dataclass(frozen=True, slots=True)
class Ignore:
    """A wish to leave something alone: the comment's line, the day it ends or None, and why."""

    line: int
    until: date | None
    reason: str

    def holds(self, today: date) -> bool:
        """Say whether the wish still counts; on the day of ``until`` it no longer does."""
        return self.until is None or today < self.until


@dataclass(frozen=True, slots=True)
class Problem:
    """A comment that cannot be read, and the nearest right spelling."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Pragmas:
    """What the comments of one text ask for; ``lines`` maps each covered line, 1-based, to its wishes."""

    lines: Mapping[int, tuple[Ignore, ...]] = field(default_factory=dict)
    file: Ignore | None = None
    problems: tuple[Problem, ...] = ()

    def ignored(self, line: int, today: date) -> Ignore | None:
        """Give the wish that covers a line today, the file's before the line's."""
        wishes = (*((self.file,) if self.file else ()), *self.lines.get(line, ()))
        return next((wish for wish in wishes if wish.holds(today)), None)

    def expired(self, today: date) -> tuple[Ignore, ...]:
        """Give the wishes that counted once and no longer do."""
        wishes = {wish for group in self.lines.values() for wish in group} | {self.file}
        over = (wish for wish in wishes if wish is not None and not wish.holds(today))
        return tuple(sorted(over, key=lambda wish: wish.line))


@dataclass(frozen=True, slots=True)
class _Comment:
    line: int
    text: re.Match[str]
    is_alone: bool
    covers: range


@lru_cache(maxsize=16)
def pragmas(text: str) -> Pragmas:
    """Read the comments of a text, once for all calls in it; a text without ``# migrator`` in it is not tokenized."""
    if not _MENTION.search(text):
        return Pragmas()
    lines: dict[int, tuple[Ignore, ...]] = {}
    problems: list[Problem] = []
    file: Ignore | None = None
    for comment in _comments(text):
        wish = _wish(comment)
        if isinstance(wish, Problem):
            problems.append(wish)
        elif wish is not None and comment.text["word"] == "ignore-file":
            file = file or wish
        elif wish is not None:
            lines |= {line: (*lines.get(line, ()), wish) for line in comment.covers}
    return Pragmas(lines, file, tuple(problems))


def pragmas_of(source: Source, lines: Lines) -> Pragmas:
    """Read the comments of a source; ``lines`` are those of its text."""
    found = pragmas(source.view)
    if source.kind != "page" or not found.lines:
        return found
    covered = dict(found.lines)
    for cell in source.cells:
        # A comment of the prose begins with a sign that is no byte of the file.
        if cell.runs and cell.runs[0].text.start > cell.span.start:
            first, last = lines.line(cell.span.start), lines.line(cell.span.end)
            wishes = {w for group in found.lines.values() for w in group if w.line == first}
            covered |= {line: (*wishes, *covered.get(line, ())) for line in range(first, last + 1)}
    return Pragmas(covered, found.file, found.problems)


def _wish(comment: _Comment) -> Ignore | Problem | None:
    word, options, reason = comment.text["word"], comment.text["options"], comment.text["reason"].strip()
    if word not in WORDS:
        return _misspelt(comment, word, is_prose=bool(reason and not options))
    if ":" not in comment.text["colon"]:
        return None if reason else Problem(comment.line, f"a colon is missing; write '# migrator: {word}'")
    if word == "ignore-file" and not comment.is_alone:
        return Problem(comment.line, "'ignore-file' must stand alone on a line")
    if not options:
        return Ignore(comment.line, None, reason)
    return _until(comment.line, options, reason)


def _until(line: int, options: str, reason: str) -> Ignore | Problem:
    match = _UNTIL.fullmatch(options)
    if match is None:
        return Problem(line, f"cannot read '{options}'; write '[until=2027-01-01]'")
    try:
        return Ignore(line, date.fromisoformat(match["day"]), reason)
    except ValueError:
        return Problem(line, f"'{match['day']}' is not a date; write '[until=2027-01-01]'")


def _misspelt(comment: _Comment, word: str, *, is_prose: bool) -> Problem | None:
    """Tell a misspelt wish from a sentence such as ``# migrator: runs before the server starts``."""
    close = get_close_matches(word.lower().replace("_", "-"), WORDS, n=1, cutoff=0.7)
    is_wish = ":" in comment.text["colon"] and (close or word.lower() in SYNONYMS or not is_prose)
    if not is_wish:
        return None
    right = close[0] if close else "ignore-file" if "file" in word.lower() else "ignore"
    return Problem(comment.line, f"unknown comment 'migrator: {word}'; did you mean '# migrator: {right}'?")


def _comments(text: str) -> Iterator[_Comment]:
    above: list[_Token] = []
    statement: list[_Token] = []
    for token in _tokens(text):
        if not statement and token.type == tokenize.COMMENT:
            above.append(token)
        elif statement or token.type not in _BLANK:
            statement.append(token)
        if token.type == tokenize.NEWLINE:
            yield from _of_statement(above, statement)
            above, statement = [], []
    yield from _of_statement(above, statement)


def _of_statement(above: Sequence[_Token], statement: Sequence[_Token]) -> Iterator[_Comment]:
    """Give the comments above and in a statement; one that stands alone stands for the code below it."""
    code = [token for token in statement if token.type not in _NO_CODE]
    rows = {row for token in code for row in (token.start[0], token.end[0])}
    for token in (*above, *(token for token in statement if token.type == tokenize.COMMENT)):
        line = token.start[0]
        is_alone = line not in rows
        target = min((row for row in rows if row > line), default=line) if is_alone else line
        covers = _covered(target, statement, code)
        yield from (_Comment(line, match, is_alone, covers) for match in _COMMENT.finditer(token.string))


def _covered(line: int, statement: Sequence[_Token], code: Sequence[_Token]) -> range:
    """Cover the line, what a string or a backslash joins to it, and what a bracket at its edge encloses.

    ``call(  # migrator: ignore`` and ``)  # migrator: ignore`` both cover the whole call.
    """
    breaks = [token.start[0] for token in statement if token.type in (tokenize.NL, tokenize.NEWLINE)]
    first = max((row for row in breaks if row < line), default=0) + 1
    last = min((row for row in breaks if row >= line), default=line)
    here = [token for token in code if first <= token.start[0] <= last]
    if not here:
        return range(line, line + 1)
    partners = _partners(code)
    opening = partners.get(here[0].start, here[0].start)[0]
    closing = partners.get(here[-1].start, here[-1].start)[0]
    return range(min(here[0].start[0], opening), max(last, closing) + 1)


def _partners(code: Sequence[_Token]) -> Mapping[tuple[int, int], tuple[int, int]]:
    """Map the place of each bracket to that of the one it belongs to."""
    partners: dict[tuple[int, int], tuple[int, int]] = {}
    open_places: list[tuple[int, int]] = []
    for token in code:
        if token.type == tokenize.OP and token.string in "([{":
            open_places.append(token.start)
        elif token.type == tokenize.OP and token.string in ")]}" and open_places:
            place = open_places.pop()
            partners |= {token.start: place, place: token.start}
    return partners


def _tokens(text: str) -> Iterator[_Token]:
    """Tokenize a text; from where that fails, every line that looks like a comment is taken for one."""
    done = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            done = token.end[0]
            yield token
    except (tokenize.TokenError, SyntaxError):
        for row, line in enumerate(io.StringIO(text, newline=""), 1):
            if row > done and (match := _MENTION.search(line)):
                comment = line[match.start() :].rstrip("\r\n")
                yield _Token(tokenize.COMMENT, comment, (row, match.start()), (row, len(line)), line)
