"""Answer one question: is each request paid for once, under the cap, at the server's pace, and kept?

The answers are those of llmock, a server that somebody else wrote; a proxy in front of it breaks the wire and keeps the
provider's books.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isolated import python_with, surroundings
from running import KEY, SERVER, Process, asks, books, free_of_key, journal, kept, run
from wire import FAULTS, NO_FAULTS, Wire, text_of, wire_to

from migrator import tokens
from migrator.cli_errors import one_line_errors
from migrator.evidence import Acceptance, Difference, Exchange, Flip
from migrator.prices import model_of, with_own
from migrator.rulebook import load
from migrator.settings import CannotRun, SettingsError
from migrator.shadow import accepted
from migrator.shadow.accepted import Accepted
from migrator.shadow.model import Usage, usage
from migrator.shadow.run import pace as paces
from migrator.shadow.run.budget import Budget
from migrator.shadow.run.client import answer
from migrator.shadow.run.cost import IMAGE_TOKENS, batch_cost, cost_of, worst_case
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.run.pace import LONGEST, Pace, seconds, wait_for
from migrator.shadow.run.runner import Runner
from migrator.shadow.run.store import Store

BOOK = load()
OLD, NEW = model_of("gpt-4o", BOOK), model_of("gpt-4.1-mini", BOOK)
assert OLD is not None
assert NEW is not None
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run llmock on a free port and give its address, without ``/v1``."""
    folder = tmp_path_factory.mktemp("llmock")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    python = python_with("server", ("llmock==0.2.2",))
    command = [str(python), "-m", "llmock.cli", "serve", "--port", address.rpartition(":")[2], "--log-level", "error"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=surroundings(folder, ""), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        wait_until(lambda: is_up(address), process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def is_up(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_llmock/requests", timeout=5).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it never came up")


@pytest.fixture
def wire(server: str) -> Iterator[Wire]:
    """Stand between us and the server, and break nothing."""
    with wire_to(server, faults=NO_FAULTS) as standing:
        yield standing


# ---------------------------------------------------------------- what is sent and kept


def test_a_request_is_sent_as_it_is_and_paid_for_once(wire: Wire, tmp_path: Path) -> None:
    wanted = asks(24)
    first, runner = run(tmp_path, wire.address, None, wanted)
    assert sorted(wire.seen, key=repr) == sorted(((f"/v1/{one.endpoint}", one.body) for one in wanted), key=repr)
    assert {one.error for one in first.values()} == {""}
    assert all(got.usage is not None and got.latency and not got.is_stored for got in first.values())
    assert (
        sum(Decimal(str(got.cost)) for got in first.values()) == runner.budget.spent == wire.charged == books(tmp_path)
    )
    again, runner = run(tmp_path, wire.address, None, wanted)
    assert len(wire.seen) == len(wanted)
    assert again == {digest: replace(got, cost=0.0, is_stored=True) for digest, got in first.items()}
    assert runner.spent == 0.0


def test_the_same_request_of_another_case_is_the_same_and_of_another_run_is_not(wire: Wire, tmp_path: Path) -> None:
    (one,) = asks(1)
    other, again = replace(one, case="other", site="other", cell=Cell.LAYOUT), replace(one, run=2)
    got, _ = run(tmp_path, wire.address, None, (one, other, again))
    assert len(got) == len(wire.seen) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no modes")
def test_answers_are_for_their_owner_alone_and_hidden_from_git(wire: Wire, tmp_path: Path) -> None:
    run(tmp_path, wire.address, None, asks(2))
    folder = tmp_path / ".migrator" / "shadow"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {name: mode for name, mode in modes.items() if name != ".gitignore"} == {
        "shadow": 0o700,
        "answers": 0o700,
        "the_server.jsonl": 0o600,
        "the_server.lock": 0o600,
    }
    assert (folder / ".gitignore").read_text() == "# Made by migrator.\n*\n"
    assert free_of_key(tmp_path)


def test_without_the_network_only_what_is_there_is_given(wire: Wire, tmp_path: Path) -> None:
    run(tmp_path, wire.address, None, asks(3))
    before = journal(tmp_path)
    with Store(tmp_path, SERVER) as store, Runner(store, BOOK, "http://127.0.0.1:9", is_offline=True) as runner:
        got = runner.send(asks(5))
    assert sorted(one.error for one in got.values()) == ["", "", "", "budget", "budget"]
    assert journal(tmp_path) == before


# ---------------------------------------------------------------- money


def test_what_does_not_fit_under_the_cap_is_not_sent(wire: Wire, tmp_path: Path) -> None:
    wanted = asks(60)
    got, runner = run(tmp_path, wire.address, 0.004, wanted)
    unsent = [one for one in got.values() if one.error == "budget"]
    assert 0 < len(unsent) < len(wanted)
    assert len(wire.seen) == len(wanted) - len(unsent)
    assert wire.charged == runner.budget.spent <= Decimal("0.004")
    cheapest = min(worst(one) for one in wanted if got[one.digest].error)
    assert runner.budget.spent + cheapest > Decimal("0.004"), "money was left for one more"
    got, _ = run(tmp_path, wire.address, 1.0, wanted)
    assert {one.error for one in got.values()} == {""}
    assert len(wire.seen) == len(wanted)


def worst(one: Ask) -> Decimal:
    model = model_of(str(one.body["model"]), BOOK)
    assert model is not None
    found = worst_case(one.body, model)
    assert found is not None
    return found


def test_a_cap_needs_a_price(wire: Wire, tmp_path: Path) -> None:
    (one,) = asks(1)
    unknown = replace(one, body={**one.body, "model": "our-model"})
    got, runner = run(tmp_path, wire.address, None, (unknown,))
    assert ([one.error for one in got.values()], runner.spent) == ([""], 0.0)
    with pytest.raises(SettingsError, match="no price is known of our-model"):
        run(tmp_path, wire.address, 1.0, (replace(unknown, run=2),))
    assert len(wire.seen) == 1


def vectors(*texts: str) -> Ask:
    body = {"model": "text-embedding-3-small", "input": list(texts), "encoding_format": "float"}
    return Ask("", "site", Cell.STEP, 1, "embeddings", body)


def test_vectors_are_asked_for_kept_and_paid_by_their_tokens(wire: Wire, tmp_path: Path) -> None:
    prices = ({"model": "text-embedding-3-small", "input": 20.0, "output": 80.0},)
    book, one = with_own(BOOK, prices), vectors("The box is here.", "The carton is here.")
    with Store(tmp_path, SERVER) as store, Runner(store, book, wire.address, KEY, 0.05) as runner:
        (got,) = runner.send([one]).values()
        assert got.body is not None, got
        assert [len(row["embedding"]) > 1 for row in got.body["data"]] == [True, True]  # type: ignore[attr-defined]
        assert got.usage is not None
        assert (got.usage.output, runner.budget.spent) == (0, got.usage.input * Decimal(20) / 1_000_000)
        assert 0 < runner.spent <= float(worst_case(one.body, book.models["text-embedding-3-small"]) or 0)
        assert runner.send([one])[one.digest].is_stored
    assert wire.seen == [("/v1/embeddings", one.body)]


@pytest.mark.parametrize("is_same_host", [True, False])
def test_two_servers_are_paid_under_one_cap_and_each_remembers(is_same_host: bool, server: str, tmp_path: Path) -> None:
    wanted = asks(24)
    with wire_to(server, faults=NO_FAULTS) as wire, wire_to(server, faults=NO_FAULTS) as other:

        def both(cap: float, *, fails: bool = False) -> tuple[Runner, Runner, set[str]]:
            with (
                Store(tmp_path, SERVER) as store,
                Store(tmp_path, "other") as foreign,
                Runner(store, BOOK, wire.address, KEY, cap) as first,
                Runner(store if is_same_host else foreign, BOOK, other.address, KEY, beside=first) as second,
            ):
                errors = {got.error for got in first.send(wanted[:12]).values()}
                errors |= {got.error for got in second.send(wanted[12:]).values()}
                if fails:
                    raise CannotRun("somebody pulled the plug")
                return first, second, errors

        with pytest.raises(CannotRun, match="the plug"):
            both(0.0024, fails=True)
        paid = wire.charged + other.charged
        assert wire.charged > 0 < other.charged
        assert paid <= Decimal("0.0024")
        assert len(wire.seen) + len(other.seen) < 24
        first, second, errors = both(1.0)
        assert errors == {""}
        assert first.budget is second.budget
        assert first.budget.spent == wire.charged + other.charged > paid
        assert first.carried + second.carried == pytest.approx(float(paid))
        assert len(wire.seen) + len(other.seen) == 24
        first, _, _ = both(1.0)
        assert first.spent == 0.0


def test_a_server_of_ones_own_costs_what_one_says(wire: Wire, tmp_path: Path) -> None:
    (one,) = asks(1)
    free = replace(one, body={"model": "our-model", "input": "hello"})
    dear = replace(free, run=2)
    for wanted, price, error in (
        (free, {"model": "our-model", "input": 0, "output": 0}, ""),
        (dear, {"model": "our-model", "input": 1, "output": 1_000, "longest": 2_000}, "budget"),
    ):
        with (
            Store(tmp_path, SERVER) as store,
            Runner(store, with_own(BOOK, (price,)), wire.address, KEY, 1.0) as runner,
        ):
            assert [got.error for got in runner.send((wanted,)).values()] == [error]
    endless = with_own(BOOK, ({"model": "our-model", "input": 1, "output": 1},))
    with (
        Store(tmp_path, SERVER) as store,
        pytest.raises(SettingsError, match="no longest answer is known of our-model"),
        Runner(store, endless, wire.address, KEY, 1.0) as runner,
    ):
        runner.send((dear,))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("system", "user")), st.text(max_size=300)), max_size=6))
