"""Answer one question: is a call's key what it should be, and is nothing else let through?"""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import pytest

from migrator import plan, sources
from migrator.edits import apply
from migrator.model import Edit, Source, Span
from migrator.plan import make_text
from migrator.settings import Settings
from migrator.verify import prove

TODAY = date(2026, 11, 22)
BEGINNING = """\
from openai import OpenAI
from uuid import UUID

client = OpenAI()
HANDBOOK = "Answer every customer in a friendly and precise way, and never promise a refund. " * 80


"""
CALL = "client.responses.create(model='gpt-4o', instructions=HANDBOOK, input=mail)"


def made(text: str, buckets: int, cwd: Path) -> tuple[str, str]:
    """Plan a text with buckets; give its last line afterwards and what is told of its one prompt."""
    settings = Settings(transforms=("model", "cache_key"), buckets=buckets)
    planned = make_text((BEGINNING + text).encode(), "app.py", settings, cwd=cwd, today=TODAY)
    (prompt,) = planned.prompts
    (patch,) = planned.patches
    return patch.after.decode().splitlines()[-1].partition("extra_body=")[2], prompt.detail


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ("mail, user_id: str", "user_id.encode()"),
        ("mail, user_id", "str(user_id).encode()"),
        ("mail, number: int, customer_id: int", "str(customer_id).encode()"),
        ("mail, session: UUID", "str(session).encode()"),
        ("mail, *, conversationId", "str(conversationId).encode()"),
    ],
)
def test_a_key_is_one_of_several_by_a_value_of_the_user(parameters: str, value: str, tmp_path: Path) -> None:
    written, told = made(f"def ask({parameters}):\n    return {CALL}\n", 8, tmp_path)
    assert written == f"{{'prompt_cache_key': f'app.ask-{{sum({value}) % 8}}'}})"
    assert told.startswith("8 keys, by ")


@pytest.mark.parametrize(
    "text",
    [
        f"def ask(mail):\n    return {CALL}\n",
        f"def ask(mail, user):\n    return {CALL}\n",
        f"def ask(mail, user_id: list):\n    return {CALL}\n",
        f"def ask(mail, user_id: str | None):\n    return {CALL}\n",
        f"def ask(mail, question_id):\n    return {CALL}\n",
        f"def ask(mail, user_id):\n    user_id = object()\n    return {CALL}\n",
        f"def ask(mail, user_id, sum):\n    return {CALL}\n",
        f"def ask(mail, user_id):\n    return [{CALL} for user_id in mail]\n",
    ],
)
def test_a_key_stays_plain_without_such_a_value(text: str, tmp_path: Path) -> None:
    written, told = made(text, 8, tmp_path)
    assert written.startswith("{'prompt_cache_key': 'app.ask'})")
    assert told == "one key: no parameter here tells users or conversations apart"


def test_one_bucket_is_a_plain_key(tmp_path: Path) -> None:
    text = f"def ask(mail, user_id):\n    return {CALL}\n"
    assert made(text, 1, tmp_path) == ("{'prompt_cache_key': 'app.ask'})", "")


def test_a_key_of_several_is_short_enough(tmp_path: Path) -> None:
    name = "very_" * 20
    written, _ = made(f"def {name}(mail, user_id: str):\n    return {CALL}\n", 99, tmp_path)
    expression = written.removeprefix("{'prompt_cache_key': ").removesuffix("})")
    value = eval(expression, {"user_id": "someone"})
    assert len(value) <= 64


def test_buckets_of_one_user_are_the_same_and_spread(tmp_path: Path) -> None:
    written, _ = made(f"def ask(mail, user_id: str):\n    return {CALL}\n", 8, tmp_path)
    expression = written.removeprefix("{'prompt_cache_key': ").removesuffix("})")
    keys = [eval(expression, {"user_id": f"user-{number}"}) for number in range(800)]
    assert keys == [eval(expression, {"user_id": f"user-{number}"}) for number in range(800)]
    assert {key: keys.count(key) > 50 for key in keys} == {f"app.ask-{number}": True for number in range(8)}


