"""Answer one question: what can a stranger's repository do to who plans it?

It is served by a real ``git http-backend`` and planned as the bot and a campaign do it, in a process with limits. What
it must not touch lies beside it: a pipe that nobody writes to, so that whoever opens it for reading stays there.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from forge_server import NAME, TOKEN, State, serving

from migrator.github_api import git_url
from migrator.isolation import Asked, Limits, prepare, run
from migrator.settings import CannotRun

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the limits are those of POSIX")

CALL = b'from openai import OpenAI\n\nOpenAI().responses.create(model="gpt-4o", input="Hello")\n'
LIMITS = Limits(seconds=240, memory=2_000_000_000, file_size=1_000_000_000)
DEEP = "/".join(["d"] * 1000)
TOO_DEEP = "/".join(["deep"] * 1000)


class Repository:
    """A commit that is written object by object, as no checkout could."""

    def __init__(self, bare: Path) -> None:
        """Make an empty repository that a server may serve."""
        bare.mkdir(parents=True)
        self.bare = bare
        self.lines: list[bytes] = []
        for words in (
            ("init", "--quiet", "--bare"),
            *(("config", one, "true") for one in ("http.receivepack", "uploadpack.allowFilter")),
        ):
            subprocess.run(["git", *words], cwd=bare, check=True, capture_output=True)

    def add(self, path: str | bytes, data: bytes, mode: str = "100644") -> None:
        """Add a file, or what its mode says."""
        raw = path if isinstance(path, bytes) else path.encode()
        quoted = b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
        if mode == "160000":
            self.lines.append(b"M 160000 %s %s\n" % (data, quoted))
        else:
            self.lines.append(b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quoted, len(data), data))

    def commit(self) -> None:
        """Write all that was added as the first commit of main."""
        head = b"commit refs/heads/main\ncommitter Eve <eve@example.com> 1700000000 +0000\ndata 1\nx\n"
        given = head + b"".join(self.lines) + b"\ndone\n"
        words = ["git", "fast-import", "--quiet", "--done", "--force"]
        subprocess.run(words, cwd=self.bare, input=given, check=True, capture_output=True)
        subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/main"], cwd=self.bare, check=True)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    with serving(tmp_path / "served") as state:
        yield state


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Make what must not be touched: files, and pipes that hold whoever opens one."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.py").write_bytes(CALL + b"KEY = 'outside-marker'\n")
    os.mkfifo(folder / "pipe.py")
    os.mkfifo(folder / "pyproject.toml")
    return folder


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give mode, time and content of all below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        known = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (known.st_mode, known.st_mtime_ns, data)
    return found


def planned(server: State, folder: Path, limits: Limits = LIMITS) -> object:
    folder.mkdir()
    return prepare(Asked(git_url(server.api, NAME)), TOKEN, folder, limits)


def test_a_hostile_repository_is_planned_within_its_limits(server: State, outside: Path, tmp_path: Path) -> None:
    theirs = Repository(server.bare)
    theirs.add("app.py", CALL)
    # Links to files, folders and pipes outside, also where a configuration is looked for.
    for name, target in (("link.py", "secret.py"), ("pipe.py", "pipe.py"), ("folder", ""), ("setup.cfg", "pipe.py")):
        theirs.add(name, str(outside / target).encode(), "120000")
    theirs.add("up", b"../../../../../../../../etc", "120000")
    # Filters, hooks and a configuration of git.
    theirs.add(".gitattributes", b"*.py filter=evil diff=evil merge=evil working-tree-encoding=UTF-16 ident\n")
    theirs.add("hooks/post-checkout", b"#!/bin/sh\ntouch " + bytes(outside / "ran"), "100755")
    theirs.add(".lfsconfig", b"[lfs]\n\turl = http://127.0.0.1:1/\n")
    theirs.add("model.py", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n")
    theirs.add(".gitmodules", b'[submodule "s"]\n\tpath = sub\n\turl = ext::sh -c "touch ran"\n')
    theirs.add("sub", b"1" * 40, "160000")
    # Size and depth.
    theirs.add("large.py", CALL + b"#" * 200_000_000)
    theirs.add(f"{DEEP}/deep.py", CALL)
    theirs.add(f"{TOO_DEEP}/deeper.py", CALL)
    # Names that a shell, an option parser or a list of lines could take for something else.
    for name in (
        "--help.py",
        "-rf",
        "a\nb.py",
        "$(touch ran).py",
        "; touch ran #.py",
        "tab\t'\".py",
        "\u202eyp.exe.py",
    ):
        theirs.add(name, CALL)
    theirs.add(b"caf\xe9.py", CALL)
    # What a parser dies of.
    theirs.add("nested.py", CALL + b"x = " + b"(" * 50_000 + b")" * 50_000)
    theirs.add("lists.py", CALL + b"x = " + b"[" * 90 + b"]" * 90 + b"\n")
    theirs.add("sum.py", CALL + b"x = " + b"+".join([b"a"] * 60_000))
    theirs.add("calls.py", CALL + b"x = a" + b".b(1)" * 20_000)
    theirs.add("ifs.py", CALL + b"".join(b" " * i + b"if a:\n" for i in range(99)) + b" " * 99 + b"pass\n")
    theirs.add("else.py", CALL + b"if a: pass\n" + b"elif a: pass\n" * 20_000)
    theirs.add(
        "aliases.py", CALL + b"\n".join(b"m%d = m%d" % (i + 1, i) for i in range(5_000)).replace(b"m0", b'"gpt-4o"', 1)
    )
    theirs.add("nul.py", CALL + b"\0")
    theirs.add(
        "bombs.yaml",
        b"a: &a [gpt-4o]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)),
    )
    theirs.add("deep.json", b"[" * 100_000 + b'"gpt-4o"' + b"]" * 100_000)
    theirs.add("deep.toml", b"a = " + b"[" * 50_000 + b'"gpt-4o"' + b"]" * 50_000)
    # A project that asks for being run.
    theirs.add(
        "pyproject.toml",
        b'[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n'
        b'[tool.migrator]\n[[tool.migrator.shadow.site]]\nmatch = "*"\ncomparator = "evil:run"\n',
    )
    theirs.add("evil.py", b"import pathlib; pathlib.Path(" + repr(str(outside / "ran")).encode() + b").touch()\n")
    theirs.add("sitecustomize.py", b"import evil\n")
    theirs.add("conftest.py", b"import evil\n")
    theirs.commit()

    before, began = state_of(outside), time.monotonic()
    prepared = planned(server, tmp_path / "folder")
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"planned in {seconds:.1f} s, the largest process took {used:.2f} GB")
    assert state_of(outside) == before
    assert seconds < LIMITS.seconds
    assert used < 2.0
    changed = {os.fsdecode(path) for path in prepared.files}  # type: ignore[attr-defined]
    assert {"app.py", "--help.py", "a\nb.py", "$(touch ran).py", "lists.py", "ifs.py", "aliases.py"} <= changed
    assert not {"large.py", "link.py", "pipe.py", "model.py", "nul.py", "nested.py"} & changed
    body = prepared.body  # type: ignore[attr-defined]
    assert "2 × nested in more than 200 folders" in body
    assert "outside-marker" not in body
    assert TOKEN not in body
    for path, (_, data) in prepared.files.items():  # type: ignore[attr-defined]
        assert b"gpt-4.1-mini" in data, path
    # Nothing is left of the process, and nothing of it lies beside its folder.
    assert {path.name for path in tmp_path.iterdir()} == {"served", "outside", "folder"}
    assert not any((tmp_path / "folder" / "tmp").iterdir())


def test_a_configuration_that_is_a_link_does_not_count(server: State, outside: Path, tmp_path: Path) -> None:
    theirs = Repository(server.bare)
    theirs.add("app.py", CALL)
    theirs.add("pyproject.toml", bytes(outside / "pyproject.toml"), "120000")
    theirs.add("migrator.toml", bytes(outside / "pipe.py"), "120000")
    theirs.commit()
    assert set(planned(server, tmp_path / "folder").files) == {b"app.py"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "limits", "said"),
    [
        ("while True: pass", Limits(2), "it took more than 2 seconds"),
        ("import time; time.sleep(60)", Limits(2), "it took more than 2 seconds"),
        ("x = bytearray(900_000_000)", Limits(30, memory=500_000_000), "it needed more than 0.5 GB of memory"),
        ("open('big', 'wb').write(bytes(3_000_000))", Limits(30, file_size=1_000_000), "its process ended with status"),
        ("import os; os.abort()", Limits(30), "or broke its process"),
        ("import os; os._exit(0)", Limits(30), "its process ended with status 0"),
        ("raise ValueError('what')", Limits(30), "its process ended with status 1: ValueError: what"),
    ],
)
def test_a_process_that_meets_a_limit_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, limits: Limits, said: str
) -> None:
    # A module of the test's own takes the place of the planner.
    site = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    module = Path(site) / f"hostile_{os.getpid()}.py"
    module.write_text(
        f"from migrator.isolated import begin\ndef work(asked):\n    {code}\n    return ''\nbegin(work)\n", "utf-8"
    )
    began = time.monotonic()
    try:
        with pytest.raises(CannotRun) as found:
            run(module.stem, {}, tmp_path, limits)
    finally:
        module.unlink()
    assert str(found.value).startswith(said) or said in str(found.value)
    assert "\n" not in str(found.value)
    assert time.monotonic() - began < 20


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys\n"
        "child = 'import sys; sys.stdin.buffer.readline(); '\n"
        "from migrator.isolation import _start\n"
        "from pathlib import Path\n"
        f"process = _start('migrator.isolated', Path({str(tmp_path)!r}))\n"
        "import json\n"
        "limits = {'seconds': 600, 'memory': 2e9, 'file_size': 1e9}\n"
        # A server that never answers keeps git waiting.
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "url = f'http://127.0.0.1:{s.getsockname()[1]}/a/b.git'\n"
        f"said = dict(url=url, base='', to=None, token='t', folder={str(tmp_path)!r}, answer='x', limits=limits)\n"
        "process.stdin.write(json.dumps(said).encode() + b'\\n'); process.stdin.flush()\n"
        "kept = s.accept(); print(process.pid, flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            child = int(process.stdout.readline())
            assert alive(child)
        finally:
            process.kill()
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.1)
    pytest.fail("the child goes on")


def alive(group: int) -> bool:
    """Say whether any process of a group runs; one that nobody has asked for its end counts as gone."""
    done = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, check=True, text=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return any(int(row[0]) == group and not row[1].startswith("Z") for row in rows)