def test_the_bound_is_never_below_the_tokens(turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": text} for role, text in turns]
    # Three tokens around each message and three before the answer, as the vendor's cookbook counts them.
    counted = 3 + sum(3 + tokens.count(role) + tokens.count(text) for role, text in turns)
    body = {"model": "gpt-4o", "messages": messages, "max_tokens": 10}
    assert worst_case(body, OLD) >= cost_of(Usage(counted, 0, 10), OLD, {})  # type: ignore[operator, arg-type]


SCHEMA = {"type": "object", "properties": {"type": {"type": ["string", "null"], "enum": ["file", "image_url"]}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 1_000_000}}


@pytest.mark.parametrize(
    ("more", "tokens_in", "tokens_out"),
    [
        pytest.param({"max_tokens": 100}, 1_100, 100, id="the longest answer that is allowed"),
        pytest.param({}, 1_100, 16_384, id="the longest answer that there is"),
        pytest.param({"max_tokens": 10**9}, 1_100, 16_384, id="more than there is"),
        pytest.param({"max_tokens": 5, "max_completion_tokens": 70}, 1_150, 70, id="two limits"),
        pytest.param({"max_tokens": 100, "n": 3}, 1_100, 300, id="several answers"),
        pytest.param({"max_tokens": 9, "tools": [{"function": {"parameters": SCHEMA}}]}, 1_300, 9, id="a schema"),
        pytest.param({"max_tokens": 9, "messages": [IMAGE, IMAGE]}, 2 * IMAGE_TOKENS + 1_100, 9, id="images"),
        pytest.param({"max_tokens": 9, "messages": [FILE]}, 129_100, 9, id="a document fills what can be read"),
    ],
)
def test_the_bound_of_a_request(more: Mapping[str, object], tokens_in: int, tokens_out: int) -> None:
    assert OLD is not None
    bound = worst_case({"model": "gpt-4o", "messages": [], **more}, OLD)
    exact = cost_of(Usage(tokens_in, 0, tokens_out), OLD, {})
    assert bound is not None
    assert exact is not None
    assert abs(bound - exact) < Decimal("0.0005")


def test_what_an_answer_costs() -> None:
    assert NEW is not None
    counted = Usage(1_000_000, 400_000, 1_000_000)
    assert cost_of(counted, NEW, {}) == Decimal("0.6") * Decimal("0.40") + Decimal("0.4") * Decimal("0.10") + Decimal(
        "1.60"
    )
    assert batch_cost(counted, NEW) == (Decimal("0.40") + Decimal("1.60")) / 2
    assert cost_of(counted, NEW, {"service_tier": "priority"}) == 2 * cost_of(counted, NEW, {})  # type: ignore[operator]


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=1, max_size=40), st.integers(1, 100))
def test_reserved_and_spent_money_never_exceed_the_cap(calls: list[tuple[int, float]], cap: int) -> None:
    async def all_of_them() -> int:
        budget = Budget(Decimal(cap))

        async def one(worst: int, share: float) -> bool:
            if not await budget.reserve(Decimal(worst)):
                return False
            assert budget.spent + budget.reserved <= cap
            await asyncio.sleep(0)
            await budget.settle(Decimal(worst), Decimal(worst) * Decimal(str(round(share, 3))))
            return True

        sent = await asyncio.gather(*(one(*call) for call in calls))
        assert budget.reserved == 0
        assert budget.spent <= cap
        # Nothing is refused that fits.
        assert all(sent or budget.spent + worst > cap for sent, (worst, _) in zip(sent, calls, strict=True))
        return sum(sent)

    assert asyncio.run(all_of_them()) <= len(calls)


