"""Answer one question: is a file replaced whole, or left as it was?"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.deliver.write import write
from migrator.model import Patch, Receipt, Skip

BEFORE, AFTER = b"a = 'old'\r\n", b"a = 'new'\r\n"


def patch(path: Path) -> Patch:
    return Patch(path, path.name, BEFORE, AFTER, ())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes(BEFORE)
    return path


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Run as a user to whom permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
        if folder == Path("/tmp"):
            break
    os.chown(tmp_path, 65534, 65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)


def left(path: Path, reason: str) -> Receipt:
    return Receipt((), (Skip(path.name, reason, is_error=True),))


def test_file_is_replaced_and_its_mode_kept(target: Path) -> None:
    target.chmod(0o751)
    assert write([patch(target)]) == Receipt(("a.py",), ())
    assert target.read_bytes() == AFTER
    assert target.stat().st_mode & 0o7777 == 0o751
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_owner_is_kept(target: Path) -> None:
    os.chown(target, 1234, 2345)
    assert write([patch(target)]).written == ("a.py",)
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 2345)


def test_symbolic_link_stays_a_link(target: Path) -> None:
    link = target.parent / "link.py"
    link.symlink_to("a.py")
    assert write([patch(link)]).written == ("link.py",)
    assert link.is_symlink()
    assert target.read_bytes() == AFTER


def test_file_changed_since_it_was_read_is_left(target: Path) -> None:
    target.write_bytes(b"mine")
    assert write([patch(target)]) == left(target, "changed on disk since it was read; run migrator again")
    assert target.read_bytes() == b"mine"


def test_one_failure_does_not_stop_the_next(target: Path) -> None:
    missing = target.parent / "no.py"
    receipt = write([patch(missing), patch(target)])
    assert receipt.written == ("a.py",)
    reason = "not written: No such file or directory; the file is as it was"
    assert receipt.left == left(missing, reason).left


def test_loop_of_links_is_left(tmp_path: Path) -> None:
    loop = tmp_path / "a.py"
    loop.symlink_to("a.py")
    (skip,) = write([patch(loop)]).left
    assert skip.reason.startswith("not written: ")


def test_failed_write_leaves_no_trace(target: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        receipt = write([patch(target)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert receipt == left(target, "not written: File too large; the file is as it was")
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes() == BEFORE


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of Unix")
@pytest.mark.usefixtures("unprivileged")
def test_read_only_directory_and_file_are_left(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(BEFORE)
    path.chmod(0o444)
    read_only = "not written: the file is read-only; make it writable and run migrator again"
    assert write([patch(path)]) == left(path, read_only)
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    assert write([patch(path)]) == left(path, "not written: Permission denied; the file is as it was")
    tmp_path.chmod(0o755)
    assert path.read_bytes() == BEFORE


def test_long_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 252 + ".py")
    path.write_bytes(BEFORE)
    assert write([patch(path)]).left == ()
    assert path.read_bytes() == AFTER
