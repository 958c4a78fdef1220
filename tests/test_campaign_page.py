"""Answer one question: can a person read the page of a campaign, whatever the forge and the repositories say?

The tests marked ``browser`` open it from disk in headless Chromium. Every campaign here is made up.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sqlalchemy", reason="a campaign needs the extra: pip install -e '.[fleet]'")

from made_up import HOSTILE
from test_html import Page

from migrator import rulebook
from migrator.campaign import ledger as states
from migrator.campaign import page, status
from migrator.campaign.ledger import Campaign, Event, Row
from migrator.campaign.status import Status
from migrator.deliver import html

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BEGAN = 1_794_997_600.0
BOOKS = {"gpt-4.1-mini": rulebook.load("gpt-4.1-mini")}
NUMBERS = {"found": 5, "names": 3, "held": 1, "keys": 1, "orders": 0, "files": 2, "migration": "gpt-4.1-mini"}


def rows() -> list[Row]:
    def one(minute: int, state: str, **more: object) -> Row:
        return Row(f"acme/service-{minute}", state, 1, BEGAN + minute * 60, **more)  # type: ignore[arg-type]

    models = {"gpt-4o": 2, "openai/gpt-4o-mini": 1}
    return [
        one(1, states.MERGED, url="https://forge.example/1", number=1, numbers={**NUMBERS, "models": models}),
        one(2, states.OPEN, url="https://forge.example/2", number=12, numbers={**NUMBERS, "models": {"own-model": 1}}),
        one(3, states.OPEN, url="https://forge.example/3", number=9, numbers={**NUMBERS, "models": models}),
        one(4, states.FAILED, reason="git fetch: acme/service-4 is gone"),
        one(5, states.FAILED, reason="git fetch: acme/service-5 is gone"),
        one(6, states.SKIPPED, reason="archived"),
        one(7, states.TODO),
    ]


def events() -> list[Event]:
    steps = [(1, "scanning"), (1, "waiting"), (1, "sending"), (1, "open"), (1, "merged"), (2, "open"), (3, "open")]
    steps += [(4, "failed"), (5, "failed"), (6, "skipped")]
    before: dict[int, str] = {}
    found = []
    for minute, (number, after) in enumerate(steps):
        found.append(Event(BEGAN + minute * 60, f"acme/service-{number}", before.get(number, "todo"), after))
        before[number] = after
    return found


def told(listed: list[Row], **more: object) -> Status:
    numbers, models = status.totals(listed)
    counts = {state: sum(row.state == state for row in listed) for state in states.STATES}
    campaign = Campaign("models", BEGAN, 0.0, "", {"to": "gpt-4.1-mini"}, {"max_open": 2, **more})
    reasons = status.reasons(listed)
    return Status(campaign, BEGAN + 1200, counts, reasons, numbers, models, 9, 500, 6.0, 3600.0, {"a#1": (40.0, "why")})


def read(listed: list[Row]) -> Page:
    return Page(page.document(told(listed), listed, events(), BOOKS).decode())


def test_the_words_of_the_status() -> None:
    assert "\n".join(status.words(told(rows(), windows=["mon 08:00-09:00"]))) == (
        "models: 7 repositories to gpt-4.1-mini, since 2026-11-18 10:26 UTC\n"
        "  to do                   1\n"
        "  open                    2\n"
        "  merged                  1\n"
        "  left out                1\n"
        "      1 × archived\n"
        "  failed                  2\n"
        "      2 × git fetch: … is gone\n"
        "\n"
        "9 names changed or to change, 3 held for a person.\n"
        "9 of 500 requests in the last hour.\n"
        "6 pull requests an hour, about 60 min left.\n"
        "a#1 waits 40 s: why\n"
        "Outside of its windows (mon 08:00-09:00); opens Mon 23 Nov 08:00 UTC."
    )
    assert status.line(told(rows()).counts) == "6 of 7: 2 open, 1 merged, 1 left out, 2 failed"


def test_the_table_of_the_status_is_plain_json() -> None:
    said = json.loads(json.dumps(status.table(told(rows()), rows())))
    assert (said["states"]["open"], said["models"]) == (2, {"gpt-4o": 4, "openai/gpt-4o-mini": 2, "own-model": 1})
    assert said["repositories"][3] == {
        "name": "acme/service-4",
        "state": "failed",
        "since": "2026-11-18T10:30:40+00:00",
        "turn": 1,
        "reason": "git fetch: acme/service-4 is gone",
    }


def test_the_page_says_all_without_a_script() -> None:
    found = read(rows())
    for said in (
        "7 repositories to gpt-4.1-mini, since 2026-11-18 10:26 UTC; as of 2026-11-18 10:46 UTC.",
        "names that change 9",
        "names held for a person to decide 3",
        "names that stay as they are 3",
        "gpt-4o → gpt-4.1-mini 4 $2.50 $0.40 −$2.10 saved (−84 %) $10.00 $1.60 −$8.40 saved (−84 %)",
        "openai/gpt-4o-mini → gpt-4.1-mini 2 $0.15 $0.40 +$0.25 added (+167 %) $0.60 $1.60 +$1.00 added (+167 %)",
        "own-model → gpt-4.1-mini 1 not known $0.40 – not known $1.60 –",
        "so there is no sum: multiply a change by the tokens of the calls.",
        "failed 2 git fetch: … is gone",
        "acme/service-3 open 2026-11-18 10:29 3 1 #9",
    ):
        assert said in found.text, said


def test_a_migration_that_is_not_known_here_has_no_price() -> None:
    own = {**NUMBERS, "models": {"gpt-4o": 2}, "migration": "acme.toml"}
    found = read([*rows(), Row("acme/own", states.OPEN, 1, BEGAN, numbers=own)])
    assert "gpt-4o → acme.toml 2 not known not known – not known not known –" in found.text
    assert "gpt-4o → gpt-4.1-mini 4 $2.50" in found.text


def test_the_picture_is_what_the_events_say() -> None:
    found = page.moments(7, BEGAN, BEGAN + 1200, events())
    assert found[0].counts["todo"] == 7
    assert [one.counts["todo"] for one in found[:3]] == [7, 6, 6]
    assert dict(found[-1].counts) == {"merged": 1, "open": 2, "closed": 0, "failed": 2, "waiting": 0, "todo": 1}
    # A long campaign is drawn in a few hundred steps, and ends as it ended.
    many = [Event(BEGAN + number, "acme/r", "todo", "clean") for number in range(9_000)]
    drawn = page.moments(9_000, BEGAN, BEGAN + 9_000, many)
    assert len(drawn) <= page.STEPS + 2
    assert drawn[-1].counts["todo"] == 0


def test_no_text_becomes_markup_and_no_other_link_is_followed() -> None:
    bad = [
        Row(f"acme/{number}", states.FAILED, 1, BEGAN, reason=text, url=f"javascript:{text}", number=1)
        for number, text in enumerate((*HOSTILE, "<script>alert(1)</script>", "http://forge.example/1"))
    ]
    calm, found = read(rows()), read(bad)
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in calm.elements}
    assert [a for _, a in found.elements if "href" in a or any(name.startswith("on") for name in a)] == []
    assert [a["href"] for _, a in calm.elements if "href" in a] == [f"https://forge.example/{n}" for n in (1, 2, 3)]


def test_the_policy_allows_the_style_and_the_script_alone() -> None:
    found = read(rows())
    policy = next(a["content"] for _, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    (script,) = found.inside["script"]
    assert script == html.part("campaign.js")

    def said(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {said(found.inside['style'][0])}; script-src {said(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert re.search(r"https?://", found.inside["style"][0] + script) is None


# ---- in a browser ----


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    selenium = pytest.importorskip("selenium.webdriver", reason="pip install -e '.[browser]'")
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("chromedriver is not installed")
    options = selenium.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1400"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield made
    made.quit()


@pytest.mark.browser
def test_the_table_is_filtered_and_sorted(browser: Chrome, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(page.document(told(rows()), rows(), events(), BOOKS))
    browser.get((tmp_path / "page.html").as_uri())

    def shown() -> list[str]:
        cells = browser.find_elements("css selector", "#repositories tbody tr:not([hidden]) th")
        return [one.text.removeprefix("acme/service-") for one in cells]

    assert shown() == list("1234567")
    browser.execute_script(  # type: ignore[no-untyped-call]
        "const one = document.getElementById('state'); one.value = 'open';"
        "one.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert shown() == ["2", "3"]
    assert browser.find_element("id", "count").text == "2 of 7"
    (button,) = (one for one in browser.find_elements("css selector", "thead button") if one.text == "pull request")
    button.click()
    assert shown() == ["3", "2"]
    button.click()
    assert shown() == ["2", "3"]
    browser.find_element("id", "text").send_keys("SERVICE-3")
    assert shown() == ["3"]
    # Nothing is wider than the page, on a small screen too.
    for width in (1280, 420):
        browser.set_window_size(width, 900)
        wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")  # type: ignore[no-untyped-call]
        assert wide <= 0
    assert [one for one in browser.get_log("browser") if one["level"] in ("SEVERE", "WARNING")] == []  # type: ignore[no-untyped-call]


def test_a_short_run_has_seconds_on_its_axis() -> None:
    listed = rows()
    short = page.document(replace(told(listed), now=BEGAN + 40), listed, [], BOOKS).decode()
    assert re.findall(r">(\d\d:\d\d:\d\d)</text>", short) != []
    assert re.findall(r">(\d\d:\d\d:\d\d)</text>", page.document(told(listed), listed, [], BOOKS).decode()) == []