# ---------------------------------------------------------------- whatever happens on the way


@pytest.mark.parametrize("seed", range(10))
def test_the_cap_holds_whatever_breaks(server: str, tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    cap, wanted = luck.choice((0.002, 0.01, 0.05)), asks(luck.randint(10, 60), seed)
    with wire_to(server, seed) as wire:
        got, runner = run(tmp_path, wire.address, cap, wanted)
    assert wire.charged <= runner.budget.spent <= Decimal(str(cap))
    assert runner.budget.spent == books(tmp_path)
    assert kept(tmp_path) == {one.digest for one in got.values() if one.body is not None}
    assert wire.most_at_once <= paces.MOST
    assert len(got) == len(wanted)
    assert free_of_key(tmp_path)


@needs_signals
@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_goes_on_and_pays_nothing_twice(server: str, tmp_path: Path, seed: int) -> None:
    killed(server, tmp_path, seed)


def killed(server: str, root: Path, seed: int, count: int = 40) -> None:
    """Kill a run at moments by chance, until it ends; the provider's books are the judge."""
    luck = random.Random(seed)
    cap, wanted = luck.choice((0.01, 0.05)), {one.digest: one for one in asks(count, seed)}
    # Where nothing else breaks, each cent that a kill has lost must be in our books.
    with wire_to(server, seed, NO_FAULTS if seed % 2 else FAULTS) as wire:
        wire.delay = 0.05
        process = Process(root, wire.address, cap, count, seed)
        known: set[str] = set()
        before: dict[str, int] = {}
        for _ in range(luck.randint(1, 3)):
            process.start()
            is_killed = process.kill_after(len(known) + luck.randint(1, 20), luck.uniform(0, 0.05))
            process.end()
            known = kept(root)
            before = {text: wire.asked[text] for text in (text_of(wanted[digest].body) for digest in known)}
            if not is_killed:
                break
        process.start()
        code, out, errors = process.end()
    assert (code, errors) == (0, "")
    spent = Decimal(json.loads(out)["spent"])
    assert wire.charged <= books(root), "the provider charges what our books do not know"
    assert max(spent, wire.charged) <= Decimal(str(cap))
    assert {text: wire.asked[text] for text in before} == before, "an answer that was there was paid for again"


@needs_signals
def test_after_an_interrupt_what_is_under_way_is_kept(wire: Wire, tmp_path: Path) -> None:
    wire.delay = 0.3
    process = Process(tmp_path, wire.address, 1.0, 60, 0)
    process.start()
    assert process.kill_after(4, 0.1, signal.SIGINT)
    code, _, errors = process.end()
    assert code != 0
    assert "KeyboardInterrupt" in errors
    assert "awaiting " in errors
    assert 4 < len(kept(tmp_path)) == len(wire.seen) < 60, "what was sent is kept, and no more was sent"
    assert books(tmp_path) == wire.charged
    spent = books(tmp_path)
    process.start()
    code, out, _ = process.end()
    assert (code, json.loads(out)["errors"]) == (0, [""])
    assert json.loads(out)["carried"] == float(spent)
    assert len(wire.seen) == 60


# ---------------------------------------------------------------- pace


def test_a_server_that_says_too_many_is_asked_again_and_slower(server: str, tmp_path: Path) -> None:
    with wire_to(server, 1, {"429": 30}) as wire:
        got, _ = run(tmp_path, wire.address, None, asks(40))
    assert {one.error for one in got.values()} == {""}
    assert wire.happened["429"] > 5
    assert len(wire.seen) == 40 + wire.happened["429"]


def test_a_server_that_is_only_ever_busy_ends_the_run_and_keeps_its_answers(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.shadow.run.client.PATIENCE", 0.5)
    heard: list[float] = []
    with (
        wire_to(server, faults=NO_FAULTS) as wire,
        Store(tmp_path, SERVER) as store,
        Runner(store, BOOK, wire.address, KEY, 1.0, on_busy=lambda silence, _: heard.append(silence)) as runner,
    ):
        before = runner.send(asks(8))
        assert heard == []
        wire.faults = {"429 busy": 100}
        with pytest.raises(CannotRun, match=r"^the server refuses: 429 busy: .*; for 1 minute it has said nothing"):
            runner.send(asks(300))
    assert {one.error for one in before.values()} == {""}
    assert (kept(tmp_path), books(tmp_path)) == (set(before), wire.charged)
    assert sorted(heard) == heard
    assert 0 < heard[-1] <= 0.5


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait_for_hours_ends_the_run_at_once(status: int, server: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    with wire_to(server, faults={f"{status} busy": 100}) as wire:
        wire.again = {"retry-after": "43200"}
        with pytest.raises(
            CannotRun, match=rf"^the server refuses: {status} busy: .*; it asks to wait for 12 hours; run"
        ):
            run(tmp_path, wire.address, 1.0, asks(60))
    assert time.monotonic() - begun < 10
    with Store(tmp_path, SERVER) as store:
        assert store.begin() == 0


def test_a_server_that_answers_nothing_but_too_many_is_named(server: str, tmp_path: Path) -> None:
    said = r"^127.0.0.1:\d+ answers nothing: 429 busy: no, Bearer <key>; run again"
    with wire_to(server, faults={"429 busy": 100}) as wire, pytest.raises(CannotRun, match=said):
        run(tmp_path, wire.address, 1.0, asks(6))
    assert len(wire.seen) == 6 * paces.TRIES


def test_an_error_of_the_request_is_an_answer_and_not_kept(server: str, tmp_path: Path) -> None:
    with wire_to(server, faults={"400 invalid_request_error": 100}) as wire:
        got, runner = run(tmp_path, wire.address, 1.0, asks(2))
        run(tmp_path, wire.address, 1.0, asks(2))
    assert {one.error for one in got.values()} == {"400 invalid_request_error: no, Bearer <key>"}
    assert ({one.status for one in got.values()}, runner.spent, kept(tmp_path)) == ({400}, 0.0, set())
    assert len(wire.seen) == 4


@pytest.mark.parametrize("fault", ["401 invalid_api_key", "403 unsupported_country", "429 insufficient_quota"])
def test_a_server_that_refuses_everything_is_asked_no_more(server: str, tmp_path: Path, fault: str) -> None:
    with wire_to(server, faults={fault: 100}) as wire, pytest.raises(CannotRun) as caught:
        run(tmp_path, wire.address, 1.0, asks(60))
    assert str(caught.value) == f"the server refuses: {fault.replace(' ', ' ', 1)}: no, Bearer <key>"
    assert len(wire.seen) <= 2 * paces.FIRST
    assert free_of_key(tmp_path)
    with Store(tmp_path, SERVER) as store:
        assert store.begin() == 0, "what was refused costs nothing, here and later"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(CannotRun, match=r"^127.0.0.1:9 cannot be reached: "):
        run(tmp_path, "http://127.0.0.1:9/v1", 1.0, asks(20))
    assert time.monotonic() - begun < 15
    assert (kept(tmp_path), books(tmp_path)) == (set(), 0)


def test_a_server_that_goes_away_ends_the_run_and_keeps_its_answers(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.shadow.run.client.TRIES", 2)
    with wire_to(server, faults=NO_FAULTS) as wire:
        url = wire.address
        with Store(tmp_path, SERVER) as store, Runner(store, BOOK, url, KEY, 1.0) as runner:
            before = runner.send(asks(8))
            wire.faults = {"dropped": 100}
            with pytest.raises(CannotRun, match=r"cannot be reached: "):
                runner.send(asks(20))
    with Store(tmp_path, SERVER) as store:
        assert all(store.get(digest) for digest in before)


def test_what_cannot_be_done_here_has_an_exit_code_of_its_own() -> None:
    for error, code in ((CannotRun("no key"), 4), (SettingsError("no such file"), 2)):
        with pytest.raises(click.ClickException) as caught, one_line_errors():
            raise error
        assert (caught.value.exit_code, caught.value.message) == (code, str(error))


def test_without_a_key_or_the_sdk_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:9/v1"
    with Store(tmp_path, SERVER) as store:
        with pytest.raises(CannotRun, match=r"^no key: set OPENAI_API_KEY"), Runner(store, BOOK, nowhere) as runner:
            runner.send(asks(1))
        monkeypatch.setitem(sys.modules, "openai", None)
        advice = r"pip install 'migrator-llm\[shadow\]'$"
        with pytest.raises(CannotRun, match=advice), Runner(store, BOOK, nowhere, KEY) as runner:
            runner.send(asks(1))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("20ms", 0.02), ("6m0s", 360.0), ("1h2m3.5s", 3723.5), ("Wed, 21 Oct", None), ("", None)],
)
def test_times_are_read(text: str, value: float | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("headers", "attempt", "low", "high"),
    [
        ({}, 0, 0.375, 0.625),
        ({}, 3, 3.0, 5.0),
        ({"retry-after": "7"}, 4, 7.0, 7.1),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0, 0.25, 0.35),
        ({"retry-after": format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)}, 0, 80_000, 86_401),
        ({"retry-after": "soon"}, 0, 0.375, 0.625),
    ],
)
def test_the_server_says_how_long_to_wait(headers: Mapping[str, str], attempt: int, low: float, high: float) -> None:
    assert low <= wait_for(headers, attempt) <= high


