"""Answer one question: which migration is meant where nobody names one?"""

from __future__ import annotations

import re
from functools import cache

from migrator.shipped import rules

# Looked for in the text, so that a run which finds nothing to do loads no parser of TOML.
_DEFAULT = re.compile(r"^default\s*=\s*true\b", re.MULTILINE)


@cache
def default_migration() -> str:
    """Give the name of the one migration whose table says ``default = true``."""
    for path in sorted((rules() / "migrations").glob("*.toml")):
        if _DEFAULT.search(path.read_text(encoding="utf-8")):
            return path.stem
    raise LookupError("rules/migrations: no [migration] has default = true")
