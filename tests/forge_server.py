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
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
NAME = "acme/helpdesk"
Reply = tuple[int, dict[str, str], object]


@dataclass
class State:
    """What the server has: repositories as ``owner/name.git`` below ``root``, pull requests, what it was asked.

    ``scripted`` are answers that come once each, by the beginning of "METHOD path"; ``done`` has those that a lost
    answer follows: the server does it and then says 502.
    """

    root: Path
    url: str = ""
    pulls: list[dict[str, object]] = field(default_factory=list)
    asked: list[tuple[str, str, object]] = field(default_factory=list)
    scripted: list[tuple[str, Reply]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    people: tuple[str, ...] = ("ada",)

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def bare(self) -> Path:
        return self.root / f"{NAME}.git"

    def changing(self) -> list[tuple[str, str, object]]:
        """Give the requests that change something."""
        return [one for one in self.asked if one[0] != "GET"]

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.bare), *words], capture_output=True, check=True, text=True)
        return done.stdout.strip()


def rest(state: State, method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply:
    """Answer one request about the repository."""
    found = re.fullmatch(rf"/api/v3/repos/{NAME}(/.*)?", path)
    if found is None:
        return 404, {}, {"message": "Not Found"}
    inner = found[1] or ""
    if (method, inner) == ("GET", ""):
        return 200, {}, {"default_branch": "main", "full_name": NAME}
    if method == "GET" and inner.startswith("/compare/"):
        base, _, head = unquote(inner.removeprefix("/compare/")).partition("...")
        lines = state.git("log", "--format=%ae %ce", f"{base}..{head}").splitlines()
        commits = [
            {"commit": {"author": {"email": line.split()[0]}, "committer": {"email": line.split()[1]}}}
            for line in lines
        ]
        return 200, {}, {"total_commits": len(commits), "commits": commits}
    if (method, inner) == ("GET", "/pulls"):
        branch = query["head"][0].removeprefix("acme:")
        return 200, {}, [one for one in state.pulls if one["head"] == {"ref": branch}]
    if (method, inner) == ("POST", "/pulls"):
        return opened(state, body)
    number = int(found[0].split("/")[7]) if len(found[0].split("/")) > 7 and found[0].split("/")[7].isdigit() else 0
    pull = next((one for one in state.pulls if one["number"] == number), None)
    if pull is None:
        return 404, {}, {"message": "Not Found"}
    if method == "PATCH":
        pull |= body
        return 200, {}, pull
    kind = inner.rpartition("/")[2]
    if kind == "requested_reviewers" and set(body["reviewers"]) - set(state.people):  # type: ignore[call-overload]
        return 422, {}, {"message": "Reviews may only be requested from collaborators."}
    pull.setdefault(kind, []).append(body)  # type: ignore[attr-defined]
    return 201, {}, pull


def opened(state: State, body: dict[str, object]) -> Reply:
    """Open a pull request, one for each branch."""
    if any(one["head"] == {"ref": body["head"]} and one["state"] == "open" for one in state.pulls):
        errors = [{"message": f"A pull request already exists for acme:{body['head']}."}]
        return 422, {}, {"message": "Validation Failed", "errors": errors}
    state.git("rev-parse", "--verify", f"refs/heads/{body['head']}")
    number = len(state.pulls) + 1
    more = {"number": number, "state": "open", "merged_at": None, "html_url": f"https://forge.example/pull/{number}"}
    state.pulls.append({**body, **more, "head": {"ref": body["head"]}, "base": {"ref": body["base"]}})
    return 201, {}, state.pulls[-1]


class Handler(BaseHTTPRequestHandler):
    """Let in who has the token, and answer with git or as a forge."""

    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        data = (
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "chunked" not in str(self.headers.get("Transfer-Encoding"))
            else self.chunks()
        )
        basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        wanted = f"Bearer {TOKEN}" if parts.path.startswith("/api/") else f"Basic {basic}"
        if self.headers.get("Authorization") != wanted:
            self.reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b'{"message": "Bad credentials"}')
        elif parts.path.startswith("/api/"):
            self.forge(parts.path, parse_qs(parts.query), json.loads(data) if data else {})
        else:
            self.git(parts.path, parts.query, data)

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
        state.asked.append((self.command, path.removeprefix(f"/api/v3/repos/{NAME}"), body))
        for number, (beginning, reply) in enumerate(state.scripted):
            if said.startswith(beginning):
                del state.scripted[number]
                self.reply(reply[0], reply[1], json.dumps(reply[2]).encode())
                return
        status, headers, found = rest(state, self.command, path, query, body)
        if said in state.lost:
            state.lost.remove(said)
            status, found = 502, {"message": "Server Error"}
        self.reply(status, headers, json.dumps(found).encode())

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
