"""Answer one question: how does a plan annotate a pull request from inside a GitHub workflow?

Each decision becomes one workflow command, such as ``::warning file=app.py,line=3,col=7::message``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.model import Decision, Plan, Prompt, Skip
from migrator.readings import keyed, kind, place, told
from migrator.rulebook import Rulebook

LEVELS = {"rewrite": "warning", "review": "warning", "report": "notice"}


def commands(plan: Plan, book: Rulebook, left: Sequence[Skip] = ()) -> Iterator[str]:
    """Give the workflow commands of a plan, failures last."""
    for decision in plan.decisions:
        yield _decision(decision, plan, book)
    for prompt in plan.prompts:
        if prompt.key:
            yield _key(prompt)
    for skip in (*plan.skips, *left):
        if skip.is_error:
            yield _failure(skip)


def command(level: str, properties: Mapping[str, str], message: str) -> str:
    """Write one workflow command, escaped as the runner expects it."""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {listed}::{_data(message)}"


def _decision(decision: Decision, plan: Plan, book: Rulebook) -> str:
    origin = decision.finding.origin
    where = {"file": origin.shown}
    if origin.position.cell is None:
        where |= {
            "line": str(origin.position.line),
            "endLine": str(origin.end.line),
            "col": str(origin.position.column),
            "endColumn": str(origin.end.column),
        }
    title = {"title": f"migrator: {kind(decision)}"}
    message = told(decision, plan, book)
    if origin.position.cell is not None:
        # The line of a cell is not a line of the file, so the message carries the place.
        message = f"{place(origin.shown, origin.position)}: {message}"
    return command(LEVELS[kind(decision)], where | title, message)


def _key(prompt: Prompt) -> str:
    """A key that is added stands at the call, which may be another line than the name's."""
    position = prompt.site.position
    said = keyed(prompt)
    where = {"file": prompt.site.shown}
    if position.cell is None:
        where |= {"line": str(position.line), "col": str(position.column)}
    else:
        said = f"{place(prompt.site.shown, position)}: {said}"
    return command("warning", where | {"title": "migrator: cache key"}, said)


def _failure(skip: Skip) -> str:
    return command("error", {"file": skip.shown, "title": "migrator: file left alone"}, skip.reason)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
