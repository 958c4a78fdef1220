"""Answer one question: what became of the pull requests that are open?

A hundred are asked for in one request of GraphQL; where a forge has none, each is asked for by itself. Only states are
read, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.campaign.access import Access
from migrator.campaign.ledger import CLOSED, MERGED, OPEN, Ledger, Row
from migrator.github_api import Client, table
from migrator.settings import CannotRun

MOST = 100
STATES = {"OPEN": OPEN, "MERGED": MERGED, "CLOSED": CLOSED}
BY_PERSON = "a person closed it"


def sync(ledger: Ledger, access: Access) -> Mapping[str, int]:
    """Ask for the state of each open pull request, and count those that are now merged or closed."""
    found = {MERGED: 0, CLOSED: 0}
    waiting = [row for row in ledger.rows(OPEN) if row.number]
    for lane in sorted({row.lane for row in waiting}):
        mine = [row for row in waiting if row.lane == lane]
        client = access.looker(mine[0].name)
        for row, state in states(client, mine):
            if state in found and ledger.finish(row, state, reason=BY_PERSON if state == CLOSED else ""):
                found[state] += 1
    ledger.synced()
    return found


def states(client: Client, rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    """Give each pull request's state; one that the forge does not show is left out."""
    for start in range(0, len(rows), MOST):
        part = rows[start : start + MOST]
        said = _together(client, part)
        for number, row in enumerate(part):
            state = _one(client, row) if said is None else _read(said.get(f"r{number}"))
            if state:
                yield row, state


def query(rows: Sequence[Row]) -> tuple[str, Mapping[str, object]]:
    """Write one question for many pull requests, with its variables."""
    asked = [
        f"r{i}:repository(owner:$o{i},name:$n{i}){{pullRequest(number:$p{i}){{state}}}}" for i, _ in enumerate(rows)
    ]
    kinds = [f"$o{i}:String!,$n{i}:String!,$p{i}:Int!" for i, _ in enumerate(rows)]
    given: dict[str, object] = {}
    for i, row in enumerate(rows):
        owner, _, name = row.name.partition("/")
        given |= {f"o{i}": owner, f"n{i}": name, f"p{i}": row.number}
    return f"query({','.join(kinds)}){{{' '.join(asked)}}}", given


def _together(client: Client, rows: Sequence[Row]) -> Mapping[str, object] | None:
    """Ask for all at once; None where the forge has no such door."""
    text, given = query(rows)
    said = client.ask(
        "POST", "/graphql", {"query": text, "variables": dict(given)}, fails=(400, 403, 404, 410, 422, 501)
    )
    data = table(said.said).get("data")
    return data if said.status < 300 and isinstance(data, dict) else None


def _read(said: object) -> str:
    return STATES.get(str(table(table(said).get("pullRequest")).get("state")), "")


def _one(client: Client, row: Row) -> str:
    try:
        said = table(client.ask("GET", f"/repos/{row.name}/pulls/{row.number}").said)
    except CannotRun:
        return ""
    return MERGED if said.get("merged_at") else {"open": OPEN, "closed": CLOSED}.get(str(said.get("state")), "")
