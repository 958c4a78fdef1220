"""Answer one question: which differences has a person accepted, why, and until when?

They stand in ``migrator-accepted.toml`` in the project's root, which belongs into the repository: who reviews the
change reviews the acceptance too. One that has ended counts no more, and what was not there when it was given is not
accepted by it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from migrator.evidence import Acceptance, Exchange
from migrator.settings import SettingsError

FILE = "migrator-accepted.toml"
HEAD = "# Differences between the models' answers that are wanted. Written by `migrator shadow accept`.\n"
DAYS = 90


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acceptance, and what it covers: kinds of differences, and hard failures in the words of the report."""

    acceptance: Acceptance
    differences: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    def beyond(self, exchanges: Iterable[Exchange]) -> tuple[str, ...]:
        """Name what speaks against the new model and was not there when this was accepted."""
        differences, failures = against(exchanges)
        new = (*(f"hard failure: {one}" for one in failures if one not in self.failures),)
        return (*new, *(f"difference: {one}" for one in differences if one not in self.differences))


def against(exchanges: Iterable[Exchange]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the kinds of differences and the hard failures of the cases in which only the new answer is another."""
    told = [one for one in exchanges if one.flip in ("loss", "failure")]
    kinds = {said.kind for one in told for said in one.differences if not said.is_noise}
    return tuple(sorted(kinds)), tuple(sorted({one.failure for one in told if one.failure}))


def load(root: Path, today: date, migration: str) -> Mapping[str, Accepted]:
    """Give the acceptances that hold today, by the ids of the calls. Raises SettingsError with file and entry.

    The ids are those of a scan from the project's root. One counts for the migration for which it was given: what is
    wanted of one model is not wanted of every other.
    """
    return {
        site: one for site, to, one in _all(root) if one.acceptance.until >= today.isoformat() and to in ("", migration)
    }


def _all(root: Path) -> Sequence[tuple[str, str, Accepted]]:
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


def _entry(entry: object, number: int) -> tuple[str, str, Accepted]:
    texts = entry if isinstance(entry, dict) else {}
    until = texts.get("until")
    said = [texts.get(name) for name in ("site", "reason", "by")]
    if not isinstance(until, date) or not all(isinstance(one, str) and one for one in said[:2]):
        raise SettingsError(
            f"{FILE}: entry {number} needs site and reason, which are texts, and until, which is a date"
        )
    covered = [_texts(texts.get(name, []), name, number) for name in ("differences", "failures")]
    acceptance = Acceptance(str(said[1]), str(said[2] or ""), until.isoformat())
    return str(said[0]), str(texts.get("to", "")), Accepted(acceptance, *covered)


def _texts(said: object, name: str, number: int) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise SettingsError(f"{FILE}: entry {number}: {name} is a list of texts")
    return tuple(said)


def accept(root: Path, site: str, where: str, accepted: Accepted, *, to: str) -> Path:
    """Add an acceptance, in place of an earlier one of the same call, and give the file."""
    path, acceptance = root / FILE, accepted.acceptance
    _all(root)
    kept = [block for block in _blocks(path) if f"site = {_quoted(site)}\n" not in block]
    fields = {"site": site, "where": where, "to": to, "reason": acceptance.reason, "by": acceptance.by}
    lines = "".join(f"{name} = {_quoted(value)}\n" for name, value in fields.items())
    lists = {"differences": accepted.differences, "failures": accepted.failures}
    lines += "".join(f"{name} = [{', '.join(map(_quoted, texts))}]\n" for name, texts in lists.items())
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
