"""Answer one question: which literals and members name an old model, and what is known of each?"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from migrator.flow.forward import run
from migrator.flow.project import Project
from migrator.flow.request import Place, holder
from migrator.flow.symbols import last_name
from migrator.flow.trace import Arrival, Obstacle, State, Trace, steps
from migrator.flow.unit import FUNCTIONS, Unit
from migrator.labels import labels_beside
from migrator.model import CallSite, Finding, Hazard, How, Origin, Position, Reach, Step
from migrator.named import Named, member_of, named_in, written
from migrator.notes import call_notes
from migrator.recordings import recorded
from migrator.rulebook import Migration, Rulebook


def findings(
    project: Project, rules: Rulebook, migration: Migration, unit: Unit, *, pin: bool = False
) -> tuple[Finding, ...]:
    """Everything that is known of each literal in ``unit`` that names an old model, in the order of the text."""
    counts: Counter[tuple[str, str]] = Counter()
    found: list[Finding] = []
    for named in named_in(project, migration, unit, pin=pin):
        place = (qualname(unit, named.node), written(named))
        counts[place] += 1
        finding = _finding(project, rules, migration, unit, named, counts[place])
        if finding is not None:
            found.append(finding)
    return tuple(found)


def _finding(
    project: Project,
    rules: Rulebook,
    migration: Migration,
    unit: Unit,
    named: Named,
    ordinal: int,
) -> Finding | None:
    node, value = named.node, named.value
    trace = Trace(project, rules, migration, unit, node)
    if (member := member_of(named)) is None:
        trace.start(value, named.new)
    else:
        trace.start_member((value, named.new), (member.old, member.new))
    run(trace)
    match = migration.match(value)
    if match is not None and match.kind == "alias" and not trace.arrivals:
        return None
    reaches = reaches_of(trace)
    hazards = (*hazards_of(trace, named.value), *_old_enumeration(trace, named))
    if is_expected(unit, node) and not any(h.reason == "assertion" for h in hazards):
        hazards = (Hazard("assertion", "", unit.source.shown, unit.position(node), unit.span(node)), *hazards)
    elif (row := _keyed_by_itself(unit, node)) is not None:
        hazards = (Hazard("table_key", "its own row", unit.source.shown, unit.position(row), unit.span(row)), *hazards)
    elif reaches:
        old = match.old if match is not None else value
        beside = (*labels_beside(unit, node, value, migration), *_shown_by_doctest(unit, value))
        kept = (*_recorded(project, unit, node, old), *_pinned_elsewhere(project, unit, value, old))
        hazards = (*hazards, *beside, *kept)
    if trace.lost and set(trace.lost) == {"text"} and not reaches and not hazards:
        hazards = (Hazard("text", "", unit.source.shown, unit.position(node), unit.span(_whole(unit, node))),)
    hint = hint_of(trace)
    notes = tuple(notes_of(trace, hint, match.old)) if match is not None else ()
    return Finding(_identity(unit, named, ordinal), _origin(unit, named, trace), reaches, hazards, hint, notes)


def reaches_of(trace: Trace) -> tuple[Reach, ...]:
    """The requests at which the value arrived."""
    return tuple(_reach(arrival) for arrival in trace.arrivals)


def hazards_of(trace: Trace, value: str) -> tuple[Hazard, ...]:
    """What stands against a change, on the value's way and at its requests."""
    return (*(_hazard(obstacle, trace) for obstacle in trace.obstacles), *_old_libraries(trace, value))


def notes_of(trace: Trace, hint: str | None, old: str) -> Iterator[Hazard]:
    """What to know of the calls that the literal reaches, or of the one that it stands in and may well decide."""
    calls = [a.called for a in trace.arrivals if hasattr(a.called.call, "lineno")]
    places: list[tuple[Unit, Place]] = [(called.unit, called.call) for called in calls]
    if not trace.arrivals and hint is not None and (own := holder(trace.unit, trace.literal)) is not None:
        places.append((trace.unit, own))
    found = (note for unit, place in places for note in call_notes(trace.project, unit, place, trace.migration, old))
    yield from dict.fromkeys(found)


def _old_enumeration(trace: Trace, named: Named) -> Iterator[Hazard]:
    """The library that is pinned at a version whose enumeration has no such member."""
    if named.enumeration is not None:
        refusal = trace.project.pins.refuses(named.enumeration.since, trace.unit.source.path)
        if refusal is not None:
            node = named.node
            yield Hazard("old_library", refusal.detail, trace.unit.source.shown, trace.unit.position(node))


