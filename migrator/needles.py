"""Answer one question: can it be seen at once that none of these files names an old model?

Most runs of a hook end here. Only bytes are compared, and nothing of a plan is loaded.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from migrator.folders import mode_of
from migrator.shipped import rules

PYTHON = frozenset({".py", ".pyi", ".pyw", ".ipynb"})
MAX_PYTHON = 5_000_000


def is_clean(paths: Sequence[Path], migration: str) -> bool:
    """Say whether all paths are files of Python or notebooks that hold no needle; False says nothing."""
    try:
        needles = _needles(migration)
        return bool(paths) and all(_holds_none(path, needles) for path in paths)
    except (OSError, LookupError, TypeError, ValueError):
        return False  # whatever is wrong, the plan will tell


def _needles(migration: str) -> tuple[bytes, ...]:
    """Give what a file must hold to matter, as ``Migration.prefilter``, without the rest of the table."""
    import tomllib

    with (rules() / "migrations" / f"{migration}.toml").open("rb") as stream:
        return tuple(text.encode() for text in tomllib.load(stream)["migration"]["prefilter"])


def _holds_none(path: Path, needles: Sequence[bytes]) -> bool:
    if path.suffix.lower() not in PYTHON or not stat.S_ISREG(mode_of(path)):
        return False
    data = path.read_bytes()
    return len(data) <= MAX_PYTHON and not any(needle in data for needle in needles)
