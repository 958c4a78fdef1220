"""Answer one question: which lines does a person read about the prompt of a call?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from migrator import prices
from migrator.lines import Line, plural, wrapped
from migrator.model import Prompt, PromptWarning
from migrator.nouns import Caching
from migrator.picture import picture, pieces
from migrator.prompt_costs import Cost, cached, costs, known
from migrator.readings import line_of
from migrator.rulebook import Migration, Rulebook

LABEL = 9
INDENT = "  "
CODE = 36


@dataclass(frozen=True, slots=True)
class Tables:
    """What is needed to put a prompt into words."""

    book: Rulebook
    migration: Migration
    caching: Caching


def block(prompt: Prompt, tables: Tables, width: int) -> Iterator[Line]:
    """Give all that is known of one call's prompt: where it is, a picture, its cache, its key and its price."""
    yield heading(prompt)
    room = max(width, 40) - len(INDENT)
    yield from (pieces(line, INDENT) for line in picture(prompt, tables.caching.minimum, room))
    for label, text, style in _facts(prompt, tables):
        yield from _labelled(label, text, width, style)
    yield from _prices(prompt, tables)


def heading(prompt: Prompt) -> Line:
    """Say which call it is, and which model it runs on."""
    names = ", ".join(prompt.before) or "model not known here"
    place = line_of(prompt.site.shown, prompt.site.position)
    return (place, "path"), (f"  {prompt.site.surface}", ""), (f"  {names}", "dim")


def shared(prompt: Prompt) -> str:
    """Write the tokens that all requests share: ``1,310``, ``13 to 93``, ``1,310 or more``."""
    if prompt.most is None:
        return f"{prompt.least:,} or more" if prompt.least else "not known"
    return f"{prompt.least:,}" if prompt.least == prompt.most else f"{prompt.least:,} to {prompt.most:,}"


def _tokens(prompt: Prompt) -> str:
    return f"{shared(prompt)} tokens" if prompt.least or prompt.most is not None else shared(prompt)


def missing(prompt: Prompt, minimum: int) -> int:
    """Give the tokens that the shared beginning surely lacks."""
    return 0 if prompt.most is None else max(0, minimum - prompt.most)


def _facts(prompt: Prompt, tables: Tables) -> Iterator[tuple[str, str, str]]:
    if prompt.verdict != "hidden":
        if prompt.callers > 1:
            yield "brought", f"by {prompt.callers} calls of the function around it; this one shares least", ""
        yield "shared", _shared(prompt, tables.caching), ""
        yield "ends at", _end(prompt), ""
    for name in _without_cache(prompt, tables.book):
        yield "note", f"{name} itself has no cached price: it caches nothing", "review"
    if prompt.gains:
        yield "better", _better(prompt), "behind"
    order = _order(prompt, tables.caching) if prompt.gains or prompt.order in ("sort", "sorted") else ""
    if order:
        yield "order", order, ""
    for warning in prompt.warnings:
        yield "warning", _warning(warning, tables.caching), "review"
    yield "key", key(prompt, tables.caching), "rewrite" if prompt.key else "dim"


def _without_cache(prompt: Prompt, book: Rulebook) -> Iterator[str]:
    """The models of a call of which the tables know that they do not cache, where that matters."""
    for name in prompt.before if cached(prompt) else ():
        model = prices.model_of(name, book)
        if model is not None and model.cached_price is None:
            yield name


def _shared(prompt: Prompt, caching: Caching) -> str:
    said = _tokens(prompt)
    if prompt.verdict == "pays":
        return f"{said}; a hit reads {'at least ' if prompt.most is None else ''}{prompt.cached:,} of them"
    if prompt.verdict == "may":
        return f"{said}: it depends on what is read at run time"
    lacking = missing(prompt, caching.minimum)
    return f"{said}, {'at least ' if prompt.most != prompt.least else ''}{lacking:,} missing to {caching.minimum:,}"


