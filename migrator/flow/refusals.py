"""Answer one question: what stands against changing the model of this very call?

Its client talks to another server, it is an Azure deployment, the table says so, or the request asks
for something that the new model does not serve.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from migrator.flow.classes import repr_of
from migrator.flow.compare import source
from migrator.flow.constants import constants, elements, fragments, values_of
from migrator.flow.guards import reachable
from migrator.flow.request import arguments
from migrator.flow.symbols import Called, External, symbols
from migrator.flow.trace import State, Trace
from migrator.flow.unit import FUNCTIONS, Unit, parameters_of
from migrator.hosts import OPENAI, is_served
from migrator.rulebook import Slot, Surface

FORGIVEN = frozenset({"other_provider"})


def refusal(
    trace: Trace, state: State, symbol: External, surface: Surface, call: ast.Call | None
) -> tuple[str, str] | None:
    """Why a literal that is this call's model must not change, with what was seen; None when it may."""
    if surface.hold is not None:
        return surface.hold, surface.name
    if (seen := _process_wide(trace, state, symbol)) is not None:
        return seen
    if call is not None and (seen := _other_provider(trace, state.unit, call, surface)) is not None:
        return seen
    if call is not None and (seen := _foreign(trace, state.unit, call, surface.endpoint, own_hosts(trace))) is not None:
        return seen
    if call is not None and surface.url is not None and not _own_url(trace, state.unit, call, surface):
        return "foreign_endpoint", source(state.unit, call.func)
    if call is not None and (seen := _refused_argument(trace, state.unit, call)) is not None:
        return seen
    if call is not None and (seen := _inner_client(trace, state.unit, call, surface.client, state)) is not None:
        return seen
    return _client_refusal(trace, symbol, state) or _beside(trace, state, surface) or _wrong_form(trace, state, surface)


def _process_wide(trace: Trace, state: State, symbol: External) -> tuple[str, str] | None:
    """A setting of the library as a whole, here or in a module that runs together with this one."""
    library = symbol.name.partition(".")[0]
    for unit in (state.unit, *_setting_elsewhere(trace, state.unit)):
        seen = _set_on_library(trace, unit, symbol) or _environment_set(trace, unit)
        seen = seen or _default_client(trace, state, unit, symbol) or _replaced(trace, unit, symbol)
        if seen is not None:
            return seen
    return _renamed(trace, state, library)


def _set_on_library(trace: Trace, unit: Unit, symbol: External) -> tuple[str, str] | None:
    """``openai.api_type = "azure"``, ``openai.base_url = "http://..."``."""
    library = symbol.name.partition(".")[0]
    for name in ON_LIBRARY:
        for store in unit.stores.get(name, ()):
            held = {s.name for s in symbols(trace.project, unit, store.value) if isinstance(s, External)}
            statement = unit.parent(store)
            if not isinstance(statement, ast.Assign) or not any(_same_client(h, library, symbol) for h in held):
                continue
            if name == "azure_endpoint" or (name == "api_type" and _is_azure_text(statement.value)):
                return "azure", source(unit, statement)
            if name in ("api_base", "base_url") and (seen := against(trace, unit, statement.value, own_hosts(trace))):
                return seen
    return None


ON_LIBRARY = ("api_type", "azure_endpoint", "api_base", "base_url")


def _setting_elsewhere(trace: Trace, unit: Unit) -> tuple[Unit, ...]:
    """The modules that set something for the whole process, and run with this one: one imports the other."""
    project = trace.project
    key = ("settings elsewhere", unit)
    if key not in project.memory:
        project.memory[key] = ()
        setters = [u for u in _setting(trace) if u is not unit]
        own = _imports_of(trace, unit) if setters else frozenset[Unit]()
        project.memory[key] = tuple(u for u in setters if u in own or unit in _imports_of(trace, u))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _setting(trace: Trace) -> tuple[Unit, ...]:
    """The modules that may set something for the whole process."""
    project = trace.project
    key = ("setting",)
    if key not in project.memory:
        texts = (*SETTERS, *sorted(OWN_VARIABLES), "api_type", "azure_endpoint")
        found = [u for name in texts for u in project.units_naming(name)]
        project.memory[key] = tuple(unit for unit in dict.fromkeys(found) if _may_set(unit))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _may_set(unit: Unit) -> bool:
    """Say whether a module stores into a library or the environment, or calls a setter: naming one is not enough."""
    if any(unit.stores.get(name) for name in ON_LIBRARY):
        return True
    if any(unit.loads.get(name) or unit.attributes.get(name) for name in SETTERS):
        return True
    holders = (unit.parent(text) for text in unit.strings if text.value in OWN_VARIABLES)
    return any(isinstance(holder, ast.Subscript) and isinstance(holder.ctx, ast.Store) for holder in holders)


