"""Answer one question: what does a change of model do to the price of a token?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from migrator.rulebook import Migration, Model, Rulebook

Direction = Literal["cheaper", "dearer", "same", "mixed"]


@dataclass(frozen=True, slots=True)
class PriceChange:
    """New price divided by old price, for each kind of token. ``None``: the tables do not say."""

    old: str
    new: str
    input: Decimal
    output: Decimal
    cached: Decimal | None

    @property
    def direction(self) -> Direction:
        """Judge by fresh input and output; the cached price follows another rule and is shown beside it."""
        if self.input == self.output == 1:
            return "same"
        if self.input <= 1 and self.output <= 1:
            return "cheaper"
        if self.input >= 1 and self.output >= 1:
            return "dearer"
        return "mixed"

    def __str__(self) -> str:
        """Say it in one cell: ``×2.67 dearer``, ``×0.08 in, ×0.11 out cheaper``."""
        if self.input == self.output:
            return f"{factor(self.input)} {self.direction}"
        return f"{factor(self.input)} in, {factor(self.output)} out {self.direction}"


@dataclass(frozen=True, slots=True)
class Bill:
    """How many sites one price change happens at."""

    change: PriceChange
    sites: int


def factor(ratio: Decimal) -> str:
    """Round for people: ``×2.67``."""
    return f"×{ratio.quantize(Decimal('0.01'), ROUND_HALF_UP)}"


def change(old: str, new: str, *, migration: Migration, book: Rulebook) -> PriceChange | None:
    """Compare two names. ``None`` when the tables carry no price for one of them."""
    match = migration.match(old)
    if match is None:
        return None
    bare = new.removeprefix(match.prefix).removesuffix(match.suffix)
    before, after = model_of(match.old, book), model_of(bare, book)
    if before is None or after is None:
        return None
    into, out = _ratio(before.input_price, after.input_price), _ratio(before.output_price, after.output_price)
    if into is None or out is None:
        return None
    return PriceChange(before.name, after.name, into, out, _ratio(before.cached_price, after.cached_price))


def bills(changes: Sequence[PriceChange]) -> tuple[Bill, ...]:
    """Count equal changes, in a fixed order."""
    unique = sorted(set(changes), key=lambda one: (one.old, one.new))
    return tuple(Bill(one, changes.count(one)) for one in unique)


def model_of(name: str, book: Rulebook) -> Model | None:
    """Find a model by its name or one of its aliases."""
    if name in book.models:
        return book.models[name]
    return next((model for model in book.models.values() if name in model.aliases), None)


def _ratio(before: Decimal | None, after: Decimal | None) -> Decimal | None:
    if not before or after is None:
        return None
    return after / before
