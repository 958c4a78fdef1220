"""Answer one question: how often does the value of this expression change?

What runs once in a process is constant for the process; what a table knows (the time, the
environment, a file) is what the table says; what cannot be classed counts as changing by request.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from migrator.flow.callers import argument_of
from migrator.flow.constants import given, values_of
from migrator.flow.project import Project
from migrator.flow.request import Entered, Spot, added, bindings_of
from migrator.flow.symbols import External, Function, last_name, returns, symbols
from migrator.flow.unit import FUNCTIONS, Binding, Unit
from migrator.nouns import Caching, Often
from migrator.prompts.template import Varies
from migrator.rulebook import Rulebook

MAX_DEPTH = 16
MAX_STEPS = 20_000
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_CLOCK = re.compile(r"%-?[HIMSfpcXsTRr]")
# What these give depends on nothing but their arguments and the object they are called on.
PURE = frozenset(
    {
        *("str", "repr", "format", "int", "float", "bool", "len", "min", "max", "sum", "round", "abs", "sorted"),
        *("list", "tuple", "dict", "enumerate", "zip", "range", "reversed", "map", "filter", "any", "all", "next"),
        *("strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "replace", "split", "splitlines"),
        *("join", "removeprefix", "removesuffix", "encode", "decode", "dedent", "cleandoc", "indent", "fill", "wrap"),
        *("get", "keys", "values", "items", "copy", "deepcopy", "dumps", "isoformat", "strftime", "date", "astimezone"),
        *("Path", "joinpath", "resolve", "absolute", "with_name", "with_suffix", "dirname", "basename", "abspath"),
        *("open", "substitute", "safe_substitute", "Template", "model_json_schema", "model_dump", "model_dump_json"),
        *("pydantic_function_tool", "TypeAdapter", "json_schema", "schema", "schema_json", "cast"),
    }
)
READERS = frozenset({"read", "read_text", "read_bytes", "readlines"})
ORDERS = frozenset({"sorted", "len", "min", "max", "sum", "any", "all"})
SET_ORDER = "the order of a set differs between processes"
FILE_ORDER = "the order of files differs between machines"
STANDARD = frozenset({*sys.stdlib_module_names, "os.path"})
UNORDERED = frozenset({SET_ORDER, FILE_ORDER})
TIME_OF_DAY = "the time"
DATE_TOKENS = 16


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters: ``user``, ``id`` of ``userID``."""
    return tuple(word.lower() for word in _WORD.findall(name))


@dataclass(frozen=True, slots=True)
class Rate:
    """How often, and what makes it so, in a few words. ``most`` bounds its tokens where a table does."""

    varies: Varies
    why: str = ""
    most: int | None = None


@dataclass(eq=False, slots=True)
class Reader:
    """What is needed to read a prompt, and what was learnt of it.

    ``runs_once``: the call that is read stands outside of functions, so each run of the program sends it once
    (or in turns of a loop), and what is computed beside it is new in each run. ``keyed_only``: an object that can
    get no key, whatever its prompts are, is not looked for where it meets them. ``left``: so many expressions
    may still be looked at for the prompt that is read; functions that give to each other have endless ways.
    ``turning`` are the comprehensions around the call and around those that bring its prompt: in each turn another
    one is sent.
    """

    project: Project
    rules: Rulebook
    caching: Caching
    runs_once: bool = False
    keyed_only: bool = False
    calls: dict[str, Often] = field(default_factory=dict)
    starts: dict[str, Often] = field(default_factory=dict)
    active: set[tuple[ast.AST, Entered | None]] = field(default_factory=set)
    left: int = MAX_STEPS
    turning: frozenset[ast.AST] = frozenset()

    def __post_init__(self) -> None:
        """Index the table by callee."""
        for row in self.caching.often:
            for call in row.calls:
                (self.starts if call.endswith(".**") else self.calls)[call.removesuffix(".**")] = row

    def row(self, callee: str) -> Often | None:
        """Find what the table says of a canonical callee."""
        if callee in self.calls:
            return self.calls[callee]
        dots = (i for i, letter in enumerate(callee) if letter == ".")
        return next((self.starts[callee[:i]] for i in dots if callee[:i] in self.starts), None)

    def named(self, name: str) -> Often | None:
        """Find what the table says of a name, by its words."""
        found = set(words(name))
        return next((row for row in self.caching.often if found.intersection(row.parts)), None)


STATIC = Rate(Varies.NEVER)


