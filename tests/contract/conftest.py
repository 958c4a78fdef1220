"""Answer one question: which fixtures do the contract tests share?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the server while one file's tests run."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running
