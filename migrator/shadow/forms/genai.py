"""Answer one question: which request does a span tell of by OpenTelemetry's conventions for generative AI?

There are four generations of them: messages in ``gen_ai.input.messages`` (on the span, or on one event), one event
for each message (``gen_ai.user.message``), and one attribute for each word (``gen_ai.prompt.0.content``).
What none of them holds is said in ``lacks``. Source: the conventions, and what the instrumentations were seen to write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.shadow.forms.spans import Event, Span
from migrator.shadow.forms.wire import (
    CHAT,
    RESPONSES,
    Body,
    chat_tool,
    completion,
    lacking,
    mapping,
    mappings,
    parsed,
    response,
    response_tool,
    tool_call,
    unique,
    without_none,
)

DETAILS = "gen_ai.client.inference.operation.details"
# The name on the wire, and the attributes that hold it.
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "max_completion_tokens": ("gen_ai.request.max_completion_tokens",),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", "llm.frequency_penalty"),
    "presence_penalty": ("gen_ai.request.presence_penalty", "llm.presence_penalty"),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "stop": ("gen_ai.request.stop_sequences", "llm.chat.stop_sequences"),
    "n": ("gen_ai.request.choice.count", "gen_ai.request.n"),
    "reasoning_effort": ("gen_ai.request.reasoning_effort",),
}
_SCHEMAS = ("gen_ai.request.structured_output_schema",)
_MESSAGE_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")


@dataclass(frozen=True, slots=True)
class Told:
    """What a span tells: the messages that were sent, the one that came back, and what could not be read."""

    messages: tuple[Body, ...]
    answer: Body | None
    finish: object = None
    instructions: str | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A request and its answer on the wire."""

    endpoint: str
    body: Body
    answer: Body | None
    lacks: tuple[str, ...]


def made(span: Span) -> Made | str:
    """Give the request of a span, or say why there is none."""
    told = _of_messages(span) or _of_events(span) or _of_words(span)
    if isinstance(told, str):
        return told
    if told is None:
        return "it holds no messages; was the exporter told to capture content?"
    model = span.get("gen_ai.request.model", "gen_ai.response.model")
    endpoint = _endpoint(span)
    body = without_none({"model": model, **_parameters(span, endpoint), **_asked(told, endpoint)})
    answer = _answer(span, told, model, endpoint)
    schema = tuple(_schema(span))
    others = (one for one in lacking(body, answer) if not schema or "response_format" not in one)
    lacks = unique((*told.lacks, *schema, *others))
    return Made(endpoint, body, answer, lacks)


def _asked(told: Told, endpoint: str) -> dict[str, object]:
    if endpoint == RESPONSES:
        return {"instructions": told.instructions, "input": _input(told.messages)}
    first = [{"role": "system", "content": told.instructions}] if told.instructions else []
    return {"messages": [*first, *told.messages]}


def _answer(span: Span, told: Told, model: object, endpoint: str) -> Body | None:
    if told.answer is None:
        return None
    about = (span.get("gen_ai.response.model") or model, _usage(span, endpoint), span.get("gen_ai.response.id"))
    if endpoint == RESPONSES:
        return response(told.answer, *about)
    return completion(told.answer, told.finish or ending(span), *about)


def ending(span: Span) -> object:
    """Give the reason for which the answer ended, of the first choice."""
    ends = parsed(span.get("gen_ai.response.finish_reasons"))
    return ends[0] if isinstance(ends, list) and ends else None


def _endpoint(span: Span) -> str:
    identity = str(span.get("gen_ai.response.id") or "")
    return RESPONSES if identity.startswith("resp_") or span.name.startswith("Responses API") else CHAT


def _input(messages: Sequence[Body]) -> object:
    """What the Responses API takes: calls of tools and their results are items of their own there."""
    items: list[Body] = []
    for one in messages:
        if one.get("role") == "tool":
            items.append({"type": "function_call_output", "call_id": one.get("tool_call_id"), "output": one["content"]})
            continue
        if one.get("content") is not None:
            items.append({"role": one.get("role"), "content": one["content"]})
        for call in mappings(one.get("tool_calls")):
            items.append({"type": "function_call", "call_id": call.get("id"), **mapping(call.get("function"))})
    return items


def _parameters(span: Span, endpoint: str) -> dict[str, object]:
    said = {name: span.get(*attributes) for name, attributes in _PARAMETERS.items()}
    said["stop"] = parsed(said["stop"])
    if endpoint == RESPONSES:
        said["max_output_tokens"] = said.pop("max_tokens")
    shape = response_tool if endpoint == RESPONSES else chat_tool
    tools = [shape(one) for one in mappings(span.get("gen_ai.tool.definitions"))] or list(_functions(span))
    formats = {"json_object": {"type": "json_object"}, "text": {"type": "text"}}
    asked = formats.get(str(span.get("gen_ai.openai.request.response_format")))
    return without_none({**said, "tools": tools or None, "response_format": asked})


def _schema(span: Span) -> Iterator[str]:
    """A schema without its name, or only the word that there was one."""
    asked = span.get("gen_ai.openai.request.response_format", "gen_ai.output.type")
    if span.get(*_SCHEMAS) is not None:
        yield "of response_format the export holds the schema alone"
    elif asked in ("json_schema", "json") or (isinstance(asked, str) and asked.startswith("<class")):
        yield "the schema of response_format is not in the export"


