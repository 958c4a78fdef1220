"""Answer one question: are undecided answers settled by steps that were measured, and by no others?"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from migrator.shadow.comparators import calibration, embedding, judge, ladder, own, prose, structured
from migrator.shadow.comparators.calibration import Bounds, Calibration, calibrate, objection, repeated, unseen
from migrator.shadow.comparators.compare import compare
from migrator.shadow.comparators.judge import Body
from migrator.shadow.comparators.plant import KINDS, REFUSALS, plant
from migrator.shadow.comparators.settle import Compared, Decide, Doubt, settle
from migrator.shadow.comparators.structured import Mask
from migrator.shadow.model import Answer, Comparison, Contract, Evidence, Kind, Reply
from migrator.shadow.shares import rate

SAME, DIFFERS, UNDECIDED = Answer
PROSE = Contract(Kind.PROSE, "")
LETTERS = (
    "Your order AB-{0} must be returned by Monday. All parts are in the box. Ann will call you after that.",
    "We approved the claim of {0} dollars. It is open until Friday. Bob and Carla were told, and Elif was not.",
    "The train to Rome leaves at 10:{0}. You may take a bag. It is allowed to bring food if it is packed.",
)
TEXTS = tuple(letter.format(number) for letter in LETTERS for number in range(21, 29))


def doubt(old: str, new: str) -> Doubt:
    return Doubt(old, new, "user: What is up?")


def words(texts: Sequence[str]) -> list[list[float]]:
    """Count letters: an embedding that is bad, and real."""
    return [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


# ---------------------------------------------------------------- the ladder


def saying(answers: dict[str, Answer], asked: list[str]) -> Decide:
    """Make a step that knows some texts, and notes what it is asked."""

    def decide(doubts: Sequence[Doubt]) -> Sequence[Comparison]:
        asked.extend(one.new for one in doubts)
        return [Comparison(answers.get(one.new, UNDECIDED), (Evidence("step", one.new),)) for one in doubts]

    return decide


def compared(old: str, new: str, contract: Contract = PROSE, mask: Mask = structured.NO_MASK) -> Compared:
    replies = Reply(old), Reply(new)
    return Compared(contract.kind, *replies, compare(contract, *replies, mask), "task")


def test_each_step_is_asked_only_what_is_left() -> None:
    lift, film, dog = ("The lift is broken.", "The elevator is stuck."), ("It was fun.", "I liked it."), ("Go.", "Run!")
    pairs = [compared(*pair) for pair in (lift, film, dog, lift)]
    first: list[str] = []
    second: list[str] = []
    found = settle(pairs, [saying({lift[1]: SAME}, first), saying({film[1]: DIFFERS}, second)])
    assert [one.answer for one in found] == [SAME, DIFFERS, UNDECIDED, SAME]
    assert (first, second) == ([lift[1], film[1], dog[1]], [film[1], dog[1]])
    assert [e.kind for e in found[2].evidence if e.kind == "step"] == ["step", "step"]
    assert settle(pairs, []) == tuple(one.found for one in pairs)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("You owe $42.00.", "You owe $420.00."),
        ("The refund was issued.", "The refund was not issued."),
        ("Due on May 3.", "Due on May 4."),
        ("See case A-17.", "See case A-18."),
        ("Here is the plan for it.", REFUSALS[0]),
        ("Yes, it is.", "yes,  it is"),
    ],
)
def test_what_the_comparators_decided_nobody_is_asked(old: str, new: str) -> None:
    asked: list[str] = []
    pair = compared(old, new)
    assert settle([pair], [saying({new: SAME}, asked)]) == (pair.found,)
    assert asked == []


def test_open_texts_of_json_are_asked_one_by_one() -> None:
    old = {"id": 1, "note": "The lift is broken again.", "lines": [{"why": "It was fun for all."}]}
    new = {"id": 1, "note": "The elevator got stuck today.", "lines": [{"why": "We liked it very much."}]}
    pair = compared(json.dumps(old), json.dumps(new), Contract(Kind.JSON, ""))
    assert pair.doubts() == (
        Doubt("The lift is broken again.", "The elevator got stuck today.", "task"),
        Doubt("It was fun for all.", "We liked it very much.", "task"),
    )
    one, other = (doubt.new for doubt in pair.doubts())
    for answers, said in (
        ({one: SAME, other: SAME}, SAME),
        ({one: SAME}, UNDECIDED),
        ({one: SAME, other: DIFFERS}, DIFFERS),
        ({other: DIFFERS}, DIFFERS),
    ):
        assert settle([pair], [saying(answers, [])])[0].answer is said
    masked = compared(json.dumps(old), json.dumps(new), Contract(Kind.JSON, ""), Mask(named=("note", "lines[].why")))
    assert (masked.found.answer, masked.doubts()) == (SAME, ())


def test_an_own_comparator_that_cannot_say_has_the_last_word() -> None:
    pair = Compared(Kind.OWN, Reply("a"), Reply("b"), Comparison(UNDECIDED))
    assert settle([pair], [saying({"b": SAME}, [])]) == (Comparison(UNDECIDED),)


# ---------------------------------------------------------------- planted defects


def test_planted_defects_are_the_same_each_time_and_of_every_kind() -> None:
    found = plant(TEXTS, 7, 60)
    assert found == plant(TEXTS, 7, 60)
    assert len(found) == 60
    assert {one.kind for one in found} == KINDS.keys()
    assert all(one.old in TEXTS and one.new != one.old for one in found)
    assert len(set(found)) == 60


def test_no_planted_defect_passes_for_the_same() -> None:
    """Numbers and refusals are always seen; a dropped sentence or a swapped name may be left undecided."""
    said = Counter((one.kind, str(prose.compare(one.old, one.new).answer)) for one in plant(TEXTS, 3, 400))
    assert {kind for kind, answer in said if answer == "same"} == set()
    assert (said["number", "undecided"], said["refusal", "undecided"]) == (0, 0)
    assert min(said["number", "differs"], said["negation", "differs"], said["refusal", "differs"]) >= 15


def test_nothing_is_planted_where_there_is_no_place() -> None:
    assert {one.kind for one in plant(["Ja"], 1, 10)} == {"refusal"}
    assert plant(["", " "], 1, 10) == ()


# ---------------------------------------------------------------- embeddings


def test_the_scale_is_the_old_models_own() -> None:
    assert embedding.scale([0.9] * 9) is None
    read = embedding.scale([0.90, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 1.0, 1.0])
    assert read is not None
    assert (read.same, round(read.other, 6), read.pairs) == (0.96, 0.84, 11)


def test_cosines() -> None:
    assert embedding.cosine([1, 0], [2, 0]) == 1
    assert embedding.cosine([1, 0], [0, 3]) == 0
    assert embedding.cosine([0, 0], [1, 1]) == 0
    with pytest.raises(ValueError, match="zip"):
        embedding.cosine([1], [1, 2])


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("The lift is broken.", "Our elevator got stuck.", SAME),
        ("Ann reports to Bob.", "Bob reports to Ann.", UNDECIDED),
        ("You must sign the form.", "You may sign the form.", UNDECIDED),
        ("Ask Carla for the key.", "Ask Elif for the key.", UNDECIDED),
        ("The dose is 5 mg, then 2 mg.", "The dose is 2 mg, then 5 mg.", UNDECIDED),
        ("The film was not bad.", "The film was good.", UNDECIDED),
    ],
)
def test_vectors_alone_settle_nothing_but_the_choice_of_words(old: str, new: str, answer: Answer) -> None:
    """The vectors are equal, as if a model found no difference at all."""
    step = embedding.by_scale(lambda texts: [[1.0, 1.0] for _ in texts], embedding.Scale(0.9, 0.5, 20))
    assert [one.answer for one in step([doubt(old, new)])] == [answer]


def test_far_from_everything_that_the_old_model_says_is_another_answer() -> None:
    step = embedding.by_scale(words, embedding.Scale(0.99, 0.9, 20))
    pair = doubt("The lift is broken.", "My cup jumps.")
    (found,) = step([pair])
    (value,) = embedding.cosines(words, [pair])
    assert 0 < value < 0.9
    said = Evidence("embedding", "", "same from 0.990, other below 0.900", f"{value:.3f}")
    assert found == Comparison(DIFFERS, (said,))


def test_requests_for_embeddings() -> None:
    assert embedding.question(["a", "b"], "e5") == {"model": "e5", "input": ["a", "b"], "encoding_format": "float"}
    rows = [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]
    assert embedding.answer({"data": rows}, 2) == ((1, 2), (3, 4))
    for body in ({}, {"data": rows[:1]}, {"data": [*rows[:1], {"index": 0, "embedding": [1]}]}, {"data": [1, 2]}):
        with pytest.raises(ValueError, match="vectors for 2 texts"):
            embedding.answer(body, 2)


# ---------------------------------------------------------------- the judge


def spoken(same: object, *differences: str) -> Body:
    return {"choices": [{"message": {"content": json.dumps({"differences": differences, "same": same})}}]}


def test_the_judge_is_asked_in_both_orders() -> None:
    first, second = judge.questions(Doubt("It is 5.", "It is five.", "user: How much is it?"), "gpt-4.1")
    texts = [body["messages"][1]["content"] for body in (first, second)]  # type: ignore[index]
    told = "<request>\nuser: How much is it?\n</request>\n\n"
    assert texts == [
        f"{told}<first-answer>\n{one}\n</first-answer>\n\n<second-answer>\n{other}\n</second-answer>"
        for one, other in (("It is 5.", "It is five."), ("It is five.", "It is 5."))
    ]
    assert {**first, "messages": ()} == {**second, "messages": ()}
    assert first["model"] == "gpt-4.1"


def test_the_form_of_the_answer_is_a_strict_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(judge.SCHEMA)
    assert judge.SCHEMA["required"] == [*judge.SCHEMA["properties"]]  # type: ignore[misc]
    assert judge.SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        (spoken(True), spoken(True), SAME),
        (spoken(False, "the price"), spoken(False, "price"), DIFFERS),
        (spoken(True), spoken(False, "the price"), UNDECIDED),
        (spoken(True), None, UNDECIDED),
        (None, None, UNDECIDED),
        (spoken(True, "the price"), spoken(True), UNDECIDED),
        (spoken(False), spoken(False, "the price"), UNDECIDED),
        (spoken("yes"), spoken(True), UNDECIDED),
        ({"choices": [{"message": {"content": '{"differences": ['}}]}, spoken(True), UNDECIDED),
        ({"choices": [{"message": {"content": None, "refusal": "No."}}]}, spoken(True), UNDECIDED),
        ({"choices": []}, spoken(True), UNDECIDED),
        ({"choices": [{"message": {"content": "[1]"}}]}, spoken(True), UNDECIDED),
    ],
)
def test_a_judge_that_disagrees_with_itself_has_decided_nothing(
    first: Body | None, second: Body | None, answer: Answer
) -> None:
    assert judge.read(first, second).answer is answer
    assert judge.read(second, first).answer is answer


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]},
         "system: Be brief.\n\nuser: Hi"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]}]},
         "user: Hi"),
        ({"instructions": "Be brief.", "input": "Hi"}, "system: Be brief.\n\nuser: Hi"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}, "user: Hi"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_was_asked_is_told_to_the_judge(request_: dict[str, object], text: str) -> None:
    assert judge.task(request_) == text


def test_a_long_request_is_told_by_its_ends() -> None:
    body = judge.questions(Doubt("a", "b", "x" * 9000 + "What now?"), "m")[0]
    text = body["messages"][1]["content"]  # type: ignore[index]
    assert len(text) < 6200
    assert "[...]" in text
    assert "What now?" in text


# ---------------------------------------------------------------- calibration

Honest = Callable[[str, str], bool]


def answering(is_same: Honest) -> judge.Ask:
    """Answer as a model would that judges by a rule: read the two answers out of the question."""

    def ask(bodies: Sequence[Body]) -> Sequence[Body]:
        said = []
        for body in bodies:
            text = body["messages"][1]["content"]  # type: ignore[index]
            first, second = re.findall(r"<(?:first|second)-answer>\n(.*?)\n</", text, re.DOTALL)
            said.append(spoken(True) if is_same(first, second) else spoken(False, "something"))
        return said

    return ask


REPEATED = tuple(doubt(text, text.replace("call you", "phone you").replace("box", "carton")) for text in TEXTS[:8])
REPEATED += tuple(doubt(text, text.replace("told", "informed")) for text in TEXTS[8:16])


def letters(text: str) -> str:
    """What a judge that is good at these texts sees."""
    known = {"phone": "call", "carton": "box", "informed": "told"}
    return " ".join(known.get(word.strip(".,"), word.strip(".,")) for word in text.split())


@pytest.mark.parametrize(
    ("is_same", "line"),
    [
        (
            lambda one, other: letters(one) == letters(other),
            "judge m: sees 42 of 42 (92 to 100 %) planted defects, takes 0 for the same, "
            "blames 0 of 16 (0 to 19 %) pairs of the old model's own answers; used",
        ),
        (
            lambda one, other: True,
            "judge m: not used: sees 0 of 42 (0 to 8 %) planted defects; 80% must be sure",
        ),
        (
            lambda one, other: False,
            "judge m: not used: blames 16 of 16 (81 to 100 %) pairs of the old model's own answers; at most 30% may be",
        ),
        (
            lambda one, other: len(one) >= len(other),
            "judge m: not used: sees 0 of 42 (0 to 8 %) planted defects; 80% must be sure",
        ),
    ],
)
def test_a_judge_is_used_only_when_it_is_good_at_this_site(is_same: Honest, line: str) -> None:
    pairs = (*REPEATED, doubt("You owe $5.", "You owe $6."), doubt("It is so.", "It is so."))
    assert repeated(pairs) == REPEATED
    step = ladder.by_judge(answering(is_same), "m", REPEATED)
    assert step.line == line
    assert (step.decide is not None) == line.endswith("; used")


def test_without_answers_nothing_can_be_measured() -> None:
    assert ladder.by_judge(answering(lambda one, other: True), "m", ()).line == (
        "judge m: not used: there are no answers to plant a defect in"
    )
    same = [doubt(text, text) for text in TEXTS]
    found = ladder.by_judge(answering(lambda one, other: one == other), "m", same)
    assert found.line == "judge m: not used: there are no answers that repeat in other words"
    assert ladder.by_embeddings(words, REPEATED[:5]).line == (
        "embeddings: not used: 5 pairs of old answers say the same in other words, 10 are needed"
    )


def test_embeddings_are_measured_on_what_the_comparators_leave_open() -> None:
    step = ladder.by_embeddings(words, REPEATED)
    assert step.calibration is not None
    planted = unseen(calibration.defects(REPEATED, ladder.SEED, 10 * ladder.PLANTED))
    assert step.calibration.seen.total == len(planted[: ladder.PLANTED]) > 10
    assert {kind for kind, _ in planted} >= {"dropped sentence", "turned word"}
    assert all(prose.compare(one.old, one.new).answer is UNDECIDED for _, one in planted)


def test_rates_by_kind_add_up() -> None:
    planted = calibration.defects(REPEATED, 1, 30)
    found = calibrate(judge.by_asking(answering(lambda one, other: len(one) == len(other)), "m"), (), planted)
    assert sum(one.count for one in found.kinds.values()) == found.seen.count
    assert sum(one.total for one in found.kinds.values()) == found.seen.total == 30
    assert found.seen.count + found.missed.count == 30
    assert found.kinds["refusal"].share == 1


def test_a_bound_holds_for_the_interval_and_not_for_the_share() -> None:
    few = Calibration(rate(0, 30), rate(9, 9), rate(0, 9), {})
    bounds = Bounds(false=0.3, seen=0.8, missed=1.0)
    assert objection(few, bounds) == "sees 9 of 9 (70 to 100 %) planted defects; 80% must be sure"
    blind = Calibration(rate(0, 30), rate(0, 40), rate(5, 40), {})
    assert objection(blind, embedding.BOUNDS) == (
        "takes 5 of 40 (5 to 26 %) planted defects for the same; at most 15% may be"
    )


# ---------------------------------------------------------------- what the user names


def test_named_fields_are_noise_with_all_that_is_in_them() -> None:
    mask = Mask(named=("meta", "$.lines[].id"))
    old = {"meta": {"at": 1, "by": "Ann"}, "lines": [{"id": 1, "n": 1}], "meta2": 1}
    new = {"meta": {"at": 2, "by": None}, "lines": [{"id": "x", "n": 1}], "meta2": 1}
    found = structured.compare(old, new, None, mask)
    assert found.answer is SAME
    assert [(e.where, e.is_noise) for e in found.evidence] == [
        ("$.meta.at", True),
        ("$.meta.by", True),
        ("$.lines[0].id", True),
    ]
    assert structured.compare(old, {**new, "meta2": 2}, None, mask).answer is DIFFERS
    assert structured.compare(old, {**new, "meta": {"at": 2}}, None, mask).answer is DIFFERS


def test_an_own_comparator_is_imported_from_the_root_and_leaves_no_trace(tmp_path: Path) -> None:
    import sys

    (tmp_path / "rules_of_ours").mkdir()
    (tmp_path / "rules_of_ours" / "checks.py").write_text("def same(old, new):\n    return old[0] == new[0]\n")
    (tmp_path / "broken_rules.py").write_text("raise RuntimeError('no key')\n")
    path = list(sys.path)
    name = "rules_of_ours.checks:same"
    assert own.load(name, tmp_path)("ab", "ac") is True
    assert compare(Contract(Kind.OWN, "", own=name), Reply("ab"), Reply("bb")).answer is DIFFERS
    with pytest.raises(ValueError, match=r"comparator 'broken_rules:same': no key"):
        own.load("broken_rules:same", tmp_path)
    assert sys.path == path
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == ["broken_rules.py", "checks.py"]
