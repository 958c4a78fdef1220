"""Answer one question: which file of the repository does this expression read, and what does it say?

``Path(__file__).with_name("system.md").read_text()``, ``open("prompts/system.md").read()`` and
``files("app.prompts").joinpath("system.md").read_text()``, through names and the repository's own functions. A
path that is not whole in the code, or that two files answer to, names no file.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from migrator.flow.places import place
from migrator.flow.project import Project
from migrator.flow.request import Spot, bindings_of, entered_value
from migrator.flow.symbols import External, last_name, symbols
from migrator.flow.unit import LOOPS, Unit
from migrator.prompts.varying import Reader

MAX_DEPTH = 6
ENCODINGS = frozenset({"utf-8", "utf8", "utf-8-sig"})
# Each of them opens a file to be read as text.
MODES = frozenset({"r", "rt"})
FILES = "importlib.resources.files"


def file_text(reader: Reader, spot: Spot) -> str | None:
    """What the file says that a call of ``read`` or ``read_text`` reads whole; None where that is not certain."""
    call = spot.node
    assert isinstance(call, ast.Call)
    if not isinstance(call.func, ast.Attribute) or not _is_plain(call):
        return None
    base = Spot(spot.unit, call.func.value, spot.entered)
    opened = base if call.func.attr == "read_text" else _opened(reader, base, call)
    path = path_of(reader, opened) if opened is not None else None
    return _text(reader.project, path) if path is not None else None


def _is_plain(call: ast.Call) -> bool:
    """Say whether all of the file is read as UTF-8."""
    named = {k.arg: k.value for k in call.keywords}
    return not call.args and named.keys() <= {"encoding", "errors"} and _is_utf8(named.get("encoding"))


def _is_utf8(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and str(node.value).lower() in ENCODINGS)


def _opened(reader: Reader, spot: Spot, read: ast.Call) -> Spot | None:
    """What was opened: ``open(path)`` itself, or the name of a ``with`` whose file is read once."""
    node = spot.node
    if isinstance(node, ast.Name):
        found = spot.unit.lookup(node.id, node)
        if len(found) != 1 or found[0].kind != "entered" or found[0].value is None or found[0].unit is not spot.unit:
            return None
        if tuple(spot.unit.uses(found[0])) != (node,) or _loops(spot.unit, read) != _loops(spot.unit, found[0].node):
            return None
        node = found[0].value
    if not isinstance(node, ast.Call) or any(k.arg not in ("mode", "encoding", "errors") for k in node.keywords):
        return None
    named = {k.arg: k.value for k in node.keywords}
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr == "open"
    arguments: Sequence[ast.expr] = node.args
    if is_method:
        assert isinstance(node.func, ast.Attribute)
        arguments = (node.func.value, *node.args)
    elif not any(s.name == "open" for s in symbols(reader.project, spot.unit, node.func) if isinstance(s, External)):
        return None
    mode = named.get("mode", arguments[1] if len(arguments) > 1 else None)
    is_text = mode is None or (isinstance(mode, ast.Constant) and mode.value in MODES)
    if not arguments or len(arguments) > 2 or not is_text or not _is_utf8(named.get("encoding")):
        return None
    return Spot(spot.unit, arguments[0], spot.entered)


def _loops(unit: Unit, node: ast.AST) -> set[ast.AST]:
    return {above for above in unit.ancestors(node) if isinstance(above, LOOPS)}


def path_of(reader: Reader, spot: Spot) -> Path | None:
    """The one file of the repository that an expression names as a path."""
    packaged = _packaged(reader, spot)
    named = packaged or _named(reader, spot)
    if named is None:
        return None
    texts = reader.project.texts
    if named.startswith("/"):
        path = Path(os.path.normpath(named))
        return path if path in texts else None
    root = reader.project.root
    homes = (unit.source.path for unit in _units(spot))
    folders = dict.fromkeys(f for home in homes for f in home.parents if f == root or f.is_relative_to(root))
    found = {path for folder in folders if (path := Path(os.path.normpath(folder / named))) in texts}
    return found.pop() if len(found) == 1 else None


def _units(spot: Spot) -> Iterator[Unit]:
    yield spot.unit
    entered = spot.entered
    while entered is not None:
        yield entered.unit
        entered = entered.outer


def _named(reader: Reader, spot: Spot, depth: int = 0) -> str | None:
    """The path's text; a parameter in it is what the call gives through which the function was entered."""
    node = spot.node
    if depth > MAX_DEPTH:
        return None
    if isinstance(node, ast.Name):
        found = bindings_of(reader.project, spot.unit, node)
        given = entered_value(found[0], spot.entered) if len(found) == 1 else None
        if given is not None:
            return _named(reader, given, depth + 1)
        own = len(found) == 1 and found[0].kind == "value" and not found[0].path and found[0].unit is spot.unit
        if own and found[0].value is not None:
            return _named(reader, Spot(spot.unit, found[0].value, spot.entered), depth + 1)
    known = tuple(_given(reader, spot, depth))
    if len(known) > 1:
        return None
    return place(reader.project, spot.unit, node, known[0] if known else (ast.Pass(), None))


def _given(reader: Reader, spot: Spot, depth: int) -> Iterator[tuple[ast.AST, str | None]]:
    for inner in ast.walk(spot.node):
        if isinstance(inner, ast.Name) and inner is not spot.node:
            found = bindings_of(reader.project, spot.unit, inner)
            given = entered_value(found[0], spot.entered) if len(found) == 1 else None
            if given is not None:
                yield inner, _named(reader, given, depth + 1)


def _packaged(reader: Reader, spot: Spot) -> str | None:
    """``files("app.prompts").joinpath("system.md")`` and ``files("app") / "prompts/system.md"``."""
    match spot.node:
        case ast.BinOp(op=ast.Div(), left=ast.Call() as base, right=ast.Constant(value=str() as rest)):
            below = [str(rest)]
        case ast.Call(func=ast.Attribute(attr="joinpath", value=ast.Call() as base), args=args):
            below = [a.value for a in args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if len(below) != len(args):
                return None
        case _:
            return None
    names = {s.name for s in symbols(reader.project, spot.unit, base.func) if isinstance(s, External)}
    if names != {FILES} or len(base.args) != 1 or not isinstance(base.args[0], ast.Constant):
        return None
    return "/".join((*str(base.args[0].value).split("."), *below))


def _text(project: Project, path: Path) -> str | None:
    """The file's text as Python reads it: line ends are one character."""
    try:
        return project.bytes_of(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None


def is_read(call: ast.Call) -> bool:
    """Say whether a call can read a file, by its name alone."""
    return last_name(call.func) in ("read", "read_text")
