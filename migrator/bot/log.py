"""Answer one question: what does the bot tell of its work, as lines of JSON and as figures?

Nothing that it tells holds a secret: what looks like one, or is one of those that it was given, is a row of stars.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

# Tokens of GitHub, signed tokens (three parts in base64url, the first a JSON object), the words of an Authorization.
_SECRETS = re.compile(
    r"(?:gh[a-z]|github_pat)_[A-Za-z0-9_]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    r"|(?i:\b(?:basic|bearer)\s+[\w+/=.~-]{16,})|-----BEGIN [A-Z ]*PRIVATE KEY-----[^\"]*"
)
STARS = "***"
Labels = tuple[tuple[str, str], ...]
HELP: Mapping[str, tuple[str, str]] = {
    "migrator_deliveries_total": ("counter", "Deliveries of GitHub, by event and answer."),
    "migrator_tasks_total": ("counter", "Tasks that ended or failed, by kind and outcome."),
    "migrator_task_seconds_total": ("counter", "Seconds that tasks took, by kind."),
    "migrator_sweeps_total": ("counter", "Sweeps for what was lost, by outcome."),
    "migrator_inbox_tasks": ("gauge", "Tasks in the inbox, by state."),
}


@dataclass(eq=False)
class Log:
    """Lines of JSON on standard error; ``hidden`` are the secrets that are known."""

    hidden: Iterable[str] = field(default=(), repr=False)
    write: Callable[[str], object] = field(default=lambda line: print(line, file=sys.stderr, flush=True), repr=False)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)

    def say(self, what: str, *, level: str = "info", **fields: object) -> None:
        """Tell one thing that happened."""
        line = {"time": self.clock().isoformat(timespec="milliseconds"), "level": level, "what": what, **fields}
        self.write(self.clean(json.dumps(line, default=str)))

    def clean(self, text: str) -> str:
        """Give a text without secrets."""
        for secret in self.hidden:
            for part in (secret, *secret.splitlines()):
                text = text.replace(part, STARS) if len(part) >= 8 else text
        return _SECRETS.sub(STARS, text)


class Forwarded(logging.Handler):
    """What a library tells of itself, such as a request that is none, as lines of the log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, without a traceback."""
        self._log.say("server", level=record.levelname.lower(), why=record.getMessage().splitlines()[0])


@dataclass(eq=False)
class Meters:
    """Figures that only grow, by name and labels."""

    _counts: dict[tuple[str, Labels], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Let a figure grow. The name is one of ``HELP``."""
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0.0) + amount

    def page(self, inbox: Mapping[str, int] | None) -> str:
        """Write all figures in the text format of Prometheus; ``inbox`` counts its tasks, None where nobody knows."""
        states = {"waiting": 0, "working": 0, "done": 0, "parked": 0, **inbox} if inbox is not None else {}
        with self._lock:
            now = dict(self._counts)
        now |= {("migrator_inbox_tasks", (("state", state),)): float(count) for state, count in states.items()}
        lines = []
        for name, (kind, text) in HELP.items():
            mine = sorted((labels, value) for (one, labels), value in now.items() if one == name)
            if mine:
                lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
                lines += [f"{name}{_braces(labels)} {value:.10g}" for labels, value in mine]
        return "\n".join(lines) + "\n"


def _braces(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
