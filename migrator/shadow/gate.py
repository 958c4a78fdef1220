"""Answer one question: what does a report let through?"""

from __future__ import annotations

from migrator.evidence import Gate, ShadowReport, SiteEvidence


def gate(report: ShadowReport) -> Gate:
    """Give what may be changed: at each site all of it, one half, or nothing, and then why."""
    actions = {site.site: site.action for site in report.sites}
    reasons = {site.site: _why(site) for site in report.sites if site.action != "apply"}
    return Gate(actions, {**report.held, **reasons})


def _why(site: SiteEvidence) -> str:
    return f"{site.outcome}: {site.reason}" if site.reason else site.outcome
