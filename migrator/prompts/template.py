"""Answer one question: what is a prompt made of, and how often does each part change?

A prompt is a ``Template``: what stands before the messages (tools, a schema), then messages, each a
sequence of segments. The caching transforms rearrange a ``Template``; a comparison of recorded
requests binds them to one. Both use this object, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from migrator.model import Span


class Varies(IntEnum):
    """How often a part of a prompt changes; the higher the number, the more often.

    A prefix is cached for minutes, at most an hour
    (https://developers.openai.com/api/docs/guides/prompt-caching), so that only what changes by
    user or by request breaks it.
    """

    NEVER = 0
    DEPLOYMENT = 1
    PROCESS = 2
    DAY = 3
    USER = 4
    REQUEST = 5

    @property
    def breaks(self) -> bool:
        """Say whether the cached prefix ends before such a part."""
        return self >= Varies.USER


@dataclass(frozen=True, slots=True)
class Place:
    """The bytes of one file that write something."""

    shown: str
    span: Span
    line: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a text: ``text`` is what it says, None where that is known only at run time.

    ``code`` is the expression of a part that varies, and ``why`` says in a few words what makes it vary.
    ``whole`` is False where the text as read is only near what is sent (``dedent`` of a text with fields,
    a tool's description). ``is_solid``: the text is written elsewhere and stands here as one value, such as a
    constant's name. ``most`` bounds the tokens of a part whose text is not known, where that can be said.
    """

    place: Place
    varies: Varies
    text: str | None = None
    code: str = ""
    why: str = ""
    whole: bool = True
    is_solid: bool = False
    most: int | None = None

    @property
    def is_open(self) -> bool:
        """Say whether its length is not known."""
        return self.text is None


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or with role ``*`` any number of them that the code does not show one by one."""

    role: str
    segments: tuple[Segment, ...]
    place: Place

    @property
    def varies(self) -> Varies:
        """How often the message changes: as often as its quickest part."""
        return max((s.varies for s in self.segments), default=Varies.NEVER)

    @property
    def is_splice(self) -> bool:
        """Say whether it stands for any number of messages."""
        return self.role == SPLICE


SPLICE = "*"


@dataclass(frozen=True, slots=True)
class Part:
    """What stands before the messages: ``kind`` is "tools" or "schema"."""

    kind: str
    segments: tuple[Segment, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt in the order in which it is read by the model: tools, schema, messages.

    ``listed`` is the list display that holds all messages one by one, where there is one.
    """

    parts: tuple[Part, ...]
    messages: tuple[Message, ...]
    listed: Place | None = None

    @property
    def segments(self) -> Iterator[Segment]:
        """Every segment, in the order in which the model reads them."""
        for part in self.parts:
            yield from part.segments
        for message in self.messages:
            yield from message.segments

    @property
    def breaker(self) -> Segment | None:
        """The first segment at which two requests differ, where the cached prefix ends; None when there is none."""
        return next((s for s in self.segments if s.varies.breaks), None)

    def prefix(self) -> Template:
        """The beginning that every request shares."""
        parts: list[Part] = []
        for part in self.parts:
            kept = _until(part.segments)
            parts.append(replace(part, segments=kept))
            if len(kept) < len(part.segments):
                return Template(tuple(parts), ())
        messages: list[Message] = []
        for message in self.messages:
            kept = _until(message.segments)
            if kept or not message.segments:
                messages.append(replace(message, segments=kept))
            if len(kept) < len(message.segments):
                break
        return Template(tuple(parts), tuple(messages))


def _until(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The segments before the first that breaks the prefix."""
    cut = next((i for i, s in enumerate(segments) if s.varies.breaks), len(segments))
    return segments[:cut]
