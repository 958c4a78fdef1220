"""Answer one question: how do cases become the files of OpenAI's Batch API, and the other way round?

One line for each request; input and output are joined by ``custom_id``. A batch knows no streams, so what
asks for one is left out: the answer is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from migrator.settings import SettingsError
from migrator.shadow import folder
from migrator.shadow.cases import VERSION
from migrator.shadow.model import Case
from migrator.shadow.recorder.journal import append
from migrator.shadow.recorder.redact import Redactor
from migrator.shadow.recorder.sample import stratum_of

_STREAMING = ("stream", "stream_options")
_ENDPOINTS = {"/v1/chat/completions": "chat/completions", "/v1/responses": "responses"}


@dataclass(frozen=True, slots=True)
class Imported:
    """How many requests were joined with their answers, and how many of either had no partner."""

    joined: int
    alone: int


def requests(cases: Iterable[Case]) -> Iterator[bytes]:
    """Give the lines of an input file."""
    for case in cases:
        body = {key: value for key, value in case.request.items() if key not in _STREAMING}
        line = {"custom_id": case.id, "method": "POST", "url": f"/v1/{case.endpoint}", "body": body}
        yield json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def take(root: Path, asked: Path, answered: Path, redact: tuple[str, ...]) -> Imported:
    """Read an input and an output file, join them, and keep the pairs as a run of their own."""
    inputs, outputs = _by_id(asked), _by_id(answered)
    both = [name for name in inputs if name in outputs]
    if not both:
        raise SettingsError(f"{answered}: no custom_id of {asked} is in it")
    run = folder.make_run(root, datetime.now())
    redactor = Redactor(redact)
    for name in both:
        record = _record(name, inputs[name], outputs[name], redactor, len(both))
        line = json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
        append(str(run / "imported.jsonl"), line)
    folder.finish(run)
    return Imported(len(both), len(inputs) + len(outputs) - 2 * len(both))


def _by_id(path: Path) -> Mapping[str, Mapping[str, object]]:
    """Read a file of lines, each an object with a ``custom_id``."""
    found = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError:
            raise SettingsError(f"{path}:{number}: not JSON") from None
        if row is None:
            continue
        if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
            raise SettingsError(f"{path}:{number}: not a line of a batch: it has no custom_id")
        found[row["custom_id"]] = row
    return found


def _record(
    name: str, asked: Mapping[str, object], answered: Mapping[str, object], redactor: Redactor, count: int
) -> Mapping[str, object]:
    said = answered.get("response")
    response = said if isinstance(said, dict) else {}
    mask = redactor.mask(os.environ)
    told = mask.value({"request": asked.get("body"), "response": response.get("body")})
    data = json.dumps(asked.get("body"))
    digest = hashlib.sha256(f"{name}\0{data}".encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "version": VERSION,
        "id": digest[:12],
        "draw": int(digest[:8], 16) / 2**32,
        "stratum": stratum_of(asked.get("body"), len(data)),
        "endpoint": _ENDPOINTS.get(str(asked.get("url")), "chat/completions"),
        "address": "batch",
        "status": response.get("status_code"),
        "error": "BatchError" if answered.get("error") else None,
        "whole": isinstance(response.get("body"), dict),
        "taken": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "seen": count,
        "redacted": mask.counts,
        **told,
    }
