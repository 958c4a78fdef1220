"""Answer one question: which edits does a decision ask for?

What works on a literal is a function from a decision and the source to an edit. What works on a
prompt sees the whole call: ``order_prompt``, ``add_cache_key``. They run in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migrator.model import Decision, Edit, Source
from migrator.transforms import swap_model

Transform = Callable[[Decision, Source], Edit | None]

OF_LITERALS: Mapping[str, Transform] = {"model": swap_model.edit}
OF_PROMPTS = ("order_prompt", "cache_key")
OF_CALLS = ("parameters",)
# The module of each, in the order in which they run.
TRANSFORMS: Mapping[str, str] = {
    "model": "swap_model",
    "parameters": "set_parameters",
    "order_prompt": "order_prompt",
    "cache_key": "add_cache_key",
}
