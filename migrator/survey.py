"""Answer one question: what do the prompts come to that these paths send, whichever model they run on?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from migrator import discover
from migrator.find import call_site
from migrator.flow.constants import constants
from migrator.flow.refusals import argument, refusal
from migrator.flow.symbols import External, symbols
from migrator.flow.trace import State, Trace
from migrator.flow.unit import Unit
from migrator.folders import project_root
from migrator.model import Prompt, Skip, Survey
from migrator.plan import Code, Progress
from migrator.plan_prompts import is_ignored, keyed, put_in_order
from migrator.prompts.report import prompt
from migrator.prompts.sites import Site, sites
from migrator.prompts.varying import Reader
from migrator.rulebook import Migration, Rulebook, load, load_caching
from migrator.settings import Settings

# What the client of a call says against a key: it is not, or not surely, OpenAI's own server.
SERVERS = frozenset({"azure", "foreign_endpoint", "unknown_endpoint", "other_provider", "two_values"})


def survey(
    paths: Sequence[Path], settings: Settings, *, cwd: Path, today: date, progress: Progress | None = None
) -> Survey:
    """Look at every call that sends a prompt. Reads files, asks no network and writes nothing."""
    rules = load(settings.migration, settings.surfaces)
    selection = discover.select(paths, settings, cwd)
    found = tuple(discover.candidates(selection.python, _ends(rules)))
    skips = [*selection.skips, *(f for f in found if isinstance(f, Skip))]
    sending = _sending(rules)
    hits = [f for f in found if isinstance(f, discover.Candidate) and sending.match(f.data)]
    if not hits:
        return Survey(settings.migration, (), tuple(skips), len(selection.python))
    code = Code(project_root(paths, cwd), cwd, selection, settings)
    project = code.project({hit.file.path: hit.data for hit in hits})
    reader = Reader(project, rules, load_caching())
    seen: list[Prompt] = []
    for number, hit in enumerate(hits, 1):
        if progress is not None:
            progress(hit.file.shown, number, len(hits))
        unit = project.unit(hit.file.path)
        if unit is None:
            skips.append(project.skips[hit.file.path])
            continue
        seen += _prompts(reader, unit, rules.migrations[settings.migration], today)
    return Survey(settings.migration, tuple(seen), tuple(skips), len(selection.python), len(project.units))


def _ends(rules: Rulebook) -> tuple[bytes, ...]:
    """The last names of the callees that take a prompt or a key: a file without one of them sends none."""
    return tuple(sorted({*_last_names(rules, has_prompt=True), *_last_names(rules, has_prompt=False)}))


def _last_names(rules: Rulebook, *, has_prompt: bool) -> frozenset[bytes]:
    surfaces = (s for s in rules.surfaces if bool(s.prompt) == has_prompt and (s.prompt or s.cache_key))
    return frozenset(call.rpartition(".")[2].removesuffix("()").encode() for s in surfaces for call in s.calls)


def _sending(rules: Rulebook) -> re.Pattern[bytes]:
    """A call by such a name. Many names are common, so the file must also name an argument that carries a prompt."""
    slots = (slot for surface in rules.surfaces for slot in surface.prompt.values())
    carriers = sorted({rb"\*\*", *(re.escape(keyword.encode()) for slot in slots for keyword in slot.keywords)})
    common, own = (sorted(map(re.escape, _last_names(rules, has_prompt=has))) for has in (True, False))
    called = rb"(?=.*?\b(?:" + b"|".join(common) + rb")\s*\()" + rb".*?(?:" + b"|".join(carriers) + rb")"
    return re.compile(rb"(?s)" + called + (rb"|.*?\b(?:" + b"|".join(own) + rb")\s*\(" if own else b""))


def _prompts(reader: Reader, unit: Unit, migration: Migration, today: date) -> Iterator[Prompt]:
    counts: Counter[str] = Counter()
    for site in sites(reader, unit):
        knows = site.surface.prompt or site.surface.cache_key
        if knows and not is_ignored(unit, site.call, today):
            yield _prompt(reader, site, migration, counts)


def _prompt(reader: Reader, site: Site, migration: Migration, counts: Counter[str]) -> Prompt:
    """Read one call, with the key that it has or would get."""
    now = _models(reader, site)
    later = tuple(dict.fromkeys(migration.rename(name) or name for name in now))
    place = call_site(site.unit, site.call, site.surface.name)
    _, ordered, _ = put_in_order(reader, site, Settings())
    told = ordered.on(prompt(site, place, later, reader.caching, before=now), reader.caching)
    if told.reason:
        return told
    against = _against(reader, site, migration)
    if against is not None:
        return replace(told, reason="other_server", detail=against)
    return keyed(reader, site, told, False, counts)[0]


def _models(reader: Reader, site: Site) -> tuple[str, ...]:
    """The names that the code gives the call as its model, as far as it says them."""
    names: Iterable[object] = ()
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None and not slot.path:
            names = (*names, *constants(reader.project, site.unit, given).values)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _against(reader: Reader, site: Site, migration: Migration) -> str | None:
    """What is known against a server that the call may talk to."""
    old = next(iter(migration.names))
    trace = Trace(reader.project, reader.rules, migration, site.unit, site.call)
    state = State(site.unit, site.call, (), old, migration.names[old], (), None, "")
    called = (s for s in symbols(reader.project, site.unit, site.call.func) if isinstance(s, External))
    judged = (refusal(trace, state, symbol, site.surface, site.call) for symbol in called)
    return min((seen[1] for seen in judged if seen is not None and seen[0] in SERVERS), default=None)
