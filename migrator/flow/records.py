"""Answer one question: does this place belong to an answer that was recorded, or to a trace's labels?

There a model's name says which model answered, or is watched; it chooses none.
"""

from __future__ import annotations

import ast

# What the ``object`` of an answer says; a request has no such entry.
ANSWERS = frozenset({"chat.completion", "chat.completion.chunk", "text_completion", "response"})
# Where libraries keep what an answer said of itself (langchain).
ABOUT_ANSWERS = frozenset({"response_metadata", "generation_info", "llm_output"})
# The names of OpenTelemetry for what is watched of a model's call.
TRACED = "gen_ai."

Seen = tuple[str, str]


def of_entry(table: ast.Dict, name: object) -> Seen | None:
    """The reason, with a detail, that the entry ``name`` of a dictionary gives."""
    kinds = [v for k, v in zip(table.keys, table.values, strict=True) if _is_text(k, "object")]
    return _answer(name, kinds) or _label(name)


def of_argument(call: ast.Call, name: str | None, position: int | None) -> Seen | None:
    """The reason that an argument of a call gives: ``Reply(object="chat.completion", model=...)``."""
    kinds = [keyword.value for keyword in call.keywords if keyword.arg == "object"]
    before = call.args[0] if position and call.args else None
    title = before.value if isinstance(before, ast.Constant) else None
    return _answer(name, kinds) or _label(name) or (_traced(title) if title is not None else None)


def _answer(name: object, kinds: list[ast.expr]) -> Seen | None:
    kind = next((k.value for k in kinds if isinstance(k, ast.Constant) and k.value in ANSWERS), None)
    return ("recorded", str(kind)) if name == "model" and kind is not None else None


def _label(name: object) -> Seen | None:
    return ("recorded", str(name)) if name in ABOUT_ANSWERS else _traced(name)


def _traced(name: object) -> Seen | None:
    if not isinstance(name, str) or not name.startswith(TRACED):
        return None
    return ("recorded" if name.startswith(f"{TRACED}response.") else "metadata"), name


def _is_text(node: ast.expr | None, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
