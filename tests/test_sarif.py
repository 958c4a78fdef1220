"""The SARIF log: its regions and fixes are held against the files, its limits against GitHub's.

``tests/delivery`` asks Microsoft's validator about the same log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from file_cases import cases

from migrator import plan, regions
from migrator.deliver import sarif
from migrator.model import Plan
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


def run_of(found: Plan, folder: Path) -> Log:
    """Give the one run of a plan's log."""
    log = json.loads(sarif.document(found, BOOK, regions.files(found, folder)))
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
            assert written in held.replace("\\", "") or "\\" in held or '"' in held[1:-1] or "'" in held[1:-1]
            seen += 1
    assert seen >= 20
