"""Answer one question: a value is an argument of a call; where does it go inside?"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from migrator.flow.classes import all_fields, constructor, external_bases, is_data, lineage, repr_of
from migrator.flow.compare import follow_pattern, source
from migrator.flow.constants import constants, elements
from migrator.flow.objects import bound_to, kept_in, overriding, store_attribute
from migrator.flow.symbols import (
    UNKNOWN,
    Called,
    Class,
    External,
    Function,
    Instance,
    Symbol,
    attribute,
    last_name,
    symbols,
)
from migrator.flow.trace import ANY, Entered, Path, State, Trace, attr, fits, key
from migrator.flow.unit import Unit
from migrator.rulebook import Carrier, Slot, Surface

AZURE = ("azure",)
CONTAINERS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "enumerate"})
SHAPES = ("chat.completions.create", "chat.completions.parse", "chat.completions.stream",
          "responses.create", "responses.parse", "responses.stream")


def into_call(trace: Trace, state: State, call: ast.Call, name: str | None, position: int | None,
              path: Path) -> None:
    """The value, or what holds it at ``path``, is the argument ``name`` or number ``position`` of ``call``."""
    unit = state.unit
    if name is not None:
        trace.named(name)
    beside_azure(trace, state, call, name)
    if _judged_by_method(trace, state, call):
        return
    if name in LABELS and path:
        trace.block("metadata", f"{name}=", unit, call)
        return
    found = sorted(symbols(trace.project, unit, call.func), key=repr_of)
    arrived = _alternatives(trace, state, call, name, position, path, found)
    for symbol in found:
        if not (isinstance(symbol, External) and arrived):
            _into(trace, state, call, symbol, name, position, path)
    if not found or UNKNOWN in found:
        _unresolved(trace, state, call, name, path)


LABELS = frozenset({"metadata", "run_metadata", "tags_metadata", "labels"})
TESTS_OF_TEXT = frozenset({"startswith", "endswith", "__eq__", "find", "index"})


def _judged_by_method(trace: Trace, state: State, call: ast.Call) -> bool:
    """The literal itself is what a text is tested against, or what a mock's assertion expects."""
    last = last_name(call.func)
    if state.node is not trace.literal or not isinstance(call.func, ast.Attribute):
        return False
    if last.startswith("assert"):
        trace.block("assertion", source(state.unit, call), state.unit, call)
    elif last in TESTS_OF_TEXT:
        trace.block("comparison", source(state.unit, call), state.unit, call)
    else:
        return False
    return True


def _into(trace: Trace, state: State, call: ast.Call, symbol: Symbol, name: str | None,
          position: int | None, path: Path) -> None:
    match symbol:
        case External():
            into_external(trace, state, symbol, call, name if name is not None else position, path, state.unit, call)
        case Function():
            for unit, node in ((symbol.unit, symbol.node), *overriding(trace.project, symbol)):
                into_function(trace, state, call, Function(unit, node, symbol.bound), name, position, path)
        case Class():
            into_class(trace, state, call, symbol, name, position, path)
        case Instance():
            for method in attribute(trace.project, symbol, "__call__"):
                if isinstance(method, Function):
                    into_function(trace, state, call, method, name, position, path)
        case _:
            return


def _alternatives(trace: Trace, state: State, call: ast.Call, name: str | None, position: int | None,
                  path: Path, found: list[Symbol]) -> bool:
    """Judge all library meanings of the callee together: one may be Azure's client and one OpenAI's own.

    True when the value is the model of at least one of them, so that nothing is left to follow.
    """
    taking = [
        (symbol, surface)
        for symbol in found if isinstance(symbol, External)
        for surface in _taking(trace, symbol, name if name is not None else position, path)
    ]
    if not taking:
        return False
    reasons = {symbol: refusal(trace, state, symbol, surface, call) for symbol, surface in taking}
    free = [(s, f) for s, f in taking if reasons[s] is None]
    for symbol, surface in taking:
        reason = reasons[symbol]
        if reason is not None and (not free or reason[0] not in FORGIVEN):
            trace.block(("two_values" if free else reason[0]), reason[1], state.unit, call)
    for _, surface in free[:1]:
        trace.arrive(surface, Called(state.unit, call), state)
    return True