def _usage(span: Span, endpoint: str) -> Body | None:
    raw = mapping(span.get("gen_ai.usage.raw"))
    if raw:
        return raw
    given = span.get("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
    back = span.get("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    if not isinstance(given, int) or not isinstance(back, int):
        return None
    cached = span.get("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
    names = ("input_tokens", "output_tokens") if endpoint == RESPONSES else ("prompt_tokens", "completion_tokens")
    details = {f"{names[0]}_details": {"cached_tokens": cached}} if isinstance(cached, int) else {}
    return {names[0]: given, names[1]: back, "total_tokens": given + back, **details}


# ---------------------------------------------------------------- gen_ai.input.messages


def _of_messages(span: Span) -> Told | str | None:
    details = next((one.said for one in span.events if one.name == DETAILS), {})
    said = span.get("gen_ai.input.messages") or details.get("gen_ai.input.messages")
    if said is None:
        return None
    lacks: list[str] = []
    messages = [made for one in mappings(said) for made in _said(one, lacks)]
    if not messages:
        return "gen_ai.input.messages is cut off or empty"
    back = span.get("gen_ai.output.messages") or details.get("gen_ai.output.messages")
    answers = mappings(back)
    own = span.get("gen_ai.system_instructions") or details.get("gen_ai.system_instructions")
    instructions = "\n\n".join(str(one.get("content", "")) for one in mappings(own)) or None
    answer = next(_said(answers[0], []), None) if answers else None
    finish = answers[0].get("finish_reason") if answers else None
    if back is not None and not answers:
        lacks.append("the answer is cut off")
    return Told(tuple(messages), answer, finish, instructions, tuple(lacks))


def _said(message: Body, lacks: list[str]) -> Iterator[Body]:
    """One message of parts in the words of chat completions; each result of a tool is a message of its own."""
    role, parts = message.get("role"), mappings(message.get("parts"))
    if not parts and isinstance(message.get("content"), str | list):
        yield without_none({key: value for key, value in message.items() if key != "parts"})
        return
    texts = [str(part.get("content", "")) for part in parts if part.get("type") == "text"]
    calls = [tool_call(p.get("name"), p.get("arguments"), p.get("id")) for p in parts if p.get("type") == "tool_call"]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    others = {str(part.get("type")) for part in parts} - {"text", "tool_call", "tool_call_response"}
    lacks.extend(f"a part of the kind “{kind}” is not rebuilt" for kind in sorted(others))
    for part in results:
        result = part.get("response", part.get("result", ""))
        content = result if isinstance(result, str) else json.dumps(result)
        yield {"role": "tool", "tool_call_id": part.get("id"), "content": content}
    if texts or calls or not results:
        content_parts: object = (
            texts[0] if len(texts) == 1 else [{"type": "text", "text": one} for one in texts] or None
        )
        yield {"role": role, "content": content_parts, **({"tool_calls": calls} if calls else {})}


# ---------------------------------------------------------------- one event for each message


def _of_events(span: Span) -> Told | None:
    listed = (Event(str(one.get("event.name")), one) for one in mappings(span.get("events", "all_messages_events")))
    events = (*span.events, *listed)
    messages = [(match[1], _of_event(match[1], e.said)) for e in events if (match := _MESSAGE_EVENT.fullmatch(e.name))]
    if not messages:
        return None
    choice = next((e.said for e in events if e.name == "gen_ai.choice"), None)
    if choice is not None:
        answer = mapping(choice.get("message")) or without_none({"content": choice.get("content")})
        return Told(tuple(said for _, said in messages), _with_calls(answer), choice.get("finish_reason"))
    # logfire writes the answer of the Responses API as one more message.
    is_answered = messages[-1][0] == "assistant" and len(messages) > 1
    sent = messages[:-1] if is_answered else messages
    return Told(tuple(said for _, said in sent), messages[-1][1] if is_answered else None)


def _of_event(role: str, said: Body) -> Body:
    kept = {"role": said.get("role") or role, "content": parsed(said.get("content"))}
    if isinstance(kept["content"], Mapping):
        kept["content"] = said.get("content")
    if role == "tool":
        kept["tool_call_id"] = said.get("id") or said.get("tool_call_id")
    return {**kept, **{key: value for key, value in _with_calls(said).items() if key == "tool_calls"}}


def _with_calls(said: Body) -> Body:
    calls = mappings(said.get("tool_calls"))
    return {**said, "tool_calls": calls} if calls else {k: v for k, v in said.items() if k != "tool_calls"}


# ---------------------------------------------------------------- one attribute for each word


def _of_words(span: Span) -> Told | None:
    messages = [_of_word(one) for one in numbered(span.attributes, "gen_ai.prompt.")]
    if not messages:
        return None
    answers = numbered(span.attributes, "gen_ai.completion.")
    answer = _of_word(answers[0]) if answers else None
    return Told(tuple(messages), answer, answers[0].get("finish_reason") if answers else None)


def numbered(attributes: Body, prefix: str) -> list[Body]:
    """Give the objects that are written as ``prefix0.name``, ``prefix1.inner.0.name``, one for each number."""
    found: dict[int, dict[str, object]] = {}
    for key, value in attributes.items():
        number, _, name = key.removeprefix(prefix).partition(".")
        if key.startswith(prefix) and number.isdecimal() and name:
            found.setdefault(int(number), {})[name] = value
    return [found[number] for number in sorted(found)]


def _of_word(said: Body) -> Body:
    content = parsed(said.get("content"))
    calls = [tool_call(one.get("name"), one.get("arguments"), one.get("id")) for one in numbered(said, "tool_calls.")]
    whole = {"role": said.get("role"), "content": content if isinstance(content, list) else said.get("content")}
    if said.get("tool_call_id"):
        whole["tool_call_id"] = said["tool_call_id"]
    return {**whole, "tool_calls": calls} if calls else whole


def _functions(span: Span) -> Iterator[Body]:
    for one in numbered(span.attributes, "llm.request.functions."):
        told = {"name": one.get("name"), "description": one.get("description")}
        yield chat_tool(without_none({**told, "parameters": parsed(one.get("parameters"))}))
