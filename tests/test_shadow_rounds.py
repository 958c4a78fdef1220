"""Answer one question: are the right requests sent, and is each site decided as its truth is?

The senders here draw answers whose truth is known. Everything else is the product's own.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from migrator import comparison
from migrator.model import CallSite, Position, Span
from migrator.plan_prompts import Target
from migrator.prompts.layout import Layout, propose
from migrator.prompts.template import Message, Place, Segment, Template, Varies
from migrator.settings import Settings
from migrator.shadow import statistics
from migrator.shadow.account import evidence
from migrator.shadow.model import Case, Kind, Outcome, Usage
from migrator.shadow.model import Place as Recorded
from migrator.shadow.prepare import Prepared, Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import Rounds, State
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.units import units
from migrator.shadow.wanted import configured, functions
from migrator.shadow_settings import ShadowSettings, ShadowSite

HERE = Place("app.py", Span(0, 1), 1)
RULES = "Say which kind of mail this is."
NEW = "gpt-4.1-mini"
# An answer that was cut off at its longest.
CUT = "compl"


def rename(name: str) -> str | None:
    return {"gpt-4o": NEW, "gpt-4o-mini": NEW}.get(name)


def site(name: str) -> CallSite:
    return CallSite(name, "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))


def completion(text: str) -> dict[str, object]:
    finish = "length" if text == CUT else "stop"
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 2}}


def case(number: int, name: str, answer: str, **more: object) -> Case:
    messages = [{"role": "system", "content": f"Mail {number}.\n\n{RULES}"}, {"role": "user", "content": f"m{number}"}]
    return Case(
        id=f"{name}-{number:03}",
        site=name,
        place=None,
        endpoint="chat/completions",
        address="api.openai.com",
        request={"model": "gpt-4o", "messages": messages, "temperature": 0.2, **more},
        response=completion(answer),
        status=200,
        error=None,
        whole=True,
        retries=0,
        latency=0.5,
        first=None,
        taken=datetime(2026, 11, 1, tzinfo=UTC).isoformat(),
        commit="",
        versions={},
        redacted={},
        raw=False,
        stratum="",
        draw=0.0,
    )


def template() -> Template:
    head = Segment(HERE, Varies.NEVER, "Mail ")
    parts = (head, Segment(HERE, Varies.REQUEST, None, "number"), Segment(HERE, Varies.NEVER, f".\n\n{RULES}"))
    question = Segment(HERE, Varies.REQUEST, None, "mail")
    return Template((), (Message("system", parts, HERE), Message("user", (question,), HERE)))


def target(name: str, *, layout: bool = False) -> Target:
    shown = template()
    made = propose(shown) if layout else None
    assert made is None or isinstance(made, Layout)
    return Target(site(name), ("gpt-4o",), (NEW,), shown, made, f"app.{name}")


Truth = Callable[[Ask, random.Random], str]


class Drawn:
    """Answers are drawn by ``truth``; what was sent is kept."""

    def __init__(self, truth: Truth, *, most: int = 100_000) -> None:
        self.truth, self.most = truth, most
        self.sent: list[Ask] = []

    def send(self, asks: Sequence[Ask]) -> Mapping[str, Got]:
        return {ask.digest: self._answer(ask) for ask in asks}

    def _answer(self, ask: Ask) -> Got:
        if len(self.sent) >= self.most:
            return Got(ask.digest, error="budget")
        self.sent.append(ask)
        text = self.truth(ask, random.Random(ask.digest))
        if text.startswith("error"):
            return Got(ask.digest, error=text.removeprefix("error "), status=400)
        return Got(ask.digest, completion(text), status=200, usage=Usage(100, 64, 2), latency=0.3)


def noisy(share: float, right: str = "complaint") -> Truth:
    return lambda ask, luck: "praise" if luck.random() < share else right


def by_model(old: Truth, new: Truth) -> Truth:
    return lambda ask, luck: (new if ask.body["model"] == NEW else old)(ask, luck)


def ready(*targets: Target, cases: int = 200, **more: object) -> Prepared:
    recorded = [case(n, one.site.id, "complaint", **more) for one in targets for n in range(cases)]
    return prepare(targets, recorded, {one.id: (one.site,) for one in recorded}, Move(rename), Wishes())


def compared(prepared: Prepared, sender: Drawn) -> tuple[Rounds, tuple[State, ...]]:
    rounds = Rounds(sender, 0.05, lambda _: 10)
    return rounds, rounds.run(prepared.trials)


def outcome(state: State) -> Outcome:
    assert state.verdict is not None
    return state.verdict.outcome


def test_the_same_model_passes_and_no_more_is_asked_than_it_takes() -> None:
    sender = Drawn(noisy(0))
    _, (state,) = compared(ready(target("a")), sender)
    assert (outcome(state), state.asked) == (Outcome.PASS, 90)
    assert Counter(ask.cell for ask in sender.sent) == {Cell.OLD: 90, Cell.NEW: 90}


def test_both_models_are_asked_what_was_recorded() -> None:
    sender = Drawn(noisy(0))
    compared(ready(target("a", layout=True), cases=10, stream=True, user="ann"), sender)
    old, new = (next(a for a in sender.sent if a.case == "a-007" and a.cell is cell) for cell in (Cell.OLD, Cell.NEW))
    said = {"role": "user", "content": "m7"}
    first = {"role": "system", "content": f"Mail 7.\n\n{RULES}"}
    turned = {"role": "system", "content": f"{RULES}\n\nMail 7."}
    assert old.body == {"model": "gpt-4o", "messages": [first, said], "temperature": 0.2}
    assert new.body == {
        "model": NEW,
        "messages": [turned, said],
        "temperature": 0.2,
        "prompt_cache_key": "app.a",
    }


def test_a_broken_model_fails_soon() -> None:
    _, (state,) = compared(ready(target("a")), Drawn(by_model(noisy(0.02), noisy(0.6))))
    assert outcome(state) is Outcome.FAIL
    assert state.asked <= 40


def test_too_few_cases_are_no_verdict() -> None:
    rounds, (state,) = compared(ready(target("a"), cases=8), Drawn(noisy(0)))
    assert outcome(state) is Outcome.INCONCLUSIVE
    found = evidence([state], rounds.answers, None, None, lambda model, usage: 0.001)
    assert (found.action, found.cases, found.compared) == ("hold", 8, 8)
    assert found.more is not None
    assert found.more + 8 == pytest.approx(88, abs=2)
    assert found.more_cost == pytest.approx(found.more * 0.002)


def test_sites_pass_together_with_more_evidence_where_others_do_not() -> None:
    prepared = ready(*(target(name) for name in "abcd"))
    bad = by_model(noisy(0), lambda ask, luck: noisy(0 if ask.site == "a" else 0.5)(ask, luck))
    sender = Drawn(bad)
    _, states = compared(prepared, sender)
    assert [outcome(state) for state in states] == [Outcome.PASS, *[Outcome.FAIL] * 3]
    # One of four needs an e-value of 80 instead of 20; after 120 cases it is 77.6.
    assert states[0].asked == 130


def _is_new_layout(ask: Ask) -> bool:
    messages = ask.body["messages"]
    assert isinstance(messages, list)
    return str(messages[0]["content"]).startswith(RULES)


@pytest.mark.parametrize(
    ("is_bad", "action", "model", "layout"),
    [
        (lambda ask: _is_new_layout(ask), "model", 0, 20),
        (lambda ask: ask.body["model"] == NEW, "layout", 20, 0),
        (lambda ask: ask.body["model"] == NEW or _is_new_layout(ask), "hold", 20, 20),
    ],
    ids=["the layout is to blame", "the model is to blame", "each is to blame"],
)
def test_on_a_failure_the_half_that_holds_is_let_through(
    is_bad: Callable[[Ask], bool], action: str, model: int, layout: int
) -> None:
    prepared = ready(target("a", layout=True))
    truth: Truth = lambda ask, luck: "praise" if is_bad(ask) else "complaint"  # noqa: E731
    rounds, states = compared(prepared, Drawn(truth))
    found = evidence(states, rounds.answers, rounds.blames.get("a"), None, lambda *_: None)
    assert (found.outcome, found.action, found.changes) == ("fail", action, ("model", "order", "cache_key"))
    assert found.attribution is not None
    told = (found.attribution.model.count, found.attribution.layout.count)
    assert told == (min(model, found.attribution.cases), min(layout, found.attribution.cases))


def test_money_that_runs_out_stops_everything_and_decides_nothing() -> None:
    sender = Drawn(noisy(0), most=35)
    _, (state,) = compared(ready(target("a")), sender)
    assert outcome(state) is Outcome.INCONCLUSIVE
    assert state.is_stopped
    assert len(sender.sent) == 35


def test_a_run_goes_on_from_the_answers_that_are_there() -> None:
    first = Drawn(noisy(0.05), most=60)
    rounds, _ = compared(ready(target("a")), first)
    second = Drawn(noisy(0.05))
    again = Rounds(second, 0.05, lambda _: 10, answers=dict(rounds.answers))
    (resumed,) = again.run(ready(target("a")).trials)
    whole = Drawn(noisy(0.05))
    _, (at_once,) = compared(ready(target("a")), whole)
    assert {a.digest for a in first.sent}.isdisjoint(a.digest for a in second.sent)
    assert (outcome(resumed), resumed.verdict) == (outcome(at_once), at_once.verdict)
    assert len(first.sent) + len(second.sent) == len(whole.sent)


def test_a_case_without_an_answer_is_asked_of_the_old_model_twice() -> None:
    imported = replace(case(1, "a", ""), response=None, status=None, whole=False)
    prepared = prepare([target("a")], [imported], {imported.id: ("a",)}, Move(rename), Wishes())
    sender = Drawn(noisy(0))
    _, (state,) = compared(prepared, sender)
    assert Counter((ask.cell, ask.run) for ask in sender.sent) == {
        (Cell.OLD, 2): 1, (Cell.OLD, 1): 1, (Cell.NEW, 1): 1
    }  # fmt: skip
    assert len(state.found) == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"model": "gpt-5"}, "ran on gpt-5, which does not move here"),
        ({"previous_response_id": "r"}, "rests on what the server keeps (previous_response_id)"),
        ({"tools": [{"type": "web_search"}]}, "uses a tool that the server runs (web_search)"),
        ({"web_search_options": {}}, "uses a tool that the server runs (web search)"),
        ({"modalities": ["text", "audio"]}, "asks for audio"),
    ],
)
def test_what_cannot_be_asked_again_is_held_with_the_reason(more: dict[str, object], reason: str) -> None:
    prepared = ready(target("a"), cases=3, **more)
    assert prepared.trials == ()
    assert prepared.held == {"a": f"none of its 3 requests can be compared; of 3: {reason}"}


def test_a_case_of_which_something_is_missing_is_not_asked_again() -> None:
    imported = replace(case(1, "a", ""), lacks=("the tools are not in the export",))
    prepared = prepare([target("a")], [imported], {imported.id: ("a",)}, Move(rename), Wishes())
    reason = "is not all there: the tools are not in the export"
    assert prepared.held == {"a": f"none of its 1 requests can be compared; of 1: {reason}"}


@pytest.mark.parametrize(
    ("endpoint", "sent", "moved"),
    [
        (
            "chat/completions",
            {"max_tokens": 9, "temperature": 0},
            {"max_completion_tokens": 9, "temperature": 0, "reasoning_effort": "none"},
        ),
        ("chat/completions", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        (
            "responses",
            {"max_output_tokens": 9, "reasoning": {"summary": "auto"}, "prompt_cache_retention": "24h"},
            {"max_output_tokens": 9, "reasoning": {"summary": "auto", "effort": "none"}},
        ),
    ],
)
def test_a_moved_request_has_the_parameters_of_its_new_model(
    endpoint: str, sent: dict[str, object], moved: dict[str, object]
) -> None:
    move = comparison._move(Settings(migration="gpt-6-luna"))
    before = dict(sent)
    assert move.moved(sent, endpoint, "gpt-6-luna", "app.a") == {
        **moved,
        "model": "gpt-6-luna",
        "prompt_cache_key": "app.a",
    }
    assert sent == before


def test_a_provider_before_a_name_is_no_other_model() -> None:
    written = replace(target("a"), before=("openai/gpt-4o",), models=(f"openai/{NEW}",))
    one = case(1, "a", "complaint")
    assert len(prepare([written], [one], {one.id: ("a",)}, Move(rename), Wishes()).trials) == 1


def test_a_site_without_cases_is_held_and_a_case_without_a_site_is_counted() -> None:
    stray, foreign = case(1, "x", "complaint"), case(2, "y", "complaint")
    prepared = prepare([target("a")], [stray, foreign], {stray.id: ("elsewhere",)}, Move(rename), Wishes())
    assert prepared.held == {"a": "no request is recorded"}
    assert prepared.unlinked == {"its call does not change": 1, "its call is not known": 1}


def test_the_evidence_of_a_site_says_what_was_seen() -> None:
    rounds, states = compared(ready(target("a", layout=True)), Drawn(by_model(noisy(0.02), noisy(0.6))))
    found = evidence(states, rounds.answers, None, None, lambda model, usage: 0.01 if model == NEW else 0.04)
    assert (found.site, found.file, found.line, found.surface) == ("a", "app.py", 1, "openai.chat")
    assert (found.outcome, found.action) == ("fail", "layout")
    assert (found.before.model, found.after.model) == ("gpt-4o", NEW)
    assert (found.before.cost, found.after.cost) == (pytest.approx(40), pytest.approx(10))
    assert (found.after.calls, found.after.cached) == (found.compared, 64 * found.compared)
    assert found.losses == sum(one.flip == "loss" for one in found.exchanges)
    assert found.exchanges[0].weight == max(one.weight for one in found.exchanges)
    loss = next(one for one in found.exchanges if one.flip == "loss")
    assert (loss.recorded, loss.new, loss.prompt[0]) == ("complaint", "praise", "m")
    assert json.dumps(found.path)


STAMPED = {"response_format": {"type": "json_object"}}


def stamped(kind: str, at: int) -> str:
    return json.dumps({"kind": kind, "created_at": at})


def configured_ready(shadow: ShadowSettings, answer: str, **more: object) -> Prepared:
    place = Recorded("app.py", "Client.sort", 1, None, None, None, "")
    recorded = [replace(case(n, "a", answer, **more), place=place) for n in range(200)]
    links = {one.id: ("a",) for one in recorded}
    around = functions(recorded, links)
    assert around == {"a": "Client.sort"}
    return prepare([target("a")], recorded, links, Move(rename), configured(Wishes(), shadow, around))


def test_a_masked_field_does_not_count_and_the_next_one_does() -> None:
    """Both models stamp their answers with another time; the new one also takes some mail for praise."""
    shadow = ShadowSettings(sites=(ShadowSite("app.py:sort", mask=("created_at",)),))
    same = Drawn(lambda ask, luck: stamped("complaint", luck.randint(1, 10**9)))
    worse = Drawn(
        lambda ask, luck: stamped(noisy(0.4 if ask.body["model"] == NEW else 0)(ask, luck), luck.randint(1, 10**9))
    )
    prepared = configured_ready(shadow, stamped("complaint", 0), **STAMPED)
    assert prepared.trials[0].mask == ("created_at",)
    for sender, said, noise in ((same, Outcome.INCONCLUSIVE, 0), (worse, Outcome.FAIL, 0)):
        (state, *_) = compared(prepared, sender)[1]
        assert outcome(state) is said
        assert state.verdict is not None
        assert state.verdict.numbers.noise.count == noise
        assert all(e.is_noise for one in state.found for e in one.old.evidence)


def test_the_configuration_gives_margins_and_the_first_table_of_a_call() -> None:
    shadow = ShadowSettings(
        alpha=0.01, margins={"label": 0.2}, sites=(ShadowSite("app.py:other", margin=0.5), ShadowSite("*.py"))
    )
    (trial,) = configured_ready(shadow, "complaint").trials
    assert (trial.rule.margin, trial.rule.alpha, trial.mask, trial.contract.own) == (0.2, 0.01, (), "")
    own = ShadowSettings(margins={"own": 0.3}, sites=(ShadowSite("app.py:sort", "checks:same"),))
    (trial,) = configured_ready(own, "complaint").trials
    assert (trial.rule.margin, trial.contract.kind, trial.contract.own) == (0.3, Kind.OWN, "checks:same")
    nearer = replace(own, sites=(ShadowSite("app.py:sort", "checks:same", 0.07),))
    assert configured_ready(nearer, "complaint").trials[0].rule.margin == 0.07
    assert configured_ready(ShadowSettings(), "complaint").trials[0].rule == ready(target("a")).trials[0].rule


def test_a_site_whose_old_model_never_says_the_same_does_not_pass() -> None:
    # Whatever the new model says, it differs no more often than the old one does.
    _, (state,) = compared(ready(target("a")), Drawn(lambda ask, luck: f"word{luck.random()}"))
    assert state.verdict is not None
    assert (state.verdict.outcome, state.verdict.reason) == (Outcome.INCONCLUSIVE, statistics.LOUD)


class Silent(Drawn):
    """The new model's server fails for some requests, each time."""

    def _answer(self, ask: Ask) -> Got:
        is_silent = ask.body["model"] == NEW and int(ask.case[-3:]) % 3 == 0
        return Got(ask.digest, error="500 error: no message", status=500) if is_silent else super()._answer(ask)


