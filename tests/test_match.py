"""Answer one question: is a request that nobody noted the line of given to the call whose prompt it is, or to none?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migrator.model import Span
from migrator.prompts.template import Message, Place, Segment, Template, Varies
from migrator.shadow.cases import case_of
from migrator.shadow.match import LEAST, fitting, match_cases
from migrator.shadow.model import Case

PLACE = Place("app.py", Span(0, 0), 1)


def message(role: str, *parts: str | None) -> Message:
    """Give a message of texts, and None for what varies."""
    segments = (Segment(PLACE, Varies.NEVER if part is not None else Varies.REQUEST, part) for part in parts)
    return Message(role, tuple(segments), PLACE)


def template(*messages: Message) -> Template:
    return Template((), messages)


def case(*said: tuple[str, str], name: str = "c", **more: object) -> Case:
    """Give a case with messages."""
    messages = [{"role": role, "content": text} for role, text in said]
    record = {"id": name, "request": {"model": "gpt-4o", "messages": messages}, **more}
    made = case_of(record, lambda place: "")
    assert made is not None
    return made


ANSWER = "Answer the question of a customer of ours in one sentence: "
BRIEF = template(message("user", ANSWER, None))
LONG = template(message("user", ANSWER, None, " Say where you know it from."))
OTHER = template(message("system", "You are the editor of a small newspaper."), message("user", None))


def test_a_case_belongs_to_the_call_whose_prompt_it_is(tmp_path: Path) -> None:
    cases = (
        case(("user", f"{ANSWER}When do you open?"), name="a"),
        case(("system", "You are the editor of a small newspaper."), ("user", "Shorten this."), name="b"),
        case(("system", "You are the editor of a large newspaper."), ("user", "Shorten this."), name="c"),
        case(("system", f"{ANSWER}When do you open?"), name="other role"),
        case(("user", f"{ANSWER}When?"), ("assistant", "At 8."), name="more messages"),
    )
    assert match_cases(tmp_path, cases, [("brief", BRIEF), ("other", OTHER)]) == {"a": "brief", "b": "other"}


def test_the_call_that_says_more_of_the_text_is_meant(tmp_path: Path) -> None:
    cases = (
        case(("user", f"{ANSWER}When? Say where you know it from."), name="long"),
        case(("user", f"{ANSWER}When?"), name="brief"),
    )
    templates = [("brief", BRIEF), ("long", LONG)]
    assert match_cases(tmp_path, cases, templates) == {"long": "long", "brief": "brief"}


def test_two_calls_that_say_equally_much_are_none(tmp_path: Path) -> None:
    cases = (case(("user", f"{ANSWER}When?")),)
    templates = [("one", BRIEF), ("two", BRIEF), ("other", OTHER)]
    assert match_cases(tmp_path, cases, templates) == {}
    assert fitting(tmp_path, cases, templates) == {"c": ("one", "two")}


@pytest.mark.parametrize(("size", "links"), [(LEAST - 1, {}), (LEAST, {"c": "site"})])
def test_a_prompt_must_say_enough(size: int, links: dict[str, str], tmp_path: Path) -> None:
    text = "x " * size
    cases = (case(("user", f"{text}and more")),)
    assert match_cases(tmp_path, cases, [("site", template(message("user", text, None)))]) == links


def test_the_usual_first_sentence_tells_nothing(tmp_path: Path) -> None:
    usual = "You are a helpful assistant."
    cases = (case(("system", usual), ("user", "Hi.")),)
    assert match_cases(tmp_path, cases, [("site", template(message("system", usual), message("user", None)))]) == {}


def test_placeholders_fit_what_the_prompt_says_there(tmp_path: Path) -> None:
    pattern = 'redact = ["ACME"]\n'
    (tmp_path / "migrator.toml").write_text(pattern, encoding="utf-8")
    prompt = template(message("user", "Write as ACME does, and sign as help@example.com. Answer: ", None))
    text = "Write as <redacted-1> does, and sign as <email-2>. Answer: mail <email-1>"
    redacted = {"redacted": {"email": 2, "redacted": 1}}
    cases = (case(("user", text), name="with", **redacted), case(("user", text), name="not redacted"))
    assert match_cases(tmp_path, cases, [("site", prompt)]) == {"with": "site"}


def test_a_prompt_that_is_known_roughly_fits_nothing(tmp_path: Path) -> None:
    (said,) = BRIEF.messages
    rough = template(replace(said, segments=(replace(said.segments[0], whole=False), said.segments[1])))
    cases = (case(("user", f"{ANSWER}When?")),)
    assert match_cases(tmp_path, cases, [("site", rough)]) == {}
