"""Answer one question: where does an object that was made by this call meet a prompt?

``Agent(model=llm, instructions=...)``, ``llm.invoke(...)`` and ``prompt | llm`` each show what a model reads
that was made elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.flow.callers import calls_named
from migrator.flow.refusals import argument
from migrator.flow.symbols import Called, External, last_name, symbols
from migrator.flow.unit import Unit
from migrator.prompts.placeholders import CLASSES
from migrator.prompts.varying import Reader
from migrator.rulebook import Use

# A name that more files have than this says nothing of the object.
MANY_FILES = 300
PIPE = "__ror__"


@dataclass(frozen=True, eq=False, slots=True)
class Met:
    """One place where an object meets a prompt; ``made`` are the calls on the way from the object to it."""

    unit: Unit
    node: ast.Call | ast.BinOp
    use: Use
    made: tuple[Called, ...]


def uses_of(reader: Reader, call: ast.Call) -> tuple[Met, ...]:
    """Every place of the project where the object that ``call`` makes is seen to meet a prompt."""
    key = ("uses of objects",)
    if key not in reader.project.memory:
        reader.project.memory[key] = _index(reader)
    index: Mapping[ast.Call, tuple[Met, ...]] = reader.project.memory[key]  # type: ignore[assignment]  # kept just so
    return index.get(call, ())


def _index(reader: Reader) -> Mapping[ast.Call, tuple[Met, ...]]:
    found: dict[ast.Call, tuple[Met, ...]] = {}
    for met in (*_calls(reader), *_pipes(reader)):
        for made in met.made:
            found[made.call] = (*found.get(made.call, ()), met)
    return found


def _calls(reader: Reader) -> Iterator[Met]:
    names = sorted({callee.rpartition(".")[2] for use in reader.rules.uses for callee in use.calls} - {PIPE})
    for name in names:
        if len(reader.project.files_naming(name)) > MANY_FILES:
            continue
        for unit in reader.project.units_naming(name):
            for call in dict.fromkeys(calls_named(unit, name)):
                yield from _of_call(reader, unit, call)


def _of_call(reader: Reader, unit: Unit, call: ast.Call) -> Iterator[Met]:
    found: dict[int, tuple[Use, tuple[Called, ...]]] = {}
    for symbol in symbols(reader.project, unit, call.func):
        if isinstance(symbol, External):
            for use in reader.rules.uses_for(symbol.name):
                made = symbol.made if use.object is None else _made(reader, unit, _object(call, use))
                _, known = found.get(id(use), (use, ()))
                found[id(use)] = use, tuple(dict.fromkeys((*known, *made)))
    yield from (Met(unit, call, use, made) for use, made in found.values() if made)


def _object(call: ast.Call, use: Use) -> ast.expr | None:
    return argument(call, use.object.keywords, use.object.position) if use.object is not None else None


def _made(reader: Reader, unit: Unit, node: ast.expr | None) -> tuple[Called, ...]:
    if node is None:
        return ()
    found = (s for s in symbols(reader.project, unit, node) if isinstance(s, External))
    return tuple(dict.fromkeys(made for symbol in found for made in symbol.made))


def _pipes(reader: Reader) -> Iterator[Met]:
    """``prompt | llm``, ``prompt | llm.bind_tools(tools) | parser``."""
    units = {unit.source.path: unit for name in sorted(CLASSES) for unit in reader.project.units_naming(name)}
    kept = {name for unit in units.values() for name in _kept(unit)}
    units |= {unit.source.path: unit for name in sorted(kept) for unit in reader.project.units_naming(name)}
    for unit in units.values():
        for node in ast.walk(unit.tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
                for symbol in symbols(reader.project, unit, node.right):
                    if isinstance(symbol, External) and symbol.made:
                        for use in reader.rules.uses_for(f"{symbol.name}.{PIPE}"):
                            yield Met(unit, node, use, symbol.made)


def _kept(unit: Unit) -> Iterator[str]:
    """The names under which a module keeps prompts, for other files to use."""
    for statement in unit.tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            if CLASSES & {last_name(node) for node in ast.walk(statement.value.func)}:
                yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def last_operand(node: ast.expr) -> ast.expr:
    """What stands directly before the last ``|``: ``prompt`` of ``inputs | prompt``."""
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) else node


def method_of(made: Called) -> str:
    """The name of the method or the class that was called."""
    return last_name(made.call.func)
