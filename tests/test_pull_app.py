"""Answer one question: does a GitHub App open its pull requests with signed commits, and with no right too many?

git and its objects are real (``git http-backend`` and ``git hash-object``); ``forge_server`` says what the forge is,
and writes a commit as GitHub does for an app.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forge_server import APP, APP_ID, APP_TOKEN, INSTALLATION, NAME, SLUG, State, serving
from test_pull_forge import BRANCH, CALL, URL, ask, moved

from migrator import github_api
from migrator.cli import run
from migrator.deliver import git
from migrator.deliver.app import READS, WRITES, App
from migrator.deliver.forge import GitHub
from migrator.isolation import Asked, Limits, prepare
from migrator.prepared import Prepared, from_json
from migrator.publish import ByApi, Manner, Outcome, publish
from migrator.settings import CannotRun

PLAIN = Manner()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def private(key: rsa.RSAPrivateKey) -> str:
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """Keep this machine's configuration out, and wait for nothing; gives the seconds that it would have waited."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "MIGRATOR_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    seconds: list[float] = []
    import time

    clock = SimpleNamespace(sleep=seconds.append, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(github_api, "time", clock)
    return seconds


@pytest.fixture
def work(tmp_path: Path, waited: list[float]) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    ask(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "title.py").write_text(CALL.format(name="title", model="gpt-4o-mini"), encoding="utf-8")
    (folder / "run.py").write_text("#!/usr/bin/env python3\n" + CALL.format(name="run", model="gpt-4o"), "utf-8")
    (folder / "run.py").chmod(0o755)
    # No text in UTF-8: such a file needs an object of its own.
    latin = "# -*- coding: latin-1 -*-\n# für alle\n" + CALL.format(name="latin", model="gpt-4o")
    (folder / "latin.py").write_bytes(latin.encode("latin-1"))
    ask(folder, "add", ".")
    ask(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def server(tmp_path: Path, work: Path, key: rsa.RSAPrivateKey) -> Iterator[State]:
    with serving(tmp_path / "served") as state:
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        state.key = public.decode()
        ask(tmp_path, "clone", "--quiet", "--bare", str(work), str(state.bare))
        state.git("config", "http.receivepack", "true")
        state.git("config", "uploadpack.allowFilter", "true")
        ask(work, "remote", "add", "origin", str(state.bare))
        yield state


@pytest.fixture
def app(server: State, private: str) -> App:
    return App(APP_ID, private, server.api)


def forge(app: App, server: State) -> GitHub:
    return GitHub(NAME, github_api.Client(lambda: app.token(NAME), server.api), git.EMAIL, f"{SLUG}[bot]")


def delivered(app: App, server: State, folder: Path, manner: Manner = PLAIN) -> Outcome:
    """Do what the bot and a campaign do: plan in a process of its own, and publish here."""
    folder.mkdir()
    url = github_api.git_url(server.api, NAME)
    prepared = prepare(Asked(url), app.token(NAME, READS), folder, Limits(120))
    github = forge(app, server)
    return publish(prepared, github, ByApi(github), manner)


def test_the_commit_is_made_by_github_and_is_what_was_planned(app: App, server: State, tmp_path: Path) -> None:
    outcome = delivered(app, server, tmp_path / "one", Manner({"labels": ["models"]}))
    assert (outcome.kind, outcome.number, outcome.url, outcome.told) == ("opened", 1, URL, ())
    assert server.git("show", "--no-patch", "--format=%ae %ce", BRANCH) == f"{APP[1]} noreply@github.com"
    changed = server.git("diff", "--raw", "--no-renames", "main", BRANCH).splitlines()
    assert [line.split()[0:2] for line in changed] == [
        [":100644", "100644"],
        [":100755", "100755"],
        [":100644", "100644"],
    ]
    diff = subprocess.run(
        ["git", "-C", str(server.bare), "show", f"{BRANCH}:latin.py"], capture_output=True, check=True
    ).stdout
    assert diff.decode("latin-1") == "# -*- coding: latin-1 -*-\n# für alle\n" + CALL.format(
        name="latin", model="gpt-4.1-mini"
    )
    # One file is no text, so it has an object of its own; the others need none.
    kinds = [(method, path) for method, path, _ in server.changing() if path.startswith("/git/")]
    assert kinds == [("POST", f"/git/{kind}") for kind in ("blobs", "trees", "commits", "refs")]


def test_a_second_time_sends_nothing_and_a_moved_base_neither(
    app: App, server: State, work: Path, tmp_path: Path
) -> None:
    delivered(app, server, tmp_path / "one")
    made, server.asked[:] = server.tip(BRANCH), []
    assert delivered(app, server, tmp_path / "two").kind == "same"
    moved(work, "other.py", "print(1)\n")
    assert delivered(app, server, tmp_path / "three").kind == "same"
    assert (server.tip(BRANCH), server.changing()) == (made, [])
    moved(work, "title.py", "# new\n" + CALL.format(name="title", model="gpt-4o-mini"))
    assert delivered(app, server, tmp_path / "four").kind == "renewed"
    assert server.git("rev-parse", f"{BRANCH}^") == server.git("rev-parse", "main")
    assert len(server.pulls) == 1


@pytest.mark.parametrize(
    ("author", "committer", "message"),
    [
        ("ada@example.com", "ada@example.com", "mine"),
        # What a person does on GitHub's pages has GitHub as its committer.
        ("ada@example.com", "noreply@github.com", "Merge main\n\nMigrator-Change: 1"),
        ("49699333+dependabot[bot]@users.noreply.github.com", "noreply@github.com", "Bump"),
    ],
)
def test_a_commit_of_somebody_else_stops_it(
    app: App, server: State, tmp_path: Path, author: str, committer: str, message: str
) -> None:
    delivered(app, server, tmp_path / "one")
    people = {
        **{f"GIT_AUTHOR_{key}": author for key in ("NAME", "EMAIL")},
        **{f"GIT_COMMITTER_{key}": committer for key in ("NAME", "EMAIL")},
    }
    tree = server.git("rev-parse", f"{BRANCH}^{{tree}}")
    words = ["git", "-C", str(server.bare), "commit-tree", tree, "-p", BRANCH, "-m", message]
    done = subprocess.run(words, capture_output=True, check=True, text=True, env={**os.environ, **people})
    server.git("update-ref", f"refs/heads/{BRANCH}", done.stdout.strip())
    made = server.tip(BRANCH)
    outcome = delivered(app, server, tmp_path / "two")
    assert (outcome.kind, outcome.strangers[0], server.tip(BRANCH)) == ("foreign", author, made)
    assert delivered(app, server, tmp_path / "three").kind == "foreign"
    (comment,) = server.pulls[0]["comments"]  # type: ignore[misc]
    assert "Somebody else has committed to this branch" in comment["body"]
    assert delivered(app, server, tmp_path / "four", Manner(recreate=True)).kind == "renewed"
    assert server.git("show", "--no-patch", "--format=%ae", BRANCH) == APP[1]


def test_a_branch_that_moves_meanwhile_stays(app: App, server: State, tmp_path: Path) -> None:
    delivered(app, server, tmp_path / "one")
    github = forge(app, server)
    tip = github.tip(BRANCH)
    server.git("update-ref", f"refs/heads/{BRANCH}", "main")
    with pytest.raises(CannotRun, match="has moved meanwhile"):
        ByApi(github).drop(BRANCH, tip)  # type: ignore[arg-type]
    assert server.tip(BRANCH) == server.tip("main")


class Meanwhile:
    """A pace whose waits somebody uses: ``act`` is done in the wait before each request that changes something."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def wait(self) -> None:
        self.act()


def human(server: State) -> str:
    """Let a person commit to the branch, if it is there and that was not done before; gives the branch's tip."""
    if server.tip(BRANCH) and "ada@example.com" not in server.git("log", "-1", "--format=%ae", BRANCH):
        words = ["git", "-C", str(server.bare), "commit-tree", f"{BRANCH}^{{tree}}", "-p", BRANCH, "-m", "mine"]
        done = subprocess.run(words, capture_output=True, check=True, text=True)
        server.git("update-ref", f"refs/heads/{BRANCH}", done.stdout.strip())
    return server.tip(BRANCH)


@pytest.mark.parametrize("file", ["title.py", "nothing left"])
def test_a_commit_that_comes_in_the_wait_before_a_write_stays(
    app: App, server: State, work: Path, tmp_path: Path, file: str
) -> None:
    delivered(app, server, tmp_path / "one")
    if file == "title.py":
        moved(work, file, "# new\n" + CALL.format(name="title", model="gpt-4o-mini"))
    else:
        for name in ("title.py", "run.py", "latin.py"):
            moved(work, name, "print(1)\n")
    (tmp_path / "two").mkdir()
    url = github_api.git_url(server.api, NAME)
    prepared = prepare(Asked(url), app.token(NAME, READS), tmp_path / "two", Limits(120))
    client = github_api.Client(lambda: app.token(NAME), server.api)
    github = GitHub(NAME, client, git.EMAIL, f"{SLUG}[bot]")
    server.asked.clear()
    last = ("/git/commits", "/issues/1/comments")
    client.pace = Meanwhile(lambda: [human(server) for one in server.changing()[-1:] if one[1] in last].clear())
    with pytest.raises(CannotRun, match="has moved meanwhile"):
        publish(prepared, github, ByApi(github), PLAIN)
    assert server.git("log", "-1", "--format=%ae", BRANCH) == "ada@example.com"


def test_a_branch_that_others_build_on_is_not_deleted(app: App, server: State, work: Path, tmp_path: Path) -> None:
    # GitHub closes the pull requests that go to a branch when that is deleted.
    delivered(app, server, tmp_path / "one")
    made = server.tip(BRANCH)
    plain = {"number": 7, "state": "open", "repository": NAME, "head": {"ref": "topic"}, "node_id": "PR_7"}
    server.pulls.append({**plain, "base": {"ref": BRANCH}})
    for name in ("title.py", "run.py", "latin.py"):
        moved(work, name, "print(1)\n")
    assert delivered(app, server, tmp_path / "two").kind == "closed"
    assert (server.pulls[0]["state"], server.tip(BRANCH)) == ("closed", made)


def test_to_make_it_anew_loses_no_commit_where_nothing_is_left(
    app: App, server: State, work: Path, tmp_path: Path
) -> None:
    delivered(app, server, tmp_path / "one")
    made = human(server)
    for name in ("title.py", "run.py", "latin.py"):
        moved(work, name, "print(1)\n")
    assert delivered(app, server, tmp_path / "two", Manner(recreate=True)).kind == "foreign"
    assert (server.pulls[0]["state"], server.tip(BRANCH)) == ("open", made)


def test_a_pull_request_of_a_person_from_our_branch_stays_as_it_is(
    app: App, server: State, work: Path, tmp_path: Path
) -> None:
    delivered(app, server, tmp_path / "one")
    server.pulls[0]["body"] = "What I have to say of it."
    before = dict(server.pulls[0])
    moved(work, "title.py", "# new\n" + CALL.format(name="title", model="gpt-4o-mini"))
    outcome = delivered(app, server, tmp_path / "two")
    assert (outcome.kind, outcome.number, outcome.strangers) == ("foreign", 1, ())
    assert outcome.told == (f"{URL} has no data of migrator in its text: a person wrote that, so it stays as it is",)
    for name in ("title.py", "run.py", "latin.py"):
        moved(work, name, "print(1)\n")
    assert delivered(app, server, tmp_path / "three").kind == "foreign"
    assert server.pulls == [before]


def test_a_closed_one_stays_closed_without_its_data(app: App, server: State, tmp_path: Path) -> None:
    delivered(app, server, tmp_path / "one")
    server.pulls[0] |= {"state": "closed", "body": "No, thank you."}
    assert delivered(app, server, tmp_path / "two").kind == "refused"
    assert len(server.pulls) == 1


def test_a_fork_of_the_same_owner_is_somebody_elses(app: App, server: State, tmp_path: Path) -> None:
    delivered(app, server, tmp_path / "one")
    theirs = {**server.pulls[0], "number": 9, "title": "theirs"}
    theirs |= {
        "head": {"ref": BRANCH, "repo": {"full_name": "acme/fork"}},
        "base": {"ref": "main", "repo": {"full_name": NAME}},
    }
    server.more.append(
        lambda method, path, query, _: (
            (200, {}, [theirs]) if (method, path.endswith("/pulls"), "head" in query) == ("GET", True, True) else None
        )
    )
    assert forge(app, server).pulls(BRANCH) == []


def child_of(folder: Path, app: App, server: State) -> Prepared:
    folder.mkdir()
    return prepare(Asked(github_api.git_url(server.api, NAME)), app.token(NAME, READS), folder, Limits(120))


def test_what_a_process_that_was_taken_over_says_is_looked_at(app: App, server: State, tmp_path: Path) -> None:
    plain = child_of(tmp_path / "one", app, server)
    assert from_json(plain.to_json()) == plain
    data = ("100644", b"x")
    wrong: list[dict[str, object]] = [
        {"branch": "main"},
        {"branch": "migrator/../main"},
        {"branch": "migrator/a/b"},
        {"branch": 4},
        {"base": None},
        {"commit": "main"},
        {"base_tree": "HEAD^{tree}"},
        {"body": ["x"]},
        {"drafts": (4,)},
        *({"files": {path: data}} for path in (b".github/workflows/x.yml", b".GitHub/workflows/x.yml", b"../x", b"/x")),
        *({"files": {path: data}} for path in (b".git/config", b"a/.GIT/hooks/x", b"a//b", b"")),
        *({"files": {b"x": (mode, b"y")}} for mode in ("120000", "160000", "100666", 4)),
    ]
    for change in wrong:
        with pytest.raises(CannotRun, match="what was planned cannot be read"):
            from_json(replace(plain, **change).to_json())  # type: ignore[arg-type]


def test_a_change_starts_from_a_commit_of_its_base_and_its_tree(app: App, server: State, tmp_path: Path) -> None:
    plain = child_of(tmp_path / "one", app, server)
    github = forge(app, server)
    blob = server.git("hash-object", "-w", "--stdin", given=b"name: theirs\n")
    tree = server.git("mktree", given=f"100644 blob {blob}\tx.yml\n".encode())
    words = ["git", "-C", str(server.bare), "commit-tree", tree, "-p", "main", "-m", "theirs"]
    other = subprocess.run(words, capture_output=True, check=True, text=True).stdout.strip()
    # A commit that the base does not have, as one of a fork; and a tree that is not the commit's.
    for change in ({"commit": other, "base_tree": tree}, {"base_tree": tree}):
        with pytest.raises(CannotRun, match="does not start from main as it is"):
            publish(replace(plain, **change), github, ByApi(github), PLAIN)
    assert (server.tip(BRANCH), server.changing()) == ("", [])


def test_a_draft_turns_ready_once_and_a_person_has_the_last_word(
    app: App, server: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered(app, server, tmp_path / "one")
    (pull,) = server.pulls
    assert pull["draft"] is True
    # It was ready once, for its text says so: the evidence is another now.
    pull["draft"], pull["body"] = False, str(pull["body"]).replace('"draft":true', '"draft":false')
    assert delivered(app, server, tmp_path / "two").kind == "renewed"
    assert pull["draft"] is True
    # A person makes it ready although the text says that it is a draft.
    pull["draft"] = False
    assert delivered(app, server, tmp_path / "three").kind == "same"
    assert pull["draft"] is False
    mutations = [body for _, path, body in server.asked if path == "/api/graphql"]
    assert [one["variables"] for one in mutations] == [{"id": f"PR_{NAME}_1"}]  # type: ignore[index]


def test_a_mutation_that_is_refused_is_one_line(app: App, server: State) -> None:
    with pytest.raises(CannotRun, match="refuses a mutation of GraphQL: Could not resolve to a node"):
        forge(app, server).client.graphql("mutation($id:ID!){x}", {"id": "none"})


def test_a_token_is_for_one_repository_and_kept(app: App, server: State) -> None:
    assert {app.token(NAME), app.token(NAME), app.token(NAME, READS)} == {APP_TOKEN}
    assert server.minted == [
        {"permissions": dict(WRITES), "repositories": ["helpdesk"]},
        {"permissions": dict(READS), "repositories": ["helpdesk"]},
    ]
    later = App(APP_ID, app.key, app.api, now=lambda: 0.0)
    with pytest.raises(CannotRun, match="401"):
        later.token(NAME)  # A proof of long ago.
    app.forget(NAME)
    app.token(NAME)
    assert len(server.minted) == 3
    assert (app.slug(), list(app.installations())) == (SLUG, [INSTALLATION])
    assert [one.name for one in app.repositories(INSTALLATION)] == [NAME]


def test_a_token_is_asked_for_again_before_it_ends(server: State, private: str) -> None:
    import time

    clock = [time.time()]
    app = App(APP_ID, private, server.api, now=lambda: clock[0])
    app.token(NAME)
    clock[0] += 3600 - 299
    with pytest.raises(CannotRun, match="401"):  # The double checks the real time: it was asked again.
        app.token(NAME)


@pytest.mark.parametrize(("name", "said"), [("acme/none", "not installed on acme/none"), ("acme/helpdesk", "PEM")])
def test_what_an_app_cannot_do_is_one_line(server: State, private: str, name: str, said: str) -> None:
    app = App(APP_ID, private if name == "acme/none" else "no key", server.api)
    with pytest.raises(CannotRun, match=said):
        app.token(name)


def test_the_command_takes_an_app(
    server: State, private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pr", "--repo", NAME, "--api-url", server.api]
    monkeypatch.setenv("MIGRATOR_APP_ID", APP_ID)
    assert run(words) == 4
    assert "MIGRATOR_PRIVATE_KEY or MIGRATOR_PRIVATE_KEY_FILE" in capsys.readouterr().err
    monkeypatch.setenv("MIGRATOR_PRIVATE_KEY_FILE", str(tmp_path / "none.pem"))
    assert run(words) == 4
    assert "No such file" in capsys.readouterr().err
    monkeypatch.setenv("MIGRATOR_PRIVATE_KEY", private.replace("\n", "\\n"))
    assert run([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "POST" in said
    assert "/git/trees" in said
    assert (server.tip(BRANCH), APP_TOKEN in said, private[40:80] in said) == ("", False, False)
    assert run(words) == 0
    assert capsys.readouterr().out == f"{URL} is opened: 3 names in 3 files, a draft.\n"
    assert server.git("show", "--no-patch", "--format=%ae", BRANCH) == APP[1]


def test_a_migration_of_the_base_branch_is_taken_and_none_outside(
    app: App, server: State, work: Path, tmp_path: Path
) -> None:
    (tmp_path / "acme.toml").write_text("", encoding="utf-8")
    for name in (str(tmp_path / "acme.toml"), "../../acme.toml", "none.toml"):
        moved(work, "migrator.toml", f'to = "{name}"\n')
        folder = tmp_path / f"one-{len(list(tmp_path.iterdir()))}"
        with pytest.raises(CannotRun, match=r"which is no file of main$"):
            delivered(app, server, folder)
    assert server.changing() == []


def test_a_migration_of_ones_own_is_that_of_the_base_or_a_file(
    server: State, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "add-a-migration.md").read_text("utf-8")
    blocks = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", guide, re.M | re.S))
    surface = blocks["migrator.toml"].partition("\n")[2]
    (work / "desk.py").write_text(blocks["before/desk.py"], encoding="utf-8")
    (work / "migrator.toml").write_text(surface, encoding="utf-8")
    moved(work, "acme.toml", blocks["acme.toml"])
    monkeypatch.setenv("GITHUB_TOKEN", APP_TOKEN)
    words = ["pr", "--repo", NAME, "--api-url", server.api]
    (tmp_path / "mine.toml").write_text(blocks["acme.toml"], encoding="utf-8")
    assert run([*words, "--to", str(tmp_path / "mine.toml")]) == 0
    moved(work, "migrator.toml", blocks["migrator.toml"])
    assert run(words) == 0
    assert capsys.readouterr().out.count(" is opened: ") == 2
    assert [one["head"] for one in server.pulls] == [{"ref": "migrator/mine"}, {"ref": "migrator/acme"}]
    assert server.git("show", "migrator/acme:desk.py") == blocks["after/desk.py"].strip()
    assert str(tmp_path) not in json.dumps(server.pulls)
    # The second time nothing is news.
    server.asked.clear()
    assert run(words) == 0
    assert (capsys.readouterr().out.count(" is as it should be"), server.changing()) == (1, [])
