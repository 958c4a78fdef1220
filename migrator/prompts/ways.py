"""Answer one question: which calls of the repository bring a prompt to this call, and are they all?

``def ask(messages): return client.chat.completions.create(model=MODEL, messages=messages)`` shows no prompt: it
stands where ``ask`` is called. A way is the row of calls from there to the request. Where a caller may stand
outside of what can be read, there is no way, and the parameter stays what it is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from migrator.find import is_test
from migrator.flow.callers import MANY_FILES, runs
from migrator.flow.classes import family
from migrator.flow.project import Project
from migrator.flow.request import Entered
from migrator.flow.symbols import Class, External, Function, class_of, decorators, last_name, symbols
from migrator.flow.unit import COMPREHENSIONS, FUNCTIONS, Binding, Unit, parameters_of
from migrator.prompts.template import Template
from migrator.prompts.varying import Reader

MAX_STEPS = 3
MAX_WAYS = 24
# So many expressions are looked at for all that callers bring to one call.
MAX_LOOKS = 4_000
# Decorators that call the function with what they are called with, and hand it to nobody.
PASSING = frozenset(
    {
        *("staticmethod", "classmethod", "override", "final", "cache", "lru_cache", "retry", "on_exception"),
        *("traceable", "observe"),
    }
)
# Bases that call no method of a class that they do not know.
QUIET = frozenset({"object", "ABC", "Protocol", "Generic", "BaseModel", "NamedTuple", "TypedDict"})

Callers = tuple[tuple[Unit, ast.Call], ...]
Read = Callable[[Entered | None], Template | None]
Way = tuple[Entered | None, Template | None]


def ways(reader: Reader, unit: Unit, call: ast.Call, read: Read) -> tuple[Way, ...]:
    """Every prompt that reaches a call, with the calls that bring it: a single one without calls where it is shown.

    ``read`` reads the prompt, seen through the calls it is given.
    """
    found = tuple(islice(_ways(reader, (unit, call), read, None, MAX_STEPS), MAX_WAYS + 1))
    reader.runs_once, reader.turning = _is_outside(unit, call), _turns(unit, call)
    return found if len(found) <= MAX_WAYS and reader.left >= 0 else ((None, read(None)),)


def _is_outside(unit: Unit, call: ast.Call) -> bool:
    return not any(isinstance(above, FUNCTIONS) for above in unit.ancestors(call))


def _turns(unit: Unit, call: ast.Call) -> frozenset[ast.AST]:
    """The comprehensions in which a call stands."""
    return frozenset(above for above in unit.ancestors(call) if isinstance(above, COMPREHENSIONS))


def _ways(
    reader: Reader, outer: tuple[Unit, ast.Call], read: Read, entered: Entered | None, steps: int
) -> Iterator[Way]:
    reader.runs_once = _is_outside(*outer)
    reader.turning = inner = _turns(*outer) if entered is None else reader.turning | _turns(*outer)
    found = read(entered)
    if entered is None:
        reader.left = MAX_LOOKS
    function = _around(*outer)
    goes_on = (
        steps
        and reader.left >= 0
        and function is not None
        and not _is_in(entered, function)
        and _hangs(found, function, outer)
    )
    callers = all_callers(reader.project, function) if goes_on and function is not None else ()
    if not callers or function is None or len(callers) > MAX_WAYS:
        yield entered, found
        return
    for unit, call in callers:
        step = Entered(unit, call, function, None)
        reader.turning = inner
        yield from _ways(reader, (unit, call), read, _lengthened(entered, step), steps - 1)


def _around(unit: Unit, call: ast.Call) -> Function | None:
    """The function that a call stands in."""
    above = next((above for above in unit.ancestors(call) if isinstance(above, FUNCTIONS)), None)
    return Function(unit, above) if above is not None else None


def _is_in(entered: Entered | None, function: Function) -> bool:
    """Say whether a way comes through a function already: one that calls itself."""
    while entered is not None:
        if entered.function.node is function.node:
            return True
        entered = entered.outer
    return False


def _lengthened(entered: Entered | None, step: Entered) -> Entered:
    """The same way, one call further out."""
    return step if entered is None else replace(entered, outer=_lengthened(entered.outer, step))


def _hangs(found: Template | None, function: Function, outer: tuple[Unit, ast.Call]) -> bool:
    """Say whether a parameter of the function hides the prompt, or ends what its requests share."""
    if found is None:
        doubled = function.node.args.kwarg
        given = (k.value for k in outer[1].keywords if k.arg is None)
        return doubled is not None and any(isinstance(v, ast.Name) and v.id == doubled.arg for v in given)
    breaker = found.breaker
    names = {f"parameter {argument.arg}" for argument in parameters_of(function.node)}
    return breaker is not None and breaker.why in names


def all_callers(project: Project, function: Function) -> Callers:
    """The calls outside of tests that run a function, where it is certain that there are no others; else none."""
    key = ("all callers", function.unit, function.node)
    if key not in project.memory:
        found = _all_callers(project, function) if _is_own(project, function) else None
        project.memory[key] = tuple((u, c) for u, c in found or () if not is_test(u.source.path))
    return project.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key


def _is_own(project: Project, function: Function) -> bool:
    """Say whether only what names the function calls it: no framework, no library above it, no user of a package."""
    node = function.node
    if isinstance(node, ast.Lambda) or node.name.startswith("__") or not set(decorators(node)) <= PASSING:
        return False
    owner = class_of(function.unit, node)
    if owner is None:
        return not _is_exported(project, function.unit, node.name)
    classes = tuple(family(project, Class(function.unit, owner)))
    return all(_is_quiet(project, cls) and not _is_exported(project, cls.unit, cls.node.name) for cls in classes)


def _is_quiet(project: Project, cls: Class) -> bool:
    """Say whether each base of a class is read, or calls nothing of it."""
    for base in cls.node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base
        known = any(isinstance(symbol, Class) for symbol in symbols(project, cls.unit, inner))
        if not known and last_name(inner) not in QUIET:
            return False
    return True


def _is_exported(project: Project, unit: Unit, name: str) -> bool:
    """Say whether a package offers a name to its users: in ``__all__``, or in its ``__init__``, imported or not."""
    if unit.source.path.stem == "__init__":
        return True
    if any(_is_offered(text) for text in unit.strings if text.value == name and _in_all(unit, text)):
        return True
    for path in project.files_naming(name):
        other = project.unit(path) if path.stem == "__init__" else None
        if other is not None and any(_brings(project, binding, unit, name) for binding in other.imports):
            return True
    return False


def _is_offered(text: ast.Constant) -> bool:
    return isinstance(text.value, str)


def _in_all(unit: Unit, text: ast.Constant) -> bool:
    statement = unit.statement(text)
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _brings(project: Project, binding: Binding, unit: Unit, name: str) -> bool:
    return binding.member == name and project.module(binding.module, binding.unit) is unit


def _all_callers(project: Project, function: Function) -> Callers | None:
    """Every call of a function by its name; None where it is handed on, or an unknown object may be called by it."""
    assert not isinstance(function.node, ast.Lambda)
    name = function.node.name
    if len(project.files_naming(name)) > MANY_FILES:
        return None
    found: list[tuple[Unit, ast.Call]] = []
    for unit in project.units_naming(name):
        for load in _loads(unit, name):
            answer = _use(project, unit, load, function)
            if answer is None:
                return None
            found += [(unit, answer)] if isinstance(answer, ast.Call) else []
    return tuple(found)


def _loads(unit: Unit, name: str) -> Iterator[ast.expr]:
    aliases = {name} | {b.name for b in unit.imports if b.member == name}
    for alias in sorted(aliases):
        yield from unit.loads.get(alias, ())
    yield from unit.attributes.get(name, ())


def _use(project: Project, unit: Unit, load: ast.expr, function: Function) -> ast.Call | bool | None:
    """The call by this name; False where it is another's name, None where nothing is certain."""
    above = unit.parent(load)
    if isinstance(above, ast.Call) and above.func is load:
        if runs(project, unit, above, function):
            return None if _is_starred(above) else above
        return None if _may_be_method(project, unit, load, function) and _fits(above, function) else False
    own = any(isinstance(s, Function) and s.node is function.node for s in symbols(project, unit, load))
    return None if own or _may_be_method(project, unit, load, function) else False


def _is_starred(call: ast.Call) -> bool:
    return any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)


def _may_be_method(project: Project, unit: Unit, load: ast.expr, function: Function) -> bool:
    """``service.ask``, where nothing is known of ``service`` and the function is a method."""
    if not isinstance(load, ast.Attribute) or class_of(function.unit, function.node) is None:
        return False
    known = symbols(project, unit, load)
    return not known or not all(isinstance(symbol, (External, Function, Class)) for symbol in known)


def _fits(call: ast.Call, function: Function) -> bool:
    """Say whether the function takes these arguments."""
    a = function.node.args
    names = {argument.arg for argument in (*a.posonlyargs, *a.args, *a.kwonlyargs)}
    too_many = a.vararg is None and len(call.args) > len(a.posonlyargs) + len(a.args)
    strange = a.kwarg is None and any(k.arg is not None and k.arg not in names for k in call.keywords)
    return not too_many and not strange
