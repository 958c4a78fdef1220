"""Answer one question: does the cap hold, and is nothing paid for twice, whatever happens on the way?

``python running.py ROOT URL CAP COUNT SEED [--batch]`` is one run, in a process that can be killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from migrator.rulebook import load
from migrator.shadow.run.model import Ask, Cell, Got
from migrator.shadow.run.runner import Runner
from migrator.shadow.run.store import Store

KEY = "sk-proj-0123456789abcdefghij"
ANSWER = 40
SERVER = "the server"


def asks(count: int, seed: int = 0) -> tuple[Ask, ...]:
    """Make requests to both models at both endpoints, in a mixed order."""
    made = []
    for number in range(count):
        cell = (Cell.OLD, Cell.NEW)[number % 2]
        model = ("gpt-4o", "gpt-4.1-mini")[number % 2]
        text = f"Letter {number}: {'word ' * (number % 7)}"
        chat = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": ANSWER}
        other = {"model": model, "input": text, "max_output_tokens": ANSWER, "store": False}
        is_chat = number % 3 > 0
        made.append(
            Ask(
                str(number), "site", cell, 1, "chat/completions" if is_chat else "responses", chat if is_chat else other
            )
        )
    random.Random(seed).shuffle(made)
    return tuple(made)


def run(
    root: Path, url: str, cap: float | None, wanted: tuple[Ask, ...], **more: object
) -> tuple[Mapping[str, Got], Runner]:
    """Send requests as the product does."""
    with Store(root, SERVER) as store, Runner(store, load(), url, KEY, cap, **more) as runner:  # type: ignore[arg-type]
        return runner.send(wanted), runner


def journal(root: Path) -> list[dict[str, object]]:
    """Read all whole lines of the journal."""
    path = Store(root, SERVER).path
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def kept(root: Path) -> set[str]:
    """Give the digests of the answers that are on the disk."""
    return {str(line["digest"]) for line in journal(root) if line.get("body")}


@dataclass(slots=True)
class Process:
    """A run in a process of its own."""

    root: Path
    url: str
    cap: float
    count: int
    seed: int
    more: str = ""
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, or go on."""
        given = (self.root, self.url, self.cap, self.count, self.seed, *self.more.split())
        command = [sys.executable, __file__, *map(str, given)]
        self.running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )

    def kill_after(self, answers: int, pause: float, sign: int = signal.SIGKILL) -> bool:
        """Kill it a moment after so many answers are kept; say whether it was still running."""
        assert self.running is not None
        path = Store(self.root, SERVER).path
        while self.running.poll() is None and (not path.exists() or path.read_bytes().count(b'"body"') < answers):
            time.sleep(0.05)
        time.sleep(pause)
        if self.running.poll() is not None:
            return False
        self.running.send_signal(sign)
        return True

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; give the exit code and what was printed."""
        assert self.running is not None
        out, errors = self.running.communicate(timeout=120)
        return self.running.returncode, out.decode(), errors.decode()


def main() -> None:
    """Run once, and print what came."""
    root, url, cap, count, seed, *more = sys.argv[1:]
    got, runner = run(
        Path(root),
        url,
        float(cap),
        asks(int(count), int(seed)),
        is_batch="--batch" in more,
        on_stop=lambda left: print(f"awaiting {left}", file=sys.stderr, flush=True),
    )
    errors = sorted({one.error for one in got.values()})
    print(json.dumps({"spent": str(runner.budget.spent), "carried": runner.carried, "errors": errors}))


def free_of_key(root: Path) -> bool:
    """Say whether the key stands nowhere on the disk."""
    return all(KEY.encode() not in path.read_bytes() for path in root.rglob("*") if path.is_file())


def books(root: Path) -> Decimal:
    """Add up what the journal says was paid."""
    return sum((Decimal(str(line["cost"])) for line in journal(root) if "cost" in line), Decimal(0))


if __name__ == "__main__":
    os.environ.pop("OPENAI_BASE_URL", None)
    main()
