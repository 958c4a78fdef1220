"""Answer one question: where does this literal go?

From the literal outwards: each step looks at what holds the expression, and says which expressions
hold the value next, until it is the model of a request, meets something that the new name would
change, or is lost from sight.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from migrator.flow.callers import callers
from migrator.flow.calls import into_call
from migrator.flow.classes import owner_of
from migrator.flow.compare import (
    follow_compare,
    follow_composite_index,
    follow_index,
    follow_match,
    follow_method,
    follow_overlap,
    follow_own_row,
    reason_of,
    source,
)
from migrator.flow.constants import constants
from migrator.flow.files import is_option_read, lengthen, method_of_file
from migrator.flow.objects import (
    bound_to,
    check_held_type,
    is_enum,
    kept_in,
    looped_key,
    property_reads,
    same_object,
)
from migrator.flow.records import of_entry
from migrator.flow.refusals import ADDRESSES, azure_entries, foreign_path, is_azure, note_addresses
from migrator.flow.symbols import Class, Function, symbols
from migrator.flow.trace import ANY, ROW, Path, State, Trace, fits, is_file, key
from migrator.flow.unit import COMPREHENSIONS, FUNCTIONS, FunctionNode, Unit, parameters_of

OVERLAPS = frozenset({"issubset", "intersection", "isdisjoint", "difference", "issuperset"})
DICTIONARY_COPIES = frozenset({"copy", "model_dump", "dict", "_asdict"})


def run(trace: Trace) -> None:
    """Follow every state until none is left."""
    while trace.queue:
        state = trace.queue.pop(0)
        step(trace, state)


def step(trace: Trace, state: State) -> None:
    """Look at what holds the expression of ``state``."""
    parent = state.unit.parent(state.node)
    handler = HANDLERS.get(type(parent))
    if handler is not None:
        handler(trace, state, parent)


def _same(trace: Trace, state: State, parent: ast.AST) -> None:
    """The holder gives the value itself: ``a or b``, ``await x``, ``(x)``."""
    trace.go(state, state.unit, parent, state.path)


def _conditional(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.IfExp)
    if state.node is not parent.test:
        _same(trace, state, parent)


def _walrus(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.NamedExpr)
    kept_in(trace, state, state.unit, parent.target, state.path, f"variable {parent.target.id}")
    _same(trace, state, parent)


def _assign(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Assign)
    for target in parent.targets:
        if target is not state.node:
            _assigned(trace, state, target)


def _annotated_assign(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.AnnAssign)
    if state.node is parent.value:
        _assigned(trace, state, parent.target)


def _augmented(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.AugAssign)
    if state.node is parent.value and not state.path:
        before = _piece(trace, state, parent.target) if isinstance(parent.target, ast.Name) else UNREAD
        if any(c.isspace() for c in before):
            trace.lose("text")
        elif isinstance(parent.op, ast.Add):
            value = (before + state.old, before + state.new)
            kept_in(trace, replace(state, old=value[0], new=value[1]), state.unit, parent.target, (), "")
    elif state.node is parent.value and state.path:
        kept_in(trace, state, state.unit, parent.target, state.path, "")


def _assigned(trace: Trace, state: State, target: ast.expr) -> None:
    name = target.id if isinstance(target, ast.Name) else ""
    if is_azure(name):
        trace.block("azure", name, state.unit, target)
    owner = owner_of(state.unit, state.unit.statement(target)) if name else None
    if owner is not None and is_enum(trace.project, owner) and not state.path:
        _member_of_enum(trace, state, owner, name)
        return
    what = f"constant {name}" if name.isupper() else f"variable {name}" if name else ""
    kept_in(trace, state, state.unit, target, state.path, what)


def _member_of_enum(trace: Trace, state: State, owner: Class, name: str) -> None:
    """A member that is named after the model, or stands among other models, is a list entry, no choice."""
    bare = "".join(c for c in name.lower() if c.isalnum())
    spelled = "".join(c for c in state.old.lower().rpartition("/")[2] if c.isalnum())
    if spelled in bare or _would_collide(trace, state, owner):
        trace.block("enum_member", f"{owner.node.name}.{name}", state.unit, state.unit.statement(state.node))
        return
    from migrator.flow.objects import class_uses

    for unit, node in class_uses(trace.project, owner):
        access = unit.parent(node)
        if isinstance(access, ast.Attribute) and access.attr == name:
            trace.go(state, unit, access, (("attr", "value"),), f"member {owner.node.name}.{name}", context=())
            trace.go(state, unit, access, (), f"member {owner.node.name}.{name}", context=())


def _would_collide(trace: Trace, state: State, owner: Class) -> bool:
    """Say whether another member has, or would get, the same value: the two would become one."""
    for statement in owner.node.body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        known = constants(trace.project, owner.unit, value).known if value is not None else ()
        for other in known:
            if other.node is not trace.literal and isinstance(other.value, str):
                if state.new in (other.value, trace.migration.rename(other.value)):
                    return True
    return False


def _keyword(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.keyword)
    call = state.unit.parent(parent)
    if not isinstance(call, ast.Call):
        return
    if parent.arg == "default_factory" and isinstance(state.node, ast.Lambda):
        trace.go(state, state.unit, call, state.path)
    elif parent.arg is not None:
        into_call(trace, state, call, parent.arg, None, state.path)
    elif state.path and state.path[0][0] == "key":
        name = state.path[0][1]
        if isinstance(name, str) and name != ANY:
            into_call(trace, state, call, name, None, state.path[1:])


def _call(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Call)
    if state.node is parent.func:
        return
    method = parent.func.attr if isinstance(parent.func, ast.Attribute) else ""
    position = next(i for i, a in enumerate(parent.args) if a is state.node)
    if method == "join" and state.path and isinstance(parent.func, ast.Attribute) and _is_text(trace, state, parent):
        _by_template(trace, state, parent, parent.func.value)
        return
    if method == "index" and position == 0 and not state.path and not _own(trace, state, parent):
        assert isinstance(parent.func, ast.Attribute)
        follow_index(trace, state, parent.func.value, parent)
    elif method in ("get", "pop", "setdefault") and _on_dictionary(trace, state, parent):
        _dictionary_call(trace, state, parent, method, position)
    elif method in ("append", "add", "insert", "extend") and not _own(trace, state, parent):
        assert isinstance(parent.func, ast.Attribute)
        path = state.path if method == "extend" else (key(ANY), *state.path)
        same_object(trace, state, state.unit, parent.func.value, path)
    elif method == "update" and state.path and not _own(trace, state, parent):
        assert isinstance(parent.func, ast.Attribute)
        same_object(trace, state, state.unit, parent.func.value, state.path)
    elif method == "format" and isinstance(parent.func, ast.Attribute):
        _by_template(trace, state, parent, parent.func.value)
    else:
        into_call(trace, state, parent, None, position, state.path)


def _is_text(trace: Trace, state: State, call: ast.Call) -> bool:
    assert isinstance(call.func, ast.Attribute)
    return _piece(trace, state, call.func.value) != UNREAD


def _own(trace: Trace, state: State, call: ast.Call) -> bool:
    """Say whether the callee is a function of the repository."""
    return any(isinstance(s, Function) for s in symbols(trace.project, state.unit, call.func))


def _on_dictionary(trace: Trace, state: State, call: ast.Call) -> bool:
    from migrator.flow.symbols import External

    found = symbols(trace.project, state.unit, call.func)
    known = [
        s
        for s in found
        if isinstance(s, External) and (trace.rules.carrier_of(s.name) is not None or trace.rules.surfaces_for(s.name))
    ]
    return not known and not any(isinstance(s, Function) for s in found)


def _dictionary_call(trace: Trace, state: State, call: ast.Call, method: str, position: int) -> None:
    """``table.get(model)``, ``settings.get("model", value)``, ``settings.setdefault("model", value)``."""
    assert isinstance(call.func, ast.Attribute)
    if position == 0 and state.path:
        follow_composite_index(trace, state, call.func.value, call)
    elif position == 0:
        follow_index(trace, state, call.func.value, call)
    elif position == 1:
        names = constants(trace.project, state.unit, call.args[0]).values
        trace.named(*(str(n) for n in names))
        trace.go(state, state.unit, call, state.path, f"default of {method}({', '.join(map(repr, names))})")
        if method == "setdefault" and names:
            same_object(trace, state, state.unit, call.func.value, (key(names[0]), *state.path))


def _starred(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Starred)
    holder = state.unit.parent(parent)
    if isinstance(holder, (ast.List, ast.Tuple, ast.Set)) and state.path:
        trace.go(state, state.unit, holder, (key(ANY), *state.path[1:]))
    elif isinstance(holder, ast.Call) and state.path and isinstance(state.path[0][1], int):
        start = holder.args.index(parent)
        into_call(trace, state, holder, None, start + state.path[0][1], state.path[1:])


def _attribute(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Attribute)
    call = state.unit.parent(parent)
    called = isinstance(call, ast.Call) and call.func is parent
    if not isinstance(parent.ctx, ast.Load):
        return
    if state.path and state.path[0] == ("attr", parent.attr):
        trace.go(state, state.unit, parent, state.path[1:])
    elif called and not state.path:
        assert isinstance(call, ast.Call)
        follow_method(trace, state, call, parent.attr)
    elif called and state.path:
        assert isinstance(call, ast.Call)
        _method_of_container(trace, state, call, parent.attr)


def _method_of_container(trace: Trace, state: State, call: ast.Call, method: str) -> None:
    first, rest = state.path[0], state.path[1:]
    if state.path == (ROW,) and method in ("get", "pop") and call.args:
        follow_own_row(trace, state, call.args[0], call)
    elif is_file(state.path):
        method_of_file(trace, state, call, method)
    elif is_option_read(trace, state, call, method):
        trace.go(state, state.unit, call, state.path[2:], f"entry {state.path[1][1]!r}")
    elif first[0] == "key" and method in ("get", "pop", "setdefault", "__getitem__"):
        if not call.args:
            trace.go(state, state.unit, call, rest)
            return
        values = constants(trace.project, state.unit, call.args[0]).values
        if not values or any(fits(first, key(v)) for v in values):
            trace.go(state, state.unit, call, rest, f"entry {first[1]!r}")
    elif first[0] == "key" and method == "values":
        trace.go(state, state.unit, call, (key(ANY), *rest))
    elif first[0] == "key" and method == "items":
        trace.go(state, state.unit, call, (key(ANY), key(1), *rest))
    elif method in DICTIONARY_COPIES:
        trace.go(state, state.unit, call, (key(first[1]), *rest) if method != "copy" else state.path)
    elif method in ("parse_args", "get_secret_value", "model_copy", "resolve"):
        trace.go(state, state.unit, call, state.path)
    elif first[0] == "key" and method in OVERLAPS and call.args:
        follow_overlap(trace, state, call.args[0], call)
    elif not _own(trace, state, call):
        trace.lose(method)


def _subscript(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Subscript)
    if state.node is parent.slice:
        if state.node is trace.literal and _is_type(trace, state, parent):
            trace.block("literal_type", source(state.unit, parent), state.unit, parent)
        elif not state.path:
            follow_index(trace, state, parent.value, parent)
            if isinstance(parent.ctx, ast.Store) and state.node is not trace.literal:
                _rows_kept_apart(trace, state, parent)
                same_object(trace, state, state.unit, parent.value, (ROW,))
        elif isinstance(state.node, ast.Tuple):
            follow_composite_index(trace, state, parent.value, parent)
        return
    if not state.path:
        _sliced(trace, state, parent)
    if not state.path or is_file(state.path) or not isinstance(parent.ctx, ast.Load):
        return
    if state.path == (ROW,):
        follow_own_row(trace, state, parent.slice, parent)
        return
    values = constants(trace.project, state.unit, parent.slice).values
    if isinstance(parent.slice, ast.Slice):
        trace.go(state, state.unit, parent, (key(ANY), *state.path[1:]))
    elif not values or any(fits(state.path[0], key(v)) for v in values):
        trace.go(state, state.unit, parent, state.path[1:], f"entry {state.path[0][1]!r}")


def _sliced(trace: Trace, state: State, parent: ast.Subscript) -> None:
    """``model[:6]`` with constant bounds: do it to both names."""
    bounds = parent.slice
    if not isinstance(bounds, ast.Slice):
        _letter(trace, state, parent)
        return
    try:
        given = [ast.literal_eval(b) if b is not None else None for b in (bounds.lower, bounds.upper, bounds.step)]
        old, new = state.old[slice(*given)], state.new[slice(*given)]
    except (ValueError, TypeError):
        trace.lose("slice")
        return
    if old != new:
        trace.go(state, state.unit, parent, (), value=(old, new))


def _letter(trace: Trace, state: State, parent: ast.Subscript) -> None:
    """``model[-1]``: one letter of both names."""
    for index in constants(trace.project, state.unit, parent.slice).values:
        if isinstance(index, int) and -len(state.old) <= index < len(state.old):
            old, new = state.old[index], state.new[index] if -len(state.new) <= index < len(state.new) else ""
            if old != new:
                trace.go(state, state.unit, parent, (), value=(old, new))


def _is_type(trace: Trace, state: State, subscript: ast.Subscript) -> bool:
    return ast.unparse(subscript.value).split(".")[-1] in ("Literal", "Annotated")


def _dictionary(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Dict)
    if any(k is state.node for k in parent.keys):
        if state.node is trace.literal:
            trace.block("table_key", missing_row(state, parent), state.unit, state.node)
        elif not state.path:
            trace.go(state, state.unit, parent, (ROW,))
        return
    index = next(i for i, v in enumerate(parent.values) if v is state.node)
    name = parent.keys[index]
    if name is None:
        trace.go(state, state.unit, parent, state.path)
        return
    value = name.value if isinstance(name, ast.Constant) else ANY
    if isinstance(value, str) and value != ANY:
        trace.named(value)
        if is_azure(value):
            trace.block("azure", value, state.unit, parent)
        if (seen := of_entry(parent, value)) is not None:
            trace.block(*seen, state.unit, parent)
    if state.node is trace.literal:
        rows = zip(parent.keys, parent.values, strict=True)
        note_addresses(trace, state, [v for k, v in rows if isinstance(k, ast.Constant) and k.value in ADDRESSES])
    if azure_entries(parent):
        trace.block("azure", "an Azure entry beside it", state.unit, parent)
    row = _row_of(trace, state.unit, parent, value) or _row_of_member(state, value)
    if state.node is trace.literal and row is not None:
        trace.block("table_key", f"the row {row!r}", state.unit, state.node)
    trace.go(state, state.unit, parent, (key(value), *state.path))


def _row_of(trace: Trace, unit: Unit, table: ast.Dict, key_of_value: object) -> str | None:
    """The model whose row this is: the key itself, or the key of the dictionary that holds this one."""
    if isinstance(key_of_value, str) and _names_model(trace, key_of_value):
        return key_of_value
    outer = unit.parent(table)
    if isinstance(outer, ast.Dict):
        for name, value in zip(outer.keys, outer.values, strict=True):
            if value is table and isinstance(name, ast.Constant) and _names_model(trace, str(name.value)):
                return str(name.value)
    return None


def _row_of_member(state: State, key_of_value: object) -> str | None:
    """The key that is spelled like the member beside it: ``{"GPT_4O": ModelType.GPT_4O}``."""
    if not isinstance(state.node, ast.Attribute) or not isinstance(key_of_value, str):
        return None
    bare, member = ("".join(c for c in text.lower() if c.isalnum()) for text in (key_of_value, state.node.attr))
    return key_of_value if bare == member else None


def missing_row(state: State, table: ast.Dict) -> str:
    """The row that the table would need; none is spelled for a member of an enumeration."""
    if isinstance(state.node, ast.Attribute):
        return ""
    if any(isinstance(k, ast.Constant) and k.value == state.new for k in table.keys):
        return f"the table has a row {state.new!r} already"
    return f"row to add: {state.new!r}"


def _names_model(trace: Trace, text: str) -> bool:
    return trace.migration.match(text) is not None or text in trace.rules.models


def _sequence(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, (ast.List, ast.Tuple, ast.Set))
    if _is_literal_type(state, parent):
        if state.node is trace.literal:
            holder = state.unit.parent(parent)
            trace.block("literal_type", source(state.unit, holder), state.unit, holder)
        return
    index = next((i for i, e in enumerate(parent.elts) if e is state.node), ANY)
    holder = state.unit.parent(parent)
    if state.node is trace.literal and isinstance(parent, ast.Tuple) and len(parent.elts) > 1:
        if isinstance(holder, ast.Compare) and not any(isinstance(o, (ast.In, ast.NotIn)) for o in holder.ops):
            reason = reason_of(state.unit, holder, "comparison")
            trace.block(
                "assertion" if reason == "assertion" else "comparison", source(state.unit, holder), state.unit, holder
            )
            return
        if isinstance(holder, ast.Dict) and any(k is parent for k in holder.keys):
            trace.block("table_key", "", state.unit, state.node)
            return
    if state.node is trace.literal and _listed(parent, state):
        trace.block("model_list", source(state.unit, parent), state.unit, parent)
        return
    trace.go(state, state.unit, parent, (key(ANY if isinstance(parent, ast.Set) else index), *state.path))


def _is_literal_type(state: State, parent: ast.AST) -> bool:
    holder = state.unit.parent(parent)
    return (
        isinstance(holder, ast.Subscript)
        and holder.slice is parent
        and (ast.unparse(holder.value).split(".")[-1] == "Literal")
    )


def _listed(parent: ast.List | ast.Tuple | ast.Set, state: State) -> bool:
    """Say whether the literal is one of several names in a row, and not one side of an unpacking."""
    holder = state.unit.parent(parent)
    if (
        isinstance(parent, ast.Tuple)
        and isinstance(holder, ast.Assign)
        and any(isinstance(t, (ast.Tuple, ast.List)) for t in holder.targets)
    ):
        return False
    texts = [e for e in parent.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    if isinstance(parent, ast.Tuple) and isinstance(holder, (ast.Return, ast.Yield)):
        return False
    names = [*(e for e in texts if looks_like_model(str(e.value))), *_same_enumeration(parent.elts, state)]
    return len(names) > 1 or (len(texts) > 1 and isinstance(parent, ast.Set)) or isinstance(holder, ast.Compare)


def _same_enumeration(elements: list[ast.expr], state: State) -> list[ast.expr]:
    """The members of the enumeration of which the literal is one: ``[ModelType.GPT_4, ModelType.GPT_4O]``."""
    if not isinstance(state.node, ast.Attribute):
        return []
    owner = ast.dump(state.node.value)
    return [e for e in elements if isinstance(e, ast.Attribute) and ast.dump(e.value) == owner]


def looks_like_model(text: str) -> bool:
    """Say whether a string has the shape of a model's name: ``claude-3-opus``, ``o3``, ``openai/gpt-4o``."""
    short = 1 < len(text) < 80 and not any(c.isspace() for c in text)
    return short and any(c.isdigit() for c in text) and any(c.isalpha() for c in text) and "://" not in text


