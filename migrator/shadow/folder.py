"""Answer one question: where do the records and the answers of a project lie, and who may read them?

``.migrator/records/`` below the project's root has one folder for each run, ``.migrator/shadow/`` the answers of
comparisons. Both hide themselves from git, and only their owner can read what is in them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from migrator.settings import SettingsError

FOLDER = Path(".migrator") / "records"
ANSWERS = Path(".migrator") / "shadow"
IGNORE = ".gitignore"
RUNNING = "running"


def of(root: Path) -> Path:
    """Give the folder of a project's records."""
    return root / FOLDER


def make(root: Path, place: Path) -> Path:
    """Make one of our folders below a project's root: hidden from git, and for its owner alone."""
    folder = root / place
    if any(path.is_symlink() for path in (folder, folder.parent)):
        raise SettingsError(f"{place.as_posix()} is a link; remove it, what is in it must stay in the project")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not (folder / IGNORE).exists():
            (folder / IGNORE).write_bytes(b"# Made by migrator.\n*\n")
    except OSError as error:
        raise SettingsError(f"{place.as_posix()}: {(error.strerror or str(error)).lower()}") from None
    return folder


def make_run(root: Path, now: datetime) -> Path:
    """Make the folder of a new run, marked as running."""
    run = make(root, FOLDER) / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    try:
        run.mkdir(mode=0o700)
        (run / RUNNING).write_text(f"{os.getpid()}\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{FOLDER.as_posix()}: {(error.strerror or str(error)).lower()}") from None
    return run


def finish(run: Path) -> None:
    """Take away the mark of a run that has ended, and the folder if nothing was recorded."""
    # The command may have removed all of it, as a clean build does.
    with suppress(OSError):
        (run / RUNNING).unlink(missing_ok=True)
        if not any(run.iterdir()):
            run.rmdir()


def runs(root: Path) -> Iterator[Path]:
    """Give the folders of all runs, oldest first."""
    folder = of(root)
    if folder.is_dir() and not folder.is_symlink():
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def is_running(run: Path) -> bool:
    """Say whether the command of a run is still alive, so that its files may grow."""
    try:
        process = int((run / RUNNING).read_text(encoding="utf-8"))
        if process > 0:
            os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return process > 0
