"""Answer one question: how does a commit get onto a branch while nothing of the repository runs?

Objects are read and written one by one. There is no checkout, so that no filter, no hook and no link of the repository
has a part in it, and the user's work tree and index stay as they are. The environment is made from nothing: neither
the system's nor the user's configuration counts, and the repository's own is overruled where it names a program.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from migrator.evidence_words import visible
from migrator.settings import CannotRun

NAME, EMAIL = "migrator", "migrator@migrator.invalid"
FILES = ("100644", "100755")
# One command of git, in seconds; the largest repository takes a minute.
PATIENCE = 600
# What a repository's configuration could run, or change behind our back.
OVERRULED: Mapping[str, str] = {
    "commit.gpgSign": "false",
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.splitIndex": "false",
    "core.symlinks": "false",
    "gc.auto": "0",
    "i18n.commitEncoding": "utf-8",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}
ENVIRONMENT: Mapping[str, str] = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    **{
        f"GIT_{who}_{what}": said
        for who in ("AUTHOR", "COMMITTER")
        for what, said in (("NAME", NAME), ("EMAIL", EMAIL))
    },
}
# Without these no program starts; no name of them says anything to git.
NETWORK = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "https_proxy", "http_proxy", "no_proxy")
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository on a server: its URL, with no name or password in it, and the token, which only the server gets."""

    url: str
    token: str = field(repr=False)

    @property
    def settings(self) -> Mapping[str, str]:
        """What git is told about this one server."""
        said = b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            f"protocol.{self.url.partition(':')[0]}.allow": "always",
            f"http.{self.url}.extraHeader": f"Authorization: Basic {said}",
            "http.followRedirects": "false",
            "credential.helper": "",
            "fetch.fsckObjects": "true",
        }


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on this machine: ``folder`` is where git keeps it, ``trusted`` are the user's safe.directory.

    ``objects`` are variables for git: where new objects go, if not into the repository. ``remote`` is the only server
    that it may speak to.
    """

    folder: Path
    trusted: tuple[str, ...] = ()
    objects: tuple[tuple[str, str], ...] = ()
    remote: Remote | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit: its mode, its object, its size in bytes and its path.

    The size is 0 where it has none, as a submodule, and -1 where the object is not here, because it is too large.
    """

    mode: str
    blob: str
    size: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it is: ``tip``, ``parents`` and ``tree`` of its last commit, and who else has a commit on it.

    ``strangers`` are the e-mail addresses, other than ours, of authors and committers since the base.
    """

    tip: str
    parents: tuple[str, ...]
    tree: str
    strangers: tuple[str, ...]


def open_repository(path: Path) -> Repository:
    """Find the repository that a folder belongs to. Raises CannotRun, with git's words, where there is none."""
    if not path.is_dir():
        raise CannotRun(f"{path}: no such folder")
    trusted = _trusted()
    found = _git(Repository(path, trusted), "rev-parse", "--absolute-git-dir", at=("-C", str(path)))
    return Repository(Path(os.fsdecode(found.removesuffix(b"\n"))), trusted)


def clone(remote: Remote, folder: Path, base: str, largest: int) -> Repository:
    """Get the last commit of one branch, without a checkout and without files of more than ``largest`` bytes."""
    _git(Repository(folder), "init", "--quiet", "--bare", "--template=", str(folder), at=())
    plain = (folder / "config").read_bytes()
    repository = Repository(folder, remote=remote)
    asked = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", f"--filter=blob:limit={largest}")
    _git(repository, "fetch", *asked, remote.url, f"+refs/heads/{base}:refs/heads/{base}")
    # Without this, git asks the server for each object that was left out.
    (folder / "config").write_bytes(plain)
    return repository


def default_branch(remote: Remote) -> str:
    """Name the branch that a server's HEAD stands for. Raises CannotRun where the repository is empty."""
    # Outside of any repository; git takes the settings of this server from the environment.
    said = _git(Repository(Path(os.devnull), remote=remote), "ls-remote", "--symref", remote.url, "HEAD", at=())
    head = next((line for line in said.split(b"\n") if line.startswith(b"ref: refs/heads/")), None)
    if head is None:
        raise CannotRun("the repository has no branch yet")
    return os.fsdecode(head.removeprefix(b"ref: refs/heads/").partition(b"\t")[0])


