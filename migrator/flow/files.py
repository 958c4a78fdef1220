"""Answer one question: a file holds the value; which expressions give what the file holds?

A string that names the file is followed like a container that holds the value: the first step into
it is the file, with the path as far as it is known, and the keys in the file are the next ones.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePosixPath

from migrator.flow.constants import constants
from migrator.flow.objects import bound_to, same_object
from migrator.flow.places import place
from migrator.flow.symbols import External, symbols
from migrator.flow.trace import Path, State, Trace, attr, fits, in_file, is_file, key
from migrator.flow.unit import Unit
from migrator.nouns import Carrier

# Methods of a path or of an open file that give it, or its text, back.
PASSING = frozenset({"open", "read", "read_text", "read_bytes", "decode", "encode", "strip", "resolve", "absolute"})
PASSING_TOO = frozenset({"expanduser", "as_posix", "__enter__", "getvalue"})


def named(trace: Trace, first: State, path: FilePath, keys: Path) -> None:
    """Begin at each string that names the file: it holds the value under ``keys``."""
    trace.file = path
    for unit in trace.project.units_naming(path.name):
        for text in unit.strings:
            if PurePosixPath(str(text.value)).name == path.name:
                trace.go(first, unit, text, (in_file(str(text.value)), *keys), "names the file")


def composed(trace: Trace, first: State, path: FilePath, keys: Path) -> None:
    """Begin at each function that is given the tables of a folder in which the file is: ``@hydra.main(...)``.

    A file in a folder below stands under the folder's name.
    """
    for unit in trace.project.units_naming("config_path"):
        for text in unit.strings:
            keyword = unit.parent(text)
            call = unit.parent(keyword)
            function = unit.parent(call)
            folder = unit.source.path.parent / str(text.value)
            if isinstance(call, ast.Call) and _is_composed(trace, unit, call, keyword) and folder in path.parents:
                inside = path.parent.relative_to(folder).parts
                for way in (whole := (*map(key, inside), *keys), as_attributes(whole)):
                    _given(trace, first, unit, function, way)


def _is_composed(trace: Trace, unit: Unit, call: ast.Call, keyword: ast.AST) -> bool:
    names = (s.name for s in symbols(trace.project, unit, call.func) if isinstance(s, External))
    rows = [row for name in names if (row := trace.rules.reader_of(name)) is not None and row.kind == "composed"]
    return isinstance(keyword, ast.keyword) and any(keyword.arg in row.keywords for row in rows)


def _given(trace: Trace, first: State, unit: Unit, function: ast.AST, keys: Path) -> None:
    arguments = function.args.args if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
    for binding in unit.bindings.get((function, arguments[0].arg), ()) if arguments else ():
        bound_to(trace, first, binding, keys, "reads the folder", context=())


def lengthen(trace: Trace, state: State, whole: ast.AST) -> None:
    """The path that names the file is a piece of a longer one: ``FOLDER / "config.yaml"``."""
    found = place(trace.project, state.unit, whole, (state.node, state.path[0][1]))  # type: ignore[arg-type]  # a path
    trace.go(state, state.unit, whole, (in_file(found), *state.path[1:]))


def method_of_file(trace: Trace, state: State, call: ast.Call, method: str) -> None:
    """``path.read_text()``, ``file.read()``."""
    if method in PASSING or method in PASSING_TOO:
        trace.go(state, state.unit, call, state.path)


def into_reader(
    trace: Trace, state: State, symbol: External, call: ast.Call, given: str | int | None, path: Path
) -> bool:
    """The file's name, or what the file holds, is given to a library's call; False when that is another's concern."""
    reader = trace.rules.reader_of(symbol.name)
    state = replace(state, path=path)
    if reader is not None and is_file(path):
        if reader.kind != "attributes" and _takes(reader, given):
            _read(trace, state, reader, call)
    elif reader is not None and reader.kind == "attributes":
        _by_attributes(trace, state, call, given, path)
    elif not is_file(path):
        return False
    elif symbol.name == "str":
        trace.go(state, state.unit, call, state.path)
    elif symbol.name.rpartition(".")[2] in ("joinpath", "with_name"):
        lengthen(trace, state, call)
    elif trace.rules.carrier_of(symbol.name) is not None:
        return False
    return True


