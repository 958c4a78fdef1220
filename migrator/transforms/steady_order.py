"""Answer one question: which bytes give a part of a prompt the same order in every process?

What it does: iterates ``sorted(TAGS)`` where a set of texts is written into the beginning of a prompt, and adds
``sort_keys=True`` to ``json.dumps`` of a dictionary whose keys come from a set.
Why: each process orders a set of texts in another way, so what one process cached no other one finds.
Before and after: ``", ".join(TAGS)`` becomes ``", ".join(sorted(TAGS))``.
What it leaves alone: a set that is written as it is (``f"{TAGS}"``), what is not provably a set of texts,
``sort_keys=False``, files in which ``sorted`` may be another function, and prompts for which it does not pay.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from migrator import insertions
from migrator.flow.request import Spot, bindings_of
from migrator.flow.symbols import External, Function, last_name, symbols
from migrator.flow.unit import Unit
from migrator.model import Edit, Span
from migrator.nouns import Caching
from migrator.prompts.analysis import analyse
from migrator.prompts.sets import WALKS, holds_texts, is_builtin, is_only_read, is_set, value_of
from migrator.prompts.sites import Site
from migrator.prompts.spots import joined, spot_of, where
from migrator.prompts.template import Segment, Template, Varies
from migrator.prompts.texts import result_of
from migrator.prompts.varying import PURE, SET_ORDER, Reader, dumped, how_often

NAME = "order_prompt"
MAX_DEPTH = 12

Edits = tuple[Edit, ...]
Loops = frozenset[ast.AST]


@dataclass(frozen=True, slots=True)
class Steady:
    """The edits, and the prompt that they make."""

    edits: Edits
    after: Template


def steady(reader: Reader, site: Site, template: Template) -> Steady | None:
    """Put the sets in the beginning of a prompt into order, where another process then finds more of it cached."""
    found = tuple(_found(reader, site, template))
    if not found:
        return None
    sizes = [_shared(template, [s for s, _ in found[:n]], reader.caching) for n in range(len(found) + 1)]
    most = reader.caching.hit(sizes[-1])
    if not most or sizes[-1] - sizes[0] < reader.caching.step:
        return None
    # As few as give the same hit: what stands last in the beginning gains nothing.
    kept = found[: next(n for n, size in enumerate(sizes) if reader.caching.hit(size) == most)]
    if not kept:
        return None
    edits = tuple(dict.fromkeys(edit for _, made in kept for edit in made))
    return Steady(edits, _with(template, {s: Varies.NEVER for s, _ in kept}))


def _found(reader: Reader, site: Site, template: Template) -> Iterator[tuple[Segment, Edits]]:
    """The parts of the beginning that can be put into order, up to the first that differs between processes."""
    for segment in template.segments:
        if segment.varies < Varies.PROCESS or segment.varies == Varies.DAY:
            continue
        spot = spot_of(reader, site.unit, segment.place) if segment.why == SET_ORDER else None
        made = _steady(reader, spot, frozenset(), 0) if spot is not None else None
        if not made:
            return
        yield segment, made


def _shared(template: Template, ordered: Iterable[Segment], caching: Caching) -> int:
    """The tokens that all processes share from the beginning on, once these parts are in order."""
    known = dict.fromkeys(ordered, Varies.NEVER)
    apart = {s: Varies.REQUEST for s in template.segments if s.varies == Varies.PROCESS}
    return analyse(_with(template, apart | known), caching).prefix.least


def _with(template: Template, varies: dict[Segment, Varies]) -> Template:
    def changed(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        return tuple(replace(s, varies=varies[s], why="") if s in varies else s for s in segments)

    return replace(
        template,
        parts=tuple(replace(one, segments=changed(one.segments)) for one in template.parts),
        messages=tuple(replace(one, segments=changed(one.segments)) for one in template.messages),
    )


def _steady(reader: Reader, spot: Spot, loops: Loops, depth: int) -> Edits | None:
    """The edits after which an expression gives the same in every process; None where there are no exact ones."""
    unit, node, entered = spot.unit, spot.node, spot.entered
    rate = how_often(reader, spot)
    if rate.varies < Varies.PROCESS:
        return ()
    if rate.varies > Varies.PROCESS or rate.why != SET_ORDER or depth > MAX_DEPTH:
        return None
    match node:
        case ast.Name() if _is_looped(unit, node, loops):
            return ()
        case ast.Name() | ast.Attribute():
            value = value_of(reader, spot)
            return _steady(reader, value, loops, depth + 1) if value is not None else None
        case ast.Call():
            return _call(reader, spot, node, loops, depth)
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(reader, spot, node, loops, depth)
        case ast.Starred():
            return _walked(reader, Spot(unit, node.value, entered), loops, depth)
        case ast.FormattedValue() | ast.JoinedStr() | ast.BinOp() | ast.List() | ast.Tuple() | ast.Dict():
            return _all(reader, spot, ast.iter_child_nodes(node), loops, depth)
        case ast.Subscript():
            return _all(reader, spot, (node.value, node.slice), loops, depth)
    return None


def _all(reader: Reader, spot: Spot, nodes: Iterable[ast.AST], loops: Loops, depth: int) -> Edits | None:
    parts = [
        _steady(reader, Spot(spot.unit, node, spot.entered), loops, depth + 1)
        for node in nodes
        if isinstance(node, ast.expr)
    ]
    return _together(parts)


def _together(parts: Iterable[Edits | None]) -> Edits | None:
    made: Edits = ()
    for part in parts:
        if part is None:
            return None
        made += part
    return made


def _is_looped(unit: Unit, node: ast.Name, loops: Loops) -> bool:
    """Say whether a name goes through what is put into order."""
    found = unit.lookup(node.id, node)
    return bool(found) and all(b.kind == "item" and b.value in loops for b in found)


def _call(reader: Reader, spot: Spot, call: ast.Call, loops: Loops, depth: int) -> Edits | None:
    unit, name = spot.unit, last_name(call.func)
    callees = symbols(reader.project, unit, call.func)
    if any(isinstance(s, Function) for s in callees):
        own = [s for s in callees if isinstance(s, Function)]
        inner = result_of(spot, call, own[0]) if len(callees) == 1 else None
        return _steady(reader, inner, loops, depth + 1) if inner is not None else None
    if {s.name for s in callees if isinstance(s, External)} == {"json.dumps"}:
        return _dumps(reader, spot, call, loops, depth)
    if name == "join" and isinstance(call.func, ast.Attribute) and len(call.args) == 1:
        base = _all(reader, spot, (call.func.value,), loops, depth)
        items = Spot(unit, call.args[0], spot.entered)
        return _together((base, _walked(reader, items, loops, depth, is_joined=True)))
    if name in WALKS and isinstance(call.func, ast.Name) and is_builtin(reader, unit, name):
        return _together(_walked(reader, Spot(unit, a, spot.entered), loops, depth) for a in call.args)
    if name not in PURE:
        return None
    base_of = (call.func.value,) if isinstance(call.func, ast.Attribute) else ()
    return _all(reader, spot, (*base_of, *call.args, *(k.value for k in call.keywords)), loops, depth)


def _comprehension(
    reader: Reader, spot: Spot, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, loops: Loops, depth: int
) -> Edits | None:
    """``f"- {tag}" for tag in TAGS``: what it goes through is put into order."""
    made: list[Edits | None] = []
    for part in node.generators:
        made.append(_walked(reader, Spot(spot.unit, part.iter, spot.entered), loops, depth))
        loops |= {part.iter}
        made.append(_all(reader, spot, part.ifs, loops, depth))
    given = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    return _together((*made, _all(reader, spot, given, loops, depth)))


def _walked(reader: Reader, spot: Spot, loops: Loops, depth: int, *, is_joined: bool = False) -> Edits | None:
    """Put into order what is gone through. What is joined surely holds texts, which can be sorted."""
    if how_often(reader, spot).varies < Varies.PROCESS:
        return ()
    if is_set(reader, spot):
        is_sortable = is_joined or holds_texts(reader, spot)
        return _wrapped(spot) if is_sortable and is_builtin(reader, spot.unit, "sorted") else None
    if isinstance(spot.node, ast.Name) and any(
        binding.kind == "parameter" for binding in bindings_of(reader.project, spot.unit, spot.node)
    ):
        return None
    return _steady(reader, spot, loops, depth + 1)


def _dumps(reader: Reader, spot: Spot, call: ast.Call, loops: Loops, depth: int) -> Edits | None:
    """``json.dumps({name: 1 for name in NAMES})``: keys in order where nothing else has keys, else in the loop."""
    given = {keyword.arg for keyword in call.keywords}
    if not call.args or given & {None, "sort_keys"}:
        return None
    table = dumped(reader, spot.unit, call) if _is_imported(spot.unit, call) else None
    if table is None or "cls" in given or not _has_plain_rows(reader, table):
        return _all(reader, spot, call.args, loops, depth)
    place = where(spot.unit, call)
    if place is None:
        return None
    if place == spot.unit.span(call) and joined(spot.unit, call) is None:
        return insertions.argument(spot.unit, call, "sort_keys=True", NAME)
    data = spot.unit.lines.encoded[place.start : place.end - 1].rstrip()
    if data.endswith(b","):
        return None
    at = Span(place.end - 1, place.end - 1)
    return (Edit(spot.unit.source.shown, at, ", sort_keys=True", NAME),)


def _is_imported(unit: Unit, call: ast.Call) -> bool:
    """Say whether the call names ``json`` as its own module imports it."""
    name = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    found = unit.lookup(name.id, name) if isinstance(name, ast.Name) else ()
    return bool(found) and all(binding.kind == "import" and binding.module == "json" for binding in found)


def _has_plain_rows(reader: Reader, table: Spot) -> bool:
    """Say whether the keys are the texts of a set, and no value has keys of its own that would be sorted too."""
    node = table.node
    assert isinstance(node, ast.DictComp)
    (part,) = node.generators[:1]
    if len(node.generators) != 1 or part.ifs or not isinstance(part.target, ast.Name):
        return False
    if isinstance(table.unit.parent(node), (ast.Assign, ast.AnnAssign)) and not is_only_read(reader, table):
        return False
    names = Spot(table.unit, part.iter)
    is_key = isinstance(node.key, ast.Name) and node.key.id == part.target.id
    held = node.value
    is_plain = isinstance(held, (ast.Constant, ast.JoinedStr)) or (
        isinstance(held, ast.Name) and held.id == part.target.id
    )
    is_called = any(isinstance(inner, ast.Call) for inner in ast.walk(held))
    return is_key and is_plain and not is_called and is_set(reader, names) and holds_texts(reader, names)


def _wrapped(spot: Spot) -> Edits | None:
    """``TAGS`` → ``sorted(TAGS)``."""
    span = where(spot.unit, spot.node)
    if span is None:
        return None
    text = spot.unit.lines.slice(span)
    return (Edit(spot.unit.source.shown, span, f"sorted({text})", NAME),)
