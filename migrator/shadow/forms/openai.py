"""Answer one question: which requests do stored completions hold?

``client.chat.completions.list()`` gives those that were made with ``store=True``, with the parameters of the request
beside the answer; ``client.chat.completions.messages.list(id)`` gives the messages. A response of the Responses API
holds its own parameters; ``client.responses.input_items.list(id)`` gives what it was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.shadow.forms.entries import Body, Entry
from migrator.shadow.forms.wire import (
    CHAT,
    RESPONSES,
    Left,
    Request,
    Taken,
    lacking,
    mappings,
    nameless,
    told,
    unique,
    without_none,
)

_OBJECTS = ("chat.completion", "response")
# What the API gives where the request said nothing; sending it changes nothing, leaving it out neither.
_DEFAULTS: Body = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
_RESPONSE_DEFAULTS: Body = {**_DEFAULTS, "tool_choice": "auto", "parallel_tool_calls": True, "truncation": "disabled"}
# Part of an answer and not of what was asked, although both have the name. A seed is there also if none was given.
_ANSWERED = ("service_tier", "metadata", "store", "background", "logprobs", "user", "conversation", "seed")


def is_of(value: Body) -> bool:
    """Say whether a value is a stored completion or response."""
    return value.get("object") in _OBJECTS


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Give back each request from what is stored beside its answer."""
    for entry in entries:
        yield _response(entry) if entry.value.get("object") == "response" else _completion(entry)


def _completion(entry: Entry) -> Taken:
    said = entry.value
    messages = [_message(one) for one in mappings(said.get("messages"))]
    if not messages:
        return Left(entry.where, "its messages are not in the file; add those of messages.list")
    body = {**_asked(said, _DEFAULTS), "model": said.get("model"), "messages": messages}
    answer = {key: value for key, value in said.items() if key != "messages"}
    tools = ("the tool_call_id of a message is not stored",) if _lacks_id(messages) else ()
    lacks = unique((*tools, *_lacking(said, body, answer)))
    return Request(entry.where, str(said.get("id")), CHAT, body, answer, "stored", taken=_time(said), lacks=lacks)


def _response(entry: Entry) -> Taken:
    said = entry.value
    asked = said.get("input", said.get("input_items"))
    if not asked or not isinstance(asked, str | list):
        return Left(entry.where, "its input is not in the file; add those of input_items.list")
    items = asked if isinstance(asked, str) else [_item(one) for one in mappings(asked)]
    body = {**_asked(said, _RESPONSE_DEFAULTS), "model": said.get("model"), "input": items}
    answer = {key: value for key, value in said.items() if key not in ("input", "input_items")}
    before = ("what came before it is stored elsewhere",) if said.get("previous_response_id") else ()
    lacks = unique((*before, *_lacking(said, body, answer)))
    return Request(entry.where, str(said.get("id")), RESPONSES, body, answer, "stored", taken=_time(said), lacks=lacks)


def _lacking(said: Body, body: Body, answer: Body) -> Iterator[str]:
    """What is stored is whole; an older dump may be without the parameters."""
    return nameless(body) if {"tools", "response_format", "text"} & said.keys() else lacking(body, answer)


def _asked(said: Body, defaults: Body) -> dict[str, object]:
    """The parameters that are not what the API does anyway."""
    found = {key: value for key, value in told(said).items() if key not in _ANSWERED and value not in ({}, [])}
    return {key: value for key, value in found.items() if key not in defaults or defaults[key] != value}


def _message(said: Body) -> Body:
    """One stored message, without the id that the store gave it."""
    parts = mappings(said.get("content_parts"))
    kept = {key: value for key, value in without_none(said).items() if key not in ("id", "content_parts", "object")}
    return {**kept, "content": parts if parts else said.get("content")}


def _item(said: Body) -> Body:
    return {key: value for key, value in without_none(said).items() if key not in ("id", "status")}


def _lacks_id(messages: Sequence[Body]) -> bool:
    return any(one.get("role") == "tool" and not one.get("tool_call_id") for one in messages)


def _time(said: Body) -> str:
    from datetime import UTC, datetime

    created = said.get("created", said.get("created_at"))
    return datetime.fromtimestamp(created, UTC).isoformat() if isinstance(created, int | float) else ""
