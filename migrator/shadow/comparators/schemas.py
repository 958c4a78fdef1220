"""Answer one question: is this value what a JSON schema asks for?

The part of JSON Schema that structured output allows (https://platform.openai.com/docs/guides/structured-outputs):
types, enumerations, objects, arrays, ``anyOf`` and references within the schema. What is not known is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Schema = Mapping[str, object]
_DEPTH = 40
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def wrong(value: object, schema: Schema, root: Schema | None = None, path: str = "$", depth: int = 0) -> str | None:
    """Give the path and the rule that a value breaks, the first there is; None when it fits."""
    root = schema if root is None else root
    schema = resolved(schema, root)
    if depth > _DEPTH:
        return None
    ways = [one for one in _list(schema.get("anyOf")) if isinstance(one, Mapping)]
    if ways and all(wrong(value, way, root, path, depth + 1) is not None for way in ways):
        return f"{path}: none of anyOf"
    types = schema.get("type")
    names = [types] if isinstance(types, str) else _list(types)
    if names and not any(_is(value, str(name)) for name in names):
        return f"{path}: not of type {' or '.join(map(str, names))}"
    allowed = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    if allowed and value not in allowed:
        return f"{path}: not one of the enumeration"
    if isinstance(value, dict):
        return _wrong_object(value, schema, root, path, depth)
    if isinstance(value, list):
        items = schema.get("items")
        inner = items if isinstance(items, Mapping) else {}
        found = (wrong(one, inner, root, f"{path}[{i}]", depth + 1) for i, one in enumerate(value))
        return next((one for one in found if one is not None), None)
    return None


def _wrong_object(value: Mapping[str, object], schema: Schema, root: Schema, path: str, depth: int) -> str | None:
    fields = properties(schema)
    for name in _list(schema.get("required")):
        if name not in value:
            return f"{path}.{name}: missing"
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in fields:
                return f"{path}.{name}: not in the schema"
    found = (wrong(value[n], fields[n], root, f"{path}.{n}", depth + 1) for n in value if n in fields)
    return next((one for one in found if one is not None), None)


def _is(value: object, name: str) -> bool:
    known = _TYPES.get(name)
    if known is None:
        return True
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, known)


def resolved(schema: Schema, root: Schema) -> Schema:
    """Follow references such as ``#/$defs/Line``."""
    for _ in range(_DEPTH):
        target = schema.get("$ref")
        if not isinstance(target, str) or not target.startswith("#"):
            return schema
        found: object = root
        for step in target.lstrip("#").strip("/").split("/"):
            found = found.get(step) if isinstance(found, Mapping) and step else found
        if not isinstance(found, Mapping):
            return {}
        schema = found
    return {}


def properties(schema: Schema) -> Mapping[str, Schema]:
    """The schema of each field."""
    fields = schema.get("properties")
    return {str(k): v for k, v in fields.items() if isinstance(v, Mapping)} if isinstance(fields, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
