"""Answer one question: is everything that the pages in docs/ show and promise really so?

An example is the fenced ``python``, ``toml`` and ``text`` blocks of one section, each a file named after the
language (``python config.py``; ``example.py`` without a name). A comment on a line says what its literals get:
``# rewrite``, ``# report: comparison``; several are parted by commas. A line without one gets nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_UP, Decimal
from pathlib import Path

import pytest

from migrator import lines, lookup, plan, prices, rows, rulebook, settings
from migrator.deliver.diff import unified
from migrator.evidence import Gate
from migrator.model import Decision, Rewrite
from migrator.readings import kind

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REASONS = DOCS / "reasons"
BOOK = rulebook.load("gpt-4.1-mini")
TODAY = date(2026, 11, 22)
PAGES = tuple(sorted(DOCS.rglob("*.md")))
FENCE = re.compile(r"^```(python|toml|text)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"#((?:,? (?:rewrite|review: \w+|report: \w+))+)$")

Said = tuple[str, int, str]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Give the part of a page below one of its second-level headings."""
    assert f"\n## {heading}\n" in text
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def files(text: str) -> Mapping[str, str]:
    """Read the files of an example out of its fenced blocks."""
    found = [(name or "example.py", body) for _, name, body in FENCE.findall(text)]
    assert found
    assert len(dict(found)) == len(found), "two blocks are the same file"
    return dict(found)


def lay_out(example: Mapping[str, str], folder: Path) -> None:
    """Write an example's files as a repository of its own."""
    (folder / ".git").mkdir()
    for name, text in example.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def decisions(folder: Path, gate: Gate | None = None) -> tuple[Decision, ...]:
    """Plan a repository with its own configuration file."""
    chosen = replace(settings.load(None, folder, {}), gate=gate)
    return plan.make([folder], chosen, cwd=folder, today=TODAY).decisions


def word(decision: Decision) -> str:
    """Write a decision as the examples do."""
    return kind(decision) if isinstance(decision, Rewrite) else f"{kind(decision)}: {decision.reason}"


def got(found: Iterable[Decision]) -> set[Said]:
    """Gather what the planner says, by line."""
    places = ((one.finding.origin, word(one)) for one in found)
    return {(origin.shown, origin.position.line, said) for origin, said in places}


def promised(example: Mapping[str, str]) -> set[Said]:
    """Gather what the comments of an example say."""
    return {
        (name, number, said)
        for name, text in example.items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in SAID.finditer(line)
        for said in match[1].strip().split(", ")
    }


def test_every_reason_has_a_page_and_every_page_a_reason() -> None:
    assert {path.stem for path in REASONS.glob("*.md")} == {*BOOK.reasons, "README"}


@pytest.mark.parametrize("name", list(BOOK.reasons))
def test_a_page_says_what_the_table_says(name: str) -> None:
    text = read(REASONS / f"{name}.md")
    reason = BOOK.reasons[name]
    assert text.splitlines()[0] == f"# `{name}`: {reason.title}"
    assert section(text, "What to do").strip().startswith(reason.advice)


@pytest.mark.parametrize("name", list(BOOK.reasons))
def test_an_example_gives_its_reason(name: str, tmp_path: Path) -> None:
    example = files(section(read(REASONS / f"{name}.md"), "Example"))
    lay_out(example, tmp_path)
    said = promised(example)
    # This one is given by `apply --shadow` alone; nothing was compared here.
    gate = Gate({}, {}) if name == "shadow" else None
    assert got(decisions(tmp_path, gate)) == said
    assert any(one.endswith(f": {name}") for _, _, one in said)


def test_the_index_lists_every_reason_with_its_title_and_decision() -> None:
    listed = re.findall(
        r"^\| \[`(\w+)`\]\((\w+)\.md\) \| (.+) \| (review|report) \|$", read(REASONS / "README.md"), re.M
    )
    assert [(name, page, title) for name, page, title, _ in listed] == [
        (one.name, one.name, one.title) for one in BOOK.reasons.values()
    ]
    for name, _, _, decision in listed:
        example = files(section(read(REASONS / f"{name}.md"), "Example"))
        assert f"{decision}: {name}" in {said for _, _, said in promised(example)}


@pytest.mark.parametrize("name", list(BOOK.reasons))
def test_explain_names_the_page(name: str) -> None:
    said = "".join(text for line in lookup.explain(name, BOOK, lines.WIDTH) for text, _ in line)
    assert f"docs/reasons/{name}.md" in said


def scan(folder: Path, *arguments: str) -> str:
    """Scan a folder as a person would, and give what is printed."""
    return printed(folder, "scan", *arguments)


