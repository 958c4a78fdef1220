"""Answer one question: what does the process do that reads one stranger's repository?

It is started by ``isolation``: it reads one line of JSON, takes its limits on, and writes one answer. It holds no right
to write to the repository, and it runs nothing of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from migrator.settings import SettingsError

FAILED = 4


def begin(work: Callable[[Mapping[str, Any]], str]) -> None:
    """Read what is asked, take the limits on, do the work, and write its answer; one line says what went wrong."""
    asked = json.loads(sys.stdin.buffer.readline())
    _limit(asked["limits"])
    threading.Thread(target=_ends_with_the_parent, daemon=True).start()
    try:
        text = work(asked)
    except (SettingsError, RecursionError) as error:
        sys.stderr.write(f"{str(error).splitlines()[0] if str(error) else type(error).__name__}\n")
        sys.exit(FAILED)
    Path(asked["answer"]).write_text(text, encoding="utf-8")


def _limit(limits: Mapping[str, float]) -> None:
    """Take limits on, for this process and what it starts; a system without them has only the time."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows
        return
    wanted = {
        resource.RLIMIT_AS: (limits["memory"], 0),
        resource.RLIMIT_CORE: (0, 0),
        # At the first limit it is told why, at the second one it is killed.
        resource.RLIMIT_CPU: (limits["seconds"] + 1, 5),
        resource.RLIMIT_FSIZE: (limits["file_size"], 0),
    }
    for kind, (value, more) in wanted.items():
        _, hard = resource.getrlimit(kind)
        first, second = (
            int(one) if hard == resource.RLIM_INFINITY else min(int(one), hard) for one in (value, value + more)
        )
        with suppress(ValueError, OSError):  # macOS knows no limit of the address space
            resource.setrlimit(kind, (first, second))


def _ends_with_the_parent() -> None:
    """End with all that was started here when nobody waits any more: the pipe is closed then."""
    os.read(sys.stdin.fileno(), 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(FAILED)


def _prepare(asked: Mapping[str, Any]) -> str:
    """Get the base without a checkout, plan it, and write the change down."""
    from migrator.deliver import git
    from migrator.pull_session import Wish, fetched, planned, prepare

    folder = Path(asked["folder"]) / "git"
    remote = git.Remote(asked["url"], asked["token"])
    base = asked["base"] or git.default_branch(remote)
    start = fetched(remote, base, folder)
    with ExitStack() as stack:
        change, copy = planned(start, Wish(folder, base, to=asked["to"]), None, stack)
        return prepare(change, copy, start).to_json()


if __name__ == "__main__":
    begin(_prepare)
