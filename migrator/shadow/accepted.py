"""Answer one question: which differences has a person accepted, why, and until when?

They stand in ``migrator-accepted.toml`` in the project's root, which belongs into the repository: who reviews the
change reviews the acceptance too. One that has ended counts no more.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from migrator.evidence import Acceptance
from migrator.settings import SettingsError

FILE = "migrator-accepted.toml"
HEAD = "# Differences between the models' answers that are wanted. Written by `migrator shadow accept`.\n"
DAYS = 90


def load(root: Path, today: date, migration: str) -> Mapping[str, Acceptance]:
    """Give the acceptances that hold today, by the ids of the calls. Raises SettingsError with file and entry.

    One counts for the migration for which it was given: what is wanted of one model is not wanted of every other.
    """
    return {site: one for site, to, one in _all(root) if one.until >= today.isoformat() and to in ("", migration)}


def _all(root: Path) -> Sequence[tuple[str, str, Acceptance]]:
    try:
        document = tomllib.loads((root / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{FILE}: {error}") from error
    entries = document.get("accepted", [])
    if not isinstance(entries, list) or set(document) - {"accepted"}:
        raise SettingsError(f"{FILE}: holds nothing but tables [[accepted]]")
    return [_entry(entry, number) for number, entry in enumerate(entries, 1)]


def _entry(entry: object, number: int) -> tuple[str, str, Acceptance]:
    texts = entry if isinstance(entry, dict) else {}
    until = texts.get("until")
    said = [texts.get(name) for name in ("site", "reason", "by")]
    if not isinstance(until, date) or not all(isinstance(one, str) and one for one in said[:2]):
        raise SettingsError(
            f"{FILE}: entry {number} needs site and reason, which are texts, and until, which is a date"
        )
    return str(said[0]), str(texts.get("to", "")), Acceptance(str(said[1]), str(said[2] or ""), until.isoformat())


def accept(root: Path, site: str, where: str, acceptance: Acceptance, *, to: str) -> Path:
    """Add an acceptance, in place of an earlier one of the same call, and give the file."""
    path = root / FILE
    _all(root)
    kept = [block for block in _blocks(path) if f"site = {_quoted(site)}\n" not in block]
    fields = {"site": site, "where": where, "to": to, "reason": acceptance.reason, "by": acceptance.by}
    lines = "".join(f"{name} = {_quoted(value)}\n" for name, value in fields.items())
    block = f"[[accepted]]\n{lines}until = {acceptance.until}\n"
    try:
        path.write_text("\n".join([*(kept or [HEAD]), block]), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{FILE}: {(error.strerror or str(error)).lower()}") from None
    return path


def _blocks(path: Path) -> list[str]:
    """The file's head and its entries, each as it is written."""
    if not path.exists():
        return []
    head, *entries = path.read_text("utf-8").split("[[accepted]]\n")
    return [head.rstrip("\n") + "\n", *(f"[[accepted]]\n{entry.rstrip()}\n" for entry in entries)]


def _quoted(text: str) -> str:
    """Write a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
