"""Answer one question: does every reading of a shadow report say what the report says?

Every report here is made up (``made_up``); nothing in it came from a model.
"""

from __future__ import annotations

import json
import math
import random
import re
import typing
import unicodedata
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from made_up import CANNED, HOSTILE, hostile, large, report, share, site, usual
from markdown_it import MarkdownIt

from migrator import evidence, evidence_report, github_text
from migrator import evidence_words as words
from migrator.deliver import evidence_json, html, junit, markdown

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "shadow.schema.json").read_text(encoding="utf-8"))
RECORDS = {
    "share": evidence.Share,
    "difference": evidence.Difference,
    "exchange": evidence.Exchange,
    "arm": evidence.Arm,
    "attribution": evidence.Attribution,
    "acceptance": evidence.Acceptance,
    "money": evidence.Money,
    "judged": evidence.Judged,
    "site": evidence.SiteEvidence,
}
CALM = site(1, cases=10)
WHOLE = {"usual": usual(), "hostile": report([hostile()]), "empty": report([], held={}, unlinked={}, notes=())}


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_a_report_is_the_same_after_json(told: evidence.ShadowReport) -> None:
    data = evidence_json.document(told)
    assert evidence_json.read(data) == told
    assert evidence_json.document(evidence_json.read(data)) == data


def test_what_json_has_no_number_for_comes_back() -> None:
    one = replace(site(1, cases=1), error=math.inf, better=math.inf)
    told = evidence_json.read(evidence_json.document(report([one])))
    assert (told.sites[0].error, told.sites[0].better) == (math.inf, math.inf)


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_the_document_is_as_the_schema_says(told: evidence.ShadowReport) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(evidence_json.document(told)))


def test_the_schema_names_the_fields_of_the_values() -> None:
    said = {name: list(one["properties"]) for name, one in SCHEMA["$defs"].items()}
    assert said == {name: [field.name for field in fields(kind)] for name, kind in RECORDS.items()}
    assert list(SCHEMA["properties"]) == [field.name for field in fields(evidence.ShadowReport)]
    tables = [SCHEMA, *SCHEMA["$defs"].values()]
    assert all(one["required"] == list(one["properties"]) and not one["additionalProperties"] for one in tables)


def test_the_schema_names_the_words_of_the_values() -> None:
    defs = SCHEMA["$defs"]
    assert tuple(defs["site"]["properties"]["outcome"]["enum"]) == typing.get_args(evidence.Outcome)
    assert tuple(defs["site"]["properties"]["action"]["enum"]) == typing.get_args(evidence.Action)
    assert tuple(defs["exchange"]["properties"]["flip"]["enum"]) == typing.get_args(evidence.Flip)
    assert tuple(defs["judged"]["properties"]["step"]["enum"]) == typing.get_args(evidence.Step)
    assert all(is_dataclass(kind) for kind in RECORDS.values())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("sites", 0, "outcome"), "passed"),
        (("sites", 0, "noise", "low"), "0"),
        (("sites", 0, "exchanges", 0, "flip"), "worse"),
        (("sites", 0, "path", 0), [1, 2.0]),
        (("money", "cap"), "5"),
        (("held",), []),
        (("more",), 1),
    ],
)
def test_the_schema_and_the_reader_refuse_what_is_no_report(path: tuple[str | int, ...], value: object) -> None:
    document = json.loads(evidence_json.document(usual()))
    spot = document
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    assert not Draft202012Validator(SCHEMA).is_valid(document)
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        evidence_json.read(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"\xff\xfe", "no JSON: "),
        (b"[" * 100_000, "no JSON: "),
        (b"[]", "no shadow report of version 1, but None"),
        (b'{"version": 2}', "no shadow report of version 1, but 2"),
        (b'{"version": 1}', "report has no tool"),
    ],
)
def test_what_is_no_report_is_said_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        evidence_json.read(data)
    assert str(caught.value).startswith(said)


def text(told: evidence.ShadowReport, width: int) -> str:
    return "".join("".join(piece for piece, _ in line) + "\n" for line in evidence_report.rows(told, width))


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_the_first_line_says_that_answers_are_canned(told: evidence.ShadowReport) -> None:
    assert text(told, 80).splitlines()[0] == CANNED
    assert CANNED not in text(replace(told, canned=""), 80)


def test_every_reading_says_what_a_judge_was_worth() -> None:
    told = report([site(1, cases=10)], held={}, unlinked={}, notes=())
    one = evidence.Judged(
        told.sites[0].site, "judge", "gpt-4.1", True, "", share(1, 30), share(41, 42), share(1, 42), 57
    )
    unfit = replace(one, used=False, reason="sees 2 of 42 (1 to 16 %) planted defects; 80% must be sure", decided=0)
    silent = evidence.Judged("gone", "embeddings", "e5", False, "they do not answer: 404", *[share(0, 0)] * 3, 0)
    said = [
        "app/support/answers.py:21 Desk.answer_1: the judge gpt-4.1 decided 57 answers that were open. "
        "Of 30 pairs of old answers it called 1 different (1 to 17 %); of 42 planted defects it saw 41 (88 to 100 %) "
        "and took 1 for the same (0 to 12 %).",
        "app/support/answers.py:21 Desk.answer_1: the judge gpt-4.1, not used: sees 2 of 42 (1 to 16 %) planted "
        "defects; 80% must be sure. "
        "Of 30 pairs of old answers it called 1 different (1 to 17 %); of 42 planted defects it saw 41 (88 to 100 %) "
        "and took 1 for the same (0 to 12 %).",
        "gone: embeddings by e5, not used: they do not answer: 404.",
    ]
    whole = replace(told, steps=(one, unfit, silent))
    assert list(words.around(whole)) == said
    for line in said:
        assert line in " ".join(text(whole, 80).split())
        assert line in junit.document(whole).decode()
        assert line in html.document(whole).decode()
        assert markdown.literal(line) in markdown.document(whole)


