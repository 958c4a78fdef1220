"""Answer one question: what does a shadow report look like as JSON, and the same report again?

``docs/shadow.schema.json`` describes the document. Every field of ``ShadowReport`` stands in it under its own name.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from typing import Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from migrator.evidence import ShadowReport

VERSION = 1
Kind = TypeVar("Kind")


def document(report: ShadowReport) -> bytes:
    """Write the document, with a final newline. A number that JSON does not have, such as infinity, is null."""
    text = json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def read(data: bytes) -> ShadowReport:
    """Read a document. Raises ValueError, in one line, for what is no report of this version."""
    try:
        said = json.loads(data)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    except RecursionError:
        raise ValueError("no JSON: it is nested too deeply") from None
    version = said.get("version") if isinstance(said, dict) else None
    if version != VERSION:
        raise ValueError(f"no shadow report of version {VERSION}, but {version!r}")
    return _value(ShadowReport, said, "report")


def _value(kind: type[Kind], data: object, where: str) -> Kind:
    value = _read(kind, data, where)
    assert isinstance(value, kind)
    return value


def _read(kind: object, data: object, where: str) -> object:
    """Take the data as a type says; what does not fit is named by its path."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind, data, where)
    if origin in (types.UnionType, Union):
        return None if data is None else _read(next(a for a in arguments if a is not types.NoneType), data, where)
    if origin is tuple and isinstance(data, list):
        kinds = [arguments[0]] * len(data) if arguments[1:] == (...,) else list(arguments)
        if len(kinds) == len(data):
            return tuple(_read(k, one, f"{where}[{i}]") for i, (k, one) in enumerate(zip(kinds, data, strict=True)))
    if origin is Mapping and isinstance(data, dict):
        return {key: _read(arguments[1], one, f"{where}.{key}") for key, one in data.items()}
    if origin is Literal and data in arguments:
        return data
    if kind is float and (data is None or type(data) in (int, float)):
        return float("inf") if data is None else float(str(data))
    if isinstance(kind, type) and type(data) is kind:
        return data
    raise ValueError(f"{where} is not what a shadow report has there: {data!r:.40}")


def _record(kind: type, data: object, where: str) -> object:
    if not isinstance(data, dict):
        raise ValueError(f"{where} is no table")
    hints = _hints(kind)
    missing = [field.name for field in fields(kind) if field.name not in data]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}")
    strange = sorted(set(data) - set(hints))
    if strange:
        raise ValueError(f"{where} has a {strange[0]!r:.40}, which no shadow report has there")
    return kind(**{name: _read(hint, data[name], f"{where}.{name}") for name, hint in hints.items()})


@cache
def _hints(kind: type) -> Mapping[str, object]:
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in fields(kind)}
