"""Answer one question: what would this have been on the wire?

Other tools keep requests in words of their own. Here they get back those of chat completions and of the Responses
API, and it is said what cannot be given back: a case that lacks something is kept, but is never sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Body = Mapping[str, object]

CHAT = "chat/completions"
RESPONSES = "responses"

# What a request may say beside its messages and tools. Source: CreateChatCompletionRequest and CreateResponse of
# OpenAI's API reference.
PARAMETERS = frozenset(
    {"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"}
    | {"max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty"}
    | {"prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier"}
    | {"seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools"}
    | {"top_logprobs", "top_p", "user", "verbosity", "web_search_options"}
    | {"include", "instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt"}
    | {"reasoning", "text", "truncation", "background", "conversation"}
)
# The words with which exporters shorten a text, at its end or within.
_CUT_ENDS = ("...", "…")
_CUT = ("[truncated", "<truncated", "(truncated", "__REDACTED__", "[Scrubbed due to", "@@@langfuseMedia:")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was on the wire, and its answer, None where none is held.

    ``name`` is its id in the export, with the body it decides which case it is. ``lacks`` says what the export does
    not hold. ``taken`` is an ISO time, ``latency`` is in seconds, ``place`` has the file, line and function.
    """

    where: str
    name: str
    endpoint: str
    body: Body
    answer: Body | None
    address: str = ""
    status: int | None = 200
    error: str = ""
    taken: str = ""
    latency: float | None = None
    place: tuple[str, int, str] | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that gives no case, and why."""

    where: str
    reason: str


Taken = Request | Left


def mapping(value: object) -> Body:
    """Give an object, also one that is kept as its JSON; empty for anything else."""
    found = parsed(value)
    return found if isinstance(found, Mapping) else {}


def mappings(value: object) -> list[Body]:
    """Give the objects of a list, also of one that is kept as its JSON."""
    found = parsed(value)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def parsed(value: object) -> object:
    """Read what is kept as JSON; give anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def without_none(body: Body) -> dict[str, object]:
    """Leave out what is null: a client that dumps its objects writes what was never said."""
    return {key: value for key, value in body.items() if value is not None}


def told(body: Body) -> dict[str, object]:
    """Give the parameters of a request among what is kept beside it. ``stream`` is off where nothing is said."""
    said = {key: value for key, value in body.items() if key in PARAMETERS and value is not None}
    return {key: value for key, value in said.items() if (key, value) != ("stream", False)}


def chat_tool(said: Body) -> Body:
    """Give a tool as chat completions have it, ``{"type": "function", "function": {...}}``."""
    if isinstance(said.get("function"), Mapping):
        return {"type": "function", **said}
    return {"type": "function", "function": {key: value for key, value in said.items() if key != "type"}}


def response_tool(said: Body) -> Body:
    """Give a tool as the Responses API has it, flat."""
    inner = said.get("function")
    return {"type": "function", **inner} if isinstance(inner, Mapping) else said


def tool_call(name: object, arguments: object, identity: object) -> Body:
    """Give one call of a tool; its arguments are a text on the wire."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
    return {"id": identity or "", "type": "function", "function": {"name": name or "", "arguments": text}}


def wired(call: Body) -> Body:
    """Give a call of a tool that is kept as on the wire, or in LangChain's words: name, args and id side by side."""
    if isinstance(call.get("function"), Mapping):
        return call
    return tool_call(call.get("name"), call.get("args", call.get("arguments")), call.get("id"))


def completion(message: Body, finish: object, model: object, usage: Body | None, identity: object = "") -> Body:
    """Give the answer of chat completions with one choice."""
    said = {"role": "assistant", "content": None, **without_none(message)}
    reason = {"tool_call": "tool_calls"}.get(str(finish), finish) or (
        "tool_calls" if said.get("tool_calls") else "stop"
    )
    whole: dict[str, object] = {"object": "chat.completion", "model": model}
    whole["choices"] = [{"index": 0, "message": said, "finish_reason": reason}]
    return {**({"id": identity} if identity else {}), **whole, **({"usage": usage} if usage else {})}


def response(message: Body, model: object, usage: Body | None, identity: object = "") -> Body:
    """Give the answer of the Responses API, from a message in the words of chat completions."""
    items: list[Body] = []
    if isinstance(message.get("content"), str) and message["content"]:
        content = [{"type": "output_text", "text": message["content"], "annotations": []}]
        items.append({"type": "message", "role": "assistant", "status": "completed", "content": content})
    for call in mappings(message.get("tool_calls")):
        function = mapping(call.get("function"))
        items.append({"type": "function_call", "call_id": call.get("id"), **function})
    whole = {"object": "response", "model": model, "status": "completed", "output": items}
    return {**({"id": identity} if identity else {}), **whole, **({"usage": usage} if usage else {})}


def nameless(request: Body) -> Iterator[str]:
    """Say that the model is missing: all that can be of a body that is held as it was sent."""
    if not request.get("model"):
        yield "the export does not name the model"


def shortened(request: Body) -> Iterator[str]:
    """Say which texts an exporter has cut, as far as it shows."""
    yield from nameless(request)
    if _is_class(request.get("response_format") or request.get("text_format")):
        yield "of response_format the export holds the name of a class alone"
    texts = list(_texts([request.get("messages", request.get("input")), request.get("instructions")]))
    if any(text.rstrip().endswith(_CUT_ENDS) for text in texts):
        yield "a text ends in “...”, it may be cut off"
    if any(mark in text for text in texts for mark in _CUT):
        yield "the exporter has left out a part of a text"


def _is_class(said: object) -> bool:
    """Say whether it is a class, which ``parse`` and LangChain take too, as text or as LangChain serialises it."""
    return said is not None and (
        not isinstance(said, Mapping) or "repr" in said or not isinstance(said.get("type"), str)
    )


def lacking(request: Body, answer: Body | None) -> Iterator[str]:
    """Say what is missing of a request whose form holds only some of its parameters, as far as it shows."""
    yield from shortened(request)
    if not request.get("tools") and not request.get("functions") and (_calls(answer) or _has_tools(request)):
        yield "the tools are not in the export"
    if _is_json(answer) and not (request.get("response_format") or request.get("text") or request.get("tools")):
        yield "a JSON answer, but no response_format in the export"


def _texts(value: object) -> Iterator[str]:
    """Every text of the messages."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(value.get("content", value.get("text")))
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)


def _message(answer: Body | None) -> Body:
    choices = mappings((answer or {}).get("choices"))
    return mapping(choices[0].get("message")) if choices else {}


def _calls(answer: Body | None) -> bool:
    items = mappings((answer or {}).get("output"))
    return bool(_message(answer).get("tool_calls")) or any(one.get("type") == "function_call" for one in items)


def _has_tools(request: Body) -> bool:
    said = mappings(request.get("messages", request.get("input")))
    return any(one.get("role") == "tool" or one.get("tool_calls") for one in said)


def _is_json(answer: Body | None) -> bool:
    items = mappings((answer or {}).get("output"))
    said = [
        _message(answer).get("content"),
        *(part.get("text") for one in items for part in mappings(one.get("content"))),
    ]
    return any(isinstance(parsed(text), Mapping | list) for text in said if isinstance(text, str))


def seconds(begin: object, end: object) -> float | None:
    """Give the time between two ISO times; None where one is missing or is none."""
    from datetime import datetime

    try:
        took = (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(begin))).total_seconds()
    except (ValueError, TypeError):
        return None
    return took if took >= 0 else None


def unique(reasons: Iterable[str]) -> tuple[str, ...]:
    """Give each reason once, in order."""
    return tuple(dict.fromkeys(reasons))
