"""Answer one question: which bytes give a call a stable ``prompt_cache_key``?

What it does: adds ``prompt_cache_key="app.llm.ask"`` to a call whose prompt begins with enough text that
all its requests share.
Why: the service routes requests of one key and one beginning to the same machine, where the beginning is cached.
Before and after: ``create(model="gpt-4.1-mini", messages=m)`` becomes
``create(model="gpt-4.1-mini", messages=m, prompt_cache_key="app.llm.ask")``.
What it leaves alone: calls with a key, calls whose shared beginning is too short, whose arguments the code
does not show, or whose library does not pass a key on.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass

from migrator import insertions
from migrator.flow.constants import constants
from migrator.flow.refusals import argument
from migrator.flow.request import arguments
from migrator.flow.symbols import last_name
from migrator.model import Edit
from migrator.prompts.sites import Site, hidden
from migrator.prompts.varying import Reader

NAME = "cache_key"
KEY = "prompt_cache_key"
BODY = "extra_body"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no key is added: ``reason`` is a key of the reasons table."""

    reason: str
    detail: str = ""


def edits(reader: Reader, site: Site, key: str) -> tuple[Edit, ...] | Refusal:
    """The edits that give a call its key, in the way that its library and its pinned version accept."""
    refusal = _against(reader, site)
    if refusal is not None:
        return refusal
    way = site.surface.cache_key
    written = _quoted(site, key)
    keyword = way.get("keyword")
    if keyword is not None and _granted(reader, site):
        if "in" in way:
            return _within(site, way["in"], _entry(site, keyword, written))
        return insertions.argument(site.unit, site.call, f"{keyword}={written}", NAME)
    if way.get("else") == BODY and "in" not in way:
        return _within(site, BODY, _entry(site, KEY, written))
    if keyword is not None:
        return Refusal("old_library", f"{_since(site)} is not sure")
    return Refusal("no_cache_key", site.surface.name)


def _against(reader: Reader, site: Site) -> Refusal | None:
    """What stands against a key, whatever the prompt is."""
    if not site.surface.cache_key:
        return Refusal("no_cache_key", site.surface.name)
    if hidden(reader, site.unit, site.call):
        return Refusal("hidden_prompt", "the call takes arguments that the code does not show")
    names = (KEY, site.surface.cache_key.get("keyword"))
    held = next((g for g in arguments(reader.project, site.unit, site.call) if g.name in names), None)
    if held is not None:
        return Refusal("has_cache_key", ast.unparse(held.value))
    if _is_any_provider(site) and not _is_closed(reader, site):
        return Refusal("open_model", "a model of another provider can arrive here")
    return None


def _is_any_provider(site: Site) -> bool:
    """Say whether the model's name also says whose it is."""
    return any(form != "plain" for form in site.surface.forms)


def _is_closed(reader: Reader, site: Site) -> bool:
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None:
            return constants(reader.project, site.unit, given).complete
    return False


def _granted(reader: Reader, site: Site) -> bool:
    """Say whether the library surely knows the keyword."""
    since = _since(site)
    return since is None or reader.project.pins.grants(since, site.unit.source.path)


def _since(site: Site) -> str | None:
    way = site.surface.cache_key
    return way.get(f"since_{last_name(site.call.func)}", way.get("since"))


def _within(site: Site, name: str, entry: str) -> tuple[Edit, ...] | Refusal:
    """Put an entry into the dictionary that the call takes under ``name``, or give the call such a one."""
    given = argument(site.call, (name,), None)
    if given is None:
        return insertions.argument(site.unit, site.call, f"{name}={{{entry}}}", NAME)
    if isinstance(given, ast.Dict) and all(k is not None for k in given.keys):
        return insertions.entry(site.unit, given, entry, NAME)
    return Refusal("no_cache_key", f"{name} is not a dictionary that is written here")


def _entry(site: Site, key: str, written: str) -> str:
    return f"{_quoted(site, key)}: {written}"


def _quoted(site: Site, text: str) -> str:
    quote = insertions.quote(site.unit, site.call)
    return json.dumps(text) if quote == '"' else f"'{text}'"
