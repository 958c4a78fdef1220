"""Answer one question: how sure is a share, a difference of two counts, a mean?

These numbers stand beside a verdict and decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, inf, sqrt
from statistics import NormalDist

from migrator.shadow.model import Interval, Rate


def wilson(count: int, total: int, confidence: float = 0.95) -> Interval:
    """Give the interval of a share from ``count`` of ``total`` cases.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson, JASA 22 (1927); that it keeps its promise for
    small n: Brown, Cai and DasGupta, Statistical Science 16 (2001). No cases give (0, 1).
    Raises ValueError where ``count`` is not within 0..total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} cases is not a share")
    if total == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, square = count / total, z * z / total
    half = z * sqrt(p * (1 - p) / total + square / (4 * total))
    low, high = (p + square / 2 - half) / (1 + square), (p + square / 2 + half) / (1 + square)
    return Interval(0.0 if count == 0 else low, 1.0 if count == total else high)


def mcnemar(losses: int, gains: int) -> float:
    """Give the two-sided exact p-value that losses and gains are equally likely.

    min(1, 2 · P(X ≤ min(losses, gains))) for X ~ Binomial(losses + gains, ½). Source: McNemar, Psychometrika 12
    (1947), in its exact form; used on language models in arXiv:2602.10144. It is shown and decides nothing: a high
    p-value does not say that two models are alike. Raises ValueError for a negative count.
    """
    if min(losses, gains) < 0:
        raise ValueError("a number of cases is not negative")
    total = losses + gains
    tail = sum(comb(total, k) for k in range(min(losses, gains) + 1))
    return min(1.0, float(2 * tail / (1 << total)))


def clustered_error(values: Sequence[Sequence[float]]) -> float:
    """Give the standard error of the mean of D where the values of one group depend on each other.

    √(Σ over groups of (Σ in group of (D − mean))²) / n. Source: Miller, "Adding Error Bars to Evals",
    arXiv:2411.00640, section 2.2. With one value in each group it is the common one (with n, not n − 1). One
    group says nothing about other groups: infinite.
    """
    total = sum(len(group) for group in values)
    if len(values) < 2:
        return inf
    mean = sum(sum(group) for group in values) / total
    return sqrt(sum(sum(value - mean for value in group) ** 2 for group in values)) / total


def rate(count: int, total: int) -> Rate:
    """Give a share with its interval."""
    return Rate(count, total, wilson(count, total))
