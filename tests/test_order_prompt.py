"""Answer one question: does another order of a prompt keep every character, and does the proof see it when not?"""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator import edits as splicing
from migrator import plan, sources, verify
from migrator.model import Edit, Skip, Source, Span
from migrator.prompts.blocks import HOLE, blocks
from migrator.prompts.layout import Layout, holed, propose, said
from migrator.prompts.template import Message, Place, Segment, Template, Varies
from migrator.settings import Settings

QUICK = settings(deadline=None, max_examples=60)
NOWHERE = Place("a.py", Span(0, 1), 1)
LONG = "Answer every customer in a friendly and precise way, and never promise a refund. " * 80
words = st.sampled_from(
    ["You answer mails.", "Be kind.", "# Rules", "- one", "- two", "1. first", "Mail:", "<mail>", "</mail>", "e.g. tea"]
)
parts = st.lists(st.one_of(words, st.just(HOLE)), min_size=1, max_size=9)
joints = st.sampled_from(["\n", "\n\n", " ", "\n  "])
roles = st.sampled_from(["system", "user", "assistant", "developer", "tool"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    return "".join(part + draw(joints) for part in draw(parts))


def message(role: str, text: str) -> Message:
    """Build a message in which each hole is a value of one request."""
    pieces = [piece for piece in text.replace(HOLE, f"\0{HOLE}\0").split("\0") if piece]
    segments = (
        Segment(NOWHERE, Varies.REQUEST, None, "x", "x") if piece == HOLE else Segment(NOWHERE, Varies.NEVER, piece)
        for piece in pieces
    )
    return Message(role, tuple(segments), NOWHERE)


@QUICK
@given(texts())
def test_blocks_part_a_text_and_lose_nothing_but_space(text: str) -> None:
    found = blocks(text)
    assert all(one.end <= two.start for one, two in pairwise(found))
    inside = "".join(text[block.start : block.end] for block in found)
    assert "".join(inside.split()) == "".join(text.split())


@QUICK
@given(st.lists(st.tuples(roles, texts()), min_size=1, max_size=5))
def test_another_order_has_the_same_characters(written: list[tuple[str, str]]) -> None:
    before = Template((), tuple(message(role, text) for role, text in written))
    layout = propose(before)
    if not isinstance(layout, Layout):
        return
    assert Counter(m.role for m in layout.after.messages) == Counter(m.role for m in before.messages)
    assert sorted(layout.order) == list(range(len(written)))
    for place, index in enumerate(layout.order):
        old, new = before.messages[index], layout.after.messages[place]
        assert Counter(holed(old.segments)) == Counter(holed(new.segments))
        assert Counter(said(old.segments).split()) == Counter(said(new.segments).split())
    turns = [i for i in layout.order if written[i][0] in ("assistant", "tool") and HOLE in written[i][1]]
    assert turns == sorted(turns)


def read(text: str) -> Source:
    source = sources.read(Path("a.py"), "a.py", text.encode())
    assert not isinstance(source, Skip)
    return source


def proof(before: str, old: str, new: str) -> str | None:
    """Prove one replacement as a move of text."""
    source = read(before)
    start = before.index(old)
    edit = Edit("a.py", Span(start, start + len(old)), new, "order_prompt")
    return verify.prove(source, [edit], splicing.apply(source, [edit]))


F_STRING = 'x = f"Hello {name}, be kind. And {other} too."\n'


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        (F_STRING, "Hello {name}, be kind. And {other} too.", "And {other} too. Hello {name}, be kind."),
        ('x = ["a", "b"]\n', '"a", "b"', '"b", "a"'),
        ('x = RULES + "a " + name\n', 'RULES + "a " + name', 'name + "a " + RULES'),
    ],
)
def test_a_move_is_proven(before: str, old: str, new: str) -> None:
    assert proof(before, old, new) is None


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        (F_STRING, "Hello {name}, be kind. And {other} too.", "And {other} too. Hello {name}, be."),
        (F_STRING, "Hello {name}, be kind. And {other} too.", "And {other} too. Hello {other}, be kind."),
        (F_STRING, "Hello {name}, be kind. And {other} too.", "And {other} too. Hello {name!r}, be kind."),
        (F_STRING, "Hello {name}, be kind. And {other} too.", "And {other} too. Hello {name}, bekind."),
        ('x = ["a", "b"]\n', '"a", "b"', '"b", "b"'),
        ('x = ["a", b]\n', '"a", b', 'c, "a"'),
        ("x = f(a, b)\n", "a, b", "b, a"),
        ("x = {a: 1, b: 2}\n", "a: 1, b: 2", "b: 2, a: 1"),
        ("x = a - b\n", "a - b", "b - a"),
    ],
)
def test_what_is_more_than_a_move_is_not(before: str, old: str, new: str) -> None:
    assert proof(before, old, new) is not None


@QUICK
@given(st.lists(st.one_of(words, st.sampled_from(["{name}", "{mail}"])), min_size=2, max_size=7), joints)
def test_the_program_sends_the_same_words(row: list[str], joint: str) -> None:
    text = joint.join([*row, LONG.strip(), "{name}"])
    code = f'''from openai import OpenAI


def ask(mail, name):
    prompt = f"""{text}"""
    return OpenAI().responses.create(model="gpt-4o", instructions=prompt, input=mail)
'''
    made = plan.make_text(code.encode(), "a.py", Settings(review=True), cwd=Path("/nowhere"), today=date(2026, 11, 22))
    assert [skip for skip in made.skips if skip.is_error] == []
    for patch in made.patches:
        assert Counter(prompt_of(patch.before).split()) == Counter(prompt_of(patch.after).split())


def prompt_of(code: bytes) -> str:
    """Run the prompt's own statement with values that are no words of it."""
    lines = code.decode().partition("    prompt = ")[2].partition("\n    return ")[0]
    return str(eval(lines, {"name": "NAME", "mail": "MAIL"}))
