"""Answer one question: which bytes of the code write which stretch of a message's text?

A message's text is written by atoms, one after the other: stretches of a string's text that may be cut
anywhere, and fields or operands that may only be taken whole. Where the atoms do not give the very text
that was read as the message's, there is no answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.flow.request import Spot, bindings_of
from migrator.flow.symbols import last_name, returns
from migrator.flow.unit import Binding, Unit
from migrator.prompts.blocks import HOLE
from migrator.prompts.layout import holed
from migrator.prompts.pieces import Field, Piece, pieces
from migrator.prompts.texts import solid, text
from migrator.prompts.varying import Reader

MAX_DEPTH = 6
_BRACES = re.compile(r"\{\{|\}\}|\{(?P<name>\w+)(?P<rest>[^{}]*)\}|[{}]")
_PERCENT = re.compile(r"%%|%\((?P<name>[^)]*)\)[-#0 +\d.]*[diouxXeEfFgGcrsa]|%")


@dataclass(frozen=True, slots=True)
class Token:
    """One string in the code, from its prefix to its last quote, or one operand that is none. Bytes of the text."""

    start: int
    end: int
    prefix: str
    quote: str


@dataclass(frozen=True, slots=True)
class Atom:
    """A stretch of text and the bytes that write it: character i by ``offsets[i]`` up to the next one.

    One that may not be cut has no offsets, only ``start`` and ``end``.
    """

    text: str
    start: int
    end: int
    token: Token
    offsets: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Written:
    """The atoms of one text, and the file that they stand in."""

    unit: Unit
    atoms: tuple[Atom, ...]

    @property
    def text(self) -> str:
        """The text, with one sign for each part that may only be moved whole."""
        return "".join(atom.text for atom in self.atoms)

    def place(self, at: int, *, is_end: bool) -> tuple[int, Token] | None:
        """The byte at which character ``at`` begins, or the one before it ends; None inside what may not be cut."""
        begin = 0
        for atom in self.atoms:
            last = begin + len(atom.text)
            inside = begin < at <= last if is_end else begin <= at < last
            if inside:
                return _in_atom(atom, at - begin)
            begin = last
        return None


def _in_atom(atom: Atom, index: int) -> tuple[int, Token] | None:
    if index == 0:
        return atom.start, atom.token
    if index == len(atom.text):
        return atom.end, atom.token
    return (atom.offsets[index], atom.token) if atom.offsets else None


def written(reader: Reader, unit: Unit, node: ast.expr, depth: int = 0) -> Written | None:
    """Find the atoms of an expression that gives a text; None where its text may not be moved."""
    if depth > MAX_DEPTH:
        return None
    match node:
        case ast.Constant() | ast.JoinedStr():
            atoms = _of_literal(reader, unit, node)
        case ast.BinOp(op=ast.Add()):
            atoms = _of_sum(reader, unit, node)
        case ast.BinOp(op=ast.Mod(), right=ast.Dict()):
            return _of_template(reader, unit, node.left, node, _PERCENT, depth)
        case ast.Call() if isinstance(node.func, ast.Attribute) and last_name(node.func) == "format":
            if node.args or any(k.arg is None for k in node.keywords):
                return None
            return _of_template(reader, unit, node.func.value, node, _BRACES, depth)
        case ast.Call() if isinstance(node.func, ast.Attribute) and last_name(node.func) in ("strip", "rstrip"):
            return None if node.args else written(reader, unit, node.func.value, depth + 1)
        case ast.Call() if (inner := _only_call(reader, unit, node)) is not None:
            return written(reader, unit, inner, depth + 1)
        case ast.Name() if (found := _only_use(reader, unit, node)) is not None and found.value is not None:
            return written(reader, found.unit, found.value, depth + 1)
        case _:
            return None
    return Written(unit, tuple(atoms)) if atoms is not None else None


def with_placeholders(reader: Reader, unit: Unit, node: ast.expr) -> Written | None:
    """Find the atoms of a text whose ``{name}`` a library fills: each may only be moved whole."""
    plain = written(reader, unit, node)
    if plain is None or any(not atom.offsets for atom in plain.atoms):
        return None
    split = [part for atom in plain.atoms for part in _split(atom, _BRACES)]
    known = tuple(part for part in split if part is not None)
    return Written(plain.unit, known) if len(known) == len(split) else None


def _only_call(reader: Reader, unit: Unit, call: ast.Call) -> ast.expr | None:
    """What a function of this file gives back that is called only here, and named by no other file."""
    if not isinstance(call.func, ast.Name):
        return None
    found = unit.lookup(call.func.id, call.func)
    if len(found) != 1 or found[0].unit is not unit or not isinstance(found[0].node, ast.FunctionDef):
        return None
    if tuple(unit.uses(found[0])) != (call.func,) or is_named_elsewhere(reader, unit, call.func.id):
        return None
    values = list(returns(found[0].node))
    return values[0] if len(values) == 1 and not found[0].node.decorator_list else None


def _only_use(reader: Reader, unit: Unit, node: ast.Name) -> Binding | None:
    """The binding of a name that is given once in this file and read only here, and by no other file."""
    found = bindings_of(reader.project, unit, node)
    if len(found) != 1 or found[0].unit is not unit or found[0].kind != "value" or found[0].path:
        return None
    if tuple(unit.uses(found[0])) != (node,):
        return None
    if isinstance(found[0].scope, ast.Module) and is_named_elsewhere(reader, unit, node.id):
        return None
    return found[0]


def is_named_elsewhere(reader: Reader, unit: Unit, name: str) -> bool:
    """Say whether another file of the project has this name in it."""
    return any(path != unit.source.path for path in reader.project.files_naming(name))


def _of_literal(reader: Reader, unit: Unit, node: ast.expr) -> list[Atom] | None:
    span = unit.span(node)
    source = unit.lines.slice(span)
    found = pieces(source)
    if found is None:
        return None
    fields = [v for v in node.values if isinstance(v, ast.FormattedValue)] if isinstance(node, ast.JoinedStr) else []
    if len(fields) != sum(isinstance(part, Field) for part in found):
        return None
    byte = _Bytes(source, span.start)
    tokens = _tokens(source, byte)
    atoms: list[Atom] = []
    for part in found:
        token = next(t for t in tokens if t.start <= byte(part.start) and byte(part.end) <= t.end)
        if isinstance(part, Piece):
            atoms.append(_of_piece(part, byte, token))
        else:
            inner = text(reader, Spot(unit, fields[part.index].value)) if part.is_plain else ()
            known = bool(inner) and all(s.text is not None for s in inner)
            sign = holed(solid(inner)) if known else HOLE
            atoms.append(Atom(sign, byte(part.start), byte(part.end), token))
    return [atom for atom in atoms if atom.text]


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Give the byte in the file of a character of a literal's source."""

    source: str
    start: int

    def __call__(self, index: int) -> int:
        return self.start + len(self.source[:index].encode())


