"""Answer one question: does the paired test keep what it promises?"""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from collections import Counter
from fractions import Fraction
from math import inf, sqrt
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.shadow import shares, statistics
from migrator.shadow.model import Alarm, Answer, Interval, Kind, Outcome, Pair, Rule

SAME, DIFFERS, UNDECIDED = Answer
ALIKE, LOSS, GAIN = Pair(SAME, SAME), Pair(SAME, DIFFERS), Pair(DIFFERS, SAME)


def benchmark(name: str) -> ModuleType:
    """Import a program of benchmarks/."""
    path = Path(__file__).parent.parent / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("noise", [Fraction(0), Fraction(1, 10), Fraction(1, 2)])
def test_a_bet_against_what_is_so_wins_nothing_on_average(margin: float, noise: Fraction) -> None:
    """Sum over all sequences of four cases, exactly at the boundary: the mean of both e-values is 1."""
    gain = float(noise)
    chances = {-1.0: gain * (1 - margin) / 2, 1.0: gain * (1 - margin) / 2 + margin}
    chances[0.0] = 1 - sum(chances.values())
    below = above = 0.0
    for drawn in itertools.product(chances, repeat=4):
        weight = 1.0
        for value in drawn:
            weight *= chances[value]
        below += weight * statistics.e_below(Counter(drawn), margin)
        above += weight * statistics.e_above(Counter(drawn), margin)
    assert below == pytest.approx(1)
    assert above == pytest.approx(1)


def test_evidence_by_hand() -> None:
    bets = [(k + 0.5) / 40 / 0.95 for k in range(40)]
    by_hand = sum((1 + b * 0.05) ** 3 * (1 - b * 0.95) for b in bets) / 40
    assert statistics.e_below({0.0: 3, 1.0: 1}, 0.05) == pytest.approx(by_hand)
    assert statistics.e_below({}, 0.05) == 1
    assert statistics.e_above({1.0: 5000}, 0.05) < inf


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1])
def test_a_margin_outside_its_range_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin lies between 0 and 1"):
        statistics.e_below({}, margin)


def test_interval_of_a_share() -> None:
    """Numbers of Brown, Cai and DasGupta's definition, worked out by hand for 0 and 5 of 10."""
    assert shares.wilson(0, 10) == Interval(0.0, pytest.approx(0.27753, abs=1e-5))
    assert shares.wilson(5, 10) == Interval(pytest.approx(0.23659, abs=1e-5), pytest.approx(0.76341, abs=1e-5))
    assert shares.wilson(0, 0) == Interval(0.0, 1.0)
    assert shares.wilson(10, 10).high == 1.0
    with pytest.raises(ValueError, match="11 of 10"):
        shares.wilson(11, 10)


def test_exact_mcnemar() -> None:
    assert shares.mcnemar(0, 0) == 1
    assert shares.mcnemar(5, 0) == pytest.approx(2 / 32)
    assert shares.mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert shares.mcnemar(3, 3) == 1
    with pytest.raises(ValueError, match="not negative"):
        shares.mcnemar(-1, 0)


def test_error_of_a_mean() -> None:
    assert shares.clustered_error([[1.0], [0.0], [0.0], [1.0]]) == pytest.approx(sqrt(0.25 / 4))
    assert shares.clustered_error([[1.0, 1.0], [0.0, 0.0]]) == pytest.approx(sqrt(2) / 4)
    assert shares.clustered_error([[1.0, 0.0]]) == inf


def test_sites_together() -> None:
    assert statistics.benjamini_hochberg({"a": 20, "b": 20, "c": 20}, 0.05) == {"a", "b", "c"}
    assert statistics.benjamini_hochberg({"a": 20, "b": 20, "c": 1}, 0.05) == frozenset()
    assert statistics.benjamini_hochberg({"a": 30, "b": 30, "c": 1}, 0.05) == {"a", "b"}
    assert statistics.benjamini_hochberg({}, 0.05) == frozenset()
    assert statistics.bar({"a": 60, "b": 1, "c": 1}, 0.05) == pytest.approx(30)
    assert statistics.bar({"a": 60, "b": 60, "c": 60}, 0.05) == pytest.approx(20)


def test_verdicts() -> None:
    rule = Rule()
    passed = statistics.judge("site", [ALIKE] * 200, rule)
    assert (passed.outcome, passed.numbers.cases) == (Outcome.PASS, 90)
    assert (passed.numbers.noise.share, passed.numbers.new.share, passed.numbers.mcnemar) == (0.0, 0.0, 1.0)
    failed = statistics.judge("site", [LOSS, ALIKE] * 100, rule)
    assert failed.outcome is Outcome.FAIL
    assert failed.numbers.cases <= 30
    assert failed.numbers.losses == failed.numbers.cases / 2


