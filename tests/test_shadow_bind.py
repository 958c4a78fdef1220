"""Answer one question: is a recorded request said in the new layout as the changed code would say it?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from migrator.model import Span
from migrator.prompts.layout import Layout, Shift, Stays, propose, shifted
from migrator.prompts.template import SPLICE, Message, Place, Segment, Template, Varies
from migrator.shadow.bind import Bound, NotBound, Value, bind, rebind

HERE = Place("app.py", Span(0, 1), 1)
RULES = "Answer in French.\n\nNever give a price."


def text(said: str) -> Segment:
    return Segment(HERE, Varies.NEVER, said)


def hole(code: str = "name", varies: Varies = Varies.REQUEST) -> Segment:
    return Segment(HERE, varies, None, code)


def message(role: str, *parts: Segment | str) -> Message:
    return Message(role, tuple(text(p) if isinstance(p, str) else p for p in parts), HERE)


def layout_of(template: Template) -> Layout:
    found = propose(template)
    assert isinstance(found, Layout), found
    return found


def unmoved(template: Template) -> Layout:
    return Layout(tuple(range(len(template.messages))), (), template)


def sent(*said: tuple[str, str]) -> list[dict[str, object]]:
    return [{"role": role, "content": content} for role, content in said]


def test_blocks_within_a_message() -> None:
    template = Template((), (message("system", "User: ", hole(), "\n\n" + RULES), message("user", hole("question"))))
    found = bind(sent(("system", f"User: Ann\n\n{RULES}"), ("user", "Why?")), template, layout_of(template))
    assert found == Bound(
        tuple(sent(("system", f"{RULES}\n\nUser: Ann"), ("user", "Why?"))), (Value(0, 1, "Ann"), Value(1, 0, "Why?"))
    )


def test_whole_messages() -> None:
    template = Template((), (message("system", "For ", hole()), message("system", RULES), message("user", hole("q"))))
    found = bind(sent(("system", "For Ann"), ("system", RULES), ("user", "Why?")), template, layout_of(template))
    assert isinstance(found, Bound)
    assert list(found.messages) == sent(("system", RULES), ("system", "For Ann"), ("user", "Why?"))


def test_any_number_of_messages_in_a_splice() -> None:
    template = Template(
        (),
        (
            message("system", "User: ", hole(), "\n\n" + RULES),
            message(SPLICE, hole("history")),
            message("user", "Q: ", hole("question")),
        ),
    )
    turns = [*sent(("user", "Q: before")), {"role": "assistant", "content": None, "tool_calls": []}]
    for history in ([], turns, turns * 3):
        recorded = [*sent(("system", f"User: Ann\n\n{RULES}")), *history, *sent(("user", "Q: now"))]
        found = bind(recorded, template, layout_of(template))
        assert isinstance(found, Bound)
        assert list(found.messages) == [*sent(("system", f"{RULES}\n\nUser: Ann")), *history, *sent(("user", "Q: now"))]


def test_a_cut_that_matters_is_not_guessed() -> None:
    rules = message("system", hole("a"), "\n\nBe kind.\n\n", hole("b"))
    template = Template((), (rules,))
    twice = bind(sent(("system", "x\n\nBe kind.\n\ny\n\nBe kind.\n\nz")), template, layout_of(template))
    assert twice == NotBound("message 1 can be cut in two ways")
    once = bind(sent(("system", "x\n\nBe kind.\n\ny")), template, layout_of(template))
    assert isinstance(once, Bound)
    assert once.messages[0]["content"] == "Be kind.\n\nx\n\ny"


def test_a_cut_that_does_not_matter_is_left_open() -> None:
    template = Template((), (message("system", "User: ", hole("a"), ", ", hole("b"), "\n\n" + RULES),))
    found = bind(sent(("system", f"User: Ann, Bob, Cid\n\n{RULES}")), template, layout_of(template))
    assert found == Bound(tuple(sent(("system", f"{RULES}\n\nUser: Ann, Bob, Cid"))), ())


def test_what_is_not_bound() -> None:
    template = Template((), (message("system", "User: ", hole(), "\n\n" + RULES), message("user", hole("question"))))
    layout = layout_of(template)
    good = f"User: Ann\n\n{RULES}"
    other = NotBound("message 1 was sent with another role or another text")
    assert bind(sent(("system", good + "!"), ("user", "Why?")), template, layout) == other
    assert bind(sent(("developer", good), ("user", "Why?")), template, layout) == other
    assert bind(sent(("system", good)), template, layout) == NotBound("message 2 of the prompt was not sent")
    more = bind(sent(("system", good), ("user", "a"), ("user", "b")), template, layout)
    assert more == NotBound("there are more messages than the prompt has")
    rough = replace(template.messages[0], segments=(replace(template.messages[0].segments[0], whole=False),))
    near = Template((), (rough,))
    assert bind(sent(("system", "User: ")), near, unmoved(near)) == NotBound("message 1 is only known roughly")
    assert bind(sent(("system", good)), near, layout) == NotBound("the layout is not one of this prompt")
    pictures = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}
    found = bind([*sent(("system", good)), pictures], template, layout)
    assert found == NotBound("message 2 was sent with another role or another text")


def test_two_splices_that_part_are_not_guessed() -> None:
    template = Template((), (message(SPLICE, hole("a")), message(SPLICE, hole("b")), message("user", "Go")))
    recorded = sent(("user", "1"), ("user", "2"), ("user", "Go"))
    assert isinstance(bind(recorded, template, unmoved(template)), Bound)
    a, b, go = template.messages
    parted = Layout((1, 0, 2), (), Template((), (b, a, go)))
    assert isinstance(bind(recorded, template, parted), NotBound)


def test_requests_of_both_interfaces() -> None:
    template = Template((), (message("system", "User: ", hole(), "\n\n" + RULES), message("user", hole("question"))))
    layout = layout_of(template)
    old, new = f"User: Ann\n\n{RULES}", f"{RULES}\n\nUser: Ann"
    chat = {"model": "gpt-4o", "temperature": 0, "messages": sent(("system", old), ("user", "Why?"))}
    assert rebind(chat, template, layout, "gpt-4.1-mini", "app.ask") == {
        "model": "gpt-4.1-mini",
        "temperature": 0,
        "messages": sent(("system", new), ("user", "Why?")),
        "prompt_cache_key": "app.ask",
    }
    response = {"model": "gpt-4o", "instructions": old, "input": "Why?"}
    found = rebind(response, template, layout, "gpt-4.1-mini")
    assert found == {"model": "gpt-4.1-mini", "instructions": new, "input": "Why?"}
    part = [{"type": "input_text", "text": "Why?"}]
    listed = {"model": "gpt-4o", "input": [*sent(("system", old)), {"role": "user", "content": part}]}
    assert rebind(listed, template, layout, "m") == {
        "model": "m",
        "input": [*sent(("system", new)), {"role": "user", "content": part}],
    }
    assert rebind({"model": "gpt-4o", "prompt": "x"}, template, None, "m") == {"model": "m", "prompt": "x"}
    assert isinstance(rebind({"model": "gpt-4o", "prompt": "x"}, template, layout, "m"), NotBound)
    assert chat["messages"] == sent(("system", old), ("user", "Why?"))


Runs = list[list[dict[str, object]]]
Case = tuple[Template, Runs, dict[tuple[int, int], str]]

# Short words and separators, so that values often hold what stands beside them.
bits = st.sampled_from(["a", "b", " ", "\n\n", "Be kind.", "User: ", ".", "\n", "- x", ""])
traps = st.sampled_from(["a\n\nBe kind.", "a\n\nBe kind.\n\nb", "\n\nBe kind.\n\n", "Be kind.\n\n", "- x\n- a"])
values = st.one_of(traps, st.lists(bits, max_size=4).map("".join))
often = st.sampled_from([Varies.REQUEST, Varies.USER, Varies.DAY, Varies.NEVER])


@st.composite
def parts(draw: st.DrawFn) -> Segment:
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return hole(draw(st.sampled_from("xyz")), draw(often))
    if kind == 1:
        return replace(text(draw(st.lists(bits, min_size=1, max_size=3).map("".join))), is_solid=True)
    return text(draw(st.lists(bits, min_size=1, max_size=4).map("".join)))


@st.composite
def texts(draw: st.DrawFn) -> list[Segment]:
    """Give a text of parts, or one of blocks with what varies in front, which is what a layout is for."""
    if draw(st.booleans()):
        return draw(st.lists(parts(), min_size=1, max_size=6))
    first = draw(st.sampled_from([[hole("x")], [text("User: "), hole("x")], [hole("x"), hole("y")]]))
    blocks = draw(st.lists(st.sampled_from([[text("Be kind.")], [text("- x\n- a")], [hole("z")]]), max_size=3))
    rest = [segment for block in ([text("Be kind.")], *blocks) for segment in (text("\n\n"), *block)]
    return [*first, *rest]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Give a template, what each of its messages says with some values, and the values."""
    roles = st.sampled_from(["system", "user", "user", SPLICE, "assistant"])
    messages: list[Message] = []
    runs: Runs = []
    given: dict[tuple[int, int], str] = {}
    for index, role in enumerate(draw(st.lists(roles, min_size=1, max_size=4))):
        if role == SPLICE:
            messages.append(message(SPLICE, hole("history")))
            runs.append(sent(*draw(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), values), max_size=2))))
            continue
        made = message(role, *draw(texts()))
        said = ""
        for number, segment in enumerate(made.segments):
            if segment.text is None:
                given[index, number] = draw(values)
            said += given.get((index, number), segment.text or "")
        messages.append(made)
        runs.append(sent((role, said)))
    return Template((), tuple(messages)), runs, given


