"""Answer one question: which values of a configuration file name an old model, and what is known of each?

The counterpart of ``find`` for files that are not code: a value of a known kind of file reaches a
request; of every other value only its keys and its neighbours can speak.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrator.filebook import Held, Shape, matches
from migrator.find import sounds_like_model
from migrator.model import CallSite, Finding, Hazard, How, Origin, Position, Reach, Span, Step
from migrator.neighbours import against
from migrator.nouns import Migration
from migrator.sources.entries import ConfigSource, Entry, Keys
from migrator.sources.lines import Lines, offsets
from migrator.tables import expand

_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>[^\s'\"]+)")
LONGEST = 200

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Under one of these keys stand environment variables; and these keys say nothing of their own value.
_ENVIRONMENTS = frozenset({"environment", "env", "envs", "envvars", "env_vars", "environment_variables", "variables"})
_NEUTRAL = frozenset({"value", "default", "name", "id"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known outside the file: its kinds, and the distributions that the project requires."""

    shapes: tuple[Shape, ...] = ()
    libraries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Value:
    """A text that names a model: where it stands, and the kind of file that knows it."""

    entry: Entry
    shape: Shape | None
    held: Held | None


def config_findings(
    config: ConfigSource, known: Known, migration: Migration, *, pin: bool = False
) -> tuple[Finding, ...]:
    """Everything that is known of each value that names an old model, in the order of the text."""
    shapes = tuple(shape for shape in known.shapes if _counts(shape, config, known))
    named = [value for entry in config.entries for value in _named(config, entry, shapes, migration)]
    lines = offsets(config.source)
    twice = frozenset(_twice(config, named, migration, pin))
    return tuple(_finding(config, value, lines, migration, value.entry.span in twice) for value in named)


def _counts(shape: Shape, config: ConfigSource, known: Known) -> bool:
    if not shape.fits(config.source.shown) or not (shape.needs is None or shape.needs in known.libraries):
        return False
    if not shape.present:
        return True
    return any(matches(pattern, place) for pattern in shape.present for e in config.entries for place in e.places)


def _named(config: ConfigSource, entry: Entry, shapes: Sequence[Shape], migration: Migration) -> Iterator[_Value]:
    """Give the value if it names a model as a whole, without the prefix that only its kind of file knows."""
    entry = _assigned(entry) if entry.is_text else entry
    if not entry.is_text or not _may_name(entry.value, migration):
        return
    for shape in shapes:
        held = _held(shape, entry, migration)
        if held is not None:
            yield _Value(_stripped(entry, held.prefixes, migration) or entry, None, held)
            return
        value = _stripped(entry, shape.prefixes, migration) or entry
        if _is_model(config, entry, shape) and _has_form(value, value != entry, shape, migration):
            yield _Value(value, shape, None)
            return
    match = migration.match(entry.value)
    if (match is not None and match.kind != "alias") or migration.reported_as(entry.value) is not None:
        yield _Value(entry, None, None)


def _may_name(value: str, migration: Migration) -> bool:
    """Say quickly that most texts do not name a model."""
    if len(value) > LONGEST:
        return False
    return value in migration.aliases or any(needle.decode() in value for needle in migration.prefilter)


def _assigned(entry: Entry) -> Entry:
    """Read ``- OPENAI_MODEL=gpt-4o``, as compose files have it, as a variable and its value."""
    match = _ASSIGNED.fullmatch(entry.value)
    if match is None or not entry.is_plain:
        return entry
    start = entry.span.start + match.start("value")
    keys = (*entry.keys, match["name"])
    return replace(entry, keys=keys, value=match["value"], span=Span(start, entry.span.end), aliases=())


def _held(shape: Shape, entry: Entry, migration: Migration) -> Held | None:
    is_name = migration.match(entry.value) is not None
    for held in shape.held:
        if is_name and any(matches(pattern, place) for pattern in held.paths for place in entry.places):
            return held
        if _stripped(entry, held.prefixes, migration) is not None:
            return held
    return None


def _stripped(entry: Entry, prefixes: Iterable[str], migration: Migration) -> Entry | None:
    """Give the value without the longest prefix that leaves a model's bare name."""
    for prefix in sorted(prefixes, key=len, reverse=True):
        rest = entry.value.removeprefix(prefix)
        if rest != entry.value and rest in migration.names and entry.is_plain:
            return replace(entry, value=rest, span=Span(entry.span.end - len(rest.encode()), entry.span.end))
    return None


def _has_form(value: Entry, is_stripped: bool, shape: Shape, migration: Migration) -> bool:
    if migration.reported_as(value.value) is not None:
        return True
    match = migration.match(value.value)
    if match is None or match.kind == "alias":
        return match is not None and shape.has_aliases
    is_free = is_stripped or match.kind == "gateway" or match.is_foreign
    return is_free or not shape.forms or match.prefix in shape.forms