def _imports_of(trace: Trace, unit: Unit) -> frozenset[Unit]:
    """The modules of the repository that a module imports, directly or through others."""
    project = trace.project
    key = ("imports of", unit)
    if key in project.memory:
        return project.memory[key]  # type: ignore[return-value]  # only these sets are kept under this key
    seen: set[Unit] = set()
    queue = [unit]
    while queue:
        current = queue.pop()
        for binding in (*current.imports, *current.stars):
            for found in (project.module(binding.module, current), project.imported_module(binding)):
                if found is not None and found not in seen:
                    seen.add(found)
                    queue.append(found)
    project.memory[key] = frozenset(seen)
    return frozenset(seen)


SETTERS = ("set_default_openai_client",)


def _default_client(trace: Trace, state: State, unit: Unit, symbol: External) -> tuple[str, str] | None:
    """``set_default_openai_client(AsyncAzureOpenAI())`` decides for all agents."""
    for name in SETTERS if symbol.name.startswith("agents.") or unit is state.unit else ():
        for load in (*unit.loads.get(name, ()), *unit.attributes.get(name, ())):
            call = unit.parent(load)
            if isinstance(call, ast.Call) and call.func is load:
                slot = Slot(("client",), 0, ())
                if (seen := _inner_client(trace, unit, call, slot, state)) is not None:
                    return seen
    return None


def _replaced(trace: Trace, unit: Unit, symbol: External) -> tuple[str, str] | None:
    """``openai.OpenAI = AzureOpenAI`` puts something else in the library's place; a wrapper around it does not."""
    for part in symbol.name.replace("()", "").split(".")[1:]:
        for store in unit.stores.get(part, ()):
            statement = unit.parent(store)
            if not isinstance(statement, ast.Assign) or part in ast.unparse(statement.value).split("."):
                continue
            held = {s.name for s in symbols(trace.project, unit, store.value) if isinstance(s, External)}
            if any(f"{symbol.name}.".startswith((f"{h}.{part}.", f"{h}.{part}().")) for h in held):
                is_named = is_azure(ast.unparse(statement.value))
                return ("azure" if is_named else "unknown_endpoint"), source(unit, statement)
    return None


RENAMERS = ("model_alias_map",)


def _renamed(trace: Trace, state: State, library: str) -> tuple[str, str] | None:
    """``litellm.model_alias_map = {"gpt-4o": ...}``, in whichever file: the name is an alias of the user's own."""
    for unit in (u for name in RENAMERS for u in trace.project.units_naming(library, name)):
        for store in (s for name in RENAMERS for s in unit.stores.get(name, ())):
            statement = unit.parent(store)
            known = elements(trace.project, unit, statement.value) if isinstance(statement, ast.Assign) else None
            if known is not None and state.old in known.values and state.new not in known.values:
                return "alias", source(unit, store)
    return None


def _same_client(held: str, library: str, symbol: External) -> bool:
    return held == library or symbol.name.startswith(held + ".")


def _is_azure_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and "azure" in str(value.value)


def _environment_set(trace: Trace, unit: Unit) -> tuple[str, str] | None:
    """``os.environ["OPENAI_BASE_URL"] = "http://..."``."""
    for text in unit.strings:
        holder = unit.parent(text) if text.value in OWN_VARIABLES else None
        statement = unit.parent(holder) if holder is not None else None
        if (
            isinstance(holder, ast.Subscript)
            and isinstance(holder.ctx, ast.Store)
            and isinstance(statement, ast.Assign)
        ):
            if (seen := against(trace, unit, statement.value, own_hosts(trace))) is not None:
                return seen
    return None


def _refused_argument(trace: Trace, unit: Unit, call: ast.Call) -> tuple[str, str] | None:
    """An argument of the request that the target does not serve."""
    for refused in trace.migration.refused:
        given = argument(call, (refused.keyword,), None)
        if given is None or is_none(given):
            continue
        texts = [str(n.value) for n in ast.walk(given) if isinstance(n, ast.Constant)]
        if not refused.contains or refused.contains in texts:
            return refused.reason, f"{refused.keyword}="
    return None


def _client_refusal(trace: Trace, symbol: External, state: State) -> tuple[str, str] | None:
    """The client on which the call is made talks to another server, or wraps one that does."""
    client = trace.rules.client_of(symbol.name)
    for made in symbol.made if client is not None else ():
        assert client is not None
        if made.call in trace.judged or not reachable_from_value(trace, made, state):
            continue
        # A client that is bound to its own wrapper leads back to itself: each call is judged once on a way.
        trace.judged.add(made.call)
        seen = _foreign(trace, made.unit, made.call, client.endpoint, (*client.hosts, *own_hosts(trace)))
        seen = seen or _inner_client(trace, made.unit, made.call, client.client, state)
        trace.judged.discard(made.call)
        if seen is not None:
            return seen
    return None


