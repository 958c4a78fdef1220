"""Answer one question: to which calls of a plan does a recorded case belong?

A plan's call is where a change of the model takes effect: the call that makes the request, or the one that makes the
object which does (``ChatOpenAI(model=...)``). What the run noted decides; only where it noted nothing the code does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path

from migrator import plan
from migrator.discover import select
from migrator.find import site_id
from migrator.flow.project import Project
from migrator.flow.symbols import Called, last_name
from migrator.model import CallSite
from migrator.settings import Settings
from migrator.shadow.link import Linker, call_at
from migrator.shadow.model import Case, Linked, Maker, Place, SiteCases
from migrator.shadow.reached import makers

# The usual end of a call that was changed already.
UNNAMED = "{} does not name {} any more, so that nothing changes there"
NO_PLACE = "no line of the project is known of it"
NO_CALL = "its call is not there any more; record again"
MADE_ELSEWHERE = "what made its object does not change"
AMBIGUOUS = "its object may also be made by a call that does not change"
NOT_FOUND = "no call that changes is seen to lead to it"


def link_cases(
    root: Path, sites: Sequence[SiteCases], calls: Sequence[CallSite], cwd: Path | None = None
) -> Mapping[str, tuple[str, ...]]:
    """Give for each case that belongs to calls of a plan their ids, by the case's own.

    ``cwd`` is the folder that the plan's paths are shown from, the root where it is not given.
    """
    return {one.case: one.sites for one in explain(root, sites, calls, cwd) if one.sites}


def explain(
    root: Path, sites: Sequence[SiteCases], calls: Sequence[CallSite], cwd: Path | None = None
) -> tuple[Linked, ...]:
    """Say of each case which calls of a plan it belongs to and how that is known, or why it belongs to none."""
    return Links(root, calls, cwd or root).all(sites)


class Links:
    """The calls of one plan, by the ids that a scan from the root gives, and the code around them."""

    def __init__(self, root: Path, calls: Sequence[CallSite], cwd: Path) -> None:
        self.root = root
        self.linker = Linker(root)
        self.ids = dict(self._ids(calls, cwd))
        self.flows: dict[Place, Linked] = {}
        self.named: dict[tuple[str, str], bool] = {}

    def all(self, sites: Sequence[SiteCases]) -> tuple[Linked, ...]:
        """Say of each case which calls it belongs to, or why to none."""
        return tuple(self.link(case) for site in sites for case in site.cases)

    def _ids(self, calls: Sequence[CallSite], cwd: Path) -> Iterator[tuple[str, str]]:
        """Give each call's id from the root and the plan's own: a path is part of an id, and is shown from a folder."""
        for call in calls:
            shown = Path(os.path.relpath(cwd / call.shown, self.root)).as_posix()
            yield (call.id if shown == call.shown else self._id(shown, call)), call.id

    def _id(self, shown: str, call: CallSite) -> str:
        _, unit = self.linker.unit(shown)
        nodes = unit.parents if unit is not None else ()
        found = next(
            (one for one in nodes if hasattr(one, "end_lineno") and unit and unit.span(one) == call.span), None
        )
        return site_id(unit, found) if unit is not None and found is not None else call.id

    def link(self, case: Case) -> Linked:
        """Link one case, by the surest way there is."""
        is_by_text = case.linked == "template"
        if case.site in self.ids and not is_by_text:
            return Linked(case.id, (self.ids[case.site],), "call")
        made = self._made(case.makers)
        if made:
            return Linked(case.id, made, "constructed")
        around = next((self.ids[call] for call in case.callers if call in self.ids), None)
        if around is not None:
            return Linked(case.id, (around,), "frame")
        if case.site in self.ids:
            return Linked(case.id, (self.ids[case.site],), "template")
        return self._by_flow(case)

    def _made(self, found: Sequence[Maker]) -> tuple[str, ...]:
        """Give the calls that made the nearest objects of which one was made by a call of the plan."""
        for _, group in groupby(found, key=lambda maker: maker.depth):
            hits = (next((self.ids[call] for call in maker.calls if call in self.ids), None) for maker in group)
            known = tuple(dict.fromkeys(hit for hit in hits if hit is not None))
            if known:
                return known
        return ()

    def _by_flow(self, case: Case) -> Linked:
        """Ask the code from where the object was made last, or from the call where the run saw no such place."""
        if case.place is None:
            return Linked(case.id, why=NO_PLACE)
        own = [maker for maker in case.makers if not _is_in(maker.place, case.place)]
        start = own[0].place if own else case.place
        if start not in self.flows:
            self.flows[start] = self._flow(start, is_made=bool(own))
        found = self.flows[start]
        why = (
            found.why if found.sites or self._names(start.file, case.model) else UNNAMED.format(start.file, case.model)
        )
        return Linked(case.id, found.sites, found.how, why)

    def _names(self, file: str, model: str) -> bool:
        """Say whether a model's name stands in a file, or cannot be looked for there."""
        if (file, model) not in self.named:
            try:
                text = (self.root / file).read_bytes()
                name = re.escape(model.encode())
                self.named[file, model] = re.search(rb"(?<![\w.-])" + name + rb"(?![\w.-])", text) is not None
            except OSError:
                self.named[file, model] = True
        return self.named[file, model]

    def _flow(self, start: Place, *, is_made: bool) -> Linked:
        unit = self.project.unit(self.root / start.file)
        digest, _ = self.linker.unit(start.file)
        call = call_at(unit.tree, start) if unit is not None and digest == start.source else None
        if unit is None or call is None:
            return Linked("", why=NO_CALL)
        reached = makers(self.project, unit, call)
        hits = {one: self.ids[key] for one in reached if (key := site_id(one.unit, one.call)) in self.ids}
        if not hits:
            return Linked("", why=MADE_ELSEWHERE if is_made else NOT_FOUND)
        if _names(hits) & _names(one for one in reached if one not in hits):
            return Linked("", why=AMBIGUOUS)
        return Linked("", tuple(dict.fromkeys(hits.values())), "flow")

    @cached_property
    def project(self) -> Project:
        """Read the project's code, once it is asked for."""
        settings = Settings()
        return plan.Code(self.root, self.root, select([self.root], settings, self.root), settings).project()


def _names(calls: Iterable[Called]) -> set[str]:
    return {name for one in calls if (name := last_name(one.call.func))}


def _is_in(place: Place, call: Place) -> bool:
    """Say whether an object was made by the recorded call itself, as a library does that makes it when it is used."""
    return (place.file, place.line, place.column) == (call.file, call.line, call.column) and (
        (place.end_line, place.end_column) == (call.end_line, call.end_column)
    )
