"""Answer one question: do two answers call the same tools with the same arguments?

Calls that are made at once have no order. Their arguments are compared as JSON, by the tool's own schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from migrator.shadow.comparators import structured
from migrator.shadow.comparators.schemas import Schema
from migrator.shadow.comparators.structured import NO_MASK, Mask
from migrator.shadow.model import Answer, Comparison, Evidence, ToolCall

Tools = Mapping[str, Schema]


def compare(old: Sequence[ToolCall], new: Sequence[ToolCall], tools: Tools, mask: Mask = NO_MASK) -> Comparison:
    """Compare the calls of two answers."""
    before, after = Counter(c.name for c in old), Counter(c.name for c in new)
    if before != after:
        gone, come = before - after, after - before
        kind = "other tool" if gone and come else "missing tool" if gone else "new tool"
        return Comparison(Answer.DIFFERS, (Evidence(kind, "", _names(gone), _names(come)),))
    parts = [
        part
        for name in before
        for part in _of_one_tool(
            [c for c in old if c.name == name], [c for c in new if c.name == name], tools.get(name, {}), mask
        )
    ]
    answers = {part.answer for part in parts}
    evidence = tuple(one for part in parts for one in part.evidence)
    worst = next((a for a in (Answer.DIFFERS, Answer.UNDECIDED) if a in answers), Answer.SAME)
    return Comparison(worst, evidence)


def _names(calls: Counter[str]) -> str:
    return ", ".join(sorted(calls.elements()))


def _of_one_tool(old: Sequence[ToolCall], new: Sequence[ToolCall], schema: Schema, mask: Mask) -> Iterator[Comparison]:
    """Pair the calls of one tool: each old one with the first that is the same, the others in their order."""
    left = list(new)
    alone: list[ToolCall] = []
    for call in old:
        found = [(other, _arguments(call, other, schema, mask)) for other in left]
        same = next(((other, c) for other, c in found if c.answer is Answer.SAME), None)
        if same is None:
            alone.append(call)
        else:
            left.remove(same[0])
            yield same[1]
    yield from (_arguments(call, other, schema, mask) for call, other in zip(alone, left, strict=True))


def _arguments(old: ToolCall, new: ToolCall, schema: Schema, mask: Mask) -> Comparison:
    try:
        found = structured.compare(_read(old), _read(new), schema, _of(mask, old.name))
    except ValueError:
        is_same = old.arguments == new.arguments
        evidence = () if is_same else (Evidence("arguments", old.name, old.arguments[:80], new.arguments[:80]),)
        return Comparison(Answer.SAME if is_same else Answer.DIFFERS, evidence)
    return replace(found, evidence=tuple(replace(e, where=f"{old.name}{e.where[1:]}") for e in found.evidence))


def _read(call: ToolCall) -> object:
    return structured.parsed(call.arguments or "{}")


def _of(mask: Mask, name: str) -> Mask:
    """The part of a mask that is about one tool."""
    own = {f"${path.removeprefix(name)}": n for path, n in mask.differing.items() if path.startswith(f"{name}.")}
    named = tuple(path.removeprefix(f"{name}.") for path in mask.named if path.startswith(f"{name}."))
    return Mask(mask.total, own, named)


def learn(pairs: Sequence[tuple[Sequence[ToolCall], Sequence[ToolCall]]], tools: Tools) -> Mask:
    """Learn from pairs of the old model's calls for the same request which arguments it does not repeat."""
    paths = Counter(
        path
        for old, new in pairs
        for path in {
            structured.unnumbered(e.where) for e in compare(old, new, tools).evidence if e.kind in structured.VALUES
        }
    )
    return Mask(len(pairs), dict(paths))
