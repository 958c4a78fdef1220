"""Answer one question: which cases has a project, also those that only their text links to a call?

The code is read for that, so it is done only where there are such cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migrator.model import CallSite
from migrator.settings import load as load_settings
from migrator.shadow.cases import load
from migrator.shadow.match import fitting
from migrator.shadow.model import Case, Place, SiteCases


def load_linked(root: Path) -> tuple[SiteCases, ...]:
    """Give all cases of a project by site, those without a line linked by their template where one call fits."""
    sites = load(root)
    loose = [case for one in sites for case in one.cases if not case.site]
    if not loose:
        return sites
    from migrator.survey import templates  # reads the code, which takes a while

    read = tuple(templates(root, load_settings(None, root, {})))
    found = fitting(root, loose, [(call.id, template) for call, _, template in read])
    places = {call.id: _place(call, function) for call, function, _ in read}
    return regrouped(sites, found, places)


def _place(call: CallSite, function: str) -> Place:
    return Place(call.shown, function, call.position.line, None, None, None, "")


def regrouped(
    sites: Sequence[SiteCases], found: Mapping[str, Sequence[str]], places: Mapping[str, Place]
) -> tuple[SiteCases, ...]:
    """Move each case that one call fits to that call; the others learn how many fit."""
    moved: dict[str, list[Case]] = defaultdict(list)
    stay: list[SiteCases] = []
    for one in sites:
        left = []
        for case in one.cases:
            fits = found.get(case.id, ()) if not case.site else ()
            if len(fits) == 1:
                (site,) = fits
                moved[site].append(replace(case, site=site, place=places[site], linked="template"))
            else:
                left.append(replace(case, fits=len(fits)) if fits else case)
        stay.append(replace(one, cases=tuple(left), seen=one.seen - (len(one.cases) - len(left))))
    joined = [_joined(one, moved.pop(one.site, [])) for one in stay if one.cases]
    fresh = [SiteCases(site, places[site], _ordered(cases), len(cases)) for site, cases in moved.items()]
    return tuple(sorted((*joined, *fresh), key=_order))


def _joined(one: SiteCases, more: Sequence[Case]) -> SiteCases:
    return replace(one, cases=_ordered((*one.cases, *more)), seen=one.seen + len(more)) if more else one


def _ordered(cases: Sequence[Case]) -> tuple[Case, ...]:
    return tuple(sorted(cases, key=lambda case: case.taken))


def _order(site: SiteCases) -> tuple[bool, str, int]:
    return (site.place is None, site.place.file if site.place else "", site.place.line if site.place else 0)
