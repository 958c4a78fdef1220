"""Answer one question: was this very plan made before?

An entry is found by the fingerprint of everything that the plan depends on. What cannot be read,
is not ours or does not fit the types is passed over, and a folder that cannot be written is no error.
Only what is shown may come from here: nothing that is written to a file does.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from migrator import codec, fingerprint
from migrator.fingerprint import Inputs
from migrator.model import Plan, Rewrite
from migrator.rulebook import load

FOLDER = Path(".migrator") / "cache"
KEPT = 8
MOST_BYTES = 64_000_000

IGNORE, TAG = ".gitignore", "CACHEDIR.TAG"
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
TAG_TEXT = SIGNATURE + b"\n# Results of migrator scan. See https://bford.info/cachedir/\n"

_ENTRY = re.compile(r"[0-9a-f]{64}\.json")


def remembered(folder: Path | None, inputs: Inputs, plan: Callable[[], Plan]) -> Plan:
    """Give the plan that ``folder`` holds, or make it and put it there. None as folder: make it.

    ``folder`` is seen from the project's root.
    """
    if folder is None:
        return plan()
    place = inputs.root / folder
    taken = fingerprint.take(inputs)
    found = read(place, inputs.root, taken.name)
    if found is not None and _fits(found, inputs):
        return found
    made = plan()
    # An error may be gone with the next run, so no run remembers it.
    if not any(skip.is_error for skip in made.skips) and taken.is_fresh():
        write(place, inputs.root, taken.name, made)
    return made


def read(folder: Path, root: Path, name: str) -> Plan | None:
    """Give the entry of this name, or None."""
    if not is_ours(folder, root):
        return None
    path = folder / f"{name}.json"
    try:
        data = _private_bytes(path)
        said, plan = json.loads(data) if data else (None, None)
        found = codec.decode(Plan, plan) if said == name else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    if found is not None:
        with suppress(OSError):
            os.utime(path)
    return found


def _fits(plan: Plan, inputs: Inputs) -> bool:
    """Say whether an entry speaks of these files in the words of these tables, so that it can be shown."""
    settings = inputs.settings
    reasons = load(settings.migration, settings.surfaces).reasons
    shown = {*inputs.known.values(), *inputs.others.values()}
    named = {decision.finding.origin.shown for decision in plan.decisions} | {patch.shown for patch in plan.patches}
    said = {decision.reason for decision in plan.decisions if not isinstance(decision, Rewrite)}
    return plan.migration == settings.migration and named <= shown and said <= reasons.keys()


def write(folder: Path, root: Path, name: str, plan: Plan) -> None:
    """Put an entry into the folder, whole or not at all; of more than ``KEPT`` the oldest go."""
    data = json.dumps([name, codec.encode(Plan, plan)], separators=(",", ":")).encode("ascii")
    if len(data) > MOST_BYTES:
        return
    with suppress(OSError):
        _make(folder, root)
        if is_ours(folder, root):
            _replace(folder / f"{name}.json", data)
            _prune(folder)


def is_ours(folder: Path, root: Path) -> bool:
    """Say whether the folder is a cache: tagged as one, and not reached through a link inside the project."""
    try:
        with (folder / TAG).open("rb") as stream:
            return stream.read(len(SIGNATURE)) == SIGNATURE and not _leads_away(folder, root)
    except OSError:
        return False


def is_usable(folder: Path) -> bool:
    """Say whether the folder is a cache or can become one: nothing else is in it."""
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return names <= {IGNORE} or TAG in names


def _leads_away(folder: Path, root: Path) -> bool:
    """Say whether a link inside the project stands for the folder; such a link may come with the code."""
    return any(path.is_symlink() for path in (folder, *folder.parents) if root in path.parents)


def _private_bytes(path: Path) -> bytes | None:
    """Read a file that is ours alone: git cannot bring one, since it keeps no such mode."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        status = os.fstat(stream.fileno())
        is_private = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)
        is_fit = is_private and stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES
        return stream.read() if is_fit else None


def _make(folder: Path, root: Path) -> None:
    """Make the folder, with the file that hides it from git and the one that hides it from backups.

    One that exists and holds other things stays as it is, and is not used.
    """
    if _leads_away(folder, root):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if is_usable(folder) and not (folder / TAG).exists():
        (folder / IGNORE).write_bytes(b"# Made by migrator.\n*\n")
        (folder / TAG).write_bytes(TAG_TEXT)


def _replace(path: Path, data: bytes) -> None:
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # its mode is 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)  # noqa: PTH105 - the same word for a path and a string
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _prune(folder: Path) -> None:
    entries = [path for path in folder.iterdir() if _ENTRY.fullmatch(path.name)]
    for path in sorted(entries, key=lambda path: path.lstat().st_mtime_ns, reverse=True)[KEPT:]:
        path.unlink()
