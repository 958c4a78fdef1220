"""Answer one question: which constants can this expression be?

The backward question, for what stands beside a model: the other side of a comparison, a list of
known names, a client's address, a type's literals.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.flow.callers import arguments_for
from migrator.flow.classes import assigned, classes_of, family
from migrator.flow.members import spelled
from migrator.flow.project import Project
from migrator.flow.row_files import rows as rows_of_file
from migrator.flow.symbols import Class, External, Function, Module, last_name, returns, symbols
from migrator.flow.unit import FUNCTIONS, Binding, Unit

MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Known:
    """One constant and the node that writes it."""

    value: object
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants that were found, and whether there can be no others."""

    known: frozenset[Known]
    complete: bool

    def __or__(self, other: Constants) -> Constants:
        return Constants(self.known | other.known, self.complete and other.complete)

    @property
    def values(self) -> tuple[object, ...]:
        """The constants alone, in a fixed order."""
        return tuple(sorted({k.value for k in self.known}, key=repr))


NONE_FOUND = Constants(frozenset(), False)
NOTHING = Constants(frozenset(), True)


def constants(project: Project, unit: Unit, node: ast.AST, depth: int = 0) -> Constants:
    """The constants that ``node`` can be."""
    if depth > MAX_DEPTH:
        return NONE_FOUND
    if isinstance(node, ast.Constant):
        return Constants(frozenset({Known(node.value, node)}), True)
    # The depth belongs to the key: nearer to the limit less is found.
    key = ("constants", node, depth)
    if key not in project.memory:
        project.memory[key] = _constants(project, unit, node, depth)
    found = project.memory[key]
    assert isinstance(found, Constants)
    return found


def _constants(project: Project, unit: Unit, node: ast.AST, depth: int) -> Constants:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return Constants(frozenset({Known(-number, node)}), True)
        case ast.BoolOp():
            return _union(constants(project, unit, v, depth + 1) for v in node.values)
        case ast.IfExp():
            return constants(project, unit, node.body, depth + 1) | constants(project, unit, node.orelse, depth + 1)
        case ast.NamedExpr() | ast.Await():
            return constants(project, unit, node.value, depth + 1)
        case ast.Name() if (items := _looped(project, unit, node, depth)) is not None:
            return items
        case ast.Subscript():
            return _union(constants(project, u, v, depth + 1) for u, v in _entries(project, unit, node))
        case ast.Attribute() if (text := spelled(project, unit, node)) is not None:
            return Constants(frozenset({Known(text, node)}), True)
        case ast.Name() | ast.Attribute():
            return _union(
                constants(project, u, v, depth + 1) if v is not None else NONE_FOUND
                for u, v in values_of(project, unit, node)
            )
        case ast.Call():
            return _default_of_call(project, unit, node, depth)
        case _:
            return NONE_FOUND


def _looped(project: Project, unit: Unit, node: ast.Name, depth: int) -> Constants | None:
    """What a loop's variable takes: elements of a list, keys of a table; None when it is no loop's variable."""
    bindings = unit.lookup(node.id, node)
    if len(bindings) == 1 and (filtered := _filtered(unit, bindings[0])) is not None:
        return elements(project, unit, filtered, depth + 1)
    if len(bindings) != 1 or bindings[0].kind != "item" or bindings[0].value is None:
        return None
    binding, table = bindings[0], bindings[0].value
    method = last_name(table.func) if isinstance(table, ast.Call) else ""
    if method == "items" and isinstance(table, ast.Call) and isinstance(table.func, ast.Attribute):
        keys = elements(project, unit, table.func.value, depth + 1)
        return keys if binding.path[:1] == (0,) else NONE_FOUND
    if method == "enumerate" and isinstance(table, ast.Call) and table.args:
        return elements(project, unit, table.args[0], depth + 1) if binding.path[:1] == (1,) else NONE_FOUND
    if binding.path:
        rows = _rows(project, unit, table)
        cells = (
            r.elts[binding.path[0]] for r in rows if isinstance(r, (ast.Tuple, ast.List)) and r.elts[binding.path[0] :]
        )
        return _union(constants(project, unit, cell, depth + 1) for cell in cells)
    return elements(project, unit, table, depth + 1)


