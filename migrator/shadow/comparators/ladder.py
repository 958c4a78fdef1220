"""Answer one question: which steps may be asked about the answers of this site that the comparators leave undecided?

Each step is first measured on the old model's own answers and on defects planted in them. One that is not good enough
there is not used, and its line says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.shadow.comparators import embedding, judge
from migrator.shadow.comparators.calibration import (
    Bounds,
    Calibration,
    Defect,
    calibrate,
    defects,
    objection,
    repeated,
    summary,
    unseen,
)
from migrator.shadow.comparators.embedding import Embed
from migrator.shadow.comparators.judge import Ask
from migrator.shadow.comparators.settle import Decide, Doubt

# So many of the old model's pairs and of planted defects a step is measured on; a judge is asked twice about each.
PAIRS = 30
PLANTED = 42
SEED = 20_260_114


@dataclass(frozen=True, slots=True)
class Step:
    """One way to decide, how it did, and why it is not used where it is not."""

    name: str
    decide: Decide | None
    calibration: Calibration | None
    objection: str

    @property
    def line(self) -> str:
        """What the report prints: both rates, and whether the step is used."""
        measured = summary(self.calibration) if self.calibration else ""
        use = f"not used: {self.objection}" if self.objection else "used"
        return f"{self.name}: {f'{measured}; ' if measured and not self.objection else ''}{use}"


def by_embeddings(embed: Embed, pairs: Sequence[Doubt]) -> Step:
    """Measure embeddings on a site's old/old pairs."""
    held = repeated(pairs)[:PAIRS]
    read = embedding.scale(embedding.cosines(embed, held))
    if read is None:
        why = f"{len(held)} pairs of old answers say the same in other words, {embedding.FEWEST} are needed"
        return Step("embeddings", None, None, why)
    planted = unseen(defects(pairs, SEED, 10 * PLANTED))[:PLANTED]
    return _measured("embeddings", embedding.by_scale(embed, read), held, planted, embedding.BOUNDS)


def by_judge(ask: Ask, model: str, pairs: Sequence[Doubt]) -> Step:
    """Measure a judge on a site's old/old pairs; that takes up to ``2 * (PAIRS + PLANTED)`` requests."""
    planted = defects(pairs, SEED, PLANTED)
    return _measured(f"judge {model}", judge.by_asking(ask, model), repeated(pairs)[:PAIRS], planted, judge.BOUNDS)


def _measured(name: str, decide: Decide, held: Sequence[Doubt], planted: Sequence[Defect], bounds: Bounds) -> Step:
    found = calibrate(decide, held, planted)
    against = objection(found, bounds)
    return Step(name, None if against else decide, found, against)
