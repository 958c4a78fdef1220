"""Answer one question: which static and varying segments is this text made of?

Read are literals, f-strings, ``+``, ``%``, ``.format``, ``join``, ``string.Template``, ``dedent``
and other methods of text, through names, attributes, imports and the repository's own functions.
"""

from __future__ import annotations

import ast
import inspect
import re
import string
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from migrator.flow.constants import given, values_of
from migrator.flow.request import Entered, Spot, bindings_of, entered_value
from migrator.flow.symbols import External, Function, last_name, returns, symbols
from migrator.flow.unit import LOOPS, Binding, Unit
from migrator.model import Span
from migrator.prompts.files import file_text, is_read
from migrator.prompts.pieces import Field, pieces
from migrator.prompts.template import Place, Segment, Varies
from migrator.prompts.varying import Reader, how_often

MAX_DEPTH = 12
MAX_TIMES = 10_000
Segments = tuple[Segment, ...]

_PERCENT = re.compile(
    r"%(?:\((?P<name>[^)]*)\))?[-#0 +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?(?P<kind>[%diouxXeEfFgGcrsa])"
)
_JINJA = re.compile(r"\{[{%#]")
# Methods and functions of text whose result can be computed when all of it is static.
SHAPES: Mapping[str, Callable[[str], str]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "capitalize": str.capitalize,
    "textwrap.dedent": textwrap.dedent,
    "inspect.cleandoc": inspect.cleandoc,
}


def place_of(unit: Unit, node: ast.AST) -> Place:
    """The bytes of an expression, in the file's text."""
    span = unit.span(node)
    return Place(unit.source.shown, span, unit.lines.line(span.start))


def text(reader: Reader, spot: Spot, depth: int = 0) -> Segments:
    """Read the segments of an expression that gives a text."""
    if depth > MAX_DEPTH:
        return (varying(reader, spot),)
    unit, node, entered = spot.unit, spot.node, spot.entered
    match node:
        case ast.Constant() if isinstance(node.value, str):
            return literal(reader, spot, depth)
        case ast.Constant() if type(node.value) in (int, float):
            return (Segment(place_of(unit, node), Varies.NEVER, str(node.value)),)
        case ast.JoinedStr():
            return literal(reader, spot, depth)
        case ast.BinOp(op=ast.Add()):
            sides = (Spot(unit, side, entered) for side in (node.left, node.right))
            return tuple(segment for side in sides for segment in _operand(reader, side, depth))
        case ast.BinOp(op=ast.Mod()):
            return _percent(reader, spot, node, depth)
        case ast.BinOp(op=ast.Mult()):
            return _repeated(reader, spot, node, depth)
        case ast.Call():
            return _call(reader, spot, node, depth)
        case ast.Name():
            return _name(reader, spot, node, depth)
        case ast.Attribute():
            return _attribute(reader, spot, node, depth)
        case ast.Await() | ast.NamedExpr():
            return text(reader, Spot(unit, node.value, entered), depth + 1)
        case _:
            return (varying(reader, spot),)


def solid(segments: Segments) -> Segments:
    """The same text, as a value that is written elsewhere."""
    return tuple(replace(segment, is_solid=segment.text is not None) for segment in segments)


def _operand(reader: Reader, spot: Spot, depth: int) -> Segments:
    """A side of ``+``: a string or a further sum stands here itself, anything else is a value."""
    segments = text(reader, spot, depth + 1)
    is_sum = isinstance(spot.node, ast.BinOp) and isinstance(spot.node.op, ast.Add)
    return segments if is_sum or isinstance(spot.node, (ast.Constant, ast.JoinedStr)) else solid(segments)


def varying(reader: Reader, spot: Spot) -> Segment:
    """An expression of which only how often it changes is known."""
    rate = how_often(reader, spot)
    code = spot.unit.code(spot.node)
    return Segment(place_of(spot.unit, spot.node), rate.varies, None, code, rate.why or code, most=rate.most)