def _of_piece(part: Piece, byte: _Bytes, token: Token) -> Atom:
    offsets = tuple(byte(i) for i in part.offsets)
    return Atom(part.text, offsets[0], byte(part.end), token, offsets)


def _tokens(source: str, byte: _Bytes) -> list[Token]:
    """The strings of an implicit concatenation."""
    import libcst as cst

    node = cst.parse_expression(f"({source}\n)")
    found: list[Token] = []
    at = 0
    stack: list[cst.BaseExpression] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, cst.ConcatenatedString):
            stack += [one.right, one.left]
        elif isinstance(one, (cst.SimpleString, cst.FormattedString)):
            code = cst.Module([]).code_for_node(one.with_changes(lpar=(), rpar=()))
            at = source.index(code, at)
            prefix = one.prefix
            found.append(Token(byte(at), byte(at + len(code)), prefix, one.quote))
            at += len(code)
    return found


def _of_sum(reader: Reader, unit: Unit, node: ast.BinOp) -> list[Atom] | None:
    """``"text" + value + RULES``: each operand is a token of its own."""
    atoms: list[Atom] = []
    for operand in _operands(node):
        if isinstance(operand, (ast.Constant, ast.JoinedStr)):
            inner = _of_literal(reader, unit, operand)
            if inner is None:
                return None
            atoms += inner
            continue
        span = unit.span(operand)
        segments = text(reader, Spot(unit, operand))
        sign = holed(solid(segments))
        atoms.append(Atom(sign, span.start, span.end, Token(span.start, span.end, "", "")))
    return atoms


