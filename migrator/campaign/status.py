"""Answer one question: how far is a campaign, in numbers and in words?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from textwrap import wrap

from migrator.campaign import ledger as states
from migrator.campaign import windows
from migrator.campaign.access import Access
from migrator.campaign.lanes import HOUR
from migrator.campaign.ledger import Campaign, Event, Ledger, Row
from migrator.campaign.orders import read
from migrator.evidence_words import visible
from migrator.lines import WIDTH, plural

WORDS = {
    states.TODO: "to do",
    states.SCANNING: "scanning",
    states.WAITING: "waiting",
    states.SENDING: "sending",
    states.OPEN: "open",
    states.MERGED: "merged",
    states.CLOSED: "closed",
    states.CLEAN: "nothing to change",
    states.SKIPPED: "left out",
    states.FAILED: "failed",
}
COUNTED = ("found", "names", "held", "keys", "orders", "files")
# So many reasons of one state are shown; the rest is counted.
MOST_REASONS, LONGEST = 5, 300
# A rate is counted over at least so many seconds.
SHORTEST = 60.0


@dataclass(frozen=True, slots=True)
class Status:
    """How far a campaign is at one moment.

    ``reasons`` are those of each state, counted. ``numbers`` are sums over all repositories, ``models`` the names that
    change. ``sent`` are requests in the last hour, of ``budget`` on all its lanes; ``rate`` are pull requests in an
    hour, 0 where none was opened yet. ``left`` are the seconds that the rest takes at this rate, None where nobody can
    know. ``held`` are lanes that wait, for how many seconds and why.
    """

    campaign: Campaign
    now: float
    counts: Mapping[str, int]
    reasons: Mapping[str, Mapping[str, int]]
    numbers: Mapping[str, int]
    models: Mapping[str, int]
    sent: int
    budget: int
    rate: float
    left: float | None
    held: Mapping[str, tuple[float, str]]


def of(ledger: Ledger, campaign: Campaign, rows: Sequence[Row], events: Sequence[Event]) -> Status:
    """Read how far it is."""
    now, counts = ledger.now(), ledger.counts()
    opened = [one.at for one in events if one.after == states.OPEN and one.before == states.SENDING]
    mine, host = sorted({row.lane for row in rows if row.lane}), Access(str(campaign.plan["api"]), "").host
    sent, budget = ledger.lanes.sent(mine), read(campaign.orders, {}).per_hour * max(1, len(mine))
    rate = _rate(opened, now)
    numbers, models = totals(rows)
    return Status(
        campaign=campaign,
        now=now,
        counts=counts,
        reasons=reasons(rows),
        numbers=numbers,
        models=models,
        sent=sent,
        budget=budget,
        rate=rate,
        left=left(coming(counts), rate, sent / max(1, _recent(opened, now)), sent, budget),
        held={lane: one for lane, one in ledger.lanes.held().items() if lane in (host, *mine)},
    )


def totals(rows: Sequence[Row]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Add up what the repositories have, as ``COUNTED`` says, and the names that change, by their text."""
    numbers: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
    models: Counter[str] = Counter()
    for row in rows:
        said = row.numbers or {}
        numbers.update({key: int(said.get(key, 0)) for key in COUNTED})
        models.update({str(name): int(count) for name, count in dict(said.get("models", {})).items()})
    return numbers, models


