"""Answer one question: which bytes give a call a stable ``prompt_cache_key``?

What it does: adds ``prompt_cache_key="app.llm.ask"`` to a call whose prompt begins with enough text that
all its requests share.
Why: the service routes requests of one key and one beginning to the same machine, where the beginning is cached.
Before and after: ``create(model="gpt-4.1-mini", messages=m)`` becomes
``create(model="gpt-4.1-mini", messages=m, prompt_cache_key="app.llm.ask")``.
Where an object carries the prompts (``ChatOpenAI(...)``, ``Agent(...)``), the call that makes it gets the key.
What it leaves alone: calls with a key, calls whose shared beginning is too short, whose arguments the code
does not show, or whose library does not pass a key on.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator import insertions
from migrator.flow.constants import constants
from migrator.flow.refusals import argument
from migrator.flow.request import arguments, request
from migrator.flow.symbols import last_name
from migrator.flow.unit import FUNCTIONS, Binding, Unit
from migrator.model import Edit
from migrator.prompts.analysis import analyse
from migrator.prompts.buckets import Bucket, spelled
from migrator.prompts.sites import Site, hidden, of_use
from migrator.prompts.varying import Reader

NAME = "cache_key"
KEY = "prompt_cache_key"
# Before that the SDK has no ``extra_body``.
BODY_SINCE = "openai>=1.0"
# In a way, the dictionary that holds the model: ``json={"model": ...}``.
BESIDE = "*"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no key is added: ``reason`` is a key of the reasons table."""

    reason: str
    detail: str = ""


def edits(reader: Reader, site: Site, key: str, bucket: Bucket | None = None) -> tuple[Edit, ...] | Refusal:
    """The edits that give a call its key, in the way that its library and its pinned version accept."""
    refusal = _against(reader, site)
    if refusal is not None:
        return refusal
    if site.surface.cache_key.get("at") == "use":
        return _at_uses(reader, site, key)
    path = _path(reader, site)
    if isinstance(path, Refusal):
        return path
    quote = insertions.quote(site.unit, site.call)
    written = spelled(key, bucket, quote)
    if path[0] == BESIDE:
        return _beside(site, path[1:], written)
    return _into_call(site, site.call, path, written)


def _at_uses(reader: Reader, site: Site, key: str) -> tuple[Edit, ...] | Refusal:
    """Give the key to each call that hands the object a prompt for which it pays: the object itself takes none."""
    made: list[Edit] = []
    for met in site.uses:
        seen, _ = of_use(reader, met)
        if seen is None or not analyse(seen, reader.caching).may_pay:
            continue
        if not isinstance(met.node, ast.Call) or not met.use.cache_key or len(met.made) != 1:
            return Refusal("no_cache_key", ast.unparse(met.node))
        there = replace(site, unit=met.unit, call=met.node, surface=replace(site.surface, cache_key=met.use.cache_key))
        path = _path(reader, there)
        written = spelled(key, None, insertions.quote(met.unit, met.node))
        added = path if isinstance(path, Refusal) else _into_call(there, met.node, path, written)
        if isinstance(added, Refusal):
            return added
        made += added
    return tuple(made)


def _against(reader: Reader, site: Site) -> Refusal | None:
    """What stands against a key, whatever the prompt is."""
    if not site.surface.cache_key:
        return Refusal("no_cache_key", site.surface.name)
    if any(isinstance(above, ast.JoinedStr) for above in site.unit.ancestors(site.call)):
        return Refusal("no_cache_key", "the call stands inside an f-string")
    if hidden(reader, site.unit, site.call, site.ways):
        return Refusal("hidden_prompt", "the call takes arguments that the code does not show")
    if (held := _held_key(reader, site)) is not None:
        return Refusal("has_cache_key", held)
    own = site.surface.cache_key.get("own")
    if own is not None and reader.project.pins.refuses(own, site.unit.source.path) is None:
        return Refusal("has_cache_key", f"{own} adds one by itself")
    if _is_any_provider(site) and not _is_closed(reader, site):
        return Refusal("open_model", "a model of another provider can arrive here")
    return None


