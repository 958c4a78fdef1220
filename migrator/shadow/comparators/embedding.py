"""Answer one question: are two texts as alike as two answers of the old model to the same request are?

Whoever runs the comparison supplies the vectors. What is alike enough is read from this site's own answers. Vectors
cannot tell facts, limits or who does what to whom: texts that say the opposite are often more alike than texts that
say the same in other words. So they may call a pair the same only where nothing but the choice of words is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import quantiles

from migrator.shadow.comparators import prose
from migrator.shadow.comparators.calibration import Bounds
from migrator.shadow.comparators.settle import Decide, Doubt
from migrator.shadow.model import Answer, Comparison, Evidence

Vector = Sequence[float]
# Gives one vector for each text, all of one length.
Embed = Callable[[Sequence[str]], Sequence[Vector]]

# So many pairs of the old model's answers it takes to know how alike they are.
FEWEST = 10
# What may be open between texts that are called the same for their vectors.
WORDING = frozenset({"words", "said once"})
# It sees few defects and need not; it must not take them for the same.
BOUNDS = Bounds(false=0.3, seen=0.0, missed=0.15)


@dataclass(frozen=True, slots=True)
class Scale:
    """From which cosine on two texts are the same, and up to which they differ; read from ``pairs`` old answers."""

    same: float
    other: float
    pairs: int


def scale(cosines: Sequence[float]) -> Scale | None:
    """Read the scale from the cosines of a site's old/old pairs; None where there are too few.

    The same from their median on. Other below the lowest by as much as the lowest is below the median.
    """
    if len(cosines) < FEWEST:
        return None
    median, lowest = quantiles(cosines, n=2)[0], min(cosines)
    return Scale(median, lowest - (median - lowest), len(cosines))


def cosine(one: Vector, other: Vector) -> float:
    """Give the cosine of two vectors of one length, from -1 to 1; 0 where one is all zeros.

    Raises ValueError for vectors of different lengths.
    """
    product = sum(a * b for a, b in zip(one, other, strict=True))
    size = sqrt(sum(a * a for a in one) * sum(b * b for b in other))
    return product / size if size else 0.0


def cosines(embed: Embed, pairs: Sequence[Doubt]) -> tuple[float, ...]:
    """Give how alike the texts of each pair are; each text is sent once."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.old, pair.new)))
    vectors = dict(zip(texts, embed(texts) if texts else (), strict=True))
    return tuple(cosine(vectors[pair.old], vectors[pair.new]) for pair in pairs)


def by_scale(embed: Embed, read: Scale) -> Decide:
    """Make a step that decides by a scale."""

    def decide(pairs: Sequence[Doubt]) -> Sequence[Comparison]:
        return [_decided(pair, value, read) for pair, value in zip(pairs, cosines(embed, pairs), strict=True)]

    return decide


def _decided(pair: Doubt, value: float, read: Scale) -> Comparison:
    answer = Answer.UNDECIDED
    if value < read.other:
        answer = Answer.DIFFERS
    elif value >= read.same and {e.kind for e in prose.compare(pair.old, pair.new).evidence} <= WORDING:
        answer = Answer.SAME
    said = f"same from {read.same:.3f}, other below {read.other:.3f}"
    return Comparison(answer, (Evidence("embedding", "", said, f"{value:.3f}"),))


def question(texts: Sequence[str], model: str) -> Mapping[str, object]:
    """Make the body of a request to ``/v1/embeddings``."""
    return {"model": model, "input": list(texts), "encoding_format": "float"}


def answer(body: Mapping[str, object], count: int) -> tuple[Vector, ...]:
    """Read the vectors of ``count`` texts, in their order. Raises ValueError where the body does not hold them."""
    data = body.get("data")
    rows = [row for row in data if isinstance(row, Mapping)] if isinstance(data, list | tuple) else []
    found = {row.get("index"): row.get("embedding") for row in rows}
    vectors = tuple(tuple(v) for at in range(count) if isinstance(v := found.get(at), list | tuple) and v)
    if len(vectors) != count or len({len(vector) for vector in vectors}) > 1:
        raise ValueError(f"the answer holds {len(vectors)} vectors for {count} texts")
    return vectors
