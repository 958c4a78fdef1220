"""Answer one question: do comparators see what changed, and let pass what did not?"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.shadow.comparators import code, label, own, prose, structured, tools
from migrator.shadow.comparators.compare import compare, learn
from migrator.shadow.comparators.contract import infer
from migrator.shadow.comparators.facts import facts
from migrator.shadow.comparators.failures import failure
from migrator.shadow.comparators.schemas import wrong
from migrator.shadow.comparators.structured import Mask
from migrator.shadow.model import Answer, Comparison, Contract, Evidence, Kind, Reply, ToolCall
from migrator.shadow.replies import reply

SAME, DIFFERS, UNDECIDED = Answer
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["open", "closed"]},
        "amount": {"type": "number"},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "owner": {"anyOf": [{"$ref": "#/$defs/owner"}, {"type": "null"}]},
    },
    "required": ["status", "amount"],
    "additionalProperties": False,
    "$defs": {"owner": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}


def benchmark() -> ModuleType:
    """Import benchmarks/comparators.py."""
    path = Path(__file__).parent.parent / "benchmarks" / "comparators.py"
    spec = importlib.util.spec_from_file_location("comparators_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["comparators_benchmark"] = module
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------- planted defects


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_planted_defect_goes_unseen_and_few_rewordings_are_blamed(seed: int) -> None:
    """Measured with seeds 1 to 20: every defect seen, no rewording blamed, at most 34 of 200 left undecided."""
    bench = benchmark()
    planted, harmless = tuple(bench.planted(seed)), tuple(bench.harmless(seed))
    assert (len(planted), len(harmless)) == (200, 200)
    said = [compare(bench.CONTRACTS[s.kind], s.old, s.new).answer for s in planted]
    unseen = [s for s, answer in zip(planted, said, strict=True) if answer is not DIFFERS]
    assert unseen == []
    answers = [compare(bench.CONTRACTS[s.kind], s.old, s.new).answer for s in harmless]
    assert answers.count(DIFFERS) == 0
    assert answers.count(UNDECIDED) <= 40


def test_every_refusal_and_truncation_is_a_hard_failure() -> None:
    bench = benchmark()
    for sample in bench.planted(1):
        if sample.defect in ("refusal", "truncation"):
            assert failure(bench.CONTRACTS[sample.kind], sample.old, sample.new) is not None, sample
    assert all(failure(bench.CONTRACTS[s.kind], s.old, s.new) is None for s in bench.harmless(1))


def test_no_hard_pair_of_another_meaning_passes_for_the_same() -> None:
    bench = benchmark()
    counts = bench.measure(bench.hard())
    totals = {row: sum(counts["prose", row].values()) for row in ("meaning, hard", "meaning, unseen")}
    assert totals == {"meaning, hard": 63, "meaning, unseen": 30}
    assert [counts["prose", row]["same"] for row in totals] == [0, 0]
    assert counts["prose", "rewording, hard"]["differs"] <= 1
    assert counts["prose", "rewording, unseen"]["differs"] == 0


def test_it_does_not_matter_which_answer_stands_first() -> None:
    bench = benchmark()
    for sample in bench.hard():
        said = {
            prose.compare(*pair).answer
            for pair in ((sample.old.text, sample.new.text), (sample.new.text, sample.old.text))
        }
        assert len(said) == 1, sample


def test_the_page_shows_what_is_measured() -> None:
    page = (Path(__file__).parent.parent / "docs" / "shadow-statistics.md").read_text(encoding="utf-8")
    assert "\n".join(benchmark().table(1)) in page


# ---------------------------------------------------------------- facts and prose


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The total is $1,200.50 for 3 items.", ["1200.5 $", "3"]),
        ("1200.5 dollars for three items", ["1200.5 $", "3"]),
        ("INV-2041 ships on March 3, 2026 at 2:30 pm.", ["INV-2041", "2026-03-03", "14:30"]),
        ("3 March 2026, 14:30 and 2026-03-03T10:00:00Z", ["2026-03-03", "14:30", "2026-03-03T10:00:00Z"]),
        ("**20%** of 10k users in a 3-day trip", ["20 %", "10000", "3 day"]),
        ("1. First\n2. Then\n3. Last", []),
        ("42. That is it", ["42"]),
        ("-4 degrees, 3-5 days, $1.2 million", ["-4", "3", "5 day", "1200000 $"]),
        ("Mail ann@example.com, see https://a.b/c?d=1.", ["ann@example.com", "https://a.b/c?d=1"]),
        ("version 2.1.0 of py3", ["2.1.0", "py3"]),
    ],
)
def test_facts(text: str, said: list[str]) -> None:
    assert [fact.said for fact in facts(text)] == said


@pytest.mark.parametrize(
    ("old", "new", "answer", "kind"),
    [
        ("Yes, it is.", "yes,  it is", SAME, ""),
        ("You owe $42.00.", "You owe $420.00.", DIFFERS, "number"),
        ("Wait 5 days.", "Wait 5 weeks.", DIFFERS, "number"),
        ("Pay 5 to A and 5 to B, 3 to C.", "Pay 5 to A and 3 to B, 3 to C.", DIFFERS, "number"),
        ("Due on May 3.", "Due on May 4.", DIFFERS, "date"),
        ("See case A-17.", "See case A-18.", DIFFERS, "id"),
        ("The refund was issued.", "The refund was not issued.", DIFFERS, "negation"),
        ("The refund isn't possible.", "The refund is not possible.", SAME, ""),
        ("It was neither safe nor legal.", "It was safe and legal.", DIFFERS, "negation"),
        ("Reply no later than Friday.", "Reply by Friday.", SAME, ""),
        ("It is not only light but also cheap.", "It is light and cheap.", SAME, ""),
        ("We sold twenty-five cars.", "We sold 25 cars.", SAME, ""),
        ("We sold forty cars.", "We sold 14 cars.", DIFFERS, "number"),
        ("The clause is enforceable here.", "The clause is unenforceable here.", DIFFERS, "opposite"),
        ("We cover the costs here.", "We discover the costs here.", UNDECIDED, "few words"),
        ("Ann reports to Bob.", "Bob reports to Ann.", UNDECIDED, "order of words"),
        ("The boss hired the clerk.", "The clerk was hired by the boss.", SAME, ""),
        ("The boss hired the clerk.", "The boss was hired by the clerk.", UNDECIDED, "order of words"),
        ("He laughed because she came.", "She came because he laughed.", UNDECIDED, "order of words"),
        ("You must sign it.", "You can sign it.", UNDECIDED, "limits"),
        ("It only deletes files that are empty.", "It deletes files that are only empty.", UNDECIDED, "focus"),
        ("The box is here.", "The box is here. I hope this helps!", SAME, ""),
        ("The box is here.", "The box is here. Open it.", UNDECIDED, "said once"),
        ("It covers May to July.", "It covers July to May.", UNDECIDED, "order of words"),
        ("Die Akte ist gültig.", "Die Akte ist nicht gültig.", DIFFERS, "negation"),
        ("病人可以吃海鲜。", "病人不可以吃海鲜。", DIFFERS, "negation"),
        ("Your claim was approved.", "Your claim was rejected.", DIFFERS, "opposite"),
        ("The dose is 5 mg, then 2 mg.", "The dose is 2 mg, then 5 mg.", UNDECIDED, "order"),
        ("Ask Ann for the key.", "Ask Bob for the key.", UNDECIDED, "few words"),
        ("The sky is blue today.", "Bananas taste sweet.", UNDECIDED, "words"),
        ("Hello, and welcome to the shop.", "", DIFFERS, "empty"),
        ("The order is on the way to you.", "Die Bestellung ist auf dem Weg und wird von der", DIFFERS, "language"),
        ("Here is the plan for it.", "I'm sorry, but I can't help with that.", DIFFERS, "refusal"),
        ("Buy milk and buy bread.", "- Buy milk\n- Buy bread", DIFFERS, "structure"),
        ("Buy milk. " * 10, "Buy milk.", DIFFERS, "length"),
    ],
)  # fmt: skip
def test_prose(old: str, new: str, answer: Answer, kind: str) -> None:
    found = prose.compare(old, new)
    assert found.answer is answer
    assert not kind or kind in [one.kind for one in found.evidence]
    assert prose.compare(new, old).answer is answer


words = st.sampled_from(["the", "price", "is", "on", "not", "Ann", "pays", "for", "items", "**", "-", "$", "%", "days"])
numbers = st.one_of(
    st.integers(1, 99_999).map(str),
    st.integers(1000, 9_999_999).map(lambda n: f"{n:,}"),
    st.floats(0.5, 9999).map(lambda n: f"{n:.2f}"),
    st.integers(100, 999).map(lambda n: f"AB-{n}"),
    st.dates().map(str),
    st.times().map(lambda t: f"{t:%H:%M}"),
)


@given(st.lists(words, max_size=6), numbers, st.lists(st.one_of(words, numbers), max_size=6), st.data())
@settings(deadline=None, max_examples=300)
def test_no_changed_digit_goes_unseen(before: list[str], number: str, after: list[str], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, c in enumerate(number) if c.isdigit()]))
    digit = data.draw(st.sampled_from([d for d in "123456789" if d != number[at]]))
    changed = number[:at] + digit + number[at + 1 :]
    old, new = (" ".join([*before, said, *after]) for said in (number, changed))
    assert prose.compare(old, new).answer is not SAME


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_text_can_be_compared(old: str, new: str) -> None:
    assert prose.compare(old, old).answer is SAME
    assert prose.compare(old, new).answer is prose.compare(new, old).answer
    assert code.compare(old, old).answer is SAME
    label.compare(old, new)


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    ("change", "kind", "where"),
    [
        ({"amount": 42}, "", ""),
        ({"amount": 42.01}, "number", "$.amount"),
        ({"amount": "42"}, "type", "$.amount"),
        ({"status": "closed"}, "value", "$.status"),
        ({"note": None}, "type", "$.note"),
        ({"tags": ["b", "a"]}, "", ""),
        ({"tags": ["a"]}, "length", "$.tags"),
        ({"owner": {"name": "Bob"}}, "value", "$.owner.name"),
        ({"owner": {}}, "missing field", "$.owner.name"),
        ({"other": 1}, "new field", "$.other"),
        ({"note": "A refund of $9 was issued today."}, "text", "$.note"),
        ({"note": "The refund of 8 dollars was issued today."}, "", ""),
        ({"note": "Something else is written here now."}, "text", "$.note"),
    ],
)
def test_fields(change: dict[str, object], kind: str, where: str) -> None:
    old = {
        "status": "open",
        "amount": 42.0,
        "note": "A refund of $8 was issued today.",
        "tags": ["a", "b"],
        "owner": {"name": "Ann"},
    }
    found = structured.compare(old, {**old, **change}, SCHEMA)
    assert found.answer is (DIFFERS if kind else SAME)
    assert [(e.kind, e.where) for e in found.evidence] == ([(kind, where)] if kind else [])


def test_an_optional_field_may_be_null_or_left_out() -> None:
    assert structured.compare({"status": "open", "note": None}, {"status": "open"}, SCHEMA).answer is SAME
    assert structured.compare({"status": "open", "note": None}, {"status": "open"}).answer is DIFFERS


def test_a_field_that_the_old_model_does_not_repeat_is_noise() -> None:
    pairs = [
        ({"id": n, "amount": 1, "rows": [{"at": n}]}, {"id": -n, "amount": 1, "rows": [{"at": -n}]})
        for n in range(1, 7)
    ]
    mask = structured.learn(pairs)
    assert mask == Mask(6, {"$.id": 6, "$.rows[].at": 6})
    noisy = structured.compare(*pairs[0], None, mask)
    assert noisy.answer is SAME
    assert [(e.where, e.is_noise) for e in noisy.evidence] == [("$.id", True), ("$.rows[0].at", True)]
    assert structured.compare(pairs[0][0], {**pairs[0][1], "amount": 2}, None, mask).answer is DIFFERS
    assert structured.compare(pairs[0][0], {"amount": 1, "rows": [{"at": 1}]}, None, mask).answer is DIFFERS
    assert structured.compare(*pairs[0], None, structured.learn(pairs[:4])).answer is DIFFERS


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["a", "b c", "the order is on its way"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)),
    max_leaves=8,
)


@given(values, values)
@settings(deadline=None, max_examples=300)
def test_values_are_the_same_only_when_they_are(old: object, new: object) -> None:
    said = structured.compare(old, new).answer
    assert (said is SAME) == (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"status": "open", "amount": 1}, None),
        ({"status": "new", "amount": 1}, "$.status: not one of the enumeration"),
        ({"status": "open"}, "$.amount: missing"),
        ({"status": "open", "amount": True}, "$.amount: not of type number"),
        ({"status": "open", "amount": 1, "x": 1}, "$.x: not in the schema"),
        ({"status": "open", "amount": 1, "owner": {}}, "$.owner: none of anyOf"),
        ({"status": "open", "amount": 1, "tags": ["a", 1]}, "$.tags[1]: not of type string"),
    ],
)
def test_schemas(value: object, said: str | None) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    assert wrong(value, SCHEMA) == said
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(value) is (said is None)


# ---------------------------------------------------------------- tools, code, labels, own


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name, json.dumps(arguments))


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        ([call("b", n=1), call("a", x="one", y=2)], ""),
        ([call("a", y=2, x="one"), call("b", n=1)], ""),
        ([call("a", x="one", y=3), call("b", n=1)], "number"),
        ([call("a", x="one"), call("b", n=1)], "missing field"),
        ([call("a", x="one", y=2)], "missing tool"),
        ([call("a", x="one", y=2), call("c", n=1)], "other tool"),
        ([call("a", x="one", y=2), call("b", n=1), call("b", n=1)], "new tool"),
        ([call("a", x="one", y=2), ToolCall("b", "{n: 1")], "arguments"),
        ([], "missing tool"),
    ],
)
def test_tools(new: list[ToolCall], kind: str) -> None:
    found = tools.compare([call("a", x="one", y=2), call("b", n=1)], new, {})
    assert [one.kind for one in found.evidence] == ([kind] if kind else [])
    assert found.answer is (DIFFERS if kind else SAME)


def test_noise_of_arguments() -> None:
    contract = Contract(Kind.TOOLS, "", None, {"a": {}})
    pairs = [(Reply(tools=(call("a", at=n, x=1),)), Reply(tools=(call("a", at=-n, x=1),))) for n in range(1, 7)]
    mask = learn(contract, pairs)
    assert mask == Mask(6, {"a.at": 6})
    assert compare(contract, *pairs[0], mask).answer is SAME
    assert compare(contract, pairs[0][0], Reply(tools=(call("a", at=1, x=2),)), mask).answer is DIFFERS


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("x = 1 # one", "x  =  1", SAME),
        ("def f():\n    'Doc.'\n    return 'a'", 'def f():\n    return "a"', SAME),
        ("x = 1", "x = 2", DIFFERS),
        ("x = 1", "x = ", DIFFERS),
        ("```js\nlet a = 1;\n\n```", "Sure:\n```js\nlet  a = 1;\n```", SAME),
        ("```js\nlet a = 1;\n```", "```js\nlet a = 2;\n```", DIFFERS),
        ("```js\nlet a = 1;\n```", "```ts\nlet a = 1;\n```", DIFFERS),
        ("```py\na\n```", "```py\na\n```\n```py\nb\n```", DIFFERS),
        ("```yaml\na:\n  b: 1\n```", "```yaml\na:\nb: 1\n```", DIFFERS),
    ],
)
def test_code(old: str, new: str, answer: Answer) -> None:
    assert code.compare(old, new).answer is answer


def test_labels() -> None:
    assert label.compare("billing", ' **"Billing".**\n').answer is SAME
    assert label.compare("billing", "sales") == Comparison(DIFFERS, (Evidence("label", "", "billing", "sales"),))


def test_own_comparator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def same(old, new):\n    return {'x': None, 'y': 'no'}.get(new, old.lower() == new.lower())\n"
    (tmp_path / "my_comparator.py").write_text(text + "def broken(old, new):\n    raise KeyError(new)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    contract = infer({}, [], "my_comparator:same")
    assert contract.kind is Kind.OWN
    said = [compare(contract, Reply("A"), Reply(new)).answer for new in ("a", "b", "x", "y")]
    assert said == [SAME, DIFFERS, UNDECIDED, UNDECIDED]
    assert own.compare(own.load("my_comparator:broken"), "a", "b").answer is UNDECIDED
    for name in ("same", "my_comparator:missing", "no_such_module:same"):
        with pytest.raises(ValueError, match=name):
            own.load(name)


# ---------------------------------------------------------------- contracts, replies, failures

FUNCTION = {"type": "function", "function": {"name": "find", "parameters": SCHEMA}}


@pytest.mark.parametrize(
    ("request_", "said", "kind"),
    [
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}, ["{}"], Kind.JSON),
        ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, ["{}"], Kind.JSON),
        ({"response_format": {"type": "json_object"}}, ["{}"], Kind.JSON),
        ({"tools": [FUNCTION]}, [], Kind.TOOLS),
        ({"tools": [FUNCTION]}, ["There is no such order, as far as I can see."], Kind.PROSE),
        ({}, ['{"a": 1}', "```json\n[1]\n```"], Kind.JSON),
        ({}, ["billing", "Sales."], Kind.LABEL),
        ({}, ["billing", "I think that this is about sales."], Kind.PROSE),
        ({}, ["```python\nx = 1\nprint(x)\n```"], Kind.CODE),
        ({}, [], Kind.PROSE),
    ],
)
def test_contracts(request_: dict[str, object], said: list[str], kind: Kind) -> None:
    assert infer(request_, [Reply(text) for text in said]).kind is kind


def test_contract_of_tools() -> None:
    called = infer({"tools": [FUNCTION, {"type": "function", "name": "flat"}]}, [Reply(tools=(call("find"),))])
    assert (called.kind, called.tools) == (Kind.TOOLS, {"find": SCHEMA, "flat": {}})


def test_replies_of_both_interfaces() -> None:
    completion = {
        "choices": [
            {
                "finish_reason": "tool_calls",
                "message": {"content": None, "tool_calls": [{"function": {"name": "find", "arguments": "{}"}}]},
            }
        ]
    }
    assert reply(completion) == Reply("", (ToolCall("find", "{}"),), "tool_calls")
    response = {
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"type": "reasoning"},
            {"type": "message", "content": [{"text": "Hel"}, {"text": "lo"}]},
        ],
    }  # fmt: skip
    assert reply(response) == Reply("Hello", (), "length")
    refused = {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]}
    assert reply(refused) == Reply("", (), "stop", "No.")
    assert reply({"choices": []}, "429 rate_limit") == Reply(error="429 rate_limit")
    assert reply({}) == Reply()


@pytest.mark.parametrize(
    ("kind", "new", "said"),
    [
        (Kind.PROSE, Reply("Fine."), None),
        (Kind.PROSE, Reply(error="400 unsupported parameter"), "the API answered 400 unsupported parameter"),
        (Kind.PROSE, Reply("Fi", finish="length"), "the answer was cut off at its longest"),
        (Kind.PROSE, Reply("", finish="content_filter"), "a content filter stopped the answer"),
        (Kind.PROSE, Reply("", refusal="No."), "the model refuses"),
        (Kind.JSON, Reply("{"), "the answer is no valid JSON"),
        (Kind.JSON, Reply('{"status": "open"}'), "the answer does not fit its schema at $.amount: missing"),
        (Kind.TOOLS, Reply(tools=(call("other"),)), "calls other, which the request does not offer"),
        (Kind.TOOLS, Reply(tools=(ToolCall("find", "{"),)), "find is no valid JSON"),
    ],
)
def test_failures(kind: Kind, new: Reply, said: str | None) -> None:
    contract = Contract(kind, "", SCHEMA if kind is Kind.JSON else None, {"find": {}} if kind is Kind.TOOLS else {})
    good = Reply('{"status": "open", "amount": 1}')
    assert failure(contract, good, new) == said
    assert failure(contract, new, new) is None
    if said:
        assert compare(contract, good, new).answer is DIFFERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a" * 20_000, "b" * 20_000),
        ("a-" * 8_000, "b-" * 8_000),
        ("a.b" * 6_000, "a.c" * 6_000),
        ("1" * 20_000, "2" * 20_000),
        (" " * 20_000 + "x", "\n" * 20_000 + "y"),
        ("".join(f"- item {n}\n" for n in range(3000)), "".join(f"- item {n}.\n" for n in range(3000))),
    ],
)
def test_a_long_text_takes_no_long_time(one: str, other: str) -> None:
    """Each took 4 to 19 seconds with patterns that begin anew at every letter; now a tenth of one."""
    start = time.process_time()
    assert prose.compare(one, other).answer is not SAME
    assert time.process_time() - start < 2


def test_numbers_of_any_length_are_exact() -> None:
    digits = "9" * 40
    assert [fact.said for fact in facts(f"{digits}1 and 1.{digits}0")] == [f"{digits}1", f"1.{digits}"]