def _taking(trace: Trace, symbol: External, given: str | int | None, path: Path) -> Iterator[Surface]:
    """The surfaces of a call that take this argument as their model, holds last."""
    match = trace.migration.match(str(getattr(trace.literal, "value", "")))
    alias = match is not None and match.kind == "alias"
    for surface in trace.rules.surfaces_for(symbol.name):
        if any(_takes(slot, given, path) for slot in surface.slots) and (not alias or "alias" in surface.forms):
            yield surface


FORGIVEN = frozenset({"foreign_endpoint", "other_provider"})


def refusal(trace: Trace, state: State, symbol: External, surface: Surface, call: ast.Call | None
            ) -> tuple[str, str] | None:
    """Why a literal that is this call's model must not change, with what was seen; None when it may."""
    if surface.hold is not None:
        return surface.hold, surface.name
    if call is not None and (seen := _other_provider(trace, state.unit, call, surface)) is not None:
        return seen
    if call is not None and (host := _foreign(trace, state.unit, call, surface.endpoint, HOSTS)) is not None:
        return "foreign_endpoint", host
    if call is not None and surface.url is not None and not _own_url(trace, state.unit, call, surface):
        return "foreign_endpoint", source(state.unit, call.func)
    if call is not None and (seen := _refused_argument(trace, state.unit, call)) is not None:
        return seen
    if call is not None and (seen := _inner_client(trace, state.unit, call, surface.client)) is not None:
        return seen
    return _client_refusal(trace, symbol) or _beside(trace, state, surface) or _wrong_form(trace, state, surface)


def _refused_argument(trace: Trace, unit: Unit, call: ast.Call) -> tuple[str, str] | None:
    """An argument of the request that the target does not serve."""
    for refused in trace.migration.refused:
        given = argument(call, (refused.keyword,), None)
        if given is None or _is_none(given):
            continue
        texts = [str(n.value) for n in ast.walk(given) if isinstance(n, ast.Constant)]
        if not refused.contains or refused.contains in texts:
            return refused.reason, f"{refused.keyword}="
    return None


def _client_refusal(trace: Trace, symbol: External) -> tuple[str, str] | None:
    """The client on which the call is made talks to another server, or wraps one that does."""
    client = trace.rules.client_of(symbol.name)
    for made in symbol.made if client is not None else ():
        assert client is not None
        host = _foreign(trace, made.unit, made.call, client.endpoint, client.hosts or HOSTS)
        if host is not None:
            return "foreign_endpoint", host
        if (seen := _inner_client(trace, made.unit, made.call, client.client)) is not None:
            return seen
    return None


def _inner_client(trace: Trace, unit: Unit, call: ast.Call, slot: Slot | None) -> tuple[str, str] | None:
    """What stands against the client that this call is given: ``from_openai(AzureOpenAI())``."""
    given = argument(call, slot.keywords, slot.position) if slot is not None else None
    if given is None:
        return None
    found = [s for s in sorted(symbols(trace.project, unit, given), key=repr_of) if isinstance(s, External)]
    reasons = [_as_client(trace, symbol) for symbol in found]
    if not reasons or None in reasons:
        azure = next((r for r in reasons if r is not None and r[0] == "azure"), None)
        return ("two_values", azure[1]) if azure is not None else None
    return reasons[0]


def _as_client(trace: Trace, symbol: External) -> tuple[str, str] | None:
    for shape in ("chat.completions.create", "responses.create"):
        for surface in trace.rules.surfaces_for(f"{symbol.name}.{shape}"):
            if surface.hold is not None:
                return surface.hold, surface.name
    return _client_refusal(trace, symbol)


def _beside(trace: Trace, state: State, surface: Surface) -> tuple[str, str] | None:
    """An entry beside the model in a configuration dictionary names another provider or server."""
    if not any(slot.path for slot in surface.slots):
        return None
    current: State | None = state
    while current is not None:
        table = current.unit.parent(current.node)
        if isinstance(table, ast.Dict):
            seen = _entries_against(trace, current.unit, table, surface)
            if seen is not None:
                return seen
        current = current.via
    return None


