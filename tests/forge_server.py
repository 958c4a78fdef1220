"""Answer one question: what is a server on this machine that has a git repository and its pull requests?

git is the real one (``git http-backend``), behind a token. The pull requests are a double of ours, which keeps to what
GitHub documents and to the answers that a test asks for; ``tests/delivery/test_forge.py`` asks somebody else's.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
# What an app gets for an hour, and who its commits are by.
APP_TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
APP_ID, SLUG, INSTALLATION = "4711", "acme-migrator", 77
APP = ("acme-migrator[bot]", "1234+acme-migrator[bot]@users.noreply.github.com")
NAME = "acme/helpdesk"
Reply = tuple[int, dict[str, str], object]


@dataclass
class State:
    """What the server has: repositories as ``owner/name.git`` below ``root``, pull requests, what it was asked.

    ``scripted`` are answers that come once each, by the beginning of "METHOD path"; ``done`` has those that a lost
    answer follows: the server does it and then says 502. ``asked`` are method, path within the repository, and body;
    ``at`` the repository and the time of each in the same order. ``key`` is the app's public key, as PEM; ``signs``
    what a token was asked with.
    """

    root: Path
    url: str = ""
    pulls: list[dict[str, object]] = field(default_factory=list)
    asked: list[tuple[str, str, object]] = field(default_factory=list)
    at: list[tuple[str, float]] = field(default_factory=list)
    scripted: list[tuple[str, Reply]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    people: tuple[str, ...] = ("ada",)
    key: str = ""
    minted: list[dict[str, object]] = field(default_factory=list)
    more: list[Callable[[str, str, dict[str, list[str]], dict[str, object]], Reply | None]] = field(
        default_factory=list
    )

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def bare(self) -> Path:
        return self.root / f"{NAME}.git"

    def changing(self) -> list[tuple[str, str, object]]:
        """Give the requests that change something."""
        return [one for one in self.asked if one[0] != "GET" and not one[1].endswith("/access_tokens")]

    def git(self, *words: str, name: str = NAME, given: bytes | None = None) -> str:
        where = ["git", "-C", str(self.root / f"{name}.git"), *words]
        done = subprocess.run(where, capture_output=True, check=True, input=given)
        return done.stdout.decode().strip()

    def tip(self, branch: str, name: str = NAME) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", name=name)


def rest(state: State, method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply:
    """Answer one request."""
    for one in state.more:
        reply = one(method, path, query, body)
        if reply is not None:
            return reply
    found = re.fullmatch(r"/api/v3/repos/([^/]+/[^/]+)(/.*)?", path)
    if found is None or not (state.root / f"{found[1]}.git").is_dir():
        return as_app(state, method, path, body)
    return in_repository(state, found[1], method, found[2] or "", query, body)


def as_app(state: State, method: str, path: str, body: dict[str, object]) -> Reply:
    """Answer what an app asks for itself."""
    if (method, path) == ("GET", "/api/v3/app"):
        return 200, {}, {"id": int(APP_ID), "slug": SLUG, "name": "Migrator of Acme"}
    if (method, path) == ("GET", "/api/v3/app/installations"):
        return 200, {}, [{"id": INSTALLATION, "suspended_at": None}]
    if (method, path) == ("POST", f"/api/v3/app/installations/{INSTALLATION}/access_tokens"):
        state.minted.append(body)
        ends = datetime.fromtimestamp(time.time() + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 201, {}, {"token": APP_TOKEN, "expires_at": ends, **body}
    if (method, path) == ("GET", "/api/v3/installation/repositories"):
        names = sorted(str(one.relative_to(state.root))[:-4] for one in state.root.glob("*/*.git"))
        said = [{"full_name": one, "archived": False, "fork": False, "default_branch": "main"} for one in names]
        return 200, {}, {"total_count": len(said), "repositories": said}
    if (method, path) == ("POST", "/api/graphql"):
        return graphql(state, body)
    return 404, {}, {"message": "Not Found"}


def graphql(state: State, body: dict[str, object]) -> Reply:
    """Make a pull request a draft, or ready: GraphQL says 200 to a refusal too."""
    query, variables = str(body["query"]), body["variables"]
    pull = next((one for one in state.pulls if one["node_id"] == variables["id"]), None)  # type: ignore[index]
    if pull is None:
        return 200, {}, {"data": None, "errors": [{"message": "Could not resolve to a node"}]}
    pull["draft"] = "convertPullRequestToDraft" in query
    return 200, {}, {"data": {}}


def in_repository(
    state: State, name: str, method: str, inner: str, query: dict[str, list[str]], body: dict[str, object]
) -> Reply:
    """Answer one request about a repository."""
    if (method, inner) == ("GET", ""):
        return 200, {}, {"default_branch": "main", "full_name": name, "archived": False, "fork": False, "topics": []}
    if (method, inner) == ("GET", "/installation"):
        return 200, {}, {"id": INSTALLATION}
    if method == "GET" and inner.startswith("/compare/"):
        return compared(state, name, *unquote(inner.removeprefix("/compare/")).split("...", 1))
    if inner.startswith("/git/"):
        return objects(state, name, method, unquote(inner.removeprefix("/git/")), body)
    mine = [one for one in state.pulls if one["repository"] == name]
    if (method, inner) == ("GET", "/pulls") and "base" in query:
        return 200, {}, [one for one in mine if (one["base"], one["state"]) == ({"ref": query["base"][0]}, "open")]
    if (method, inner) == ("GET", "/pulls"):
        branch = query["head"][0].partition(":")[2]
        return 200, {}, [one for one in mine if one["head"] == {"ref": branch}] if query["page"] == ["1"] else []
    if (method, inner) == ("POST", "/pulls"):
        return opened(state, name, body)
    found = re.match(r"/(?:pulls|issues)/(\d+)", inner)
    pull = next((one for one in mine if found is not None and one["number"] == int(found[1])), None)
    if method == "PATCH" and inner.startswith("/issues/comments/"):
        return edited(mine, int(inner.rpartition("/")[2]), body)
    if pull is None:
        return 404, {}, {"message": "Not Found"}
    return about(state, pull, method, inner.rpartition("/")[2], body)


def about(state: State, pull: dict[str, object], method: str, kind: str, body: dict[str, object]) -> Reply:
    """Answer one request about a pull request: it, its comments, labels, reviewers, assignees."""
    if method == "PATCH":
        pull |= body
        return 200, {}, pull
    if method == "GET":
        return 200, {}, pull.get(kind, []) if kind == "comments" else pull
    if kind == "requested_reviewers" and set(body["reviewers"]) - set(state.people):  # type: ignore[call-overload]
        return 422, {}, {"message": "Reviews may only be requested from collaborators."}
    said: list[dict[str, object]] = pull.setdefault(kind, [])  # type: ignore[assignment]
    if kind == "comments":
        number = int(str(pull["number"])) * 1000 + len(said)
        body = {**body, "id": number, "user": {"login": APP[0]}, "html_url": f"{pull['html_url']}#{number}"}
    said.append(body)
    return 201, {}, body if kind == "comments" else pull


def edited(pulls: list[dict[str, object]], number: int, body: dict[str, object]) -> Reply:
    """Change a comment."""
    for pull in pulls:
        for one in pull.get("comments", []):  # type: ignore[attr-defined]
            if one["id"] == number:
                one |= body
                return 200, {}, one
    return 404, {}, {"message": "Not Found"}


def compared(state: State, name: str, base: str, head: str) -> Reply:
    """Compare two branches: the commits of one that the other has not, and what they change since they parted."""
    lines = state.git("log", "--format=%H%x00%ae%x00%ce%x00%B%x01", f"{base}..{head}", name=name)
    commits = []
    for line in filter(None, (one.strip() for one in lines.split("\x01"))):
        sha, author, committer, message = line.split("\0")
        inner = {"author": {"email": author}, "committer": {"email": committer}, "message": message}
        commits.append({"sha": sha, "commit": inner, "author": None, "committer": None})
    changed = state.git("diff", "--raw", "--no-abbrev", "--no-renames", f"{base}...{head}", name=name).splitlines()
    files = [{"filename": one.split("\t")[1], "sha": one.split()[3]} for one in changed]
    return 200, {}, {"total_commits": len(commits), "commits": commits, "files": files}


def objects(state: State, name: str, method: str, inner: str, body: dict[str, object]) -> Reply:
    """Answer the Git Data interface with the objects of the real repository."""
    try:
        return git_data(state, name, method, inner, body)
    except subprocess.CalledProcessError as error:
        return 422, {}, {"message": error.stderr.decode().strip()}


def git_data(state: State, name: str, method: str, inner: str, body: dict[str, object]) -> Reply:
    """Read and write objects and branches."""
    kind, _, rest_of = inner.partition("/")
    if (method, kind) == ("GET", "ref"):
        sha = state.tip(rest_of.removeprefix("heads/"), name)
        found = {"ref": f"refs/{rest_of}", "object": {"type": "commit", "sha": sha}}
        return (200, {}, found) if sha else (404, {}, {"message": "Not Found"})
    if (method, kind) == ("GET", "commits"):
        tree, _, parents = state.git("show", "--no-patch", "--format=%T %P", rest_of, name=name).partition(" ")
        return 200, {}, {"sha": rest_of, "tree": {"sha": tree}, "parents": [{"sha": one} for one in parents.split()]}
    if (method, kind) == ("POST", "blobs"):
        data = base64.b64decode(str(body["content"]), validate=True)
        return 201, {}, {"sha": state.git("hash-object", "-w", "--stdin", name=name, given=data)}
    if (method, kind) == ("POST", "trees"):
        return 201, {}, {"sha": tree_of(state, name, body)}
    if (method, kind) == ("POST", "commits"):
        return 201, {}, {"sha": commit_of(state, name, body)}
    branch = str(body["ref"]) if (method, kind) == ("POST", "refs") else f"refs/{rest_of}"
    if method == "DELETE":
        state.git("update-ref", "-d", branch, name=name)
        return 204, {}, None
    before = ["0" * 40] if method == "POST" else []
    state.git("update-ref", branch, str(body["sha"]), *before, name=name)
    return (201 if method == "POST" else 200), {}, {"ref": branch, "object": {"sha": body["sha"]}}


def tree_of(state: State, name: str, body: dict[str, object]) -> str:
    """Write a tree that differs from another one in some files."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GIT_INDEX_FILE": str(Path(folder) / "index")}
        where = ["git", "-C", str(state.root / f"{name}.git")]
        subprocess.run([*where, "read-tree", str(body["base_tree"])], check=True, capture_output=True, env=environment)
        for one in body["tree"]:  # type: ignore[attr-defined]
            given = str(one.get("content", "")).encode()
            sha = one.get("sha") or state.git("hash-object", "-w", "--stdin", name=name, given=given)
            said = ["update-index", "--add", "--cacheinfo", f"{one['mode']},{sha},{one['path']}"]
            subprocess.run([*where, *said], check=True, capture_output=True, env=environment)
        done = subprocess.run([*where, "write-tree"], check=True, capture_output=True, env=environment)
        return done.stdout.decode().strip()


