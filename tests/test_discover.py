"""Answer one question: are exactly the files found that a person expects?"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rignore

from migrator import discover
from migrator.discover import Candidate, File, candidates, others_naming, select
from migrator.folders import common_folder, project_root
from migrator.model import Skip
from migrator.settings import Settings

NEEDLES = (b"gpt-4o", b"GPT_4O")

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


def make(root: Path, *names: str) -> None:
    """Make empty files; a name that ends in a slash is a folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()


def python(cwd: Path, *paths: str, settings: Settings | None = None) -> list[str]:
    selection = select([Path(path) for path in paths or (".",)], settings or Settings(), cwd)
    assert selection.skips == ()
    return [file.shown for file in selection.python]


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.pyi", "c.pyw", "d.ipynb", "e.PY", "f.pyc", "g.png", "h")
    make(tmp_path, "a.yaml", ".env", ".env.local", "Dockerfile", "Dockerfile.dev", "README.md", "app/x.tsx")
    make(tmp_path, "uv.lock", "package-lock.json", "pnpm-lock.yaml", "tests/cassettes/chat.yaml")
    selection = select([tmp_path], Settings(), tmp_path)
    assert [file.shown for file in selection.python] == ["a.py", "b.pyi", "c.pyw", "d.ipynb", "e.PY"]
    assert [file.shown for file in selection.others] == [
        ".env",
        ".env.local",
        "Dockerfile",
        "Dockerfile.dev",
        "README.md",
        "a.yaml",
        "app/x.tsx",
    ]
    assert selection.skips == ()


def test_paths_are_absolute_and_shown_from_the_working_folder(tmp_path: Path) -> None:
    make(tmp_path, "here/a.py", "there/b.py")
    here, there = tmp_path / "here", tmp_path / "there"
    assert select([Path(), Path("../there")], Settings(), here).python == (
        File(there / "b.py", (there / "b.py").as_posix()),
        File(here / "a.py", "a.py"),
    )


def test_a_file_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "b/z.py", "b/a.py", "a.py")
    assert python(tmp_path, "b/z.py", ".", "b", "./b/../b/z.py") == ["a.py", "b/a.py", "b/z.py"]


@pytest.mark.parametrize("is_repository", [True, False])
def test_ignore_files_are_honoured_with_and_without_git(tmp_path: Path, is_repository: bool) -> None:
    make(tmp_path, "keep.gen.py", "a.gen.py", "top.py", "in/top.py", "in/a.py", "in/b.py", "in/deep/b.py")
    make(tmp_path, "dot.py", "out/x.py", ".github/run.py")
    (tmp_path / ".gitignore").write_text("*.gen.py\n!keep.gen.py\n/top.py\nout/\n")
    (tmp_path / ".ignore").write_text("dot.py\n")
    (tmp_path / "in" / ".gitignore").write_text("b.py\n")
    (tmp_path / "in" / "deep").mkdir(exist_ok=True)
    (tmp_path / "in" / "deep" / ".gitignore").write_text("!b.py\n")
    if is_repository:
        make(tmp_path, ".git/info/")
        make(tmp_path, "local.py")
        (tmp_path / ".git" / "info" / "exclude").write_text("local.py\n")
    assert python(tmp_path) == [".github/run.py", "in/a.py", "in/deep/b.py", "in/top.py", "keep.gen.py"]


@pytest.mark.parametrize("marker", [".git/", "pyproject.toml"])
def test_the_roots_ignore_file_counts_in_a_walk_that_starts_below_it(tmp_path: Path, marker: str) -> None:
    make(tmp_path, marker, "src/a.py", "src/made.py")
    (tmp_path / ".gitignore").write_text("/src/made.py\n")
    assert python(tmp_path, "src") == ["src/a.py"]
    assert python(tmp_path / "src") == ["a.py"]


def test_an_ignore_file_above_the_root_does_not_count(tmp_path: Path) -> None:
    make(tmp_path, "project/pyproject.toml", "project/a.py")
    (tmp_path / ".gitignore").write_text("*\n")
    assert python(tmp_path / "project") == ["a.py"]


def test_what_is_named_is_taken_though_it_is_ignored(tmp_path: Path) -> None:
    make(tmp_path, "out/a.py", "out/b.py", "build/c.py", ".git/")
    (tmp_path / ".gitignore").write_text("out/\nb.py\n")
    assert python(tmp_path) == []
    assert python(tmp_path, "out/b.py", "build/c.py") == ["build/c.py", "out/b.py"]
    assert python(tmp_path, "out", "build") == ["build/c.py", "out/a.py"]


def test_force_exclude_holds_for_what_is_named(tmp_path: Path) -> None:
    make(tmp_path, "out/a.py", "build/b.py", "old/c.py", "src/d.py", ".git/")
    (tmp_path / ".gitignore").write_text("out/\n")
    forced = Settings(force_exclude=True, exclude=("old/",))
    assert python(tmp_path, "out/a.py", "build/b.py", "old/c.py", "src/d.py", settings=forced) == ["src/d.py"]
    assert python(tmp_path, "out", "build", "old", "src", settings=forced) == ["src/d.py"]


