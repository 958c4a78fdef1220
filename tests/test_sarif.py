"""The SARIF log: its regions and fixes are held against the files, its limits against GitHub's.

``tests/delivery`` asks Microsoft's validator about the same log.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from file_cases import cases

from migrator import plan, regions
from migrator.cli import run
from migrator.deliver import sarif
from migrator.model import Finding, How, Origin, Plan, Position, Report, Rewrite, Skip, Span
from migrator.reason_pages import page
from migrator.rulebook import load
from migrator.settings import Settings

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
TODAY = date(2026, 11, 22)
BOOK = load("gpt-4.1-mini")

Log = dict[str, Any]


def planned(folder: Path, **chosen: Any) -> Plan:
    """Plan a folder as a repository of its own."""
    (folder / ".git").mkdir(exist_ok=True)
    return plan.make([folder], Settings(**chosen), cwd=folder, today=TODAY)


def written(found: Plan, folder: Path) -> bytes:
    """Write the log of a plan of one folder."""
    return sarif.document(found, BOOK, regions.files(found, folder), root=folder, cwd=folder)


def run_of(found: Plan, folder: Path) -> Log:
    """Give the one run of a plan's log."""
    log = json.loads(written(found, folder))
    (only,) = log["runs"]
    return only  # type: ignore[no-any-return]


def text_at(text: str, region: Mapping[str, int]) -> str:
    """Cut a region out of a file's text, as the log's newlines and columns say."""
    return text[slice(*_ends(text, region))]


def _ends(text: str, region: Mapping[str, int]) -> tuple[int, int]:
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    return (
        starts[region["startLine"] - 1] + region["startColumn"] - 1,
        starts[region["endLine"] - 1] + region["endColumn"] - 1,
    )


def fixed(text: str, results: Sequence[Log], shown: str) -> str:
    """Carry out all fixes of a file, as an editor that knows nothing but SARIF would."""
    changes = [
        (_ends(text, one["deletedRegion"]), one["insertedContent"]["text"])
        for result in results
        for fix in result.get("fixes", ())
        for change in fix["artifactChanges"]
        if unquote(change["artifactLocation"]["uri"]) == shown
        for one in change["replacements"]
    ]
    for (start, end), new in sorted(set(changes), reverse=True):
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("folder", ["swap_model", "add_cache_key", "config", "pages"])
def test_the_fixes_are_what_apply_writes(folder: str, tmp_path: Path) -> None:
    changed = 0
    for number, case in enumerate(cases(FIXTURES / folder)):
        place = tmp_path / str(number)
        (place / case.shown).parent.mkdir(parents=True)
        (place / case.shown).write_bytes(case.before)
        found = planned(place, docs=True, transforms=("model", "cache_key"))
        results = run_of(found, place)["results"]
        for patch in found.patches:
            changed += 1
            text = patch.before.decode(encoding(patch.before))
            assert fixed(text, results, patch.shown).encode(encoding(patch.before)) == patch.after
    assert changed >= 5


def encoding(data: bytes) -> str:
    """Give the encoding that an editor would find."""
    return "latin-1" if b"coding: latin-1" in data[:80] else "utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8"


@pytest.mark.parametrize("folder", ["swap_model", "reported", "config", "pages"])
def test_a_region_holds_the_name(folder: str, tmp_path: Path) -> None:
    seen = 0
    for number, case in enumerate(cases(FIXTURES / folder)):
        place = tmp_path / str(number)
        (place / case.shown).parent.mkdir(parents=True)
        (place / case.shown).write_bytes(case.before)
        found = planned(place, docs=True)
        text = case.before.decode(encoding(case.before))
        for decision, result in zip(found.decisions, run_of(found, place)["results"], strict=False):
            (location,) = result["locations"]
            origin = decision.finding.origin
            held = text_at(text, location["physicalLocation"]["region"])
            written = origin.member.old if origin.member else origin.value
            assert written in held or ast.literal_eval(f"({held})") == written
            seen += 1
    assert seen >= 20


def test_a_name_in_a_notebook_is_placed_in_its_file(tmp_path: Path) -> None:
    source = ["import openai\n", 'openai.responses.create(model="gpt-4o", input="é")']
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "a.ipynb").write_text(json.dumps(book, indent=1, ensure_ascii=False), encoding="utf-8")
    found = planned(tmp_path, transforms=("model",))
    (result,) = run_of(found, tmp_path)["results"]
    text = (tmp_path / "a.ipynb").read_text(encoding="utf-8")
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"]["startLine"] == 10
    assert text_at(text, location["physicalLocation"]["region"]) == "gpt-4o"
    assert fixed(text, [result], "a.ipynb").encode() == found.patches[0].after


CODE = """from openai import OpenAI

LIMITS = {"gpt-4o": 1}


def answer(mail, model="gpt-4o"):
    return OpenAI().responses.create(model=model, input=mail)


def title(mail):
    return OpenAI().responses.create(model="gpt-4o-mini", input=mail)
"""


def prints(text: str, folder: Path) -> list[tuple[str, str]]:
    """Give rule and fingerprint of each result for one file."""
    (folder / "app.py").write_text(text, encoding="utf-8")
    results = run_of(planned(folder), folder)["results"]
    return [(result["ruleId"], *result["partialFingerprints"].values()) for result in results]


