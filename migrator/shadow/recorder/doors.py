"""Answer one question: through which functions do programs enter the libraries that make requests?

Their frames are on the stack when a request is made at once, and not when it is made later: by a task, by
the threads of a batch. What is listed here notes its caller. A library that is not listed is recorded too;
only the place of such a call may be unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .makers import Makers
from .places import Finder, entrance, submit

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]

_SDK = ("create", "parse", "stream")
_CHAIN = ("invoke", "ainvoke", "batch", "abatch")
_AGENT = ("run", "run_sync", "run_streamed")

# The module after whose import the methods of its classes are wrapped: where a class is defined, and, for
# versions of the SDK that have it elsewhere, what exports it.
METHODS = {
    "openai.resources.chat.completions": _SDK,
    "openai.resources.chat.completions.completions": _SDK,
    "openai.resources.beta.chat.completions": _SDK,
    "openai.resources.responses": _SDK,
    "openai.resources.responses.responses": _SDK,
    "langchain_core.runnables.base": _CHAIN,
    "langchain_core.runnables.branch": _CHAIN,
    "langchain_core.runnables.configurable": _CHAIN,
    "langchain_core.runnables.fallbacks": _CHAIN,
    "langchain_core.runnables.passthrough": _CHAIN,
    "langchain_core.runnables.retry": _CHAIN,
    "langchain_core.language_models.chat_models": _CHAIN,
    "langchain_core.language_models.llms": _CHAIN,
    "langgraph.pregel": _CHAIN,
    "langgraph.pregel.main": _CHAIN,
    "pydantic_ai.agent": _AGENT,
    "pydantic_ai.agent.abstract": _AGENT,
    "agents.run": _AGENT,
    "instructor.client": ("create", "create_with_completion"),
    "instructor.v2.core.client": ("create", "create_with_completion"),
    "instructor.core.client": ("create", "create_with_completion"),
}
FUNCTIONS = {"litellm": ("acompletion", "aresponses", "atext_completion")}
POOLS = {"concurrent.futures.thread": ("ThreadPoolExecutor",)}
MODULES = (*METHODS, *FUNCTIONS, *POOLS)


def hook(module: Any, finder: Finder, makers: Makers) -> None:
    """Wrap what a module that was just imported has of the entrances; those of the SDK ask who calls."""
    name = module.__name__
    look = makers.of if METHODS.get(name) is _SDK else None
    top = name.partition(".")[0]
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__.partition(".")[0] == top:
            _wrap_class(value, METHODS.get(name, ()), partial(entrance, finder=finder, makers=look))
    for function in FUNCTIONS.get(name, ()):
        if hasattr(module, function):
            setattr(module, function, entrance(getattr(module, function), finder))
    for pool in POOLS.get(name, ()):
        kind = getattr(module, pool)
        kind.submit = submit(kind.submit, finder)


def _wrap_class(kind: Any, methods: tuple[str, ...], wrap: Wrap) -> None:
    for name in methods:
        function = vars(kind).get(name)
        is_class_method = isinstance(function, classmethod)
        plain = function.__func__ if isinstance(function, (classmethod, staticmethod)) else function
        if not callable(plain) or isinstance(plain, type) or getattr(plain, "_migrator", False):
            continue
        wrapped = wrap(plain)
        if is_class_method:
            setattr(kind, name, classmethod(wrapped))
        else:
            setattr(kind, name, staticmethod(wrapped) if plain is not function else wrapped)
    if methods and kind.__name__.startswith("Async") and kind.__name__.endswith("WithRawResponse"):
        _wrap_raw(kind, methods, wrap)


def _wrap_raw(kind: Any, methods: tuple[str, ...], wrap: Wrap) -> None:
    """Wrap what the SDK makes for ``with_raw_response``: attributes of each object, made by its ``__init__``."""
    make = kind.__init__
    if getattr(make, "_migrator", False):
        return

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        for name in methods:
            if callable(vars(self).get(name)):
                setattr(self, name, wrap(vars(self)[name]))

    made._migrator = True  # type: ignore[attr-defined]  # a mark on our own function
    kind.__init__ = made
