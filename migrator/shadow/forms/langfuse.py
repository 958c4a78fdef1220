"""Answer one question: which requests do Langfuse's observations hold?

Read are observations of the API and of exports, with names in either spelling. Langfuse writes the defaults of
parameters that the request did not give; they are left out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.shadow.forms.entries import Entry
from migrator.shadow.forms.genai import Made
from migrator.shadow.forms.wire import (
    CHAT,
    RESPONSES,
    Body,
    Left,
    Request,
    Taken,
    chat_tool,
    completion,
    lacking,
    mapping,
    mappings,
    parsed,
    response_tool,
    seconds,
    told,
    unique,
    wired,
    without_none,
)

_TYPES = frozenset(
    {"GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
)
# What langfuse.openai writes where the request says nothing. Source: seen with langfuse 5.0.4.
_DEFAULTS: Body = {
    "temperature": 1,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "max_tokens": "Infinity",
}
_ENDLESS = ("Infinity", "inf")
_OF_MESSAGE = ("role", "content", "name", "tool_call_id", "function_call", "refusal")
# What is kept beside the parameters.
_FROM_METADATA = ("response_format", "tool_choice", "parallel_tool_calls")


def is_of(value: Body) -> bool:
    """Say whether a value is an observation."""
    has_trace = "traceId" in value or "trace_id" in value
    return has_trace and str(value.get("type", "")).upper() in _TYPES


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Give the request of each generation. A trace holds its observations."""
    for entry in entries:
        yield _taken(entry)


def _taken(entry: Entry) -> Taken:
    said = entry.value
    if str(said.get("type", "")).upper() != "GENERATION":
        return Left(entry.where, "not a request to a model")
    found = made(said)
    if isinstance(found, str):
        return Left(entry.where, found)
    begin, end = (said.get(f"{name}Time", said.get(f"{name}_time")) for name in ("start", "end"))
    is_error = said.get("level") == "ERROR"
    return Request(
        where=entry.where,
        name=str(said.get("id")),
        endpoint=found.endpoint,
        body=found.body,
        answer=None if is_error else found.answer,
        address="langfuse",
        status=200 if found.answer is not None and not is_error else None,
        error="Error" if is_error else "",
        taken=str(begin or ""),
        latency=seconds(begin, end),
        lacks=found.lacks,
    )


def made(said: Body) -> Made | str:
    """Give the request of one observation, or say why there is none."""
    asked = parsed(said.get("input"))
    messages = mappings(asked.get("messages", asked.get("input")) if isinstance(asked, Mapping) else asked)
    if not messages or not all("role" in one or "type" in one for one in messages):
        return "its input is no list of messages"
    back, metadata = parsed(said.get("output")), mapping(said.get("metadata"))
    model = said.get("model") or said.get("providedModelName") or said.get("provided_model_name")
    if not isinstance(model, str):
        return "it does not name the model"
    provider = str(parsed(metadata.get("ls_provider")) or "openai").strip('"')
    if "openai" not in provider and "azure" not in provider:
        return f"a request to {provider}, not to OpenAI"
    is_response = isinstance(back, list) or mapping(back).get("type") in ("message", "function_call", "reasoning")
    endpoint = RESPONSES if is_response else CHAT
    messages, tools = _tools(messages, asked, response_tool if is_response else chat_tool)
    body = {"model": model, **_parameters(said, metadata), "input" if is_response else "messages": messages}
    body |= {"tools": tools} if tools else {}
    answer = _response(back, model, _usage(said)) if is_response else _completion(back, metadata, model, _usage(said))
    return Made(endpoint, body, answer, unique(lacking(body, answer)))


def _tools(messages: list[Body], asked: object, shape: object) -> tuple[list[Body], list[Body]]:
    """The tools: beside the messages, or, by the handler for LangChain, behind them as messages with role "tool"."""
    assert callable(shape)
    beside = mappings(asked.get("tools")) if isinstance(asked, Mapping) else []
    behind = [mapping(one.get("content")) for one in messages if _is_tool(one)]
    sent = [_message(one) if "role" in one else one for one in messages if not _is_tool(one)]
    return sent, [shape(one) for one in (*beside, *behind)]


def _is_tool(message: Body) -> bool:
    content = message.get("content")
    return (
        message.get("role") == "tool" and isinstance(content, Mapping) and bool({"function", "name"} & content.keys())
    )


def _parameters(said: Body, metadata: Body) -> dict[str, object]:
    given = mapping(said.get("modelParameters") or said.get("model_parameters"))
    kept = {name: metadata.get(name) for name in _FROM_METADATA if metadata.get(name)}
    found = {**{name: _number(value) for name, value in told(given).items()}, **{k: parsed(v) for k, v in kept.items()}}
    return {name: value for name, value in found.items() if value not in _ENDLESS and _DEFAULTS.get(name) != value}


def _number(value: object) -> object:
    """Langfuse's database keeps numbers as text."""
    if isinstance(value, str):
        try:
            return int(value) if value.lstrip("-").isdecimal() else float(value) if value not in _ENDLESS else value
        except ValueError:
            return value
    return value


def _usage(said: Body) -> Body | None:
    found = mapping(said.get("usageDetails") or said.get("usage_details") or said.get("usage"))
    given = found.get("prompt_tokens", found.get("input_tokens", found.get("input")))
    back = found.get("completion_tokens", found.get("output_tokens", found.get("output")))
    if not isinstance(given, int) or not isinstance(back, int):
        return None
    cached = found.get("input_cached_tokens")
    details = {"prompt_tokens_details": {"cached_tokens": cached}} if isinstance(cached, int) else {}
    whole = given + (cached if isinstance(cached, int) else 0)
    return {"prompt_tokens": whole, "completion_tokens": back, "total_tokens": whole + back, **details}


def _completion(back: object, metadata: Body, model: str, usage: Body | None) -> Body | None:
    """The answer: a message, or its text alone, which is what a stream leaves."""
    if isinstance(back, str) and back:
        return completion({"content": back}, _finish(metadata), model, usage)
    message = mapping(back)
    if not message.get("content") and not message.get("tool_calls"):
        return None
    return completion(_message({"role": "assistant", **message}), _finish(metadata), model, usage)


def _message(said: Body) -> Body:
    """One message with what the API knows; the handler for LangChain keeps more, and calls of tools in its words."""
    kept = {key: said[key] for key in _OF_MESSAGE if said.get(key) is not None}
    calls = [wired(one) for one in mappings(said.get("tool_calls"))]
    return {**kept, "content": said.get("content") or None, "tool_calls": calls} if calls else kept


def _finish(metadata: Body) -> object:
    """The reason, which the SDK sends as JSON: with quotation marks."""
    said = metadata.get("finish_reason")
    return said.strip('"') if isinstance(said, str) else None


def _response(back: object, model: str, usage: Body | None) -> Body:
    items = mappings(back) or [without_none(mapping(back))]
    counted = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]} if usage else None
    whole = {"object": "response", "model": model, "status": "completed", "output": items}
    return {**whole, **({"usage": counted} if counted else {})}