def _held_key(reader: Reader, site: Site) -> str | None:
    """The key that the call has, or a request that is made with its object; "" for one that cannot be shown."""
    names: set[str | None] = {KEY, site.surface.cache_key.get("keyword", KEY)}
    held = next((g for g in arguments(reader.project, site.unit, site.call) if g.name in names), None)
    if held is not None:
        return ast.unparse(held.value)
    calls = [(site.unit, site.call)]
    calls += [(met.unit, met.node) for met in site.uses if isinstance(met.node, ast.Call)]
    calls += [(made.unit, made.call) for met in site.uses for made in met.made]
    spots = (spot for unit, call in calls for spot in request(reader.project, unit, call))
    return "" if any(_names(spot.node) & names for spot in spots) else None


def _names(node: ast.AST) -> set[str | None]:
    if isinstance(node, ast.keyword):
        return {node.arg}
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _is_any_provider(site: Site) -> bool:
    """Say whether the model's name also says whose it is."""
    return any(form != "plain" for form in site.surface.forms)


def _is_closed(reader: Reader, site: Site) -> bool:
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None:
            return bool(slot.path) or constants(reader.project, site.unit, given).complete
    return False


def _path(reader: Reader, site: Site) -> tuple[str, ...] | Refusal:
    """The argument, and the entries in it, under which the key gets through: ``("extra_body", "prompt_cache_key")``."""
    way = site.surface.cache_key
    keyword = way.get("keyword")
    if keyword is not None and _granted(reader, site):
        return (*way["in"].split("."), keyword) if "in" in way else (keyword,)
    if "else" in way:
        too_old = reader.project.pins.refuses(BODY_SINCE, site.unit.source.path)
        return (*way["else"].split("."), KEY) if too_old is None else Refusal("old_library", too_old.detail)
    if keyword is not None:
        return Refusal("old_library", f"{_since(site)} is not sure")
    return Refusal("no_cache_key", site.surface.name)


def _granted(reader: Reader, site: Site) -> bool:
    """Say whether the library surely knows the keyword."""
    since = _since(site)
    return since is None or reader.project.pins.grants(since, site.unit.source.path)


def _since(site: Site) -> str | None:
    way = site.surface.cache_key
    return way.get(f"since_{last_name(site.call.func)}", way.get("since"))


def _into_call(
    site: Site, call: ast.Call, path: tuple[str, ...], written: str, depth: int = 0
) -> tuple[Edit, ...] | Refusal:
    """Give a call the argument that ``path`` begins with, or put the rest of it into the one that is there."""
    name, *rest = path
    given = argument(call, (name,), None)
    needed = _needed(site)[depth:]
    if needed and not isinstance(given, (ast.Call, ast.Name)):
        return Refusal("no_cache_key", f"{name}={needed[0]}(...) is not written here")
    if given is None:
        return insertions.argument(site.unit, call, f"{name}={_nested(site, rest, written)}", NAME)
    if isinstance(given, ast.Call) and rest and _is_settings(site, given, depth):
        return _into_call(site, given, tuple(rest), written, depth + 1)
    if isinstance(given, ast.Name) and rest:
        return _into_named(site, given, tuple(rest), written, depth)
    return _into_table(site, given, tuple(rest), written, name)


def _into_named(
    site: Site, given: ast.Name, path: tuple[str, ...], written: str, depth: int
) -> tuple[Edit, ...] | Refusal:
    """Give this call a copy of a dictionary that others may share, or write into settings that no other call has."""
    refused = Refusal("no_cache_key", f"{given.id} is not a dictionary that is written here")
    binding = _only_binding(site.unit, given)
    held = binding.value if binding is not None else None
    if _needed(site)[depth:] and isinstance(held, ast.Dict):
        return refused
    if binding is None or not all(_is_handed_on(site.unit, use) for use in site.unit.uses(binding)):
        return refused
    if isinstance(held, ast.Call) and _is_settings(site, held, depth) and _is_own(site.unit, binding):
        return _into_call(site, held, path, written, depth + 1)
    if not isinstance(held, ast.Dict) or not all(isinstance(key, ast.Constant) for key in held.keys):
        return refused
    if any(isinstance(key, ast.Constant) and key.value == path[0] for key in held.keys):
        return Refusal("no_cache_key", f"{given.id} has {path[0]!r} for every call")
    entry = f"{_quoted(site, path[0])}: {_nested(site, path[1:], written)}"
    return insertions.copied(site.unit, given, entry, NAME)


