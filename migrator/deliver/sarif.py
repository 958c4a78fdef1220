"""Answer one question: what does a plan look like as a SARIF log?

SARIF 2.1.0 is the format of OASIS that code scanning reads:
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Limits and what is shown are GitHub's:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
The same plan gives the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from migrator import __version__
from migrator.model import Decision, Edit, Hazard, Origin, Plan, Position, Prompt, Reach, Review, Rewrite, Skip, Span
from migrator.readings import keyed, kind, spelling, target, told
from migrator.reason_pages import page
from migrator.regions import Files, Region, Replacement
from migrator.rulebook import Rulebook

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
LEVELS = {"rewrite": "warning", "review": "note", "report": "note"}
SEVERITIES = {"warning": "warning", "note": "recommendation"}

# A log with more is refused as a whole; of what is uploaded the 5,000 of the highest level are shown.
MOST_RESULTS = 25_000
MOST_WAYS = 10

MODEL, CACHE_KEY = "model", "cache_key"
_LINK_LIKE = re.compile(r"\[(?=[^\]]*\]\()")

_DECIDES = "a request runs on, and nothing stands against the new one. `migrator apply` writes the change."
_ADDS = "A stable key sends them to the machine that has their beginning cached. `migrator apply` adds it."

Value = dict[str, object]
Change = tuple[str, Replacement]
# A name is known by its place, a call that gets a key by its id.
Owner = tuple[str, Span] | str


def document(plan: Plan, book: Rulebook, files: Files, *, root: Path, cwd: Path, left: Sequence[Skip] = ()) -> bytes:
    """Write the log, with a final newline.

    Shown paths start from ``cwd``; code scanning wants them from ``root``, the project's. ``left`` are files
    that failed since.
    """
    changes = [(p.shown, change) for p in plan.patches for change in files.replacements(p.shown, p.edits)]
    log = _Log(plan, book, files, root, cwd, _by_owner(plan, changes))
    results = log.results()
    skips = [skip for skip in (*plan.skips, *left) if skip.is_error]
    run: Value = {
        "tool": {"driver": _driver(results, plan, book)},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "invocations": [_invocation(log, skips, len(results) - MOST_RESULTS)],
        "results": results[:MOST_RESULTS],
    }
    content = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


@dataclass(frozen=True, slots=True)
class _Log:
    """What the results of one plan are made of. ``changes`` are those that the plan makes, by what asks for them."""

    plan: Plan
    book: Rulebook
    files: Files
    root: Path
    cwd: Path
    changes: Mapping[Owner, Sequence[Change]]

    def results(self) -> list[Value]:
        """Give one result a decision and one a cache key; the most important first where some must go."""
        found = [self._decision(decision) for decision in self.plan.decisions]
        found += [self._key(prompt) for prompt in self.plan.prompts if prompt.key]
        if len(found) > MOST_RESULTS:
            found.sort(key=lambda result: result["level"] != "warning")
        return found

    def _decision(self, decision: Decision) -> Value:
        finding = decision.finding
        origin, level = finding.origin, LEVELS[kind(decision)]
        region = self.files.of_origin(origin)
        place: Value = self.physical(origin.shown, region)
        if origin.qualname:
            place["logicalLocations"] = [{"fullyQualifiedName": origin.qualname}]
        return {
            "ruleId": _rule(decision),
            "level": level,
            "message": _message(told(decision, self.plan, self.book)),
            "locations": [place],
            "partialFingerprints": {"findingId/v1": _digest(finding.id)},
            **_some("relatedLocations", map(self._hazard, finding.hazards)),
            **_some("codeFlows", (self._way(origin, reach) for reach in finding.reaches[:MOST_WAYS])),
            **_some("fixes", self._fixes((origin.shown, origin.span), _change(decision))),
        }

    def _key(self, prompt: Prompt) -> Value:
        site = prompt.site
        return {
            "ruleId": CACHE_KEY,
            "level": "warning",
            "message": _message(keyed(prompt)),
            "locations": [self.physical(site.shown, self.files.of_position(site.position))],
            "partialFingerprints": {"findingId/v1": _digest(f"{site.id}:{CACHE_KEY}")},
            **_some("fixes", self._fixes(site.id, "Add the cache key.")),
        }

    def physical(self, shown: str, region: Region | None) -> Value:
        """Give a location; a region is left out where a place in the file is not known."""
        place: Value = {"artifactLocation": self._artifact(shown)}
        if region is not None:
            place["region"] = _region(region)
        return {"physicalLocation": place}

    def _artifact(self, shown: str) -> Value:
        path = self.cwd / shown
        if not path.is_relative_to(self.root):
            return {"uri": path.as_uri()}
        return {"uri": quote(os.fsencode(path.relative_to(self.root).as_posix())), "uriBaseId": ROOT}

    def _hazard(self, hazard: Hazard) -> Value:
        title = self.book.reasons[hazard.reason].title if hazard.reason in self.book.reasons else hazard.reason
        place = self.physical(hazard.shown, self.files.of_position(hazard.position))
        return {**place, "message": _message(f"{title}: {hazard.detail}" if hazard.detail else title)}

    def _way(self, origin: Origin, reach: Reach) -> Value:
        steps = [(origin.shown, origin.position, origin.value)]
        steps += [(step.shown, step.position, step.what) for step in reach.steps]
        return {"threadFlows": [{"locations": [self._step(*step) for step in steps]}]}

    def _step(self, shown: str, position: Position, what: str) -> Value:
        place = self.physical(shown, self.files.of_position(position))
        return {"location": {**place, "message": _message(what)}}

    def _fixes(self, owner: Owner, said: str) -> Iterator[Value]:
        """Give the fix of a name or a call, if a change of it is planned."""
        mine: dict[str, list[Value]] = {}
        for shown, change in self.changes.get(owner, ()):
            mine.setdefault(shown, []).append(_replacement(change))
        if mine:
            files = [{"artifactLocation": self._artifact(shown), "replacements": mine[shown]} for shown in mine]
            yield {"description": {"text": said}, "artifactChanges": files}


def _by_owner(plan: Plan, changes: Iterable[Change]) -> Mapping[Owner, Sequence[Change]]:
    """Give each change to the name that it replaces, or to the call whose key it adds."""
    names: dict[str, list[Span]] = {}
    for decision in plan.decisions:
        names.setdefault(decision.finding.origin.shown, []).append(decision.finding.origin.span)
    keyed_prompts = [prompt for prompt in plan.prompts if prompt.key]
    found: dict[Owner, list[Change]] = {}
    for shown, change in changes:
        owner: Owner | None = None
        if change.edit.transform == MODEL:
            owner = next(((shown, span) for span in names.get(shown, ()) if _holds(span, change.edit)), None)
        elif change.edit.transform == CACHE_KEY and keyed_prompts:
            owner = min(keyed_prompts, key=partial(_distance, shown, change.edit)).site.id
        if owner is not None:
            found.setdefault(owner, []).append((shown, change))
    return found


def _distance(shown: str, edit: Edit, prompt: Prompt) -> tuple[bool, bool, bool, int]:
    """Say how far a call is from the key: its arguments may be put together before it, even in another file."""
    site = prompt.site
    is_elsewhere = site.shown != shown
    is_other_key = is_elsewhere and prompt.key not in edit.text
    return is_elsewhere, is_other_key, not _holds(site.span, edit), abs(site.span.start - edit.span.start)


def _driver(results: Iterable[Value], plan: Plan, book: Rulebook) -> Value:
    levels = {str(result["ruleId"]): str(result["level"]) for result in results}
    return {
        "name": "migrator",
        "semanticVersion": __version__,
        "rules": [_descriptor(rule, levels[rule], plan, book) for rule in sorted(levels)],
    }


def _descriptor(rule: str, level: str, plan: Plan, book: Rulebook) -> Value:
    title, text, markdown = _help(rule, plan, book)
    return {
        "id": rule,
        "shortDescription": {"text": f"{title[:1].upper()}{title[1:]}."},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": markdown or text},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["migration"], "problem.severity": SEVERITIES[level]},
    }


def _help(rule: str, plan: Plan, book: Rulebook) -> tuple[str, str, str | None]:
    if rule == MODEL:
        new = target(plan, book)[0].target
        return f"the model of a request moves to {new}", f"The name of an old model decides what {_DECIDES}", None
    if rule == CACHE_KEY:
        return "the requests of a call begin alike and have no cache key", _ADDS, None
    reason = book.reasons[rule]
    return reason.title, reason.advice, page(rule)


def _invocation(log: _Log, skips: Iterable[Skip], too_many: int) -> Value:
    notes: list[Value] = [
        {
            "level": "error",
            "message": _message(f"{skip.shown}: {skip.reason}"),
            "locations": [log.physical(skip.shown, None)],
        }
        for skip in skips
    ]
    is_done = not notes
    if too_many > 0:
        said = f"{too_many:,} results of the lowest level are left out: a log holds {MOST_RESULTS:,} at most"
        notes.append({"level": "warning", "message": {"text": said}})
    return {"executionSuccessful": is_done, **_some("toolExecutionNotifications", notes)}


def _rule(decision: Decision) -> str:
    return MODEL if isinstance(decision, Rewrite) else decision.reason


def _change(decision: Decision) -> str:
    old, new = spelling(decision)
    return f"Change {old} to {new}." if isinstance(decision, Rewrite | Review) else ""


def _holds(span: Span, edit: Edit) -> bool:
    return span.start <= edit.span.start and edit.span.end <= span.end


def _replacement(change: Replacement) -> Value:
    return {"deletedRegion": _region(change.region), "insertedContent": {"text": change.text}}


def _region(region: Region) -> Value:
    return {
        "startLine": region.line,
        "startColumn": region.column,
        "endLine": region.end_line,
        "endColumn": region.end_column,
    }


def _message(text: str) -> Mapping[str, str]:
    """Write a text in which ``[words](place)`` of somebody's code is no link."""
    return {"text": _LINK_LIKE.sub(r"\\[", text)}


def _some(key: str, values: Iterable[object]) -> Value:
    """Give a property, or nothing where it would be empty."""
    found = list(values)
    return {key: found} if found else {}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
