"""Answer one question: what is the name of this call's cache key?

Stable, readable, at most 64 characters, and made of nothing but the code's own names.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
MODULE = "<module>"


def key_for(shown: str, qualname: str, ordinal: int, limit: int) -> str:
    """Build ``app.llm.Chat.ask`` from ``src/app/llm.py`` and ``Chat.ask``; a second call there ends in ``-2``."""
    path = PurePosixPath(shown).with_suffix("")
    folders = [part for part in path.parts if part not in ("src", "__init__", "..", ".", "/")]
    names = [_OTHER.sub("-", part).strip("-") for part in folders]
    function = "" if qualname == MODULE else _OTHER.sub("-", qualname.replace("<locals>.", "")).strip("-")
    text = ".".join(part for part in (*names, function) if part) + (f"-{ordinal}" if ordinal > 1 else "")
    return text if len(text) <= limit else _shortened(text, limit)


def _shortened(text: str, limit: int) -> str:
    """Keep the end, which says most, and tell two long names apart by a hash of the whole."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    end = text[-(limit - len(mark) - 1) :]
    whole = end.partition(".")[2]  # the first name may be cut
    return f"{mark}-{(whole or end).lstrip('.-')}"