def _end(prompt: Prompt) -> str:
    part = prompt.breaker
    if part is None:
        return "its own end: nothing in it is seen to vary"
    why = part.why if part.why and part.why != part.code else f"varies by {part.varies}"
    return f"{_place(part.shown, part.line)}  {short(part.code)}  ({why})"


def _place(shown: str, line: int) -> str:
    """Say where a part stands; the lines of a notebook count through all its cells, so they are left out."""
    return shown if shown.endswith(".ipynb") else f"{shown}:{line}"


def short(code: str) -> str:
    """Write an expression on one line, and only its beginning where it is long."""
    text = " ".join(code.split())
    return text if len(text) <= CODE else f"{text[: CODE - 1]}…"


def _better(prompt: Prompt) -> str:
    return f"{prompt.best:,} tokens are always the same: with them first, a hit reads {prompt.best_cached:,}"


def _order(prompt: Prompt, caching: Caching) -> str:
    """Say what happens to the order of a prompt that could have a better one."""
    if prompt.order == "review":
        return "migrator apply --review puts them first"
    if prompt.order == "sort":
        return "migrator apply --review puts its sets into one order"
    row = caching.stays.get(prompt.order)
    if row is None:
        return {"applied": "put first", "sorted": "its sets are put into one order"}.get(prompt.order, "")
    said = f" ({short(prompt.order_detail)})" if prompt.order_detail else ""
    return f"stays, because {row.title}{said}"


def _warning(warning: PromptWarning, caching: Caching) -> str:
    row = caching.breakers.get(warning.name)
    title, advice = (row.title, row.advice) if row is not None else (warning.name, "")
    return f"{title}: {short(warning.code)} at {_place(warning.shown, warning.line)}. {advice}"


def key(prompt: Prompt, caching: Caching) -> str:
    """Say which key a call gets, or why it gets none."""
    if prompt.key:
        return f'prompt_cache_key="{prompt.key}"'
    if prompt.reason == "has_cache_key":
        return f"it has one{f': {short(prompt.detail)}' if prompt.detail else ''}"
    row = caching.refusals.get(prompt.reason)
    title = row.title if row is not None else prompt.reason
    said = short(prompt.detail) if prompt.detail and prompt.reason != "short_prefix" else ""
    return f"none: {title}{f' ({said})' if said else ''}"


def _labelled(label: str, text: str, width: int, style: str) -> Iterator[Line]:
    indent = INDENT + " " * LABEL
    for number, line in enumerate(wrapped(text, width, indent=indent, hanging="")):
        words = line[0][0].removeprefix(indent)
        yield (f"{INDENT}{label if not number else '':<{LABEL}}", "dim"), (words, style)


def _prices(prompt: Prompt, tables: Tables) -> Iterator[Line]:
    """A table: one row for each model, one column for each hit rate, and the difference below."""
    rows = costs(prompt, tables.migration, tables.book, tables.caching)
    if not rows or not cached(prompt) or group(prompt) == "elsewhere":
        return
    where = " in that order" if cached(prompt) and not prompt.cached else ""
    yield (f"{INDENT}{'price':<{LABEL}}", "dim"), (f"{known(prompt):,} tokens of input, 1,000 calls{where}", "")
    indent = INDENT + " " * LABEL
    rates = tables.caching.hit_rates
    names = max(max(len(row.model) for row in rows), len("calls that hit"))
    head = "".join(f"{rate:>7} %" for rate in rates)
    yield ((f"{indent}{'calls that hit':<{names}}{head}", "dim"),)
    for row in rows:
        amounts = "".join(f"{dollars(row.dollars[rate]):>9}" for rate in rates if rate in row.dollars)
        yield ((f"{indent}{row.model:<{names}}{amounts}", ""),)
        yield from _difference(row, rows, indent, names)