def test_the_number_under_way_grows_one_by_one_and_is_halved_once_for_a_crowd() -> None:
    async def go() -> tuple[float, ...]:
        pace = Pace()
        for _ in range(40):
            pace.answered({})
        grown = pace.allowed
        left_at = asyncio.get_running_loop().time()
        for _ in range(8):
            pace.refused(0.0, left_at)
        halved = pace.allowed
        await asyncio.sleep(0.001)
        pace.refused(0.0, asyncio.get_running_loop().time())
        quartered = pace.allowed
        for _ in range(2_000):
            pace.answered({})
        most = pace.allowed
        pace.answered({"x-ratelimit-remaining-requests": "3"})
        return grown, grown / halved, halved / quartered, most, pace.allowed

    grown, first, second, most, left = asyncio.run(go())
    assert 9 < grown < 11
    assert (first, second, most, left) == (2, 2, paces.MOST, 3)


def test_nothing_leaves_while_the_server_has_nothing_left() -> None:
    async def go() -> float:
        pace = Pace()
        pace.answered({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "200ms"})
        begun = asyncio.get_running_loop().time()
        async with pace as left_at:
            return left_at - begun

    assert 0.19 < asyncio.run(go()) < 2
    assert LONGEST >= 60


# ---------------------------------------------------------------- the journal


