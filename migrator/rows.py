"""Answer one question: which row does a TOML table stand for?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

from migrator.nouns import (
    READING,
    STORE,
    Action,
    Breaker,
    Caching,
    CallNote,
    Carrier,
    Client,
    Enumeration,
    Fact,
    Library,
    Migration,
    Model,
    Note,
    Often,
    Parameter,
    Provider,
    Reason,
    Refused,
    Reported,
    Shutdowns,
    Slot,
    Surface,
    Url,
    Use,
)
from migrator.tables import Table, nearest

OWN = Library("your own", "", "[tool.migrator]")
EVIDENCE = ("measured", "source", "documentation", "configuration")
KINDS = ("value", "environment", "field", "parameter", "option", "shows", "asserts", "widget", STORE, *READING)
CACHE_KEYS = ("keyword", "in", "of", "as", "since", "since_parse", "since_stream", "else", "uses", "own", "at")
SURFACE_KEYS = (
    *("name", "calls", "model", "forms", "hold", "provider"),
    *("endpoint", "knows", "evidence", "cache_key", "url", "client", "prompt", "adds", "parameters", "decorates"),
)
PROMPT_KINDS = ("tools", "schema", "system", "filled", "braced", "messages", "template", "input")
MIGRATION_KEYS = (
    *("migration", "rename", "enumeration", "aliases", "reported", "note", "call_note", "refused"),
    *("parameter", "model"),
)
HEAD_KEYS = ("target", "default", "prefixes", "gateways", "suffixes", "prefilter", "hosts", "sources")
ACTIONS: Mapping[str, Action] = {"add": "add", "rename": "rename", "drop": "drop", "check": "check"}
OFTEN = ("deployment", "process", "day", "user", "request")
CALL_NOTE_KEYS = (
    *("name", "names", "text", "source", "checked", "keyword", "contains", "entries", "numbers", "named"),
    *("compared", "calls", "needs", "phrases", "times", "conflict"),
)
SIGNS = ("keyword", "entries", "numbers", "compared", "calls", "phrases", "conflict")
MODEL_KEYS = (
    *("name", "aliases", "input_price", "cached_price", "output_price", "max_input", "max_output"),
    *("shutdown", "replacement", "encoding", "sources"),
)


def reasons(table: Table) -> Mapping[str, Reason]:
    """Read ``reasons.toml``: one table per reason."""
    rows: dict[str, Reason] = {}
    for name in table.data:
        row = table.child(name)
        assert row is not None
        row.only("title", "advice")
        rows[name] = Reason(name, row.text("title"), row.text("advice"))
    return rows


def models(table: Table) -> tuple[Model, ...]:
    """Read the ``[[model]]`` tables of a file."""
    return tuple(_model(child) for child in table.children("model"))


def _model(table: Table) -> Model:
    table.only(*MODEL_KEYS)
    return Model(
        name=table.text("name"),
        aliases=table.names("aliases"),
        input_price=table.price("input_price"),
        cached_price=table.price("cached_price"),
        output_price=table.price("output_price"),
        max_input=table.number("max_input"),
        max_output=table.number("max_output"),
        shutdown=table.day("shutdown"),
        replacement=table.maybe_text("replacement"),
        encoding=table.maybe_text("encoding"),
        sources=_sources(table),
    )


def shutdowns(table: Table) -> Shutdowns:
    """Read ``shutdowns.toml``: one table for each date."""
    table.only("source", "checked", "shutdown")
    dates: dict[str, date] = {}
    for row in table.children("shutdown"):
        row.only("on", "names")
        day = row.day("on")
        if day is None:
            raise row.wrong("on", "is missing")
        dates.update(dict.fromkeys(row.names("names"), day))
    return Shutdowns(dates, _fact(table))


def _sources(table: Table) -> tuple[Fact, ...]:
    facts = tuple(_fact(child) for child in table.children("sources"))
    if not facts:
        raise table.wrong("sources", "is missing")
    for child in table.children("sources"):
        child.only("source", "checked")
    return facts


def _fact(table: Table) -> Fact:
    return Fact(table.text("source"), _checked(table))


def _checked(table: Table) -> date:
    day = table.day("checked")
    if day is None:
        raise table.wrong("checked", "is missing")
    return day


def migration(name: str, table: Table) -> Migration:
    """Read one file of ``migrations/``: the ``[migration]`` table and the tables beside it."""
    table.only(*MIGRATION_KEYS)
    head = table.child("migration")
    if head is None:
        raise table.wrong("migration", "is missing")
    head.only(*HEAD_KEYS)
    head.flag("default")
    renames = table.children("rename")
    for rename in renames:
        rename.only("from", "to", "pinned")
    names = {old: rename.text("to") for rename in renames for old in _from(rename)}
    reported = tuple(_reported(child) for child in table.children("reported"))
    enumerations = tuple(_enumeration(child) for child in table.children("enumeration"))
    others = (name for entry in reported for name in entry.names)
    spelled = (*others, *table.mapping("aliases"), *(member for one in enumerations for member in one.members))
    return Migration(
        name=name,
        target=head.text("target"),
        names=names,
        pinned={old: rename.maybe_text("pinned") or rename.text("to") for rename in renames for old in _from(rename)},
        prefixes=head.names("prefixes") or ("",),
        gateways=head.names("gateways"),
        prefilter=tuple(text.encode() for text in _prefilter(head, tuple(names), tuple(spelled))),
        reported=reported,
        enumerations=enumerations,
        sources=_sources(head),
        notes=tuple(_note(child) for child in table.children("note")),
        suffixes=head.names("suffixes"),
        aliases=table.mapping("aliases"),
        refused=tuple(_refused(child) for child in table.children("refused")),
        call_notes=tuple(_call_note(child) for child in table.children("call_note")),
        parameters=tuple(_parameter(child) for child in table.children("parameter")),
        hosts=_hosts(head),
    )


def _from(rename: Table) -> tuple[str, ...]:
    """Give the old names; a rename that has none would never be found out."""
    rename.text("to")
    names = rename.names("from")
    if not all(names):
        raise rename.wrong("from", "is missing" if "from" not in rename.data else "is empty")
    return names


def _prefilter(head: Table, names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Give the texts one of which is in every file that matters; where the table has none, those of the names.

    ``others`` are further spellings that a file may be looked at for: short names, members, names that are reported.
    """
    known = (*names, *others)
    if "prefilter" not in head.data:
        pieces = dict.fromkeys(max(_PIECE.findall(name), key=len, default=name) for name in known)
        return tuple(text for text in pieces if not any(other in text for other in pieces if other != text))
    texts = head.texts("prefilter")
    for text in texts:
        if not text or not any(text.strip("\"'") in name for name in known):
            raise head.wrong("prefilter", f"{text!r} is in no name of a [[rename]]; left out, it is made of the names")
    missed = next((name for name in names if not any(text in name for text in texts)), None)
    if missed is not None:
        raise head.wrong("prefilter", f"none of its texts is in {missed!r}, which would never be found")
    return texts


