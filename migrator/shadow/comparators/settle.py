"""Answer one question: what becomes of answers that the comparators left undecided?

Their texts are given to steps one after the other, first embeddings, then a judge; each is asked only about what is
left. No step is asked about a pair in which a fact differs, so none can overrule that. What no step decides stays
undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migrator.shadow.model import Answer, Comparison, Kind, Reply

OPEN = "open text"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two texts of which nobody can say yet whether they say the same, and what was asked for them."""

    old: str
    new: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two answers of one contract, what was found between them, and the request as text."""

    kind: Kind
    old: Reply
    new: Reply
    found: Comparison
    task: str = ""

    def doubts(self) -> tuple[Doubt, ...]:
        """The texts that are open: fields of JSON and arguments of tools, else the answer.

        There are none where the user's own comparator says that it cannot say.
        """
        if self.found.answer is not Answer.UNDECIDED or self.kind is Kind.OWN:
            return ()
        fields = [e.texts for e in self.found.evidence if e.kind == OPEN and e.texts is not None and not e.is_noise]
        return tuple(Doubt(*texts, self.task) for texts in fields or [(self.old.text, self.new.text)])


# Gives one comparison for each doubt, in their order.
Decide = Callable[[Sequence[Doubt]], Sequence[Comparison]]


def settle(compared: Sequence[Compared], steps: Sequence[Decide]) -> tuple[Comparison, ...]:
    """Give each comparison again, with what the steps say about its open texts."""
    known: dict[Doubt, Comparison] = {}
    for step in steps:
        asked = [one for one in _open(compared) if one not in known or known[one].answer is Answer.UNDECIDED]
        for one, said in zip(asked, step(asked) if asked else (), strict=True):
            before = known.get(one, Comparison(Answer.UNDECIDED))
            known[one] = replace(said, evidence=(*before.evidence, *said.evidence))
    return tuple(_settled(one, known) for one in compared)


def _open(compared: Sequence[Compared]) -> Iterator[Doubt]:
    yield from dict.fromkeys(doubt for one in compared for doubt in one.doubts())


def _settled(one: Compared, known: Mapping[Doubt, Comparison]) -> Comparison:
    """Put the answers about all open texts together: one that differs is enough, one that is open too."""
    said = [known.get(doubt, Comparison(Answer.UNDECIDED)) for doubt in one.doubts()]
    if not said:
        return one.found
    answers = {part.answer for part in said}
    worst = next((a for a in (Answer.DIFFERS, Answer.UNDECIDED) if a in answers), Answer.SAME)
    return Comparison(worst, (*one.found.evidence, *(e for part in said for e in part.evidence)))