def _filtered(unit: Unit, binding: Binding) -> ast.expr | None:
    """The list whose elements a lambda's parameter takes: ``filter(lambda row: ..., ROWS)``."""
    holder = unit.parent(binding.scope) if isinstance(binding.scope, ast.Lambda) else None
    if isinstance(holder, ast.Call) and last_name(holder.func) in ("filter", "map") and len(holder.args) == 2:
        return holder.args[1]
    return None


def _rows(project: Project, unit: Unit, table: ast.expr) -> Iterator[ast.expr]:
    """The elements of a list literal, through a name."""
    found = [(unit, table)] if isinstance(table, (ast.List, ast.Tuple)) else []
    if isinstance(table, (ast.Name, ast.Attribute)):
        found = [(u, v) for u, v in values_of(project, unit, table) if isinstance(v, (ast.List, ast.Tuple))]
    for _, rows in found:
        if isinstance(rows, (ast.List, ast.Tuple)):
            yield from rows.elts


def _union(parts: Iterator[Constants]) -> Constants:
    found = tuple(parts)
    if not found:
        return NONE_FOUND
    return Constants(frozenset().union(*(part.known for part in found)), all(part.complete for part in found))


def _default_of_call(project: Project, unit: Unit, node: ast.Call, depth: int) -> Constants:
    """``os.getenv(name, default)`` may be its default, and anything else; an own function, what it returns."""
    found = symbols(project, unit, node.func)
    names = {s.name for s in found if isinstance(s, External)}
    if names & {"os.getenv", "os.environ.get"} and len(node.args) > 1:
        return Constants(constants(project, unit, node.args[1], depth + 1).known, False)
    return _union(_answers(project, s, depth) if isinstance(s, Function) else NONE_FOUND for s in found)


def _answers(project: Project, function: Function, depth: int) -> Constants:
    """What an own function returns; a method may have another answer in a subclass."""
    node = function.node
    values = [node.body] if isinstance(node, ast.Lambda) else list(returns(node))
    if any(isinstance(function.unit.parent(v), ast.Yield) for v in values):
        return NONE_FOUND
    known = _union(constants(project, function.unit, v, depth + 1) for v in values)
    return Constants(known.known, known.complete and not function.bound)


def values_of(project: Project, unit: Unit, node: ast.Name | ast.Attribute) -> Iterator[tuple[Unit, ast.expr | None]]:
    """The expressions that a name or an attribute was given; None for what could not be read."""
    if isinstance(node, ast.Name):
        bindings = unit.lookup(node.id, node)
        if not bindings and unit.owner(node.id, node) is None:
            bindings = project.exported(unit, node.id)
        for binding in bindings:
            yield from given(project, binding)
        return
    for symbol in symbols(project, unit, node.value):
        if isinstance(symbol, Module):
            for binding in project.exported(symbol.unit, node.attr):
                yield from given(project, binding)
        elif isinstance(symbol, Class):
            yield from _attribute(project, symbol, node.attr)
    for cls in classes_of(symbols(project, unit, node.value)):
        yield from _attribute(project, cls, node.attr)


def _attribute(project: Project, cls: Class, name: str) -> Iterator[tuple[Unit, ast.expr | None]]:
    for owner in family(project, cls):
        for binding in owner.unit.bindings.get((owner.node, name), ()):
            yield owner.unit, binding.value
        for value, _ in assigned(owner, name):
            yield owner.unit, value


def given(project: Project, binding: Binding, depth: int = 0) -> Iterator[tuple[Unit, ast.expr | None]]:
    """The expressions that a binding's name was given, through imports and from callers."""
    unit = binding.unit
    if binding.kind == "import" and binding.member is not None and depth < MAX_DEPTH:
        owner = project.module(binding.module, unit)
        for inner in project.exported(owner, binding.member) if owner is not None else ():
            yield from given(project, inner, depth + 1)
    elif binding.kind == "parameter" and isinstance(binding.scope, FUNCTIONS) and isinstance(binding.node, ast.arg):
        if binding.value is not None:
            yield unit, binding.value
        yield from arguments_for(project, Function(unit, binding.scope), binding.node)
        yield unit, None
    elif binding.kind == "value" and not binding.path:
        yield unit, binding.value
    else:
        yield unit, None


