"""Answer one question: which requests do LangSmith's runs hold?

``wrap_openai`` keeps the arguments of the call and its answer as they were. LangChain keeps messages as it serialises
its own objects, and the parameters beside them, in ``extra.invocation_params``.
"""

from __future__ import annotations

import re
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
    seconds,
    shortened,
    told,
    unique,
    wired,
    without_none,
)

_ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool", "function": "function"}
_ROLES |= {f"{name.title()}Message{chunk}": role for name, role in _ROLES.items() for chunk in ("", "Chunk")}
_ROLES |= {"AIMessage": "assistant", "AIMessageChunk": "assistant"}
_PROVIDERS = ("openai", "azure", "azure_openai", "")
_OF_ANSWER = ("usage_metadata",)


def is_of(value: Body) -> bool:
    """Say whether a value is a run."""
    return isinstance(value.get("run_type"), str) and "inputs" in value


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Give the request of each run of the type ``llm``."""
    for entry in entries:
        yield _taken(entry)


def _taken(entry: Entry) -> Taken:
    said = entry.value
    if said.get("run_type") != "llm":
        return Left(entry.where, "not a request to a model")
    provider = str(mapping(mapping(said.get("extra")).get("metadata")).get("ls_provider") or "")
    if provider not in _PROVIDERS:
        return Left(entry.where, f"a request to {provider}, not to OpenAI")
    found = _made(said)
    if isinstance(found, str):
        return Left(entry.where, found)
    error = bool(said.get("error"))
    begin, end = said.get("start_time"), said.get("end_time")
    return Request(
        where=entry.where,
        name=str(said.get("id")),
        endpoint=found.endpoint,
        body=found.body,
        answer=found.answer,
        address="langsmith",
        status=200 if found.answer is not None and not error else None,
        error=_kind(str(said["error"])) if error else "",
        taken=str(begin or ""),
        latency=seconds(begin, end),
        lacks=found.lacks,
    )


def _kind(error: str) -> str:
    """The class of an error; what it says could be a piece of the request."""
    match = re.match(r"[A-Z]\w{2,59}(?=\()", error)
    return match[0] if match else "Error"


def _made(said: Body) -> Made | str:
    inputs = mapping(said.get("inputs"))
    messages = inputs.get("messages")
    if isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], list):
        messages = messages[0]
    if not isinstance(messages, list) or not messages:
        return _wrapped(said, inputs) if "input" in inputs and "model" in inputs else "its inputs hold no messages"
    if all(isinstance(one, Mapping) and "role" in one for one in messages) and "model" in inputs:
        return _wrapped(said, inputs)
    found = [_message(one) for one in mappings(messages)]
    if len(found) != len(messages) or any(one is None for one in found):
        return "its messages are of a kind that is not known"
    return _langchain(said, [one for one in found if one is not None])


def _wrapped(said: Body, inputs: Body) -> Made | str:
    """What ``wrap_openai`` keeps: the keywords of the call, some of which are not of the request."""
    endpoint = CHAT if "messages" in inputs else RESPONSES
    asked = {key: inputs[key] for key in ("model", "messages", "input") if key in inputs}
    body = {**asked, **told(inputs), **mapping(inputs.get("extra_body"))}
    back = {k: v for k, v in without_none(mapping(said.get("outputs"))).items() if k not in _OF_ANSWER}
    is_answer = bool(back.get("choices") or back.get("output"))
    if is_answer and endpoint == CHAT:
        back |= {"object": "chat.completion"}
    usage = _usage(mapping(mapping(said.get("outputs")).get("usage_metadata")), endpoint)
    answer = {**back, **({"usage": usage} if usage else {})} if is_answer else None
    return Made(endpoint, body, answer, unique(shortened(body)))


def _usage(said: Body, endpoint: str) -> Body | None:
    given, back = said.get("input_tokens"), said.get("output_tokens")
    if not isinstance(given, int) or not isinstance(back, int):
        return None
    names = ("prompt_tokens", "completion_tokens") if endpoint == CHAT else ("input_tokens", "output_tokens")
    cached = mapping(said.get("input_token_details")).get("cache_read")
    details = {f"{names[0]}_details": {"cached_tokens": cached}} if isinstance(cached, int) else {}
    return {names[0]: given, names[1]: back, "total_tokens": given + back, **details}


def _langchain(said: Body, messages: list[Body]) -> Made | str:
    extra = mapping(said.get("extra"))
    given = mapping(extra.get("invocation_params"))
    model = given.get("model") or given.get("model_name") or mapping(extra.get("metadata")).get("ls_model_name")
    if not isinstance(model, str):
        return "it does not name the model"
    parameters = told(given)
    if tools := [chat_tool(one) for one in mappings(parameters.get("tools"))]:
        parameters["tools"] = tools
    body = {"model": model, **parameters, "messages": messages}
    answer = _answer(mapping(said.get("outputs")), model)
    return Made(CHAT, body, answer, unique(lacking(body, answer)))


def _answer(outputs: Body, model: str) -> Body | None:
    rows = outputs.get("generations")
    row = rows[0] if isinstance(rows, list) and rows else None
    first = next(iter(mappings(row if isinstance(row, list) else rows)), {})
    message = _message(mapping(first.get("message")))
    if message is None:
        return None
    metadata = mapping(_inside(mapping(first.get("message"))).get("response_metadata"))
    finish = metadata.get("finish_reason") or mapping(first.get("generation_info")).get("finish_reason")
    usage = without_none(mapping(metadata.get("token_usage") or mapping(outputs.get("llm_output")).get("token_usage")))
    return completion(message, finish, metadata.get("model_name") or model, usage or None, metadata.get("id"))


def _inside(said: Body) -> Body:
    """What a serialised message holds: under ``kwargs``, under ``data``, or side by side with its type."""
    return mapping(said.get("kwargs")) or mapping(said.get("data")) or said


def _message(said: Body) -> Body | None:
    """One message of LangChain in the words of chat completions; None for a kind that is not known."""
    kind = said.get("id")
    name = str(kind[-1] if isinstance(kind, list) and kind else said.get("type") or said.get("role") or "")
    inside = _inside(said)
    role = _ROLES.get(name) or (str(inside.get("role")) if name == "ChatMessage" else name if "role" in said else None)
    if role is None:
        return None
    extra = mapping(inside.get("additional_kwargs"))
    own = [wired(one) for one in mappings(inside.get("tool_calls"))]
    calls = mappings(extra.get("tool_calls")) or own
    content = inside.get("content")
    whole: dict[str, object] = {"role": role, "content": None if calls and not content else content}
    whole |= {"tool_calls": calls} if calls else {}
    return {**whole, **{key: inside[key] for key in ("tool_call_id", "name") if inside.get(key)}}
