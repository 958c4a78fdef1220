"""Answer one question: which requests are sent next, and when is a site decided?

All sites go on together, round by round: each open site is asked its next cases, then all are judged anew, since how
much evidence one needs depends on the others. A site that fails and whose change has two halves is tried again with
the half that is not to blame.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from migrator.shadow.alarms import alarms, marked, repeats
from migrator.shadow.comparators.compare import compare
from migrator.shadow.comparators.structured import Mask
from migrator.shadow.model import Alarm, Answer, Outcome, Pair, Verdict
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.statistics import bar, benjamini_hochberg, conclude, standing
from migrator.shadow.trial import (
    Seen,
    Trial,
    ask,
    contract_of,
    failing,
    first_asks,
    is_answer,
    learned,
    read,
    seen,
)

# On so many failing cases the two halves of a change are told apart.
BLAMED = 20
SEED = 20_260_114


class Sender(Protocol):
    """Whatever sends requests: it gives what came back by the digest of each request, and says when money is out."""

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        """Send the requests, and wait for them; one that was sent before comes from the store."""


class Settle(Protocol):
    """Whoever may decide what the comparators left undecided; ``is_last``: no more cases of the trial come."""

    def __call__(self, trial: Trial, found: tuple[Seen, ...], *, is_last: bool) -> tuple[Seen, ...]:
        """Give the same cases, with what is decided now."""


def leave(trial: Trial, found: tuple[Seen, ...], *, is_last: bool) -> tuple[Seen, ...]:
    """Decide nothing more."""
    del trial, is_last
    return found


Look = Callable[[Sequence["State"]], None]


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one trial: how many of its cases were asked, their answers, and what they come to."""

    trial: Trial
    asked: int = 0
    found: tuple[Seen, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    verdict: Verdict | None = None
    path: tuple[tuple[int, float, float], ...] = ()
    is_stopped: bool = False

    @property
    def most(self) -> int:
        """Give how many cases may be asked."""
        return min(len(self.trial.items), self.trial.rule.most)

    @property
    def is_open(self) -> bool:
        """Say whether more cases may decide it."""
        is_undecided = self.verdict is None or self.verdict.outcome is Outcome.INCONCLUSIVE
        return is_undecided and self.asked < self.most and not self.is_stopped

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Give what the statistics need."""
        return tuple(one.pair for one in self.found)


@dataclass(frozen=True, slots=True)
class Blame:
    """The failing cases of a site, each with what the two halves of the change answered: does it differ?"""

    cases: int
    model: int
    layout: int


@dataclass(slots=True)
class Rounds:
    """A whole comparison; ``answers`` grows, all else follows from it.

    ``waves`` gives how many cases of a site the next round asks, by its number from 0. ``settle`` may decide what the
    comparators left undecided.
    """

    sender: Sender
    alpha: float
    waves: Callable[[int], int]
    settle: Settle = leave
    look: Look = lambda _: None
    answers: dict[str, Got] = field(default_factory=dict)
    blames: dict[str, Blame] = field(default_factory=dict)

    def run(self, trials: Sequence[Trial]) -> tuple[State, ...]:
        """Compare until each site is decided, or has no cases left, or the money is out."""
        states = self._until_decided(self._together([State(trial) for trial in trials]))
        halves = tuple(half for state in states for half in self._halves(state))
        for number in range(2):
            tried = tuple(pair[number] for pair in _by_site(halves) if number < len(pair))
            tried = tuple(one for one in tried if not _has_passed(states, one.site))
            if tried:
                states = self._until_decided((*states, *map(State, tried)))
        return states

    def _until_decided(self, states: tuple[State, ...]) -> tuple[State, ...]:
        number = 0
        while any(state.is_open for state in states):
            size = self.waves(number)
            states = self._together(self._round(states, size))
            self.look(states)
            number += 1
        return states

    def _round(self, states: Sequence[State], size: int) -> tuple[State, ...]:
        """Ask the next cases of all open sites at once, then see whose the hard failures among them are."""
        asked = {state.trial.name: state.asked + size * state.is_open for state in states}
        fresh = [
            one
            for state in states
            for item in state.trial.items[state.asked : asked[state.trial.name]]
            for one in first_asks(state.trial, item)
        ]
        is_out = not self._send(fresh) or not self._repeat([s.trial for s in states if s.is_open], asked)
        return tuple(
            replace(self._judged(s, asked[s.trial.name]), is_stopped=is_out) if s.is_open else s for s in states
        )

    def _repeat(self, trials: Sequence[Trial], asked: Mapping[str, int]) -> bool:
        """Send requests again until it is known whose their hard failures are; say whether the money lasted."""
        while True:
            doubted = [one for trial in trials for one in repeats(trial, asked[trial.name], self.answers)]
            if all(one.digest in self.answers for one in doubted):
                return True
            if not self._send(doubted):
                return False

    def _send(self, asks: Sequence[Ask]) -> bool:
        """Send what has no answer yet, in a mixed order; say whether the money lasted."""
        wanted = {one.digest: one for one in asks if one.digest not in self.answers}
        mixed = list(wanted.values())
        # The two models take turns, so that a slow hour or a changed server meets both alike.
        random.Random(SEED + len(self.answers)).shuffle(mixed)
        got = self.sender.send(mixed) if mixed else {}
        self.answers.update((digest, one) for digest, one in got.items() if one.error != "budget")
        return all(one.error != "budget" for one in got.values())

    def _judged(self, state: State, asked: int) -> State:
        """Compare the answers that are there."""
        trial = state.trial
        raised = alarms(trial, asked, self.answers)
        found = self.settle(trial, seen(trial, asked, self.answers), is_last=asked >= state.most)
        return replace(state, asked=asked, found=marked(trial, found, raised), alarms=raised)

    def _together(self, states: Sequence[State]) -> tuple[State, ...]:
        """Judge all sites: how much evidence one needs depends on what the others have."""
        values = {s.trial.name: _standing(s) for s in states}
        passing, needed = benjamini_hochberg(values, self.alpha), bar(values, self.alpha)
        return tuple(_concluded(s, s.trial.name in passing, needed) for s in states)

    def _halves(self, state: State) -> tuple[Trial, ...]:
        """Tell which half of the change is to blame, and give the trials of the other one, the likelier first."""
        trial = state.trial
        both = [one for one in failing(state.found) if one.item.bodies.layout and one.item.bodies.model][:BLAMED]
        if state.verdict is None or state.verdict.outcome is not Outcome.FAIL or not both:
            return ()
        self._send([ask(one.item, trial.site, cell) for one in both for cell in (Cell.MODEL, Cell.LAYOUT)])
        mask = learned(trial, state.found)
        tried = [tuple(self._tried(trial, mask, one, cell) for cell in (Cell.MODEL, Cell.LAYOUT)) for one in both]
        known = [(model, layout) for model, layout in tried if model is not None and layout is not None]
        models, layouts = (self._differing(trial, half) for half in (zip(*known, strict=True) if known else ((), ())))
        self.blames[trial.site] = blame = Blame(len(known), models, layouts)
        order = sorted(((blame.model, Cell.MODEL), (blame.layout, Cell.LAYOUT)), key=lambda half: half[0])
        items = tuple(item for item in trial.items if item.bodies.layout and item.bodies.model)
        return tuple(
            replace(trial, half=cell, items=items) for count, cell in order if known and count * 2 <= len(known)
        )

    def _tried(self, trial: Trial, mask: Mask, one: Seen, cell: Cell) -> Seen | None:
        """Put the answer to one half of the change in the place of the new one."""
        got = self.answers.get(ask(one.item, trial.site, cell).digest)
        if got is None or not is_answer(got):
            return None
        said = read(got)
        return replace(
            one, new_reply=said, new=compare(contract_of(trial.contract, one.item.case), one.recorded, said, mask)
        )

    def _differing(self, trial: Trial, half: tuple[Seen, ...]) -> int:
        return sum(one.new.answer is Answer.DIFFERS for one in self.settle(trial, half, is_last=False))


def _by_site(halves: Sequence[Trial]) -> Iterator[Sequence[Trial]]:
    for site in dict.fromkeys(one.site for one in halves):
        yield [one for one in halves if one.site == site]


def _has_passed(states: Sequence[State], site: str) -> bool:
    return any(s.trial.site == site and s.verdict is not None and s.verdict.outcome is Outcome.PASS for s in states)


def _standing(state: State) -> float:
    """The evidence of a site for a PASS; none for one that fails."""
    is_failed = state.verdict is not None and state.verdict.outcome is Outcome.FAIL
    return 0.0 if is_failed else standing(state.pairs, state.trial.rule, state.alarms)


def _concluded(state: State, passes: bool, needed: float) -> State:
    """Give the state with its verdict, and one more step on its way."""
    trial = state.trial
    verdict = conclude(trial.site, state.pairs, trial.rule, state.alarms, passes=passes, needed=needed)
    step = (verdict.numbers.cases, verdict.numbers.better, verdict.numbers.worse)
    is_new = bool(state.found) and step not in state.path
    return replace(state, verdict=verdict, path=(*state.path, step) if is_new else state.path)