def how_often(reader: Reader, spot: Spot, depth: int = 0) -> Rate:
    """Say how often the value of an expression changes between two requests."""
    key = (spot.node, spot.entered)
    reader.left -= 1
    if depth > MAX_DEPTH or reader.left < 0:
        return Rate(Varies.REQUEST, "cannot be followed")
    if key in reader.active:
        return STATIC
    reader.active.add(key)
    try:
        rate = _rate(reader, spot, depth)
    finally:
        reader.active.discard(key)
    return rate if reader.runs_once else _once(spot, rate)


def _once(spot: Spot, rate: Rate) -> Rate:
    """What is computed while a module is imported is computed once in a process."""
    if rate.varies > Varies.PROCESS and isinstance(spot.unit.scope(spot.node), (ast.Module, ast.ClassDef)):
        return Rate(Varies.PROCESS, rate.why)
    return rate


def _rate(reader: Reader, spot: Spot, depth: int) -> Rate:
    unit, node, entered = spot.unit, spot.node, spot.entered
    match node:
        case ast.Constant():
            return STATIC
        case ast.Name():
            return _name(reader, spot, node, depth)
        case ast.Attribute():
            return _attribute(reader, spot, node, depth)
        case ast.Call():
            return _call(reader, spot, node, depth)
        case ast.FormattedValue() if _is_day(node.format_spec):
            return _by_day(how_often(reader, Spot(unit, node.value, entered), depth + 1))
        case ast.Set() | ast.SetComp():
            inner = _quickest(reader, unit, ast.iter_child_nodes(node), entered, depth)
            return _quicker(inner, Rate(Varies.PROCESS, SET_ORDER))
        case ast.Lambda() | ast.Yield() | ast.YieldFrom():
            return Rate(Varies.REQUEST, "cannot be followed")
        case _:
            return _quickest(reader, unit, _operands(node), entered, depth)


def _of_row(row: Often) -> Rate:
    return Rate(Varies[row.varies.upper()], row.why, row.most)


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that an expression is computed from."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.comprehension):
            yield child.iter
            yield from child.ifs
        elif isinstance(child, (ast.expr, ast.keyword)):
            yield child.value if isinstance(child, ast.keyword) else child


def _quickest(reader: Reader, unit: Unit, nodes: Iterable[ast.AST], entered: Entered | None, depth: int) -> Rate:
    rate = STATIC
    for node in nodes:
        if isinstance(node, (ast.expr, ast.FormattedValue)):
            rate = _quicker(rate, how_often(reader, Spot(unit, node, entered), depth + 1))
    return rate


def _quicker(one: Rate, other: Rate) -> Rate:
    return other if other.varies > one.varies else one


def _name(reader: Reader, spot: Spot, node: ast.Name, depth: int) -> Rate:
    unit = spot.unit
    owner = unit.owner(node.id, node)
    found = unit.lookup(node.id, node) if owner is not None else reader.project.exported(unit, node.id)
    if any(isinstance(unit.parent(b.node), ast.AugAssign) for b in found) and owner is not None:
        found = tuple(unit.bindings[owner, node.id])
    if not found:
        return STATIC if node.id.startswith("__") else Rate(Varies.DEPLOYMENT, node.id)
    rates = [_binding(reader, spot, binding, depth) for binding in found]
    # What is put into a list changes as often as the quickest of it.
    grown = [value for binding in found if _is_container(binding) for _, value in added(unit, node, (binding,))]
    rates += [how_often(reader, Spot(unit, value, spot.entered), depth + 1) for value in grown]
    rate = max(rates, key=lambda r: r.varies)
    if len({b.node for b in found}) > 1 and rate.varies < Varies.REQUEST and _chooses(unit, found):
        return Rate(Varies.REQUEST, f"{node.id} is chosen at run time")
    return rate


def _is_container(binding: Binding) -> bool:
    return binding.kind == "value" and isinstance(
        binding.value, (ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.Call)
    )


def _chooses(unit: Unit, found: tuple[Binding, ...]) -> bool:
    """Say whether which binding counts is decided inside a function."""
    return any(isinstance(b.scope, FUNCTIONS) for b in found)


def _binding(reader: Reader, spot: Spot, binding: Binding, depth: int) -> Rate:
    entered = spot.entered
    if binding.kind == "parameter":
        return _parameter(reader, spot, binding, depth)
    if binding.kind in ("function", "class"):
        return STATIC
    if binding.kind == "import":
        values = [(u, v) for u, v in given(reader.project, binding) if v is not None]
        rates = [how_often(reader, Spot(u, v), depth + 1) for u, v in values]
        return max(rates, key=lambda r: r.varies, default=_foreign(binding.name))
    if binding.value is None:
        return Rate(Varies.REQUEST, binding.name)
    same = entered if entered is not None and binding.unit is entered.function.unit else None
    rate = how_often(reader, Spot(binding.unit, binding.value, same), depth + 1)
    turns = isinstance(binding.scope, FUNCTIONS) or binding.scope in reader.turning
    turns = turns or (reader.runs_once and isinstance(binding.scope, ast.Module))
    if turns and binding.kind == "item":
        return _quicker(rate, Rate(Varies.REQUEST, f"{binding.name} of a loop"))
    return rate


