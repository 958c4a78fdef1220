"""Answer one question: does every fixture come out as its author wrote it?

One runner tries them all, with the line ends as stored and with CRLF, twice. A comment
``# expect: report comparison`` in a file before the change names the decision and the reason
that this line must get; several are parted by commas.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import libcst
import pytest

from migrator import plan
from migrator.model import Plan, Report, Review, Rewrite
from migrator.settings import Settings
from migrator.sources.config import read_config
from migrator.sources.entries import ConfigSource

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
TRANSFORMS = {
    "swap_model": ("model",),
    "add_cache_key": ("model", "cache_key"),
    "order_prompt": ("model", "order_prompt"),
    "set_parameters": ("model", "parameters", "cache_key"),
}
# Keys for Azure are asked for in the cases whose names begin so.
ON_AZURE = "azure_"
# Migrations other than the default, by folder.
MIGRATIONS = {"set_parameters": "gpt-6-luna"}
# What is held for review is applied in these folders.
REVIEWED = ("order_prompt",)
WITH_KEYS = {"add_cache_key", "cache"}
TODAY = date(2026, 11, 22)
EXPECTATIONS = re.compile(r"# expect: ((?:(?:report|review) \w+(?:, )?)+)")

PROMPT = re.compile(r"# prompt: (\w+)$")
ORDER = re.compile(r"# order: (\w+)$")

Tree = Mapping[str, bytes]
Remark = tuple[str, int | None, int, str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture: the files before and after by the path that they get in the trial."""

    folder: str
    name: str
    before: Mapping[str, Path]
    after: Mapping[str, Path]

    @property
    def is_still(self) -> bool:
        """Say whether nothing changes; two such cases belong to each three that change something."""
        return all(path.read_bytes() == self.after[shown].read_bytes() for shown, path in self.before.items())


def pairs(folder: str) -> Iterator[Case]:
    """Read ``fixtures/<transform>/<case>.before.py`` and its ``.after.py``."""
    for before in sorted((FIXTURES / folder).glob("*.before.*")):
        after = before.with_name(before.name.replace(".before.", ".after."))
        name = before.name.partition(".")[0]
        shown = name + before.suffix
        yield Case(folder, name, {shown: before}, {shown: after})


def singles(folder: str) -> Iterator[Case]:
    """Read ``fixtures/untouched/<case>.py``: the file is the same before and after."""
    for path in sorted((FIXTURES / folder).glob("[!.]*.*")):
        yield Case(folder, path.stem, {path.name: path}, {path.name: path})


def repositories() -> Iterator[Case]:
    """Read ``before`` and ``after`` of ``fixtures/repos/flow_<case>`` and ``cache_<case>``: whole trees."""
    for folder in sorted((FIXTURES / "repos").glob("*_*")):
        yield Case(
            "cache" if folder.name.startswith("cache_") else "repos",
            folder.name,
            files(folder / "before"),
            files(folder / "after"),
        )


def files(folder: Path) -> Mapping[str, Path]:
    """Map each file below the folder by its path inside it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


CHANGING = tuple(case for folder in TRANSFORMS for case in pairs(folder))
STILL = (*singles("untouched"), *singles("reported"))
REPOSITORIES = tuple(repositories())
CASES = (*CHANGING, *STILL, *REPOSITORIES)


def read(paths: Mapping[str, Path], ends: str) -> Tree:
    """Read files, with the line ends as stored or all of them CRLF."""
    tree = {shown: path.read_bytes() for shown, path in paths.items()}
    if ends == "stored":
        return tree
    return {shown: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for shown, data in tree.items()}


def lay_out(tree: Tree, folder: Path) -> None:
    """Write a tree of files below a folder."""
    for shown, data in tree.items():
        path = folder / shown
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def planned(case: Case, folder: Path) -> Plan:
    """Plan the changes of everything in a folder, by the transform that the case is about."""
    usual = ("model", "cache_key") if case.folder in WITH_KEYS else ("model",)
    settings = Settings(
        migration=MIGRATIONS.get(case.folder, Settings().migration),
        transforms=TRANSFORMS.get(case.folder, usual),
        review=case.folder in REVIEWED,
        azure_keys=case.folder == "add_cache_key" and case.name.startswith(ON_AZURE),
    )
    return plan.make([folder], settings, cwd=folder, today=TODAY)


def applied(tree: Tree, made: Plan) -> Tree:
    """Give the tree with all patches of a plan."""
    return {**tree, **{patch.shown: patch.after for patch in made.patches}}


def remarks(made: Plan) -> set[Remark]:
    """Gather what a plan says of literals that it leaves alone: path, cell, line, decision, reason."""
    found = set()
    for decision in made.decisions:
        match decision:
            case Rewrite():
                continue
            case Review():
                kind = "review"
            case Report():
                kind = "report"
        origin = decision.finding.origin
        found.add((origin.shown, origin.position.cell, origin.position.line, kind, decision.reason))
    return found


def expected(tree: Tree) -> set[Remark]:
    """Gather what the comments of a tree ask for."""
    return {
        (shown, cell, number, *words.split(" "))
        for shown, data in tree.items()
        for cell, text in texts(shown, data)
        for number, line in enumerate(text.splitlines(), start=1)
        for comment in EXPECTATIONS.findall(line)
        for words in comment.rstrip(", ").split(", ")
    }


def refusals(made: Plan) -> set[tuple[str, int, str]]:
    """Gather the calls that get no cache key: path, line, reason."""
    return {(p.site.shown, p.site.position.line, p.reason) for p in made.prompts if p.reason}


def unordered(made: Plan) -> set[tuple[str, int, str]]:
    """Gather the calls whose prompt could have a better order and keeps its own: path, line, reason."""
    stays = {(p.site.shown, p.site.position.line, p.order) for p in made.prompts}
    return {one for one in stays if one[2] not in ("", "applied", "sorted", "hidden_prompt")}


def refused(tree: Tree, comment: re.Pattern[str]) -> set[tuple[str, int, str]]:
    """Gather the calls whose comment ``# prompt: short_prefix`` says that they get no cache key."""
    return {
        (shown, number, match[1])
        for shown, data in tree.items()
        for number, line in enumerate(data.decode("latin-1").splitlines(), start=1)
        for match in comment.finditer(line)
    }


