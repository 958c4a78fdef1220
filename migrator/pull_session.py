"""Answer one question: how does a plan become a branch and the text of a pull request?

The base commit is laid out in a temporary folder, planned there, and written back as objects of the repository. Only a
branch of our own moves. Nothing of the repository runs, and its configuration counts as it is on the base branch.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.prepared import OWN, WORKFLOWS, leads_out
from migrator.settings import FILES, CannotRun, Settings, SettingsError

if TYPE_CHECKING:
    from migrator.deliver.git import Branch, Entry, Remote, Repository
    from migrator.deliver.pull_request import Change
    from migrator.evidence import ShadowReport
    from migrator.model import Plan
    from migrator.prepared import Numbers, Prepared

DONE = 0
# A file of configuration is small, and what is larger than a notebook is no code.
MOST_CONFIG, MOST_FILE, MOST_ALL = 1_000_000, 20_000_000, 2_000_000_000
# Neither Python nor most tools go deeper into folders.
MOST_FOLDERS = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``migrator pr`` was asked for: ``body`` is the file that the text goes to, None for standard output."""

    repository: Path
    base: str | None = None
    report: Path | None = None
    body: Path | None = None
    to: str | None = None
    is_dry: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Where a pull request starts: the repository, the base as a person calls it, and its commit."""

    repository: Repository
    name: str
    commit: str

    def must_not_be(self, branch: str) -> None:
        """Stop where the base is the branch of the pull request itself, which has nothing left to change."""
        if self.name == branch:
            raise CannotRun(
                f"{branch} is the branch of the pull request itself: name the one that it goes to with --base"
            )


@dataclass(frozen=True, slots=True)
class Copy:
    """The base commit in a folder: ``files`` by their paths there, and what was left out, each kind one sentence."""

    root: Path
    files: Mapping[bytes, Entry]
    aside: tuple[str, ...]


def make(wish: Wish) -> int:
    """Make or renew the branch, write the text, say what was done, and give the exit code."""
    from migrator.shadow_session import read

    report = read(wish.report) if wish.report is not None else None
    with ExitStack() as stack:
        start = _start(wish, stack)
        change, copy = planned(start, wish, report, stack)
        return _deliver(change, copy, start, wish)


def fetched(remote: Remote, base: str, folder: Path) -> Start:
    """Get the last commit of a server's branch into a bare repository, without a checkout."""
    from migrator.deliver import git

    repository = git.clone(remote, folder, base, MOST_FILE)
    commit = git.commit_of(repository, f"refs/heads/{base}")
    assert commit is not None
    return Start(repository, base, commit)


