"""Answer one question: does the forge's part of ``migrator pr`` work with a GitHub that nobody here wrote?

That is emulate of vercel-labs (npm, Apache-2.0), which keeps repositories, branches and pull requests. It has no git
over HTTP, so the branches are made by its interface, and it takes a second pull request for a branch and one for a
branch that is not there, which GitHub refuses.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from emulator import emulated

from migrator.deliver.forge import GitHub, Pull, Tip, Wanted
from migrator.github_api import Client, Steady
from migrator.settings import CannotRun

pytestmark = pytest.mark.delivery

TOKEN = "ghp_migrator_emulated"
BRANCH = "migrator/gpt-4.1-mini"
WANTED = Wanted(BRANCH, "main", "Move 1 name", "text\n\n<!-- migrator: {} -->\n", True)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start it on a free port, with one repository that has a first commit."""
    with emulated(tmp_path_factory.mktemp("emulate"), ["acme/helpdesk"], TOKEN) as found:
        yield found


def send(url: str, method: str, path: str, body: object = None) -> dict[str, object]:
    """Ask it something that ``migrator`` does not ask."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/repos/acme/helpdesk{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read() or b"{}")  # type: ignore[no-any-return]


@pytest.fixture
def branch(url: str) -> Iterator[str]:
    """Make a branch with one file more, and close and delete what is left of it."""
    base = send(url, "GET", "/git/ref/heads/main")["object"]["sha"]  # type: ignore[index]
    send(url, "POST", "/git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": base})
    content = base64.b64encode(f"{time.time()}\n".encode()).decode()
    sent = {"message": "Move", "content": content, "branch": BRANCH}
    send(url, "PUT", f"/contents/file-{time.time_ns()}.py", sent)
    yield BRANCH
    for pull in forge(url).pulls(BRANCH):
        send(url, "PATCH", f"/pulls/{pull.number}", {"state": "closed"})
    send(url, "DELETE", f"/git/refs/heads/{BRANCH}")


def forge(url: str, say: Callable[[str], None] | None = None, name: str = "acme/helpdesk") -> GitHub:
    return GitHub(name, Client(lambda: TOKEN, url, say, pace=Steady(0)), "acme@users.noreply.github.com")


def test_a_pull_request_from_its_opening_to_its_end(url: str, branch: str) -> None:
    github = forge(url)
    assert github.default_branch() == "main"
    before = [one.number for one in github.pulls(branch)]
    pull = github.put(WANTED, None)
    assert pull is not None
    assert pull == Pull(pull.number, pull.url, True, False, WANTED.title, WANTED.body, "main", True, pull.node)
    assert send(url, "GET", f"/pulls/{pull.number}")["draft"] is True
    assert [one.number for one in github.pulls(branch)] == [pull.number, *before]
    assert github.put(WANTED, pull) is pull
    changed = github.put(Wanted(branch, "main", "Move 2 names", "other", True), pull)
    assert changed is not None
    assert (changed.number, changed.title, changed.body) == (pull.number, "Move 2 names", "other")
    github.close(changed, "why", "closed")
    (closed,) = (one for one in github.pulls(branch) if one.number == pull.number)
    assert (closed.is_open, closed.is_merged, closed.body) == (False, False, "closed")
    said = send(url, "GET", f"/issues/{pull.number}/comments")
    assert [one["body"] for one in said] == ["why"]  # type: ignore[index]


def test_labels_and_reviewers_are_added(url: str, branch: str) -> None:
    github = forge(url)
    pull = github.put(WANTED, None)
    assert pull is not None
    assert github.dress(pull, "labels", ["models"]) == ""
    assert github.dress(pull, "reviewers", ["ada"]) == ""
    found = send(url, "GET", f"/pulls/{pull.number}")
    assert [one["name"] for one in found["labels"]] == ["models"]  # type: ignore[attr-defined]
    assert [one["login"] for one in found["requested_reviewers"]] == ["ada"]  # type: ignore[attr-defined]
    assert github.dress(Pull(99_999, "", True, False, "", "", "main"), "labels", ["models"]) != ""


def test_a_dry_run_sends_nothing(url: str, branch: str) -> None:
    said: list[str] = []
    before = len(forge(url).pulls(branch))
    assert forge(url, say=said.append).put(WANTED, None) is None
    assert len(forge(url).pulls(branch)) == before
    assert [one.partition("\n")[0] for one in said] == [f"POST {url}/repos/acme/helpdesk/pulls"]


def test_refusals_are_one_line(url: str) -> None:
    other = forge(url, name="acme/none")
    with pytest.raises(CannotRun, match=r"answers 404 to GET /repos/acme/none: Not Found$"):
        other.default_branch()


def test_addresses_of_a_branch_are_read(url: str, branch: str) -> None:
    since = forge(url).since("main", branch)
    assert since.strangers == ()
    other = GitHub("acme/helpdesk", Client(lambda: TOKEN, url), "somebody@else.example")
    assert other.since("main", branch).strangers == ("acme@users.noreply.github.com",)


def test_a_commit_is_made_by_the_interface(url: str, branch: str) -> None:
    github = forge(url)
    tip = github.tip(branch)
    assert tip is not None
    assert github.tip("none") is None
    files = {b"a.py": ("100644", b"x = 1\n"), "\u00fc/b.bin".encode(): ("100755", b"\xff\x00")}
    commit, tree = github.commit(tip.tree, tip.commit, "Move\n\nMigrator-Change: 1\n", files)
    github.point(branch, commit, tip)
    assert github.tip(branch) == Tip(commit, (tip.commit,), tree)
    found = send(url, "GET", f"/git/trees/{tree}?recursive=1")["tree"]
    assert {(one["path"], one["mode"]) for one in found if one["type"] == "blob"} >= {  # type: ignore[attr-defined]
        ("a.py", "100644"),
        ("\u00fc/b.bin", "100755"),
    }
    github.point("migrator/second", commit, None)
    assert github.tip("migrator/second") == Tip(commit, (tip.commit,), tree)
    github.point("migrator/second", "", Tip(commit, (tip.commit,), tree))
    assert github.tip("migrator/second") is None


def test_something_is_said_once(url: str, branch: str) -> None:
    github = forge(url)
    pull = github.put(WANTED, None)
    assert pull is not None
    for words in ("one", "one", "other"):
        github.tell(pull, "stopped", words)
    # Nobody knows whose it is, so it stays; the one of ours is changed.
    assert [one.body.split("\n")[0] for one in github.comments(pull.number)] == ["one"]
    (comment,) = github.comments(pull.number)
    github.login = comment.author
    github.tell(pull, "stopped", "two")
    assert [one.body.split("\n")[0] for one in github.comments(pull.number)] == ["two"]