def _old_libraries(trace: Trace, value: str) -> Iterator[Hazard]:
    """The calls whose library does not know the new name: in no version, or not in the one that is pinned.

    A provider prefix says what the bare name would be looked up for, so it needs no such table.
    """
    match = trace.migration.match(value)
    for surface, called in trace.touched if match is not None and not match.prefix else ():
        requirement = surface.knows.get(trace.migration.target)
        if surface.knows and requirement is None:
            unit, detail = called.unit, f"{surface.library.name} is not known to take {trace.migration.target}"
            yield Hazard("old_library", detail, unit.source.shown, unit.position(called.call))
            continue
        refusal = trace.project.pins.refuses(requirement, called.unit.source.path) if requirement else None
        if refusal is not None:
            unit = called.unit
            yield Hazard("old_library", refusal.detail, unit.source.shown, unit.position(called.call))


def is_expected(unit: Unit, node: ast.AST) -> bool:
    """Say whether the literal stands in what an ``assert`` compares, alone or in a display."""
    child, above = node, unit.parent(node)
    while isinstance(above, (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Compare, ast.keyword)) or (
        isinstance(above, ast.Call) and last_name(above.func) in ("dict", "call")
    ):
        child, above = above, unit.parent(above)
    if isinstance(above, ast.Call):
        return child is not above.func and last_name(above.func).startswith("assert")
    return isinstance(above, ast.Assert) and child is not node


def _keyed_by_itself(unit: Unit, node: ast.expr) -> ast.AST | None:
    """The key that equals the literal, of a row in which it stands: ``{"gpt-4o": ask("gpt-4o")}``."""
    child: ast.AST = node
    same = ast.dump(node)
    for above in unit.ancestors(node):
        if isinstance(above, ast.Dict):
            for key, value in zip(above.keys, above.values, strict=True):
                if value is child and key is not None and ast.dump(key) == same:
                    return key
        if isinstance(above, ast.stmt):
            return None
        child = above
    return None


def _recorded(project: Project, unit: Unit, node: ast.expr, old: str) -> Iterator[Hazard]:
    """The literal's own test replays an answer that was recorded for the old name."""
    path = unit.source.path
    test = next((name for name in qualname(unit, node).split(".") if name.startswith("test")), "")
    recording = recorded(project, path, old, test) if is_test(path) else None
    if recording is not None:
        detail = f"the recording {recording.relative_to(path.parent).as_posix()}"
        yield Hazard("test_pin", detail, unit.source.shown, unit.position(node), unit.span(_whole(unit, node)))


def _pinned_elsewhere(project: Project, unit: Unit, value: str, old: str) -> Iterator[Hazard]:
    """A test in another file imports or patches this module and expects the old name, or replays it.

    None imports a document.
    """
    if unit.source.kind == "page":
        return
    path = unit.source.path
    stem = path.parent.name if path.stem == "__init__" else path.stem
    for other_path in project.files_naming(stem):
        if other_path == path or not is_test(other_path):
            continue
        recording = recorded(project, other_path, old)
        if recording is None and value.encode() not in project.bytes_of(other_path):
            continue
        other = project.unit(other_path)
        if other is None or not _knows(project, other, unit, stem):
            continue
        if recording is not None:
            detail = f"the recording {recording.relative_to(other_path.parent).as_posix()}"
            yield Hazard("test_pin", detail, other.source.shown, Position(None, 1, 1))
            return
        for text in other.strings:
            if text.value == value and _is_expected_there(other, text):
                where = other.position(text)
                shown = other.source.shown
                yield Hazard("test_pin", f"{shown}:{where.line}", shown, where, other.span(text))
                return


def _is_expected_there(unit: Unit, node: ast.Constant) -> bool:
    """Say whether a test expects the literal: at once, by a name, or as what a mocked server must be sent."""
    return (
        is_expected(unit, node)
        or any(_is_compared(unit, use) for use in (node, *_names_of(unit, node)))
        or any(isinstance(a, ast.keyword) and str(a.arg).startswith("match") for a in unit.ancestors(node))
    )


def _is_compared(unit: Unit, node: ast.AST) -> bool:
    """Say whether ``node`` is compared for equality or is an argument of an assertion."""
    if is_expected(unit, node):
        return True
    holder = unit.parent(node)
    return isinstance(holder, ast.Compare) and any(isinstance(o, (ast.Eq, ast.NotEq)) for o in holder.ops)