def _operands(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _operands(node.left)
        yield from _operands(node.right)
    else:
        yield node


def _of_template(
    reader: Reader, unit: Unit, base: ast.expr, whole: ast.expr, fields: re.Pattern[str], depth: int
) -> Written | None:
    """A template that is filled by name: its text may be moved whatever fills it."""
    found = _template_literal(reader, unit, base)
    if found is None:
        return None
    home, node = found
    atoms = _of_literal(reader, home, node)
    if atoms is None or any(not atom.offsets for atom in atoms):
        return None
    filled = text(reader, Spot(unit, whole))
    split = [part for atom in atoms for part in _split(atom, fields)]
    if any(part is None for part in split):
        return None
    known = [part for part in split if part is not None]
    return Written(home, tuple(_named(known, holed(filled))))


def _template_literal(reader: Reader, unit: Unit, base: ast.expr) -> tuple[Unit, ast.expr] | None:
    """The literal of a template, directly or through a name that is only ever filled."""
    if isinstance(base, (ast.Constant, ast.JoinedStr)):
        return (unit, base) if isinstance(base, ast.Constant) else None
    if not isinstance(base, ast.Name):
        return None
    found = bindings_of(reader.project, unit, base)
    if len(found) != 1 or found[0].unit is not unit or found[0].kind != "value" or found[0].path:
        return None
    if not isinstance(found[0].value, ast.Constant):
        return None
    if tuple(unit.uses(found[0])) != (base,) or is_named_elsewhere(reader, unit, base.id):
        return None
    return unit, found[0].value


def _split(atom: Atom, fields: re.Pattern[str]) -> Iterator[Atom | None]:
    """Cut a template's text at its fields; None where something in it cannot be read."""
    at = 0
    offsets = (*atom.offsets[: len(atom.text)], atom.end)
    for match in fields.finditer(atom.text):
        if match.start() > at:
            yield _part(atom, offsets, at, match.start())
        if match.groupdict().get("name") is not None:
            yield Atom(HOLE, offsets[match.start()], offsets[match.end()], atom.token)
        elif match[0] in ("{{", "}}", "%%"):
            yield Atom(match[0][0], offsets[match.start()], offsets[match.end()], atom.token)
        else:
            yield None
        at = match.end()
    if at < len(atom.text):
        yield _part(atom, offsets, at, len(atom.text))


def _part(atom: Atom, offsets: Sequence[int], start: int, end: int) -> Atom:
    inner = tuple(offsets[start : end + 1])
    return Atom(atom.text[start:end], inner[0], inner[-1], atom.token, inner)


def _named(atoms: Sequence[Atom], filled: str) -> Iterator[Atom]:
    """Give each field the text that fills it, so that the atoms give the message's text.

    A field may be filled by static text; what stands between two neighbours in the filled text is its own.
    """
    at = 0
    for index, atom in enumerate(atoms):
        if atom.offsets or atom.text != HOLE:
            at += len(atom.text)
            yield atom
            continue
        after = "".join(a.text for a in atoms[index + 1 : index + 2])
        end = filled.find(after, at) if after and after != HOLE else (len(filled) if not after else at + 1)
        end = max(end, at)
        yield Atom(filled[at:end], atom.start, atom.end, atom.token)
        at = end
