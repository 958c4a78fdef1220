"""Answer one question: which hard failures does the new model alone have at a call, and how sure is that?

A failure may be an accident, or the prompt's: one on which the new model is cut off twice may be one on which the old
model is cut off half of the time. So a request on which only the new answer failed is sent again to both models, and
a kind of failure that any answer of the old model has is none of the new one's: it is a difference like others.
Were the models alike, it would be a matter of luck whose answer fails alone. Only when the new one's did so often
enough is that ruled out: ``statistics.enough``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from migrator.shadow.comparators.failures import KINDS, kinds
from migrator.shadow.model import Alarm
from migrator.shadow.replies import reply
from migrator.shadow.run.model import Ask, Cell
from migrator.shadow.statistics import enough
from migrator.shadow.trial import Answers, Item, Seen, Trial, ask, contract_of, is_answer, read

# A request on which only the new answer failed is drawn so often at most: twice, then 4 and 8 times in all.
MOST_DRAWS = 8


@dataclass(frozen=True, slots=True)
class Draw:
    """One more fresh answer of each model to a case: what is so of each hard failure, by its kind; None: no answer."""

    case: str
    request: str
    old: Mapping[str, str] | None
    new: Mapping[str, str] | None


def alarms(trial: Trial, count: int, answers: Answers) -> tuple[Alarm, ...]:
    """Give the kinds of hard failure that only the new model has among the first ``count`` cases."""
    return _alarms(trial, count, answers, _draws(trial, count, answers))


def repeats(trial: Trial, count: int, answers: Answers) -> Iterator[Ask]:
    """Give what is sent again to know more of the kinds that are neither shown nor the old model's.

    A case is drawn as often again as it was, while its new answers fail more often than not.
    """
    made = _draws(trial, count, answers)
    doubted = [alarm for alarm in _alarms(trial, count, answers, made) if not alarm.is_shown]
    drawn = Counter(one.case for one in _whole(made))
    for item in trial.items[:count] if doubted else ():
        times = drawn[item.case.id]
        if any(2 * alarm.cases.get(item.case.id, 0) > times for alarm in doubted):
            for time in range(times + 1, min(2 * times, MOST_DRAWS) + 1):
                yield from _pair(trial, item, time)


def most_again(cases: int, alpha: float) -> int:
    """Give how often at most both models are asked again in a trial, with a chance of error α.

    Of one kind there are fewer failures than show it. A case with one of them is drawn once more, one with two on two
    draws three times more, one with three on four seven times more: so no failure stands for more than 7/3.
    """
    of_a_kind = 7 * (enough(len(KINDS), alpha) - 1) // 3
    return min((MOST_DRAWS - 1) * cases, of_a_kind * len(KINDS))


def marked(trial: Trial, found: Iterable[Seen], raised: Iterable[Alarm]) -> tuple[Seen, ...]:
    """Name the failure of each case that had one again, or whose kind is shown to be the new model's."""
    named: dict[str, Alarm] = {}
    for alarm in raised:
        for case in alarm.cases if alarm.is_shown else alarm.again:
            named.setdefault(case, alarm)
    return tuple(replace(one, failure=_said(trial, one, named.get(one.item.case.id))) for one in found)


def _said(trial: Trial, one: Seen, alarm: Alarm | None) -> str:
    if alarm is None:
        return ""
    return kinds(contract_of(trial.contract, one.item.case), one.new_reply).get(alarm.kind, alarm.said)


def _alarms(trial: Trial, count: int, answers: Answers, made: Sequence[Draw]) -> tuple[Alarm, ...]:
    known, whole = _habits(trial, count, answers, made), _whole(made)
    needed = enough(len(KINDS), trial.rule.alpha)
    found = {kind: [(one.case, one.new[kind]) for one in whole if one.new and kind in one.new] for kind in KINDS}
    return tuple(
        Alarm(kind, had[0][1], Counter(case for case, _ in had), needed)
        for kind, had in found.items()
        if had and kind not in known
    )


def _habits(trial: Trial, count: int, answers: Answers, made: Iterable[Draw]) -> Set[str]:
    """The kinds that any answer of the old model has, recorded or fresh, whichever case it is."""
    known = {kind for one in made for kind in one.old or ()}
    for item in trial.items[:count]:
        if item.case.is_answered:
            known |= kinds(contract_of(trial.contract, item.case), reply(item.case.response or {})).keys()
        else:
            known |= (_kinds(trial, item, ask(item, trial.site, Cell.OLD, 2), answers) or {}).keys()
    return known


def _draws(trial: Trial, count: int, answers: Answers) -> tuple[Draw, ...]:
    """All draws of the first cases, in the order of the cases."""
    return tuple(one for item in trial.items[:count] for one in _drawn(trial, item, answers))


def _drawn(trial: Trial, item: Item, answers: Answers) -> Iterator[Draw]:
    for time in range(1, MOST_DRAWS + 1):
        old, new = _pair(trial, item, time)
        had, has = _kinds(trial, item, old, answers), _kinds(trial, item, new, answers)
        if (had, has) != (None, None):
            yield Draw(item.case.id, new.digest, had, has)
        # Sent again is only what failed, so that nothing more is to be looked for.
        if not has and time == 1:
            return


def _pair(trial: Trial, item: Item, time: int) -> tuple[Ask, Ask]:
    """The requests of one draw. The old model's second run stands in for an answer that was not recorded."""
    return ask(item, trial.site, Cell.OLD, time + (time > 1)), ask(item, trial.site, trial.half, time)


def _kinds(trial: Trial, item: Item, one: Ask, answers: Answers) -> Mapping[str, str] | None:
    got = answers.get(one.digest)
    return kinds(contract_of(trial.contract, item.case), read(got)) if got is not None and is_answer(got) else None


def _whole(made: Iterable[Draw]) -> tuple[Draw, ...]:
    """The draws that both models answered, each request once: cases may hold the same one."""
    found: dict[str, Draw] = {}
    for one in made:
        if one.old is not None and one.new is not None:
            found.setdefault(one.request, one)
    return tuple(found.values())
