"""Answer one question: what did this recorded response say?

Read are the bodies of chat completions and of the Responses API, as dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.shadow.model import Reply, ToolCall

Body = Mapping[str, object]


def reply(body: Body, error: str = "") -> Reply:
    """Read a response; ``error`` is the status and type where the API gave an error instead."""
    if error:
        return Reply(error=error)
    return _of_response(body) if "output" in body else _of_completion(body)


def _of_completion(body: Body) -> Reply:
    choice = next(_maps(body.get("choices")), {})
    message = _map(choice.get("message"))
    functions = [_map(call.get("function")) for call in _maps(message.get("tool_calls"))]
    legacy = message.get("function_call")
    functions += [legacy] if isinstance(legacy, Mapping) else []
    tools = tuple(ToolCall(_word(f.get("name")), _word(f.get("arguments"))) for f in functions)
    finish = _word(choice.get("finish_reason")) or "stop"
    return Reply(_text(message.get("content")), tools, finish, _word(message.get("refusal")))


def _of_response(body: Body) -> Reply:
    items = tuple(_maps(body.get("output")))
    parts = [part for item in items if item.get("type") == "message" for part in _maps(item.get("content"))]
    tools = tuple(
        ToolCall(_word(item.get("name")), _word(item.get("arguments")))
        for item in items
        if item.get("type") == "function_call"
    )
    why = _word(_map(body.get("incomplete_details")).get("reason"))
    finish = {"max_output_tokens": "length", "": "tool_calls" if tools else "stop"}.get(why, why)
    refusal = "".join(_word(part.get("refusal")) for part in parts)
    return Reply("".join(_word(part.get("text")) for part in parts), tools, finish, refusal)


def _text(content: object) -> str:
    return content if isinstance(content, str) else "".join(_word(part.get("text")) for part in _maps(content))


def _map(value: object) -> Body:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[Body]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (one for one in value if isinstance(one, Mapping))


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
