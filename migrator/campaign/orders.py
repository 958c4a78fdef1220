"""Answer one question: how is a campaign to be run?

What a run is asked for is kept with the campaign, so that the next one does the same without being asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from migrator.campaign.pace import APART, BUDGET
from migrator.campaign.windows import Window, parse

ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Orders:
    """How it is run.

    ``apart`` are seconds between two requests that change something, ``per_hour`` the most of them in any hour.
    ``max_open`` is the most open pull requests, 0 for no limit. ``seconds`` and ``memory`` (bytes) are what one
    repository may take. ``labels``, ``reviewers`` and ``assignees`` are added to each new pull request.
    """

    apart: float = APART
    per_hour: int = BUDGET
    max_open: int = 0
    windows: tuple[str, ...] = ()
    workers: int = 2
    seconds: float = 600
    memory: int = 3_000_000_000
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()

    @property
    def added(self) -> Mapping[str, tuple[str, ...]]:
        """What is added to a new pull request, by its kind."""
        return {"labels": self.labels, "reviewers": self.reviewers, "assignees": self.assignees}

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows in which something may be sent."""
        return tuple(map(parse, self.windows))

    def kept(self) -> Mapping[str, Any]:
        """Write them down as plain values."""
        return asdict(self)


def read(said: Mapping[str, Any], asked: Mapping[str, Any]) -> Orders:
    """Take what was kept, and what is asked for now instead; a value of None or () was not asked for."""
    known = {one.name for one in fields(Orders)}
    listed: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name in known
    }
    made = replace(Orders(**listed), **{name: value for name, value in asked.items() if value not in (None, ())})
    if ALWAYS in made.windows:
        made = replace(made, windows=())
    assert made.spans is not None  # a wrong window is told before anything begins
    return made
