"""Answer one question: what does the input of a call cost before it moves, after it, and with the cache?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from migrator import prices
from migrator.model import Prompt
from migrator.nouns import Caching
from migrator.rulebook import Migration, Model, Rulebook


@dataclass(frozen=True, slots=True)
class Cost:
    """What the known input of 1,000 calls costs with one model: dollars by the percentage of calls that hit.

    ``old`` is the model that it is compared with, "" where the call runs on this one now.
    """

    model: str
    old: str
    dollars: Mapping[int, Decimal]


def known(prompt: Prompt) -> int:
    """Give the tokens of a prompt that are surely sent with each call."""
    return max(prompt.static, prompt.best, prompt.least)


def cached(prompt: Prompt) -> int:
    """Give the tokens that a hit reads: as the code stands, or in the best order where it hits nothing now."""
    return prompt.cached or prompt.best_cached


def costs(prompt: Prompt, migration: Migration, book: Rulebook, caching: Caching) -> tuple[Cost, ...]:
    """Give the prices of each old model, and of the one that takes its place, at the hit rates of the tables."""
    found: list[Cost] = []
    for old, new in _pairs(prompt, migration, book):
        rows = [_cost(prompt, one, other, caching) for one, other in ((old, None), (new, old)) if one is not None]
        found += [row for row in rows if row is not None and row not in found]
    return tuple(found)


def _pairs(prompt: Prompt, migration: Migration, book: Rulebook) -> Iterator[tuple[Model | None, Model | None]]:
    """Each model of a call and the one that it becomes; the target alone where the code says no model.

    What a deployment on Azure runs is not known here.
    """
    if prompt.is_azure:
        return
    if not prompt.before:
        yield None, prices.model_of(migration.target, book)
    for name in prompt.before:
        match = migration.match(name)
        if match is None:
            yield prices.model_of(name, book), None
        else:
            target = migration.names.get(match.old, migration.target)
            yield prices.model_of(match.old, book), prices.model_of(target, book)


def _cost(prompt: Prompt, model: Model, old: Model | None, caching: Caching) -> Cost | None:
    hits = cached(prompt)
    rates = caching.hit_rates if hits else (0,)
    dollars = {rate: prices.input_cost(model, known(prompt), hits, rate) for rate in rates}
    told = {rate: amount for rate, amount in dollars.items() if amount is not None}
    return Cost(model.name, old.name if old is not None else "", told) if told else None
