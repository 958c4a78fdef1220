"""Answer one question: what does the configuration ask of the comparison of this call?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from migrator.plan_prompts import Target
from migrator.shadow.model import Case, Kind
from migrator.shadow.prepare import Wishes
from migrator.shadow_settings import ShadowSettings, ShadowSite


def functions(cases: Sequence[Case], links: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """Give the function around each call, by the call's id, as it was recorded."""
    return {site: case.place.function for case in cases if case.place is not None for site in links.get(case.id, ())}


def configured(wishes: Wishes, shadow: ShadowSettings, around: Mapping[str, str]) -> Wishes:
    """Add what the configuration says; ``around`` has the function around each call."""

    def site(target: Target) -> ShadowSite:
        call = target.site
        return shadow.site(call.shown, around.get(call.id, "")) or ShadowSite(call.shown)

    return replace(
        wishes,
        margins={**wishes.margins, **{Kind(kind): share for kind, share in shadow.margins.items()}},
        alpha=wishes.alpha if shadow.alpha is None else shadow.alpha,
        comparator=lambda target: site(target).comparator,
        margin=lambda target: site(target).margin,
        mask=lambda target: site(target).mask,
    )
