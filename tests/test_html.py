"""Answer one question: can a person read the HTML page of a shadow report, whatever the answers hold?

The tests marked ``browser`` open the page from disk in headless Chromium (``pip install -e '.[test,browser]'``, and
Chromium with its driver). Every report here is made up (``made_up``); nothing in it came from a model.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made_up import CANNED, HOSTILE, hostile, large, report, site, usual

from migrator.deliver import html
from migrator.evidence import Difference, Exchange, ShadowReport
from migrator.evidence_words import visible
from migrator.markup import Html, element

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

WHOLE = {"usual": usual(), "hostile": report([hostile()]), "empty": report([], held={}, unlinked={}, notes=())}
VOID = {"meta"}


class Page(HTMLParser):
    """The elements of a page with their attributes, the text of each, and the text that is seen without a script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.seen: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]][-1] += data
        else:
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.seen).split())


def page(told: ShadowReport) -> Page:
    return Page(html.document(told).decode())


def test_a_text_is_escaped_unless_it_is_html() -> None:
    made = element("td", "a < b", Html("<b>c</b>"), class_='x"y', data_label=None, aria_label="1")
    assert made == '<td class="x&quot;y" aria-label="1">a &lt; b<b>c</b></td>'


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_no_text_becomes_markup(told: ShadowReport) -> None:
    calm = {tag for tag, _ in page(large(6, 20)).elements} | {tag for tag, _ in page(usual()).elements}
    found = page(told)
    assert {tag for tag, _ in found.elements} <= calm
    assert {name for _, attributes in found.elements for name in attributes if name.startswith("on")} == set()
    assert all(
        value is not None and re.fullmatch(r"#site-\d+", value)
        for _, attributes in found.elements
        for name, value in attributes.items()
        if name in ("href", "src", "action")
    )


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_the_policy_allows_the_style_and_the_script_alone(told: ShadowReport) -> None:
    found = page(told)
    policy = next(a["content"] for _, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None

    def said(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {said(found.inside['style'][0])}; "
        f"script-src {said((html.PAGE / 'page.js').read_text(encoding='utf-8'))}; base-uri 'none'; form-action 'none'"
    )
    if told.sites:
        assert found.inside["script"][-1] == (html.PAGE / "page.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE)
def test_the_pairs_are_data_and_all_there(told: ShadowReport) -> None:
    found = page(told)
    blocks = found.inside["script"][:-1]
    assert len(blocks) == len(told.sites)
    for block in blocks:
        assert re.search(r"[<>&\u2028]", block) is None
    read = sorted(pair["case"] for block in blocks for pair in json.loads(block))
    assert read == sorted(one.case for site in told.sites for one in site.exchanges)


def test_the_numbers_are_there_without_a_script() -> None:
    told = usual()
    text = page(told).text
    assert (
        text.partition(CANNED)[0].strip()
        == "Shadow comparison: 1 pass, 3 fail, 3 inconclusive, 1 not compared Shadow comparison"
    )
    for one in told.sites:
        assert f"{one.file}:{one.line} {one.function}" in text
        assert f"{one.compared} of {one.cases} recorded cases" in text
    assert "1,000 calls at list price $4.00 $0.48 −88 %" in text
    assert "cached share of the input 21 % 75 % +54 points" in text
    assert "old model 0 of 36 4 of 36 new model 35 of 36 36 of 36" in text
    assert "Accepted by Ada until 2027-01-31: shorter titles are wanted." in text
    assert "Exit code 1: 2 calls do not hold up." in text


def test_the_same_report_gives_the_same_page() -> None:
    assert html.document(usual()) == html.document(usual())


# ---- in a browser ----

FOUND = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
CHROMIUM = next((path for path in FOUND if path), None)
DRIVER = shutil.which("chromedriver")
READY_IN = 2.0  # seconds, from opening the file until the page can be used


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    selenium = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed: pip install -e '.[browser]'"
    )
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("Chromium or its driver is not installed: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser: Chrome, tmp_path: Path) -> Iterator[Callable[..., Chrome]]:
    """Open a report; at the end nothing may have been asked of a network, and nothing may have been refused."""

    def show(told: ShadowReport, *, width: int = 1280, dark: bool = False, hash: str = "") -> Chrome:
        path = tmp_path / "report.html"
        path.write_bytes(html.document(told))
        sizes = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get("about:blank")
        browser.get(f"{path.as_uri()}{hash}")
        return browser

    yield show
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    assert {url.partition(":")[0] for url in asked} & {"http", "https", "ws", "wss"} == set()


def run(driver: Chrome, script: str, *arguments: object) -> Any:
    return driver.execute_script(script, *arguments)


def lines(driver: Chrome, selector: str) -> list[str]:
    return run(driver, "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)


def wait(driver: Chrome, script: str, *arguments: object) -> Any:
    """Give what a script says once it is true."""
    end = time.monotonic() + 10
    while not (said := run(driver, script, *arguments)):
        assert time.monotonic() < end, script
        time.sleep(0.02)
    return said


def open_site(driver: Chrome, number: int) -> None:
    run(driver, "document.querySelector(`#site-${arguments[0]} > summary`).click()", number)
    wait(driver, "return document.querySelector(`#site-${arguments[0]} .list`) !== null", number)


def open_pair(driver: Chrome, number: int, case: str) -> str:
    """Open a pair by its case and give what it says."""
    script = """
        const [number, id] = arguments;
        const found = [...document.querySelectorAll(`#site-${number} .list details`)]
            .find(one => one.querySelector(".case").textContent === id);
        found.querySelector("summary").click();
        window.found = found;
    """
    run(driver, script, number, case)
    return wait(driver, "return window.found.querySelector('.pair')?.innerText")


def choose(driver: Chrome, name: str, text: str) -> None:
    """Set a filter by its label, as a person does."""
    script = """
        const labels = [...document.querySelectorAll("#site-0 .filters label")];
        const label = labels.find(l => l.firstChild.data === arguments[0]);
        const input = label.querySelector("select, input");
        input.value = input.options ? [...input.options].find(o => o.text === arguments[1]).value : arguments[1];
        input.dispatchEvent(new Event("input", { bubbles: true }));
    """
    before = lines(driver, "#site-0 [role=status]")
    run(driver, script, name, text)
    end = time.monotonic() + 1
    while lines(driver, "#site-0 [role=status]") == before and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.browser
@pytest.mark.parametrize("told", [large(30, 100), report([site(1, cases=3_000, excess=0.4)])], ids=["sites", "pairs"])
def test_a_large_report_is_ready_at_once(shown: Callable[..., Chrome], told: ShadowReport) -> None:
    assert sum(len(one.exchanges) for one in told.sites) == 3_000
    driver = shown(told)
    timing = "return performance.getEntriesByType('navigation')[0].domComplete"
    ready = wait(driver, timing) / 1_000
    shift = """
        const done = arguments[0];
        new PerformanceObserver(list => done(list.getEntries().reduce((sum, e) => sum + e.value, 0)))
            .observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(0), 300);
    """
    assert driver.execute_async_script(shift) == 0
    began = time.monotonic()
    open_site(driver, 0)
    opened = time.monotonic() - began
    assert (ready < READY_IN, opened < READY_IN) == (True, True), (ready, opened)
    print(f"ready after {ready:.2f} s, a call opened in {opened:.2f} s")


@pytest.mark.browser
def test_a_call_is_opened_from_the_table_and_by_its_address(shown: Callable[..., Chrome]) -> None:
    driver = shown(usual(), hash="#site-1")
    wait(driver, "return document.querySelector('#site-1').open && document.querySelector('#site-1 .list') !== null")
    run(driver, "document.querySelector('#calls a').click()")
    wait(driver, "return document.querySelector('#site-0').open && document.querySelector('#site-0 .list') !== null")


@pytest.mark.browser
def test_the_table_is_sorted_by_numbers_with_what_is_unknown_last(shown: Callable[..., Chrome]) -> None:
    told = usual()
    free = replace(told.sites[2], before=replace(told.sites[2].before, cost=None))
    driver = shown(replace(told, sites=(*told.sites[:2], free, *told.sites[3:])))
    click = "document.querySelectorAll('#calls thead button')[arguments[0]].click()"
    cells = "#calls tbody td:nth-child({})"
    run(driver, click, 2)
    assert lines(driver, cells.format(3)) == ["8", "40", "60", "100", "120", "120", "240"]
    assert run(driver, "return document.querySelector('#calls th[aria-sort]').ariaSort") == "ascending"
    run(driver, click, 2)
    assert lines(driver, cells.format(3)) == ["240", "120", "120", "100", "60", "40", "8"]
    for _ in range(2):
        run(driver, click, 6)
        assert lines(driver, cells.format(7))[-1] == "–"
    run(driver, click, 0)
    assert lines(driver, "#calls tbody th") == sorted(f"{one.file}:{one.line} {one.function}" for one in told.sites)


@pytest.mark.browser
def test_pairs_are_filtered_and_the_worst_come_first(shown: Callable[..., Chrome]) -> None:
    told = report([site(3, contract="json", cases=400, noise=0.05, excess=0.5)])
    pairs = told.sites[0].exchanges
    differing = [one for one in pairs if one.flip != "same"]
    driver = shown(told)
    open_site(driver, 0)
    assert lines(driver, "#site-0 [role=status]") == [f"{len(differing)} of 400 pairs, the worst first"]
    assert lines(driver, "#site-0 .list .case") == [one.case for one in differing[:50]]
    run(driver, "document.querySelector('#site-0 button.more').click()")
    assert lines(driver, "#site-0 .list .case") == [one.case for one in differing[:100]]
    for name, text, wanted in (
        ("Case", "only the old differs", lambda one: one.flip == "gain"),
        ("Case", "all", lambda one: True),
        ("Prompt", "d4e5f6", lambda one: one.template == "d4e5f6"),
        ("Kind of difference", "value", lambda one: one.template == "d4e5f6" and one.differences),
        (
            "Text",
            "RETURNS",
            lambda one: one.template == "d4e5f6" and one.differences and "returns" in one.old + one.new,
        ),
    ):
        choose(driver, name, text)
        count = sum(bool(wanted(one)) for one in pairs)
        assert lines(driver, "#site-0 [role=status]") == [f"{count} of 400 pairs, the worst first"]
        assert 0 < count <= 400


def exchange(recorded: str, new: str, old: str | None = None) -> Exchange:
    told = (Difference("value", "$.queue", "billing", "returns", is_noise=True),)
    return Exchange("one", "t", "loss", "asked", recorded, recorded if old is None else old, new, told)


def pair_of(*exchanges: Exchange) -> ShadowReport:
    return report([replace(site(1, cases=10), exchanges=exchanges)])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("a red fox ran", "a blue fox ran", "a [-red-]{+blue+} fox ran"),
        ("a red fox ran", "a big blue cat ran", "a [-red fox-]{+big blue cat+} ran"),
        ("is issued", "is not issued", "is {+not +}issued"),
        ("one two", "", "[-one two-]"),
        ("costs $42.00.", "costs $420.00.", "costs $[-42-]{+420+}.00."),
        ("naïve 日本", "naïve 日本語", "naïve [-日本-]{+日本語+}"),
        ("x " * 3_000 + "old", "y " * 3_000 + "old", "[-" + "x " * 2_999 + "x-]{+" + "y " * 2_999 + "y+} old"),
    ],
)
def test_two_texts_are_compared_word_by_word(
    shown: Callable[..., Chrome], before: str, after: str, marked: str
) -> None:
    driver = shown(pair_of(exchange(before, after)))
    open_site(driver, 0)
    open_pair(driver, 0, "one")
    script = """
        const heads = [...document.querySelectorAll(".pair h5")];
        const text = heads.find(h => h.textContent.startsWith("New answer")).nextSibling;
        return [...text.childNodes].map(n => n.nodeName === "DEL" ? `[-${n.textContent}-]`
            : n.nodeName === "INS" ? `{+${n.textContent}+}` : n.textContent).join("");
    """
    assert run(driver, script) == marked


@pytest.mark.browser
def test_a_word_diff_gives_both_texts_back(shown: Callable[..., Chrome]) -> None:
    told = report([site(0, contract="prose", cases=60, noise=0.1, excess=0.7)])
    driver = shown(told)
    open_site(driver, 0)
    script = """
        const side = (text, without) =>
            [...text.childNodes].filter(n => n.nodeName !== without).map(n => n.textContent).join("");
        return [...document.querySelectorAll("#site-0 .list details")].map(one => {
            one.open = true; one.dispatchEvent(new Event("toggle"));
            const text = [...one.querySelectorAll("h5")].find(h => h.textContent.startsWith("New answer")).nextSibling;
            return [one.querySelector(".case").textContent, side(text, "INS"), side(text, "DEL")];
        });
    """
    shown_pairs = {case: (before, after) for case, before, after in run(driver, script)}
    pairs = {one.case: (one.recorded, one.new) for one in told.sites[0].exchanges if one.case in shown_pairs}
    assert len(pairs) > 30
    assert shown_pairs == pairs


@pytest.mark.browser
@pytest.mark.parametrize(
    ("recorded", "old", "new", "rows"),
    [
        (
            '{"queue": "billing", "urgent": true, "tags": ["a", "b"]}',
            '{"queue": "billing", "urgent": false, "tags": ["a", "b"]}',
            '{"queue": "returns", "urgent": true, "tags": ["a"], "more": {}}',
            [
                ["$.queue", '"billing"', "as recorded", '"returns"'],
                ["$.urgent", "true", "false", "as recorded"],
                ["$.tags[1]", '"b"', "as recorded", "missing"],
                ["$.more", "–", "–", "{}"],
            ],
        ),
        (
            'find({"id": 1})\nsend({"to": "ada"})',
            'find({"id": 1})\nsend({"to": "ada"})',
            'find({"id": 2})\nsend({"to": "ada"})',
            [["$[0].arguments.id", "1", "as recorded", "2"]],
        ),
        ('{"a": 1}', "no JSON", '{"a": 2}', [["$.a", "1", "not of this form", "2"]]),
        # What JavaScript's numbers cannot tell apart, and what is no JSON, is compared as text.
        ('{"a": 12345678901234567890}', '{"a": 1}', '{"a": 12345678901234567891}', []),
        ('{"a": 1}', '{"a": 1}', '{"a": ', []),
        ("12", "12", "13", []),
        ("[" * 20_000 + "]" * 20_000, "x", "[" * 20_001 + "]" * 20_001, []),
    ],
)
def test_two_structures_are_compared_field_by_field(
    shown: Callable[..., Chrome], recorded: str, old: str, new: str, rows: list[list[str]]
) -> None:
    driver = shown(pair_of(exchange(recorded, new, old)))
    open_site(driver, 0)
    said = open_pair(driver, 0, "one")
    script = "return [...document.querySelectorAll('.fields tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    assert run(driver, script) == rows
    assert ("New answer against the recorded one" in said) == (rows == [])
    assert "not counted" in said


@pytest.mark.browser
def test_no_answer_becomes_a_part_of_the_page(shown: Callable[..., Chrome]) -> None:
    told = report([hostile()])
    driver = shown(told)
    title = run(driver, "return document.title")
    open_site(driver, 0)
    choose(driver, "Case", "all")
    while run(driver, "const b = document.querySelector('button.more'); if (!b.hidden) b.click(); return !b.hidden"):
        pass
    script = """
        for (const one of document.querySelectorAll("#site-0 .list details")) {
            one.open = true; one.dispatchEvent(new Event("toggle"));
            one.querySelectorAll(".gap").forEach(b => b.click());
        }
        const texts = [...document.querySelectorAll("#site-0 .pair")].map(p => p.querySelector(".text").textContent);
        const strange = document.querySelectorAll("main script, main a[href^=java]");
        return [document.title, document.images.length, strange.length, texts];
    """
    said, images, scripts, texts = run(driver, script)
    assert (said, images, scripts) == (title, 0, 0)
    assert sorted(texts) == sorted(visible(one.prompt).replace("\\u200d", "\u200d") for one in told.sites[0].exchanges)
    assert any(len(text) == 100_000 for text in texts)
    assert visible(HOSTILE[5]) in texts


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 800, 1280])
@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_a_page_is_no_wider_than_the_window(shown: Callable[..., Chrome], width: int, name: str) -> None:
    driver = shown(WHOLE[name], width=width)
    open_site(driver, 0)
    open_pair(driver, 0, run(driver, "return document.querySelector('.list .case').textContent"))
    assert run(driver, "return document.documentElement.scrollWidth") <= width