def elements(project: Project, unit: Unit, node: ast.AST, depth: int = 0) -> Constants:
    """The constants that a container holds: elements of a list, keys of a dictionary."""
    if depth > MAX_DEPTH:
        return NONE_FOUND
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            return _elements_of(project, unit, node.elts, depth)
        case ast.Dict():
            keys = [k if k is not None else ast.Starred(v) for k, v in zip(node.keys, node.values, strict=True)]
            return _elements_of(project, unit, keys, depth)
        case ast.BinOp(op=ast.Add() | ast.BitOr()):
            return elements(project, unit, node.left, depth + 1) | elements(project, unit, node.right, depth + 1)
        case ast.Name() if depth == 0 and (added := tuple(_added(project, unit, node))):
            named = _union(
                elements(project, u, v, depth + 1) if v is not None else NONE_FOUND
                for u, v in values_of(project, unit, node)
            )
            return _union(iter((named, *added)))
        case ast.Name() | ast.Attribute():
            found = [
                elements(project, u, v, depth + 1) if v is not None else NONE_FOUND
                for u, v in values_of(project, unit, node)
            ]
            kept = _added_to_attribute(project, unit, node) if isinstance(node, ast.Attribute) else ()
            return _union(iter((*found, *kept)))
        case ast.Call():
            return _elements_of_call(project, unit, node, depth)
        case ast.Subscript() if last_name(node.value) == "Literal":
            inner = node.slice
            return _elements_of(project, unit, inner.elts if isinstance(inner, ast.Tuple) else [inner], depth)
        case ast.DictComp():
            return constants(project, unit, node.key, depth + 1)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return constants(project, unit, node.elt, depth + 1)
        case ast.Subscript():
            return _elements_of_entry(project, unit, node, depth)
        case _:
            return NONE_FOUND


def _added(project: Project, unit: Unit, node: ast.Name) -> Iterator[Constants]:
    """What statements put into a table after it was made: ``update``, ``append``, ``+=``, ``t["k"] = v``."""
    for binding in _shared(project, unit.lookup(node.id, node) or project.exported(unit, node.id)):
        home = binding.unit
        for load in home.uses(binding):
            yield from _addition(project, home, load, node)
        for other in home.bindings.get((binding.scope, binding.name), ()):
            statement = home.parent(other.node)
            if isinstance(statement, ast.AugAssign):
                yield elements(project, home, statement.value, 1)


def _shared(project: Project, bindings: tuple[Binding, ...]) -> Iterator[Binding]:
    """A table's own binding and those that import it: each module may put rows into it."""
    for binding in bindings:
        owner = project.module(binding.module, binding.unit) if binding.member is not None else None
        origins = project.exported(owner, binding.member) if owner is not None and binding.member else (binding,)
        for origin in origins:
            yield origin
            if isinstance(origin.scope, ast.Module):
                yield from project.importers(origin.unit, origin.name)


def _added_to_attribute(project: Project, unit: Unit, node: ast.Attribute) -> Iterator[Constants]:
    """What methods of the same class put into a table of theirs: ``cls.known[name] = ...``."""
    found = symbols(project, unit, node.value)
    owners = (*(s for s in found if isinstance(s, Class)), *classes_of(found))
    for home in dict.fromkeys(owner.unit for owner in owners):
        for load in home.attributes.get(node.attr, ()):
            if load is not node:
                yield from _addition(project, home, load, node)


def _addition(project: Project, home: Unit, load: ast.expr, reader: ast.expr) -> Iterator[Constants]:
    """What one use of a table puts into it, unless it is put there under the very name that is looked up."""
    holder = home.parent(load)
    call = home.parent(holder)
    if isinstance(holder, ast.Attribute) and isinstance(call, ast.Call) and call.func is holder and call.args:
        if holder.attr in ("update", "extend"):
            yield elements(project, home, call.args[0], 1)
        elif holder.attr in ("append", "add", "setdefault"):
            yield constants(project, home, call.args[0], 1)
    elif isinstance(holder, ast.Subscript) and isinstance(holder.ctx, ast.Store):
        key = constants(project, home, holder.slice, 1)
        if key.known and not _same_row(home, holder, reader):
            yield key


