"""Answer one question: how does a record get onto the disk, whole, private and without a secret?

One file for each process, one line for each request, appended as the request completes: a killed process
loses at most the one in flight. The file is opened for each line, because a program that becomes a daemon
closes every descriptor, and the number of a closed one may soon belong to a file of the program's own.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from typing import Any

from .makers import Makers
from .places import Finder, Place
from .redact import Redactor
from .sample import Sample, stratum_of

VERSION = 1
MOST_BYTES = 16_000_000
MOST_ERRORS = 100
LIBRARIES = ("openai", "httpx", "httpx2", "langchain_core", "litellm", "instructor", "pydantic_ai", "agents")


class Journal:
    """The records of this process."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.folder: str = settings["folder"]
        self.raw: bool = settings["raw"]
        self.commit: str = settings["commit"]
        self.finder = Finder(settings["root"])
        self.makers = Makers(self.finder, settings.get("classes", {}))
        self.redactor = Redactor(settings["redact"])
        self.cap: int = settings["cap"]
        self.sources: dict[str, str] = {}
        self.begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.begin)
        atexit.register(self.count)

    @classmethod
    def of(cls, settings: str) -> Journal:
        """Read what ``migrator record`` put into the environment."""
        return cls(json.loads(settings))

    def begin(self) -> None:
        """Start afresh: a forked process has its own file, its own sample and a lock that nobody holds."""
        self.lock = threading.Lock()
        self.sample = Sample(self.cap)
        self.random = random.Random()
        self.errors = 0
        self.path = os.path.join(self.folder, f"{os.getpid()}-{self.random.getrandbits(32):08x}.jsonl")

    def add(self, call: dict[str, Any], request: Any, answered: Any, secrets: tuple[str, ...]) -> None:
        """Write the record of one request, unless the sample has enough of its like.

        ``answered`` gives the answer, and whether it is whole; it is asked only for what is kept.
        """
        place = call.get("place") or {}
        key = f"{place.get('file', '')}:{place.get('line', '')}:{place.get('column', '')}"
        draw = self.random.random()
        with self.lock:
            stratum = self.sample.stratum(key, stratum_of(request, call["length"]))
            if not self.sample.admits(key, stratum, draw):
                return
            seen = self.sample.seen[key]
        answer, is_whole = answered()
        told = {"request": request, "response": answer, "address": call.pop("address")}
        if not self.raw:
            mask = self.redactor.mask(os.environ, secrets)
            told = mask.value(told)
            told["redacted"] = dict(mask.counts)
        record = {"version": VERSION, "id": f"{self.random.getrandbits(48):012x}", "draw": draw, "stratum": stratum}
        record.update(
            call, seen=seen, cap=self.cap, whole=is_whole, raw=self.raw, commit=self.commit, versions=versions(), **told
        )
        record["place"] = {name: value for name, value in place.items() if name != "made"} or None
        record["sources"] = self.sources_of((*call.get("made", ()), place))
        self.write(record)

    def write(self, record: dict[str, Any]) -> None:
        """Append one line."""
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=True, default=str).encode("ascii") + b"\n"
        if len(line) > MOST_BYTES:
            raise ValueError("a record of more than 16 MB")
        with self.lock:
            append(self.path, line)

    def sources_of(self, places: Iterable[Place]) -> dict[str, str]:
        """Give the hashes of the files in which calls stand, as they were when they were first seen."""
        known = [place for place in places if "file" in place]
        files = {file for place in known for file in (place["file"], *(frame[0] for frame in place.get("stack", ())))}
        return {file: self.source(file) for file in sorted(files)}

    def source(self, shown: str) -> str:
        """Give the hash of one file of the project."""
        if shown not in self.sources:
            try:
                with open(os.path.join(self.finder.root, shown), "rb") as stream:
                    self.sources[shown] = hashlib.sha256(stream.read()).hexdigest()[:16]
            except OSError:
                self.sources[shown] = ""
        return self.sources[shown]

    def count(self) -> None:
        """Write at the end how many requests each site made; a killed process leaves what its records say."""
        try:
            if self.sample.seen:
                self.write({"version": VERSION, "counts": self.sample.seen})
        except Exception:
            self.failed()

    def failed(self) -> None:
        """Note an error of the recorder's own: its type and place. What it says could be a piece of a request."""
        try:
            kind, _, trace = sys.exc_info()
            self.errors += 1
            if self.errors > MOST_ERRORS:
                return
            lines = [f"{os.path.basename(one.filename)}:{one.lineno}" for one in traceback.extract_tb(trace)]
            text = f"{time.strftime('%H:%M:%S')} {os.getpid()} {getattr(kind, '__name__', kind)} {' '.join(lines)}\n"
            append(os.path.join(self.folder, "errors.log"), text.encode("utf-8", "replace"))
        except Exception:
            return


def append(path: str, data: bytes) -> None:
    """Append to a file that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


def versions() -> dict[str, str]:
    """Give the versions of this Python and of the libraries that this process has imported."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in LIBRARIES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found