def filled(made: Message, index: int, given: dict[tuple[int, int], str]) -> Message:
    """Fill a message's holes, by a way that ``bind`` does not share: each value is a part of its own."""
    segments = (
        replace(segment, text=given[index, number], is_solid=True) if segment.text is None else segment
        for number, segment in enumerate(made.segments)
    )
    return replace(made, segments=tuple(segments))


@given(cases())
@settings(deadline=None, max_examples=600)
def test_what_is_bound_is_what_the_changed_code_says(
    case: Case,
) -> None:
    template, runs, given = case
    recorded = [one for run in runs for one in run]
    found_layout = propose(template)
    layout = unmoved(template) if isinstance(found_layout, Stays) else found_layout
    found = bind(recorded, template, layout)
    if isinstance(found, NotBound):
        event("refused")
        assert "two ways" in found.reason
        return
    shifts: dict[int, Shift] = {shift.message: shift for shift in layout.shifts}
    expected = []
    for index in layout.order:
        made = template.messages[index]
        if made.is_splice:
            expected += runs[index]
            continue
        made = filled(made, index, given)
        made = shifted(made, shifts[index]) if index in shifts else made
        expected.append({"role": made.role, "content": "".join(s.text or "" for s in made.segments)})
    event(f"moves: {bool(layout.shifts or layout.moves_messages)}")
    assert list(found.messages) == expected
    if not any(m.is_splice for m in template.messages):
        assert all(given[value.message, value.segment] == value.text for value in found.values)
    letters = Counter("".join(str(m["content"]) for m in recorded))
    assert Counter("".join(str(m["content"]) for m in found.messages)) == letters


@given(cases())
@settings(deadline=None, max_examples=200)
def test_without_a_new_order_nothing_changes(
    case: Case,
) -> None:
    template, runs, _ = case
    recorded = [one for run in runs for one in run]
    found = bind(recorded, template, unmoved(template))
    assert isinstance(found, Bound)
    assert list(found.messages) == recorded


@given(cases(), st.data())
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_changed_letter_of_static_text_is_not_bound(case: Case, data: st.DataObject) -> None:
    template, runs, _ = case
    recorded = [one for run in runs for one in run]
    static = [m for m in template.messages if not m.is_splice and all(s.text for s in m.segments)]
    assume(static and not any(m.is_splice for m in template.messages))
    index = template.messages.index(data.draw(st.sampled_from(static)))
    recorded[index] = {**recorded[index], "content": f"{recorded[index]['content']}§"}
    assert isinstance(bind(recorded, template, unmoved(template)), NotBound)
