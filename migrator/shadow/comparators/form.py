"""Answer one question: do two texts differ in language, structure or length, or does one refuse?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from migrator.shadow.comparators.sentences import parts, words_of
from migrator.shadow.comparators.words import LANGUAGES
from migrator.shadow.model import Evidence

_REFUSAL = re.compile(
    r"\bi(?:'m| am)?\s+(?:sorry,?\s+(?:but\s+)?i(?:'m| am)?\s+)?"
    r"(?:can(?:not|'t)|won't|will not|unable to|not able to|must decline to|not allowed to)\s+"
    r"(?:help|assist|comply|fulfil+|engage|do (?:that|this)|answer (?:that|this)"
    r"|(?:provide|share|discuss|create|generate|write|support|process|respond)"
    r"\s+(?:with\s+|to\s+)?(?:that|this|such|any))"
    r"|\bas an ai(?: language model)?,? i (?:can|do|am)|(?:can't|cannot) (?:help|assist) (?:you )?with (?:that|this)",
    re.I,
)


def differences(old: str, new: str) -> Iterator[Evidence]:
    """Language, refusal, structure and length."""
    if bool(old.strip()) != bool(new.strip()):
        yield Evidence("empty", "", f"{len(old)} characters", f"{len(new)} characters")
        return
    if (one := language(old)) and (other := language(new)) and one != other:
        yield Evidence("language", "", one, other)
    if is_refusal(old) != is_refusal(new):
        yield Evidence("refusal", "", *(("refuses", "answers") if is_refusal(old) else ("answers", "refuses")))
    first, second = structure(old), structure(new)
    if first != second:
        yield Evidence("structure", "", " ".join(sorted(first)) or "text", " ".join(sorted(second)) or "text")
    counts = _length(old), _length(new)
    most = 2.0 if max(counts) >= 40 else 3.0
    if max(counts) >= 12 and max(counts) > most * max(1, min(counts)):
        yield Evidence("length", "", f"{counts[0]} words", f"{counts[1]} words")


def _length(text: str) -> int:
    """The words of a text, without courtesies."""
    return sum(len(part.split()) for part in parts(text))


_ENTRY = re.compile(r"[ \t]*(?:[-*•+]|\d{1,3}[.)])[ \t]+\S")
_HEADING = re.compile(r"#{1,6}[ \t]")


def structure(text: str) -> frozenset[str]:
    """What a text is made of beside paragraphs."""
    lines = text.splitlines()
    entries = [_ENTRY.match(line) is not None for line in lines]
    found = {
        "headings": any(_HEADING.match(line) for line in lines),
        "list": any(one and other for one, other in pairwise(entries)),
        "table": any("---" in line and "|" in line and set(line) <= set("|:- \t") for line in lines),
        "code": any(line.lstrip().startswith("```") for line in lines),
    }
    return frozenset(name for name, is_there in found.items() if is_there)


def language(text: str) -> str:
    """The language of a text by its script or its commonest words; empty where neither says it clearly."""
    letters = [c for c in text if c.isalpha()]
    for name, first, last in _SCRIPTS:
        if sum(first <= c <= last for c in letters) * 3 > len(letters) > 0:
            return name
    words = Counter(words_of(text))
    hits = sorted(((sum(words[w] for w in common), name) for name, common in LANGUAGES.items()), reverse=True)
    return hits[0][1] if hits[0][0] >= 3 and hits[0][0] >= 1.5 * hits[1][0] else ""


_SCRIPTS = (
    ("Japanese", "\u3040", "\u30ff"),
    ("Korean", "\uac00", "\ud7af"),
    ("Chinese", "\u4e00", "\u9fff"),
    ("Cyrillic", "\u0400", "\u04ff"),
    ("Arabic", "\u0600", "\u06ff"),
    ("Greek", "\u0370", "\u03ff"),
    ("Hebrew", "\u0590", "\u05ff"),
    ("Devanagari", "\u0900", "\u097f"),
)


def is_refusal(text: str) -> bool:
    """Say whether a text begins by refusing."""
    return _REFUSAL.search(text[:240].replace("’", "'")) is not None
