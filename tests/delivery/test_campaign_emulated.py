"""Answer one question: does a campaign work with pull requests of a GitHub that nobody here wrote?

Repositories, pull requests, labels and comments are those of emulate; git, and what GitHub says of a branch, come from
the real repositories, since emulate has no git over HTTP. It has no GraphQL either, so each pull request is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from campaigns import BRANCH, User, git, listed, make
from emulator import before, send
from forge_server import TOKEN, State

pytestmark = pytest.mark.delivery

KINDS = {f"acme/r{number}": ("one", "plain", "two")[number % 3] for number in range(9)}
NEEDING = [name for name, kind in KINDS.items() if kind != "plain"]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[State, str]]:
    """Run emulate with a gateway before it that has the git repositories."""
    root = tmp_path / "served"
    root.mkdir()
    make(root, KINDS)
    with before(tmp_path, root, list(KINDS), TOKEN) as found:
        yield found


def test_a_campaign_from_its_list_to_its_close(tmp_path: Path, there: tuple[State, str]) -> None:
    state, url = there
    user = User(tmp_path / "home")
    user.type("plan", str(listed(tmp_path / "list.txt", list(KINDS))), "--api-url", state.api)
    user.type("run", "--pace", "0.1", "--label", "models", "--reviewer", "ada")
    assert user.states() == {name: "clean" if kind == "plain" else "open" for name, kind in KINDS.items()}
    for name in KINDS:
        found: list[dict[str, object]] = send(url, TOKEN, "GET", f"/repos/{name}/pulls?state=all")[2]  # type: ignore[assignment]
        assert len(found) == (name in NEEDING)
        for one in found:
            assert (one["state"], one["draft"], one["head"]["ref"]) == ("open", True, BRANCH)  # type: ignore[index]
            assert [label["name"] for label in one["labels"]] == ["models"]  # type: ignore[attr-defined]
            assert [person["login"] for person in one["requested_reviewers"]] == ["ada"]  # type: ignore[attr-defined]
        assert bool(git(state.root / f"{name}.git", "branch", "--list", BRANCH)) == (name in NEEDING)
    # A person closes one, and the campaign is told.
    send(url, TOKEN, "PATCH", f"/repos/{NEEDING[0]}/pulls/1", {"state": "closed"})
    assert "1 × a person closed it" in user.type("status", "--sync")
    # All others are closed with a reason; a new campaign may ask for those again, not for the one that a person closed.
    assert user.type("close", "--reason", "the next quarter").startswith(f"{len(NEEDING) - 1} closed, 0 left")
    said = [send(url, TOKEN, "GET", f"/repos/{name}/issues/1/comments")[2] for name in NEEDING]
    assert [len(one) for one in said] == [0] + [1] * (len(NEEDING) - 1)  # type: ignore[arg-type]
    assert [git(state.root / f"{name}.git", "branch", "--list", BRANCH) == "" for name in NEEDING] == [
        False,
        *[True] * (len(NEEDING) - 1),
    ]
    again = User(tmp_path / "home", "again")
    again.type("plan", str(tmp_path / "list.txt"), "--api-url", state.api)
    again.type("run", "--pace", "0.1")
    assert again.states() == {
        name: "clean" if kind == "plain" else "closed" if name == NEEDING[0] else "open" for name, kind in KINDS.items()
    }
