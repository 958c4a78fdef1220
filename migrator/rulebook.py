"""Answer one question: what do the tables in ``rules/`` say?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Fact:
    """Where a figure comes from: a URL or a package and version, and the day it was read."""

    source: str
    checked: date


@dataclass(frozen=True, slots=True)
class Model:
    """One model: USD per million tokens, token limits, dates. ``None`` means the tables do not say."""

    name: str
    aliases: tuple[str, ...]
    input_price: Decimal | None
    cached_price: Decimal | None
    output_price: Decimal | None
    max_input: int | None
    max_output: int | None
    shutdown: date | None
    replacement: str | None
    encoding: str | None
    sources: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """Names that a migration tells about and never changes. ``reason`` is a key of the reasons table."""

    names: tuple[str, ...]
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Migration:
    """From which names to which.

    ``names`` maps each old id to its new one. ``pinned`` does the same under ``--pin``.
    ``prefixes`` are provider prefixes that stay ("", "openai/", "openai:", ...); ``gateways`` are
    prefixes of hosts that may not offer the target, rewritten only with ``--gateways``.
    ``prefilter`` are byte strings: a file that has none of them cannot matter.
    ``members`` maps enum members that mean a model ("ModelType.GPT_4O" -> "GPT_4_1_MINI").
    """

    name: str
    target: str
    names: Mapping[str, str]
    pinned: Mapping[str, str]
    prefixes: tuple[str, ...]
    gateways: tuple[str, ...]
    prefilter: tuple[bytes, ...]
    reported: tuple[Reported, ...]
    members: Mapping[str, str]
    sources: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """A library whose calls the tables know: its PyPI name, the versions read, and where."""

    name: str
    checked: str
    source: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a call takes its model: keyword names, a 0-based position, and the key path inside the value.

    ``path`` ("llm", "config", "model") are dict keys, "*" any element of a list; empty: the value itself.
    """

    keywords: tuple[str, ...]
    position: int | None
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """The argument of a call that names the provider, and the values that mean OpenAI's own API.

    A value is a string, or a dotted name matched on its last two parts ("ModelPlatformType.OPENAI").
    """

    keywords: tuple[str, ...]
    position: int | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surface:
    """A kind of call that takes a model's name.

    ``calls`` are canonical callees without braces ("openai.OpenAI().chat.completions.create"); one
    that ends in ".**" matches every continuation. ``forms`` are the string forms it takes ("plain",
    "openai/", "openai:"). With ``hold`` (a reason) a literal that arrives here is reported and never
    rewritten. ``endpoint`` are keywords of this very call that point it at another server.
    ``knows`` maps a target model to the requirement that first accepts it ("litellm>=1.66.1").
    ``cache_key`` says how ``prompt_cache_key`` gets through (read by the caching transform).
    """

    name: str
    calls: tuple[str, ...]
    slots: tuple[Slot, ...]
    forms: tuple[str, ...]
    hold: str | None
    provider: Provider | None
    endpoint: tuple[str, ...]
    knows: Mapping[str, str]
    evidence: str
    cache_key: Mapping[str, str]
    library: Library


@dataclass(frozen=True, slots=True)
class Client:
    """A constructor whose instances are called: which keywords point it at another server.

    ``hosts`` are the hosts that are OpenAI's own. ``same`` are methods that give the same object back.
    """

    calls: tuple[str, ...]
    endpoint: tuple[str, ...]
    hosts: tuple[str, ...]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A call outside the repository through which a value passes on, or in which it ends harmlessly.

    ``kind``: "value" (the call gives its argument back), "environment" (its default), "field" (a
    class field's default), "parameter" (the default of a parameter: ``typer.Option``), "option" (a
    command-line option: argparse, click), "shows" (ends in text for people), "asserts" (ends in a
    test's expectation).
    """

    calls: tuple[str, ...]
    kind: str
    keywords: tuple[str, ...]
    position: int | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a literal is not rewritten: a short title, and what to do."""

    name: str
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All tables, parsed. Lookups by canonical callee are the hot path and use ``surface_of``."""

    models: Mapping[str, Model]
    migrations: Mapping[str, Migration]
    surfaces: tuple[Surface, ...]
    clients: tuple[Client, ...]
    carriers: tuple[Carrier, ...]
    reasons: Mapping[str, Reason]
