"""Answer one question: what does a plan look like as one JSON document?

``docs/report.schema.json`` describes the document. The same plan gives the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from migrator import __version__, prices
from migrator.deprecated import Deprecated
from migrator.model import Decision, Hazard, Plan, Position, Prompt, Receipt, Rewrite, Skip, Step, Survey
from migrator.prompt_data import value
from migrator.readings import changes, kind, price, spelling, surface
from migrator.rulebook import Migration, Rulebook, load_caching

VERSION = 1
VERDICTS = ("pays", "may", "short", "hidden")
Value = Mapping[str, object]


def document(plan: Plan, book: Rulebook, *, review: bool, done: Receipt | None = None) -> bytes:
    """Write the document, with a final newline. ``done`` is there once files were written."""
    content: Value = {
        "version": VERSION,
        "tool": {"name": "migrator", "version": __version__},
        "migration": plan.migration,
        "sites": [_site(decision, plan, book) for decision in plan.decisions],
        "prompts": _prompts(plan.prompts, plan.migration, book),
        "skipped": [_skip(skip) for skip in (*plan.skips, *(done.left if done else ()))],
        "remarks": [{"path": r.shown, "cell": r.cell, "line": r.line, "message": r.text} for r in plan.remarks],
        "others": [
            {"path": shown, "count": plan.others[shown], "docs": shown in plan.pages} for shown in sorted(plan.others)
        ],
        "summary": _summary(plan, book, review=review),
        "target": _target(plan.migration, book),
        "written": None if done is None else list(done.written),
    }
    return _written(content)


def survey(found: Survey, book: Rulebook) -> bytes:
    """Write the document of ``migrator cache``; ``docs/cache.schema.json`` describes it."""
    content: Value = {
        "version": VERSION,
        "tool": {"name": "migrator", "version": __version__},
        "migration": found.migration,
        "prompts": _prompts(found.prompts, found.migration, book),
        "skipped": [_skip(skip) for skip in found.skips],
        "summary": {
            "files_read": found.files_read,
            "files_parsed": found.files_parsed,
            **{word: sum(prompt.verdict == word for prompt in found.prompts) for word in VERDICTS},
        },
        "target": _target(found.migration, book),
    }
    return _written(content)


def deprecated(found: Deprecated, today: date) -> bytes:
    """Write what ``migrator scan --deprecated`` lists."""
    content: Value = {
        "version": VERSION,
        "tool": {"name": "migrator", "version": __version__},
        "literals": [
            {
                "path": one.shown,
                "cell": one.position.cell,
                "line": one.position.line,
                "column": one.position.column,
                "value": one.value,
                "model": one.model,
                "shutdown": one.shutdown.isoformat(),
                "days_left": (one.shutdown - today).days,
            }
            for one in found.named
        ],
        "skipped": [_skip(skip) for skip in found.skips],
    }
    return _written(content)


def _prompts(prompts: Sequence[Prompt], migration: str, book: Rulebook) -> Sequence[Value]:
    if not prompts:
        return []
    caching = load_caching()
    return [value(prompt, book.migrations[migration], book, caching) for prompt in prompts]


def _written(content: Value) -> bytes:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    # A file name that is not UTF-8 becomes a JSON escape: "\udcff".
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _site(decision: Decision, plan: Plan, book: Rulebook) -> Value:
    finding = decision.finding
    origin = finding.origin
    old, new = spelling(decision)
    reason, detail = _reason(decision)
    return {
        "id": finding.id,
        "path": origin.shown,
        **_position(origin.position),
        "end": {"line": origin.end.line, "column": origin.end.column},
        "old": old,
        "new": new,
        "decision": kind(decision),
        "surface": surface(finding) or None,
        "origin": origin.how.value,
        "qualname": origin.qualname,
        "reason": reason,
        "detail": detail,
        "hazards": [_hazard(hazard) for hazard in finding.hazards],
        "notes": [_note(note, book.migrations[plan.migration]) for note in finding.notes],
        "proof": [
            {
                "site": reach.site.id,
                "surface": reach.site.surface,
                "steps": [_step(step) for step in reach.steps],
            }
            for reach in finding.reaches
        ],
        "price": _price(price(decision, plan, book)),
    }


def _reason(decision: Decision) -> tuple[str | None, str | None]:
    return (None, None) if isinstance(decision, Rewrite) else (decision.reason, decision.detail)


def _step(step: Step) -> Value:
    return {"path": step.shown, **_position(step.position), "what": step.what}


def _position(position: Position) -> Value:
    return {"cell": position.cell, "line": position.line, "column": position.column}


def _hazard(hazard: Hazard) -> Value:
    where = {"path": hazard.shown, **_position(hazard.position)}
    return {"reason": hazard.reason, "detail": hazard.detail, **where}


def _note(note: Hazard, migration: Migration) -> Value:
    row = next((row for row in migration.call_notes if (row.name, row.text) == (note.reason, note.detail)), None)
    return {
        "name": note.reason,
        "text": note.detail,
        "path": note.shown,
        **_position(note.position),
        "source": None if row is None else row.fact.source,
        "checked": None if row is None else row.fact.checked.isoformat(),
    }


def _skip(skip: Skip) -> Value:
    return {"path": skip.shown, "reason": skip.reason, "error": skip.is_error}


def _price(change: prices.PriceChange | None) -> Value | None:
    if change is None:
        return None
    return {
        "old": change.old,
        "new": change.new,
        "input": _ratio(change.input),
        "output": _ratio(change.output),
        "cached": None if change.cached is None else _ratio(change.cached),
        "direction": change.direction,
    }


def _ratio(ratio: Decimal) -> float:
    return float(ratio.quantize(Decimal("0.0001"), ROUND_HALF_UP))


def _summary(plan: Plan, book: Rulebook, *, review: bool) -> Value:
    found = Counter(kind(decision) for decision in plan.decisions)
    bills = prices.bills(changes(plan, book, review=review))
    return {
        "files_read": plan.files_read,
        "files_parsed": plan.files_parsed,
        "files_to_change": len(plan.patches),
        "ignored": plan.ignored,
        "rewrite": found["rewrite"],
        "review": found["review"],
        "report": found["report"],
        "cheaper": _sites(bills, "cheaper"),
        "dearer": _sites(bills, "dearer"),
        "prices": [{**(_price(bill.change) or {}), "sites": bill.sites} for bill in bills],
    }


def _sites(bills: Sequence[prices.Bill], direction: prices.Direction) -> int:
    return sum(bill.sites for bill in bills if bill.change.direction == direction)


def _target(name: str, book: Rulebook) -> Value:
    migration = book.migrations[name]
    model = prices.model_of(migration.target, book)
    if model is None:
        return {"name": migration.target}
    return {
        "name": migration.target,
        "shutdown": None if model.shutdown is None else model.shutdown.isoformat(),
        "replacement": model.replacement,
        "price": {
            "input": _amount(model.input_price),
            "cached": _amount(model.cached_price),
            "output": _amount(model.output_price),
        },
        "max_input": model.max_input,
        "max_output": model.max_output,
        "sources": [{"source": fact.source, "checked": fact.checked.isoformat()} for fact in model.sources],
    }


def _amount(price: Decimal | None) -> str | None:
    return None if price is None else str(price)