def literal(reader: Reader, spot: Spot, depth: int = 0) -> Segments:
    """Read a string literal, implicit concatenation and fields included."""
    unit, node = spot.unit, spot.node
    source = unit.code(node)
    found = pieces(source)
    if found is None:
        return (varying(reader, spot),)
    fields = _fields(node)
    if len(fields) != sum(isinstance(part, Field) for part in found):
        return (varying(reader, spot),)
    start = unit.span(node).start
    segments: list[Segment] = []
    for part in found:
        place = _inside(unit, start, source, part.start, part.end)
        if isinstance(part, Field):
            value = fields[part.index]
            segments += _field(reader, Spot(unit, value, spot.entered), part, place, depth)
        elif part.text:
            segments.append(Segment(place, Varies.NEVER, part.text))
    return tuple(segments)


def _field(reader: Reader, spot: Spot, part: Field, place: Place, depth: int) -> Segments:
    assert isinstance(spot.node, ast.FormattedValue)
    if part.is_plain:
        inner = text(reader, Spot(spot.unit, spot.node.value, spot.entered), depth + 1)
        if all(s.text is not None for s in inner):
            return solid(inner)
    rate = how_often(reader, spot)
    return (Segment(place, rate.varies, None, part.code, rate.why or part.code, most=rate.most),)


def _fields(node: ast.AST) -> list[ast.FormattedValue]:
    values = node.values if isinstance(node, ast.JoinedStr) else []
    return [value for value in values if isinstance(value, ast.FormattedValue)]


def _inside(unit: Unit, start: int, source: str, first: int, last: int) -> Place:
    """Give the place of characters of a literal in its file."""
    begin = start + len(source[:first].encode())
    return Place(unit.source.shown, Span(begin, begin + len(source[first:last].encode())), unit.lines.line(begin))


def _name(reader: Reader, spot: Spot, node: ast.Name, depth: int) -> Segments:
    unit = spot.unit
    found = bindings_of(reader.project, unit, node)
    if len(found) == 1:
        given = entered_value(found[0], spot.entered)
        if given is not None:
            return text(reader, given, depth + 1)
        if found[0].kind == "import":
            values = tuple(imported(reader, found[0]))
            if len(values) == 1:
                return text(reader, values[0], depth + 1)
        elif found[0].kind == "value" and found[0].value is not None and not found[0].path:
            same = spot.entered if spot.entered is not None and found[0].unit is spot.entered.function.unit else None
            return _named(reader, Spot(found[0].unit, found[0].value, same), spot, depth)
    if len(found) > 1 and (grown := _grown(unit, node, found)) is not None:
        return tuple(s for value in grown for s in text(reader, Spot(unit, value, spot.entered), depth + 1))
    return (varying(reader, spot),)


def _named(reader: Reader, value: Spot, use: Spot, depth: int) -> Segments:
    """What a name holds; where nothing of it is static, the name says it shorter than its value."""
    found = text(reader, value, depth + 1)
    if len(found) == 1 and found[0].text is None:
        return (replace(found[0], place=place_of(use.unit, use.node), code=use.unit.code(use.node)),)
    return found


def imported(reader: Reader, binding: Binding) -> Iterator[Spot]:
    """The expressions that an imported name was given in its own module."""
    yield from (Spot(u, v) for u, v in given(reader.project, binding) if v is not None)


def _grown(unit: Unit, node: ast.Name, found: Sequence[Binding]) -> list[ast.expr] | None:
    """The values of ``p = a; p += b``, where each statement surely runs once, in this order, before the use."""
    ordered = sorted(found, key=lambda b: (getattr(b.node, "lineno", 0), getattr(b.node, "col_offset", 0)))
    values: list[ast.expr] = []
    for number, binding in enumerate(ordered):
        is_more = isinstance(unit.parent(binding.node), ast.AugAssign)
        sure = unit.always_before(binding.node, node) and unit.common_loop(binding.node, node) is None
        if binding.unit is not unit or binding.value is None or binding.path or is_more != bool(number) or not sure:
            return None
        turns = any(isinstance(above, LOOPS) for above in _own(unit, binding))
        if binding.scope is not unit.scope(node) or turns:
            return None
        values.append(binding.value)
    return values


