"""Answer one question: a framework keeps the value under a name; who reads it there?

``settings.MODEL`` of Django, ``app.config["MODEL"]`` of Flask, ``st.session_state["model"]``.
``rules/carriers.toml`` names the stores; a name is the same one only within one program.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrator.flow.classes import descendants
from migrator.flow.compare import source
from migrator.flow.constants import constants, elements, values_of
from migrator.flow.project import Project
from migrator.flow.refusals import is_azure
from migrator.flow.symbols import Class, External, Module, Symbol, last_name, symbols
from migrator.flow.trace import Path, State, Trace
from migrator.flow.unit import Unit
from migrator.nouns import Carrier

CHOOSERS = frozenset({"selectbox", "radio", "select_slider", "pills", "segmented_control"})
READERS = frozenset({"get", "pop", "setdefault"})
VARIABLE = "DJANGO_SETTINGS_MODULE"


def store_of(trace: Trace, unit: Unit, holder: ast.AST) -> Carrier | None:
    """The framework's store that ``holder`` is: ``current_app.config``."""
    found = (s for s in symbols(trace.project, unit, holder) if isinstance(s, External))
    return next((store for s in found if (store := trace.rules.store_of(s.name)) is not None), None)


def kept_in_store(trace: Trace, state: State, unit: Unit, holder: ast.expr, path: Path) -> bool:
    """The value is put into ``holder``; False when that is no framework's store."""
    store = store_of(trace, unit, holder) if path and isinstance(path[0][1], str) else None
    if store is not None:
        read_store(trace, state, store, str(path[0][1]), path[1:], unit)
    return store is not None


def given_to_store(trace: Trace, state: State, symbol: External, call: ast.Call, given: object, path: Path) -> bool:
    """``app.config.update(MODEL="...")`` and ``user_session.set("model", "...")``."""
    holder, _, method = symbol.name.rpartition(".")
    store = trace.rules.store_of(holder)
    if store is None:
        return False
    if method in ("update", "from_mapping") and isinstance(given, str):
        read_store(trace, state, store, given, path, state.unit)
    elif method == "from_mapping" and path and isinstance(path[0][1], str):
        read_store(trace, state, store, str(path[0][1]), path[1:], state.unit)
    elif method == "set" and given == 1:
        for name in constants(trace.project, state.unit, call.args[0]).values:
            read_store(trace, state, store, str(name), path, state.unit)
    return True


def widget(trace: Trace, state: State, symbol: External, call: ast.Call, path: Path) -> None:
    """A widget with a ``key`` keeps its value in the session's state too."""
    store = trace.rules.store_of(symbol.name.partition(".")[0] + ".session_state")
    for keyword in call.keywords if store is not None else ():
        if keyword.arg == "key" and isinstance(keyword.value, ast.Constant) and store is not None:
            read_store(trace, state, store, str(keyword.value.value), path, state.unit)


def read_store(trace: Trace, state: State, store: Carrier, name: str, path: Path, unit: Unit) -> None:
    """Follow the places of the same program that read ``name`` from the store."""
    mark = ("stored", store.calls, name, path, state.old)
    if mark in trace.seen or not name.isidentifier():
        return
    trace.seen.add(mark)
    trace.named(name)
    if is_azure(name):
        trace.block("azure", name, state.unit, state.node)
    program = trace.project.program(unit.source.path)
    for word in sorted({call.rpartition(".")[2] for call in store.calls}):
        for other in trace.project.units_naming(name, word):
            if trace.project.program(other.source.path) == program:
                for node in _reads(trace, other, store, name):
                    trace.go(state, other, node, path, f"{word} {name}", context=())
                for call in _choices(other, name) if not path else ():
                    _must_offer(trace, state, other, call)


def _choices(unit: Unit, name: str) -> Iterator[ast.Call]:
    """The widgets that keep their choice under the name: ``st.selectbox("Model", MODELS, key="model")``."""
    for text in unit.strings:
        keyword = unit.parent(text) if text.value == name else None
        call = unit.parent(keyword) if isinstance(keyword, ast.keyword) and keyword.arg == "key" else None
        if isinstance(call, ast.Call) and last_name(call.func) in CHOOSERS:
            yield call


def _must_offer(trace: Trace, state: State, unit: Unit, call: ast.Call) -> None:
    """A widget takes what is kept only if it is one of its options."""
    given = [k.value for k in call.keywords if k.arg == "options"] or call.args[1:2]
    offered = [name for options in given for name in elements(trace.project, unit, options).values]
    if state.new not in offered:
        trace.block("membership", source(unit, call), unit, call)


def _reads(trace: Trace, unit: Unit, store: Carrier, name: str) -> Iterator[ast.AST]:
    for access in unit.attributes.get(name, ()):
        if store_of(trace, unit, access.value) is store:
            yield access
    for text in unit.strings:
        above = unit.parent(text) if text.value == name else None
        holder = _holder(above, text)
        if above is not None and holder is not None and store_of(trace, unit, holder) is store:
            yield above


