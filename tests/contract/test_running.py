"""Answer one question: does a comparison's running half work with each SDK, and with a Batch API?"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import aimock
import pytest
from isolated import python_with, surroundings
from running import KEY, SERVER, Process, asks, books, free_of_key, journal, kept, run
from server import Server
from wire import NO_FAULTS, text_of, wire_to

from migrator.rulebook import load
from migrator.settings import CannotRun
from migrator.shadow.run import batches
from migrator.shadow.run.runner import Runner
from migrator.shadow.run.store import Store

ROOT = Path(__file__).parent.parent.parent
SDKS = {"1.98": "openai==1.98.0", "1.109": "openai==1.109.1", "2": "openai==2.54.0", "3": "openai==3.54.0"}
FULL = pytest.mark.contract_full
CHECK = ("openai==3.54.0",)


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run aimock while this file's tests run."""
    with aimock.serving(tmp_path_factory.mktemp("aimock")) as address:
        yield address


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask more often how far a batch is: the server here is done when it is asked a second time."""
    monkeypatch.setattr(batches, "FIRST_POLL", 0.05)


@FULL
@pytest.mark.parametrize(
    "version", [pytest.param(one, marks=pytest.mark.contract if one in ("1.109", "3") else ()) for one in SDKS]
)
def test_each_sdk_sends_what_it_is_given(version: str, server: Server, tmp_path: Path) -> None:
    python = python_with(f"run-{version}", (SDKS[version], *_needed()))
    with wire_to(server.address, 7) as wire:
        command = [str(python), str(ROOT / "tests" / "running.py"), str(tmp_path), wire.address, "1.0", "30", "7"]
        env = {**surroundings(tmp_path, ""), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
        assert {text_of(body): body for _, body in wire.seen} == {text_of(one.body): one.body for one in asks(30, 7)}
    said = json.loads(done.stdout)
    assert wire.charged <= Decimal(said["spent"]) == books(tmp_path) <= 1
    # What a broken connection is called beyond that differs between the clients of the SDK's versions.
    errors = {"connection" if one.startswith("connection: ") else one for one in said["errors"]}
    assert errors <= {"", "504 error: no message", "200 the answer is no JSON", "connection"}
    assert len(kept(tmp_path)) >= 25
    assert _wrong([[path, body] for path, body in wire.seen]) == []
    assert free_of_key(tmp_path)


def _needed() -> tuple[str, ...]:
    """What we are built on, without ourselves: we come from the checkout."""
    return tuple(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def _wrong(requests: list[list[object]]) -> list[str]:
    """Ask the newest SDK's own types."""
    python = python_with("run-types", CHECK)
    command = [str(python), str(Path(__file__).parent / "typed.py")]
    done = subprocess.run(command, input=json.dumps(requests) + "\n", capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


# ---------------------------------------------------------------- batches


@pytest.mark.contract
@FULL
def test_a_batch_holds_the_requests_of_one_model_and_is_cleared_away(mock: str, tmp_path: Path) -> None:
    before = Counter(aimock.journal(mock))
    got, runner = run(tmp_path, f"{mock}/v1", 1.0, asks(24), is_batch=True)
    told = Counter(aimock.journal(mock)) - before
    assert {one.error for one in got.values()} == {""}
    assert all(one.is_batch and one.latency is None for one in got.values())
    # Two models at two endpoints.
    assert told["POST", "/v1/files", 200] == told["POST", "/v1/batches", 200] == 4
    assert sum(count for (method, _, _), count in told.items() if method == "DELETE") == 8
    assert runner.budget.spent == books(tmp_path) == sum(Decimal(str(one.cost)) for one in got.values()) > 0
    again, _ = run(tmp_path, f"{mock}/v1", 1.0, asks(24))
    assert all(one.is_stored and one.is_batch for one in again.values())


@pytest.mark.contract
@FULL
def test_a_judge_beside_a_batch_is_asked_directly_and_paid_in_full(mock: str, tmp_path: Path) -> None:
    wanted = asks(24)
    with (
        Store(tmp_path, SERVER) as store,
        Runner(store, load(), f"{mock}/v1", KEY, 1.0, is_batch=True) as runner,
        Runner(store, load(), f"{mock}/v1", KEY, beside=runner) as judge,
    ):
        first, second = runner.send(wanted[:12]), judge.send(wanted[12:])
        assert all(one.is_batch for one in first.values())
        assert all(one.latency and not one.is_batch and not one.error for one in second.values())
        assert runner.budget.spent == books(tmp_path)


@pytest.mark.contract
@FULL
def test_a_batch_is_asked_for_what_the_sdk_types_admit(mock: str, tmp_path: Path) -> None:
    with wire_to(mock, faults=NO_FAULTS) as wire:
        run(tmp_path, wire.address, 1.0, asks(12), is_batch=True)
    lines = [line for raw in wire.files for line in raw]
    assert {line["custom_id"] for line in lines} == {one.digest for one in asks(12)}
    assert all(line.keys() == {"custom_id", "method", "url", "body"} and line["method"] == "POST" for line in lines)
    assert _wrong([[line["url"], line["body"]] for line in lines]) == []
    assert all(len({(line["url"], line["body"]["model"]) for line in raw}) == 1 for raw in wire.files)


@pytest.mark.contract
@FULL
def test_only_what_fits_under_the_cap_goes_into_a_batch(mock: str, tmp_path: Path) -> None:
    with wire_to(mock, faults=NO_FAULTS) as wire:
        got, runner = run(tmp_path, wire.address, 0.0012, asks(24), is_batch=True)
    sent = {line["custom_id"] for raw in wire.files for line in raw}
    assert 0 < len(sent) < 24
    assert {digest for digest, one in got.items() if not one.error} == sent
    assert {one.error for one in got.values()} == {"", "budget"}
    assert runner.budget.spent <= Decimal("0.0012")


@pytest.mark.contract
@FULL
@pytest.mark.parametrize("outcome", ["failed", "expired", "cancelled"])
def test_a_batch_that_comes_to_nothing(outcome: str, mock: str, tmp_path: Path) -> None:
    with wire_to(mock, faults=NO_FAULTS) as wire:
        wire.headers = {"x-aimock-batch-outcome": outcome}
        got, runner = run(tmp_path, wire.address, 1.0, asks(6), is_batch=True)
        assert all(one.error.startswith("batch") and one.body is None for one in got.values()), got
        assert runner.spent == 0.0
        wire.headers = {}
        got, _ = run(tmp_path, wire.address, 1.0, asks(6), is_batch=True)
    assert {one.error for one in got.values()} == {""}


@pytest.mark.contract
@FULL
def test_a_server_without_batches_is_told_of_in_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"^the server takes no batch: 404 "):
        run(tmp_path, f"{server.address}/nothing/v1", 1.0, asks(2), is_batch=True)
    got, _ = run(tmp_path, f"{server.address}/v1", 1.0, asks(2))
    assert {one.error for one in got.values()} == {""}


