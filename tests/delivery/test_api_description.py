"""Answer one question: does the description that our requests are held against refuse what GitHub refuses?"""

from __future__ import annotations

import pytest
from api_description import ENTERPRISE, GITHUB, Invalid, check

pytestmark = pytest.mark.delivery

HERE = "/repos/acme/helpdesk"
RUN = {"name": "migrator", "head_sha": "a" * 40, "status": "completed", "conclusion": "neutral"}
ROW = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "m"}


def output(*rows: object) -> dict[str, object]:
    return {**RUN, "output": {"title": "t", "summary": "s", "annotations": list(rows)}}


@pytest.mark.parametrize("server", [GITHUB, ENTERPRISE])
@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", HERE, {}, None),
        ("GET", f"{HERE}/pulls/1/files", {"per_page": ["100"], "page": ["1"]}, None),
        ("GET", f"{HERE}/git/ref/heads/migrator/gpt-4.1-mini", {}, None),
        ("GET", f"{HERE}/compare/main...migrator%2Fgpt-4.1-mini", {}, None),
        ("POST", f"{HERE}/pulls", {}, {"title": "t", "head": "a", "base": "main", "draft": True}),
        ("POST", f"{HERE}/check-runs", {}, output(*[ROW] * 50)),
    ],
)
def test_a_right_request(server: str, method: str, path: str, query: dict[str, list[str]], body: object) -> None:
    check(method, path, query, body, of=server)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", f"{HERE}/pull/1", {}, None),
        ("GET", f"{HERE}/pulls/1/files", {"per_page": ["many"]}, None),
        ("POST", f"{HERE}/pulls", {}, {"title": "t", "head": "a"}),
        ("POST", f"{HERE}/pulls", {}, None),
        ("POST", f"{HERE}/check-runs", {}, output(*[ROW] * 51)),
        ("POST", f"{HERE}/check-runs", {}, output({**ROW, "annotation_level": "error"})),
        ("POST", f"{HERE}/check-runs", {}, {**RUN, "conclusion": "good"}),
        ("POST", f"{HERE}/issues/comments/1/reactions", {}, {"content": "thumbs"}),
        ("POST", f"{HERE}/pulls/1/reviews", {}, {"event": "SAY"}),
        ("POST", "/app/installations/1/access_tokens", {}, {"permissions": {"contents": "all"}}),
    ],
)
def test_a_wrong_request(method: str, path: str, query: dict[str, list[str]], body: object) -> None:
    with pytest.raises(Invalid, match=method):
        check(method, path, query, body)