def _own(unit: Unit, binding: Binding) -> Iterator[ast.AST]:
    """What is around a binding inside its own scope."""
    for above in unit.ancestors(binding.node):
        if above is binding.scope:
            return
        yield above


def _attribute(reader: Reader, spot: Spot, node: ast.Attribute, depth: int) -> Segments:
    values = tuple(values_of(reader.project, spot.unit, node))
    if len(values) == 1 and values[0][1] is not None:
        found = text(reader, Spot(values[0][0], values[0][1]), depth + 1)
        if all(s.varies < Varies.PROCESS for s in found):
            return found
    return (varying(reader, spot),)


def _call(reader: Reader, spot: Spot, call: ast.Call, depth: int) -> Segments:
    unit, entered = spot.unit, spot.entered
    name = last_name(call.func)
    base = Spot(unit, call.func.value, entered) if isinstance(call.func, ast.Attribute) else None
    if name == "format" and base is not None and not starred(call):
        return _format(reader, spot, base, call, depth)
    if name == "join" and base is not None and len(call.args) == 1:
        return _join(reader, spot, base, call.args[0], depth)
    callees = symbols(reader.project, unit, call.func)
    names = {s.name for s in callees if isinstance(s, External)}
    if base is not None and name in SHAPES and not call.args:
        return _shaped(text(reader, base, depth + 1), SHAPES[name], place_of(unit, call))
    shape = next((n for n in names if n in SHAPES), None)
    if shape is not None and len(call.args) == 1:
        return _shaped(text(reader, Spot(unit, call.args[0], entered), depth + 1), SHAPES[shape], place_of(unit, call))
    if name in ("substitute", "safe_substitute") and base is not None and not starred(call):
        return _substituted(reader, spot, base, call, depth)
    if names == {"str"} and len(call.args) == 1:
        return text(reader, Spot(unit, call.args[0], entered), depth + 1)
    if is_read(call) and (said := file_text(reader, spot)) is not None:
        return (Segment(place_of(unit, call), Varies.DEPLOYMENT, said, unit.code(call), "a file", is_solid=True),)
    if name == "render" and base is not None:
        return _rendered(reader, spot, base, depth)
    own = [s for s in callees if isinstance(s, Function)]
    if len(own) == 1 and len(callees) == 1 and (inner := result_of(spot, call, own[0])) is not None:
        return _named(reader, inner, spot, depth)
    return (varying(reader, spot),)


def result_of(spot: Spot, call: ast.Call, function: Function) -> Spot | None:
    """The one expression that a function of the repository gives back, seen from this call of it."""
    values = [function.node.body] if isinstance(function.node, ast.Lambda) else list(returns(function.node))
    if len(values) != 1 or starred(call):
        return None
    return Spot(function.unit, values[0], Entered(spot.unit, call, function, spot.entered))


def starred(call: ast.Call) -> bool:
    """Say whether a call takes arguments by ``*`` or ``**``."""
    return any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)


def _shaped(segments: Segments, shape: Callable[[str], str], place: Place) -> Segments:
    """Compute a method of text where all of it is known; else keep the segments, which are then only near it."""
    if all(s.text is not None for s in segments):
        return (Segment(place, Varies.NEVER, shape("".join(s.text or "" for s in segments))),)
    if shape in (str.strip, str.lstrip, str.rstrip):
        return _stripped(segments, shape)
    return tuple(replace(s, whole=False) for s in segments)


def _stripped(segments: Segments, shape: Callable[[str], str]) -> Segments:
    """Take white space off the ends, which is exact where the ends are static."""
    parts = list(segments)
    first, last = parts[0], parts[-1]
    if shape in (str.strip, str.lstrip) and first.text is not None:
        parts[0] = replace(first, text=first.text.lstrip())
    last = parts[-1]
    if shape in (str.strip, str.rstrip) and last.text is not None:
        parts[-1] = replace(last, text=last.text.rstrip())
    return tuple(parts)


