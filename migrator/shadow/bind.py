"""Answer one question: what would this recorded request be in the new layout?

The messages as they were sent are bound to the prompt's old ``Template``: static text must be there letter by
letter, what varies takes what stands between. Then ``shifted``, with which the code is changed, puts the text into
its new order. A text that can be cut in two ways, where it matters which, is not bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from migrator.prompts.layout import Layout, Shift, shifted
from migrator.prompts.template import Message, Template
from migrator.shadow import cuts

Sent = Mapping[str, object]
ANY_ROLE = ("", "?")
TEXTS = ("text", "input_text")


@dataclass(frozen=True, slots=True)
class Value:
    """What one varying part of a prompt was: ``message`` and ``segment`` count within the template."""

    message: int
    segment: int
    text: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The messages in the new layout, and what was bound. A part whose ends do not matter has no value here."""

    messages: tuple[Sent, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NotBound:
    """Why a recorded request cannot be said in the new layout."""

    reason: str


def rebind(request: Sent, template: Template, layout: Layout | None, model: str, key: str = "") -> Sent | NotBound:
    """Give the request with the new model, in the layout (None leaves the order), with a cache key where one is given.

    It is the body of a chat completion (``messages``) or of a response (``instructions`` and ``input``).
    """
    new: dict[str, object] = {**request, "model": model, **({"prompt_cache_key": key} if key else {})}
    if layout is None:
        return new
    messages = messages_of(request)
    if messages is None:
        return NotBound("the request holds no list of messages")
    bound = bind(messages, template, layout)
    if isinstance(bound, NotBound):
        return bound
    if "messages" in request:
        return {**new, "messages": [dict(message) for message in bound.messages]}
    return _with_input(new, bound.messages)


def fits(request: Sent, template: Template) -> bool:
    """Say whether the messages of a request are ones of this prompt: in number, in role, and letter by letter."""
    messages = messages_of(request)
    return messages is not None and not isinstance(_reach(messages, template.messages), NotBound)


def messages_of(request: Sent) -> tuple[Sent, ...] | None:
    """The messages of a request in the order in which the model reads them."""
    said = request.get("messages", request.get("input"))
    if isinstance(said, str):
        said = [{"role": "user", "content": said}]
    if not isinstance(said, Sequence) or not all(isinstance(m, Mapping) for m in said):
        return None
    own = request.get("instructions")
    first = ({"role": "system", "content": own},) if isinstance(own, str) and "messages" not in request else ()
    return (*first, *said)


def _with_input(request: Mapping[str, object], messages: Sequence[Sent]) -> Sent | NotBound:
    """Put messages back to where a response takes them from."""
    rest = messages
    new = dict(request)
    if isinstance(request.get("instructions"), str):
        if messages[0].get("role") != "system":
            return NotBound("the layout moves the instructions")
        new["instructions"], rest = messages[0]["content"], messages[1:]
    if not isinstance(request.get("input"), str):
        return {**new, "input": [dict(message) for message in rest]}
    return {**new, "input": rest[0]["content"]}


def bind(messages: Sequence[Sent], template: Template, layout: Layout) -> Bound | NotBound:
    """Bind recorded messages to the template, and say them in the new layout."""
    if not _is_of(layout, template):
        return NotBound("the layout is not one of this prompt")
    reach = _reach(messages, template.messages)
    if isinstance(reach, NotBound):
        return reach
    shifts = {shift.message: shift for shift in layout.shifts}
    if (unclear := _unclear(reach, template.messages, layout)) is not None:
        return NotBound(f"which messages are {unclear} can be read in two ways")
    ends = _leftmost(reach, template.messages)
    runs = [tuple(messages[a:b]) for a, b in pairwise(ends)]
    values: list[Value] = []
    for index, (message, run) in enumerate(zip(template.messages, runs, strict=True)):
        if message.is_splice or not _is_read(message):
            continue
        bound = _bind_text(index, message, run[0], shifts.get(index))
        if isinstance(bound, NotBound):
            return bound
        runs[index] = (bound[0],)
        values += bound[1]
    new = tuple(sent for index in layout.order for sent in runs[index])
    if Counter(map(_letters, new)) != Counter(map(_letters, messages)):
        return NotBound("the new layout holds another text")  # pragma: no cover - what moves is never made anew
    return Bound(new, tuple(values))


def _letters(sent: Sent) -> tuple[object, object]:
    said = _text(sent)
    return sent.get("role"), "".join(sorted(said)) if said is not None else repr(sent.get("content"))


def _is_of(layout: Layout, template: Template) -> bool:
    """Say whether the layout turns this very template into what it says it does."""
    if sorted(layout.order) != list(range(len(template.messages))):
        return False
    shifts = {shift.message: shift for shift in layout.shifts}
    made = (shifted(template.messages[i], shifts[i]) if i in shifts else template.messages[i] for i in layout.order)
    return tuple(made) == layout.after.messages


# ---------------------------------------------------------------- which message is which

Ends = tuple[frozenset[int], ...]


def _reach(messages: Sequence[Sent], wanted: Sequence[Message]) -> Ends | NotBound:
    """Where each message of the template may begin, among the recorded ones, so that all fit."""
    forward: list[set[int]] = [{0}]
    for index, message in enumerate(wanted):
        last = forward[-1]
        if message.is_splice:
            forward.append(set(range(min(last), len(messages) + 1)))
            continue
        fitting = {at for at in last if at < len(messages) and _fits(message, messages[at])}
        if not fitting:
            return NotBound(_why(index, message, [messages[at] for at in sorted(last) if at < len(messages)]))
        forward.append({at + 1 for at in fitting})
    if len(messages) not in forward[-1]:
        return NotBound("there are more messages than the prompt has")
    found: list[frozenset[int]] = [frozenset({len(messages)})]
    for message, before in zip(reversed(wanted), reversed(forward[:-1]), strict=True):
        after = found[0]
        if message.is_splice:
            found.insert(0, frozenset(at for at in before if at <= max(after)))
        else:
            found.insert(0, frozenset(at for at in before if at + 1 in after and _fits(message, messages[at])))
    return tuple(found)


def _why(index: int, message: Message, sent: Sequence[Sent]) -> str:
    if not sent:
        return f"message {index + 1} of the prompt was not sent"
    if any(not s.whole for s in message.segments):
        return f"message {index + 1} is only known roughly"
    return f"message {index + 1} was sent with another role or another text"


def _is_read(message: Message) -> bool:
    """Say whether the template knows the message's text, and not only that there is one."""
    return message.role not in ANY_ROLE or len(message.segments) != 1 or not message.segments[0].is_open


def _fits(message: Message, sent: Sent) -> bool:
    if not _is_read(message):
        return True
    said = _text(sent)
    has_role = message.role in (*ANY_ROLE, sent.get("role"))
    if said is None or not has_role or any(not s.whole for s in message.segments):
        return False
    return cuts.places(message.segments, said) is not None


def _text(sent: Sent) -> str | None:
    """The text of a message: its content, or the only part of it."""
    said = sent.get("content")
    if isinstance(said, Sequence) and not isinstance(said, str) and len(said) == 1:
        only = said[0]
        said = only.get("text") if isinstance(only, Mapping) and only.get("type") in TEXTS else None
    return said if isinstance(said, str) else None


def _with_text(sent: Sent, text: str) -> Sent:
    said = sent["content"]
    if isinstance(said, str) or not isinstance(said, Sequence):
        return {**sent, "content": text}
    return {**sent, "content": [{**said[0], "text": text}]}


def _unclear(reach: Ends, wanted: Sequence[Message], layout: Layout) -> str | None:
    """The message whose beginning is open although it matters: it is rewritten, or leaves the one before it."""
    shifted_ones = {shift.message for shift in layout.shifts}
    together = set(pairwise(layout.order))
    for index, begins in enumerate(reach[1:-1], 1):
        stay = (index - 1, index) in together and not {index - 1, index} & shifted_ones
        if len(begins) > 1 and not stay:
            return f"“{wanted[index].role}”"
    return None


def _leftmost(reach: Ends, wanted: Sequence[Message]) -> tuple[int, ...]:
    """One way to cut the messages, where several come to the same."""
    ends = [min(reach[0])]
    for message, after in zip(wanted, reach[1:], strict=True):
        ends.append(min(at for at in after if at >= ends[-1]) if message.is_splice else ends[-1] + 1)
    return tuple(ends)


def _bind_text(index: int, message: Message, sent: Sent, shift: Shift | None) -> tuple[Sent, list[Value]] | NotBound:
    """Bind one message's text, and give the message in its new order."""
    said = _text(sent)
    places = cuts.places(message.segments, said) if said is not None else None
    assert said is not None, "a message that fits has a text"
    assert places is not None, "a message that fits has places"
    if shift is not None and any(len(places[edge]) > 1 for edge in cuts.edges(message.segments, shift)):
        return NotBound(f"message {index + 1} can be cut in two ways")
    filled = cuts.filled(message, places, said)
    if cuts.said(filled) != said:
        return NotBound(
            f"message {index + 1} is not what its parts give"
        )  # pragma: no cover - the parts are cut from it
    clear = [
        Value(index, i, filled.segments[i].text or "")
        for i, segment in enumerate(message.segments)
        if segment.text is None and len(places[i]) == len(places[i + 1]) == 1
    ]
    return (_with_text(sent, cuts.said(shifted(filled, shift))) if shift is not None else sent), clear
