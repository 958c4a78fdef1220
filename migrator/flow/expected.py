"""Answer one question: does a test expect the very arguments of a call?

``create.assert_called_once_with(model=ANY, max_tokens=5)`` fails once the call has other parameters, and so does a
look at ``call_args.kwargs["max_tokens"]``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from functools import partial
from itertools import chain

from migrator.flow.project import Project
from migrator.flow.symbols import last_name
from migrator.flow.unit import Unit

# Methods of a mock that compare all arguments of its calls.
ASSERTIONS = (
    *("assert_called_with", "assert_called_once_with", "assert_any_call"),
    *("assert_awaited_with", "assert_awaited_once_with", "assert_any_await"),
)


def expected(project: Project, call: ast.Call, keywords: Set[str], changed: Set[str]) -> str | None:
    """Where a test compares all arguments of such a call, or reads one of those that are ``changed``.

    ``keywords`` are the names that the call's model is given by: an assertion without one is about another call.
    """
    name = last_name(call.func)
    reads = (place for word in sorted(changed) for place in _read(project, word))
    return next(chain(_stood_in(project, name, keywords), _compared(project, name, keywords), reads), None)


def _stood_in(project: Project, name: str, keywords: Set[str]) -> Iterator[str]:
    """A test's own ``def create(self, model, messages)``, which takes no other arguments."""
    for unit in project.units_naming(f"def {name}"):
        if "test" not in unit.source.path.as_posix().lower():
            continue
        for node in ast.walk(unit.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                own = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
                if own & keywords and node.args.kwarg is None:
                    yield f"{unit.source.shown}:{node.lineno}"


def _compared(project: Project, name: str, keywords: Set[str]) -> Iterator[str]:
    for assertion in ASSERTIONS:
        for unit in project.units_naming(assertion):
            for node in unit.attributes.get(assertion, ()):
                call = unit.parent(node)
                if (
                    isinstance(call, ast.Call)
                    and _is_of(name, node.value)
                    and keywords & {k.arg for k in call.keywords}
                ):
                    yield _where(unit, call)


def _is_of(name: str, mock: ast.expr) -> bool:
    """Say whether a mock is that of a callee: ``client.chat.completions.create``, or a name that tells so."""
    return name.lower().replace("_", "") in last_name(mock).lower().replace("_", "")


def _read(project: Project, word: str) -> Iterator[str]:
    """``mock.call_args.kwargs["max_tokens"]``, in a file that reads the arguments of calls."""
    for unit in project.units_naming(word, "call_args"):
        yield from map(partial(_where, unit), (t for t in unit.strings if t.value == word and _is_index(unit, t)))


def _is_index(unit: Unit, text: ast.Constant) -> bool:
    above = unit.parent(text)
    return isinstance(above, (ast.Subscript, ast.Compare)) or (
        isinstance(above, ast.Call) and last_name(above.func) == "get"
    )


def _where(unit: Unit, node: ast.expr) -> str:
    return f"{unit.source.shown}:{node.lineno}"
