"""Answer one question: do two texts say the same, as far as that can be seen without a model?

Facts decide first: a number, a date or an id that changed, and a sentence that now denies what it said, are
differences however alike the texts are. Then language, refusal, structure and length. What is left is the same
where most of the words are, and else undecided: that is for embeddings or a judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from migrator.shadow.comparators.facts import Fact, facts, plain, rest
from migrator.shadow.comparators.words import LANGUAGES, LIMITS, NEGATIONS, OPPOSITES, STOP_WORDS
from migrator.shadow.model import Answer, Comparison, Evidence

# The share of the shorter text's words that both have, from which two texts are taken for the same.
ALIKE = 0.5
# Sentences of which this share of words agrees are taken to be about the same thing.
ALIGNED = 0.4
# So many pairs of sentences are looked at; longer texts are left undecided.
MOST = 100_000
# So many words of a sentence are few.
FEW = 2
HARMLESS = STOP_WORDS - LIMITS
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_REFUSAL = re.compile(
    r"\bi(?:'m| am)?\s+(?:sorry,?\s+(?:but\s+)?i(?:'m| am)?\s+)?"
    r"(?:can(?:not|'t)|won't|will not|unable to|not able to|must decline to|not allowed to)\s+"
    r"(?:help|assist|comply|fulfil+|engage|do (?:that|this)|answer (?:that|this)"
    r"|(?:provide|share|discuss|create|generate|write|support|process|respond)"
    r"\s+(?:with\s+|to\s+)?(?:that|this|such|any))"
    r"|\bas an ai(?: language model)?,? i (?:can|do|am)|(?:can't|cannot) (?:help|assist) (?:you )?with (?:that|this)",
    re.I,
)


def compare(old: str, new: str) -> Comparison:
    """Compare two texts."""
    if _folded(old) == _folded(new):
        return Comparison(Answer.SAME)
    found = (*_of_facts(old, new), *_of_polarity(old, new), *_of_form(old, new))
    if found:
        return Comparison(Answer.DIFFERS, found)
    open_ends = tuple(_open(old, new))
    return Comparison(Answer.UNDECIDED if open_ends else Answer.SAME, open_ends)


def is_refusal(text: str) -> bool:
    """Say whether a text begins by refusing."""
    return _REFUSAL.search(text[:240].replace("’", "'")) is not None


def _folded(text: str) -> str:
    return " ".join(plain(text).casefold().split()).rstrip(".!")


# ---------------------------------------------------------------- facts


def _of_facts(old: str, new: str) -> Iterator[Evidence]:
    """Facts that are gone or new. One said twice is the same as once, unless another is said less often instead."""
    before, after = Counter(f.key for f in facts(old)), Counter(f.key for f in facts(new))
    swapped = before.keys() == after.keys() and before.total() == after.total()
    gone = _lacking(before, after, by_count=swapped)
    come = _lacking(after, before, by_count=swapped)
    for kind in ("number", "date", "time", "id"):
        lost = [said for named, said in gone if named == kind]
        added = [said for named, said in come if named == kind]
        if lost or added:
            yield Evidence(kind, "", ", ".join(lost), ", ".join(added))


Key = tuple[str, str]


def _lacking(
    one: Counter[tuple[str, str]], other: Counter[tuple[str, str]], *, by_count: bool
) -> list[tuple[str, str]]:
    return [key for key in one if (one[key] > other[key] if by_count else key not in other)]


def _order(found: Sequence[Fact]) -> Mapping[Key, list[str]]:
    """The facts of each kind and unit, in their order: two prices may have changed places, a price and a date not."""
    groups: dict[Key, list[str]] = {}
    for fact in found:
        unit = fact.said.partition(" ")[2] if fact.kind == "number" else ""
        group = groups.setdefault((fact.kind, unit), [])
        if fact.said not in group:
            group.append(fact.said)
    return groups


# ---------------------------------------------------------------- yes and no


def _of_polarity(old: str, new: str) -> Iterator[Evidence]:
    """Sentences about the same thing of which one denies what the other says, or says the opposite."""
    for said, stems, other, others in _aligned(old, new):
        if _denials(said) % 2 != _denials(other) % 2:
            opposed = _opposites(stems, others)
            if not opposed:
                yield Evidence("negation", "", said, other)
        elif opposed := _opposites(stems, others):
            yield Evidence("opposite", "", *opposed)


Stems = frozenset[str]


def _aligned(old: str, new: str) -> Iterator[tuple[str, Stems, str, Stems]]:
    """Each sentence of the old text with the one of the new that is about the same thing, and the stems of both."""
    if _is_long(old, new):
        return
    sentences = [(one, _stems(one)) for one in _sentences(new)]
    for said in _sentences(old):
        stems = _stems(said)
        best = max(sentences, key=lambda one: _overlap(stems, one[1]), default=None)
        if best is not None and _overlap(stems, best[1]) >= ALIGNED:
            yield said, stems, *best


def _is_long(old: str, new: str) -> bool:
    """Say whether two texts have too many sentences to look at each with each."""
    return len(_sentences(old)) * len(_sentences(new)) > MOST


def _sentences(text: str) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in _SENTENCE.split(plain(text)) if one.strip()))


def _denials(sentence: str) -> int:
    words = _words(sentence)
    return sum(word in NEGATIONS or word.endswith("n't") for word in words)


def _opposites(one: frozenset[str], other: frozenset[str]) -> tuple[str, str] | None:
    """A word of the one whose opposite stands in the other, where neither has both."""
    for word in sorted(one - other):
        for opposite in OPPOSITES.get(word, ()):
            if opposite in other and opposite not in one:
                return word, opposite
    return None


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text.replace("’", "'"))]


def _stems(text: str) -> frozenset[str]:
    """The words that carry the meaning, without their common endings."""
    return frozenset(
        stem(word) for word in _words(text) if word not in STOP_WORDS and word not in NEGATIONS and "n't" not in word
    )


def stem(word: str) -> str:
    """Cut the common endings off an English word."""
    word = word.removesuffix("'s")
    for ending in ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


# ---------------------------------------------------------------- form


def _of_form(old: str, new: str) -> Iterator[Evidence]:
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
    counts = len(old.split()), len(new.split())
    most = 2.0 if max(counts) >= 40 else 3.0
    if max(counts) >= 12 and max(counts) > most * max(1, min(counts)):
        yield Evidence("length", "", f"{counts[0]} words", f"{counts[1]} words")


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
    words = Counter(_words(text))
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


# ---------------------------------------------------------------- what stays open


def _open(old: str, new: str) -> Iterator[Evidence]:
    if _is_long(old, new):
        yield Evidence("long", "", f"{len(old.split())} words", f"{len(new.split())} words")
    first, second = facts(old), facts(new)
    if _order(first) != _order(second):
        yield Evidence("order", "", ", ".join(f.said for f in first), ", ".join(f.said for f in second))
    one, other = _stems(old), _stems(new)
    if _overlap(one, other) < ALIKE:
        yield Evidence("words", "", " ".join(sorted(one - other)[:12]), " ".join(sorted(other - one)[:12]))
    yield from _edits(old, new)
    one_names, other_names = _names(old), _names(new)
    lost = {name for name in one_names if name.casefold() not in new.casefold()}
    added = {name for name in other_names if name.casefold() not in old.casefold()}
    if lost and added:
        yield Evidence("names", "", ", ".join(sorted(lost)), ", ".join(sorted(added)))
    denied = sum(map(_denials, _sentences(old))), sum(map(_denials, _sentences(new)))
    if denied[0] % 2 != denied[1] % 2 and not tuple(_of_polarity(old, new)):
        yield Evidence("negation", "", f"{denied[0]} negations", f"{denied[1]} negations")


def _edits(old: str, new: str) -> Iterator[Evidence]:
    """Sentences that are alike but for a few words that matter: that may be a synonym, or the opposite."""
    for said, _, other, _ in _aligned(old, new):
        gone, come = _changed(_affirmed(said), _affirmed(other))
        few = max(len(gone), len(come)) <= max(FEW, len(said.split()) // 6)
        if few and not HARMLESS.issuperset((*gone, *come)):
            yield Evidence("few words", "", " ".join(gone), " ".join(come))


def _affirmed(sentence: str) -> list[str]:
    """The words without facts and denials, which are compared by themselves."""
    return [word for word in _words(rest(sentence)) if word not in NEGATIONS and not word.endswith("n't")]


def _changed(one: Sequence[str], other: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are gone, and those that came."""
    gone: list[str] = []
    come: list[str] = []
    for what, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if what != "equal":
            gone += one[a:b]
            come += other[c:d]
    return gone, come


_NAME = re.compile(r"(?<=[^.!?:\n\s]\s)[A-Z][\w'-]+")


def _names(text: str) -> frozenset[str]:
    """Words with a capital that do not begin a sentence."""
    return frozenset(_NAME.findall(plain(text))) - {"I", "I'm", "I'll", "I've"}
