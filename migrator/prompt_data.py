"""Answer one question: what does a prompt look like as plain JSON values?

``prompt`` in ``docs/report.schema.json`` describes one. Amounts are dollars for 1,000 calls, as text, so that no
digit is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from migrator.model import Prompt, PromptPart, PromptWarning
from migrator.nouns import Caching
from migrator.prompt_costs import Cost, cached, costs, known
from migrator.rulebook import Migration, Rulebook

Value = Mapping[str, object]


def value(prompt: Prompt, migration: Migration, book: Rulebook, caching: Caching) -> Value:
    """Write one prompt."""
    site, breaker = prompt.site, prompt.breaker
    return {
        "site": site.id,
        "path": site.shown,
        "cell": site.position.cell,
        "line": site.position.line,
        "column": site.position.column,
        "surface": site.surface,
        "before": list(prompt.before),
        "after": list(prompt.models),
        "azure": prompt.is_azure,
        "verdict": prompt.verdict,
        "shared": {"least": prompt.least, "most": prompt.most},
        "missing": max(0, caching.minimum - prompt.most) if prompt.most is not None else 0,
        "static": prompt.static,
        "best": prompt.best,
        "cached": prompt.cached,
        "best_cached": prompt.best_cached,
        "callers": prompt.callers,
        "order": prompt.order or None,
        "breaker": None if breaker is None else _part(breaker),
        "key": prompt.key or None,
        "reason": prompt.reason or None,
        "detail": prompt.detail or None,
        "warnings": [_warning(warning, caching) for warning in prompt.warnings],
        "parts": [_part(part) for part in prompt.parts],
        "input": {
            "tokens": known(prompt),
            "cached": cached(prompt),
            "costs": [_cost(cost) for cost in costs(prompt, migration, book, caching)],
        },
    }


def _part(part: PromptPart) -> Value:
    return {
        "role": part.role,
        "varies": part.varies,
        "tokens": {"least": part.least, "most": part.most},
        "code": part.code or None,
        "why": part.why or None,
        "path": part.shown,
        "line": part.line,
    }


def _warning(warning: PromptWarning, caching: Caching) -> Value:
    row = caching.breakers[warning.name]
    where = {"path": warning.shown, "line": warning.line}
    return {"name": warning.name, "title": row.title, "advice": row.advice, "code": warning.code, **where}


def _cost(cost: Cost) -> Value:
    return {
        "model": cost.model,
        "instead_of": cost.old or None,
        "dollars": {str(rate): f"{amount.normalize():f}" for rate, amount in cost.dollars.items()},
    }
