"""Answer one question: what does one decision say, in words and figures?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import assert_never

from migrator import prices
from migrator.lines import plural
from migrator.model import Decision, Edit, Finding, Origin, Plan, Position, Prompt, Reach, Report, Review, Rewrite
from migrator.rulebook import Migration, Model, Rulebook


def place(shown: str, position: Position) -> str:
    """Say where something is, as editors and compilers do; a notebook's cells count from 1 here."""
    cell = "" if position.cell is None else f"cell {position.cell + 1}:"
    return f"{shown}:{cell}{position.line}:{position.column}"


def kind(decision: Decision) -> str:
    """Name a decision in one word."""
    match decision:
        case Rewrite():
            return "rewrite"
        case Review():
            return "review"
        case Report():
            return "report"
        case _:
            assert_never(decision)


def spelling(decision: Decision) -> tuple[str, str | None]:
    """Give what stands in the code, and what takes its place: ``ModelType.GPT_4O`` for a member."""
    origin = decision.finding.origin
    member, new = origin.member, None if isinstance(decision, Report) else decision.new
    if member is None:
        return origin.value, new
    return f"{member.owner}.{member.old}", None if new is None else f"{member.owner}.{member.new}"


def left(plan: Plan, *, review: bool) -> tuple[Review | Report, ...]:
    """Give the decisions that this run leaves to a person."""
    return tuple(
        decision
        for decision in plan.decisions
        if isinstance(decision, Report) or (isinstance(decision, Review) and not review)
    )


def changed(plan: Plan, *, review: bool) -> tuple[Rewrite | Review, ...]:
    """Give the decisions that this run carries out."""
    return tuple(
        decision
        for decision in plan.decisions
        if isinstance(decision, Rewrite) or (isinstance(decision, Review) and review)
    )


def changes(plan: Plan, book: Rulebook, *, review: bool) -> tuple[prices.PriceChange, ...]:
    """Give the price change of every name that this run changes."""
    found = (price(decision, plan, book) for decision in changed(plan, review=review))
    return tuple(one for one in found if one is not None)


def changed_names(plan: Plan, migration: Migration, *, review: bool) -> frozenset[str]:
    """Give the old names, without prefixes, that this run changes."""
    values = (decision.finding.origin.value for decision in changed(plan, review=review))
    matches = (migration.match(value) for value in values)
    return frozenset(match.old for match in matches if match is not None)


def price(decision: Decision, plan: Plan, book: Rulebook) -> prices.PriceChange | None:
    """Give one decision's price change; what is reported has none."""
    if isinstance(decision, Report):
        return None
    old = decision.finding.origin.value
    return prices.change(old, decision.new, migration=book.migrations[plan.migration], book=book)


NOUNS = {"model": "name", "cache_key": "cache key"}


def counted(edits: Iterable[Edit]) -> str:
    """Count what edits change, in words: ``5 names and 2 cache keys``; "" where there is nothing.

    A comma that a key needs before it is no key, and one prompt's order takes several edits.
    """
    found = Counter(edit.transform for edit in edits if edit.text.strip() != ",")
    *said, last = [plural(found[name], noun) for name, noun in NOUNS.items() if found[name]] or [""]
    if found["order_prompt"]:
        said, last = [*said, *filter(None, [last])], "the order of prompts"
    return " and ".join(filter(None, (", ".join(said), last)))


def surface(finding: Finding) -> str:
    """Name the calls that a literal reaches: ``openai.chat``, ``openai.chat, litellm.completion``."""
    return ", ".join(dict.fromkeys(reach.site.surface for reach in finding.reaches))


def chain(finding: Finding, *, is_short: bool = False) -> tuple[tuple[str, ...], ...]:
    """Write each way from a literal to a call, step by step: ``config.py:4``, ``app/llm.py:31 openai.chat``.

    In short a step does without the file where it is that of the one before, and the first does too: ``line 4``.
    """
    origin = finding.origin
    ways = []
    for reach in finding.reaches:
        steps = reach.steps[1:] if _starts_at(reach, origin) else reach.steps
        before = (origin.shown, *(step.shown for step in steps))
        written = (
            f"{line_in(step.shown, step.position, last if is_short else '')} {step.what}"
            for step, last in zip(steps, before, strict=False)
        )
        ways.append((line_in(origin.shown, origin.position, origin.shown if is_short else ""), *written))
    return tuple(ways)


def noted(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Give the name and the text of each note on a literal's calls, once however many calls it is about."""
    return tuple(dict.fromkeys((note.reason, note.detail) for note in finding.notes))


def told(decision: Decision, plan: Plan, book: Rulebook) -> str:
    """Say in one line, away from the code, what would happen to a name, why, and at which price."""
    old, new = spelling(decision)
    shown = old if new is None else f"{old} → {new}"
    if isinstance(decision, Rewrite):
        said = f"{shown} ({surface(decision.finding)})"
    else:
        reason = book.reasons[decision.reason]
        detail = f": {decision.detail}" if decision.detail else ""
        said = f"{shown} not changed: {reason.title}{detail}. {reason.advice}"
    cost = None if isinstance(decision, Report) else price(decision, plan, book)
    parts = (said, *([] if cost is None else [f"Price {cost}."]), *_notes(decision))
    return " ".join(parts)


def _notes(decision: Decision) -> Iterator[str]:
    for name, text in noted(decision.finding):
        yield f"Note on {name}: {text}."


def keyed(prompt: Prompt) -> str:
    """Say in one line which cache key a call gets."""
    return f'prompt_cache_key="{prompt.key}": its requests begin alike (migrator cache)'


def _starts_at(reach: Reach, origin: Origin) -> bool:
    """Say whether the first step is the literal itself, which needs no second mention."""
    first = reach.steps[0] if reach.steps else None
    return first is not None and (first.shown, first.position) == (origin.shown, origin.position)


def target(plan: Plan, book: Rulebook) -> tuple[Migration, Model | None]:
    """Give the migration of a plan and the facts of its target."""
    migration = book.migrations[plan.migration]
    return migration, prices.model_of(migration.target, book)


def ending(migration: Migration, book: Rulebook) -> str:
    """Say on which day the target of a migration ends, and what takes its place; nothing where no day is announced."""
    model = prices.model_of(migration.target, book)
    if model is None or model.shutdown is None:
        return ""
    said = f"{migration.target} has an announced shutdown date: {model.shutdown.isoformat()}."
    return f"{said} The announced replacement is {model.replacement}." if model.replacement else said


def line_in(shown: str, position: Position, file: str) -> str:
    """Say on which line something is, for a reader who is in ``file``: ``line 31``, ``cell 2:4``."""
    if shown != file:
        return line_of(shown, position)
    return f"line {position.line}" if position.cell is None else line_of("", position).removeprefix(":")


def line_of(shown: str, position: Position) -> str:
    """Say on which line something is: ``app/llm.py:31``."""
    return place(shown, position).rpartition(":")[0]
