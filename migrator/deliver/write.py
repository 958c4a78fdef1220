"""Answer one question: which files were written, and which were left alone?"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from migrator.model import Patch, Receipt, Skip


def write(patches: Sequence[Patch]) -> Receipt:
    """Write each file that is still as it was read; the others are left alone, each with its reason."""
    written: list[str] = []
    left: list[Skip] = []
    for patch in patches:
        reason = _write(patch)
        if reason is None:
            written.append(patch.shown)
        else:
            left.append(Skip(patch.shown, reason, is_error=True))
    return Receipt(tuple(written), tuple(left))


def _write(patch: Patch) -> str | None:
    """Replace one file atomically. A symbolic link stays one: what it points at is replaced."""
    try:
        target = patch.path.resolve(strict=True)
        if target.read_bytes() != patch.before:
            return "changed on disk since it was read; run migrator again"
        if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            return "not written: the file is read-only; make it writable and run migrator again"
        _replace(target, patch.after)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        return f"not written: {getattr(error, 'strerror', None) or error}; the file is as it was"
    return None


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".migrator-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        _copy_owner_and_mode(target, temporary)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _copy_owner_and_mode(target: Path, temporary: Path) -> None:
    status = target.stat()
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, status.st_uid, status.st_gid)
    temporary.chmod(stat.S_IMODE(status.st_mode))
