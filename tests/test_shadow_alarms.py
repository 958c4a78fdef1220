"""Answer one question: is a hard failure blamed on the new model when it is the new model's, and only then?

The senders here draw answers whose truth is known. Everything else is the product's own.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from test_shadow_rounds import CUT, NEW, Drawn, Truth, by_model, case, compared, noisy, outcome, ready, rename, target
from test_shadow_statistics import benchmark

from migrator.shadow.account import evidence
from migrator.shadow.alarms import most_again
from migrator.shadow.comparators.failures import KINDS
from migrator.shadow.model import Outcome
from migrator.shadow.outlook import outlook
from migrator.shadow.prepare import Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import State
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.statistics import enough

ALL = 1.0


def cut(share: float) -> Truth:
    return lambda ask, luck: CUT if luck.random() < share else "complaint"


def only(number: int, truth: Truth) -> Truth:
    return lambda ask, luck: truth(ask, luck) if ask.case == f"a-{number:03}" else "complaint"


def reason(state: State) -> str:
    assert state.verdict is not None
    return state.verdict.reason


def again(sender: Drawn) -> Counter[tuple[str, Cell]]:
    """Count what was sent more than once, by case."""
    return Counter((ask.case, ask.cell) for ask in sender.sent if ask.run > 1)


def test_an_accident_is_sent_again_once_to_both_models() -> None:
    sender = Drawn(by_model(noisy(0), only(3, lambda ask, luck: "error 400" if ask.run == 1 else "complaint")))
    _, (state,) = compared(ready(target("a")), sender)
    assert outcome(state) is Outcome.PASS
    assert again(sender) == {("a-003", Cell.OLD): 1, ("a-003", Cell.NEW): 1}


@pytest.mark.parametrize(
    ("failing", "said"),
    [("error 400", "the API answered 400"), (CUT, "the answer was cut off at its longest")],
    ids=["error", "cut off"],
)
def test_one_request_that_breaks_each_time_fails_a_site(failing: str, said: str) -> None:
    sender = Drawn(by_model(noisy(0), only(3, lambda ask, luck: failing)))
    rounds, (state,) = compared(ready(target("a")), sender)
    assert (outcome(state), reason(state)) == (
        Outcome.FAIL, f"hard failure: {said} (8 times, never with the old model)"
    )  # fmt: skip
    assert again(sender) == {("a-003", Cell.OLD): 7, ("a-003", Cell.NEW): 7}
    assert [len({a.run for a in sender.sent if a.cell is cell}) for cell in (Cell.OLD, Cell.NEW)] == [8, 8]
    found = evidence([state], rounds.answers, None, None, lambda *_: None)
    assert [(one.case, one.failure) for one in found.exchanges if one.flip == "failure"] == [("a-003", said)]


def test_a_prompt_on_which_both_models_fail_now_and_then_fails_no_site() -> None:
    """A real model did this: it was cut off half of the time on a few prompts, and the recorded answers were not."""
    habit: Truth = lambda ask, luck: cut(0.5)(ask, luck) if int(ask.case[-3:]) < 6 else "complaint"  # noqa: E731
    for name in map(str, range(40)):
        _, (state,) = compared(ready(target(name), cases=60), Drawn(habit))
        assert outcome(state) is not Outcome.FAIL


def test_failures_that_the_old_model_has_too_are_counted_and_fail_no_site_by_themselves() -> None:
    for name in map(str, range(20)):
        luck = random.Random(name)
        recorded = [case(n, name, CUT if luck.random() < 0.3 else "complaint") for n in range(60)]
        links = {one.id: (name,) for one in recorded}
        sender = Drawn(cut(0.3))
        _, (state,) = compared(prepare([target(name)], recorded, links, Move(rename), Wishes()), sender)
        assert outcome(state) is not Outcome.FAIL
        assert again(sender) == {}


def test_errors_of_the_old_model_are_a_habit_though_its_cases_cannot_be_compared() -> None:
    errors: Truth = lambda ask, luck: "error 400" if luck.random() < 0.3 else "complaint"  # noqa: E731
    sender = Drawn(errors)
    _, (state,) = compared(ready(target("a")), sender)
    assert not reason(state).startswith("hard failure")
    assert again(sender) == {}
    _, (broken,) = compared(ready(target("a")), Drawn(by_model(noisy(0), errors)))
    assert (outcome(broken), broken.asked) == (Outcome.FAIL, 20)


def test_a_failure_that_comes_and_goes_holds_a_pass_up() -> None:
    """Twice of four times: no accident, and too seldom to be sure."""
    sender = Drawn(by_model(noisy(0), only(3, lambda ask, luck: CUT if ask.run <= 2 else "complaint")))
    _, (state,) = compared(ready(target("a")), sender)
    assert (outcome(state), state.asked) == (Outcome.INCONCLUSIVE, 200)
    assert reason(state) == (
        "an open hard failure: the answer was cut off at its longest "
        "(2 times, never with the old model; 7 times are a FAIL)"
    )
    assert again(sender) == {("a-003", Cell.OLD): 3, ("a-003", Cell.NEW): 3}


def test_accidents_that_go_on_fail_a_site() -> None:
    """No request breaks twice, and seven do: with the old model none of 70 did."""
    sender = Drawn(
        by_model(noisy(0), lambda ask, luck: CUT if ask.run == 1 and int(ask.case[-3:]) % 10 == 0 else "complaint")
    )
    _, (state,) = compared(ready(target("a")), sender)
    assert reason(state) == ("hard failure: the answer was cut off at its longest (7 times, never with the old model)")
    assert sum(one.failure != "" for one in state.found) == 7


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_a_broken_site_is_known_soon(share: float) -> None:
    for name in map(str, range(10)):
        _, (state,) = compared(ready(target(name)), Drawn(by_model(noisy(0), cut(share))))
        assert outcome(state) is Outcome.FAIL
        assert state.asked <= 30


def test_the_same_request_in_many_cases_is_one_observation() -> None:
    same = [case(n, "a", "complaint", messages=[{"role": "user", "content": "one"}]) for n in range(40)]
    prepared = prepare([target("a")], same, {one.id: ("a",) for one in same}, Move(rename), Wishes())
    sender = Drawn(by_model(noisy(0), lambda ask, luck: CUT if ask.run == 1 else "complaint"))
    _, (state,) = compared(prepared, sender)
    assert outcome(state) is Outcome.INCONCLUSIVE
    assert sum(again(sender).values()) == 2


def test_an_answer_that_was_not_recorded_is_a_habit_too() -> None:
    unanswered = [replace(case(n, "a", ""), response=None, status=None, whole=False) for n in range(40)]
    prepared = prepare([target("a")], unanswered, {one.id: ("a",) for one in unanswered}, Move(rename), Wishes())
    stand_in: Truth = lambda ask, luck: CUT if ask.run == 2 or ask.body["model"] == NEW else "complaint"  # noqa: E731
    sender = Drawn(stand_in)
    compared(prepared, sender)
    assert {ask.run for ask in sender.sent if ask.body["model"] == NEW} == {1}


class Lost(Drawn):
    """What is sent again is not answered."""

    def _answer(self, ask: Ask) -> Got:
        return Got(ask.digest, error="timeout") if ask.run > 1 else super()._answer(ask)


def test_what_is_not_answered_again_is_not_sent_for_ever() -> None:
    _, (state,) = compared(ready(target("a")), Lost(by_model(noisy(0), only(3, cut(ALL)))))
    assert outcome(state) is Outcome.PASS


def test_money_that_runs_out_while_a_failure_is_looked_at_decides_nothing() -> None:
    prepared = ready(target("a"))
    at = next(number for number, item in enumerate(prepared.trials[0].items) if item.case.id == "a-003")
    sender = Drawn(by_model(noisy(0), only(3, cut(ALL))), most=20 * (at // 10 + 1) + 5)
    _, (state,) = compared(prepared, sender)
    assert (outcome(state), state.is_stopped) == (Outcome.INCONCLUSIVE, True)
    assert reason(state).startswith("an open hard failure: ")


@pytest.mark.parametrize("seed", range(30))
def test_what_is_sent_again_is_bounded_and_no_pass_stands_beside_a_failure_of_the_new_model(seed: int) -> None:
    """Whatever the models do: the server's own books say what they answered."""
    luck = random.Random(seed)
    shares = [luck.choice([0, 0, 0, 0.01, 0.5, 1.0]) for _ in range(200)]
    old = luck.choice([0, 0.002])
    sender = Drawn(by_model(cut(old), lambda ask, luck: cut(shares[int(ask.case[-3:])] ** 2)(ask, luck)))
    prepared = ready(target(f"s{seed}"))
    _, (state,) = compared(prepared, sender)
    assert sum(again(sender).values()) <= outlook(prepared.trials[0], lambda *_: 0.0).high_calls - 400
    seen: Mapping[tuple[str, bool], Sequence[bool]] = _cuts(sender)
    if outcome(state) is Outcome.PASS and not any(any(cuts) for (_, is_new), cuts in seen.items() if not is_new):
        assert all(sum(cuts) < 2 for cuts in seen.values())


