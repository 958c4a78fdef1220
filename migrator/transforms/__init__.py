"""Answer one question: which edits does a decision ask for?

A transform is a function from a decision and the source to edits. They run in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migrator.model import Decision, Edit, Source
from migrator.transforms import swap_model

Transform = Callable[[Decision, Source], Edit | None]

TRANSFORMS: Mapping[str, Transform] = {"model": swap_model.edit}
