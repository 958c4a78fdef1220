"""Answer one question: which bytes give a call the parameters that its new model takes?

What it does: adds, renames and drops arguments of a call whose model moves, as the migration's table says it and in the
way that the surface's table spells them.
Why: a new model may refuse what the old one took, or behave as the old one did only when it is told to.
Before and after: ``create(model="gpt-4.1-mini", messages=m, max_tokens=9)`` becomes
``create(model="gpt-6-luna", messages=m, max_completion_tokens=9, reasoning_effort="none")``.
What it leaves alone: calls whose arguments the code does not show, that say something else themselves, or whose library
has no way to say it; then the model's name stays too.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from migrator import insertions
from migrator.flow.constants import constants
from migrator.flow.openness import is_open
from migrator.flow.refusals import argument
from migrator.flow.unit import Unit
from migrator.model import Edit, Span
from migrator.nouns import PARAMETER_WORDS, Migration, Parameter, Surface
from migrator.prompts.sites import Site, hidden
from migrator.prompts.varying import Reader

NAME = "parameters"
# Words of a surface's table that are no parameters: the requirement, callees that alone or that do not count, and the
# name of the settings object that must be written in the call.
SINCE, ONLY, EXCEPT, OF = "since", "only", "except", "of"
# And lists of words: arguments that say the same in another way, dictionaries that go into the request as they are,
# arguments and methods that let another model arrive while the program runs, and names that lead to another endpoint.
INSTEAD, BODIES, OPENS, UNLESS = "instead", "bodies", "opens", "unless"
# And lists of parameters: those that no request of the call has, and those whose conditions do not count.
UNSENT, UNCHECKED = "unsent", "unchecked"
# The prefixes of names for which the table holds; without it, all.
PREFIXES = "prefixes"
VERBS = {"add": "set", "rename": "rename", "drop": "drop", "check": "see"}
_COMMA = re.compile(rb"(?:\s|\\\r?\n)*,")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call cannot be given its parameters, and its model's name stays.

    ``is_open``: they can be set, but a name that does not move may arrive too, which may refuse them.
    """

    detail: str
    is_open: bool = False


class _Refused(Exception):
    """One parameter cannot be set; the message says why."""


def edits(reader: Reader, site: Site, migration: Migration) -> tuple[Edit, ...] | Refusal:
    """The edits that give a call its parameters, or why there are none."""
    if not migration.parameters:
        return ()
    if hidden(reader, site.unit, site.call) or any(k.arg is None for k in site.call.keywords):
        return Refusal("the call takes arguments that the code does not show")
    way = site.surface.parameters
    if not site.symbol.name.startswith(way.get(ONLY, "")) or any(
        word in site.symbol.name for word in words(site, EXCEPT)
    ):
        return Refusal(f"{site.symbol.name} has no known way to set parameters")
    for prefix in _prefixes(reader, site, migration):
        if PREFIXES in way and (prefix or "plain") not in words(site, PREFIXES):
            return Refusal(f"{site.surface.name} has no known way to set parameters for {prefix!r}")
    if (why := _against(reader, site, migration)) is not None:
        return Refusal(why)
    since = way.get(SINCE)
    too_old = reader.project.pins.refuses(since, site.unit.source.path) if since is not None else None
    if too_old is not None:
        return Refusal(f"it needs {since}: {too_old.detail}")
    try:
        made = tuple(edit for one in migration.parameters for edit in _edits(reader, site, one, migration))
    except _Refused as refused:
        return Refusal(str(refused))
    return insertions.joined(made)


