"""Answer one question: which bytes put the static parts of a prompt before those that vary?

What it does: moves static messages before varying ones, and within the first message that varies the static
blocks of its text before the varying ones.
Why: only the beginning that all requests share is cached; a date or a question on top of long instructions
leaves nothing to share.
Before and after: ``f"Today is {day}. You answer ..."`` becomes ``f"You answer ... Today is {day}."``.
What it leaves alone: every character of the text, the order of turns, text that points at its neighbours
("the following"), the order in which expressions with effects run, and prompts for which it does not pay.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.edits import splice
from migrator.flow.symbols import last_name
from migrator.flow.unit import Unit
from migrator.model import Edit, Span
from migrator.nouns import Caching
from migrator.prompts.analysis import analyse, measure_for
from migrator.prompts.atoms import Atom, Token, Written, with_placeholders, written
from migrator.prompts.layout import Layout, Shift, Stays, holed, propose
from migrator.prompts.placeholders import is_placeholder
from migrator.prompts.sites import Site
from migrator.prompts.template import Message, Place, Template
from migrator.prompts.varying import PURE, READERS, Reader

NAME = "order_prompt"
CONTENT = ("content", "text")


@dataclass(frozen=True, slots=True)
class Order:
    """The edits, the prompt that they make, and what they do to its parts."""

    edits: tuple[Edit, ...]
    after: Template
    layout: Layout


def order(reader: Reader, site: Site, inside: Sequence[Edit] = ()) -> Order | Stays:
    """The edits that put the static parts first where that pays, or why there are none.

    ``inside`` are other edits of the prompt: what is moved takes them along.
    """
    if site.template is None:
        return Stays("hidden_prompt")
    layout = propose(site.template)
    if isinstance(layout, Stays):
        return layout
    if not _pays(site.template, layout.after, reader.caching):
        return Stays("short_prefix", "also with everything static first")
    if len(site.ways) > 1:
        return Stays("callers", f"{len(site.ways)} calls")
    shifts: list[Edit] = []
    for shift in layout.shifts:
        made = _shifted(reader, site, site.template.messages[shift.message], shift, inside)
        if isinstance(made, Stays):
            return made
        shifts += made
    shifts += [edit for edit in inside if not any(_holds(moved, edit) for moved in shifts)]
    if not layout.moves_messages:
        return Order(tuple(shifts), layout.after, layout)
    moved = _moved(site, layout, shifts)
    return moved if isinstance(moved, Stays) else Order(moved, layout.after, layout)


def _pays(before: Template, after: Template, caching: Caching) -> bool:
    """Say whether the new order reaches the minimum, and at least one step more than the old one."""
    measure = measure_for(after, caching)
    one, two = analyse(before, caching, measure), analyse(after, caching, measure)
    gain = two.prefix.least - one.prefix.least
    return two.pays and gain >= caching.step


def _holds(moved: Edit, edit: Edit) -> bool:
    """Say whether the bytes of an edit are inside those that another one replaces."""
    return moved.shown == edit.shown and _covers(moved.span, edit.span)


def _shifted(reader: Reader, site: Site, message: Message, shift: Shift, inside: Sequence[Edit]) -> list[Edit] | Stays:
    """Move the blocks of one message's text in the code that writes it."""
    found = _content(reader, site, message)
    read = with_placeholders if any(is_placeholder(segment) for segment in message.segments) else written
    text = read(reader, *found) if found is not None else None
    if text is None or text.text != holed(message.segments):
        return Stays("pieces", "its text is not written in one place")
    if not _keeps_effects(text, shift):
        return Stays("effects", "")
    places = [_place(text, block.start, block.end) for block in shift.blocks]
    if any(place is None for place in places):
        return Stays("pieces", "a block begins or ends inside of a value")
    return _swapped(text.unit, [place for place in places if place is not None], shift, inside)


@dataclass(frozen=True, slots=True)
class _Range:
    """The bytes of one block, and the string that holds them."""

    start: int
    end: int
    token: Token


def _place(text: Written, start: int, end: int) -> _Range | None:
    first, last = text.place(start, is_end=False), text.place(end, is_end=True)
    if first is None or last is None or first[1] != last[1]:
        return None
    return _Range(first[0], last[0], first[1])


def _swapped(unit: Unit, places: Sequence[_Range], shift: Shift, inside: Sequence[Edit]) -> list[Edit] | Stays:
    """Put the bytes of each block into the place of another one."""
    data = unit.lines.encoded
    edits: list[Edit] = []
    alone = len({place.token for place in places}) == len(places)
    for place, index in zip(places, shift.order, strict=True):
        source = places[index]
        if source is place:
            continue
        new = _with(data, Span(source.start, source.end), [e for e in inside if e.shown == unit.source.shown])
        if source.token != place.token:
            prefix = _prefix(place.token, source.token, new, alone)
            if prefix is None:
                return Stays("pieces", "its strings are written in different ways")
            edits += prefix_edit(unit, place.token, prefix)
        edits.append(Edit(unit.source.shown, Span(place.start, place.end), new, NAME))
    return edits


def _prefix(target: Token, source: Token, new: str, alone: bool) -> str | None:
    """The prefix that a string needs to hold the other's text; None where it cannot hold it."""
    raw = "r" in target.prefix.lower(), "r" in source.prefix.lower()
    if raw[0] != raw[1] or not target.quote or not source.quote:
        return None
    if target.quote != source.quote and (target.quote[0] in new or ("\n" in new and len(target.quote) == 1)):
        return None
    if target.prefix.lower() == source.prefix.lower():
        return target.prefix
    return source.prefix if alone else None


