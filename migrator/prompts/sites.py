"""Answer one question: which calls send a prompt, and what is each prompt made of?"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.flow.project import Project
from migrator.flow.refusals import argument
from migrator.flow.request import Given, Spot, arguments
from migrator.flow.symbols import External, last_name, symbols
from migrator.flow.unit import FUNCTIONS, Unit
from migrator.prompts.messages import Messages, listed, messages
from migrator.prompts.template import Message, Part, Place, Template
from migrator.prompts.texts import place_of, text
from migrator.prompts.tools import part
from migrator.prompts.varying import Reader
from migrator.rulebook import Rulebook, Slot, Surface


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """One call that sends a prompt. ``template`` is None where the code does not show the prompt."""

    unit: Unit
    call: ast.Call
    surface: Surface
    symbol: External
    template: Template | None


def sites(reader: Reader, unit: Unit) -> Iterator[Site]:
    """Every call of a file that sends a prompt, in the order of the text."""
    ends = _ends(reader.rules)
    calls = (n for n in ast.walk(unit.tree) if isinstance(n, ast.Call) and _may_carry(n, ends))
    for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset)):
        found = site(reader, unit, call)
        if found is not None:
            yield found


def _may_carry(call: ast.Call, ends: Mapping[str, tuple[Slot, ...]]) -> bool:
    """Say whether a call has an argument that can be its prompt, so that looking its callee up is worth while."""
    slots = ends.get(last_name(call.func), ())
    if not slots or not (call.args or call.keywords):
        return False
    named = {keyword for slot in slots for keyword in slot.keywords}
    first = min((slot.position for slot in slots if slot.position is not None), default=len(call.args))
    starred = any(isinstance(a, ast.Starred) for a in call.args)
    return starred or first < len(call.args) or any(k.arg is None or k.arg in named for k in call.keywords)


def site(reader: Reader, unit: Unit, call: ast.Call) -> Site | None:
    """Read one call; None when no table says where it takes a prompt, or several disagree."""
    found = tuple(_surfaces(reader.project, reader.rules, unit, call))
    if len({surface.name for surface, _ in found}) != 1:
        return None
    surface, symbol = found[0]
    reader.runs_once = not any(isinstance(above, FUNCTIONS) for above in unit.ancestors(call))
    return Site(unit, call, surface, symbol, template(reader, unit, call, surface.prompt))


def _surfaces(project: Project, rules: Rulebook, unit: Unit, call: ast.Call) -> Iterator[tuple[Surface, External]]:
    for symbol in sorted(symbols(project, unit, call.func), key=repr):
        if isinstance(symbol, External):
            yield from ((surface, symbol) for surface in rules.surfaces_for(symbol.name) if surface.prompt)


def _ends(rules: Rulebook) -> Mapping[str, tuple[Slot, ...]]:
    """The last names of all callees that take a prompt, and where: a call of another name is not looked up."""
    ends: dict[str, tuple[Slot, ...]] = {}
    for surface in rules.surfaces:
        for end in {call.rpartition(".")[2] for call in surface.calls} if surface.prompt else ():
            ends[end] = (*ends.get(end, ()), *surface.prompt.values())
    return ends


def template(reader: Reader, unit: Unit, call: ast.Call, slots: Mapping[str, Slot]) -> Template | None:
    """Read the prompt of a call in the order in which the model reads it."""
    if hidden(reader, unit, call):
        return None
    given = {kind: value for kind, slot in slots.items() if (value := _given(reader, unit, call, slot)) is not None}
    parts: list[Part] = []
    for kind in ("tools", "schema"):
        if kind in given and not _is_none(given[kind].value):
            parts.append(part(reader, kind, Spot(given[kind].unit, given[kind].value)))
    found: list[Message] = []
    place: Place | None = None
    if "system" in given and not _is_none(given["system"].value):
        found.append(_text_message(reader, "system", given["system"]))
    if "messages" in given:
        spot = Spot(given["messages"].unit, given["messages"].value)
        found += messages(reader, spot)
        place = listed(spot, reader)
    if "input" in given:
        found += _input(reader, given["input"])
    return Template(tuple(parts), tuple(found), place) if found else None


def hidden(reader: Reader, unit: Unit, call: ast.Call) -> bool:
    """Say whether the call takes arguments that the code does not show: ``**options`` from outside."""
    for keyword in call.keywords:
        if keyword.arg is None and not _is_open(reader, unit, keyword.value):
            return True
    return any(isinstance(a, ast.Starred) for a in call.args)


def _is_open(reader: Reader, unit: Unit, node: ast.expr) -> bool:
    """Say whether every key of a dictionary can be read here."""
    if isinstance(node, ast.Dict):
        return all(isinstance(k, ast.Constant) for k in node.keys)
    if isinstance(node, ast.Name):
        found = unit.lookup(node.id, node)
        if len(found) != 1 or found[0].kind != "value" or found[0].path or found[0].unit is not unit:
            return False
        others = [use for use in unit.uses(found[0]) if use is not node]
        plain = all(_is_plain_store(unit, use) for use in others)
        return plain and isinstance(found[0].value, ast.Dict) and _is_open(reader, unit, found[0].value)
    return False


def _is_plain_store(unit: Unit, use: ast.Name) -> bool:
    """``options["key"] = value``: the key is read; what else is done to the dictionary is not."""
    above = unit.parent(use)
    return isinstance(above, ast.Subscript) and isinstance(above.slice, ast.Constant)


def _given(reader: Reader, unit: Unit, call: ast.Call, slot: Slot) -> Given | None:
    direct = argument(call, slot.keywords, slot.position)
    if direct is not None:
        return Given(slot.keywords[0] if slot.keywords else "", unit, direct)
    found = [g for g in arguments(reader.project, unit, call) if g.name in slot.keywords]
    return found[0] if len(found) == 1 else None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _text_message(reader: Reader, role: str, given: Given) -> Message:
    return Message(role, text(reader, Spot(given.unit, given.value)), place_of(given.unit, given.value))


def _input(reader: Reader, given: Given) -> Messages:
    """The ``input`` of the Responses API: a text, or a list of messages."""
    spot = Spot(given.unit, given.value)
    if isinstance(given.value, (ast.Constant, ast.JoinedStr, ast.BinOp)):
        return (_text_message(reader, "user", given),)
    found = messages(reader, spot)
    if len(found) == 1 and found[0].is_splice:
        segments = text(reader, spot)
        if any(s.text is not None for s in segments):
            return (Message("user", segments, place_of(spot.unit, spot.node)),)
    return found