def staying(reader: Reader, site: Site, migration: Migration, moving: Set[tuple[str, Span]]) -> bool:
    """Say whether an old name arrives at a call from a place that is not one of ``moving``.

    It may stand in a file that was not asked for, or beside a comment that leaves it alone.
    """
    units = [unit for unit in reader.project.units.values() if unit is not None]
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        known = () if given is None or slot.path else constants(reader.project, site.unit, given).known
        for one in known:
            if isinstance(one.node, ast.Constant) and migration.match(str(one.value)) is not None:
                home = next((unit for unit in units if one.node in unit.parents), None)
                if home is None or (home.source.shown, home.span(one.node)) not in moving:
                    return True
    return False


def is_closed(reader: Reader, site: Site, migration: Migration) -> bool:
    """Say whether no other model can arrive at a call than those that move, and those that they become."""
    if any(keyword.arg in words(site, OPENS) for keyword in site.call.keywords):
        return False
    known = {*migration.names.values(), *migration.pinned.values()}
    for slot in site.surface.slots:
        given = argument(site.call, slot.keywords, slot.position)
        if given is not None and not slot.path:
            found = constants(reader.project, site.unit, given)
            names = [str(value) for value in found.values]
            moves = (migration.match(name) is not None or name.rpartition("/")[2] in known for name in names)
            return found.complete and all(moves) and not is_open(reader.project, site.unit, given)
    return False


def words(site: Site, key: str) -> tuple[str, ...]:
    """A list of words of the surface's table."""
    return tuple(site.surface.parameters.get(key, "").split())


def heads(site: Site, migration: Migration) -> Mapping[str, tuple[str, ...]]:
    """The arguments that carry a parameter that is added or goes, and the way to it: ``{"reasoning": ("effort",)}``."""
    spelled = (site.surface.parameters.get(p.name, "") for p in migration.parameters if p.action in ("add", "drop"))
    paths = [tuple(one.split(".")) for one in spelled if one]
    return {head: tuple(rest) for head, *rest in paths}


def later(site: Site, migration: Migration) -> Set[str]:
    """The arguments of an object's methods that would set anew what is set where it is made.

    Where settings lie inside of an argument, and are not one object, those that come later are put on top of them.
    """
    found = heads(site, migration)
    return {head for head, rest in found.items() if not rest or OF in site.surface.parameters}


def _against(reader: Reader, site: Site, migration: Migration) -> str | None:
    """What in the call, or anywhere in the code, stands against setting a parameter."""
    for name in words(site, UNLESS):
        if any(True for _ in reader.project.units_naming(name)):
            return f"{name} is named in the code, which sends requests to another endpoint"
    if len(site.call.args) > 1 + max(_positions(site.surface), default=-1):
        return "it has arguments without a name, which may be parameters"
    for name in words(site, INSTEAD):
        if argument(site.call, (name,), None) is not None:
            return f"it sets {name} itself"
    known = {p.name for p in migration.parameters if p.action != "check"} | {p.to for p in migration.parameters if p.to}
    known |= {*heads(site, migration), *words(site, INSTEAD)}
    for body in words(site, BODIES):
        try:
            held = _given(site.call, body.split("."))
        except _Refused as refused:
            return str(refused)
        if held is not None and (why := _in_body(held, body, known)) is not None:
            return why
    return None


def _prefixes(reader: Reader, site: Site, migration: Migration) -> Set[str]:
    """The prefixes of the names that arrive at a call and move."""
    given = (argument(site.call, slot.keywords, slot.position) for slot in site.surface.slots if not slot.path)
    found = (constants(reader.project, site.unit, one).values for one in given if one is not None)
    matches = (migration.match(str(value)) for values in found for value in values)
    return {match.prefix for match in matches if match is not None}


def _positions(surface: Surface) -> Iterator[int]:
    """The places of arguments without a name that the table knows."""
    slots = (*surface.slots, *surface.prompt.values())
    return (slot.position for slot in slots if slot.position is not None)


def _in_body(held: ast.expr, name: str, known: Set[str]) -> str | None:
    """Why a dictionary of a request's own parameters is in the way."""
    if isinstance(held, ast.Constant) and held.value is None:
        return None
    if not isinstance(held, ast.Dict) or any(_text(key) is None for key in held.keys):
        return f"{name} is not written here"
    return next((f"{_text(key)} is set in {name}" for key in held.keys if _text(key) in known), None)


