"""Answer one question: what do the prompts come to that these paths send, whichever model they run on?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from migrator import discover
from migrator.find import call_site, qualname
from migrator.flow.unit import Unit
from migrator.folders import project_root
from migrator.model import CallSite, Prompt, Skip, Survey
from migrator.plan import Code, Progress
from migrator.plan_prompts import is_ignored, keyed, put_in_order
from migrator.prompts.report import prompt
from migrator.prompts.sending import candidates
from migrator.prompts.servers import against, models
from migrator.prompts.sites import Site, sites
from migrator.prompts.template import Template
from migrator.prompts.varying import Reader
from migrator.rulebook import Migration, load, load_caching
from migrator.settings import Settings


def survey(
    paths: Sequence[Path], settings: Settings, *, cwd: Path, today: date, progress: Progress | None = None
) -> Survey:
    """Look at every call that sends a prompt. Reads files, asks no network and writes nothing."""
    walk = Walk(paths, settings, cwd)
    if not walk.hits:
        return Survey(settings.migration, (), tuple(walk.skips), len(walk.selection.python))
    reader = walk.reader()
    seen: list[Prompt] = []
    for unit in walk.units(reader, progress):
        seen += _prompts(reader, unit, reader.rules.migrations[settings.migration], settings, today)
    read, known = len(walk.selection.python), len(reader.project.units)
    return Survey(settings.migration, tuple(seen), tuple(walk.skips), read, known)


def templates(root: Path, settings: Settings) -> Iterator[tuple[CallSite, str, Template]]:
    """Give each call below ``root`` whose prompt the code shows, with the name of its function and the prompt.

    The ids are those of a scan from ``root``. Reads files, asks no network and writes nothing.
    """
    walk = Walk([root], settings, root)
    reader = walk.reader()
    for unit in walk.units(reader):
        for site in sites(reader, unit):
            if site.template is not None:
                yield call_site(unit, site.call, site.surface.name), qualname(unit, site.call), site.template


class Walk:
    """The files of some paths that can send a prompt, and what was skipped."""

    def __init__(self, paths: Sequence[Path], settings: Settings, cwd: Path) -> None:
        self.rules = load(settings.migration, settings.surfaces)
        self.selection = discover.select(paths, settings, cwd)
        found = tuple(candidates(self.selection.python, self.rules))
        self.skips = [*self.selection.skips, *(f for f in found if isinstance(f, Skip))]
        self.hits = [f for f in found if isinstance(f, discover.Candidate)]
        self.code = Code(project_root(paths, cwd), cwd, self.selection, settings)

    def reader(self) -> Reader:
        """Read the project around the files."""
        return Reader(self.code.project({hit.file.path: hit.data for hit in self.hits}), self.rules, load_caching())

    def units(self, reader: Reader, progress: Progress | None = None) -> Iterator[Unit]:
        """Give the files that can be read, one by one; the others are skipped."""
        for number, hit in enumerate(self.hits, 1):
            if progress is not None:
                progress(hit.file.shown, number, len(self.hits))
            unit = reader.project.unit(hit.file.path)
            if unit is None:
                self.skips.append(reader.project.skips[hit.file.path])
            else:
                yield unit


def _prompts(reader: Reader, unit: Unit, migration: Migration, settings: Settings, today: date) -> Iterator[Prompt]:
    counts: Counter[str] = Counter()
    for site in sites(reader, unit):
        knows = site.surface.prompt or site.surface.cache_key
        if knows and not is_ignored(unit, site.call, today):
            yield _prompt(reader, site, migration, settings, counts)


def _prompt(reader: Reader, site: Site, migration: Migration, settings: Settings, counts: Counter[str]) -> Prompt:
    """Read one call, with the key that it has or would get."""
    now = models(reader, site)
    place = call_site(site.unit, site.call, site.surface.name)
    seen = against(reader, site, migration)
    is_azure = seen is not None and seen[0] == "azure"
    later = () if is_azure else tuple(dict.fromkeys(migration.rename(name) or name for name in now))
    _, ordered, _ = put_in_order(reader, site, Settings())
    found = prompt(site, place, later, reader.caching, before=now)
    told = ordered.on(replace(found, is_azure=is_azure), reader.caching)
    if told.reason:
        return told
    if seen is not None and not (is_azure and settings.azure_keys):
        return replace(told, reason=seen[0], detail=seen[1])
    return keyed(reader, site, told, False, counts)[0]
