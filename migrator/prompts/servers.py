"""Answer one question: whose server does a call talk to, and does it take a key?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from migrator.flow.constants import constants
from migrator.flow.refusals import argument, refusal
from migrator.flow.symbols import External, symbols
from migrator.flow.trace import State, Trace
from migrator.prompts.sites import Site
from migrator.prompts.varying import Reader
from migrator.rulebook import Migration, Surface

# What the client of a call says against a key: it is not, or not surely, OpenAI's own server.
SERVERS = frozenset({"azure", "foreign_endpoint", "unknown_endpoint", "other_provider", "two_values"})
# The beginnings of OpenAI's own names, where the name of a model decides whose it is.
OWN_MODELS = re.compile(r"(ft:)?(gpt-|chatgpt-|o\d)")


def models(reader: Reader, site: Site) -> tuple[str, ...]:
    """The names that the code gives the call as its model, as far as it says them."""
    names: Iterable[object] = ()
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None and not slot.path:
            names = (*names, *constants(reader.project, site.unit, given).values)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def against(reader: Reader, site: Site, migration: Migration) -> tuple[str, str] | None:
    """What is known against the server that a call may talk to, as a refusal of a key and what was seen.

    ``azure`` where it is Azure's for sure, or Azure's or OpenAI's own; ``other_server`` where it may be another
    one, or a deployment on Azure is called like a model that refuses the key. None: OpenAI's own server.
    """
    old = next(iter(migration.names))
    trace = Trace(reader.project, reader.rules, migration, site.unit, site.call)
    state = State(site.unit, site.call, (), old, migration.names[old], (), None, "")
    found = {s for s in symbols(reader.project, site.unit, site.call.func) if isinstance(s, External)}
    surfaces = ((symbol, _surface(reader, site, symbol)) for symbol in found)
    judged = ((refusal(trace, state, symbol, one, site.call), one) for symbol, one in surfaces)
    seen = sorted((one[0], "" if one[1] == of.name else one[1]) for one, of in judged if one and one[0] in SERVERS)
    seen += [one for name in models(reader, site) if (one := _by_name(site.surface, name)) is not None]
    if not seen:
        return None
    if any(reason != "azure" for reason, _ in seen):
        return "other_server", next(detail for reason, detail in seen if reason != "azure")
    refusing = (n for n in models(reader, site) if any(part in n.lower() for part in reader.caching.refusing))
    name = next(refusing, None)
    return ("azure", seen[-1][1]) if name is None else ("other_server", name)


def _by_name(surface: Surface, name: str) -> tuple[str, str] | None:
    """What a model's name says of its server where it decides that: ``azure/ours``, ``anthropic/claude``."""
    if set(surface.forms) <= {"plain", "alias"} or surface.hold is not None:
        return None
    prefix = name[: max(name.rfind("/"), name.rfind(":")) + 1]
    if prefix in surface.forms:
        return None
    if prefix.startswith("azure"):
        return "azure", name
    return None if OWN_MODELS.match(name) else ("other_provider", name)


def _surface(reader: Reader, site: Site, symbol: External) -> Surface:
    """What the call is under this name: one of its clients may be held back by a table of its own."""
    found = reader.rules.surfaces_for(symbol.name)
    return next((one for one in found if one.hold is not None), site.surface)
