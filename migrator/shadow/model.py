"""Answer one question: what are the nouns of the comparison?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request was made: the expression in the nearest file of the project.

    ``column`` is None where Python before 3.11 ran, which knows the line alone; columns count bytes of
    UTF-8, as those of ``ast``. ``source`` is the hash of the file then. ``stack`` has the frames of the
    project, outermost first.
    """

    file: str
    function: str
    line: int
    end_line: int | None
    column: int | None
    end_column: int | None
    source: str
    stack: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one request, as the server counted them."""

    input: int
    cached: int
    output: int


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded request and its answer.

    ``site`` is the id of the ``CallSite`` that a scan from the project's root gives; empty where none is known.
    ``whole``: the answer came to its end. ``latency`` and ``first`` (the first byte of a stream) are seconds.
    ``redacted`` counts the placeholders by kind: a request with some is not exactly what was sent.
    """

    id: str
    site: str
    place: Place | None
    endpoint: str
    address: str
    request: Mapping[str, object]
    response: Mapping[str, object] | None
    status: int | None
    error: str | None
    whole: bool
    retries: int
    latency: float | None
    first: float | None
    taken: str
    commit: str
    versions: Mapping[str, str]
    redacted: Mapping[str, int]
    raw: bool
    stratum: str
    draw: float

    @property
    def model(self) -> str:
        """Give the model that was asked."""
        return str(self.request.get("model") or "")

    @property
    def is_answered(self) -> bool:
        """Say whether there is a whole answer to compare with."""
        return self.status == 200 and self.whole and self.response is not None

    @property
    def usage(self) -> Usage | None:
        """Give the tokens, in the words of both endpoints; None where the server did not say."""
        said = (self.response or {}).get("usage")
        if not isinstance(said, Mapping):
            return None
        details = said.get("prompt_tokens_details") or said.get("input_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
        counts = (_count(said, "prompt_tokens", "input_tokens"), _count(said, "completion_tokens", "output_tokens"))
        return Usage(counts[0], cached if isinstance(cached, int) else 0, counts[1])


@dataclass(frozen=True, slots=True)
class SiteCases:
    """What was recorded of one call site: a sample of its requests as they came, and how many there were in all."""

    site: str
    place: Place | None
    cases: tuple[Case, ...]
    seen: int


def _count(said: Mapping[object, object], *names: str) -> int:
    return next((value for name in names if isinstance(value := said.get(name), int)), 0)
