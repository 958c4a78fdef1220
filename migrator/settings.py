"""Answer one question: what did the user ask for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRANSFORMS = ("model",)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run is asked to do, from the command line and the configuration file.

    ``transforms`` are the names that run after --only and --skip. ``surfaces`` are the user's own
    surface tables, as parsed TOML, in the notation of ``rules/surfaces``.
    """

    migration: str = "gpt-4.1-mini"
    pin: bool = False
    gateways: bool = False
    review: bool = False
    transforms: tuple[str, ...] = TRANSFORMS
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    surfaces: tuple[Mapping[str, object], ...] = field(default_factory=tuple)
    config: Path | None = None