@pytest.mark.parametrize("folder", discover.LEFT_OUT)
def test_folders_that_hold_no_work_of_the_user(tmp_path: Path, folder: str) -> None:
    make(tmp_path, f"deep/{folder}/x/a.py", "deep/b.py")
    assert python(tmp_path) == ["deep/b.py"]


def test_the_documentation_lists_the_same_folders() -> None:
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text("utf-8")
    listed = text.partition("Folders with these names")[2].partition("A folder named")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == set(discover.LEFT_OUT)


def test_an_environment_by_any_name_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "envs/dev/pyvenv.cfg", "envs/dev/bin/tool.py", "envs/developer.py", "envs/dev2/a.py")
    assert python(tmp_path) == ["envs/dev2/a.py", "envs/developer.py"]
    assert python(tmp_path, "envs/dev/bin") == ["envs/dev/bin/tool.py"]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (("old/",), ["a.py", "b.py", "src/old.py"]),
        (("/a.py",), ["b.py", "old/a.py", "old/b.py", "src/old.py"]),
        (("a.py", "src/*.py"), ["b.py", "old/b.py"]),
        (("*.py", "!b.py"), ["b.py", "old/b.py"]),
        (("old/**", "!old/b.py"), ["a.py", "b.py", "old/b.py", "src/old.py"]),
    ],
)
def test_exclude_reads_as_gitignore_does(tmp_path: Path, patterns: tuple[str, ...], kept: list[str]) -> None:
    make(tmp_path, "a.py", "b.py", "old/a.py", "old/b.py", "src/old.py")
    assert python(tmp_path, settings=Settings(exclude=patterns)) == kept


def test_exclude_starts_from_the_root_not_from_the_path(tmp_path: Path) -> None:
    make(tmp_path, "pyproject.toml", "src/a.py", "src/b.py", "src/src/b.py")
    settings = Settings(exclude=("/src/b.py",))
    assert python(tmp_path, "src", settings=settings) == ["src/a.py", "src/src/b.py"]
    assert python(tmp_path / "src", settings=settings) == ["a.py", "src/b.py"]


def test_exclude_starts_from_the_configuration_files_folder(tmp_path: Path) -> None:
    make(tmp_path, ".git/", "app/migrator.toml", "app/a.py", "app/b.py")
    settings = Settings(exclude=("/b.py",), config=tmp_path / "app" / "migrator.toml")
    assert python(tmp_path, "app", settings=settings) == ["app/a.py"]


def test_a_named_folder_is_walked_though_it_is_excluded(tmp_path: Path) -> None:
    make(tmp_path, "pyproject.toml", "tests/a.py", "tests/made.py")
    assert python(tmp_path, "tests", settings=Settings(exclude=("tests/", "made.py"))) == ["tests/a.py"]


@needs_links
def test_links_are_not_followed_in_a_walk(tmp_path: Path) -> None:
    make(tmp_path, "in/real/a.py", "outside/b.py")
    inside = tmp_path / "in"
    (inside / "folder").symlink_to(inside / "real")
    (inside / "file.py").symlink_to(inside / "real" / "a.py")
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "out.py").symlink_to(tmp_path / "outside" / "b.py")
    (inside / "broken.py").symlink_to(inside / "nowhere")
    (inside / "loop").symlink_to(inside)
    assert python(inside) == ["real/a.py"]


@needs_links
def test_a_link_that_is_named_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "real/a.py")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "file.py").symlink_to(tmp_path / "real" / "a.py")
    assert python(tmp_path, "folder") == ["folder/a.py"]
    assert python(tmp_path, "file.py") == ["file.py"]
    assert python(tmp_path, "file.py", "folder", "real") == ["file.py"]


