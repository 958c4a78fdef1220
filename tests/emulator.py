"""Answer one question: where does a GitHub run that nobody here wrote?

It is emulate of vercel-labs (npm, Apache-2.0), on this machine alone.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from forge_server import Reply, State, serving
from npm import unpacked

# The last one that starts on Node 20; `latest` is another package.
PACKAGE = "emulate@0.11.2"
# It listens on all interfaces; this keeps it on this machine.
PROGRAM = """
import net from "node:net";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return typeof port === "number"
    ? listen.call(this, port, "127.0.0.1", ...rest.filter((one) => typeof one === "function"))
    : listen.call(this, port, ...rest);
};
const { createEmulator } = await import(process.argv[2]);
const seed = JSON.parse(process.argv[4]);
await createEmulator({ service: "github", port: Number(process.argv[3]), seed });
console.log("ready");
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
"""


@contextmanager
def emulated(
    folder: Path, names: Sequence[str], token: str, apps: Sequence[Mapping[str, object]] = ()
) -> Iterator[str]:
    """Start it on a free port, with these repositories, each with a first commit, and these apps; give its URL."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    package, program = unpacked(PACKAGE), folder / "start.mjs"
    program.write_text(PROGRAM, encoding="utf-8")
    repos = [dict(zip(("owner", "name"), name.split("/"), strict=True), auto_init=True) for name in names]
    users = [{"login": "acme"}, {"login": "ada"}]
    seed = {
        "tokens": {token: {"login": "acme", "scopes": ["repo", "user"]}},
        "github": {"users": users, "repos": repos, "apps": list(apps)},
    }
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [node, str(program), str(package / "dist" / "api.js"), str(port), json.dumps(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line == b"ready\n", process.stderr.read() if process.stderr else b""
            answering(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)


def send(url: str, token: str, method: str, path: str, body: object = None) -> Reply:
    """Ask emulate."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if method == "GET" else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, {}, json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}, json.loads(error.read() or b"null")


@contextmanager
def before(folder: Path, root: Path, names: Sequence[str], token: str) -> Iterator[tuple[State, str]]:
    """Run it with a gateway before it that has the git repositories below ``root``; give both.

    What GitHub says of branches and commits comes from these, since emulate has no git over HTTP; nor has it GraphQL.
    """
    with emulated(folder, names, token) as url, serving(root) as state:

        def forwarded(method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> Reply | None:
            if path == "/api/graphql":
                return 404, {}, {"message": "Not Found"}
            inner = path.removeprefix("/api/v3")
            if "/git/" in inner or "/compare/" in inner:
                return None
            return send(url, token, method, f"{inner}?{urlencode(query, doseq=True)}", body)

        state.more.append(forwarded)
        yield state, url


def answering(port: int) -> None:
    """Wait until it listens; it says that it is ready a little before."""
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.05)
    pytest.fail("emulate does not listen")