def _entries_against(trace: Trace, unit: Unit, table: ast.Dict, surface: Surface) -> tuple[str, str] | None:
    for name, value in zip(table.keys, table.values, strict=True):
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            continue
        texts = [v for v in constants(trace.project, unit, value).values if isinstance(v, str) and v]
        if name.value in surface.endpoint and any(not any(h in t for h in HOSTS) for t in texts):
            return "foreign_endpoint", texts[0]
        provider = surface.provider
        if provider is not None and name.value in provider.keywords and texts and texts[0] not in provider.values:
            return ("azure" if "azure" in texts[0].lower() else "other_provider"), texts[0]
    return None


HOSTS = ("api.openai.com",)


def _wrong_form(trace: Trace, state: State, surface: Surface) -> tuple[str, str] | None:
    match = trace.migration.match(state.old)
    if match is not None and (match.kind == "gateway" or match.suffix):
        return None
    prefix = state.old[: max(state.old.rfind("/"), state.old.rfind(":")) + 1]
    if surface.forms and prefix and not any(_form(prefix, form) for form in surface.forms):
        return "prefix", f"{surface.name} does not take '{prefix}'"
    return None


def _form(prefix: str, form: str) -> bool:
    return form == prefix or (form == "openai/" and prefix.endswith("openai/")) or form == "any"


def _other_provider(trace: Trace, unit: Unit, call: ast.Call, surface: Surface) -> tuple[str, str] | None:
    provider = surface.provider
    if provider is None:
        return None
    given = argument(call, provider.keywords, provider.position)
    if given is None:
        return None
    text = ".".join(ast.unparse(given).split(".")[-2:])
    if text in provider.values:
        return None
    values = constants(trace.project, unit, given).values
    if values and all(v is None or str(v) in provider.values for v in values):
        return None
    named = values[0] if len(values) == 1 else text
    return ("azure" if "azure" in str(named).lower() else "other_provider"), str(named)


def argument(call: ast.Call, keywords: tuple[str, ...], position: int | None) -> ast.expr | None:
    """The argument of ``call`` by one of its keyword names or its position."""
    for given in call.keywords:
        if given.arg in keywords:
            return given.value
    if position is not None and position < len(call.args):
        return call.args[position]
    return None


def _foreign(trace: Trace, unit: Unit, call: ast.Call, endpoint: tuple[str, ...], hosts: tuple[str, ...]
             ) -> str | None:
    """The address of another server that this call is given, when one is written down."""
    given = argument(call, endpoint, None) or _dotted(call, endpoint)
    if given is None:
        return None
    for value in constants(trace.project, unit, given).values:
        if isinstance(value, str) and value.strip() and not any(host in value for host in hosts):
            return value
    if isinstance(given, ast.JoinedStr):
        text = "".join(str(v.value) for v in given.values if isinstance(v, ast.Constant))
        if "//" in text and not any(host in text for host in hosts):
            return text
    return None


def _dotted(call: ast.Call, endpoint: tuple[str, ...]) -> ast.expr | None:
    """``client_args.base_url``: an entry of a dictionary that is an argument."""
    for name in endpoint:
        holder, _, inner = name.partition(".")
        table = argument(call, (holder,), None) if inner else None
        if isinstance(table, ast.Dict):
            for entry, value in zip(table.keys, table.values, strict=True):
                if isinstance(entry, ast.Constant) and entry.value == inner:
                    return value
        elif isinstance(table, ast.Call):
            return argument(table, (inner,), None)
    return None


def _own_url(trace: Trace, unit: Unit, call: ast.Call, surface: Surface) -> bool:
    assert surface.url is not None
    given = argument(call, surface.url.keywords, surface.url.position)
    if given is None:
        return False
    texts = [v for v in constants(trace.project, unit, given).values if isinstance(v, str)]
    texts += [str(n.value) for n in ast.walk(given) if isinstance(n, ast.Constant)]
    return any(part in text for text in texts for part in surface.url.contains)


