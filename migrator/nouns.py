"""Answer one question: which values do the tables in ``rules/`` hold?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal


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
class Shutdowns:
    """The announced shutdown dates of models by their names, and where they were read."""

    dates: Mapping[str, date]
    fact: Fact


@dataclass(frozen=True, slots=True)
class Reported:
    """Names that a migration tells about and never changes. ``reason`` is a key of the reasons table."""

    names: tuple[str, ...]
    reason: str
    detail: str
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell once about names that are changed: "its calls fail today"."""

    names: tuple[str, ...]
    text: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class Match:
    """A string that is a model's name as a whole: ``openai/gpt-4o`` is ``openai/`` before ``gpt-4o``.

    ``kind`` "gateway": the prefix is a host's that may not offer the target. "alias": a short name
    (``4o``) that means the model only where a surface's ``forms`` have "alias".
    """

    old: str
    prefix: str
    kind: Literal["plain", "gateway", "alias"]
    suffix: str = ""

    @property
    def is_foreign(self) -> bool:
        """Say whether the prefix is none of OpenAI's: the ``forms`` of a table tell those apart, and no other."""
        return bool(self.prefix) and "openai" not in self.prefix


@dataclass(frozen=True, slots=True)
class Refused:
    """An argument of a request that the target does not serve; with ``contains``, only where it holds that text."""

    keyword: str
    contains: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallNote:
    """Something to tell about a call of one of ``names``, where the call or the lines around it show it.

    Every kind of sign that is given must be there:

    - ``keywords``: the request has one of these arguments; with ``contains``, one that holds one of these
      values; with ``numbers``, one that is one of these.
    - ``entries``: a dictionary or a call in the request has all these entries; an empty list is any value.
    - ``numbers`` alone: one of them is written near the call under a name that has one of ``named`` in it.
    - ``compared``: near the call, something that comes from these names is held against a threshold.
    - ``calls``: one of these is called near the call. ``needs``: the project holds this library at an
      older version ("tiktoken>=0.10.0").
    - ``phrases``: the request's texts have them, ``times`` times together. One in capitals must be in
      capitals there.
    - ``conflicts``: the request's texts have a phrase of each list of one pair.
    """

    name: str
    names: tuple[str, ...]
    text: str
    fact: Fact
    keywords: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: tuple[int, ...] = ()
    named: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    needs: str | None = None
    phrases: tuple[str, ...] = ()
    times: int = 1
    conflicts: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()