def _takes(reader: Carrier, given: str | int | None) -> bool:
    if reader.position is None and not reader.keywords:
        return True
    return given in reader.keywords if isinstance(given, str) else given == reader.position


def _read(trace: Trace, state: State, reader: Carrier, call: ast.Call) -> None:
    match reader.kind:
        case "path" if len(call.args) > 1 and reader.position is None:
            lengthen(trace, state, call)
        case "path":
            trace.go(state, state.unit, call, state.path)
        case _:
            answer = is_this_file(trace, state)
            if answer:
                open_content(trace, state, reader, call)
            elif answer is None:
                trace.doubts.append((state, call, reader))


def open_content(trace: Trace, state: State, reader: Carrier, call: ast.Call) -> None:
    """The call gives what the file holds."""
    keys = state.path[1:]
    if reader.kind == "filled" and isinstance(call.func, ast.Attribute):
        same_object(trace, state, state.unit, call.func.value, keys)
    elif reader.kind == "content":
        trace.go(state, state.unit, call, keys, "reads the file")
        trace.go(state, state.unit, call, as_attributes(keys), "reads the file")


def _by_attributes(trace: Trace, state: State, call: ast.Call, given: str | int | None, path: Path) -> None:
    """``Box(config)``, and ``SimpleNamespace(**config)`` whose entries arrive one by one."""
    keys = (attr(given), *path) if isinstance(given, str) else path
    trace.go(state, state.unit, call, keys)
    trace.go(state, state.unit, call, as_attributes(keys))


def is_option_read(trace: Trace, state: State, call: ast.Call, method: str) -> bool:
    """``parser.get("llm", "model")`` of an INI file: two keys at once, where a dictionary has key and default."""
    if method != "get" or len(call.args) != 2 or len(state.path) < 2 or not _is_parser(trace, state, call):
        return False
    for wanted, held in zip(call.args, state.path, strict=False):
        values = constants(trace.project, state.unit, wanted).values
        if values and not any(fits(held, key(value)) for value in values):
            return False
    return True


def _is_parser(trace: Trace, state: State, call: ast.Call) -> bool:
    found = symbols(trace.project, state.unit, call.func)
    return any(isinstance(s, External) and s.name.startswith("configparser.") for s in found)


def as_attributes(keys: Path) -> Path:
    """The same keys, read as attributes: ``config.llm.model`` of OmegaConf."""
    return tuple(attr(str(name)) if isinstance(name, str) else (kind, name) for kind, name in keys)


def is_this_file(trace: Trace, state: State) -> bool | None:
    """Say whether the path means this file, from whichever folder the program is started; None for perhaps."""
    text, file = state.path[0][1], trace.file
    if not isinstance(text, str) or file is None:
        return None
    if text.startswith("/"):
        return FilePath(os.path.normpath(text)) == file
    found = {path for folder in _folders(trace, state) if (path := FilePath(os.path.normpath(folder / text))).exists()}
    if found == {file}:
        return True
    ending = PurePosixPath(os.path.normpath(text)).parts
    return None if file in found or (not found and file.parts[-len(ending) :] == ending) else False


def _folders(trace: Trace, state: State) -> Iterator[FilePath]:
    """The folders above the code that names the file and above the code that reads it, inside the project."""
    root = trace.project.root
    for unit in (state.unit, _first_unit(state)):
        yield from (p for p in unit.source.path.parents if p == root or p.is_relative_to(root))


def _first_unit(state: State) -> Unit:
    while state.via is not None and state.via.via is not None:
        state = state.via
    return state.unit
