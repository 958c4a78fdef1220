"""Answer one question: which words does a person read about models and the days that end them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from migrator.deprecated import Deprecated, Named
from migrator.lines import BLANK, Line, plural, wrapped
from migrator.rulebook import Model, Rulebook

HEADS = ("MODEL", "INPUT", "CACHED", "OUTPUT", "READS", "WRITES", "SHUTDOWN", "LEFT", "SUCCESSOR")
RIGHT = frozenset({"INPUT", "CACHED", "OUTPUT", "READS", "WRITES", "LEFT"})


def models(book: Rulebook, today: date, width: int) -> Iterator[Line]:
    """Give a row for each model that the tables know, with prices, limits, and the days that are left."""
    rows = [HEADS, *(_row(model, today) for model in book.models.values())]
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
    columns = _fitting(sizes, width)
    for number, row in enumerate(rows):
        cells = (row[i].rjust(sizes[i]) if HEADS[i] in RIGHT else row[i].ljust(sizes[i]) for i in columns)
        yield (("  ".join(cells).rstrip(), "dim" if number == 0 else _tone(row)),)
    yield BLANK
    said = "Dollars per million tokens, and tokens." if len(columns) > len(HEADS) - 2 else "Dollars per million tokens."
    text = f"{said} `migrator explain NAME` shows the limits and the sources of a row."
    yield from wrapped(text, width, indent="", style="dim")


def _fitting(sizes: Sequence[int], width: int) -> tuple[int, ...]:
    """Give the columns for which there is room: the successor goes first, then the limits."""
    columns = tuple(range(len(HEADS)))
    for dropped in (set[str](), {"SUCCESSOR"}, {"SUCCESSOR", "READS", "WRITES"}):
        columns = tuple(i for i, head in enumerate(HEADS) if head not in dropped)
        if sum(sizes[i] + 2 for i in columns) - 2 <= width:
            break
    return columns


def _tone(row: Sequence[str]) -> str:
    return "error" if row[7] == "gone" else ""


def _row(model: Model, today: date) -> tuple[str, ...]:
    shutdown = model.shutdown
    return (
        model.name,
        _amount(model.input_price),
        _amount(model.cached_price),
        _amount(model.output_price),
        f"{model.max_input:,}" if model.max_input else "",
        f"{model.max_output:,}" if model.max_output else "",
        shutdown.isoformat() if shutdown else "",
        left(shutdown, today) if shutdown else "",
        model.replacement or "",
    )


def _amount(price: Decimal | None) -> str:
    return "" if price is None else f"{price:f}"


def left(shutdown: date, today: date) -> str:
    """Say how long a model is still there: ``47 days``, ``gone``."""
    days = (shutdown - today).days
    return plural(days, "day") if days > 0 else "gone"


def deprecated(found: Deprecated, today: date, width: int) -> Iterator[Line]:
    """List each literal that names a model with a shutdown date, file by file, then the dates."""
    shown = ""
    for one in found.named:
        if one.shown != shown:
            yield ((one.shown, "path"),)
            shown = one.shown
        yield _literal(one, today)
    if not found.named:
        yield ((f"No model with an announced shutdown date is named in {plural(found.files_read, 'file')}.", ""),)
        return
    yield BLANK
    for (day, model), count in sorted(Counter((one.shutdown, one.model) for one in found.named).items()):
        yield ((f"{day}  {left(day, today):>9}  {count:>4} × {model}", ""),)
    for fact in found.sources:
        yield from wrapped(f"Source: {fact.source}, read {fact.checked.isoformat()}", width, indent="", style="dim")


def _literal(one: Named, today: date) -> Line:
    cell = f"cell {one.position.cell + 1}:" if one.position.cell is not None else ""
    place = f"{cell}{one.position.line}:{one.position.column}"
    gone = one.shutdown <= today
    return (
        (f"  {place:>8}  ", "place"),
        (one.value, "name"),
        (f"  {one.shutdown}  {left(one.shutdown, today)}", "error" if gone else "review"),
    )


def differences(book: Rulebook, dates: Mapping[str, date | None]) -> Iterator[str]:
    """Say what a server says of the models' shutdown dates that the tables do not say.

    ``dates`` has every model that the server lists, with its date or None.
    """
    for model in book.models.values():
        if model.name not in dates:
            state = "is not listed: the key may not reach it, or it is shut down"
            yield f"{model.name}: {state} ({model.shutdown or 'no date'} here)"
        elif dates[model.name] != model.shutdown:
            yield f"{model.name}: {dates[model.name] or 'no date'} on the server, {model.shutdown or 'no date'} here"
