"""Answer one question: which requests to models did vcrpy record in this cassette?

The bodies are those of the wire. A body may be bytes in base64, and packed as the server sent it. ``parsed_body`` is
that of a common serialiser, which keeps JSON as YAML so that a diff can be read.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from migrator.shadow.forms.entries import Body, Entry
from migrator.shadow.forms.wire import CHAT, RESPONSES, Left, Request, Taken, mapping, mappings, nameless
from migrator.shadow.recorder.assemble import answer as read_answer

MOST_BYTES = 100_000_000


def is_of(value: Body) -> bool:
    """Say whether a value is a cassette."""
    return isinstance(value.get("interactions"), Sequence)


def read(entries: Sequence[Entry]) -> Iterator[Taken]:
    """Give the requests in the order in which they were made."""
    for entry in entries:
        for number, one in enumerate(mappings(entry.value.get("interactions")), 1):
            yield _taken(
                f"{entry.file}: interaction {number}", mapping(one.get("request")), mapping(one.get("response"))
            )


def _taken(where: str, asked: Body, answered: Body) -> Taken:
    address = urlsplit(str(asked.get("uri", asked.get("url", ""))))
    endpoint = next((one for one in (CHAT, RESPONSES) if address.path.endswith(f"/{one}")), None)
    if endpoint is None or str(asked.get("method", "POST")).upper() != "POST":
        return Left(where, "not a request to a chat model")
    data = _bytes(asked.get("body"), {})
    body = mapping(asked.get("parsed_body")) or _object(data)
    if not body:
        return Left(where, "the body of the request is not kept" if not data else "the body of the request is not JSON")
    raw = _bytes(answered.get("body"), _headers(answered))
    said, is_whole = read_answer(raw, _headers(answered).get("content-type", "")) if raw else (None, False)
    if isinstance(answered.get("parsed_body"), Mapping):
        said, is_whole = answered["parsed_body"], True
    status = mapping(answered.get("status")).get("code", answered.get("status_code"))
    return Request(
        where=where,
        name="vcr",
        endpoint=endpoint,
        body=body,
        answer=said if isinstance(said, Mapping) and is_whole else None,
        address=f"{address.netloc.rpartition('@')[2]}{address.path.removesuffix(f'/{endpoint}')}",
        status=status if isinstance(status, int) else None,
        lacks=tuple(nameless(body)),
    )


def _object(data: bytes) -> Body:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _headers(answered: Body) -> dict[str, str]:
    """The headers by their names in small letters; a value stands in a list or alone."""
    found = mapping(answered.get("headers")).items()
    return {key.lower(): str(one[0] if isinstance(one, list) and one else one) for key, one in found}


def _bytes(body: object, headers: Mapping[str, str]) -> bytes:
    """A body as vcrpy has kept it since its first versions, unpacked."""
    if isinstance(body, Mapping):
        packed = body.get("base64_string")
        body = _decoded(packed) if isinstance(packed, str) else body.get("string", body.get("content", ""))
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return _unpacked(data, headers.get("content-encoding", "")) if isinstance(data, bytes) else b""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _unpacked(data: bytes, encoding: str) -> bytes:
    """Unpack gzip and deflate. vcrpy keeps the header also where it has unpacked the body itself."""
    try:
        if data[:2] == b"\x1f\x8b":
            return gzip.decompress(data)
        return zlib.decompress(data) if encoding == "deflate" and data[:1] == b"\x78" else data
    except (OSError, EOFError, zlib.error):
        return b""
