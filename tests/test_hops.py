"""Answer one question: do two hops come to the same as one?

gpt-4o → gpt-4.1-mini → gpt-6-luna must be gpt-4o → gpt-6-luna wherever both change the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from test_fixtures import CASES, TODAY, Case, lay_out, read

from migrator import plan
from migrator.model import Plan, Rewrite
from migrator.settings import Settings

Tree = Mapping[str, bytes]
FAR = "gpt-6-luna"


def hop(folder: Path, migration: str) -> Plan:
    """Apply one migration to a folder, with all its transforms but the order of prompts, which a person reviews."""
    settings = Settings(migration=migration, transforms=("model", "parameters", "cache_key"))
    made = plan.make([folder], settings, cwd=folder, today=TODAY)
    for patch in made.patches:
        patch.path.write_bytes(patch.after)
    return made


def rewritten(made: Plan) -> list[tuple[str, int]]:
    """Where names were changed: the file and the line of each."""
    places = (d.finding.origin for d in made.decisions if isinstance(d, Rewrite))
    return sorted((origin.shown, origin.position.line) for origin in places)


def tree(folder: Path) -> Tree:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


CHANGING = [case for case in CASES if not case.is_still]


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: f"{case.folder}-{case.name}")
def test_two_hops_are_one(case: Case, tmp_path: Path) -> None:
    before = read(case.before, "stored")
    near, far = tmp_path / "near", tmp_path / "far"
    lay_out(before, near)
    lay_out(before, far)
    first = hop(near, "gpt-4.1-mini")
    second = hop(near, FAR)
    direct = hop(far, FAR)
    # Where one hop leaves a name alone that another changes, what it changes is tried by the fixtures.
    # The second hop finds its names on other lines, where the first one added some.
    if rewritten(first) == rewritten(direct) and len(rewritten(second)) == len(rewritten(direct)):
        assert tree(near) == tree(far)
        assert hop(near, FAR).patches == ()
