"""Answer one question: how does a command run while its requests are recorded?

The command gets two variables: ``PYTHONPATH`` with the folder of our ``sitecustomize`` before what was there,
and ``MIGRATOR_RECORD`` with what the recorder must know. Processes that it starts inherit both.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migrator.folders import project_root
from migrator.rulebook import Rulebook
from migrator.rulebook import load as load_rules
from migrator.settings import SettingsError
from migrator.shadow import folder

INJECT = Path(__file__).parent / "inject"


@dataclass(frozen=True, slots=True)
class Recording:
    """What the user asked for."""

    command: tuple[str, ...]
    most: int
    redact: tuple[str, ...]
    raw: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, where its records are, and how many errors the recorder had."""

    code: int
    run: Path
    errors: int


def record(asked: Recording, cwd: Path) -> Ended:
    """Run the command and wait for its end; its exit code is ours, and its streams are ours too."""
    check(asked.redact)
    root = project_root((), cwd)
    run = folder.make_run(root, datetime.now())
    try:
        code = _wait(asked.command, environment(asked, run, root))
    finally:
        errors = count_errors(run)
        folder.finish(run)
    return Ended(code, run, errors)


def check(patterns: Sequence[str]) -> None:
    """Refuse a pattern that does not compile, before anything runs."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise SettingsError(f"--redact {pattern!r} is no regular expression: {error}") from None


def environment(asked: Recording, run: Path, root: Path) -> Mapping[str, str]:
    """Give the variables of the command."""
    settings = {
        "folder": str(run),
        "root": str(root),
        "cap": asked.most,
        "redact": asked.redact,
        "raw": asked.raw,
        "commit": commit(root),
        "classes": classes(load_rules()),
    }
    paths = (str(INJECT), os.environ.get("PYTHONPATH", ""))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "MIGRATOR_RECORD": json.dumps(settings),
    }


def classes(book: Rulebook) -> Mapping[str, Sequence[str]]:
    """Give the classes of the tables whose objects hold a model, by their package; the SDK's own hold none."""
    found: dict[str, set[str]] = {}
    for callee in (callee for surface in book.surfaces for callee in surface.calls):
        package, _, name = callee.partition(".")[0], *callee.rpartition(".")[1:]
        if name[:1].isupper() and "()" not in callee and package != "openai":
            found.setdefault(package, set()).add(name)
    return {package: sorted(names) for package, names in sorted(found.items())}


def commit(root: Path) -> str:
    """Give the commit that is checked out, with a ``+`` where files differ from it; empty without git."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        return f"{head}+" if head and _git(root, "status", "--porcelain", "-uno") else head
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=root, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def count_errors(run: Path) -> int:
    """Count what the recorder noted about itself."""
    try:
        return (run / "errors.log").read_bytes().count(b"\n")
    except OSError:
        return 0


def _wait(command: Sequence[str], variables: Mapping[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=variables)
    except FileNotFoundError:
        raise SettingsError(f"{command[0]}: no such command") from None
    except OSError as error:
        raise SettingsError(f"{command[0]}: {(error.strerror or str(error)).lower()}") from None
    with _handing_on(process):
        code = process.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _handing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Outlive Ctrl-C, which the terminal sends to the command too, and hand on what only we were sent."""

    def hand_on(number: int, _: object) -> None:
        process.send_signal(number)

    names = ("SIGTERM", "SIGHUP")
    before = {number: signal.signal(number, hand_on) for name in names if (number := getattr(signal, name, None))}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
