"""Answer one question: may this call be paid for?

A call is sent only when what it may cost at most is still free: spent and reserved money together never exceed the cap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from migrator.nouns import Model
from migrator.prices import call_cost

# Bounds of what cannot be counted from the request; an image of gpt-4o-mini bills at most 48,169 tokens
# (https://developers.openai.com/api/docs/guides/images-vision).
IMAGE_TOKENS = 50_000
FRAME_TOKENS = 1_000
LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
IMAGES = frozenset({"image_url", "input_image", "file", "input_file", "input_audio"})


class Budget:
    """Money in dollars. ``cap`` None bounds nothing."""

    def __init__(self, cap: float | None = None, spent: float = 0.0) -> None:
        self.cap, self.spent, self.reserved = cap, spent, 0.0
        self._in_flight = 0
        self._changed = asyncio.Condition()

    async def reserve(self, worst: float) -> bool:
        """Reserve what a call may cost at most; wait for calls under way, and say no when they leave too little."""
        async with self._changed:
            while not self._fits(worst):
                if not self._in_flight:
                    return False
                await self._changed.wait()
            self.reserved += worst
            self._in_flight += 1
        return True

    def _fits(self, worst: float) -> bool:
        return self.cap is None or self.spent + self.reserved + worst <= self.cap

    async def settle(self, worst: float, cost: float) -> None:
        """Give back what was reserved, and pay what it cost."""
        async with self._changed:
            self.reserved = max(0.0, self.reserved - worst)
            self.spent += cost
            self._in_flight -= 1
            self._changed.notify_all()


def worst_case(body: Mapping[str, object], model: Model) -> Decimal | None:
    """Give the most that a call can cost, in dollars; None where the tables know no price.

    A token of text is at least one byte long, so that the bytes of the request bound its tokens; images and files are
    bounded by the dearest there are. The output is what the request allows, else what the model can write.
    """
    size, images = _size(body)
    allowed = [value for name in LIMITS if isinstance(value := body.get(name), int)]
    written = min([*allowed, *([model.max_output] if model.max_output else [])], default=None)
    if written is None:
        return None
    return call_cost(model, size + images * IMAGE_TOKENS + FRAME_TOKENS, 0, written)


def _size(value: object) -> tuple[int, int]:
    """The bytes of all text in a body, and the number of its images and files, whose data is not counted."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + 2, 0
    if isinstance(value, Mapping):
        if value.get("type") in IMAGES:
            return 0, 1
        parts = [_size(one) for pair in value.items() for one in pair]
    elif isinstance(value, list | tuple):
        parts = [_size(one) for one in value]
    else:
        return len(str(value)) + 1, 0
    return sum(size for size, _ in parts) + 2, sum(images for _, images in parts)