def commit_of(state: State, name: str, body: dict[str, object]) -> str:
    """Write a commit as GitHub does for an app: the app is its author, GitHub its committer."""
    assert not {"author", "committer", "signature"} & set(body), "such a commit would not be signed"
    people = {"AUTHOR": APP, "COMMITTER": ("GitHub", "noreply@github.com")}
    said = {
        f"GIT_{who}_{what}": one
        for who, both in people.items()
        for what, one in zip(("NAME", "EMAIL"), both, strict=True)
    }
    parents = [word for one in body["parents"] for word in ("-p", one)]  # type: ignore[attr-defined]
    where = ["git", "-C", str(state.root / f"{name}.git"), "commit-tree", str(body["tree"]), *parents, "-F", "-"]
    done = subprocess.run(
        where, check=True, capture_output=True, input=str(body["message"]).encode(), env={**os.environ, **said}
    )
    return done.stdout.decode().strip()


def opened(state: State, name: str, body: dict[str, object]) -> Reply:
    """Open a pull request, one for each branch."""
    mine = [one for one in state.pulls if one["repository"] == name]
    if any(one["head"] == {"ref": body["head"]} and one["state"] == "open" for one in mine):
        errors = [{"message": f"A pull request already exists for {name.partition('/')[0]}:{body['head']}."}]
        return 422, {}, {"message": "Validation Failed", "errors": errors}
    state.git("rev-parse", "--verify", f"refs/heads/{body['head']}", name=name)
    number = len(mine) + 1
    url = f"https://forge.example/pull/{number}" if name == NAME else f"https://forge.example/{name}/pull/{number}"
    more = {"number": number, "state": "open", "merged_at": None, "html_url": url, "repository": name}
    place = {"head": {"ref": body["head"]}, "base": {"ref": body["base"]}, "node_id": f"PR_{name}_{number}"}
    state.pulls.append({**body, **more, **place})
    return 201, {}, state.pulls[-1]


