"""Answer one question: how does a value of ``model`` become JSON, and the same value again?

The types say how: nothing is pickled and no class is found by its name in the text, so that a text
that somebody else wrote can at worst be refused.
"""

from __future__ import annotations

import base64
import binascii
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

Value = TypeVar("Value")
Step = Callable[[object], object]

PLAIN = (str, int, bool, types.NoneType)


class CodecError(ValueError):
    """The text does not say what the type asks for."""


class Codec(NamedTuple):
    """Both ways of one type. A dataclass is the list of its fields; of a union's, the name stands first."""

    encode: Step
    decode: Step


def encode(kind: type[Value], value: Value) -> object:
    """Give what ``json.dumps`` can write."""
    return _codec(kind).encode(value)  # type: ignore[arg-type]  # asks the class for its instances' hash


def decode(kind: type[Value], data: object) -> Value:
    """Give the value that was encoded; CodecError where ``data`` is not exactly of the type."""
    value = _codec(kind).decode(data)  # type: ignore[arg-type]  # as above
    assert isinstance(value, kind)
    return value


@cache
def _codec(kind: object) -> Codec:
    """Build the two ways of a type once: an entry holds some ten thousand values."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in PLAIN and isinstance(kind, type):
        return Codec(lambda value: value, _exactly(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        return _of_dataclass(kind)
    if origin is Literal:
        return Codec(lambda value: value, _one_of(arguments))
    if origin is tuple:
        return _of_tuple(arguments)
    if origin is Mapping:
        return _of_mapping(*arguments)
    if origin in (types.UnionType, Union):
        return _of_union(arguments)
    return _of_text(kind)


def _exactly(kind: type) -> Step:
    """Take this type and no subclass: ``True`` is no number here."""

    def decoded(data: object) -> object:
        if type(data) is not kind:
            raise CodecError(f"not {kind.__name__}: {data!r:.40}")
        return data

    return decoded


def _one_of(choices: tuple[object, ...]) -> Step:
    def decoded(data: object) -> object:
        if not isinstance(data, str) or data not in choices:
            raise CodecError(f"not one of {choices}: {data!r:.40}")
        return data

    return decoded


def _of_text(kind: object) -> Codec:
    """Write what is no type of JSON as a string."""
    if kind is bytes:
        return Codec(_to_base64, _from_base64)
    if kind is Path:
        return Codec(str, lambda data: Path(_string(data)))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        members = {member.value: member for member in kind}
        return Codec(str, lambda data: _looked_up(members, data))
    raise TypeError(f"no way to write {kind}")


def _to_base64(value: object) -> object:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode("ascii")


def _from_base64(data: object) -> object:
    try:
        return base64.b64decode(_string(data), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError(f"not base64: {error}") from None


def _of_dataclass(kind: type) -> Codec:
    hints = get_type_hints(kind)
    assert is_dataclass(kind)
    names = tuple(field.name for field in fields(kind))
    codecs = tuple(_codec(hints[name]) for name in names)
    writers = tuple((name, codec.encode) for name, codec in zip(names, codecs, strict=True))
    readers = tuple(codec.decode for codec in codecs)

    def encoded(value: object) -> object:
        assert type(value) is kind
        return [write(getattr(value, name)) for name, write in writers]

    def decoded(data: object) -> object:
        items = _list(data, len(readers))
        return kind(*[read(item) for read, item in zip(readers, items, strict=True)])

    return Codec(encoded, decoded)


def _of_tuple(arguments: tuple[object, ...]) -> Codec:
    if arguments[-1:] == (...,):
        write, read = _codec(arguments[0])
        return Codec(
            lambda value: [write(item) for item in _tuple(value)],
            lambda data: tuple([read(item) for item in _list(data)]),
        )
    codecs = tuple(_codec(argument) for argument in arguments)
    return Codec(
        lambda value: [codec.encode(item) for codec, item in zip(codecs, _tuple(value), strict=True)],
        lambda data: tuple(codec.decode(item) for codec, item in zip(codecs, _list(data, len(codecs)), strict=True)),
    )


def _of_mapping(key: object, item: object) -> Codec:
    if key is not str:
        raise TypeError(f"a key of JSON is a string, not {key}")
    write, read = _codec(item)
    return Codec(
        lambda value: {name: write(inner) for name, inner in _mapping(value).items()},
        lambda data: {name: read(inner) for name, inner in _dict(data).items()},
    )


def _of_union(arguments: tuple[object, ...]) -> Codec:
    kinds = tuple(kind for kind in arguments if kind is not types.NoneType)
    if len(kinds) == 1:
        write, read = _codec(kinds[0])
        return Codec(
            lambda value: None if value is None else write(value),
            lambda data: None if data is None else read(data),
        )
    if len(kinds) != len(arguments) or not all(is_dataclass(kind) for kind in kinds):
        raise TypeError(f"no way to tell the parts of {arguments} apart")
    return _tagged({kind.__name__: kind for kind in kinds if isinstance(kind, type)})


def _tagged(kinds: Mapping[str, type]) -> Codec:
    codecs = {name: _codec(kind) for name, kind in kinds.items()}

    def encoded(value: object) -> object:
        name = type(value).__name__
        return [name, codecs[name].encode(value)]

    def decoded(data: object) -> object:
        name, inner = _list(data, 2)
        codec = _looked_up(codecs, name)
        assert isinstance(codec, Codec)
        return codec.decode(inner)

    return Codec(encoded, decoded)


def _looked_up(table: Mapping[str, object], data: object) -> object:
    if not isinstance(data, str) or data not in table:
        raise CodecError(f"not one of {tuple(table)}: {data!r:.40}")
    return table[data]


def _string(data: object) -> str:
    if not isinstance(data, str):
        raise CodecError(f"not a string: {data!r:.40}")
    return data


def _list(data: object, length: int | None = None) -> list[object]:
    if not isinstance(data, list) or length not in (None, len(data)):
        raise CodecError(f"not a list of {length}: {data!r:.40}")
    return data


def _dict(data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise CodecError(f"not a table: {data!r:.40}")
    return data


def _tuple(value: object) -> tuple[object, ...]:
    assert isinstance(value, tuple)
    return value


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
