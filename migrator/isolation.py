"""Answer one question: how is one stranger's repository read in a process that can be killed?

The process gets what it is to do and a token that only reads by a pipe, so that no list of processes shows it. It has
limits of memory, processor time and file size, ends when its time is up, and ends when the one that started it does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from migrator.evidence_words import visible
from migrator.prepared import Prepared, from_json
from migrator.settings import CannotRun

# What a child needs of the environment: no key, no token and no proxy's password of this process is among it but those
# that git needs to reach the server.
KEPT = ("PATH", "SYSTEMROOT", "LANG", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
MOST_ANSWER = 200_000_000
LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """What one repository may take: ``seconds`` in all, ``memory`` and ``file_size`` in bytes."""

    seconds: float = 600
    memory: int = 3_000_000_000
    file_size: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is planned: the URL for git, the branch ("": the server's own), and the migration (None: as configured)."""

    url: str
    base: str = ""
    to: str | None = None


def prepare(
    asked: Asked, token: str, folder: Path, limits: Limits = Limits(), stop: threading.Event | None = None
) -> Prepared:
    """Get one branch of a repository and plan it, in a process of its own; what it gets goes into ``folder``.

    ``folder / "git"`` is a bare repository with the base afterwards. Raises CannotRun, in one line, with the child's
    words or with the limit that it met.
    """
    made = from_json(run("migrator.isolated", {**asdict(asked), "token": token}, folder, limits, stop))
    if asked.base not in ("", made.base):
        raise CannotRun("what was planned goes to another branch than asked: run it again")
    return made


def run(
    module: str, asked: Mapping[str, object], folder: Path, limits: Limits, stop: threading.Event | None = None
) -> str:
    """Run a module with what it is asked as JSON in its standard input, and give what it wrote into its answer.

    The module reads it with ``isolated.begin``. ``stop`` ends it when it is set. Raises CannotRun as ``prepare`` does.
    """
    answer = folder / "answer.json"
    said = json.dumps({**asked, "folder": str(folder), "answer": str(answer), "limits": asdict(limits)})
    status, words = _wait(_start(module, folder), said, limits.seconds, stop or threading.Event())
    if status is None and stop is not None and stop.is_set():
        raise CannotRun("it was stopped")
    if status == 0 and answer.is_file() and answer.stat().st_size <= MOST_ANSWER:
        return answer.read_text(encoding="utf-8", errors="replace")
    raise CannotRun(_complaint(status, words, limits))


def _start(module: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that it can be ended with all that it started."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    (folder / "tmp").mkdir(exist_ok=True)
    environment |= {"TMPDIR": str(folder / "tmp"), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    # -I: neither the folder that it starts in nor PYTHON* of the environment has a say in what is imported.
    command = (sys.executable, "-I", "-X", "utf8", "-m", module)
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], said: str, seconds: float, stop: threading.Event) -> tuple[int | None, str]:
    """Hand over what it is asked and wait; the status is None where its time was up, or it was stopped.

    Its standard input stays open until it ends: that it closes early tells the child that nobody waits any more.
    """
    lines: list[bytes] = []
    assert process.stdin is not None
    assert process.stderr is not None
    stderr = process.stderr
    reader = threading.Thread(target=lambda: lines.append(stderr.read()[-100_000:]), daemon=True)
    reader.start()
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(said.encode() + b"\n")
            process.stdin.flush()
        end = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < end and not stop.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(min(0.2, max(0.0, end - time.monotonic())))
        status = process.poll()
    finally:
        _end(process)
        with suppress(BrokenPipeError):
            process.stdin.close()
        reader.join()
        stderr.close()
    return status, b"".join(lines).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # pragma: no cover - Windows
            process.kill()
    process.wait()


def _complaint(status: int | None, words: str, limits: Limits) -> str:
    said = [line for line in words.splitlines() if line.strip()]
    if status is None:
        return f"it took more than {limits.seconds:,.0f} seconds and was ended"
    if status == 4 and said:
        return visible(said[-1])[:LONGEST_WORDS]
    if "MemoryError" in words or status in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT):
        return f"it needed more than {limits.memory / 1e9:,.1f} GB of memory, or broke its process (status {status})"
    if status == -getattr(signal, "SIGXCPU", 24):
        return f"it took more than {limits.seconds:,.0f} seconds of processor time and was ended"
    return f"its process ended with status {status}: {visible(said[-1])[:LONGEST_WORDS] if said else 'no words'}"