def test_a_terminal_shows_each_number_of_a_site() -> None:
    told = report([site(1, contract="label", cases=120, noise=0.02, excess=0.35)], held={}, unlinked={}, notes=())
    (head, row), one = text(told, 160).splitlines()[2:4], told.sites[0]
    assert head.split("  ")[0] == "WHERE"
    assert re.split(r" {2,}", row) == [
        "app/support/answers.py:21 Desk.answer_1",
        "label",
        "120",
        "0.8 %",
        "31 %",
        "+30 %",
        "+22 % to +39 %",
        "−88 %",
        "75 %",
        "fail",
        "order only",
    ]
    assert (one.compared, one.noise.count, one.new.count, one.losses - one.gains) == (120, 1, 37, 36)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_table_stays_within_the_terminal(width: int) -> None:
    assert max(map(len, text(usual(), width).splitlines())) <= width


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_an_answer_cannot_move_the_cursor_or_turn_a_line(told: evidence.ShadowReport) -> None:
    said = text(told, 80)
    assert [c for c in said if unicodedata.category(c) in ("Cc", "Cs", "Cf") and c not in "\n\u200d"] == []


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({}, 1, "Exit code 1: 2 calls do not hold up."),
        ({"sites": usual().sites[:1]}, 3, "Exit code 3: 1 call is open and 1 call was not compared."),
        ({"sites": usual().sites[2:3], "held": {}}, 0, "Exit code 0: every call holds up."),
        ({"sites": usual().sites[-1:], "held": {}}, 0, "Exit code 0: every call holds up or is accepted."),
        (
            {"sites": usual().sites[2:3], "held": {}, "is_complete": False},
            3,
            "Exit code 3: not all requests were sent.",
        ),
    ],
)
def test_the_last_line_says_what_the_exit_code_means(changed: dict[str, object], code: int, said: str) -> None:
    told = replace(usual(), **changed)  # type: ignore[arg-type]
    assert told.code == code
    assert text(told, 80).splitlines()[-1] == said


def test_an_open_call_says_what_it_takes() -> None:
    assert "  inconclusive: needs about 60 more cases, $0.12\n" in text(usual(), 80)


def test_a_long_answer_is_cut_around_its_first_difference() -> None:
    one, other = "a " * 500 + "red" + " b" * 500, "a " * 500 + "blue" + " b" * 500
    assert words.excerpt(one, other, 40) == "…" + ("a " * 7)[1:] + "red" + " b" * 12 + "…"
    assert words.excerpt("short\n  text", "", 40) == "short text"


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "±0.0 %"), (0.0004, "±0.0 %"), (0.042, "+4.2 %"), (-0.0996, "−10 %"), (1.0, "+100 %")]
)
def test_a_share_is_said_with_two_figures_and_its_sign(share: float, said: str) -> None:
    assert words.signed(share) == said


@pytest.mark.parametrize(
    ("both", "losses", "gains", "same", "low", "high"),
    # The first is an example of Newcombe (1998); the others follow by hand from his formula.
    [(36, 12, 2, 0, 0.0569, 0.3404), (0, 0, 0, 8, -0.3244, 0.3244), (0, 30, 0, 0, 0.8395, 1.0)],
)
def test_the_interval_of_the_excess(both: int, losses: int, gains: int, same: int, low: float, high: float) -> None:
    total = both + losses + gains + same
    noise, new = (share(count, total) for count in (both + gains, both + losses))
    one = replace(site(1, cases=10), noise=noise, new=new, losses=losses, gains=gains, error=0.0)
    one = replace(one, excess=(losses - gains) / total)
    assert one.interval == pytest.approx((low, high), abs=0.0001)
    wide = replace(one, error=0.5).interval
    assert wide == pytest.approx((max(-1, one.excess - 0.98), min(1, one.excess + 0.98)), abs=0.001)


def test_the_interval_covers_the_truth() -> None:
    luck, covered = random.Random(5), 0
    for _ in range(1_000):
        draws = [luck.choices(("loss", "gain", "same"), (0.12, 0.02, 0.86))[0] for _ in range(60)]
        losses, gains = draws.count("loss"), draws.count("gain")
        noise, new = share(gains, 60), share(losses, 60)
        one = replace(CALM, noise=noise, new=new, losses=losses, gains=gains, excess=(losses - gains) / 60, error=0.0)
        low, high = one.interval
        covered += low <= 0.10 <= high
    assert 0.93 <= covered / 1_000 <= 0.99


