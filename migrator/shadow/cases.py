"""Answer one question: which cases has a project, site by site?

The records of all runs are read and joined by the sample's own rule: of each stratum those with the
smallest draw, taken in turns until a site has its share. A line that a kill cut off is passed over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise, zip_longest
from pathlib import Path

from migrator.shadow import folder
from migrator.shadow.link import Linker
from migrator.shadow.model import Case, Maker, Place, SiteCases

VERSION = 1
MOST_FAILED = 20

# What is written of one frame: file, line, function, and the lines and columns of its call.
FRAME = 7

Record = Mapping[str, object]


@dataclass(slots=True)
class Gathered:
    """The records so far. A key is a place as the recorder wrote it: file, line and column."""

    cases: dict[str, list[Case]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    caps: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def load(root: Path) -> tuple[SiteCases, ...]:
    """Give all cases of a project, by site, in the order of the files."""
    linker, found = Linker(root), Gathered()
    for run in folder.runs(root):
        for path in sorted(run.glob("*.jsonl")):
            _load(path, partial(linker.site, run), found)
        linker.keep(run)
    return tuple(sorted(_sites(found), key=_order))


def _load(path: Path, link: Callable[[Place], str], found: Gathered) -> None:
    """Add what one process wrote."""
    seen: dict[str, int] = {}
    for record in records(path):
        counts = record.get("counts")
        if isinstance(counts, dict):
            seen.update(counts)
        elif (case := case_of(record, link)) is not None:
            key = _key(case)
            found.cases[key].append(case)
            found.caps[key] = max(found.caps[key], _int(record.get("cap")))
            seen[key] = max(seen.get(key, 0), _int(record.get("seen")))
    for key, count in seen.items():
        found.seen[key] += count


def records(path: Path) -> Iterator[Record]:
    """Give the records of a file, whole ones of our version."""
    with path.open("rb") as stream:
        for line in stream:
            if (record := parsed(line)) is not None:
                yield record


def parsed(line: bytes) -> Record | None:
    """Read one line; None for what is cut off or not ours."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("version") == VERSION else None


def case_of(record: Record, link: Callable[[Place], str]) -> Case | None:
    """Read one record; None for what is not of our shape."""
    request, response = record.get("request"), record.get("response")
    if not isinstance(request, dict) or "id" not in record:
        return None
    sources = _texts(record.get("sources"))
    place = _place(record.get("place"), sources)
    made = record.get("made")
    site = link(place) if place is not None else ""
    lacks = record.get("lacks")
    return Case(
        id=str(record["id"]),
        site=site,
        place=place,
        endpoint=str(record.get("endpoint", "")),
        address=str(record.get("address", "")),
        request=request,
        response=response if isinstance(response, dict) else None,
        status=_int(record.get("status")) or None,
        error=str(record["error"]) if record.get("error") else None,
        whole=record.get("whole") is True,
        retries=_int(record.get("retries")),
        latency=_float(record.get("latency")),
        first=_float(record.get("first")),
        taken=str(record.get("taken", "")),
        commit=str(record.get("commit", "")),
        versions=_texts(record.get("versions")),
        redacted=_counts(record.get("redacted")),
        raw=record.get("raw") is True,
        stratum=str(record.get("stratum", "")),
        draw=_float(record.get("draw")) or 0.0,
        callers=tuple(filter(None, map(link, _around(record.get("place"), sources)))),
        makers=tuple(_makers(made, sources, link)) if isinstance(made, list) else (),
        origin=str(record.get("origin", "")),
        lacks=tuple(str(one) for one in lacks) if isinstance(lacks, list) else (),
        linked="place" if site else "",
    )


def _makers(made: Sequence[object], sources: Mapping[str, str], link: Callable[[Place], str]) -> Iterator[Maker]:
    for said in made:
        place = _place(said, sources)
        if place is not None and isinstance(said, dict):
            calls = tuple(filter(None, map(link, (place, *_around(said, sources)))))
            yield Maker(place, calls, _int(said.get("depth")))


def _around(said: object, sources: Mapping[str, str]) -> Iterator[Place]:
    """Give the calls that were running around a place, the nearest first. Each called the function of the next."""
    stack = said.get("stack") if isinstance(said, dict) else None
    frames = [frame for frame in stack if isinstance(frame, list)] if isinstance(stack, list) else []
    for outer, inner in reversed(list(pairwise(frames))):
        if len(outer) == FRAME:
            start, end, column, end_column = (value if isinstance(value, int) else None for value in outer[3:])
            file, calls = str(outer[0]), str(inner[2]).rpartition(".")[2]
            where = (start or _int(outer[1]), end, column, end_column)
            yield Place(file, str(outer[2]), *where, sources.get(file, ""), calls=calls)


def _place(said: object, sources: Mapping[str, str]) -> Place | None:
    if not isinstance(said, dict):
        return None
    ends = (said.get("end_line"), said.get("column"), said.get("end_column"))
    end_line, column, end_column = (value if isinstance(value, int) else None for value in ends)
    stack = tuple((str(one[0]), _int(one[1]), str(one[2])) for one in said.get("stack", ()))
    return Place(
        file=str(said.get("file", "")),
        function=str(said.get("function", "")),
        line=_int(said.get("line")),
        end_line=end_line,
        column=column,
        end_column=end_column,
        source=str(said.get("source") or sources.get(str(said.get("file", "")), "")),
        stack=stack,
        makes=str(said.get("makes", "")),
    )


def _sites(found: Gathered) -> Iterator[SiteCases]:
    """Join the places that are one call: its lines may have moved between two runs."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key, cases in found.cases.items():
        groups[next((one.site for one in cases if one.site), key)].append(key)
    for keys in groups.values():
        cases = [case for key in keys for case in found.cases[key]]
        most = max(found.caps[key] for key in keys)
        answered = sample((one for one in cases if one.is_answered), most)
        failed = sample((one for one in cases if not one.is_answered), min(most, MOST_FAILED))
        kept = tuple(sorted((*answered, *failed), key=lambda one: one.taken))
        yield SiteCases(kept[-1].site, kept[-1].place, kept, sum(found.seen[key] for key in keys))


def sample(cases: Iterable[Case], most: int) -> Sequence[Case]:
    """Take at most so many (all for 0), from each stratum in turn, those with the smallest draw first."""
    strata: dict[str, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda one: one.draw):
        strata[case.stratum].append(case)
    turns = chain.from_iterable(zip_longest(*strata.values()))
    return [case for case in turns if case is not None][: most or None]


def _key(case: Case) -> str:
    """A place as the recorder wrote it; what was imported without one is not sampled together with other cases."""
    return f"{case.origin}::" if case.place is None else _spot(case.place)


def _spot(place: Place | None) -> str:
    return f"{place.file}:{place.line}:{place.column}" if place is not None else "::"


def _order(site: SiteCases) -> tuple[bool, str, int]:
    return (site.place is None, site.place.file if site.place else "", site.place.line if site.place else 0)


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _texts(value: object) -> Mapping[str, str]:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}


def _counts(value: object) -> Mapping[str, int]:
    return {str(key): _int(one) for key, one in value.items()} if isinstance(value, dict) else {}


def count(run: Path) -> tuple[int, int]:
    """Give how many records a run has, and from how many places."""
    found = [record for path in run.glob("*.jsonl") for record in records(path) if "counts" not in record]
    return len(found), len({_spot(_place(record.get("place"), {})) for record in found})
