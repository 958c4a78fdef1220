"""Answer one question: what else should a person know about this call when its model changes?

The migration's table says which signs go with which note; here they are looked for in the request
and in the lines around it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from migrator.flow.constants import constants, given, values_of
from migrator.flow.project import Project
from migrator.flow.request import Given, Place, Spot, arguments, around, brings_content, request
from migrator.flow.symbols import External, last_name, symbols
from migrator.flow.unit import Unit
from migrator.model import Hazard
from migrator.nouns import CallNote, Migration

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
TRANSPARENT = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Compare)


Table = dict[str, ast.expr]


@dataclass(frozen=True, slots=True)
class Scene:
    """One call and what can be seen of it.

    ``given`` are the request's named arguments, ``texts`` its strings, ``tables`` its dictionaries and
    calls by their entries, ``beside`` the nodes of the lines around it, ``caps`` the notes on what a
    request may write.
    """

    project: Project
    unit: Unit
    given: tuple[Given, ...]
    texts: tuple[tuple[Spot, str], ...]
    tables: tuple[tuple[Spot, Table], ...]
    beside: tuple[ast.AST, ...]
    caps: tuple[CallNote, ...]


def call_notes(project: Project, unit: Unit, place: Place, migration: Migration, old: str) -> tuple[Hazard, ...]:
    """The notes of a call, or of a dictionary that is sent, that runs ``old``; each name once."""
    wanted = tuple(note for note in migration.call_notes if old in note.names)
    if not wanted:
        return ()
    key = ("call_notes", place, old)
    if key not in project.memory:
        project.memory[key] = tuple(_seen(_scene(project, unit, place, migration), wanted))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _scene(project: Project, unit: Unit, place: Place, migration: Migration) -> Scene:
    """Look at a call once; a client's constructor has its request in the lines around it."""
    spots = request(project, unit, place)
    beside = tuple(node for top in around(unit, place) for node in ast.walk(top))
    holding = spots if brings_content(place) else (*spots, *(Spot(unit, node) for node in beside))
    return Scene(
        project=project,
        unit=unit,
        given=tuple(arguments(project, unit, place)),
        texts=tuple(_texts(spots)),
        tables=tuple((spot, table) for spot in holding if (table := _table(spot.node))),
        beside=beside,
        caps=tuple(note for note in migration.call_notes if note.numbers and note.keywords),
    )


def _texts(spots: Iterable[Spot]) -> Iterator[tuple[Spot, str]]:
    """The strings of a request; a piece of an f-string stands for the whole."""
    for spot in spots:
        node = spot.node
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            above = spot.unit.parent(node)
            yield Spot(spot.unit, above if isinstance(above, ast.JoinedStr) else node), node.value


def _table(node: ast.AST) -> Table:
    if isinstance(node, ast.Dict):
        return {str(k.value): v for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)}
    return {k.arg: k.value for k in node.keywords if k.arg} if isinstance(node, ast.Call) else {}


def _seen(scene: Scene, wanted: tuple[CallNote, ...]) -> Iterator[Hazard]:
    said: set[str] = set()
    for note in wanted:
        spot = _sign(scene, note) if note.name not in said else None
        if spot is not None:
            said.add(note.name)
            unit, node = spot.unit, spot.node
            yield Hazard(note.name, note.text, unit.source.shown, unit.position(node), unit.span(node))


def _sign(scene: Scene, note: CallNote) -> Spot | None:
    """Where the note's first sign stands; None unless all its signs are there."""
    if note.needs is not None and scene.project.pins.refuses(note.needs, scene.unit.source.path) is None:
        return None
    first: Spot | None = None
    for is_asked, find in SIGNS:
        spot = find(scene, note) if is_asked(note) else first
        if spot is None and is_asked(note):
            return None
        first = first or spot
    return first


def _argument(scene: Scene, note: CallNote) -> Spot | None:
    for one in scene.given:
        if one.name in note.keywords and _is_wanted(scene, one, note):
            return Spot(one.unit, one.value)
    return None


def _is_wanted(scene: Scene, given: Given, note: CallNote) -> bool:
    values = _values(scene, given.unit, given.value)
    if note.contains:
        held = (n.value for n in ast.walk(given.value) if isinstance(n, ast.Constant))
        return any(str(value) in note.contains for value in (*values, *held))
    if note.numbers:
        return any(_is_number(value, note) for value in values)
    return values not in ((None,), (False,))


def _is_number(value: object, note: CallNote) -> bool:
    return type(value) is int and value in note.numbers


def _entries(scene: Scene, note: CallNote) -> Spot | None:
    for spot, table in scene.tables:
        if all(_has(scene, spot.unit, table.get(key), values) for key, values in note.entries.items()):
            return spot
    return None


def _has(scene: Scene, unit: Unit, value: ast.expr | None, wanted: tuple[str, ...]) -> bool:
    if value is None or not wanted:
        return value is not None
    return any(one in wanted for one in _values(scene, unit, value))


def _values(scene: Scene, unit: Unit, node: ast.AST) -> tuple[object, ...]:
    """The constants that a node can be; of a parameter only its default, for its callers stand elsewhere."""
    if isinstance(node, ast.Name):
        parameters = [b for b in unit.lookup(node.id, node) if b.kind == "parameter"]
        if parameters:
            defaults = [b.value for b in parameters if b.value is not None]
            return tuple(value for default in defaults for value in constants(scene.project, unit, default).values)
    return constants(scene.project, unit, node).values