def test_what_cannot_be_taken_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "picture.png")
    selection = select([Path("gone"), Path("picture.png"), Path("a.py"), Path("gone")], Settings(), tmp_path)
    assert selection.python == (File(tmp_path / "a.py", "a.py"),)
    assert selection.skips == (
        Skip("gone", "no such file or directory", is_error=True),
        Skip("picture.png", "not a Python file; give it the suffix .py"),
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes in its file system")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert python(tmp_path) == []
    selection = select([Path("pipe.py")], Settings(), tmp_path)
    assert selection.skips == (Skip("pipe.py", "not a regular file", is_error=True),)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_not_text_stops_nothing(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "z.py")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xff.py")).touch()
    selection = select([Path()], Settings(), tmp_path)
    assert [file.shown for file in selection.python] == ["a.py", "z.py"]
    assert selection.skips == (Skip(".", "a file name in it is not UTF-8; rename the file"),)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so a test of what may not be read gives that up for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has no permissions of this kind")
def test_what_may_not_be_read_is_an_error_and_the_rest_is_found(open_folder: Path) -> None:
    make(open_folder, "a.py", "closed/", "secret.py", "z.py")
    (open_folder / "closed").chmod(0)
    (open_folder / "secret.py").chmod(0)
    (open_folder / "z.py").write_text('"gpt-4o"')
    assert rignore.__name__ == "rignore"  # imported while it may be
    with as_nobody():
        selection = select([Path()], Settings(), open_folder)
        found = list(candidates(selection.python, NEEDLES))
    (open_folder / "closed").chmod(stat.S_IRWXU)
    assert selection.skips == (Skip("closed", "permission denied", is_error=True),)
    assert found == [
        Skip("secret.py", "permission denied", is_error=True),
        Candidate(File(open_folder / "z.py", "z.py"), b'"gpt-4o"'),
    ]


def test_the_root_of_a_project(tmp_path: Path) -> None:
    make(tmp_path, "repo/.git/", "repo/pkg/pyproject.toml", "repo/pkg/src/a.py", "repo/pkg/tests/b.py")
    make(tmp_path, "bare/setup.py", "bare/src/a.py", "none/x/a.py", "none/y/b.py")

    def root(*paths: str) -> str:
        return project_root([Path(path) for path in paths], tmp_path).relative_to(tmp_path).as_posix()

    assert root("repo/pkg/src/a.py") == "repo"
    assert root("bare/src") == "bare"
    assert root("none/x/a.py") == "none/x"
    assert root("none/x", "none/y/b.py") == "none"
    assert root("none/x/gone.py") == "none/x"
    assert project_root([], tmp_path / "bare" / "src") == tmp_path / "bare"


def test_a_worktrees_git_file_marks_a_root(tmp_path: Path) -> None:
    make(tmp_path, "tree/.git", "tree/pkg/setup.cfg", "tree/pkg/a.py")
    assert project_root([tmp_path / "tree" / "pkg" / "a.py"], tmp_path) == tmp_path / "tree"


def test_the_common_folder(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c.py", "a/d/")
    assert common_folder([Path("a/b/c.py")], tmp_path) == tmp_path / "a" / "b"
    assert common_folder([Path("a/b/c.py"), Path("a/d")], tmp_path) == tmp_path / "a"
    assert common_folder([], tmp_path) == tmp_path


def named(root: Path, name: str, data: bytes) -> File:
    (root / name).write_bytes(data)
    return File(root / name, name)


def test_candidates_hold_a_needle(tmp_path: Path) -> None:
    hit = named(tmp_path, "a.py", b'm = "gpt-4o-mini"\r\n')
    member = named(tmp_path, "b.py", b"ModelType.GPT_4O")
    miss = named(tmp_path, "c.py", b'm = "gpt-4.1-mini"')
    assert list(candidates((hit, member, miss), NEEDLES)) == [
        Candidate(hit, b'm = "gpt-4o-mini"\r\n'),
        Candidate(member, b"ModelType.GPT_4O"),
    ]
    assert list(candidates((hit,), ())) == []


def test_what_is_no_text_or_too_large_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "MAX_PYTHON", 20)
    binary = named(tmp_path, "a.py", b"gpt-4o\0")
    large = named(tmp_path, "b.py", b"gpt-4o" * 4)
    quiet = named(tmp_path, "c.py", b"\0")
    gone = File(tmp_path / "d.py", "d.py")
    notebook = named(tmp_path, "e.ipynb", b"gpt-4o" * 4)
    assert list(candidates((binary, large, quiet, gone, notebook), NEEDLES)) == [
        Skip("a.py", "holds NUL bytes, so it is not Python text"),
        Skip("b.py", "larger than 20 bytes; split it or change it by hand"),
        Skip("d.py", "no such file or directory", is_error=True),
        Candidate(notebook, b"gpt-4o" * 4),
    ]


def test_other_files_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "MAX_OTHER", 100)
    files = (
        named(tmp_path, "a.yaml", b"model: gpt-4o\nother: gpt-4o-mini\n"),
        named(tmp_path, "b.md", b"nothing"),
        named(tmp_path, "c.json", b"gpt-4o" * 20),
        named(tmp_path, "d.txt", b"gpt-4o\0"),
        File(tmp_path / "e.md", "e.md"),
    )
    assert others_naming(files, (b"gpt-4o", b"gpt-4o-mini")) == {"a.yaml": 2}
    assert others_naming(files, ()) == {}


def test_looking_imports_no_parser(tmp_path: Path) -> None:
    make(tmp_path, "a.py", ".gitignore")
    script = (
        "import sys; from pathlib import Path; from migrator import discover, pragmas, settings;"
        "s = discover.select([Path('.')], settings.load(None, Path.cwd(), {}), Path.cwd());"
        "list(discover.candidates(s.python, (b'gpt-4o',)));"
        "print(sorted({'libcst', 'rich', 'click', 'openai', 'pathspec', 'tomllib'} & set(sys.modules)))"
    )
    repository = Path(discover.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
