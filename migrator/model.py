"""Answer one question: which values pass between the stages?

Facts, opinions, changes, deeds: ``Source`` → ``CallSite`` → ``Decision`` → ``Edit`` → ``Plan`` →
``Patch``. Every value is frozen; every offset is a half-open range of UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of UTF-8 bytes of a source's text."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Say whether two ranges share a byte, or one is an insertion inside the other."""
        return (self.start < other.end and other.start < self.end) or self == other


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a person finds a byte: ``cell`` is a notebook's cell index or None; line and column are 1-based.

    ``column`` counts characters, as editors do.
    """

    cell: int | None
    line: int
    column: int


SourceKind = Literal["python", "notebook", "page", "config"]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text that stands in the file as it is: ``text`` in the source's text, ``data`` in the file.

    For a notebook one run is one character sequence of a JSON string without an escape, for a document
    one line of a block without its indentation, so a run of n text bytes is a run of n file bytes. What lies
    between runs (escapes, brackets, prose) cannot be edited.
    """

    text: Span
    data: Span


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell of a notebook: ``index`` among all cells, ``span`` in the source's text.

    Of a document, one block of Python; ``index`` is the line of its first line of code, from 0.
    """

    index: int
    span: Span
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One readable unit: the Python text of a file, and how to get back to the file's bytes.

    ``data`` is the file as read. ``text`` is its Python: for a notebook all code cells joined by
    newlines, magics blanked to the same length, for a document ("page") all its blocks of Python.
    ``view`` is ``text`` in a syntax that the running interpreter's ``ast`` reads, byte for byte as
    long as ``text`` (equal to it nearly always). ``skipped_cells`` are the cells that do not parse,
    by index, each with the reason; they are blank.
    """

    path: Path
    shown: str
    kind: SourceKind
    data: bytes
    text: str
    view: str
    encoding: str
    cells: tuple[Cell, ...] = ()
    skipped_cells: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A file that was left alone, and why, in one line that says what to do."""

    shown: str
    reason: str
    is_error: bool = False


class How(StrEnum):
    """The kind of place a literal stands in, on its way to a request."""

    INLINE = "inline"
    CONSTANT = "constant"
    DEFAULT = "default"
    ENVIRONMENT = "environment"
    ENTRY = "entry"
    WRAPPER = "wrapper"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof: a place, and what the value is there (``parameter model``, ``openai.chat``)."""

    shown: str
    position: Position
    what: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a library's enumeration as it is written, and the member that takes its place.

    ``owner`` is what stands before the dot: ``ModelType`` of ``ModelType.GPT_4O``.
    """

    owner: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A literal that names a model: ``span`` is the whole expression, quotes included.

    With ``member`` it is no string: ``value`` is then the text that the member stands for.
    """

    shown: str
    span: Span
    position: Position
    end: Position
    value: str
    how: How
    qualname: str
    member: Member | None = None


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call that runs a model. ``id`` survives moved lines: path, qualified name, ordinal, hash of the call."""

    id: str
    surface: str
    shown: str
    span: Span
    position: Position


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something on a literal's way that a new name would break. ``reason`` is a key of the reasons table."""

    reason: str
    detail: str
    shown: str
    position: Position
    span: Span = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Reach:
    """One way of a literal to a call: the site and the steps from the literal to it."""

    site: CallSite
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one literal: where it goes, and what stands against a change."""

    id: str
    origin: Origin
    reaches: tuple[Reach, ...]
    hazards: tuple[Hazard, ...]
    hint: str | None
    notes: tuple[Hazard, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The literal provably decides a request's model, and nothing stands against the new name."""

    finding: Finding
    new: str


