"""Answer one question: which messages does this expression give, in which order?

Read are list displays, ``+``, ``*rest``, copies, what ``append``, ``extend`` and ``insert`` add before the
call, and the repository's own functions. Messages that the code does not show one by one are one splice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from migrator.flow.request import Spot, bindings_of, entered_value
from migrator.flow.symbols import Function, last_name, symbols
from migrator.flow.unit import LOOPS, Binding, Unit, before
from migrator.prompts.template import SPLICE, Message, Place, Segment, Varies
from migrator.prompts.texts import imported, place_of, result_of, text, varying
from migrator.prompts.varying import Reader

MAX_DEPTH = 12
Messages = tuple[Message, ...]

# Parts of a message that are images, and what is told of them: keys of the breakers' rows.
IMAGES = frozenset({"image_url", "input_image"})
IMAGE_URL = "the address of an image"
IMAGE_DETAIL = "the detail of an image"
# The role that a message class stands for, by the beginning of its name without the library's own.
CLASSES = {
    "System": "system",
    "Developer": "developer",
    "Human": "user",
    "User": "user",
    "AI": "assistant",
    "Assistant": "assistant",
    "Tool": "tool",
    "Function": "tool",
}
# The roles by the words that libraries use for them.
ROLES = {
    "system": "system",
    "developer": "developer",
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
}
COPIES = frozenset({"list", "copy", "deepcopy", "tuple"})
GROWING = frozenset({"append", "extend", "insert"})
READING = frozenset({"len", "print", "str", "repr", "isinstance", "dumps", "enumerate", "sum", "any", "all", "type"})


def messages(reader: Reader, spot: Spot, depth: int = 0) -> Messages:
    """Read the messages that an expression gives."""
    if depth > MAX_DEPTH:
        return (splice(reader, spot),)
    unit, node, entered = spot.unit, spot.node, spot.entered
    match node:
        case ast.List() | ast.Tuple():
            return tuple(m for e in node.elts for m in _element(reader, Spot(unit, e, entered), depth))
        case ast.BinOp(op=ast.Add()):
            sides = (Spot(unit, side, entered) for side in (node.left, node.right))
            return tuple(m for side in sides for m in messages(reader, side, depth + 1))
        case ast.Name():
            return _name(reader, spot, node, depth)
        case ast.Call():
            return _call(reader, spot, node, depth)
        case ast.Subscript(slice=ast.Slice(lower=None, upper=None, step=None)):
            return messages(reader, Spot(unit, node.value, entered), depth + 1)
        case ast.Await() | ast.NamedExpr():
            return messages(reader, Spot(unit, node.value, entered), depth + 1)
        case _:
            return (splice(reader, spot),)


def splice(reader: Reader, spot: Spot) -> Message:
    """Any number of messages that are not seen one by one."""
    segment = varying(reader, spot)
    return Message(SPLICE, (segment,), segment.place)


def listed(spot: Spot, reader: Reader) -> Place | None:
    """The list display that holds all messages one by one, where nothing else adds to it."""
    node = spot.node
    if isinstance(node, ast.Name):
        found = bindings_of(reader.project, spot.unit, node)
        if len(found) != 1 or found[0].unit is not spot.unit or found[0].value is None:
            return None
        if found[0].kind != "value" or found[0].path or tuple(spot.unit.uses(found[0])) != (node,):
            return None
        node = found[0].value
    return place_of(spot.unit, node) if isinstance(node, ast.List) else None


def _element(reader: Reader, spot: Spot, depth: int) -> Messages:
    unit, node, entered = spot.unit, spot.node, spot.entered
    if isinstance(node, ast.Starred):
        return messages(reader, Spot(unit, node.value, entered), depth + 1)
    return (message(reader, spot, place_of(unit, node), depth + 1),)


def message(reader: Reader, spot: Spot, place: Place, depth: int = 0) -> Message:
    """Read one message: a dictionary, a message object, or a name that holds one."""
    unit, node, entered = spot.unit, spot.node, spot.entered
    match node:
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            table = {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}
            return _of_entries(reader, spot, table, place, len(table) == len(node.keys))
        case ast.Call():
            return _of_call(reader, spot, node, place, depth)
        case ast.Tuple(elts=[ast.Constant(value=str() as role), said]) if role in ROLES:
            return Message(ROLES[role], content(reader, Spot(unit, said, entered)), place)
        case ast.Constant(value=str()) | ast.JoinedStr():
            return Message("user", text(reader, spot), place)
        case ast.Name() if depth <= MAX_DEPTH:
            found = bindings_of(reader.project, unit, node)
            if len(found) == 1:
                given = entered_value(found[0], entered)
                if given is not None:
                    return message(reader, given, place, depth + 1)
                if found[0].kind == "value" and found[0].value is not None and not found[0].path:
                    if _is_untouched(found[0], node):
                        inner = Spot(found[0].unit, found[0].value, entered if found[0].unit is unit else None)
                        return message(reader, inner, place, depth + 1)
    segment = varying(reader, spot)
    return Message(_role_unknown(segment), (segment,), place)


def _role_unknown(segment: Segment) -> str:
    return "" if segment.varies.breaks else "?"


def _is_untouched(binding: Binding, use: ast.Name) -> bool:
    """Say whether a dictionary is what its display says: nobody stores into it."""
    unit = binding.unit
    for load in unit.uses(binding):
        above = unit.parent(load)
        if load is not use and isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Store):
            return False
        if isinstance(above, ast.Attribute) and above.attr in ("update", "setdefault", "pop"):
            return False
    return True


def _of_entries(reader: Reader, spot: Spot, table: dict[str, ast.expr], place: Place, is_whole: bool) -> Message:
    unit, entered = spot.unit, spot.entered
    role = table.get("role")
    said = table.get("content")
    if role is None or said is None or not is_whole or "tool_calls" in table:
        segment = varying(reader, spot)
        return Message(_constant(role) or "", (segment,), place)
    segments = content(reader, Spot(unit, said, entered))
    named = text(reader, Spot(unit, role, entered))
    known = "".join(s.text or "" for s in named) if all(s.text is not None for s in named) else ""
    return Message(known, segments, place)


def _constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _of_call(reader: Reader, spot: Spot, call: ast.Call, place: Place, depth: int) -> Message:
    """``SystemMessage(content=...)``, ``dict(role=..., content=...)``, or the repository's own function.

    Of libraries also ``Messages.System("...")`` and ``Message("system", ["..."])``.
    """
    unit, entered = spot.unit, spot.entered
    table = {k.arg: k.value for k in call.keywords if k.arg is not None}
    whole = len(table) == len(call.keywords)
    name = last_name(call.func)
    own = [s for s in symbols(reader.project, unit, call.func) if isinstance(s, Function)]
    if len(own) == 1 and (inner := result_of(spot, call, own[0])) is not None and depth <= MAX_DEPTH:
        return message(reader, inner, place, depth + 1)
    role = next((role for begin, role in CLASSES.items() if name.startswith(begin) or begin + "Message" in name), None)
    if name == "dict" or {"role", "content"} <= table.keys() or (role is not None and "role" in table):
        return _of_entries(reader, spot, table, place, whole)
    if name.startswith("from_") and isinstance(call.func, ast.Attribute) and "Message" in last_name(call.func.value):
        role, name = ROLES.get(name.removeprefix("from_")), "Message"
    if isinstance(call.func, ast.Attribute) and last_name(call.func.value) == "Messages":
        role, name = ROLES.get(name.lower()), "Message"
    if name == "Message" and len(call.args) == 2 and not call.keywords and _constant(call.args[0]) in ROLES:
        return Message(ROLES[str(_constant(call.args[0]))], content(reader, Spot(unit, call.args[1], entered)), place)
    said = table.get("content", table.get("text", call.args[0] if call.args else None))
    if role is not None and "Message" in name and said is not None:
        return Message(role, content(reader, Spot(unit, said, entered)), place)
    segment = varying(reader, spot)
    return Message("", (segment,), place)


def content(reader: Reader, spot: Spot) -> tuple[Segment, ...]:
    """A message's text, or the parts of a list of them."""
    held = _alone(reader, spot)
    spot = held if isinstance(held.node, ast.List) else spot
    node = spot.node
    if not isinstance(node, ast.List):
        return text(reader, spot)
    found: list[Segment] = []
    for element in node.elts:
        inner = Spot(spot.unit, element, spot.entered)
        found += _part(reader, inner)
    return tuple(found)


