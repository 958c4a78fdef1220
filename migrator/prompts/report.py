"""Answer one question: what is to be told of one call's prompt?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrator.model import CallSite, Prompt, PromptPart, PromptWarning
from migrator.nouns import Caching
from migrator.prompts.analysis import Analysis, Measure, Range, analyse, exactly, measure_for, tokens
from migrator.prompts.sites import Site
from migrator.prompts.template import Segment, Template


def prompt(
    site: Site,
    place: CallSite,
    models: tuple[str, ...],
    caching: Caching,
    *,
    before: tuple[str, ...] = (),
    exact: bool = True,
) -> Prompt:
    """Put what was seen into plain data. Without ``exact`` a prompt that is far too short is bounded, not counted."""
    told = Prompt(
        place, models, "hidden", 0, None, 0, 0, (), reason="hidden_prompt", before=before, callers=len(site.ways)
    )
    if site.template is None:
        return told
    measure = exactly if exact else measure_for(site.template, caching)
    seen = analyse(site.template, caching, measure)
    parts = tuple(_parts(site.template, measure))
    best = _best(site.template, seen, caching)
    pays = seen.may_pay or best >= caching.minimum
    return replace(
        told,
        verdict=verdict(seen),
        least=seen.prefix.least,
        most=seen.prefix.most,
        static=seen.static.least,
        best=best,
        parts=parts,
        reason="" if seen.may_pay else "short_prefix",
        detail="" if seen.may_pay else f"{Range(seen.prefix.least, seen.prefix.most)} tokens, {seen.missing:,} missing",
        cached=caching.hit(seen.prefix.least),
        best_cached=caching.hit(best),
        warnings=tuple(_warnings(parts, best - seen.prefix.least, caching)) if pays else (),
    )


def _best(template: Template, seen: Analysis, caching: Caching) -> int:
    """The tokens that requests would surely share with everything static first, and messages that only vary last."""
    varying = sum(all(s.varies.breaks for s in message.segments) for message in template.messages)
    return max(seen.prefix.least, seen.static.least - varying * caching.message_tokens)


def _warnings(parts: Sequence[PromptPart], lost: int, caching: Caching) -> Iterator[PromptWarning]:
    """What costs hits in the shared beginning, and at its end where more than a step of static text is lost by it."""
    for part in parts:
        if part.breaks and lost < caching.step:
            return
        for row in caching.breakers.values():
            if part.why in row.why:
                yield PromptWarning(row.name, part.code, part.shown, part.line)
        if part.breaks:
            return


def verdict(seen: Analysis) -> str:
    """``pays``, ``may`` or ``short``."""
    return "pays" if seen.pays else "may" if seen.may_pay else "short"


def _parts(template: Template, measure: Measure) -> Iterator[PromptPart]:
    for one in template.parts:
        yield from (_part(one.kind, segment, measure) for segment in one.segments)
    for message in template.messages:
        yield from (_part(message.role, segment, measure) for segment in message.segments)


def _part(role: str, segment: Segment, measure: Measure) -> PromptPart:
    size = tokens(segment, measure)
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