def _same_row(home: Unit, store: ast.Subscript, reader: ast.expr) -> bool:
    """Say whether a table is read in the same function by the same name: ``if m not in t: t[m] = make(m)``."""
    if not isinstance(store.slice, ast.Name) or reader not in home.parents:
        return False
    use = home.parent(reader)
    names = {n.id for n in ast.walk(use) if isinstance(n, ast.Name)}
    return home.scope(store) is home.scope(reader) and store.slice.id in names


def _elements_of(project: Project, unit: Unit, nodes: list[ast.expr], depth: int) -> Constants:
    if not nodes:
        return NOTHING
    return _union(
        elements(project, unit, n.value, depth + 1)
        if isinstance(n, ast.Starred)
        else constants(project, unit, n, depth + 1)
        for n in nodes
    )


def _elements_of_call(project: Project, unit: Unit, node: ast.Call, depth: int) -> Constants:
    """``TABLE.keys()``, ``list(TABLE)``, ``get_args(Known)``, ``frozenset({...})``."""
    name = last_name(node.func)
    loaded = rows_of_file(project, unit, node)
    if loaded is not None:
        return Constants(frozenset(Known(row, node) for row in loaded), True)
    if isinstance(node.func, ast.Attribute) and name == "get" and node.args:
        return _elements_of_entry(project, unit, ast.Subscript(node.func.value, node.args[0], ast.Load()), depth)
    if isinstance(node.func, ast.Attribute) and name in ("keys", "copy"):
        return elements(project, unit, node.func.value, depth + 1)
    if name in ("list", "tuple", "set", "frozenset", "sorted", "get_args") and node.args:
        return elements(project, unit, node.args[0], depth + 1)
    if name == "Choice" and node.args:
        return elements(project, unit, node.args[0], depth + 1)
    if name == "dict" and len(node.args) == 1 and isinstance(node.args[0], ast.Call):
        pairs = node.args[0]
        if last_name(pairs.func) == "zip" and pairs.args:
            return elements(project, unit, pairs.args[0], depth + 1)
    if name == "dict" and len(node.args) == 1 and isinstance(node.args[0], (ast.List, ast.Tuple)):
        first = [r.elts[0] for r in node.args[0].elts if isinstance(r, (ast.Tuple, ast.List)) and r.elts]
        return _elements_of(project, unit, first, depth)
    if name in ("dict", "defaultdict", "OrderedDict", "Counter", "set", "list") and len(node.args) < 2:
        known = frozenset(Known(k.arg, k) for k in node.keywords if k.arg)
        return Constants(known, all(k.arg for k in node.keywords))
    return NONE_FOUND


def _elements_of_entry(project: Project, unit: Unit, node: ast.Subscript, depth: int) -> Constants:
    """``PRICES["openai"]``: the rows of a table in a table, of a file too."""
    loaded = rows_of_file(project, unit, node)
    if loaded is not None:
        return Constants(frozenset(Known(row, node) for row in loaded), True)
    return _union(elements(project, u, v, depth + 1) for u, v in _entries(project, unit, node))


