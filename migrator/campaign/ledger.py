"""Answer one question: what is kept of a campaign, so that nothing is done twice and nothing is lost?

A row for each repository with its state, and a row for each change of a state. Each change is one transaction, and it
is made only where the repository still is as the one who changes it has seen it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from migrator.campaign.database import CAMPAIGN, EVENT, REPOSITORY, Database
from migrator.campaign.executors import Executors
from migrator.campaign.lanes import Lanes
from migrator.settings import CannotRun, SettingsError

# What a repository can be in, in the order in which a person reads them.
TODO, SCANNING, CLEAN, WAITING, SENDING = "todo", "scanning", "clean", "waiting", "sending"
OPEN, MERGED, CLOSED, SKIPPED, FAILED = "open", "merged", "closed", "skipped", "failed"
STATES: Final = (TODO, SCANNING, WAITING, SENDING, OPEN, MERGED, CLOSED, CLEAN, SKIPPED, FAILED)
# Something is still to be done for these.
UNDONE: Final = (TODO, SCANNING, WAITING, SENDING)
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One repository of a campaign: ``turn`` counts how often its work was begun, ``at`` is when its state changed.

    ``lane`` is the host and the installation whose requests go one behind the other.
    """

    name: str
    state: str
    turn: int
    at: float
    lane: str = ""
    reason: str = ""
    url: str = ""
    number: int = 0
    numbers: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a campaign is: ``plan`` as it was made, ``orders`` as the last run was asked; ``paused`` says why, or "".

    ``synced_at`` is when the forge was last asked what became of the open ones, 0 for never.
    """

    name: str
    made_at: float
    synced_at: float
    paused: str
    plan: Mapping[str, Any]
    orders: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A repository went from one state to another, at a time in seconds since 1970."""

    at: float
    name: str
    before: str
    after: str


