"""Answer one question: what Python text is in this notebook, and at which bytes of the file?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from migrator.model import Run, Skip, Source, Span
from migrator.sources import cells, json_scan

_PIECE = re.compile(rb'(?:\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.)|[^"\\]+', re.DOTALL)


def read(path: Path, shown: str, data: bytes) -> Source | Skip:
    """Join the code cells of a notebook into one text."""
    reason = _refusal(data)
    if reason is not None:
        return Skip(shown, reason)
    return cells.join(cells.File(path, shown, "notebook", data), _code_cells(data))


def _refusal(data: bytes) -> str | None:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "line 1: not valid UTF-8, so this is no notebook; save it again from Jupyter, or exclude it"
    except json.JSONDecodeError as error:
        return f"line {error.lineno}: not valid JSON ({error.msg}); save it again from Jupyter, or exclude it"
    except RecursionError:
        return "line 1: too deeply nested to be a notebook; exclude it"
    if not isinstance(document, dict) or "worksheets" in document:
        return "line 1: not a notebook of format 4; convert it with `jupyter nbconvert --to notebook`"
    if not isinstance(document.get("cells"), list):
        return "line 1: a notebook without cells; exclude it"
    for index, cell in enumerate(document["cells"]):
        if not _is_cell(cell):
            return f"cell {index}: not a cell of format 4; save the notebook again from Jupyter"
    language = _language(document.get("metadata"))
    return None if language == "python" else f"line 1: a notebook in {language}, not Python; exclude it"


def _is_cell(cell: object) -> bool:
    source = cell.get("source") if isinstance(cell, dict) else None
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(s, str) for s in source))


def _language(metadata: object) -> str:
    """Give the language that the kernel declares; a notebook that declares none is taken as Python."""
    for table, key in (("language_info", "name"), ("kernelspec", "language")):
        value = metadata.get(table) if isinstance(metadata, dict) else None
        name = value.get(key) if isinstance(value, dict) else None
        if isinstance(name, str) and name:
            return "python" if name.lower() in {"python", "ipython", "python3"} else name
    return "python"


def _code_cells(data: bytes) -> Iterator[cells.Piece]:
    root = data.index(b"{")
    listed = dict(json_scan.members(data, root))["cells"]
    for index, (start, _) in enumerate(json_scan.elements(data, listed[0])):
        members = dict(json_scan.members(data, start))
        kind = members.get("cell_type", (0, 0))
        if data[slice(*kind)] == b'"code"':
            yield _cell(data, index, members["source"])


def _cell(data: bytes, index: int, source: tuple[int, int]) -> cells.Piece:
    """Read a cell's source, one string or a list of them."""
    start, end = source
    strings = [source] if data[start : start + 1] == b'"' else list(json_scan.elements(data, start))
    texts: list[str] = []
    runs: list[Run] = []
    size = 0
    for start, end in strings:
        for piece in _PIECE.finditer(data, start + 1, end - 1):
            text = json.loads(b'"' + piece[0] + b'"', strict=False)
            length = len(text.encode(errors="surrogatepass"))
            if not piece[0].startswith(b"\\"):
                runs.append(Run(Span(size, size + length), Span(piece.start(), piece.end())))
            texts.append(text)
            size += length
    return cells.Piece(index, "".join(texts), tuple(runs))
