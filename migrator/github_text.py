"""Answer one question: how does a text get into GitHub's Markdown without becoming a part of it?

No character of what comes from outside, a path or an answer, means anything to Markdown. GitHub looks for ``@ada`` and
``#12`` in the text of the finished page, so that escaping does not stop it: it stays out of ``<code>``, and of a word
with a zero-width space.
"""

from __future__ import annotations

import re
from html import escape

from migrator.evidence_words import visible

# What Markdown, HTML or a table reads as more than a letter.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+!|~&\"'$^=:@-]")
# What GitHub and GitLab make a link of, or a call to a person.
_CALLS = re.compile(r"[@#!$%~^&](?=\w)|:(?=//)|(?<=\bGH)(?=-\d)|(?<=\bwww)(?=\.)")
QUIET = "\u200b"


def _flat(text: str) -> str:
    return " ".join(visible(text).split())


def literal(text: str) -> str:
    """Write a text between Markdown as it is: every mark becomes its number, and nothing becomes a link."""
    return _MARKS.sub(_number, _CALLS.sub(rf"\g<0>{QUIET}", _flat(text)))


def code(text: str) -> str:
    """Write a text between Markdown in the font of code, as literally."""
    return f"<code>{_MARKS.sub(_number, _flat(text))}</code>"


def _number(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def sentence(text: str) -> str:
    """Write a text between HTML, where Markdown is not read; nothing becomes a link."""
    return escape(_CALLS.sub(rf"\g<0>{QUIET}", _flat(text)))


def quoted(text: str) -> str:
    """Write a text between HTML in the font of code."""
    return f"<code>{escape(_flat(text))}</code>"
