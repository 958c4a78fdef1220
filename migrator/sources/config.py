"""Answer one question: how does a configuration file become a ``ConfigSource``?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from migrator.model import Skip, Source
from migrator.sources import json_text, line_text, toml_text
from migrator.sources.entries import ConfigSource, Scalar, Unreadable, entries
from migrator.sources.lines import offsets

__all__ = ["ConfigSource", "form_of", "read_config"]

_FORMS = {
    "yaml": (".yaml", ".yml"),
    "json": (".json", ".jsonc", ".json5"),
    "toml": (".toml",),
    "env": (".env",),
    "ini": (".ini", ".cfg", ".conf", ".properties"),
}
_BY_SUFFIX = {suffix: form for form, suffixes in _FORMS.items() for suffix in suffixes}
_BY_NAME = {"OAI_CONFIG_LIST": "json", ".env": "env", "env.example": "env", ".flaskenv": "env"}
_TEMPLATE = re.compile(r"\{%|\{\{")

_PARSERS: Mapping[str, Callable[[str], Iterable[Scalar]]] = {
    "json": json_text.scalars,
    "toml": toml_text.scalars,
    "env": line_text.variables,
    "ini": line_text.options,
}


def form_of(path: Path) -> str | None:
    """Give the format that a file's name says, or None for a file that is no configuration."""
    if path.name.startswith(".env."):
        return "env"
    return _BY_NAME.get(path.name) or _BY_SUFFIX.get(path.suffix.lower())


def read_config(path: Path, shown: str, data: bytes) -> ConfigSource | Skip:
    """Read the values of a configuration file, with the exact bytes of each."""
    form = form_of(path)
    if form is None:
        return Skip(shown, "not a configuration file; its suffix is not known")
    encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = data.decode(encoding)
        found = tuple(_scalars(form, text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Skip(shown, f"line {line}: not valid UTF-8; save the file as UTF-8, or exclude it")
    except Unreadable as error:
        return Skip(shown, _explain(text, str(error)))
    except RecursionError:
        return Skip(shown, "line 1: too deeply nested; exclude the file")
    source = Source(path, shown, "config", data, text, text, encoding)
    return ConfigSource(source, form, entries(text, found, offsets(source).starts))


def _scalars(form: str, text: str) -> Iterable[Scalar]:
    if form != "yaml":
        return _PARSERS[form](text)
    from migrator.sources import yaml_text  # PyYAML is loaded for a file that needs it

    return yaml_text.scalars(text)


def _explain(text: str, reason: str) -> str:
    """Say why a text is not read; a template is told as such, since its author sees no error in it."""
    what = "; a template is not read, change it by hand" if _TEMPLATE.search(text) else ""
    return reason + (what or "; correct the file, or exclude it")
