"""Answer one question: is each request that the bot sends one that GitHub's description of its interface allows?

The stories of ``test_bot_work`` run again, with each request held against the description of GitHub and of its
Enterprise server.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_description import ENTERPRISE, GITHUB, Invalid, check
from forge_checks_server import Checks
from forge_server import Reply, State
from test_bot_work import (
    bot,
    key,
    server,
    test_a_comment_whose_line_is_gone_is_made_anew_and_an_answered_one_stays,
    test_commands_on_somebody_elses_pull_request,
    test_deliveries_that_were_lost_are_asked_for_again,
    test_more_than_fifty_annotations_and_more_than_thirty_comments,
    test_the_look_at_the_setup,
    test_the_story_of_a_repository,
    work,
)

pytestmark = pytest.mark.delivery

__all__ = [
    "bot",
    "key",
    "server",
    "test_a_comment_whose_line_is_gone_is_made_anew_and_an_answered_one_stays",
    "test_commands_on_somebody_elses_pull_request",
    "test_deliveries_that_were_lost_are_asked_for_again",
    "test_more_than_fifty_annotations_and_more_than_thirty_comments",
    "test_the_look_at_the_setup",
    "test_the_story_of_a_repository",
    "work",
]
BODILESS = ("GET", "DELETE")


@pytest.fixture(params=[GITHUB, ENTERPRISE])
def checks(server: State, request: pytest.FixtureRequest) -> Iterator[Checks]:
    """Serve as ``test_bot_work`` does, and hold each request against a description."""
    found = Checks(server)
    wrong: list[str] = []
    asked: list[str] = []

    def valid(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply | None:
        asked.append(f"{method} {path}")
        sent = None if method in BODILESS or (not body and path.endswith("/attempts")) else body
        if "/graphql" not in path:
            try:
                check(method, path.removeprefix("/api/v3"), query, sent, of=request.param)
            except Invalid as error:
                wrong.append(str(error))
        return None

    server.more += [valid, found.answer]
    yield found
    assert asked
    assert wrong == []
