"""Answer one question: a value goes into a call of Python or of a library; where does it come out?"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from migrator.flow.compare import follow_pattern, source
from migrator.flow.constants import constants, elements
from migrator.flow.environment import read_environment
from migrator.flow.objects import bound_to, kept_in, store_attribute
from migrator.flow.refusals import argument, is_azure
from migrator.flow.stores import widget
from migrator.flow.symbols import External, Function, Instance, symbols
from migrator.flow.trace import ANY, Path, State, Trace, attr, key
from migrator.flow.unit import Unit
from migrator.rulebook import Carrier

SHAPES = (
    "chat.completions.create",
    "chat.completions.parse",
    "chat.completions.stream",
    "responses.create",
    "responses.parse",
    "responses.stream",
)
OPENERS = frozenset({"open", "pathlib.Path", "os.path.join", "importlib.import_module", "importlib.resources.files"})
CONTAINERS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "enumerate"})


def follow_carrier(
    trace: Trace,
    state: State,
    carrier: Carrier,
    symbol: External,
    call: ast.Call,
    given: str | int | None,
    path: Path,
) -> None:
    takes = given in carrier.keywords if isinstance(given, str) else given == carrier.position
    match carrier.kind:
        case "environment" if takes:
            _environment_name(trace, state, call)
            trace.go(state, state.unit, call, path, "environment default")
            if symbol.name.endswith("setdefault") and call.args:
                name = constants(trace.project, state.unit, call.args[0]).values
                read_environment(trace, state, str(name[0]) if name else "")
        case "value" | "field" | "parameter" | "widget" if takes:
            trace.go(state, state.unit, call, path)
            if carrier.kind == "widget":
                widget(trace, state, symbol, call, path)
        case "option" if takes:
            _option(trace, state, call, path)
        case "asserts":
            _expected(trace, state, call)
        case "shows":
            if state.node is trace.literal:
                trace.block("text", "", state.unit, call)
            trace.lose("text")
        case _:
            follow_builtin(trace, state, symbol, call, given, path)


def _environment_name(trace: Trace, state: State, call: ast.Call) -> None:
    name = constants(trace.project, state.unit, call.args[0]).values if call.args else ()
    for text in name:
        trace.named(str(text))
        if is_azure(str(text)):
            trace.block("azure", str(text), state.unit, call)


def _expected(trace: Trace, state: State, call: ast.Call) -> None:
    """A test's expectation: an obstacle when it tells the old name from the new one."""
    for other in call.args:
        values = constants(trace.project, state.unit, other).values
        if state.node is trace.literal or (other is not state.node and state.old in values):
            trace.block("assertion", source(state.unit, call), state.unit, call)
            return


