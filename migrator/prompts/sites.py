"""Answer one question: which calls send a prompt, and what is each prompt made of?"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migrator.flow.classes import repr_of
from migrator.flow.project import Project
from migrator.flow.refusals import is_none
from migrator.flow.request import Entered, Spot, arguments
from migrator.flow.symbols import External, Function, last_name, returns, symbols
from migrator.flow.unit import FUNCTIONS, Unit, parameters_of
from migrator.prompts.analysis import analyse, measure_for
from migrator.prompts.messages import Messages, listed, message, messages
from migrator.prompts.placeholders import filled, template_messages
from migrator.prompts.template import Message, Part, Place, Segment, Template, Varies
from migrator.prompts.texts import place_of, starred, text, varying
from migrator.prompts.tools import part
from migrator.prompts.uses import Met, last_operand, method_of, uses_of
from migrator.prompts.varying import MAX_STEPS, Reader
from migrator.prompts.ways import ways
from migrator.rulebook import Rulebook, Slot, Surface

# Methods of a prompt with placeholders that give the prompt itself.
BRACED = "{{name}}"
FILLED = frozenset({"format_messages", "format_prompt"})


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """One call that sends a prompt, or makes the object that does.

    ``template`` is None where the code does not show the prompt. ``uses`` are the places where the object is
    seen to meet one; the template is then one of theirs. ``ways`` are the calls that bring its prompts, where
    they stand at the callers of the function around it; the template is then the one that shares least.
    """

    unit: Unit
    call: ast.Call
    surface: Surface
    symbol: External
    template: Template | None
    uses: tuple[Met, ...] = ()
    ways: tuple[Entered, ...] = ()


def sites(reader: Reader, unit: Unit) -> Iterator[Site]:
    """Every call of a file that sends a prompt, in the order of the text."""
    ends = _ends(reader.rules)
    calls = (n for n in ast.walk(unit.tree) if isinstance(n, ast.Call) and _may_carry(n, ends))
    for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset)):
        found = site(reader, unit, call)
        if found is not None:
            yield found


Ends = Mapping[str, tuple[Slot, ...] | None]


def _may_carry(call: ast.Call, ends: Ends) -> bool:
    """Say whether a call has an argument that can be its prompt, so that looking its callee up is worth while."""
    slots = ends.get(last_name(call.func), ())
    if slots is None:
        return True
    if not slots or not (call.args or call.keywords):
        return False
    named = {keyword for slot in slots for keyword in slot.keywords}
    first = min((slot.position for slot in slots if slot.position is not None), default=len(call.args))
    starred = any(isinstance(a, ast.Starred) for a in call.args)
    return starred or first < len(call.args) or any(k.arg is None or k.arg in named for k in call.keywords)


def site(reader: Reader, unit: Unit, call: ast.Call) -> Site | None:
    """Read one call; None when no table says what it is, or several disagree."""
    found = _chosen(tuple(_surfaces(reader.project, reader.rules, unit, call)))
    if found is None:
        return None
    surface, symbol = found
    if surface.prompt:
        read, brought = _brought(reader, unit, call, surface.prompt)
        return Site(unit, call, surface, symbol, _with_own(read, surface.adds, unit, call), ways=brought)
    if surface.decorates:
        return Site(unit, call, surface, symbol, _of_function(reader, unit, call))
    if not surface.cache_key or (reader.keyed_only and not has_way(reader, unit, surface)):
        return Site(unit, call, surface, symbol, None)
    uses = uses_of(reader, unit, call)
    read, brought = _of_uses(reader, surface, uses)
    return Site(unit, call, surface, symbol, read, uses, brought)


def _brought(
    reader: Reader, unit: Unit, call: ast.Call, slots: Mapping[str, Slot]
) -> tuple[Template | None, tuple[Entered, ...]]:
    """The prompt of a call, and the calls that bring it; of several prompts the one that shares least."""
    found = ways(reader, unit, call, lambda entered: template(reader, unit, call, slots, entered))
    brought = tuple(entered for entered, _ in found if entered is not None)
    if any(seen is None for _, seen in found):
        return None, brought
    seen = [one for _, one in found if one is not None]
    return (seen[0] if len(seen) == 1 else min(seen, key=lambda one: _size(reader, one))), brought


def has_way(reader: Reader, unit: Unit, surface: Surface) -> bool:
    """Say whether a key can get through: by a keyword that the installed library surely knows, or in another way."""
    way = surface.cache_key
    since = way.get("since")
    return "else" in way or since is None or reader.project.pins.grants(since, unit.source.path)


def _surfaces(project: Project, rules: Rulebook, unit: Unit, call: ast.Call) -> Iterator[tuple[Surface, External]]:
    for symbol in sorted(symbols(project, unit, call.func), key=repr_of):
        if isinstance(symbol, External):
            yield from ((surface, symbol) for surface in rules.surfaces_for(symbol.name) if _is_sending(surface))


def _is_sending(surface: Surface) -> bool:
    """Say whether the table tells of prompts and keys: a call on Azure keeps its name, and may get a key."""
    return surface.hold is None or (surface.hold == "azure" and bool(surface.cache_key))


def _chosen(found: tuple[tuple[Surface, External], ...]) -> tuple[Surface, External] | None:
    """The one surface that knows of prompts or keys; without such a one the first."""
    own = tuple(one for one in found if one[0].hold is None)  # a client that may be Azure's is read as OpenAI's
    knowing = tuple(one for one in own or found if one[0].prompt or one[0].cache_key)
    if len({surface.name for surface, _ in knowing}) > 1:
        return None
    return next(iter((*knowing, *found)), None)


def _ends(rules: Rulebook) -> Ends:
    """The last names of all callees that take a prompt, and where: a call of another name is not looked up.

    None for a callee whose object takes a key and meets its prompt elsewhere.
    """
    ends: dict[str, tuple[Slot, ...] | None] = {}
    for surface in rules.surfaces:
        for end in {call.rpartition(".")[2] for call in surface.calls}:
            known = ends.get(end, ())
            if surface.prompt and known is not None:
                ends[end] = (*known, *surface.prompt.values())
            elif surface.cache_key and not surface.prompt:
                ends[end] = None
    return ends


def _of_uses(reader: Reader, surface: Surface, uses: tuple[Met, ...]) -> tuple[Template | None, tuple[Entered, ...]]:
    """The prompt that decides for an object: the shortest that is seen, or the longest where one is enough."""
    seen = [(found, brought) for met in uses for found, brought in (of_use(reader, met),) if found is not None]
    choose = max if surface.cache_key.get("uses") == "any" else min
    return choose(seen, key=lambda one: _size(reader, one[0])) if seen else (None, ())


def _size(reader: Reader, found: Template) -> tuple[bool, int, int]:
    prefix = analyse(found, reader.caching, measure_for(found, reader.caching)).prefix
    return prefix.most is None, prefix.most or 0, prefix.least


def of_use(reader: Reader, met: Met) -> tuple[Template | None, tuple[Entered, ...]]:
    """Read the prompt that an object meets at one place, and the calls that bring it; None where it is not shown."""
    brought: tuple[Entered, ...] = ()
    if isinstance(met.node, ast.BinOp):
        left = Spot(met.unit, last_operand(met.node.left))
        found = _assembled(reader, dict.fromkeys(met.use.prompt, (left,)))
    else:
        found, brought = _brought(reader, met.unit, met.node, met.use.prompt)
    found = _with_own(found, met.use.adds, met.unit, met.node)
    return (replace(found, parts=(*_through(reader, met), *found.parts)) if found is not None else None), brought


def _of_function(reader: Reader, unit: Unit, call: ast.Call) -> Template | None:
    """Read what the function returns that this call alone decorates."""
    function = unit.parent(call)
    if not isinstance(function, FUNCTIONS) or isinstance(function, ast.Lambda) or hidden(reader, unit, call):
        return None
    if function.decorator_list != [call]:
        return None
    values = list(returns(function))
    reader.runs_once = False
    return _assembled(reader, {"input": (Spot(unit, values[0]),)}) if len(values) == 1 else None


def _through(reader: Reader, met: Met) -> Iterator[Part]:
    """What methods on the way add: ``llm.bind_tools(tools).invoke(...)``."""
    for made in met.made:
        kind = met.use.through.get(method_of(made))
        if kind is not None and made.call.args:
            yield part(reader, kind, Spot(made.unit, made.call.args[0]))


def _with_own(found: Template | None, adds: int, unit: Unit, node: ast.AST) -> Template | None:
    """Put the text that a library writes before the prompt in front of it; only its greatest length is known."""
    if not adds or (isinstance(node, ast.Call) and starred(node)):
        return found
    place = place_of(unit, node)
    own = Segment(place, Varies.DEPLOYMENT, None, "", "the library's own text", most=adds)
    first = Message("system", (own,), place)
    return Template((), (first,)) if found is None else replace(found, messages=(first, *found.messages))


def template(
    reader: Reader, unit: Unit, call: ast.Call, slots: Mapping[str, Slot], entered: Entered | None = None
) -> Template | None:
    """Read the prompt of a call in the order in which the model reads it, as the calls that brought it show it."""
    if entered is None:
        reader.left = MAX_STEPS
        reader.runs_once = not any(isinstance(above, FUNCTIONS) for above in unit.ancestors(call))
    if hidden(reader, unit, call, (entered,)):
        return None
    return _assembled(reader, {kind: tuple(_given(reader, unit, call, slot, entered)) for kind, slot in slots.items()})


def _assembled(reader: Reader, slots: Mapping[str, tuple[Spot, ...]]) -> Template | None:
    said = {kind: tuple(spot for spot in found if not _is_none(spot)) for kind, found in slots.items()}
    given = {kind: found for kind, found in said.items() if found}
    parts = [part(reader, kind, given[kind][0]) for kind in ("tools", "schema") if kind in given]
    found: list[Message] = [_system(reader, spot) for spot in given.get("system", ())]
    found += [filled(reader, _system(reader, spot)) for spot in given.get("filled", ())]
    found += [filled(reader, _system(reader, spot), BRACED) for spot in given.get("braced", ())]
    place: Place | None = None
    if "messages" in given:
        found += messages(reader, given["messages"][0])
        place = listed(given["messages"][0], reader)
    if "template" in given:
        found += template_messages(reader, given["template"][0])
    if "input" in given:
        found += _input(reader, given["input"][0])
    return Template(tuple(parts), tuple(found), place) if found else None


def _is_none(spot: Spot) -> bool:
    return isinstance(spot.node, ast.expr) and is_none(spot.node)


def hidden(reader: Reader, unit: Unit, call: ast.Call, brought: Sequence[Entered | None] = ()) -> bool:
    """Say whether the call takes arguments that the code does not show: ``**options`` from outside.

    ``brought`` are the ways by which the function around it is called; what each gives then is shown.
    """
    for keyword in call.keywords:
        if keyword.arg is None and not _is_open(reader, unit, keyword.value):
            if not brought or not all(_is_passed(unit, keyword.value, entered) for entered in brought):
                return True
    return any(isinstance(a, ast.Starred) for a in call.args)


# What a caller may not give unseen: it would be a second key, or hold one.
KEYS = frozenset({"prompt_cache_key", "extra_body"})


def _is_passed(unit: Unit, node: ast.expr, entered: Entered | None) -> bool:
    """``**options`` of the function around the call, which gives them to nobody else and changes nothing of them."""
    doubled = entered.function.node.args.kwarg if entered is not None else None
    if entered is None or doubled is None or not isinstance(node, ast.Name):
        return False
    found = unit.lookup(node.id, node)
    alone = len(found) == 1 and found[0].node is doubled and tuple(unit.uses(found[0])) == (node,)
    return alone and not KEYS & {name for name, _ in _passed(entered)}


def _passed(entered: Entered) -> Iterator[tuple[str, ast.expr]]:
    """What a call gives a function beside its parameters."""
    own = {argument.arg for argument in parameters_of(entered.function.node)}
    yield from ((k.arg, k.value) for k in entered.call.keywords if k.arg is not None and k.arg not in own)


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


def _given(reader: Reader, unit: Unit, call: ast.Call, slot: Slot, entered: Entered | None = None) -> Iterator[Spot]:
    """The arguments of one kind, in the order of the table's keywords."""
    all_given = [(g.name, Spot(g.unit, g.value, entered)) for g in arguments(reader.project, unit, call)]
    if entered is not None and any(k.arg is None for k in call.keywords):
        all_given += [(name, Spot(entered.unit, value, entered.outer)) for name, value in _passed(entered)]
    named = [one for keyword in slot.keywords for one in all_given if one[0] == keyword]
    if named:
        yield from (spot for _, spot in named) if len({name for name, _ in named}) == len(named) else ()
    elif slot.position is not None and slot.position < len(call.args):
        yield Spot(unit, call.args[slot.position], entered)