def _takes(slot: Slot, given: str | int | None, path: Path) -> bool:
    if isinstance(given, str):
        if given not in slot.keywords:
            return False
    elif given is None or given != slot.position:
        return False
    wanted = [key(ANY if p == "*" else p) for p in slot.path]
    return len(wanted) == len(path) and all(fits(a, b) for a, b in zip(path, wanted, strict=True))


def into_external(trace: Trace, state: State, symbol: External, call: ast.Call | None,
                  given: str | int | None, path: Path, unit: Unit, node: ast.AST) -> None:
    """The value goes into a library's call, or into a field of a class built on a library's."""
    taking = tuple(_taking(trace, symbol, given, path))
    for surface in taking:
        reason = refusal(trace, state, symbol, surface, call)
        if reason is not None:
            trace.block(reason[0], reason[1], unit, node)
        else:
            where = call if call is not None else ast.Call(ast.Name(symbol.name), [], [])
            trace.arrive(surface, Called(unit, where), state)
    if taking or call is None:
        return
    carrier = trace.rules.carrier_of(symbol.name)
    if carrier is not None:
        _carried(trace, state, carrier, symbol, call, given, path)
    else:
        _builtin(trace, state, symbol.name, call, given, path)


def _carried(trace: Trace, state: State, carrier: Carrier, symbol: External, call: ast.Call,
             given: str | int | None, path: Path) -> None:
    takes = given in carrier.keywords if isinstance(given, str) else given == carrier.position
    match carrier.kind:
        case "environment" if takes:
            _environment_name(trace, state, call)
            trace.go(state, state.unit, call, path, "environment default")
            if symbol.name.endswith("setdefault") and call.args:
                name = constants(trace.project, state.unit, call.args[0]).values
                read_environment(trace, state, str(name[0]) if name else "")
        case "value" | "field" | "parameter" if takes:
            trace.go(state, state.unit, call, path)
        case "option" if takes:
            _option(trace, state, call)
        case "asserts":
            _expected(trace, state, call)
        case "shows":
            if state.node is trace.literal:
                trace.block("text", "", state.unit, call)
            trace.lose("text")
        case _:
            _builtin(trace, state, symbol.name, call, given, path)


def _environment_name(trace: Trace, state: State, call: ast.Call) -> None:
    name = constants(trace.project, state.unit, call.args[0]).values if call.args else ()
    for text in name:
        trace.named(str(text))
        if is_azure(str(text)):
            trace.block("azure", str(text), state.unit, call)


def is_azure(name: str) -> bool:
    """Say whether a name speaks of an Azure deployment."""
    low = name.lower()
    return "azure" in low or "deployment" in low


def beside_azure(trace: Trace, state: State, call: ast.Call, name: str | None) -> None:
    """An argument beside the value, or its own name, says that it is an Azure deployment."""
    if name is not None and is_azure(name):
        trace.block("azure", name, state.unit, call)
    for other in call.keywords:
        if other.arg is not None and other.arg != name and _says_azure(other.arg, other.value):
            trace.block("azure", f"{other.arg} beside it", state.unit, call)


def _says_azure(name: str, value: ast.expr) -> bool:
    if name.lower().startswith("azure_") and not _is_none(value):
        return True
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.lower().startswith("azure")


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def azure_entries(table: ast.Dict) -> bool:
    """Say whether a dictionary's entries speak of Azure (``api_type``, ``azure_endpoint``)."""
    return any(
        isinstance(k, ast.Constant) and isinstance(k.value, str) and _says_azure(k.value, v)
        for k, v in zip(table.keys, table.values, strict=True)
    )


def _expected(trace: Trace, state: State, call: ast.Call) -> None:
    """A test's expectation: an obstacle when it tells the old name from the new one."""
    for other in call.args:
        values = constants(trace.project, state.unit, other).values
        if state.node is trace.literal or (other is not state.node and state.old in values):
            trace.block("assertion", source(state.unit, call), state.unit, call)
            return


