"""Answer one question: is what was added to a call a cache key, and nothing else?"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence, Set

from migrator import sources
from migrator.edits import merge
from migrator.model import Edit, Source, Span
from migrator.sources.lines import Lines

KEYS = ("prompt_cache_key", "openai_prompt_cache_key")
MAX_KEY = 64


def moved(edits: Sequence[Edit]) -> Iterator[tuple[Edit, Span]]:
    """Give each edit with the bytes that its text has in the new text."""
    shift = 0
    for edit in merge(edits):
        size = len(edit.text.encode())
        start = edit.span.start + shift
        yield edit, Span(start, start + size)
        shift += size - (edit.span.end - edit.span.start)


def undo(changed: Source, tree: ast.Module, edits: Sequence[Edit], transform: str) -> str | None:
    """Take the added keys out of the new tree. Give None where that is all that the edits added, else why not."""
    ranges = [span for edit, span in moved(edits) if edit.transform == transform and edit.text.strip() != ","]
    if not ranges:
        return None
    lines = sources.offsets(changed)

    def is_added(node: ast.expr | ast.keyword) -> bool:
        if node.end_lineno is None or node.end_col_offset is None:
            return False
        span = lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return any(r.start <= span.start and span.end <= r.end for r in ranges)

    copies = _Copies(is_added, {r.start for r in ranges}, lines)
    tree = copies.visit(tree)
    taken = copies.taken
    gone: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in gone:
            continue
        if isinstance(node, ast.Call):
            added = [keyword for keyword in node.keywords if is_added(keyword)]
            if not all(_is_key(keyword.arg, keyword.value) for keyword in added):
                return "more than a cache key was added to a call"
            node.keywords = [keyword for keyword in node.keywords if keyword not in added]
            taken += len(added)
            gone.update(inner for keyword in added for inner in ast.walk(keyword))
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
            entries = [(k, v) for k, v in pairs if k is not None and is_added(k)]
            if not all(_is_key(_text(k), v) for k, v in entries):
                return "more than a cache key was added to a dictionary"
            kept = [pair for pair in pairs if pair not in entries]
            node.keys, node.values = [k for k, _ in kept], [v for _, v in kept]
            taken += len(entries)
            gone.update(inner for _, value in entries for inner in ast.walk(value))
    return None if taken == len(ranges) else "an added cache key is not an argument of its own"


class _Copies(ast.NodeTransformer):
    """Puts what was copied back in place of the copy that has a key more: ``{**held, "prompt_cache_key": "..."}``."""

    def __init__(self, is_added: Callable[[ast.expr], bool], starts: Set[int], lines: Lines) -> None:
        self.is_added, self.starts, self.lines = is_added, starts, lines
        self.taken = 0

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """Take a copy away whose brace and key both were added."""
        self.generic_visit(node)
        match node:
            case ast.Dict(keys=[None, ast.expr() as key], values=[held, value]):
                start = self.lines.span(node.lineno, node.col_offset, node.lineno, node.col_offset).start
                if start in self.starts and self.is_added(key) and _is_key(_text(key), value):
                    self.taken += 2
                    return held
        return node


def _is_key(name: str | None, value: ast.expr) -> bool:
    """``prompt_cache_key="..."``, or a dictionary that holds only that."""
    if name in KEYS:
        text = _text(value)
        return _is_bucketed(value) if text is None else 0 < len(text) <= MAX_KEY
    if isinstance(value, ast.Dict) and len(value.keys) == 1:
        return _is_key(_text(value.keys[0]), value.values[0])
    return False


def _is_bucketed(value: ast.expr) -> bool:
    """``f"name-{sum(user_id.encode()) % 8}"`` and ``f"name-{sum(str(user_id).encode()) % 8}"``, and no other."""
    match value:
        case ast.JoinedStr(
            values=[
                ast.Constant(value=str() as text),
                ast.FormattedValue(
                    value=ast.BinOp(
                        left=ast.Call(
                            func=ast.Name(id="sum"),
                            args=[ast.Call(func=ast.Attribute(value=held, attr="encode"), args=[], keywords=[])],
                            keywords=[],
                        ),
                        op=ast.Mod(),
                        right=ast.Constant(value=int() as number),
                    ),
                    conversion=-1,
                    format_spec=None,
                ),
            ]
        ):
            return _is_name(held) and number > 1 and len(text) + len(str(number - 1)) <= MAX_KEY
    return False


def _is_name(node: ast.expr) -> bool:
    """``user_id`` or ``str(user_id)``."""
    match node:
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name()], keywords=[]) | ast.Name():
            return True
    return False


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
