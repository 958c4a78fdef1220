"""Answer one question: what do embeddings and a judge say about the answers of a site that stay undecided?

Each is measured once for each site, on the old model's own answers, before it is asked about any other. No request is
made twice. What is sent, and who pays, is up to the senders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrator.shadow.comparators import embedding, ladder
from migrator.shadow.comparators.calibration import repeated
from migrator.shadow.comparators.embedding import Embed, Vector
from migrator.shadow.comparators.judge import Ask as AskJudge
from migrator.shadow.comparators.judge import Body, by_asking, task
from migrator.shadow.comparators.ladder import PAIRS, Step
from migrator.shadow.comparators.settle import Compared, Decide, Doubt, settle
from migrator.shadow.model import Answer, Comparison, Kind
from migrator.shadow.rounds import Sender
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.trial import Seen, Trial

# A step is measured on PAIRS pairs of old answers, and where no more cases come, on no fewer than these.
FEWEST = embedding.FEWEST
# So many texts, and so many letters, are in one request for vectors.
MOST_TEXTS, MOST_LETTERS = 64, 100_000
OUT = "the money ran out before it was measured"
# Contracts whose answers hold no prose: nothing in them stays undecided that a step could decide.
CLOSED = frozenset({Kind.LABEL, Kind.OWN})


@dataclass(frozen=True, slots=True)
class Adviser:
    """A model that is asked, and the way to it."""

    model: str
    sender: Sender


class NoVectors(Exception):
    """A text has no vector; the message says why."""


@dataclass(slots=True)
class Settling:
    """Asks first embeddings, then a judge, where there is one. ``steps`` are those of each site by its id.

    ``answers`` are all that came back, by the digests of the requests. ``is_out``: the money did not last.
    """

    embeddings: Adviser | None = None
    judge: Adviser | None = None
    answers: dict[str, Got] = field(default_factory=dict)
    steps: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    is_out: bool = False
    _vectors: dict[str, Vector] = field(default_factory=dict)

    def __call__(self, trial: Trial, found: tuple[Seen, ...], *, is_last: bool) -> tuple[Seen, ...]:
        """Give the cases again, decided as far as the steps of their site can; ``is_last``: no more cases come."""
        compared = [part for one in found for part in _compared(trial, one)]
        if not any(part.doubts() for part in compared):
            return found
        decide = [step.decide for step in self._steps(trial, found, is_last=is_last) if step.decide is not None]
        said = settle(compared, decide)
        return tuple(replace(one, old=old, new=new) for one, old, new in zip(found, said[::2], said[1::2], strict=True))

    def _steps(self, trial: Trial, found: Sequence[Seen], *, is_last: bool) -> tuple[Step, ...]:
        """Give the steps of a site, measured once there are enough answers to do it."""
        if trial.site not in self.steps:
            pairs = old_pairs(trial, found)
            held = len(repeated(pairs))
            if held < PAIRS and not is_last:
                return ()
            self.steps[trial.site] = tuple(self._measured(trial.site, pairs, held))
        return self.steps[trial.site]

    def _measured(self, site: str, pairs: Sequence[Doubt], held: int) -> Iterator[Step]:
        few = f"{held} pairs of old answers say the same in other words, {FEWEST} are needed" if held < FEWEST else ""
        if self.embeddings is not None:
            name = "embeddings"
            yield Step(name, None, None, few) if few else self._embeddings(self.embeddings, site, pairs)
        if self.judge is not None:
            name = f"judge {self.judge.model}"
            yield Step(name, None, None, few) if few else self._judge(self.judge, site, pairs)

    def _judge(self, adviser: Adviser, site: str, pairs: Sequence[Doubt]) -> Step:
        heard: list[Got | None] = []
        step = ladder.by_judge(self._asking(adviser, site, heard), adviser.model, pairs)
        if None in heard:
            return Step(step.name, None, None, OUT)
        errors = [one.error for one in heard if one is not None and one.body is None]
        if errors and len(errors) == len(heard):
            return Step(step.name, None, None, f"it does not answer: {errors[0]}")
        return replace(step, decide=step.decide and self._judging(adviser, site))

    def _judging(self, adviser: Adviser, site: str) -> Decide:
        return by_asking(self._asking(adviser, site, []), adviser.model)

    def _asking(self, adviser: Adviser, site: str, heard: list[Got | None]) -> AskJudge:
        def ask(bodies: Sequence[Body]) -> Sequence[Body | None]:
            got = self._send(adviser, site, "chat/completions", bodies)
            heard.extend(got)
            return [one.body if one is not None else None for one in got]

        return ask

    def _embeddings(self, adviser: Adviser, site: str, pairs: Sequence[Doubt]) -> Step:
        try:
            step = ladder.by_embeddings(self._embedding(adviser, site), pairs)
        except NoVectors as error:
            return Step("embeddings", None, None, str(error))
        return replace(step, decide=step.decide and _careful(step.decide))

    def _embedding(self, adviser: Adviser, site: str) -> Embed:
        def embed(texts: Sequence[str]) -> Sequence[Vector]:
            wanted = [text for text in texts if text not in self._vectors]
            parts = list(_parts(wanted))
            got = self._send(adviser, site, "embeddings", [embedding.question(part, adviser.model) for part in parts])
            for part, one in zip(parts, got, strict=True):
                self._vectors.update(zip(part, _vectors(one, len(part)), strict=True))
            if len({len(vector) for vector in self._vectors.values()}) > 1:
                raise NoVectors("its vectors are not of one length")
            return [self._vectors[text] for text in texts]

        return embed

    def _send(self, adviser: Adviser, site: str, endpoint: str, bodies: Sequence[Body]) -> list[Got | None]:
        """Send what has no answer yet; None where the money is out."""
        asks = [Ask("", site, Cell.STEP, 1, endpoint, body) for body in bodies]
        missing = {one.digest: one for one in asks if one.digest not in self.answers}
        if missing and not self.is_out:
            got = adviser.sender.send(tuple(missing.values()))
            self.is_out = any(one.error == "budget" for one in got.values())
            self.answers.update((digest, one) for digest, one in got.items() if one.error != "budget")
        return [self.answers.get(one.digest) for one in asks]


def _compared(trial: Trial, one: Seen) -> tuple[Compared, Compared]:
    """Give the old and the new answer of a case, each against the recorded one."""
    kind, asked = trial.contract.kind, task(one.item.case.request)
    return (
        Compared(kind, one.recorded, one.old_reply, one.old, asked),
        Compared(kind, one.recorded, one.new_reply, one.new, asked),
    )


def old_pairs(trial: Trial, found: Sequence[Seen]) -> tuple[Doubt, ...]:
    """Give the texts that the old model gave for the same request, each pair once.

    Of JSON and of arguments these are the fields that are open, else the whole answers. Where a fact differs there is
    nothing to measure a step on.
    """
    is_whole = trial.contract.kind in (Kind.PROSE, Kind.CODE)
    pairs: dict[Doubt, None] = {}
    for one in found:
        if one.old.answer is not Answer.DIFFERS:
            part = _compared(trial, one)[0]
            texts = Doubt(one.recorded.text, one.old_reply.text, part.task)
            pairs.update(dict.fromkeys((texts,) if is_whole and not one.recorded.tools else part.doubts()))
    return tuple(pairs)


def _careful(decide: Decide) -> Decide:
    """Decide nothing where a text has no vector."""

    def careful(pairs: Sequence[Doubt]) -> Sequence[Comparison]:
        try:
            return decide(pairs)
        except NoVectors:
            return [Comparison(Answer.UNDECIDED) for _ in pairs]

    return careful


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Part texts into requests."""
    part: list[str] = []
    for text in texts:
        if part and (len(part) == MOST_TEXTS or sum(map(len, part)) + len(text) > MOST_LETTERS):
            yield part
            part = []
        part = [*part, text]
    if part:
        yield part


def _vectors(got: Got | None, count: int) -> tuple[Vector, ...]:
    if got is None:
        raise NoVectors(OUT)
    if got.body is None:
        raise NoVectors(f"they do not answer: {got.error}")
    try:
        return embedding.answer(got.body, count)
    except ValueError as error:
        raise NoVectors(str(error)) from None


def decided(found: Sequence[Seen]) -> Mapping[str, int]:
    """Count the answers that each step has decided: "embeddings", "judge"."""
    said = [{e.kind for e in part.evidence} for one in found for part in (one.old, one.new) if _is_decided(part)]
    by_judge = sum("judge" in kinds for kinds in said)
    return {"embeddings": sum("embedding" in kinds and "judge" not in kinds for kinds in said), "judge": by_judge}


def _is_decided(part: Comparison) -> bool:
    return part.answer is not Answer.UNDECIDED