def _only_binding(unit: Unit, name: ast.Name) -> Binding | None:
    found = unit.lookup(name.id, name)
    return found[0] if len(found) == 1 and found[0].kind == "value" and not found[0].path else None


def _is_handed_on(unit: Unit, use: ast.Name) -> bool:
    """Say whether a use leaves the object as it is: it is an argument of a call, and nothing is stored into it."""
    above = unit.parent(use)
    return isinstance(above, ast.keyword) or (isinstance(above, ast.Call) and use in above.args)


def _is_own(unit: Unit, binding: Binding) -> bool:
    """Say whether one use has the object alone: a name of a module can be imported."""
    return len(unit.uses(binding)) == 1 and isinstance(binding.scope, FUNCTIONS)


def _into_table(
    site: Site, given: ast.expr, path: tuple[str, ...], written: str, shown: str
) -> tuple[Edit, ...] | Refusal:
    """Put an entry into a dictionary display, or into one that it holds."""
    if not isinstance(given, ast.Dict) or any(key is None for key in given.keys) or not path:
        return Refusal("no_cache_key", f"{shown} is not a dictionary that is written here")
    for key, value in zip(given.keys, given.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == path[0]:
            return _into_table(site, value, path[1:], written, path[0])
    entry = f"{_quoted(site, path[0])}: {_nested(site, path[1:], written)}"
    return insertions.entry(site.unit, given, entry, NAME)


def _needed(site: Site) -> tuple[str, ...]:
    """The classes whose objects the arguments on the way must be, the outermost first."""
    return tuple(name for name in site.surface.cache_key.get("as", "").split(", ") if name)


def _is_settings(site: Site, call: ast.Call, depth: int) -> bool:
    """Say whether a call makes the settings that the table names: ``model_settings=ModelSettings(...)``."""
    of = _needed(site)[depth:][:1] or (site.surface.cache_key.get("of", ""),)
    is_named = bool(of[0]) and last_name(call.func).endswith(of[0])
    return is_named and not call.args and all(k.arg is not None for k in call.keywords)


def _nested(site: Site, path: tuple[str, ...] | list[str], written: str) -> str:
    for name in reversed(path):
        written = f"{{{_quoted(site, name)}: {written}}}"
    return written


def _quoted(site: Site, text: str) -> str:
    quote = insertions.quote(site.unit, site.call)
    return json.dumps(text) if quote == '"' else f"'{text}'"


def _beside(site: Site, path: tuple[str, ...], written: str) -> tuple[Edit, ...] | Refusal:
    """Put the key into the one dictionary that holds the model."""
    found: list[ast.Dict] = []
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None and slot.path:
            found += _holding(site.unit, given, slot.path)
    if len(found) != 1:
        return Refusal("no_cache_key", "the model does not stand in one dictionary that is written here")
    return _into_table(site, found[0], path, written, "it")


def _holding(unit: Unit, node: ast.expr, path: tuple[str, ...]) -> Iterator[ast.Dict]:
    """The dictionary displays that have the last key of ``path``, on the way of the others."""
    match _resolved(unit, node):
        case ast.List() | ast.Tuple() as row if path[0] == BESIDE:
            for element in row.elts:
                yield from _holding(unit, element, path[1:])
        case ast.Dict() as table:
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == path[0]:
                    if len(path) == 1:
                        yield table
                    else:
                        yield from _holding(unit, value, path[1:])


def _resolved(unit: Unit, node: ast.expr) -> ast.expr:
    """What is given: through ``json.dumps``, and through a name that holds a dictionary for this call alone."""
    if isinstance(node, ast.Call) and last_name(node.func) == "dumps" and node.args:
        return _resolved(unit, node.args[0])
    if not isinstance(node, ast.Name):
        return node
    binding = _only_binding(unit, node)
    if binding is None or binding.value is None:
        return node
    alone = binding.scope is unit.scope(node) and all(
        use is node or isinstance(unit.parent(use), ast.Subscript) for use in unit.uses(binding)
    )
    return binding.value if alone else node