LIGHTNESS = """
    const light = colour => {
        const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = colour.match(/[\\d.]+/g).map(v => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
    const found = [];
    for (const e of document.querySelectorAll("body *")) {
        const has = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!has || !e.getClientRects().length || e.closest("script, style, noscript")) continue;
        const style = getComputedStyle(e);
        const ink = light(e instanceof SVGElement ? style.fill : style.color);
        const [a, b] = [ink, light(behind(e))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) found.push(`${e.nodeName} ${e.className.baseVal ?? e.className} ${ratio.toFixed(2)}`);
    }
    return [...new Set(found)];
"""
NAMELESS = """
    return [...document.querySelectorAll("button, input, select, a, summary, svg[role=img], [tabindex]")]
        .filter(e => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length))
        .map(e => e.outerHTML.slice(0, 80));
"""


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_can_be_read_and_has_a_name(shown: Callable[..., Chrome], dark: bool) -> None:
    driver = shown(usual(), dark=dark)
    for number in range(4):
        open_site(driver, number)
        open_pair(driver, number, run(driver, f"return document.querySelector('#site-{number} .case').textContent"))
    assert run(driver, LIGHTNESS) == []
    assert run(driver, NAMELESS) == []
    background = run(driver, "return getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(21, 24, 27)" if dark else "rgb(255, 255, 255)")


