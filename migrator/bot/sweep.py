"""Answer one question: what was lost, and which repositories were not looked at for a day?

GitHub never sends a failed delivery again by itself. It keeps deliveries for three days, and sends one again when the
app asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from migrator.bot.events import EVENTS, Reading, Task, named
from migrator.bot.inbox import Inbox
from migrator.deliver.app import App
from migrator.lines import plural
from migrator.pull_forge import OPT_OUT

KEPT = timedelta(days=3)
# A delivery is asked for so often, and so many of them in one sweep.
ATTEMPTS, MOST = 3, 100


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Lost:
    """A delivery that never arrived: its id for GitHub."""

    number: int
    guid: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What looks for what was lost."""

    app: App
    inbox: Inbox
    now: Callable[[], datetime] = field(default=_now)

    def run(self) -> str:
        """Ask for lost deliveries again, and once a day for a look at each repository; says what there was."""
        again = self._redeliver()
        looked = sum(self._look(installation) for installation in self.app.installations())
        said = [f"asked again for {plural(again, 'lost event')}"] if again else []
        said += [f"{plural(looked, 'daily look')} at a repository"] if looked else []
        return ", ".join(said)

    def _redeliver(self) -> int:
        count = 0
        for one in lost(self.app.deliveries(), self.now() - KEPT):
            if count < MOST and not self.inbox.has(one.guid):
                self.app.redeliver(one.number)
                count += 1
        return count

    def _look(self, installation: int) -> int:
        """Put a task for each repository into the inbox, once a day."""
        day = self.now().strftime("%Y-%m-%d")
        done = f"sweep-{installation}-{day}"
        if self.inbox.has(done):
            return 0
        count = 0
        for home in self.app.repositories(installation):
            name = named(home.name)
            if name and not (home.is_archived or home.is_fork or OPT_OUT in home.topics):
                # The day is in the id, so that what ended in the middle puts nothing twice.
                count += self.inbox.put(f"sweep-{name}-{day}", _reading(Task("publish", name)), priority=1)
        self.inbox.put(done, _reading())
        return count


def _reading(*tasks: Task) -> Reading:
    return Reading("sweep", "", tasks, "" if tasks else "a day's look at an installation")


def lost(deliveries: Iterator[Mapping[str, object]], since: datetime) -> Iterator[Lost]:
    """Give the deliveries that failed each time they were tried, the newest first; each has its id of the last try."""
    tried: dict[str, int] = {}
    last: dict[str, Lost] = {}
    arrived: set[str] = set()
    for one in deliveries:
        if _at(one) < since:
            break
        guid, number, status = one.get("guid"), one.get("id"), one.get("status_code")
        if not isinstance(guid, str) or not isinstance(number, int) or one.get("event") not in EVENTS:
            continue
        tried[guid] = tried.get(guid, 0) + 1
        last.setdefault(guid, Lost(number, guid))
        if isinstance(status, int) and 200 <= status < 300:
            arrived.add(guid)
    yield from (one for guid, one in last.items() if guid not in arrived and tried[guid] < ATTEMPTS)


def _at(delivery: Mapping[str, object]) -> datetime:
    """Say when it was delivered; what cannot be read is taken for new."""
    try:
        found = datetime.fromisoformat(str(delivery.get("delivered_at")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
