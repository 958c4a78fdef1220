"""Answer one question: was this request answered before, and what was paid for?

One journal for each server in ``.migrator/shadow/answers/``: lines of JSON, readable by their owner alone, each written
as soon as what it says is so. A run that is killed pays for nothing twice, and knows what it has spent. Errors are not
kept as answers.

A line says one of: a run begins or ends; a request leaves, with what it may cost at most; an answer, with what it cost;
what was paid for a request without an answer; a batch is made, or is over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO

from migrator.settings import SettingsError
from migrator.shadow import folder
from migrator.shadow.model import Usage
from migrator.shadow.run.model import Got

VERSION = 1
NOTHING = Decimal(0)
Line = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wave:
    """Requests to one model that are sent as one batch. ``batch`` is the server's id, "" while none is known.

    ``worst`` has what each of them may cost at most, by its digest.
    """

    name: str
    model: str
    worst: Mapping[str, Decimal]
    batch: str = ""


@dataclass(slots=True)
class Books:
    """What a journal amounts to. ``spent`` is that of a run that has not ended; ``sent`` are its open requests."""

    answers: dict[str, Got] = field(default_factory=dict)
    spent: Decimal = NOTHING
    sent: dict[str, Decimal] = field(default_factory=dict)
    waves: dict[str, Wave] = field(default_factory=dict)
    is_running: bool = False

    def take(self, line: Line) -> None:
        """Take one line into account."""
        digest = str(line.get("digest", ""))
        if "run" in line:
            self._turn(str(line["run"]))
        elif "wave" in line:
            self._wave(str(line["wave"]), line)
        elif "worst" in line:
            self.sent[digest] = _money(line["worst"])
        else:
            self.sent.pop(digest, None)
            self.spent += _money(line.get("cost"))
            if (got := _answer(digest, line)) is not None:
                self.answers[digest] = got

    def _turn(self, said: str) -> None:
        self.is_running = said == "begins"
        self.spent, self.sent = NOTHING, {}

    def _wave(self, name: str, line: Line) -> None:
        """A wave is told of three times: with its requests, with its batch, and when it is over."""
        said, known = line.get("requests"), self.waves.get(name)
        if line.get("over"):
            self.waves.pop(name, None)
        elif isinstance(said, dict):
            model = str(line.get("model", ""))
            self.waves[name] = Wave(name, model, {digest: _money(worst) for digest, worst in said.items()})
        elif known is not None:
            self.waves[name] = replace(known, batch=str(line.get("batch", "")))


class Store:
    """The journal of one server; use it as a context, which holds the file's lock."""

    def __init__(self, root: Path, server: str) -> None:
        self.root = root
        self.name = re.sub(r"[^A-Za-z0-9.-]", "_", server) or "server"
        self.books = Books()
        self._stream: IO[bytes] | None = None
        self._lock: int | None = None

    @property
    def path(self) -> Path:
        """Give the journal's file."""
        return self.root / folder.ANSWERS / "answers" / f"{self.name}.jsonl"

    @property
    def waves(self) -> Sequence[Wave]:
        """Give the batches whose answers are not all here."""
        return tuple(self.books.waves.values())

    def __enter__(self) -> Store:
        folder.make(self.root, folder.ANSWERS)
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self._take_lock()
            for line in self._lines():
                self.books.take(line)
            self._stream = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", 0)
        except OSError as error:
            self.__exit__()
            raise SettingsError(f"{self.path}: {(error.strerror or str(error)).lower()}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._lock is not None:
            os.close(self._lock)
        self._stream = self._lock = None

    def _take_lock(self) -> None:
        """Let one run write at a time; the lock ends with the process."""
        self._lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.__exit__()
                raise SettingsError("another comparison of this project is running; wait for it or stop it") from None

    def _lines(self) -> Iterator[Line]:
        """Read what is there. A line that a kill cut off is taken away, so that the next one begins on a new line."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.open("r+b") as stream:
                stream.truncate(whole)
        for line in data[:whole].split(b"\n"):
            with suppress(ValueError, RecursionError):
                said = json.loads(line) if line else None
                if isinstance(said, dict) and said.get("version") == VERSION:
                    yield said

    def get(self, digest: str) -> Got | None:
        """Give an answer that is there; it costs nothing now."""
        return self.books.answers.get(digest)

    def begin(self) -> Decimal:
        """Begin a run, or go on with one that was stopped; give what it has spent.

        What was under way when it was stopped counts at its worst, since it may have been answered; batches are not
        over, and their answers are still to come.
        """
        if not self.books.is_running:
            self._write({"run": "begins"})
        for digest, worst in tuple(self.books.sent.items()):
            self.paid(digest, worst)
        return self.books.spent

    def end(self) -> None:
        """End the run: the next one begins with nothing spent."""
        self._write({"run": "ends"})

    def sent(self, digest: str, worst: Decimal) -> None:
        """Note that a request leaves, before it does."""
        self._write({"digest": digest, "worst": str(worst)})

    def paid(self, digest: str, cost: Decimal) -> None:
        """Note what a request without an answer cost: nothing for an error, its worst for one that was lost."""
        self._write({"digest": digest, "cost": str(cost)})

    def put(self, got: Got, cost: Decimal) -> None:
        """Keep an answer."""
        usage = [got.usage.input, got.usage.cached, got.usage.output] if got.usage is not None else None
        known = {"status": got.status, "usage": usage, "latency": got.latency, "batch": got.is_batch}
        self._write({"digest": got.digest, "cost": str(cost), **known, "body": got.body})

    def wave(self, wave: Wave) -> None:
        """Note which requests a batch will hold, before it is made."""
        worst = {digest: str(worst) for digest, worst in wave.worst.items()}
        self._write({"wave": wave.name, "model": wave.model, "requests": worst})

    def batch(self, wave: Wave, batch: str) -> None:
        """Note the server's name of a batch."""
        self._write({"wave": wave.name, "batch": batch})

    def over(self, wave: Wave) -> None:
        """Note that nothing more comes of a batch."""
        self._write({"wave": wave.name, "over": True})

    def _write(self, line: Line) -> None:
        """Write one line, whole, before anything follows from it."""
        assert self._stream is not None, "the store is used as a context"
        text = json.dumps({"version": VERSION, **line}, ensure_ascii=False, separators=(",", ":"))
        try:
            self._stream.write(text.encode("utf-8", "surrogatepass") + b"\n")
        except OSError as error:
            raise SettingsError(f"{self.path}: {(error.strerror or str(error)).lower()}") from None
        self.books.take(line)


def _answer(digest: str, line: Line) -> Got | None:
    """Read an answer as one that is there; None for a line without one."""
    body, status, latency = (line.get(name) for name in ("body", "status", "latency"))
    if not isinstance(body, Mapping):
        return None
    return Got(
        digest=digest,
        body=body,
        status=status if isinstance(status, int) else None,
        usage=_usage(line.get("usage")),
        latency=latency if isinstance(latency, float) else None,
        is_stored=True,
        is_batch=line.get("batch") is True,
    )


def _usage(said: object) -> Usage | None:
    """Read tokens; what is none was not written by us, and counts as not told."""
    if not isinstance(said, list) or len(said) != 3 or not all(type(one) is int and one >= 0 for one in said):
        return None
    return Usage(*said)


def _money(said: object) -> Decimal:
    """Read dollars; earlier journals hold them as numbers. What is none was not written by us, and counts nothing."""
    try:
        return Decimal(str(said or 0))
    except InvalidOperation:
        return Decimal(0)
