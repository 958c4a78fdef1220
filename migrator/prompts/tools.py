"""Answer one question: what do a request's tools and its schema say, and how long can they be?

They stand before the messages, so they are the first part of a cached prefix. How the service writes
them down is not published: the names and descriptions surely are in it, and its length is
bounded by that of the JSON. A schema made from a class is bounded by the class's own code.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

from migrator.flow.classes import classes_of
from migrator.flow.constants import values_of
from migrator.flow.request import Spot
from migrator.flow.symbols import Class, External, Function, symbols
from migrator.flow.unit import Unit
from migrator.prompts.template import Part, Segment
from migrator.prompts.texts import place_of
from migrator.prompts.varying import Reader, how_often
from migrator.tokens import count

MAX_DEPTH = 8
# What a schema adds to the code that it is made from: a title, a type, a place among the required ones, braces.
FIELD_TOKENS = 48
CLASS_TOKENS = 32
UNKNOWN = object()
# Names of types that add no more than a word to a schema.
PLAIN = frozenset(
    {
        *("str", "int", "float", "bool", "bytes", "dict", "list", "tuple", "set", "None"),
        *("typing.List", "typing.Iterable", "typing.Union", "typing.Optional", "typing.Sequence", "typing.Dict"),
        *("typing.Any", "typing.Type", "collections.abc.Iterable", "collections.abc.Sequence", "type"),
    }
)
SAID = frozenset({"name", "description", "title"})


def part(reader: Reader, kind: str, spot: Spot) -> Part:
    """Read the tools or the schema of a request."""
    place = place_of(spot.unit, spot.node)
    rate = how_often(reader, spot)
    data = value(reader, spot)
    if data is not UNKNOWN:
        said = "\n".join(_said(data))
        most = count(json.dumps(data, ensure_ascii=False, default=str))
        segment = Segment(place, rate.varies, said, ast.unparse(spot.node), rate.why, whole=False, most=most)
    else:
        segment = Segment(place, rate.varies, None, ast.unparse(spot.node), rate.why, most=_bound(reader, spot))
    return Part(kind, (segment,), place)


def value(reader: Reader, spot: Spot, depth: int = 0) -> object:
    """The plain data that an expression gives, or ``UNKNOWN``."""
    unit, node, entered = spot.unit, spot.node, spot.entered
    if depth > MAX_DEPTH:
        return UNKNOWN
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple():
            found = [value(reader, Spot(unit, e, entered), depth + 1) for e in node.elts]
            return UNKNOWN if UNKNOWN in found else found
        case ast.Dict():
            keys = [value(reader, Spot(unit, k, entered), depth + 1) if k is not None else UNKNOWN for k in node.keys]
            values = [value(reader, Spot(unit, v, entered), depth + 1) for v in node.values]
            whole = UNKNOWN not in values and all(isinstance(k, str) for k in keys)
            return dict(zip(keys, values, strict=True)) if whole else UNKNOWN
        case ast.Name() | ast.Attribute():
            held = list(values_of(reader.project, unit, node))
            if len(held) == 1 and held[0][1] is not None:
                return value(reader, Spot(held[0][0], held[0][1]), depth + 1)
            return UNKNOWN
        case _:
            return UNKNOWN


def _said(data: object) -> Iterator[str]:
    """The texts that surely stand in the prompt: names of tools and of properties, descriptions."""
    if isinstance(data, dict):
        for key, entry in data.items():
            if key in SAID and isinstance(entry, str):
                yield entry
            elif key == "properties" and isinstance(entry, dict):
                yield from entry
            yield from _said(entry)
    elif isinstance(data, list):
        for entry in data:
            yield from _said(entry)


def _bound(reader: Reader, spot: Spot) -> int | None:
    """At most so many tokens, where every class or function that is named is the repository's own."""
    total = 0
    named = list(_named(reader, spot))
    for unit, node in named:
        found = symbols(reader.project, unit, node)
        if found and all(isinstance(s, External) and s.name in PLAIN for s in found):
            continue
        own = [s for s in found if isinstance(s, (Class, Function))]
        if len(own) != len(found) or not own:
            return None
        total += max(_size(reader, symbol) for symbol in own)
    return total if named else None


def _named(reader: Reader, spot: Spot, depth: int = 0) -> Iterator[tuple[Unit, ast.expr]]:
    """The names that an expression of classes and functions is made of: ``[one, two]``, ``list[One | Two]``."""
    unit, node = spot.unit, spot.node
    match node:
        case ast.List() | ast.Tuple():
            for element in node.elts:
                yield from _named(reader, Spot(unit, element), depth)
        case ast.BinOp(op=ast.BitOr() | ast.Add()):
            yield from _named(reader, Spot(unit, node.left), depth)
            yield from _named(reader, Spot(unit, node.right), depth)
        case ast.Subscript():
            yield from _named(reader, Spot(unit, node.value), depth)
            yield from _named(reader, Spot(unit, node.slice), depth)
        case ast.Name() | ast.Attribute():
            held = [(u, v) for u, v in values_of(reader.project, unit, node) if isinstance(v, (ast.List, ast.Tuple))]
            if len(held) == 1 and depth < MAX_DEPTH and not _grows(unit, node):
                yield from _named(reader, Spot(*held[0]), depth + 1)
            else:
                yield unit, node
        case ast.expr() if not (isinstance(node, ast.Constant) and node.value is None):
            yield unit, node


def _grows(unit: Unit, node: ast.AST) -> bool:
    """Say whether something is put into the list that a name holds."""
    if not isinstance(node, ast.Name):
        return False
    found = unit.lookup(node.id, node)
    return any(isinstance(unit.parent(use), ast.Attribute) for binding in found for use in unit.uses(binding))


def _size(reader: Reader, symbol: Class | Function) -> int:
    """At most so many tokens: those of the code that says what the schema says, and what the schema adds to it."""
    reached = _reached(reader, symbol)
    return sum(count(_said_by(one)) + FIELD_TOKENS * _fields(one.node) + CLASS_TOKENS for one in reached)


def _reached(reader: Reader, symbol: Class | Function) -> tuple[Class | Function, ...]:
    """A class or a function and the repository's own classes that its fields name, each once."""
    seen: dict[ast.AST, Class | Function] = {symbol.node: symbol}
    queue: list[Class | Function] = [symbol]
    while queue:
        one = queue.pop()
        for name in {n.id: n for n in _declared(one.node) if isinstance(n, ast.Name)}.values():
            found = symbols(reader.project, one.unit, name)
            own = [s for s in found if isinstance(s, Class)] + list(classes_of(found))
            for cls in own:
                if cls.node not in seen and not any(above in seen for above in cls.unit.ancestors(cls.node)):
                    seen[cls.node] = cls
                    queue.append(cls)
    return tuple(seen.values())


def _declared(node: ast.AST) -> Iterator[ast.AST]:
    """What of a class or a function its schema is made from: all of a class, a function's parameters."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return ast.walk(node.args)
    return ast.walk(node)


def _said_by(symbol: Class | Function) -> str:
    """The code that the schema repeats: a class as it stands, a function's name, parameters and docstring."""
    node = symbol.node
    if isinstance(node, ast.ClassDef):
        return symbol.unit.code(node)
    named = "" if isinstance(node, ast.Lambda) else f"{node.name} {ast.get_docstring(node) or ''}"
    return f"{named} {ast.unparse(node.args)}"


def _fields(node: ast.AST) -> int:
    return sum(isinstance(one, (ast.AnnAssign, ast.arg)) for one in _declared(node))
