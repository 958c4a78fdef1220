"""Answer one question: where is this package of npm, unpacked?"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from isolated import REQUIRED


def unpacked(package: str) -> Path:
    """Give the folder of one package with what it depends on; it is fetched once and kept under its name."""
    folder = Path(tempfile.gettempdir()) / f"migrator-contract-{getpass.getuser()}" / "npm" / package.replace("/", "+")
    if not folder.exists():
        _fetch(package, folder)
    return folder / "node_modules" / package.rpartition("@")[0]


def one_file(package: str, name: str) -> Path:
    """Give one file of a package, without what it depends on: the others of it may be hundreds of megabytes."""
    folder = Path(tempfile.gettempdir()) / f"migrator-contract-{getpass.getuser()}" / "npm-files"
    path = folder / package.replace("/", "+") / name
    if not path.exists():
        _pack(package, name, path)
    return path


def _pack(package: str, name: str, path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _leave(f"{package}: npm is not installed")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        words = (npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", scratch, package)
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=scratch)
        if done.returncode:
            _leave(f"{package} cannot be fetched: {done.stderr.strip()[-300:]}")
            return
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as opened:
            member = opened.extractfile(f"package/{name}")
            assert member is not None
            (Path(scratch) / "file").write_bytes(member.read())
        (Path(scratch) / "file").replace(path)


def _fetch(package: str, folder: Path) -> None:
    """Fetch into another folder and move it into place, so that it is whole or not there."""
    npm = shutil.which("npm")
    if npm is None:
        _leave(f"{package}: npm is not installed")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    # No script of a package runs: what is used of them are their files.
    words = (
        "install",
        "--no-save",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefix",
        str(building),
    )
    done = subprocess.run([npm, *words, package], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        building.rename(folder)
        return
    shutil.rmtree(building, ignore_errors=True)
    _leave(f"{package} cannot be fetched: {done.stderr.strip()[-300:]}")


def _leave(message: str) -> None:
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)