def _cuts(sender: Drawn) -> Mapping[tuple[str, bool], Sequence[bool]]:
    found: dict[tuple[str, bool], list[bool]] = {}
    for ask in sender.sent:
        text = sender.truth(ask, random.Random(ask.digest))
        found.setdefault((ask.case, ask.body["model"] == NEW), []).append(text == CUT)
    return found


def test_the_promise_of_the_page_holds_in_a_simulation() -> None:
    """The hardest row: of 60 sites with equal models no more than three fail; broken ones stop early."""
    simulation = benchmark("hard_failures")
    cells = {cell.name: cell for cell in simulation.CELLS}
    assert simulation.run(cells["alike, 0.1 per case, none recorded"], 60).hard <= 3 / 60
    broken = simulation.run(cells["broken, 0.3 per draw"], 30)
    assert (broken.hard + broken.failed, broken.cases <= 25) == (1.0, True)


def test_the_page_says_what_the_code_does() -> None:
    page = (Path(__file__).parent.parent / "docs" / "shadow-statistics.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(("| alike, ", "| broken, "))]
    assert [row[0].removeprefix("| ") for row in rows] == [cell.name for cell in benchmark("hard_failures").CELLS]
    assert all(float(row[1]) <= 6 / 128 for row in rows if row[0].startswith("| alike"))
    assert (enough(len(KINDS), 0.05), enough(len(KINDS), 0.01), most_again(400, 0.05)) == (7, 10, 14 * 6)
    assert "the new model's alone seven times" in page