def test_a_line_that_a_kill_cut_off_is_taken_away(wire: Wire, tmp_path: Path) -> None:
    run(tmp_path, wire.address, None, asks(2))
    path = Store(tmp_path, SERVER).path
    whole = path.read_bytes()
    answer = next(line for line in whole.splitlines(keepends=True) if b"body" in line)
    for cut in (1, 40, len(answer) - 1):
        path.write_bytes(whole + answer[:cut])
        run(tmp_path, wire.address, None, asks(2))
        assert path.read_bytes() == whole + b'{"version":1,"run":"begins"}\n{"version":1,"run":"ends"}\n'
    assert len(wire.seen) == 2


def test_lines_of_others_are_passed_over(tmp_path: Path) -> None:
    with Store(tmp_path, SERVER) as store:
        store.begin()
        store.put(
            Got("digest", {"choices": [], "text": "\u2028\udc80"}, status=200, usage=Usage(1, 2, 3)), Decimal("0.5")
        )
    path = Store(tmp_path, SERVER).path
    path.write_bytes(b'no json\n[1]\n{"version":99,"digest":"x","body":{}}\n' + path.read_bytes())
    with Store(tmp_path, SERVER) as store:
        found = store.get("digest")
        assert found == Got(
            "digest", {"choices": [], "text": "\u2028\udc80"}, status=200, usage=Usage(1, 2, 3), is_stored=True
        )
        assert store.get("x") is None
        assert store.begin() == Decimal("0.5")


