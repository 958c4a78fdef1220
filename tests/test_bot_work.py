"""Answer one question: does the bot say on a pull request what it brings, once, and keep that of the repository?

git is a real ``git http-backend``, each repository is read in a real process of its own; ``forge_server`` and
``forge_checks_server`` say what the forge is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forge_checks_server import Checks
from forge_server import APP, APP_ID, NAME, SLUG, Reply, State, serving
from test_pull_forge import BRANCH, CALL, ask, moved

from migrator.bot import words
from migrator.bot.checkup import checkup
from migrator.bot.database import Database
from migrator.bot.events import Reading, Task
from migrator.bot.inbox import Inbox
from migrator.bot.sweep import Sweep
from migrator.bot.work import Work
from migrator.deliver import git
from migrator.deliver.app import WRITES, App
from migrator.github_api import Steady
from migrator.isolation import Limits
from migrator.settings import CannotRun

BOT = APP[0]
PUBLISH = Task("publish", NAME, sender="ada")
OLD = CALL.format(name="title", model="gpt-4o-mini")
CALM = CALL.format(name="calm", model="gpt-4.1-mini")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout with nothing to change."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "MIGRATOR_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    folder = tmp_path / "work"
    folder.mkdir()
    ask(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "calm.py").write_text(CALM, encoding="utf-8")
    (folder / "README.md").write_text("# Helpdesk\n", encoding="utf-8")
    ask(folder, "add", ".")
    ask(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def server(tmp_path: Path, work: Path, key: rsa.RSAPrivateKey) -> Iterator[State]:
    with serving(tmp_path / "served") as state:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        state.key = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
        ask(tmp_path, "clone", "--quiet", "--bare", str(work), str(state.bare))
        state.git("config", "uploadpack.allowFilter", "true")
        ask(work, "remote", "add", "origin", str(state.bare))
        yield state


@pytest.fixture
def checks(server: State) -> Checks:
    found = Checks(server)
    server.more.append(found.answer)
    return found


@pytest.fixture
def bot(server: State, key: rsa.RSAPrivateKey) -> Work:
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, form, plain).decode()
    return Work(App(APP_ID, private, server.api, Steady(0.0)), Limits(120))


def topic(work: Path, files: dict[str, str], *, base: str = "main", name: str = "topic", who: str = "") -> str:
    """Commit files on a branch of somebody, and push it; gives the commit."""
    ask(work, "checkout", "--quiet", "-B", name, base)
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text, encoding="utf-8", newline="")
    ask(work, "add", ".")
    ask(work, *(("-c", f"user.email={who}") if who else ()), "commit", "--quiet", "--message", name)
    ask(work, "push", "--quiet", "--force", "origin", name)
    commit = ask(work, "rev-parse", "HEAD")
    ask(work, "checkout", "--quiet", "main")
    return commit


def check(number: int, sender: str = "ada") -> Task:
    return Task("check", NAME, number, sender=sender)


def said(word: str, number: int, sender: str = "ada") -> Task:
    return Task("command", NAME, number, word, 99, sender)


def comments(server: State, number: int) -> list[str]:
    rows = next(one for one in server.pulls if one["number"] == number).get("comments", [])
    return [str(one["body"]) for one in rows]  # type: ignore[attr-defined]


def test_an_added_call_gets_a_check_run_and_a_suggestion(bot: Work, checks: Checks, work: Path) -> None:
    commit = topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    assert bot.do(check(number)) == "1 found, 1 new comments"
    (run,) = checks.runs
    assert (run["name"], run["head_sha"], run["status"], run["conclusion"]) == (
        "migrator",
        commit,
        "completed",
        "neutral",
    )
    assert run["output"]["annotations"] == [  # type: ignore[index]
        {
            "path": "title.py",
            "start_line": 5,
            "end_line": 5,
            "annotation_level": "warning",
            "title": "gpt-4o-mini → gpt-4.1-mini",
            "message": "gpt-4o-mini → gpt-4.1-mini (openai.responses) Price ×2.67 dearer.",
        }
    ]
    (remark,) = checks.remarks
    text, _, data = str(remark.pop("body")).rpartition("\n\n")
    assert remark == {"path": "title.py", "line": 5, "side": "RIGHT", "id": 9_000, "pull": 1, "user": {"login": BOT}}
    assert text == (
        "<code>gpt&#45;4o&#45;mini</code> → <code>gpt&#45;4.1&#45;mini</code>. "
        f"{words.ADVICE}\n\n"
        '```suggestion\n    return OpenAI().responses.create(model="gpt-4.1-mini", input=mail)\n```'
    )
    assert data.startswith('<!-- migrator-review: {"fingerprint":"')
    # A person who reads the mail of it gets no further one.
    assert comments(checks.state, number) == []


def test_a_second_look_sends_nothing(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    bot.do(check(number))
    checks.state.asked.clear()
    assert bot.do(check(number)) == "1 found, 0 new comments"
    assert checks.state.changing() == []


def test_what_was_there_before_is_not_the_authors_concern(bot: Work, checks: Checks, work: Path) -> None:
    moved(work, "title.py", OLD)
    topic(work, {"title.py": OLD + "\n\nX = 1\n", "other.py": "X = 2\n"})
    assert bot.do(check(checks.pull("topic"))) == "0 found, 0 new comments"
    assert (checks.runs, checks.remarks, comments(checks.state, 1)) == ([], [], [])


def test_a_new_call_of_an_old_name_is_said_without_a_suggestion(bot: Work, checks: Checks, work: Path) -> None:
    moved(work, "names.py", 'FAST = "gpt-4o-mini"\n')
    call = "from openai import OpenAI\n\nfrom names import FAST\n\nOpenAI().responses.create(model=FAST, input='')\n"
    topic(work, {"call.py": call})
    assert bot.do(check(checks.pull("topic"))) == "1 found, 0 new comments"
    (row,) = checks.runs[0]["output"]["annotations"]  # type: ignore[index]
    assert (row["path"], row["start_line"], row["annotation_level"], row["message"]) == (
        "call.py",
        5,
        "warning",
        "this call runs on gpt-4o-mini, which names.py:1 names",
    )


def test_what_is_mended_is_taken_back_and_what_stays_is_not_repeated(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD, "other.py": CALL.format(name="other", model="gpt-4o")})
    number = checks.pull("topic")
    assert bot.do(check(number)) == "2 found, 2 new comments"
    kept = next(one for one in checks.remarks if one["path"] == "other.py")
    new = topic(work, {"title.py": "# above\n\n" + CALM}, base="topic", name="topic")
    checks.state.git("update-ref", f"refs/pull/{number}/head", new)
    assert bot.do(check(number)) == "1 found, 0 new comments"
    assert checks.remarks == [kept]
    last = topic(work, {"other.py": CALM}, base="topic", name="topic")
    checks.state.git("update-ref", f"refs/pull/{number}/head", last)
    assert bot.do(check(number)) == "0 found, 0 new comments"
    # Each check run is that of its commit, and the last commit has none.
    assert (checks.remarks, len(checks.runs)) == ([], 2)


def test_a_comment_whose_line_is_gone_is_made_anew_and_an_answered_one_stays(
    bot: Work, checks: Checks, work: Path
) -> None:
    topic(work, {"title.py": OLD, "other.py": CALL.format(name="other", model="gpt-4o")})
    number = checks.pull("topic")
    bot.do(check(number))
    outdated, answered = sorted(checks.remarks, key=lambda one: str(one["path"]), reverse=True)
    outdated["line"] = None
    reply = {"id": 1, "pull": number, "body": "no", "user": {"login": "ada"}, "line": 5}
    checks.remarks.append({**reply, "path": "other.py", "in_reply_to_id": answered["id"]})
    new = topic(work, {"other.py": CALM}, base="topic", name="topic")
    checks.state.git("update-ref", f"refs/pull/{number}/head", new)
    assert bot.do(check(number)) == "1 found, 1 new comments"
    assert checks.deleted == [str(outdated["id"])]
    assert answered in checks.remarks


def test_the_configuration_of_the_default_branch_counts(bot: Work, checks: Checks, work: Path) -> None:
    own = '[tool.migrator]\nexclude = ["*"]\nbot = false\n'
    topic(work, {"title.py": OLD, "pyproject.toml": own, "migrator.toml": "broken ["})
    assert bot.do(check(checks.pull("topic"))) == "1 found, 1 new comments"
    moved(work, "migrator.toml", 'exclude = ["/title.py"]\n')
    topic(work, {"title.py": OLD, "new.py": OLD}, name="second")
    assert bot.do(check(checks.pull("second"))) == "1 found, 1 new comments"
    assert checks.remarks[-1]["path"] == "new.py"


def test_a_hostile_pull_request_is_looked_at_and_nothing_else(bot: Work, checks: Checks, work: Path) -> None:
    trap = work.parent / "trap"
    (work / "link.py").symlink_to(work.parent / "gitconfig")
    (work / "up").symlink_to(work.parent)
    run = f"import pathlib\npathlib.Path({str(trap)!r}).touch()\n"
    files = {
        "setup.py": run,
        "conftest.py": run,
        "sitecustomize.py": run,
        "migrator.py": run,
        "--help.py": OLD,
        "new\nline.py": OLD,
        "deep.py": f"x = {'(' * 3_000}1{')' * 3_000}\nMODEL = 'gpt-4o'\n",
        "broken.py": "def (:\n    'gpt-4o'\n",
        "@ada `#1`/<b>.py": OLD,
        ".gitattributes": "*.py filter=trap diff=trap\n",
        "pyproject.toml": '[tool.migrator]\nto = "https://x"\n' + "a = [" * 2_000,
    }
    topic(work, files)
    number = checks.pull("topic")
    assert bot.do(check(number)) == "3 found, 3 new comments"
    assert not trap.exists()
    assert {one["path"] for one in checks.remarks} == {"--help.py", "new\nline.py", "@ada `#1`/<b>.py"}
    assert "2 files of this pull request could not be read" in checks.runs[0]["output"]["summary"]  # type: ignore[index]


def test_what_takes_too_long_is_ended(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    with pytest.raises(CannotRun, match=r"^it took more than 0 seconds and was ended$"):
        Work(bot.app, Limits(0.01)).do(check(number))
    assert checks.state.changing() == []


def test_a_pull_request_of_a_fork(bot: Work, checks: Checks, work: Path) -> None:
    commit = topic(work, {"title.py": OLD})
    # The base has no such branch: only what GitHub keeps as refs/pull/1/head.
    number = checks.pull("topic", owner="eve", commit=commit)
    checks.state.git("update-ref", "-d", "refs/heads/topic")
    assert bot.do(check(number, "eve")) == "1 found, 1 new comments"


@pytest.mark.parametrize(
    ("files", "about"),
    [
        ({"migrator.toml": "bot = false\n"}, {}),
        ({}, {"topics": ["llm", "no-migrator"]}),
        ({}, {"archived": True}),
        ({}, {"disabled": True}),
        ({}, {"fork": True}),
    ],
)
def test_a_repository_that_wants_no_bot_is_left_alone(
    bot: Work, checks: Checks, work: Path, files: dict[str, str], about: dict[str, object]
) -> None:
    moved(work, "title.py", OLD)
    for name, text in files.items():
        moved(work, name, text)
    topic(work, {"other.py": OLD})
    number = checks.pull("topic")
    checks.about = about
    assert bot.do(PUBLISH).startswith("nothing: the repository ")
    assert bot.do(check(number)).startswith("nothing: the repository ")
    assert checks.state.changing() == []


def test_a_configuration_that_cannot_be_read_is_no_reason_to_try_again(bot: Work, checks: Checks, work: Path) -> None:
    moved(work, "migrator.toml", 'to = "gpt-9"\nbott = true\n')
    said_so = "nothing: unknown key 'bott' in migrator.toml; did you mean 'bot'? (on main)"
    assert bot.do(PUBLISH) == said_so
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    assert bot.do(check(number)) == said_so
    assert bot.do(said("rerun", number)) == said_so.replace("nothing: ", "refused: ")


@pytest.mark.parametrize("task", [PUBLISH, check(1), said("rerun", 1)])
def test_what_the_bot_caused_itself_is_nothing(bot: Work, checks: Checks, work: Path, task: Task) -> None:
    topic(work, {"title.py": OLD})
    checks.pull("topic")
    assert bot.do(Task(task.kind, NAME, task.number, task.word, 99, BOT)) == "nothing: the bot itself caused it"
    checks.state.asked.clear()
    if task.kind == "publish":
        assert bot.do(Task("publish", NAME, author=git.EMAIL)) == "nothing: the bot itself caused it"
        assert checks.state.asked == []


@pytest.mark.parametrize("mail", [git.EMAIL, APP[1]])
def test_a_commit_of_the_bot_itself_gets_no_remark(bot: Work, checks: Checks, work: Path, mail: str) -> None:
    topic(work, {"title.py": OLD}, who=mail)
    assert bot.do(check(checks.pull("topic"))) == "0 found, 0 new comments"


def test_more_than_fifty_annotations_and_more_than_thirty_comments(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {f"part_{number:02}.py": CALL.format(name="a", model="gpt-4o") * 2 for number in range(40)})
    number = checks.pull("topic")
    assert bot.do(check(number)) == "80 found, 30 new comments"
    output = checks.runs[0]["output"]
    places = [(row["path"], row["start_line"]) for row in output["annotations"]]  # type: ignore[index]
    assert places == [(f"part_{number:02}.py", line) for number in range(40) for line in (5, 10)]
    # A run that was interrupted between two requests goes on where it was.
    del output["annotations"][50:]  # type: ignore[index]
    output["annotations_count"] = 50  # type: ignore[index]
    checks.state.asked.clear()
    bot.do(check(number))
    assert [(one[0], one[1]) for one in checks.state.changing()] == [("PATCH", "/check-runs/500")]
    assert len(checks.runs[0]["output"]["annotations"]) == 80  # type: ignore[index]


def test_a_lost_answer_makes_nothing_twice(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    for path in ("check-runs", f"pulls/{number}/reviews"):
        checks.state.lost.append(f"POST /api/v3/repos/{NAME}/{path}")
        with pytest.raises(CannotRun, match="answers 502"):
            bot.do(check(number))
    assert bot.do(check(number)) == "1 found, 0 new comments"
    assert (len(checks.runs), len(checks.remarks)) == (1, 1)


def test_comments_that_github_refuses_stop_nothing(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    checks.refuses_reviews = True
    assert bot.do(check(checks.pull("topic"))) == "1 found, 0 new comments; GitHub did not take the comments"
    assert len(checks.runs) == 1


def test_several_lines_and_names_of_one_line(bot: Work, checks: Checks, work: Path) -> None:
    fence = "from openai import OpenAI\n\nOpenAI().responses.create(model='gpt-4o', input='````')\n"
    both = (
        "from openai import OpenAI\n\n\ndef f(x):\n"
        "    return OpenAI().responses.create(model='gpt-4o' if x else 'gpt-4o-mini', input='@ada #1')\n"
    )
    crlf = OLD.replace("\n", "\r\n")
    topic(work, {"fence.py": fence, "both.py": both, "crlf.py": crlf})
    assert bot.do(check(checks.pull("topic"))) == "4 found, 2 new comments"
    first, second = (str(one["body"]) for one in checks.remarks)
    assert "model='gpt-4.1-mini' if x else 'gpt-4.1-mini', input='@ada #1')\n```\n" in first
    assert first.count("→") == 2
    assert "`````suggestion\nOpenAI().responses.create(model='gpt-4.1-mini', input='````')\n`````" in second


def test_only_what_a_task_needs_is_allowed_to_its_token(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    bot.do(check(checks.pull("topic")))
    minted = checks.state.minted
    assert [one["repositories"] for one in minted] == [["helpdesk"], ["helpdesk"]]
    assert {"contents": "read", "metadata": "read"} in [one["permissions"] for one in minted]


def test_the_story_of_a_repository(bot: Work, checks: Checks, work: Path, tmp_path: Path) -> None:
    server = checks.state
    moved(work, "title.py", OLD)
    assert bot.do(PUBLISH) == "opened https://forge.example/pull/1"
    assert bot.do(PUBLISH) == "same https://forge.example/pull/1"
    body = str(server.pulls[0]["body"])
    assert [f"`/migrator {word}`" in body for word in ("rerun", "recreate", "ignore")] == [True] * 3
    assert "`bot = false` there" in body
    # A person commits to it, and the bot keeps its hands off, and says so once.
    ask(work, "fetch", "--quiet", "origin")
    ask(work, "checkout", "--quiet", "-B", "mine", f"origin/{BRANCH}")
    ask(work, "commit", "--quiet", "--allow-empty", "--message", "mine")
    ask(work, "push", "--quiet", "origin", f"mine:{BRANCH}")
    ask(work, "checkout", "--quiet", "main")
    moved(work, "other.py", OLD)
    for _ in range(2):
        assert bot.do(PUBLISH) == "foreign https://forge.example/pull/1"
    (stopped,) = comments(server, 1)
    assert "comment `/migrator recreate`" in stopped
    # Who may not push is not heard.
    assert bot.do(said("recreate", 1, "eve")) == "refused: only people who may push to this repository are heard"
    assert bot.do(said("recreate", 1, "nobody")).startswith("refused: ")
    assert checks.reactions == [(99, "confused"), (99, "confused")]
    assert len(comments(server, 1)) == 2
    checks.reactions.clear()
    assert bot.do(said("recreate", 1)) == "renewed https://forge.example/pull/1"
    assert checks.reactions == [(99, "eyes"), (99, "rocket")]
    assert server.git("rev-parse", f"{BRANCH}^") == server.git("rev-parse", "main")
    # It is ignored, and does not come back, until it is asked for.
    assert bot.do(said("ignore", 1)) == "closed"
    assert bot.do(PUBLISH) == "refused https://forge.example/pull/1"
    assert bot.do(said("recreate", 1)) == "opened https://forge.example/pull/2"
    assert bot.do(said("rerun", 2)) == "same https://forge.example/pull/2"
    # It is merged, and the sweep finds nothing more.
    server.git("update-ref", "refs/heads/main", server.tip(BRANCH))
    server.pulls[1] |= {"state": "closed", "merged_at": "2026-11-28T00:00:00Z"}
    database = Database(str(tmp_path / "bot.db"))
    inbox = Inbox(database)
    sweep = Sweep(bot.app, inbox)
    assert (sweep.run(), sweep.run()) == ("1 daily look at a repository", "")
    job = inbox.take("me")
    assert job is not None
    assert bot.do(job.task) == "clean"
    database.close()


def test_to_make_one_anew_leaves_that_of_another_migration_alone(bot: Work, checks: Checks, work: Path) -> None:
    server = checks.state
    moved(work, "title.py", OLD)
    assert bot.do(PUBLISH) == "opened https://forge.example/pull/1"
    body = str(server.pulls[0]["body"])
    ask(work, "fetch", "--quiet", "origin")
    ask(work, "checkout", "--quiet", "-B", "mine", f"origin/{BRANCH}")
    ask(work, "commit", "--quiet", "--allow-empty", "--message", "mine")
    ask(work, "push", "--quiet", "origin", f"mine:{BRANCH}")
    # An older one, of a migration that the repository does not have any more.
    ask(work, "push", "--quiet", "origin", "main:migrator/older")
    made, number = server.tip(BRANCH), checks.pull("migrator/older", body=body, author=BOT)
    assert bot.do(said("recreate", number)).startswith(f"refused: the change is now that of {BRANCH} for main")
    assert server.tip(BRANCH) == made


def test_commands_on_somebody_elses_pull_request(bot: Work, checks: Checks, work: Path) -> None:
    topic(work, {"title.py": OLD})
    number = checks.pull("topic")
    bot.do(check(number))
    assert bot.do(said("ignore", number)) == "quiet from now on"
    assert checks.remarks == []
    assert bot.do(check(number)) == "nothing: it was told to be quiet here"
    assert bot.do(said("rerun", number)) == "1 found, 1 new comments"
    assert comments(checks.state, number) == []
    why = "only a pull request that migrator itself opened can be made anew"
    assert bot.do(said("recreate", number)) == f"refused: {why}"
    assert comments(checks.state, number) == [f"`migrator` did not do that: {why}.\n\n<!-- migrator: answer -->\n"]
    for _ in range(2):
        assert bot.do(said("help", number)) == "helped"
    answers = comments(checks.state, number)
    assert len(answers) == 2
    assert [f"`/migrator {word}`" in answers[1] for word in words.COMMANDS] == [True] * 4
    reactions = [content for _, content in checks.reactions]
    assert reactions == ["eyes", "rocket", "eyes", "rocket", "eyes", "confused", "eyes", "rocket", "eyes", "rocket"]


def test_a_head_that_moves_meanwhile_is_looked_at_again(bot: Work, checks: Checks, work: Path) -> None:
    commit = topic(work, {"title.py": OLD})
    number = checks.pull("topic")

    def moving(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply | None:
        answer = checks.answer(method, path, query, body)
        if path.endswith("/files"):
            checks.state.git("update-ref", f"refs/pull/{number}/head", f"{commit}^")
        return answer

    checks.state.more.insert(0, moving)
    with pytest.raises(CannotRun, match=f"^pull request {number} has moved meanwhile$"):
        bot.do(check(number))
    assert checks.state.changing() == []


def test_deliveries_that_were_lost_are_asked_for_again(bot: Work, checks: Checks, tmp_path: Path) -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    database = Database(str(tmp_path / "bot.db"))
    inbox = Inbox(database)
    inbox.put("came-anyway", Reading("push", ""))

    def row(number: int, guid: str, status: int, event: str = "push", hours: int = 1) -> dict[str, object]:
        at = (now - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"id": number, "guid": guid, "status_code": status, "event": event, "delivered_at": at}

    checks.deliveries = [
        row(1, "lost", 502),
        row(2, "came-at-last", 202),
        row(3, "came-at-last", 503),
        row(4, "came-anyway", 504),
        row(5, "star", 502, "star"),
        row(6, "never", 0),
        row(7, "never", 502),
        row(8, "never", 502),
        row(9, "old", 502, hours=73),
        row(10, "too", 502, hours=1),
    ]
    sweep = Sweep(bot.app, inbox, lambda: now)
    assert sweep.run() == "asked again for 1 lost event, 1 daily look at a repository"
    assert checks.again == [1]
    database.close()


def test_the_look_at_the_setup(bot: Work, checks: Checks, tmp_path: Path) -> None:
    place = str(tmp_path / "bot.db")
    events = ["push", "pull_request", "issue_comment"]
    checks.app = {"permissions": {**WRITES, "actions": "read"}, "events": events}
    checks.hook = {"url": "https://bot.example/webhook", "content_type": "json", "secret": "***", "insecure_ssl": "0"}
    assert [(one.is_right, one.what) for one in checkup(bot.app, place)] == [
        (True, f"the app is Migrator of Acme, and writes as {SLUG}[bot]"),
        (
            True,
            "rights: checks: write, contents: write, issues: write, metadata: read, pull_requests: write",
        ),
        (True, "rights that the bot does not use: actions"),
        (True, "events: push, pull_request, issue_comment"),
        (True, "the webhook goes to https://bot.example/webhook"),
        (True, "installed on 1 account"),
        (True, f"the inbox is {place}, with 0 waiting"),
    ]
    checks.app = {"permissions": {**WRITES, "checks": "read"}, "events": ["push"]}
    for wrong in (
        {"url": ""},
        {"content_type": "form"},
        {"secret": ""},
        {"insecure_ssl": "1"},
    ):
        hook, checks.hook = checks.hook, {**checks.hook, **wrong}
        found = [one for one in checkup(bot.app, str(tmp_path / "none" / "bot.db")) if not one.is_right]
        assert [one.what.partition(":")[0] for one in found] == [
            "rights that are missing",
            "events that are missing",
            found[2].what,
            "the inbox cannot be used",
        ]
        assert found[2].what.startswith("the webhook ")
        checks.hook = hook
    (only, _) = checkup(App("9", bot.app.key, bot.app.api, Steady(0.0)), place)
    assert only.what.startswith("the app does not answer: ")