def _alone(reader: Reader, spot: Spot) -> Spot:
    """What a name was given that is read only here, so that nothing is added to it."""
    if not isinstance(spot.node, ast.Name):
        return spot
    found = bindings_of(reader.project, spot.unit, spot.node)
    if len(found) != 1:
        return spot
    given = entered_value(found[0], spot.entered)
    if given is None and found[0].kind == "value" and found[0].value is not None and not found[0].path:
        given = Spot(found[0].unit, found[0].value, spot.entered)
    alone = found[0].unit is spot.unit and tuple(spot.unit.uses(found[0])) == (spot.node,)
    return given if given is not None and alone else spot


def _part(reader: Reader, spot: Spot) -> tuple[Segment, ...]:
    spot = held if isinstance((held := _alone(reader, spot)).node, ast.Dict) else spot
    if isinstance(spot.node, ast.Dict):
        pairs = zip(spot.node.keys, spot.node.values, strict=True)
        table: dict[object, ast.expr] = {k.value: v for k, v in pairs if isinstance(k, ast.Constant)}
        if _constant(table.get("type")) in ("text", "input_text") and "text" in table:
            return text(reader, Spot(spot.unit, table["text"], spot.entered))
        if _constant(table.get("type")) in IMAGES and "image_url" in table:
            return _image(reader, spot, table)
    if isinstance(spot.node, (ast.Constant, ast.JoinedStr, ast.Name)):
        return text(reader, spot)
    return (varying(reader, spot),)


