"""Answer one question: what are a class's bases, fields and attributes?"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.project import BASED, STORED, Project
from migrator.flow.symbols import (
    UNKNOWN,
    Class,
    External,
    Function,
    Instance,
    Module,
    Super,
    Symbol,
    class_of,
    instances,
    is_first,
    is_property,
    last_name,
    returned,
    symbols,
    takes_self,
)
from migrator.flow.unit import FUNCTIONS, Unit

DATA_DECORATORS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "s", "pydantic_dataclass"})


def bases(project: Project, cls: Class) -> tuple[Class, ...]:
    """The repository's own base classes, direct ones, in order."""
    return tuple(s for s in _bases(project, cls) if isinstance(s, Class) and s != cls)


def external_bases(project: Project, cls: Class) -> tuple[External, ...]:
    """The libraries' classes that this class is built on, through its own bases too."""
    found: list[External] = []
    for owner in lineage(project, cls):
        found += [s for s in _bases(project, owner) if isinstance(s, External)]
    return tuple(dict.fromkeys(found))


def _bases(project: Project, cls: Class) -> tuple[Symbol, ...]:
    found: list[Symbol] = []
    for node in cls.node.bases:
        bare = node.value if isinstance(node, ast.Subscript) else node
        found += sorted(symbols(project, cls.unit, bare), key=repr_of)
    return tuple(found)


def repr_of(symbol: Symbol) -> str:
    """A key that orders symbols the same way in every run."""
    match symbol:
        case External():
            return " ".join((symbol.name, *(_place(made.unit, made.call) for made in symbol.made)))
        case Class() | Function():
            return _place(symbol.unit, symbol.node)
        case Instance() | Super():
            return f"{type(symbol).__name__} {_place(symbol.cls.unit, symbol.cls.node)}"
        case Module():
            return f"Module {symbol.unit.source.shown}"
        case _:
            return type(symbol).__name__


def _place(unit: Unit, node: ast.AST) -> str:
    return f"{unit.source.shown}:{getattr(node, 'lineno', 0):06}:{getattr(node, 'col_offset', 0):04}"


def lineage(project: Project, cls: Class) -> tuple[Class, ...]:
    """The class and its ancestors in the repository, nearest first."""
    found: list[Class] = []
    waiting = [cls]
    while waiting and len(found) < 40:
        current = waiting.pop(0)
        if current not in found:
            found.append(current)
            waiting += bases(project, current)
    return tuple(found)


def descendants(project: Project, cls: Class) -> tuple[Class, ...]:
    """The classes of the repository built on ``cls``, in files that name it or one of its subclasses."""
    key = ("descendants", cls)
    if key not in project.memory:
        project.memory[key] = ()
        project.memory[key] = tuple(_descendants(project, cls))
    found = project.memory[key]
    return found if isinstance(found, tuple) else ()


def _descendants(project: Project, cls: Class) -> Iterator[Class]:
    for unit in project.units_naming(cls.node.name, shape=BASED):
        for node in unit.classes:
            if node.bases:
                other = Class(unit, node)
                if other != cls and cls in bases(project, other):
                    yield other
                    yield from descendants(project, other)


def family(project: Project, cls: Class) -> tuple[Class, ...]:
    """The class, its ancestors and its descendants."""
    return tuple(dict.fromkeys((*lineage(project, cls), *descendants(project, cls))))


def fields(cls: Class) -> tuple[ast.AnnAssign, ...]:
    """The annotated names in a class's body, in order: the fields of a dataclass or a pydantic model."""
    return tuple(
        s
        for s in cls.node.body
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name) and not _is_class_variable(s)
    )


def _is_class_variable(statement: ast.AnnAssign) -> bool:
    annotation = statement.annotation
    return isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "ClassVar"


def all_fields(project: Project, cls: Class) -> tuple[str, ...]:
    """The fields that a generated constructor takes, bases first."""
    names: list[str] = []
    for owner in reversed(lineage(project, cls)):
        names += [s.target.id for s in fields(owner) if isinstance(s.target, ast.Name)]
    return tuple(dict.fromkeys(names))


def constructor(project: Project, cls: Class) -> Function | None:
    """The nearest ``__init__`` that stands in the repository, or None for a generated or foreign one."""
    for owner in lineage(project, cls):
        node = method(owner, "__init__") or method(owner, "__new__")
        if node is not None:
            return Function(owner.unit, node, bound=True)
        if is_data(owner):
            return None
    return None


def is_data(cls: Class) -> bool:
    """Say whether a decorator writes this class's constructor from its fields."""
    return any(last_name(d.func if isinstance(d, ast.Call) else d) in DATA_DECORATORS for d in cls.node.decorator_list)


