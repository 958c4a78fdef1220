"""Answer one question: which call sent a request of which nobody noted the line?

The prompt tells: a request is that of a call if the call's ``Template`` binds to its messages, static text letter by
letter, and the static text is long enough to be telling. Where two calls fit, the one that says more of the text is
meant; where they say equally much, none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migrator.prompts.template import Message, Segment, Template
from migrator.settings import load
from migrator.shadow.bind import fits as binds
from migrator.shadow.model import Case
from migrator.shadow.recorder.redact import Redactor

# Characters of static text without white space. “You are a helpful assistant.” has 24, and stands before the prompts
# of many programs: it alone tells nothing.
LEAST = 32

_PLACEHOLDER = re.compile(r"<([a-z]+)-\d+>")
Templates = Sequence[tuple[str, Template]]


def match_cases(root: Path, cases: Sequence[Case], templates: Templates) -> Mapping[str, str]:
    """Give the id of the call for each case that one call sent, by the case's id.

    ``templates`` holds the id of each call with its prompt. From ``root`` the patterns are read that were redacted:
    what is replaced in a request is replaced in the prompt too before they are compared.
    """
    found = fitting(root, cases, templates)
    return {case: sites[0] for case, sites in found.items() if len(sites) == 1}


def fitting(root: Path, cases: Sequence[Case], templates: Templates) -> Mapping[str, tuple[str, ...]]:
    """Give for each case the calls that fit it best: one, or several that fit equally well."""
    telling = tuple(sorted(_telling(templates), key=lambda one: -one[2]))
    masked: list[tuple[str, Template, int]] | None = None
    found: dict[str, tuple[str, ...]] = {}
    for case in cases:
        if case.redacted and masked is None:
            patterns = load(None, root, {}).redact
            masked = [(site, _masked(template, patterns), size) for site, template, size in telling]
        sites = _best(_neutral(case.request), masked or telling) if case.redacted else _best(case.request, telling)
        if sites:
            found[case.id] = sites
    return found


def _telling(templates: Templates) -> Iterator[tuple[str, Template, int]]:
    for site, template in templates:
        size = sum(len("".join(s.text.split())) for m in template.messages for s in m.segments if s.text is not None)
        if size >= LEAST:
            yield site, template, size


def _best(request: Mapping[str, object], telling: Sequence[tuple[str, Template, int]]) -> tuple[str, ...]:
    """The calls that fit, of those with the most static text."""
    found: dict[str, int] = {}
    for site, template, size in telling:
        if found and size < max(found.values()):
            break
        if binds(request, template):
            found[site] = size
    return tuple(found)


def _masked(template: Template, patterns: Sequence[str]) -> Template:
    redactor = Redactor(patterns)
    return replace(template, messages=tuple(_masked_message(redactor, one) for one in template.messages))


def _masked_message(redactor: Redactor, message: Message) -> Message:
    return replace(message, segments=tuple(_masked_segment(redactor, one) for one in message.segments))


def _masked_segment(redactor: Redactor, segment: Segment) -> Segment:
    if segment.text is None:
        return segment
    return replace(segment, text=_PLACEHOLDER.sub(r"<\1>", redactor.mask({}).text(segment.text)))


def _neutral(request: Mapping[str, object]) -> Mapping[str, object]:
    """The request with placeholders without their numbers, which count within a record."""
    said = _without_numbers(request)
    return said if isinstance(said, Mapping) else request


def _without_numbers(value: object) -> object:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(r"<\1>", value)
    if isinstance(value, Mapping):
        return {key: _without_numbers(one) for key, one in value.items()}
    return [_without_numbers(one) for one in value] if isinstance(value, list) else value
