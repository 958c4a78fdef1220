"""Answer one question: does this change do what was planned, and nothing else?"""

from __future__ import annotations

import ast
import io
import json
import os
import tokenize
from collections.abc import Iterator, Sequence, Set

from migrator import edits as splicing
from migrator import sources, verify_keys, verify_order, verify_parameters, verify_steady
from migrator.model import Cell, Edit, Skip, Source, Span

# LibCST holds the interpreter's lock, so only processes help; starting one costs about as much as this many files.
FILES_A_WORKER = 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

_Owners = dict[ast.AST, tuple[Span, list[Edit]]]


def prove(source: Source, edits: Sequence[Edit], after: bytes) -> str | None:
    """Give None where every proof holds, else why the file must be left alone, in one line.

    LibCST gives the original back byte for byte; the new file reads and parses; its tree is the old
    one with exactly the planned strings and members changed; every comment is still there, in its order; of a
    notebook's JSON nothing but the edited cells' sources has changed, of a document nothing but the edited
    blocks; and so has no byte outside the edits.
    """
    if (reason := _not_reproduced(source, edits)) is not None:
        return reason
    changed = sources.read(source.path, source.shown, after)
    if isinstance(changed, Skip):
        return f"the new text does not parse: {changed.reason}"
    if changed.encoding != source.encoding:
        return f"the encoding became {changed.encoding}"
    if source.kind == "notebook" and (reason := _json_differs(source, edits, after)) is not None:
        return reason
    if source.kind == "page" and (reason := _prose_differs(source, edits, changed)) is not None:
        return reason
    reason = _tree_differs(source, edits, changed) or _comments_differ(source, changed)
    if reason is None and splicing.apply(source, edits) != after:
        return "the bytes are not the old ones with the planned edits"
    return reason


Job = tuple[Source, Sequence[Edit], bytes]