def tree_of(repository: Repository, commit: str) -> str:
    """Name the tree of a commit."""
    return _git(repository, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").decode().strip()


def fetch(repository: Repository, name: str) -> bool:
    """Get the last commit of another branch; False where the server has no such branch."""
    assert repository.remote is not None
    url = repository.remote.url
    if not _git(repository, "ls-remote", url, f"refs/heads/{name}"):
        return False
    asked = ("--quiet", "--depth=2", "--no-tags", "--no-recurse-submodules")
    _git(repository, "fetch", *asked, url, f"+refs/heads/{name}:refs/heads/{name}")
    return True


def push(repository: Repository, name: str, commit: str, before: str | None) -> None:
    """Let a branch on the server name a commit ("": delete it), if it still is where it was (None: nowhere)."""
    assert repository.remote is not None
    ref = f"refs/heads/{name}"
    asked = ("--porcelain", "--no-verify", f"--force-with-lease={ref}:{before or ''}")
    _git(repository, "push", *asked, repository.remote.url, f"{commit}:{ref}")


def beside(repository: Repository, scratch: Path) -> Repository:
    """Give the same repository with new objects in another folder, so that the repository stays as it is."""
    own = repository.folder / os.fsdecode(_git(repository, "rev-parse", "--git-path", "objects").removesuffix(b"\n"))
    moved = (("GIT_OBJECT_DIRECTORY", str(scratch)), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(own)))
    return replace(repository, objects=moved)


def _trusted() -> tuple[str, ...]:
    """Ask which folders the user lets git work in although they are another user's; it runs nothing of those."""
    asked = ("git", "-C", Path.home().anchor, "config", "-z", "--get-all", "safe.directory")
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
    done = _run(asked, b"", kept)
    return tuple(os.fsdecode(one) for one in done.stdout.split(b"\0")[:-1])


