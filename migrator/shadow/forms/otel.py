"""Answer one question: which requests do spans tell of, whichever library wrote them?

A span tells of a request in one of these ways, asked in this order: logfire's ``request_data``, OpenInference's
``input.value``, Langfuse's own attributes, the conventions for generative AI. logfire writes a stream as two spans,
one where it begins and one where it ends; they are joined by what was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.shadow.forms import genai, langfuse
from migrator.shadow.forms.entries import Entry
from migrator.shadow.forms.genai import Made, numbered
from migrator.shadow.forms.spans import Span, alone, spans
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
    shortened,
    told,
    tool_call,
    unique,
    without_none,
)

_NO_CHAT = {"embeddings": "embeddings", "text_completion": "a text completion", "image_generation": "a picture"}
_TELLING = ("gen_ai.", "llm.", "input.value", "request_data", "langfuse.observation.")
# Nobody limits attributes to less; two short texts of one length are chance.
SHORTEST_LIMIT = 128
CUT_OFF = "the exporter has cut off the texts"
_STREAM_ENDS = "streaming response from "


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Give the request of each span."""
    yield from (
        Left(entry.where, "a log record without its span; import the spans with it") for entry in alone(entries)
    )
    found = [one for one in spans(entries) if one.get("logfire.span_type") != "pending_span"]
    cut = _cut_lengths(found)
    ends = [one for one in found if one.name.startswith(_STREAM_ENDS)]
    begun = {one.id: _end_of(one, ends) for one in found if one not in ends}
    used = {id(one) for one in begun.values() if one is not None}
    for span in found:
        if id(span) not in used:
            yield _taken(span, begun.get(span.id), cut)


def _cut_lengths(found: Sequence[Span]) -> int:
    """The length at which the exporter cuts attributes, 0 where none shows: different texts, all as long as any is."""
    texts = {value for span in found for value in span.attributes.values() if isinstance(value, str)}
    most = max(map(len, texts), default=0)
    return most if most >= SHORTEST_LIMIT and sum(len(text) == most for text in texts) > 1 else 0


def _end_of(span: Span, ends: list[Span]) -> Span | None:
    """Take the first end of a stream that was begun with these words; each end is taken once."""
    if span.get("response_data", "gen_ai.output.messages") is not None or span.get("request_data") is None:
        return None
    for number, one in enumerate(ends):
        if _asked(one) == _asked(span) and one.begin >= span.begin:
            return ends.pop(number)
    return None


def _asked(span: Span) -> tuple[object, ...]:
    return tuple(span.get(name) for name in ("request_data", "gen_ai.input.messages"))


def _taken(span: Span, end: Span | None, cut: int) -> Taken:
    if (reason := _stranger(span)) is not None:
        return Left(span.where, reason)
    made = _made(span, end)
    if isinstance(made, str):
        return Left(span.where, made)
    if not made.body.get("model"):
        return Left(span.where, "it does not name the model")
    return Request(
        where=span.where,
        name=span.id,
        endpoint=made.endpoint,
        body=made.body,
        answer=made.answer,
        address=str(span.get("gen_ai.openai.api_base", "server.address") or ""),
        status=200 if made.answer is not None and not span.error else None,
        error=span.error,
        taken=span.begin,
        latency=span.latency if end is None else None,
        place=_place(span),
        lacks=unique((*made.lacks, *_limited((span, end or span), cut))),
    )


def _limited(told: Sequence[Span], cut: int) -> Iterator[str]:
    values = (value for span in told for value in span.attributes.values())
    if cut and any(isinstance(value, str) and len(value) == cut for value in values):
        yield CUT_OFF


def _stranger(span: Span) -> str | None:
    """Say why a span is none of a request to a model of OpenAI's."""
    if not any(key.startswith(_TELLING) for key in span.attributes) and not span.events:
        return "not a request to a model"
    kind = span.get("openinference.span.kind")
    observed = span.get("langfuse.observation.type")
    if (kind is not None and kind != "LLM") or (observed is not None and observed != "generation"):
        return "not a request to a model"
    provider = str(span.get("gen_ai.provider.name", "gen_ai.system", "llm.provider") or "").lower()
    if provider and "openai" not in provider and "azure" not in provider:
        return f"a request to {provider}, not to OpenAI"
    operation = str(span.get("gen_ai.operation.name", "llm.request.type") or "chat")
    if operation in _NO_CHAT:
        return f"{_NO_CHAT[operation]}, not a chat"
    return None if operation in ("chat", "generate_content") else "not a request to a model"


