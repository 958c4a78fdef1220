"""Answer one question: which cases do these files of other tools give, and which of their entries give none?

They become a run of their own, redacted as recordings are. What is there already is not added again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from migrator.settings import SettingsError
from migrator.shadow import folder
from migrator.shadow.cases import VERSION, records
from migrator.shadow.forms.detect import FORMS, by_form
from migrator.shadow.forms.entries import entries
from migrator.shadow.forms.wire import Left, Request
from migrator.shadow.recorder.journal import append
from migrator.shadow.recorder.redact import Redactor
from migrator.shadow.recorder.sample import stratum_of


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: new cases by form, how many were there already, and what was left and why.

    ``lacking`` counts the new cases that cannot be sent again, by the reason.
    """

    new: Mapping[str, int]
    known: int
    left: Mapping[str, int]
    lacking: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for: the files, a form that all of them must have, patterns to redact, or no redaction."""

    files: tuple[Path, ...]
    form: str | None = None
    redact: tuple[str, ...] = ()
    raw: bool = False


def take(root: Path, asked: Asked) -> Imported:
    """Read the files and keep their requests as a run; raises SettingsError for a file that cannot be read."""
    found = by_form([entry for path in dict.fromkeys(asked.files) for entry in entries(path)], asked.form)
    if not found:
        names = ", ".join(path.as_posix() for path in asked.files)
        raise SettingsError(f"{names}: nothing is in it")
    known = {
        str(record.get("id")) for run in folder.runs(root) for path in run.glob("*.jsonl") for record in records(path)
    }
    new: dict[str, tuple[str, Request]] = {}
    left: Counter[str] = Counter()
    there = 0
    for form in FORMS:
        for one in form.read(found.get(form.name, [])):
            if isinstance(one, Left):
                left[one.reason] += 1
            elif (name := identity(one)) in known or name in new:
                there += 1
            else:
                new[name] = (form.name, one)
    if new:
        _write(root, new, asked)
    lacking = Counter(reason for _, one in new.values() for reason in one.lacks)
    return Imported(Counter(form for form, _ in new.values()), there, left, lacking)


def identity(one: Request) -> str:
    """The id of a case: the same for the same entry, however often it is imported."""
    data = json.dumps([one.name, one.body, one.answer], sort_keys=True)
    return hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _write(root: Path, new: Mapping[str, tuple[str, Request]], asked: Asked) -> None:
    run = folder.make_run(root, datetime.now())
    try:
        redactor, files = Redactor(asked.redact), Files(root)
        for name, (form, one) in new.items():
            record = {
                **_record(one, None if asked.raw else redactor),
                **_stamp(name, form, one),
                "place": files.place(one),
            }
            line = json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
            append(str(run / "imported.jsonl"), line)
    finally:
        folder.finish(run)


def _stamp(name: str, form: str, one: Request) -> Mapping[str, object]:
    """What is known beside the words of a request. Its size decides the stratum, as it does for recordings."""
    return {
        "version": VERSION,
        "id": name,
        "draw": int(name[:8], 16) / 2**32,
        "stratum": stratum_of(one.body, len(json.dumps(one.body))),
        "origin": form,
        "endpoint": one.endpoint,
        "status": one.status,
        "error": one.error or None,
        "whole": one.answer is not None,
        "latency": one.latency,
        "taken": _time(one.taken),
        "lacks": list(one.lacks),
    }


def _record(one: Request, redactor: Redactor | None) -> dict[str, object]:
    told = {"request": one.body, "response": one.answer, "address": one.address}
    if redactor is None:
        return {**told, "raw": True}
    mask = redactor.mask(os.environ)
    return {**mask.value(json.loads(json.dumps(told))), "redacted": mask.counts}


def _time(said: str) -> str:
    """A time with its zone, as recordings have it; the time of the import where the export has none."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        found = datetime.now(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")


class Files:
    """The files of a project that places of an export name; each is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read: dict[str, tuple[str, ast.Module] | None] = {}

    def place(self, one: Request) -> Mapping[str, object] | None:
        """Give a place in a file of the project, with the file's hash if the function of that name is still there.

        An export does not hold the code. A line whose function has another name now is not that line any more.
        """
        if one.place is None:
            return None
        said, line, function = one.place
        shown = self._shown(said)
        if shown is None:
            return None
        place = {"file": shown, "function": function, "line": line, "column": None, "stack": [[shown, line, function]]}
        found = self._parsed(shown)
        is_there = found is not None and last_name(function) in ("", *_around(found[1], line))
        return {**place, "source": found[0] if found is not None and is_there else ""}

    def _shown(self, said: str) -> str | None:
        """The path below the root: the longest end of the path that is a file there."""
        parts = PurePosixPath(said.replace("\\", "/")).parts
        ends = ("/".join(parts[number:]) for number in range(len(parts)) if ".." not in parts)
        return next((end for end in ends if not end.startswith("/") and self._is_file(end)), None)

    def _is_file(self, shown: str) -> bool:
        try:
            return (self.root / shown).is_file()
        except (OSError, ValueError):
            return False

    def _parsed(self, shown: str) -> tuple[str, ast.Module] | None:
        if shown not in self.read:
            try:
                data = (self.root / shown).read_bytes()
                self.read[shown] = hashlib.sha256(data).hexdigest()[:16], ast.parse(data)
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.read[shown] = None
        return self.read[shown]


def last_name(function: str) -> str:
    """Give the function's own name: ``Answers.ask.<locals>.<genexpr>`` gives ``ask``, code of a module nothing."""
    return next((one for one in reversed(function.split(".")) if one and not one.startswith("<")), "")


def _around(tree: ast.Module, line: int) -> Sequence[str]:
    """The names of the functions and classes around a line."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    found: Iterable[ast.AST] = ast.walk(tree)
    return [n.name for n in found if isinstance(n, kinds) and n.lineno <= line <= (n.end_lineno or n.lineno)]
