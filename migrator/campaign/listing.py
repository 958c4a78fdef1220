"""Answer one question: which repositories does a campaign go to?

They stand in a file, or belong to an organisation or to an installation of an app. Archived ones, forks, and those with
the topic ``no-migrator`` are left out; what a list alone does not say is looked at when its repository is scanned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from migrator.pull_forge import OPT_OUT, is_name
from migrator.settings import SettingsError


@dataclass(frozen=True, slots=True)
class About:
    """What the forge says of a repository; ``branch`` is the one that a pull request goes to."""

    name: str
    branch: str
    is_archived: bool
    is_fork: bool
    is_empty: bool
    language: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which repositories are wanted: each of these, where it is given."""

    match: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    forks: bool = False

    def fits(self, name: str) -> bool:
        """Say whether a name is wanted: ``acme/billing-*``, or ``billing-*`` for any owner."""
        bare = name.partition("/")[2]
        return not self.match or any(fnmatchcase(name, one) or fnmatchcase(bare, one) for one in self.match)

    def against(self, about: About) -> str:
        """Say why a repository is left out; "" where it is not."""
        if about.is_archived:
            return "archived"
        if about.is_fork and not self.forks:
            return "a fork"
        if OPT_OUT in about.topics:
            return f"it has the topic {OPT_OUT}"
        if self.topics and not set(self.topics) & set(about.topics):
            return f"without the topic {' or '.join(self.topics)}"
        if self.languages and about.language.lower() not in map(str.lower, self.languages):
            return f"not written in {' or '.join(self.languages)}"
        return "empty" if about.is_empty else ""


def read(path: Path) -> tuple[str, ...]:
    """Read a list: ``owner/name`` on each line, ``#`` begins a comment. Raises SettingsError with the line's number."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no UTF-8"
        raise SettingsError(f"{path}: {said}") from None
    return unique(_named(text.splitlines(), path))


def _named(lines: Iterable[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        name = line.partition("#")[0].strip().removesuffix("/").removesuffix(".git")
        if not name:
            continue
        if not is_name(name):
            raise SettingsError(f"{path}:{number}: {line.strip()[:80]!r} is no repository; write owner/name")
        yield name


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Give each once; GitHub does not tell capitals from small letters."""
    return tuple({name.lower(): name for name in names}.values())


def about(said: Mapping[str, object]) -> About:
    """Read what the forge says of one repository. Raises SettingsError where that has no name."""
    name = str(said.get("full_name", ""))
    if not is_name(name):
        raise SettingsError(f"the forge names a repository {name[:80]!r}, which is no name of one")
    topics = said.get("topics")
    return About(
        name=name,
        branch=str(said.get("default_branch") or ""),
        is_archived=bool(said.get("archived")) or bool(said.get("disabled")),
        is_fork=bool(said.get("fork")),
        is_empty=said.get("size") == 0 and not said.get("default_branch"),
        language=str(said.get("language") or ""),
        topics=tuple(map(str, topics)) if isinstance(topics, list) else (),
    )


def chosen(found: Iterable[About], filters: Filters) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Give the names that are wanted, and count what was left out, by its reason."""
    names: list[str] = []
    out: dict[str, int] = {}
    for one in found:
        why = filters.against(one) if filters.fits(one.name) else "its name does not match"
        if why:
            out[why] = out.get(why, 0) + 1
        else:
            names.append(one.name)
    return unique(names), out


def matching(names: Sequence[str], filters: Filters) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Do the same where only names are known."""
    kept = tuple(name for name in names if filters.fits(name))
    missing = len(names) - len(kept)
    return kept, {"its name does not match": missing} if missing else {}
