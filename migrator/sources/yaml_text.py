"""Answer one question: which values does a YAML text hold, and where?

PyYAML says where a node begins and ends; what stands there is compared with the value, so that a
wrong mark can never become a wrong edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from migrator.sources.entries import Keys, Scalar, Unreadable

# Aliases of aliases make a small text large: what unfolds to more places is not a configuration.
MOST_PLACES = 200_000
# The composer recurses in C, where too deep a text ends the process and not only the file.
MOST_LEVELS = 200

_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*")
_STRING = "tag:yaml.org,2002:str"
_BLOCKS = ("|", ">")


@dataclass(slots=True)
class _Walk:
    """The nodes seen so far: a node that an alias names again has one more place."""

    text: str
    document: int = 0
    nodes: dict[int, tuple[Node, list[Keys]]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    count: int = 0


def scalars(text: str) -> Iterator[Scalar]:
    """Give every value of every document."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with _unreadable():
        _check_depth(text, loader)
        for number, root in enumerate(yaml.compose_all(text, loader)):
            walk = _Walk(text, number)
            _visit(walk, root, ())
            yield from (_scalar(walk, node, places) for node, places in walk.nodes.values())


def plain(text: str) -> object:
    """Give the first document as plain values, for a file whose places do not matter."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with _unreadable():
        _check_depth(text, loader)
        return yaml.load(text, loader)


@contextmanager
def _unreadable() -> Iterator[None]:
    """Say where a text is no YAML."""
    try:
        yield
    except yaml.YAMLError as error:
        raise Unreadable(_reason(error)) from None


def _reason(error: yaml.YAMLError) -> str:
    if "nesting depth" in str(error):
        # PyYAML 6.0.4 counts by itself, before we can.
        return "line 1: too deeply nested"
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"line 1: not valid YAML ({(str(error).splitlines() or [''])[0]})"
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1 if mark else 1}: not valid YAML ({error.problem or error.context})"


def _check_depth(text: str, loader: type[yaml.SafeLoader]) -> None:
    level = 0
    for event in yaml.parse(text, loader):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise Unreadable("line 1: too deeply nested")


def _visit(walk: _Walk, node: Node, keys: Keys) -> None:
    walk.count += 1
    if walk.count > MOST_PLACES:
        raise Unreadable("line 1: its aliases unfold to too many values")
    if id(node) in walk.open:
        return
    walk.open.add(id(node))
    if isinstance(node, ScalarNode) or not node.value:
        walk.nodes.setdefault(id(node), (node, []))[1].append(keys)
    elif isinstance(node, SequenceNode):
        for number, child in enumerate(node.value):
            _visit(walk, child, (*keys, number))
    else:
        _visit_mapping(walk, node, keys)
    walk.open.discard(id(node))


def _visit_mapping(walk: _Walk, node: Node, keys: Keys) -> None:
    """Visit a table; what ``<<`` merges into it stands in the table itself, unless a key of its own hides it."""
    pairs = [(_key(key), child) for key, child in node.value]
    own = {key for key, _ in pairs}
    for key, child in pairs:
        if key != "<<":
            _visit(walk, child, (*keys, key))
            continue
        for merged in child.value if isinstance(child, SequenceNode) else [child]:
            if isinstance(merged, MappingNode):
                _visit_mapping(walk, _without(merged, own), keys)
            else:
                _visit(walk, merged, (*keys, key))


def _without(node: Node, hidden: set[str]) -> MappingNode:
    kept = [(key, child) for key, child in node.value if _key(key) not in hidden]
    return MappingNode(node.tag, kept, node.start_mark, node.end_mark)


def _key(node: Node) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else "?"


def _scalar(walk: _Walk, node: Node, places: list[Keys]) -> Scalar:
    first, *more = dict.fromkeys(places)
    start, end, is_text = _place(walk.text, node)
    value = node.value if isinstance(node, ScalarNode) else "[]" if isinstance(node, SequenceNode) else "{}"
    return Scalar(first, value, start, end, is_text, walk.document, tuple(more))


def _place(text: str, node: Node) -> tuple[int, int, bool]:
    """Give the characters of a value without anchor, tag and quotes, and whether it is a text on one line."""
    start, end = node.start_mark.index, node.end_mark.index
    properties = _PROPERTIES.match(text, start, end)
    start = properties.end() if properties else start
    if not isinstance(node, ScalarNode) or node.style in _BLOCKS:
        return start, end, False
    if node.style in ("'", '"'):
        start, end = start + 1, end - 1
    return start, end, node.tag == _STRING and "\n" not in text[start:end] and "\r" not in text[start:end]