def test_fingerprints_differ_and_survive_moved_lines(tmp_path: Path) -> None:
    before = prints(CODE, tmp_path)
    assert [rule for rule, _ in before] == ["table_key", "model", "model"]
    assert len(set(before)) == 3
    assert prints("# one more line\n" + CODE.replace("\n\n\ndef title", "\n\n\n# why\n\ndef title"), tmp_path) == before


def test_the_way_and_what_stands_against_it_are_told(tmp_path: Path) -> None:
    compared = CODE + "\n\ndef is_good(model):\n    return model == 'gpt-4o'\n\n\nis_good(LIMITS)\n"
    (tmp_path / "app.py").write_text(
        compared.replace("model=model", "model=model if is_good(model) else model"), "utf-8"
    )
    results = run_of(planned(tmp_path), tmp_path)["results"]
    held = next(result for result in results if result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6)
    assert held["ruleId"] == "comparison"
    assert held["level"] == "note"
    assert held["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 15
    assert "fixes" not in held
    moved = next(result for result in results if result["ruleId"] == "model")
    steps = moved["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps][-1] == "openai.responses"


def test_a_path_is_one_of_the_root_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    below = tmp_path / "größe 1"
    below.mkdir()
    (tmp_path / ".git").mkdir()
    (below / "a#b.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "beside.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(below)
    assert run(["scan", "--no-cache", "--format", "sarif", ".", "../beside.py"]) == 1
    results = json.loads(capfd.readouterr().out)["runs"][0]["results"]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in results]
    assert {place["uriBaseId"] for place in places} == {"%SRCROOT%"}
    assert {place["uri"] for place in places} == {"gr%C3%B6%C3%9Fe%201/a%23b.py", "beside.py"}


def test_a_path_outside_of_the_root_is_whole(tmp_path: Path) -> None:
    other = decision(1, is_rewrite=True)
    outside = (tmp_path / "a b.py").as_posix()
    moved = replace(other, finding=replace(other.finding, origin=replace(other.finding.origin, shown=outside)))
    (result,) = run_of(Plan("gpt-4.1-mini", (moved,), (), ()), ROOT)["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": (tmp_path / "a b.py").as_uri()}


def test_a_file_that_failed_is_told_and_the_run_is_no_success() -> None:
    skips = (Skip("old.py", "line 3 is Python 2", is_error=True), Skip("big.py", "larger than 5 MB"))
    (invocation,) = run_of(Plan("gpt-4.1-mini", (), (), skips), ROOT)["invocations"]
    assert invocation["executionSuccessful"] is False
    (note,) = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == ("error", "old.py: line 3 is Python 2")
    assert run_of(Plan("gpt-4.1-mini", (), (), ()), ROOT)["invocations"] == [{"executionSuccessful": True}]


def decision(number: int, *, is_rewrite: bool) -> Report | Rewrite:
    """Make one decision of a large plan."""
    at = Position(None, number, 7)
    origin = Origin("app.py", Span(6, 14), at, Position(None, number, 15), "gpt-4o", How.CONSTANT, "answer")
    finding = Finding(f"app.py:answer:{number}", origin, (), (), None)
    return Rewrite(finding, "gpt-4.1-mini") if is_rewrite else Report(finding, "table_key", "row to add")


def test_a_log_stays_below_what_code_scanning_takes() -> None:
    many = tuple(decision(number, is_rewrite=number % 3 == 0) for number in range(1, 30_001))
    data = written(Plan("gpt-4.1-mini", many, (), ()), ROOT)
    (only,) = json.loads(data)["runs"]
    assert len(only["results"]) == sarif.MOST_RESULTS == 25_000
    assert sum(result["level"] == "warning" for result in only["results"]) == 10_000
    (note,) = only["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("5,000 results of the lowest level are left out")
    assert len(gzip.compress(data)) < 10_000_000


@pytest.mark.parametrize("reason", list(BOOK.reasons))
def test_the_help_of_a_rule_is_the_page_of_its_reason(reason: str) -> None:
    finding = decision(1, is_rewrite=False).finding
    found = Plan("gpt-4.1-mini", (Report(finding, reason, "see `a[0](b)`"),), (), ())
    only = run_of(found, ROOT)
    (rule,) = only["tool"]["driver"]["rules"]
    assert rule["id"] == reason
    assert rule["help"]["text"] == BOOK.reasons[reason].advice
    text = rule["help"]["markdown"]
    assert text == page(reason)
    assert text.startswith(f"# `{reason}`: ")
    assert not re.search(r"\]\((?!https?:)", text)
    assert "see `a\\[0](b)`" in only["results"][0]["message"]["text"]


def test_a_cache_key_has_a_result_of_its_own(tmp_path: Path) -> None:
    text = (FIXTURES / "add_cache_key" / "openai_requests.before.py").read_bytes()
    (tmp_path / "app.py").write_bytes(text)
    found = planned(tmp_path)
    keys = [prompt for prompt in found.prompts if prompt.key]
    results = [one for one in run_of(found, tmp_path)["results"] if one["ruleId"] == "cache_key"]
    assert len(results) == len(keys) > 0
    for prompt, result in zip(keys, results, strict=True):
        (fix,) = result["fixes"]
        inserted = "".join(one["insertedContent"]["text"] for one in fix["artifactChanges"][0]["replacements"])
        assert prompt.key in inserted


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "repos" / "sample", tmp_path, dirs_exist_ok=True)
    found = planned(tmp_path)
    first = written(found, tmp_path)
    assert written(found, tmp_path) == first
    assert written(replace(found, ignored=9), tmp_path) == first
