"""Answer one question: which module does an import mean, and which files use a name?

A ``Project`` knows every Python file below one root by path, reads and parses them on demand, and
keeps what it read. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from migrator.flow.unit import Binding, Unit, build
from migrator.model import Skip, Source
from migrator.sources import read
from migrator.sources.pins import Pins

KEPT_BYTES = 64_000_000
MARKERS = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(eq=False)
class Project:
    """The Python files below one root: ``files`` maps an absolute path to how it is shown.

    ``published`` are the import names of libraries that have tables and are developed in this very
    repository: their own code, seen from its examples, is what the tables say it is. ``tables`` are
    files of data that code may read.
    """

    root: Path
    files: Mapping[Path, str]
    pins: Pins
    published: frozenset[str] = frozenset()
    tables: Mapping[Path, str] = field(default_factory=dict)
    units: dict[Path, Unit | None] = field(default_factory=dict)
    skips: dict[Path, Skip] = field(default_factory=dict)
    data: dict[Path, bytes] = field(default_factory=dict)
    kept: int = 0
    naming: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    together: dict[tuple[str, ...], tuple[Path, ...]] = field(default_factory=dict)
    memory: dict[object, object] = field(default_factory=dict)
    bound_modules: dict[Binding, Unit | None] = field(default_factory=dict)
    active: dict[ast.AST, int] = field(default_factory=dict)
    lowest: int = 0

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
        source = read(path, self.files.get(path, path.as_posix()), self.bytes_of(path))
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
            whole = re.compile(rb"(?<![\w])" + re.escape(word) + rb"(?![\w])")
            self.naming[name] = tuple(
                p for p in self.files if word in (data := self.bytes_of(p)) and whole.search(data)
            )
        return self.naming[name]

    def units_naming(self, *names: str) -> Iterator[Unit]:
        """The parsed files that name each of ``names``."""
        for path in self.files_naming(*names):
            unit = self.unit(path)
            if unit is not None:
                yield unit

    @cached_property
    def _by_stem(self) -> Mapping[str, tuple[Path, ...]]:
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
        tail = PurePosixPath(*dotted.split("."))
        found: list[tuple[int, int, Path]] = []
        for candidate in self._by_stem.get(tail.name, ()):
            stem = candidate.parent if candidate.stem == "__init__" else candidate.with_suffix("")
            if stem.parts[-len(tail.parts) :] != tail.parts:
                continue
            base = Path(*stem.parts[: len(stem.parts) - len(tail.parts)])
            if (base / "__init__.py") not in self.files:
                far = 0 if self._imports_from(base, path) else 1
                found.append((far, -_shared(base, path), candidate))
        found.sort()
        if not found or (found[0][0] and (len(found) > 1 or len(tail.parts) == 1)):
            return None
        return found[0][2]

    def _imports_from(self, base: Path, path: Path) -> bool:
        """Say whether a file at ``path`` plausibly imports from ``base``: it stands above, or is a source root."""
        if base in path.parents or base == self.root:
            return True
        return base.name in ("src", "lib", "python") or any((base / m).exists() for m in MARKERS)

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
        for other in self.units_naming(name):
            for binding in other.imports:
                if binding.member == name and self._means(binding, unit):
                    yield binding

    def _module_importers(self, unit: Unit, name: str) -> Iterator[Binding]:
        for other in self.units_naming(name):
            if name in other.attributes or name in other.stores:
                for binding in other.imports:
                    if self.imported_module(binding) is unit or self._means(binding, unit):
                        yield binding

    def _star_importers(self, unit: Unit, name: str) -> Iterator[Unit]:
        path = unit.source.path
        stem = path.parent.name if path.stem == "__init__" else path.stem
        for other in dict.fromkeys((*self.units_naming(stem), *self.units_naming(name))):
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


def _shared(base: Path, path: Path) -> int:
    return sum(1 for a, b in zip(base.parts, path.parent.parts, strict=False) if a == b)
