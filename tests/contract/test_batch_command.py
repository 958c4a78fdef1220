"""Answer one question: does ``migrator shadow --batch`` work from a recording to its report, and pay once?

Programs are recorded and compared by the real commands. The server is somebody else's; its answers are canned: a batch
is always answered with the same words. Between them stands a proxy that keeps the books.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import aimock
import pytest
from isolated import surroundings
from recording import ROOT, record
from wire import NO_FAULTS, Wire, wire_to

pytestmark = pytest.mark.contract_full

SAID = "Mock batch completion"
CASES = 100
APP = f"""from openai import OpenAI

client = OpenAI()


def kind(mail):
    said = [{{"role": "user", "content": mail}}]
    return client.chat.completions.create(model="gpt-4o", messages=said, max_tokens=9)


def title(mail):
    return client.responses.create(model="gpt-4o", input=mail, max_output_tokens=9)


for n in range({CASES}):
    kind(f"mail {{n}}")
    title(f"letter {{n}}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run aimock; what is not asked as a batch gets the words of a batch too."""
    answers = {"fixtures": [{"match": {"userMessage": word}, "response": {"content": SAID}} for word in ("mail", "le")]}
    with aimock.serving(tmp_path_factory.mktemp("aimock"), fixtures=answers) as address:
        yield address


@pytest.fixture
def wire(server: str) -> Iterator[Wire]:
    """Run the proxy that keeps the books."""
    with wire_to(server, faults=NO_FAULTS) as running:
        yield running


@pytest.fixture
def project(server: str, tmp_path: Path) -> Path:
    """Record a program with two calls, one for each endpoint."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    done = record(tmp_path, [sys.executable, "app.py"], f"{server}/v1")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path


def started(folder: Path, wire: Wire, *words: str) -> subprocess.Popen[str]:
    """Run the command in a project."""
    return subprocess.Popen(
        [sys.executable, "-m", "migrator", *words],
        cwd=folder,
        env={**surroundings(folder, wire.address), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def migrator(folder: Path, wire: Wire, *words: str) -> tuple[int, str, str]:
    """Run the command to its end; give its exit code and what it printed."""
    running = started(folder, wire, *words)
    out, errors = running.communicate(timeout=180)
    return running.returncode, out, errors


def journal(folder: Path, wire: Wire) -> list[dict[str, object]]:
    """Read the journal of this server."""
    name = urlsplit(wire.address).netloc.replace(":", "_")
    path = folder / ".migrator" / "shadow" / "answers" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def batched(wire: Wire) -> Counter[str]:
    """Count in how many batches each request was."""
    return Counter(str(line["custom_id"]) for lines in wire.batched for line in lines)


def spent(folder: Path) -> Decimal:
    report = json.loads((folder / ".migrator" / "shadow" / "report.json").read_text("utf-8"))
    return Decimal(str(report["money"]["spent"])).quantize(Decimal("1e-9"))


BATCH = ("shadow", "--batch", "--yes", "--max-usd", "1")


@pytest.mark.contract
def test_two_calls_are_compared_by_batches_and_changed(project: Path, wire: Wire) -> None:
    code, out, errors = migrator(project, wire, *BATCH)
    assert (code, errors) == (0, "")
    assert "The answers came by the Batch API: no latency and no cached share was measured." in out
    assert "2 pass." in out
    assert all(len(line) <= 80 for line in out.splitlines()), out
    assert set(batched(wire).values()) == {1}
    # Waves of 20, 40 and the rest, each with a file for both models at both endpoints.
    assert [len(lines) for lines in wire.batched] == [*[20] * 4, *[40] * 4, *[40] * 4]
    assert not [path for path, _ in wire.seen if path.endswith(("/chat/completions", "/responses"))]
    assert spent(project) == sum(Decimal(str(line.get("cost", 0))) for line in journal(project, wire)) > 0
    before = len(wire.seen)
    assert migrator(project, wire, "apply", "--shadow", "--batch", "--stored")[0] == 0
    assert (project / "app.py").read_text("utf-8") == APP.replace('"gpt-4o"', '"gpt-4.1-mini"')
    assert len(wire.seen) == before


def test_the_cap_holds_and_the_rest_is_asked_later(project: Path, wire: Wire) -> None:
    """A request to the old model may cost more than the cap, one to the new model does not."""
    code, out, _ = migrator(project, wire, "shadow", "--batch", "--yes", "--max-usd", "0.001")
    assert (code, "Not all requests were sent" in out) == (3, True)
    assert {line["body"]["model"] for lines in wire.batched for line in lines} == {"gpt-4.1-mini"}
    assert 0 < spent(project) <= Decimal("0.001")
    assert migrator(project, wire, *BATCH)[0] == 0
    assert set(batched(wire).values()) == {1}


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize(
    ("moment", "wave"),
    [
        (("POST", "/v1/files"), 1),
        (("POST", "/v1/files"), 2),
        (("POST", "/v1/batches"), 1),
        pytest.param(("POST", "/v1/batches"), 2, marks=pytest.mark.contract),
        (("GET", "/v1/batches/"), 1),
        (("GET", "/v1/batches/"), 2),
    ],
)
def test_a_killed_command_goes_on_and_pays_nothing_twice(
    moment: tuple[str, str], wave: int, project: Path, wire: Wire
) -> None:
    """The proxy holds an answer of that wave back until the process is gone."""
    if wave == 1:
        wire.hold = moment
    running = started(project, wire, *BATCH)
    if wave == 2:
        until(lambda: sum("body" in line for line in journal(project, wire)) == 80)
        wire.hold = moment
    assert wire.held.wait(60)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    wire.release()
    # A batch of which nobody has asked yet is not over, and one that was asked of once is with this server.
    if moment == ("POST", "/v1/batches"):
        code, out, errors = migrator(project, wire, "shadow", "--yes", "--quiet", "--max-usd", "1")
        assert (code, out, errors.count("of a stopped run is not over; pass --batch to wait for its answers")) == (
            4, "", 1
        )  # fmt: skip
    code, out, errors = migrator(project, wire, *BATCH)
    assert (code, "2 pass." in out) == (0, True), errors
    assert set(batched(wire).values()) == {1}, "no request was in two batches"
    assert sum(batched(wire).values()) == 4 * CASES
    costs = [line for line in journal(project, wire) if "cost" in line]
    assert max(Counter(str(line["digest"]) for line in costs).values()) == 1


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 seconds")