UNREAD = "\0"


def _formatted(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.FormattedValue)
    text = state.unit.parent(parent)
    if is_file(state.path) and isinstance(text, ast.JoinedStr):
        lengthen(trace, state, text)
        return
    if state.path or not isinstance(text, ast.JoinedStr):
        return
    sides = ["", ""]
    after = 0
    for part in text.values:
        if part is parent:
            after = 1
        else:
            sides[after] += _piece(trace, state, part)
    _composed(trace, state, text, sides[0], sides[1])


def _piece(trace: Trace, state: State, part: ast.expr) -> str:
    """The text of another piece, or a mark that stands for what could not be read."""
    node = part.value if isinstance(part, ast.FormattedValue) else part
    known = [v for v in constants(trace.project, state.unit, node).values if isinstance(v, str)]
    return known[0] if len(known) == 1 else UNREAD


def _plain_f_string(trace: Trace, state: State, parent: ast.AST) -> None:
    """``f"gpt-4o"`` is its only piece."""
    assert isinstance(parent, ast.JoinedStr)
    if is_file(state.path):
        lengthen(trace, state, parent)
        return
    if len(parent.values) == 1:
        _same(trace, state, parent)


def _composed(trace: Trace, state: State, whole: ast.AST, before: str, after: str) -> None:
    """The name becomes part of a longer one; with a space in it, it is a text for people."""
    if any(c.isspace() for c in before + after):
        trace.lose("text")
        return
    against = foreign_path(before)
    if against is not None:
        trace.block(against, before.replace(UNREAD, "…"), state.unit, whole)
        return
    what = f"with {before.replace(UNREAD, '…')!r} before it" if before else ""
    trace.go(
        state,
        state.unit,
        whole,
        (),
        what,
        value=(before + state.old + after, before + state.new + after),
    )