def _join(reader: Reader, spot: Spot, separator: Spot, items: ast.expr, depth: int) -> Segments:
    found = _elements(reader, Spot(spot.unit, items, spot.entered))
    between = text(reader, separator, depth + 1)
    if found is None or any(s.text is None for s in between):
        return (varying(reader, spot),)
    segments: list[Segment] = []
    for number, element in enumerate(found):
        segments += between if number else ()
        segments += text(reader, element, depth + 1)
    return tuple(segments)


def _elements(reader: Reader, spot: Spot) -> list[Spot] | None:
    """The elements of a list display, through a name that is given once and never grown."""
    node = spot.node
    if isinstance(node, ast.Name):
        found = bindings_of(reader.project, spot.unit, node)
        if len(found) != 1 or found[0].value is None or found[0].kind != "value" or found[0].path:
            return None
        home = found[0].unit
        if len(home.uses(found[0])) > 1 and isinstance(found[0].value, ast.List):
            return None
        return _elements(reader, Spot(home, found[0].value, spot.entered))
    if not isinstance(node, (ast.List, ast.Tuple)) or any(isinstance(e, ast.Starred) for e in node.elts):
        return None
    return [Spot(spot.unit, e, spot.entered) for e in node.elts]


def _format(reader: Reader, spot: Spot, base: Spot, call: ast.Call, depth: int) -> Segments:
    """``"...{name}...".format(name=value)``: the fields become what they are given."""
    template = text(reader, base, depth + 1)
    if any(s.text is None for s in template):
        return (varying(reader, spot),)
    given = _arguments(spot, call)
    place = template[0].place if len(template) == 1 else place_of(base.unit, base.node)
    segments: list[Segment] = []
    try:
        fields = list(string.Formatter().parse("".join(s.text or "" for s in template)))
    except ValueError:
        return (varying(reader, spot),)
    number = 0
    for static, field, form, conversion in fields:
        if static:
            segments.append(Segment(place, Varies.NEVER, static))
        if field is None:
            continue
        if field == "":
            field, number = str(number), number + 1
        root = re.split(r"[.\[]", field, maxsplit=1)[0]
        value = given.get(root)
        if value is None:
            return (varying(reader, spot),)
        plain = root == field and not form and not conversion
        segments += _filled(reader, value, plain, depth)
    return tuple(segments)


def _arguments(spot: Spot, call: ast.Call) -> Mapping[str, Spot]:
    given = {str(i): Spot(spot.unit, value, spot.entered) for i, value in enumerate(call.args)}
    return given | {k.arg: Spot(spot.unit, k.value, spot.entered) for k in call.keywords if k.arg is not None}


def _filled(reader: Reader, value: Spot, plain: bool, depth: int) -> Segments:
    inner = text(reader, value, depth + 1) if plain else (varying(reader, value),)
    return solid(inner) if all(s.text is not None for s in inner) else (varying(reader, value),)


def _percent(reader: Reader, spot: Spot, node: ast.BinOp, depth: int) -> Segments:
    """``"... %s ..." % value`` and ``"... %(name)s ..." % {"name": value}``."""
    template = text(reader, Spot(spot.unit, node.left, spot.entered), depth + 1)
    if any(s.text is None for s in template):
        return (varying(reader, spot),)
    written = "".join(s.text or "" for s in template)
    fields = [m for m in _PERCENT.finditer(written) if m["kind"] != "%"]
    values = _percent_values(spot, node.right, fields)
    if values is None or "*" in "".join(m[0] for m in fields):
        return (varying(reader, spot),)
    place = template[0].place if len(template) == 1 else place_of(spot.unit, node.left)
    segments: list[Segment] = []
    at = 0
    for match, value in zip(fields, values, strict=True):
        segments.append(Segment(place, Varies.NEVER, written[at : match.start()].replace("%%", "%")))
        segments += _filled(reader, value, match[0] == "%s", depth)
        at = match.end()
    segments.append(Segment(place, Varies.NEVER, written[at:].replace("%%", "%")))
    return tuple(s for s in segments if s.text != "")


