"""Answer one question: what does a campaign look like as one page that needs no network?

The styles are those of a shadow report, with some of its own. The table, the picture and the numbers are there without
a script; with it the table can be filtered and sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from migrator import prices
from migrator.campaign import ledger as states
from migrator.campaign.ledger import Event, Row
from migrator.campaign.status import WORDS, Status, words
from migrator.deliver.html import part, whole
from migrator.markup import Html, element, together
from migrator.rulebook import Rulebook

Scale = Callable[[float], float]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 240, 48, 12, 10, 26
# The picture has so many steps at most.
STEPS = 400
# From the bottom to the top of the picture: what is done stands below, what is to do above it.
LAYERS = (
    ("merged", (states.MERGED,)),
    ("open", (states.OPEN,)),
    ("closed", (states.CLOSED,)),
    ("failed", (states.FAILED,)),
    ("waiting", (states.WAITING, states.SENDING)),
    ("todo", (states.TODO, states.SCANNING)),
)
NAMES = {
    "merged": "merged",
    "open": "open",
    "closed": "closed",
    "failed": "failed",
    "waiting": "waiting to be sent",
    "todo": "to be scanned",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """How many repositories were in each layer at a time."""

    at: float
    counts: Mapping[str, int]


def document(status: Status, rows: Sequence[Row], events: Sequence[Event], books: Mapping[str, Rulebook]) -> bytes:
    """Write the page, UTF-8; ``books`` has the tables of each migration that is known here, by its name."""
    style, script = part("page.css") + part("campaign.css"), part("campaign.js")
    body = (
        "<body>\n",
        element("h1", f"Campaign {status.campaign.name}"),
        element("p", f"{next(words(status)).partition(': ')[2]}; as of {_time(status.now)}.", class_="quiet"),
        _tiles(status),
        element("main", *_sections(status, rows, events, books)),
        f"\n<script>{script}</script>\n",
        "</body>\n",
    )
    return whole(f"Campaign {status.campaign.name}", style, script, body)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _tiles(status: Status) -> Html:
    shown = [state for state in states.STATES if status.counts[state]]
    tiles = (element("li", element("b", f"{status.counts[state]:,}"), f" {WORDS[state]}") for state in shown)
    return element("ul", *tiles, class_="tiles")


def _sections(
    status: Status, rows: Sequence[Row], events: Sequence[Event], books: Mapping[str, Rulebook]
) -> Iterator[Html]:
    yield element("h2", "What is left to do")
    yield _figure(moments(len(rows), status.campaign.made_at, status.now, events))
    yield element("h2", "What changes")
    yield _sums(status)
    yield _money(rows, books)
    if any(status.reasons.get(state) for state in (states.FAILED, states.SKIPPED)):
        yield element("h2", "Reasons")
        yield _reasons(status)
    yield element("h2", "Repositories")
    yield _filter(status)
    yield _table(rows)


# ---- the picture ----


def moments(total: int, began: float, now: float, events: Sequence[Event]) -> tuple[Moment, ...]:
    """Replay the changes of state into at most ``STEPS`` moments, the first and the last always among them."""
    layer = {state: name for name, inside in LAYERS for state in inside}
    counts = dict.fromkeys(NAMES, 0) | {"todo": total}
    found = [Moment(began, dict(counts))]
    apart = max(1.0, (now - began) / STEPS)
    for one in events:
        for state, change in ((one.before, -1), (one.after, 1)):
            if state in layer:
                counts[layer[state]] += change
        if one.at >= found[-1].at + apart:
            found.append(Moment(one.at, dict(counts)))
    return (*found, Moment(max(now, found[-1].at), dict(counts)))


def _figure(found: Sequence[Moment]) -> Html:
    """Draw the layers on each other over time: what is neither merged nor closed burns down."""
    most = max(1, *(sum(one.counts.values()) for one in found))
    start, end = found[0].at, max(found[-1].at, found[0].at + 1)

    def across(at: float) -> float:
        return LEFT + (at - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    below = [0.0] * len(found)
    areas: list[Html] = []
    for name, _ in LAYERS:
        above = [low + one.counts[name] for low, one in zip(below, found, strict=True)]
        areas.append(_area(found, below, above, name, across, up))
        below = above
    last = found[-1].counts
    said = "At the end: " + ", ".join(f"{last[name]:,} {NAMES[name]}" for name, _ in LAYERS)
    svg = element(
        "svg",
        element("title", f"Repositories that need something, over time. {said}"),
        *areas,
        *_axes(most, start, end, across, up),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="plot burn",
    )
    legend = (element("span", element("i", class_=name), NAMES[name]) for name, _ in reversed(LAYERS))
    return element("figure", svg, element("figcaption", *legend, class_="legend"))


def _area(
    found: Sequence[Moment], below: Sequence[float], above: Sequence[float], name: str, across: Scale, up: Scale
) -> Html:
    """Draw one layer in steps: nothing changes between two moments."""
    upper, lower = list(_steps(found, above, across, up)), list(_steps(found, below, across, up))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower)))
    return element("polygon", points=points, class_=name)


def _steps(found: Sequence[Moment], values: Sequence[float], across: Scale, up: Scale) -> Iterator[tuple[float, float]]:
    yield across(found[0].at), up(values[0])
    for before, value, one in zip(values, values[1:], found[1:], strict=False):
        yield across(one.at), up(before)
        yield across(one.at), up(value)


def _axes(most: int, start: float, end: float, across: Scale, up: Scale) -> Iterator[Html]:
    for value in _ticks(most):
        y = f"{up(value):.1f}"
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis")
        yield element("text", f"{value:,}", x=LEFT - 6, y=f"{up(value) + 4:.1f}", text_anchor="end")
    form = "%H:%M:%S" if end - start < 600 else "%H:%M" if end - start < 36 * 3600 else "%d %b"
    for number in range(5):
        at = start + (end - start) * number / 4
        anchor = {0: "start", 4: "end"}.get(number, "middle")
        text = f"{datetime.fromtimestamp(at, UTC):{form}}"
        yield element("text", text, x=f"{across(at):.1f}", y=HEIGHT - 8, text_anchor=anchor)


def _ticks(most: int) -> Sequence[int]:
    step = next(unit * 10**power for power in range(9) for unit in (1, 2, 5) if most / (unit * 10**power) <= 4)
    return range(0, most + 1, step)


# ---- what changes, and what it costs ----


def _sums(status: Status) -> Html:
    found = status.numbers
    said = {
        "names that change": found["names"],
        "names held for a person to decide": found["held"],
        "names that stay as they are": max(0, found["found"] - found["names"] - found["held"]),
        "cache keys added": found["keys"],
        "prompts put in order": found["orders"],
        "files that change": found["files"],
    }
    rows = (element("div", element("dt", name), element("dd", f"{count:,}")) for name, count in said.items())
    return element("dl", *rows, class_="numbers")


def _money(rows: Sequence[Row], books: Mapping[str, Rulebook]) -> Html:
    """Say what a million tokens cost before and after, for each name that changes."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        said = row.numbers or {}
        found.update({(str(said["migration"]), str(old)): int(count) for old, count in said.get("models", {}).items()})
    lines = [_price(old, count, migration, books.get(migration)) for (migration, old), count in found.most_common()]
    if not lines:
        return Html("")
    head = element("tr", *(element("th", text, scope="col", class_=tone) for text, tone in MONEY))
    return together(
        element(
            "p",
            "Dollars per million tokens, by the list prices that migrator knows. How many tokens your calls send is "
            "not known here, so there is no sum: multiply a change by the tokens of the calls.",
            class_="quiet",
        ),
        element("table", element("thead", head), element("tbody", *lines), class_="small money"),
    )


