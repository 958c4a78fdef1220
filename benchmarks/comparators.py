"""Answer one question: which planted defects do the comparators see, and how often do they take a rewording for one?

200 pairs with a planted defect and 200 harmless rewordings are made from hand-written sentences, objects, calls and
programs; the same seed makes the same pairs. Run it: ``python benchmarks/comparators.py``.
"""

from __future__ import annotations

import argparse
import json
import random
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from migrator.shadow.comparators.compare import compare
from migrator.shadow.comparators.failures import failure
from migrator.shadow.comparators.plant import REFUSALS, swap_digit
from migrator.shadow.model import Answer, Contract, Kind, Rate, Reply, ToolCall
from migrator.shadow.shares import rate

# Pairs of answers that were written to be hard.
HARD = Path(__file__).parent / "hard_prose.toml"

# A topic is said in several ways; the last one denies it. Each way holds the same facts.
TOPICS: tuple[tuple[str, ...], ...] = (
    (
        "Your refund of {money} was issued on {date}. It reaches your account within {days}.",
        "We issued the refund of {money} on {date}, and it will reach your account in {days}.",
        "A refund of {money} has been issued to you on {date}. Please allow {days} for it to reach the account.",
        "Your refund of {money} was not issued on {date}. It reaches your account within {days}.",
    ),
    (
        "Order {id} ships on {date} and weighs {weight}.",
        "On {date} we will ship order {id}, which weighs {weight}.",
        "The order {id} is going to ship on {date}. It weighs {weight}.",
        "Order {id} never ships on {date} and weighs {weight}.",
    ),
    (
        "The meeting with {name} is at {time} in room {id}.",
        "You meet {name} in room {id} at {time}; the meeting is on your calendar.",
        "Your meeting with {name} takes place at {time} in room {id}.",
        "The meeting with {name} isn't at {time} in room {id}.",
    ),
    (
        "The battery lasts {hours} and charges to {percent} in {days}.",
        "It takes {days} to charge the battery to {percent}, and the battery lasts {hours}.",
        "The battery charges to {percent} within {days}. It lasts {hours}.",
        "The battery does not last {hours} and charges to {percent} in {days}.",
    ),
    (
        "Sales grew by {percent} to {money}, and {name} recommends keeping the plan.",
        "{name} recommends keeping the plan: sales grew by {percent} to {money}.",
        "Growth of sales was {percent}, to {money}. The recommendation of {name} is to keep the plan.",
        "Sales grew by {percent} to {money}, and {name} cannot recommend keeping the plan.",
    ),
    (
        "Take {weight} of flour, add two eggs and bake for {hours} at 180 degrees.",
        "Add 2 eggs to {weight} of flour. Bake for {hours} at 180 degrees.",
        "You bake {weight} of flour with two eggs added for {hours} at 180 degrees.",
        "Take {weight} of flour, add two eggs and do not bake for {hours} at 180 degrees.",
    ),
    (
        "The patient may take {weight} of the medicine every {hours}, with food.",
        "Every {hours} the patient may take {weight} of the medicine together with food.",
        "With food, {weight} of the medicine may be taken by the patient every {hours}.",
        "The patient may not take {weight} of the medicine every {hours}, with food.",
    ),
    (
        "Your contract ends on {date}. The notice period is {days} and the fee is {money}.",
        "The contract comes to an end on {date}; the fee is {money} with a notice period of {days}.",
        "With a notice period of {days} and a fee of {money}, your contract ends on {date}.",
        "Your contract does not end on {date}. The notice period is {days} and the fee is {money}.",
    ),
    (
        "Restart server {id}, wait {hours} and check that disk usage is below {percent}.",
        "You should restart the server {id}, then wait {hours}. Check that the usage of the disk is below {percent}.",
        "After a restart of server {id} wait {hours}, then check disk usage: it must be below {percent}.",
        "Never restart server {id}, wait {hours} and check that disk usage is below {percent}.",
    ),
    (
        "{name} approved invoice {id} over {money} on {date}.",
        "Invoice {id} over {money} was approved by {name} on {date}.",
        "On {date}, {name} has approved the invoice {id} over {money}.",
        "{name} rejected invoice {id} over {money} on {date}.",
    ),
    (
        "The train leaves at {time} and arrives after {hours}. A ticket costs {money}.",
        "A ticket costs {money}. The train leaves at {time} and needs {hours} to arrive.",
        "Leaving at {time}, the train arrives {hours} later; the ticket costs {money}.",
        "The train doesn't leave at {time} and arrives after {hours}. A ticket costs {money}.",
    ),
    (
        "We found {count} errors in file {id}; {name} will fix them by {date}.",
        "File {id} has {count} errors that we found, which {name} will fix by {date}.",
        "By {date} {name} is going to fix the {count} errors found in the file {id}.",
        "We found {count} errors in file {id}; {name} will not fix them by {date}.",
    ),
)
SMALL = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NAMES = ("Ann", "Bob", "Carla", "Deepak", "Elif")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
Facts = Mapping[str, int]
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": ["open", "closed", "waiting"]},
        "amount": {"type": "number"},
        "urgent": {"type": "boolean"},
        "due": {"type": "string"},
        "summary": {"type": "string"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["item", "count"],
            },
        },
    },
    "required": ["id", "status", "amount", "urgent", "due", "summary", "lines"],
    "additionalProperties": False,
}
TOOLS: dict[str, dict[str, object]] = {
    "get_weather": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    "book_table": {"type": "object", "properties": {"place": {"type": "string"}, "guests": {"type": "integer"}}},
    "send_mail": {"type": "object", "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}}},
}
PROGRAM = '''def {name}(prices, rate={rate}):
    """{doc}"""
    total = 0
    for price in prices:{comment}
        if price > {least}:
            total += price * rate
    return total
'''
LABELS = ("billing", "technical", "sales", "complaint", "other question")
CONTRACTS = {
    Kind.PROSE: Contract(Kind.PROSE, "benchmark"),
    Kind.JSON: Contract(Kind.JSON, "benchmark", SCHEMA),
    Kind.TOOLS: Contract(Kind.TOOLS, "benchmark", None, TOOLS),
    Kind.CODE: Contract(Kind.CODE, "benchmark"),
    Kind.LABEL: Contract(Kind.LABEL, "benchmark"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Two answers, and what was planted between them; nothing for a rewording."""

    kind: Kind
    old: Reply
    new: Reply
    defect: str = ""


def drawn(chance: random.Random) -> dict[str, int]:
    """Draw the facts of a text."""
    return {
        "money": chance.randint(1050, 990_000),
        "date": chance.randint(0, 279),
        "days": chance.randint(2, 12),
        "hours": chance.randint(2, 90),
        "percent": chance.randint(2, 99),
        "weight": chance.randint(3, 900),
        "count": chance.randint(2, 40),
        "time": chance.randint(60, 1430),
        "id": chance.randint(100, 9999),
        "name": chance.randrange(len(NAMES)),
    }


def written(facts: Facts, chance: random.Random) -> dict[str, str]:
    """Write facts down, each in one of the ways in which people do."""
    cents, day = facts["money"], facts["date"]
    month, number = MONTHS[day // 28], day % 28 + 1
    hour, minute = divmod(facts["time"], 60)
    half = f"{hour % 12 or 12}:{minute:02} {'pm' if hour >= 12 else 'am'}"
    small = dict(enumerate(SMALL, 2))
    return {
        "money": chance.choice([f"${cents / 100:,.2f}", f"{cents / 100:.2f} dollars", f"{cents / 100:,.2f} USD"]),
        "date": chance.choice(
            [f"{month} {number}, 2026", f"{number} {month} 2026", f"2026-{day // 28 + 1:02}-{number:02}"]
        ),
        "days": chance.choice([f"{facts['days']} days", f"{small[facts['days']]} days"]),
        "hours": chance.choice([f"{facts['hours']} hours", f"{facts['hours']} hrs", f"{facts['hours']}h"]),
        "percent": chance.choice([f"{facts['percent']}%", f"{facts['percent']} percent", f"**{facts['percent']}%**"]),
        "weight": chance.choice([f"{facts['weight']} g", f"{facts['weight']}g", f"{facts['weight']} grams"]),
        "count": str(facts["count"]),
        "time": chance.choice([f"{hour:02}:{minute:02}", half]),
        "id": f"AB-{facts['id']}",
        "name": NAMES[facts["name"]],
    }


def other(facts: Facts, name: str, chance: random.Random) -> dict[str, int]:
    """Change one fact into another of its kind."""
    new = drawn(chance)[name]
    while new == facts[name]:
        new = drawn(chance)[name]
    return {**facts, name: new}


def prose(chance: random.Random, defect: str) -> Sample:
    topic = chance.choice(TOPICS)
    facts = drawn(chance)
    first, second = chance.sample(topic[:-1], 2)
    changed: Facts = facts
    if defect == "number":
        names = [n for n in facts if f"{{{n}}}" in first and n != "name"]
        changed = other(facts, chance.choice(names), chance)
        second = chance.choice((first, second))
    elif defect == "negation":
        first, second = topic[0], topic[-1]
        if chance.random() < 0.5:
            first, second = second, first
    old, new = first.format(**written(facts, chance)), second.format(**written(changed, chance))
    return Sample(Kind.PROSE, Reply(old), Reply(new), defect)


def record(chance: random.Random) -> dict[str, object]:
    facts = drawn(chance)
    said = written(facts, chance)
    lines = [{"item": f"part {n}", "count": chance.randint(1, 9)} for n in range(chance.randint(1, 3))]
    return {
        "id": said["id"],
        "status": chance.choice(["open", "closed", "waiting"]),
        "amount": facts["money"] / 100,
        "urgent": chance.random() < 0.5,
        "due": f"2026-{facts['date'] // 28 + 1:02}-{facts['date'] % 28 + 1:02}T10:00:00+00:00",
        "summary": (TOPICS[0][0]).format(**said),
        "lines": lines,
    }


def dumped(value: object, chance: random.Random) -> str:
    text = json.dumps(value, indent=chance.choice([None, 2]), sort_keys=chance.random() < 0.5)
    return f"```json\n{text}\n```" if chance.random() < 0.3 else text


def structured(chance: random.Random, defect: str) -> Sample:
    old = record(chance)
    new = json.loads(json.dumps(old))
    if defect == "number":
        where = chance.choice(["amount", "count", "summary", "id", "due"])
        if where == "count":
            new["lines"][-1]["count"] += 1
        elif where == "amount":
            new["amount"] = round(new["amount"] + 0.01, 2)
        else:
            new[where] = swap_digit(new[where], chance)
    elif defect == "negation":
        if chance.random() < 0.5:
            new["urgent"] = not new["urgent"]
        else:
            new["summary"] = new["summary"].replace("was issued", "was not issued")
    elif defect == "missing field":
        inner = chance.choice([new, new["lines"][0]])
        inner.pop(chance.choice(sorted(inner)))
    else:
        new["due"] = new["due"].replace("+00:00", "Z") if chance.random() < 0.5 else new["due"]
        new["summary"] = new["summary"].replace("Your refund", chance.choice(["The refund", "A refund", "Your refund"]))
    return Sample(Kind.JSON, Reply(dumped(old, chance)), Reply(dumped(new, chance)), defect)


def calls(chance: random.Random, defect: str) -> Sample:
    made = [
        ("get_weather", {"city": chance.choice(["Rome", "Oslo", "New York"]), "days": chance.randint(1, 9)}),
        ("book_table", {"place": chance.choice(["Da Enzo", "Le Coq"]), "guests": chance.randint(1, 9)}),
        ("send_mail", {"to": f"{chance.choice(NAMES).lower()}@example.com", "copies": chance.randint(1, 9)}),
    ]
    old = chance.sample(made, chance.randint(1, 3))
    new = [(name, dict(arguments)) for name, arguments in old]
    chance.shuffle(new)
    at = chance.randrange(len(new))
    name, arguments = new[at]
    number = next(k for k, v in arguments.items() if isinstance(v, int))
    if defect == "number":
        arguments[number] = int(str(arguments[number])) % 9 + 1
    elif defect == "missing field":
        arguments.pop(chance.choice(sorted(arguments)))
    elif defect == "other tool":
        others = [n for n in (*TOOLS, "delete_account") if n != name]
        new[at] = (chance.choice(others), arguments)
        if sorted(n for n, _ in new) == sorted(n for n, _ in old):
            new.pop()
    return Sample(Kind.TOOLS, Reply("", called(old, chance)), Reply("", called(new, chance)), defect)


def called(made: list[tuple[str, dict[str, object]]], chance: random.Random) -> tuple[ToolCall, ...]:
    order = chance.random() < 0.5
    spaces = chance.choice([None, (",", ":")])
    return tuple(ToolCall(name, json.dumps(a, sort_keys=order, separators=spaces)) for name, a in made)


def program(chance: random.Random, defect: str) -> Sample:
    said = {"name": chance.choice(["net", "gross"]), "rate": chance.randint(2, 9), "least": chance.randint(10, 90)}
    text = PROGRAM.format(**said, doc="Add prices.", comment="")
    comment = chance.choice(["", "  # every price"])
    changed = {**said, "least": said["least"] + 1} if defect == "number" else said
    new = PROGRAM.format(**changed, doc=chance.choice(["Add prices.", "Sum up what costs more."]), comment=comment)
    if defect == "negation":
        new = new.replace("if price >", "if not price >")
    if chance.random() < 0.5:
        new = new.replace("\n    total = 0", "\n\n    total = 0").replace(
            "total += price * rate", "total += (price * rate)"
        )
    return Sample(Kind.CODE, Reply(f"Here it is:\n```python\n{text}```"), Reply(f"```python\n{new}```\nDone."), defect)


def label(chance: random.Random, defect: str) -> Sample:
    old = chance.choice(LABELS)
    new = chance.choice([one for one in LABELS if one != old]) if defect else old
    dress = chance.choice(["{}", '"{}"', "**{}**", "{}.", " {}\n"])
    return Sample(Kind.LABEL, Reply(old), Reply(dress.format(chance.choice([new, new.title(), new.upper()]))), defect)


def refused(chance: random.Random, defect: str) -> Sample:
    made = chance.choice((prose, structured, calls, program, label))(chance, "")
    return replace(made, new=Reply(chance.choice(REFUSALS)), defect=defect)


def cut(chance: random.Random, defect: str) -> Sample:
    made = chance.choice((prose, structured, program))(chance, "")
    text = made.old.text
    return replace(made, new=Reply(text[: len(text) * 2 // 3], finish="length"), defect=defect)


Maker = Callable[[random.Random, str], Sample]
PLANTED: tuple[tuple[Maker, str, int], ...] = (
    (prose, "number", 40),
    (structured, "number", 25),
    (calls, "number", 15),
    (program, "number", 5),
    (prose, "negation", 30),
    (structured, "negation", 10),
    (program, "negation", 5),
    (structured, "missing field", 15),
    (calls, "missing field", 10),
    (calls, "other tool", 15),
    (label, "other label", 5),
    (refused, "refusal", 15),
    (cut, "truncation", 10),
)
HARMLESS: tuple[tuple[Maker, int], ...] = ((prose, 80), (structured, 50), (calls, 30), (program, 20), (label, 20))


def planted(seed: int) -> Iterator[Sample]:
    chance = random.Random(seed)
    for make, defect, count in PLANTED:
        yield from (make(chance, defect) for _ in range(count))


def harmless(seed: int) -> Iterator[Sample]:
    chance = random.Random(seed)
    for make, count in HARMLESS:
        yield from (make(chance, "") for _ in range(count))


Counts = dict[tuple[str, str], Counter[str]]


def hard() -> Iterator[Sample]:
    """Give the pairs that were written to be hard, and those that were written when the comparator was finished."""
    pairs = tomllib.loads(HARD.read_text(encoding="utf-8"))
    for held, name in ((pairs, "hard"), (pairs["unseen"], "unseen")):
        for group, said in (("changed", "meaning"), ("reworded", "rewording")):
            yield from (Sample(Kind.PROSE, Reply(old), Reply(new), f"{said}, {name}") for _, old, new in held[group])


def measure(samples: Iterable[Sample]) -> Counts:
    """Count the answers for each comparator and defect, and the hard failures among them."""
    found: Counts = {}
    for sample in samples:
        counts = found.setdefault((str(sample.kind), sample.defect or "rewording"), Counter())
        counts[str(compare(CONTRACTS[sample.kind], sample.old, sample.new).answer)] += 1
        counts["failure"] += failure(CONTRACTS[sample.kind], sample.old, sample.new) is not None
    return found


def table(seed: int) -> Iterator[str]:
    """Give the table in the notation of Markdown, and both rates."""
    yield "| comparator | planted | pairs | differs | undecided | same | hard failure |"
    yield "|---|---|---|---|---|---|---|"
    for (kind, defect), counts in measure((*planted(seed), *harmless(seed), *hard())).items():
        total = sum(counts[str(answer)] for answer in Answer)
        shares = " | ".join(str(counts[str(a)]) for a in (Answer.DIFFERS, Answer.UNDECIDED, Answer.SAME))
        yield f"| {kind} | {defect} | {total} | {shares} | {counts['failure']} |"
    yield ""
    yield f"Seen: {of(answered(planted(seed), Answer.DIFFERS))} planted defects."
    yield f"Blamed: {of(answered(harmless(seed), Answer.DIFFERS))} rewordings."
    yield f"Left undecided: {of(answered(harmless(seed), Answer.UNDECIDED))} rewordings."


def answered(samples: Iterable[Sample], wanted: Answer) -> Rate:
    """Give how many pairs get an answer."""
    answers = [compare(CONTRACTS[sample.kind], sample.old, sample.new).answer for sample in samples]
    return rate(answers.count(wanted), len(answers))


def of(found: Rate) -> str:
    """Write a rate with its 95 % interval."""
    return f"{found.count} of {found.total} ({found.interval.low:.1%} to {found.interval.high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what was judged wrongly")
    options = parser.parse_args()
    print("\n".join(table(options.seed)))
    for sample in (*planted(options.seed), *harmless(options.seed), *hard()) if options.show else ():
        said = compare(CONTRACTS[sample.kind], sample.old, sample.new)
        is_changed = bool(sample.defect) and not sample.defect.startswith("rewording")
        if said.answer is not (Answer.DIFFERS if is_changed else Answer.SAME):
            print(f"\n{sample.kind} {sample.defect}: {said}\n  {sample.old.text}\n  {sample.new.text}")


if __name__ == "__main__":
    main()
