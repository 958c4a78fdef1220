"""Answer one question: do two answers of models say the same to the code behind the call?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from migrator.shadow.comparators import code, form, label, own, prose, structured, tools
from migrator.shadow.comparators.structured import NO_MASK, Mask
from migrator.shadow.model import Answer, Comparison, Contract, Evidence, Kind, Reply


def compare(contract: Contract, old: Reply, new: Reply, mask: Mask = NO_MASK) -> Comparison:
    """Compare two answers by what the site asks of them."""
    if old.error or new.error:
        return _of_words("error", old.error, new.error)
    if (old.finish == "length") != (new.finish == "length"):
        return _of_words("truncation", old.finish, new.finish)
    if contract.kind is not Kind.OWN and _refuses(old) != _refuses(new):
        return _of_words("refusal", *("refuses" if _refuses(reply) else "answers" for reply in (old, new)))
    if contract.kind is not Kind.OWN and (old.tools or new.tools):
        return tools.compare(old.tools, new.tools, contract.tools, mask)
    match contract.kind:
        case Kind.LABEL:
            return label.compare(old.text, new.text)
        case Kind.JSON:
            return _as_json(contract, old, new, mask)
        case Kind.TOOLS:
            return _as_json(contract, old, new, mask) if contract.schema else prose.compare(old.text, new.text)
        case Kind.CODE:
            return code.compare(old.text, new.text)
        case Kind.PROSE:
            return prose.compare(old.text, new.text)
        case Kind.OWN:
            return own.compare(own.load(contract.own), old.text, new.text)
        case unknown:
            assert_never(unknown)


def _refuses(reply: Reply) -> bool:
    return bool(reply.refusal) or form.is_refusal(reply.text)


def _of_words(kind: str, old: str, new: str) -> Comparison:
    if old == new:
        return Comparison(Answer.SAME)
    return Comparison(Answer.DIFFERS, (Evidence(kind, "", old, new),))


def _as_json(contract: Contract, old: Reply, new: Reply, mask: Mask) -> Comparison:
    values: list[object] = []
    for reply in (old, new):
        try:
            values.append(structured.parsed(reply.text))
        except (ValueError, RecursionError):
            break
    if len(values) == 2:
        return structured.compare(values[0], values[1], contract.schema, mask)
    return _of_words("invalid JSON", old.text.strip()[:80], new.text.strip()[:80])


def learn(contract: Contract, pairs: Sequence[tuple[Reply, Reply]]) -> Mask:
    """Learn from pairs of the old model's answers to the same request which fields are noise."""
    if contract.kind is Kind.TOOLS:
        return tools.learn([(old.tools, new.tools) for old, new in pairs], contract.tools)
    if contract.kind is not Kind.JSON:
        return NO_MASK
    held: list[tuple[object, object]] = []
    for old, new in pairs:
        try:
            held.append((structured.parsed(old.text), structured.parsed(new.text)))
        except (ValueError, RecursionError):
            continue
    return structured.learn(held, contract.schema)