def _option(trace: Trace, state: State, call: ast.Call, path: Path) -> None:
    """The default of a command-line option: follow what the parser gives."""
    name = option_name(call)
    if name is None:
        trace.lose("an option without a name")
        return
    trace.named(name)
    for other in call.keywords:
        found = elements(trace.project, state.unit, other.value) if other.arg in ("choices", "type") else None
        if found is not None and (found.known or other.arg == "choices") and state.new not in found.values:
            trace.block("membership", f"choices of --{name.replace('_', '-')}", state.unit, call)
        if other.arg in ("type", "callback"):
            _converted(trace, state, other.value)
    decorated = state.unit.parent(call)
    if isinstance(decorated, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for binding in state.unit.bindings.get((decorated, name), ()):
            bound_to(trace, state, binding, path, f"option --{name.replace('_', '-')}")
    else:
        for unit, parsed in _parsed(trace, state, name):
            trace.go(state, unit, parsed, (attr(name), *path), f"option --{name.replace('_', '-')}", context=())


def _converted(trace: Trace, state: State, converter: ast.expr) -> None:
    """A function of the repository converts or checks the option: the value goes into its last parameter."""
    for symbol in symbols(trace.project, state.unit, converter):
        if isinstance(symbol, Function) and symbol.node.args.args:
            parameter = symbol.node.args.args[-1]
            for binding in symbol.unit.bindings.get((symbol.node, parameter.arg), ()):
                bound_to(trace, state, binding, (), f"checked by {parameter.arg}", context=())


def option_name(call: ast.Call) -> str | None:
    """The name under which a parsed option is read: ``--model-name`` gives ``model_name``."""
    given = argument(call, ("dest",), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    flags = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    plain = [f for f in flags if not f.startswith("-")]
    long = [f for f in flags if f.startswith("--")]
    chosen = next(iter(plain or long or flags), None)
    return None if chosen is None else chosen.split("/")[0].lstrip("-").replace("-", "_").lower()


def _parsed(trace: Trace, state: State, name: str) -> Iterator[tuple[Unit, ast.Call]]:
    """The ``parse_args()`` calls that may give this option: in the same file, else where it is read."""
    here = tuple(_parse_calls(state.unit))
    if here:
        yield from ((state.unit, call) for call in here)
        return
    for unit in trace.project.units_naming(name, "parse_args"):
        yield from ((unit, call) for call in _parse_calls(unit))


def _parse_calls(unit: Unit) -> Iterator[ast.Call]:
    for name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
        for access in unit.attributes.get(name, ()):
            call = unit.parent(access)
            if isinstance(call, ast.Call) and call.func is access:
                yield call


def follow_builtin(
    trace: Trace, state: State, symbol: External, call: ast.Call, given: str | int | None, path: Path
) -> None:
    """The calls of Python itself through which values pass."""
    name = symbol.name
    go: Callable[[Path], None] = lambda inner: trace.go(state, state.unit, call, inner)  # noqa: E731
    if name == "dict" and isinstance(given, str):
        go((key(given), *path))
    elif name == "dict" or name in CONTAINERS:
        go((key(ANY), *path[1:]) if name != "dict" and path else path)
    elif name == "zip" and isinstance(given, int) and path:
        go((key(ANY), key(given), *path[1:]))
    elif name in ("next", "min", "max", "random.choice") and path:
        go(path[1:])
    elif name == "getattr" and given == 2 and not path:
        go(())
    elif ((name == "getattr" and given == 1) or name in OPENERS) and not path:
        trace.block("chooses_code", source(state.unit, call), state.unit, call)
    elif name == "getattr" and given == 0 and path and path[0] == attr(_text(call, 1)):
        go(path[1:])
    elif name == "setattr" and given == 2 and _text(call, 1):
        made = ast.Attribute(call.args[0], _text(call, 1), ast.Store())
        state.unit.parents[made] = call
        kept_in(trace, state, state.unit, made, path, "")
    elif name in ("vars", "dataclasses.asdict", "attrs.asdict") and path and path[0][0] == "attr":
        go((key(path[0][1]), *path[1:]))
    elif name.startswith("re.") and given == 1 and not path:
        follow_pattern(trace, state, call, state.unit, call.args[0], "re")
    elif name in ("fnmatch.fnmatch", "fnmatch.fnmatchcase") and given == 0 and len(call.args) > 1:
        follow_pattern(trace, state, call, state.unit, call.args[1], "fnmatch")
    elif name.startswith("re.compile().") and given == 0 and symbol.made and symbol.made[0].call.args:
        compiled = symbol.made[0]
        follow_pattern(trace, state, call, compiled.unit, compiled.call.args[0], "re")
    elif name in ("dataclasses.replace", "copy.replace") and isinstance(given, str):
        _replaced(trace, state, call, given, path)
    elif name.endswith(SHAPES):
        note_shape(trace, call, given, path)
    else:
        trace.lose(name)


def _text(call: ast.Call, index: int) -> str:
    node = call.args[index] if index < len(call.args) else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _replaced(trace: Trace, state: State, call: ast.Call, name: str, path: Path) -> None:
    for symbol in symbols(trace.project, state.unit, call.args[0]) if call.args else ():
        if isinstance(symbol, Instance):
            store_attribute(trace, state, symbol.cls, name, path, call)


def note_shape(trace: Trace, call: ast.Call, given: str | int | None, path: Path) -> None:
    text = ast.unparse(call.func)
    beside = {k.arg for k in call.keywords}
    if given == "model" and not path and text.endswith(SHAPES) and beside & {"messages", "input", None}:
        trace.lose(f"shape:{text}")
