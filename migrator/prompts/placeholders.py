"""Answer one question: which messages does a prompt with named placeholders give?

``ChatPromptTemplate.from_messages([("system", "... {name} ..."), ...])``: ``{name}`` is a part that varies,
``{{`` is a brace, a placeholder for messages is any number of them.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrator.flow.constants import values_of
from migrator.flow.request import Spot, bindings_of, entered_value
from migrator.flow.symbols import Function, last_name, symbols
from migrator.prompts.messages import ROLES, Messages, content, message
from migrator.prompts.template import SPLICE, Message, Segment, Varies
from migrator.prompts.texts import place_of, result_of, varying
from migrator.prompts.varying import Reader

MAX_DEPTH = 8
CLASSES = frozenset({"ChatPromptTemplate", "PromptTemplate"})
LISTS = frozenset({"from_messages", "ChatPromptTemplate"})
TEXTS = frozenset({"from_template", "PromptTemplate"})
SAME = frozenset({"partial", "with_config"})
PLAIN = "f-string"


def template_messages(reader: Reader, spot: Spot, depth: int = 0) -> Messages:
    """Read the messages of an expression that gives a prompt with placeholders."""
    unit, node, entered = spot.unit, spot.node, spot.entered
    if depth > MAX_DEPTH:
        return (_unseen(reader, spot),)
    if isinstance(node, ast.Name):
        found = bindings_of(reader.project, unit, node)
        brought = entered_value(found[0], entered) if len(found) == 1 else None
        if brought is not None:
            return template_messages(reader, brought, depth + 1)
    if isinstance(node, (ast.Name, ast.Attribute)):
        held = [(u, v) for u, v in values_of(reader.project, unit, node) if v is not None]
        return template_messages(reader, Spot(*held[0]), depth + 1) if len(held) == 1 else (_unseen(reader, spot),)
    if not isinstance(node, ast.Call):
        return (_unseen(reader, spot),)
    own = [s for s in symbols(reader.project, unit, node.func) if isinstance(s, Function)]
    if len(own) == 1 and (inner := result_of(spot, node, own[0])) is not None:
        return template_messages(reader, inner, depth + 1)
    name, form = last_name(node.func), _form(node)
    if name in SAME and isinstance(node.func, ast.Attribute):
        return template_messages(reader, Spot(unit, node.func.value, entered), depth + 1)
    given = _first(node, "messages" if name in LISTS else "template")
    if name in LISTS and given is not None:
        return tuple(_elements(reader, Spot(unit, given, entered), form))
    if name in TEXTS and given is not None:
        return (_message(reader, "user", Spot(unit, given, entered), form),)
    return (_unseen(reader, spot),)


def _unseen(reader: Reader, spot: Spot) -> Message:
    """Any number of messages, or a prompt that cannot be read: what is put into it differs by request."""
    segment = replace(varying(reader, spot), varies=Varies.REQUEST)
    return Message(SPLICE, (segment,), segment.place)


def _first(call: ast.Call, keyword: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == keyword), call.args[0] if call.args else None)


def _form(call: ast.Call) -> str:
    """How placeholders are written: ``template_format="mustache"``."""
    given = next((k.value for k in call.keywords if k.arg == "template_format"), None)
    return PLAIN if given is None else str(given.value) if isinstance(given, ast.Constant) else ""


def _elements(reader: Reader, spot: Spot, form: str) -> Iterator[Message]:
    node = spot.node
    if isinstance(node, ast.Name):
        held = [(u, v) for u, v in values_of(reader.project, spot.unit, node) if v is not None]
        once = len(held) == 1 and sum(1 for load in spot.unit.loads.get(node.id, ()) if load is not node) == 0
        if once:
            spot, node = Spot(*held[0]), held[0][1]
    if not isinstance(node, (ast.List, ast.Tuple)):
        yield _unseen(reader, spot)
        return
    for element in node.elts:
        yield _element(reader, Spot(spot.unit, element, spot.entered), form)


def _element(reader: Reader, spot: Spot, form: str, depth: int = 0) -> Message:
    node = spot.node
    match node:
        case (
            ast.Tuple(elts=[ast.Constant(value=str() as role), said])
            | ast.List(elts=[ast.Constant(value=str() as role), said])
        ):
            inner = Spot(spot.unit, said, spot.entered)
            return _message(reader, ROLES[role], inner, form) if role in ROLES else _unseen(reader, inner)
        case ast.Constant() | ast.JoinedStr() | ast.BinOp():
            return _message(reader, "user", spot, form)
        case ast.Call():
            return _of_call(reader, spot, node, form)
        case ast.Name() | ast.Attribute() if depth < MAX_DEPTH:
            held = [(u, v) for u, v in values_of(reader.project, spot.unit, node) if v is not None]
            if len(held) == 1:
                return _element(reader, Spot(*held[0]), form, depth + 1)
    return _unseen(reader, spot)


def _of_call(reader: Reader, spot: Spot, call: ast.Call, form: str) -> Message:
    """``SystemMessage("...")`` is taken as it is, ``SystemMessagePromptTemplate.from_template("...")`` is not."""
    base = last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    role = ROLES.get(base.removesuffix("MessagePromptTemplate").lower())
    if last_name(call.func) == "from_template" and role is not None and call.args:
        return _message(reader, role, Spot(spot.unit, call.args[0], spot.entered), form)
    found = message(reader, spot, place_of(spot.unit, call))
    return found if found.role else _unseen(reader, spot)


def _message(reader: Reader, role: str, spot: Spot, form: str) -> Message:
    said = content(reader, spot)
    return Message(role, tuple(_fields(reader, said, form)), place_of(spot.unit, spot.node))


def filled(reader: Reader, found: Message, form: str = PLAIN) -> Message:
    """Part a message whose ``{name}`` the library fills; in another form all may vary from the first brace on."""
    return replace(found, segments=tuple(_fields(reader, found.segments, form)))


def _fields(reader: Reader, segments: Sequence[Segment], form: str) -> Iterator[Segment]:
    """Part static text at its placeholders."""
    for segment in segments:
        if segment.text is None or "{" not in segment.text:
            yield replace(segment, text=segment.text.replace("}}", "}")) if segment.text else segment
        elif form == PLAIN:
            yield from _parted(reader, segment, segment.text)
        else:
            yield replace(segment, text=segment.text[: segment.text.index("{")])
            yield replace(segment, text=None, varies=Varies.REQUEST, code="{...}", why="a placeholder")


def is_placeholder(segment: Segment) -> bool:
    """Say whether a part of a text is a ``{name}`` that the library fills."""
    return segment.text is None and segment.code.startswith("{") and segment.why.startswith("placeholder ")


def _parted(reader: Reader, segment: Segment, written: str) -> Iterator[Segment]:
    try:
        parts = list(string.Formatter().parse(written))
    except ValueError:
        yield replace(segment, text=None, varies=Varies.REQUEST, code="{...}", why="a placeholder")
        return
    for static, field, _, _ in parts:
        if static:
            yield replace(segment, text=static)
        if field is not None:
            row = reader.named(field)
            rate = Varies.REQUEST if row is None else Varies[row.varies.upper()]
            yield replace(segment, text=None, varies=rate, code="{" + field + "}", why=f"placeholder {field}")
