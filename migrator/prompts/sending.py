"""Answer one question: which files can hold a call that sends a prompt?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from migrator import discover
from migrator.model import Skip
from migrator.rulebook import Rulebook


def candidates(files: Iterable[discover.File], rules: Rulebook) -> Iterator[discover.Candidate | Skip]:
    """Read the files, and give those whose text has such a call, whatever its model is; and those that failed."""
    sending = _sending(rules)
    for found in discover.candidates(tuple(files), _ends(rules)):
        if isinstance(found, Skip) or sending.match(found.data):
            yield found


def _ends(rules: Rulebook) -> tuple[bytes, ...]:
    """The last names of the callees that take a prompt or a key: a file without one of them sends none."""
    return tuple(sorted({*_last_names(rules, has_prompt=True), *_last_names(rules, has_prompt=False)}))


def _last_names(rules: Rulebook, *, has_prompt: bool) -> frozenset[bytes]:
    surfaces = (s for s in rules.surfaces if bool(s.prompt) == has_prompt and (s.prompt or s.cache_key))
    return frozenset(call.rpartition(".")[2].removesuffix("()").encode() for s in surfaces for call in s.calls)


def _sending(rules: Rulebook) -> re.Pattern[bytes]:
    """A call by such a name. Many names are common, so the file must also name an argument that carries a prompt."""
    slots = (slot for surface in rules.surfaces for slot in surface.prompt.values())
    carriers = sorted({rb"\*\*", *(re.escape(keyword.encode()) for slot in slots for keyword in slot.keywords)})
    common, own = (sorted(map(re.escape, _last_names(rules, has_prompt=has))) for has in (True, False))
    called = rb"(?=.*?\b(?:" + b"|".join(common) + rb")\s*\()" + rb".*?(?:" + b"|".join(carriers) + rb")"
    return re.compile(rb"(?s)" + called + (rb"|.*?\b(?:" + b"|".join(own) + rb")\s*\(" if own else b""))
