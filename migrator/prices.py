"""Answer one question: what does a change of model do to the price of a token, and what does caching?

Prices of the tables are dollars per million tokens; each table names its sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from migrator.rulebook import Migration, Model, Rulebook
from migrator.settings import SettingsError

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


CALLS = 1_000
MILLION = 1_000_000


def input_cost(model: Model, tokens: int, cached: int = 0, rate: int = 0) -> Decimal | None:
    """Give the price of the same input in 1,000 calls, in dollars.

    ``tokens`` are sent with each call; in ``rate`` percent of the calls ``cached`` of them are read from the
    cache, at the model's cached price; a model without one does not cache, so that its hits cost the same. None
    where the tables do not say what a token costs.
    """
    if model.input_price is None:
        return None
    hits = Decimal(rate) / 100 * cached
    dollars = (tokens - hits) * model.input_price + hits * (model.cached_price or model.input_price)
    return dollars * CALLS / MILLION


def call_cost(model: Model, tokens: int, cached: int, written: int) -> Decimal | None:
    """Give the price of one call, in dollars: ``tokens`` of input, ``cached`` of which a hit read, and the output.

    A model without a cached price does not cache. None where the tables do not say what a token costs.
    """
    if model.input_price is None or model.output_price is None:
        return None
    read = model.input_price if model.cached_price is None else model.cached_price
    return ((tokens - cached) * model.input_price + cached * read + written * model.output_price) / MILLION


def percent(before: Decimal, after: Decimal) -> str:
    """Say a difference with its sign, in whole percent: ``−84 %``, ``+167 %``, ``±0 %``."""
    if not before:
        return ""
    share = ((after - before) * 100 / before).quantize(Decimal(1), ROUND_HALF_UP)
    return f"{'+' if share > 0 else '−' if share < 0 else '±'}{abs(share)} %"


def never_pays(change: PriceChange) -> bool:
    """Say whether no share of hits makes the input cheaper: fresh and cached tokens are both dearer.

    The price of input is linear in that share, and the old model caches by the same rules.
    """
    return change.input > 1 and change.cached is not None and change.cached > 1


def break_even(before: Model, after: Model) -> Decimal | None:
    """Give the share of cached tokens, 0 to 1, at which ``after`` costs as little as ``before`` without one hit.

    None where there is no such share.
    """
    fresh, cached, old = after.input_price, after.cached_price, before.input_price
    if fresh is None or cached is None or old is None or fresh <= old or cached >= old:
        return None
    return (fresh - old) / (fresh - cached)


def model_of(name: str, book: Rulebook) -> Model | None:
    """Find a model by its name or one of its aliases."""
    if name in book.models:
        return book.models[name]
    return next((model for model in book.models.values() if name in model.aliases), None)


OWN_KEYS: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "input": (int, float),
    "output": (int, float),
    "cached": (int, float),
    "longest": (int,),
}
NEEDED = ("model", "input", "output")


def with_own(book: Rulebook, tables: Sequence[Mapping[str, object]]) -> Rulebook:
    """Give the tables with the user's own prices, which beat ours: ``{model = "llama", input = 0, output = 0}``.

    Dollars per million tokens; ``longest`` is the most tokens that the model writes. Raises SettingsError for a table
    that is none.
    """
    models = [_own(table, book) for table in tables]
    return replace(book, models={**book.models, **{model.name: model for model in models}})


def _own(table: Mapping[str, object], book: Rulebook) -> Model:
    for key, value in table.items():
        kinds = OWN_KEYS.get(key)
        if kinds is None:
            raise SettingsError(f"unknown key '{key}' in a 'price'; known: {', '.join(OWN_KEYS)}")
        if type(value) not in kinds or (not isinstance(value, str) and not 0 <= float(str(value)) < float("inf")):
            raise SettingsError(f"'{key}' of a 'price' must be {'a name' if key == 'model' else '0 or more'}")
    if missing := [key for key in NEEDED if key not in table]:
        raise SettingsError(f"a 'price' needs '{missing[0]}': the name of the model and dollars per million tokens")
    name, known = str(table["model"]), model_of(str(table["model"]), book)
    into, out = (Decimal(str(table[key])) for key in ("input", "output"))
    cached = Decimal(str(table["cached"])) if "cached" in table else None
    longest = table.get("longest", known.max_output if known is not None else None)
    return Model(
        name=name,
        aliases=(),
        input_price=into,
        cached_price=cached,
        output_price=out,
        max_input=known.max_input if known is not None else None,
        max_output=longest if isinstance(longest, int) else None,
        shutdown=known.shutdown if known is not None else None,
        replacement=known.replacement if known is not None else None,
        encoding=known.encoding if known is not None else None,
        sources=(),
    )


def _ratio(before: Decimal | None, after: Decimal | None) -> Decimal | None:
    if not before or after is None:
        return None
    return after / before