# What Jenkins' junit-10.xsd allows: attributes, and children in their order (testcase: any order).
SHAPE = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, ("testsuite",)),
    "testsuite": (
        {
            "name",
            "tests",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        },
        ("properties", "testcase", "system-out"),
    ),
    "properties": (set(), ("property",)),
    "property": ({"name", "value"}, ()),
    "testcase": ({"name", "assertions", "time", "classname", "status"}, ("failure", "error", "skipped", "system-out")),
    "failure": ({"type", "message"}, ()),
    "error": ({"type", "message"}, ()),
    "skipped": ({"type", "message"}, ()),
    "system-out": (set(), ()),
}


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_junit_is_as_its_schema_says(told: evidence.ShadowReport) -> None:
    root = ElementTree.fromstring(junit.document(told))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = SHAPE[element.tag]
        assert set(element.attrib) <= attributes
        found = [child.tag for child in element]
        assert found == sorted(found, key=children.index)
    suite = root[0]
    assert suite[0][0].attrib == {"name": "canned", "value": CANNED}
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == len(told.sites) + len(told.held)


def test_junit_tells_a_failure_from_what_is_open() -> None:
    silent = replace(usual().sites[5], compared=0)
    told = replace(usual(), sites=(*usual().sites, silent))
    cases = list(ElementTree.fromstring(junit.document(told)).iter("testcase"))
    kinds = [next((child.tag for child in case if child.tag != "system-out"), "") for case in cases]
    assert kinds == ["skipped", "failure", "", "failure", "skipped", "skipped", "", "error", "skipped"]
    suite = next(ElementTree.fromstring(junit.document(told)).iter("testsuite"))
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["9", "2", "1", "4"]
    assert cases[1].attrib == {"classname": "app.support.answers", "name": "Desk.answer_1 [000000000001]"}
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.attrib == {
        "message": "fail: hard failure: the answer is cut off at its longest",
        "type": "hard failure",
    }
    assert "\ncase-01-0009  the answer is cut off at its longest\nasked     Where" in (failure.text or "")


class Page(HTMLParser):
    """The tags of a page, and its text outside ``code``, where a host looks for names and numbers to link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.loose: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "code" not in self.open:
            self.loose.append(data)


def rendered(said: str) -> Page:
    return Page(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(said))


TAGS = {"h2", "blockquote", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code"}
FOLDED = {"details", "summary", "ul", "li"}
LINKED = re.compile(r"@\w|#\d|GH-\d|://|www\.")


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_markdown_holds_no_mark_from_outside(told: evidence.ShadowReport) -> None:
    page = rendered(markdown.document(told))
    assert page.tags <= TAGS | FOLDED
    assert page.open == []
    assert LINKED.findall("".join(page.loose)) == []
    assert CANNED in "".join(page.loose)


@pytest.mark.parametrize(
    "mark", [*HOSTILE, "@ada", "#12", "*a*", "_a_", "`a`", "~~a~~", "[a](b)", "<b>", "a | b", "$x$"]
)
def test_markdown_shows_a_text_as_it_is(mark: str) -> None:
    page = rendered(f"x {github_text.literal(mark)} y")
    said = "".join(page.loose).replace(github_text.QUIET, "")
    assert (page.tags, said.strip()) == ({"p"}, f"x {' '.join(words.visible(mark).split())} y")


def test_markdown_has_a_row_for_each_call_the_worst_first() -> None:
    lines = markdown.document(usual()).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert table[0] == "| call | n | noise | new | excess | cost | cached | verdict | action |"
    assert table[2] == (
        "| <code>app/support/answers.py&#58;21 Desk.answer&#95;1</code> | 120 | 0.8 % | 31 % | +30 % (+22 % to +39 %) "
        "| −88 % | 21 % → 75 % | ❌ fail | order only |"
    )
    assert [line.split(" | ")[-2] for line in table[2:]] == ["❌ fail"] * 3 + ["❔ inconclusive"] * 3 + ["✅ pass"]


@pytest.mark.parametrize("limit", [5_000, 6_000, 10_000, 20_000, markdown.LIMIT])
@pytest.mark.parametrize("told", [*WHOLE.values(), large(30, 20), large(600, 2)], ids=[*WHOLE, "large", "huge"])
def test_markdown_is_cut_between_its_parts(told: evidence.ShadowReport, limit: int) -> None:
    said = markdown.document(told, limit)
    page = rendered(said)
    assert len(said) <= limit
    assert page.open == []
    assert LINKED.findall("".join(page.loose)) == []


def test_a_table_stays_whole_where_it_fits() -> None:
    told = large(30, 20)
    said = markdown.document(told, 12_000)
    assert len([line for line in said.splitlines() if line.startswith("| <code>")]) == 30
    assert markdown.CUT in said
    short = markdown.document(told, 5_000)
    shown = len([line for line in short.splitlines() if line.startswith("| <code>")])
    assert f"{30 - shown} more calls did not fit into this table." in short


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        markdown.document(usual(), 4_999)
