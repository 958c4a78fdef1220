"""Answer one question: does a comparison of real models come out as it must?

SmolLM2 (135 million parameters) against itself, 20 times: it must never FAIL, however noisy it is. SmolLM2 against
Gemma 3 (270 million), which are really different: they must never PASS. Both answer through the server of llama.cpp;
the requests are sent by the product's own runner with the real SDK.

Takes about a quarter of an hour of one processor: ``pytest -m engine tests/engine/test_shadow_models.py``.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from engine import python_of_two, running

from migrator import rulebook
from migrator.model import CallSite, Position, Span
from migrator.plan_prompts import Target
from migrator.shadow.model import Case, Outcome
from migrator.shadow.prepare import Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import Rounds, State
from migrator.shadow.run.runner import Runner
from migrator.shadow.run.store import Store

pytestmark = [pytest.mark.engine, pytest.mark.slow]

OLD, SAME, OTHER = "smollm2", "smollm2-again", "gemma3"
RUNS, CASES = 20, 40
THINGS = ("lamp", "kettle", "chair", "radio", "coat", "table", "phone", "bicycle", "book", "clock")
MATTERS = (
    "The {thing} arrived broken and nobody answers me.",
    "Thank you, the {thing} is even nicer than in the picture!",
    "Does the {thing} come in green as well?",
    "I want to send the {thing} back and have my money again.",
)
TICKETS = tuple(matter.format(thing=thing) for thing in THINGS for matter in MATTERS)[:CASES]
KINDS = ("complaint", "praise", "question", "return")
SCHEMA = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": list(KINDS)}},
    "required": ["kind"],
    "additionalProperties": False,
}


@contextmanager
def routed(ways: Mapping[str, str]) -> Iterator[str]:
    """Send each request on to the engine of its model: one server that knows several, as OpenAI's does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            address = ways[json.loads(data)["model"]]
            asked = urllib.request.Request(f"{address}{self.path}", data, {"content-type": "application/json"})
            with urllib.request.urlopen(asked, timeout=600) as reply:
                body = reply.read()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run both models, and give the one address at which they answer."""
    interpreter = python_of_two()
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp(name) for name in ("smollm", "gemma")]
        smollm = stack.enter_context(running(folders[0], interpreter)).address
        gemma = stack.enter_context(running(folders[1], interpreter, "gemma")).address
        yield stack.enter_context(routed({OLD: smollm, SAME: smollm, OTHER: gemma}))


def case(number: int, ticket: str) -> Case:
    """Give a request without an answer: the old model is asked for that too."""
    rules = "You sort mail. Answer with JSON: the kind of the mail."
    form = {"type": "json_schema", "json_schema": {"name": "mail", "strict": True, "schema": SCHEMA}}
    request = {
        "model": OLD,
        "messages": [{"role": "system", "content": rules}, {"role": "user", "content": ticket}],
        "response_format": form,
        "temperature": 0.7,
        "max_tokens": 24,
    }
    return Case(
        f"t{number:02}", "sort", None, "chat/completions", "127.0.0.1", request, None, None, None, False, 0, None,
        None, "", "", {}, {}, False, "", 0.0,
    )  # fmt: skip


def compared(folder: Path, address: str, new: str) -> State:
    """Compare the old model with another one on all tickets."""
    site = CallSite("sort", "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))
    cases = [case(number, ticket) for number, ticket in enumerate(TICKETS)]
    links = {one.id: ("sort",) for one in cases}
    wishes = Wishes(margin=lambda _: 0.05)
    target = Target(site, (OLD,), (new,))
    prepared = prepare([target], cases, links, Move({OLD: new}.get), wishes)
    with Store(folder, "engine") as store, Runner(store, rulebook.load(), address, "no-key") as runner:
        return Rounds(runner, wishes.alpha, lambda _: 10).run(prepared.trials)[0]


def told(state: State) -> str:
    assert state.verdict is not None
    numbers = state.verdict.numbers
    return (
        f"{state.verdict.outcome.value:12}  {numbers.cases} cases, noise {numbers.noise.share:.2f}, "
        f"new {numbers.new.share:.2f}, excess {numbers.excess:+.2f}; {state.verdict.reason}"
    )


def test_a_model_never_fails_against_itself(models: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    states = [compared(tmp_path / str(number), models, SAME) for number in range(RUNS)]
    with capsys.disabled():
        print("\nold against old", *map(told, states), sep="\n  ")
    outcomes = Counter(state.verdict.outcome for state in states if state.verdict is not None)
    assert sum(outcomes.values()) == RUNS
    assert outcomes[Outcome.FAIL] == 0


def test_a_really_different_model_never_passes(models: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    states = [compared(tmp_path / str(number), models, OTHER) for number in range(3)]
    with capsys.disabled():
        print("\nold against another model", *map(told, states), sep="\n  ")
    assert all(state.verdict is not None and state.verdict.outcome is not Outcome.PASS for state in states)
    assert all(state.verdict is not None and state.verdict.numbers.excess > 0 for state in states)