@pytest.mark.parametrize(
    ("client", "is_keyed"),
    [("OpenAI(base_url=address)", False), ("AzureOpenAI() if address else OpenAI()", False), ("OpenAI()", True)],
)
def test_review_of_a_name_adds_no_key_for_a_server_that_may_refuse_it(
    client: str, is_keyed: bool, tmp_path: Path
) -> None:
    text = BEGINNING.replace("OpenAI()", client).replace("import OpenAI", "import AzureOpenAI, OpenAI")
    text = text.replace("\nclient", "\naddress = input()\nclient") + f"def ask(mail):\n    return {CALL}\n"
    settings = Settings(transforms=("model", "cache_key"), review=True)
    planned = make_text(text.encode(), "app.py", settings, cwd=tmp_path, today=TODAY)
    (patch,) = planned.patches
    assert b"gpt-4.1-mini" in patch.after
    assert (b"prompt_cache_key" in patch.after) is is_keyed


def source(text: str) -> Source:
    found = sources.read(Path("case.py"), "case.py", text.encode())
    assert isinstance(found, Source)
    return found


def proven(added: str, text: str = "ask(model=1)\n") -> str | None:
    """Insert a text before the last parenthesis, and ask the proof."""
    before = source(text)
    at = len(text) - 2
    edit = Edit("case.py", Span(at, at), added, "cache_key")
    return prove(before, (edit,), apply(before, (edit,)))


@pytest.mark.parametrize(
    "added",
    [
        ', prompt_cache_key="app"',
        ', extra_body={"prompt_cache_key": "app"}',
        ', model_settings={"extra_body": {"prompt_cache_key": "app"}}',
        ', prompt_cache_key=f"app-{sum(user.encode()) % 8}"',
        ', extra_body={"prompt_cache_key": f"app-{sum(str(user).encode()) % 8}"}',
    ],
)
def test_a_key_is_proven(added: str) -> None:
    assert proven(added) is None


@pytest.mark.parametrize(
    "added",
    [
        ', prompt_cache_key=""',
        f', prompt_cache_key="{"a" * 65}"',
        ", prompt_cache_key=name",
        ', prompt_cache_key="a" + name',
        ', prompt_cache_retention="24h"',
        ', extra_body={"prompt_cache_key": "app", "user": "1"}',
        ', extra_body={"user": "1"}',
        ', prompt_cache_key="app", user="1"',
        ', prompt_cache_key=f"app-{user}"',
        ', prompt_cache_key=f"app-{hash(user) % 8}"',
        ', prompt_cache_key=f"app-{sum(user.encode()) % 1}"',
        ', prompt_cache_key=f"app-{sum(user.encode()) % size}"',
        ', prompt_cache_key=f"app-{sum(user.name.encode()) % 8}"',
        ', prompt_cache_key=f"app-{sum(find(user).encode()) % 8}"',
        ', prompt_cache_key=f"app-{sum(user.encode()) % 8}-{user}"',
        ', prompt_cache_key=f"app-{sum(user.encode()) % 8!r}"',
        f', prompt_cache_key=f"{"a" * 64}-{{sum(user.encode()) % 8}}"',
    ],
)
def test_anything_else_is_not(added: str) -> None:
    assert proven(added) is not None


@pytest.mark.parametrize(
    ("before", "after", "is_proven"),
    [
        ("{**", ', "prompt_cache_key": "app"}', True),
        ("{**", ', "extra_body": {"prompt_cache_key": "app"}}', True),
        ("{**", ', "user": "1"}', False),
        ("{**", ', "prompt_cache_key": "app", "user": "1"}', False),
        ("{**", ', "prompt_cache_key": "app", **more}', False),
        ("{**more, **", ', "prompt_cache_key": "app"}', False),
        ("{**", "}", False),
        ("{'prompt_cache_key': ", "}", False),
        ("dict(**", ', prompt_cache_key="app")', False),
    ],
)
def test_a_copy_with_a_key_is_proven_and_no_other(before: str, after: str, is_proven: bool) -> None:
    text = source("ask(body=held)\n")
    edits = (
        Edit("case.py", Span(9, 9), before, "cache_key"),
        Edit("case.py", Span(13, 13), after, "cache_key"),
    )
    assert (prove(text, edits, apply(text, edits)) is None) is is_proven


def test_every_refusal_of_a_key_has_a_title() -> None:
    from migrator.rulebook import load_caching

    text = (Path(plan.__file__).parent / "transforms" / "add_cache_key.py").read_text(encoding="utf-8")
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    named = {ast.literal_eval(c.args[0]) for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Refusal"}
    assert named <= load_caching().refusals.keys()
