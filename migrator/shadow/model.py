"""Answer one question: which nouns does a comparison of an old model with a new one speak of?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Answer(StrEnum):
    """What a comparator says about two answers of models."""

    SAME = "same"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One difference: ``kind`` is a word such as "number" or "missing field", ``where`` a path or the words around.

    ``is_noise``: the old model disagrees with itself here, so that the difference is shown and not counted.
    ``texts`` are the two texts of a field in full where nobody could say yet whether they say the same.
    """

    kind: str
    where: str = ""
    old: str = ""
    new: str = ""
    is_noise: bool = False
    texts: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found between two answers, and why."""

    answer: Answer
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, with its arguments as the model wrote them."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request: a text, calls of tools, or why neither came.

    ``finish`` is the finish reason in the words of chat completions ("stop", "length", "tool_calls",
    "content_filter"), ``error`` the status and type of an API error, ``refusal`` the SDK's own field.
    """

    text: str = ""
    tools: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    refusal: str = ""
    error: str = ""


class Kind(StrEnum):
    """What the code behind a call site reads an answer as."""

    LABEL = "label"
    JSON = "json"
    TOOLS = "tools"
    CODE = "code"
    PROSE = "prose"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a call site asks of an answer.

    ``schema`` is that of the whole answer, ``tools`` the schema of each tool's arguments by its name, ``own`` the
    user's comparator as ``module:function``; ``why`` says what the contract was read from.
    """

    kind: Kind
    why: str
    schema: Mapping[str, object] | None = None
    tools: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    own: str = ""


class Outcome(StrEnum):
    """What may be said about a call site."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Pair:
    """One case: does a fresh answer of the old model differ from the recorded one, and does one of the new model?

    Cases of one ``unit`` depend on each other (the same request again, one conversation) and count as one;
    without a unit each case stands for itself.
    """

    old: Answer
    new: Answer
    template: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A kind of hard failure that only the new model has had at a site, and what is so.

    ``cases`` counts by case how often it had it where both models were asked; the old one never did. ``needed`` is how
    often it takes to show that this is no luck.
    """

    kind: str
    said: str
    cases: Mapping[str, int]
    needed: int

    @property
    def times(self) -> int:
        """Give how often the new model alone had it."""
        return sum(self.cases.values())

    @property
    def again(self) -> frozenset[str]:
        """Give the cases that had it more than once."""
        return frozenset(case for case, times in self.cases.items() if times > 1)

    @property
    def is_shown(self) -> bool:
        """Say whether the new model has it so often that the site fails."""
        return self.times >= self.needed

    @property
    def is_open(self) -> bool:
        """Say whether it is no accident, and not shown either: nothing passes then."""
        return bool(self.again) and not self.is_shown


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of a site: ``margin`` is the excess of differing answers that is too much, as a share of cases.

    ``alpha`` bounds the chance of a false PASS and that of a false FAIL, each. A look is taken every ``peek`` cases
    and none after ``most``.
    """

    margin: float = 0.05
    alpha: float = 0.05
    peek: int = 10
    most: int = 400


@dataclass(frozen=True, slots=True)
class Interval:
    """A range for a share of cases."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``total`` cases, with the 95 % interval of the share."""

    count: int
    total: int
    interval: Interval

    @property
    def share(self) -> float:
        """The share of cases, 0 where there are none."""
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """What stands behind a verdict. All shares are of cases, between 0 and 1; e-values have no unit.

    ``noise`` is how often the old model's fresh answer differs from its recorded one, ``new`` how often the new
    model's does; ``losses`` and ``gains`` are the cases in which only the new, only the old one differs; they are
    never netted. ``mcnemar`` is the p-value of their difference. ``excess`` is the mean of D and ``error`` its
    standard error over units. ``better`` is the e-value against "the excess is the margin or more", ``worse`` that
    against "the excess is the margin or less". ``undecided`` counts cases with an answer that no comparator decided.
    """

    cases: int
    units: int
    noise: Rate
    new: Rate
    losses: int
    gains: int
    mcnemar: float
    excess: float
    error: float
    better: float
    worse: float
    undecided: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is so at one call site. ``more`` is about how many cases are missing, None where no number would do."""

    site: str
    outcome: Outcome
    reason: str
    numbers: Numbers
    more: int | None = None
    examples: tuple[Comparison, ...] = ()
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request was made: the expression in the nearest file of the project.

    ``column`` is None where Python before 3.11 ran, which knows the line alone; columns count bytes of
    UTF-8, as those of ``ast``. ``source`` is the hash of the file then. ``stack`` has the frames of the
    project, outermost first. ``calls`` is the function of the project that is called there, ``makes`` the class
    whose object is made there; what makes a request has neither.
    """

    file: str
    function: str
    line: int
    end_line: int | None
    column: int | None
    end_column: int | None
    source: str
    stack: tuple[tuple[str, int, str], ...] = ()
    calls: str = ""
    makes: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """Where an object was made that sent a request. ``calls`` are the ids of that call and of those around it.

    The nearest comes first. Objects of the same ``depth`` were arguments of one function of a library, and one of
    a smaller depth is nearer to the request.
    """

    place: Place
    calls: tuple[str, ...]
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Linked:
    """Which calls of a plan a case belongs to, and how that is known; ``why`` says it where there are none.

    ``how``: "call" (it made the request), "constructed" (it made the object that sent it), "frame" (it was running
    around it), "template" (its prompt is the request's), "flow" (the code leads the object from there to the call).
    """

    case: str
    sites: tuple[str, ...] = ()
    how: Literal["call", "constructed", "frame", "template", "flow", ""] = ""
    why: str = ""


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
    ``redacted`` counts the placeholders by kind: a request with some is not exactly what was sent. ``callers`` are
    the ids of the calls of the project's own functions that were running around it, the nearest first, ``makers`` the
    objects of libraries that sent it. A call that is not there any more has no id.
    ``origin`` is the form from which a case was imported, ``lacks`` what that form does not hold of the request.
    ``linked`` says how the site was found: by its "place" or by a "template". ``fits`` counts the calls whose prompts
    fit equally well.
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
    callers: tuple[str, ...] = ()
    makers: tuple[Maker, ...] = ()
    origin: str = ""
    lacks: tuple[str, ...] = ()
    linked: str = ""
    fits: int = 0

    @property
    def is_replayable(self) -> bool:
        """Say whether the request is all there, so that it can be sent again."""
        return not self.lacks

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
        return usage(self.response)


@dataclass(frozen=True, slots=True)
class SiteCases:
    """What was recorded of one call site: a sample of its requests as they came, and how many there were in all."""

    site: str
    place: Place | None
    cases: tuple[Case, ...]
    seen: int


def usage(body: Mapping[str, object] | None) -> Usage | None:
    """Give the tokens that an answer says it took, in the words of both endpoints; None where it does not say.

    A count that cannot be one, such as a negative one or more from the cache than there are, says nothing.
    """
    said = (body or {}).get("usage")
    if not isinstance(said, Mapping):
        return None
    details = said.get("prompt_tokens_details") or said.get("input_tokens_details")
    cached = _count(details, "cached_tokens") or 0 if isinstance(details, Mapping) else 0
    read, written = _count(said, "prompt_tokens", "input_tokens"), _count(said, "completion_tokens", "output_tokens")
    return Usage(read, cached, written) if read is not None and written is not None and cached <= read else None


def _count(said: Mapping[object, object], *names: str) -> int | None:
    return next((value for name in names if type(value := said.get(name)) is int and value >= 0), None)
