"""Answer one question: which callees of the tables exist in this environment, and what do they take?

Runs inside the environment of a group, without this project. Reads ``{"calls": [...], "make": {...}}``
from the standard input and writes ``{callee: {...}}`` to the file that is named on the command line.
``make`` maps a callee to the statements that leave what it returns in ``made``; a class without an entry
is called without arguments, and only where a name on it is no plain method.
"""

import functools
import importlib
import inspect
import json
import sys
import types
from pathlib import Path

RESULTS = {}
PLAIN = (types.FunctionType, classmethod, staticmethod)


def main():
    """Look at every callee; a library that cannot be imported is an answer, not an error."""
    asked = json.load(sys.stdin)
    found = {callee: look(callee, asked["make"]) for callee in asked["calls"]}
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


def look(callee, make):
    """Describe one callee: whether it is there, its keywords, and its positional parameters in order."""
    try:
        target, dotted, is_bound = resolve(callee.removesuffix(".**"), make)
        if callee.endswith(".**"):
            return {"found": True}
        if isinstance(target, Result):
            target, is_bound = attribute(target, dotted, "__call__")
        return {"found": True, **parameters(target, is_bound)}
    except (Exception, SystemExit) as error:  # a library may raise anything while it is imported
        return {"found": False, "why": f"{type(error).__name__}: {error}"[:300]}


def resolve(callee, make):
    """Follow a canonical callee; give its plain name, and whether the instance fills its first parameter."""
    target, dotted, is_bound = None, "", True
    for part in callee.split("."):
        name = part.removesuffix("()")
        target, is_bound = attribute(target, dotted, name)
        dotted = f"{dotted}.{name}".removeprefix(".")
        if part.endswith("()"):
            target = RESULTS.setdefault(dotted, Result(target, make.get(dotted)))
            dotted += "()"
    return target, dotted, is_bound


class Result:
    """What a call returns; made for real only when it is asked for."""

    def __init__(self, called, statements):
        self.called = called
        self.statements = statements

    @functools.cached_property
    def made(self):
        """Run the statements, or the call without arguments."""
        if self.statements is None:
            return self.called()
        scope = {}
        exec(self.statements, scope)
        return scope["made"]


def attribute(owner, dotted, name):
    """Give a name's value on a module, a class or a result; say whether a method of it is bound."""
    if not dotted:
        return importlib.import_module(name), True
    if isinstance(owner, Result):
        plain = owner.statements is None and isinstance(owner.called, type)
        static = inspect.getattr_static(owner.called, name, None) if plain else None
        if isinstance(static, PLAIN):
            return getattr(owner.called, name), not isinstance(static, types.FunctionType)
        return getattr(owner.made, name), True
    value = getattr(owner, name, None)
    return (module(dotted, name) if value is None else value), True


def module(package, name):
    """Import a module that its package does not show: ``openai._client`` is None on the package."""
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as missing:
        if missing.name and f"{package}.{name}".startswith(missing.name):
            raise AttributeError(f"{package} has no {name}") from None
        raise


def parameters(target, is_bound):
    """List what a callable takes; a model of pydantic takes the names and the aliases of its fields."""
    listed = list(inspect.signature(target).parameters.values())[0 if is_bound else 1 :]
    kinds = inspect.Parameter
    positional = [one.name for one in listed if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    keywords = [one.name for one in listed if one.kind in (kinds.KEYWORD_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    return {
        "positional": positional,
        "keywords": keywords + fields(target),
        "open": any(one.kind is kinds.VAR_KEYWORD for one in listed),
        "rest": any(one.kind is kinds.VAR_POSITIONAL for one in listed),
    }


def fields(target):
    """Give the names under which a pydantic class takes its fields."""
    found = getattr(target, "model_fields", None) if isinstance(target, type) else None
    if not isinstance(found, dict):
        return []
    aliases = [field.alias for field in found.values() if isinstance(field.alias, str)]
    return [*found, *aliases]


if __name__ == "__main__":
    main()
