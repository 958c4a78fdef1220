"""Answer one question: in which fields do two JSON answers differ?

Keys, types, numbers, booleans and enumerations must be equal; dates must name the same moment; texts of several words
are compared as prose. A field in which the old model itself does not say the same twice is noise: its difference is
shown and does not count. A field that is missing, added or of another type is never noise.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from migrator.shadow.comparators import prose
from migrator.shadow.comparators.schemas import Schema, properties, resolved
from migrator.shadow.model import Answer, Comparison, Evidence

# From how many old/old pairs a field's noise is known, and from which share of them that differ it is noise.
KNOWN = 5
NOISY = 0.5
VALUES = frozenset({"value", "number", "text", "open text"})
# A field that is there or not is never noise.
PRESENCE = frozenset({"missing field", "new field"})
_INDEX = re.compile(r"\[\d+\]")
_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.S | re.I)


@dataclass(frozen=True, slots=True)
class Mask:
    """In how many of ``total`` pairs of old answers each field differed, by its path without indices.

    ``named`` are paths that the user calls noise, such as ``created_at`` or ``lines[].id``: with all that is in them.
    """

    total: int = 0
    differing: Mapping[str, int] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    def covers(self, one: Evidence) -> bool:
        """Say whether a difference is noise."""
        if one.kind in PRESENCE:
            return False
        path = unnumbered(one.where)
        if any(_is_in(path.removeprefix("$."), name.removeprefix("$.")) for name in self.named):
            return True
        return one.kind in VALUES and self.hides(path)

    def hides(self, path: str) -> bool:
        """Say whether the old model does not say a field the same twice."""
        return self.total >= KNOWN and self.differing.get(unnumbered(path), 0) >= NOISY * self.total


def _is_in(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}[]"))


NO_MASK = Mask()


def learn(pairs: Iterable[tuple[object, object]], schema: Schema | None = None) -> Mask:
    """Learn from pairs of the old model's answers to the same request which fields it does not repeat."""
    held = tuple(pairs)
    paths = Counter(
        path
        for old, new in held
        for path in {unnumbered(one.where) for one in differences(old, new, schema) if one.kind in VALUES}
    )
    return Mask(len(held), dict(paths))


def unnumbered(path: str) -> str:
    """A path that stands for all items of a list: ``$.lines[].price``."""
    return _INDEX.sub("[]", path)


def parsed(text: str) -> object:
    """Read JSON, also in a fence. Raises ValueError where it is none."""
    match = _FENCE.match(text)
    return json.loads(match[1] if match else text)


def compare(old: object, new: object, schema: Schema | None = None, mask: Mask = NO_MASK) -> Comparison:
    """Compare two values."""
    found = tuple(replace(one, is_noise=True) if mask.covers(one) else one for one in differences(old, new, schema))
    counted = [one for one in found if not one.is_noise]
    if any(one.kind != "open text" for one in counted):
        return Comparison(Answer.DIFFERS, found)
    return Comparison(Answer.UNDECIDED if counted else Answer.SAME, found)


def differences(old: object, new: object, schema: Schema | None = None) -> Iterator[Evidence]:
    """Give the differing fields; a text of which nobody can say it has the kind "open text"."""
    root = schema or {}
    yield from _walk(old, new, root, root, "$")


def _walk(old: object, new: object, schema: Schema, root: Schema, path: str) -> Iterator[Evidence]:
    schema = _chosen(resolved(schema, root), root, old)
    match old, new:
        case dict(), dict():
            yield from _objects(old, new, schema, root, path)
        case list(), list():
            yield from _lists(old, new, schema, root, path)
        case str(), str():
            yield from _texts(old, new, schema, path)
        case _ if _type(old) != _type(new):
            yield Evidence("type", path, f"{_type(old)} {_shown(old)}", f"{_type(new)} {_shown(new)}")
        case _ if old != new:
            yield Evidence("number" if _type(old) == "number" else "value", path, _shown(old), _shown(new))


def _chosen(schema: Schema, root: Schema, value: object) -> Schema:
    """The way of an ``anyOf`` that fits the value by its type."""
    ways = schema.get("anyOf")
    if not isinstance(ways, list | tuple):
        return schema
    inner = [resolved(way, root) for way in ways if isinstance(way, Mapping)]
    wanted = {"object": dict, "array": list, "string": str}
    return next((w for w in inner if isinstance(value, wanted.get(str(w.get("type")), ()))), schema)


def _objects(
    old: Mapping[str, object], new: Mapping[str, object], schema: Schema, root: Schema, path: str
) -> Iterator[Evidence]:
    fields = properties(schema)
    required = schema.get("required")
    optional = fields.keys() - set(required if isinstance(required, list | tuple) else ())
    for name in dict.fromkeys((*old, *new)):
        inner = f"{path}.{name}"
        if name in old and name in new:
            yield from _walk(old[name], new[name], fields.get(name, {}), root, inner)
        elif name in optional and (old.get(name), new.get(name)) == (None, None):
            continue
        elif name in old:
            yield Evidence("missing field", inner, _shown(old[name]))
        else:
            yield Evidence("new field", inner, "", _shown(new[name]))


def _lists(old: Sequence[object], new: Sequence[object], schema: Schema, root: Schema, path: str) -> Iterator[Evidence]:
    items = schema.get("items")
    inner: Schema = items if isinstance(items, Mapping) else {}
    if len(old) != len(new):
        yield Evidence("length", path, f"{len(old)} items {_shown(old)}", f"{len(new)} items {_shown(new)}")
        return
    if schema.get("uniqueItems") is True:
        old, new = sorted(old, key=_key), sorted(new, key=_key)
    for index, (one, other) in enumerate(zip(old, new, strict=True)):
        yield from _walk(one, other, inner, root, f"{path}[{index}]")


def _texts(old: str, new: str, schema: Schema, path: str) -> Iterator[Evidence]:
    if old == new:
        return
    if "enum" in schema or "const" in schema:
        yield Evidence("value", path, old, new)
    elif len(old.split()) < 4 and len(new.split()) < 4:
        if old.split() != new.split() and not _is_same_moment(old, new):
            yield Evidence("value", path, _shown(old), _shown(new))
    else:
        found = prose.compare(old, new)
        if found.answer is not Answer.SAME:
            kind = "text" if found.answer is Answer.DIFFERS else "open text"
            why = found.evidence[0] if found.evidence else Evidence("words")
            texts = (old, new) if found.answer is Answer.UNDECIDED else None
            yield Evidence(kind, path, f"{why.kind}: {why.old}", f"{why.kind}: {why.new}", texts=texts)


def _is_same_moment(old: str, new: str) -> bool:
    try:
        one, other = datetime.fromisoformat(old.strip()), datetime.fromisoformat(new.strip())
        return one == other
    except ValueError:
        return False


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    return {int: "number", float: "number", str: "string", list: "array", dict: "object"}.get(type(value), "other")


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