@pytest.mark.parametrize("said", ['["a",0,1]', "[null,0,1]", "[1,0]", "[1,0,-2]", "[1,0,1e400]", "[true,0,1]", '"110"'])
def test_tokens_that_cannot_be_are_none_and_the_answer_is_kept(said: str, tmp_path: Path) -> None:
    with Store(tmp_path, SERVER) as store:
        store.put(Got("digest", {"choices": []}, status=200, usage=Usage(1, 0, 1)), Decimal("0.5"))
    path = Store(tmp_path, SERVER).path
    path.write_text(path.read_text("utf-8").replace("[1,0,1]", said), encoding="utf-8")
    with Store(tmp_path, SERVER) as store:
        assert store.get("digest") == Got("digest", {"choices": []}, status=200, is_stored=True)


def test_a_run_that_was_stopped_counts_and_one_that_ended_does_not(tmp_path: Path) -> None:
    with Store(tmp_path, SERVER) as store:
        assert store.begin() == 0
        store.sent("under way", Decimal("0.25"))
        store.sent("refused", Decimal("0.25"))
        store.paid("refused", Decimal(0))
        store.put(Got("answered", {"choices": []}), Decimal("0.5"))
    with Store(tmp_path, SERVER) as store:
        assert store.begin() == Decimal("0.75")
        store.end()
    with Store(tmp_path, SERVER) as store:
        assert store.begin() == 0
        assert store.get("answered") is not None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_one_comparison_writes_at_a_time(tmp_path: Path) -> None:
    second = Store(tmp_path, SERVER)
    with Store(tmp_path, SERVER), pytest.raises(SettingsError, match="another comparison of this project is running"):
        second.__enter__()
    with Store(tmp_path, SERVER):
        pass


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".migrator").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match=r"^\.migrator/shadow is a link"), Store(tmp_path, SERVER):
        pass
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    "counts",
    [
        {},
        {"prompt_tokens": -100, "completion_tokens": 1},
        {"prompt_tokens": 10, "completion_tokens": -5},
        {"prompt_tokens": 10},
        {"prompt_tokens": "10", "completion_tokens": True},
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 10_000_000}},
    ],
)
def test_counts_that_cannot_be_are_no_counts(counts: Mapping[str, object]) -> None:
    # An answer without counts is paid for at its worst, so that no server can make the money more.
    assert usage({"usage": counts}) is None


