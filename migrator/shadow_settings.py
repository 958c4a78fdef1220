"""Answer one question: what did the user ask of the shadow comparison?

The table ``[tool.migrator.shadow]``. What is named in it is looked up and imported only when ``migrator shadow`` runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from migrator.checks import AMOUNT, CHANCE, SHARE, STRING, STRINGS, TABLE, TABLES, SettingsError, check

CONTRACTS = ("label", "json", "tools", "code", "prose", "own")
KEYS: Mapping[str, str] = {
    "alpha": CHANCE,
    "margin": TABLE,
    "max-usd": AMOUNT,
    "judge": STRING,
    "judge-url": STRING,
    "embeddings": STRING,
    "embeddings-url": STRING,
    "site": TABLES,
}
SITE_KEYS: Mapping[str, str] = {"match": STRING, "comparator": STRING, "margin": SHARE, "mask": STRINGS}


@dataclass(frozen=True, slots=True)
class ShadowSite:
    """What is asked of the calls that ``match`` names: ``app/llm.py:answer``, ``app/llm.py``, ``app/*.py``.

    ``comparator`` is a function of the project, ``module:function``. ``mask`` are fields that do not count, such as
    ``created_at`` or ``lines[].id``, with a tool's name before those of its arguments.
    """

    match: str
    comparator: str = ""
    margin: float | None = None
    mask: tuple[str, ...] = ()

    def covers(self, file: str, function: str) -> bool:
        """Say whether it is about a call: by its file from the project's root, and the function around it."""
        path, _, name = self.match.partition(":")
        return fnmatchcase(file, path) and name in ("", function, function.rpartition(".")[2])


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """``alpha`` bounds the chance of a wrong verdict; ``margins`` are by contract; ``most`` is in US dollars.

    ``judge`` and ``embeddings`` are models for texts that stay undecided, at OpenAI-compatible addresses; "" asks
    none. None and what is not in ``margins`` say nothing: the defaults of the comparison hold.
    """

    alpha: float | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    most: float | None = None
    judge: str = ""
    judge_url: str = ""
    embeddings: str = ""
    embeddings_url: str = ""
    sites: tuple[ShadowSite, ...] = ()

    def site(self, file: str, function: str) -> ShadowSite | None:
        """Give what is asked of a call: the first table that covers it."""
        return next((one for one in self.sites if one.covers(file, function)), None)


def read(table: object, place: str) -> ShadowSettings:
    """Read the table; ``place`` names it. Raises SettingsError with the key and the nearest right one."""
    if not isinstance(table, dict):
        return ShadowSettings()
    check(table, KEYS, place)
    margins = table.get("margin", {})
    check(margins, dict.fromkeys(CONTRACTS, SHARE), f"'margin' of {place}")
    sites = enumerate(table.get("site", ()), 1)
    return ShadowSettings(
        alpha=_number(table.get("alpha")),
        margins={kind: float(share) for kind, share in margins.items()},
        most=_number(table.get("max-usd")),
        judge=_name(table, "judge", place),
        judge_url=_name(table, "judge-url", place),
        embeddings=_name(table, "embeddings", place),
        embeddings_url=_name(table, "embeddings-url", place),
        sites=tuple(_site(site, f"'site' {number} of {place}") for number, site in sites),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _name(table: Mapping[str, object], key: str, place: str) -> str:
    """A model, or its address; an address without a model asks nobody."""
    model = key.removesuffix("-url")
    if key != model and key in table and model not in table:
        raise SettingsError(f"'{key}' in {place} stands without '{model}', the name of the model there")
    value = str(table.get(key, ""))
    if key != model and value and not value.startswith(("https://", "http://")):
        raise SettingsError(
            f"'{key}' in {place} must be an address that begins with https:// or http://, not '{value}'"
        )
    return value


def _site(table: Mapping[str, object], place: str) -> ShadowSite:
    check(table, SITE_KEYS, place)
    match, comparator, mask = table.get("match"), str(table.get("comparator", "")), table.get("mask", ())
    if not isinstance(match, str) or not match:
        raise SettingsError(f"'match' is missing in {place}: the file of a call, such as app/llm.py:answer")
    module, _, function = comparator.partition(":")
    if "comparator" in table and not (_is_dotted(module) and function.isidentifier()):
        raise SettingsError(f"'comparator' in {place} must be module:function, not '{comparator}'")
    names = tuple(str(name) for name in mask) if isinstance(mask, list | tuple) else ()
    return ShadowSite(match, comparator, _number(table.get("margin")), names)


def _is_dotted(name: str) -> bool:
    return bool(name) and all(part.isidentifier() for part in name.split("."))
