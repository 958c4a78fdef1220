"""Answer one question: what does the page of a reason say to somebody who reads it outside of the documentation?"""

from __future__ import annotations

import re

from migrator.shipped import reasons

_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def page(reason: str) -> str | None:
    """Give ``docs/reasons/<reason>.md`` as Markdown, or None. A link to another page becomes its words alone."""
    path = reasons() / f"{reason}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    return _LINK.sub(r"\1", text)
