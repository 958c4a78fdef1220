"""Answer one question: which values pass between a comparison and what sends its requests?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from migrator.shadow.model import Usage


class Cell(StrEnum):
    """Which model and which layout a request has: OLD has neither changed, NEW both, LAYOUT and MODEL one.

    STEP is no request of the project: it asks a judge or embeddings about answers.
    """

    OLD = "old"
    NEW = "new"
    LAYOUT = "layout"
    MODEL = "model"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: ``endpoint`` is "chat/completions", "responses" or "embeddings", ``body`` has no "stream".

    ``run`` tells the same request, sent again, from the first one. ``case``, ``site`` and ``cell`` say what it is
    for; what it is does not depend on them.
    """

    case: str
    site: str
    cell: Cell
    run: int
    endpoint: str
    body: Mapping[str, object]

    @property
    def digest(self) -> str:
        """Give the address of the answer: the same request with the same run has the same one, in every project."""
        said = json.dumps([self.endpoint, self.body, self.run], sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Got:
    """What came back for the request of a digest: a body, or an error.

    ``error`` is "" for an answer, "budget" where nothing was sent because the money was out, else the status and type
    ("400 invalid_request_error: ...") or "timeout", "connection". ``cost`` is dollars paid now: 0 for an answer from
    the store. ``latency`` is seconds, None where it says nothing (Batch).
    """

    digest: str
    body: Mapping[str, object] | None = None
    error: str = ""
    status: int | None = None
    usage: Usage | None = None
    latency: float | None = None
    cost: float = 0.0
    is_stored: bool = False
    is_batch: bool = False