@dataclass(frozen=True, slots=True)
class Review:
    """The literal looks like a model choice, with nothing against it, but no proof."""

    finding: Finding
    new: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The literal is not changed; a person is told why."""

    finding: Finding
    reason: str
    detail: str


Decision = Rewrite | Review | Report


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One part of a prompt as it is shown: whose it is, how often it changes, its tokens where they are known.

    ``varies`` is "never", "deployment", "process", "day", "user" or "request". ``code`` is the expression
    of a part that varies, ``why`` what makes it vary.
    """

    role: str
    varies: str
    least: int
    most: int | None
    code: str
    why: str
    shown: str
    line: int

    @property
    def breaks(self) -> bool:
        """Say whether the beginning that requests share ends before it."""
        return self.varies in ("user", "request")


@dataclass(frozen=True, slots=True)
class PromptWarning:
    """Something in the shared beginning, or at its end, that costs hits. ``name`` is a breaker of caching.toml."""

    name: str
    code: str
    shown: str
    line: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was seen of the prompt that a call sends, and what its caching comes to. Numbers are tokens.

    ``before`` are the models that the call runs on now, as far as the code says it, ``models`` those that it
    runs on once they have moved. With ``is_azure`` they are names of deployments, and nothing moves.

    ``least`` and ``most`` bound the prefix that all requests share, ``static`` is all text that the code
    itself holds. ``verdict``: "pays" (the prefix is long enough), "may" (it can be, at run time), "short",
    "hidden" (the code does not show the prompt). ``key`` is the one that is added, "" where none is;
    ``reason`` then says why, as a key of the refusals in ``rules/caching.toml``. ``best`` is the shared prefix
    with everything static first. ``order`` says what happens to its order: "" (it is good), "review" (it can be
    put right, and is held for review), "applied", "sort" and "sorted" (the same, of sets in it alone), or why it
    stays, as a key of ``stays`` there. ``cached`` and
    ``best_cached`` are what a hit reads from the cache, as the code stands and in the best order: 0 where the
    prefix is not known to be long enough. ``callers`` counts the calls that bring it a prompt through the function
    around it, 0 where it shows its own; of several prompts it is the one that shares least.
    """

    site: CallSite
    models: tuple[str, ...]
    verdict: str
    least: int
    most: int | None
    static: int
    best: int
    parts: tuple[PromptPart, ...]
    key: str = ""
    reason: str = ""
    detail: str = ""
    order: str = ""
    order_detail: str = ""
    before: tuple[str, ...] = ()
    cached: int = 0
    best_cached: int = 0
    warnings: tuple[PromptWarning, ...] = ()
    callers: int = 0
    is_azure: bool = False

    @property
    def breaker(self) -> PromptPart | None:
        """The part that ends the shared beginning; None where every request is the same, or nothing was seen."""
        return next((part for part in self.parts if part.breaks), None)

    @property
    def gains(self) -> bool:
        """Say whether more would be cached with everything static first."""
        return self.best_cached > self.cached


@dataclass(frozen=True, slots=True)
class Survey:
    """What the prompts of some paths come to, whether or not a model moves: what ``migrator cache`` shows."""

    migration: str
    prompts: tuple[Prompt, ...]
    skips: tuple[Skip, ...]
    files_read: int = 0
    files_parsed: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace ``span`` of ``shown``'s text by ``text``, on behalf of ``transform``."""

    shown: str
    span: Span
    text: str
    transform: str


@dataclass(frozen=True, slots=True)
class Patch:
    """One file before and after, as bytes."""

    path: Path
    shown: str
    before: bytes
    after: bytes
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something to tell about a line that is no finding: an ignore comment that cannot be read.

    ``cell`` is a notebook's cell index, in which the line is counted, or None.
    """

    shown: str
    line: int
    text: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would happen: the same input gives the same plan.

    ``others`` counts files in other languages that name the models, by shown path, and the prose of
    documents whose code was read. ``pages`` are those of them whose Python seems to name the models.
    """

    migration: str
    decisions: tuple[Decision, ...]
    patches: tuple[Patch, ...]
    skips: tuple[Skip, ...]
    files_read: int = 0
    files_parsed: int = 0
    ignored: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done on disk: the files written, and those left alone with the reason."""

    written: tuple[str, ...]
    left: tuple[Skip, ...]
