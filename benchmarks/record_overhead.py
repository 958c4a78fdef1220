"""Answer one question: what does recording cost a program, for each call?

The same calls of the real SDK run with and without the recorder, in processes of their own and in turns, over a
transport that answers at once, so that no network hides the cost. What is counted is the processor's time of the
thread that calls, the system's part included, so that other work of the machine does not count. Run it as
``python benchmarks/record_overhead.py``; it needs the ``test`` extra. The target is less than 1 ms for a call of each
size; what a long one costs is mostly the search for secrets in it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INJECT = ROOT / "migrator" / "shadow" / "inject"
ROUNDS, CALLS, TARGET = 5, 200, 1.0
WORDS = {"short": 30, "usual": 600, "long": 6_000}

PROGRAM = """
import json, sys, time
import httpx2, openai

answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "All is well. " * 40}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
client = openai.OpenAI(api_key="sk-0123456789abcdef", http_client=httpx2.Client(transport=transport))
text = "The customer of order 4711 wrote to us. " * (int(sys.argv[1]) // 8)
messages = [{"role": "system", "content": "Be friendly."}, {"role": "user", "content": text}]
for _ in range(20):
    client.chat.completions.create(model="gpt-4o", messages=messages)
times = []
for _ in range(int(sys.argv[2])):
    begun = time.thread_time()
    client.chat.completions.create(model="gpt-4o", messages=messages)
    times.append(time.thread_time() - begun)
print(json.dumps(times))
"""


def run(folder: Path, words: int, settings: str) -> list[float]:
    """Time the calls of one process, in milliseconds."""
    variables = {**os.environ, "PYTHONPATH": str(INJECT), "MIGRATOR_RECORD": settings}
    command = [sys.executable, str(folder / "program.py"), str(words), str(CALLS)]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=True)
    return [1000 * one for one in json.loads(done.stdout)]


def main() -> int:
    """Print the cost for each size of a prompt; the exit code says whether the target is met."""
    most = 0.0
    print(f"{CALLS * ROUNDS} calls each; milliseconds a call, median (95th percentile)")
    for name, words in WORDS.items():
        plain: list[float] = []
        recorded: list[float] = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
                asked = {"folder": made, "root": made, "cap": 10_000, "redact": [], "raw": False, "commit": ""}
                plain += run(folder, words, "")
                recorded += run(folder, words, json.dumps(asked))
        cost = statistics.median(recorded) - statistics.median(plain)
        most = max(most, cost)
        print(f"{name:>6} ({words:>5,} words)  without {shown(plain)}  with {shown(recorded)}  costs {cost:.3f}")
    print(f"most {most:.3f} ms, target {TARGET} ms: {'met' if most < TARGET else 'MISSED'}  ({time.strftime('%F')})")
    return int(most >= TARGET)


def shown(times: list[float]) -> str:
    """Write the median and the 95th percentile."""
    return f"{statistics.median(times):.3f} ({statistics.quantiles(times, n=20)[-1]:.3f})"


if __name__ == "__main__":
    sys.exit(main())
