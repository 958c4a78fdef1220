"""Answer one question: do the project's files hold a library at a version too old for a new name?

Only what the files prove counts: an exact pin, a locked version, an upper bound. Nothing is
installed and no index is asked. What cannot be read declares nothing.
"""

from __future__ import annotations

import ast
import codecs
import configparser
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.sources.metadata import normal
from migrator.sources.python import tree

if TYPE_CHECKING:
    from packaging.specifiers import Specifier
    from packaging.version import Version

# ``litellm[proxy]>=1.50,<1.60 ; python_version < "3.12"``: the name, the versions, the marker.
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\]\s*)?\(?([^;@()#]*)[^;]*(;.*)?", re.DOTALL)
_EXACT = re.compile(r"\s*===?[^*,]+")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
_COMMENT = re.compile(r"(^|\s)#.*")
_LOCKED = re.compile(r"(name|version)\s*=\s*[\"']([^\"']+)[\"']")
_POETRY = re.compile(r"(\^|~=|~|[<>=!]=?=?)?\s*(\d[\w.*+!-]*)")
_CONDA = re.compile(r"\s*-\s+[\"']?(?:[\w./-]+::)?([^\"'#]+)")
_CONDA_VERSION = re.compile(r"([\w.-]+)(\s*==\s*|\s*=\s*|\s+)(\d[\w.*]*)(?:[=\s]\S+)?\s*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A library that is held at a version without the new name, and the line that holds it.

    ``shown`` is the file's path from the root of the ``Pins``.
    """

    detail: str
    shown: str
    line: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """One line that names a library: ``text`` as written, ``allowed`` as PEP 440 spells it.

    Of the alternatives in one file (markers, ``||``, entries of a lock file) any may come to be
    installed; what is no alternative always counts.
    """

    name: str
    text: str
    allowed: str
    path: Path
    line: int
    is_alternative: bool = False
    is_locked: bool = False

    @property
    def is_firm(self) -> bool:
        """Say whether one single version is named, as lock files do."""
        return self.is_locked or _EXACT.fullmatch(self.allowed) is not None


File = tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Pins:
    """What the project files below ``root`` declare. A folder is read when a question first needs it."""

    root: Path
    folders: dict[Path, tuple[File, ...]] = field(default_factory=dict, repr=False, compare=False)

    def refuses(self, requirement: str, path: Path) -> Refusal | None:
        """Say what keeps the code in ``path`` from ever running with ``requirement`` (``litellm>=1.66.1``).

        The nearest folder that declares the library decides, its lock files and exact pins before
        its ranges. Without an upper bound the newest version would be installed: no refusal.
        """
        name, needed, _ = _parts(requirement)
        folders = (folder for folder in path.parents if folder == self.root or self.root in folder.parents)
        files = next(filter(None, (self._declaring(name, folder) for folder in folders)), ())
        firm = tuple(file for file in files if any(d.is_firm for d in file))
        old = next((d for file in firm or files for d in _too_old(file, needed)), None)
        return None if old is None else self._refusal(old, needed)

    def grants(self, requirement: str, path: Path) -> bool:
        """Say whether the code in ``path`` surely runs with ``requirement``: a lock, a pin or a lower bound says so.

        The nearest folder that declares the library decides, as in ``refuses``; nothing declared grants nothing.
        """
        name, needed, _ = _parts(requirement)
        folders = (folder for folder in path.parents if folder == self.root or self.root in folder.parents)
        files = next(filter(None, (self._declaring(name, folder) for folder in folders)), ())
        firm = tuple(file for file in files if any(d.is_firm for d in file))
        chosen = tuple(d for file in firm or files for d in file)
        return bool(chosen) and all(_begins_after(d.allowed, needed) for d in chosen)

    def requires(self, library: str, path: Path) -> bool:
        """Say whether a folder around ``path`` asks for the library by its name, other than in a lock file."""
        name, _, _ = _parts(library)
        folders = (folder for folder in path.parents if folder == self.root or self.root in folder.parents)
        return any(not d.is_locked for folder in folders for file in self._declaring(name, folder) for d in file)

    def _declaring(self, name: str, folder: Path) -> tuple[File, ...]:
        if folder not in self.folders:
            self.folders[folder] = tuple(_read(folder))
        files = (tuple(d for d in file if d.name == name) for file in self.folders[folder])
        return tuple(file for file in files if file)

    def _refusal(self, old: Declaration, needed: str) -> Refusal:
        shown = Path(os.path.relpath(old.path, self.root)).as_posix()
        return Refusal(f"{old.text} in {shown}:{old.line}; needs {needed}", shown, old.line)


def read(root: Path) -> Pins:
    """Be ready to answer for the files below ``root``; nothing is read yet."""
    return Pins(root)


def _too_old(file: File, needed: str) -> Iterator[Declaration]:
    """Give what proves that one file allows no version with the name; alternatives only all together."""
    old = tuple(d for d in file if _excludes(d.allowed, needed))
    always = tuple(d for d in file if not d.is_alternative)
    if always:
        yield from (d for d in old if not d.is_alternative)
    elif len(old) == len(file):
        yield from old


def _excludes(allowed: str, needed: str) -> bool:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    try:
        floors = [Version(clause.version) for clause in SpecifierSet(needed) if clause.operator == ">="]
        return any(_ends_before(clause, floor) for clause in SpecifierSet(allowed) for floor in floors)
    except ValueError:
        return False


def _begins_after(allowed: str, needed: str) -> bool:
    """Say whether every version that is allowed has what is needed."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    try:
        floors = [Version(clause.version) for clause in SpecifierSet(needed) if clause.operator == ">="]
        starts = [_start(clause) for clause in SpecifierSet(allowed)]
    except ValueError:
        return False
    return any(start is not None and all(start >= floor for floor in floors) for start in starts)


def _start(clause: Specifier) -> Version | None:
    """Give the first version that a clause allows, or None where it has no lower bound."""
    from packaging.version import Version

    if clause.operator in (">=", ">", "==", "===", "~="):
        return Version(clause.version.removesuffix(".*"))
    return None


def _ends_before(clause: Specifier, floor: Version) -> bool:
    """Say whether a clause allows nothing from ``floor`` on."""
    from packaging.version import Version

    version = Version(clause.version.removesuffix(".*"))
    match clause.operator:
        case "==" if clause.version.endswith(".*"):
            return _after(version, len(version.release)) <= floor
        case "~=":
            return _after(version, len(version.release) - 1) <= floor
        case "<":
            return version <= floor
        case "==" | "===" | "<=":
            return version < floor
    return False


def _after(version: Version, places: int) -> Version:
    """Give the first version after all that share the first ``places`` numbers: 1.61 after 1.60.*."""
    from packaging.version import Version

    *same, last = version.release[:places]
    return Version(f"{version.epoch}!{'.'.join(map(str, (*same, last + 1)))}")


def _read(folder: Path) -> Iterator[File]:
    try:
        found = sorted(folder.iterdir())
        nested = sorted((folder / "requirements").glob("*.txt"))
    except OSError:
        return
    for path in found:
        reader = next((reader for pattern, reader in READERS if fnmatchcase(path.name, pattern)), None)
        if reader is not None:
            yield _file(path, reader)
    for path in nested:
        yield _file(path, _from_requirements)


def _file(path: Path, reader: Reader) -> File:
    try:
        return tuple(reader(path, _text(path)))
    except (ValueError, SyntaxError, RecursionError, configparser.Error):
        return ()


def _text(path: Path) -> str:
    """Read a file as pip does, which knows what PowerShell's ``>`` writes; nothing when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", "replace")


def _parts(requirement: str) -> tuple[str, str, bool]:
    """Split a requirement: ``("litellm", ">=1.50", True)`` of ``LiteLLM[proxy]>=1.50 ; extra == "x"``."""
    match = _REQUIREMENT.match(requirement)
    if match is None:
        return "", "", False
    return normal(match[1]), match[2].strip(), match[3] is not None


def _required(requirement: str, path: Path, line: int, allowed: str | None = None) -> Iterator[Declaration]:
    name, versions, is_alternative = _parts(requirement)
    if name:
        text = requirement.partition(";")[0].strip()
        yield Declaration(name, text, versions if allowed is None else allowed, path, line, is_alternative)


def _from_requirements(path: Path, text: str, seen: frozenset[Path] = frozenset()) -> Iterator[Declaration]:
    for number, line in _logical_lines(text):
        include = _INCLUDE.match(line)
        if include is not None:
            yield from _included(path, include[1], seen | {path.resolve()})
        elif not line.startswith("-"):
            yield from _required(re.split(r"\s--", line)[0], path, number)


def _included(path: Path, target: str, seen: frozenset[Path]) -> Iterator[Declaration]:
    """Read what ``-r`` and ``-c`` name; a constraint holds a version just as well."""
    other = path.parent / target
    if other.is_file() and other.resolve() not in seen:
        yield from _from_requirements(other, _text(other), seen)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give each line without its comment, joined with those that continue it, and its first number."""
    kept, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = _COMMENT.sub("", line)
        first = first if kept else number
        kept += bare.removesuffix("\\") + " "
        if not bare.endswith("\\"):
            yield first, kept.strip()
            kept = ""
    yield first, kept.strip()


def _from_lock(path: Path, text: str) -> Iterator[Declaration]:
    """Read the packages of a TOML lock file by line: the files are long, and written by machines."""
    name, is_package = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("["):
            name, is_package = "", line.strip() in ("[[package]]", "[[packages]]")
        elif is_package and (match := _LOCKED.match(line)):
            if match[1] == "name":
                name = match[2]
            elif name:
                yield _locked(name, match[2], path, number)


def _from_pipfile_lock(path: Path, text: str) -> Iterator[Declaration]:
    for section, packages in _table(json.loads(text)).items():
        for name, entry in _table(packages).items():
            version = _table(entry).get("version")
            if section != "_meta" and isinstance(version, str):
                yield _locked(name, version.lstrip("="), path, _line(text, f'"{name}"', ""))


def _locked(name: str, version: str, path: Path, line: int) -> Declaration:
    return Declaration(normal(name), f"{name}=={version}", f"=={version}", path, line, True, True)


def _from_pyproject(path: Path, text: str) -> Iterator[Declaration]:
    document = tomllib.loads(text)
    overrides = _table(document, "tool", "uv").get("override-dependencies")
    instead = tuple(_listed((overrides,), path, text))
    replaced = {declaration.name for declaration in instead}
    yield from instead
    others = (*_listed(_lists(document), path, text), *_from_poetry(document, path, text))
    yield from (declaration for declaration in others if declaration.name not in replaced)


def _lists(document: Mapping[str, object]) -> Iterator[object]:
    """Give every list of requirements in a pyproject.toml."""
    yield _table(document, "project").get("dependencies")
    yield from _table(document, "project", "optional-dependencies").values()
    yield from _table(document, "dependency-groups").values()
    yield from _table(document, "tool", "pdm", "dev-dependencies").values()
    for key in ("constraint-dependencies", "dev-dependencies"):
        yield _table(document, "tool", "uv").get(key)


def _listed(lists: Iterable[object], path: Path, text: str) -> Iterator[Declaration]:
    for items in lists:
        for item in items if isinstance(items, list) else ():
            if isinstance(item, str) and (match := _REQUIREMENT.match(item)):
                yield from _required(item, path, _line(text, match[1], item[match.end(1) :]))


def _from_poetry(document: Mapping[str, object], path: Path, text: str) -> Iterator[Declaration]:
    poetry = _table(document, "tool", "poetry")
    yield from _tabled(_table(poetry, "dependencies"), path, text)
    yield from _tabled(_table(poetry, "dev-dependencies"), path, text)
    for group in _table(poetry, "group").values():
        yield from _tabled(_table(group, "dependencies"), path, text)


def _from_pipfile(path: Path, text: str) -> Iterator[Declaration]:
    for section, packages in tomllib.loads(text).items():
        if section not in ("source", "requires", "scripts", "pipenv"):
            yield from _tabled(_table(packages), path, text)


def _tabled(table: Mapping[str, object], path: Path, text: str) -> Iterator[Declaration]:
    """Read ``name = "^1.2"``, ``name = { version = "^1.2", python = "<3.12" }`` and lists of the latter."""
    for name, value in table.items():
        for choice in value if isinstance(value, list) else (value,):
            more = _table(choice)
            version = choice if isinstance(choice, str) else more.get("version")
            written = version if isinstance(version, str) else ""
            ways = re.split(r"\|\|?", written)
            is_alternative = len(ways) > 1 or bool(more.keys() & {"python", "markers", "platform"})
            line = _line(text, name, written)
            for way in ways:
                shown = f"{name} {written}".strip()
                yield Declaration(normal(name), shown, _from_caret(way), path, line, is_alternative)


def _from_caret(versions: str) -> str:
    """Spell Poetry's ``^1.2``, ``~1.2`` and bare ``1.2`` as PEP 440 does."""
    return ",".join(_clause(match[1] or "", match[2]) for match in _POETRY.finditer(versions))


def _clause(operator: str, version: str) -> str:
    if operator not in ("^", "~"):
        return ("==" if operator in ("", "=") else operator) + version
    release = re.split(r"[^\d.]", version)[0].strip(".")
    numbers = [int(number) for number in release.split(".") if number]
    first = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    at = first if operator == "^" else min(1, len(numbers) - 1)
    end = [*numbers[:at], numbers[at] + 1]
    return f">={version},<{'.'.join(map(str, end))}"


def _from_setup_cfg(path: Path, text: str) -> Iterator[Declaration]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    values = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        values += [value for _, value in parser.items("options.extras_require")]
    for line in "\n".join(values).splitlines():
        bare = _COMMENT.sub("", line).strip()
        yield from _required(bare, path, _line(text, bare, ""))


def _from_setup(path: Path, text: str) -> Iterator[Declaration]:
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "setup":
            for keyword in node.keywords:
                if keyword.arg in ("install_requires", "extras_require"):
                    yield from _spelled(keyword.value, path)


def _spelled(node: ast.expr | None, path: Path) -> Iterator[Declaration]:
    """Read the strings of a literal list, or of a dictionary's lists; what is computed is unknown."""
    match node:
        case ast.Constant(value=str(text)):
            for requirement in text.splitlines():
                yield from _required(requirement, path, node.lineno)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
            for item in items:
                yield from _spelled(item, path)


def _from_conda(path: Path, text: str) -> Iterator[Declaration]:
    for number, line in enumerate(text.splitlines(), start=1):
        match = _CONDA.match(line)
        if match is None:
            continue
        include = _INCLUDE.match(match[1])
        if include is not None:
            yield from _included(path, include[1], frozenset())
            continue
        yield from _required(match[1], path, number, _conda_versions(match[1]))


def _conda_versions(written: str) -> str | None:
    """Spell ``litellm=1.60`` (any 1.60) and ``litellm=1.60.2=py_0`` as PEP 440 does; None where it agrees."""
    match = _CONDA_VERSION.fullmatch(written)
    if match is None:
        return None
    is_open = match[2].strip() == "=" and not match[3].endswith("*")
    return f"=={match[3]}{'.*' if is_open else ''}"


def _table(value: object, *keys: str) -> Mapping[str, object]:
    """Give the table below ``keys``, empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _line(text: str, name: str, rest: str) -> int:
    """Give the first line that holds both outside a comment, else the first with the name."""
    start = rf"^[^#\n]*?(?<![\w.-]){re.escape(name)}"
    match = re.search(rf"{start}[^\n]*{re.escape(rest)}", text, re.MULTILINE) or re.search(start, text, re.M)
    return text.count("\n", 0, match.end()) + 1 if match else 1


Reader = Callable[[Path, str], Iterator[Declaration]]
READERS: tuple[tuple[str, Reader], ...] = (
    ("uv.lock", _from_lock),
    ("poetry.lock", _from_lock),
    ("pdm.lock", _from_lock),
    ("pylock.toml", _from_lock),
    ("pylock.*.toml", _from_lock),
    ("Pipfile.lock", _from_pipfile_lock),
    ("pyproject.toml", _from_pyproject),
    ("*requirements*.txt", _from_requirements),
    ("Pipfile", _from_pipfile),
    ("setup.cfg", _from_setup_cfg),
    ("setup.py", _from_setup),
    ("environment*.yml", _from_conda),
    ("environment*.yaml", _from_conda),
)
