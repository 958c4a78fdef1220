"""Answer one question: which sentences of two texts are about the same thing, and which words carry their meaning?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from migrator.shadow.comparators.facts import facts, plain, rest
from migrator.shadow.comparators.words import COURTESY, IDIOMS, IRREGULAR, LIMITS, NEGATIONS, STOP_WORDS

# Sentences of which this share of words agrees are taken to be about the same thing.
ALIGNED = 0.4
# So many pairs of sentences are looked at; longer texts are left undecided.
MOST = 100_000
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+(?:'[^\W\d_]+)*")
_SHORTENED = re.compile(r"'(?:s|re|ve|ll|d|m)$")
_COURTESY = re.compile(rf"{COURTESY}[\s.!,?]*", re.I)
_OPENING = re.compile(r"^\s*(?:sure|certainly|of course|absolutely|great question)(?:[!,.]+)\s+", re.I)
_IDIOMS = tuple((re.compile(rf"(?<!\w)(?:{said})(?!\w)", re.I), meant) for said, meant in IDIOMS)
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\s+(?:[a-z]+\s+){1,2}by\s+(?!\d)", re.I)
_MAY = re.compile(r"(?<=\w\s)May\b")
# Words that say what stands to what: in another order they say something else.
_RELATIONS = frozenset(("to", "from", "in", "than", "of", "before", "after", "because", "if", "unless", "but", "be"))
_BE = frozenset(("is", "are", "was", "were"))


# What a sentence is a row of: a word, or a fact with its sort.
Mark = tuple[str, str]


@dataclass(frozen=True)
class Sentence:
    """One sentence, without idioms; what is read out of it is kept, since each is compared with many."""

    text: str

    @cached_property
    def rest(self) -> str:
        """What stands beside its facts; the month May is told from the word, at the same length."""
        return _MAY.sub("Mai", rest(self.text))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words beside its facts, in small letters and without ``'s``."""
        return tuple(_SHORTENED.sub("", word) for word in words_of(self.rest))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The words that carry the meaning, without their common endings."""
        return frozenset(stem(word) for word in self.words if _is_content(word))

    @cached_property
    def marks(self) -> frozenset[str]:
        """Stems and facts: what a sentence is about."""
        return self.stems | {fact.said for fact in facts(self.text)}

    @cached_property
    def denials(self) -> int:
        """How often it denies."""
        return sum(map(is_denial, self.words))

    @cached_property
    def limits(self) -> frozenset[str]:
        """The classes of the words that limit it."""
        return frozenset(LIMITS[word] for word in self.words if word in LIMITS)

    @cached_property
    def focus(self) -> frozenset[str]:
        """The stems right behind a denial or an ``only``: what is denied, and what the limit is for."""
        behind = (
            next((stem(other) for other in self.words[at + 1 :] if _is_content(other)), "")
            for at, word in enumerate(self.words)
            if is_denial(word) or LIMITS.get(word) == "only"
        )
        return frozenset(behind)

    @cached_property
    def is_passive(self) -> bool:
        """Say whether somebody is named by whom it is done: ``approved by the manager``."""
        return _PASSIVE.search(self.text) is not None

    @cached_property
    def course(self) -> tuple[Mark, ...]:
        """Facts, stems and relations in their order, each that is there once."""
        marks = [(fact.at, (fact.sort, fact.said)) for fact in facts(self.text)]
        for match in _WORD.finditer(self.rest):
            word = _SHORTENED.sub("", match[0].casefold())
            is_letter = len(match[0]) == 1 and match[0].isupper() and match[0] != "I" and match.start() > 0
            said = match[0] if is_letter else "be" if word in _BE else word
            if is_letter or said in _RELATIONS or _is_content(said):
                marks.append((match.start(), ("", said if is_letter or said in _RELATIONS else stem(said))))
        times = Counter(mark for _, mark in marks)
        return tuple(mark for _, mark in sorted(marks) if times[mark] == 1)


Aligned = tuple[Sentence, Sentence]


@lru_cache(maxsize=64)
def sentences(text: str) -> tuple[Sentence, ...]:
    """Give the sentences of a text, each once, without courtesies and idioms."""
    return tuple(Sentence(_meant(part)) for part in dict.fromkeys(parts(text)))


def parts(text: str) -> tuple[str, ...]:
    """Give the sentences of a text as they are, without those that only greet or offer help."""
    found = (_OPENING.sub("", part).strip() for part in _END.split(plain(text)))
    return tuple(part for part in found if part and not _COURTESY.fullmatch(part))


def _meant(text: str) -> str:
    for said, meant in _IDIOMS:
        text = said.sub(meant, text)
    return text


def aligned(old: Sequence[Sentence], new: Sequence[Sentence]) -> Iterator[Aligned]:
    """Pair each sentence with the one of the other text that is about the same thing, where there is one."""
    if len(old) * len(new) > MOST:
        return
    found = dict.fromkeys(
        (
            *((one, other) for one in old if (other := _best(one, new)) is not None),
            *((one, other) for other in new if (one := _best(other, old)) is not None),
        )
    )
    yield from found


def _best(one: Sentence, others: Sequence[Sentence]) -> Sentence | None:
    best = max(others, key=lambda other: _closeness(one.marks, other.marks), default=None)
    return best if best is not None and overlap(one.marks, best.marks) >= ALIGNED else None


def _closeness(one: frozenset[str], other: frozenset[str]) -> tuple[float, float]:
    return overlap(one, other), likeness(one, other)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the shorter one's words that both have."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the longer one's words that both have; of none and none, all."""
    return len(one & other) / max(len(one), len(other), 1) if one or other else 1.0


def words_of(text: str) -> list[str]:
    """The words of a text in small letters; of Chinese, the characters."""
    return [word.casefold() for word in _WORD.findall(text.replace("’", "'"))]


def is_denial(word: str) -> bool:
    """Say whether a word denies the sentence in which it stands."""
    return word in NEGATIONS or word.endswith("n't") or word.startswith("n'")


def _is_content(word: str) -> bool:
    return word not in STOP_WORDS and word not in LIMITS and not is_denial(word)


def stem(word: str) -> str:
    """Cut the common endings off an English word, and write it as Americans do."""
    word = IRREGULAR.get(word, word).replace("grey", "gray")
    word = word[:-2] + "er" if word.endswith("tre") and len(word) > 4 else word
    word = word.replace("our", "or") if len(word) > 5 else word
    word = word.replace("isation", "ization").replace("ise", "ize").replace("ising", "izing")
    for ending in ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def is_rearranged(one: Sentence, other: Sentence) -> bool:
    """Say whether two things have changed places: "the dog bites the man" and "the man bites the dog".

    Each then stands beside what the other stood beside. A part that moved as a whole changes nothing ("On Monday we
    met", "We met on Monday"), nor does a sentence that was turned into the passive, where its two parts must change.
    """
    common = set(one.course) & set(other.course)
    before, after = ([mark for mark in course if mark in common] for course in (one.course, other.course))
    if one.is_passive != other.is_passive:
        return before == after and len(before) > 2
    return _have_changed_places(before, after) and _have_changed_places(before[::-1], after[::-1])


def _have_changed_places(before: Sequence[Mark], after: Sequence[Mark]) -> bool:
    """Say whether two words, or two facts of one sort, each stand behind what the other stood behind."""
    was, now = (dict(zip(course, (None, *course), strict=False)) for course in (before, after))
    behind = {mark: follower for follower, mark in now.items()}
    pairs = ((one, behind[mark]) for one, mark in was.items() if mark in behind)
    return any(one != other and one[0] == other[0] and was[other] == now[one] for one, other in pairs)
