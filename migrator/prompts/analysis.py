"""Answer one question: how much of this prompt is cached, and what ends the cached part?

Tokens of static text are exact. What the service adds to each message is a constant of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from migrator.nouns import Caching
from migrator.prompts.template import Segment, Template
from migrator.tokens import count


@dataclass(frozen=True, slots=True)
class Range:
    """At least and at most so many tokens; ``most`` is None where nothing bounds them."""

    least: int
    most: int | None

    def __add__(self, other: Range) -> Range:
        most = None if self.most is None or other.most is None else self.most + other.most
        return Range(self.least + other.least, most)

    def __str__(self) -> str:
        """``1,310``, ``1,310 to 1,720`` or ``at least 1,310``."""
        if self.most is None:
            return f"at least {self.least:,}"
        return f"{self.least:,}" if self.most == self.least else f"{self.least:,} to {self.most:,}"


NOTHING = Range(0, 0)


@dataclass(frozen=True, slots=True)
class Analysis:
    """``prefix``: tokens that all requests share from the start. ``static``: tokens of static text in all.

    ``missing``: how many the prefix surely lacks to the minimum; 0 where it reaches it or may.
    """

    prefix: Range
    static: Range
    breaker: Segment | None
    minimum: int

    @property
    def pays(self) -> bool:
        """Say whether every request's prefix is long enough."""
        return self.prefix.least >= self.minimum

    @property
    def may_pay(self) -> bool:
        """Say whether a prefix can be long enough at run time."""
        return self.prefix.most is None or self.prefix.most >= self.minimum

    @property
    def missing(self) -> int:
        """How many tokens the prefix surely lacks."""
        return 0 if self.may_pay or self.prefix.most is None else self.minimum - self.prefix.most


Measure = Callable[[str], Range]


def exactly(text: str) -> Range:
    """Count a text with the model's own vocabulary."""
    number = count(text)
    return Range(number, number)


def roughly(text: str) -> Range:
    """Bound a text's tokens without the vocabulary: none spans two words, and none is shorter than a byte."""
    return Range(len(text.split()), len(text.encode()))


def analyse(template: Template, caching: Caching, measure: Measure = exactly) -> Analysis:
    """Measure what a prompt's requests share."""
    return Analysis(
        _total(template.prefix(), caching, measure),
        _sum(tokens(s, measure) for s in _stable(template.segments)) + _frames(len(template.messages), caching),
        template.breaker,
        caching.minimum,
    )


def measure_for(template: Template, caching: Caching) -> Measure:
    """The cheapest measure that decides: nothing is counted of a prompt that is too short in bytes already."""
    rough = _sum(tokens(s, roughly) for s in template.segments if not s.varies.breaks)
    rough += _frames(len(template.messages), caching)
    return roughly if rough.most is not None and rough.most < caching.minimum else exactly


def _stable(segments: Iterable[Segment]) -> Iterator[Segment]:
    return (s for s in segments if not s.varies.breaks)


def _total(prefix: Template, caching: Caching, measure: Measure) -> Range:
    """The tokens of a prefix: neighbouring static texts are counted as the one text that they are."""
    total = _sum(tokens(s, measure) for part in prefix.parts for s in part.segments)
    for message in prefix.messages:
        total += _of_message(message.segments, measure)
    return total + _frames(len(prefix.messages), caching)


def _of_message(segments: tuple[Segment, ...], measure: Measure) -> Range:
    total, run = NOTHING, ""
    for segment in segments:
        if segment.text is not None and segment.whole:
            run += segment.text
        else:
            total, run = total + measure(run) + tokens(segment, measure), ""
    return total + measure(run)


def _frames(messages: int, caching: Caching) -> Range:
    return Range(messages * caching.message_tokens, messages * caching.message_tokens)


def _sum(ranges: Iterable[Range]) -> Range:
    total = NOTHING
    for one in ranges:
        total += one
    return total


def tokens(segment: Segment, measure: Measure = exactly) -> Range:
    """The tokens of one segment."""
    if segment.text is None:
        return Range(0, segment.most)
    size = measure(segment.text)
    return size if segment.whole or size.most is None else Range(size.least, max(size.most, segment.most or 0))