def _option(trace: Trace, state: State, call: ast.Call) -> None:
    """The default of a command-line option: follow what the parser gives."""
    name = option_name(call)
    if name is None:
        trace.lose("an option without a name")
        return
    trace.named(name)
    for other in call.keywords:
        if other.arg in ("choices", "type") and not isinstance(other.value, ast.Name):
            found = elements(trace.project, state.unit, other.value)
            if found.known and state.new not in found.values:
                trace.block("membership", f"choices of --{name.replace('_', '-')}", state.unit, call)
        elif other.arg == "choices":
            found = elements(trace.project, state.unit, other.value)
            if state.new not in found.values:
                trace.block("membership", f"choices of --{name.replace('_', '-')}", state.unit, call)
    decorated = state.unit.parent(call)
    if isinstance(decorated, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for binding in state.unit.bindings.get((decorated, name), ()):
            bound_to(trace, state, binding, (), f"option --{name.replace('_', '-')}")
    else:
        for unit, parsed in _parsed(trace, state, name):
            trace.go(state, unit, parsed, (attr(name),), f"option --{name.replace('_', '-')}", context=())


def option_name(call: ast.Call) -> str | None:
    """The name under which a parsed option is read: ``--model-name`` gives ``model_name``."""
    given = argument(call, ("dest",), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    flags = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    plain = [f for f in flags if not f.startswith("-")]
    long = [f for f in flags if f.startswith("--")]
    chosen = (plain or long or flags or [None])[0]
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


def set_environment(trace: Trace, state: State, unit: Unit, holder: ast.expr, name: str) -> bool:
    """``os.environ[name] = value``: follow what reads the variable. False when ``holder`` is no environment."""
    if not any(isinstance(s, External) and s.name == "os.environ" for s in symbols(trace.project, unit, holder)):
        return False
    if is_azure(name):
        trace.block("azure", name, unit, holder)
    read_environment(trace, state, name)
    return True


def read_environment(trace: Trace, state: State, name: str) -> None:
    """Follow the places that read an environment variable by its name."""
    if not name.isidentifier():
        return
    for unit in trace.project.units_naming(name):
        for text in unit.strings:
            holder = unit.parent(text) if text.value == name else None
            called = isinstance(holder, ast.Call) and text in holder.args[:1]
            if called and _reads_environment(trace, unit, holder) or _is_entry(trace, unit, holder, text):
                assert holder is not None
                trace.go(state, unit, holder, (), f"environment {name}", context=())


def _is_entry(trace: Trace, unit: Unit, holder: ast.AST | None, text: ast.AST) -> bool:
    """Say whether ``holder`` is ``os.environ[text]``, read."""
    return isinstance(holder, ast.Subscript) and holder.slice is text and isinstance(holder.ctx, ast.Load) and any(
        isinstance(s, External) and s.name == "os.environ" for s in symbols(trace.project, unit, holder.value)
    )


def _reads_environment(trace: Trace, unit: Unit, call: ast.AST | None) -> bool:
    if not isinstance(call, ast.Call):
        return False
    found = (s for s in symbols(trace.project, unit, call.func) if isinstance(s, External))
    return any((c := trace.rules.carrier_of(s.name)) is not None and c.kind == "environment" for s in found)


def _builtin(trace: Trace, state: State, name: str, call: ast.Call, given: str | int | None, path: Path) -> None:
    """The calls of Python itself through which values pass."""
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
    elif name == "getattr" and given == 0 and path and path[0] == attr(_text(call, 1)):
        go(path[1:])
    elif name == "setattr" and given == 2 and _text(call, 1):
        made = ast.Attribute(call.args[0], _text(call, 1), ast.Store())
        state.unit.parents[made] = call
        kept_in(trace, state, state.unit, made, path, "")
    elif name in ("vars", "dataclasses.asdict", "attrs.asdict") and path and path[0][0] == "attr":
        go((key(path[0][1]), *path[1:]))
    elif name == "functools.partial" and given != 0:
        _into_partial(trace, state, call, given, path)
    elif name.startswith("re.") and given == 1 and not path:
        follow_pattern(trace, state, call)
    elif name in ("dataclasses.replace", "copy.replace") and isinstance(given, str):
        _replaced(trace, state, call, given, path)
    elif name.endswith(SHAPES):
        _shaped(trace, call, given, path)
    else:
        trace.lose(name)


def _text(call: ast.Call, index: int) -> str:
    node = call.args[index] if index < len(call.args) else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _into_partial(trace: Trace, state: State, call: ast.Call, given: str | int | None, path: Path) -> None:
    name = given if isinstance(given, str) else None
    position = given - 1 if isinstance(given, int) else None
    found = sorted(symbols(trace.project, state.unit, call.args[0]), key=repr_of)
    if _alternatives(trace, state, call, name, position, path, found):
        return
    for symbol in found:
        if isinstance(symbol, (Function, Class)):
            _into(trace, state, call, symbol, name, position, path)


def _replaced(trace: Trace, state: State, call: ast.Call, name: str, path: Path) -> None:
    for symbol in symbols(trace.project, state.unit, call.args[0]) if call.args else ():
        if isinstance(symbol, Instance):
            store_attribute(trace, state, symbol.cls, name, path, call)


def into_function(trace: Trace, state: State, call: ast.Call, function: Function, name: str | None,
                  position: int | None, path: Path) -> None:
    """The value goes into a parameter of one of the repository's functions."""
    entered = (*state.context, Entered(state.unit, call, function.node))
    arguments = function.node.args
    found = _parameter(function, call, name, position)
    if found is not None:
        _enter(trace, state, function, found, path, entered)
    elif name is not None and arguments.kwarg is not None:
        _enter(trace, state, function, arguments.kwarg, (key(name), *path), entered)
    elif position is not None and arguments.vararg is not None:
        _enter(trace, state, function, arguments.vararg, (key(ANY), *path), entered)


def _parameter(function: Function, call: ast.Call, name: str | None, position: int | None) -> ast.arg | None:
    from migrator.flow.callers import gives_first

    a = function.node.args
    if name is not None:
        return next((p for p in (*a.args, *a.kwonlyargs) if p.arg == name), None)
    positional = [*a.posonlyargs, *a.args]
    index = (position or 0) + (1 if gives_first(function, call) else 0)
    return positional[index] if index < len(positional) else None


def _enter(trace: Trace, state: State, function: Function, parameter: ast.arg, path: Path,
           entered: tuple[Entered, ...]) -> None:
    trace.named(parameter.arg)
    for binding in function.unit.bindings.get((function.node, parameter.arg), ()):
        if binding.node is parameter:
            title = getattr(function.node, "name", "lambda")
            inside = State(state.unit, state.node, state.path, state.old, state.new, entered, state, "")
            bound_to(trace, inside, binding, path, f"parameter {parameter.arg} of {title}")


def into_class(trace: Trace, state: State, call: ast.Call, cls: Class, name: str | None,
               position: int | None, path: Path) -> None:
    """The value goes into a constructor: the repository's own, a generated one, or a library's."""
    made = constructor(trace.project, cls)
    if made is not None:
        into_function(trace, state, call, made, name, position, path)
        return
    outside = external_bases(trace.project, cls)
    if any(base.name.endswith("TypedDict") for base in outside) and name is not None:
        trace.go(state, state.unit, call, (key(name), *path))
        return
    names = all_fields(trace.project, cls)
    field = name if name is not None else names[position] if position is not None and position < len(names) else None
    if field is not None and (field in names or any(is_data(c) for c in lineage(trace.project, cls))):
        store_attribute(trace, state, cls, field, path, call)
    given = name if name is not None else position
    for base in outside:
        into_external(trace, state, base, call, given, path, state.unit, call)
    if field is None and not outside:
        trace.lose(cls.node.name)


def _unresolved(trace: Trace, state: State, call: ast.Call, name: str | None, path: Path) -> None:
    """The callee could not be traced; say so, with more weight when it has the shape of a request."""
    trace.lose(ast.unparse(call.func))
    _shaped(trace, call, name, path)


def _shaped(trace: Trace, call: ast.Call, given: str | int | None, path: Path) -> None:
    text = ast.unparse(call.func)
    beside = {k.arg for k in call.keywords}
    if given == "model" and not path and text.endswith(SHAPES) and beside & {"messages", "input", None}:
        trace.lose(f"shape:{text}")
