"""Answer one question: did the new model fail where the old one did not, whatever the answer says?

Such a failure breaks the program behind the call. A kind of failure that the old model has too at this call is none:
how often both have it is what the statistics count. ``shadow.alarms`` says when one is the new model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migrator.shadow.comparators import form, structured
from migrator.shadow.comparators.schemas import wrong
from migrator.shadow.model import Contract, Kind, Reply


def failure(contract: Contract, old: Reply, new: Reply) -> str | None:
    """Name the first hard failure of the new answer that the old one does not have; None where there is none."""
    known = kinds(contract, old)
    return next((said for kind, said in kinds(contract, new).items() if kind not in known), None)


def kinds(contract: Contract, reply: Reply) -> Mapping[str, str]:
    """Give each kind of hard failure that an answer has, and what is so."""
    found = ((kind, look(contract, reply)) for kind, look in _KINDS.items())
    return {kind: said for kind, said in found if said is not None}


def _error(_: Contract, reply: Reply) -> str | None:
    return f"the API answered {reply.error}" if reply.error else None


def _truncation(_: Contract, reply: Reply) -> str | None:
    return "the answer was cut off at its longest" if reply.finish == "length" else None


def _filtered(_: Contract, reply: Reply) -> str | None:
    return "a content filter stopped the answer" if reply.finish == "content_filter" else None


def _refusal(_: Contract, reply: Reply) -> str | None:
    return "the model refuses" if reply.refusal or form.is_refusal(reply.text) else None


def _unknown_tool(contract: Contract, reply: Reply) -> str | None:
    unknown = sorted({call.name for call in reply.tools} - contract.tools.keys())
    return f"calls {', '.join(unknown)}, which the request does not offer" if unknown else None


def _invalid(contract: Contract, reply: Reply) -> str | None:
    if reply.error or reply.finish == "length":
        return None
    if contract.kind is Kind.JSON:
        return _not_fitting(reply.text, contract.schema, "the answer")
    for call in reply.tools:
        schema = contract.tools.get(call.name)
        if schema is not None and (said := _not_fitting(call.arguments or "{}", schema, call.name)) is not None:
            return said
    return None


def _not_fitting(text: str, schema: object, what: str) -> str | None:
    try:
        value = structured.parsed(text)
    except (ValueError, RecursionError):
        return f"{what} is no valid JSON"
    rule = wrong(value, schema) if isinstance(schema, dict) else None
    return f"{what} does not fit its schema at {rule}" if rule is not None else None


_KINDS: Mapping[str, Callable[[Contract, Reply], str | None]] = {
    "error": _error,
    "truncation": _truncation,
    "filter": _filtered,
    "refusal": _refusal,
    "tool": _unknown_tool,
    "form": _invalid,
}
KINDS = tuple(_KINDS)