def _number(scene: Scene, note: CallNote) -> Spot | None:
    for node in scene.beside:
        for value in _numbers(scene, node, note):
            names = tuple(name.lower() for name in (*_named(node), *_bearers(scene.unit, node)))
            if any(word in name for name in names for word in note.named) and not _is_cap(scene, value, names):
                return Spot(scene.unit, node)
    return None


def _numbers(scene: Scene, node: ast.AST, note: CallNote) -> Iterator[object]:
    """The wanted number that a node is, or that a name which speaks of a limit was given."""
    if isinstance(node, ast.Constant) and _is_number(node.value, note):
        yield node.value
    elif any(word in name.lower() for name in _named(node) for word in note.named):
        for value in _written(scene, node):
            if isinstance(value, ast.Constant) and _is_number(value.value, note):
                yield value.value


def _written(scene: Scene, node: ast.AST) -> Iterator[ast.AST | None]:
    """What a name, or a constant of a module or class, was given where it is bound; one step, not more."""
    project, unit = scene.project, scene.unit
    if isinstance(node, ast.Name):
        for binding in unit.lookup(node.id, node):
            if binding.kind in ("value", "import"):
                yield from (value for _, value in given(project, binding))
    elif isinstance(node, ast.Attribute) and node.attr.isupper():
        yield from (value for _, value in values_of(project, unit, node))


def _named(node: ast.AST) -> tuple[str, ...]:
    """The name that is read here."""
    is_read = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
    return (last_name(node),) if is_read else ()


def _is_cap(scene: Scene, value: object, names: tuple[str, ...]) -> bool:
    """Say whether the number is what a request may write, which another note is about."""
    return any(_is_number(value, note) and set(names).intersection(note.keywords) for note in scene.caps)


def _bearers(unit: Unit, node: ast.AST) -> Iterator[str]:
    """The names that say what a number is: its keyword, key, target, parameter, or what it is compared with."""
    child, above = node, unit.parent(node)
    while isinstance(above, TRANSPARENT) or (isinstance(above, ast.Call) and last_name(above.func) in ("min", "max")):
        child, above = above, unit.parent(above)
    yield from identifiers(child)
    match above:
        case ast.keyword() | ast.Dict():
            yield from (name for name in _labels(above, child) if not _is_usage(name))
        case ast.arguments():
            yield from (binding.name for binding in unit.bound.values() if binding.value is child)
        case ast.Slice():
            yield "truncated"
        case ast.Call() if child is not above.func:
            yield last_name(above.func)
        case ast.Assign():
            yield from (name for target in above.targets for name in identifiers(target))
        case ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            yield from identifiers(above.target)
        case _:
            return


def _labels(holder: ast.keyword | ast.Dict, value: ast.AST) -> Iterator[str]:
    if isinstance(holder, ast.keyword):
        yield holder.arg or ""
    else:
        yield from (name for name, entry in _table(holder).items() if entry is value)


def _is_usage(name: str) -> bool:
    """Say whether a label belongs to an answer's account of what was spent: ``completion_tokens=16384``."""
    return name.endswith("_tokens") and not name.startswith("max")


def identifiers(node: ast.AST) -> Iterator[str]:
    """The names and attributes in an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Name, ast.Attribute)):
            yield last_name(inner)


def _comparison(scene: Scene, note: CallNote) -> Spot | None:
    from_them = _derived(scene, note.compared)
    for node in scene.beside:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ORDERED) and _speaks(node, note, from_them):
            return Spot(scene.unit, node)
    return None


def _derived(scene: Scene, words: tuple[str, ...]) -> frozenset[str]:
    """The names that, near the call, are computed from something that bears one of the words."""
    found: set[str] = set()
    for node in scene.beside:
        value = getattr(node, "value", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and isinstance(value, ast.expr):
            used = set(identifiers(value))
            if used & found or any(word in name.lower() for name in used for word in words):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)


def _speaks(node: ast.Compare, note: CallNote, from_them: frozenset[str]) -> bool:
    names = set(identifiers(node))
    return bool(names & from_them) or any(word in name.lower() for name in names for word in note.compared)


def _call(scene: Scene, note: CallNote) -> Spot | None:
    ends = {call.rpartition(".")[2] for call in note.calls}
    for node in scene.beside:
        if isinstance(node, ast.Call) and last_name(node.func) in ends:
            found = symbols(scene.project, scene.unit, node.func)
            if any(isinstance(s, External) and s.name in note.calls for s in found):
                return Spot(scene.unit, node)
    return None


def _phrases(scene: Scene, note: CallNote) -> Spot | None:
    found = [spot for spot, text in scene.texts for _ in _pattern(note.phrases).findall(text)]
    return found[0] if len(found) >= note.times else None


def _conflict(scene: Scene, note: CallNote) -> Spot | None:
    for one, other in note.conflicts:
        sides = [[s for s, text in scene.texts if _pattern(side).search(text)] for side in (one, other)]
        if all(sides):
            return sides[0][0]
    return None


@cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words, any white space between them; what is not in capitals matches in any case."""
    words = (r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    ways = (way if phrase.isupper() else f"(?i:{way})" for phrase, way in zip(phrases, words, strict=True))
    return re.compile(rf"\b(?:{'|'.join(ways)})\b")


Find = Callable[[Scene, CallNote], Spot | None]
SIGNS: tuple[tuple[Callable[[CallNote], bool], Find], ...] = (
    (lambda note: bool(note.keywords), _argument),
    (lambda note: bool(note.entries), _entries),
    (lambda note: bool(note.numbers) and not note.keywords, _number),
    (lambda note: bool(note.compared), _comparison),
    (lambda note: bool(note.calls), _call),
    (lambda note: bool(note.phrases), _phrases),
    (lambda note: bool(note.conflicts), _conflict),
)
