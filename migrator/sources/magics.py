"""Answer one question: what is left of a cell when IPython's own syntax is blanked, every offset kept?"""

from __future__ import annotations

import re

from migrator.sources import python

# The body of these cells is Python in the same namespace; any other cell magic takes the whole cell.
_PYTHON_BODIES = frozenset({"time", "timeit", "capture", "prun", "debug", "memit", "wandb"})
_EMPTY_LINES = re.compile(r"(?:[ \t\f]*(?:\r\n|\r|\n))*")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_CELL_MAGIC = re.compile(r"%%(\w+)")
# A line that a backslash carries on belongs to the magic, as in IPython.
_REST = r"(?:[^\r\n\\]|\\(?:\r\n|(?s:.)|\Z))*"
_STARTS = r"(?:%(?!%)|[!?,;/]|(?:pip3?|conda|mamba)[ ]+install\b)"
_HELP = r"[\w.*]+\?\??[ \t]*(?=[\r\n]|\Z)"
_COMMAND = re.compile(rf"(?P<indent>[ \t]*)(?P<command>{_STARTS}{_REST}|{_HELP})")
_ASSIGNMENT = re.compile(r"[ \t]*[\w.,*\[\]'\" ()]+?=[ \t]*(?P<command>[%!](?!=)" + _REST + r")")
_TIMED = re.compile(r"%time(?:it)?[ \t]+(?!-)")
_LEXEME = re.compile(
    r'"""(?:\\.|(?!""").)*(?:"""|\Z)' + r"|'''(?:\\.|(?!''').)*(?:'''|\Z)"
    r'|"(?:\\(?:\r\n|.)|[^"\\\r\n])*"?' + r"|'(?:\\(?:\r\n|.)|[^'\\\r\n])*'?"
    r"|\#[^\r\n]*|\\(?:\r\n|.)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<newline>\r\n|\r|\n)|[^\"'\#\\()\[\]{}\r\n]+",
    re.DOTALL,
)


def blank(text: str) -> str:
    """Blank the magics of one cell. A cell that is Python as it stands is given back as it is."""
    body = _EMPTY_LINES.match(text)
    start = 0 if body is None else body.end()
    magic = _CELL_MAGIC.match(text, start)
    if magic is None:
        return text if python.problem_of(text) is None else _blank_lines(text)
    if magic[1] not in _PYTHON_BODIES:
        return spaces(text)
    end = _line_end(text, start)
    return spaces(text[:end]) + blank(text[end:])


def _line_end(text: str, at: int) -> int:
    newline = _NEWLINE.search(text, at)
    return len(text) if newline is None else newline.start()


def spaces(text: str) -> str:
    """Overwrite everything but the newlines by spaces, byte for byte."""
    return re.sub(r"[^\r\n]", lambda match: " " * len(match[0].encode()), text)


def _blank_lines(text: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(text):
        end = at
        if command := _COMMAND.match(text, at):
            parts += [command["indent"], _statement(command["command"])]
            end = command.end()
        elif assigned := _ASSIGNMENT.match(text, at):
            parts += [text[at : assigned.start("command")], _filled("...", assigned["command"])]
            end = assigned.end()
        following = _logical_end(text, end)
        parts.append(text[end:following])
        at = following
    return "".join(parts)


def _statement(command: str) -> str:
    """Give a statement as long as the command: ``%time x = 1`` is ``if 1: x = 1``, others are ``pass``."""
    if (timed := _TIMED.match(command)) and "\n" not in command:
        candidate = "if 1:".ljust(timed.end()) + command[timed.end() :]
        if python.problem_of(candidate) is None:
            return candidate
    return _filled("pass", command)


def _filled(word: str, command: str) -> str:
    """Overwrite a command by a word and spaces; one too short for the word becomes ``0``."""
    first = re.split(r"\\?[\r\n]", command, maxsplit=1)[0]
    blanked = re.sub(r"[^\r\n]", lambda match: " " * len(match[0].encode()), command)
    start = word if len(first.encode()) >= len(word) else "0"
    return start + blanked[len(start) :]


def _logical_end(text: str, at: int) -> int:
    """Give the end of the logical line at ``at``, its newline included."""
    depth = 0
    for lexeme in _LEXEME.finditer(text, at):
        depth += (lexeme["open"] is not None) - (lexeme["close"] is not None)
        if lexeme["newline"] is not None and depth <= 0:
            return lexeme.end()
    return len(text)
