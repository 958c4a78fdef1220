"""Answer one question: which expression spreads the requests of one call over several keys?

``f"app.ask-{sum(user_id.encode()) % 8}"``: one of eight keys, always the same one for the same user, and
nothing of the user is in it.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass

from migrator.flow.symbols import last_name
from migrator.flow.unit import FUNCTIONS, Unit, parameters_of
from migrator.prompts.template import Varies
from migrator.prompts.varying import Reader, words

# Of types whose text is the same for the same user, however often it is made.
STEADY = frozenset({"int", "UUID"})
IDENTIFYING = frozenset({"id", "uuid", "key", "email", "name", "number"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """``value`` is an expression of bytes that are the same for the same user; ``number`` is that of the keys."""

    name: str
    value: str
    number: int


def bucket_for(reader: Reader, unit: Unit, call: ast.Call, number: int) -> Bucket | None:
    """Choose the parameter that tells users or conversations apart; None where no such one is to be seen."""
    function = next((above for above in unit.ancestors(call) if isinstance(above, FUNCTIONS)), None)
    if function is None or any(unit.lookup(name, call) for name in ("sum", "str")):
        return None
    for parameter in parameters_of(function):
        value = _bytes_of(parameter) if _is_steady(unit, call, parameter) else None
        row = reader.named(parameter.arg)
        if value is not None and row is not None and row.varies == Varies.USER.name.lower():
            return Bucket(parameter.arg, value, number)
    return None


def _is_steady(unit: Unit, call: ast.Call, parameter: ast.arg) -> bool:
    """Say whether the name still is the parameter where the call stands."""
    found = unit.lookup(parameter.arg, call)
    return len(found) == 1 and found[0].node is parameter


def _bytes_of(parameter: ast.arg) -> str | None:
    annotation = parameter.annotation
    if annotation is None:
        return f"str({parameter.arg}).encode()" if IDENTIFYING & set(words(parameter.arg)) else None
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        if last_name(annotation) == "str":
            return f"{parameter.arg}.encode()"
        if last_name(annotation) in STEADY:
            return f"str({parameter.arg}).encode()"
    return None


def spelled(key: str, bucket: Bucket | None, quote: str) -> str:
    """Write the key as a literal, or as the expression that chooses its bucket."""
    if bucket is None:
        return json.dumps(key) if quote == '"' else f"'{key}'"
    return f"f{quote}{key}-{{sum({bucket.value}) % {bucket.number}}}{quote}"
