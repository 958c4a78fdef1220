"""Answer one question: which records go, and how do the others stay whole?

A file is written anew under another name and moved into its place. A run whose command is still alive is
left alone, because its files grow.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migrator.shadow import folder
from migrator.shadow.cases import parsed
from migrator.shadow.link import SITES
from migrator.shadow.model import Case, SiteCases


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many records went, how many stay, and which runs were left alone."""

    gone: int
    kept: int
    running: tuple[str, ...]


def keepers(
    sites: Iterable[SiteCases], *, site: str | None, since: datetime | None, most: int | None
) -> frozenset[str]:
    """Give the ids of the cases that stay: without ``site`` the conditions hold for all sites, with it for that one."""
    kept: set[str] = set()
    for one in sites:
        if site is not None and one.site != site:
            kept |= {case.id for case in one.cases}
        elif site is None or since is not None or most is not None:
            fresh = [case for case in one.cases if since is None or _taken(case) >= since]
            kept |= {case.id for case in (fresh if most is None else sorted(fresh, key=lambda one: one.draw)[:most])}
    return frozenset(kept)


def _taken(case: Case) -> datetime:
    return datetime.fromisoformat(case.taken)


def prune(root: Path, kept: Collection[str]) -> Pruned:
    """Remove every record whose id is not among ``kept``."""
    gone = stay = 0
    running = []
    for run in folder.runs(root):
        if folder.is_running(run):
            running.append(run.name)
            continue
        for path in sorted(run.glob("*.jsonl")):
            removed, left = _rewrite(path, kept)
            gone, stay = gone + removed, stay + left
        _tidy(run)
    return Pruned(gone, stay, tuple(running))


def _rewrite(path: Path, kept: Collection[str]) -> tuple[int, int]:
    lines = path.read_bytes().splitlines(keepends=True)
    read = [(line, parsed(line)) for line in lines]
    stay = [line for line, record in read if record is not None and record.get("id") in kept]
    counts = [line for line, record in read if record is not None and "counts" in record]
    before = sum(record is None or "counts" not in record for _, record in read)
    if len(stay) == before:
        return 0, before
    if stay:
        _replace(path, b"".join((*stay, *counts)))
    else:
        path.unlink()
    return before - len(stay), len(stay)


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # its mode is 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _tidy(run: Path) -> None:
    """Remove the folder of a run without records."""
    if not any(run.glob("*.jsonl")):
        for name in (SITES, folder.RUNNING, "errors.log"):
            (run / name).unlink(missing_ok=True)
        with suppress(OSError):
            run.rmdir()
