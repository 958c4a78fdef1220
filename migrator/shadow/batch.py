"""Answer one question: how do cases become input files of OpenAI's Batch API?

One line for each request, with the case's id as ``custom_id``. A file is of one model and one endpoint, as a batch is.
A batch knows no streams, so what asks for one is left out: the answer is the same.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from migrator.shadow.model import Case

_STREAMING = ("stream", "stream_options")
# Source: https://platform.openai.com/docs/guides/batch
MOST_REQUESTS = 50_000

Batch = tuple[str, str]


def batches(cases: Iterable[Case]) -> Mapping[Batch, Sequence[Case]]:
    """Group cases by model and endpoint; what cannot be sent again is in none, and no id is there twice."""
    found: dict[Batch, dict[str, Case]] = defaultdict(dict)
    for case in cases:
        if case.is_replayable:
            found[case.model, case.endpoint].setdefault(case.id, case)
    return {key: tuple(of_id.values()) for key, of_id in found.items()}


def lines(cases: Iterable[Case]) -> bytes:
    """Give an input file."""
    return b"".join(map(_line, cases))


def _line(case: Case) -> bytes:
    body = {key: value for key, value in case.request.items() if key not in _STREAMING}
    line = {"custom_id": case.id, "method": "POST", "url": f"/v1/{case.endpoint}", "body": body}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def path_of(output: Path, batch: Batch) -> Path:
    """Give the file of one batch among several: ``cases.jsonl`` gives ``cases.gpt-4o.chat-completions.jsonl``."""
    names = (re.sub(r"[^\w.-]+", "-", name) for name in batch)
    return output.with_name(".".join((output.stem, *names)) + output.suffix)
