"""Answer one question: when may a lane send its next request, and who has that right?

A lane is one host and one installation, or one token. Its requests are written down before they are sent, so that its
pace holds over restarts and over machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from migrator.campaign.database import LANE, REQUEST, Database

HOUR: Final = 3_600.0
# How long what was sent is remembered, in seconds: two days of rates.
REMEMBERED: Final = 48 * HOUR
# So many requests at most make one pull request: tree, commit, branch, pull request, labels, reviewers, assignees, and
# one for a file that is no text.
ONE_PULL: Final = 8


class Lanes:
    """The lanes of a database; they are shared by its campaigns, as the forge counts them together."""

    def __init__(self, database: Database) -> None:
        """Look at the lanes of this database."""
        self._database = database

    def slot(self, lane: str, apart: float, budget: int) -> tuple[float, str]:
        """Take the right to send one request that changes something: 0 seconds, or how long to wait and why.

        Two requests of a lane are ``apart`` seconds from each other, and at most ``budget`` are sent in any hour.
        The right is written down before it is used, so that a process that dies has used it.
        """
        with self._database.begin() as link:
            self._lane(link, lane)
            now = self._database.now(link)
            wait, why = self._wait(link, lane, now, apart, budget)
            if wait <= 0:
                link.execute(REQUEST.insert().values(lane=lane, at=now))
                link.execute(REQUEST.delete().where(REQUEST.c.at < now - REMEMBERED))
        return (wait, why) if wait > 0 else (0.0, "")

    def until(self, lane: str, budget: int) -> tuple[float, str]:
        """Say for how many seconds nothing may be begun on a lane, and why: until a whole pull request has room.

        0 seconds where it may be.
        """
        with self._database.begin() as link:
            self._lane(link, lane)
            wait, why = self._wait(link, lane, self._database.now(link), 0.0, max(1, budget - ONE_PULL + 1))
        return (wait, why) if wait > 0 else (0.0, "")

    def _lane(self, link: Connection, lane: str) -> None:
        """Make the lane's row if it is not there, and lock it."""
        insert = postgresql.insert(LANE) if self._database.is_shared else sqlite.insert(LANE)
        link.execute(insert.values(lane=lane, held_until=0.0, why="").on_conflict_do_nothing())
        link.execute(sa.select(LANE.c.lane).where(LANE.c.lane == lane).with_for_update())

    def _wait(self, link: Connection, lane: str, now: float, apart: float, budget: int) -> tuple[float, str]:
        held = link.execute(sa.select(LANE.c.held_until, LANE.c.why).where(LANE.c.lane == lane)).one()
        sent = sa.select(REQUEST.c.at).where(REQUEST.c.lane == lane).order_by(REQUEST.c.at.desc())
        last = link.execute(sent.limit(1)).scalar()
        oldest = link.execute(sent.offset(budget - 1).limit(1)).scalar()
        waits = [(held.held_until - now, str(held.why))]
        if last is not None:
            waits.append((last + apart - now, ""))
        if oldest is not None:
            waits.append((oldest + HOUR - now, "the requests of this hour are used up"))
        return max(waits)

    def hold(self, lane: str, seconds: float, why: str) -> None:
        """Let nothing be sent on this lane for some seconds; the other lanes go on."""
        with self._database.begin() as link:
            self._lane(link, lane)
            until = self._database.now(link) + seconds
            later = sa.and_(LANE.c.lane == lane, LANE.c.held_until < until)
            link.execute(LANE.update().where(later).values(held_until=until, why=why))

    def held(self) -> Mapping[str, tuple[float, str]]:
        """Give the lanes that are held now: for how many seconds, and why."""
        with self._database.begin() as link:
            now = self._database.now(link)
            found = link.execute(sa.select(LANE).where(LANE.c.held_until > now)).all()
        return {one.lane: (one.held_until - now, one.why) for one in found}

    def sent(self, lanes: Sequence[str], seconds: float = HOUR) -> int:
        """Count the requests that changed something on these lanes in the last seconds."""
        with self._database.begin() as link:
            since = self._database.now(link) - seconds
            asked = sa.select(sa.func.count()).select_from(REQUEST)
            return int(link.execute(asked.where(REQUEST.c.lane.in_(lanes), REQUEST.c.at > since)).scalar_one())