def _difference(row: Cost, rows: Sequence[Cost], indent: str, names: int) -> Iterator[Line]:
    """Compare with the old model at the same hit rate."""
    old = next((one for one in rows if one.model == row.old and not one.old), None)
    if old is None:
        return
    pairs = [(old.dollars[rate], row.dollars[rate]) for rate in row.dollars if rate in old.dollars]
    tone = "cheaper" if all(new <= before for before, new in pairs) else "dearer"
    shares = "".join(f"{prices.percent(*pair):>9}" for pair in pairs)
    yield (" " * (len(indent) + names), ""), (shares, tone), (f"  {tone}", tone)


def dollars(amount: Decimal) -> str:
    """Write an amount with cents; a small one with as many digits as it takes to say something."""
    digits = "0.01" if amount >= Decimal("0.1") else "0.0001"
    return f"${amount.quantize(Decimal(digits), ROUND_HALF_UP)}"


def section(prompts: Sequence[Prompt], tables: Tables, *, explain: bool, width: int) -> Iterator[Line]:
    """Say in a few lines which of the calls that move get a key, and why the others get none."""
    if not prompts:
        return
    keyed = sum(bool(prompt.key) for prompt in prompts)
    yield (("Prompt caching", "bold"), (f" of {_which(prompts)}", ""))
    if keyed:
        yield ("  ", ""), (f"{keyed:>3}  {'gets' if keyed == 1 else 'get'} a prompt_cache_key", "rewrite")
    reasons = Counter(prompt.reason for prompt in prompts if not prompt.key)
    for name in sorted(reasons, key=lambda reason: (-reasons[reason], reason)):
        yield from wrapped(_reason(name, reasons, prompts, tables), width, indent=INDENT, hanging=" " * 5)
    if explain:
        for prompt in sorted(prompts, key=rank):
            yield from wrapped(_one(prompt), width, indent=" " * 8, style="dim")
    yield (("  migrator cache shows each prompt.", "dim"),)


def _which(prompts: Sequence[Prompt]) -> str:
    azure = sum(prompt.is_azure for prompt in prompts)
    moved = f"the {plural(len(prompts) - azure, 'call')} that the new name arrives at" if azure < len(prompts) else ""
    if not azure:
        return moved
    return f"{moved}, and {azure} on Azure" if moved else f"{plural(azure, 'call')} on Azure"


def _reason(name: str, reasons: Mapping[str, int], prompts: Sequence[Prompt], tables: Tables) -> str:
    row = tables.caching.refusals.get(name)
    said = f"{reasons[name]:>3}  no key: {row.title if row is not None else name}"
    if name != "short_prefix":
        return said
    nearest = min(missing(prompt, tables.caching.minimum) for prompt in prompts if prompt.reason == name)
    better = sum(prompt.gains for prompt in prompts if prompt.reason == name)
    order = f"; {better} would be cached with the static text first" if better else ""
    return f"{said}; the longest lacks at least {nearest:,} of {tables.caching.minimum:,} tokens{order}"


def _one(prompt: Prompt) -> str:
    place = line_of(prompt.site.shown, prompt.site.position)
    said = f"key {prompt.key}" if prompt.key else prompt.reason
    if prompt.verdict == "hidden":
        return f"{place}  {said}"
    part = prompt.breaker
    end = "" if part is None else f", up to {_place(part.shown, part.line)} {short(part.code)}"
    return f"{place}  {said}: {_tokens(prompt)}{end}"


def rank(prompt: Prompt) -> tuple[int, int, str, int]:
    """Order prompts for a person: those that pay, that would in another order, that may, that are short, the rest."""
    size = -max(prompt.best_cached, prompt.best)
    return GROUPS.index(group(prompt)), size, prompt.site.shown, prompt.site.span.start


GROUPS = ("pays", "gains", "may", "short", "elsewhere", "hidden")


def group(prompt: Prompt) -> str:
    """Say in one word what a person is to think of a prompt."""
    if prompt.reason == "other_server":
        return "elsewhere"
    return "gains" if prompt.verdict == "short" and prompt.gains else prompt.verdict
