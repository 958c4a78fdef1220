"""Answer one question: are two short answers the same label?"""

from __future__ import annotations

import re

from migrator.shadow.model import Answer, Comparison, Evidence

_AROUND = re.compile(r"^[\s\"'`*_.(\[]+|[\s\"'`*_.!)\]]+$")


def compare(old: str, new: str) -> Comparison:
    """Compare two labels without quotes, stars, a final full stop and the case of letters."""
    if folded(old) == folded(new):
        return Comparison(Answer.SAME)
    return Comparison(Answer.DIFFERS, (Evidence("label", "", old.strip()[:80], new.strip()[:80]),))


def folded(text: str) -> str:
    """A label in the one way in which it is compared."""
    return " ".join(_AROUND.sub("", text).casefold().split())
