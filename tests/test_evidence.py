"""Answer one question: does every reading of a shadow report say what the report says?

Every report here is made up (``made_up``); nothing in it came from a model.
"""

from __future__ import annotations

import json
import math
import typing
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from made_up import hostile, report, site, usual

from migrator import evidence
from migrator.deliver import evidence_json

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