def _text_message(reader: Reader, role: str, spot: Spot) -> Message:
    return Message(role, text(reader, spot), place_of(spot.unit, spot.node))


def _system(reader: Reader, spot: Spot) -> Message:
    """Instructions: a text, a list of texts, a message object, or a function that gives a text."""
    unit, node = spot.unit, spot.node
    place = place_of(unit, node)
    if isinstance(node, (ast.List, ast.Tuple)):
        said = (text(reader, Spot(unit, element, spot.entered)) for element in node.elts)
        return Message("system", tuple(segment for one in said for segment in one), place)
    found = symbols(reader.project, unit, node)
    own = [symbol for symbol in found if isinstance(symbol, Function)]
    if own:
        return Message("system", _result(reader, own, spot), place)
    if any(isinstance(s, External) and s.name.endswith("Message()") for s in found):
        return replace(message(reader, spot, place), role="system")
    return _text_message(reader, "system", spot)


def _result(reader: Reader, functions: list[Function], spot: Spot) -> tuple[Segment, ...]:
    """What a function that is given instead of a text gives back."""
    function = functions[0]
    values = [function.node.body] if isinstance(function.node, ast.Lambda) else list(returns(function.node))
    if len(functions) == 1 and len(values) == 1:
        return text(reader, Spot(function.unit, values[0]))
    return (replace(varying(reader, spot), varies=Varies.REQUEST),)


def _adds_lists(node: ast.expr) -> bool:
    """``[system] + rest``, unlike ``"text" + rest``."""
    if isinstance(node, ast.BinOp):
        return _adds_lists(node.left) or _adds_lists(node.right)
    return isinstance(node, (ast.List, ast.ListComp))


def _input(reader: Reader, spot: Spot) -> Messages:
    """A text, a list of messages, or a prompt with placeholders that is filled here."""
    node = spot.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILLED:
        return template_messages(reader, Spot(spot.unit, node.func.value, spot.entered))
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) and not _adds_lists(node):
        return (_text_message(reader, "user", spot),)
    found = messages(reader, spot)
    if len(found) == 1 and found[0].is_splice:
        segments = text(reader, spot)
        if any(s.text is not None for s in segments):
            return (Message("user", segments, place_of(spot.unit, spot.node)),)
    return found
