"""Answer one question: how often does the shadow test say PASS, FAIL or INCONCLUSIVE where the truth is known?

Each repetition draws a site: every case has its own chance p that a fresh old answer differs from the recorded one
(Beta with the mean ``noise`` and a weight: 0.25, where few cases nearly always differ and the others nearly never,
or 2, where the noise is spread over many cases), and the new answer differs with the chance
p + excess·(1 − p)/(1 − noise), whose mean is noise + excess. Spread noise is the harder: the two fresh answers then
rarely differ together. Run it:
``python benchmarks/shadow_statistics.py --repetitions 1000``.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrator.model import CallSite, Position, Span
from migrator.plan_prompts import Target
from migrator.shadow.model import Answer, Case, Contract, Kind, Outcome, Pair, Rule
from migrator.shadow.requests import Bodies
from migrator.shadow.rounds import Rounds
from migrator.shadow.run.model import Ask, Got
from migrator.shadow.run.model import Cell as Which
from migrator.shadow.statistics import benjamini_hochberg, fewest, judge
from migrator.shadow.trial import Item, Trial


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table: margin, noise and excess are shares of cases; the lower the weight, the fewer are noisy."""

    margin: float
    noise: float
    excess: float
    weight: float = 0.25


CELLS = (
    Cell(0.05, 0.0, 0.0),
    Cell(0.05, 0.02, 0.0),
    Cell(0.05, 0.05, 0.0),
    Cell(0.05, 0.20, 0.0),
    Cell(0.05, 0.0, 0.05),
    Cell(0.05, 0.05, 0.05),
    Cell(0.05, 0.05, 0.20),
    Cell(0.05, 0.05, 0.50),
    Cell(0.05, 0.20, 0.50),
    Cell(0.10, 0.0, 0.0),
    Cell(0.10, 0.05, 0.0),
    Cell(0.10, 0.20, 0.0),
    Cell(0.10, 0.0, 0.10),
    Cell(0.10, 0.05, 0.10),
    Cell(0.10, 0.20, 0.20),
    Cell(0.02, 0.0, 0.0),
    Cell(0.02, 0.02, 0.0),
    Cell(0.02, 0.0, 0.02),
    Cell(0.02, 0.02, 0.02),
    Cell(0.02, 0.02, 0.50),
    Cell(0.05, 0.02, 0.0, weight=2),
    Cell(0.05, 0.05, 0.0, weight=2),
    Cell(0.05, 0.05, 0.05, weight=2),
    Cell(0.10, 0.05, 0.0, weight=2),
    Cell(0.10, 0.20, 0.0, weight=2),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What came out: shares of repetitions, and the mean number of cases until the verdict."""

    cell: Cell
    passed: float
    failed: float
    open: float
    cases: float


def answer(chance: random.Random, p: float) -> Answer:
    return Answer.DIFFERS if chance.random() < p else Answer.SAME


def draw(chance: random.Random, cell: Cell, cases: int) -> tuple[Pair, ...]:
    """Draw the cases of one site."""
    found = []
    for _ in range(cases):
        p = chance.betavariate(cell.weight * cell.noise, cell.weight * (1 - cell.noise)) if cell.noise else 0.0
        new = p + cell.excess * (1 - p) / (1 - cell.noise)
        found.append(Pair(answer(chance, p), answer(chance, new)))
    return tuple(found)


def run(cell: Cell, repetitions: int, seed: int = 1) -> Row:
    """Judge as many sites as asked."""
    chance = random.Random(f"{seed} {cell}")
    rule = Rule(margin=cell.margin)
    outcomes: Counter[Outcome] = Counter()
    cases = 0
    for _ in range(repetitions):
        verdict = judge("site", draw(chance, cell, rule.most), rule)
        outcomes[verdict.outcome] += 1
        cases += verdict.numbers.cases
    shares = (outcomes[o] / repetitions for o in (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE))
    return Row(cell, *shares, cases / repetitions)


def together(repetitions: int, sites: int, seed: int = 1) -> tuple[float, float]:
    """Judge ``sites`` sites at once, half of them at the boundary, and give the share of wrong ones among those
    that e-BH lets through, and the share of good ones that it does let through, as means over repetitions."""
    chance = random.Random(seed)
    wrong = power = 0.0
    rule = Rule(margin=0.05)
    for _ in range(repetitions):
        e_values = {}
        for site in range(sites):
            cell = Cell(0.05, 0.05, 0.05 if site % 2 else 0.0)
            verdict = judge(str(site), draw(chance, cell, rule.most), rule, bar=2 / rule.alpha)
            e_values[str(site)] = 0.0 if verdict.outcome is Outcome.FAIL else verdict.numbers.better
        through = benjamini_hochberg(e_values, rule.alpha)
        wrong += sum(int(s) % 2 for s in through) / max(1, len(through)) / repetitions
        power += sum(1 - int(s) % 2 for s in through) / (sites - sites // 2) / repetitions
    return wrong, power


class Drawn:
    """Answers whose truth is known, for ``Rounds``: a label, or another one."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        """Draw the answers; every request has its own luck."""
        return {ask.digest: self._answer(ask) for ask in asks}

    def _answer(self, ask: Ask) -> Got:
        shared = random.Random(f"{self.seed} {ask.site} {ask.case}")
        p = shared.betavariate(0.25 * 0.05, 0.25 * 0.95)
        bad = 0.05 * (1 - p) / 0.95 if ask.cell is Which.NEW and int(ask.site) % 2 else 0.0
        differs = random.Random(f"{self.seed} {ask.digest}").random() < p + bad
        return Got(ask.digest, completion("b" if differs else "a"), status=200)


def completion(text: str) -> Mapping[str, object]:
    """Give an answer as the API gives it."""
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]}


def trial(site: str, cases: int) -> Trial:
    """Make a call with recorded requests, all of which were answered alike."""
    call = CallSite(site, "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))
    items = []
    for number in range(cases):
        said = {"model": "old", "messages": [{"role": "user", "content": f"{site} {number}"}]}
        case = Case(
            *(f"{site}-{number}", site, None, "chat/completions", "", said, completion("a"), 200, None, True, 0),
            *(None, None, "", "", {}, {}, False, "", 0.0),
        )
        items.append(Item(case, Bodies(said, {**said, "model": "new"}), unit=case.id))
    return Trial(Target(call, ("old",), ("new",)), tuple(items), Contract(Kind.LABEL, ""), Rule(0.05), cases)


def through(repetitions: int, sites: int, cases: int = 150, first: int = 0) -> tuple[float, float]:
    """As ``together``, through ``Rounds`` itself: sites go on until they are decided, round by round."""
    wrong = power = 0.0
    trials = [trial(str(site), cases) for site in range(sites)]
    for seed in range(first, first + repetitions):
        states = Rounds(Drawn(seed), 0.05, lambda _: 20).run(trials)
        passed = [s.trial.site for s in states if s.verdict is not None and s.verdict.outcome is Outcome.PASS]
        wrong += sum(int(s) % 2 for s in passed) / max(1, len(passed)) / repetitions
        power += sum(1 - int(s) % 2 for s in passed) / (sites - sites // 2) / repetitions
    return wrong, power


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    print(f"{repetitions} repetitions a row, at most {Rule().most} cases, alpha {Rule().alpha}\n")
    print("| margin | noise | true excess | PASS | FAIL | INCONCLUSIVE | mean cases |")
    print("|---|---|---|---|---|---|---|")
    for cell in CELLS:
        row = run(cell, repetitions)
        where = " (boundary)" if cell.excess == cell.margin else ""
        spread = " (spread)" if cell.weight > 1 else ""
        print(f"| {cell.margin} | {cell.noise}{spread} | {cell.excess}{where} ", end="")
        print(f"| {row.passed:.3f} | {row.failed:.3f} | {row.open:.3f} | {row.cases:.0f} |", flush=True)
    print("\nfewest cases for a PASS:", {m: fewest(Rule(margin=m)) for m in (0.02, 0.05, 0.10)})
    wrong, power = together(repetitions // 10, 20)
    print(f"20 sites together, 10 at the boundary: wrong among let through {wrong:.3f}, good let through {power:.3f}")
    wrong, power = through(repetitions // 5, 20)
    print(f"the same through the rounds of a run: wrong {wrong:.4f}, good let through {power:.3f}")


if __name__ == "__main__":
    main()