def printed(folder: Path, *arguments: str) -> str:
    """Run a command in a folder, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8").replace("\r\n", "\n")


def test_the_worked_example_is_what_the_tool_prints(tmp_path: Path) -> None:
    text = section(read(DOCS / "following-values.md"), "A worked example")
    example = files(text)
    lay_out(example, tmp_path)
    (shown,) = re.findall(r"^```console\n\$ migrator scan --explain\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert scan(tmp_path, "--explain").startswith(f"{shown}\n")
    assert got(decisions(tmp_path)) == promised(example)


def test_the_limits_are_those_of_the_code() -> None:
    text = section(read(DOCS / "following-values.md"), "Limits")
    told = re.findall(r"^\| `(\w+)\.(\w+)` \| ([\d,]+) \|", text, re.MULTILINE)
    limits = {
        (module, name, int(number))
        for module in {module for module, _, _ in told}
        for name, number in re.findall(
            r"^(MAX_\w+|MANY_\w+) = ([\d_]+)$", read(ROOT / "migrator" / "flow" / f"{module}.py"), re.MULTILINE
        )
    }
    assert len(limits) >= 7
    assert {(module, name, int(number.replace(",", ""))) for module, name, number in told} == limits


@pytest.mark.parametrize("heading", ["Your own wrapper", "A wrapper in the same repository"])
def test_an_example_of_a_surface_gives_what_it_says(heading: str, tmp_path: Path) -> None:
    example = files(section(read(DOCS / "add-a-surface.md"), heading))
    lay_out(example, tmp_path)
    said = promised(example)
    assert got(decisions(tmp_path)) == said
    assert said


@pytest.mark.parametrize("heading", ["Your own wrapper", "A wrapper in the same repository"])
def test_without_its_table_the_wrapper_is_not_proven(heading: str, tmp_path: Path) -> None:
    example = files(section(read(DOCS / "add-a-surface.md"), heading))
    lay_out({name: text for name, text in example.items() if name.endswith(".py")}, tmp_path)
    assert "rewrite" not in {said for _, _, said in got(decisions(tmp_path))}


def test_the_table_of_a_library_is_the_one_in_the_rules() -> None:
    text = re.sub("^   ", "", section(read(DOCS / "add-a-surface.md"), "A new library"), flags=re.MULTILINE)
    ((name, shown),) = files(text).items()
    assert shown == read(ROOT / name)


def test_the_keys_of_a_table_are_those_that_are_read() -> None:
    text = section(read(DOCS / "add-a-surface.md"), "The keys of a table")
    assert sorted(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == sorted(rows.SURFACE_KEYS)


@pytest.mark.parametrize("heading", ["Before", "After"])
def test_the_picture_of_a_prompt_is_what_the_tool_prints(heading: str, tmp_path: Path) -> None:
    text = section(read(DOCS / "prompt-caching.md"), heading)
    lay_out(files(text), tmp_path)
    (shown,) = re.findall(r"^```console\n\$ migrator cache\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert printed(tmp_path, "cache", "--quiet") == f"{shown}\n"


def test_the_key_of_the_example_is_what_the_tool_adds(tmp_path: Path) -> None:
    text = section(read(DOCS / "prompt-caching.md"), "After")
    lay_out(files(text), tmp_path)
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = plan.make([tmp_path], settings.Settings(), cwd=tmp_path, today=TODAY)
    assert "".join(unified(patch).decode() for patch in found.patches) == diff


def test_the_reasons_for_no_key_are_those_of_the_table() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", section(read(DOCS / "prompt-caching.md"), "The key"), re.MULTILINE)
    refusals = rulebook.load_caching().refusals
    assert dict(told) == {name: reason.title for name, reason in refusals.items()}
    assert len(told) == len(refusals)


def test_the_reasons_for_an_order_that_stays_are_those_of_the_table() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", section(read(DOCS / "prompt-caching.md"), "The order"), re.MULTILINE)
    assert dict(told) == {name: reason.title for name, reason in rulebook.load_caching().stays.items()}


def test_the_warnings_are_those_of_the_table() -> None:
    text = section(read(DOCS / "prompt-caching.md"), "Warnings")
    told = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert told == [(row.name, row.title, row.advice) for row in rulebook.load_caching().breakers.values()]


def test_the_figures_of_caching_are_those_of_the_tables() -> None:
    text = read(DOCS / "prompt-caching.md")
    caching, models = rulebook.load_caching(), BOOK.models
    new, small = models["gpt-4.1-mini"], models["gpt-4o-mini"]
    for figure in (
        f"{caching.minimum:,} tokens",
        f"steps of {caching.step}",
        f"{caching.requests_per_minute} requests",
    ):
        assert figure in text
    for old, price in ((small.input_price, new.input_price), (small.cached_price, new.cached_price)):
        assert old is not None
        assert price is not None
        assert f"${price} instead of ${old}" in text.replace("\n", " ")
        assert prices.factor(price / old) in text
    share = prices.break_even(small, new)
    assert share is not None
    assert f"{(share * 100).quantize(Decimal(1), ROUND_UP)} %" in text


def slug(heading: str) -> str:
    """Give the anchor that a heading gets on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        if target.startswith("https://"):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target
