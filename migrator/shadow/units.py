"""Answer one question: which cases of a site belong together?

Cases of one prompt are a template, cases that depend on each other (the same request again, the turns of one
conversation) are a unit. The statistics need both.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from migrator.shadow.bind import Sent, messages_of
from migrator.shadow.model import Case

INSTRUCTIONS = ("system", "developer")
# What a model says in the Responses API beside messages; it has no role.
SAID = ("function_call", "custom_tool_call", "reasoning")
# A prompt with fewer cases is no group of its own: instructions that hold a name or a date are new in each request.
FEWEST = 5
OTHERS = "other prompts"


def units(cases: Sequence[Case]) -> Mapping[str, str]:
    """Give the unit of each case, by the case's id: an earlier turn, or the same request, is of the same unit."""
    wholes = {case.id: _digest(_turns(case.request)) for case in cases}
    known = {whole: whole for whole in wholes.values()}
    for case in sorted(cases, key=lambda one: len(_turns(one.request))):
        turns = _turns(case.request)
        earlier = [_digest(turns[:end]) for end in range(1, len(turns)) if _is_said(turns[end])]
        before = next((one for one in reversed(earlier) if one in known), None)
        if before is not None:
            known[wholes[case.id]] = known[before]
    return {case.id: known[wholes[case.id]] for case in cases}


def _is_said(turn: Sent) -> bool:
    """Say whether a model said it: what stands before it was a request."""
    return turn.get("role") == "assistant" or turn.get("type") in SAID


def _turns(request: Sent) -> Sequence[Sent]:
    return messages_of(request) or ({"content": json.dumps(request, sort_keys=True, default=str)},)


def _digest(turns: Sequence[Sent]) -> str:
    return hashlib.sha256(json.dumps(turns, sort_keys=True, default=str).encode()).hexdigest()[:12]


def templates(cases: Sequence[Case]) -> Mapping[str, str]:
    """Give the prompt of each case, by the case's id: its model, instructions and tools; "" where all have the same."""
    found = {case.id: _prompt(case.request) for case in cases}
    counts = Counter(found.values())
    named = {prompt for prompt, count in counts.items() if count >= FEWEST}
    if len(named) < 2:
        return dict.fromkeys(found, "")
    return {case: prompt if prompt in named else OTHERS for case, prompt in found.items()}


def _prompt(request: Sent) -> str:
    """A short name for the model, instructions and tools of a request."""
    first = [one.get("content") for one in messages_of(request) or () if one.get("role") in INSTRUCTIONS]
    tools = request.get("tools")
    said = json.dumps([request.get("model"), first, tools], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:6]
