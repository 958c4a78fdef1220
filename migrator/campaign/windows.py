"""Answer one question: may a campaign send something now, and if not, when?

A window is a text such as ``mon-fri 08:00-18:00 Europe/Berlin``: days, a span of the clock, and a time zone by its
name. Without days it is every day, without a zone UTC. One that ends before it begins goes over midnight and belongs
to the day on which it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from migrator.settings import SettingsError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORM = re.compile(
    r"(?:(?P<days>[a-z,-]+)\s+)?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?:\s+(?P<zone>[A-Za-z0-9_+/-]+))?"
)
EXAMPLE = "mon-fri 08:00-18:00 Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Window:
    """The days on which it begins, 0 for Monday, the span in minutes of the day, and the zone of its clock."""

    text: str
    days: frozenset[int]
    start: int
    end: int
    zone: ZoneInfo

    def spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give the spans that begin between yesterday and in a week, the first one first, in UTC."""
        here = now.astimezone(self.zone).date()
        for ahead in range(-1, 9):
            day = here + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            after = day + timedelta(days=self.end <= self.start)
            yield (
                datetime.combine(day, _clock(self.start), self.zone).astimezone(UTC),
                datetime.combine(after, _clock(self.end), self.zone).astimezone(UTC),
            )


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def parse(text: str) -> Window:
    """Read a window. Raises SettingsError that shows one as it should be."""
    found = FORM.fullmatch(" ".join(text.split()))
    if found is None:
        raise SettingsError(f"--window {text!r}: write days, a span and a time zone, as {EXAMPLE!r}")
    return Window(
        text=" ".join(text.split()),
        days=_days(found["days"] or "mon-sun", text),
        start=_minutes(found["start"], text),
        end=_minutes(found["end"], text),
        zone=_zone(found["zone"] or "UTC", text),
    )


def _days(text: str, whole: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise SettingsError(f"--window {whole!r}: {part!r} is no day; days are {', '.join(DAYS)}")
        count = (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
        found |= {(DAYS.index(first) + number) % 7 for number in range(count)}
    return frozenset(found)


def _minutes(text: str, whole: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if hours > 23 or minutes > 59:
        raise SettingsError(f"--window {whole!r}: {text} is no time of the day; they go from 00:00 to 23:59")
    return hours * 60 + minutes


def _zone(name: str, whole: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # an unknown name, a folder of names, a path out of it
        raise SettingsError(f"--window {whole!r}: no time zone is called {name!r}") from None


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Say whether one of them is open; without any it always is."""
    return not windows or any(start <= now < end for window in windows for start, end in window.spans(now))


def opens(windows: Sequence[Window], now: datetime) -> datetime:
    """Say when the next one opens; ``now`` where one is open."""
    if is_open(windows, now):
        return now
    return min(start for window in windows for start, _ in window.spans(now) if start > now)
