"""Answer one question: what do the answers at one call site show so far?

A ``Trial`` is a site with its cases in the order in which they are asked. Which requests come next and what their
answers amount to follow from the trial and the answers alone, so that a run that was killed goes on from its answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrator.plan_prompts import Target
from migrator.shadow.bind import Sent
from migrator.shadow.comparators.compare import compare, learn
from migrator.shadow.comparators.contract import tools_of
from migrator.shadow.comparators.structured import Mask
from migrator.shadow.model import Answer, Case, Comparison, Contract, Evidence, Pair, Reply, Rule
from migrator.shadow.replies import reply
from migrator.shadow.requests import Bodies
from migrator.shadow.run.model import Ask, Cell, Got

# An answer to one of these says nothing about the model: the request may be tried again another day.
PASSING = frozenset({None, 401, 403, 408, 409, 425, 429})
SILENT = Reply(finish="", error="no answer came")


@dataclass(frozen=True, slots=True)
class Item:
    """One case that can be compared, with its requests, its prompt and the cases that it depends on."""

    case: Case
    bodies: Bodies
    template: str = ""
    unit: str = ""

    def body(self, cell: Cell) -> Sent | None:
        """Give one of its requests."""
        made = self.bodies
        return {Cell.OLD: made.old, Cell.NEW: made.new, Cell.LAYOUT: made.layout, Cell.MODEL: made.model}[cell]


@dataclass(frozen=True, slots=True)
class Trial:
    """One site: ``items`` in the order in which they are asked, ``unbound`` the cases that cannot be, by reason.

    ``half`` is the half of the change that is tried: all of it (NEW), the order alone (LAYOUT) or the model alone.
    ``mask`` are the fields that the user calls noise.
    """

    target: Target
    items: tuple[Item, ...]
    contract: Contract
    rule: Rule
    cases: int
    unbound: Mapping[str, int] = field(default_factory=dict)
    half: Cell = Cell.NEW
    mask: tuple[str, ...] = ()

    @property
    def site(self) -> str:
        """Give the id of the call."""
        return self.target.site.id

    @property
    def name(self) -> str:
        """Tell this trial from those of the other halves."""
        return self.site if self.half is Cell.NEW else f"{self.site} {self.half.value}"


@dataclass(frozen=True, slots=True)
class Seen:
    """One case with its answers, compared: ``old`` and ``new`` against the recorded one.

    ``failure`` names a hard failure that the new model alone has, and again; ``alarms`` finds it.
    """

    item: Item
    recorded: Reply
    old_reply: Reply
    new_reply: Reply
    old: Comparison
    new: Comparison
    failure: str = ""

    @property
    def pair(self) -> Pair:
        """Give what the statistics need."""
        return Pair(self.old.answer, self.new.answer, self.item.template, self.item.unit)


Answers = Mapping[str, Got]


def ask(item: Item, site: str, cell: Cell, run: int = 1) -> Ask:
    """Make one request of a case."""
    body = item.body(cell)
    assert body is not None, "the halves are asked only where there are two"
    return Ask(case=item.case.id, site=site, cell=cell, run=run, endpoint=item.case.endpoint, body=body)


def first_asks(trial: Trial, item: Item) -> tuple[Ask, ...]:
    """The requests that each case takes: old, new, and for a case without an answer another old one."""
    asks = (ask(item, trial.site, Cell.OLD), ask(item, trial.site, trial.half))
    return asks if item.case.is_answered else (ask(item, trial.site, Cell.OLD, 2), *asks)


def seen(trial: Trial, count: int, answers: Answers) -> tuple[Seen, ...]:
    """Compare the first ``count`` cases, as far as their answers are there."""
    replied = [(item, found) for item in trial.items[:count] if (found := _replies(trial, item, answers)) is not None]
    mask = _mask(trial, [(recorded, old) for _, (recorded, old, _) in replied])
    return tuple(_compared(trial, item, found, mask) for item, found in replied)


def learned(trial: Trial, found: Sequence[Seen]) -> Mask:
    """What the old model's answers say about noise."""
    return _mask(trial, [(one.recorded, one.old_reply) for one in found])


def _mask(trial: Trial, pairs: Sequence[tuple[Reply, Reply]]) -> Mask:
    return replace(learn(trial.contract, pairs), named=trial.mask)


def noisy_fields(trial: Trial, found: Sequence[Seen]) -> tuple[str, ...]:
    """The fields that the old model itself does not say the same twice."""
    mask = learned(trial, found)
    return tuple(sorted(path for path in mask.differing if mask.hides(path)))


def _replies(trial: Trial, item: Item, answers: Answers) -> tuple[Reply, Reply, Reply] | None:
    """The recorded answer, the fresh old one and the new one; None where one is missing.

    Where the new model alone gave no answer, that may be because of the request: the case is kept, undecided.
    """
    old, new = (answers.get(one.digest) for one in first_asks(trial, item)[-2:])
    if old is None or new is None or not is_answer(old) or old.body is None:
        return None
    said = read(new) if is_answer(new) else SILENT
    if item.case.is_answered:
        return reply(item.case.response or {}), read(old), said
    again = answers.get(ask(item, trial.site, Cell.OLD, 2).digest)
    return (read(again), read(old), said) if again is not None and again.body is not None else None


def is_answer(got: Got) -> bool:
    """Say whether the model, or the API about the request, has answered."""
    return got.body is not None or (bool(got.error) and got.status not in PASSING and (got.status or 0) < 500)


def read(got: Got) -> Reply:
    """Read what came back; an error of the API is an answer too."""
    return reply(got.body or {}, "" if got.body is not None else got.error)


def _compared(trial: Trial, item: Item, found: tuple[Reply, Reply, Reply], mask: Mask) -> Seen:
    recorded, old, new = found
    contract = contract_of(trial.contract, item.case)
    same = compare(contract, recorded, old, mask)
    if new is SILENT:
        return Seen(item, recorded, old, new, same, Comparison(Answer.UNDECIDED, (Evidence("no answer"),)))
    return Seen(item, recorded, old, new, same, compare(contract, recorded, new, mask))


def contract_of(contract: Contract, case: Case) -> Contract:
    """The site's contract with the tools of this very request, which may offer others."""
    return replace(contract, tools=tools_of(case.request))


def failing(found: Iterable[Seen]) -> tuple[Seen, ...]:
    """The cases that speak against the new model: its answer differs or fails, and the old one's does not."""
    return tuple(one for one in found if one.failure or _is_loss(one))


def _is_loss(one: Seen) -> bool:
    return one.new.answer is Answer.DIFFERS and one.old.answer is not Answer.DIFFERS