def method(cls: Class, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The method of this name in the class's own body."""
    for binding in cls.unit.bindings.get((cls.node, name), ()):
        if isinstance(binding.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return binding.node
    return None


def lookup_member(project: Project, cls: Class, name: str, on_object: bool, depth: int) -> Iterator[Symbol]:
    """What ``name`` is on the class or an object of it, nearest owner first; nothing when it is not found."""
    for owner in lineage(project, cls):
        found = tuple(_own_member(project, owner, name, on_object, depth))
        if found:
            yield from found
            break
    else:
        return
    if on_object and not any(isinstance(s, Function) for s in found):
        for below in descendants(project, cls):
            yield from _own_member(project, below, name, on_object, depth)
        yield from _put_from_outside(project, cls, name, depth)


def _put_from_outside(project: Project, cls: Class, name: str, depth: int) -> Iterator[Symbol]:
    """``bot.client = AzureOpenAI()`` outside of the class."""
    key = ("outside", cls, name)
    if key in project.memory:
        yield from project.memory[key]  # type: ignore[misc]  # only tuples of symbols are kept under this key
        return
    project.memory[key] = ()
    found: list[Symbol] = []
    for unit in project.units_naming(name, cls.node.name, shape=STORED):
        for store in unit.stores.get(name, ()):
            statement = unit.parent(store)
            own = unit is cls.unit and is_self(cls, store.value)
            if isinstance(statement, ast.Assign) and not own:
                if Instance(cls) in symbols(project, unit, store.value, depth + 1):
                    found += symbols(project, unit, statement.value, depth + 1)
    project.memory[key] = tuple(found)
    yield from found


def _own_member(project: Project, cls: Class, name: str, on_object: bool, depth: int) -> Iterator[Symbol]:
    for binding in cls.unit.bindings.get((cls.node, name), ()):
        node = binding.node
        if isinstance(node, FUNCTIONS):
            function = Function(cls.unit, node, bound=on_object and takes_self(cls.unit, node))
            yield from returned(project, function, depth + 1) if is_property(node) else (function,)
        elif isinstance(node, ast.ClassDef):
            yield Class(cls.unit, node)
        else:
            yield from _field(project, cls, node, binding.value, depth)
    for value, annotation in assigned(cls, name):
        if annotation is not None:
            yield from (s for s in instances(project, cls.unit, annotation, depth + 1) if s != UNKNOWN)
        if value is not None:
            yield from symbols(project, cls.unit, value, depth + 1)


def _field(project: Project, cls: Class, node: ast.AST, value: ast.expr | None, depth: int) -> Iterator[Symbol]:
    statement = cls.unit.parent(node)
    if isinstance(statement, ast.AnnAssign):
        yield from _given_field(project, cls, getattr(node, "id", ""), depth)
        yield from (s for s in instances(project, cls.unit, statement.annotation, depth + 1) if s != UNKNOWN)
    if value is not None:
        yield from symbols(project, cls.unit, value, depth + 1)


def _given_field(project: Project, cls: Class, name: str, depth: int) -> Iterator[Symbol]:
    """What constructions give a field by keyword, where that is a library's object."""
    if constructor(project, cls) is not None or depth > MAX_FIELD_DEPTH:
        return
    from migrator.flow.callers import constructions

    for unit, call in constructions(project, cls):
        names = all_fields(project, cls)
        pairs = [(k.arg, k.value) for k in call.keywords] + list(zip(names, call.args, strict=False))
        for field, value in pairs:
            if field == name:
                found = symbols(project, unit, value, depth + 2)
                yield from (s for s in found if isinstance(s, External) and s.made)


MAX_FIELD_DEPTH = 12


def assigned(cls: Class, name: str) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
    """The values, and annotations, that methods of the class assign to ``self.name``."""
    for store in cls.unit.stores.get(name, ()):
        if is_self(cls, store.value):
            statement = cls.unit.parent(store)
            if isinstance(statement, ast.Assign):
                yield statement.value, None
            elif isinstance(statement, ast.AnnAssign):
                yield statement.value, statement.annotation
            elif isinstance(statement, ast.Tuple):
                yield _element(cls.unit, statement, store), None


def _element(unit: Unit, targets: ast.Tuple, target: ast.expr) -> ast.expr | None:
    """What ``self.client, self.model = client, model`` gives one of them; None when it is not written out."""
    above = unit.parent(targets)
    value = above.value if isinstance(above, ast.Assign) else None
    parts = (*targets.elts, *value.elts) if isinstance(value, ast.Tuple) else ()
    if not isinstance(value, ast.Tuple) or any(isinstance(e, ast.Starred) for e in parts):
        return None
    return value.elts[targets.elts.index(target)] if len(value.elts) == len(targets.elts) else None


def is_self(cls: Class, node: ast.expr) -> bool:
    """Say whether ``node`` is ``self`` or ``cls`` in a method of this very class."""
    if not isinstance(node, ast.Name):
        return False
    for above in cls.unit.ancestors(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = next(iter([*above.args.posonlyargs, *above.args.args]), None)
            if first is not None and first.arg == node.id and is_first(above, first):
                return class_of(cls.unit, above) is cls.node
        if isinstance(above, ast.ClassDef):
            return False
    return False


def owner_of(unit: Unit, node: ast.AST) -> Class | None:
    """The class in whose body, directly, the statement ``node`` stands."""
    above = unit.parent(node)
    return Class(unit, above) if isinstance(above, ast.ClassDef) else None


def classes_of(found: frozenset[Symbol]) -> tuple[Class, ...]:
    """The classes of the objects among ``found``."""
    return tuple(s.cls for s in sorted(found, key=repr_of) if isinstance(s, Instance))