def _binary(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.BinOp)
    if is_file(state.path):
        lengthen(trace, state, parent)
    elif state.path:
        if isinstance(parent.op, (ast.BitOr, ast.Add)):
            trace.go(state, state.unit, parent, state.path)
        elif isinstance(parent.op, ast.Mod):
            _composed(trace, state, parent, UNREAD, UNREAD)
        elif isinstance(parent.op, ast.BitAnd):
            follow_overlap(trace, state, parent.right if state.node is parent.left else parent.left, parent)
    elif isinstance(parent.op, ast.Div):
        trace.block("chooses_code", source(state.unit, parent), state.unit, parent)
    elif isinstance(parent.op, ast.Add) and state.node is parent.right:
        _composed(trace, state, parent, _piece(trace, state, parent.left), "")
    elif isinstance(parent.op, ast.Add):
        _composed(trace, state, parent, "", _piece(trace, state, parent.right))
    elif isinstance(parent.op, ast.Mod) and state.node is parent.right:
        _by_template(trace, state, parent, parent.left)
    else:
        trace.lose("text")


def _by_template(trace: Trace, state: State, whole: ast.AST, template: ast.expr) -> None:
    """``"%s-mini" % model`` and ``"{}-mini".format(model)``: a text for people when the template has a space."""
    text = _piece(trace, state, template)
    if any(c.isspace() for c in text):
        trace.lose("text")
    else:
        _composed(trace, state, whole, UNREAD, UNREAD)


