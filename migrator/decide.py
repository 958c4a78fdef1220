"""Answer one question: is this literal rewritten, held for review, or only reported?"""

from __future__ import annotations

from collections.abc import Iterable

from migrator.evidence import Gate
from migrator.model import Decision, Finding, Hazard, Report, Review, Rewrite
from migrator.rulebook import Migration
from migrator.settings import Settings

# Where the value ends in one of these and also in a request, the request decides.
HARMLESS = frozenset({"tokenizer", "metadata", "text", "recorded"})
# These say what the literal itself is; they come before what was seen further on its way.
OWN_PLACE = (
    "table_key",
    "literal_type",
    "model_list",
    "enum_member",
    "comparison",
    "membership",
    "match_case",
    "assertion",
    "raises",
    "azure",
    "text",
)


# Which client runs is open, or a label says the old name: held for review, unless something harder was met.
UNSURE = frozenset({"two_values", "unknown_endpoint", "label_beside"})


def decide(findings: Iterable[Finding], migration: Migration, settings: Settings) -> tuple[Decision, ...]:
    """Give one decision for each finding of one file."""
    seen = tuple(findings)
    pinned = {f.origin.value for f in seen if any(h.reason == "assertion" for h in f.hazards)}
    pinned |= {short for short, target in migration.aliases.items() if pinned & _meant(short, target, migration)}
    return tuple(_gated(_decide(f, migration, settings, pinned), settings.gate, migration) for f in seen)


def _gated(decision: Decision, gate: Gate | None, migration: Migration) -> Decision:
    """Hold what a comparison did not let through: all calls that share the literal must have passed, with its name."""
    if gate is None or isinstance(decision, Report):
        return decision
    calls = [reach.site for reach in decision.finding.reaches]
    held = next((call for call in calls if not gate.allows(call.id, "model")), None)
    if held is not None:
        return Report(decision.finding, "shadow", f"{held.shown}:{held.position.line}: {gate.reason(held.id)}")
    value = decision.finding.origin.value
    unseen = next((call for call in calls if not _has_run(gate, call.id, value, migration)), None)
    if unseen is not None:
        why = f"no compared request ran on {value}"
        return Report(decision.finding, "shadow", f"{unseen.shown}:{unseen.position.line}: {why}")
    return decision if calls else Report(decision.finding, "shadow", "no call is known that was compared")


def _has_run(gate: Gate, site: str, value: str, migration: Migration) -> bool:
    """Say whether a call was compared on requests with this very name; a server may say it with a date."""
    match, ran = migration.match(value), gate.ran.get(site)
    if match is None or ran is None:
        return True
    plain = {said.old if (said := migration.match(name)) else name for name in ran}
    meant = _meant(value, migration.aliases[value], migration) if match.kind == "alias" else {match.old}
    return any(name == one or name.startswith(f"{one}-20") for name in plain for one in meant)


def _meant(short: str, target: str, migration: Migration) -> set[str]:
    """The full names that a short one may stand for: ``4o`` is ``gpt-4o``."""
    return {name for name, new in migration.names.items() if new == target and name.endswith(short)}


def _decide(finding: Finding, migration: Migration, settings: Settings, pinned: set[str]) -> Decision:
    value = finding.origin.value
    told = migration.reported_as(value)
    if told is not None:
        return Report(finding, told.reason, told.detail)
    hazard = worst(finding)
    match = migration.match(value)
    if match is not None and match.kind == "gateway" and not settings.gateways and not _at_origin(finding):
        return Report(finding, "gateway", match.prefix)
    if hazard is not None and hazard.reason in UNSURE and (finding.reaches or hazard.reason == "unknown_endpoint"):
        return Review(finding, migration.rename(value, settings.pin) or value, hazard.reason, hazard.detail)
    if hazard is not None:
        reason = "mixed_provider" if hazard.reason == "other_provider" and finding.reaches else hazard.reason
        return Report(finding, reason, hazard.detail)
    if match is None:
        return Report(finding, "no_use", "")
    if value in pinned:
        return Report(finding, "test_pin", "")
    return _opinion(finding, migration.rename(value, settings.pin) or value)


def _opinion(finding: Finding, new: str) -> Decision:
    if finding.reaches:
        return Rewrite(finding, new)
    soft = next((h for h in finding.hazards if h.reason in HARMLESS), None)
    if soft is not None:
        return Report(finding, soft.reason, soft.detail)
    if finding.hint is None:
        return Report(finding, "no_use", "")
    kind, _, detail = finding.hint.partition(":")
    return Review(finding, new, "unknown_client" if kind == "shape" else "unproven", detail)


def _at_origin(finding: Finding) -> bool:
    """Say whether the literal's own place, and not its way, stands against a change."""
    return any(
        h.reason in OWN_PLACE
        and h.shown == finding.origin.shown
        and h.span.start <= finding.origin.span.start <= h.span.end
        for h in finding.hazards
    )


def worst(finding: Finding) -> Hazard | None:
    """The hazard to tell first: one at the literal itself, else the first on its way; None when none counts."""
    hard = [h for h in finding.hazards if h.reason not in HARMLESS]
    own = [
        h
        for h in hard
        if h.shown == finding.origin.shown
        and h.span.start <= finding.origin.span.start
        and finding.origin.span.end <= h.span.end
    ]
    ranked = sorted(own, key=lambda h: OWN_PLACE.index(h.reason) if h.reason in OWN_PLACE else len(OWN_PLACE))
    return next(iter(ranked), next(iter(sorted(hard, key=lambda h: h.reason in UNSURE)), None))
