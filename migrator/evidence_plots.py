"""Answer one question: what do the numbers of a call look like as a picture?

Each picture is SVG of a fixed size, with a text for those who do not see it. Colours and fonts are the page's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, log10

from migrator import evidence_words as words
from migrator.evidence import Share, SiteEvidence
from migrator.markup import Html, element, together

WIDTH, LEFT, RIGHT = 420, 70, 24
Scale = Callable[[float], float]
# The path of the e-values is drawn between these powers of ten.
FLOOR, CEILING = -2, 4
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)


def spark(site: SiteEvidence) -> Html:
    """Draw the excess with its interval from −50 % to +50 %, small enough for a row of a table."""
    scale = _scale((-0.5, 0.5), 5, 91)
    low, high = (min(0.5, max(-0.5, value)) for value in site.interval)
    middle = min(0.5, max(-0.5, site.excess))
    inside = (
        _line(scale(0), 1, scale(0), 15, "axis"),
        _line(scale(site.margin), 1, scale(site.margin), 15, "margin"),
        _line(scale(low), 8, scale(high), 8, f"bar {site.outcome}"),
        element("circle", cx=_at(scale(middle)), cy=8, r=3, class_=f"dot {site.outcome}"),
    )
    return element("svg", *inside, viewBox="0 0 96 16", width=96, height=16, aria_hidden="true")


def excess(site: SiteEvidence) -> Html:
    """Draw the excess with its interval against 0 and the margin."""
    low, high = site.interval
    limits = min(low, -site.margin), max(high, 2 * site.margin)
    pad = (limits[1] - limits[0]) * 0.06
    scale = _scale((limits[0] - pad, limits[1] + pad), LEFT, WIDTH - RIGHT)
    inside = (
        *_ticks((limits[0] - pad, limits[1] + pad), scale, 62, words.signed),
        _line(scale(0), 16, scale(0), 62, "axis"),
        _line(scale(site.margin), 16, scale(site.margin), 62, "margin"),
        _label(scale(site.margin), 11, f"margin {words.percent(site.margin)}", "middle"),
        _label(LEFT - 8, 42, "excess", "end"),
        *_interval(scale, 38, (low, site.excess, high), site.outcome),
    )
    said = f"Excess {words.signed(site.excess)}, interval {words.interval(site)}, margin {words.percent(site.margin)}"
    return _picture(82, said, inside)


def shares(site: SiteEvidence) -> Html:
    """Draw how often the old and the new model differ from the recorded answers."""
    most = min(1.0, max(site.noise.high, site.new.high, 0.05) * 1.05)
    scale = _scale((0, most), LEFT, WIDTH - RIGHT)
    inside = (
        *_ticks((0, most), scale, 62, words.percent),
        _line(scale(0), 6, scale(0), 62, "axis"),
        _label(LEFT - 8, 24, "old, noise", "end"),
        *_interval(scale, 20, _three(site.noise), "old"),
        _label(LEFT - 8, 48, "new", "end"),
        *_interval(scale, 44, _three(site.new), site.outcome),
    )
    said = (
        f"Answers that differ from the recorded ones: of the old model {words.percent(site.noise.share)}, "
        f"of the new model {words.percent(site.new.share)}"
    )
    return _picture(82, said, inside)


def path(site: SiteEvidence, alpha: float) -> Html:
    """Draw how the evidence for PASS and for FAIL grew, look by look, against what a verdict takes."""
    looks = [(0, 1.0, 1.0), *site.path]
    across = _scale((0, max(1, looks[-1][0])), LEFT, WIDTH - RIGHT)
    up = _scale((FLOOR, CEILING), 118, 12)
    needed = up(_power(1 / alpha))
    inside = (
        *[_label(LEFT - 8, up(power) + 4, f"{10**power:,.10g}", "end") for power in range(FLOOR, CEILING + 1, 2)],
        _line(LEFT, up(0), WIDTH - RIGHT, up(0), "axis"),
        _line(LEFT, needed, WIDTH - RIGHT, needed, "margin"),
        _curve([(across(n), up(_power(better))) for n, better, _ in looks], "curve pass"),
        _curve([(across(n), up(_power(worse))) for n, _, worse in looks], "curve fail"),
        _label(LEFT + 4, needed - 4, f"{1 / alpha:,.3g} decides", "start"),
        _label(LEFT, 136, "0 cases", "start"),
        _label(WIDTH - RIGHT, 136, f"{looks[-1][0]:,} cases", "end"),
    )
    said = (
        f"After {looks[-1][0]} cases the e-value for a pass is {figure(site.better)}, for a fail {figure(site.worse)}; "
        f"{1 / alpha:,.3g} decides"
    )
    return _picture(142, said, inside)


def figure(value: float) -> str:
    """Say an e-value: ``0.04``, ``31``, ``over 10,000``."""
    if value > 10**CEILING:
        return "over 10,000"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.001 else "below 0.001"


def _power(value: float) -> float:
    return CEILING if not isfinite(value) else min(CEILING, max(FLOOR, log10(max(value, 1e-9))))


def _three(share: Share) -> tuple[float, float, float]:
    return share.low, share.share, share.high


def _scale(limits: tuple[float, float], start: float, end: float) -> Scale:
    span = (limits[1] - limits[0]) or 1.0
    return lambda value: start + (value - limits[0]) / span * (end - start)


def _ticks(limits: tuple[float, float], scale: Scale, bottom: float, say: Callable[[float], str]) -> Iterator[Html]:
    step = next((step for step in STEPS if (limits[1] - limits[0]) / step <= 5), STEPS[-1])
    first = int(limits[0] / step) - 1
    for number in range(first, first + 12):
        value = number * step
        if limits[0] <= value <= limits[1]:
            yield _line(scale(value), bottom, scale(value), bottom + 4, "axis")
            yield _label(scale(value), bottom + 16, "0" if number == 0 else say(value), "middle")


def _interval(scale: Scale, y: float, values: tuple[float, float, float], tone: str) -> Iterator[Html]:
    low, middle, high = map(scale, values)
    yield _line(low, y, high, y, f"bar {tone}")
    yield _line(low, y - 5, low, y + 5, f"bar {tone}")
    yield _line(high, y - 5, high, y + 5, f"bar {tone}")
    yield element("circle", cx=_at(middle), cy=y, r=4.5, class_=f"dot {tone}")


def _curve(points: Sequence[tuple[float, float]], tone: str) -> Html:
    return element("polyline", points=" ".join(f"{_at(x)},{_at(y)}" for x, y in points), class_=tone)


def _line(x1: float, y1: float, x2: float, y2: float, tone: str) -> Html:
    return element("line", x1=_at(x1), y1=_at(y1), x2=_at(x2), y2=_at(y2), class_=tone)


def _label(x: float, y: float, text: str, anchor: str) -> Html:
    return element("text", text, x=_at(x), y=_at(y), text_anchor=anchor)


def _at(value: float) -> str:
    return f"{value:.1f}"


def _picture(height: int, said: str, inside: Sequence[Html]) -> Html:
    return element(
        "svg", element("title", said), together(*inside), viewBox=f"0 0 {WIDTH} {height}", role="img", class_="plot"
    )
