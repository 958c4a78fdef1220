"""Answer one question: who runs the work of a campaign, so that a process that dies loses none of it?

DBOS Transact does, in the campaign's own database. A piece of work has a name; it is done once under that name,
however often it is asked for, and what a dead process had begun is begun again. Nothing outside of this module knows
DBOS, and what it keeps are names and states: no token, and JSON, never a pickle.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from migrator.settings import CannotRun

# Work that an older migrator began is finished by a newer one: the same version for all.
VERSION = "1"
# How often a queue looks for work, in seconds.
POLL = 0.2
BROKEN = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
Work = Callable[[str, int], str]


class Engine(Protocol):
    """What a campaign asks of an engine."""

    def scan(self, name: str, turn: int) -> None:
        """Ask for a repository to be scanned; nothing happens where this turn was asked for."""
        ...

    def send(self, name: str, turn: int, lane: str) -> None:
        """Ask for a pull request to be sent, one after the other on a lane."""
        ...

    def broken(self, asked: Iterable[tuple[str, str, int]]) -> Mapping[str, str]:
        """Say which of these works (kind, repository, turn) ended by an error of ours, and by which."""
        ...

    def rescue(self, executors: Sequence[str]) -> int:
        """Begin again what dead executors had begun, and say how many that were."""
        ...

    def stop(self, seconds: int) -> bool:
        """Take no more work, and say whether all that was begun here has ended within so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works: the campaign, the host of its forge, this executor's name, and how many scans it runs at a time."""

    campaign: str
    host: str
    executor: str
    workers: int

    @property
    def id(self) -> str:
        """Name the executor over all campaigns of a database."""
        return f"{self.campaign}/{self.executor}"

    def work(self, kind: str, name: str, turn: int) -> str:
        """Name a piece of work: ``pr:github.com/acme/helpdesk:models``, from the second turn on with its number."""
        return f"{kind}:{self.host}/{name}:{self.campaign}{f':{turn}' if turn > 1 else ''}"


class Json:
    """How DBOS writes down what it is given."""

    def serialize(self, data: Any) -> str:
        """Write JSON; an error is its words."""
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        """Read JSON."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """Name it in the database."""
        return "migrator_json"


class Dbos:
    """DBOS Transact with two queues: one for scans, one for what is sent, in which a lane has one at a time."""

    def __init__(self, url: str, crew: Crew, scan: Work, send: Work) -> None:
        """Start it. Raises CannotRun where it is not installed or cannot open its database."""
        self._crew = crew
        self._scans, self._sends = f"scan-{crew.campaign}", f"send-{crew.campaign}"
        try:
            from dbos import DBOS
        except ImportError:
            raise CannotRun(MISSING) from None
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        DBOS(config=_config(url, crew))
        self._dbos, self._busy = DBOS, _Busy()
        self._scan = DBOS.workflow(name="scan")(_once(DBOS, "scan", self._busy.counted(scan)))
        self._send = DBOS.workflow(name="send")(_once(DBOS, "send", self._busy.counted(send)))
        DBOS.listen_queues([self._scans, self._sends])
        try:
            DBOS.launch()
        except Exception as error:  # whatever DBOS and the driver of its database raise
            DBOS.destroy()
            raise CannotRun(f"the engine does not start: {type(error).__name__}") from None
        DBOS.register_queue(self._scans, worker_concurrency=crew.workers, polling_interval_sec=POLL)
        DBOS.register_queue(self._sends, partition_concurrency=1, polling_interval_sec=POLL)

    def scan(self, name: str, turn: int) -> None:
        """Ask for a repository to be scanned."""
        from dbos import SetWorkflowID

        with SetWorkflowID(self._crew.work("scan", name, turn)):
            self._dbos.enqueue_workflow(self._scans, self._scan, name, turn)

    def send(self, name: str, turn: int, lane: str) -> None:
        """Ask for a pull request to be sent."""
        from dbos import SetEnqueueOptions, SetWorkflowID

        with SetWorkflowID(self._crew.work("pr", name, turn)), SetEnqueueOptions(queue_partition_key=lane):
            self._dbos.enqueue_workflow(self._sends, self._send, name, turn)

    def broken(self, asked: Iterable[tuple[str, str, int]]) -> Mapping[str, str]:
        """Say which of these works ended by an error of ours, and by which."""
        ids = {self._crew.work(kind, name, turn): name for kind, name, turn in asked}
        if not ids:
            return {}
        found = self._dbos.list_workflows(workflow_ids=list(ids), status=list(BROKEN), load_input=False)
        return {ids[one.workflow_id]: f"{one.status.lower()}: {one.error or ''}"[:300] for one in found}

    def rescue(self, executors: Sequence[str]) -> int:
        """Put what dead executors had begun back into its queue."""
        ids = [f"{self._crew.campaign}/{one}" for one in executors]
        found = self._dbos.list_workflows(executor_id=ids, status="PENDING", load_input=False) if ids else []
        for one in found:
            self._dbos.resume_workflow(one.workflow_id, queue_name=one.queue_name)
        return len(found)

    def stop(self, seconds: int) -> bool:
        """Take no more work; what does not end in time is begun again by another run."""
        self._dbos.destroy(destroy_registry=True, workflow_completion_timeout_sec=seconds)
        return self._busy.count == 0


MISSING = "a campaign needs more than the rest: pip install 'migrator-llm[fleet]'"


def _config(url: str, crew: Crew) -> Any:
    return {
        "name": f"migrator-{crew.campaign}",
        "system_database_url": url,
        "application_version": VERSION,
        "executor_id": crew.id,
        "serializer": Json(),
        "log_level": "CRITICAL",
        "enable_otlp": False,
    }


class _Busy:
    """How many pieces of work are being done in this process."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def counted(self, work: Work) -> Work:
        def run(name: str, turn: int) -> str:
            with self._lock:
                self.count += 1
            try:
                return work(name, turn)
            finally:
                with self._lock:
                    self.count -= 1

        return run


def _once(dbos: Any, kind: str, work: Work) -> Callable[[str, int], str]:
    """Make the work one step: its result is written down, and it is not done again after that."""

    def run(name: str, turn: int) -> str:
        return str(dbos.run_step({"name": kind}, work, name, turn))

    run.__qualname__ = f"migrator.{kind}"
    return run
