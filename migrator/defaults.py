"""Answer one question: which migration is meant where nobody names one?"""

from __future__ import annotations

from functools import cache

from migrator.shipped import rules


@cache
def default_migration() -> str:
    """Give the name of the one migration that says ``default = true``; nothing else of the tables is read."""
    import tomllib

    for path in sorted((rules() / "migrations").glob("*.toml")):
        head = tomllib.loads(path.read_text(encoding="utf-8")).get("migration")
        if isinstance(head, dict) and head.get("default") is True:
            return path.stem
    raise LookupError("rules/migrations: no [migration] has default = true")
