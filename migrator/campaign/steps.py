"""Answer one question: what is done with one repository of a campaign?

It is planned in a process of its own, with a token that only reads. Its pull request is sent from here, on the base as
it is at that moment. Each step may be done twice, because a process may die behind it: it asks the ledger and the forge
what is there before it does anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from migrator.campaign import ledger as states
from migrator.campaign.access import Access
from migrator.campaign.ledger import Ledger, Row
from migrator.campaign.listing import Filters, about
from migrator.campaign.orders import Orders
from migrator.campaign.pace import PATIENCE, Pace, Stopped
from migrator.campaign.windows import is_open
from migrator.github_api import TRIES, Limited, table
from migrator.isolation import Asked, Limits, prepare
from migrator.lines import plural
from migrator.prepared import Prepared, from_json
from migrator.settings import CannotRun, SettingsError

if TYPE_CHECKING:
    from migrator.deliver.forge import GitHub
    from migrator.publish import Outcome, Way

FOREIGN = "others have commits on the branch"
REFUSED = "a person closed the same change before"
SUPERSEDED = "nothing was left to change"
LIMITED = "the forge asks to wait"


@dataclass(frozen=True, slots=True)
class Steps:
    """All that one repository needs: where things are kept, who asks, and how.

    ``to`` is the migration, None as each repository is configured. ``filters`` are asked again where the list said
    nothing but names. ``folder`` is for what does not last, ``stop`` is set when the run is to end.
    """

    ledger: Ledger
    access: Access
    orders: Orders
    to: str | None
    filters: Filters | None
    folder: Path
    stop: threading.Event

    def scan(self, name: str, turn: int) -> str:
        """Plan one repository, and give the state that it is in then."""
        return self._do(name, turn, states.SCANNING, states.TODO, self._scanned)

    def send(self, name: str, turn: int) -> str:
        """Open, renew or close one pull request, and give the state that the repository is in then."""
        return self._do(name, turn, states.SENDING, states.WAITING, self._sent)

    def _do(self, name: str, turn: int, state: str, back: str, work: Callable[[Row], str]) -> str:
        """Do a step, once for each turn. What stops it without a fault of the repository lets it begin anew later."""
        row = self.ledger.row(name)
        if row is None or (row.state, row.turn) != (state, turn):
            return "done before"
        try:
            if self.stop.is_set() or (state == states.SENDING and self._must_wait(row)):
                raise Stopped
            return work(row)
        except Stopped:
            self.ledger.finish(row, back, again=True)
            return back
        except Limited as error:
            self.ledger.lanes.hold(row.lane or self.access.host, error.seconds, LIMITED)
            self.ledger.finish(row, back, again=True)
            return back
        except (SettingsError, OSError) as error:
            if self.stop.is_set():
                # Its process was ended by us, or it may have been.
                self.ledger.finish(row, back, again=True)
                return back
            self.ledger.finish(row, states.FAILED, reason=_line(error), prepared="")
            return states.FAILED

    def _must_wait(self, row: Row) -> bool:
        """Say whether something came between since this was handed out: a pause, a limit, the end of a window."""
        if self.ledger.paused() or self.ledger.lanes.until(row.lane, self.orders.per_hour)[0] > PATIENCE:
            return True
        return not is_open(self.orders.spans, datetime.now(UTC))

    def _scanned(self, row: Row) -> str:
        why = self._left_out(row.name)
        if why:
            self.ledger.finish(row, states.SKIPPED, reason=why)
            return states.SKIPPED
        with _Folder(self.folder) as folder:
            found = self._prepared(row.name, folder)
        numbers = _numbers(found)
        lane = self.access.lane(row.name)
        # What has a pull request already, and nothing left to change, is sent too: it is closed then.
        if not found.files and not row.number:
            said = f"{plural(found.numbers.unread, 'file')} could not be read" if found.numbers.unread else ""
            self.ledger.finish(row, states.CLEAN, numbers=numbers, lane=lane, reason=said)
            return states.CLEAN
        self.ledger.finish(row, states.WAITING, numbers=numbers, lane=lane, reason="", prepared=found.to_json())
        return states.WAITING

    def _left_out(self, name: str) -> str:
        """Say why a repository is none of this campaign; a list of names does not tell."""
        if self.filters is None:
            return ""
        said = table(self.access.reader(name).ask("GET", f"/repos/{name}").said)
        return self.filters.against(about({"full_name": name, **said}))

    def _prepared(self, name: str, folder: Path, base: str = "") -> Prepared:
        limits = Limits(seconds=self.orders.seconds, memory=self.orders.memory)
        return prepare(
            Asked(self.access.url(name), base, self.to), self.access.reading(name), folder, limits, self.stop
        )

    def _sent(self, row: Row) -> str:
        from migrator.publish import Manner, publish

        pace = Pace(self.ledger, row.lane, self.orders.apart, self.orders.per_hour, self.stop)
        forge, known = self._forge(row.name, pace), from_json(self.ledger.prepared(row.name))
        with _Folder(self.folder) as folder:
            prepared, way = self._now(known, row.name, folder, forge)
            outcome = publish(prepared, forge, way, Manner(self.orders.added))
        return self._told(row, prepared, outcome)

    def _forge(self, name: str, pace: Pace) -> GitHub:
        from migrator.deliver.forge import GitHub
        from migrator.deliver.git import EMAIL

        return GitHub(name, self.access.writer(name, pace, pace.sleep), EMAIL)

    def _now(self, known: Prepared, name: str, folder: Path, forge: GitHub) -> tuple[Prepared, Way]:
        """Give the change for the base as it is now, and the way on which it goes there.

        git pushes from a repository that this process made: none that was open to a stranger's files sees the token.
        """
        from migrator.deliver import git
        from migrator.publish import ByApi, ByGit
        from migrator.pull_forge import OF_AN_APP
        from migrator.pull_session import MOST_FILE

        token, base = self.access.writing(name), forge.default_branch()
        if token.startswith(OF_AN_APP):
            tip = forge.tip(base)
            is_new = tip is None or (tip.commit, base) != (known.commit, known.base)
            return (self._prepared(name, folder, base) if is_new else known), ByApi(forge)
        remote = git.Remote(self.access.url(name), token)
        for number in range(TRIES):
            repository = git.clone(remote, folder / f"own-{number}", base, MOST_FILE)
            if (git.commit_of(repository, f"refs/heads/{base}"), base) == (known.commit, known.base):
                return known, ByGit(repository)
            rmtree(folder / "git", ignore_errors=True)
            known = self._prepared(name, folder, base)
        raise CannotRun(f"{base} moves faster than it is planned: run it again later")

    def _told(self, row: Row, prepared: Prepared, outcome: Outcome) -> str:
        """Write down what came of it, and give the state."""
        state, reason = _state(outcome)
        more = {
            "number": outcome.number,
            "url": outcome.url,
            "reason": "; ".join((*filter(None, [reason]), *outcome.told)),
            "numbers": _numbers(prepared),
        }
        self.ledger.finish(row, state, prepared="", **more)
        return state


def _numbers(prepared: Prepared) -> Mapping[str, object]:
    """Give what is counted of a repository."""
    return {**asdict(prepared.numbers), "models": dict(prepared.models), "migration": prepared.migration}


def _state(outcome: Outcome) -> tuple[str, str]:
    match outcome.kind:
        case "opened" | "renewed" | "same":
            return states.OPEN, ""
        case "foreign":
            return (states.OPEN if outcome.number else states.FAILED), FOREIGN if outcome.strangers else ""
        case "refused":
            return states.CLOSED, REFUSED
        case "closed":
            return states.CLOSED, SUPERSEDED
        case "clean":
            return states.CLEAN, ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


class _Folder:
    """A folder that does not last, below one that is emptied when a run begins."""

    def __init__(self, inside: Path) -> None:
        self._inside = inside

    def __enter__(self) -> Path:
        self._inside.mkdir(parents=True, exist_ok=True)
        self._path = Path(mkdtemp(dir=self._inside))
        return self._path

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            rmtree(self._path)