def planned(start: Start, wish: Wish, report: ShadowReport | None, stack: ExitStack) -> tuple[Change, Copy]:
    """Plan the base commit in a folder that does not last."""
    copy = lay_out(start, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-"))))
    return change_of(copy, start, settled(copy, start, wish.to, report), report), copy


def _start(wish: Wish, stack: ExitStack) -> Start:
    """Find the repository and the base; what a dry run writes goes into a folder that does not last."""
    from migrator.deliver import git

    repository = git.open_repository(wish.repository)
    if wish.is_dry:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-"))
        repository = git.beside(repository, Path(scratch))
    name = wish.base or git.current(repository)
    commit = git.commit_of(repository, name)
    if commit is None:
        hint = "name one with --base" if wish.base is None else "`git branch --list` shows the branches"
        raise SettingsError(f"{_shown(name)}: there is no such branch or commit; {hint}")
    return Start(repository, _shown(name) if name != "HEAD" else commit[:12], commit)


def _shown(text: str) -> str:
    from migrator.evidence_words import visible

    return visible(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def lay_out(start: Start, folder: Path) -> Copy:
    """Write the plain files of the base commit into a folder; no link, no submodule, nothing that leaves it."""
    from migrator.deliver import git

    # The planner takes the folder with this one as the project's root, and asks nothing of it.
    root = folder.resolve()
    (root / ".git").mkdir()
    listed = tuple(git.entries(start.repository, start.commit))
    reasons = [_aside(one) for one in listed]
    kept = [one for one, why in zip(listed, reasons, strict=True) if not why]
    if sum(one.size for one in kept) > MOST_ALL:
        raise CannotRun(f"{start.name} has more than {MOST_ALL:,} bytes of files; use migrator apply in a checkout")
    wanted = iter(kept)
    written: dict[bytes, Entry] = {}

    def take(_: str, data: bytes) -> None:
        entry = next(wanted)
        if _write(root, entry.path, data):
            written[entry.path] = entry

    git.read(start.repository, [one.blob for one in kept], take)
    clashing = len(kept) - len(written)
    counts = Counter(filter(None, reasons)) + Counter({"cannot be written beside another here": clashing})
    return Copy(root, written, tuple(f"Not read: {count} × {why}." for why, count in sorted(counts.items())))


def _aside(entry: Entry) -> str:
    """Say why a file is left out; "" where it is not."""
    from migrator.deliver.git import FILES as PLAIN

    if entry.mode not in PLAIN:
        return {"120000": "a symbolic link", "160000": "a submodule"}.get(entry.mode, "no plain file")
    if leads_out(entry.path):
        return "a path that leads out of the repository"
    if len(entry.path.split(b"/")) > MOST_FOLDERS:
        return f"nested in more than {MOST_FOLDERS} folders"
    if os.name == "nt" and any(mark in entry.path for mark in (b"\\", b":")):
        return "a path that this system does not have"
    if not 0 <= entry.size <= MOST_CONFIG and os.fsdecode(entry.path) in FILES:
        raise SettingsError(f"{os.fsdecode(entry.path)}: larger than {MOST_CONFIG:,} bytes; it is not read")
    return "" if 0 <= entry.size <= MOST_FILE else f"larger than {MOST_FILE:,} bytes"


def _write(root: Path, path: bytes, data: bytes) -> bool:
    """Write one file; False where another one is there, as ``A.py`` is for ``a.py`` on some systems."""
    target = root / os.fsdecode(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            stream.write(data)
    except OSError:
        return False
    return True


def settled(copy: Copy, start: Start, to: str | None, report: ShadowReport | None) -> Settings:
    """Read the configuration as it is on the base branch, and what the report lets through."""
    from migrator.deliver.pull_request import label
    from migrator.rulebook import is_own
    from migrator.settings import load
    from migrator.shadow.gate import gate

    try:
        found = load(None, copy.root, {"to": to}, looks_above=False)
    except SettingsError as error:
        raise SettingsError(f"{str(error).replace(f'{copy.root}{os.sep}', '')} (on {start.name})") from None
    if report is not None and label(report.migration) != label(found.migration):
        raise SettingsError(f"the shadow report is about {report.migration}, not about {found.migration}")
    chosen = replace(found, exclude=(*found.exclude, f"/{WORKFLOWS}"), force_exclude=False)
    if is_own(found.migration):
        chosen = replace(chosen, migration=str(_table_of(copy, start, found.migration, to)))
    return chosen if report is None else replace(chosen, gate=gate(report))


def _table_of(copy: Copy, start: Start, name: str, to: str | None) -> Path:
    """Find a migration of the user's own: the user's file, or one of the base branch that its configuration names."""
    if to is not None:
        # It is read from where the user stands, and called as the user calls it.
        return Path(to)
    path = Path(os.path.normpath(copy.root / name))
    is_inside = copy.root in path.parents
    if not is_inside or os.fsencode(path.relative_to(copy.root).as_posix()) not in copy.files:
        raise SettingsError(f"'to' names {_shown(name)}, which is no file of {start.name}")
    return path


def change_of(copy: Copy, start: Start, settings: Settings, report: ShadowReport | None) -> Change:
    """Plan the copy, and say what a person has to know of it."""
    from migrator.deliver.pull_request import Change
    from migrator.plan import make as plan
    from migrator.rulebook import load

    found = plan([copy.root], settings, cwd=copy.root, today=date.today())
    book = load(settings.migration, settings.surfaces)
    aside = (*copy.aside, *_workflows(copy, book.migrations[settings.migration].prefilter))
    return Change(found, book, start.commit, report, tuple(_drafts(found, start, report)), aside)


def _workflows(copy: Copy, needles: Sequence[bytes]) -> Iterator[str]:
    """Name the workflows that name the models: no pull request of ours changes one."""
    from migrator.discover import count

    for path in copy.files:
        if path.startswith(WORKFLOWS.encode()):
            found = count((copy.root / os.fsdecode(path)).read_bytes(), needles)
            if found:
                yield f"{_shown(os.fsdecode(path))}: {found} × an old model; a workflow is left to a person."


def _drafts(plan: Plan, start: Start, report: ShadowReport | None) -> Iterator[str]:
    """Say what is missing before a person may trust this as it is."""
    from migrator.readings import changed

    if report is None:
        yield "nobody has compared the answers yet: run `migrator shadow`, then `migrator pr --shadow-report FILE`"
        return
    if report.canned:
        yield "the answers of the report are scripted, they came from no model"
    if not report.commit or not start.commit.startswith(report.commit):
        yield f"the report was made at commit {report.commit or 'unknown'}, this starts from {start.commit[:12]}"
    if not report.is_complete:
        yield "the comparison ended before all was decided"
    through = {site.site for site in report.sites if site.action in ("apply", "model")}
    sites = ([reach.site.id for reach in one.finding.reaches] for one in changed(plan, review=False))
    unknown = sum(not ids or not through.issuperset(ids) for ids in sites)
    if unknown:
        yield f"{unknown} of the names that change belong to no call that was compared"


def branch_of(change: Change) -> str:
    """Name the branch."""
    from migrator.deliver.pull_request import label

    return f"{OWN}{re.sub('[^A-Za-z0-9._-]+', '-', label(change.plan.migration)).strip('.-') or 'own'}"


def _deliver(change: Change, copy: Copy, start: Start, wish: Wish) -> int:
    """Move the branch, unless it is as it should be or is not ours to move, and write the text."""
    from migrator.deliver import git

    name = branch_of(change)
    start.must_not_be(name)
    there = git.branch(start.repository, name, start.commit)
    if not change.plan.patches:
        return _superseded(change, name, start, there)
    _stop(start, name, there)
    tree = git.write_tree(start.repository, start.commit, blobs(change.plan, copy))
    is_new = there is None or (there.tree, there.parents) != (tree, (start.commit,))
    if is_new:
        from migrator.deliver.pull_request import message

        commit = git.write_commit(start.repository, tree, start.commit, message(change))
        _put(change, wish)
        if not wish.is_dry:
            git.move(start.repository, name, commit, there.tip if there else None)
        _tell(_done(change, name, start, there, commit, wish), wish)
    else:
        _put(change, wish)
        _tell(f"{name} is up to date with {start.name}: no commit was made.", wish)
    for reason in change.drafts:
        _tell(f"draft: {reason}", wish)
    return DONE


def _stop(start: Start, name: str, there: Branch | None) -> None:
    """Stop where the branch is not ours to move."""
    from migrator.deliver import git

    stop_at(name, there.strangers if there is not None else ())
    reason = git.in_the_way(start.repository, name)
    if reason:
        raise CannotRun(reason)


def stop_at(name: str, strangers: Sequence[str]) -> None:
    """Stop where somebody else has a commit on the branch."""
    if strangers:
        who = ", ".join(_shown(one)[:100] for one in strangers[:3])
        raise CannotRun(f"{name} has commits of others ({who}): nothing was changed; merge or delete the branch first")


def blobs(plan: Plan, copy: Copy) -> Mapping[bytes, tuple[str, bytes]]:
    """Give the new bytes of each file, with the mode that it has; a file that was not laid out is an error of ours."""
    found = ((os.fsencode(patch.path.relative_to(copy.root).as_posix()), patch.after) for patch in plan.patches)
    return {path: (copy.files[path].mode, data) for path, data in found if not path.startswith(WORKFLOWS.encode())}


def _superseded(change: Change, name: str, start: Start, there: Branch | None) -> int:
    """Say that there is nothing to change, and what that means for a branch that is there."""
    from migrator.readings import left

    held = sum(one.reason == "shadow" for one in left(change.plan, review=False))
    why = f" {held} × held by the shadow report." if held else ""
    print(f"Nothing to change on {start.name}.{why}")
    if there is not None:
        others = "; it has commits of others, so look at them first" if there.strangers else ""
        print(f"The branch {name} is superseded{others}: git branch -D {name}")
    return DONE


def _put(change: Change, wish: Wish) -> None:
    """Write the text where the user wants it."""
    from migrator.deliver.terminal import write as emit

    data = text(change).encode("utf-8", "replace")
    if wish.body is None:
        emit(data)
        return
    try:
        if not wish.is_dry:
            wish.body.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"{wish.body}: {(error.strerror or str(error)).lower()}") from None


def prepare(change: Change, copy: Copy, start: Start) -> Prepared:
    """Write a change down as data; its objects are in the repository that it starts from."""
    from migrator.deliver import git
    from migrator.deliver.pull_request import content, message, title
    from migrator.prepared import Prepared
    from migrator.readings import changed

    files = blobs(change.plan, copy)
    base_tree = git.tree_of(start.repository, start.commit)
    return Prepared(
        migration=change.plan.migration,
        branch=branch_of(change),
        base=start.name,
        commit=start.commit,
        base_tree=base_tree,
        tree=git.write_tree(start.repository, start.commit, files) if files else base_tree,
        title=title(change.plan, change.book),
        message=message(change),
        body=text(change),
        hash=content(change),
        drafts=change.drafts,
        said=counts(change),
        numbers=_numbers(change),
        models=Counter(one.finding.origin.value for one in changed(change.plan, review=False)),
        files=files,
    )


def _numbers(change: Change) -> Numbers:
    """Count what is found, what changes and what is held."""
    from migrator.model import Review
    from migrator.prepared import Numbers
    from migrator.readings import left

    plan = change.plan
    edits = Counter(edit.transform for patch in plan.patches for edit in patch.edits if edit.text.strip() != ",")
    held = sum(isinstance(one, Review) for one in left(plan, review=False))
    return Numbers(
        found=len(plan.decisions),
        names=edits["model"],
        keys=edits["cache_key"],
        orders=edits["order_prompt"],
        held=held,
        files=len(plan.patches),
        unread=len(plan.skips),
    )


def text(change: Change) -> str:
    """Write the text, with the evidence of the report."""
    from migrator.deliver import markdown
    from migrator.deliver.pull_request import LIMIT, document

    return document(change, "" if change.report is None else markdown.document(change.report, LIMIT // 2))


def _done(change: Change, name: str, start: Start, there: Branch | None, commit: str, wish: Wish) -> str:
    what = f"{counts(change)}, on {start.name} ({start.commit[:12]})"
    if wish.is_dry:
        return f"{name} would be {'made anew' if there else 'made'}: {what}."
    return f"{name} is {'made anew' if there else 'made'} at {commit[:12]}: {what}."


def counts(change: Change) -> str:
    """Count what changes, in words."""
    from migrator.lines import plural
    from migrator.readings import counted

    edits = counted(edit for patch in change.plan.patches for edit in patch.edits)
    return f"{edits} in {plural(len(change.plan.patches), 'file')}"


def _tell(text: str, wish: Wish) -> None:
    """Say it beside the text: on standard error, so that a pipe gets the text alone."""
    if not wish.quiet:
        print(text, file=sys.stderr)