def test_a_case_that_the_new_model_alone_does_not_answer_counts_as_undecided() -> None:
    rounds, (state,) = compared(ready(target("a")), Silent(noisy(0)))
    assert state.verdict is not None
    assert (state.verdict.outcome, state.verdict.numbers.undecided) == (Outcome.INCONCLUSIVE, 67)
    found = evidence([state], rounds.answers, None, None, lambda *_: None)
    silent = next(one for one in found.exchanges if one.flip == "undecided")
    assert (found.action, silent.new, silent.differences[0].kind) == ("hold", "error: no answer came", "no answer")


def test_a_model_that_is_seldom_asked_is_not_netted_against_the_other() -> None:
    both = [
        case(n, "a", "complaint", model=model, messages=[{"role": "user", "content": f"m{n}"}])
        for n in range(400)
        for model in ("gpt-4o" if n < 394 else "gpt-4o-mini",)
    ]
    prepared = prepare([target("a")], both, {one.id: ("a",) for one in both}, Move(rename), Wishes())
    broken: Truth = lambda ask, luck: "praise" if int(ask.case[-3:]) >= 394 else "complaint"  # noqa: E731
    _, (state,) = compared(prepared, Drawn(by_model(noisy(0), broken)))
    assert outcome(state) is Outcome.INCONCLUSIVE
    assert state.verdict is not None
    assert state.verdict.reason.startswith("needs more cases of the prompt ")


def test_the_steps_of_an_agent_are_one_unit() -> None:
    question = {"role": "user", "content": "Where is my letter?"}
    call = {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "here"}
    turns = ([question], [question, call, result], [question, call, result, call, result])
    asked = [replace(case(n, "a", "x"), request={"model": "gpt-4o", "input": said}) for n, said in enumerate(turns)]
    assert len(set(units(asked).values())) == 1


def test_what_refers_to_the_server_is_not_asked_again() -> None:
    said = {"model": "gpt-4o", "input": [{"type": "item_reference", "id": "msg_1"}]}
    one = replace(case(1, "a", "x"), endpoint="responses", request=said)
    prepared = prepare([target("a")], [one], {one.id: ("a",)}, Move(rename), Wishes())
    assert prepared.held == {
        "a": "none of its 1 requests can be compared; of 1: rests on what the server keeps (item_reference)"
    }
