"""Answer one question: which files can matter?

``rignore`` (the walker of ripgrep) reads the ignore files; the names of ``LEFT_OUT`` are passed over on
top of them. Nothing is parsed here: a file is looked at as bytes, once.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.folders import absolute, common_folder, mode_of, project_root
from migrator.model import Skip
from migrator.needles import MAX_PYTHON, PYTHON
from migrator.settings import Settings

if TYPE_CHECKING:
    from rignore import Walker

PAGES = frozenset({".md", ".mdx", ".markdown", ".qmd", ".rst"})

_SUFFIXES = """
    .yaml .yml .toml .json .json5 .jsonc .jsonl .env .ini .cfg .conf .properties .tf .tfvars
    .md .mdx .markdown .qmd .rst .txt .adoc .jinja .j2 .prompt
    .js .jsx .mjs .cjs .ts .tsx .mts .cts .vue .svelte .go .java .kt .kts .scala .cs .rb .php .rs
    .swift .dart .ex .exs .lua .sh .bash .zsh .fish .ps1 .bat .mk
"""
OTHER_SUFFIXES = frozenset(_SUFFIXES.split())
# These say what was, not what is: their code stays, and their names are counted.
HISTORY = re.compile(r"(?:change[-_ ]?(?:log|s)|history|news|releases?(?:[-_ ]?notes?)?)(?:[-_ ].*)?", re.IGNORECASE)
OTHER_NAMES = frozenset(
    {".env", "OAI_CONFIG_LIST", "env.example", "Containerfile", "Dockerfile", "Makefile", "Procfile", "justfile"}
)
OTHER_STEMS = (".env.", "Dockerfile.")

# What a program may read a table from.
TABLES = (".json", ".yaml", ".yml", ".toml")

LOCKS = frozenset({"npm-shrinkwrap.json", "package-lock.json", "packages.lock.json", "pnpm-lock.yaml"})
RECORDED = "cassettes"

# Ruff's defaults, then the folders that hold copies of other people's code. `vendor` is left in: in an
# application it is as often a seller as a copied library.
_LEFT_OUT = """
    .bzr .direnv .eggs .git .git-rewrite .hg .ipynb_checkpoints .mypy_cache .nox .pants.d .pyenv
    .pytest_cache .pytype .ruff_cache .svn .tox .venv .vscode __pypackages__ _build buck-out build
    dist node_modules site-packages venv
    .hypothesis .idea __pycache__ _vendor _vendored bower_components third_party thirdparty
