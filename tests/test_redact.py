"""Answer one question: does a secret ever pass the recorder's redaction, and does plain text come through whole?"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from migrator.shadow.recorder.redact import Redactor

WORDS = some.text(alphabet=string.ascii_letters + string.punctuation + " \n\täß日", max_size=40)
LETTERS = string.ascii_letters + string.digits


def cards() -> some.SearchStrategy[str]:
    """Make card numbers with the right check digit, written in one of the usual ways."""
    return some.builds(card, some.sampled_from("3456"), some.text("0123456789", min_size=14, max_size=14), GAPS)


def card(first: str, rest: str, gap: str) -> str:
    """Add the check digit (the Luhn algorithm, as the standard has it: from the right, every second doubled)."""
    digits = first + rest
    doubled = [int(one) * 2 if place % 2 == 0 else int(one) for place, one in enumerate(reversed(digits))]
    total = sum(one // 10 + one % 10 for one in doubled)
    whole = digits + str(-total % 10)
    return gap.join(whole[at : at + 4] for at in range(0, 16, 4))


GAPS = some.sampled_from(["", " ", "-"])
EMAILS = some.builds(
    "{}@{}.{}".format,
    some.text(LETTERS + "._+-", min_size=1, max_size=20),
    some.text(LETTERS, min_size=1, max_size=12),
    some.sampled_from(["com", "co.uk", "de"]),
)
KEYS = some.one_of(
    some.text(LETTERS, min_size=24, max_size=60).map(lambda text: f"sk-proj-7{text}"),
    some.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16).map(lambda text: f"AKIA{text}"),
    some.text(LETTERS, min_size=36, max_size=36).map(lambda text: f"ghp_{text}"),
)
PHONES = some.text("0123456789", min_size=9, max_size=11).map(lambda digits: f"+4{digits}")
SECRETS = some.one_of(cards(), EMAILS, KEYS, PHONES)


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    return Redactor().mask(environment or {}).text(text)


@given(before=WORDS, secret=SECRETS, after=WORDS)
def test_no_secret_passes_between_words(before: str, secret: str, after: str) -> None:
    assert secret not in redacted(f"{before} {secret} {after}")


@given(before=WORDS, secret=SECRETS, after=WORDS)
def test_a_second_time_changes_nothing(before: str, secret: str, after: str) -> None:
    once = redacted(f"{before} {secret} {after}")
    assert redacted(once) == once


@given(secrets=some.lists(EMAILS, min_size=1, max_size=5))
def test_the_same_value_gets_the_same_placeholder(secrets: list[str]) -> None:
    mask = Redactor().mask({})
    given_first = [mask.text(f"to {secret} now") for secret in secrets]
    assert [mask.text(f"to {secret} now") for secret in secrets] == given_first
    assert len(set(given_first)) == len(set(secrets))


@given(
    value=some.recursive(
        some.one_of(SECRETS, some.integers(0, 99), some.booleans(), some.none()),
        lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(some.sampled_from("abc"), inner)),
        max_leaves=10,
    ),
    secret=SECRETS,
)
def test_no_secret_passes_in_json(value: object, secret: str) -> None:
    content = {"messages": [{"content": f"I am {secret}."}, value], secret: [secret]}
    assert secret not in json.dumps(Redactor().mask({}).value(content))


@given(text=some.text(alphabet=string.ascii_letters + " .,;\n", max_size=200))
def test_prose_comes_through_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "On 2026-11-22 at 10:15:00 order 1234567890 cost 1,234.56 EUR.",
        "Versions 3.54.0 and 1.98.0; 10.0.0.1:8080; 01-02-2024; 12/31/2025",
        "d41d8cd98f00b204e9800998ecf8427e",
        "123e4567-e89b-12d3-a456-426614174000",
        "use @decorator and x @ y; call(me)",
        "max_tokens: 500, token count, secret sauce",
        "a basic understanding, the bearer understands",
        "scikit sk-learn-based-classification-models",
        "<email-1> and <card-2>",
    ],
)
def test_what_only_looks_like_a_number_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order 12 4111 1111 1111 1111, 2 items", "order 12 <card-1>, 2 items"),
        ("a@b.co, A@b.co, a@b.co", "<email-1>, <email-2>, <email-1>"),
        ("call (030) 123-4567 or 030 1234567", "call <phone-1> or <phone-2>"),
        ("Authorization: Bearer abcdefghijklmnop1", "Authorization: Bearer <token-1>"),
        ("postgres://ada:s3cret@db/x", "postgres://<login-1>@db/x"),
        ('{"password": "pa55word x"}', '{"password": "<secret-1> x"}'),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "<key-1>."),
        ("user: x password=ab:cd=ef9!", "user: x password=<secret-1>"),
        ("(call (030) 123-4567)", "(call <phone-1>)"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", "<token-1>"),
    ],
)
def test_shapes(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_a_variable_of_the_environment_is_known_exactly() -> None:
    environment = {"DB_PASSWORD": "correct horse", "HOME": "/home/ada", "A_KEY": "short"}
    assert redacted("correct horse in /home/ada, short", environment) == "<secret-1> in /home/ada, short"


def test_a_member_is_known_by_its_name() -> None:
    mask = Redactor().mask({})
    content = {
        "password": "x",
        "max_tokens": 5,
        "logprobs": [{"token": "Hi"}],
        "api_key": "",
        "number": 4111111111111111,
    }
    assert mask.value(content) == {**content, "password": "<secret-1>", "number": "<card-1>"}
    assert mask.counts == {"secret": 1, "card": 1}


def test_long_texts_take_no_time_to_speak_of() -> None:
    for text in ("a" * 300_000, "1 " * 150_000, "1" * 300_000, "a." * 150_000, "(1" * 100_000, "eyJ" * 100_000):
        assert redacted(text) == text
