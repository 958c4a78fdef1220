"""Answer one question: which path does this expression name?

Absolute where it is built on ``__file__``; relative, to nobody knows which folder, where it is a
plain string; None where a piece of it cannot be read.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable

from migrator.flow.constants import values_of
from migrator.flow.project import Project
from migrator.flow.symbols import External, last_name, symbols
from migrator.flow.unit import Unit

MAX_DEPTH = 12

# A call of one of these gives the path that it was given, or that it is a method of.
SAME = frozenset({"str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath"})
SAME_METHODS = frozenset({"resolve", "absolute", "as_posix"})
HERE = frozenset({"os.getcwd", "pathlib.Path.cwd"})

Known = tuple[ast.AST, str | None]


def place(project: Project, unit: Unit, node: ast.AST, known: Known, depth: int = 0) -> str | None:
    """The path that ``node`` names; ``known`` is an expression in it whose path is known already."""
    if node is known[0] or depth > MAX_DEPTH:
        return known[1] if node is known[0] else None
    match node:
        case ast.Constant(value=str()):
            return str(node.value)
        case ast.Name(id="__file__"):
            return unit.source.path.as_posix()
        case ast.Attribute(attr="parent"):
            return _folder(place(project, unit, node.value, known, depth + 1), 1)
        case ast.Subscript(value=ast.Attribute(attr="parents"), slice=ast.Constant(value=int())):
            assert isinstance(node.value, ast.Attribute)
            assert isinstance(node.slice, ast.Constant)
            inner = place(project, unit, node.value.value, known, depth + 1)
            return _folder(inner, 1 + int(str(node.slice.value)))
        case ast.Name() | ast.Attribute():
            return _named(project, unit, node, known, depth)
        case ast.BinOp(op=ast.Div()):
            return _joined(place(project, unit, n, known, depth + 1) for n in (node.left, node.right))
        case ast.BinOp(op=ast.Add()):
            return _glued(place(project, unit, n, known, depth + 1) for n in (node.left, node.right))
        case ast.JoinedStr():
            return _glued(place(project, unit, n, known, depth + 1) for n in node.values)
        case ast.FormattedValue():
            return place(project, unit, node.value, known, depth + 1)
        case ast.Call():
            return _of_call(project, unit, node, known, depth)
        case _:
            return None


def _named(project: Project, unit: Unit, node: ast.Name | ast.Attribute, known: Known, depth: int) -> str | None:
    """The one path that a name was given, wherever it was."""
    found = {
        place(project, where, value, known, depth + 1) if value is not None else None
        for where, value in values_of(project, unit, node)
    }
    return found.pop() if len(found) == 1 else None


def _of_call(project: Project, unit: Unit, call: ast.Call, known: Known, depth: int) -> str | None:
    names = {s.name for s in symbols(project, unit, call.func) if isinstance(s, External)}
    parts = [place(project, unit, argument, known, depth + 1) for argument in call.args]
    method = last_name(call.func)
    if names & HERE:
        return "."
    if names & SAME and parts:
        return parts[0]
    if "os.path.dirname" in names and parts:
        return _folder(parts[0], 1)
    if "os.path.join" in names or any(name.startswith("pathlib.") and name.endswith("Path") for name in names):
        return _joined(parts)
    if not isinstance(call.func, ast.Attribute):
        return None
    holder = place(project, unit, call.func.value, known, depth + 1)
    if method == "with_name" and len(parts) == 1:
        return _joined((_folder(holder, 1), parts[0]))
    if method == "joinpath":
        return _joined((holder, *parts))
    return holder if method in SAME_METHODS else None


def _folder(path: str | None, levels: int) -> str | None:
    for _ in range(levels if path is not None else 0):
        assert path is not None
        path = posixpath.dirname(path) if path.startswith("/") else posixpath.normpath(f"{path}/..")
    return path


def _joined(parts: Iterable[str | None]) -> str | None:
    texts = tuple(parts)
    known = [text for text in texts if text is not None]
    return posixpath.normpath(posixpath.join("", *known)) if known and len(known) == len(texts) else None


def _glued(parts: Iterable[str | None]) -> str | None:
    texts = tuple(parts)
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(texts) else None