def commit_of(repository: Repository, name: str) -> str | None:
    """Give the commit that a name means, None where there is none. The name may look like an option."""
    said = _try(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return None if said is None else said.decode().strip()


def current(repository: Repository) -> str:
    """Name the branch that is checked out; ``HEAD`` where there is none."""
    said = _try(repository, "symbolic-ref", "--quiet", "--short", "HEAD")
    return "HEAD" if said is None else os.fsdecode(said.removesuffix(b"\n"))


def entries(repository: Repository, commit: str) -> Iterator[Entry]:
    """List the files of a commit as they stand in it: links and submodules too, each with its mode."""
    listed = _git(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, blob, size = head.decode("ascii").split()
        yield Entry(mode, blob, int(size) if size.isdigit() else -(size == "BAD"), path)


def read(repository: Repository, blobs: Sequence[str], take: Callable[[str, bytes], None]) -> None:
    """Hand over the bytes of each object, in order; none is filtered, and one is in memory at a time."""
    command, environment = _command(repository, "cat-file", "--batch"), _environment(repository)
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{blob}\n" for blob in blobs).encode("ascii"))
        wanted.seek(0)
        with subprocess.Popen(
            command, stdin=wanted, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            assert process.stdout is not None
            for blob in blobs:
                take(blob, _object(process.stdout, blob))


def _object(stream: IO[bytes], blob: str) -> bytes:
    head = stream.readline().split()
    if len(head) != 3 or head[1] != b"blob":
        raise CannotRun(f"object {blob} is missing here: fetch the repository whole")
    data = stream.read(int(head[2]))
    stream.read(1)
    return data


def write_tree(repository: Repository, commit: str, changed: Mapping[bytes, tuple[str, bytes]]) -> str:
    """Write the tree of a commit with other bytes in some files, given as mode and bytes by their paths."""
    with tempfile.TemporaryDirectory(prefix="migrator-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(repository, "read-tree", commit, more=index)
        lines = b"".join(_line(repository, path, *changed[path]) for path in sorted(changed))
        _git(repository, "update-index", "-z", "--index-info", given=lines, more=index)
        return _git(repository, "write-tree", "--missing-ok", more=index).decode().strip()


def _line(repository: Repository, path: bytes, mode: str, data: bytes) -> bytes:
    blob = _git(repository, "hash-object", "-w", "-t", "blob", "--no-filters", "--stdin", given=data).strip()
    return b"%s %s\t%s\0" % (mode.encode(), blob, path)


def difference(repository: Repository, one: str, other: str) -> bytes:
    """Give the files that differ between two commits, with their objects: two equal answers are the same change."""
    return _git(repository, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", one, other)


def write_commit(repository: Repository, tree: str, parent: str, message: str) -> str:
    """Write a commit of ours, and give its name; no branch has it yet."""
    asked = ("commit-tree", tree, "-p", parent, "-F", "-")
    return _git(repository, *asked, given=message.encode("utf-8", "replace")).decode().strip()


def branch(repository: Repository, name: str, base: str) -> Branch | None:
    """Look at a branch, and at whose commits it has since ``base``; None where there is no such branch."""
    tip = commit_of(repository, f"refs/heads/{name}")
    if tip is None:
        return None
    asked = ("rev-list", "--max-count=1000", "--format=%ae%x00%ce", f"{base}..{tip}", "--")
    lines = _git(repository, *asked).split(b"\n")
    mails = {mail for line in lines if b"\0" in line for mail in line.split(b"\0")} - {EMAIL.encode()}
    parents = _git(repository, "rev-parse", f"{tip}^@").decode().split()
    tree = _git(repository, "rev-parse", f"{tip}^{{tree}}").decode().strip()
    return Branch(tip, tuple(parents), tree, tuple(sorted(mail.decode("utf-8", "replace") for mail in mails)))


def in_the_way(repository: Repository, name: str) -> str:
    """Say in one line why a branch must not be moved; "" where it may be."""
    if _try(repository, "symbolic-ref", "--quiet", f"refs/heads/{name}") is not None:
        return f"the branch {name} is a link to another one: delete it"
    held = f"branch refs/heads/{name}".encode()
    for block in _git(repository, "worktree", "list", "--porcelain", "-z").split(b"\0\0"):
        lines = block.split(b"\0")
        if held in lines:
            place = visible(os.fsdecode(lines[0].removeprefix(b"worktree ")))
            return f"the branch {name} is checked out in {place}: switch to another one there"
    parts = name.split("/")
    above = next(
        (one for i in range(1, len(parts)) if commit_of(repository, f"refs/heads/{(one := '/'.join(parts[:i]))}")), ""
    )
    return f"the branch {above} stands in the way of {name}: rename it" if above else ""


def move(repository: Repository, name: str, commit: str, before: str | None) -> None:
    """Let a branch name a commit, if it still is where it was; ``before`` is None where it must not be there."""
    _git(repository, "update-ref", "--no-deref", "-m", "migrator pr", f"refs/heads/{name}", commit, before or "")


def _try(repository: Repository, *arguments: str) -> bytes | None:
    """Ask git something that may have no answer."""
    done = _run(_command(repository, *arguments), b"", _environment(repository))
    return done.stdout if done.returncode == 0 else None


def _git(
    repository: Repository,
    *arguments: str,
    given: bytes = b"",
    more: Mapping[str, str] | None = None,
    at: Sequence[str] | None = None,
) -> bytes:
    """Run one command of git. Raises CannotRun with git's own last line."""
    environment = {**_environment(repository), **(more or {})}
    done = _run(_command(repository, *arguments, at=at), given, environment)
    if done.returncode:
        said = done.stderr or done.stdout
        raise CannotRun(_complaint(arguments[0], said, repository.remote))
    return done.stdout


def _run(command: Sequence[str], given: bytes, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=given, capture_output=True, check=False, timeout=PATIENCE, env=environment)
    except FileNotFoundError:
        raise CannotRun("git is not installed, or not in PATH") from None
    except subprocess.TimeoutExpired:
        raise CannotRun(f"git did not end within {PATIENCE} seconds") from None


def _command(repository: Repository, *arguments: str, at: Sequence[str] | None = None) -> tuple[str, ...]:
    where = ("--git-dir", str(repository.folder)) if at is None else at
    return ("git", "--no-pager", *where, *arguments)


def _environment(repository: Repository) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    made = {**kept, **ENVIRONMENT, **_configured(_settings(repository)), **dict(repository.objects)}
    if repository.remote is not None:
        made["GIT_ALLOW_PROTOCOL"] = repository.remote.url.partition(":")[0]
        made |= {name: os.environ[name] for name in NETWORK if name in os.environ}
    return made


def _settings(repository: Repository) -> Iterator[tuple[str, str]]:
    yield from OVERRULED.items()
    yield from (("safe.directory", folder) for folder in repository.trusted)
    if repository.remote is not None:
        yield from repository.remote.settings.items()


def _configured(settings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Write settings as git reads them from the environment, where no list of processes shows them."""
    listed = tuple(settings)
    numbered = enumerate(listed)
    made = {
        f"GIT_CONFIG_{word}_{i}": text for i, one in numbered for word, text in zip(("KEY", "VALUE"), one, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(listed)), **made}


def _complaint(command: str, said: bytes, remote: Remote | None) -> str:
    text = said.decode("utf-8", "replace")
    for secret in (remote.token, remote.settings[f"http.{remote.url}.extraHeader"]) if remote is not None else ():
        text = text.replace(secret, "***")
    lines = [line for line in text.splitlines() if line.strip() and line != "Done"]
    marked = [line for line in lines if line.startswith(("fatal: ", "!", "remote: error", "remote: fatal"))]
    chosen = (marked or lines or ["it failed"])[0]
    return f"git {command}: {' '.join(visible(chosen.removeprefix('fatal: ')).split())[:300]}"