def reasons(rows: Sequence[Row]) -> Mapping[str, Mapping[str, int]]:
    """Count the reasons of each state."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row.reason:
            # A repository's own name must not part what is the same.
            said = row.reason.replace(row.name, "…").replace(row.url, "…" if row.url else "")
            found.setdefault(row.state, Counter())[said] += 1
    return found


def _recent(opened: Sequence[float], now: float) -> int:
    return sum(at > now - HOUR for at in opened)


def _rate(opened: Sequence[float], now: float) -> float:
    recent = _recent(opened, now)
    return recent * HOUR / max(SHORTEST, now - max(opened[0], now - HOUR)) if recent else 0.0


def coming(counts: Mapping[str, int]) -> float | None:
    """Say how many pull requests are to come, if as many of those to be scanned need one as of those that were.

    None where none was scanned yet.
    """
    needing = sum(
        counts[state] for state in (states.WAITING, states.SENDING, states.OPEN, states.MERGED, states.CLOSED)
    )
    scanned = needing + counts[states.CLEAN] + counts[states.SKIPPED] + counts[states.FAILED]
    unknown = counts[states.TODO] + counts[states.SCANNING]
    if unknown and not scanned:
        return None
    return counts[states.WAITING] + counts[states.SENDING] + (unknown * needing / scanned if unknown else 0)


def left(coming: float | None, rate: float, each: float, sent: int, per_hour: int) -> float | None:
    """Say how many seconds the rest takes, at this rate of pull requests in an hour, with ``each`` requests for one.

    ``sent`` requests of the last hour count against ``per_hour``; what goes beyond it takes whole hours more. None
    where nobody can know.
    """
    if coming == 0:
        return 0.0
    if coming is None or not rate:
        return None
    beyond = coming * each - (per_hour - sent)
    return max(coming / rate, ceil(beyond / per_hour) if beyond > 0 else 0) * HOUR


def words(status: Status) -> Iterator[str]:
    """Say how far it is, in lines of at most 80 characters where the reasons allow it."""
    campaign, counts = status.campaign, status.counts
    total = sum(counts.values())
    count = f"{total:,} repositor{'y' if total == 1 else 'ies'}"
    target = f" to {campaign.plan['to']}" if campaign.plan["to"] else ""
    yield f"{campaign.name}: {count}{target}, since {_day(campaign.made_at)}"
    for state in states.STATES:
        if counts[state]:
            yield from _counted(WORDS[state], counts[state], status.reasons.get(state, {}))
    yield ""
    names, held = status.numbers["names"], status.numbers["held"]
    yield f"{plural(names, 'name')} changed or to change, {held:,} held for a person."
    yield from _pace(status)


def _counted(word: str, count: int, reasons: Mapping[str, int]) -> Iterator[str]:
    yield f"  {word:<18}{count:>7,}"
    listed = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    for reason, times in listed[:MOST_REASONS]:
        yield from wrap(
            f"{times:,} × {visible(reason)[:LONGEST]}", WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 10
        )
    if len(listed) > MOST_REASONS:
        rest = sum(times for _, times in listed[MOST_REASONS:])
        yield f"      {rest:,} × other reasons: `migrator campaign status --json` has them"


def _pace(status: Status) -> Iterator[str]:
    orders = read(status.campaign.orders, {})
    yield f"{status.sent:,} of {status.budget:,} requests in the last hour."
    yield from _speed(status)
    if status.campaign.paused:
        yield f"Paused: {status.campaign.paused}"
    for lane, (seconds, why) in sorted(status.held.items()):
        yield f"{visible(lane)} waits {duration(seconds)}: {visible(why)}"
    moment = datetime.fromtimestamp(status.now, UTC)
    if not windows.is_open(orders.spans, moment):
        opens = f"{windows.opens(orders.spans, moment):%a %d %b %H:%M} UTC"
        yield f"Outside of its windows ({'; '.join(orders.windows)}); opens {opens}."
    if 0 < orders.max_open <= status.counts[states.OPEN] and status.counts[states.WAITING]:
        yield f"{status.counts[states.WAITING]:,} wait until fewer than {orders.max_open:,} are open (--max-open)."


def _speed(status: Status) -> Iterator[str]:
    if any(status.counts[state] for state in states.UNDONE) and status.rate:
        about = f", about {duration(status.left)} left" if status.left else ""
        yield f"{status.rate:,.0f} pull requests an hour{about}."


def line(counts: Mapping[str, int]) -> str:
    """Say it in one line, for a terminal."""
    done = sum(counts[state] for state in states.STATES if state not in states.UNDONE)
    told = [f"{counts[state]:,} {WORDS[state]}" for state in states.STATES if counts[state] and state != states.TODO]
    return f"{done:,} of {sum(counts.values()):,}: {', '.join(told)}"[: WIDTH - 1]


def duration(seconds: float | None) -> str:
    """Say a time: ``40 s``, ``12 min``, ``3 h 20 min``, ``5 days``."""
    if seconds is None:
        return "unknown"
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def table(status: Status, rows: Sequence[Row]) -> Mapping[str, object]:
    """Give it as plain values, with each repository."""
    return {
        "version": 1,
        "campaign": status.campaign.name,
        "to": status.campaign.plan["to"],
        "made_at": _stamp(status.campaign.made_at),
        "at": _stamp(status.now),
        "paused": status.campaign.paused,
        "states": dict(status.counts),
        "reasons": {state: dict(found) for state, found in status.reasons.items()},
        "numbers": dict(status.numbers),
        "models": dict(status.models),
        "requests_in_the_last_hour": status.sent,
        "pull_requests_an_hour": round(status.rate, 1),
        "seconds_left": None if status.left is None else round(status.left),
        "held": {lane: {"seconds": round(seconds), "why": why} for lane, (seconds, why) in status.held.items()},
        "repositories": [_repository(row) for row in rows],
    }


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _repository(row: Row) -> Mapping[str, object]:
    said = dict(row.numbers or {})
    return {
        "name": row.name,
        "state": row.state,
        "since": _stamp(row.at),
        "turn": row.turn,
        **({"reason": row.reason} if row.reason else {}),
        **({"url": row.url, "number": row.number} if row.number else {}),
        **({"numbers": said} if said else {}),
    }