def test_a_site_with_few_cases_says_how_many_are_missing() -> None:
    verdict = statistics.judge("site", [ALIKE] * 8, Rule())
    assert (verdict.outcome, verdict.more) == (Outcome.INCONCLUSIVE, 80)
    assert verdict.reason == "needs about 80 more cases"
    assert statistics.fewest(Rule()) == 88
    assert statistics.judge("site", [ALIKE] * 88, Rule()).outcome is Outcome.PASS
    assert statistics.judge("site", [ALIKE] * 87, Rule()).outcome is Outcome.INCONCLUSIVE
    assert statistics.judge("site", [], Rule()).more == 88


def test_what_more_cases_do_not_settle() -> None:
    at_margin = statistics.judge("site", [*[LOSS] * 2, *[ALIKE] * 38], Rule())
    assert (at_margin.outcome, at_margin.more) == (Outcome.INCONCLUSIVE, None)
    assert "lies at the margin" in at_margin.reason
    unclear = statistics.judge("site", [Pair(SAME, UNDECIDED), *[ALIKE] * 3] * 100, Rule())
    assert (unclear.outcome, unclear.more, unclear.numbers.undecided) == (Outcome.INCONCLUSIVE, None, 100)
    assert "undecided" in unclear.reason


def test_gains_are_shown_and_do_not_hide_losses() -> None:
    verdict = statistics.judge("site", [LOSS, GAIN] * 30, Rule())
    assert (verdict.numbers.losses, verdict.numbers.gains) == (30, 30)
    assert verdict.outcome is Outcome.INCONCLUSIVE


def alarm(*times: int) -> Alarm:
    return Alarm("form", "invalid JSON", {str(case): count for case, count in enumerate(times)}, 7)


def test_a_hard_failure_fails_a_site_when_it_is_shown() -> None:
    pairs = [*[ALIKE] * 30, LOSS, *[ALIKE] * 300]
    verdict = statistics.conclude("site", pairs, Rule(), [alarm(8)], passes=True, needed=20)
    assert (verdict.outcome, verdict.reason) == (
        Outcome.FAIL, "hard failure: invalid JSON (8 times, never with the old model)"
    )  # fmt: skip
    assert statistics.standing(pairs, Rule(), [alarm(8)]) == 0


def test_an_open_hard_failure_holds_a_pass_up_and_an_accident_does_not() -> None:
    pairs = [ALIKE] * 400
    assert statistics.standing(pairs, Rule(), [alarm(2)]) == 0
    assert statistics.standing(pairs, Rule(), [alarm(1, 1)]) == statistics.standing(pairs, Rule()) > 20
    still = statistics.conclude("site", pairs, Rule(), [alarm(1, 2)], passes=False, needed=20)
    assert (still.outcome, still.more, still.reason) == (
        Outcome.INCONCLUSIVE,
        None,
        "an open hard failure: invalid JSON (3 times, never with the old model; 7 times are a FAIL)",
    )


@pytest.mark.parametrize(("alpha", "times"), [(0.05, 7), (0.01, 10), (0.2, 5)])
def test_so_many_failures_of_one_model_alone_are_no_luck(alpha: float, times: int) -> None:
    """Count all sequences of coins: whose answer fails, for each of six kinds by itself."""
    assert statistics.enough(6, alpha) == times
    lost = sum(all(coins) for coins in itertools.product((0, 1), repeat=times))
    assert 6 * Fraction(lost, 2**times) <= Fraction(alpha)
    assert 6 * Fraction(2 * lost, 2**times) > Fraction(alpha)


def test_a_chance_of_error_is_a_share() -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        statistics.enough(6, 0)


def test_a_broken_template_is_not_netted_against_those_that_hold() -> None:
    good = [Pair(SAME, SAME, template="a")] * 190
    gains = [Pair(DIFFERS, SAME, template="a")] * 190
    broken = [Pair(SAME, DIFFERS, template="b")] * 20
    verdict = statistics.judge("site", statistics.in_turn([*good, *gains, *broken]), Rule())
    assert (verdict.outcome, verdict.reason) == (
        Outcome.FAIL,
        "more answers to the prompt b differ than the margin allows",
    )
    assert statistics.judge("site", [*good, *gains], Rule()).outcome is Outcome.PASS
    short = statistics.judge("site", statistics.in_turn([*good[:60], *gains[:60], *broken[:6]]), Rule())
    assert (short.outcome, short.reason) == (Outcome.INCONCLUSIVE, "needs more cases of the prompt b")


