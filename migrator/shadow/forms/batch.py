"""Answer one question: which requests does a finished batch of OpenAI's Batch API hold?

Its input file and its output file, and the one of errors, are joined by ``custom_id``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.settings import SettingsError
from migrator.shadow.forms.entries import Body, Entry
from migrator.shadow.forms.wire import CHAT, RESPONSES, Left, Request, Taken, mapping, nameless

_ENDPOINTS = {f"/v1/{CHAT}": CHAT, f"/v1/{RESPONSES}": RESPONSES}


def is_of(value: Body) -> bool:
    """Say whether a value is a line of a batch."""
    return isinstance(value.get("custom_id"), str)


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Join what was asked with what was answered."""
    asked = _by_id([one for one in entries if "body" in one.value])
    answered = _by_id([one for one in entries if "body" not in one.value])
    for name, entry in asked.items():
        yield _taken(entry, answered.get(name))
    yield from (
        Left(entry.where, "no request with its custom_id") for name, entry in answered.items() if name not in asked
    )


def _by_id(entries: Sequence[Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        name = str(entry.value["custom_id"])
        before = found.setdefault(name, entry)
        if before is not entry and before.value != entry.value:
            raise SettingsError(f"{entry.where}: {name!r} stands in {before.where} too; import each batch by itself")
    return found


def _taken(asked: Entry, answered: Entry | None) -> Taken:
    body, endpoint = mapping(asked.value.get("body")), _ENDPOINTS.get(str(asked.value.get("url")))
    if answered is None:
        return Left(asked.where, "no answer with its custom_id")
    if endpoint is None or not body:
        return Left(asked.where, f"a request to {asked.value.get('url')}, not to a chat model")
    response = mapping(answered.value.get("response"))
    status = response.get("status_code")
    return Request(
        where=asked.where,
        name=str(asked.value["custom_id"]),
        endpoint=endpoint,
        body=body,
        answer=mapping(response.get("body")) or None,
        address="batch",
        status=status if isinstance(status, int) else None,
        error="BatchError" if answered.value.get("error") else "",
        lacks=tuple(nameless(body)),
    )
