"""Answer one question: what do the keys and values around a value say against changing it?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from migrator.hosts import is_served
from migrator.sources.entries import ConfigSource, Entry, Keys

_PROVIDER = re.compile(r"(?:^|.*[_-])(?:provider|api[_-]?type|vendor)", re.IGNORECASE)
_KIND = re.compile(r"type|kind|class|_target_|api", re.IGNORECASE)
_ENDPOINT = re.compile(
    r"(?:^|.*[_-])(?:(?:base|api)[_-]?url|(?:api|url)[_-]?base|endpoint|api[_-]?host|api[_-]?base[_-]?url)",
    re.IGNORECASE,
)
_PRICE = re.compile(r"cost|price|pricing|context_?(?:window|length|size)|max_?(?:input|output)_?tokens", re.IGNORECASE)
_OPENAI = re.compile(r"(?:chat_?)?open_?ai(?:[_.:-]?(?!like|compatible)\w+)*", re.IGNORECASE)
_DEPLOYMENT = re.compile(r"azure|deployment", re.IGNORECASE)
_MODEL_NAME = re.compile(r"(?:[\w.-]+[/:])*(?:gpt-[\w.-]+|o\d[\w.-]*|claude-[\w.-]+|gemini-[\w.-]+)")
_ANSWER = frozenset({"choices", "usage", "system_fingerprint", "completion_tokens", "finish_reason", "tokens_used"})
_PEOPLE = frozenset({"description", "title", "label", "comment", "help", "text", "prompt", "content", "message"})
_CHOICES = frozenset({"enum", "choices", "options", "examples", "allowed", "supported", "available"})

OWN_HOST = "api.openai.com"

# From so many different names in one list on, or values of one shape in a file, it is a catalogue.
FEWEST_IN_LIST = 4
FEWEST_IN_FILE = 20

Against = tuple[str, str]


def against(config: ConfigSource, entry: Entry, hosts: Sequence[str], *, is_known: bool) -> Iterator[Against]:
    """Give each reason with a detail.

    ``hosts`` are servers that know both names, besides OpenAI's own. ``is_known``: a kind of file says that the value
    is a request's model.
    """
    hosts = (OWN_HOST, *hosts)
    for place in entry.places:
        yield from _by_path(place)
        yield from _by_neighbours(config, entry, place, hosts)
        if not is_known:
            yield from _by_shape(config, entry, place)


def _by_path(place: Keys) -> Iterator[Against]:
    strings = [key for key in place if isinstance(key, str)]
    named = next((key for key in strings if _DEPLOYMENT.search(key)), None)
    if named is not None:
        yield "azure", named
    row = next((key for key in strings if _MODEL_NAME.fullmatch(key)), None)
    if row is not None:
        yield "table_key", f"in the row of {row}"


def _by_neighbours(config: ConfigSource, entry: Entry, place: Keys, hosts: Sequence[str]) -> Iterator[Against]:
    table = _table(place)
    if config.form == "env":
        yield from _of_provider(_family(config, entry), hosts)
        return
    here = config.inside(table, entry.document)
    # What is nested in the value's own table ("config" beside promptfoo's id), and the tables around it.
    nested = config.inside((*table, "config"), entry.document) if table else {}
    around = [config.inside(table[:depth], entry.document) for depth in range(len(table))]
    yield from _of_provider({**nested, **here}, hosts)
    for outer in around:
        yield from _of_provider({key: e for key, e in outer.items() if _PROVIDER.fullmatch(key)}, hosts)
    azure = next((key for key, e in here.items() if "azure" in key.lower() and e.value), None)
    if azure is not None:
        yield "azure", azure


def _of_provider(values: Mapping[str, Entry], hosts: Sequence[str]) -> Iterator[Against]:
    for key, entry in values.items():
        value = entry.value.strip()
        if not value or value.lower() in ("null", "none", "~", "{}", "[]"):
            continue
        is_provider, is_endpoint = bool(_PROVIDER.fullmatch(key)), bool(_ENDPOINT.fullmatch(key))
        if (is_provider or is_endpoint or _KIND.fullmatch(key)) and "azure" in value.lower():
            yield "azure", f"{key}: {value}"
        elif is_endpoint and not is_served(value, hosts):
            yield "foreign_endpoint", f"{key}: {value}"
        elif is_provider and not _OPENAI.fullmatch(value.rpartition(".")[2]) and not _OPENAI.match(value):
            yield "other_provider", f"{key}: {value}"


def _family(config: ConfigSource, entry: Entry) -> Mapping[str, Entry]:
    """Give the variables that speak of the same client: ``LLM_BASE_URL`` beside ``LLM_MODEL``, and OpenAI's own."""
    first = str(entry.keys[-1]).partition("_")[0].upper()
    kin = {first, "OPENAI"} if first not in ("FAST", "SMART", "STRATEGIC") else {"OPENAI"}
    return {
        str(e.keys[-1]): e
        for e in config.entries
        if str(e.keys[-1]).partition("_")[0].upper() in kin or str(e.keys[-1]).upper() in ("API_BASE", "BASE_URL")
    }


def _by_shape(config: ConfigSource, entry: Entry, place: Keys) -> Iterator[Against]:
    """Tell what a value looks like where no kind of file is known: one of many, a price's row, an answer."""
    here = config.inside(_table(place), entry.document)
    strings = [key.lower() for key in place if isinstance(key, str)]
    if place and isinstance(place[-1], int):
        yield "model_list", strings[-1] if strings else ""
    elif any(_PRICE.search(key) for key in here):
        yield "model_list", "with prices or limits beside it"
    elif len(place) > 2 and isinstance(place[-2], int) and strings[-1] in ("name", "id", "value"):
        yield "model_list", strings[-2] if len(strings) > 1 else ""
    elif _is_of_catalogue(config, entry, place):
        yield "model_list", "one of many of its kind"
    elif _CHOICES.intersection(strings):
        yield "model_list", next(key for key in strings if key in _CHOICES)
    if _ANSWER.intersection(here) or here.get("object", entry).value.startswith("chat.completion"):
        yield "metadata", "a recorded answer"
    if strings and strings[-1] in _PEOPLE:
        yield "text", strings[-1]


def _is_of_catalogue(config: ConfigSource, entry: Entry, place: Keys) -> bool:
    index = next((i for i in reversed(range(len(place))) if isinstance(place[i], int)), None)
    if index is None:
        return False
    shape = _shape(place)
    alike = [e for e in config.entries if e.document == entry.document and _shape(e.keys) == shape]
    near = [e.value for e in alike if e.keys[:index] == place[:index]]
    return len(alike) >= FEWEST_IN_FILE or (len(near) >= FEWEST_IN_LIST and len(set(near)) == len(near))


def _shape(place: Keys) -> Keys:
    return tuple("*" if isinstance(key, int) else key for key in place)


def _table(place: Keys) -> Keys:
    """Give the keys of the table that holds the value, or of the list's owner for an element."""
    return place[:-1]
