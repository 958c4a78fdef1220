"""Answer one question: where do a thousand small repositories come from, and how is a campaign over them run?

The repositories are made here, each of one kind; the forge is ``forge_server``, with real git. A campaign is run as a
user does it, as a process of its own that can be killed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forge_server import APP_TOKEN, TOKEN, Reply, State, serving

BRANCH = "migrator/gpt-4.1-mini"
CALL = (
    "from openai import OpenAI\n\n\ndef {name}(mail):\n"
    '    return OpenAI().responses.create(model="{model}", input=mail)\n'
)
CONFIGURED = 'import os\n\nMODEL = os.getenv("MODEL", "gpt-4o")\n\n\n' + CALL.format(name="answer", model="x").replace(
    '"x"', "MODEL"
)
# Each kind of repository: its files, and what is to come of it.
KINDS: Mapping[str, Mapping[str, str]] = {
    "one": {"title.py": CALL.format(name="title", model="gpt-4o-mini"), "README.md": "# Title\n"},
    "two": {
        "src/title.py": CALL.format(name="title", model="gpt-4o-mini"),
        "src/answer.py": CALL.format(name="answer", model="gpt-4o"),
    },
    "by_name": {"app.py": CONFIGURED, "costs.py": 'COSTS = {"gpt-4o": 2.5}\n'},
    "moved": {"app.py": CALL.format(name="app", model="gpt-4.1-mini")},
    "plain": {"app.py": "print(1)\n", "docs/index.md": "nothing\n"},
    "other": {"app.js": 'const model = "gpt-4o";\n'},
    "held": {"app.py": 'def is_old(model):\n    return model == "gpt-4o"\n'},
    "misread": {"pyproject.toml": "[tool.migrator]\nto = 4\n", "app.py": CALL.format(name="app", model="gpt-4o")},
    "no_parse": {"app.py": 'MODEL = "gpt-4o"\ndef (:\n'},
    "deep": {"app.py": 'MODEL = "gpt-4o"\nX = ' + "(" * 5000 + ")" * 5000 + "\n"},
    "slow": {f"pages/page_{number}.py": CALL.format(name=f"f{number}", model="gpt-4o") for number in range(3000)},
    "empty": {},
}
NEEDING = ("one", "two", "by_name")
CLEAN = ("moved", "plain", "other", "held", "no_parse", "deep")
# The words that tell why such a one fails.
FAILING = {
    "misread": "'to' in pyproject.toml",
    "slow": "seconds",
    "empty": "no branch yet",
}


def make(root: Path, kinds: Mapping[str, str]) -> None:
    """Make bare repositories below a folder, by their names."""
    models = {kind: _model(root.parent / "models" / kind, kind) for kind in sorted(set(kinds.values()))}
    for name, kind in kinds.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(models[kind], root / f"{name}.git")


def _model(folder: Path, kind: str) -> Path:
    bare = folder / "bare"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", ".")
    for name in ("http.receivepack", "uploadpack.allowFilter"):
        git(bare, "config", name, "true")
    if KINDS[kind]:
        put(bare, KINDS[kind], f"a repository of the kind {kind}")
    (bare / "refs" / "heads").mkdir(exist_ok=True)
    return bare


def put(
    bare: Path, files: Mapping[str, str], message: str, *, branch: str = "main", mail: str = "ada@acme.test"
) -> None:
    """Commit files to a branch of a bare repository, on top of what it has."""
    tip = git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
    head = [f"commit refs/heads/{branch}", f"committer Ada <{mail}> {int(time.time())} +0000"]
    lines = [*head, f"data {len(message)}", message, *([f"from {tip}"] if tip else [])]
    for path, text in files.items():
        lines += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
    git(bare, "fast-import", "--quiet", given="\n".join(lines) + "\n")


def git(bare: Path, *words: str, given: str = "") -> str:
    """Run git in a bare repository."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(bare), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *words], cwd=bare, capture_output=True, check=True, text=True, env=environment, input=given
    )
    return done.stdout.strip()


@contextmanager
def forge(root: Path) -> Iterator[State]:
    """Serve them, with the question for many pull requests that GraphQL answers."""
    with serving(root) as state:
        state.more.append(lambda method, path, _, body: asked(state, method, path, body))
        yield state


def asked(state: State, method: str, path: str, body: dict[str, object]) -> Reply | None:
    """Answer a query of GraphQL for the states of pull requests, as its schema has it."""
    if (method, path) != ("POST", "/api/graphql") or not str(body["query"]).startswith("query("):
        return None
    given: dict[str, object] = body["variables"]  # type: ignore[assignment]
    found: dict[str, object] = {}
    for number in re.findall(r"r(\d+):", str(body["query"])):
        name = f"{given[f'o{number}']}/{given[f'n{number}']}"
        wanted = given[f"p{number}"]
        pull = next((one for one in state.pulls if (one["repository"], one["number"]) == (name, wanted)), None)
        word = "MERGED" if pull and pull["merged_at"] else str(pull["state"]).upper() if pull else ""
        found[f"r{number}"] = {"pullRequest": {"state": word}} if pull else None
    return 200, {}, {"data": found}


@dataclass
class User:
    """Somebody who types ``migrator campaign``: a home, and a token in the environment."""

    home: Path
    name: str = "models"
    more: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        own = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "GITHUB_TOKEN": TOKEN}
        return {**kept, **own, **self.more}

    def command(self, verb: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "migrator", "campaign", verb, self.name, *words]

    def type(self, verb: str, *words: str, code: int = 0) -> str:
        """Run a command to its end, and give what it prints."""
        self.home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            self.command(verb, *words),
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.home,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (TOKEN in said, APP_TOKEN in said, "PRIVATE KEY" in said) == (False, False, False)
        assert (done.returncode, "Traceback" in said) == (code, False), said
        return said

    def start(self, *words: str, verb: str = "run") -> subprocess.Popen[str]:
        """Begin a command in a process group of its own."""
        return subprocess.Popen(
            self.command(verb, *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
            cwd=self.home,
            start_new_session=True,
        )

    def table(self) -> dict[str, object]:
        """Read the status as JSON."""
        return json.loads(self.type("status", "--json"))  # type: ignore[no-any-return]

    def states(self) -> dict[str, str]:
        """Give the state of each repository."""
        return {one["name"]: one["state"] for one in self.table()["repositories"]}  # type: ignore[attr-defined]


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and all of its group at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def listed(path: Path, names: Sequence[str]) -> Path:
    """Write a list of repositories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# made for a test\n" + "".join(f"{name}\n" for name in names), encoding="utf-8")
    return path


def planned(server: State, home: Path, kinds: Mapping[str, str]) -> User:
    """Make repositories and a campaign over them; nothing is asked by that."""
    make(server.root, kinds)
    user = User(home)
    said = user.type("plan", str(listed(home / "list.txt", list(kinds))), "--api-url", server.api)
    assert "Nothing was sent." in said
    assert server.asked == []
    return user


def each(*kinds: str) -> dict[str, str]:
    """Give one repository for each kind."""
    return {f"acme/{kind.replace('_', '-')}": kind for kind in kinds}


def opened(server: State) -> list[str]:
    """Name the repositories of the pull requests that were opened, one for each."""
    return sorted(str(one["repository"]) for one in server.pulls)


def until(test: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