def _foreign(name: str) -> Rate:
    """What a library holds under a name: a constant where the name is written as one."""
    last = name.rpartition(".")[2]
    return Rate(Varies.DEPLOYMENT if last.isupper() or last[:1].isupper() else Varies.REQUEST, name)


def _parameter(reader: Reader, spot: Spot, binding: Binding, depth: int) -> Rate:
    entered = spot.entered
    if entered is not None and binding.scope is entered.function.node and isinstance(binding.node, ast.arg):
        value = argument_of(entered.function, entered.call, binding.node)
        if value is not None:
            return how_often(reader, Spot(entered.unit, value, entered.outer), depth + 1)
        if binding.value is not None:
            return how_often(reader, Spot(binding.unit, binding.value), depth + 1)
    return _by_name(reader, binding.name, f"parameter {binding.name}")


def _by_name(reader: Reader, name: str, shown: str) -> Rate:
    row = reader.named(name)
    if row is None:
        return Rate(Varies.REQUEST, shown)
    return Rate(Varies[row.varies.upper()], shown)


def _attribute(reader: Reader, spot: Spot, node: ast.Attribute, depth: int) -> Rate:
    unit = spot.unit
    for symbol in symbols(reader.project, unit, node):
        if isinstance(symbol, External) and (row := reader.row(symbol.name)) is not None:
            return _of_row(row)
    values = [(u, v) for u, v in values_of(reader.project, unit, node)]
    if values and all(v is not None for _, v in values):
        rates = [_held(reader, Spot(u, v), node, depth) for u, v in values if v is not None]
        rate = max(rates, key=lambda r: r.varies)
        if len(values) == 1 or rate.varies >= Varies.USER:
            return Rate(rate.varies, rate.why or ast.unparse(node))
        return Rate(Varies.REQUEST, f"{ast.unparse(node)} has several values")
    if any(isinstance(s, External) for s in symbols(reader.project, unit, node)):
        inner = how_often(reader, Spot(unit, node.value, spot.entered), depth + 1)
        return inner if isinstance(node.value, ast.Call) else _foreign(ast.unparse(node))
    base = how_often(reader, Spot(unit, node.value, spot.entered), depth + 1)
    named = reader.named(node.attr)
    if named is not None and base.varies >= Varies.USER:
        return Rate(Varies[named.varies.upper()], ast.unparse(node))
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return _by_name(reader, node.attr, ast.unparse(node))
    return base


def _held(reader: Reader, spot: Spot, use: ast.Attribute, depth: int) -> Rate:
    """What an attribute holds; ``text: str = Field()`` in a class only declares what each object is given."""
    rate = how_often(reader, spot, depth + 1)
    above = spot.unit.parent(spot.node)
    declares = isinstance(above, ast.AnnAssign) and isinstance(spot.unit.scope(spot.node), ast.ClassDef)
    if declares and isinstance(spot.node, ast.Call) and rate.varies == Varies.PROCESS:
        return _by_name(reader, use.attr, ast.unparse(use))
    return rate


def _call(reader: Reader, spot: Spot, call: ast.Call, depth: int) -> Rate:
    unit, entered = spot.unit, spot.entered
    name = last_name(call.func)
    found = symbols(reader.project, unit, call.func)
    for symbol in found:
        if isinstance(symbol, External) and (row := reader.row(symbol.name)) is not None:
            rest = _quickest(reader, unit, _operands_of_chain(unit, call), entered, depth)
            return _quicker(_of_row(row), rest)
    own = [s for s in found if isinstance(s, Function)]
    if own:
        return _own(reader, spot, call, own, depth)
    operands = _operands_of_call(call, with_base=not _is_of_module(reader, unit, call))
    inner = _quickest(reader, unit, operands, entered, depth)
    if name in READERS:
        return _quicker(Rate(Varies.DEPLOYMENT, "a file"), inner)
    is_unordered = inner.varies == Varies.PROCESS and inner.why in UNORDERED
    if is_unordered and (name in ORDERS or _sorts_keys(reader, unit, call)):
        return STATIC if inner.why == SET_ORDER else Rate(Varies.DEPLOYMENT, "a file")
    if name in ("set", "frozenset"):
        return _quicker(Rate(Varies.PROCESS, SET_ORDER), inner)
    if name == "strftime" and call.args and _is_day(call.args[0]):
        return _by_day(inner)
    if name in ("date", "today") and not call.args:
        return _by_day(inner)
    if name in PURE:
        return inner
    return Rate(Varies.REQUEST, f"{ast.unparse(call.func)}()")


