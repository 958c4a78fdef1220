"""Answer one question: which values does a text of ``key = value`` lines hold, and where?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.sources.entries import Scalar

_END = r"(?=\r\n|\r|\n|\Z)"
# As python-dotenv reads a line: an optional export, quotes of either kind, a comment behind a blank.
_VARIABLE = re.compile(
    rf"""(?:(?<=\n)|(?<=\r)|(?<!.))[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*
    (?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|(?P<plain>[^\r\n]*?))
    (?:[ \t]+\#[^\r\n]*)?[ \t]*{_END}""",
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_SECTION = re.compile(r"\[(?P<name>[^\]\r\n]+)\]")
_OPTION = re.compile(r"""(?P<key>[^\s=:#;\[][^=:\r\n]*?)[ \t]*[=:][ \t]*(?P<value>[^\r\n]*?)[ \t]*(?=\r|\n|\Z)""")
_QUOTES = ('"', "'")


def variables(text: str) -> Iterator[Scalar]:
    """Give the values of a ``.env`` file; a variable that is set behind ``#`` is a comment."""
    for match in _VARIABLE.finditer(text):
        group = str(next(name for name in ("double", "single", "plain") if match[name] is not None))
        start, end = match.span(group)
        value = match[group]
        yield Scalar((match["key"],), value, start, end, is_text="\n" not in value and "\r" not in value)


def options(text: str) -> Iterator[Scalar]:
    """Give the values of an INI file by section and option; one that goes on in further lines is no text."""
    section: tuple[str, ...] = ()
    last: Scalar | None = None
    for line in _LINE.finditer(text):
        if line[0][:1] in (" ", "\t") and line[0].strip():
            last = _continued(last, line)
            continue
        match = _OPTION.match(text, line.start(), line.end())
        header = _SECTION.match(text, line.start(), line.end())
        if match is None and header is None:
            continue
        if last is not None:
            yield last
        section = (header["name"],) if header else section
        last = None if header or match is None else _option(match, section)
    if last is not None:
        yield last


def _continued(last: Scalar | None, line: re.Match[str]) -> Scalar | None:
    if last is None:
        return None
    end = line.start() + len(line[0].rstrip())
    return Scalar(last.keys, f"{last.value}\n{line[0].strip()}", last.start, end, is_text=False)


def _option(match: re.Match[str], section: tuple[str, ...]) -> Scalar:
    start, end = match.span("value")
    value = match["value"]
    if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
        start, end, value = start + 1, end - 1, value[1:-1]
    return Scalar((*section, match["key"]), value, start, end)
