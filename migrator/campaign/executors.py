"""Answer one question: which processes work on a campaign, and which of them are dead?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from migrator.campaign.database import EXECUTOR, Database


@dataclass(frozen=True, slots=True)
class Executor:
    """One running process: its name in the campaign, its machine and its number there."""

    name: str
    host: str
    process: int
    beat_at: float = 0.0


class Executors:
    """The executors of one campaign."""

    def __init__(self, database: Database, campaign: str) -> None:
        """Look at those of this campaign."""
        self._database, self._campaign = database, campaign

    def all(self) -> tuple[Executor, ...]:
        """Give those that run, or ran and did not say that they stopped."""
        asked = sa.select(EXECUTOR).where(EXECUTOR.c.campaign == self._campaign)
        with self._database.begin() as link:
            return tuple(Executor(one.name, one.host, one.process, one.beat_at) for one in link.execute(asked))

    def arrive(self, one: Executor, is_gone: Callable[[Executor, float], bool]) -> Executor | None:
        """Say that an executor runs; where another one of its name does, and is not gone, that one is given."""
        mine = sa.and_(EXECUTOR.c.campaign == self._campaign, EXECUTOR.c.name == one.name)
        with self._database.begin() as link:
            self._database.lock(link, self._campaign)
            now = self._database.now(link)
            found = link.execute(sa.select(EXECUTOR).where(mine)).one_or_none()
            if found is not None:
                there = Executor(found.name, found.host, found.process, found.beat_at)
                if not is_gone(there, now):
                    return there
                link.execute(EXECUTOR.delete().where(mine))
            values = {"name": one.name, "host": one.host, "process": one.process, "beat_at": now}
            link.execute(EXECUTOR.insert().values(campaign=self._campaign, **values))
        return None

    def beat(self, name: str) -> bool:
        """Say that an executor still runs; False where another one took it for dead."""
        mine = sa.and_(EXECUTOR.c.campaign == self._campaign, EXECUTOR.c.name == name)
        with self._database.begin() as link:
            return link.execute(EXECUTOR.update().where(mine).values(beat_at=self._database.now(link))).rowcount == 1

    def leave(self, name: str, *, has_work: bool) -> None:
        """Say that an executor stopped; what it was at, if anything, is for others then."""
        mine = sa.and_(EXECUTOR.c.campaign == self._campaign, EXECUTOR.c.name == name)
        with self._database.begin() as link:
            link.execute(
                EXECUTOR.update().where(mine).values(beat_at=0.0) if has_work else EXECUTOR.delete().where(mine)
            )

    def bury(self, own: str, silence: float) -> tuple[str, ...]:
        """Take the executors that were silent for so many seconds off the list, and name them: to one asker only."""
        with self._database.begin() as link:
            self._database.lock(link, self._campaign)
            before = self._database.now(link) - silence
            gone = sa.and_(EXECUTOR.c.campaign == self._campaign, EXECUTOR.c.name != own, EXECUTOR.c.beat_at < before)
            found = tuple(link.execute(sa.select(EXECUTOR.c.name).where(gone)).scalars())
            if found:
                link.execute(EXECUTOR.delete().where(gone))
        return found
