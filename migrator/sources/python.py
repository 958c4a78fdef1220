"""Answer one question: what Python text is in these bytes?"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

from migrator.model import Skip, Source

_PYTHON_2 = re.compile(
    r"Missing parentheses in call to '(print|exec)'|leading zeros in decimal|invalid hexadecimal literal"
)
# CPython reads no more (MAXLEVEL of its tokenizer); LibCST's parser runs out of its stack far above.
MOST_BRACKETS = 200


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded Python: ``view`` is the same in a syntax that the running interpreter reads."""

    text: str
    view: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no text, with the line and what to do."""

    reason: str


def read(path: Path, shown: str, data: bytes, *, parses: bool = False) -> Source | Skip:
    """Decode a Python file as CPython would, if it can be written again byte for byte.

    ``parses``: the caller takes it that the text parses as it is, and reads again when it does not.
    """
    found = decode(data, parses=parses)
    if isinstance(found, Refusal):
        return Skip(shown, found.reason)
    return Source(path, shown, "python", data, found.text, found.view, found.encoding)


def decode(data: bytes, *, parses: bool = False) -> Text | Refusal:
    """Decode as PEP 263 says; the newlines stay as they are in the file."""
    if b"\0" in data:
        return Refusal(f"line {_line(data, data.index(0))}: a NUL byte, not Python text; exclude the file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        reproduced = text.encode(encoding)
    except UnicodeDecodeError as error:
        return Refusal(f"line {_line(data, error.start)}: not valid {error.encoding}; declare the encoding")
    except (SyntaxError, LookupError, UnicodeError) as error:
        return Refusal(f"line 1: {_first_line(error)}; declare the file's encoding")
    if reproduced != data:
        return Refusal(f"line 1: {encoding} does not give the same bytes back; save the file as UTF-8")
    view = text if parses else lower(text)
    return view if isinstance(view, Refusal) else Text(text, view, encoding)


def lower(text: str) -> str | Refusal:
    """Give ``text`` in a syntax that the running interpreter reads, byte for byte as long."""
    problem = problem_of(text)
    if problem is None:
        return text
    if not isinstance(problem, SyntaxError):
        return Refusal(f"line 1: cannot be parsed ({_first_line(problem)}); exclude the file")
    from migrator.sources import downlevel

    if deepest(text) > MOST_BRACKETS:
        line = problem.lineno or 1
        return Refusal(f"line {line}: more than {MOST_BRACKETS} brackets in each other; exclude the file")
    view = downlevel.lower(text)
    if view is None:
        return Refusal(_explain(problem))
    if problem_of(view) is not None:
        line = problem.lineno or 1
        return Refusal(f"line {line}: needs newer Python syntax; run migrator on a newer Python")
    return view


def deepest(text: str) -> int:
    """Count how many brackets stand in each other at most, those in strings too."""
    depth = most = 0
    for mark in re.finditer(r"[(\[{]|[)\]}]", text):
        depth = max(0, depth + (1 if mark[0] in "([{" else -1))
        most = max(most, depth)
    return most


def tree(text: str) -> ast.Module:
    """Parse as ``ast.parse`` does, with top-level await and without warnings about the code."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: ast.Module = compile(text, "<source>", "exec", flags=flags, dont_inherit=True)
    return module


def problem_of(text: str) -> Exception | None:
    """Say why ``text`` does not parse, or None."""
    try:
        tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return None


def _explain(problem: SyntaxError) -> str:
    line = problem.lineno or 1
    if _PYTHON_2.search(problem.msg):
        return f"line {line}: Python 2 syntax; port the file to Python 3, or exclude it"
    return f"line {line}: {problem.msg}; fix the syntax, or exclude the file"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
