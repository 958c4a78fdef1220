"""Answer one question: what do the tables in ``rules/files/`` say of known configuration files?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from migrator import rows, rulebook
from migrator.nouns import Library, Reason
from migrator.tables import Table

KEYS = (
    *("name", "files", "model", "variables", "present", "beside", "where"),
    *("prefixes", "forms", "held", "unique", "needs", "named_by"),
)

Pattern = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Values of a known file that are told about and never changed: by the path to them, or by a prefix."""

    reason: str
    detail: str
    paths: tuple[Pattern, ...]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of configuration file whose values are known to name a request's model.

    ``files`` are patterns of a file's name, or of the end of its path if they have a slash. ``present``
    are paths that the file must have, ``beside`` keys that must stand in the same table as the value,
    and ``where`` the values that keys near it must have ("^" goes one table up). ``model`` are the
    paths of the values: "*" is one key or any element of a list, "**" any number of them.
    ``variables`` are environment variables, set in a ``.env`` file or under a key such as
    ``environment``. ``prefixes`` may stand in front of a name in these files alone; ``forms`` are the
    provider prefixes that a value must have, with "alias" for short names. With ``unique`` a list must
    not come to hold a name twice. ``needs`` is the distribution that a project must require for the
    shape to be a proof. ``named_by`` are words of Python code that picks entries by their name.
    """

    name: str
    library: Library
    files: tuple[str, ...]
    model: tuple[Pattern, ...]
    variables: tuple[str, ...]
    present: tuple[Pattern, ...]
    beside: tuple[str, ...]
    where: Mapping[str, str]
    prefixes: tuple[str, ...]
    forms: tuple[str, ...]
    held: tuple[Held, ...]
    unique: bool
    needs: str | None
    named_by: tuple[str, ...]

    def fits(self, shown: str) -> bool:
        """Say whether a file's path is one of this kind."""
        name = shown.rpartition("/")[2]
        return any(fnmatchcase(f"/{shown}" if "/" in p else name, f"*/{p}" if "/" in p else p) for p in self.files)

    @property
    def has_aliases(self) -> bool:
        """Say whether short names such as ``4o`` mean a model here."""
        return "alias" in self.forms


def load(known: Mapping[str, Reason]) -> tuple[Shape, ...]:
    """Read all tables of ``rules/files``; ``known`` are the reasons that they may name."""
    shapes = _shapes(tuple(known))
    for shape in shapes:
        for held in shape.held:
            rows.known_reason(Table("rules/files", f"file {shape.name}", {}), "held", held.reason, known)
    return shapes


@cache
def _shapes(known: tuple[str, ...]) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    for path in rulebook._files("files"):
        table = rulebook._read(path)
        shapes += read(table)
    names = [shape.name for shape in shapes]
    for name in names:
        if names.count(name) > 1:
            raise rulebook.RuleError("rules/files", f"file {name}", "name", "another file has this name")
    return tuple(shapes)


def read(table: Table) -> tuple[Shape, ...]:
    """Read one file: the library, and its kinds of configuration file."""
    table.only("library", "file")
    head = table.child("library")
    if head is None:
        raise table.wrong("library", "is missing")
    head.only("name", "checked", "source")
    library = Library(head.text("name"), head.text("checked"), head.text("source"))
    return tuple(_shape(child, library) for child in table.children("file"))


def _shape(table: Table, library: Library) -> Shape:
    table.only(*KEYS)
    files, model, variables = table.names("files"), _patterns(table, "model"), table.names("variables")
    if not files:
        raise table.wrong("files", "is missing")
    if not model and not variables:
        raise table.wrong("model", "is missing, and variables too: one must say where the name is")
    return Shape(
        name=table.text("name"),
        library=library,
        files=files,
        model=model,
        variables=variables,
        present=_patterns(table, "present"),
        beside=table.texts("beside"),
        where=table.mapping("where"),
        prefixes=table.texts("prefixes"),
        forms=table.texts("forms"),
        held=tuple(_held(child) for child in table.children("held")),
        unique=_yes(table, "unique"),
        needs=table.maybe_text("needs"),
        named_by=table.texts("named_by"),
    )


def _held(table: Table) -> Held:
    table.only("reason", "detail", "paths", "prefixes")
    held = Held(table.text("reason"), table.text("detail"), _patterns(table, "paths"), table.names("prefixes"))
    if not held.paths and not held.prefixes:
        raise table.wrong("paths", "is missing, and prefixes too: one must say what is held")
    return held


def _patterns(table: Table, key: str) -> tuple[Pattern, ...]:
    return tuple(tuple(name.split(".")) for name in table.names(key))


def _yes(table: Table, key: str) -> bool:
    value = table.data.get(key, False)
    if not isinstance(value, bool):
        raise table.wrong(key, "expected true or false")
    return value


def matches(pattern: Pattern, keys: tuple[str | int, ...]) -> bool:
    """Say whether a path of keys is one that a pattern means."""
    if not pattern:
        return not keys
    if pattern[0] == "**":
        return any(matches(pattern[1:], keys[i:]) for i in range(len(keys) + 1))
    return bool(keys) and pattern[0] in ("*", str(keys[0])) and matches(pattern[1:], keys[1:])
