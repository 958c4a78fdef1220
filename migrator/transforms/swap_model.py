"""Answer one question: which bytes make the old model's name the new one?

What it does: puts the new name in the place of the old one inside the string literal.
Why: the old models are shut down; every request that still names them fails.
Before and after: ``model="openai/gpt-4o"`` becomes ``model="openai/gpt-4.1-mini"``, and camel's
``ModelType.GPT_4O`` becomes ``ModelType.GPT_4_1_MINI``.
What it leaves alone: quotes, prefixes, provider prefixes, parentheses, implicit concatenation, and
every literal whose name is written with escapes.
"""

from __future__ import annotations

from migrator.model import Decision, Edit, Member, Origin, Report, Source, Span
from migrator.sources.literals import rename_in_literal


def edit(decision: Decision, source: Source) -> Edit | None:
    """The edit that a rewrite or a review asks for, or None when the literal's spelling does not allow it."""
    if isinstance(decision, Report):
        return None
    origin = decision.finding.origin
    if origin.member is not None:
        return _renamed(origin, origin.member, source)
    text = source.text.encode()[origin.span.start : origin.span.end].decode()
    old, new = _ids(origin.value, decision.new)
    found = rename_in_literal(text, old, new)
    if found is None:
        return None
    span, replacement = found
    start = origin.span.start
    return Edit(source.shown, Span(start + span.start, start + span.end), replacement, "model")


def _renamed(origin: Origin, member: Member, source: Source) -> Edit | None:
    """The edit of a member's name, the last word of ``ModelType.GPT_4O``."""
    end = origin.span.end
    span = Span(end - len(member.old.encode()), end)
    written = source.text.encode()[span.start : span.end].decode()
    return Edit(source.shown, span, member.new, "model") if written == member.old else None


def _ids(old: str, new: str) -> tuple[str, str]:
    """The names without the provider prefix that both share."""
    cut = max(old.rfind("/"), old.rfind(":")) + 1
    return (old[cut:], new[cut:]) if old[:cut] == new[:cut] else (old, new)
