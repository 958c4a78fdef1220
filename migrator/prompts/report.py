"""Answer one question: what is to be told of one call's prompt?"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model import CallSite, Prompt, PromptPart
from migrator.nouns import Caching
from migrator.prompts.analysis import Analysis, Range, analyse, tokens
from migrator.prompts.sites import Site
from migrator.prompts.template import Message, Segment, Template


def prompt(site: Site, place: CallSite, models: tuple[str, ...], caching: Caching) -> Prompt:
    """Put what was seen into plain data."""
    if site.template is None:
        return Prompt(place, models, "hidden", 0, None, 0, 0, (), reason="hidden_prompt")
    seen = analyse(site.template, caching)
    return Prompt(
        place,
        models,
        verdict(seen),
        seen.prefix.least,
        seen.prefix.most,
        seen.static.least,
        seen.static.least,
        tuple(_parts(site.template, caching)),
        reason="" if seen.may_pay else "short_prefix",
        detail="" if seen.may_pay else f"{Range(seen.prefix.least, seen.prefix.most)} tokens, {seen.missing:,} missing",
    )


def verdict(seen: Analysis) -> str:
    """``pays``, ``may`` or ``short``."""
    return "pays" if seen.pays else "may" if seen.may_pay else "short"


def _parts(template: Template, caching: Caching) -> Iterator[PromptPart]:
    for one in template.parts:
        yield from (_part(one.kind, segment) for segment in one.segments)
    for message in template.messages:
        yield from _of_message(message)


def _of_message(message: Message) -> Iterator[PromptPart]:
    yield from (_part(message.role, segment) for segment in message.segments)


def _part(role: str, segment: Segment) -> PromptPart:
    size = tokens(segment)
    return PromptPart(
        role,
        segment.varies.name.lower(),
        size.least,
        size.most,
        segment.code,
        segment.why,
        segment.place.shown,
        segment.place.line,
    )
