"""Answer one question: what do the tables say about a name, in lines a person reads?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches

from migrator.lines import BLANK, Line, plural, wrapped
from migrator.nouns import PARAMETER_WORDS, CallNote, Parameter
from migrator.prices import model_of
from migrator.rulebook import Fact, Migration, Model, Reason, Rulebook, Slot, Surface
from migrator.shipped import reasons as reasons_folder

TRANSFORMS: Mapping[str, str] = {
    "model": "Swap an old model's name for the new one where it provably decides a request's model.",
    "parameters": "Give a call the parameters that its new model takes, where the migration's table names some.",
    "order_prompt": "Put the static parts of a prompt before those that vary; held for review, applied with --review.",
    "cache_key": "Add a stable prompt_cache_key to a call whose requests begin with enough text in common.",
}
SHOWN = 8


def overview(book: Rulebook, width: int) -> Iterator[Line]:
    """List every transform, migration, model and surface."""
    yield _heading("Transforms")
    yield from _listed(TRANSFORMS, width)
    yield _heading("Migrations")
    yield from _listed({one.name: _migration_line(one) for one in book.migrations.values()}, width)
    yield _heading("Models, in dollars per million tokens")
    yield from _models(tuple(book.models.values()))
    yield _heading(f"Surfaces: {plural(len(book.surfaces), 'kind')} of call, by library")
    yield from _surfaces(book.surfaces, width)
    yield (("migrator explain NAME shows one of them with its sources.", "dim"),)


def explain(name: str, book: Rulebook, width: int) -> tuple[Line, ...]:
    """Show everything that carries this name; empty when nothing does."""
    lines: list[Line] = []
    for surface in book.surfaces:
        if name in (surface.name, surface.library.name):
            lines += [*_surface(surface, width), BLANK]
    model = model_of(name, book)
    if model is not None:
        lines += [*_model(model, width), BLANK]
    if name in book.migrations:
        lines += [*_migration(book.migrations[name], book, width), BLANK]
    if name in book.reasons:
        lines += [*_reason(book.reasons[name], width), BLANK]
    for migration in book.migrations.values():
        for note in migration.call_notes:
            if note.name == name:
                lines += [*_call_note(note, migration, width), BLANK]
    if name in TRANSFORMS:
        lines += [_heading(f"transform {name}"), *wrapped(TRANSFORMS[name], width, indent="  "), BLANK]
    return tuple(lines)


def nearest(name: str, book: Rulebook) -> tuple[str, ...]:
    """Give the known names that look most like this one."""
    known = {
        *TRANSFORMS,
        *book.reasons,
        *book.migrations,
        *(note.name for migration in book.migrations.values() for note in migration.call_notes),
        *(surface.name for surface in book.surfaces),
        *(surface.library.name for surface in book.surfaces),
        *(one for model in book.models.values() for one in (model.name, *model.aliases)),
    }
    return tuple(get_close_matches(name, sorted(known), n=3, cutoff=0.4))


def _heading(text: str) -> Line:
    return ((text, "bold"),)


def _listed(rows: Mapping[str, str], width: int) -> Iterator[Line]:
    label = max(map(len, rows), default=0)
    for name, text in rows.items():
        first, *rest = wrapped(text, width - label - 4, indent="", hanging="") or [BLANK]
        yield ("  ", ""), (name.ljust(label), "name"), ("  ", ""), *first
        for line in rest:
            yield (" " * (label + 4), ""), *line
    yield BLANK


def _migration_line(migration: Migration) -> str:
    return f"{plural(len(migration.names), 'name')} → {migration.target}: {', '.join(migration.names)}"


def _models(models: Sequence[Model]) -> Iterator[Line]:
    label = max((len(model.name) for model in models), default=5)
    yield ((f"  {'':<{label}}  {'input':>7}  {'cached':>7}  {'output':>7}  shutdown", "dim"),)
    for model in models:
        amounts = (model.input_price, model.cached_price, model.output_price)
        figures = "  ".join(f"{_amount(amount):>7}" for amount in amounts)
        date = model.shutdown.isoformat() if model.shutdown else "-"
        yield (f"  {model.name:<{label}}", "name"), (f"  {figures}  {date}", "")
    yield BLANK


def _surfaces(surfaces: Sequence[Surface], width: int) -> Iterator[Line]:
    grouped: dict[str, list[str]] = {}
    for surface in surfaces:
        held = f" ({surface.hold})" if surface.hold else ""
        grouped.setdefault(surface.library.name, []).append(f"{surface.name}{held}")
    yield from _listed({name: ", ".join(grouped[name]) for name in sorted(grouped)}, width)


def _surface(surface: Surface, width: int) -> Iterator[Line]:
    library = surface.library
    yield _heading(f"surface {surface.name}")
    yield from wrapped(f"library: {library.name} {library.checked} ({library.source})", width, indent="  ")
    yield (("  calls:", ""),)
    for call in surface.calls[:SHOWN]:
        yield (("    " + call, "name"),)
    if len(surface.calls) > SHOWN:
        yield ((f"    and {len(surface.calls) - SHOWN} more spellings of the same", "dim"),)
    yield from wrapped("model: " + "; ".join(_slot(slot) for slot in surface.slots), width, indent="  ")
    if surface.forms:
        yield from wrapped("forms: " + ", ".join(surface.forms), width, indent="  ")
    if surface.hold:
        yield ((f"  never rewritten: {surface.hold} (migrator explain {surface.hold})", "report"),)
    for target, requirement in surface.knows.items():
        yield ((f"  {target} needs {requirement}", ""),)
    if surface.parameters:
        yield from _parameters(surface, width)
    yield from wrapped(f"evidence: {surface.evidence}", width, indent="  ")


def _parameters(surface: Surface, width: int) -> Iterator[Line]:
    """Say which parameters of a request the call can be given, and where one that has another name there stands."""
    spelled = {name: way for name, way in surface.parameters.items() if name not in PARAMETER_WORDS}
    said = ", ".join(name if name == way else f"{name} as {way}" for name, way in spelled.items())
    yield from wrapped(f"parameters: {said}", width, indent="  ")
    for word, text in surface.parameters.items():
        if word in PARAMETER_WORDS:
            yield from wrapped(f"parameters, {word}: {text}", width, indent="  ")


def _slot(slot: Slot) -> str:
    said = [f"keyword {keyword}" for keyword in slot.keywords]
    if slot.position is not None:
        said.append(f"argument {slot.position + 1}")
    inside = f", inside {' / '.join(slot.path)}" if slot.path else ""
    return " or ".join(said) + inside


def _model(model: Model, width: int) -> Iterator[Line]:
    yield _heading(f"model {model.name}")
    if model.aliases:
        yield from wrapped("also: " + ", ".join(model.aliases), width, indent="  ")
    prices = (
        f"input ${_amount(model.input_price)}, cached ${_amount(model.cached_price)}, "
        f"output ${_amount(model.output_price)} per million tokens"
    )
    yield ((f"  {prices}", ""),)
    if model.max_input is not None and model.max_output is not None:
        yield ((f"  limits: {model.max_input:,} tokens in, {model.max_output:,} out", ""),)
    if model.shutdown:
        after = f"; the announced replacement is {model.replacement}" if model.replacement else ""
        yield ((f"  announced shutdown: {model.shutdown.isoformat()}{after}", ""),)
    yield from _sources(model.sources, width)


def _migration(migration: Migration, book: Rulebook, width: int) -> Iterator[Line]:
    yield _heading(f"migration to {migration.target}")
    label = max(map(len, migration.names), default=0)
    for old, new in migration.names.items():
        yield ((f"  {old:<{label}}  → {new}", ""),)
    if migration.prefixes:
        kept = ", ".join(prefix for prefix in migration.prefixes if prefix)
        yield from wrapped(f"prefixes that stay: {kept}", width, indent="  ")
    if migration.gateways:
        yield from wrapped(f"only with --gateways: {', '.join(migration.gateways)}", width, indent="  ")
    for one in migration.parameters:
        yield from wrapped(f"parameter {one.name}: {_change(one)}", width, indent="  ")
    for group in migration.reported:
        title = book.reasons[group.reason].title if group.reason in book.reasons else group.reason
        yield from wrapped(f"never changed ({title}): {_some(group.names)}", width, indent="  ")
    yield from _sources(migration.sources, width)


def _change(one: Parameter) -> str:
    """Say in words what becomes of a parameter."""
    if one.action == "add":
        return f"{one.value!r} is added where a call does not set it"
    if one.action == "rename":
        return f"becomes {one.to}"
    if one.action == "drop":
        return "is taken away"
    needed = ", ".join(f"{name} {value!r}" for name, value in one.needs.items())
    return f"is only taken with {needed}"


def _reason(reason: Reason, width: int) -> Iterator[Line]:
    yield _heading(f"reason {reason.name}")
    yield from wrapped(f"Not changed: {reason.title}. {reason.advice}", width, indent="  ")
    yield ((f"  An example: {reasons_folder() / f'{reason.name}.md'}", "dim"),)


def _call_note(note: CallNote, migration: Migration, width: int) -> Iterator[Line]:
    yield _heading(f"note {note.name}, on calls that move to {migration.target}")
    yield from wrapped(f"from: {_some(note.names)}", width, indent="  ")
    yield from wrapped(note.text, width, indent="  ")
    yield from _sources((note.fact,), width)


def _sources(facts: Sequence[Fact], width: int) -> Iterator[Line]:
    for fact in facts:
        yield from wrapped(f"source: {fact.source} (read {fact.checked.isoformat()})", width, indent="  ")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _amount(amount: Decimal | None) -> str:
    if amount is None:
        return "-"
    return f"{amount:.2f}" if amount == amount.quantize(Decimal("0.01")) else str(amount)
