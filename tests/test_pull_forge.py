"""Answer one question: does ``migrator pr --repo`` do on a forge what it says, once, and keep the token to itself?

git speaks to a real ``git http-backend``; ``forge_server`` says what the forge is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from forge_server import NAME, TOKEN, State, serving

from migrator import github_api
from migrator.cli import run
from migrator.deliver import git, pull_request
from migrator.deliver.forge import GitHub, Wanted
from migrator.settings import CannotRun

BRANCH = "migrator/gpt-4.1-mini"
CALL = (
    "from openai import OpenAI\n\n\ndef {name}(mail):\n"
    '    return OpenAI().responses.create(model="{model}", input=mail)\n'
)
URL = "https://forge.example/pull/1"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """Keep this machine's configuration out, and wait for nothing; gives the seconds that it would have waited."""
    for name in [
        name for name in os.environ if name.startswith(("GIT_", "GITHUB_")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    (tmp_path / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(github_api, "time", clock)
    return waited


def ask(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Make a checkout of what the server will have."""
    folder = tmp_path / "work"
    folder.mkdir()
    ask(folder, "init", "--quiet", "--initial-branch", "main")
    for name, model in (("title", "gpt-4o-mini"), ("answer", "gpt-4o")):
        (folder / f"{name}.py").write_text(CALL.format(name=name, model=model), encoding="utf-8")
    ask(folder, "add", ".")
    ask(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def server(tmp_path: Path, work: Path) -> Iterator[State]:
    """Serve a bare repository with that commit."""
    with serving(tmp_path / "served") as state:
        ask(tmp_path, "clone", "--quiet", "--bare", str(work), str(state.bare))
        state.git("config", "http.receivepack", "true")
        state.git("config", "uploadpack.allowFilter", "true")
        ask(work, "remote", "add", "origin", str(state.bare))
        yield state


def github(token: str, api: str) -> GitHub:
    return GitHub("a/b", github_api.Client(lambda: token, api), git.EMAIL)


def moved(work: Path, name: str, text: str) -> None:
    """Let the base go on."""
    (work / name).write_text(text, encoding="utf-8")
    ask(work, "add", ".")
    ask(work, "commit", "--quiet", "--message", name)
    ask(work, "push", "--quiet", "origin", "main")


def told(server: State, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command, and see that nothing that it says has the token."""
    code = run(["pr", "--repo", NAME, "--api-url", server.api, *words])
    out, err = capsys.readouterr()
    assert TOKEN not in out + err
    return code, out, err


def tip(server: State) -> str:
    return server.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}")


def test_a_pull_request_is_opened(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(server, capsys, "--label", "models", "--reviewer", "ada", "--assignee", "ada")
    assert (code, out, err) == (0, f"{URL} is opened: 2 names in 2 files, a draft.\n", "")
    (pull,) = server.pulls
    assert (pull["title"], pull["draft"], pull["base"]) == ("Move 2 names to gpt-4.1-mini", True, {"ref": "main"})
    assert pull_request.data_of(str(pull["body"]))["base"] == server.git("rev-parse", "main")
    assert (pull["labels"], pull["requested_reviewers"], pull["assignees"]) == (
        [{"labels": ["models"]}],
        [{"reviewers": ["ada"]}],
        [{"assignees": ["ada"]}],
    )
    assert server.git("rev-list", "--format=%ae", f"main..{BRANCH}").splitlines()[1:] == [git.EMAIL]
    assert server.git("diff", "--stat", "main", BRANCH).endswith("2 files changed, 2 insertions(+), 2 deletions(-)")


def test_a_second_run_sends_nothing(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    told(server, capsys)
    made, server.asked[:] = tip(server), []
    assert told(server, capsys) == (0, f"{URL} is as it should be: 2 names in 2 files, a draft.\n", "")
    assert (tip(server), server.changing()) == (made, [])


def test_a_base_that_moves_elsewhere_needs_no_push(
    server: State, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(server, capsys)
    made, server.asked[:] = tip(server), []
    moved(work, "other.py", "print(1)\n")
    assert told(server, capsys) == (0, f"{URL} is as it should be: 2 names in 2 files, a draft.\n", "")
    assert (tip(server), server.changing()) == (made, [])
    # Another text is news, with the same change.
    moved(work, "costs.py", 'COSTS = {"gpt-4o": 2.5}\n')
    assert told(server, capsys)[1].startswith(f"{URL} is up to date now")
    assert (tip(server), [one[0] for one in server.changing()]) == (made, ["PATCH"])


def test_a_base_that_conflicts_makes_the_branch_anew(
    server: State, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(server, capsys)
    moved(work, "title.py", "# new\n" + CALL.format(name="title", model="gpt-4o-mini"))
    assert told(server, capsys)[:2] == (0, f"{URL} is up to date now: 2 names in 2 files, a draft.\n")
    assert server.git("rev-parse", f"{BRANCH}^") == server.git("rev-parse", "main")
    assert len(server.pulls) == 1


def test_a_commit_of_somebody_else_stops_it(server: State, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(server, capsys)
    ask(work, "fetch", "--quiet", "origin")
    ask(work, "checkout", "--quiet", "-b", "mine", f"origin/{BRANCH}")
    ask(work, "commit", "--quiet", "--allow-empty", "--message", "mine")
    # Ours on top of it hides it from who looks at the last commit alone.
    ours = ["-c", f"user.email={git.EMAIL}"]
    ask(work, *ours, "commit", "--quiet", "--allow-empty", "--message", "on top")
    ask(work, "push", "--quiet", "origin", f"mine:{BRANCH}")
    ask(work, "checkout", "--quiet", "main")
    moved(work, "title.py", "# new\n" + CALL.format(name="title", model="gpt-4o-mini"))
    made, server.asked[:] = tip(server), []
    code, _, err = told(server, capsys)
    assert (code, tip(server)) == (4, made)
    assert err.startswith(f"migrator: {BRANCH} has commits of others (ada@example.com): nothing was changed")
    # It says so once where people look, and keeps the address to itself.
    ((method, path, body),) = server.changing()
    assert (method, path, "ada@" in str(body)) == ("POST", "/issues/1/comments", False)
    assert "leaves it alone from now on" in str(body)
    server.asked.clear()
    assert told(server, capsys)[0] == 4
    assert server.changing() == []
    # Only who asks for it loses those commits.
    code, out, _ = told(server, capsys, "--recreate")
    assert (code, out) == (0, f"{URL} is up to date now: 2 names in 2 files, a draft.\n")
    assert server.git("rev-list", "--format=%ae", f"main..{BRANCH}").splitlines()[1:] == [git.EMAIL]


def test_a_comment_that_quotes_ours_is_not_changed(server: State) -> None:
    client = github_api.Client(lambda: TOKEN, server.api)
    forge = GitHub(NAME, client, git.EMAIL)
    server.git("branch", BRANCH, "main")
    pull = forge.put(Wanted(BRANCH, "main", "title", "body", True), None)
    assert pull is not None
    quote = "> Somebody else has committed\n\n<!-- migrator: stopped -->\n\nThat was me."
    server.pulls[0]["comments"] = [{"id": 5, "user": {"login": "ada"}, "body": quote}]
    forge.tell(pull, "stopped", "Somebody else has committed")
    assert server.pulls[0]["comments"] == [{"id": 5, "user": {"login": "ada"}, "body": quote}]


def test_nothing_in_the_data_ends_it_or_takes_long() -> None:
    body = pull_request.closed("text\n", "a --> @team <b>")
    assert body.count("-->") == body.count("<!--") == 1
    assert pull_request.data_of(body) == {"closed": "a --> @team <b>"}
    began = time.process_time()
    assert pull_request.data_of("<!-- migrator: {" * 4096) == {}
    assert time.process_time() - began < 1.0


def test_a_person_who_closes_it_is_not_asked_again(
    server: State, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(server, capsys)
    server.pulls[0]["state"] = "closed"
    server.asked.clear()
    said = f"Nothing was done: a person closed {URL}, which was the same change.\n"
    assert told(server, capsys) == (0, said, "")
    assert server.changing() == []
    assert told(server, capsys, "--recreate", "--dry-run")[1].startswith(f"POST {server.api}/repos/{NAME}/pulls")
    # Another change is another question.
    moved(work, "more.py", CALL.format(name="more", model="gpt-4o"))
    assert told(server, capsys)[1] == "https://forge.example/pull/2 is opened: 3 names in 3 files, a draft.\n"


def test_what_is_superseded_is_closed_and_blocks_nothing(
    server: State, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(server, capsys)
    for name in ("title", "answer"):
        moved(work, f"{name}.py", "print(1)\n")
    assert told(server, capsys)[:2] == (0, f"Nothing to change on main.\n{URL} is closed: superseded.\n")
    assert (tip(server), server.pulls[0]["state"]) == ("", "closed")
    (comment,) = server.pulls[0]["comments"]  # type: ignore[misc]
    assert comment["body"] == "Nothing is left to change on the base branch, so `migrator` closes this."
    for name, model in (("title", "gpt-4o-mini"), ("answer", "gpt-4o")):
        moved(work, f"{name}.py", CALL.format(name=name, model=model))
    assert told(server, capsys)[1].startswith("https://forge.example/pull/2 is opened")


def test_another_base_neither_closes_nor_moves_it(
    server: State, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(server, capsys)
    ask(work, "checkout", "--quiet", "-b", "release")
    ask(work, "rm", "--quiet", "title.py", "answer.py")
    ask(work, "commit", "--quiet", "--message", "nothing left")
    ask(work, "push", "--quiet", "origin", "release")
    made, server.asked[:] = tip(server), []
    code, out, err = told(server, capsys, "--base", "release")
    assert (code, out, err) == (4, "", f"migrator: {URL} goes to main, not to release: close it, or pass --base\n")
    code, out, err = told(server, capsys, "--base", BRANCH)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.startswith(f"migrator: {BRANCH} is the branch of the pull request itself")
    assert (tip(server), server.changing()) == (made, [])


def test_a_wrong_reviewer_is_told_and_nothing_more(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(server, capsys, "--reviewer", "nobody")
    assert (code, out) == (0, f"{URL} is opened: 2 names in 2 files, a draft.\n")
    assert err.startswith("migrator: reviewers were not added: 127.0.0.1:")
    assert err.endswith("Reviews may only be requested from collaborators.\n")


def test_a_dry_run_prints_what_would_be_sent(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(server, capsys, "--dry-run", "--label", "models")
    assert (code, tip(server), server.pulls, server.changing()) == (0, "", [], [])
    pushed, posted, labelled, _ = re.split(r"\n\n(?=POST|\Z)", out)
    assert labelled.startswith(f"POST {server.api}/repos/{NAME}/issues/NUMBER/labels\n")
    assert re.fullmatch(rf"git push --force-with-lease={BRANCH}: [0-9a-f]{{40}}:{BRANCH}", pushed)
    head, _, body = posted.partition("\n")
    assert head == f"POST {server.api}/repos/{NAME}/pulls"
    assert json.loads(body)["head"] == BRANCH


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for(
    server: State, alone: list[float], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"message": "You have exceeded a secondary rate limit."}
    server.scripted.append(("POST ", (status, {"Retry-After": "7"}, said)))
    assert told(server, capsys)[0] == 0
    assert 7.0 in alone
    assert len(server.pulls) == 1


@pytest.mark.parametrize("seconds", ["\u00b2", "soon", "9" * 400])
def test_a_time_that_is_no_number_is_a_minute(server: State, alone: list[float], seconds: str) -> None:
    server.scripted.append(("POST ", (429, {"Retry-After": seconds}, {})))
    assert run(["pr", "--repo", NAME, "--api-url", server.api]) == 0
    assert 60.0 in alone


def test_a_limit_that_is_far_away_ends_it(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    server.scripted.append(("GET ", (403, {"Retry-After": "3600"}, {})))
    code, _, err = told(server, capsys)
    assert (code, err.endswith("asks to wait 3,600 seconds: run it again then\n")) == (4, True)


def test_an_answer_that_is_lost_opens_no_second_one(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    server.lost.append(f"POST /api/v3/repos/{NAME}/pulls")
    assert told(server, capsys)[0] == 0
    assert len(server.pulls) == 1


def test_where_a_plan_has_no_drafts_it_is_opened_all_the_same(
    server: State, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [{"message": "Draft pull requests are not supported in this repository."}]
    reply = (422, {}, {"message": "Validation Failed", "errors": words})
    server.scripted.append((f"POST /api/v3/repos/{NAME}/pulls", reply))
    assert told(server, capsys)[0] == 0
    (pull,) = server.pulls
    assert (pull["draft"], "This is a draft" in str(pull["body"])) == (False, True)


def test_a_server_that_breaks_once_is_asked_again(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    server.scripted += [("GET ", (502, {}, {})), ("POST ", (502, {}, {}))]
    assert told(server, capsys)[0] == 0
    assert len(server.pulls) == 1


def test_one_that_was_opened_meanwhile_is_taken(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    told(server, capsys)
    server.scripted.append((f"GET /api/v3/repos/{NAME}/pulls", (200, {}, [])))
    assert told(server, capsys)[0] == 0
    assert len(server.pulls) == 1


@pytest.mark.parametrize(
    ("method", "reply", "said"),
    [
        ("GET", (404, {}, {"message": "Not Found"}), f"answers 404 to GET /repos/{NAME}: Not Found"),
        ("GET", (301, {"Location": "http://127.0.0.1:1/"}, {}), "it has moved or is called otherwise now"),
        (
            "POST",
            (403, {}, {"message": f"no right with {TOKEN}"}),
            f"answers 403 to POST /repos/{NAME}/pulls: no right with ***",
        ),
        ("POST", (422, {}, {"message": "Validation Failed", "errors": [{"message": "No commits"}]}), "No commits"),
        ("POST", (201, {}, []), "without the number of what it has"),
    ],
)
def test_a_refusal_is_one_line(
    server: State,
    method: str,
    reply: tuple[int, dict[str, str], object],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.scripted.append((f"{method} ", reply))
    code, _, err = told(server, capsys)
    assert (code, err.count("\n")) == (4, 1)
    assert said in err


def test_a_wrong_token_is_one_line(
    server: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_wrong")
    code, out, err = told(server, capsys)
    assert (code, out, err.count("\n"), "ghs_wrong" in err) == (4, "", 1, False)
    assert "answers 401" in err
    assert "the token is wrong or has expired" in err
    # git is refused too, and asks nobody for a password.
    code, _, err = told(server, capsys, "--base", "main")
    assert (code, err.count("\n"), "ghs_wrong" in err) == (4, 1, False)
    assert err.startswith("migrator: git fetch: ")
    monkeypatch.delenv("GITHUB_TOKEN")
    assert told(server, capsys)[2].startswith("migrator: GITHUB_TOKEN is not set")


def test_a_push_that_is_refused_opens_nothing(server: State, capsys: pytest.CaptureFixture[str]) -> None:
    hook = server.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    code, _, err = told(server, capsys)
    assert (code, err.count("\n"), server.pulls) == (4, 1, [])
    assert err.startswith("migrator: git push: ")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--repo", "acme"], 2, "--repo 'acme': write owner/name"),
        (["--repo", "../x"], 2, "--repo '../x': write owner/name"),
        (["--repo", NAME, "folder"], 2, "folder: a folder and --repo name two repositories; give one of them"),
        (["--label", "x"], 2, "--label needs --repo OWNER/NAME"),
        (["--repo", "a/b?c"], 2, "--repo 'a/b?c': write owner/name"),
        (["--repo", NAME, "--api-url", "http://ghe.example/api/v3"], 4, "only https"),
        (["--repo", NAME, "--api-url", "https://me:pw@ghe.example/"], 4, "no name or password belongs there"),
    ],
)
def test_a_wrong_address_is_one_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pr", *words]) == code
    err = capsys.readouterr().err
    assert (err.count("\n"), said in err) == (1, True)


def test_the_token_is_in_no_argument_and_in_no_file(
    server: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A git that writes down its arguments, and every file of its repository that holds the token.
    spy, log = tmp_path / "bin" / "git", tmp_path / "log"
    spy.parent.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    spy.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n{real} "$@"; code=$?\n'
        f'case "$2" in --git-dir) grep -rl -e {TOKEN} -e eC1hY2Nlc3M "$3" >> {log}.found;; esac\nexit $code\n',
        encoding="utf-8",
    )
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")
    assert told(server, capsys)[0] == 0
    said = log.read_text("utf-8")
    assert "fetch" in said
    assert "push" in said
    assert TOKEN not in said
    assert "Authorization" not in said
    assert (tmp_path / "log.found").read_text("utf-8") == ""


def test_large_files_stay_on_the_server(server: State, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved(work, "large.py", "# " + "x" * 20_000_001 + "\n" + CALL.format(name="large", model="gpt-4o"))
    code, _, _ = told(server, capsys)
    assert code == 0
    assert "Not read&#58; 1 × larger than 20,000,000 bytes." in str(server.pulls[0]["body"])
    assert server.git("diff", "--name-only", "main", BRANCH).splitlines() == ["answer.py", "title.py"]
    assert server.git("cat-file", "-s", f"{BRANCH}:large.py") == server.git("cat-file", "-s", "main:large.py")


@pytest.mark.parametrize(
    ("api", "url"),
    [
        ("https://api.github.com", "https://github.com/a/b.git"),
        ("https://ghe.example/api/v3", "https://ghe.example/a/b.git"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com/a/b.git"),
        ("http://127.0.0.1:99/api/v3", "http://127.0.0.1:99/a/b.git"),
    ],
)
def test_git_speaks_to_the_same_server(api: str, url: str) -> None:
    assert github_api.git_url(api, "a/b") == url


def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(CannotRun, match=r"^127\.0\.0\.1:1: "):
        github("t0ken", "http://127.0.0.1:1").default_branch()
    assert "t0ken" not in repr(github("t0ken", "")) + repr(git.Remote("https://x", "t0ken"))
