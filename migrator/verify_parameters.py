"""Answer one question: did the edits of parameters add, rename and take away whole arguments, and nothing else?

What was done is undone in both trees: added arguments and entries are taken out of the new one, renamed ones get their
old name back, and dropped ones are taken out of the old one. What is left must be the same.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from migrator import sources
from migrator.model import Edit, Source, Span
from migrator.verify_keys import moved

NAME = "parameters"


def undo(source: Source, changed: Source, old: ast.Module, new: ast.Module, edits: Sequence[Edit]) -> str | None:
    """Give None where all edits of parameters are undone, else why not."""
    own = [(edit, span) for edit, span in moved(edits) if edit.transform == NAME and edit.text.strip() != ","]
    if not own:
        return None
    added = [(edit, span) for edit, span in own if edit.span.start == edit.span.end]
    renamed = [(edit, span) for edit, span in own if edit.span.start != edit.span.end and edit.text]
    dropped = [edit.span for edit, _ in own if edit.span.start != edit.span.end and not edit.text]
    wanted = sum(_count(edit.text) for edit, _ in added)
    if wanted != _taken_out(changed, new, [span for _, span in added]):
        return "an added parameter is not an argument of its own"
    for edit, span in renamed:
        if not _named_back(source, changed, new, edit, span):
            return "a renamed parameter is not the name of an argument"
    return None if _dropped(source, old, dropped) == len(dropped) else "a dropped parameter is not one argument"


def _count(text: str) -> int:
    """How many arguments or entries an insertion holds."""
    inside = text.strip().strip(",").strip()
    for form in ("f({})", "{{{}}}"):
        try:
            body = ast.parse(form.format(inside), mode="eval").body
        except SyntaxError:
            continue
        if isinstance(body, ast.Call) and not body.args:
            return len(body.keywords)
        if isinstance(body, ast.Dict):
            return len(body.keys)
    return -1


def _taken_out(changed: Source, tree: ast.Module, ranges: Sequence[Span]) -> int:
    """Take what stands in the ranges out of calls and dictionaries, and count it."""
    if not ranges:
        return 0
    lines = sources.offsets(changed)
    taken = 0
    gone: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in gone:
            continue
        out: list[ast.AST] = []
        if isinstance(node, ast.Call):
            out += [k for k in node.keywords if _within(_span(lines, k), ranges)]
            node.keywords = [k for k in node.keywords if k not in out]
            taken += len(out)
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
            kept = [(k, v) for k, v in pairs if k is None or not _within(_span(lines, k), ranges)]
            node.keys, node.values = [k for k, _ in kept], [v for _, v in kept]
            out += [v for pair in pairs if pair not in kept for v in pair if v is not None]
            taken += len(pairs) - len(kept)
        gone.update(inner for one in out for inner in ast.walk(one))
    return taken


def _named_back(source: Source, changed: Source, tree: ast.Module, edit: Edit, span: Span) -> bool:
    """Give a keyword its old name, where the edit is the whole of its new one."""
    lines = sources.offsets(changed)
    before = source.text.encode()[edit.span.start : edit.span.end].decode()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and _span(lines, node).start == span.start:
            if node.arg == edit.text and before.isidentifier():
                node.arg = before
                return True
    return False


def _dropped(source: Source, tree: ast.Module, ranges: Sequence[Span]) -> int:
    """Take the arguments that were dropped out of the old tree; each range must hold exactly one."""
    if not ranges:
        return 0
    lines = sources.offsets(source)
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            gone = [k for k in node.keywords if _within(_span(lines, k), ranges)]
            count += len(gone)
            node.keywords = [k for k in node.keywords if k not in gone]
    return count


def _span(lines: sources.Lines, node: ast.expr | ast.keyword) -> Span:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def _within(span: Span, ranges: Sequence[Span]) -> bool:
    return any(one.start <= span.start and span.end <= one.end for one in ranges)
