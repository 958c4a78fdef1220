"""Answer one question: what would this very answer say if one thing in it were wrong?

Defects are planted into a site's own answers to see which of them a comparator or a judge finds there. The same texts
and the same seed give the same defects. Negations and limits are English; the other kinds know no language.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.shadow.comparators.sentences import Sentence, parts

REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "I cannot assist with this.",
    "As an AI, I am not able to answer that.",
    "I'm unable to provide that information.",
    "Sorry, I can't do that.",
)
_VERB = re.compile(r"\b(is|are|was|were|will|can|could|may|must|should|has|have|does|did)\b(?! not\b|n't)", re.I)
_DENIED = re.compile(r"\b(is|are|was|were|will|could|must|should|has|have|does|did)(?: not|n't)\b|\b(can)not\b", re.I)
_TURNED: Mapping[str, str] = {
    "must": "may",
    "may": "must",
    "all": "some",
    "every": "hardly any",
    "before": "after",
    "after": "before",
    "more": "less",
    "always": "never",
    "approved": "rejected",
    "accepted": "declined",
    "allowed": "forbidden",
    "increase": "decrease",
    "increased": "decreased",
    "available": "unavailable",
    "open": "closed",
    "high": "low",
    "higher": "lower",
    "yes": "no",
    "because": "although",
    "if": "unless",
}
_TURN = re.compile(rf"\b({'|'.join(_TURNED)})\b", re.I)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")


@dataclass(frozen=True, slots=True)
class Planted:
    """An answer, and the same with a defect of a kind such as "number" in it."""

    kind: str
    old: str
    new: str


Plant = Callable[[str, random.Random], str | None]


def plant(texts: Sequence[str], seed: int, most: int) -> tuple[Planted, ...]:
    """Plant up to ``most`` defects, as many of each kind as the texts allow, each text with each kind at most once."""
    chance = random.Random(seed)
    shuffled = list(dict.fromkeys(text for text in texts if text.strip()))
    chance.shuffle(shuffled)
    sources = [_planted(kind, make, shuffled, chance) for kind, make in KINDS.items()]
    found: list[Planted] = []
    while sources and len(found) < most:
        drawn = [(source, next(source, None)) for source in sources]
        found += [one for _, one in drawn if one is not None]
        sources = [source for source, one in drawn if one is not None]
    return tuple(found[:most])


def _planted(kind: str, make: Plant, texts: Sequence[str], chance: random.Random) -> Iterator[Planted]:
    for text in texts:
        new = make(text, chance)
        if new is not None and new != text:
            yield Planted(kind, text, new)


def swap_digit(text: str, chance: random.Random) -> str | None:
    """Change one digit; None where there is none."""
    places = [i for i, c in enumerate(text) if c in "0123456789"]
    if not places:
        return None
    at = chance.choice(places)
    return text[:at] + chance.choice([d for d in "123456789" if d != text[at]]) + text[at + 1 :]


def negate(text: str, chance: random.Random) -> str | None:
    """Deny one statement, or take a denial away."""
    denied = list(_DENIED.finditer(text))
    if denied:
        one = chance.choice(denied)
        return text[: one.start()] + (one[1] or one[2]) + text[one.end() :]
    verbs = list(_VERB.finditer(text))
    if not verbs:
        return None
    one = chance.choice(verbs)
    return f"{text[: one.end()]} not{text[one.end() :]}"


def turn(text: str, chance: random.Random) -> str | None:
    """Put a word's opposite in its place, or another limit."""
    words = list(_TURN.finditer(text))
    if not words:
        return None
    one = chance.choice(words)
    other = _TURNED[one[0].lower()]
    return text[: one.start()] + (other.capitalize() if one[0][0].isupper() else other) + text[one.end() :]


def drop_sentence(text: str, chance: random.Random) -> str | None:
    """Leave out one sentence that says something; None where there is but one."""
    said = [part for part in parts(text) if len(Sentence(part).stems) > 2 and text.count(part) == 1]
    if len(parts(text)) < 2 or not said:
        return None
    return " ".join(text.replace(chance.choice(said), "").split(" ")).strip()


def swap_names(text: str, chance: random.Random) -> str | None:
    """Let two names change places; None where there are not two."""
    names = sorted({match[0] for match in _NAME.finditer(text)})
    if len(names) < 2:
        return None
    one, other = chance.sample(names, 2)
    return re.sub(rf"\b(?:{one}|{other})\b", lambda match: other if match[0] == one else one, text)


def refuse(_: str, chance: random.Random) -> str | None:
    """Refuse instead."""
    return chance.choice(REFUSALS)


KINDS: Mapping[str, Plant] = {
    "number": swap_digit,
    "negation": negate,
    "turned word": turn,
    "dropped sentence": drop_sentence,
    "swapped names": swap_names,
    "refusal": refuse,
}
