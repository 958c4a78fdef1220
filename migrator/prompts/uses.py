"""Answer one question: where does an object that was made by this call meet a prompt?

``Agent(model=llm, instructions=...)``, ``llm.invoke(...)`` and ``prompt | llm`` each show what a model reads
that was made elsewhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.flow.callers import calls_named
from migrator.flow.refusals import argument
from migrator.flow.symbols import Called, External, last_name, symbols
from migrator.flow.unit import Binding, Unit
from migrator.prompts.varying import Reader
from migrator.rulebook import Use

# A name that more files have than this says nothing of the object.
MANY_FILES = 300
# So many modules may stand between an object and its use.
MAX_STEPS = 3
IMPORTS = re.compile(r"\bfrom\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n\\]*)|\bimport\s+([\w.]+)")
NAME = re.compile(r"\w+")
PIPE = "__ror__"


@dataclass(frozen=True, eq=False, slots=True)
class Met:
    """One place where an object meets a prompt; ``made`` are the calls on the way from the object to it."""

    unit: Unit
    node: ast.Call | ast.BinOp
    use: Use
    made: tuple[Called, ...]


def uses_of(reader: Reader, unit: Unit, call: ast.Call) -> tuple[Met, ...]:
    """Every place where the object that ``call`` makes in ``unit`` is seen to meet a prompt.

    Looked at are the module itself and those that import it, also through others.
    """
    return tuple(met for other in _seeing(reader, unit) for met in _index(reader, other).get(call, ()))


def _seeing(reader: Reader, unit: Unit) -> tuple[Unit, ...]:
    """The module and those that import it, directly or through a module that does."""
    key = ("modules that see", unit)
    if key not in reader.project.memory:
        seen = {unit: None}
        edge = [unit]
        for _ in range(MAX_STEPS):
            edge = [other for one in edge for other in _importers(reader, one) if other not in seen]
            seen |= dict.fromkeys(edge)
        reader.project.memory[key] = tuple(seen)
    return reader.project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _importers(reader: Reader, unit: Unit) -> tuple[Unit, ...]:
    path = unit.source.path
    name = path.parent.name if path.stem == "__init__" else path.stem
    if len(reader.project.files_naming(name)) > MANY_FILES:
        return ()
    paths = (p for p in reader.project.files_naming(name) if p != path and _may_import(reader, p, path))
    others = (other for p in paths if (other := reader.project.unit(p)) is not None)
    return tuple(other for other in others if any(_imports(reader, b, unit) for b in _imported(other)))


def _may_import(reader: Reader, importer: Path, path: Path) -> bool:
    """Say whether an import in a file's text can mean a module, by the end of its path: a cheap question first."""
    parts = path.with_suffix("").parts
    own = parts[:-1] if parts[-1] == "__init__" else parts
    return any(own[-len(names) :] == names for names in _imported_names(reader, importer))


def _imported_names(reader: Reader, path: Path) -> frozenset[tuple[str, ...]]:
    """The modules that the import statements of a file may name, without the dots of relative ones."""
    key = ("names of imports", path)
    if key not in reader.project.memory:
        found: set[tuple[str, ...]] = set()
        for module, names, plain in IMPORTS.findall(reader.project.bytes_of(path).decode("utf-8", "replace")):
            base = tuple(part for part in (module or plain).split(".") if part)
            found |= {base, *((*base, name) for name in NAME.findall(names))}
        reader.project.memory[key] = frozenset(names for names in found if names)
    return reader.project.memory[key]  # type: ignore[return-value]  # only these sets are kept under this key


def _imported(unit: Unit) -> tuple[Binding, ...]:
    return (*unit.imports, *unit.stars)


def _imports(reader: Reader, binding: Binding, unit: Unit) -> bool:
    project = reader.project
    return project.module(binding.module, binding.unit) is unit or project.imported_module(binding) is unit


def _index(reader: Reader, unit: Unit) -> Mapping[ast.Call, tuple[Met, ...]]:
    """The places of one module where objects meet prompts, by the calls that made the objects."""
    key = ("uses of objects", unit)
    if key not in reader.project.memory:
        found: dict[ast.Call, tuple[Met, ...]] = {}
        for met in (*_calls(reader, unit), *_pipes(reader, unit)):
            for made in met.made:
                found[made.call] = (*found.get(made.call, ()), met)
        reader.project.memory[key] = found
    return reader.project.memory[key]  # type: ignore[return-value]  # only these tables are kept under this key


def _calls(reader: Reader, unit: Unit) -> Iterator[Met]:
    names = sorted({callee.rpartition(".")[2] for use in reader.rules.uses for callee in use.calls} - {PIPE})
    for name in names:
        for call in dict.fromkeys(calls_named(unit, name)):
            yield from _of_call(reader, unit, call)
    called = {callee.partition(".")[0] for use in reader.rules.uses for callee in use.calls if callee.endswith("()")}
    if any(name in unit.source.text for name in called):
        for node in unit.parents:
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                yield from (met for met in _of_call(reader, unit, node) if met.use.calls[0].endswith("()"))


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


def _pipes(reader: Reader, unit: Unit) -> Iterator[Met]:
    """``prompt | llm``, ``prompt | llm.bind_tools(tools) | parser``."""
    if "|" not in unit.source.text:
        return
    for node in unit.parents:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            for symbol in symbols(reader.project, unit, node.right):
                if isinstance(symbol, External) and symbol.made:
                    for use in reader.rules.uses_for(f"{symbol.name}.{PIPE}"):
                        yield Met(unit, node, use, symbol.made)


def last_operand(node: ast.expr) -> ast.expr:
    """What stands directly before the last ``|``: ``prompt`` of ``inputs | prompt``."""
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) else node


def method_of(made: Called) -> str:
    """The name of the method or the class that was called."""
    return last_name(made.call.func)