# What stands between the slashes of a name: JSON may write one as two characters.
_PIECE = re.compile(r"[^/:]+")


def _hosts(head: Table) -> tuple[str, ...]:
    """Give the servers that know the names; an address with more than a host and a port would never be met."""
    hosts = head.texts("hosts")
    for host in hosts:
        bare = host.rpartition("://")[2].partition("/")[0]
        if not bare or bare != host or any(letter.isspace() for letter in host):
            hint = f"; write {bare!r}" if bare and " " not in bare else ""
            raise head.wrong("hosts", f"expected a host without a scheme and a path, found {host!r}{hint}")
    return hosts


def _parameter(table: Table) -> Parameter:
    table.only("name", "action", "value", "to", "needs", "source", "checked")
    action = ACTIONS[_one_of(table, "action", tuple(ACTIONS), None)]
    needed = {"add": "value", "rename": "to", "check": "needs"}.get(action)
    if needed is not None and needed not in table.data:
        raise table.wrong(needed, f"is missing, which the action {action!r} takes")
    return Parameter(
        name=table.text("name"),
        action=action,
        value=table.maybe_text("value") or "",
        to=table.maybe_text("to") or "",
        needs=table.mapping("needs"),
        fact=_fact(table),
    )


def _enumeration(table: Table) -> Enumeration:
    table.only("classes", "members", "targets", "since", "source", "checked")
    for key in ("members", "targets"):
        if not table.mapping(key):
            raise table.wrong(key, "is missing")
    return Enumeration(
        classes=table.callees("classes"),
        members=table.mapping("members"),
        targets=table.mapping("targets"),
        since=table.text("since"),
        fact=_fact(table),
    )


def _refused(table: Table) -> Refused:
    table.only("keyword", "contains", "reason")
    return Refused(table.text("keyword"), table.maybe_text("contains") or "", table.text("reason"))


def _reported(table: Table) -> Reported:
    table.only("names", "reason", "detail", "source", "checked")
    return Reported(table.names("names"), table.text("reason"), table.text("detail"), _fact(table))


def _note(table: Table) -> Note:
    table.only("names", "text", "source", "checked")
    return Note(table.names("names"), table.text("text"), _fact(table))