def _edits(reader: Reader, site: Site, one: Parameter, migration: Migration) -> Iterator[Edit]:
    spelled = site.surface.parameters.get(one.name)
    if one.action == "check":
        _check(reader, site, one, spelled)
    elif one.action == "add" or one.name not in words(site, UNSENT):
        path = _way(site, one, spelled)
        given = _given(site.call, path)
        match one.action:
            case "add" if given is None:
                yield from _added(site, site.call, path, json.dumps(one.value))
            case "add" if given is not None:
                _known(reader, site, one, given)
            case "rename" if given is not None:
                yield from _renamed(site, one, path)
            case "drop" if given is not None:
                yield from _dropped(site, path)


def _way(site: Site, one: Parameter, spelled: str | None) -> tuple[str, ...]:
    """Where a parameter stands by the surface's table; raise where it does not say, or the call says it otherwise."""
    unknown = spelled != one.name and argument(site.call, (one.name,), None) is not None
    if spelled is None or (unknown and one.name not in _carried(site)):
        raise _Refused(_no_way(site, one.name, VERBS[one.action]))
    return tuple(spelled.split("."))


def _carried(site: Site) -> Set[str]:
    """The arguments that are known to carry a parameter of whichever name."""
    table = site.surface.parameters
    return {way.partition(".")[0] for name, way in table.items() if name not in PARAMETER_WORDS}


def _no_way(site: Site, name: str, verb: str) -> str:
    return f"{site.surface.name} has no known way to {verb} {name}: add it to `parameters` of the surface"


def _known(reader: Reader, site: Site, one: Parameter, given: ast.expr) -> None:
    """Raise where a call sets a parameter to what the code does not show, or to nothing: the default is another."""
    found = constants(reader.project, site.unit, given)
    if not found.complete or not all(isinstance(value, str) for value in found.values):
        raise _Refused(f"{one.name}={ast.unparse(given)} may leave it at the model's own default")


def _given(call: ast.Call, path: Sequence[str]) -> ast.expr | None:
    """What a call gives a parameter, through dictionaries and calls that are written in it."""
    value = argument(call, (path[0],), None)
    for name in path[1:]:
        if isinstance(value, ast.Dict):
            value = next((v for k, v in zip(value.keys, value.values, strict=True) if _text(k) == name), None)
        elif isinstance(value, ast.Call):
            value = argument(value, (name,), None)
        elif value is not None:
            raise _Refused(f"{path[0]} is not written here")
    return value


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _added(site: Site, call: ast.Call, path: Sequence[str], value: str) -> Iterator[Edit]:
    """Put the argument, or the entry of one that is there."""
    name, *rest = path
    there = argument(call, (name,), None)
    if there is None and rest and call is site.call and OF in site.surface.parameters:
        raise _Refused(f"{name}={site.surface.parameters[OF]}(...) is not written here")
    if there is None:
        yield from insertions.argument(site.unit, call, f"{name}={_nested(site, rest, value)}", NAME)
    elif isinstance(there, ast.Call) and rest and not there.args and all(k.arg for k in there.keywords):
        yield from _added(site, there, rest, value)
    elif isinstance(there, ast.Dict) and len(rest) == 1 and all(key is not None for key in there.keys):
        entry = f"{_quoted(site, rest[0])}: {_styled(site, value)}"
        yield from insertions.entry(site.unit, there, entry, NAME)
    else:
        raise _Refused(f"{name} is not written here")


def _nested(site: Site, path: Sequence[str], value: str) -> str:
    """``{"effort": "none"}`` for the path ("effort",), the value alone for none."""
    written = _styled(site, value)
    for name in reversed(path):
        written = f"{{{_quoted(site, name)}: {written}}}"
    return written


