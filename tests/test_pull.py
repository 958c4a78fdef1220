"""Answer one question: does ``migrator pr`` make the branch and the text that it says, and touch nothing else?

Every repository here is a real one, in a temporary folder. Reports of a comparison are made up, and say so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from made_up import CANNED, report, site
from markdown_it import MarkdownIt

from migrator import plan, rulebook
from migrator.cli import run
from migrator.deliver import evidence_json, git, pull_request
from migrator.evidence import ShadowReport
from migrator.settings import Settings

BRANCH = "migrator/gpt-4.1-mini"
CALL = (
    "from openai import OpenAI\n\n\ndef {name}(mail):\n"
    '    return OpenAI().responses.create(model="{model}", input=mail)\n'
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep this machine's configuration of git out of the tests' own commits."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "home" / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def ask(folder: Path, *words: str, given: bytes = b"") -> str:
    """Run git as the user does."""
    done = subprocess.run(["git", *words], cwd=folder, input=given, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def keep(folder: Path) -> str:
    """Commit all that is there."""
    ask(folder, "add", "--all")
    ask(folder, "commit", "--quiet", "--message", "as it is")
    return ask(folder, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a repository with two calls, a row that stays, and a file that is not committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    ask(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "title.py").write_text(CALL.format(name="title", model="gpt-4o-mini"), encoding="utf-8")
    (folder / "answer.py").write_text(CALL.format(name="answer", model="gpt-4o"), encoding="utf-8")
    (folder / "answer.py").chmod(0o755)
    (folder / "costs.py").write_text('COSTS = {"gpt-4o": 2.5}\n', encoding="utf-8")
    keep(folder)
    return folder


def state(folder: Path) -> dict[str, object]:
    """Read every byte and time in a folder; the branch of ours, its log and new objects aside."""
    ours = re.compile(rf"\.git/(objects(/.*)?|(logs/)?refs/heads(/{BRANCH.partition('/')[0]}.*)?|logs/refs/heads)")
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
        if not ours.fullmatch(path.relative_to(folder).as_posix())
    }


def tip(folder: Path) -> str | None:
    """Give the commit of our branch, if it is there."""
    return ask(folder, "for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}") or None


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Run ``migrator pr`` and give its exit code, the text, and what it says beside it."""
    code = run(["pr", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def changed(folder: Path, plan_of: Path) -> dict[str, bytes]:
    """Give what ``migrator apply`` makes of a checkout."""
    shutil.copytree(folder, plan_of, symlinks=True)
    planned = plan.make([plan_of], Settings(), cwd=plan_of, today=date.today())
    return {patch.shown: patch.after for patch in planned.patches}


def on_branch(folder: Path, name: str) -> bytes:
    return subprocess.run(["git", "show", f"{BRANCH}:{name}"], cwd=folder, capture_output=True, check=True).stdout


def test_the_branch_has_one_commit_with_what_apply_changes(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = changed(project, tmp_path / "copy")
    code, out, err = told(capsys, project)
    made = tip(project)
    assert code == 0
    assert err.splitlines()[0] == (
        f"{BRANCH} is made at {made[:12] if made else ''}: 2 names in 2 files, "
        f"on main ({ask(project, 'rev-parse', '--short=12', 'main')})."
    )
    assert ask(project, "diff", "--name-only", "main", BRANCH).splitlines() == sorted(expected)
    assert {name: on_branch(project, name) for name in expected} == expected
    assert ask(project, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert ask(project, "ls-tree", BRANCH, "answer.py").startswith("100755")
    assert ask(project, "log", "-1", "--format=%ae %ce %s", BRANCH) == (
        f"{git.EMAIL} {git.EMAIL} Move 2 names to gpt-4.1-mini"
    )
    assert "**This is a draft.**" in out


def test_the_work_tree_and_the_index_stay_as_they_are(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "title.py").write_text("half an edit\n", encoding="utf-8")
    (project / "new.py").write_text(CALL.format(name="new", model="gpt-4o"), encoding="utf-8")
    ask(project, "add", "new.py")
    before = state(project)
    assert told(capsys, project)[0] == 0
    assert state(project) == before
    assert b"gpt-4.1-mini" in on_branch(project, "title.py")


def test_a_dry_run_changes_not_one_file(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.relative_to(project) for path in project.rglob("*"))
    code, out, err = told(capsys, project, "--dry-run")
    assert (code, sorted(path.relative_to(project) for path in project.rglob("*"))) == (0, before)
    assert f"{BRANCH} would be made: 2 names in 2 files" in err
    assert out == told(capsys, project)[1]
    assert told(capsys, project, "--dry-run", "--body", tmp_path / "body.md")[0] == 0
    assert not (tmp_path / "body.md").exists()


def test_a_second_run_makes_no_commit(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, project)
    made = tip(project)
    code, _, err = told(capsys, project, "--body", tmp_path / "body.md")
    assert (code, tip(project)) == (0, made)
    assert f"{BRANCH} is up to date with main: no commit was made.\n" in err
    assert (tmp_path / "body.md").read_text("utf-8").startswith("`migrator` changes 2 names in 2 files")


def test_a_base_that_moved_makes_the_branch_anew(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, project)
    (project / "more.py").write_text(CALL.format(name="more", model="gpt-4o"), encoding="utf-8")
    moved = keep(project)
    code, _, err = told(capsys, project)
    assert (code, ask(project, "rev-parse", f"{BRANCH}^")) == (0, moved)
    assert "is made anew at" in err
    assert ask(project, "rev-list", "--count", f"main..{BRANCH}") == "1"


@pytest.mark.parametrize("who", ["author", "committer"])
def test_a_commit_of_somebody_else_stops_it(project: Path, who: str, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, project)
    ask(project, "checkout", "--quiet", BRANCH)
    (project / "by_hand.py").write_text("1\n", encoding="utf-8")
    ours = {"author": "committer", "committer": "author"}[who]
    ask(project, "add", ".")
    ask(project, "-c", f"{ours}.email={git.EMAIL}", "commit", "--quiet", "--message", "mine")
    ask(project, "checkout", "--quiet", "main")
    before = tip(project)
    code, out, err = told(capsys, project)
    assert (code, out, tip(project)) == (4, "", before)
    assert err == (
        f"migrator: {BRANCH} has commits of others (ada@example.com): nothing was changed; "
        "merge or delete the branch first\n"
    )


def test_a_branch_with_nothing_left_is_superseded(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, project)[0] == 0
    ask(project, "merge", "--quiet", BRANCH)
    made = tip(project)
    assert told(capsys, project)[:2] == (
        0,
        f"Nothing to change on main.\nThe branch {BRANCH} is superseded: git branch -D {BRANCH}\n",
    )
    assert tip(project) == made


def test_where_nothing_names_a_model_nothing_is_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("title.py", "answer.py"):
        (project / name).unlink()
    keep(project)
    assert told(capsys, project) == (0, "Nothing to change on main.\n", "")
    assert tip(project) is None


def test_a_branch_in_use_or_in_the_way_is_not_moved(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(project, "branch", "migrator")
    assert told(capsys, project)[::2] == (
        4,
        f"migrator: the branch migrator stands in the way of {BRANCH}: rename it\n",
    )
    ask(project, "branch", "-D", "migrator")
    told(capsys, project)
    ask(project, "worktree", "add", "--quiet", str(tmp_path / "other"), BRANCH)
    (project / "more.py").write_text(CALL.format(name="more", model="gpt-4o"), encoding="utf-8")
    keep(project)
    made = tip(project)
    code, _, err = told(capsys, project)
    assert (code, tip(project)) == (4, made)
    assert err == f"migrator: the branch {BRANCH} is checked out in {tmp_path / 'other'}: switch to another one there\n"


def test_the_branch_itself_is_no_base(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, project)
    ask(project, "checkout", "--quiet", BRANCH)
    code, out, err = told(capsys, project)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.startswith(f"migrator: {BRANCH} is the branch of the pull request itself")


def test_a_branch_that_is_a_link_is_not_followed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ask(project, "rev-parse", "main")
    ask(project, "symbolic-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    code, _, err = told(capsys, project)
    assert (code, err) == (4, f"migrator: the branch {BRANCH} is a link to another one: delete it\n")
    assert ask(project, "rev-parse", "main") == before


def test_a_bare_repository_and_a_subfolder_are_fine(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(project, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    (project / "sub").mkdir()
    assert told(capsys, tmp_path / "bare.git")[0] == told(capsys, project / "sub")[0] == 0
    assert ask(tmp_path / "bare.git", "rev-parse", f"{BRANCH}^{{tree}}") == ask(
        project, "rev-parse", f"{BRANCH}^{{tree}}"
    )


def test_another_base_is_taken(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ask(project, "rev-parse", "main")
    (project / "more.py").write_text(CALL.format(name="more", model="gpt-4o"), encoding="utf-8")
    keep(project)
    assert told(capsys, project, "--base", first)[0] == 0
    assert ask(project, "rev-parse", f"{BRANCH}^") == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--base", "--upload-pack=x"], "--upload-pack=x: there is no such branch or commit"),
        (["--base", "main:title.py"], "main:title.py: there is no such branch or commit"),
        (["--to", "gpt-4.1-mimi"], "rules/migrations: no migration 'gpt-4.1-mimi'; did you mean 'gpt-4.1-mini'?"),
        (["--to", "own.toml"], "own.toml: cannot be read: no such file or directory"),
        (["--shadow-report", "none.json"], "none.json: no such file or directory"),
        (["--body", "no/such/folder.md"], "no/such/folder.md: no such file or directory"),
    ],
)
def test_a_wrong_wish_is_one_line(
    project: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, project, *words)
    assert (code, out, err.count("\n"), tip(project)) == (2, "", 1, None)
    assert err.startswith(f"migrator: {said}")


def test_a_folder_without_a_repository_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capsys, tmp_path)
    assert (code, err.count("\n")) == (4, 1)
    assert err.startswith("migrator: git rev-parse: not a git repository")
    assert told(capsys, tmp_path / "none")[::2] == (4, f"migrator: {tmp_path / 'none'}: no such folder\n")


def test_a_repository_without_a_commit_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(tmp_path, "init", "--quiet", "--initial-branch", "main", "empty")
    assert told(capsys, tmp_path / "empty") == (
        2,
        "",
        "migrator: main: there is no such branch or commit; name one with --base\n",
    )


def test_the_configuration_is_that_of_the_base(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Neither what is not committed counts, nor what lies above the temporary folder.
    (project / "migrator.toml").write_text('exclude = ["answer.py"]\n', encoding="utf-8")
    (tmp_path / "migrator.toml").write_text('exclude = ["*.py"]\n', encoding="utf-8")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert "2 names in 2 files" in told(capsys, project)[2]
    keep(project)
    assert "1 name in 1 file" in told(capsys, project)[2]


def test_a_repository_can_say_no(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = told(capsys, project)[1]
    line = re.search(r"whole repository: `(.+)`", body)
    assert line is not None
    (project / "migrator.toml").write_text(f"{line[1]}\n", encoding="utf-8")
    keep(project)
    assert told(capsys, project)[1].startswith("Nothing to change on main.\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.migrator]\nexclude = [", "pyproject.toml: not TOML: "),
        (
            "[tool.migrator]\nexclude = " + "[" * 20_000,
            "pyproject.toml: not TOML that can be read: it is nested too deeply",
        ),
        ("[tool.migrator]\nexclood = []\n", "unknown key 'exclood' in pyproject.toml [tool.migrator]"),
        ("[tool.migrator]\n" + "# migrator\n" * 100_000, "pyproject.toml: larger than 1,000,000 bytes; it is not read"),
    ],
    ids=["broken", "deep", "unknown", "huge"],
)
def test_a_bad_configuration_is_one_line(
    project: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    keep(project)
    code, out, err = told(capsys, project)
    assert (code, out, err.count("\n"), tip(project)) == (2, "", 1, None)
    assert err.startswith(f"migrator: {said}")
    assert "migrator-" not in err


def test_a_project_file_that_breaks_a_parser_stops_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = " + "[" * 20_000, encoding="utf-8")
    keep(project)
    assert "2 names in 2 files" in told(capsys, project)[2]


def test_nothing_of_the_repository_runs(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    canary = tmp_path / "canary"
    program = project / ".git" / "run"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {canary}\ncat\n', encoding="utf-8")
    program.chmod(0o755)
    (project / ".gitattributes").write_text(
        "*.py filter=own diff=own working-tree-encoding=UTF-16\n* text eol=crlf\n", encoding="utf-8"
    )
    keep_with = ["-c", "core.attributesFile=/dev/null", "-c", "core.hooksPath=/dev/null"]
    ask(project, *keep_with, "add", ".gitattributes")
    ask(project, *keep_with, "commit", "--quiet", "--message", "attributes")
    for name in ("clean", "smudge", "process"):
        ask(project, "config", f"filter.own.{name}", str(program))
    for name in ("core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand", "core.editor", "diff.own.command"):
        ask(project, "config", name, str(program))
    for name in ("commit.gpgSign", "log.showSignature", "filter.own.required"):
        ask(project, "config", name, "true")
    for name in ("reference-transaction", "post-index-change", "pre-commit", "post-commit", "post-checkout"):
        shutil.copy(program, project / ".git" / "hooks" / name)
    code, _, err = told(capsys, project)
    assert (code, canary.exists()) == (0, False)
    assert "2 names in 2 files" in err
    assert on_branch(project, "title.py") == CALL.format(name="title", model="gpt-4.1-mini").encode()
    # The trap is a real one: git itself falls into it.
    subprocess.run(["git", "update-ref", "refs/heads/trap", "main"], cwd=project, check=True, capture_output=True)
    assert canary.exists()


def test_links_submodules_and_replaced_objects_have_no_part(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(CALL.format(name="outside", model="gpt-4o"), encoding="utf-8")
    (project / "link.py").symlink_to(outside)
    (project / "folder").symlink_to(tmp_path)
    keep(project)
    ask(project, "update-index", "--add", "--cacheinfo", f"160000,{ask(project, 'rev-parse', 'HEAD')},module")
    ask(project, "commit", "--quiet", "--message", "a submodule")
    other = ask(project, "hash-object", "-w", "--stdin", given=b'print("replaced")\n')
    ask(project, "replace", ask(project, "rev-parse", "main:title.py"), other)
    code, out, _ = told(capsys, project)
    assert (code, outside.read_text("utf-8")) == (0, CALL.format(name="outside", model="gpt-4o"))
    assert ask(project, "diff", "--name-only", "main", BRANCH).splitlines() == ["answer.py", "title.py"]
    assert "- Not read&#58; 1 × a submodule.\n- Not read&#58; 2 × a symbolic link." in out


def test_names_of_files_are_only_names(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = ["--option.py", "-c.py", "line\nbreak.py", 'quo"te.py', "@ada #12 | <b>.py", ":(top)x.py"]
    for name in (*odd, "caf\udce9.py"):
        (project / name).write_text(CALL.format(name="odd", model="gpt-4o"), encoding="utf-8")
    keep(project)
    code, out, _ = told(capsys, project)
    assert code == 0
    listed = ask(project, "diff", "-z", "--name-only", "main", BRANCH).rstrip("\0").split("\0")
    assert sorted(listed) == sorted([*odd, "answer.py", "title.py"])
    assert "a file name in it is not UTF&#45;8; rename the file" in out
    assert sum(line.startswith("| <code>") for line in out.splitlines()) == len(odd) + 2 + 1  # the row that stays


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "."])
def test_a_path_that_leads_out_is_never_written(
    project: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = ask(project, "hash-object", "-w", "--stdin", given=CALL.format(name="a", model="gpt-4o").encode())
    inner = ask(project, "mktree", given=f"100644 blob {blob}\tescaped.py\n".encode())
    tree = ask(project, "mktree", given=f"100644 blob {blob}\ta.py\n040000 tree {inner}\t{name}\n".encode())
    commit = ask(project, "commit-tree", tree, "-m", "hostile")
    code, _, err = told(capsys, project, "--base", commit)
    assert (code, err.count("\n"), tip(project)) == (4, 1, None)
    assert list(tmp_path.rglob("escaped.py")) == []


def test_what_is_missing_is_not_fetched(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(project, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    ask(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=blob:none", project.as_uri(), str(partial))
    code, _, err = told(capsys, partial)
    assert (code, err.count("\n"), tip(partial)) == (4, 1, None)
    assert re.fullmatch(r"migrator: .*object [0-9a-f]{40}.*\n|migrator: git ls-tree: .*\n", err)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_needs_the_users_word(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (project, *project.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    code, _, err = told(capsys, project)
    assert (code, err.count("\n")) == (4, 1)
    assert "dubious ownership" in err
    with Path(os.environ["GIT_CONFIG_GLOBAL"]).open("a", encoding="utf-8") as file:
        file.write(f"[safe]\ndirectory = {project}\n")
    assert told(capsys, project)[0] == 0


def test_a_workflow_is_named_and_not_changed(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".github" / "workflows").mkdir(parents=True)
    script = project / ".github" / "workflows" / "ask.py"
    script.write_text(CALL.format(name="ask", model="gpt-4o"), encoding="utf-8")
    keep(project)
    assert ".github/workflows/ask.py" in changed(project, tmp_path / "copy")
    code, out, _ = told(capsys, project)
    assert code == 0
    assert ask(project, "diff", "--name-only", "main", BRANCH).splitlines() == ["answer.py", "title.py"]
    assert "- .github/workflows/ask.py&#58; 1 × an old model; a workflow is left to a person." in out


def compared(project: Path, **more: object) -> ShadowReport:
    """Make a report up in which ``answer`` holds up and ``title`` does not."""
    _, targets = plan.targets([project], Settings(), cwd=project, today=date.today())
    ids = {target.site.shown: target.site.id for target in targets}
    good, bad = site(0, cases=400, noise=0.0), replace(site(1, excess=0.6), action="hold")
    assert (good.outcome, good.action, bad.outcome, bad.action) == ("pass", "apply", "fail", "hold")
    sites = (
        replace(good, site=ids["answer.py"], file="answer.py"),
        replace(bad, site=ids["title.py"], file="title.py"),
    )
    head = ask(project, "rev-parse", "--short=12", "HEAD")
    return report(**{"sites": sites, "canned": "", "commit": head, "held": {}, **more})  # type: ignore[arg-type]


def with_report(project: Path, tmp_path: Path, told_by: ShadowReport) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(evidence_json.document(told_by))
    return path


def test_a_report_decides_what_changes(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_report(project, tmp_path, compared(project))
    code, out, err = told(capsys, project, "--shadow-report", path)
    assert code == 0
    assert ask(project, "diff", "--name-only", "main", BRANCH).splitlines() == ["answer.py"]
    assert "draft" not in out.replace('"draft":false', "") + err
    assert "| ✅ pass | −84 % |" in out
    assert "<details><summary>Evidence: the shadow comparison</summary>" in out
    assert "held back by the shadow comparison" in out or "shadow" in out.partition("Not changed: 2 names")[2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"canned": CANNED}, "the answers of the report are scripted, they came from no model"),
        ({"commit": "0123456789ab"}, "the report was made at commit 0123456789ab, this starts from "),
        ({"commit": ""}, "the report was made at commit unknown, this starts from "),
        ({"is_complete": False}, "the comparison ended before all was decided"),
    ],
)
def test_a_report_that_proves_too_little_makes_a_draft(
    project: Path, tmp_path: Path, changes: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_report(project, tmp_path, compared(project, **changes))
    code, out, err = told(capsys, project, "--shadow-report", path)
    assert (code, "**This is a draft.**" in out, f"draft: {said}" in err) == (0, True, True)


def test_a_report_that_lets_nothing_through_makes_no_branch(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_report(project, tmp_path, compared(project, sites=()))
    assert told(capsys, project, "--shadow-report", path) == (
        0,
        "Nothing to change on main. 2 × held by the shadow report.\n",
        "",
    )
    other = with_report(project, tmp_path, compared(project, migration="gpt-6-luna"))
    assert told(capsys, project, "--shadow-report", other)[::2] == (
        2,
        "migrator: the shadow report is about gpt-6-luna, not about gpt-4.1-mini\n",
    )


def change(project: Path, **more: object) -> pull_request.Change:
    planned = plan.make([project], Settings(), cwd=project, today=date.today())
    made = pull_request.Change(planned, rulebook.load("gpt-4.1-mini"), "0" * 40)
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_hash_is_that_of_the_change_and_not_of_its_lines(project: Path) -> None:
    first = pull_request.content(change(project))
    text = (project / "title.py").read_text("utf-8")
    (project / "title.py").write_text(f"# moved\n\n\n{text}\n\ndef other():\n    return 1\n", encoding="utf-8")
    assert pull_request.content(change(project)) == first
    (project / "more.py").write_text(CALL.format(name="more", model="gpt-4o"), encoding="utf-8")
    assert pull_request.content(change(project)) != first


def test_the_last_line_is_for_the_program(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, project)[1]
    found = re.search(r"<!-- migrator: (\{.*\}) -->\n\Z", out)
    assert found is not None
    assert json.loads(found[1]) == {
        "version": 1,
        "migration": "gpt-4.1-mini",
        "base": ask(project, "rev-parse", "main"),
        "hash": pull_request.content(change(project)),
        "draft": True,
    }
    assert f"Migrator-Change: {pull_request.content(change(project))}" in ask(
        project, "log", "-1", "--format=%B", BRANCH
    )


@pytest.mark.parametrize("limit", [pull_request.LIMIT, 12_000])
def test_a_long_text_is_cut_between_its_rows(project: Path, limit: int) -> None:
    whole = change(project)
    name = "@ada | #12 <b> `" * 300
    many = tuple(
        replace(one, finding=replace(one.finding, origin=replace(one.finding.origin, shown=name)))
        for one in whole.plan.decisions
        for _ in range(250)
    )
    long = replace(whole, plan=replace(whole.plan, decisions=many), report=report([site(0)]))
    text = pull_request.document(long, "evidence " * 10_000, limit)
    assert len(text) <= limit
    assert text.endswith(f"{pull_request.data(long)}\n")
    assert len(re.findall(r"\nand \d+ more: `migrator scan` shows them\.\n", text)) == 2
    assert "<details><summary>Not changed: 250 names</summary>" in text
    assert pull_request.CUT in text
    assert text.count("<details>") == text.count("</details>")
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert rows
    assert {line.count(" | ") for line in rows} <= {4, 2}


@pytest.mark.parametrize(
    "name", ["@ada.py", "#12.py", "a | b.py", "<img src=x>.py", "`x`.py", "![a](b).py", "--> x.py", "GH-1.py"]
)
def test_no_name_in_the_text_means_anything(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / name).write_text(CALL.format(name="odd", model="gpt-4o"), encoding="utf-8")
    keep(project)
    _, out, _ = told(capsys, project)
    page = MarkdownIt("gfm-like", {"linkify": False}).render(out)
    cells = re.findall(r"<td><code>(.*?)</code></td>", page)
    assert f"{name}:5" in [cell.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">") for cell in cells]
    assert not re.search(r"<(?:a|img)\b", page)
    assert page.count("<tr>") == 4 + 2  # three changes and a head, one that stays and a head


def test_every_kind_of_change_has_a_row(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    text = (
        'from openai import OpenAI, AzureOpenAI\nBOOK = "Be friendly. Never promise a refund. " * 400\n\n\n'
        "def answer(mail):\n"
        '    return OpenAI().responses.create(model="gpt-4o", instructions=BOOK, input=mail)\n\n\n'
        "def other(mail):\n"
        '    return AzureOpenAI().responses.create(model="mine", instructions=BOOK, input=mail)\n'
    )
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    planned = plan.make([tmp_path], Settings(azure_keys=True), cwd=tmp_path, today=date.today())
    made = pull_request.Change(planned, rulebook.load("gpt-4.1-mini"), "0" * 40)
    rows = [line for line in pull_request.document(made).splitlines() if line.startswith("| <code>")]
    assert rows == [
        "| <code>a.py&#58;6</code> | <code>gpt&#45;4o</code> → <code>gpt&#45;4.1&#45;mini</code> | "
        "key <code>a.answer</code> | not compared | −84 % |",
        "| <code>a.py&#58;10</code> | the model stays | key <code>a.other</code> | not compared |  |",
    ]