class Handler(BaseHTTPRequestHandler):
    """Let in who has the token, and answer with git or as a forge."""

    protocol_version = "HTTP/1.1"
    state: State
    lock = threading.Lock()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        data = (
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "chunked" not in str(self.headers.get("Transfer-Encoding"))
            else self.chunks()
        )
        if not self.may(parts.path):
            self.reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b'{"message": "Bad credentials"}')
        elif parts.path.startswith("/api/"):
            self.forge(parts.path, parse_qs(parts.query), json.loads(data) if data else {})
        else:
            self.git(parts.path, parts.query, data)

    def may(self, path: str) -> bool:
        """Say whether who asks may: with a token, or as the app for what the app asks for itself."""
        said = self.headers.get("Authorization", "")
        if not path.startswith("/api/"):
            kept = (base64.b64encode(f"x-access-token:{one}".encode()).decode() for one in (TOKEN, APP_TOKEN))
            return said in [f"Basic {one}" for one in kept]
        if path.startswith("/api/v3/app") or path.endswith("/installation"):
            return self.is_app(said.removeprefix("Bearer "))
        return said in (f"Bearer {TOKEN}", f"Bearer {APP_TOKEN}")

    def is_app(self, proof: str) -> bool:
        """Check the signature with the app's public key, and the times as GitHub does."""
        try:
            said = jwt.decode(proof, self.state.key, algorithms=["RS256"], issuer=APP_ID, leeway=0)
        except jwt.PyJWTError:
            return False
        return bool(said["exp"] - said["iat"] <= 600)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def forge(self, path: str, query: dict[str, list[str]], body: dict[str, object]) -> None:
        state, said = self.state, f"{self.command} {path}"
        found = re.match(r"/api/v3/repos/([^/]+/[^/]+)", path)
        with self.lock:
            state.at.append((found[1] if found else "", time.time()))
            state.asked.append((self.command, path[found.end() :] if found else path, body))
        for number, (beginning, reply) in enumerate(state.scripted):
            if said.startswith(beginning):
                del state.scripted[number]
                self.reply(reply[0], reply[1], json.dumps(reply[2]).encode())
                return
        status, headers, answer = rest(state, self.command, path, query, body)
        if said in state.lost:
            state.lost.remove(said)
            status, answer = 502, {"message": "Server Error"}
        self.reply(status, headers, json.dumps(answer).encode())

    def git(self, path: str, query: str, data: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "x",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "CONTENT_LENGTH": str(len(data)),
        }
        done = subprocess.run(["git", "http-backend"], input=data, capture_output=True, env=environment, check=False)
        head, _, rest_of = done.stdout.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.reply(int(lines.pop("Status", "200").split()[0]), lines, rest_of)

    def reply(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(root: Path) -> Iterator[State]:
    """Run the server on a free port of this machine."""
    state = State(root)
    handler = type("Serving", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