def _quoted(site: Site, text: str) -> str:
    return _styled(site, json.dumps(text))


def _styled(site: Site, value: str) -> str:
    """Write a string in the quotes of the call."""
    plain = '"' in (insertions.quote(site.unit, site.call), value[1:-1]) or "'" in value
    return value if plain else f"'{value[1:-1]}'"


def _renamed(site: Site, one: Parameter, path: Sequence[str]) -> Iterator[Edit]:
    """Write the new name in the place of the old one."""
    new = site.surface.parameters.get(one.to, one.to)
    if len(path) > 1 or argument(site.call, (new,), None) is not None:
        raise _Refused(f"{one.name} and {one.to} are both set" if len(path) == 1 else f"{one.name} is set in {path[0]}")
    if "." in new:
        raise _Refused(f"{one.to} stands in {new.partition('.')[0]}, and {one.name} does not")
    keyword = next(k for k in site.call.keywords if k.arg == path[0])
    start = site.unit.lines.offset(keyword.lineno, keyword.col_offset)
    yield Edit(site.unit.source.shown, Span(start, start + len(path[0].encode())), new, NAME)


def _dropped(site: Site, path: Sequence[str]) -> Iterator[Edit]:
    """Take an argument away, with the comma behind it, or the one before it where it is the last."""
    if len(path) > 1:
        raise _Refused(f"{path[-1]} is set in {path[0]}")
    unit, data = site.unit, site.unit.lines.encoded
    keyword = next(k for k in site.call.keywords if k.arg == path[0])
    span = _whole(unit, keyword)
    behind = _COMMA.match(data, span.end)
    if behind is not None:
        end = behind.end()
        while data[end : end + 1] in (b" ", b"\t"):
            end += 1
        start = span.start
        if data[end : end + 1] == b"#" and _line_start(data, start) == start:
            # The comment stays where it is, as far behind what stands before.
            start, end = len(data[:start].rstrip(b" \t")), behind.end()
        if data[end : end + 1] in (b"\n", b"\r"):
            start = _line_start(data, span.start)
            end = end + (2 if data[end : end + 2] == b"\r\n" else 1) if start != span.start else end
        yield Edit(unit.source.shown, Span(start, end), "", NAME)
        return
    before = re.search(rb",\s*\Z", data[: span.start])
    start = before.start() if before is not None else span.start
    yield Edit(unit.source.shown, Span(start, span.end), "", NAME)


def _line_start(data: bytes, at: int) -> int:
    """Where the line begins, if only white space stands before."""
    begin = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
    return begin if not data[begin:at].strip() else at


def _whole(unit: Unit, keyword: ast.keyword) -> Span:
    assert keyword.end_lineno is not None
    assert keyword.end_col_offset is not None
    return unit.lines.span(keyword.lineno, keyword.col_offset, keyword.end_lineno, keyword.end_col_offset)


def _check(reader: Reader, site: Site, one: Parameter, spelled: str | None) -> None:
    """Raise where the call sets what the parameter does not go with.

    A parameter whose place no table knows may be set out of sight: then it counts as set.
    """
    if one.name in (*words(site, UNSENT), *words(site, UNCHECKED)):
        return
    if spelled is not None and _given(site.call, spelled.split(".")) is None:
        return
    for name, value in one.needs.items():
        way = site.surface.parameters.get(name)
        if way is None:
            raise _Refused(_no_way(site, name, VERBS[one.action]))
        given = _given(site.call, way.split("."))
        found = constants(reader.project, site.unit, given) if given is not None else None
        if found is not None and (not found.complete or any(str(said) != value for said in found.values)):
            unseen = "" if spelled is not None else f", and {_no_way(site, one.name, VERBS[one.action])}"
            raise _Refused(
                f"{one.name} is only taken with {name}={json.dumps(value)}, and the call sets another one{unseen}"
            )
