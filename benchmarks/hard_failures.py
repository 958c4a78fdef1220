"""Answer one question: how often is a hard failure blamed on the new model where the truth is known?

Each repetition is a site of 100 cases that goes through the rounds of a run, ten cases at a time. An answer is right,
or it is cut off at its longest, which is a hard failure. "Per draw": every answer is cut off with the same chance.
"Per case": the answers to that share of the cases are cut off half of the time, or for a broken model always, and the
others never. Where the models are alike, each FAIL is wrong. The hardest are the rows without recorded failures: the
recorded answers, which would warn, come from a time when the old model had none. Run it:
``python benchmarks/hard_failures.py --repetitions 1000``.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrator.model import CallSite, Position, Span
from migrator.plan_prompts import Target
from migrator.shadow.model import Case, Contract, Kind, Outcome, Rule
from migrator.shadow.requests import Bodies
from migrator.shadow.rounds import Rounds, State
from migrator.shadow.run.model import Ask, Got
from migrator.shadow.trial import Item, Trial

CASES = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """One row: the share of answers of each model that are cut off, or of cases whose answers are with ``strength``."""

    name: str
    old: float
    new: float
    strength: float = 0.0
    is_recorded: bool = True

    def chance(self, luck: float, *, is_new: bool) -> float:
        """Give the chance that an answer to a case is cut off; ``luck`` within 0..1 is the case's own."""
        share = self.new if is_new else self.old
        return share if not self.strength else self.strength * (luck < share)


HABITS = (0.0, 0.02, 0.1, 0.3, 0.5)
ALIKE = (
    *(Cell(f"alike, {share} per draw", share, share) for share in HABITS),
    *(Cell(f"alike, {share} per case", share, share, 0.5) for share in HABITS[1:]),
    *(Cell(f"alike, {share} per draw, none recorded", share, share, is_recorded=False) for share in HABITS[1:]),
    *(Cell(f"alike, {share} per case, none recorded", share, share, 0.5, is_recorded=False) for share in HABITS[1:]),
)
BROKEN = (
    Cell("broken, 0.3 per draw", 0.0, 0.3),
    Cell("broken, 0.5 per draw", 0.0, 0.5),
    Cell("broken, 0.3 per case", 0.0, 0.3, 1.0),
    Cell("broken, 0.02 per case", 0.0, 0.02, 1.0),
    Cell("broken, 0.05 per draw", 0.0, 0.05),
)
CELLS = (*ALIKE, *BROKEN)


class Drawn:
    """A server whose answers are cut off as a row says; ``again`` counts what was asked more than once."""

    def __init__(self, cell: Cell, seed: int) -> None:
        self.cell, self.seed, self.again = cell, seed, 0

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        """Draw the answers; every request has its own luck."""
        self.again += sum(one.run > 1 for one in asks)
        return {one.digest: Got(one.digest, self.answer(one), status=200) for one in asks}

    def answer(self, one: Ask) -> Mapping[str, object]:
        """Draw one answer."""
        is_new, case = one.body["model"] == "new", str(one.case)
        return completion(self.is_cut(case, f"{one.body['model']} {one.run}", is_new=is_new))

    def is_cut(self, case: str, which: str, *, is_new: bool) -> bool:
        """Say whether this answer to a case is cut off."""
        luck = random.Random(f"{self.seed} {case}").random()
        return random.Random(f"{self.seed} {case} {which}").random() < self.cell.chance(luck, is_new=is_new)

    def recorded(self, case: str) -> Mapping[str, object]:
        """Draw what was recorded of a case."""
        return completion(self.cell.is_recorded and self.is_cut(case, "recorded", is_new=False))


def completion(is_cut: bool) -> Mapping[str, object]:
    """Give an answer as the API gives it."""
    message = {"role": "assistant", "content": "appl" if is_cut else "apple"}
    return {"choices": [{"index": 0, "finish_reason": "length" if is_cut else "stop", "message": message}]}


def trial(server: Drawn) -> Trial:
    """Make a call with its recorded requests."""
    call = CallSite("site", "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))
    items = []
    for number in range(CASES):
        said = {"model": "old", "messages": [{"role": "user", "content": str(number)}]}
        got = server.recorded(str(number))
        case = Case(
            *(str(number), "site", None, "chat/completions", "", said, got, 200, None, True, 0),
            *(None, None, "", "", {}, {}, False, "", 0.0),
        )
        items.append(Item(case, Bodies(said, {**said, "model": "new"}), unit=case.id))
    return Trial(Target(call, ("old",), ("new",)), tuple(items), Contract(Kind.LABEL, ""), Rule(0.05), CASES)


@dataclass(frozen=True, slots=True)
class Row:
    """What came out: shares of repetitions, and on average: cases until the verdict, requests that were sent again."""

    cell: Cell
    hard: float
    failed: float
    passed: float
    open: float
    cases: float
    again: float


def judged(cell: Cell, seed: int) -> tuple[State, Drawn]:
    """Compare one site."""
    server = Drawn(cell, seed)
    return Rounds(server, 0.05, lambda _: 10).run([trial(server)])[0], server


def run(cell: Cell, repetitions: int, first: int = 0) -> Row:
    """Compare as many sites as asked."""
    outcomes: Counter[str] = Counter()
    cases = again = 0
    for seed in range(first, first + repetitions):
        state, server = judged(cell, seed)
        assert state.verdict is not None
        is_hard = state.verdict.outcome is Outcome.FAIL and state.verdict.reason.startswith("hard failure")
        outcomes["hard" if is_hard else state.verdict.outcome.value] += 1
        cases, again = cases + state.asked, again + server.again
    shares = (outcomes[name] / repetitions for name in ("hard", "fail", "pass", "inconclusive"))
    return Row(cell, *shares, cases / repetitions, again / repetitions)


def main() -> None:
    """Print the table of the page about statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    print("| truth | FAIL, hard | FAIL, excess | PASS | INCONCLUSIVE | mean cases | sent again |")
    print("|---|---|---|---|---|---|---|")
    for cell in CELLS:
        row = run(cell, repetitions)
        print(f"| {cell.name} | {row.hard:.3f} | {row.failed:.3f} | {row.passed:.3f} | {row.open:.3f} ", end="")
        print(f"| {row.cases:.0f} | {row.again:.1f} |", flush=True)


if __name__ == "__main__":
    main()
