"""Answer one question: would GitHub's own description of its interface take this request?

The description is GitHub's, from npm's ``@octokit/openapi`` (MIT), cut to what is asked; it is read by openapi-core. It
says nothing of rights or of what is there, and takes members that it does not know: what it refuses is really wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from npm import one_file

if TYPE_CHECKING:
    from openapi_core import OpenAPI

PACKAGE = "@octokit/openapi@23.0.2"
GITHUB, ENTERPRISE = "api.github.com", "ghes-3.17"
# What any part of migrator asks. A request to another path is refused: it belongs here first.
_REPOSITORY = (
    "",
    "/collaborators/{username}/permission",
    "/check-runs",
    "/check-runs/{check_run_id}",
    "/commits/{ref}",
    "/commits/{ref}/check-runs",
    "/compare/{basehead}",
    "/contents/{path}",
    "/git/blobs",
    "/git/commits",
    "/git/commits/{commit_sha}",
    "/git/ref/{ref}",
    "/git/refs",
    "/git/refs/{ref}",
    "/git/trees",
    "/git/trees/{tree_sha}",
    "/installation",
    "/issues/comments/{comment_id}",
    "/issues/comments/{comment_id}/reactions",
    "/issues/{issue_number}/assignees",
    "/issues/{issue_number}/comments",
    "/issues/{issue_number}/labels",
    "/pulls",
    "/pulls/comments/{comment_id}",
    "/pulls/{pull_number}",
    "/pulls/{pull_number}/comments",
    "/pulls/{pull_number}/commits",
    "/pulls/{pull_number}/files",
    "/pulls/{pull_number}/requested_reviewers",
    "/pulls/{pull_number}/reviews",
    "/topics",
)
PATHS = (
    *(f"/repos/{{owner}}/{{repo}}{one}" for one in _REPOSITORY),
    "/app",
    "/app/hook/config",
    "/app/hook/deliveries",
    "/app/hook/deliveries/{delivery_id}",
    "/app/hook/deliveries/{delivery_id}/attempts",
    "/app/installations",
    "/app/installations/{installation_id}",
    "/app/installations/{installation_id}/access_tokens",
    "/installation/repositories",
    "/orgs/{org}/repos",
    "/rate_limit",
    "/search/issues",
)


class Invalid(AssertionError):
    """A request that GitHub's description does not allow."""


def check(method: str, path: str, query: Mapping[str, Sequence[str]], body: object = None, *, of: str = GITHUB) -> None:
    """Raise Invalid for a request that is wrong; ``path`` is what follows the server's address: ``/repos/a/b``.

    A body of None is none.
    """
    from openapi_core.exceptions import OpenAPIError

    description = _read(of)
    request = _Request(method, _one_segment(path), query, None if body is None else json.dumps(body).encode())
    try:
        description.validate_request(request)
    except OpenAPIError as error:
        raise Invalid(f"{method} {path}: {' | '.join(_said(error))}") from None


def _said(error: BaseException) -> Iterator[str]:
    """Give the words of an error, of its cause, and of what the schema says."""
    here: BaseException | None = error
    while here is not None:
        yield str(here).splitlines()[0] if str(here) else type(here).__name__
        yield from (str(one.message) for one in getattr(here, "schema_errors", ()))
        here = here.__cause__


class _Request:
    """A request as openapi-core reads one."""

    host_url = "https://api.github.com"

    def __init__(self, method: str, path: str, query: Mapping[str, Sequence[str]], body: bytes | None) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import ImmutableMultiDict

        pairs = [(key, value) for key, values in query.items() for value in values]
        self.parameters = RequestParameters(query=ImmutableMultiDict(pairs))
        self.path, self.method, self.body = path, method.lower(), body
        self.content_type = "application/json"


def _one_segment(path: str) -> str:
    """Write the rest of a path that may have several parts (a branch, a file) as one, as the description has it."""
    found = re.fullmatch(r"(/repos/[^/]+/[^/]+/(?:git/refs?|compare|contents)/)(.+)", path)
    return path if found is None else f"{found[1]}{quote(found[2], safe='%')}"


@cache
def _read(of: str) -> OpenAPI:
    """Read a description, cut to the paths that are used and to what these refer to."""
    openapi = pytest.importorskip("openapi_core")
    whole = json.loads(one_file(PACKAGE, f"generated/{of}.json").read_bytes())
    missing = [path for path in PATHS if path not in whole["paths"]]
    assert missing == [], missing
    cut = {**whole, "paths": {path: whole["paths"][path] for path in PATHS}, "components": {}}
    for pointer in _closure(cut["paths"], whole):
        here = cut
        *folders, last = pointer
        for folder in folders:
            here = here.setdefault(folder, {})
        here[last] = _at(whole, pointer)
    cut["servers"] = [{"url": "https://api.github.com"}]
    return openapi.OpenAPI.from_dict(cut)


def _closure(start: object, whole: Mapping[str, object]) -> set[tuple[str, ...]]:
    """Give the places of everything that is referred to, directly or not."""
    found: set[tuple[str, ...]] = set()
    waiting = [start]
    while waiting:
        for pointer in _references(waiting.pop()):
            if pointer not in found:
                found.add(pointer)
                waiting.append(_at(whole, pointer))
    return found


def _references(said: object) -> Iterator[tuple[str, ...]]:
    if isinstance(said, dict):
        reference = said.get("$ref")
        if isinstance(reference, str):
            yield tuple(reference.removeprefix("#/").split("/"))
        for one in said.values():
            yield from _references(one)
    elif isinstance(said, list):
        for one in said:
            yield from _references(one)


def _at(whole: object, pointer: Sequence[str]) -> object:
    for key in pointer:
        whole = whole[key]  # type: ignore[index]
    return whole
