"""Answer one question: which answer did a stream of events amount to, and did it come to its end?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

ENDS = ("response.completed", "response.incomplete", "response.failed")
_WHOLE = ("id", "created", "model", "object", "system_fingerprint", "service_tier", "usage")


def answer(raw: bytes, content_type: str) -> tuple[Any, bool]:
    """Give the response's content as JSON, and whether it is whole; None for what is no JSON."""
    if "text/event-stream" in content_type or raw[:6] in (b"data: ", b"event:"):
        return assembled(raw)
    try:
        return json.loads(raw), True
    except ValueError:
        return None, False


def assembled(raw: bytes) -> tuple[Any, bool]:
    """Put the events of a stream together, as the answer to the same request without ``stream`` would be."""
    events = list(_events(raw))
    last = next((one for one in reversed(events) if isinstance(one, dict) and one.get("type") in ENDS), None)
    if last is not None:
        return last.get("response"), True
    if any(isinstance(one, dict) and str(one.get("type", "")).startswith("response.") for one in events):
        return _response(events), False
    return _chat(events), "[DONE]" in events


def _events(raw: bytes) -> Iterator[Any]:
    for line in raw.decode("utf-8", "replace").splitlines():
        if line.startswith("data:"):
            text = line[5:].strip()
            try:
                yield text if text == "[DONE]" else json.loads(text)
            except ValueError:
                return


def _response(events: list[Any]) -> Any:
    """Give what an abandoned stream of the Responses API had said so far."""
    begun: Any = next((one["response"] for one in events if isinstance(one.get("response"), dict)), {})
    text = "".join(str(one.get("delta", "")) for one in events if one.get("type") == "response.output_text.delta")
    content = [{"type": "output_text", "text": text}]
    return {**begun, "output": [{"type": "message", "role": "assistant", "content": content}]}


def _chat(events: list[Any]) -> Any:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        if not isinstance(event, dict):
            continue
        whole.update({key: event[key] for key in _WHOLE if event.get(key) is not None})
        if "error" in event:
            whole["error"] = event["error"]
        for choice in event.get("choices") or ():
            _add_choice(choices, choice)
    if not whole and not choices:
        return None
    whole["object"] = "chat.completion"
    return {**whole, "choices": [choices[index] for index in sorted(choices)]}


def _add_choice(choices: dict[int, dict[str, Any]], chunk: Any) -> None:
    index = chunk.get("index", 0)
    empty = {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None}
    choice = choices.setdefault(index, empty)
    if chunk.get("finish_reason"):
        choice["finish_reason"] = chunk["finish_reason"]
    if chunk.get("logprobs"):
        choice["logprobs"] = _joined(choice.get("logprobs"), chunk["logprobs"])
    for key, value in (chunk.get("delta") or {}).items():
        if key == "tool_calls":
            _add_calls(choice["message"].setdefault("tool_calls", []), value or ())
        elif key == "role":
            choice["message"]["role"] = value or "assistant"
        else:
            choice["message"][key] = _joined(choice["message"].get(key), value)


def _add_calls(calls: list[Any], chunks: Any) -> None:
    for chunk in chunks:
        index = chunk.get("index", len(calls))
        while len(calls) <= index:
            calls.append({})
        fresh = {key: value for key, value in chunk.items() if key != "index"}
        if calls[index].get("id"):
            fresh = {key: value for key, value in fresh.items() if key not in ("id", "type")}
        calls[index] = _joined(calls[index], fresh)


def _joined(old: Any, new: Any) -> Any:
    """Append text to text and list to list, and go into objects; anything else is replaced."""
    if old is None or new is None:
        return old if new is None else new
    if isinstance(old, str) and isinstance(new, str):
        return old + new
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _joined(old.get(key), value) for key, value in new.items()}}
    return new