def _repeated(reader: Reader, spot: Spot, node: ast.BinOp, depth: int) -> Segments:
    """``"text" * 3``."""
    times = node.right.value if isinstance(node.right, ast.Constant) else None
    inner = text(reader, Spot(spot.unit, node.left, spot.entered), depth + 1)
    if type(times) is not int or times > MAX_TIMES or any(s.text is None for s in inner):
        return (varying(reader, spot),)
    written = "".join(s.text or "" for s in inner) * times
    return (Segment(place_of(spot.unit, node), Varies.NEVER, written),)


def _percent_values(spot: Spot, right: ast.expr, fields: list[re.Match[str]]) -> list[Spot] | None:
    unit, entered = spot.unit, spot.entered
    if fields and all(m["name"] is not None for m in fields):
        if not isinstance(right, ast.Dict):
            return None
        table = {k.value: v for k, v in zip(right.keys, right.values, strict=True) if isinstance(k, ast.Constant)}
        found = [table.get(m["name"]) for m in fields]
        return None if any(v is None for v in found) else [Spot(unit, v, entered) for v in found if v is not None]
    values = list(right.elts) if isinstance(right, ast.Tuple) else [right]
    return [Spot(unit, v, entered) for v in values] if len(values) == len(fields) else None


def _substituted(reader: Reader, spot: Spot, base: Spot, call: ast.Call, depth: int) -> Segments:
    """``string.Template("... $name ...").substitute(name=value)``."""
    made = base.node
    if isinstance(made, ast.Name):
        found = bindings_of(reader.project, base.unit, made)
        if len(found) == 1 and found[0].kind == "value" and found[0].value is not None:
            base, made = Spot(found[0].unit, found[0].value), found[0].value
    if not isinstance(made, ast.Call) or len(made.args) != 1 or call.args or last_name(made.func) != "Template":
        return (varying(reader, spot),)
    template = text(reader, Spot(base.unit, made.args[0], base.entered), depth + 1)
    if any(s.text is None for s in template):
        return (varying(reader, spot),)
    given = _arguments(spot, call)
    segments: list[Segment] = []
    written, at = "".join(s.text or "" for s in template), 0
    place = template[0].place
    for match in string.Template.pattern.finditer(written):
        segments.append(Segment(place, Varies.NEVER, written[at : match.start()] + ("$" if match["escaped"] else "")))
        name = match["named"] or match["braced"]
        if name:
            if name not in given:
                return (varying(reader, spot),)
            segments += _filled(reader, given[name], True, depth)
        at = match.end()
    segments.append(Segment(place, Varies.NEVER, written[at:]))
    return tuple(s for s in segments if s.text != "")


def _rendered(reader: Reader, spot: Spot, base: Spot, depth: int) -> Segments:
    """``jinja2.Template("... {{ name }} ...").render(...)``: the text before the first sign is there as it stands."""
    made = base.node
    if isinstance(made, ast.Name):
        found = bindings_of(reader.project, base.unit, made)
        if len(found) == 1 and found[0].kind == "value" and found[0].value is not None and not found[0].path:
            base, made = Spot(found[0].unit, found[0].value), found[0].value
    names = (
        {s.name for s in symbols(reader.project, base.unit, made.func) if isinstance(s, External)}
        if isinstance(made, ast.Call)
        else set()
    )
    if names != {"jinja2.Template"} or not isinstance(made, ast.Call) or len(made.args) != 1:
        return (varying(reader, spot),)
    template = text(reader, Spot(base.unit, made.args[0], base.entered), depth + 1)
    if any(s.text is None for s in template):
        return (varying(reader, spot),)
    written = "".join(s.text or "" for s in template)
    sign = _JINJA.search(written)
    # White space before a sign may go, by the sign or by the environment's settings.
    static = Segment(template[0].place, template[0].varies, written[: sign.start() if sign else None].rstrip())
    code = spot.unit.code(spot.node)
    rest = Segment(place_of(spot.unit, spot.node), Varies.REQUEST, None, code, "what stands in the template")
    return (replace(static, is_solid=True), rest) if sign else (replace(static, is_solid=True),)
