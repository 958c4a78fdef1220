"""Answer one question: which addresses belong to a server?"""

from __future__ import annotations

import pytest

from migrator.hosts import OPENAI, is_served


@pytest.mark.parametrize(
    "text",
    [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "api.openai.com",
        "HTTPS://API.OPENAI.COM:443/v1",
        "//api.openai.com?x=1",
        # A gateway that hands on to it.
        "https://gateway.example/api.openai.com/v1",
    ],
)
def test_a_server_and_what_is_below_it(text: str) -> None:
    assert is_served(text, OPENAI)


@pytest.mark.parametrize(
    "text",
    [
        "https://notapi.openai.com/v1",
        "https://api.openai.com.example/v1",
        "https://my-api.openai.com/v1",
        "https://api.openai.community/",
        "https://apixopenai.com",
        "",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert not is_served(text, OPENAI)