def _names_of(unit: Unit, node: ast.Constant) -> Iterator[ast.AST]:
    """Where a test reads the literal by name: a constant, an attribute, a parameter of ``parametrize``."""
    statement = unit.statement(node)
    for target in statement.targets if isinstance(statement, ast.Assign) else ():
        if isinstance(target, ast.Name):
            binding = unit.bound[target]
            yield from unit.uses(binding)
            yield from unit.attributes.get(target.id, ()) if isinstance(binding.scope, ast.ClassDef) else ()
        elif isinstance(target, ast.Attribute):
            yield from unit.attributes.get(target.attr, ())
    call = unit.parent(node)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and node in call.args:
        for binding in unit.lookup(call.func.id, call.func):
            if isinstance(binding.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names = [a.arg for a in binding.node.args.args[call.args.index(node) :][:1]]
                yield from (u for name in names for u in _loads(unit, binding.node, name))
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for call in (d for d in statement.decorator_list if isinstance(d, ast.Call)):
            if last_name(call.func) == "parametrize" and any(n is node for n in ast.walk(call)):
                yield from (u for name in _parameters(call, node) for u in _loads(unit, statement, name))


def _parameters(call: ast.Call, node: ast.Constant) -> Iterator[str]:
    """The parameter that ``parametrize`` gives the literal to: by its place in the row."""
    names = ast.unparse(call.args[0]).strip("'\"()[]").replace("'", "").split(",") if call.args else []
    rows = call.args[1].elts if len(call.args) > 1 and isinstance(call.args[1], (ast.List, ast.Tuple)) else []
    for row in rows:
        cells = row.elts if isinstance(row, (ast.Tuple, ast.List)) else row.args if isinstance(row, ast.Call) else [row]
        for name, cell in zip(names, cells, strict=False):
            if any(n is node for n in ast.walk(cell)):
                yield name.strip()


def _loads(unit: Unit, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[ast.Name]:
    for binding in unit.bindings.get((function, name), ()):
        yield from unit.uses(binding)


def _shown_by_doctest(unit: Unit, value: str) -> Iterator[Hazard]:
    """An example in a docstring shows the old name as an answer."""
    for text in unit.strings:
        if ">>>" in str(text.value) and any(value in line for line in _answers(str(text.value))):
            yield Hazard("test_pin", "a doctest", unit.source.shown, unit.position(text), unit.span(text))
            return


def _answers(docstring: str) -> Iterator[str]:
    """The lines that follow a prompt, up to a blank line, where they are a value alone: ``'gpt-4o'``."""
    is_open = False
    for line in (raw.strip() for raw in docstring.splitlines()):
        if line.startswith((">>>", "...")):
            is_open = True
        elif is_open and line:
            yield line
        else:
            is_open = False


def is_test(path: Path) -> bool:
    """Say whether a file is one of tests, by its name and its folders."""
    names = (path.name.lower(), *(p.name.lower() for p in path.parents))
    return (
        names[0].startswith("test") or names[0].endswith("_test.py") or any(n in ("tests", "test") for n in names[1:])
    )


def _knows(project: Project, other: Unit, unit: Unit, stem: str) -> bool:
    """Say whether ``other`` imports ``unit``, or names it in a patch: ``patch("app.llm.client")``."""
    for binding in other.imports:
        if project.module(binding.module, other) is unit or project.imported_module(binding) is unit:
            return True
    return any(f"{stem}." in str(text.value) for text in other.strings if _last_name_of_call(other, text) == "patch")


def _last_name_of_call(unit: Unit, node: ast.AST) -> str:
    """The last name of the call that ``node`` is an argument of, or an empty string."""
    call = unit.parent(node)
    return last_name(call.func) if isinstance(call, ast.Call) else ""


def hint_of(trace: Trace) -> str | None:
    """What makes the literal look like a model choice: the shape of a call, or a name it bears; None without."""
    for place in trace.lost:
        if place.startswith("shape:"):
            return place
    if any(word in callee.lower() for callee in trace.callees for word in OTHER_MAKERS):
        return None
    return next((f"name:{n}" for n in trace.names if sounds_like_model(n)), None)


OTHER_MAKERS = ("tokenizer", "embedding", "rerank", "transcri", "texttospeech")


MODEL_WORDS = frozenset({"model", "llm", "models", "engine", "chatmodel", "lm"})
OTHER_WORDS = frozenset(
    {
        "tokenizer",
        "encoding",
        "embedding",
        "embeddings",
        "tokenize",
        "token",
        "tokens",
        "price",
        "cost",
        "test",
        "label",
        "display",
        "title",
        "rerank",
        "reranker",
        "whisper",
        "tts",
        "mock",
        "expected",
        "allowed",
        "supported",
        "known",
        "default_models",
        "pricing",
    }
)


def sounds_like_model(name: str) -> bool:
    """Say whether a parameter, keyword, key or variable of this name usually holds a model: ``llm_model``."""
    words = name.replace("-", "_").lower().split("_")
    return bool(MODEL_WORDS.intersection(words)) and not OTHER_WORDS.intersection(words)


def _identity(unit: Unit, named: Named, ordinal: int) -> str:
    text = f"{unit.source.shown}\0{qualname(unit, named.node)}\0{written(named)}\0{ordinal}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def qualname(unit: Unit, node: ast.AST) -> str:
    """The dotted name of the function or class that holds ``node``; empty at module level."""
    names = [
        getattr(above, "name", "<lambda>")
        for above in unit.ancestors(node)
        if isinstance(above, (*FUNCTIONS, ast.ClassDef))
    ]
    return ".".join(reversed(names))


def _origin(unit: Unit, named: Named, trace: Trace) -> Origin:
    node = named.node
    span = unit.span(_whole(unit, node))
    lines = unit.lines
    return Origin(
        unit.source.shown,
        span,
        lines.position(span.start),
        lines.position(span.end),
        named.value,
        how_of(unit, node, trace),
        qualname(unit, node),
        member_of(named),
    )


def _whole(unit: Unit, node: ast.AST) -> ast.AST:
    parent = unit.parent(node)
    return parent if isinstance(parent, ast.JoinedStr) else node


PASSING = (ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Await)


def how_of(unit: Unit, node: ast.AST, trace: Trace) -> How:
    """The kind of place the literal stands in."""
    _child, above = node, unit.parent(node)
    while isinstance(above, PASSING):
        _child, above = above, unit.parent(above)
    if isinstance(above, ast.keyword):
        above = unit.parent(above)
    if isinstance(above, ast.Call):
        return _how_of_call(unit, above, trace)
    if isinstance(above, ast.arguments):
        return How.DEFAULT
    if isinstance(above, ast.Dict):
        return How.ENTRY
    if isinstance(above, (ast.Assign, ast.AnnAssign)):
        return How.DEFAULT if isinstance(unit.parent(above), ast.ClassDef) else How.CONSTANT
    return How.OTHER


def _how_of_call(unit: Unit, call: ast.Call, trace: Trace) -> How:
    if any(a.called.call is call for a in trace.arrivals):
        return How.INLINE
    name = ast.unparse(call.func)
    if name.endswith(("getenv", "environ.get", "environ.setdefault")):
        return How.ENVIRONMENT
    if name.split(".")[-1] in (
        "Field",
        "field",
        "ib",
        "attrib",
        "Option",
        "option",
        "add_argument",
        "Query",
        "Body",
    ):
        return How.DEFAULT
    return How.OTHER if name.endswith(".get") else How.WRAPPER


def _reach(arrival: Arrival) -> Reach:
    unit, call = arrival.called.unit, arrival.called.call
    place = call if hasattr(call, "lineno") else arrival.state.node
    where = unit if place is call else arrival.state.unit
    site = call_site(where, place, arrival.surface.name)
    last = Step(site.shown, site.position, arrival.surface.name)
    return Reach(site, (*_steps(arrival.state), last))


def call_site(unit: Unit, place: ast.AST, surface: str) -> CallSite:
    """Give the identity and the place of a call that runs a model."""
    return CallSite(site_id(unit, place), surface, unit.source.shown, unit.span(place), unit.position(place))


def site_id(unit: Unit, call: ast.AST) -> str:
    """Path, qualified name, ordinal among equal calls and a hash of the call, so that it survives moved lines."""
    shape = ast.dump(call)
    name = qualname(unit, call)
    ordinal = _ordinal(unit, call, name, shape) if isinstance(call, ast.Call) else 0
    text = f"{unit.source.shown}\0{name}\0{ordinal}\0{shape}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _ordinal(unit: Unit, call: ast.Call, name: str, shape: str) -> int:
    """The number of the call among those that are equal in the same function; the costly comparison comes last."""
    return sum(
        isinstance(n, ast.Call)
        and n.lineno <= call.lineno
        and len(n.args) == len(call.args)
        and len(n.keywords) == len(call.keywords)
        and qualname(unit, n) == name
        and ast.dump(n) == shape
        for n in ast.walk(unit.tree)
    )


def _steps(state: State) -> Iterator[Step]:
    for passed in steps(state):
        yield Step(passed.unit.source.shown, passed.unit.position(passed.node), passed.what)


CLIENTS = frozenset({"azure", "foreign_endpoint", "other_provider"})


def _hazard(obstacle: Obstacle, trace: Trace) -> Hazard:
    """A client that only one of two ways of the same call leads to is one of two values, not a second use."""
    unit, node = obstacle.unit, obstacle.node
    either = obstacle.choice is not None and any(a.state.choice is obstacle.choice for a in trace.arrivals)
    reason = "two_values" if either and obstacle.reason in CLIENTS else obstacle.reason
    return Hazard(reason, obstacle.detail, unit.source.shown, unit.position(node), unit.span(node))