Action = Literal["add", "rename", "drop", "check"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What becomes of one parameter of a request when its model moves.

    ``action`` "add": it is given ``value`` where the call says nothing of it; "rename": it becomes ``to``; "drop": it
    goes; "check": it is taken only where the parameters in ``needs`` have these values, and holds the call back where
    they have others. How a parameter is spelled in a call stands in the surface's table.
    """

    name: str
    action: Action
    value: str
    to: str
    needs: Mapping[str, str]
    fact: Fact


# The words of a surface's ``parameters`` that are no parameters themselves; ``transforms.set_parameters`` reads them.
PARAMETER_WORDS = frozenset(
    {"since", "only", "except", "of", "instead", "bodies", "opens", "unless", "unsent", "unchecked", "prefixes"}
)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enumeration of a library whose members name models: ``camel.types.ModelType``.

    ``classes`` are its canonical names. ``members`` are the members of the old names, ``targets`` those of
    the new one, each with the text that it stands for; the first target takes the place of an old member.
    ``since`` is the requirement that first has it ("camel-ai>=0.2.45").
    """

    classes: tuple[str, ...]
    members: Mapping[str, str]
    targets: Mapping[str, str]
    since: str
    fact: Fact

    @property
    def target(self) -> tuple[str, str]:
        """The member that takes the place of an old one, and the text that it stands for."""
        return next(iter(self.targets.items()))

    @property
    def spelled(self) -> Mapping[str, str]:
        """The text that each member stands for, by its canonical name."""
        known = {**self.members, **self.targets}
        return {f"{cls}.{member}": text for cls in self.classes for member, text in known.items()}


@dataclass(frozen=True, slots=True)
class Migration:
    """From which names to which.

    ``names`` maps each old id to its new one. ``pinned`` does the same under ``--pin``.
    ``prefixes`` are provider prefixes that stay ("", "openai/", "openai:", ...); ``gateways`` are
    prefixes of hosts that may not offer the target, rewritten only with ``--gateways``.
    ``suffixes`` stay behind a name (":completions"). ``aliases`` are short names ("4o").
    ``hosts`` are servers that serve these names besides OpenAI's own, such as a gateway of the company.
    ``prefilter`` are byte strings: a file that has none of them cannot matter.
    ``enumerations`` are those of libraries that have a member for each model.
    """

    name: str
    target: str
    names: Mapping[str, str]
    pinned: Mapping[str, str]
    prefixes: tuple[str, ...]
    gateways: tuple[str, ...]
    prefilter: tuple[bytes, ...]
    reported: tuple[Reported, ...]
    enumerations: tuple[Enumeration, ...]
    sources: tuple[Fact, ...]
    notes: tuple[Note, ...] = ()
    suffixes: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    call_notes: tuple[CallNote, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def heads(self) -> tuple[bytes, ...]:
        """Those byte strings of the prefilter that stand in a name as it is: what other files are searched for."""
        return tuple(head for head in self.prefilter if any(head in name.encode() for name in self.names))

    def match(self, value: str) -> Match | None:
        """Read a string as one whole name, with or without a provider's prefix."""
        if value in self.aliases:
            return Match(value, "", "alias")
        for suffix in ("", *self.suffixes):
            for prefix in (*self.prefixes, *self.gateways):
                old = value.removeprefix(prefix).removesuffix(suffix)
                if old in self.names and value == prefix + old + suffix:
                    return Match(old, prefix, "gateway" if prefix in self.gateways else "plain", suffix)
        return None

    def rename(self, value: str, pin: bool = False) -> str | None:
        """Give the new spelling of a name, prefix and suffix kept; ``pin`` asks for the dated snapshot."""
        match = self.match(value)
        if match is None:
            return None
        names = {**self.aliases, **(self.pinned if pin else self.names)}
        return match.prefix + names[match.old] + match.suffix

    @property
    def members(self) -> Mapping[str, str]:
        """The text that each member of an enumeration stands for, by its canonical name."""
        return {name: text for enumeration in self.enumerations for name, text in enumeration.spelled.items()}

    def enumeration_of(self, cls: str) -> Enumeration | None:
        """Find an enumeration by one of its canonical names."""
        return next((one for one in self.enumerations if cls in one.classes), None)

    def reported_as(self, value: str) -> Reported | None:
        """Find the entry for a name that is told about and never changed."""
        return next((entry for entry in self.reported if value in entry.names), None)


@dataclass(frozen=True, slots=True)
class Often:
    """How often what these calls give changes. ``parts`` are words of a name that say it by themselves.

    ``most``: such a value is never longer than so many tokens, where that is usual.
    """

    varies: str
    why: str
    calls: tuple[str, ...]
    parts: tuple[str, ...]
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """What costs hits in the beginning of a prompt: ``why`` are the words of what varies, as in ``Often.why``."""

    name: str
    why: tuple[str, ...]
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Caching:
    """The service's rules of prompt caching: tokens, tokens, characters, requests, tokens, percent.

    ``minimum``: a shorter prefix is not cached. ``step``: above it, hits grow in such steps.
    ``key_length``: of ``prompt_cache_key``. ``requests_per_minute``: of one prefix and key.
    ``message_tokens``: what the format adds to each message. ``hit_rates``: for the prices that are shown.
    ``refusing``: parts of the names of models on Azure that answer a key with an error.
    """

    minimum: int
    step: int
    key_length: int
    requests_per_minute: int
    message_tokens: int
    hit_rates: tuple[int, ...]
    often: tuple[Often, ...]
    refusals: Mapping[str, Reason]
    stays: Mapping[str, Reason]
    sources: tuple[Fact, ...]
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    refusing: tuple[str, ...] = ()

    def hit(self, tokens: int) -> int:
        """Give the tokens that a hit reads from the cache, of a beginning that has so many: 1,300 → 1,280."""
        return tokens - (tokens - self.minimum) % self.step if tokens >= self.minimum else 0


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
class Url:
    """The argument of a call that says where it sends, and the texts that mean OpenAI's own API."""

    keywords: tuple[str, ...]
    position: int | None
    contains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surface:
    """A kind of call that takes a model's name.

    ``calls`` are canonical callees without braces ("openai.OpenAI().chat.completions.create"); one
    that ends in ".**" matches every continuation. ``forms`` are the string forms it takes ("plain",
    "openai/", "openai:"). With ``hold`` (a reason) a literal that arrives here is reported and never
    rewritten. ``endpoint`` are keywords of this very call that point it at another server.
    ``knows`` maps a target model to the requirement that first accepts it ("litellm>=1.66.1").
    ``parameters`` says how a parameter of the request is spelled in the call, by its name in the API
    ("reasoning.effort" is the entry "effort" of the argument ``reasoning``); "since" is the requirement from which on
    that is so, "only" how a callee must begin, "except" what it must not hold, "of" the settings object that must be
    written. One that is not there is set by the library itself, or cannot be set.
    ``cache_key`` says how ``prompt_cache_key`` gets through, and ``prompt`` where the call takes what
    the model reads ("messages", "system", "filled", "braced", "input", "template", "tools", "schema"): both are for the
    caching transforms. ``adds``: as in ``Use``. With ``decorates`` the prompt is what the function below returns.
    ``url``: only a call that sends there is a request. ``client`` is the argument that carries the
    client that sends (``openai_client=AsyncOpenAI(...)``).

    Where a slot has a path, the keywords of ``provider`` and ``endpoint`` are also keys of the
    dictionaries on that path. An endpoint with a dot is a key inside an argument
    ("client_args.base_url").
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
    url: Url | None = None
    client: Slot | None = None
    prompt: Mapping[str, Slot] = field(default_factory=dict)
    adds: int = 0
    decorates: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """A call in which an object meets a prompt: ``Agent(model=OpenAIChat(...), instructions=...)``.

    ``object`` is the argument that carries the object; None: the call is a method of the object.
    ``through`` are methods on the way to the call that add to the prompt (``bind_tools = "tools"``).
    ``adds``: the library writes a text of its own before the prompt, of at most so many tokens. ``cache_key``: how a
    key gets through here, where the table of the object says that it is written ``at`` the use.
    """

    calls: tuple[str, ...]
    object: Slot | None
    prompt: Mapping[str, Slot]
    through: Mapping[str, str]
    adds: int = 0
    cache_key: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """A constructor whose instances are called: which keywords point it at another server.

    ``hosts`` are the hosts that are OpenAI's own. ``same`` are methods that give the same object back.
    ``client`` is the argument that carries an inner client (``instructor.from_openai(client)``).
    """

    calls: tuple[str, ...]
    endpoint: tuple[str, ...]
    hosts: tuple[str, ...]
    same: tuple[str, ...]
    client: Slot | None = None


# The kinds of carriers that take a file's name, or what the file holds.
READING = ("path", "content", "filled", "attributes", "composed")
STORE = "store"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A call outside the repository through which a value passes on, or in which it ends harmlessly.

    ``kind``: "value" (the call gives its argument back), "environment" (its default), "field" (a
    class field's default), "parameter" (the default of a parameter: ``typer.Option``), "option" (a
    command-line option: argparse, click), "shows" (ends in text for people), "asserts" (ends in a
    test's expectation). For a file's name: "path" (gives a longer path, or the open file), "content"
    (what the file holds), "filled" (the object whose method it is holds it afterwards); for what a
    file holds: "attributes" (the same, read by attributes). "composed" decorates a function that is given what a
    folder's files hold. "widget" is a value that a session keeps
    too; the calls of a "store" are no calls but the objects in which a framework keeps values by name.
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
