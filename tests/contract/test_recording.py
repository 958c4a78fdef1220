"""Answer one question: does the recorder see every request of the real libraries, with the line that makes it?"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from environments import GROUPS, marks, python_of
from isolated import python_with, surroundings
from recording import ROOT, lay_out, marked, places, record, records, said
from server import Server

from migrator import plan
from migrator.settings import Settings
from migrator.shadow import cases
from migrator.shadow.links import explain

SDKS = {
    "1.76": ("openai==1.76.0",),
    "1.109": ("openai[aiohttp]==1.109.1",),
    "2": ("openai[aiohttp]==2.54.0",),
    "3": ("openai[aiohttp]==3.54.0",),
}
# What came with later versions of the SDK, or with a package that the older one does not ask for.
NEWER = {"stream_helper", "async_stream_helper", "aiohttp"}
NOT_READ = {"abandoned"}


@pytest.mark.contract
@pytest.mark.contract_full
@pytest.mark.parametrize("version", SDKS)
def test_each_way_of_the_sdk_is_recorded_with_its_line(version: str, server: Server, tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "sdk.py")
    python = python_with(f"sdk-{version}", SDKS[version])
    done = record(folder, [str(python), "sdk.py"], f"{server.address}/v1")
    assert (done.returncode, done.stderr) == (0, "")
    ways = {name: line for name, line in marked("sdk.py").items() if version != "1.76" or name not in NEWER}
    assert set(done.stdout.split()) == ways.keys()
    found = records(folder)
    assert places(found) == {(name, "sdk.py", line) for name, line in ways.items()}
    assert len(found) == len(ways)
    assert {said(one) for one in found if not one["whole"]} == NOT_READ
    # The server knows no paths of Azure.
    assert {(said(one) == "azure", one["status"]) for one in found} == {(False, 200), (True, 404)}


@pytest.mark.parametrize(
    ("program", "group"),
    [
        pytest.param(f"{program}.py", group, marks=marks(group), id=program)
        for program, name in (("langchain_agents", "openai-3"), ("litellm_instructor", "openai-2"))
        for group in GROUPS
        if group.name == name
    ],
)
def test_each_library_is_recorded_with_the_line_of_the_project(
    program: str, group: object, server: Server, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path, program)
    done = record(folder, [str(python_of(group)), program], f"{server.address}/v1")  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr[-3000:]
    assert "recorder failed" not in done.stderr
    assert places(records(folder)) == {(name, program, line) for name, line in marked(program).items()}


@pytest.mark.parametrize(
    ("program", "group"),
    [
        pytest.param(f"{program}.py", group, marks=marks(group), id=program)
        for program, name in (("made_3", "openai-3"), ("made_2", "openai-2"))
        for group in GROUPS
        if group.name == name
    ],
)
def test_each_case_belongs_to_the_call_that_names_its_model(
    program: str, group: object, server: Server, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path, program)
    done = record(folder, [str(python_of(group)), program], f"{server.address}/v1")  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr[-3000:]
    assert "recorder failed" not in done.stderr
    _, targets = plan.targets([folder], Settings(), cwd=folder, today=date(2026, 11, 22))
    lines = {target.site.id: target.site.position.line for target in targets}
    sites = cases.load(folder)
    names = {case.id: said({"request": case.request}) for site in sites for case in site.cases}
    found = explain(folder, sites, [target.site for target in targets])
    linked = {(names[one.case], lines[site], one.how) for one in found for site in one.sites}
    assert linked == {(name, line, "constructed") for name, line in marked(program).items()}
    assert {one.why for one in found} == {""}


SERVERS = {
    "uvicorn": ("asgi", "-m uvicorn served:app --workers 2 --port {port}"),
    "gunicorn": ("wsgi", "-m gunicorn served:wsgi --workers 2 --bind 127.0.0.1:{port}"),
    "gunicorn_preload": ("wsgi", "-m gunicorn served:wsgi --workers 2 --preload --bind 127.0.0.1:{port}"),
    "gunicorn_threads": ("wsgi", "-m gunicorn served:wsgi --threads 2 --bind 127.0.0.1:{port}"),
}


@pytest.mark.contract_full
@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")
@pytest.mark.parametrize("name", SERVERS)
def test_each_worker_of_a_server_is_recorded(name: str, server: Server, tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "served.py")
    way, command = SERVERS[name]
    port = free_port()
    python = python_with("servers", ("openai==3.54.0", "uvicorn==0.40.0", "gunicorn==25.0.3"))
    with recording(folder, [str(python), *command.format(port=port).split()], f"{server.address}/v1"):
        workers = {answer_of(port) for _ in range(20)}
    found = records(folder)
    assert places(found) == {(way, "served.py", marked("served.py")[way])}
    assert len(found) == 20
    files = {path.name.partition("-")[0] for path in folder.rglob("*.jsonl")}
    assert files == workers, "each worker writes to a file of its own"


@contextmanager
def recording(folder: Path, command: Sequence[str], base_url: str) -> Iterator[None]:
    """Run a server under ``migrator record``, and end it as a person does."""
    surround = {**surroundings(folder, base_url), "PYTHONPATH": str(ROOT)}
    asked = [sys.executable, "-m", "migrator", "record", "--", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(asked, cwd=folder, env=surround, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def answer_of(port: int) -> str:
    """Ask a server on this machine, as soon as it is there."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as reply:
                return str(reply.read().decode())
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"nothing answers on port {port}")


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
