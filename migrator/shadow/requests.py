"""Answer one question: which requests compare the models on this recorded case?

The old model is asked again with exactly what was sent; the new one with the new layout and the cache key. Two more
requests, each with one half of the change, tell which half is to blame. A case that cannot be asked again as it was,
or cannot be said in the new layout, is not compared, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.nouns import Parameter
from migrator.plan_prompts import Target
from migrator.shadow.bind import NotBound, Sent, rebind
from migrator.shadow.model import Case

ENDPOINTS = ("chat/completions", "responses")
# How an answer is delivered, kept or labelled; the answer itself does not depend on it.
DELIVERY = frozenset(
    {
        *("stream", "stream_options", "store", "metadata", "background", "n", "user", "safety_identifier"),
        "service_tier",
    }
)
# State that the server holds, which may be gone or has gone on.
HELD = ("previous_response_id", "conversation", "prompt")
REFERENCE = "item_reference"
OWN_TOOLS = frozenset({"function", "custom"})


@dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of one case: old model and old layout, new and new, and where the layout changes the two halves."""

    old: Sent
    new: Sent
    layout: Sent | None = None
    model: Sent | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a migration does to a request: ``rename`` gives the new name of a model, None for one that stays.

    ``spelled`` says for each endpoint where its requests have a parameter, as the tables of surfaces do for calls.
    """

    rename: Callable[[str], str | None]
    parameters: tuple[Parameter, ...] = ()
    spelled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def moved(self, body: Sent, endpoint: str, model: str, key: str) -> Sent:
        """Give a request with the new model, its parameters, and a key where one is given."""
        new = {**body, "model": model, **({"prompt_cache_key": key} if key else {})}
        for one in self.parameters:
            _set(new, one, self.spelled.get(endpoint, {}))
        return new


def _set(body: dict[str, object], one: Parameter, spelled: Mapping[str, str]) -> None:
    """Do to a request what the changed code would do to it, where its endpoint has the parameter."""
    if one.name not in spelled:
        return
    *path, name = spelled[one.name].split(".")
    table = body
    for key in path:
        there = table.get(key)
        inner = dict(there) if isinstance(there, Mapping) else {}
        table[key] = table = inner
    if one.action == "add" and table.get(name) is None:
        table[name] = one.value
    elif one.action == "rename" and name in table:
        table[spelled.get(one.to, one.to)] = table.pop(name)
    elif one.action == "drop":
        table.pop(name, None)


def bodies(case: Case, target: Target, move: Move) -> Bodies | NotBound:
    """Give the requests that compare the models on a case, or why there are none."""
    reason = _against(case, target, move)
    if reason is not None:
        return NotBound(reason)
    new = move.rename(case.model) or case.model
    sent = plain(case.request, case.endpoint)
    moved = move.moved(sent, case.endpoint, new, target.key)
    if target.layout is None or target.template is None:
        return Bodies(sent, moved)
    changed = rebind(moved, target.template, target.layout, new)
    layout = rebind(sent, target.template, target.layout, case.model, target.key)
    if isinstance(changed, NotBound) or isinstance(layout, NotBound):
        return changed if isinstance(changed, NotBound) else NotBound("its two halves differ")
    return Bodies(sent, changed, layout, moved)


def plain(request: Sent, endpoint: str) -> Sent:
    """Give a request without what concerns its delivery, and so that no server keeps it."""
    kept = {name: value for name, value in request.items() if name not in DELIVERY}
    return {**kept, "store": False} if endpoint == "responses" else kept


def _against(case: Case, target: Target, move: Move) -> str | None:
    """Why a case cannot be asked again."""
    if case.lacks:
        return f"is not all there: {case.lacks[0]}"
    if case.endpoint not in ENDPOINTS:
        return f"the endpoint {case.endpoint or '(none)'} is not compared"
    new = move.rename(case.model)
    # The code may write a provider before a name, which the request does not have: "openai/gpt-4o".
    if new is None or not any(new in re.split("[/:]", model) for model in target.models):
        return f"ran on {case.model or 'no model'}, which does not move here"
    held = next((name for name in HELD if case.request.get(name)), None) or _referred(case.request)
    if held is not None:
        return f"rests on what the server keeps ({held})"
    if (tool := _served(case.request)) is not None:
        return f"uses a tool that the server runs ({tool})"
    spoken = case.request.get("modalities")
    if isinstance(spoken, Sequence) and "audio" in spoken:
        return "asks for audio"
    return None


def _referred(request: Mapping[str, object]) -> str | None:
    """A part of a request that is not sent, but lies on the server."""
    said = request.get("input")
    turns = said if isinstance(said, list | tuple) else ()
    return next((REFERENCE for turn in turns if isinstance(turn, Mapping) and turn.get("type") == REFERENCE), None)


def _served(request: Mapping[str, object]) -> str | None:
    """A tool that runs on the server, where it may cost money or do something."""
    if request.get("web_search_options") is not None:
        return "web search"
    offered = request.get("tools")
    tools = offered if isinstance(offered, list | tuple) else ()
    kinds = (str(tool.get("type", "")) for tool in tools if isinstance(tool, Mapping))
    return next((kind for kind in kinds if kind not in OWN_TOOLS), None)