class Provers:
    """Processes that prove files. They start, and read in what they need, while the caller still plans.

    ``expected`` is the number of files; a few are not worth a process, and are proven here.
    """

    def __init__(self, expected: int) -> None:
        self.pool: ProcessPoolExecutor | None = None
        self.begun: dict[tuple[str, bytes], Future[str | None]] = {}
        workers = min(os.cpu_count() or 1, expected // FILES_A_WORKER)
        if workers > 1:
            from concurrent.futures import ProcessPoolExecutor

            self.pool = ProcessPoolExecutor(workers)
            for _ in range(workers):
                self.pool.submit(_warm)

    def __enter__(self) -> Provers:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Begin proofs that will probably be asked for, while the caller goes on."""
        if self.pool is not None:
            self.begun = {(source.shown, after): self.pool.submit(prove, source, e, after) for source, e, after in jobs}

    def prove(self, jobs: Sequence[Job]) -> list[str | None]:
        """Prove many files, each as ``prove`` does, in the order given."""
        if self.pool is None:
            return [prove(*job) for job in jobs]
        waiting = [self.begun.get((job[0].shown, job[2])) or self.pool.submit(prove, *job) for job in jobs]
        return [one.result() for one in waiting]


def _warm() -> None:
    import libcst

    libcst.parse_module("")


def _not_reproduced(source: Source, edits: Sequence[Edit]) -> str | None:
    import libcst

    for cell, text in _parts(source, edits):
        where = "" if cell is None else f"cell {cell.index}: "
        try:
            reproduced = libcst.parse_module(text).code
        except Exception as error:  # its own errors, recursion: the proof fails, whatever the reason
            return f"{where}LibCST does not read it: {(str(error).splitlines() or [''])[0]}"
        if reproduced != text:
            return f"{where}LibCST does not give the text back byte for byte; edit it by hand"
    return None


def _parts(source: Source, edits: Sequence[Edit]) -> Iterator[tuple[Cell | None, str]]:
    """Give the texts that the edits are in: the file's, or each edited cell's."""
    if source.kind == "python":
        yield None, source.text
    encoded = source.text.encode()
    for cell in source.cells:
        if any(_contains(cell.span, edit.span) for edit in edits):
            yield cell, encoded[cell.span.start : cell.span.end].decode()


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _tree_differs(source: Source, edits: Sequence[Edit], changed: Source) -> str | None:
    """Compare the new tree with the old one, in which each edited string is read again after the edit."""
    old, new = sources.parse(source), sources.parse(changed)
    if _gives_twice(new):
        return "an argument is given twice"
    if (reason := verify_parameters.undo(source, changed, old, new, edits)) is not None:
        return reason
    if (reason := verify_keys.undo(changed, new, edits, "cache_key")) is not None:
        return reason
    owners = _owners(source, old, [e for e in edits if e.transform == "model"])
    if isinstance(owners, str):
        return owners
    view = source.view.encode()
    for node, (span, inside) in owners.items():
        if isinstance(node, ast.Attribute):
            if (reason := _renamed(source, node, span, inside)) is not None:
                return reason
            continue
        found, expected = _reread(view, span, []), _reread(view, span, inside)
        if found is None or ast.dump(found) != ast.dump(node):
            # Interpreters differ in the places they give inside f-strings.
            return f"{_where(source, span)}: the edited place is not the whole of one string"
        if expected is None or _code_in(expected) != _code_in(found):
            return f"{_where(source, span)}: the edit leaves no string, or changes an expression in it"
        for name, value in ast.iter_fields(expected):
            setattr(node, name, value)
    if (reason := verify_steady.undo(source, changed, old, new, edits)) is not None:
        return reason
    if not verify_order.same(source, old, new, [e for e in edits if not verify_steady.is_steady(source, e)]):
        return "the new code is not the old code with the planned strings changed"
    return None


def _gives_twice(tree: ast.Module) -> bool:
    """Say whether a call names an argument twice, which parses and does not compile."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.keywords) > 1)
    names = ([keyword.arg for keyword in call.keywords if keyword.arg is not None] for call in calls)
    return any(len(set(given)) < len(given) for given in names)


def _renamed(source: Source, node: ast.Attribute, span: Span, edits: Sequence[Edit]) -> str | None:
    """Put the new name into an attribute, where one edit replaces the whole of the old one."""
    whole = len(edits) == 1 and edits[0].span == span and edits[0].text.isidentifier()
    if not whole or source.text.encode()[span.start : span.end].decode() != node.attr:
        return f"{_where(source, span)}: the edited place is not the whole of one name"
    node.attr = edits[0].text
    return None


def _where(source: Source, span: Span) -> str:
    position = sources.locate(source, span.start)
    return f"line {position.line}" if position.cell is None else f"cell {position.cell}: line {position.line}"


def _owners(source: Source, tree: ast.Module, edits: Sequence[Edit]) -> _Owners | str:
    """Find the string, or the attribute's name, that each edit is in: the innermost one that contains it."""
    lines = sources.offsets(source)
    strings: list[tuple[Span, ast.AST]] = [
        (lines.span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset), node)
        for node in _strings(tree)
        if node.end_lineno is not None and node.end_col_offset is not None
    ]
    strings += _names(tree, lines)
    owners: _Owners = {}
    for edit in splicing.merge(edits):
        around = [(span.start - span.end, span, node) for span, node in strings if _contains(span, edit.span)]
        if not around:
            return f"{_where(source, edit.span)}: the edit of {edit.transform} is not inside a string or a name"
        _, span, node = max(around, key=lambda item: item[0])
        owners.setdefault(node, (span, []))[1].append(edit)
    return owners


