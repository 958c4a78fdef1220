"""Answer one question: what may this request cost at most, and what did it cost?

Dollars at list price, exact. A bound is never too low: where something cannot be counted from the request, the dearest
there is stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from migrator.nouns import Model
from migrator.prices import call_cost
from migrator.shadow.model import Usage

# An image of gpt-4o-mini bills at most 48,169 tokens (https://developers.openai.com/api/docs/guides/images-vision).
IMAGE_TOKENS = 50_000
# What the server puts around the messages and the tools of a request.
FRAME_TOKENS = 1_000
# A document may fill all that the model can read; where the tables do not say, that is taken to be so much.
CONTEXT_TOKENS = 1_050_000
LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
IMAGES = frozenset({"image_url", "input_image"})
DOCUMENTS = frozenset({"file", "input_file", "input_audio"})
# A faster service costs at most twice as much; a batch costs half and knows no cheaper tokens from the cache.
FAST, FAST_FACTOR, BATCH_FACTOR = frozenset({"priority", "fast"}), Decimal(2), Decimal("0.5")

Body = Mapping[str, object]


def worst_case(body: Body, model: Model) -> Decimal | None:
    """Give the most that a request can cost; None where the tables know no price or no longest answer.

    A token of text is at least one byte long, so that the bytes of the request bound its tokens. The output is what
    the request allows, else what the model can write, for each of the answers that it asks for.
    """
    written = _longest(body, model)
    if written is None:
        return None
    count, tokens = body.get("n"), _tokens(body, model.max_input or CONTEXT_TOKENS)
    answers = count if isinstance(count, int) and count > 1 else 1
    cost = call_cost(model, tokens + FRAME_TOKENS, 0, written * answers)
    return None if cost is None else cost * _factor(body)


def cost_of(usage: Usage, model: Model, answer: Body) -> Decimal | None:
    """Give what an answer cost; None where the tables know no price. ``answer`` says how fast it was served."""
    cost = call_cost(model, usage.input, usage.cached, usage.output)
    return None if cost is None else cost * _factor(answer)


def batch_cost(usage: Usage, model: Model) -> Decimal | None:
    """Give what an answer cost that came in a batch."""
    cost = call_cost(model, usage.input, 0, usage.output)
    return None if cost is None else cost * BATCH_FACTOR


def _factor(body: Body) -> Decimal:
    return FAST_FACTOR if str(body.get("service_tier")) in FAST else Decimal(1)


def _longest(body: Body, model: Model) -> int | None:
    """The tokens of the longest answer: what is allowed, no more than the model can. One that is free has no end.

    A request for vectors, which alone says how they are written, writes no tokens.
    """
    if model.output_price == 0 or "encoding_format" in body:
        return 0
    allowed = [value for name in LIMITS if type(value := body.get(name)) is int and value > 0]
    bounds = [*([max(allowed)] if allowed else []), *([model.max_output] if model.max_output else [])]
    return min(bounds, default=None)


def _tokens(value: object, context: int) -> int:
    """The most tokens that a part of a request can be."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + 2
    if isinstance(value, Mapping):
        kind = value.get("type")
        # A schema may call a property "type", so that this can be anything.
        if isinstance(kind, str) and kind in IMAGES:
            return IMAGE_TOKENS
        if isinstance(kind, str) and kind in DOCUMENTS:
            return context
        return 2 + sum(_tokens(one, context) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return 2 + sum(_tokens(one, context) for one in value)
    return len(str(value)) + 1
