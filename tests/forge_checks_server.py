"""Answer one question: what does the server of ``forge_server`` answer about check runs, reviews, reactions and rights?

It hooks into that server's ``more``. Files and patches of a pull request are those of the real repository; the rest is
a double of ours, which keeps to what GitHub documents: it refuses 51 annotations, and a comment on a line that is not
in the diff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from forge_server import APP, APP_ID, NAME, SLUG, Reply, State

Row = dict[str, object]
OK = 200


@dataclass
class Checks:
    """What the server has beside pull requests; ``permissions`` by login, ``about`` what is added to the repository."""

    state: State
    runs: list[Row] = field(default_factory=list)
    remarks: list[Row] = field(default_factory=list)
    reactions: list[tuple[int, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=lambda: {"ada": "write", "eve": "read"})
    about: Row = field(default_factory=dict)
    app: Row = field(default_factory=dict)
    hook: Row = field(default_factory=dict)
    deliveries: list[Row] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    refuses_reviews: bool = False

    def pull(self, branch: str, *, owner: str = "acme", commit: str = "", body: str = "", author: str = "ada") -> int:
        """Open a pull request of a person for a commit that is in the repository, as GitHub keeps it."""
        number = len(self.state.pulls) + 1
        self.state.git("update-ref", f"refs/pull/{number}/head", commit or self.state.tip(branch))
        fixed = {"number": number, "state": "open", "merged_at": None, "title": branch, "body": body, "draft": False}
        place = {"head": {"ref": branch}, "base": {"ref": "main"}, "repository": NAME, "node_id": f"PR_{number}"}
        more = {"html_url": f"https://forge.example/pull/{number}", "owner": owner, "user": {"login": author}}
        self.state.pulls.append({**fixed, **place, **more})
        return number

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Row) -> Reply | None:
        """Answer a request that is ours; None for any other one."""
        if path == "/api/v3/app" and method == "GET":
            return OK, {}, {"id": int(APP_ID), "slug": SLUG, "name": "Migrator of Acme", **self.app}
        if path.startswith("/api/v3/app/hook/"):
            return self._hook(method, path.removeprefix("/api/v3/app/hook/"))
        inner = path.removeprefix(f"/api/v3/repos/{NAME}")
        if inner == path:
            return None
        for pattern, act in self._routes().items():
            wanted, _, shape = pattern.partition(" ")
            found = re.fullmatch(shape, inner)
            if wanted == method and found is not None:
                return act(unquote(found[1]) if found.groups() else "", query, body)
        return None

    def _routes(self) -> dict[str, Callable[[str, dict[str, list[str]], Row], Reply]]:
        return {
            "GET ": self._about,
            r"GET /pulls/(\d+)": self._pull,
            r"GET /pulls/(\d+)/files": self._files,
            r"GET /pulls/(\d+)/comments": self._comments,
            r"POST /pulls/(\d+)/reviews": self._review,
            r"DELETE /pulls/comments/(\d+)": self._remove,
            r"DELETE /issues/comments/(\d+)": self._forget,
            r"POST /issues/comments/(\d+)/reactions": self._react,
            r"GET /collaborators/([^/]+)/permission": self._permission,
            r"GET /commits/([0-9a-f]+)/check-runs": self._runs,
            r"POST /check-runs": self._run,
            r"PATCH /check-runs/(\d+)": self._go_on,
        }

    def _hook(self, method: str, inner: str) -> Reply:
        if inner == "config":
            return OK, {}, self.hook
        if (method, inner) == ("GET", "deliveries"):
            return OK, {}, self.deliveries
        self.again.append(int(inner.split("/")[1]))
        return 202, {}, {}

    def _about(self, _: str, query: dict[str, list[str]], body: Row) -> Reply:
        plain = {"default_branch": "main", "full_name": NAME, "archived": False, "fork": False, "topics": []}
        return OK, {}, {**plain, **self.about}

    def _row(self, number: str) -> Row:
        return next(one for one in self.state.pulls if one["number"] == int(number) and one["repository"] == NAME)

    def _pull(self, number: str, query: dict[str, list[str]], body: Row) -> Reply:
        row = self._row(number)
        branch = str(row["head"]["ref"])  # type: ignore[index]
        kept = self.state.git("for-each-ref", "--format=%(objectname)", f"refs/pull/{number}/head")
        head = {"ref": branch, "sha": kept or self.state.tip(branch) or "0" * 40}
        head["repo"] = {"full_name": f"{row.get('owner', 'acme')}/helpdesk"}  # type: ignore[assignment]
        base = {"ref": "main", "repo": {"full_name": NAME}}
        user = row.get("user", {"login": APP[0]})
        return OK, {}, {**row, "head": head, "base": base, "user": user, "comments": 0}

    def _files(self, number: str, query: dict[str, list[str]], body: Row) -> Reply:
        if query["page"] != ["1"]:
            return OK, {}, []
        between = f"main...refs/pull/{number}/head"
        names = self.state.git("diff", "--name-only", "-z", between).split("\0")[:-1]
        rows: list[Row] = []
        for name in names:
            text = self.state.git("diff", between, "--", name)
            patch = text[text.index("@@") :] if "@@" in text else None
            rows.append({"filename": name, **({"patch": patch} if patch else {})})
        return OK, {}, rows

    def _lines(self, number: str, path: str) -> set[int]:
        """Give the lines of a file that the diff shows."""
        found: set[int] = set()
        for hunk in re.findall(
            r"^@@ -\S+ \+(\d+)(?:,(\d+))?", self.state.git("diff", f"main...refs/pull/{number}/head", "--", path), re.M
        ):
            found |= set(range(int(hunk[0]), int(hunk[0]) + int(hunk[1] or 1)))
        return found

    def _comments(self, number: str, query: dict[str, list[str]], body: Row) -> Reply:
        mine = [one for one in self.remarks if one["pull"] == int(number)]
        return OK, {}, mine if query["page"] == ["1"] else []

    def _review(self, number: str, query: dict[str, list[str]], body: Row) -> Reply:
        comments: list[Row] = body["comments"]  # type: ignore[assignment]
        for one in comments:
            wanted = {int(str(one["line"])), int(str(one.get("start_line", one["line"])))}
            if self.refuses_reviews or not wanted <= self._lines(number, str(one["path"])):
                return 422, {}, {"message": "Unprocessable Entity", "errors": ["Pull request review thread line"]}
        for one in comments:
            more = {"id": 9_000 + len(self.remarks), "pull": int(number), "user": {"login": APP[0]}}
            self.remarks.append({**one, **more})
        return OK, {}, {"id": 1}

    def _remove(self, id: str, query: dict[str, list[str]], body: Row) -> Reply:
        there = [one for one in self.remarks if one["id"] == int(id)]
        for one in there:
            self.remarks.remove(one)
            self.deleted.append(id)
        return (204, {}, None) if there else (404, {}, {"message": "Not Found"})

    def _forget(self, id: str, query: dict[str, list[str]], body: Row) -> Reply:
        for pull in self.state.pulls:
            pull["comments"] = [one for one in pull.get("comments", []) if one["id"] != int(id)]  # type: ignore[attr-defined]
        return 204, {}, None

    def _react(self, id: str, query: dict[str, list[str]], body: Row) -> Reply:
        self.reactions.append((int(id), str(body["content"])))
        return 201, {}, {"id": len(self.reactions)}

    def _permission(self, login: str, query: dict[str, list[str]], body: Row) -> Reply:
        found = self.permissions.get(login)
        if found is None:
            return 404, {}, {"message": f"{login} is not a user"}
        return OK, {}, {"permission": found, "role_name": found, "user": {"login": login}}

    def _runs(self, commit: str, query: dict[str, list[str]], body: Row) -> Reply:
        mine = [one for one in self.runs if one["head_sha"] == commit and query["check_name"] == [str(one["name"])]]
        return OK, {}, {"total_count": len(mine), "check_runs": mine if query["page"] == ["1"] else []}

    def _run(self, _: str, query: dict[str, list[str]], body: Row) -> Reply:
        output: Row = body["output"]  # type: ignore[assignment]
        if len(output["annotations"]) > 50:  # type: ignore[arg-type]
            return 422, {}, {"message": "Validation Failed"}
        made = {**body, "id": 500 + len(self.runs), "app": {"slug": SLUG}}
        made["output"] = {**output, "annotations_count": len(output["annotations"])}  # type: ignore[arg-type]
        self.runs.append(made)
        return 201, {}, made

    def _go_on(self, id: str, query: dict[str, list[str]], body: Row) -> Reply:
        run = next(one for one in self.runs if one["id"] == int(id))
        output: Row = body["output"]  # type: ignore[assignment]
        before: Row = run["output"]  # type: ignore[assignment]
        if len(output["annotations"]) > 50:  # type: ignore[arg-type]
            return 422, {}, {"message": "Validation Failed"}
        rows = [*before["annotations"], *output["annotations"]]  # type: ignore[misc]
        run["output"] = {**output, "annotations": rows, "annotations_count": len(rows)}
        return OK, {}, run