def _inner_client(trace: Trace, unit: Unit, call: ast.Call, slot: Slot | None, state: State) -> tuple[str, str] | None:
    """What stands against the client that this call is given: ``from_openai(AzureOpenAI())``."""
    given = argument(call, slot.keywords, slot.position) if slot is not None else None
    if given is None:
        return None
    found = [s for s in sorted(symbols(trace.project, unit, given), key=repr_of) if isinstance(s, External)]
    if not found and isinstance(given, ast.Call) and is_azure(ast.unparse(given.func)):
        return "azure", source(unit, given)
    reasons = [_as_client(trace, symbol, state) for symbol in found]
    if not reasons or None in reasons:
        azure = next((r for r in reasons if r is not None and r[0] == "azure"), None)
        return ("two_values", azure[1]) if azure is not None else None
    return reasons[0]


def _as_client(trace: Trace, symbol: External, state: State) -> tuple[str, str] | None:
    for shape in ("chat.completions.create", "responses.create"):
        for surface in trace.rules.surfaces_for(f"{symbol.name}.{shape}"):
            if surface.hold is not None:
                return surface.hold, surface.name
    return _client_refusal(trace, symbol, state)


def _beside(trace: Trace, state: State, surface: Surface) -> tuple[str, str] | None:
    """An entry beside the model in a configuration dictionary names another provider or server."""
    if not any(slot.path for slot in surface.slots):
        return None
    current: State | None = state
    while current is not None:
        table = current.unit.parent(current.node)
        if isinstance(table, ast.Dict):
            seen = _entriesagainst(trace, current.unit, table, surface)
            if seen is not None:
                return seen
        current = current.via
    return None


def _entriesagainst(trace: Trace, unit: Unit, table: ast.Dict, surface: Surface) -> tuple[str, str] | None:
    for name, value in zip(table.keys, table.values, strict=True):
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            continue
        texts = [v for v in constants(trace.project, unit, value).values if isinstance(v, str) and v]
        if name.value in surface.endpoint and any(not is_served(t, own_hosts(trace)) for t in texts):
            return "foreign_endpoint", texts[0]
        provider = surface.provider
        if provider is not None and name.value in provider.keywords and texts and texts[0] not in provider.values:
            return ("azure" if "azure" in texts[0].lower() else "other_provider"), texts[0]
    return None


def _wrong_form(trace: Trace, state: State, surface: Surface) -> tuple[str, str] | None:
    match = trace.migration.match(state.old)
    if match is not None and (match.kind == "gateway" or match.suffix or match.is_foreign):
        return None
    # Without a match the text holds a name that is only told about. A slash may be a part of the name itself.
    prefix = match.prefix if match is not None else state.old[: max(state.old.rfind("/"), state.old.rfind(":")) + 1]
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
    text = _short(given)
    if text in provider.values:
        return None
    held = values_of(trace.project, unit, given) if isinstance(given, (ast.Name, ast.Attribute)) else ()
    named = [_short(value) for _, value in held if isinstance(value, ast.Attribute)]
    if named and all(n in provider.values for n in named):
        return None
    values = constants(trace.project, unit, given).values
    if values and all(v is None or str(v) in provider.values for v in values):
        return None
    other = values[0] if len(values) == 1 else next((n for n in named if n not in provider.values), text)
    return ("azure" if "azure" in str(other).lower() else "other_provider"), str(other)


def _short(node: ast.expr) -> str:
    """The last two parts of a dotted name: ``ModelPlatformType.OPENAI``."""
    return ".".join(ast.unparse(node).split(".")[-2:])


def argument(call: ast.Call, keywords: tuple[str, ...], position: int | None) -> ast.expr | None:
    """The argument of ``call`` by one of its keyword names or its position."""
    for given in call.keywords:
        if given.arg in keywords:
            return given.value
    if position is not None and position < len(call.args):
        return call.args[position]
    return None


def _foreign(
    trace: Trace, unit: Unit, call: ast.Call, endpoint: tuple[str, ...], hosts: tuple[str, ...]
) -> tuple[str, str] | None:
    """What is known against the server that this call is given: Azure's, another one, or an unknown one."""
    if not endpoint:
        return None
    given = [(g.unit, g.value) for g in arguments(trace.project, unit, call) if g.name in endpoint]
    dotted = _dotted(call, endpoint)
    if dotted is not None:
        given.append((unit, dotted))
    for other in arguments(trace.project, unit, call):
        if other.name in ("default_query", "default_headers") and _has_key(other.value, ("api-version", "api-key")):
            return "azure", f"{other.name}="
    for where, value in given:
        seen = against(trace, where, value, hosts)
        if seen is not None:
            return seen
    return None