def _loop(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension))
    if state.node is parent.iter and state.path and state.path[0][0] == "key":
        if isinstance(state.path[0][1], str) and state.path[0][1] != ANY:
            return
        _item(trace, state, parent.target, state.path[1:])


def _item(trace: Trace, state: State, target: ast.expr, path: Path) -> None:
    if isinstance(target, ast.Name):
        bound_to(trace, state, state.unit.bound[target], path, f"each {target.id}")
    else:
        kept_in(trace, state, state.unit, target, path, "")


def _comprehension(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, COMPREHENSIONS)
    if isinstance(parent, ast.DictComp):
        if state.node is parent.value:
            trace.go(state, state.unit, parent, (key(looped_key(state, state.unit, parent.key)), *state.path))
        elif state.node is parent.key and not state.path:
            _rows_kept_apart(trace, state, parent.key)
            trace.go(state, state.unit, parent, (ROW,))
    elif state.node is parent.elt:
        trace.go(state, state.unit, parent, (key(ANY), *state.path))


def _rows_kept_apart(trace: Trace, state: State, row: ast.AST) -> None:
    """A list beside the literal holds another name that would become the same row: one of the two were lost."""
    for display in trace.unit.ancestors(trace.literal):
        if isinstance(display, ast.stmt):
            return
        if isinstance(display, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
            texts = {n.value for n in ast.walk(display) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            if any(text != state.old and state.new in (text, trace.migration.rename(text)) for text in texts):
                trace.block("table_lookup", f"two rows would become {state.new!r}", state.unit, row)


def _with(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.withitem)
    if parent.optional_vars is not None and state.node is parent.context_expr:
        kept_in(trace, state, state.unit, parent.optional_vars, state.path, "")


def _default(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.arguments)
    function = state.unit.parent(parent)
    assert isinstance(function, FUNCTIONS)
    for binding in (b for p in parameters_of(function) for b in state.unit.bindings.get((function, p.arg), ())):
        if binding.value is state.node and binding.kind == "parameter":
            title = getattr(function, "name", "lambda")
            if is_azure(binding.name):
                trace.block("azure", binding.name, state.unit, binding.node)
            bound_to(trace, state, binding, state.path, f"default of {binding.name} in {title}")


def _return(trace: Trace, state: State, parent: ast.AST) -> None:
    function = next((a for a in state.unit.ancestors(parent) if isinstance(a, FUNCTIONS)), None)
    if function is not None:
        path = state.path if isinstance(parent, ast.Return) else (key(ANY), *state.path)
        given_back(trace, state, function, path)


def _lambda(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Lambda)
    if state.node is not parent.body:
        return
    holder = state.unit.parent(parent)
    if isinstance(holder, ast.keyword) and holder.arg == "default_factory":
        call = state.unit.parent(holder)
        trace.go(state, state.unit, call, state.path)
    else:
        given_back(trace, state, parent, state.path)


def given_back(trace: Trace, state: State, function: FunctionNode, path: Path) -> None:
    """The function returns the value: go back to the call it came in by, or to every call."""
    symbol = Function(state.unit, function)
    if property_reads(trace, state, symbol, path):
        return
    if not isinstance(function, ast.Lambda):
        check_held_type(trace, state, state.unit, function.returns, path)
    title = f"returned by {getattr(function, 'name', 'lambda')}"
    trace.named(getattr(function, "name", ""))
    if state.context and state.context[-1].function is function:
        last = state.context[-1]
        trace.go(state, last.unit, last.call, path, title, context=state.context[:-1])
        return
    for unit, call in callers(trace.project, symbol):
        trace.go(state, unit, call, path, title, context=())


def _text(trace: Trace, state: State, parent: ast.AST) -> None:
    trace.lose("text")


def _docstring(trace: Trace, state: State, parent: ast.AST) -> None:
    if state.node is trace.literal:
        trace.block("text", "", state.unit, state.node)


def _compare(trace: Trace, state: State, parent: ast.AST) -> None:
    assert isinstance(parent, ast.Compare)
    follow_compare(trace, state, parent)


def _match(trace: Trace, state: State, parent: ast.AST) -> None:
    if isinstance(parent, ast.Match):
        follow_match(trace, state, parent)
    else:
        trace.block("match_case", "", state.unit, state.node)


HANDLERS: Mapping[type[ast.AST], Callable[[Trace, State, ast.AST], None]] = {
    ast.BoolOp: _same,
    ast.Await: _same,
    ast.Yield: _return,
    ast.YieldFrom: _return,
    ast.Return: _return,
    ast.IfExp: _conditional,
    ast.NamedExpr: _walrus,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated_assign,
    ast.AugAssign: _augmented,
    ast.keyword: _keyword,
    ast.Call: _call,
    ast.Starred: _starred,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Dict: _dictionary,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.FormattedValue: _formatted,
    ast.BinOp: _binary,
    ast.For: _loop,
    ast.AsyncFor: _loop,
    ast.comprehension: _loop,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.JoinedStr: _plain_f_string,
    ast.withitem: _with,
    ast.arguments: _default,
    ast.Lambda: _lambda,
    ast.Raise: _text,
    ast.Expr: _docstring,
    ast.Compare: _compare,
    ast.Match: _match,
    ast.MatchValue: _match,
}
