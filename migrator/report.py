"""Answer one question: which lines does a person read about a plan?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from migrator import prices
from migrator.lines import BLANK, Line, joined, plural, wrapped
from migrator.model import Decision, Finding, Hazard, Plan, Position, Report, Review, Rewrite, Skip
from migrator.prompt_words import Tables, section
from migrator.readings import (
    chain,
    changed_names,
    changes,
    kind,
    left,
    line_in,
    line_of,
    noted,
    place,
    price,
    spelling,
    surface,
    target,
)
from migrator.rulebook import Rulebook, load_caching

INDENT = " " * 8


def rows(plan: Plan, book: Rulebook, *, explain: bool, quiet: bool, width: int) -> Iterator[Line]:
    """Give every decision, file by file."""
    chosen = [one for one in plan.decisions if not (quiet and isinstance(one, Report))]
    for shown, group in groupby(chosen, key=lambda decision: decision.finding.origin.shown):
        yield ((shown, "path"),)
        yield from _file(tuple(group), plan, book, explain=explain, width=width)
        yield BLANK


def summary(plan: Plan, book: Rulebook, *, review: bool, width: int, explain: bool = False) -> Iterator[Line]:
    """Give what a person should know after the rows: counts, price, dates, what is left, what to do next."""
    yield from joined(
        _counts(plan),
        _caching(plan, book, explain=explain, width=width),
        _prices(plan, book, review=review),
        _remarks(plan, book, review=review, width=width),
        _call_notes(plan, width),
        _target(plan, book, width),
        _advice(plan, book, review=review, width=width),
        _others(plan, width),
        _comments(plan, width),
        skipped(plan.skips, width),
        _next(plan, review=review),
    )


def _comments(plan: Plan, width: int) -> Iterator[Line]:
    """Give the ignore comments that cannot be read or have ended."""
    if plan.remarks:
        yield (("Ignore comments to look at:", "bold"),)
    for remark in plan.remarks:
        where = line_of(remark.shown, Position(remark.cell, remark.line, 1))
        yield from wrapped(f"{where}: {remark.text}", width, indent="  ")


def nothing(plan: Plan, width: int) -> Iterator[Line]:
    """Say that no Python names an old model."""
    read = f"{plural(plan.files_read, 'file')} read"
    said = "No old model is named in what could be read" if plan.skips else "Nothing names the old models"
    first: Line = ((said, "bold"), (f" ({read}).", ""))
    yield from joined([first], _others(plan, width), _comments(plan, width), skipped(plan.skips, width))


def failures(skips: Sequence[Skip], width: int) -> Iterator[Line]:
    """Give the files that failed, and only those."""
    yield from skipped([skip for skip in skips if skip.is_error], width)


def skipped(skips: Sequence[Skip], width: int) -> Iterator[Line]:
    """Give the files that were left alone, failures first."""
    for title, style, chosen in (
        ("Failed:", "error", [skip for skip in skips if skip.is_error]),
        ("Left alone:", "bold", [skip for skip in skips if not skip.is_error]),
    ):
        if chosen:
            yield ((title, style),)
        for skip in chosen:
            yield from wrapped(f"{skip.shown}: {skip.reason}", width, indent="  ")


def _file(group: Sequence[Decision], plan: Plan, book: Rulebook, *, explain: bool, width: int) -> Iterator[Line]:
    places = [place("", one.finding.origin.position).removeprefix(":") for one in group]
    names = [_names(one) for one in group]
    widths = max(map(len, places)), max(map(len, names))
    for decision, where, name in zip(group, places, names, strict=True):
        yield from _row(decision, (where, name), widths, _why(decision, plan, book), width)
        if explain:
            yield from _proof(decision.finding, book, width)
            yield from _notes(decision.finding, width)


def _row(decision: Decision, cells: tuple[str, str], widths: tuple[int, int], why: str, width: int) -> Iterator[Line]:
    word = kind(decision)
    head: Line = (
        (f"  {cells[0]:>{widths[0]}}  ", "place"),
        (cells[1].ljust(widths[1]), "name"),
        ("  ", ""),
        (word, word),
    )
    gap = " " * (9 - len(word))
    if sum(len(text) for text, _ in head) + len(gap) + len(why) <= width:
        yield *head, (gap, ""), (why, _tone(why))
        return
    yield head
    yield from wrapped(why, width, indent=INDENT, hanging="", style=_tone(why))


def _tone(why: str) -> str:
    return "dearer" if why.endswith("dearer") else "dim"


def _names(decision: Decision) -> str:
    old, new = spelling(decision)
    return old if new is None else f"{old} → {new}"


def _why(decision: Decision, plan: Plan, book: Rulebook) -> str:
    calls = surface(decision.finding)
    if isinstance(decision, Rewrite):
        return "  ".join(part for part in (calls, _cost(decision, plan, book)) if part)
    title = book.reasons[decision.reason].title
    said = f"{title}: {decision.detail}" if decision.detail else title
    cost = "" if isinstance(decision, Report) else _cost(decision, plan, book)
    return "  ".join(part for part in (calls, said, cost) if part)


def _cost(decision: Decision, plan: Plan, book: Rulebook) -> str:
    found = price(decision, plan, book)
    return "" if found is None else str(found)


def _notes(finding: Finding, width: int) -> Iterator[Line]:
    """Say where each note was seen; what it says stands once, in the summary."""
    places: dict[str, list[str]] = {}
    for note in finding.notes:
        places.setdefault(note.reason, []).append(line_of(note.shown, note.position))
    for name, (first, *others) in places.items():
        more = f" and {len(others)} more" if others else ""
        yield from wrapped(f"note: {name} at {first}{more}", width, indent=INDENT, style="dim")


def _proof(finding: Finding, book: Rulebook, width: int) -> Iterator[Line]:
    for way, short in zip(chain(finding), chain(finding, is_short=True), strict=True):
        whole = INDENT + " → ".join(way)
        yield from [((whole, "dim"),)] if len(whole) <= width else _broken(short, width)
    for hazard in finding.hazards:
        texts = [
            f"against it: {line_in(hazard.shown, hazard.position, file)} {_named(hazard, book)}"
            for file in ("", finding.origin.shown)
        ]
        fitting = next((text for text in texts if len(INDENT) + len(text) <= width), texts[-1])
        yield from wrapped(fitting, width, indent=INDENT, style="dim")


def _broken(steps: Sequence[str], width: int) -> Iterator[Line]:
    """Break a way before its arrows, so that a step stays whole where it can."""
    indent = INDENT + "  "
    line = INDENT + steps[0]
    for step in steps[1:]:
        if len(line) + len(" → ") + len(step) <= width:
            line += f" → {step}"
            continue
        yield from wrapped(line.strip(), width, indent=line[: len(line) - len(line.lstrip())], style="dim")
        line = f"{indent}→ {step}"
    yield from wrapped(line.strip(), width, indent=line[: len(line) - len(line.lstrip())], style="dim")


def _named(hazard: Hazard, book: Rulebook) -> str:
    title = book.reasons[hazard.reason].title if hazard.reason in book.reasons else hazard.reason
    return f"{title}: {hazard.detail}" if hazard.detail else title


def _counts(plan: Plan) -> Iterator[Line]:
    files = len({decision.finding.origin.shown for decision in plan.decisions})
    found = Counter(kind(decision) for decision in plan.decisions)
    read = f"{plural(plan.files_read, 'file')} read"
    yield (
        (f"{plural(len(plan.decisions), 'name')} in {plural(files, 'file')}", "bold"),
        (f" ({read})", ""),
    )
    for word, meaning in (
        ("rewrite", "decides a request's model, and nothing is against the new name"),
        ("review", "looks like a model choice, but there is no proof"),
        ("report", "stays as it is; a person should look"),
    ):
        yield (("  ", ""), (word.ljust(8), word), (f"{found[word]:>4}  {meaning}", ""))
    if plan.ignored:
        yield ((f"  ignored {plan.ignored:>4}  by a comment in the code", ""),)


def _caching(plan: Plan, book: Rulebook, *, explain: bool, width: int) -> Iterator[Line]:
    if plan.prompts:
        tables = Tables(book, book.migrations[plan.migration], load_caching())
        yield from section(plan.prompts, tables, explain=explain, width=width)


def _prices(plan: Plan, book: Rulebook, *, review: bool) -> Iterator[Line]:
    bills = prices.bills(changes(plan, book, review=review))
    if not bills:
        return
    yield (("Price per token, new over old, at list prices", "bold"),)
    label = max(len(f"{bill.change.old} → {bill.change.new}") for bill in bills)
    for bill in bills:
        tone = bill.change.direction
        yield (
            (f"  {f'{bill.change.old} → {bill.change.new}':<{label}}", ""),
            (f"  {plural(bill.sites, 'site'):>9}  ", ""),
            (str(bill.change), tone),
        )
    yield ((f"  In total: {_totals(bills)}.", ""),)


def _totals(bills: Sequence[prices.Bill]) -> str:
    words = {"cheaper": "cheaper", "dearer": "dearer", "same": "no change", "mixed": "cheaper or dearer"}
    sums: Counter[str] = Counter()
    for bill in bills:
        sums[bill.change.direction] += bill.sites
    return ", ".join(f"{plural(sums[key], 'site')} {words[key]}" for key in words if sums[key])


def _remarks(plan: Plan, book: Rulebook, *, review: bool, width: int) -> Iterator[Line]:
    migration, _ = target(plan, book)
    names = changed_names(plan, migration, review=review)
    for note in migration.notes:
        if names.intersection(note.names):
            source = f"(source: {note.fact.source}, read {note.fact.checked.isoformat()})"
            yield from wrapped(f"Note: {note.text} {source}", width, indent="")


def _call_notes(plan: Plan, width: int) -> Iterator[Line]:
    """Say what the new model changes at the calls, each text once with the number of names that it is about."""
    told = Counter(text for decision in plan.decisions for text in noted(decision.finding))
    if not told:
        return
    yield (("What changes at the calls, besides the price of text", "bold"),)
    for name, text in sorted(told):
        yield from wrapped(f"{told[name, text]:>3}  {name}: {text}", width, indent="  ", hanging=" " * 5)
    yield (("  scan --explain shows where, migrator explain NAME the source.", "dim"),)


def _target(plan: Plan, book: Rulebook, width: int) -> Iterator[Line]:
    migration, model = target(plan, book)
    if model is None or model.shutdown is None:
        return
    yield ((f"{migration.target} has an announced shutdown date: {model.shutdown.isoformat()}.", "bold"),)
    if model.replacement:
        yield ((f"  The announced replacement is {model.replacement}.", ""),)
    dated = [fact for fact in model.sources if "shutdown" in fact.source]
    for fact in dated or model.sources:
        yield from wrapped(f"Source: {fact.source}, read {fact.checked.isoformat()}", width, indent="  ")


def _advice(plan: Plan, book: Rulebook, *, review: bool, width: int) -> Iterator[Line]:
    found = Counter(decision.reason for decision in left(plan, review=review))
    if not found:
        return
    yield (("Not changed, and what to do", "bold"),)
    for name in sorted(found, key=lambda reason: (-found[reason], reason)):
        reason = book.reasons[name]
        text = f"{found[name]:>3}  {reason.title}. {reason.advice}"
        yield from wrapped(text, width, indent="  ", hanging=" " * 5)


def _others(plan: Plan, width: int) -> Iterator[Line]:
    if not plan.others:
        return
    kinds = Counter(_suffix(shown) for shown in plan.others)
    listed = ", ".join(f"{kinds[name]} {name}" for name in sorted(kinds))
    yield (("Other files and prose that name the models; nothing of it is changed", "bold"),)
    yield from wrapped(listed, width, indent="  ", hanging="")
    if plan.pages:
        yield ((f"  The Python in {plural(len(plan.pages), 'document')} names them too: --docs reads it.", ""),)


def _suffix(shown: str) -> str:
    name = shown.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return f"{dot}{suffix}" if stem else name


def _next(plan: Plan, *, review: bool) -> Iterator[Line]:
    if plan.patches:
        yield (("Next: ", "bold"), ("migrator apply --diff shows the change, migrator apply writes it.", ""))
    else:
        yield (("Nothing left to rewrite.", "bold"),)
    if not review and any(isinstance(decision, Review) for decision in plan.decisions):
        yield (("To change what is held for review as well, add --review.", ""),)
