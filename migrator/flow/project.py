"""Answer one question: which module does an import mean, and which files use a name?

A ``Project`` knows every Python file below one root by path, reads and parses them on demand, and
keeps what it read. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from migrator.flow.unit import Binding, Unit, build
from migrator.model import Skip, Source
from migrator.sources import read
from migrator.sources.pins import Pins

KEPT_BYTES = 64_000_000
FEW_NAMES = 64
WORD = re.compile(rb"\w+")
# What must stand in a file's text before it is worth parsing; a notebook's text is escaped, so it always is.
CALLED = r"{name}[\s\\)]*\(|{name}\s+as\s"
STORED = r"\.[\s\\]*{name}[\s\\)]*(?:=(?!=)|:)"
BASED = (
    r"class[\s\\]+\w+[\s\\]*(?:\[[^(]*)?\([^:]*?(?<!\w){name}(?!\w)"
    r"|{name}\s+as\s|=[\s\\(]*[^\n=]*(?<!\w){name}(?![\w.]|[\s\\]*\()"
)
MEMBER = r"import[^=]*?(?<!\w){name}(?!\w)"
ATTRIBUTE = r"\.[\s\\]*{name}(?!\w)"
STARRED = r"import[\s\\]*\*"
MARKERS = ("pyproject.toml", "setup.py", "setup.cfg")

# A folder with one of these is a program of its own: its variables and settings are not for code elsewhere.
PROGRAMS = (
    *("package.json", "pyproject.toml", "setup.py", "requirements.txt", "Pipfile", "go.mod", "Cargo.toml"),
    *("pom.xml", "build.gradle", "composer.json", "Gemfile", "deno.json", "pubspec.yaml"),
)


@dataclass(eq=False)
class Project:
    """The Python files below one root: ``files`` maps an absolute path to how it is shown.

    ``published`` are the import names of libraries that have tables and are developed in this very
    repository: their own code, seen from its examples, is what the tables say it is. ``members`` are the
    texts that the members of libraries' enumerations stand for, by their canonical names. ``libraries`` are
    the import names of all libraries that have tables. ``tables`` are files of data that code may read,
    ``texts`` all files beside the code.
    """

    root: Path
    files: Mapping[Path, str]
    pins: Pins
    published: frozenset[str] = frozenset()
    members: Mapping[str, str] = field(default_factory=dict)
    libraries: frozenset[str] = frozenset()
    tables: Mapping[Path, str] = field(default_factory=dict)
    texts: Mapping[Path, str] = field(default_factory=dict)
    units: dict[Path, Unit | None] = field(default_factory=dict)
    skips: dict[Path, Skip] = field(default_factory=dict)
    data: dict[Path, bytes] = field(default_factory=dict)
    kept: int = 0
    naming: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    together: dict[tuple[str, ...], tuple[Path, ...]] = field(default_factory=dict)
    memory: dict[object, object] = field(default_factory=dict)
    bound_modules: dict[Binding, Unit | None] = field(default_factory=dict)
    programs: dict[Path, Path] = field(default_factory=dict)
    active: dict[ast.AST, int] = field(default_factory=dict)
    lowest: int = 0
    outer: Project | None = None

    def beside(self, path: Path, shown: str) -> Project:
        """The same files and a document that they do not see: code does not import it, nor do other documents.

        What was read and parsed is shared; what was concluded is not.
        """
        files = {**self.files, path: shown}
        return Project(
            self.root,
            files,
            self.pins,
            self.published,
            self.members,
            self.libraries,
            self.tables,
            self.texts,
            units=self.units,
            skips=self.skips,
            data=self.data,
            kept=self.kept,
            outer=self,
        )

    def bytes_of(self, path: Path) -> bytes:
        """The bytes of a file, empty when it cannot be read. Read once while they fit in memory."""
        found = self.data.get(path)
        if found is None:
            try:
                found = path.read_bytes()
            except OSError:
                found = b""
            if self.kept + len(found) <= KEPT_BYTES:
                self.kept += len(found)
                self.data[path] = found
        return found

    def unit(self, path: Path) -> Unit | None:
        """The parsed file, or None when it does not parse (the reason is in ``skips``)."""
        if path not in self.units:
            self.units[path] = self._build(path)
        return self.units[path]

    def add(self, path: Path, source: Source) -> Unit | None:
        """Parse a source that was read elsewhere (standard input) under ``path``."""
        self.units[path] = self._parsed(path, source)
        return self.units[path]

    def _build(self, path: Path) -> Unit | None:
        shown, data = self.files.get(path, path.as_posix()), self.bytes_of(path)
        quick = read(path, shown, data, parses=True)
        if isinstance(quick, Source):
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                return build(quick)
        source = read(path, shown, data)
        if isinstance(source, Skip):
            self.skips[path] = source
            return None
        return self._parsed(path, source)

    def _parsed(self, path: Path, source: Source) -> Unit | None:
        try:
            return build(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            self.skips[path] = Skip(source.shown, f"does not parse: {error}")
            return None

    def files_naming(self, *names: str) -> tuple[Path, ...]:
        """The files whose text has each of ``names`` as a whole word."""
        if names not in self.together:
            others = [frozenset(self._naming(name)) for name in names[1:]]
            self.together[names] = tuple(p for p in self._naming(names[0]) if all(p in other for other in others))
        return self.together[names]

    def _naming(self, name: str) -> tuple[Path, ...]:
        if name not in self.naming:
            word = name.encode()
            if len(self.naming) < FEW_NAMES or WORD.fullmatch(word) is None:
                found = tuple(self._searched(word))
            else:
                found = self._words.get(word, ())
            self.naming[name] = (*self.outer._naming(name), *found) if self.outer else found
        return self.naming[name]

    def _searched(self, word: bytes) -> Iterator[Path]:
        whole = re.compile(rb"(?<![\w])" + re.escape(word) + rb"(?![\w])")
        for path in self._own_files:
            data = self.bytes_of(path)
            if word in data and whole.search(data):
                yield path

    @cached_property
    def _own_files(self) -> tuple[Path, ...]:
        """The files that no project around this one has."""
        return tuple(self.files.keys() - self.outer.files.keys() if self.outer else self.files)

    @cached_property
    def _words(self) -> Mapping[bytes, tuple[Path, ...]]:
        """The files of each word: worth its making only where many names are asked for."""
        table: dict[bytes, list[Path]] = defaultdict(list)
        for path in self._own_files:
            for word in set(WORD.findall(self.bytes_of(path))):
                table[word].append(path)
        return {word: tuple(paths) for word, paths in table.items()}

    def units_naming(self, *names: str, shape: str = "") -> Iterator[Unit]:
        """The parsed files that name each of ``names`` and whose text has ``shape``, of the first name."""
        for path in self._shaped(shape, names) if shape else self.files_naming(*names):
            unit = self.unit(path)
            if unit is not None:
                yield unit

    def _shaped(self, shape: str, names: tuple[str, ...]) -> tuple[Path, ...]:
        key = ("shaped", shape, names)
        if key not in self.memory:
            search = re.compile(shape.replace("{name}", re.escape(names[0])).encode()).search
            self.memory[key] = tuple(
                p for p in self.files_naming(*names) if p.suffix == ".ipynb" or search(self.bytes_of(p))
            )
        return self.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key

    @cached_property
    def member_names(self) -> frozenset[str]:
        """The last names of ``members``: a cheap question before the dear one."""
        return frozenset(name.rpartition(".")[2] for name in self.members)

    @cached_property
    def _by_stem(self) -> Mapping[str, tuple[Path, ...]]:
        if self.outer is not None:
            return self.outer._by_stem
        table: dict[str, list[Path]] = defaultdict(list)
        for path in self.files:
            if path.suffix in (".py", ".pyi", ".pyw"):
                table[path.parent.name if path.stem == "__init__" else path.stem].append(path)
        return {stem: tuple(sorted(paths)) for stem, paths in table.items()}

    def module(self, name: str, unit: Unit) -> Unit | None:
        """The repository's own module that ``name`` (with leading dots kept) means in ``unit``, or None."""
        key = ("module", name, unit.source.path)
        if key not in self.memory:
            path = self._resolve(name, unit.source.path)
            self.memory[key] = self.unit(path) if path is not None else None
        found = self.memory[key]
        return found if isinstance(found, Unit) else None

    def _resolve(self, name: str, path: Path) -> Path | None:
        bare = name.lstrip(".")
        if name.startswith("."):
            base = path.parent
            for _ in range(len(name) - len(bare) - 1):
                base = base.parent
            return self._file(base, bare)
        return self._absolute(bare, path)

    def _file(self, base: Path, dotted: str) -> Path | None:
        stem = base.joinpath(*dotted.split(".")) if dotted else base
        for found in (stem / "__init__.py", stem.with_name(stem.name + ".py"), stem / "__init__.pyi"):
            if found in self.files:
                return found
        return None

    def _absolute(self, dotted: str, path: Path) -> Path | None:
        parts = tuple(dotted.split("."))
        found: list[tuple[int, int, Path]] = []
        inside: list[Path] = []
        for base, candidate in self._named(parts):
            if (base / "__init__.py") not in self.files:
                far = 0 if self._imports_from(base, path) else 1
                found.append((far, -_shared(base, path), candidate))
            elif base in path.parents and candidate != path:
                inside.append(candidate)
        if not found:
            return self._beside_script(parts[0], inside)
        found.sort()
        return None if found[0][0] and (len(found) > 1 or len(parts) == 1) else found[0][2]

    def _named(self, parts: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
        """The modules whose path ends in these names, each with the folder that it is imported from."""
        for candidate in self._by_stem.get(parts[-1], ()):
            stem = candidate.parent if candidate.stem == "__init__" else candidate.with_suffix("")
            if stem.parts[-len(parts) :] == parts:
                yield Path(*stem.parts[: len(stem.parts) - len(parts)]), candidate

    def _beside_script(self, name: str, inside: list[Path]) -> Path | None:
        """The one module in a package around the importing file, as if a script in that folder were started.

        ``import config`` in ``app/answer.py`` is ``app/config.py`` despite ``app/__init__.py`` when ``app/main.py``
        is the script. Which of several folders the script is in nobody can tell; what has the name of a
        library is the library.
        """
        is_library = name in self.libraries or name in sys.stdlib_module_names
        return inside[0] if len(inside) == 1 and not is_library else None

    def _imports_from(self, base: Path, path: Path) -> bool:
        """Say whether a file at ``path`` plausibly imports from ``base``: it stands above, or is a source root."""
        if base in path.parents or base == self.root:
            return True
        return base.name in ("src", "lib", "python") or any((base / m).exists() for m in MARKERS)

    def program(self, path: Path) -> Path:
        """The folder of the program that a file belongs to: the nearest with a description, or the root."""
        if path.parent not in self.programs:
            around = (f for f in path.parents if f == self.root or any((f / marker).exists() for marker in PROGRAMS))
            self.programs[path.parent] = next(around, self.root)
        return self.programs[path.parent]

    def dotted(self, path: Path) -> str:
        """The name under which a module is imported from the root, or from ``src``."""
        inside = path.relative_to(self.root) if path.is_relative_to(self.root) else Path(path.name)
        parts = [p for p in inside.with_suffix("").parts if p != "__init__"]
        return ".".join(parts[1:] if parts[:1] == ["src"] else parts)

    def exported(self, unit: Unit, name: str) -> tuple[Binding, ...]:
        """The module-level bindings of ``name``, through starred imports when it is bound nowhere else."""
        found = unit.bindings.get((unit.tree, name), [])
        if found or not unit.stars:
            return tuple(found)
        for star in unit.stars:
            other = self.module(star.module, unit)
            if other is not None and other is not unit and not name.startswith("_"):
                inner = self.exported(other, name)
                if inner:
                    return inner
        return ()

    def importers(self, unit: Unit, name: str) -> tuple[Binding, ...]:
        """The imports, anywhere in the project, that bring ``name`` of ``unit`` into another module."""
        key = ("importers", unit, name)
        if key not in self.memory:
            self.memory[key] = tuple(self._importers(unit, name))
        return self.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key

    def module_importers(self, unit: Unit, name: str) -> tuple[Binding, ...]:
        """The imports of ``unit`` as a module, in files that also have ``name`` as an attribute."""
        key = ("module_importers", unit, name)
        if key not in self.memory:
            self.memory[key] = tuple(self._module_importers(unit, name))
        return self.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key

    def star_importers(self, unit: Unit, name: str) -> tuple[Unit, ...]:
        """The modules that may see ``name`` of ``unit`` through a starred import."""
        key = ("star_importers", unit, name)
        if key not in self.memory:
            self.memory[key] = tuple(self._star_importers(unit, name))
        return self.memory[key]  # type: ignore[return-value]  # only these tuples are kept under this key

    def _importers(self, unit: Unit, name: str) -> Iterator[Binding]:
        for other in self._units_importing(unit, name, MEMBER):
            for binding in other.imports:
                if binding.member == name and self._means(binding, unit):
                    yield binding

    def _module_importers(self, unit: Unit, name: str) -> Iterator[Binding]:
        for other in self._units_importing(unit, name, ATTRIBUTE):
            if name in other.attributes or name in other.stores:
                yield from (binding for binding in other.imports if self._reaches(binding, unit))

    def _reaches(self, binding: Binding, unit: Unit) -> bool:
        """Say whether an import gives ``unit``, itself or by the package that it stands in."""
        modules = (binding.module, *_dotted(binding))
        return self.imported_module(binding) is unit or any(self.module(m, binding.unit) is unit for m in modules)

    def is_module(self, unit: Unit, node: ast.expr, wanted: Unit) -> bool:
        """Say whether ``node`` spells a module as an ``import package.module`` of the same file does."""
        if not isinstance(node, ast.Attribute):
            return False
        written = ast.unparse(node)
        spelled = any(written in _dotted(binding) for binding in unit.imports)
        return spelled and self.module(written, unit) is wanted

    def _units_importing(self, unit: Unit, name: str, shape: str) -> Iterator[Unit]:
        """The files that may import ``unit``: those that name it, and for a package those inside it too."""
        path = unit.source.path
        is_package = path.stem == "__init__"
        naming = frozenset(self.files_naming(path.parent.name if is_package else path.stem))
        for other in self._shaped(shape, (name,)):
            if other in naming or (is_package and path.parent in other.parents):
                found = self.unit(other)
                if found is not None:
                    yield found

    def _star_importers(self, unit: Unit, name: str) -> Iterator[Unit]:
        path = unit.source.path
        stem = path.parent.name if path.stem == "__init__" else path.stem
        starring = (*self.units_naming(stem, shape=STARRED), *self.units_naming(name, shape=STARRED))
        for other in dict.fromkeys(starring):
            if other is not unit and any(self.module(s.module, other) is unit for s in other.stars):
                yield other

    def _means(self, binding: Binding, unit: Unit) -> bool:
        return self.module(binding.module, binding.unit) is unit

    def imported_module(self, binding: Binding) -> Unit | None:
        """The module that an import binds, for ``import m`` and ``from package import m``."""
        if binding not in self.bound_modules:
            self.bound_modules[binding] = self._imported_module(binding)
        return self.bound_modules[binding]

    def _imported_module(self, binding: Binding) -> Unit | None:
        if binding.member is None:
            return self.module(binding.module, binding.unit)
        owner = self.module(binding.module, binding.unit)
        if owner is not None and (owner.tree, binding.member) in owner.bindings:
            return None
        dotted = binding.module + ("" if binding.module.endswith(".") else ".") + binding.member
        return self.module(dotted, binding.unit)


def _dotted(binding: Binding) -> tuple[str, ...]:
    """The modules below the one that ``import package.module`` binds."""
    if not isinstance(binding.node, ast.Import):
        return ()
    names = (alias.name for alias in binding.node.names if not alias.asname)
    return tuple(name for name in names if name.startswith(f"{binding.name}."))


def _shared(base: Path, path: Path) -> int:
    return sum(1 for a, b in zip(base.parts, path.parent.parts, strict=False) if a == b)