def test_cases_of_one_unit_count_once() -> None:
    same_request = [Pair(SAME, SAME, unit="one request")] * 400
    verdict = statistics.judge("site", same_request, Rule())
    assert (verdict.outcome, verdict.numbers.units, verdict.numbers.cases) == (Outcome.INCONCLUSIVE, 1, 400)
    half = statistics.tallies([[LOSS, ALIKE], [GAIN]])
    assert half == ({0.5: 1, -1.0: 1}, {0.5: 1, -1.0: 1})


def test_templates_take_turns_and_units_stay_together() -> None:
    pairs = [Pair(SAME, SAME, "a", str(i // 2)) for i in range(8)] + [Pair(SAME, SAME, "b")] * 2
    ordered = statistics.in_turn(pairs)
    assert "".join(p.template for p in ordered) == "aabaaaabaa"
    assert Counter(ordered) == Counter(pairs)


answers = st.sampled_from(list(Answer))
lists = st.lists(st.builds(Pair, answers, answers, st.sampled_from("ab"), st.sampled_from(["", "", "u"])), max_size=60)


@given(lists)
@settings(deadline=None, max_examples=60)
def test_what_holds_for_all_pairs(pairs: list[Pair]) -> None:
    verdict = statistics.judge("site", pairs, Rule(margin=0.1))
    numbers = verdict.numbers
    assert Counter(statistics.in_turn(pairs)) == Counter(pairs)
    assert numbers.excess == pytest.approx(numbers.new.share - numbers.noise.share)
    assert numbers.noise.interval.low <= numbers.noise.share <= numbers.noise.interval.high
    # An answer left open never makes a verdict that an answer given would not have made.
    if verdict.outcome is Outcome.PASS:
        worst = [Pair(p.old if p.old is DIFFERS else SAME, p.new if p.new is SAME else DIFFERS, p.template, p.unit)
                 for p in pairs]  # fmt: skip
        assert statistics.judge("site", worst, Rule(margin=0.1)).outcome is Outcome.PASS


def test_margins_by_contract() -> None:
    assert statistics.MARGINS[Kind.TOOLS] == statistics.MARGINS[Kind.JSON] == 0.02
    assert statistics.MARGINS[Kind.PROSE] == 0.10
    assert set(statistics.MARGINS) == set(Kind)


@pytest.mark.parametrize(
    ("margin", "noise", "excess"),
    [(0.05, 0.0, 0.05), (0.05, 0.05, 0.05), (0.10, 0.05, 0.10), (0.02, 0.02, 0.02)],
)
def test_at_the_boundary_few_pass(margin: float, noise: float, excess: float) -> None:
    """Of 150, 5 % are 7.5; sixteen or more would come by chance once in 300 if the share were 5 %."""
    simulation = benchmark("shadow_statistics")
    assert simulation.run(simulation.Cell(margin, noise, excess), 150).passed * 150 <= 15


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_equal_models_pass_and_broken_ones_stop_early(noise: float) -> None:
    simulation = benchmark("shadow_statistics")
    equal = simulation.run(simulation.Cell(0.05, noise, 0.0), 60)
    assert equal.passed >= 58 / 60
    assert equal.failed == 0
    broken = simulation.run(simulation.Cell(0.05, noise, 0.5), 60)
    assert (broken.failed, broken.passed) == (1.0, 0.0)
    assert broken.cases <= 27


def test_sites_together_in_a_simulation() -> None:
    simulation = benchmark("shadow_statistics")
    wrong, power = simulation.together(8, 10)
    assert wrong <= 0.15
    assert power >= 0.9


def test_the_page_says_what_the_code_does() -> None:
    page = (Path(__file__).parent.parent / "docs" / "shadow-statistics.md").read_text(encoding="utf-8")
    asked = {float(m): int(n) for m, n in re.findall(r"^\| [^|]+ \| (0\.\d\d) \| (\d+) \|$", page, re.MULTILINE)}
    assert asked == {margin: statistics.fewest(Rule(margin=margin)) for margin in statistics.MARGINS.values()}
    for cell in benchmark("shadow_statistics").CELLS:
        begin = f"| {cell.margin} | {cell.noise}{' (spread)' if cell.weight > 1 else ''} | {cell.excess}"
        assert f"\n{begin}" in page
