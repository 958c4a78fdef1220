#!/usr/bin/env bash
# What the GitHub Action does between its inputs and its outputs. docs/github-action.md describes both.
set -euo pipefail

fail() {
    echo "::error title=migrator::$1"
    exit 2
}

case "$MIGRATOR_MODE" in
check | sarif) ;;
pull-request) fail "mode pull-request is not there yet; use check or sarif" ;;
*) fail "unknown mode: use check or sarif" ;;
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