def admitted(project: Project, unit: Unit, annotation: ast.expr) -> Constants | None:
    """The values that an annotation admits when it is a ``Literal``, directly or by name; None for other types."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Subscript) and last_name(node.value) == "Literal":
            return elements(project, unit, node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            for where, value in values_of(project, unit, node):
                if isinstance(value, ast.Subscript) and last_name(value.value) == "Literal":
                    return elements(project, where, value)
    return None


@dataclass(frozen=True, slots=True)
class Fragments:
    """The texts and the names of environment variables out of which an expression is built.

    ``optional`` are variables that need not be set; without them the value is None or its default.
    """

    texts: frozenset[str]
    complete: bool
    optional: frozenset[str] = frozenset()


def fragments(project: Project, unit: Unit, node: ast.AST, depth: int = 0) -> Fragments:
    """What a text is built of: ``os.environ["HOST"] + "/v1"`` gives ``HOST`` and ``/v1``.

    Complete when nothing else can be in it; None adds nothing.
    """
    if depth > MAX_DEPTH:
        return Fragments(frozenset(), False)
    match node:
        case ast.Constant():
            return Fragments(frozenset({node.value}) if isinstance(node.value, str) else frozenset(), True)
        case ast.Name() | ast.Attribute():
            known = [(u, v) for u, v in values_of(project, unit, node) if not isinstance(v, type(None))]
            if not known:
                return Fragments(frozenset(), False)
            return _all_of([fragments(project, u, v, depth + 1) for u, v in known if v is not None])
        case ast.Call() | ast.Subscript() if (name := environment_name(project, unit, node)) is not None:
            if isinstance(node, ast.Subscript):
                return Fragments(frozenset({name}), True)
            parts = [fragments(project, unit, d, depth + 1) for d in node.args[1:2]]
            return _all_of([Fragments(frozenset(), True, frozenset({name})), *parts])
        case ast.Call() if _is_optional_entry(node):
            return _all_of([fragments(project, unit, d, depth + 1) for d in node.args[1:2]])
        case ast.JoinedStr() | ast.BinOp() | ast.BoolOp() | ast.IfExp() | ast.FormattedValue():
            return _all_of([fragments(project, unit, c, depth + 1) for c in _operands(node)])
        case ast.Call():
            parts = [fragments(project, unit, a, depth + 1) for a in node.args]
            return Fragments(_all_of(parts).texts, False)
        case ast.Subscript():
            entries = [fragments(project, u, v, depth + 1) for u, v in _entries(project, unit, node)]
            return _all_of(entries) if entries else Fragments(frozenset(), False)
        case _:
            return Fragments(frozenset(), False)


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not (isinstance(node, ast.IfExp) and child is node.test):
            yield child


def _all_of(parts: list[Fragments]) -> Fragments:
    texts = frozenset[str]().union(*(p.texts for p in parts))
    optional = frozenset[str]().union(*(p.optional for p in parts))
    return Fragments(texts, all(p.complete for p in parts), optional)


def _is_optional_entry(call: ast.Call) -> bool:
    """``config.get("base_url")``: it need not be there, as a variable of the environment need not be set."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("pop", "get") and 0 < len(call.args) < 3


def environment_name(project: Project, unit: Unit, node: ast.Call | ast.Subscript) -> str | None:
    """The variable that ``os.getenv("NAME")`` or ``os.environ["NAME"]`` reads, or None for other expressions."""
    callee = node.func if isinstance(node, ast.Call) else node.value
    names = {s.name for s in symbols(project, unit, callee) if isinstance(s, External)}
    key = (node.args[0] if node.args else None) if isinstance(node, ast.Call) else node.slice
    if not names & {"os.getenv", "os.environ.get", "os.environ"} or key is None:
        return None
    return str(key.value) if isinstance(key, ast.Constant) else ast.unparse(key)


def _entries(project: Project, unit: Unit, node: ast.Subscript) -> Iterator[tuple[Unit, ast.expr]]:
    """The entries of a dictionary literal that a subscript may read."""
    wanted = node.slice.value if isinstance(node.slice, ast.Constant) else None
    if isinstance(node.value, ast.Name):
        found = unit.lookup(node.value.id, node.value)
        loops = [b.value for b in found if b.kind == "item"] + [_filtered(unit, b) for b in found]
        rows = [r for table in loops if table is not None for r in _rows(project, unit, table)]
        for row in rows:
            if isinstance(row, ast.Dict):
                for key, value in zip(row.keys, row.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == wanted:
                        yield unit, value
    if isinstance(node.value, (ast.Name, ast.Attribute)):
        for where, table in values_of(project, unit, node.value):
            if isinstance(table, ast.Dict):
                for key, value in zip(table.keys, table.values, strict=True):
                    if wanted is None or not isinstance(key, ast.Constant) or key.value == wanted:
                        yield where, value
