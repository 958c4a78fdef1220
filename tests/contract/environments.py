"""Answer one question: where is the real library that a table describes?

Each group of ``groups.toml`` gets an environment of its own, made once and kept in the folder for
temporary files under a name that depends on its packages and on this Python.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator import rulebook
from migrator.nouns import Surface
from migrator.tables import expand

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAIRS = ROOT / "fixtures" / "swap_model"
KEYED = ROOT / "fixtures" / "add_cache_key"
BOOK = rulebook.load()

# With this variable, a group that cannot be installed fails instead of being skipped.
REQUIRED = "MIGRATOR_CONTRACT_REQUIRED"

# Nothing but the index of packages is asked for anything: not for prices, not for traces.
QUIET = {
    "AGNO_TELEMETRY": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "BROWSER_USE_LOGGING_LEVEL": "warning",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "MEM0_TELEMETRY": "False",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
    "RAGAS_DO_NOT_TRACK": "true",
    "PYTHONUTF8": "1",
}
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Group:
    """Libraries that live in one environment, and what is asked of them there."""

    name: str
    packages: tuple[str, ...]
    tables: tuple[str, ...]
    requests: tuple[str, ...]
    keys: tuple[str, ...]
    missing: frozenset[str]
    moved: frozenset[str]
    is_of_the_ten: bool
    python: str

    def surfaces(self) -> tuple[Surface, ...]:
        """Give the surfaces of the group's tables."""
        return tuple(surface for table in self.tables for surface in surfaces_of(table))


def read(name: str) -> Mapping[str, object]:
    """Read a table of this folder."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def surfaces_of(table: str) -> tuple[Surface, ...]:
    """Give the surfaces of one file of ``rules/surfaces``, by their names."""
    raw = tomllib.loads((ROOT / "rules" / "surfaces" / f"{table}.toml").read_text(encoding="utf-8"))
    names = {row["name"] for row in raw["surface"]}
    return tuple(surface for surface in BOOK.surfaces if surface.name in names)


def expanded(patterns: object) -> frozenset[str]:
    """Expand the braces of callees, as the tables do."""
    assert isinstance(patterns, list)
    return frozenset(callee for pattern in patterns for callee in expand(pattern))


def covers(patterns: Iterable[str], callee: str) -> bool:
    """Say whether a callee is listed, by itself or by its beginning (``langchain_classic.**``)."""
    return any(callee == pattern or callee.startswith(beginning(pattern)) for pattern in patterns)


def beginning(pattern: str) -> str | tuple[str, ...]:
    """Give what a callee starts with where a pattern means all names below one; else nothing."""
    return (pattern.removesuffix("**"), pattern.removesuffix(".**") + "()") if pattern.endswith(".**") else ()


def _group(row: Mapping[str, object]) -> Group:
    def texts(key: str) -> tuple[str, ...]:
        value = row.get(key, [])
        assert isinstance(value, list)
        return tuple(value)

    return Group(
        name=str(row["name"]),
        packages=texts("packages"),
        tables=texts("tables"),
        requests=texts("requests"),
        keys=texts("keys"),
        missing=expanded(row.get("missing", [])),
        moved=expanded(row.get("moved", [])),
        is_of_the_ten=bool(row.get("ten", False)),
        python=str(row.get("python", "3.11")),
    )


TABLE = read("groups.toml")
GROUPS: tuple[Group, ...] = tuple(_group(row) for row in TABLE["group"])  # type: ignore[attr-defined]
MAKE: Mapping[str, str] = {
    callee: row["statements"]
    for row in TABLE["make"]  # type: ignore[attr-defined]
    for callee in expanded(row["calls"])
}
GONE: Mapping[str, str] = {
    callee: row["reason"]
    for row in TABLE["gone"]  # type: ignore[attr-defined]
    for callee in expanded(row["calls"])
}
SERVER = _group(TABLE["server"])  # type: ignore[arg-type]


def marks(group: Group) -> tuple[pytest.MarkDecorator, ...]:
    """Mark a group: all belong to the full contract, ten libraries to the small one."""
    full = pytest.mark.contract_full
    return (pytest.mark.contract, full) if group.is_of_the_ten else (full,)


def python_of(group: Group) -> Path:
    """Give the interpreter of a group's environment; make the environment where there is none yet."""
    if sys.version_info < tuple(int(part) for part in group.python.split(".")):
        pytest.skip(f"{group.name} needs Python {group.python}")
    text = "\n".join((sys.version, sys.platform, *group.packages))
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"migrator-contract-{getpass.getuser()}" / f"{group.name}-{key}"
    if not folder.exists():
        make(group, folder)
    return interpreter(folder)


def make(group: Group, folder: Path) -> None:
    """Make an environment under another name and move it into place, so that it is whole or not there."""
    folder.parent.mkdir(exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        venv.create(building, symlinks=os.name != "nt")
        install(group, interpreter(building))
        with contextlib.suppress(OSError):
            building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def interpreter(folder: Path) -> Path:
    """Give the Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(group: Group, python: Path) -> None:
    """Install a group's packages, or skip the test with what pip said."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile", *group.packages]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    said = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr[-500:]]
    message = f"{group.name} cannot be installed: {' '.join(said)}"
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


def surroundings(home: Path, base_url: str) -> Mapping[str, str]:
    """Give the environment variables of a process that must reach nothing but one local server."""
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **QUIET,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "OPENAI_API_KEY": "sk-contract",
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_BASE": base_url,
    }
