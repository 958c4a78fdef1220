"""Answer one question: was this request answered before?

Answers are kept in ``.migrator/shadow/answers/``, one file of lines of JSON for each server, readable by their owner
alone. A line is written as soon as an answer is there, so that a run that was killed pays for nothing twice. Errors
are not kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from migrator.settings import SettingsError
from migrator.shadow.model import Usage
from migrator.shadow.run.model import Got

FOLDER = Path(".migrator") / "shadow"
IGNORE = b"# Made by migrator.\n*\n"
VERSION = 1


class Store:
    """The answers of one server; use it as a context, which holds the file's lock."""

    def __init__(self, root: Path, server: str) -> None:
        self.folder = root / FOLDER
        self.path = self.folder / "answers" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', server) or 'server'}.jsonl"
        self.answers: dict[str, Got] = {}
        self._stream: IO[bytes] | None = None
        self._lock: int | None = None

    def __enter__(self) -> Store:
        make_folder(self.folder)
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self._take_lock()
        self._read()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._stream = os.fdopen(descriptor, "ab", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._lock is not None:
            os.close(self._lock)

    def _take_lock(self) -> None:
        """Let one run write at a time; the lock ends with the process."""
        self._lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
                self._lock = None
                raise SettingsError("another comparison of this project is running; wait for it or stop it") from None

    def _read(self) -> None:
        """Read what is there. A line that a kill cut off is taken away, so that the next one begins on a new line."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        for line in data.splitlines():
            got = _parsed(line)
            if got is not None:
                self.answers[got.digest] = got
        if data and not data.endswith(b"\n"):
            with self.path.open("r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)

    def get(self, digest: str) -> Got | None:
        """Give an answer that is there; it costs nothing now."""
        return self.answers.get(digest)

    def put(self, got: Got) -> None:
        """Keep an answer."""
        if got.body is None or self._stream is None:
            return
        usage = [got.usage.input, got.usage.cached, got.usage.output] if got.usage is not None else None
        line = {
            "version": VERSION,
            "digest": got.digest,
            "status": got.status,
            "body": got.body,
            "usage": usage,
            "latency": got.latency,
            "cost": got.cost,
            "batch": got.is_batch,
        }
        self._stream.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        self.answers[got.digest] = replace(got, cost=0.0, is_stored=True)


def make_folder(folder: Path) -> None:
    """Make a folder that hides itself from git and that only its owner can read."""
    if any(path.is_symlink() for path in (folder, folder.parent)):
        raise SettingsError(f"{FOLDER.as_posix()} is a link; remove it, answers must stay in the project")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_bytes(IGNORE)
    except OSError as error:
        raise SettingsError(f"{FOLDER.as_posix()}: {(error.strerror or str(error)).lower()}") from None


def _parsed(line: bytes) -> Got | None:
    """Read one line; None for what is cut off or not ours."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("version") != VERSION or not isinstance(said.get("body"), dict):
        return None
    usage = said.get("usage")
    body: Mapping[str, object] = said["body"]
    return Got(
        digest=str(said.get("digest")),
        body=body,
        status=said.get("status") if isinstance(said.get("status"), int) else None,
        usage=Usage(*map(int, usage)) if isinstance(usage, list) and len(usage) == 3 else None,
        latency=said.get("latency") if isinstance(said.get("latency"), float) else None,
        cost=0.0,
        is_stored=True,
        is_batch=said.get("batch") is True,
    )