def _call_note(table: Table) -> CallNote:
    table.only(*CALL_NOTE_KEYS)
    if not any(key in table.data for key in SIGNS):
        raise table.wrong("", f"has no sign; it needs one of {', '.join(SIGNS)}")
    entries = table.child("entries")
    return CallNote(
        name=table.text("name"),
        names=table.names("names"),
        text=table.text("text"),
        fact=_fact(table),
        keywords=table.texts("keyword"),
        contains=table.texts("contains"),
        entries={} if entries is None else {key: entries.texts(key) for key in entries.data},
        numbers=table.numbers("numbers"),
        named=table.texts("named"),
        compared=table.texts("compared"),
        calls=table.callees("calls") if "calls" in table.data else (),
        needs=table.maybe_text("needs"),
        phrases=table.texts("phrases"),
        times=table.number("times") or 1,
        conflicts=tuple(_conflict(child) for child in table.children("conflict")),
    )


def _conflict(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table.only("one", "other")
    for key in ("one", "other"):
        if not table.texts(key):
            raise table.wrong(key, "is missing")
    return table.texts("one"), table.texts("other")


def surfaces(table: Table, known: Mapping[str, Reason]) -> tuple[Surface, ...]:
    """Read a file of ``surfaces/``: one library, its surfaces and its clients."""
    table.only("library", "surface", "client", "use")
    head = table.child("library")
    if head is None:
        raise table.wrong("library", "is missing")
    head.only("name", "checked", "source")
    library = Library(head.text("name"), head.text("checked"), head.text("source"))
    return tuple(surface(child, library, known) for child in table.children("surface"))


def surface(table: Table, library: Library, known: Mapping[str, Reason]) -> Surface:
    """Read one ``[[surface]]``, shipped or a user's own."""
    table.only(*SURFACE_KEYS)
    return Surface(
        name=table.text("name"),
        calls=table.callees("calls"),
        slots=_slots(table, "model"),
        forms=table.names("forms") or ("plain",),
        hold=known_reason(table, "hold", table.maybe_text("hold"), known),
        provider=_provider(table),
        endpoint=table.texts("endpoint"),
        knows=table.mapping("knows"),
        evidence=_one_of(table, "evidence", EVIDENCE, "configuration" if library is OWN else None),
        cache_key=_cache_key(table),
        decorates=table.flag("decorates"),
        library=library,
        url=_url(table),
        client=next(iter(_slots(table, "client", required=False)), None),
        prompt=_prompt(table),
        adds=table.number("adds") or 0,
        parameters=table.mapping("parameters"),
    )


def known_reason(table: Table, key: str, reason: str | None, known: Mapping[str, Reason]) -> str | None:
    """Give the reason back, or raise where the reasons table does not have it."""
    if reason is not None and reason not in known:
        raise table.wrong(key, f"no reason {reason!r}{nearest(reason, tuple(known))}")
    return reason


def _one_of(table: Table, key: str, known: tuple[str, ...], default: str | None) -> str:
    word = table.text(key) if default is None else table.maybe_text(key) or default
    if word not in known:
        raise table.wrong(key, f"{word!r} is not one of {', '.join(known)}")
    return word


def _slots(table: Table, key: str, required: bool = True) -> tuple[Slot, ...]:
    children = table.children(key)
    if required and not children:
        raise table.wrong(key, "is missing")
    return tuple(_slot(child) for child in children)


def _slot(table: Table) -> Slot:
    table.only("keyword", "position", "path")
    slot = Slot(table.texts("keyword"), table.number("position"), table.texts("path"))
    _reachable(table, slot.keywords, slot.position)
    return slot


def _reachable(table: Table, keywords: Iterable[str], position: int | None) -> None:
    if not keywords and position is None:
        raise table.wrong("keyword", "is missing, and position too: one must say where the argument is")


def _provider(table: Table) -> Provider | None:
    row = table.child("provider")
    if row is None:
        return None
    row.only("keyword", "position", "values")
    provider = Provider(row.texts("keyword"), row.number("position"), row.names("values"))
    _reachable(row, provider.keywords, provider.position)
    return provider


def _url(table: Table) -> Url | None:
    row = table.child("url")
    if row is None:
        return None
    row.only("keyword", "position", "contains")
    url = Url(row.texts("keyword"), row.number("position"), row.texts("contains"))
    _reachable(row, url.keywords, url.position)
    return url


def _prompt(table: Table) -> Mapping[str, Slot]:
    """Read where a call takes its prompt: ``{ messages = "messages", tools = { position = 2 } }``."""
    row = table.child("prompt")
    if row is None:
        return {}
    row.only(*PROMPT_KINDS)
    return {kind: _prompt_slot(row, kind) for kind in PROMPT_KINDS if kind in row.data}


def _prompt_slot(row: Table, kind: str) -> Slot:
    if not isinstance(row.data[kind], dict):
        return Slot(row.texts(kind), None, ())
    child = row.child(kind)
    assert child is not None
    return _slot(child)


def caching(table: Table) -> Caching:
    """Read ``caching.toml``: the service's rules, and how often what code calls changes."""
    table.only("cache", "often", "refusal", "stays", "breaker")
    head = table.child("cache")
    if head is None:
        raise table.wrong("cache", "is missing")
    head.only(*CACHE_RULES, "hit_rates", "refusing", "sources")
    minimum, step, length, rate, tokens = (_needed(head, key) for key in CACHE_RULES)
    often = tuple(_often(child) for child in table.children("often"))
    why, stays = (reasons(found) if found is not None else {} for found in map(table.child, ("refusal", "stays")))
    breakers = _breakers(table.child("breaker"), {row.why for row in often})
    rates, refusing = head.numbers("hit_rates"), head.texts("refusing")
    return Caching(minimum, step, length, rate, tokens, rates, often, why, stays, _sources(head), breakers, refusing)


def _breakers(table: Table | None, known: Iterable[str]) -> Mapping[str, Breaker]:
    """Read ``[breaker.*]``; each names what an ``[[often]]`` row says, or what is seen in the code itself."""
    rows: dict[str, Breaker] = {}
    for name in table.data if table is not None else ():
        assert table is not None
        row = table.child(name)
        assert row is not None
        row.only("why", "title", "advice")
        for why in row.texts("why"):
            if why not in {*known, *SEEN}:
                raise row.wrong("why", f"no [[often]] row says {why!r}")
        rows[name] = Breaker(name, row.texts("why"), row.text("title"), row.text("advice"))
    return rows


# What reading the code itself finds out, and no row.
SEEN = (
    "the order of a set differs between processes",
    "the address of an image",
    "the detail of an image",
)


CACHE_RULES = ("minimum", "step", "key_length", "requests_per_minute", "message_tokens")


def _needed(table: Table, key: str) -> int:
    number = table.number(key)
    if number is None:
        raise table.wrong(key, "is missing")
    return number


def _often(table: Table) -> Often:
    table.only("varies", "why", "calls", "parts", "most")
    calls, parts = table.names("calls"), table.texts("parts")
    if not calls and not parts:
        raise table.wrong("calls", "is missing, and parts too")
    return Often(_one_of(table, "varies", OFTEN, None), table.text("why"), calls, parts, table.number("most"))


def _cache_key(table: Table) -> Mapping[str, str]:
    row = table.child("cache_key")
    if row is None:
        return {}
    row.only(*CACHE_KEYS)
    return table.mapping("cache_key")


def uses(table: Table) -> tuple[Use, ...]:
    """Read the ``[[use]]`` tables of a file of ``surfaces/``."""
    return tuple(_use(child) for child in table.children("use"))


def _use(table: Table) -> Use:
    table.only("calls", "object", "prompt", "through", "adds", "cache_key")
    through = table.mapping("through")
    for kind in through.values():
        if kind not in PROMPT_KINDS:
            raise table.wrong("through", f"{kind!r} is not one of {', '.join(PROMPT_KINDS)}")
    return Use(
        calls=table.callees("calls"),
        object=next(iter(_slots(table, "object", required=False)), None),
        prompt=_prompt(table),
        through=through,
        adds=table.number("adds") or 0,
        cache_key=_cache_key(table),
    )


def clients(table: Table) -> tuple[Client, ...]:
    """Read the ``[[client]]`` tables of a file of ``surfaces/``."""
    return tuple(_client(child) for child in table.children("client"))


def _client(table: Table) -> Client:
    table.only("calls", "endpoint", "hosts", "same", "client")
    return Client(
        calls=table.callees("calls"),
        endpoint=table.texts("endpoint"),
        hosts=table.texts("hosts"),
        same=table.texts("same"),
        client=next(iter(_slots(table, "client", required=False)), None),
    )


def carriers(table: Table) -> tuple[Carrier, ...]:
    """Read ``carriers.toml``."""
    table.only("carrier")
    return tuple(_carrier(child) for child in table.children("carrier"))


def _carrier(table: Table) -> Carrier:
    table.only("calls", "kind", "keyword", "position")
    kind = _one_of(table, "kind", KINDS, None)
    return Carrier(table.callees("calls"), kind, table.texts("keyword"), table.number("position"))