def test_an_answer_that_is_nested_too_deeply_is_none() -> None:
    said = answer("[" * 200_000, 200, 0.1, {})
    assert (said.body, said.error, said.is_lost) == (None, "200 the answer is no JSON", True)


def test_a_difference_is_accepted_for_one_migration(tmp_path: Path) -> None:
    wanted = Accepted(Acceptance("shorter", "ann", "2027-01-31"), ("label", "number"), ('the model "refuses"',))
    accepted.accept(tmp_path, "abc", "app.py:1", wanted, to="gpt-4.1-mini")
    today = date(2026, 11, 28)
    assert accepted.load(tmp_path, today, "gpt-4.1-mini") == {"abc": wanted}
    assert accepted.load(tmp_path, today, "gpt-6-luna") == {}
    assert accepted.load(tmp_path, date(2027, 2, 1), "gpt-4.1-mini") == {}


def exchange(flip: Flip, kind: str, failure: str = "", *, is_noise: bool = False) -> Exchange:
    return Exchange("c", "", flip, "", "", "", "", (Difference(kind, "", "", "", is_noise),), (), failure)


def test_an_acceptance_covers_what_was_there_and_nothing_else() -> None:
    there = [exchange("loss", "label"), exchange("failure", "number", "cut off"), exchange("gain", "date")]
    covered = accepted.against([*there, exchange("loss", "id", is_noise=True)])
    assert covered == (("label", "number"), ("cut off",))
    wanted = Accepted(Acceptance("shorter", "", "2027-01-31"), *covered)
    assert wanted.beyond([*there, exchange("both", "date"), exchange("undecided", "words")]) == ()
    assert wanted.beyond([*there, exchange("failure", "label", "the model refuses"), exchange("loss", "date")]) == (
        "hard failure: the model refuses",
        "difference: date",
    )


def test_an_acceptance_without_what_it_covers_covers_nothing(tmp_path: Path) -> None:
    head = '[[accepted]]\nsite = "abc"\nreason = "shorter"\nuntil = 2027-01-31\n'
    (tmp_path / accepted.FILE).write_text(head, encoding="utf-8")
    (one,) = accepted.load(tmp_path, date(2026, 11, 28), "gpt-4.1-mini").values()
    assert one.beyond([exchange("loss", "label")]) == ("difference: label",)
    (tmp_path / accepted.FILE).write_text(f"{head}failures = [1]\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"entry 1: failures is a list of texts$"):
        accepted.load(tmp_path, date(2026, 11, 28), "gpt-4.1-mini")


def test_what_was_lost_is_paid_for_although_the_money_is_out(wire: Wire, tmp_path: Path) -> None:
    wire.faults = {"cut off": 100}
    (one,) = asks(1)
    got, runner = run(tmp_path, wire.address, float(worst(one) * Decimal("1.5")), (one,))
    assert [(said.error, said.cost) for said in got.values()] == [("200 the answer is no JSON", runner.spent)]
