"""Answer one question: do registry, fixtures, README and ``migrator rules`` use the same names?"""

from __future__ import annotations

import ast
import re
import shutil
from datetime import date
from pathlib import Path

import click
import pytest

from migrator import lines, lookup, plan, rulebook
from migrator.cli import app
from migrator.model import Rewrite
from migrator.settings import TRANSFORMS as SETTLED
from migrator.settings import Settings
from migrator.shadow_session import Spending
from migrator.transforms import TRANSFORMS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BOOK = rulebook.load()

# The folder of fixtures that are not before/after pairs of a transform.
OTHER_FOLDERS = {"config", "engine", "pages", "notes", "reported", "repos", "untouched"}

# Each file of rules/surfaces: one library, which needs a pair and a case that its names alone do not change.
LIBRARIES = {
    path.stem: tuple(surface for surface in BOOK.surfaces if f'"{surface.name}"' in path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "rules" / "surfaces").glob("*.toml"))
}


def module_of(transform: str) -> str:
    """Give the module that holds a transform; its fixtures and its README heading have the same name."""
    return TRANSFORMS[transform]


def printed(lines: object) -> str:
    """Put lines together as a pipe would."""
    return "".join("".join(text for text, _ in line) + "\n" for line in lines)  # type: ignore[attr-defined]


def test_transforms_are_the_same_everywhere() -> None:
    assert tuple(TRANSFORMS) == SETTLED == tuple(lookup.TRANSFORMS)
    assert {module_of(name) for name in TRANSFORMS} == {
        path.name for path in (ROOT / "fixtures").iterdir() if path.is_dir()
    } - OTHER_FOLDERS
    headings = re.findall(r"^### `(\w+)` \(`--only ([\w-]+)`\)$", README, re.MULTILINE)
    assert headings == [(module_of(name), name) for name in TRANSFORMS]
    listed = printed(lookup.overview(BOOK, lines.WIDTH)).partition("Transforms\n")[2].partition("\n\n")[0]
    assert re.findall(r"^  ([\w-]+)  ", listed, re.MULTILINE) == list(TRANSFORMS)


@pytest.mark.parametrize("transform", list(TRANSFORMS))
def test_a_transform_explains_itself(transform: str) -> None:
    path = ROOT / "migrator" / "transforms" / f"{module_of(transform)}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    for heading in ("What it does", "Why", "Before and after", "What it leaves alone"):
        assert heading in text


def commands() -> dict[str, click.Command]:
    """Every command that can be typed, those of groups as ``shadow run``."""
    return {
        **app.commands,
        **{
            f"{name} {inner}": command
            for name, group in app.commands.items()
            if isinstance(group, click.Group)
            for inner, command in group.commands.items()
        },
    }


@pytest.mark.parametrize("name", sorted(app.commands))
def test_a_command_its_options_and_the_readme_agree(name: str) -> None:
    command = app.commands[name]
    assert command.help
    assert f"migrator {name}" in README
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.name} has no help"
            assert f"`{option.opts[0]}" in README, f"the README does not name {option.opts[0]}"


def test_the_readme_names_no_option_that_does_not_exist() -> None:
    table = README.partition("## Options")[2].partition("\n## ")[0]
    known = {opt for command in commands().values() for one in command.params for opt in one.opts}
    assert set(re.findall(r"`(--[\w-]+)", table)) - known == set()


@pytest.mark.parametrize("name", ["scan", "apply"])
def test_scan_and_apply_take_the_same_options(name: str) -> None:
    own = {"deprecated", "explain", "only_diff", "no_cache", "cache_dir", "is_compared"}
    own |= set(Spending.__annotations__)
    shared = {one.name for one in app.commands["scan"].params} - own
    assert {one.name for one in app.commands[name].params} - own == shared


@pytest.fixture(scope="module")
def reached() -> frozenset[str]:
    """Plan every before/after pair and collect the surfaces at which something is rewritten."""
    surfaces = set()
    for folder in {module_of(name) for name in TRANSFORMS}:
        for before in sorted((ROOT / "fixtures" / folder).glob("*.before.py")):
            found = plan.make_text(
                before.read_bytes(),
                "case.py",
                Settings(),
                cwd=before.parent / "none",
                today=date(2026, 11, 22),
            )
            rewrites = [one for one in found.decisions if isinstance(one, Rewrite)]
            surfaces |= {reach.site.surface for one in rewrites for reach in one.finding.reaches}
    return frozenset(surfaces)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_has_a_pair_that_reaches_it(library: str, reached: frozenset[str]) -> None:
    names = {surface.name for surface in LIBRARIES[library] if surface.hold is None}
    assert names & reached or not names, f"no pair of fixtures reaches one of {sorted(names)}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_has_a_case_of_other_names(library: str) -> None:
    case = f"{library}_name_of_other_library.py"
    folders = [name for name in ("untouched", "reported") if (ROOT / "fixtures" / name / case).exists()]
    assert len(folders) == 1, f"fixtures/untouched/{case}, or fixtures/reported/ where it is for review"


def test_each_measured_surface_has_a_pair(reached: frozenset[str]) -> None:
    measured = {one.name for one in BOOK.surfaces if one.evidence == "measured" and one.hold is None}
    assert sorted(measured - reached) == []


# The prompts of these stand inside the library, so that no code shows that a key pays.
UNSEEN = {"deepeval.GPTModel", "ragas.llm_factory"}


def test_each_surface_that_passes_a_key_on_has_a_pair_in_which_it_does(tmp_path: Path) -> None:
    folders = (
        *(ROOT / "fixtures" / "repos").glob("cache_*"),
        *(ROOT / "fixtures" / "add_cache_key").glob("*.before.py"),
    )
    keyed: set[str] = set()
    for folder in folders:
        case = tmp_path / folder.name
        if folder.is_dir():
            shutil.copytree(folder / "before", case)
        else:
            case.mkdir()
            shutil.copy(folder, case / "app.py")
        settings = Settings(transforms=("model", "cache_key"), azure_keys=True)
        made = plan.make([case], settings, cwd=case, today=date(2026, 11, 22))
        keyed |= {prompt.site.surface for prompt in made.prompts if prompt.key}
    assert {surface.name for surface in BOOK.surfaces if surface.cache_key} - keyed == UNSEEN


def test_each_reason_for_no_key_has_a_case() -> None:
    files = (ROOT / "fixtures").glob("**/*.py")
    named = {
        reason for path in files for reason in re.findall(r"# prompt: (\w+)$", path.read_text("utf-8", "replace"), re.M)
    }
    # A fixture is planned with all its files; tests/test_hook.py leaves one out.
    assert named == set(rulebook.load_caching().refusals) - {"outside"}


def test_every_reason_that_a_table_names_is_explained() -> None:
    named = {one.hold for one in BOOK.surfaces if one.hold}
    named |= {group.reason for one in BOOK.migrations.values() for group in one.reported}
    assert named - set(BOOK.reasons) == set()
    for name in BOOK.reasons:
        assert lookup.explain(name, BOOK, lines.WIDTH)


def test_every_surface_is_listed_and_explained() -> None:
    listed = printed(lookup.overview(BOOK, 10_000))
    for surface in BOOK.surfaces:
        assert surface.name in listed
        assert lookup.explain(surface.name, BOOK, lines.WIDTH)