MONEY = (
    ("name", None),
    ("places", "n"),
    ("input before", "n"),
    ("after", "n"),
    ("change", "n"),
    ("output before", "n"),
    ("after", "n"),
    ("change", "n"),
)


def _price(old: str, count: int, name: str, book: Rulebook | None) -> Html:
    migration = book.migrations[name] if book is not None else None
    match = migration.match(old) if migration is not None else None
    target = migration.target if migration is not None else name
    before = prices.model_of(match.old, book) if match is not None and book is not None else None
    after = prices.model_of(target, book) if book is not None else None
    cells = [element("th", f"{old} → {target}", scope="row"), element("td", f"{count:,}", class_="n")]
    for kind in ("input_price", "output_price"):
        one, other = getattr(before, kind, None), getattr(after, kind, None)
        cells += [_dollars(one), _dollars(other), _change(one, other)]
    return element("tr", *cells)


def _dollars(price: Decimal | None) -> Html:
    return element("td", "not known" if price is None else f"${price:.2f}", class_="n")


def _change(before: Decimal | None, after: Decimal | None) -> Html:
    if before is None or after is None:
        return element("td", "–", class_="n")
    change = after - before
    sign, word, tone = (
        ("−", "saved", "pass") if change < 0 else ("+", "added", "fail") if change > 0 else ("±", "", "quiet")
    )
    said = f"{sign}${abs(change):.2f} {word}".strip()
    return element("td", f"{said} ({prices.percent(before, after)})" if before else said, class_=f"n {tone}")


# ---- the table ----


def _reasons(status: Status) -> Html:
    rows = [
        element(
            "tr", element("th", WORDS[state], scope="row"), element("td", f"{count:,}", class_="n"), element("td", why)
        )
        for state in (states.FAILED, states.SKIPPED)
        for why, count in sorted(status.reasons.get(state, {}).items(), key=lambda one: (-one[1], one[0]))
    ]
    return element("table", element("tbody", *rows), class_="small reasons")


def _filter(status: Status) -> Html:
    shown = [state for state in states.STATES if status.counts[state]]
    options = (element("option", f"{WORDS[state]} ({status.counts[state]:,})", value=state) for state in shown)
    return element(
        "form",
        element("label", "State", element("select", element("option", "all", value=""), *options, id="state")),
        element("label", "Text", element("input", type="search", id="text", placeholder="in name and reason")),
        element("p", "", id="count", class_="quiet", role="status"),
        class_="filters",
        role="search",
        hidden="hidden",
        id="filters",
    )


HEAD = (
    ("repository", None),
    ("state", None),
    ("since", None),
    ("names", "n"),
    ("held", "n"),
    ("pull request", None),
    ("reason", None),
)


def _table(rows: Sequence[Row]) -> Html:
    head = element("tr", *(element("th", text, scope="col", class_=tone) for text, tone in HEAD))
    body = element("tbody", *map(_row, rows))
    return element("table", element("thead", head), body, class_="repositories", id="repositories")


def _row(row: Row) -> Html:
    said = row.numbers or {}
    link = element("a", f"#{row.number}", href=row.url) if row.url.startswith("https://") else f"#{row.number}"
    return element(
        "tr",
        element("th", row.name, scope="row", class_="place"),
        element("td", WORDS[row.state], class_=f"state {row.state}"),
        element("td", _time(row.at).removesuffix(" UTC"), data_value=f"{row.at:.0f}", class_="when"),
        element("td", f"{said['names']:,}" if said else "–", class_="n", data_label="names"),
        element("td", f"{said['held']:,}" if said else "–", class_="n", data_label="held"),
        element("td", link if row.number else "", data_value=str(row.number or "–")),
        element("td", row.reason, class_="why"),
        data_state=row.state,
    )
