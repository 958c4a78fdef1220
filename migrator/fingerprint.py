"""Answer one question: what does the plan of these files depend on?

Everything goes in by its bytes, never by its time: the program, its tables, its libraries, the
settings, the day, and each file that a plan may read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

from migrator import __version__
from migrator.settings import Settings
from migrator.sources import pins
from migrator.sources.metadata import FILES, distributions

FORMAT = 1

PACKAGE = Path(__file__).parent

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is planned. ``known`` and ``others`` map the files that a plan may read to how they are shown.

    ``hits`` are the files that are planned, with the bytes as they were read, ``within`` those that may change.
    """

    root: Path
    known: Mapping[Path, str]
    others: Mapping[Path, str]
    hits: Mapping[Path, bytes]
    settings: Settings
    today: date
    within: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The name of one result, and the time and size of the files that went into it."""

    name: str
    stamps: Mapping[Path, Stamp]

    def is_fresh(self) -> bool:
        """Say whether no file changed since; else the result may be of other bytes than the name."""
        return all(_stamp(path) == stamp for path, stamp in self.stamps.items())


def take(inputs: Inputs) -> Fingerprint:
    """Read the files and give the fingerprint."""
    stamps = {path: _stamp(path) for path in (*inputs.known, *inputs.others)}
    digest = blake2b(digest_size=32)
    # Each part stands behind its length, so that no two lists of parts give the same bytes.
    for part in _parts(inputs):
        digest.update(b"-" if part is None else b"%d:" % len(part))
        digest.update(part or b"")
    return Fingerprint(digest.hexdigest(), stamps)


def _parts(inputs: Inputs) -> Iterator[bytes | None]:
    yield from _program()
    yield from map(_bytes, (inputs.root, inputs.settings, inputs.today))
    yield _read(Path(inputs.settings.migration)) if inputs.settings.migration.endswith(".toml") else None
    for path, shown in (*inputs.known.items(), *inputs.others.items()):
        is_hit = path in inputs.hits
        yield from (
            _bytes((str(path), shown, is_hit, path in inputs.within)),
            inputs.hits[path] if is_hit else _read(path),
        )
    yield from map(_bytes, _declared(inputs.root, (*inputs.known, *inputs.others)))


def _program() -> Iterator[bytes | None]:
    """Give the program: its modules and tables, the interpreter, and what is installed beside the parser."""
    yield _bytes((FORMAT, __version__, sys.version, sys.platform))
    for folder in (PACKAGE, PACKAGE.parent / "rules"):
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.toml"))):
            yield _bytes(str(path))
            yield _read(path)
    parser = find_spec("libcst")
    beside = Path(parser.origin).parents[1] if parser and parser.origin else PACKAGE.parent
    yield _bytes(sorted(name for name in _names(beside) if name.endswith((".dist-info", ".egg-info"))))


def _declared(root: Path, files: Iterable[Path]) -> Iterator[object]:
    """Give what the project's files say of libraries, as the plan will ask for it, and where they stand."""
    found = pins.read(root)
    folders = _folders(root, files)
    around = {folder.parent for folder in folders}
    for folder in folders:
        if folder not in around:
            # No file declares a library without a name, so the question goes through every folder to the root.
            found.refuses("", folder / "any.py")
    yield tuple((folder, found.folders.get(folder, ())) for folder in folders)
    yield tuple(distributions(root, (folder / "any.py" for folder in folders)))
    yield tuple(path for folder in (*folders, *root.parents) for name in FILES if (path := folder / name).exists())


def _folders(root: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """Give the folders of the files and those around them, up to ``root``."""
    found: set[Path] = set()
    for folder in {path.parent for path in files}:
        while folder not in found and (folder == root or root in folder.parents):
            found.add(folder)
            folder = folder.parent
    return tuple(sorted(found))


def _bytes(value: object) -> bytes:
    return repr(value).encode("utf-8", "surrogatepass")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
