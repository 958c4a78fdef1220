"""Answer one question: do two texts say the same, as far as that can be seen without a model?

Facts decide first: a number, a date or an id that changed, and a sentence that now denies what it said, are
differences however alike the texts are. Then language, refusal, structure and length. What is left is the same
where nearly all words are there again, with the same limits and standing to each other as they did; and else
undecided: that is for embeddings or a judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from migrator.shadow.comparators import form
from migrator.shadow.comparators.facts import Fact, facts, plain
from migrator.shadow.comparators.sentences import (
    MOST,
    Sentence,
    aligned,
    is_rearranged,
    likeness,
    sentences,
)
from migrator.shadow.comparators.words import NO_OPPOSITE, OPPOSITES, PREFIXES
from migrator.shadow.model import Answer, Comparison, Evidence

# The share of the longer text's words that both have, from which two texts are taken for the same.
ALIKE = 0.6
# Sentences that are so much alike and of which one denies say the opposite; of others nobody can tell.
DENIED = 0.7
# So many words of a sentence are few.
FEW = 2
# A word that is turned by its beginning has so many letters: "side" is no opposite of "inside".
SHORTEST = 5
Stems = frozenset[str]
NOTHING: Stems = frozenset()
# All answers of a comparison are compared anew with each look at them; so many pairs are remembered.
REMEMBERED = 65_536


@lru_cache(REMEMBERED)
def compare(old: str, new: str) -> Comparison:
    """Compare two texts."""
    if _folded(old) == _folded(new):
        return Comparison(Answer.SAME)
    found = (*_of_facts(old, new), *_of_polarity(old, new), *form.differences(old, new))
    if found:
        return Comparison(Answer.DIFFERS, found)
    open_ends = tuple(_open(old, new))
    return Comparison(Answer.UNDECIDED if open_ends else Answer.SAME, open_ends)


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


def _lacking(
    one: Counter[tuple[str, str]], other: Counter[tuple[str, str]], *, by_count: bool
) -> list[tuple[str, str]]:
    return [key for key in one if (one[key] > other[key] if by_count else key not in other)]


def _order(found: Sequence[Fact]) -> Mapping[str, list[str]]:
    """The facts of each kind and unit, in their order: two prices may have changed places, a price and a date not."""
    groups: dict[str, list[str]] = {}
    for fact in found:
        group = groups.setdefault(fact.sort, [])
        if fact.said not in group:
            group.append(fact.said)
    return groups


# ---------------------------------------------------------------- yes and no


def _of_polarity(old: str, new: str) -> Iterator[Evidence]:
    """Sentences about the same thing of which one denies what the other says, or says the opposite."""
    for one, other in aligned(sentences(old), sentences(new)):
        opposed = _opposites(one.stems, other.stems)
        if _is_denied(one, other) and not opposed:
            if likeness(one.stems, other.stems) >= DENIED:
                yield Evidence("negation", "", one.text, other.text)
        elif opposed and not _is_denied(one, other):
            yield Evidence("opposite", "", *opposed)


def _is_denied(one: Sentence, other: Sentence) -> bool:
    return one.denials % 2 != other.denials % 2


def _opposites(one: Stems, other: Stems) -> tuple[str, str] | None:
    """A word of the one whose opposite stands in the other, where neither has both."""
    gone, come = one - other, other - one
    pairs = ((word, opposite) for word in sorted(gone) for opposite in sorted(come) if _are_opposite(word, opposite))
    return next(pairs, None)


def _are_opposite(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    is_turned = len(short) >= SHORTEST and short not in NO_OPPOSITE and long in {f"{p}{short}" for p in PREFIXES}
    return is_turned or other in OPPOSITES.get(word, ())


# ---------------------------------------------------------------- what stays open


def _open(old: str, new: str) -> Iterator[Evidence]:
    before, after = sentences(old), sentences(new)
    if len(before) * len(after) > MOST:
        yield Evidence("long", "", f"{len(old.split())} words", f"{len(new.split())} words")
    first, second = facts(old), facts(new)
    if _order(first) != _order(second):
        yield Evidence("order", "", ", ".join(f.said for f in first), ", ".join(f.said for f in second))
    one, other = _stems(before), _stems(after)
    if likeness(one, other) < ALIKE:
        yield Evidence("words", "", _listed(one - other), _listed(other - one))
    alone = [sentence.text for sentence in (*before, *after) if _is_alone(sentence, one & other)]
    if alone:
        yield Evidence("said once", "", *_sides(alone, before))
    # Where sentences were joined or split, a word may have gone to the next one.
    is_split = len(before) != len(after)
    for pair in aligned(before, after):
        yield from _of_sentences(*pair, one if is_split else NOTHING, other if is_split else NOTHING)
    if is_split and is_rearranged(_joined(before), _joined(after)):
        yield Evidence("order of words", "", old, new)
    yield from _of_names(old, new)
    denied = sum(s.denials for s in before), sum(s.denials for s in after)
    if denied[0] % 2 != denied[1] % 2:
        yield Evidence("negation", "", f"{denied[0]} negations", f"{denied[1]} negations")


def _joined(found: Sequence[Sentence]) -> Sentence:
    return Sentence(" ".join(sentence.text for sentence in found))


def _stems(found: Sequence[Sentence]) -> Stems:
    return frozenset(stem for sentence in found for stem in sentence.stems)


def _of_names(old: str, new: str) -> Iterator[Evidence]:
    lost = {name for name in _names(old) if name.casefold() not in new.casefold()}
    added = {name for name in _names(new) if name.casefold() not in old.casefold()}
    if lost and added:
        yield Evidence("names", "", ", ".join(sorted(lost)), ", ".join(sorted(added)))


def _listed(words: Stems) -> str:
    return " ".join(sorted(words)[:12])


def _of_sentences(one: Sentence, other: Sentence, before: Stems, after: Stems) -> Iterator[Evidence]:
    """What may have changed between sentences about the same thing; ``before`` and ``after`` count as said there."""
    if one.limits != other.limits:
        yield Evidence("limits", "", _listed(one.limits - other.limits), _listed(other.limits - one.limits))
    elif one.focus != other.focus:
        yield Evidence("focus", "", _listed(one.focus), _listed(other.focus))
    lost, added = one.stems - other.stems - after, other.stems - one.stems - before
    few = max(FEW, len(one.text.split()) // 6, len(other.text.split()) // 6)
    if 0 < max(len(lost), len(added)) <= few:
        yield Evidence("few words", "", _listed(lost), _listed(added))
    if _is_denied(one, other):
        yield Evidence("negation", "", one.text, other.text)
    if is_rearranged(one, other):
        yield Evidence("order of words", "", one.text, other.text)


def _is_alone(sentence: Sentence, common: Stems) -> bool:
    """Say whether most of what a sentence says is not said in the other text."""
    return len(sentence.stems - common) * 2 > len(sentence.stems)


def _sides(alone: Sequence[str], before: Sequence[Sentence]) -> tuple[str, str]:
    mine = {sentence.text for sentence in before}
    return " ".join(one for one in alone if one in mine), " ".join(one for one in alone if one not in mine)


_NAME = re.compile(r"(?<=[^.!?:\n\s]\s)[A-Z][\w'-]+")


def _names(text: str) -> frozenset[str]:
    """Words with a capital that do not begin a sentence."""
    return frozenset(_NAME.findall(plain(text))) - {"I", "I'm", "I'll", "I've"}
