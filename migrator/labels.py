"""Answer one question: does a label beside a literal show people the old model's name?

``Choice(title="GPT-4o", model="gpt-4o")``: with the new name the title would say what is not so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrator.flow.unit import Unit
from migrator.model import Hazard
from migrator.rulebook import Migration

# Keywords and keys under which a row says what it is.
NAMES = frozenset(
    {
        *("name", "label", "title", "display", "display_name", "displayname", "id", "key", "slug", "alias"),
        *("caption", "header", "heading", "nickname", "friendly_name", "verbose_name", "short_name", "full_name"),
    }
)
# In a dictionary these speak of the row; in a call they may be the help of an option.
TEXTS = frozenset({"description", "desc", "text", "summary", "info", "subtitle"})
Pair = tuple[str | None, ast.expr]


def labels_beside(unit: Unit, node: ast.expr, named: str, migration: Migration) -> Iterator[Hazard]:
    """The first label that names the model that the literal names."""
    match = migration.match(named)
    if match is None:
        return
    shown = _pattern(match.old, migration)
    for name, value in (*_beside(unit, node), *_keys_around(unit, node)):
        text = value.value if isinstance(value, ast.Constant) else None
        if isinstance(text, str) and shown.search(text):
            detail = text if name is None else f"{name}: {text}"
            yield Hazard("label_beside", detail[:60], unit.source.shown, unit.position(value), unit.span(value))
            return


def _beside(unit: Unit, node: ast.expr) -> Iterator[Pair]:
    """What names the row in which the literal stands: its key, its other entries, the other arguments."""
    holder = unit.parent(node)
    if isinstance(holder, ast.Dict):
        for key, value in zip(holder.keys, holder.values, strict=True):
            if isinstance(key, ast.Constant) and str(key.value).lower() in NAMES | TEXTS:
                yield str(key.value), value
    elif isinstance(holder, ast.Tuple):
        yield from ((None, e) for e in holder.elts if e is not node)
    elif isinstance(holder, (ast.keyword, ast.Call)):
        call = unit.parent(holder) if isinstance(holder, ast.keyword) else holder
        if isinstance(call, ast.Call) and node is not call.func:
            yield from ((k.arg, k.value) for k in call.keywords if k.arg in NAMES and k.value is not node)
            yield from ((None, a) for a in call.args if ast.dump(a) != ast.dump(node))


def _keys_around(unit: Unit, node: ast.AST) -> Iterator[Pair]:
    """The keys of the entries in which the literal stands: ``{"GPT-4o": {"model": "gpt-4o"}}``."""
    child = node
    for above in unit.ancestors(node):
        if isinstance(above, ast.stmt):
            return
        if isinstance(above, ast.Dict):
            yield from (
                (None, k) for k, v in zip(above.keys, above.values, strict=True) if v is child and k is not None
            )
        child = above


def _pattern(old: str, migration: Migration) -> re.Pattern[str]:
    """The name as people write it, ``GPT-4o`` or ``gpt 4o``, and not the start of another model's name."""
    longer = {name.removeprefix(old).strip("-") for name in migration.names if name.startswith(old) and name != old}
    words = r"[\s_-]*".join(re.escape(part) for part in old.split("-"))
    others = "|".join(sorted(re.escape(name) for name in longer))
    after = rf"(?![\s_-]*(?:{others}))" if others else ""
    return re.compile(rf"(?<![a-z0-9]){words}(?![a-z0-9]){after}", re.IGNORECASE)
