"""Answer one question: what does the code behind a call site read an answer as?

Read from the request (a schema, tools) and, where it asks for nothing, from how the old model answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from migrator.shadow.comparators import code, structured
from migrator.shadow.comparators.label import folded
from migrator.shadow.comparators.schemas import Schema
from migrator.shadow.model import Contract, Kind, Reply

LABEL_WORDS = 4
LABEL_LETTERS = 40


def infer(request: Mapping[str, object], replies: Sequence[Reply], own: str = "") -> Contract:
    """Give the contract of a site by one of its requests and the old model's answers; the user's word is first."""
    if own:
        return Contract(Kind.OWN, f"the configuration names {own}", own=own)
    tools, schema, wants_json = tools_of(request), _schema(request), _wants_json(request)
    if tools and (any(reply.tools for reply in replies) or not replies):
        return Contract(Kind.TOOLS, f"the request offers {', '.join(sorted(tools))}", schema, tools)
    if schema is not None:
        return Contract(Kind.JSON, "the request gives a schema", schema, tools)
    if wants_json:
        return Contract(Kind.JSON, "the request asks for JSON", None, tools)
    kind, why = _by_answers([reply.text for reply in replies if reply.text and not reply.error])
    return Contract(kind, why, None, tools)


def _by_answers(texts: Sequence[str]) -> tuple[Kind, str]:
    if texts and all(_is_json(text) for text in texts):
        return Kind.JSON, "all answers are JSON"
    if texts and all(_is_program(text) for text in texts):
        return Kind.CODE, "all answers are fenced code"
    if texts and all(_is_label(text) for text in texts):
        return Kind.LABEL, "all answers are short"
    return Kind.PROSE, "the answers are text" if texts else "no answer says more"


def _is_json(text: str) -> bool:
    try:
        return isinstance(structured.parsed(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_program(text: str) -> bool:
    """Say whether most of an answer is fenced code."""
    inside = sum(len(block.text) for block in code.blocks(text))
    return "```" in text and inside * 2 > len(text)


def _is_label(text: str) -> bool:
    words = folded(text).split()
    return 0 < len(words) <= LABEL_WORDS and len(text.strip()) <= LABEL_LETTERS


def tools_of(request: Mapping[str, object]) -> Mapping[str, Schema]:
    """The schema of each function's arguments, of both interfaces."""
    found: dict[str, Schema] = {}
    offered = request.get("tools")
    for tool in offered if isinstance(offered, list | tuple) else ():
        inner = tool.get("function", tool.get("custom", tool)) if isinstance(tool, Mapping) else {}
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            parameters = inner.get("parameters")
            found[inner["name"]] = parameters if isinstance(parameters, Mapping) else {}
    return found


def _format(request: Mapping[str, object]) -> Mapping[str, object]:
    """``response_format`` of chat completions, ``text.format`` of responses."""
    text = request.get("text")
    found = request.get("response_format", text.get("format") if isinstance(text, Mapping) else None)
    return found if isinstance(found, Mapping) else {}


def _wants_json(request: Mapping[str, object]) -> bool:
    return _format(request).get("type") in ("json_object", "json_schema")


def _schema(request: Mapping[str, object]) -> Schema | None:
    found = _format(request)
    inner = found.get("json_schema", found)
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    return schema if isinstance(schema, Mapping) else None