"""
LEFT_OUT = tuple(_LEFT_OUT.split())

MAX_NOTEBOOK = 20_000_000
MAX_OTHER = 1_000_000

_WALK_ERROR = re.compile(r"(?s:.*error for operation on )?(?P<path>(?s:.+)): (?P<what>.+?)(?: \(os error \d+\))?")


@dataclass(frozen=True, slots=True)
class File:
    """One file: ``path`` is absolute and not resolved, ``shown`` is what a person reads."""

    path: Path
    shown: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a run, each sorted by what is shown, without a duplicate.

    ``pages`` are the documents whose code is looked at too; without ``--docs`` they are among the others.
    """

    python: tuple[File, ...]
    others: tuple[File, ...]
    skips: tuple[Skip, ...]
    pages: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file whose bytes hold a needle, as it was read."""

    file: File
    data: bytes


def select(paths: Sequence[Path], settings: Settings, cwd: Path) -> Selection:
    """Say which files the paths stand for: a folder is walked, a file that is named is taken."""
    rules = _rules(paths, settings, cwd)
    python: dict[str, File] = {}
    others: dict[str, File] = {}
    pages: dict[str, File] = {}
    skips: dict[tuple[str, str], Skip] = {}
    named = sorted({absolute(path, cwd) for path in paths})
    kept = _kept(named, rules, cwd) if rules.forced else frozenset(named)
    for path in named:
        # The walk follows no link, so the resolved start makes every key a resolved path.
        start, real = str(path), os.path.realpath(path)
        for item in _found(path, rules, cwd, is_kept=path in kept):
            if isinstance(item, Skip):
                skips[item.shown, item.reason] = item
                continue
            group = python if _is_python(item.path) else pages if settings.docs and is_page(item.path) else others
            group.setdefault(real + str(item.path)[len(start) :], item)
    return Selection(_sorted(python), _sorted(others), tuple(skips[key] for key in sorted(skips)), _sorted(pages))


def tables(files: Iterable[File]) -> tuple[File, ...]:
    """Give the files of data that code may read: not too large, and of a format that is read."""
    found = (f for f in files if f.path.suffix.lower() in TABLES)
    return tuple(f for f in found if _size(f.path) <= MAX_OTHER)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return MAX_OTHER + 1


def candidates(files: Iterable[File], needles: Sequence[bytes]) -> Iterator[Candidate | Skip]:
    """Read each file once and yield those that can matter, and those that could not be read.

    ``for found in candidates(selection.python, migration.prefilter): match found: ...``
    """
    for file in files:
        try:
            data = _read(file.path)
        except OSError as error:
            yield Skip(file.shown, _reason(error), is_error=True)
            continue
        if data is None:
            yield Skip(file.shown, f"larger than {_limit(file.path):,} bytes; split it or change it by hand")
        elif any(needle in data for needle in needles):
            yield _candidate(file, data)


def others_naming(files: Iterable[File], needles: Sequence[bytes]) -> Mapping[str, int]:
    """Count the needles in each file that holds one; one that is too large or unreadable is passed over."""
    counts: dict[str, int] = {}
    for file in files if needles else ():
        try:
            data = _read(file.path)
        except OSError:
            continue
        if data and any(needle in data for needle in needles) and b"\0" not in data:
            counts[file.shown] = count(data, needles)
    return counts


def count(data: bytes, needles: Sequence[bytes]) -> int:
    """Count the needles in a text; one that stands inside a longer one is not counted again."""
    return len(re.findall(b"|".join(re.escape(needle) for needle in sorted(needles, key=len, reverse=True)), data))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What leaves files out: the project's root, the user's patterns and the folder they start from."""

    root: Path
    patterns: tuple[str, ...]
    anchor: Path
    forced: bool

    def keep(self, start: Path, paths: Iterable[Path]) -> Iterator[Path]:
        """Drop what a pattern matches below ``start``; one that matches a named folder is set aside."""
        if not self.patterns:
            yield from paths
            return
        from pathspec import GitIgnoreSpec

        named = self._relative(start) + "/"
        single = ((line, GitIgnoreSpec.from_lines([line])) for line in self.patterns)
        lines = [line for line, alone in single if self.forced or not alone.match_file(named)]
        spec = GitIgnoreSpec.from_lines(lines)
        yield from (path for path in paths if not spec.match_file(self._relative(path)))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.anchor).as_posix() if path.is_relative_to(self.anchor) else path.name


def _rules(paths: Sequence[Path], settings: Settings, cwd: Path) -> _Rules:
    root = anchor = project_root(paths, cwd)
    if settings.config and common_folder(paths, cwd).is_relative_to(settings.config.parent):
        anchor = settings.config.parent
    return _Rules(root, settings.exclude, anchor, settings.force_exclude)


def _found(path: Path, rules: _Rules, cwd: Path, *, is_kept: bool) -> Iterator[File | Skip]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield Skip(_shown(path, cwd), _reason(error), is_error=True)
        return
    if not is_kept:
        return
    yield from _walk(path, rules, cwd) if stat.S_ISDIR(mode) else _named(path, mode, cwd)


def _walk(start: Path, rules: _Rules, cwd: Path) -> Iterator[File | Skip]:
    paths: list[Path] = []
    environments: list[Path] = []
    for item in _entries(_walker(start, reads_above=start != rules.root), start, cwd):
        if isinstance(item, Skip):
            yield item
        elif item.name == "pyvenv.cfg":
            environments.append(item.parent)
        elif _is_python(item) or _is_other(item):
            paths.append(item)
    inner = tuple(f"{folder}{os.sep}" for folder in environments if folder != start)
    outside = (path for path in paths if not str(path).startswith(inner)) if inner else paths
    for path in rules.keep(start, outside):
        # A link is not followed: what it points to inside the paths is found under its own name.
        if stat.S_ISREG(mode_of(path, follows_links=False)):
            yield File(path, _shown(path, cwd))


