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
from dataclasses import dataclass

from migrator.shadow.model import Answer, Outcome, Pair, Rule
from migrator.shadow.statistics import benjamini_hochberg, fewest, judge


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


if __name__ == "__main__":
    main()
