"""Answer one question: is each of these requests one that the SDK's own types admit?

Runs inside the environment of the newest SDK: reads lines of ``[[path, body], ...]`` and answers each with a list
of what is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, get_args

from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import TypeAdapter, ValidationError

TYPES = {"/v1/chat/completions": CompletionCreateParams, "/v1/responses": ResponseCreateParams}
# They must live as long as what they gave: an iterable is checked while it is read.
ADAPTERS = {path: TypeAdapter(kind) for path, kind in TYPES.items()}


def wrong(path: str, body: dict[str, Any]) -> Iterator[str]:
    """Say what the types have against a body."""
    known = {
        name for one in get_args(TYPES[path]) for base in one.__mro__ for name in getattr(base, "__annotations__", {})
    }
    known |= {name for one in get_args(TYPES[path]) for name in one.__annotations__}
    yield from (f"{path}: unknown argument {name}" for name in sorted(body.keys() - known))
    try:
        exhaust(ADAPTERS[path].validate_python(body))
    except ValidationError as error:
        yield f"{path}: {error}"


def exhaust(value: Any) -> None:
    """Look at every element."""
    if isinstance(value, dict):
        for entry in value.values():
            exhaust(entry)
    elif not isinstance(value, (str, bytes, int, float, bool, type(None))):
        for entry in value:
            exhaust(entry)


for line in sys.stdin:
    found = []
    for path, body in json.loads(line):
        # Some libraries send a null for what they were not given, which the service takes and the types do not.
        found += wrong(path, {name: value for name, value in body.items() if value is not None})
    print(json.dumps(found), flush=True)
