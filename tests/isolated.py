"""Answer one question: which Python has exactly these packages, and sees nothing of this machine?

Each list of packages gets an environment of its own, made once and kept in the folder for temporary
files under a name that depends on its packages and on this Python.
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
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

# With this variable, packages that cannot be installed fail a test instead of skipping it.
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


def python_with(name: str, packages: tuple[str, ...], *, alone: tuple[str, ...] = ()) -> Path:
    """Give the interpreter of an environment; make the environment where there is none yet.

    ``alone`` are packages that are installed without what they ask for.
    """
    text = "\n".join((sys.version, sys.platform, *packages, *(f"{package} alone" for package in alone)))
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"migrator-contract-{getpass.getuser()}" / f"{name}-{key}"
    if not folder.exists():
        _make(folder, name, (packages, ("--no-deps", *alone)) if alone else (packages,))
    return _interpreter(folder)


def _make(folder: Path, name: str, lists: tuple[tuple[str, ...], ...]) -> None:
    """Make an environment under another name and move it into place, so that it is whole or not there."""
    folder.parent.mkdir(exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        venv.create(building, symlinks=os.name != "nt")
        for packages in lists:
            _install(name, packages, _interpreter(building))
        with contextlib.suppress(OSError):
            building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(name: str, packages: tuple[str, ...], python: Path) -> None:
    """Install packages, or skip the test with what pip said."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile", *packages]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    said = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr[-500:]]
    message = f"{name} cannot be installed: {' '.join(said)}"
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