class Ledger:
    """One campaign with its repositories, its lanes and its executors."""

    def __init__(self, url: str, name: str, clock: Callable[[], float] | None = None, *, lanes: str = "") -> None:
        """Open its database, as ``Database`` does, and the one of its lanes, where that is another."""
        self.name = name
        self._database = Database(url, clock)
        self._paces = self._database if lanes in ("", url) else Database(lanes, clock)
        self.lanes = Lanes(self._paces)
        self.executors = Executors(self._database, name)

    def close(self) -> None:
        """Let go of the databases."""
        self._database.close()
        self._paces.close()

    def now(self) -> float:
        """Give the time by which everything here is measured."""
        return self._database.now()

    # ---- the campaign ----

    def campaign(self) -> Campaign | None:
        """Read the campaign; None where there is none of this name."""
        with self._database.begin() as link:
            found = link.execute(sa.select(CAMPAIGN).where(CAMPAIGN.c.name == self.name)).one_or_none()
        if found is None:
            return None
        if found.version != VERSION:
            raise CannotRun(
                f"the campaign {self.name} was made by another version of migrator: finish it with that one"
            )
        texts = json.loads(found.plan), json.loads(found.orders)
        return Campaign(found.name, found.made_at, found.synced_at, found.paused, *texts)

    def make(self, plan: Mapping[str, Any], names: Sequence[str]) -> None:
        """Write a new campaign. Raises SettingsError where there is one of this name."""
        if self.campaign() is not None:
            raise SettingsError(f"there is a campaign {self.name} already: take another name, or look at its status")
        with self._database.begin() as link:
            now = self._database.now(link)
            made = {"name": self.name, "version": VERSION, "made_at": now, "synced_at": 0.0, "paused": ""}
            link.execute(CAMPAIGN.insert().values(**made, plan=json.dumps(dict(plan)), orders="{}"))
            rows = [_new(self.name, name, place, now) for place, name in enumerate(names)]
            if rows:
                link.execute(REPOSITORY.insert(), rows)

    def order(self, orders: Mapping[str, Any]) -> None:
        """Keep what this run was asked for; the next one does the same where it is not asked otherwise."""
        with self._database.begin() as link:
            link.execute(CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(orders=json.dumps(dict(orders))))

    def pause(self, why: str) -> None:
        """Pause the campaign, or let it go on with ""."""
        with self._database.begin() as link:
            link.execute(CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(paused=why))

    def synced(self) -> None:
        """Write down that the forge was asked now."""
        with self._database.begin() as link:
            link.execute(
                CAMPAIGN.update().where(CAMPAIGN.c.name == self.name).values(synced_at=self._database.now(link))
            )

    def paused(self) -> str:
        """Say why it is paused; "" where it is not."""
        with self._database.begin() as link:
            return str(link.execute(sa.select(CAMPAIGN.c.paused).where(CAMPAIGN.c.name == self.name)).scalar() or "")

    # ---- its repositories ----

    def rows(self, *states: str) -> tuple[Row, ...]:
        """Read the repositories, those of some states or all, in the order of the list."""
        asked = sa.select(*_SEEN).where(REPOSITORY.c.campaign == self.name).order_by(REPOSITORY.c.place)
        if states:
            asked = asked.where(REPOSITORY.c.state.in_(states))
        with self._database.begin() as link:
            return tuple(_row(one) for one in link.execute(asked))

    def row(self, name: str) -> Row | None:
        """Read one repository."""
        asked = sa.select(*_SEEN).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.name == name)
        with self._database.begin() as link:
            found = link.execute(asked).one_or_none()
        return None if found is None else _row(found)

    def counts(self) -> Mapping[str, int]:
        """Count the repositories in each state; each state is there."""
        asked = sa.select(REPOSITORY.c.state, sa.func.count()).where(REPOSITORY.c.campaign == self.name)
        with self._database.begin() as link:
            found = {state: int(count) for state, count in link.execute(asked.group_by(REPOSITORY.c.state))}
        return {state: found.get(state, 0) for state in STATES}

    def prepared(self, name: str) -> str:
        """Read what was prepared for one repository; "" where there is nothing."""
        asked = sa.select(REPOSITORY.c.prepared).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.name == name)
        with self._database.begin() as link:
            return str(link.execute(asked).scalar() or "")

    def take(self, before: str, after: str, most: int, *, lane: str = "", most_open: int = 0) -> tuple[Row, ...]:
        """Move repositories into a state of work until ``most`` are in it, each to one taker only, and give them.

        ``lane``: only those of this lane, counted by themselves. ``most_open`` is the greatest number of open pull
        requests of the campaign, those on their way counted; 0 for no limit.
        """
        mine = REPOSITORY.c.campaign == self.name
        here = sa.and_(mine, REPOSITORY.c.lane == lane) if lane else mine
        with self._database.begin() as link:
            self._database.lock(link, self.name)
            room = most - _count(link, here, after)
            if most_open:
                room = min(room, most_open - _count(link, mine, OPEN, SENDING))
            asked = sa.select(*_SEEN).where(here, REPOSITORY.c.state == before).order_by(REPOSITORY.c.place)
            found = [_row(one) for one in link.execute(asked.limit(room))] if room > 0 else []
            now = self._database.now(link)
            for one in found:
                link.execute(_of(self.name, one.name).values(state=after, changed_at=now))
                self._note(link, one.name, before, after, now)
        return tuple(replace(one, state=after, at=now) for one in found)

    def lanes_of(self, state: str) -> tuple[str, ...]:
        """Name the lanes of the repositories in a state."""
        asked = sa.select(REPOSITORY.c.lane).where(REPOSITORY.c.campaign == self.name, REPOSITORY.c.state == state)
        with self._database.begin() as link:
            return tuple(sorted(link.execute(asked.distinct()).scalars()))

    def finish(self, row: Row, after: str, **more: Any) -> bool:
        """Move a repository on, if it still is as ``row`` says; False where another one was here before.

        ``again=True`` counts its turn up, so that its work is begun anew.
        """
        if more.pop("again", False):
            more["turn"] = row.turn + 1
        if "numbers" in more:
            more["numbers"] = json.dumps(dict(more["numbers"]))
        with self._database.begin() as link:
            now = self._database.now(link)
            change = _of(self.name, row.name).where(REPOSITORY.c.state == row.state, REPOSITORY.c.turn == row.turn)
            done = link.execute(change.values(state=after, changed_at=now, **more)).rowcount == 1
            if done and row.state != after:
                self._note(link, row.name, row.state, after, now)
        return done

    def _note(self, link: Connection, name: str, before: str, after: str, now: float) -> None:
        link.execute(EVENT.insert().values(campaign=self.name, at=now, name=name, before=before, after=after))

    def events(self) -> tuple[Event, ...]:
        """Read all changes of state, the oldest first."""
        asked = sa.select(EVENT).where(EVENT.c.campaign == self.name).order_by(EVENT.c.at, EVENT.c.id)
        with self._database.begin() as link:
            return tuple(Event(one.at, one.name, one.before, one.after) for one in link.execute(asked))


_SEEN = tuple(column for column in REPOSITORY.c if column.name != "prepared")


def _new(campaign: str, name: str, place: int, now: float) -> Mapping[str, Any]:
    texts = dict.fromkeys(("lane", "reason", "url", "numbers", "prepared"), "")
    return {
        "campaign": campaign,
        "name": name,
        "place": place,
        "state": TODO,
        "turn": 1,
        "changed_at": now,
        "number": 0,
        **texts,
    }


def _row(one: sa.Row[Any]) -> Row:
    numbers = json.loads(one.numbers) if one.numbers else None
    return Row(one.name, one.state, one.turn, one.changed_at, one.lane, one.reason, one.url, one.number, numbers)


def _count(link: Connection, where: sa.ColumnElement[bool], *states: str) -> int:
    asked = sa.select(sa.func.count()).select_from(REPOSITORY).where(where, REPOSITORY.c.state.in_(states))
    return int(link.execute(asked).scalar_one())


def _of(campaign: str, name: str) -> sa.Update:
    return REPOSITORY.update().where(REPOSITORY.c.campaign == campaign, REPOSITORY.c.name == name)
