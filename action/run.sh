#!/usr/bin/env bash
# What the GitHub Action does between its inputs and its outputs. docs/github-action.md describes both.
set -euo pipefail

fail() {
    echo "::error title=migrator::$1"
    exit 2
}

# Only what opens the pull request gets the token, and nothing that is installed before.
token=${MIGRATOR_TOKEN:-}
unset MIGRATOR_TOKEN

case "$MIGRATOR_MODE" in
check | sarif | pull-request) ;;
*) fail "unknown mode: use check, sarif or pull-request" ;;
esac

# The runner's own Python, or what actions/setup-python has put in front of it.
python=""
for name in python3 python; do
    if [ -z "$python" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed: put actions/setup-python before this step"

# Exactly the version of the action: it is installed from the action's own files, once a job.
venv="$RUNNER_TEMP/migrator-$(printf '%s' "$GITHUB_ACTION_PATH" | cksum | cut -d ' ' -f 1)"
if [ ! -e "$venv/installed" ]; then
    echo "::group::Install migrator"
    "$python" -m venv --clear "$venv"
fi
if [ -d "$venv/Scripts" ]; then bin="$venv/Scripts"; else bin="$venv/bin"; fi
if [ ! -e "$venv/installed" ]; then
    "$bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"
    touch "$venv/installed"
    echo "::endgroup::"
fi

if [ "$MIGRATOR_MODE" = pull-request ]; then
    # The base branch is fetched from GitHub, so no checkout is needed, and none of a stranger's counts.
    options=(--repo "$GITHUB_REPOSITORY" --api-url "$GITHUB_API_URL" --format json --body "$RUNNER_TEMP/migrator-body.md")
    if [ -n "$MIGRATOR_BASE" ]; then options+=(--base "$MIGRATOR_BASE"); fi
    if [ -n "$MIGRATOR_REPORT" ]; then options+=(--shadow-report "$MIGRATOR_REPORT"); fi
    add() {
        while IFS= read -r line || [ -n "$line" ]; do
            line=${line%$'\r'}
            if [ -n "${line// /}" ]; then options+=("$1" "$line"); fi
        done <<<"$2"
    }
    add --label "$MIGRATOR_LABELS"
    add --reviewer "$MIGRATOR_REVIEWERS"
    add --assignee "$MIGRATOR_ASSIGNEES"
    if [ "$MIGRATOR_OWN_TOKEN" = true ]; then
        echo "::notice title=migrator::With the workflow's own token no other workflow runs on the pull request." \
            "Give the input token that of an app, or a personal one, for that."
    fi
    code=0
    done="$RUNNER_TEMP/migrator-done.json"
    rm -f "$RUNNER_TEMP/migrator-body.md"
    GITHUB_TOKEN=$token "$bin/migrator" pr "${options[@]}" >"$done" 2>"$done.errors" </dev/null || code=$?
    cat "$done.errors" >&2
    if [ "$code" -ne 0 ]; then
        said=$(tail -n 1 "$done.errors")
        case "$said" in
        *"not permitted to create or approve pull requests"*)
            said+=". Allow it: Settings, Actions, General, Workflow permissions; or give the input token that of an app" ;;
        *"answers 403"* | *"Permission to"* | *"Write access to repository not granted"* | *"error: 403"*)
            said+=". The job needs permissions: contents: write and pull-requests: write; a fork's token can only read" ;;
        esac
        echo "::error title=migrator::${said//$'\r'/}"
        exit "$code"
    fi
    "$bin/python" - "$done" <<'PYTHON' >>"$GITHUB_OUTPUT"
import json
import sys

with open(sys.argv[1], encoding="utf-8") as stream:
    said = json.load(stream)
print(f"changed={'true' if said['files'] else 'false'}")
print(f"findings={said['found']}")
print(f"pr-number={said['number'] or ''}")
print(f"pr-url={said['url'] or ''}")
PYTHON
    {
        grep -E '"(outcome|url)"' "$done" | sed 's/^ *"\([a-z]*\)": *\(.*[^,]\),*$/- \1: \2/'
        if [ -s "$RUNNER_TEMP/migrator-body.md" ]; then
            echo
            cat "$RUNNER_TEMP/migrator-body.md"
        fi
    } >>"$GITHUB_STEP_SUMMARY"
    exit 0
fi

# Results are kept outside of the checkout: the reports below are readings of one scan, and no file of a
# stranger's pull request can stand for one.
options=(--cache-dir "$RUNNER_TEMP/migrator-cache")
if [ -n "$MIGRATOR_CONFIG" ]; then
    options+=(--config "$MIGRATOR_CONFIG")
fi
paths=()
while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    if [ -n "${line// /}" ]; then
        paths+=("$line")
    fi
done <<<"$MIGRATOR_PATHS"
[ "${#paths[@]}" -gt 0 ] || fail "paths is empty"

scan() {
    "$bin/migrator" scan "${options[@]}" --format "$1" -- "${paths[@]}" </dev/null
}

# 0 nothing would change, 1 something would, 2 a usage or file error; after a file error the rest is there.
code=0
report="$RUNNER_TEMP/migrator.json"
scan json >"$report" || code=$?
[ -s "$report" ] || fail "the scan did not start; the line above says why"

# Code scanning annotates by itself; what failed is told in any case.
if [ "$MIGRATOR_MODE" = check ]; then wanted='^::'; else wanted='^::error '; fi
scan github | grep "$wanted" || true
scan markdown >>"$GITHUB_STEP_SUMMARY" || true

read -r changed findings < <("$bin/python" - "$report" <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as stream:
    report = json.load(stream)
print("true" if report["summary"]["files_to_change"] else "false", len(report["sites"]))
PYTHON
)
{
    echo "changed=$changed"
    echo "findings=$findings"
} >>"$GITHUB_OUTPUT"

if [ "$MIGRATOR_MODE" = sarif ]; then
    log="$RUNNER_TEMP/migrator.sarif"
    scan sarif >"$log" || true
    echo "sarif-file=$log" >>"$GITHUB_OUTPUT"
    if [ "$MIGRATOR_UPLOAD" = true ] && [ "${GITHUB_EVENT_NAME:-}" = push ] && [ "${GITHUB_ACTOR:-}" = "dependabot[bot]" ]; then
        echo "::warning title=migrator::A push by Dependabot gets a token that only reads, so the upload will fail." \
            "Run this workflow on pull_request instead."
    fi
    # What was found is code scanning's to judge, and a file that failed stands in the log.
    exit 0
fi
if [ "$code" -eq 1 ]; then
    echo "migrator apply would change something; the annotations say what."
fi
exit "$code"