def _holder(above: ast.AST | None, text: ast.AST) -> ast.expr | None:
    """What ``x["name"]``, ``x.get("name")`` and ``getattr(x, "name")`` read from."""
    match above:
        case ast.Subscript(ctx=ast.Load()) if above.slice is text:
            return above.value
        case ast.Call(func=ast.Attribute()) if text in above.args[:1]:
            assert isinstance(above.func, ast.Attribute)
            return above.func.value if above.func.attr in READERS else None
        case ast.Call(func=ast.Name(id="getattr")) if text in above.args[1:2]:
            return above.args[0]
        case _:
            return None


def class_of_settings(trace: Trace, state: State, cls: Class, name: str, path: Path) -> None:
    """A class is given to ``app.config.from_object``: what its attributes hold is in the store."""
    if not name.isupper():
        return
    for unit, store, found in _given_objects(trace):
        if found == cls or found in descendants(trace.project, cls):
            read_store(trace, state, store, name, path, unit)


def module_of_settings(trace: Trace, state: State, module: Unit, name: str, path: Path) -> None:
    """A module is the framework's settings: what its names in capitals hold is in the store."""
    if not name.isupper():
        return
    for unit, store, found in _given_objects(trace):
        if found == Module(module):
            read_store(trace, state, store, name, path, unit)
    django = trace.rules.store_of("django.conf.settings")
    if django is not None and module in _modules_of_django(trace.project):
        read_store(trace, state, django, name, path, module)


def _given_objects(trace: Trace) -> tuple[tuple[Unit, Carrier, Symbol], ...]:
    """The classes and modules that are given to a store's ``from_object``, with the file that does it."""
    memory = trace.project.memory
    if "objects of settings" not in memory:
        memory["objects of settings"] = ()
        memory["objects of settings"] = tuple(_find_objects(trace))
    return memory["objects of settings"]  # type: ignore[return-value]  # only this tuple is kept under this key


def _find_objects(trace: Trace) -> Iterator[tuple[Unit, Carrier, Symbol]]:
    for method in ("from_object", "from_pyfile"):
        for unit in trace.project.units_naming(method):
            for access in unit.attributes.get(method, ()):
                call = unit.parent(access)
                store = store_of(trace, unit, access.value) if isinstance(call, ast.Call) and call.args else None
                if store is not None and isinstance(call, ast.Call):
                    yield from ((unit, store, found) for found in _objects(trace.project, unit, call.args[0]))


def _objects(project: Project, unit: Unit, node: ast.expr) -> Iterator[Symbol]:
    for text in constants(project, unit, node).values:
        yield from _by_text(project, unit, str(text).removesuffix(".py"))
    if isinstance(node, ast.Subscript) and isinstance(node.value, (ast.Name, ast.Attribute)):
        for where, table in values_of(project, unit, node.value):
            for value in table.values if isinstance(table, ast.Dict) else ():
                yield from symbols(project, where, value)
    elif isinstance(node, ast.Name) and node.id == "__name__":
        yield Module(unit)
    else:
        yield from symbols(project, unit, node)


def _by_text(project: Project, unit: Unit, dotted: str) -> Iterator[Symbol]:
    """``"config"`` is a module, ``"config.Config"`` a class of it."""
    module = project.module(dotted, unit)
    if module is not None:
        yield Module(module)
        return
    outer, _, name = dotted.rpartition(".")
    owner = project.module(outer, unit) if outer else None
    for binding in owner.bindings.get((owner.tree, name), ()) if owner is not None else ():
        if isinstance(binding.node, ast.ClassDef):
            yield Class(binding.unit, binding.node)


def _modules_of_django(project: Project) -> frozenset[Unit]:
    """The modules that ``DJANGO_SETTINGS_MODULE`` names, and those beside them in a package of settings."""
    if "modules of django" not in project.memory:
        project.memory["modules of django"] = frozenset[Unit]()
        found = frozenset(_find_modules(project)) if project.files_naming("django") else frozenset()
        project.memory["modules of django"] = found
    return project.memory["modules of django"]  # type: ignore[return-value]  # only this set is kept under this key


def _find_modules(project: Project) -> Iterator[Unit]:
    for unit in project.units_naming(VARIABLE):
        for text in unit.strings:
            module = project.module(str(text.value), unit) if _beside_variable(unit, text) else None
            if module is None:
                continue
            yield module
            folder = module.source.path.parent
            for path in project.files if folder.name == "settings" else ():
                beside = project.unit(path) if path.parent == folder else None
                if beside is not None:
                    yield beside


def _beside_variable(unit: Unit, text: ast.Constant) -> bool:
    """``os.environ.setdefault("DJANGO_SETTINGS_MODULE", text)``, ``os.environ["..."] = text``."""
    above = unit.parent(text)
    beside = ast.walk(above) if isinstance(above, (ast.Call, ast.Assign)) else ()
    return any(isinstance(node, ast.Constant) and node.value == VARIABLE for node in beside) and text.value != VARIABLE
