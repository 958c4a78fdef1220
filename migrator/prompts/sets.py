"""Answer one question: does this expression surely give a set, and one of texts that nothing adds to?"""

from __future__ import annotations

import ast

from migrator.flow.constants import values_of
from migrator.flow.request import Spot, bindings_of, entered_value
from migrator.flow.symbols import last_name
from migrator.flow.unit import FUNCTIONS, Unit
from migrator.prompts.varying import Reader

MAX_DEPTH = 12
SETS = ("set", "frozenset")
# Functions that go through what they are given and leave it as it is.
WALKS = frozenset({"list", "tuple", "enumerate", "zip", "map", "filter"})
READS = WALKS | {"join", "sorted", "len", "set", "frozenset", "any", "all", "min", "max", "print", "dumps"}
METHODS = frozenset({"items", "keys", "values", "get", "copy", "union", "intersection", "difference", "issubset"})


def is_set(reader: Reader, spot: Spot, depth: int = 0) -> bool:
    """Say whether an expression surely gives a set."""
    unit, node = spot.unit, spot.node
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)) if name in SETS:
            return is_builtin(reader, unit, name)
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return all(is_set(reader, Spot(unit, side), depth + 1) for side in (node.left, node.right))
        case ast.Name() | ast.Attribute() if depth < MAX_DEPTH:
            value = value_of(reader, Spot(unit, node))
            return (
                value is not None
                and not _is_set_elsewhere(reader, value)
                and is_set(reader, Spot(value.unit, value.node), depth + 1)
            )
    return False


def _is_set_elsewhere(reader: Reader, value: Spot) -> bool:
    """Say whether the name may get another value elsewhere: ``settings.TAGS = ["b", "a"]``."""
    names = _targets(value)
    return not names or any(unit.stores.get(name) for name in names for unit in reader.project.units_naming(name))


def _targets(value: Spot) -> tuple[str, ...]:
    """The names that a statement gives to a value."""
    above = value.unit.parent(value.node)
    targets: list[ast.expr] = []
    if isinstance(above, ast.Assign):
        targets = above.targets
    elif isinstance(above, ast.AnnAssign):
        targets = [above.target]
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def is_builtin(reader: Reader, unit: Unit, name: str) -> bool:
    """Say whether a name means the builtin everywhere in a module."""
    bound = any(one == name for _, one in unit.bindings)
    return (
        not bound
        and all(reader.project.module(s.module, unit) is not None for s in unit.stars)
        and (not reader.project.exported(unit, name))
    )


def holds_texts(reader: Reader, spot: Spot) -> bool:
    """Say whether all elements of a set are texts that stand here, or under a name that nothing adds to."""
    if isinstance(spot.node, ast.Name):
        value = value_of(reader, Spot(spot.unit, spot.node))
        if value is None or not holds_texts(reader, value):
            return False
        return isinstance(value.node, ast.Name) or _is_frozen(value.node) or is_only_read(reader, value)
    made = spot.node.args[0] if isinstance(spot.node, ast.Call) and spot.node.args else spot.node
    if not isinstance(made, (ast.Set, ast.List, ast.Tuple)):
        return False
    return all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in made.elts)


def _is_frozen(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "frozenset"


def is_only_read(reader: Reader, value: Spot) -> bool:
    """Say whether nothing can put anything into what a statement gives a name to."""
    names = _targets(value)
    if len(names) != 1:
        return False
    (name,) = names
    is_local = isinstance(value.unit.scope(value.node), FUNCTIONS)
    units = (value.unit,) if is_local else tuple(reader.project.units_naming(name))
    return all(
        _is_reading(unit, use) for unit in units for use in (*unit.loads.get(name, ()), *unit.attributes.get(name, ()))
    )


def _is_reading(unit: Unit, use: ast.AST) -> bool:
    above = unit.parent(use)
    match above:
        case ast.Call():
            return use in above.args and last_name(above.func) in READS
        case ast.Compare():
            return use in above.comparators
        case ast.comprehension() | ast.For():
            return above.iter is use
        case ast.Subscript():
            return above.value is use and isinstance(above.ctx, ast.Load)
        case ast.Attribute():
            return above.attr in METHODS
    return isinstance(above, (ast.FormattedValue, ast.Starred))


def value_of(reader: Reader, spot: Spot) -> Spot | None:
    """The one expression that a name or an attribute stands for."""
    unit, node = spot.unit, spot.node
    if isinstance(node, ast.Name):
        found = bindings_of(reader.project, unit, node)
        if len(found) == 1 and (given := entered_value(found[0], spot.entered)) is not None:
            return given
        if len(found) != 1 or found[0].kind not in ("value", "import"):
            return None
    assert isinstance(node, (ast.Name, ast.Attribute))
    values = tuple(values_of(reader.project, unit, node))
    home, value = values[0] if len(values) == 1 else (unit, None)
    if value is None:
        return None
    return Spot(home, value, spot.entered if home is unit else None)
