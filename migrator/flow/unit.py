"""Answer one question: which names does one module bind and use, and where?

A ``Unit`` is one parsed source with what the questions of ``flow`` need: parents, scopes, bindings,
and the loads of each name and attribute. It is built once, in one walk, and never changed.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from migrator.model import Position, Source, Span
from migrator.sources import Lines, offsets, parse

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode = ast.Module | ast.ClassDef | FunctionNode | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.Module, ast.ClassDef, *FUNCTIONS, *COMPREHENSIONS)
LOOPS = (ast.For, ast.AsyncFor, ast.While)

BindingKind = Literal["value", "parameter", "import", "function", "class", "item", "entered", "other"]


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """One place that binds a name in a scope.

    ``value`` is what the name is bound to (an ``item`` of it for a loop, what it gives on entering
    for a ``with``); ``path`` the indexes taken out of it by unpacking. An import has ``module``
    (dots for levels kept) and ``member``, None for ``import module``.
    """

    name: str
    kind: BindingKind
    node: ast.AST
    scope: ScopeNode
    unit: Unit
    value: ast.expr | None = None
    path: tuple[int, ...] = ()
    module: str = ""
    member: str | None = None


@dataclass(eq=False, slots=True)
class Unit:
    """One parsed source. Compared by identity."""

    source: Source
    tree: ast.Module
    lines: Lines
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    bindings: dict[tuple[ast.AST, str], list[Binding]] = field(default_factory=lambda: defaultdict(list))
    loads: dict[str, list[ast.Name]] = field(default_factory=lambda: defaultdict(list))
    attributes: dict[str, list[ast.Attribute]] = field(default_factory=lambda: defaultdict(list))
    imports: list[Binding] = field(default_factory=list)
    stars: list[Binding] = field(default_factory=list)
    strings: list[ast.Constant] = field(default_factory=list)
    declared: dict[tuple[ast.AST, str], str] = field(default_factory=dict)
    stores: dict[str, list[ast.Attribute]] = field(default_factory=lambda: defaultdict(list))
    classes: list[ast.ClassDef] = field(default_factory=list)
    bound: dict[ast.AST, Binding] = field(default_factory=dict)
    used: dict[Binding, tuple[ast.Name, ...]] = field(default_factory=dict)
    scopes: dict[ast.AST, ScopeNode] = field(default_factory=dict)

    def span(self, node: ast.AST) -> Span:
        """The bytes of ``node`` in the source's text."""
        assert isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.alias))
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(
            self.lines.offset(node.lineno, node.col_offset),
            self.lines.offset(node.end_lineno, node.end_col_offset),
        )

    def code(self, node: ast.AST) -> str:
        """The text that writes ``node``."""
        return self.lines.slice(self.span(node))

    def position(self, node: ast.AST) -> Position:
        """Where a person finds the start of ``node``."""
        return self.lines.position(self.span(node).start)

    def parent(self, node: ast.AST) -> ast.AST:
        """The node that holds ``node``; the module holds itself."""
        return self.parents.get(node, self.tree)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The holders of ``node``, innermost first, the module last."""
        while node is not self.tree:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.AST:
        """The innermost statement that holds ``node``."""
        while not isinstance(node, (ast.stmt, ast.Module)):
            node = self.parents[node]
        return node

    def scope(self, node: ast.AST) -> ScopeNode:
        """The scope in which the expression ``node`` is evaluated."""
        found = self.scopes.get(node)
        if found is None:
            found = self.scopes[node] = self._scope(node)
        return found

    def _scope(self, node: ast.AST) -> ScopeNode:
        child, above = node, self.parent(node)
        while True:
            if isinstance(above, SCOPES) and evaluated_inside(above, child):
                return above
            if isinstance(above, ast.comprehension) and child is above.iter:
                made = self.parent(above)
                if isinstance(made, COMPREHENSIONS) and made.generators[0] is above:
                    above = made
            child, above = above, self.parent(above)

    def lookup(self, name: str, at: ast.AST) -> tuple[Binding, ...]:
        """The bindings that ``name`` may mean at ``at``, after rebinding and branches are taken into account."""
        owner = self.owner(name, at)
        if owner is None:
            return ()
        found = self.bindings[owner, name]
        if len(found) == 1 or self.scope(at) is not owner:
            return tuple(found)
        live = tuple(b for b in found if self.arrives(b, at))
        return live or tuple(found)

    def owner(self, name: str, at: ast.AST) -> ScopeNode | None:
        """The scope whose ``name`` is meant at ``at``, or None for a builtin or a starred import."""
        scope = self.scope(at)
        first = True
        while True:
            if (scope, name) in self.declared:
                outer = self.declared[scope, name]
                if outer == "global":
                    return self.tree if (self.tree, name) in self.bindings else None
            elif (first or not isinstance(scope, ast.ClassDef)) and (scope, name) in self.bindings:
                return scope
            if isinstance(scope, ast.Module):
                return None
            first = first and isinstance(scope, COMPREHENSIONS)
            scope = self.scope(scope)

    def uses(self, binding: Binding) -> tuple[ast.Name, ...]:
        """The loads in this unit that may see the value of ``binding``."""
        if binding not in self.used:
            loads = self.loads.get(binding.name, ())
            self.used[binding] = tuple(load for load in loads if binding in self.lookup(binding.name, load))
        return self.used[binding]

    def arrives(self, binding: Binding, use: ast.AST) -> bool:
        """Say whether a value bound at ``binding`` can still be there at ``use`` in the same scope."""
        if binding.kind in ("parameter", "function", "class", "import") and binding.node is binding.scope:
            return True
        loop = self.common_loop(binding.node, use)
        if self.exclusive(binding.node, use) and loop is None:
            return False
        is_early = not before(binding.node, use) or self._in_own_value(binding, use)
        if is_early and binding.kind != "parameter":
            return loop is not None
        rivals = self.bindings[binding.scope, binding.name]
        return not any(
            other is not binding
            and other.kind != "parameter"
            and (binding.kind == "parameter" or before(binding.node, other.node))
            and before(other.node, use)
            and self.always_before(other.node, use)
            for other in rivals
        )

    def _in_own_value(self, binding: Binding, use: ast.AST) -> bool:
        """Say whether ``use`` stands on the right side of the very assignment: ``first, name = None, name[-1]``."""
        statement = self.statement(binding.node)
        if isinstance(self.parent(binding.node), ast.NamedExpr):
            return False
        return isinstance(statement, (ast.Assign, ast.AnnAssign)) and self.statement(use) is statement

    def common_loop(self, one: ast.AST, two: ast.AST) -> ast.AST | None:
        """The innermost loop that holds both nodes, within their scope."""
        loops = {a for a in self.ancestors(one) if isinstance(a, LOOPS)}
        return next((a for a in self.ancestors(two) if a in loops), None)

    def exclusive(self, one: ast.AST, two: ast.AST) -> bool:
        """Say whether the nodes stand in different branches of one ``if`` or ``match``."""
        mine = dict(self.branches(one))
        return any(a in mine and mine[a] != b for a, b in self.branches(two))

    def branches(self, node: ast.AST) -> Iterator[tuple[ast.AST, object]]:
        """The branching statements around ``node``, each with the branch that holds it."""
        child = node
        for above in self.ancestors(node):
            if isinstance(above, ast.If) and child is not above.test:
                yield above, child in above.body
            elif isinstance(above, ast.Match) and isinstance(child, ast.match_case):
                yield above, id(child)
            child = above

    def always_before(self, one: ast.AST, use: ast.AST) -> bool:
        """Say whether ``one`` is a statement of a block that holds ``use`` too, so it ran before it."""
        statement = self.statement(one)
        if statement is self.statement(use):
            return False
        block = self.parent(statement)
        child: ast.AST = use
        for above in self.ancestors(use):
            if above is block:
                return any(statement in body and child in body for body in blocks(block))
            child = above
        return False


def evaluated_inside(scope: ast.AST, child: ast.AST) -> bool:
    """Say whether ``child``, directly below ``scope``, is evaluated inside it and not before it."""
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return child in scope.body
    if isinstance(scope, ast.Lambda):
        return child is scope.body
    return True


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The statement lists of a compound statement, a handler, a case or a module."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def before(one: ast.AST, two: ast.AST) -> bool:
    """Say whether ``one`` starts earlier in the text than ``two``."""
    return _place(one) < _place(two)


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def build(source: Source) -> Unit:
    """Parse and index ``source``. Raises ``SyntaxError`` when it does not parse."""
    unit = Unit(source, parse(source), offsets(source))
    _Indexer(unit).run()
    return unit


class _Indexer:
    """One walk over the tree that fills a ``Unit``."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    def run(self) -> None:
        self.body(self.unit.tree, self.unit.tree)
        self.place_nonlocals()

    def body(self, node: ast.AST, scope: ScopeNode) -> None:
        stack: list[tuple[ast.AST, ScopeNode]] = [(node, scope)]
        parents = self.unit.parents
        while stack:
            current, inside = stack.pop()
            self.note(current, inside)
            own = isinstance(current, SCOPES)
            for child in ast.iter_child_nodes(current):
                parents[child] = current
                below = current if own and evaluated_inside(current, child) else inside
                stack.append((child, below))  # type: ignore[arg-type]  # ``own`` says it is a ScopeNode

    def note(self, node: ast.AST, scope: ScopeNode) -> None:
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is not None:
            method(node, scope)

    def bind(
        self,
        name: str,
        kind: BindingKind,
        node: ast.AST,
        scope: ScopeNode,
        value: ast.expr | None = None,
        path: tuple[int, ...] = (),
    ) -> None:
        if self.unit.declared.get((scope, name)) == "global":
            scope = self.unit.tree
        binding = Binding(name, kind, node, scope, self.unit, value, path)
        self.unit.bindings[scope, name].append(binding)
        self.unit.bound[node] = binding

    def place_nonlocals(self) -> None:
        """Give what a ``nonlocal`` name is bound to to the function around that binds it too."""
        for (scope, name), kind in self.unit.declared.items():
            found = self.unit.bindings.get((scope, name), []) if kind == "nonlocal" else []
            outer = next(
                (a for a in self.unit.ancestors(scope) if isinstance(a, FUNCTIONS) and (a, name) in self.unit.bindings),
                None,
            )
            if found and outer is not None:
                self.unit.bindings[outer, name] += [replace(b, scope=outer) for b in found]
                del self.unit.bindings[scope, name]

    def target(
        self,
        target: ast.expr,
        kind: BindingKind,
        scope: ScopeNode,
        value: ast.expr | None,
        path: tuple[int, ...] = (),
    ) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, kind, target, scope, value, path)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for i, element in enumerate(target.elts):
                self.target(element, kind, scope, value, (*path, i))
        elif isinstance(target, ast.Starred):
            self.target(target.value, "other", scope, None)

    def on_Name(self, node: ast.Name, scope: ScopeNode) -> None:
        if isinstance(node.ctx, ast.Load):
            self.unit.loads[node.id].append(node)

    def on_Attribute(self, node: ast.Attribute, scope: ScopeNode) -> None:
        table = self.unit.attributes if isinstance(node.ctx, ast.Load) else self.unit.stores
        table[node.attr].append(node)

    def on_Constant(self, node: ast.Constant, scope: ScopeNode) -> None:
        if isinstance(node.value, str):
            self.unit.strings.append(node)

    def on_Assign(self, node: ast.Assign, scope: ScopeNode) -> None:
        for target in node.targets:
            self.target(target, "value", scope, node.value)

    def on_AnnAssign(self, node: ast.AnnAssign, scope: ScopeNode) -> None:
        if isinstance(node.target, ast.Name):
            self.bind(node.target.id, "value", node.target, scope, node.value)

    def on_AugAssign(self, node: ast.AugAssign, scope: ScopeNode) -> None:
        self.target(node.target, "value", scope, node.value)

    def on_NamedExpr(self, node: ast.NamedExpr, scope: ScopeNode) -> None:
        while isinstance(scope, COMPREHENSIONS):
            scope = self.unit.scope(scope)
        self.bind(node.target.id, "value", node.target, scope, node.value)

    def on_For(self, node: ast.For | ast.AsyncFor, scope: ScopeNode) -> None:
        self.target(node.target, "item", scope, node.iter)

    on_AsyncFor = on_For

    def on_comprehension(self, node: ast.comprehension, scope: ScopeNode) -> None:
        owner = self.unit.parents[node]
        self.target(node.target, "item", owner, node.iter)  # type: ignore[arg-type]  # always a comprehension

    def on_withitem(self, node: ast.withitem, scope: ScopeNode) -> None:
        if node.optional_vars is not None:
            self.target(node.optional_vars, "entered", scope, node.context_expr)

    def on_ExceptHandler(self, node: ast.ExceptHandler, scope: ScopeNode) -> None:
        if node.name:
            self.bind(node.name, "other", node, scope)

    def on_MatchAs(self, node: ast.MatchAs, scope: ScopeNode) -> None:
        if node.name:
            self.bind(node.name, "other", node, scope)

    def on_Global(self, node: ast.Global, scope: ScopeNode) -> None:
        for name in node.names:
            self.unit.declared[scope, name] = "global"
            for binding in self.unit.bindings.pop((scope, name), []):
                self.bind(name, binding.kind, binding.node, self.unit.tree, binding.value, binding.path)

    def on_Nonlocal(self, node: ast.Nonlocal, scope: ScopeNode) -> None:
        for name in node.names:
            self.unit.declared[scope, name] = "nonlocal"

    def on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: ScopeNode) -> None:
        self.bind(node.name, "function", node, scope)
        self.parameters(node)

    on_AsyncFunctionDef = on_FunctionDef

    def on_Lambda(self, node: ast.Lambda, scope: ScopeNode) -> None:
        self.parameters(node)

    def parameters(self, node: FunctionNode) -> None:
        for argument in parameters_of(node):
            self.bind(argument.arg, "parameter", argument, node, default_of(node, argument))

    def on_ClassDef(self, node: ast.ClassDef, scope: ScopeNode) -> None:
        self.bind(node.name, "class", node, scope)
        self.unit.classes.append(node)

    def on_Import(self, node: ast.Import, scope: ScopeNode) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else name
            self.imported(name, node, scope, module, None)

    def on_ImportFrom(self, node: ast.ImportFrom, scope: ScopeNode) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            self.imported(alias.asname or alias.name, node, scope, module, alias.name)

    def imported(self, name: str, node: ast.AST, scope: ScopeNode, module: str, member: str | None) -> None:
        binding = Binding(name, "import", node, scope, self.unit, None, (), module, member)
        if member == "*":
            self.unit.stars.append(binding)
            return
        self.unit.imports.append(binding)
        self.unit.bindings[scope, name].append(binding)


def parameters_of(node: FunctionNode) -> tuple[ast.arg, ...]:
    """All parameters of a function, in the order of its signature."""
    a = node.args
    starred = (a.vararg,) if a.vararg else ()
    doubled = (a.kwarg,) if a.kwarg else ()
    return (*a.posonlyargs, *a.args, *starred, *a.kwonlyargs, *doubled)


def default_of(node: FunctionNode, argument: ast.arg) -> ast.expr | None:
    """The default of one parameter, or None."""
    positional = [*node.args.posonlyargs, *node.args.args]
    if argument in positional:
        i = positional.index(argument) - (len(positional) - len(node.args.defaults))
        return node.args.defaults[i] if i >= 0 else None
    if argument in node.args.kwonlyargs:
        return node.args.kw_defaults[node.args.kwonlyargs.index(argument)]
    return None