def _entries(walker: Walker, start: Path, cwd: Path) -> Iterator[Path | Skip]:
    while True:
        try:
            path = next(walker, None)
        except OSError as error:
            yield _walk_failure(str(error), start, cwd)
        except ValueError:
            yield Skip(_shown(start, cwd), "a file name in it is not UTF-8; rename the file")
        else:
            if path is None:
                return
            yield path


def _walk_failure(message: str, start: Path, cwd: Path) -> Skip:
    if match := _WALK_ERROR.fullmatch(message):
        return Skip(_shown(Path(match["path"]), cwd), match["what"].lower(), is_error=True)
    return Skip(_shown(start, cwd), message, is_error=True)


def _named(path: Path, mode: int, cwd: Path) -> Iterator[File | Skip]:
    shown = _shown(path, cwd)
    if not stat.S_ISREG(mode):
        yield Skip(shown, "not a regular file", is_error=True)
    elif _is_python(path) or _is_other(path):
        yield File(path, shown)
    else:
        yield Skip(shown, "not a Python file; give it the suffix .py")


def _kept(named: Iterable[Path], rules: _Rules, cwd: Path) -> frozenset[Path]:
    """Walk once from the root to all that is named, so that the same rules decide as in a walk."""
    paths = frozenset(named)
    wanted = paths.union(*(path.parents for path in paths))
    walker = _walker(rules.root, reads_above=False, leave_out=lambda entry: entry not in wanted)
    way = {entry for entry in _entries(walker, rules.root, cwd) if isinstance(entry, Path)}
    return frozenset(rules.keep(rules.root, paths & way))


def _walker(start: Path, *, reads_above: bool, leave_out: Callable[[Path], bool] | None = None) -> Walker:
    """Set up a walk that depends on the tree alone: ignore files count without git, a user's own do not."""
    from rignore import walk

    return walk(
        start,
        ignore_hidden=False,
        read_parents_ignores=reads_above,
        read_global_git_ignore=False,
        require_git=False,
        overrides=[f"!{name}" for name in LEFT_OUT],
        should_exclude_entry=leave_out,
    )


def _read(path: Path) -> bytes | None:
    """Read a file in one go, or give None for one that is too large."""
    with path.open("rb", buffering=0) as stream:
        return stream.read() if os.fstat(stream.fileno()).st_size <= _limit(path) else None


def _candidate(file: File, data: bytes) -> Candidate | Skip:
    if b"\0" in data:
        return Skip(file.shown, "holds NUL bytes, so it is not Python text")
    return Candidate(file, data)


def _limit(path: Path) -> int:
    if path.suffix.lower() == ".ipynb":
        return MAX_NOTEBOOK
    return MAX_PYTHON if _is_python(path) else MAX_OTHER


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _is_python(path: Path) -> bool:
    return path.suffix.lower() in PYTHON


def is_page(path: Path) -> bool:
    """Say whether a file is a document whose code may be changed: a changelog tells of the past."""
    return path.suffix.lower() in PAGES and not HISTORY.fullmatch(path.stem)


def _is_other(path: Path) -> bool:
    name, suffix = path.name, path.suffix.lower()
    is_text = suffix in OTHER_SUFFIXES or name in OTHER_NAMES or name.startswith(OTHER_STEMS)
    return is_text and name not in LOCKS and path.parent.name != RECORDED


def _shown(path: Path, cwd: Path) -> str:
    below = str(cwd).rstrip(os.sep) + os.sep
    return str(path).removeprefix(below).replace(os.sep, "/") if path != cwd else "."


def _sorted(files: Mapping[str, File]) -> tuple[File, ...]:
    return tuple(sorted(files.values(), key=lambda file: file.shown))