@pytest.mark.browser
def test_a_page_is_used_with_the_keyboard_alone(shown: Callable[..., Chrome]) -> None:
    from selenium.webdriver import ActionChains, Keys

    driver = shown(usual())
    run(driver, "document.querySelector('#site-0 > summary').focus()")
    keys = ActionChains(driver)
    keys.send_keys(Keys.ENTER).perform()
    wait(driver, "return document.querySelector('#site-0 .list') !== null")
    reached = []
    for _ in range(6):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        reached.append(run(driver, "return document.activeElement.nodeName"))
    assert reached == ["SELECT", "SELECT", "SELECT", "INPUT", "SUMMARY", "SUMMARY"]
    ActionChains(driver).send_keys(Keys.ENTER).perform()
    wait(driver, "return document.activeElement.parentElement.querySelector('.pair') !== null")


@pytest.mark.browser
def test_what_is_seen_without_a_script(browser: Chrome, shown: Callable[..., Chrome]) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver = shown(usual())
        driver.find_element("css selector", "#site-0 > summary").click()
        text = driver.find_element("css selector", "#site-0").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "The pairs of answers are shown by a script, which is off here." in text
    assert "only the new one differs\n36" in text


@pytest.mark.browser
def test_screenshots_are_kept_where_they_are_wanted(shown: Callable[..., Chrome], tmp_path: Path) -> None:
    """``MIGRATOR_SCREENSHOTS=folder`` keeps the pictures, for a person to look at."""
    folder = Path(os.environ.get("MIGRATOR_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("phone", 360, False)):
        driver = shown(usual(), width=width, dark=dark)
        for number in (1, 0):
            open_site(driver, number)
            open_pair(driver, number, run(driver, f"return document.querySelector('#site-{number} .case').textContent"))
        top = run(driver, "return document.querySelector('#site-0').getBoundingClientRect().top + scrollY")
        for part, y in (("top", 0), ("call", top), ("pairs", top + 900), ("more", top + 1_800)):
            clip = {"x": 0, "y": y, "width": width, "height": 1_000, "scale": 1}
            shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
            path = folder / f"{name}-{part}.png"
            path.write_bytes(base64.b64decode(shot["data"]))
            assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