def _image(reader: Reader, spot: Spot, table: Mapping[object, ast.expr]) -> tuple[Segment, ...]:
    """An image: both its address and its detail are part of what requests share, or do not."""
    held: Mapping[object, ast.expr] = table
    inner = table["image_url"]
    if isinstance(inner, ast.Dict):
        pairs = zip(inner.keys, inner.values, strict=True)
        held = {k.value: v for k, v in pairs if isinstance(k, ast.Constant)}
        if len(held) < len(inner.keys) or "url" not in held:
            return (varying(reader, spot),)
        inner = held["url"]
    found = [_named_part(reader, Spot(spot.unit, inner, spot.entered), IMAGE_URL)]
    if "detail" in held:
        found.append(_named_part(reader, Spot(spot.unit, held["detail"], spot.entered), IMAGE_DETAIL))
    return tuple(found)


def _named_part(reader: Reader, spot: Spot, why: str) -> Segment:
    """A value that is not text; what varies of it is told by what it is."""
    segment = varying(reader, spot)
    return replace(segment, why=why) if segment.varies.breaks else segment


def _call(reader: Reader, spot: Spot, call: ast.Call, depth: int) -> Messages:
    unit, entered = spot.unit, spot.entered
    name = last_name(call.func)
    if name in COPIES:
        if len(call.args) == 1:
            return messages(reader, Spot(unit, call.args[0], entered), depth + 1)
        if not call.args and isinstance(call.func, ast.Attribute):
            return messages(reader, Spot(unit, call.func.value, entered), depth + 1)
    own = [s for s in symbols(reader.project, unit, call.func) if isinstance(s, Function)]
    if len(own) == 1 and (inner := result_of(spot, call, own[0])) is not None:
        return messages(reader, inner, depth + 1)
    return (splice(reader, spot),)