def prefix_edit(unit: Unit, token: Token, prefix: str) -> Iterator[Edit]:
    """Give a string another prefix, where it has not that one."""
    if token.prefix != prefix:
        span = Span(token.start, token.start + len(token.prefix))
        yield Edit(unit.source.shown, span, prefix, NAME)


def _keeps_effects(text: Written, shift: Shift) -> bool:
    """Say whether no two values that may have effects change places."""
    busy: list[bool] = []
    at = 0
    spans: list[tuple[int, int, Atom]] = []
    for atom in text.atoms:
        spans.append((at, at + len(atom.text), atom))
        at += len(atom.text)
    data = text.unit.lines.encoded
    for block in shift.blocks:
        inside = [a for first, last, a in spans if first < block.end and block.start < last and not a.offsets]
        busy.append(any(_acts(data[a.start : a.end].decode()) for a in inside))
    return sum(busy) < 2 or [i for i in shift.order if busy[i]] == sorted(i for i in shift.order if busy[i])


def _acts(code: str) -> bool:
    """Say whether an expression may do more than give a value: it calls something that is not known to be pure."""
    inner = code.strip().removeprefix("{").removesuffix("}")
    try:
        tree = ast.parse(f"f'''{{{inner}}}'''" if code.strip().startswith("{") else f"({inner}\n)")
    except SyntaxError:
        return True
    return acts(tree)


def acts(tree: ast.AST) -> bool:
    """Say whether code may have effects, or gives another value when it runs later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last_name(node.func) not in PURE | READERS | CLOCKS:
            return True
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            return True
    return False


# Calls without an effect on what other expressions give.
CLOCKS = frozenset({"now", "utcnow", "today", "time", "uuid4", "uuid1", "getenv", "gethostname", "getpid"})


def _content(reader: Reader, site: Site, message: Message) -> tuple[Unit, ast.expr] | None:
    """The expression that gives a message's text."""
    unit = _unit(reader, site, message.place)
    node = _at(unit, message.place) if unit is not None else None
    if unit is None or node is None:
        return None
    if isinstance(node, ast.Name):
        found = unit.lookup(node.id, node)
        if len(found) == 1 and isinstance(found[0].value, (ast.Dict, ast.Call)) and found[0].unit is unit:
            node = found[0].value
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "content":
                return unit, value
        return None
    if isinstance(node, ast.Call) and last_name(node.func)[:1].isupper():
        named = [k.value for k in node.keywords if k.arg in CONTENT]
        return (unit, (named or node.args)[0]) if named or node.args else None
    return unit, node


def _unit(reader: Reader, site: Site, place: Place) -> Unit | None:
    if site.unit.source.shown == place.shown:
        return site.unit
    path = next((p for p, shown in reader.project.files.items() if shown == place.shown), None)
    return reader.project.unit(path) if path is not None else None


def _at(unit: Unit, place: Place) -> ast.expr | None:
    """The outermost expression that covers exactly these bytes."""
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.expr) and hasattr(node, "lineno") and unit.span(node) == place.span:
            return node
    return None


def _moved(site: Site, layout: Layout, shifts: Sequence[Edit]) -> tuple[Edit, ...] | Stays:
    """Put the messages of a list display into their new order, each with its own new text."""
    template, unit = site.template, site.unit
    if template is None or template.listed is None or template.listed.shown != unit.source.shown:
        return Stays("pieces", "its messages are not written in one list")
    node = _at(unit, template.listed)
    inner = [message.place for message in template.messages]
    if not isinstance(node, ast.List) or [unit.span(e) for e in node.elts] != [p.span for p in inner]:
        return Stays("pieces", "its messages are not written in one list")
    data = unit.lines.encoded
    spans = [unit.span(e) for e in node.elts]
    if b"#" in _between(data, spans, template.listed.span):
        return Stays("pieces", "a comment stands between the messages")
    busy = [acts(e) for e in node.elts]
    kept = [i for i in layout.order if busy[i]]
    if kept != sorted(kept):
        return Stays("effects", "")
    own = [edit for edit in shifts if edit.shown == unit.source.shown]
    texts = [_with(data, span, own) for span in spans]
    outside = [e for e in shifts if e.shown != unit.source.shown or not any(_covers(span, e.span) for span in spans)]
    moves = [
        Edit(unit.source.shown, span, texts[index], NAME)
        for place, (span, index) in enumerate(zip(spans, layout.order, strict=True))
        if place != index or texts[index] != data[span.start : span.end].decode()
    ]
    return (*outside, *moves)


def _covers(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _between(data: bytes, spans: Sequence[Span], around: Span) -> bytes:
    """What stands in a list beside its elements."""
    edges = [around.start, *(e for span in spans for e in (span.start, span.end)), around.end]
    return b"".join(data[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2))


def _with(data: bytes, span: Span, edits: Sequence[Edit]) -> str:
    """The text of an element after the edits inside it."""
    inside = sorted(e for e in edits if span.start <= e.span.start and e.span.end <= span.end)
    moved = ((Span(e.span.start - span.start, e.span.end - span.start), e.text.encode()) for e in inside)
    return splice(data[span.start : span.end], moved).decode()