def texts(shown: str, data: bytes) -> Iterator[tuple[int | None, str]]:
    """Give the text of a file, or of each code cell of a notebook with its index."""
    if not shown.endswith(".ipynb"):
        yield None, data.decode("latin-1")
    elif b"# expect: " in data:
        for index, cell in enumerate(json.loads(data)["cells"]):
            if cell["cell_type"] == "code":
                yield index, "".join(cell["source"])


def parses_like(before: bytes, after: bytes, shown: str) -> bool:
    """Say whether the new file is as readable as the old one: newer syntax is LibCST's to read."""
    if shown.endswith(".ipynb"):
        return bool(json.loads(after))
    if not shown.endswith(".py"):
        return isinstance(read_config(Path(shown), shown, after), ConfigSource)
    try:
        ast.parse(before)
    except SyntaxError:
        return bool(libcst.parse_module(after))
    return bool(ast.parse(after))


def write_after(case: Case, result: Tree) -> None:
    """Store what the program made of a case as the truth from now on."""
    for shown, path in case.before.items():
        target = case.after.get(shown, path)
        if target != path:
            target.write_bytes(result[shown])


@pytest.mark.parametrize("ends", ["stored", "crlf"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder}-{case.name}")
def test_fixture(case: Case, ends: str, tmp_path: Path, updates_fixtures: bool) -> None:
    before = read(case.before, ends)
    lay_out(before, tmp_path)
    made = planned(case, tmp_path)
    result = applied(before, made)
    if updates_fixtures and ends == "stored":
        write_after(case, result)

    assert result == read(case.after, ends)
    if case.folder == "untouched":
        assert not [remark for remark in remarks(made) if "review" in remark]
    else:
        assert remarks(made) == expected(before)
    if case.folder == "add_cache_key":
        assert refusals(made) == refused(before, PROMPT)
    assert unordered(made) == refused(before, ORDER)

    for shown, data in result.items():
        assert data == before[shown] or parses_like(before[shown], data, shown)
    lay_out(result, tmp_path)
    assert planned(case, tmp_path).patches == ()


def test_each_file_before_has_one_after() -> None:
    for folder in TRANSFORMS:
        names = {path.name for path in (FIXTURES / folder).glob("*.*.*")}
        swapped = {name.replace(".before.", ".after.") for name in names if ".before." in name}
        assert swapped == {name for name in names if ".after." in name}
    for case in REPOSITORIES:
        assert case.before.keys() == case.after.keys(), case.name


def test_each_pair_changes_something() -> None:
    """But for those that say why they stay, beside those of the same migration that do not."""
    told = [case.name for case in CHANGING if case.is_still and case.folder in MIGRATIONS]
    assert [case.name for case in CHANGING if case.is_still and case.name not in told] == []
    assert [c.name for c in CHANGING if c.name in told and not expected(read(c.before, "stored"))] == []


def test_two_cases_stay_for_each_three_that_change() -> None:
    still = [case for case in CASES if case.is_still]
    assert 3 * len(still) >= 2 * (len(CASES) - len(still))


def test_each_reported_file_asks_for_something() -> None:
    told = [case for case in STILL if case.folder == "reported"]
    assert [case.name for case in told if not expected(read(case.before, "stored"))] == []


def test_each_expected_reason_is_in_the_table() -> None:
    asked = {remark[-1] for case in CASES for remark in expected(read(case.before, "stored"))}
    known = tomllib.loads((ROOT / "rules" / "reasons.toml").read_text(encoding="utf-8"))
    assert asked - known.keys() == set()