@pytest.mark.contract
@FULL
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("moment", ["the file is up", "the batch is made", "it is under way"])
def test_a_killed_run_finds_its_batch_again(moment: str, mock: str, tmp_path: Path) -> None:
    """The proxy holds the answer back at that moment, until the process is gone."""
    with wire_to(mock, faults=NO_FAULTS) as wire:
        wire.hold = {
            "the file is up": ("POST", "/v1/files"),
            "the batch is made": ("POST", "/v1/batches"),
            "it is under way": ("GET", "/v1/batches/"),
        }[moment]
        process = Process(tmp_path, wire.address, 1.0, 9, 0, "--batch")
        process.start()
        assert wire.held.wait(60)
        assert process.running is not None
        process.running.send_signal(signal.SIGKILL)
        process.end()
        wire.release()
        if moment != "the file is up":
            with pytest.raises(CannotRun, match=r"of a stopped run is not over; pass --batch to wait"):
                run(tmp_path, wire.address, 1.0, asks(9))
        process.start()
        code, out, errors = process.end()
    assert (code, json.loads(out)["errors"]) == (0, [""]), errors
    assert kept(tmp_path) == {one.digest for one in asks(9)}
    made = Counter(line["custom_id"] for raw in wire.batched for line in raw)
    assert set(made.values()) == {1}, "no request was in two batches"
    assert [line for line in journal(tmp_path) if line.get("over")]


# ---------------------------------------------------------------- long


@FULL
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_runs_that_are_killed_pay_nothing_twice(seed: int, server: Server, tmp_path: Path) -> None:
    from test_shadow_run import killed

    killed(server.address, tmp_path, seed, random.Random(seed).randint(10, 60))


@FULL
@pytest.mark.parametrize("chaos", ["drop", "malformed", "disconnect", "ratelimit"])
def test_the_chaos_of_another_server(chaos: str, tmp_path: Path) -> None:
    with aimock.serving(tmp_path, f"--chaos-{chaos}", "0.3") as address:
        got, runner = run(tmp_path, f"{address}/v1", 0.05, asks(40))
    assert runner.budget.spent == books(tmp_path) <= Decimal("0.05")
    assert kept(tmp_path) == {one.digest for one in got.values() if one.body is not None}
    assert len(kept(tmp_path)) > 20
    assert KEY not in repr(got)
