"""Answer one question: what has been learnt, so far, of where one literal goes?

A ``State`` says: the value, or a container or object that holds it at ``path``, is what this
expression gives. A ``Trace`` keeps the states still to be followed and what was found at their ends.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from migrator.flow.project import Project
from migrator.flow.symbols import Called
from migrator.flow.unit import Binding, FunctionNode, Unit
from migrator.rulebook import Carrier, Migration, Rulebook, Surface

ANY = "*"
MAX_STATES = 8_000
MAX_PATH = 5
MAX_CONTEXT = 3

Key = tuple[str, object]
Path = tuple[Key, ...]

# The value is a key of a dictionary: ``clients = {client.model: client}``.
ROW: Key = ("row", ANY)


def attr(name: str) -> Key:
    """The step into an attribute."""
    return ("attr", name)


def key(value: object) -> Key:
    """The step into a dictionary's entry or a sequence's element; ``ANY`` is any of them."""
    return ("key", value)


def in_file(path: str | None) -> Key:
    """The step into a file, by its path as far as it is known; None for an unknown folder."""
    return ("file", path)


def is_file(path: Path) -> bool:
    """Say whether the value stands in a file, and the expression names or opens that file."""
    return bool(path) and path[0][0] == "file"


def spelled(path: Path) -> str:
    """Write the way into a container or an object as code does: ``.model``, ``["llm"]``, ``[...]`` for any entry."""
    return "".join(_spelled(kind, name) for kind, name in path)


def _spelled(kind: str, name: object) -> str:
    if kind == "attr":
        return f".{name}"
    if kind == "key":
        return "[...]" if name == ANY else f"[{name!r}]"
    return ""


def fits(held: Key, wanted: Key) -> bool:
    """Say whether reading ``wanted`` may give what is held at ``held``."""
    return held[0] == wanted[0] and (held[1] == wanted[1] or ANY in (held[1], wanted[1]))


@dataclass(frozen=True, slots=True)
class Entered:
    """A call through which the value came into a function: where it goes back to when returned."""

    unit: Unit
    call: ast.Call
    function: FunctionNode


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """One expression that holds the value, and how it was reached.

    ``choice`` is the last call on the way that may run one of several functions or classes.
    """

    unit: Unit
    node: ast.AST
    path: Path
    old: str
    new: str
    context: tuple[Entered, ...]
    via: State | None
    what: str
    choice: ast.AST | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """The value is the model of a call of a surface."""

    surface: Surface
    called: Called
    state: State


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something on the way that the new name would change. ``reason`` is a key of the reasons table."""

    reason: str
    detail: str
    unit: Unit
    node: ast.AST
    choice: ast.AST | None = None


@dataclass(eq=False, slots=True)
class Trace:
    """The work on one literal, or on one value of the configuration file ``file``.

    ``doubts`` are calls that read a file of the same name, which may be another one;
    ``within`` is the folder of the code for which an environment file is.
    """

    project: Project
    rules: Rulebook
    migration: Migration
    unit: Unit
    literal: ast.AST
    queue: list[State] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)
    arrivals: list[Arrival] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    touched: list[tuple[Surface, Called]] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    callees: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    judged: set[ast.Call] = field(default_factory=set)
    facts: dict[Binding, tuple[str, str]] = field(default_factory=dict)
    is_cut: bool = False
    file: FilePath | None = None
    doubts: list[tuple[State, ast.Call, Carrier]] = field(default_factory=list)
    longest: int = MAX_PATH
    within: FilePath | None = None

    def start(self, old: str, new: str) -> None:
        """Begin at the literal itself."""
        self.queue.append(State(self.unit, self.literal, (), old, new, (), None, "literal"))

    def start_member(self, texts: tuple[str, str], names: tuple[str, str]) -> None:
        """Begin at a member of an enumeration: it gives its text, also as ``value``, and has a ``name``."""
        for path, (old, new) in (((), texts), ((attr("value"),), texts), ((attr("name"),), names)):
            self.queue.append(State(self.unit, self.literal, path, old, new, (), None, "member"))

    def go(
        self,
        state: State,
        unit: Unit,
        node: ast.AST,
        path: Path,
        what: str = "",
        *,
        context: tuple[Entered, ...] | None = None,
        value: tuple[str, str] | None = None,
    ) -> None:
        """Note that the value is at ``node`` too, having come from ``state``."""
        old, new = value or (state.old, state.new)
        held = state.context if context is None else context
        where = () if any(kind == "attr" for kind, _ in path) else held[-MAX_CONTEXT:]
        mark = (node, path, old, where)
        if mark in self.seen or len(path) > self.longest:
            return
        if len(self.seen) > MAX_STATES:
            if not self.is_cut:
                self.block("too_far", f"{MAX_STATES} steps", self.unit, self.literal)
            self.is_cut = True
            return
        self.seen.add(mark)
        self.queue.append(State(unit, node, path, old, new, where, state, what, state.choice))

    def looks_at(self, unit: Unit) -> bool:
        """Say whether the file belongs to the part of the project for which the value is."""
        return self.within is None or self.within in unit.source.path.parents

    def arrive(self, surface: Surface, called: Called, state: State) -> None:
        """Note that the value is the model of a call."""
        if not any(a.called == called for a in self.arrivals):
            self.arrivals.append(Arrival(surface, called, state))

    def block(self, reason: str, detail: str, unit: Unit, node: ast.AST, choice: ast.AST | None = None) -> None:
        """Note something that the new name would change."""
        found = Obstacle(reason, detail, unit, node, choice)
        if found not in self.obstacles:
            self.obstacles.append(found)

    def named(self, *names: str) -> None:
        """Note the names that the value bears: parameters, keywords, variables, keys."""
        self.names.update(dict.fromkeys(names))

    def lose(self, where: str) -> None:
        """Note a place after which the value was not followed."""
        if where not in self.lost:
            self.lost.append(where)


def steps(state: State) -> Iterable[State]:
    """The states from the literal to ``state``, those that say something."""
    chain: list[State] = []
    current: State | None = state
    while current is not None:
        if current.what:
            chain.append(current)
        current = current.via
    return reversed(chain)
