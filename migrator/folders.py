"""Answer one question: which folder do these paths belong to?"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")


def project_root(paths: Sequence[Path], cwd: Path) -> Path:
    """Give the nearest folder around all paths with ``.git``, else with a project's file, else their own."""
    common = common_folder(paths, cwd)
    for markers in ((".git",), MARKERS):
        for folder in (common, *common.parents):
            if any(mode_of(folder / name) for name in markers):
                return folder
    return common


def common_folder(paths: Sequence[Path], cwd: Path) -> Path:
    """Give the deepest folder that holds all paths; a folder holds itself, and no path means ``cwd``."""
    named = [absolute(path, cwd) for path in paths]
    folders = [path if stat.S_ISDIR(mode_of(path)) else path.parent for path in named]
    try:
        return Path(os.path.commonpath(folders or [cwd]))
    except ValueError:  # two drives of Windows
        return folders[0]


def absolute(path: Path, cwd: Path) -> Path:
    """Give a path from the root of the disk; a link in it stays one."""
    return Path(os.path.abspath(cwd / path))  # noqa: PTH100 - resolve() would follow links


def mode_of(path: Path, *, follows_links: bool = True) -> int:
    """Give the kind and the rights of a file, 0 where there is none that can be asked."""
    try:
        return path.stat(follow_symlinks=follows_links).st_mode
    except OSError:
        return 0
