"""Answer one question: what does a report let through?"""

from __future__ import annotations

from collections.abc import Iterable

from migrator.evidence import Gate, ShadowReport, SiteEvidence
from migrator.shadow.trial import Trial


def gate(report: ShadowReport, trials: Iterable[Trial] = ()) -> Gate:
    """Give what may be changed: at each site all of it, one half, or nothing, and then why.

    ``trials`` are those of the report, whose cases say on which models they ran.
    """
    compared = {site.site: site.compared for site in report.sites}
    ran = {t.site: frozenset(i.case.model for i in t.items[: compared.get(t.site, 0)]) for t in trials}
    actions = {site.site: site.action for site in report.sites}
    reasons = {site.site: _why(site) for site in report.sites if site.action != "apply"}
    return Gate(actions, {**report.held, **reasons}, ran)


def _why(site: SiteEvidence) -> str:
    return f"{site.outcome}: {site.reason}" if site.reason else site.outcome