def _made(span: Span, end: Span | None) -> Made | str:
    if mapping(span.get("request_data")).get("messages") or mapping(span.get("request_data")).get("input"):
        return _logfire(span, end or span)
    if span.get("openinference.span.kind") is not None:
        return _openinference(span)
    if span.get("langfuse.observation.type") is not None:
        return _langfuse(span)
    if end is not None and span.get("gen_ai.input.messages") is not None:
        return genai.made(end)
    return genai.made(span)


def _logfire(span: Span, end: Span) -> Made:
    body, said = mapping(span.get("request_data")), mapping(end.get("response_data"))
    endpoint = CHAT if "messages" in body else RESPONSES
    message, answer = mapping(said.get("message")), None
    if message and endpoint == CHAT:
        kept = {key: value for key, value in without_none(message).items() if key != "parsed"}
        about = (body.get("model"), mapping(said.get("usage")) or None, end.get("gen_ai.response.id"))
        answer = completion(kept, genai.ending(end), *about)
    return Made(endpoint, body, answer, unique(shortened(body)))


def _openinference(span: Span) -> Made | str:
    body, answer = mapping(span.get("input.value")), mapping(span.get("output.value"))
    # The instrumentation of LangChain keeps there what LangChain serialises, which names no model.
    if isinstance(body.get("model"), str) and ("messages" in body or "input" in body):
        endpoint = CHAT if "messages" in body else RESPONSES
        whole = {**answer, "object": "chat.completion"} if endpoint == CHAT and answer.get("choices") else answer
        is_answer = bool(whole.get("choices") or whole.get("output"))
        cut = ("the answer is cut off",) if span.get("output.value") is not None and not is_answer else ()
        return Made(endpoint, body, whole if is_answer else None, unique((*cut, *shortened(body))))
    messages = [_word(one) for one in numbered(span.attributes, "llm.input_messages.")]
    if not messages:
        return "it holds no messages; was the exporter told to hide its inputs?"
    tools = [chat_tool(mapping(one.get("tool.json_schema"))) for one in numbered(span.attributes, "llm.tools.")]
    given = told(mapping(span.get("llm.invocation_parameters")))
    made = {"model": span.get("llm.model_name"), **given, **({"tools": tools} if tools else {}), "messages": messages}
    back = [_word(one) for one in numbered(span.attributes, "llm.output_messages.")]
    usage = {
        "prompt_tokens": span.get("llm.token_count.prompt"),
        "completion_tokens": span.get("llm.token_count.completion"),
    }
    has_usage = isinstance(usage["prompt_tokens"], int)
    about = (span.get("llm.finish_reason"), made["model"], usage if has_usage else None)
    said = completion(back[0], *about) if back else None
    return Made(CHAT, without_none(made), said, unique((*_cut(span), *lacking(made, said))))


def _cut(span: Span) -> Iterator[str]:
    """A text of JSON that is none any more: the exporter limits the length of attributes."""
    value = span.get("input.value")
    if span.get("input.mime_type") == "application/json" and isinstance(value, str) and not mapping(value):
        yield CUT_OFF


def _word(said: Body) -> Body:
    parts = [one.get("message_content.text") for one in numbered(said, "message.contents.")]
    calls = [
        tool_call(one.get("tool_call.function.name"), one.get("tool_call.function.arguments"), one.get("tool_call.id"))
        for one in numbered(said, "message.tool_calls.")
    ]
    content = said.get("message.content", parts[0] if len(parts) == 1 else None)
    identity = {"tool_call_id": said["message.tool_call_id"]} if said.get("message.tool_call_id") else {}
    return {
        "role": said.get("message.role"),
        "content": content,
        **({"tool_calls": calls} if calls else {}),
        **identity,
    }


def _langfuse(span: Span) -> Made | str:
    begins = "langfuse.observation.metadata."
    metadata = {key.removeprefix(begins): value for key, value in span.attributes.items() if key.startswith(begins)}
    observation = {
        "input": span.get("langfuse.observation.input"),
        "output": span.get("langfuse.observation.output"),
        "model": span.get("langfuse.observation.model.name"),
        "modelParameters": span.get("langfuse.observation.model.parameters"),
        "usageDetails": span.get("langfuse.observation.usage_details"),
        "metadata": metadata,
    }
    return langfuse.made(observation)


def _place(span: Span) -> tuple[str, int, str] | None:
    """The line of the code, by the names of the conventions now and before."""
    file = span.get("code.file.path", "code.filepath")
    line = span.get("code.line.number", "code.lineno")
    function = str(span.get("code.function.name", "code.function") or "")
    if not isinstance(file, str) or not isinstance(line, int) or span.name.startswith(_STREAM_ENDS):
        return None
    return file, line, function
