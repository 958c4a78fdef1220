"""Answer one question: which distributions are developed in this repository?"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from migrator.rulebook import Rulebook

FILES = ("pyproject.toml", "setup.cfg", "setup.py")


def published_here(root: Path, files: Iterable[Path], rules: Rulebook) -> frozenset[str]:
    """The import names of the libraries in the tables that a project file below ``root`` publishes.

    ``instructor`` in the repository whose pyproject.toml says ``name = "instructor"``; nothing in a
    repository that merely has a package of that name.
    """
    names = set(distributions(root, files))
    found: set[str] = set()
    for surface in rules.surfaces:
        if normal(surface.library.name) in names:
            found |= _imported(surface.calls)
    return frozenset(found)


def libraries(rules: Rulebook) -> frozenset[str]:
    """The import names of all libraries in the tables."""
    return frozenset().union(*(_imported(surface.calls) for surface in rules.surfaces))


def _imported(calls: Iterable[str]) -> Set[str]:
    return {call.partition(".")[0].removesuffix("()") for call in calls} - {"**", ""}


def normal(name: str) -> str:
    """A distribution's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """The names that project files above ``files``, not above ``root``, publish."""
    folders = {root}
    for path in files:
        folder = path.parent
        while folder not in folders and root in folder.parents:
            folders.add(folder)
            folder = folder.parent
    for folder in sorted(folders):
        for name in FILES:
            if (folder / name).is_file():
                yield from _names(folder / name)


def _names(path: Path) -> Iterator[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    readers = {"pyproject.toml": _from_pyproject, "setup.cfg": _from_cfg, "setup.py": _from_setup}
    found = readers[path.name](text)
    if found:
        yield normal(found)


def _from_pyproject(text: str) -> str | None:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    poetry = document.get("tool", {}).get("poetry", {})
    name = document.get("project", {}).get("name") or poetry.get("name")
    return name if isinstance(name, str) else None


def _from_cfg(text: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return parser.get("metadata", "name", fallback=None)


def _from_setup(text: str) -> str | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "setup":
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return None