def _name(reader: Reader, spot: Spot, node: ast.Name, depth: int) -> Messages:
    unit, entered = spot.unit, spot.entered
    found = bindings_of(reader.project, unit, node)
    if len(found) == 1:
        given = entered_value(found[0], entered)
        if given is not None:
            return _grown(reader, spot, node, found[0], messages(reader, given, depth + 1), depth)
        if found[0].kind == "import":
            return _imported(reader, spot, found[0], depth)
        if found[0].kind == "value" and found[0].value is not None and not found[0].path:
            home = found[0].unit
            same = entered if entered is not None and home is entered.function.unit else None
            start = messages(reader, Spot(home, found[0].value, same), depth + 1)
            return _grown(reader, spot, node, found[0], start, depth)
    return (splice(reader, spot),)


def _imported(reader: Reader, spot: Spot, binding: Binding, depth: int) -> Messages:
    values = tuple(imported(reader, binding))
    if len(values) == 1:
        return messages(reader, values[0], depth + 1)
    return (splice(reader, spot),)


@dataclass(frozen=True, slots=True)
class Addition:
    """One statement that adds to a list: where, and whether it surely runs exactly once before the call."""

    method: str
    call: ast.Call
    sure: bool


def _grown(reader: Reader, spot: Spot, use: ast.Name, binding: Binding, start: Messages, depth: int) -> Messages:
    """Add what is appended before the call; what may run never or more than once is a splice."""
    current = list(start)
    unit = binding.unit
    for addition in _additions(unit, binding, use):
        if addition is None or not addition.sure:
            current.append(_open_end(unit, use))
            continue
        call, method = addition.call, addition.method
        values = [Spot(unit, a, spot.entered) for a in call.args]
        if method == "append" and len(values) == 1:
            current.append(message(reader, values[0], place_of(unit, values[0].node), depth + 1))
        elif method == "extend" and len(values) == 1:
            current += messages(reader, values[0], depth + 1)
        elif method == "insert" and len(values) == 2 and isinstance(call.args[0], ast.Constant):
            at = call.args[0].value
            made = message(reader, values[1], place_of(unit, values[1].node), depth + 1)
            known = isinstance(at, int) and not any(m.is_splice for m in current[:at])
            current.insert(at, made) if known and isinstance(at, int) else current.insert(0, _open_end(unit, use))
        else:
            current.append(_open_end(unit, use))
    return tuple(current)


def _open_end(unit: Unit, use: ast.AST) -> Message:
    place = place_of(unit, use)
    code = ast.unparse(use)
    return Message(SPLICE, (Segment(place, Varies.REQUEST, None, code, f"{code} grows"),), place)


def _additions(unit: Unit, binding: Binding, use: ast.Name) -> Iterator[Addition | None]:
    """What is done to the list before the call, in the order of the text; None for what is not understood."""
    loads = sorted(unit.uses(binding), key=lambda n: (n.lineno, n.col_offset))
    for load in loads:
        loop = unit.common_loop(load, use)
        turning = loop is not None and loop not in tuple(_around(unit, binding.node))
        elsewhere = unit.scope(load) is not unit.scope(use)
        if load is use or not (before(load, use) or turning or elsewhere) or unit.exclusive(load, use):
            continue
        above = unit.parent(load)
        call = unit.parent(above)
        if isinstance(above, ast.Attribute) and isinstance(call, ast.Call) and call.func is above:
            if above.attr in GROWING:
                sure = before(load, use) and unit.always_before(load, use) and not turning
                yield Addition(above.attr, call, sure and not _in_loop(unit, load, binding))
            elif above.attr in ("pop", "clear", "remove", "sort", "reverse"):
                yield None
        elif isinstance(above, ast.Call) and load in above.args and last_name(above.func) not in READING | COPIES:
            if unit.statement(above) is not unit.statement(use):
                yield None
        elif isinstance(above, ast.Subscript) and not isinstance(above.ctx, ast.Load):
            yield None


def _around(unit: Unit, node: ast.AST) -> Iterable[ast.AST]:
    return (a for a in unit.ancestors(node) if isinstance(a, LOOPS))


def _in_loop(unit: Unit, load: ast.AST, binding: Binding) -> bool:
    """Say whether the statement runs in a loop in which the list is not made anew."""
    return bool(set(_around(unit, load)) - set(_around(unit, binding.node)))
