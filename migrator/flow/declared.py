"""Answer one question: does what is declared of a value, beside its default, admit the new name?

``CharField(max_length=11, choices=CHOICES, default="gpt-4o")``: the list, the length and the pattern
stand in the call that declares the field or makes the widget.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrator.flow.compare import source
from migrator.flow.constants import constants, values_of
from migrator.flow.symbols import last_name
from migrator.flow.trace import State, Trace
from migrator.flow.unit import Unit

MAX_DEPTH = 3
DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
LENGTHS = frozenset({"max_length", "max_len", "maxlen", "length"})
TEXTS = frozenset({"String", "VARCHAR", "Unicode", "CHAR", "NVARCHAR"})
CHOICES = frozenset(
    {"choices", "options", "values", "validator", "validators", "validate", "type", "click_type", "enum"}
)
PATTERNS = frozenset({"pattern", "regex"})
DEFAULTS = ("default", "value", "initial", "selected")
# They show a person what may be given, and refuse nothing.
EXAMPLES = frozenset({"examples", "example", "help", "description", "metadata", "json_schema_extra"})


def check_declaration(trace: Trace, state: State, unit: Unit, call: ast.Call) -> None:
    """The value is a default in ``call``, or is kept in the field that ``call`` declares."""
    given = [(None, a) for a in call.args] + [(k.arg, k.value) for k in call.keywords if k.arg not in EXAMPLES]
    for name, argument in given:
        if argument is state.node:
            continue
        if name in PATTERNS:
            _check_pattern(trace, state, unit, argument)
        elif (limit := _length(trace, unit, name, argument)) is not None and len(state.old) <= limit < len(state.new):
            trace.block("raises", f"at most {limit} characters", unit, call)
        elif _refused(trace, state, unit, argument):
            trace.block("membership", source(unit, argument), unit, argument)


def is_choice(name: str | None, call: ast.Call) -> bool:
    """Say whether ``call`` offers choices, of which the argument ``name`` is the default."""
    if name is not None and any(word in name for word in DEFAULTS):
        return True
    return any(k.arg in CHOICES | LENGTHS | PATTERNS for k in call.keywords)


def _check_pattern(trace: Trace, state: State, unit: Unit, argument: ast.expr) -> None:
    """``Field(pattern=r"^gpt-4o")`` must admit the new name."""
    for pattern in constants(trace.project, unit, argument).values:
        try:
            text = str(pattern)
            admits = re.search(text, state.new) is not None or re.search(text, state.old) is None
        except re.error:
            continue
        if not admits:
            trace.block("raises", f"pattern {text!r}"[:60], unit, argument)


def _length(trace: Trace, unit: Unit, name: str | None, argument: ast.expr) -> int | None:
    """The most characters that ``max_length=11`` or a column of ``String(11)`` takes."""
    if isinstance(argument, ast.Call) and last_name(argument.func) in TEXTS:
        keywords = [k.value for k in argument.keywords if k.arg in LENGTHS]
        limits = [n for a in (*argument.args[:1], *keywords) for n in constants(trace.project, unit, a).values]
    elif name in LENGTHS:
        limits = list(constants(trace.project, unit, argument).values)
    else:
        return None
    return min((n for n in limits if isinstance(n, int)), default=None)


def _refused(trace: Trace, state: State, unit: Unit, argument: ast.expr) -> bool:
    """Say whether a list among the arguments has the old name and not the new one."""
    texts = [text for display in _displays(trace, unit, argument) for text in _texts(display)]
    values = {text.value for text in texts if text is not trace.literal}
    return state.old in values and state.new not in values


def _displays(trace: Trace, unit: Unit, node: ast.expr, depth: int = 0) -> Iterator[ast.expr | ast.Call]:
    """The lists in an argument: written out, in a call as ``in_([...])`` and ``Enum("a", "b")``, or by name."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, DISPLAYS):
        yield node
    elif isinstance(node, ast.Call):
        if len(node.args) > 1:
            yield node
        for argument in (*node.args, *(k.value for k in node.keywords)):
            yield from _displays(trace, unit, argument, depth + 1)
    elif isinstance(node, (ast.Name, ast.Attribute)):
        for where, value in values_of(trace.project, unit, node):
            if value is not None:
                yield from _displays(trace, where, value, depth + 1)


def _texts(display: ast.expr) -> Iterator[ast.Constant]:
    parts = display.args if isinstance(display, ast.Call) else [display]
    for node in (n for part in parts for n in ast.walk(part)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