def _sorts_keys(reader: Reader, unit: Unit, call: ast.Call) -> bool:
    """``json.dumps({name: 1 for name in names}, sort_keys=True)``: keys in order, and values that have none."""
    given = {k.arg: k.value for k in call.keywords}.get("sort_keys")
    table = dumped(reader, unit, call)
    if table is None or not isinstance(given, ast.Constant) or given.value is not True:
        return False
    assert isinstance(table.node, ast.DictComp)
    return not any(isinstance(n, (ast.Call, ast.ListComp, ast.GeneratorExp)) for n in ast.walk(table.node.value))


def dumped(reader: Reader, unit: Unit, call: ast.Call) -> Spot | None:
    """The dictionary that ``json.dumps`` writes, where a comprehension makes it, here or under a name."""
    if last_name(call.func) != "dumps" or not call.args:
        return None
    table = call.args[0]
    if isinstance(table, ast.DictComp):
        return Spot(unit, table)
    if not isinstance(table, ast.Name) or len(bindings_of(reader.project, unit, table)) != 1:
        return None
    values = tuple(values_of(reader.project, unit, table))
    home, value = values[0] if len(values) == 1 else (unit, None)
    if not isinstance(value, ast.DictComp) or any(True for _ in added(unit, table, unit.lookup(table.id, table))):
        return None
    return Spot(home, value)


def _operands_of_call(call: ast.Call, with_base: bool) -> Iterator[ast.AST]:
    if with_base and isinstance(call.func, ast.Attribute):
        yield call.func.value
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _is_of_module(reader: Reader, unit: Unit, call: ast.Call) -> bool:
    """``json.dumps(...)``: what stands before the dot is a module of the standard library and no value."""
    held = symbols(reader.project, unit, call.func.value) if isinstance(call.func, ast.Attribute) else ()
    names = {s.name for s in held if isinstance(s, External)}
    return bool(names) and names <= STANDARD


def _operands_of_chain(unit: Unit, call: ast.Call) -> Iterator[ast.AST]:
    """The arguments of a library's call and of those that it is made on: ``Path(name).read_text()`` has ``name``.

    So has ``file.read()`` where ``file`` is what ``open(name)`` gave.
    """
    inner: ast.AST = call
    while isinstance(inner, (ast.Call, ast.Attribute)):
        if isinstance(inner, ast.Call):
            yield from _operands_of_call(inner, with_base=False)
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    if isinstance(inner, ast.Name) and any(b.kind in ("value", "entered") for b in unit.lookup(inner.id, inner)):
        yield inner


def _own(reader: Reader, spot: Spot, call: ast.Call, functions: list[Function], depth: int) -> Rate:
    """A function of the repository gives what its ``return`` statements say."""
    rate = STATIC
    for function in functions:
        if isinstance(function.node, ast.Lambda):
            values: tuple[ast.AST, ...] = (function.node.body,)
        else:
            values = tuple(returns(function.node))
        inner = Entered(spot.unit, call, function, spot.entered)
        if not values:
            return Rate(Varies.REQUEST, f"{ast.unparse(call.func)}()")
        for value in values:
            rate = _quicker(rate, how_often(reader, Spot(function.unit, value, inner), depth + 1))
        if len(values) > 1 and rate.varies < Varies.REQUEST:
            rate = Rate(Varies.REQUEST, f"{ast.unparse(call.func)}() has several results")
    return rate


def _by_day(rate: Rate) -> Rate:
    """A time without its hours is a date."""
    return Rate(Varies.DAY, "the date", DATE_TOKENS) if rate.why == TIME_OF_DAY else rate


def _is_day(form: ast.AST | None) -> bool:
    """Say whether a format of a time writes no hours, minutes or seconds."""
    if isinstance(form, ast.JoinedStr):
        texts = [v.value for v in form.values if isinstance(v, ast.Constant)]
        return len(texts) == len(form.values) and bool(texts) and not _CLOCK.search("".join(map(str, texts)))
    return isinstance(form, ast.Constant) and isinstance(form.value, str) and not _CLOCK.search(form.value)