def _has_key(value: ast.expr, names: tuple[str, ...]) -> bool:
    return isinstance(value, ast.Dict) and any(isinstance(k, ast.Constant) and k.value in names for k in value.keys)


OWN_VARIABLES = frozenset({"OPENAI_BASE_URL", "OPENAI_API_BASE"})


def own_hosts(trace: Trace) -> tuple[str, ...]:
    """Give the hosts that serve both names: OpenAI's, and those of the migration."""
    return (*OPENAI, *trace.migration.hosts)


def against(trace: Trace, unit: Unit, value: ast.expr, hosts: tuple[str, ...]) -> tuple[str, str] | None:
    found = fragments(trace.project, unit, value)
    texts = sorted(found.texts)
    azure = next((t for t in (*texts, *sorted(found.optional)) if _is_azure_address(t)), None)
    if azure is not None:
        return "azure", azure
    other = next((t for t in texts if _is_address(t) and not is_served(t, hosts)), None)
    if other is not None:
        return "foreign_endpoint", other
    known = any(is_served(t, hosts) for t in texts) or set(texts) <= OWN_VARIABLES
    return None if found.complete and known else ("unknown_endpoint", source(unit, value))


def _is_azure_address(text: str) -> bool:
    """Azure's own hosts, a variable named after it, or the path of its v1 API behind an unread host."""
    low = text.lower()
    if "://" in low:
        return any(host in low for host in ("openai.azure.com", "cognitiveservices.azure", "services.ai.azure"))
    return "azure" in low or low.lstrip("/").startswith("openai/v1")


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith(("localhost", "127.", "0.0.0.0"))


def reachable_from_value(trace: Trace, made: Called, state: State) -> bool:
    """Say whether a client is made where the model's own name leads: ``if "deepseek" in model: OpenAI(...)``.

    The function that makes the client is given the name under a parameter that bears a model's name.
    """
    function = next((a for a in made.unit.ancestors(made.call) if isinstance(a, FUNCTIONS)), None)
    if function is None:
        return True
    for parameter in parameters_of(function):
        if parameter.arg in trace.names or "model" in parameter.arg.lower():
            for binding in made.unit.bindings.get((function, parameter.arg), ()):
                pair = (state.old, state.new)
                if binding.node is parameter and not reachable(trace.project, binding, made.call, pair, {}):
                    return False
    return True


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
    seen = against(trace, unit, given, own_hosts(trace))
    if seen is not None and seen[0] != "unknown_endpoint":
        return False
    texts = [v for v in constants(trace.project, unit, given).values if isinstance(v, str)]
    texts += [str(n.value) for n in ast.walk(given) if isinstance(n, ast.Constant)]
    return any(part in text for text in texts for part in surface.url.contains)


def foreign_path(before: str) -> str | None:
    """The reason against a name that becomes part of another server's address: ``.../deployments/gpt-4o/...``."""
    if "openai.azure.com" in before or "/deployments/" in before:
        return "azure"
    host = before.partition("://")[2] if before.startswith("http") else ""
    return "foreign_endpoint" if "/" in host and "openai.com/" not in host else None


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
    if state.node is trace.literal:
        beside = [*call.args, *(k.value for k in call.keywords if k.arg in ADDRESSES)]
        note_addresses(trace, state, beside)


def _says_azure(name: str, value: ast.expr) -> bool:
    if name.lower().startswith("azure_") and not is_none(value):
        return True
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.lower().startswith("azure")


def is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def azure_entries(table: ast.Dict) -> bool:
    """Say whether a dictionary's entries speak of Azure (``api_type``, ``azure_endpoint``)."""
    return any(
        isinstance(k, ast.Constant) and isinstance(k.value, str) and _says_azure(k.value, v)
        for k, v in zip(table.keys, table.values, strict=True)
    )


ADDRESSES = frozenset({"base_url", "api_base", "openai_api_base", "endpoint", "api_url", "url", "host", "api_endpoint"})


def note_addresses(trace: Trace, state: State, beside: Sequence[ast.expr]) -> None:
    """An address of another server stands beside the literal: the row is another provider's."""
    for value in beside:
        for text in constants(trace.project, state.unit, value).values:
            if isinstance(text, str) and "://" in text and not is_served(text, own_hosts(trace)):
                trace.block("foreign_endpoint", text, state.unit, state.node)