def _is_model(config: ConfigSource, entry: Entry, shape: Shape) -> bool:
    """Say whether one of the value's places is one where this kind of file has a request's model."""
    if variable(config, entry) in shape.variables and shape.variables:
        return True
    return any(
        matches(pattern, place) and _has_neighbours(config, entry, place, shape)
        for pattern in shape.model
        for place in entry.places
    )


def _has_neighbours(config: ConfigSource, entry: Entry, place: Keys, shape: Shape) -> bool:
    return config.keys(place[:-1], entry.document) >= set(shape.beside) and all(
        _near(config, entry, place, key, allowed) for key, allowed in shape.where.items()
    )


def _near(config: ConfigSource, entry: Entry, place: Keys, key: str, allowed: str) -> bool:
    steps = key.split(".")
    table = place[: -1 - steps.count("^")]
    near = config.at((*table, *(step for step in steps if step != "^")), entry.document)
    return near is not None and near.value in tuple(expand(allowed))


def variable(config: ConfigSource, entry: Entry) -> str | None:
    """Give the environment variable that a value is for: by its file, the key above, or the name beside it."""
    if config.form == "env":
        return str(entry.keys[-1])
    strings = [str(key) for key in entry.keys if isinstance(key, str)]
    above = {key.lower() for key in strings[:-1]}
    if not strings or not above & _ENVIRONMENTS:
        return None
    beside = config.at((*entry.keys[:-1], "name"), entry.document)
    return beside.value if strings[-1] == "value" and beside is not None else strings[-1]


def _twice(config: ConfigSource, named: Sequence[_Value], migration: Migration, pin: bool) -> Iterator[Span]:
    """Give the values that would stand twice in a list that must name each model once."""
    lists: dict[tuple[Keys, str], list[Span]] = {}
    spans = {value.entry.span.end: value for value in named if value.shape is not None and value.shape.unique}
    for entry in config.entries:
        place = next((i for i in reversed(range(len(entry.keys))) if isinstance(entry.keys[i], int)), None)
        if place is None or not entry.is_text or entry.keys[place + 1 :] not in ((), ("id",)):
            continue
        value = spans.get(entry.span.end)
        new = migration.rename(value.entry.value, pin) if value else entry.value
        name = (new or entry.value).rpartition(":")[2]
        lists.setdefault((entry.keys[:place], name), []).append(value.entry.span if value else Span(0, 0))
    yield from (span for spans_of_name in lists.values() if len(spans_of_name) > 1 for span in spans_of_name)


def _finding(config: ConfigSource, value: _Value, lines: Lines, migration: Migration, is_twice: bool) -> Finding:
    entry, shown = value.entry, config.source.shown
    path = ".".join(str(key) for key in entry.keys)
    position = lines.position(entry.span.start)
    name = variable(config, entry)
    how = How.ENVIRONMENT if name else How.ENTRY
    origin = Origin(shown, entry.span, position, lines.position(entry.span.end), entry.value, how, path)
    reaches = tuple(_reach(value, shown, path, position))
    said = tuple(_own(value, is_twice))
    if value.held is None:
        said += tuple(against(config, entry, migration.hosts, is_known=value.shape is not None))
    hazards = tuple(Hazard(reason, detail, shown, position, entry.span) for reason, detail in dict.fromkeys(said))
    hint = next((f"name:{name}" for name in _names(config, entry) if sounds_like_model(_snake(name))), None)
    identity = _digest(shown, path, entry.value, str(entry.document))
    return Finding(identity, origin, reaches if not value.held else (), hazards, hint)


def _own(value: _Value, is_twice: bool) -> Iterator[tuple[str, str]]:
    if value.held is not None:
        yield value.held.reason, value.held.detail
    if is_twice:
        yield "model_list", "the list would name the new model twice"


def _reach(value: _Value, shown: str, path: str, position: Position) -> Iterator[Reach]:
    if value.shape is None:
        return
    surface = value.shape.name
    site = CallSite(_digest(shown, path, surface), surface, shown, value.entry.span, position)
    yield Reach(site, (Step(shown, position, path), Step(shown, position, surface)))


def _names(config: ConfigSource, entry: Entry) -> Iterator[str]:
    """Give the names that a value goes by: its last key, or what tells more where that key says nothing."""
    name = variable(config, entry)
    if name is not None:
        yield name
        return
    strings = [key for key in entry.keys if isinstance(key, str)]
    while len(strings) > 1 and strings[-1].lower() in _NEUTRAL:
        beside = config.at((*entry.keys[:-1], "name"), entry.document) if strings[-1] == "value" else None
        if beside is not None:
            yield beside.value
        strings.pop()
    yield from strings[-1:]


def _snake(name: str) -> str:
    return _CAMEL.sub("_", name).replace(".", "_").replace(" ", "_")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
