"""Answer one question: which lines does a person read about the prompts of a repository?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Decimal

from migrator import prices
from migrator.lines import BLANK, Line, joined, plural, wrapped
from migrator.model import Prompt, Survey
from migrator.picture import kinds, legend
from migrator.prompt_words import GROUPS, Tables, block, group, missing, rank
from migrator.readings import ending
from migrator.report import skipped

# In the singular and in the plural.
SAID = {
    "pays": ("shares enough from its beginning: it is cached", "share enough from their beginning: it is cached"),
    "gains": ("would be cached with the static text first",) * 2,
    "may": ("may be cached: what is read at run time decides",) * 2,
    "short": ("too short to be cached",) * 2,
    "elsewhere": (
        "goes, or may go, to another server, of whose cache nothing is known",
        "go, or may go, to other servers, of whose caches nothing is known",
    ),
    "hidden": ("does not show its prompt in the code", "do not show their prompts in the code"),
}

COUNTED = ("short", "elsewhere", "hidden")


def rows(found: Survey, tables: Tables, *, show_all: bool, width: int) -> Iterator[Line]:
    """Give each prompt, the important ones first; what cannot be cached is counted, not shown."""
    for prompt in sorted(found.prompts, key=rank):
        if show_all or group(prompt) not in COUNTED:
            yield from block(prompt, tables, width)
            yield BLANK


def summary(found: Survey, tables: Tables, *, show_all: bool, width: int) -> Iterator[Line]:
    """Give what a person should know after the prompts: the letters, the counts, what no cache can do."""
    shown = [prompt for prompt in found.prompts if show_all or group(prompt) not in COUNTED]
    yield from joined(
        legend(frozenset(kind for prompt in shown for kind in kinds(prompt)), tables.caching.minimum),
        _counts(found, tables, show_all=show_all),
        _comparisons(found.prompts, tables, width),
        skipped(found.skips, width),
        wrapped(ending(tables.migration, tables.book) if found.prompts else "", width, indent=""),
    )


def _counts(found: Survey, tables: Tables, *, show_all: bool) -> Iterator[Line]:
    read = f" ({plural(found.files_read, 'file')} read)"
    if not found.prompts:
        yield (("No call that sends a prompt was found", "bold"), (f"{read}.", ""))
        return
    files = len({prompt.site.shown for prompt in found.prompts})
    calls = plural(len(found.prompts), "call")
    verb = "sends" if len(found.prompts) == 1 else "send"
    yield ((f"{calls} in {plural(files, 'file')} {verb} a prompt", "bold"), (read, ""))
    groups = Counter(group(prompt) for prompt in found.prompts)
    for name in GROUPS:
        if groups[name]:
            more = _lacks(found.prompts, tables) if name == "short" else ""
            yield ((f"  {groups[name]:>3}  {SAID[name][groups[name] > 1]}{more}", ""),)
    if not show_all and any(groups[name] for name in COUNTED):
        yield (("  --all shows those that are only counted here.", "dim"),)


def _lacks(prompts: Sequence[Prompt], tables: Tables) -> str:
    minimum = tables.caching.minimum
    lacking = [missing(prompt, minimum) for prompt in prompts if group(prompt) == "short"]
    return f": the longest lacks {min(lacking):,} of {minimum:,} tokens"


def _comparisons(prompts: Sequence[Prompt], tables: Tables, width: int) -> Iterator[Line]:
    """Say of each old model for which the cache alone never pays for the move, that it does not."""
    matches = (tables.migration.match(name) for prompt in prompts for name in prompt.before)
    for old in sorted({match.old for match in matches if match is not None}):
        said = _never(old, tables)
        if said:
            yield from wrapped(said, width, indent="", hanging="  ")


def _never(old: str, tables: Tables) -> str:
    new = tables.migration.names[old]
    change = prices.change(old, new, migration=tables.migration, book=tables.book)
    before, after = prices.model_of(old, tables.book), prices.model_of(new, tables.book)
    if change is None or before is None or after is None or change.cached is None or not prices.never_pays(change):
        return ""
    said = (
        f"Caching alone never pays for the move from {old}, which caches too: a million tokens of input cost "
        f"${after.input_price} instead of ${before.input_price} ({prices.factor(change.input)}), cached "
        f"${after.cached_price} instead of ${before.cached_price} ({prices.factor(change.cached)})."
    )
    share = prices.break_even(before, after)
    if share is None:
        return said
    whole = (share * 100).quantize(Decimal(1), ROUND_UP)
    return f"{said} Only against {old} without any hit is {new} cheaper, where {whole} % of the tokens hit or more."
