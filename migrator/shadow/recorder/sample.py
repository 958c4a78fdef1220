"""Answer one question: which requests of a call site are kept, when there are more than the cap?

Each gets a random number, and those with the smallest are kept: that is an equal chance for each, it needs
no second look at what is written, and the samples of several processes join into one by the same rule.
Requests that look alike from outside (model, tools, length) form a stratum, and each stratum is sampled by
itself, so that the rare long request is there beside the thousand short ones.
"""

from __future__ import annotations

import heapq
from typing import Any

MOST_STRATA = 16
OTHER = "other"


class Sample:
    """What this process has seen and kept of each site."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.seen: dict[str, int] = {}
        self.kept: dict[tuple[str, str], list[float]] = {}

    def admits(self, site: str, stratum: str, draw: float) -> bool:
        """Count a request of a site, and say whether it belongs to the sample so far."""
        self.seen[site] = self.seen.get(site, 0) + 1
        kept = self.kept.setdefault((site, stratum), [])
        if len(kept) < self.cap:
            heapq.heappush(kept, -draw)
            return True
        return draw < -heapq.heappushpop(kept, -draw)

    def stratum(self, site: str, wanted: str) -> str:
        """Give the stratum, or the common one when the site has too many already."""
        known = sum(1 for one, _ in self.kept if one == site)
        return wanted if (site, wanted) in self.kept or known < MOST_STRATA else OTHER


def stratum_of(request: Any, length: int) -> str:
    """Say what a request looks like from outside; nothing of its text is in it."""
    if not isinstance(request, dict):
        return OTHER
    form = request.get("response_format") or (request.get("text") or {}).get("format") or {}
    turns = request.get("messages") or request.get("input")
    parts = (
        request.get("model"),
        "stream" if request.get("stream") else "",
        "tools" if request.get("tools") else "",
        form.get("type", "") if isinstance(form, dict) else "",
        f"turns{len(turns).bit_length()}" if isinstance(turns, list) else "",
        f"size{length.bit_length() // 2}",
    )
    return " ".join(str(part) for part in parts if part)
