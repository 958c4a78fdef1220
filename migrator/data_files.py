"""Answer one question: is this file data that was recorded or collected, rather than a configuration?"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

from migrator.sources.entries import ConfigSource, Keys

MOST_RECORDS = 200
MOST_BYTES = 1_000_000
MOST_PRICES = 5

_LOCKED = re.compile(r".*[-.]lock\.(?:json|ya?ml|toml)|.*lockfile.*|npm-shrinkwrap\.json", re.IGNORECASE)
_CACHED = re.compile(r".*cache.*", re.IGNORECASE)
_RECORDED = frozenset({"cassettes", "__snapshots__", "recordings", "vcr_cassettes"})
_PRICE = re.compile(r".*(?:cost|price|pricing).*", re.IGNORECASE)


def by_name(shown: str, size: int) -> str | None:
    """Say what kind of data a file is by its name and size, or None."""
    path = PurePosixPath(shown)
    if size > MOST_BYTES:
        return f"larger than {MOST_BYTES:,} bytes"
    if path.suffix.lower() == ".jsonl":
        return "a data set"
    if _RECORDED.intersection(path.parts[:-1]):
        return "recorded traffic"
    if _LOCKED.fullmatch(path.name):
        return "a lock file"
    return "a cache" if _CACHED.fullmatch(path.name) else None


def by_content(config: ConfigSource, *, is_known: bool) -> str | None:
    """Say what kind of data a file is by what it holds, or None.

    A file whose kind is known may have prices, and be as long as it likes.
    """
    first = {str(entry.keys[0]) for entry in config.entries if entry.keys}
    if first & {"interactions", "http_interactions"}:
        return "recorded traffic"
    if first & {"openapi", "swagger"}:
        return "the description of an API"
    if is_known:
        return None
    if sum(1 for e in config.entries if e.keys and _PRICE.fullmatch(str(e.keys[-1]))) >= MOST_PRICES:
        return "a table of prices"
    return "a data set" if config.form in ("json", "yaml") and _records(config) > MOST_RECORDS else None


def _records(config: ConfigSource) -> int:
    """Count the tables in the largest list or table of tables."""
    found: set[tuple[int, Keys]] = set()
    for entry in config.entries:
        found |= {(entry.document, entry.keys[:depth]) for depth in range(1, len(entry.keys))}
    sizes = Counter((document, keys[:-1]) for document, keys in found)
    return max(sizes.values(), default=0)
