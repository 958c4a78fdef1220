"""Answer one question: what does a shadow report look like as JUnit XML, a test for each call?

The shape is that of Jenkins' ``junit-10.xsd``, which others read too. A call that fails is a failure; one that is open
or was not compared is skipped, because nothing is wrong with it and nothing is shown; one whose requests got no answer
is an error. A difference that a person accepted is no failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from migrator import evidence_words as words
from migrator.evidence import Exchange, ShadowReport, SiteEvidence
from migrator.lines import plural

SUITE = "migrator shadow"
EXAMPLES = 3
TEXT = 400
# Besides what ``visible`` escapes, XML has no such characters.
_NO_XML = re.compile("[\ufffe\uffff]")


def document(report: ShadowReport) -> bytes:
    """Write the document, UTF-8 with its declaration and a final newline. The same report gives the same bytes."""
    root = Element("testsuites", {"name": SUITE})
    suite = SubElement(root, "testsuite", {"name": SUITE, "timestamp": report.created[:19]})
    _properties(suite, report)
    cases = [
        *(_case(site) for site in report.sites),
        *(_held(report.places.get(site, f"[{site}]"), why) for site, why in report.held.items()),
    ]
    suite.extend(cases)
    numbers = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
    }
    skipped = sum(case.find("skipped") is not None for case in cases)
    root.attrib.update({name: str(number) for name, number in numbers.items()})
    suite.attrib.update({name: str(number) for name, number in (*numbers.items(), ("skipped", skipped))})
    _say(suite, "system-out", "\n".join(_whole(report)))
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _properties(suite: Element, report: ShadowReport) -> None:
    told = {
        "canned": report.canned,
        "migration": report.migration,
        "commit": report.commit,
        "server": report.server,
        "tool": f"migrator {report.tool}",
        "spent": f"{report.money.spent:.4f} USD",
    }
    found = SubElement(suite, "properties")
    for name, value in told.items():
        if value:
            SubElement(found, "property", {"name": name, "value": _clean(value)})


def _case(site: SiteEvidence) -> Element:
    attributes = {
        "classname": _clean(site.file.removesuffix(".py").replace("/", ".")),
        "name": _clean(f"{site.function or 'module'} [{site.site}]"),
    }
    case = Element("testcase", attributes)
    said = _clean(f"{site.outcome}: {words.reason(site)}")
    if site.outcome == "fail" and site.accepted is None:
        found = _say(case, "failure", "\n".join((*_numbers(site), *_examples(site))))
        found.attrib |= {"message": said, "type": "hard failure" if _is_hard(site) else "regression"}
    elif not site.compared:
        SubElement(case, "error", {"message": said, "type": "no answer"})
    elif site.outcome == "inconclusive" and site.accepted is None:
        SubElement(case, "skipped", {"message": said})
    _say(case, "system-out", "\n".join((said, *_numbers(site))))
    return case


def _is_hard(site: SiteEvidence) -> bool:
    return any(one.flip == "failure" for one in site.exchanges)


def _held(site: str, reason: str) -> Element:
    """A call that was not compared, by its place, or by its id where the report has no more."""
    case = Element("testcase", {"classname": "not compared", "name": _clean(site)})
    SubElement(case, "skipped", {"message": _clean(f"not compared: {reason}")})
    return case


def _numbers(site: SiteEvidence) -> Iterator[str]:
    yield f"{words.place(site)}, read as {site.contract}: {words.action(site)}"
    yield f"cases {site.compared}, noise {words.percent(site.noise.share)}, new {words.percent(site.new.share)}"
    yield f"excess {words.signed(site.excess)} ({words.interval(site)}), margin {words.percent(site.margin)}"
    yield from (f"{name} {moved}" for name, moved in words.movements(site))
    if site.attribution is not None:
        yield words.blame(site)
    if site.accepted is not None:
        yield words.acceptance(site)
    for reason, count in site.unbound.items():
        yield f"{plural(count, 'case')} not compared: {words.visible(reason)}"


def _examples(site: SiteEvidence) -> Iterator[str]:
    for one in words.worst(site)[:EXAMPLES]:
        yield ""
        yield from _example(one)


def _example(one: Exchange) -> Iterator[str]:
    yield f"{words.visible(one.case)}  {words.told(one)}"
    yield f"asked     {words.excerpt(one.prompt, '', TEXT)}"
    yield f"recorded  {words.excerpt(one.recorded, one.new, TEXT)}"
    yield f"old       {words.excerpt(one.old, one.recorded, TEXT)}"
    yield f"new       {words.excerpt(one.new, one.recorded, TEXT)}"


def _whole(report: ShadowReport) -> Iterator[str]:
    if report.canned:
        yield words.visible(report.canned)
    yield f"{words.counts(report)}; {words.spent(report)}"
    yield from words.around(report)
    yield words.ending(report)


def _say(parent: Element, name: str, text: str) -> Element:
    found = SubElement(parent, name)
    found.text = _clean(text)
    return found


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", words.visible(text))
