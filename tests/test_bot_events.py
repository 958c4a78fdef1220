"""Answer one question: does the bot read in a delivery what it is asked for, and nothing else?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.bot.events import EVENTS, Task, command, named, read

HELPDESK = {"full_name": "acme/helpdesk", "default_branch": "main"}
ADA = {"login": "ada"}
OWN = 'text\n\n<!-- migrator: {"version":1} -->\n'


def push(**more: object) -> dict[str, object]:
    head = {"author": {"username": "ada", "email": "ada@example.com"}}
    return {"ref": "refs/heads/main", "repository": HELPDESK, "sender": ADA, "head_commit": head, **more}


def pull(action: str, branch: str = "topic", owner: str = "acme", body: str = "") -> dict[str, object]:
    head = {"ref": branch, "repo": {"full_name": f"{owner}/helpdesk"}}
    base = {"ref": "main", "repo": {"full_name": "acme/helpdesk"}}
    inner = {"number": 7, "head": head, "base": base, "body": body}
    return {"action": action, "pull_request": inner, "repository": HELPDESK, "sender": ADA}


def comment(body: str, **more: object) -> dict[str, object]:
    issue = {"number": 7, "pull_request": {"url": "u"}}
    said = {"id": 99, "body": body}
    return {"action": "created", "issue": issue, "comment": said, "repository": HELPDESK, "sender": ADA, **more}


PUBLISH = Task("publish", "acme/helpdesk", sender="ada")
CHECK = Task("check", "acme/helpdesk", 7, sender="ada")


@pytest.mark.parametrize(
    ("event", "payload", "tasks"),
    [
        ("push", push(), (Task("publish", "acme/helpdesk", sender="ada", author="ada"),)),
        ("push", push(ref="refs/heads/topic"), ()),
        ("push", push(ref="refs/tags/main"), ()),
        ("push", push(deleted=True), ()),
        ("push", push(repository={"full_name": "acme/../x", "default_branch": "main"}), ()),
        ("pull_request", pull("opened"), (CHECK,)),
        ("pull_request", pull("synchronize", owner="eve"), (CHECK,)),
        ("pull_request", pull("reopened"), (CHECK,)),
        ("pull_request", pull("labeled"), ()),
        ("pull_request", pull("closed"), ()),
        ("pull_request", pull("closed", "migrator/gpt-4.1-mini", body=OWN), (PUBLISH,)),
        ("pull_request", pull("synchronize", "migrator/gpt-4.1-mini", body=OWN), ()),
        # The name alone makes a branch not ours, and neither does the text of a fork's.
        ("pull_request", pull("opened", "migrator/mine"), (CHECK,)),
        ("pull_request", pull("opened", "migrator/gpt-4.1-mini", "eve", OWN), (CHECK,)),
        ("issue_comment", comment("/migrator rerun"), (Task("command", "acme/helpdesk", 7, "rerun", 99, "ada"),)),
        ("issue_comment", comment("/migrator rerun", action="edited"), ()),
        ("issue_comment", comment("/migrator rerun", issue={"number": 7}), ()),
        ("issue_comment", comment("thanks"), ()),
        ("installation", {"action": "created", "repositories": [HELPDESK], "sender": ADA}, (PUBLISH,)),
        ("installation", {"action": "deleted", "repositories": [HELPDESK], "sender": ADA}, ()),
        (
            "installation_repositories",
            {"action": "added", "repositories_added": [HELPDESK, {"full_name": "x"}, 3], "sender": ADA},
            (PUBLISH,),
        ),
        ("installation_repositories", {"action": "removed", "repositories_removed": [HELPDESK]}, ()),
        ("star", {"action": "created", "repository": HELPDESK}, ()),
    ],
)
def test_what_a_delivery_asks_for(event: str, payload: object, tasks: tuple[Task, ...]) -> None:
    reading = read(event, payload)
    assert reading.tasks == tasks
    assert bool(reading.why) is not bool(tasks)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("/migrator rerun", "rerun"),
        ("/migrator recreate  ", "recreate"),
        ("Please:\r\n/migrator ignore\r\nthanks", "ignore"),
        ("/migrator help\n/migrator ignore", "help"),
        ("/migrator rerun now", ""),
        ("/migrator  rerun", ""),
        ("/Migrator rerun", ""),
        (" /migrator rerun", ""),
        ("> /migrator rerun", ""),
        ("say /migrator rerun", ""),
        ("/migrator", ""),
        ("/migrator merge", ""),
        ("```\n/migrator rerun\n```", ""),
        ("~~~~\n/migrator rerun\n~~~\n/migrator rerun\n~~~~\n/migrator ignore", "ignore"),
        ("", ""),
    ],
)
def test_a_command_has_one_exact_form(text: str, word: str) -> None:
    assert command(text) == word


@pytest.mark.parametrize(
    "name", ["", "acme", "acme/", "/x", "acme/x/y", "acme/..", "acme/.", "acme/a b", "a?b/c", "-a/b"]
)
def test_a_name_that_could_lead_elsewhere_is_none(name: str) -> None:
    assert named(name) == ""


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["created", "opened", "acme/x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["action", "pull_request", "issue", "comment", "repository", "full_name", "head", "ref", "repo"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.sampled_from(EVENTS), values)
def test_no_payload_is_too_strange(event: str, payload: object) -> None:
    reading = read(event, payload)
    # What is kept goes into a row of a database and into an address.
    json.dumps(reading.action).encode("ascii")
    for task in reading.tasks:
        assert named(task.repository) == task.repository