def _strings(tree: ast.Module) -> Iterator[ast.expr]:
    """Give every string expression; the constant pieces of an f-string have no place of their own."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        children = ast.iter_child_nodes(node)
        if isinstance(node, ast.JoinedStr):
            yield node
            children = (child for child in children if not isinstance(child, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        pending.extend(children)


def _names(tree: ast.Module, lines: sources.Lines) -> Iterator[tuple[Span, ast.AST]]:
    """Give the last name of every attribute outside of strings, where its end is."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute) and node.end_lineno is not None and node.end_col_offset is not None:
            end = lines.offset(node.end_lineno, node.end_col_offset)
            yield Span(end - len(node.attr.encode()), end), node
        if not isinstance(node, ast.JoinedStr):
            pending.extend(ast.iter_child_nodes(node))


def _reread(view: bytes, span: Span, edits: Sequence[Edit]) -> ast.expr | None:
    """Apply the edits to the text of one string alone and parse what comes out."""
    moved = ((Span(e.span.start - span.start, e.span.end - span.start), e.text.encode()) for e in edits)
    piece = splicing.splice(view[span.start : span.end], moved).decode(errors="replace")
    try:
        body = sources.python.tree(f"({piece}\n)").body
    except (SyntaxError, ValueError):
        return None
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


def _code_in(string: ast.expr) -> tuple[str, ...] | None:
    """Give the expressions inside a string, none for a plain one; None for what is no string."""
    if isinstance(string, ast.JoinedStr):
        return tuple(ast.dump(part) for part in string.values if not isinstance(part, ast.Constant))
    return () if isinstance(string, ast.Constant) and isinstance(string.value, str) else None


def _comments_differ(source: Source, changed: Source) -> str | None:
    try:
        if _comments(source.view) != _comments(changed.view):
            return "a comment was lost or changed"
    except (tokenize.TokenError, SyntaxError) as error:  # pragma: no cover - both views have been parsed
        return f"the comments cannot be read: {error}"
    return None


def _comments(view: str) -> list[str]:
    # The pure Python tokenizer knows no bare carriage return; the newlines of both sides are made one.
    text = view.replace("\r\n", "\n").replace("\r", "\n")
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="\n").readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _json_differs(source: Source, edits: Sequence[Edit], after: bytes) -> str | None:
    """Compare both documents: only an edited cell's source may differ, and only by its edits."""
    old, new = (json.loads(data.decode("utf-8-sig")) for data in (source.data, after))
    for cell in source.cells:
        moved = [
            (Span(e.span.start - cell.span.start, e.span.end - cell.span.start), e.text.encode())
            for e in splicing.merge(edits)
            if _contains(cell.span, e.span)
        ]
        if not moved:
            continue
        before, now = old["cells"][cell.index], new["cells"][cell.index]
        expected = splicing.splice("".join(before["source"]).encode(), moved).decode()
        if expected != "".join(now["source"]):
            return f"cell {cell.index}: the source is not the old one with the planned edits"
        before["source"] = now["source"] = ""
    # Written out again, 1, 1.0 and true differ, and so does the order of keys.
    return None if json.dumps(old) == json.dumps(new) else "the notebook changed outside the edited cells"


def _prose_differs(source: Source, edits: Sequence[Edit], changed: Source) -> str | None:
    """Compare what stands outside the blocks that are edited, and each of these with its own edits."""
    edited = {cell.index for cell in source.cells if any(_contains(cell.span, edit.span) for edit in edits)}
    if _outside(source, edited) != _outside(changed, edited):
        return "the document changed outside the edited blocks"
    moved = ((edit.span, edit.text.encode()) for edit in splicing.merge(edits))
    if splicing.splice(source.text.encode(), moved) != changed.text.encode():
        return "the code is not the old one with the planned edits"
    return None


def _outside(source: Source, indexes: Set[int]) -> list[bytes]:
    """Give the bytes before, between and behind the lines of code of these blocks."""
    runs = [run.data for cell in source.cells if cell.index in indexes for run in cell.runs]
    ends = [0, *(run.end for run in runs)]
    starts = [*(run.start for run in runs), len(source.data)]
    return [source.data[end:start] for end, start in zip(ends, starts, strict=True)]
