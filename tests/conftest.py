"""Answer one question: which options and fixtures do all tests share?"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``pytest --update-fixtures``: write what the program says, then read the git diff."""
    parser.addoption(
        "--update-fixtures", action="store_true", help="write the .after files that the program produces now"
    )


@pytest.fixture
def updates_fixtures(request: pytest.FixtureRequest) -> bool:
    """Say whether this run writes fixtures instead of comparing them."""
    return bool(request.config.getoption("--update-fixtures"))
