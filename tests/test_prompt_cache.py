"""Answer one question: does ``migrator cache`` say what is so of the prompts in real files?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from terminals import on_a_terminal

from migrator import lines, plan, prices, prompt_costs, prompt_data, receipt, report, rulebook, survey, survey_report
from migrator.cli import run
from migrator.deliver import github
from migrator.deliver import json as document
from migrator.lines import Line
from migrator.model import CallSite, Position, Prompt, PromptPart, Span, Survey
from migrator.picture import kinds, legend, picture
from migrator.prompt_words import Tables, section
from migrator.settings import Settings

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 22)
BOOK = rulebook.load("gpt-4.1-mini")
MIGRATION = BOOK.migrations["gpt-4.1-mini"]
CACHING = rulebook.load_caching()
TABLES = Tables(BOOK, MIGRATION, CACHING)
SCHEMAS = {
    name: json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("report", "cache")
}
HEAD = """\
import glob, json, os, random, socket, time, uuid
from datetime import date, datetime
from pathlib import Path
from openai import AzureOpenAI, OpenAI

client = OpenAI()
HANDBOOK = "Answer every customer in a friendly and precise way, and never promise a refund. " * 80
"""
GOOD = 'def good(mail):\n    return client.responses.create(model="gpt-4o", instructions=HANDBOOK, input=mail)\n'
LATE = (
    "def late(mail):\n"
    '    return client.responses.create(model="gpt-4o-mini", instructions=f"{mail} {HANDBOOK}", input="Go.")\n'
)
SHORT = 'def short(mail):\n    return client.responses.create(model="gpt-4o", instructions="Be brief.", input=mail)\n'
HIDDEN = "def hidden(**options):\n    return client.responses.create(**options)\n"


def look(folder: Path, *functions: str, name: str = "app.py") -> Survey:
    """Write the functions into a file of a repository and look at its prompts."""
    (folder / ".git").mkdir(exist_ok=True)
    (folder / name).write_text("\n\n".join((HEAD, *functions)), encoding="utf-8")
    return survey.survey([folder], Settings(), cwd=folder, today=TODAY)


def asked(folder: Path, instructions: str, before: str = "") -> Prompt:
    """Look at one call with these instructions."""
    call = f'client.responses.create(model="gpt-4o", instructions={instructions}, input=mail)'
    (found,) = look(folder, f"def ask(mail, path, names):\n    {before or 'pass'}\n    return {call}\n").prompts
    return found


def printed(rows: object) -> str:
    """Put lines together as a pipe would."""
    return "".join("".join(text for text, _ in line) + "\n" for line in rows)  # type: ignore[attr-defined]


def test_a_prompt_that_pays_would_get_a_key(tmp_path: Path) -> None:
    (one,) = look(tmp_path, GOOD).prompts
    assert (one.verdict, one.least, one.most, one.cached, one.key) == ("pays", 1285, 1285, 1280, "app.good")
    assert (one.before, one.models) == (("gpt-4o",), ("gpt-4.1-mini",))
    assert one.breaker is not None
    assert (one.breaker.code, one.breaker.why, one.breaker.line) == ("mail", "parameter mail", 11)
    assert not one.gains


def test_a_prompt_in_the_wrong_order_would_pay_in_another(tmp_path: Path) -> None:
    (one,) = look(tmp_path, LATE).prompts
    assert (one.verdict, one.least, one.cached, one.best_cached) == ("short", 0, 0, 1280)
    assert (one.key, one.reason, one.detail) == ("", "short_prefix", "0 tokens, 1,024 missing")
    assert one.gains


def test_a_model_that_stays_is_looked_at_too(tmp_path: Path) -> None:
    (one,) = look(tmp_path, GOOD.replace("gpt-4o", "gpt-4.1-mini")).prompts
    assert (one.before, one.models, one.key) == (("gpt-4.1-mini",), ("gpt-4.1-mini",), "app.good")


@pytest.mark.parametrize(
    ("client", "detail"),
    [
        ('OpenAI(base_url="http://localhost:8000/v1")', "http://localhost:8000/v1"),
        ('OpenAI(base_url=os.environ["SERVER"])', 'os.environ["SERVER"]'),
    ],
)
def test_another_server_gets_no_key_and_no_price(client: str, detail: str, tmp_path: Path) -> None:
    found = look(tmp_path, f"client = {client}\n", GOOD)
    (one,) = found.prompts
    assert (one.key, one.reason, one.detail) == ("", "other_server", detail)
    text = printed(survey_report.rows(found, TABLES, show_all=True, width=lines.WIDTH))
    assert "  price" not in text
    assert "may talk, to another server" in text


LITELLM = """
import litellm


def ask(mail):
    messages = [{"role": "system", "content": HANDBOOK}, {"role": "user", "content": mail}]
    return litellm.completion(model="gpt-4o", messages=messages)
"""


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("gpt-4o", ""),
        ("openai/gpt-4o", ""),
        ("ft:gpt-4o-mini:ours::1", ""),
        ("o3", ""),
        ("azure/ours", "azure"),
        ("azure/us/gpt-4o", "azure"),
        ("azure/deepseek-v3", "other_server"),
        ("anthropic/claude-3", "other_server"),
        ("openrouter/openai/gpt-4o", "other_server"),
        ("claude-3", "other_server"),
    ],
)
def test_a_name_says_whose_model_it_is_where_any_may_arrive(model: str, reason: str, tmp_path: Path) -> None:
    (one,) = look(tmp_path, LITELLM.replace("gpt-4o", model)).prompts
    assert (one.reason, one.is_azure, bool(one.key)) == (reason, "azure" in model and reason == "azure", not reason)


def test_a_call_on_azure_shows_its_key_where_it_is_asked_for(tmp_path: Path) -> None:
    silent = look(tmp_path, "client = AzureOpenAI()\n", GOOD)
    loud = survey.survey([tmp_path], Settings(azure_keys=True), cwd=tmp_path, today=TODAY)
    assert [(one.key, one.reason, one.models) for one in silent.prompts] == [("", "azure", ())]
    assert [(one.key, one.reason, one.models) for one in loud.prompts] == [("app.good", "", ())]
    text = printed(survey_report.rows(loud, TABLES, show_all=False, width=lines.WIDTH))
    assert '  key      prompt_cache_key="app.good"' in text
    assert "  price" not in text


def test_its_own_server_by_its_address_is_no_other(tmp_path: Path) -> None:
    (one,) = look(tmp_path, 'client = OpenAI(base_url="https://api.openai.com/v1")\n', GOOD).prompts
    assert one.key == "app.good"


def test_a_model_that_does_not_cache_is_told_about(tmp_path: Path) -> None:
    found = look(tmp_path, GOOD.replace("gpt-4o", "gpt-4o-2024-05-13"))
    text = printed(survey_report.rows(found, TABLES, show_all=False, width=lines.WIDTH))
    assert "  note     gpt-4o-2024-05-13 itself has no cached price: it caches nothing\n" in text
    assert re.search(r"  gpt-4o-2024-05-13 +\$6\.45 +\$6\.45 +\$6\.45\n", text)


def test_a_key_that_is_there_is_shown(tmp_path: Path) -> None:
    (one,) = look(tmp_path, GOOD.replace("input=mail", 'input=mail, prompt_cache_key="mine"')).prompts
    assert (one.reason, one.detail) == ("has_cache_key", "'mine'")


def test_a_comment_leaves_a_call_alone(tmp_path: Path) -> None:
    assert look(tmp_path, GOOD.rstrip("\n") + "  # migrator: ignore\n").prompts == ()


@pytest.mark.parametrize(
    ("instructions", "warnings", "verdict"),
    [
        ('f"{datetime.now()} {HANDBOOK}"', ["time"], "short"),
        ('f"{time.time()} {HANDBOOK}"', ["time"], "short"),
        ('f"{uuid.uuid4().hex} {HANDBOOK}"', ["random"], "short"),
        ('f"{random.random()} {HANDBOOK}"', ["random"], "short"),
        ('f"{date.today()} {HANDBOOK}"', ["date"], "pays"),
        ('f"{socket.gethostname()} {HANDBOOK}"', ["host"], "pays"),
        ('", ".join({"a", "b"}) + HANDBOOK', ["set_order"], "pays"),
        ('", ".join(sorted({"a", "b"})) + HANDBOOK', [], "pays"),
        ('json.dumps({n: 1 for n in {"a", "b"}}) + HANDBOOK', ["set_order"], "pays"),
        ('json.dumps({n: 1 for n in {"a", "b"}}, sort_keys=True) + HANDBOOK', [], "pays"),
        ('json.dumps({n: list({"x", "y"}) for n in {"a"}}, sort_keys=True) + HANDBOOK', ["set_order"], "pays"),
        ('"".join(os.listdir("docs")) + HANDBOOK', ["file_order"], "pays"),
        ('"".join(sorted(glob.glob("*.md"))) + HANDBOOK', [], "pays"),
        # It ends the beginning, and nothing stands behind it that could be shared.
        ('f"{HANDBOOK} {datetime.now()}"', [], "pays"),
        # Nothing can be cached, so nothing is lost.
        ('f"{datetime.now()} Be brief."', [], "short"),
    ],
)
def test_a_breaker_is_warned_of(instructions: str, warnings: list[str], verdict: str, tmp_path: Path) -> None:
    one = asked(tmp_path, instructions)
    assert ([warning.name for warning in one.warnings], one.verdict) == (warnings, verdict)


@pytest.mark.parametrize(
    ("image", "warnings"),
    [
        ('{"type": "image_url", "image_url": {"url": PLAN, "detail": "high"}}', []),
        ('{"type": "image_url", "image_url": {"url": PLAN, "detail": detail}}', ["image_detail"]),
        ('{"type": "image_url", "image_url": {"url": url, "detail": "low"}}', ["image_url"]),
        ('{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{url}"}}', ["image_url"]),
        ('{"type": "input_image", "image_url": url}', ["image_url"]),
        ('{"type": "input_image", "image_url": PLAN, "detail": detail}', ["image_detail"]),
        # What else stands beside the address is not seen here, so nothing is said of it.
        ('{"type": "image_url", "image_url": {"url": PLAN, **url}}', []),
    ],
)
def test_an_image_that_varies_is_warned_of(image: str, warnings: list[str], tmp_path: Path) -> None:
    said = f'{{"role": "user", "content": [{image}, {{"type": "text", "text": HANDBOOK}}]}}'
    call = f'client.chat.completions.create(model="gpt-4o", messages=[{said}, {{"role": "user", "content": mail}}])'
    (one,) = look(tmp_path, 'PLAN = "https://x.org/a.png"', f"def ask(mail, url, detail):\n    return {call}\n").prompts
    assert [warning.name for warning in one.warnings] == warnings


def test_images_behind_the_text_cost_nothing(tmp_path: Path) -> None:
    said = '[{"type": "text", "text": HANDBOOK}, {"type": "image_url", "image_url": {"url": url}}]'
    call = f'client.chat.completions.create(model="gpt-4o", messages=[{{"role": "user", "content": {said}}}])'
    (one,) = look(tmp_path, f"def ask(url):\n    return {call}\n").prompts
    assert (one.verdict, one.least, one.warnings) == ("pays", 1285, ())


ASK = """\
def ask(system, mail):
    return client.responses.create(model="gpt-4o", instructions=system, input=mail)


def support(mail):
    return ask(HANDBOOK, mail)
"""


def test_a_prompt_is_read_where_its_callers_write_it(tmp_path: Path) -> None:
    (one,) = look(tmp_path, ASK).prompts
    assert (one.verdict, one.least, one.most, one.callers, one.key) == ("pays", 1285, 1285, 1, "app.ask")
    assert one.breaker is not None
    assert (one.breaker.code, one.breaker.why, one.breaker.line) == ("mail", "parameter mail", 15)


def test_of_several_callers_the_one_that_shares_least_is_told(tmp_path: Path) -> None:
    found = look(tmp_path, ASK, 'def more(mail):\n    return ask(HANDBOOK + "Be brief and kind to all.", mail)\n')
    (one,) = found.prompts
    assert (one.least, one.callers, one.key) == (1285, 2, "app.ask")
    text = printed(survey_report.rows(found, TABLES, show_all=False, width=lines.WIDTH))
    assert "  brought  by 2 calls of the function around it; this one shares least\n" in text


MANY = "".join(f"def n{i}(mail):\n    return ask(HANDBOOK, mail)\n\n\n" for i in range(30))
# Each function gives the other what it was given, in ten places.
MUTUAL = "".join(
    f"def f{i}(system, mail):\n"
    + "    ".join(("", *(f"f{j}(f{j}(system + mail, mail), mail)\n" for j in range(5) if j != i)))
    + "    return ask(system, mail)\n\n\n"
    for i in range(5)
)


@pytest.mark.parametrize("others", [MANY, MUTUAL])
def test_too_many_callers_are_none(others: str, tmp_path: Path) -> None:
    (one,) = look(tmp_path, ASK, others).prompts
    assert (one.verdict, one.least, one.reason) == ("short", 0, "short_prefix")


def test_the_order_of_a_prompt_of_several_callers_stays(tmp_path: Path) -> None:
    tell = (
        "def tell(system, mail):\n"
        '    said = [{"role": "user", "content": mail}, {"role": "system", "content": system}]\n'
        '    return client.chat.completions.create(model="gpt-4o", messages=said)\n'
    )
    uses = [f'def use{i}(mail):\n    return tell(HANDBOOK + "{i}", mail)\n' for i in range(2)]
    (several,) = look(tmp_path, tell, *uses).prompts
    (single,) = look(tmp_path, tell, uses[0]).prompts
    assert (several.order, single.order) == ("callers", "review")


@pytest.mark.parametrize(
    "turns",
    [
        "for one in ['Refund me.', 'Where is it?']:\n    ask(one, 'Go.')\n",
        "[ask(one, 'Go.') for one in ['Refund me.', 'Where is it?']]\n",
        "def all_of_them():\n    return {one: ask(one, 'Go.') for one in ['Refund me.', 'Where is it?']}\n",
    ],
)
def test_a_loop_around_the_call_sends_another_prompt_in_each_turn(turns: str, tmp_path: Path) -> None:
    (found,) = look(tmp_path, ASK.split("def support")[0], turns).prompts
    assert (found.verdict, found.callers, found.key) == ("short", 1, "")


def test_a_number_in_a_text_is_text(tmp_path: Path) -> None:
    one = asked(tmp_path, 'f"At most {5} lines. {HANDBOOK}"')
    assert (one.verdict, one.least, one.most) == ("pays", 1291, 1291)


def test_a_file_that_the_request_names_is_the_requests(tmp_path: Path) -> None:
    assert asked(tmp_path, 'Path("rules.txt").read_text()').verdict == "may"
    assert asked(tmp_path, "Path(path).read_text()").verdict == "short"
    assert asked(tmp_path, "open(path).read() + HANDBOOK").verdict == "short"


def test_a_field_that_is_only_declared_is_what_each_object_is_given(tmp_path: Path) -> None:
    """``Field()`` runs once, while the module is imported; what it stands for does not."""
    declared = "from pydantic import BaseModel, Field\nclass Page(BaseModel):\n    text: str = Field()\n"
    use = "Page(text=open(path).read())"
    call = 'return client.responses.create(model="gpt-4o", instructions=page.text, input="Go.")'
    (one,) = look(tmp_path, declared, f"def ask(path):\n    page = {use}\n    {call}\n").prompts
    assert (one.verdict, one.reason) == ("short", "short_prefix")


def test_every_breaker_is_of_a_row_that_exists() -> None:
    assert set(CACHING.breakers) == {
        *("time", "date", "random", "host", "set_order", "file_order"),
        *("image_url", "image_detail"),
    }
    for row in CACHING.breakers.values():
        assert row.why
        assert row.advice.endswith(".")


@pytest.mark.parametrize(("tokens", "hit"), [(0, 0), (1023, 0), (1024, 1024), (1151, 1024), (1152, 1152), (1300, 1280)])
def test_a_hit_grows_in_steps(tokens: int, hit: int) -> None:
    assert CACHING.hit(tokens) == hit


@pytest.mark.parametrize(
    ("model", "rate", "dollars"),
    [
        # 1,289 tokens x 1,000 calls = 1.289 million; 1,280 of each 1,289 are read from the cache.
        ("gpt-4o", 0, "3.2225"),
        ("gpt-4o", 50, "2.4225"),
        ("gpt-4o", 90, "1.7825"),
        ("gpt-4.1-mini", 0, "0.5156"),
        ("gpt-4.1-mini", 50, "0.3236"),
        ("gpt-4.1-mini", 90, "0.17"),
        ("gpt-4o-mini", 0, "0.19335"),
        ("gpt-4o-mini", 90, "0.10695"),
        ("gpt-4o-2024-05-13", 0, "6.445"),
    ],
)
def test_the_price_of_input(model: str, rate: int, dollars: str) -> None:
    assert prices.input_cost(BOOK.models[model], 1289, 1280, rate) == Decimal(dollars)


def test_a_model_that_does_not_cache_costs_the_same_at_every_rate() -> None:
    old = BOOK.models["gpt-4o-2024-05-13"]
    assert {prices.input_cost(old, 1289, 1280, rate) for rate in (0, 50, 90)} == {Decimal("6.445")}
    assert prices.input_cost(replace(old, input_price=None), 1289) is None


def test_caching_alone_never_pays_for_the_move_from_the_small_model() -> None:
    """No rate of hits, at which both models hit alike, makes the new model cheaper."""
    mini, new = BOOK.models["gpt-4o-mini"], BOOK.models["gpt-4.1-mini"]
    change = prices.change("gpt-4o-mini", "gpt-4.1-mini", migration=MIGRATION, book=BOOK)
    other = prices.change("gpt-4o", "gpt-4.1-mini", migration=MIGRATION, book=BOOK)
    assert change is not None
    assert other is not None
    assert (prices.never_pays(change), prices.never_pays(other)) == (True, False)
    for rate in range(101):
        before, after = (prices.input_cost(model, 1024, 1024, rate) for model in (mini, new))
        assert before is not None
        assert after is not None
        assert after > before
    share = prices.break_even(mini, new)
    assert share == Decimal("0.25") / Decimal("0.30")
    assert prices.break_even(BOOK.models["gpt-4o"], new) is None


@pytest.mark.parametrize(
    ("before", "after", "said"), [("1", "0.16", "−84 %"), ("3", "8", "+167 %"), ("2", "2", "±0 %")]
)
def test_a_difference_has_its_sign(before: str, after: str, said: str) -> None:
    assert prices.percent(Decimal(before), Decimal(after)) == said


def test_the_costs_of_a_prompt_in_both_orders(tmp_path: Path) -> None:
    good, late = look(tmp_path, GOOD, LATE).prompts
    rows = prompt_costs.costs(good, MIGRATION, BOOK, CACHING)
    assert [(row.model, row.old, [*row.dollars]) for row in rows] == [
        ("gpt-4o", "", [0, 50, 90]),
        ("gpt-4.1-mini", "gpt-4o", [0, 50, 90]),
    ]
    assert prompt_costs.cached(late) == late.best_cached == 1280


def part(role: str, varies: str, least: int, most: int | None) -> PromptPart:
    return PromptPart(role, varies, least, most, "code", "", "app.py", 1)


def drawn(*parts: PromptPart, least: int) -> list[str]:
    site = CallSite("c0ffee", "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))
    prompt = Prompt(site, (), "short", least, least, least, least, parts)
    return printed(picture(prompt, 1024, 60)).splitlines()


@pytest.mark.parametrize(
    ("parts", "least", "lines"),
    [
        (
            (part("system", "never", 1281, 1281), part("user", "request", 0, None)),
            1285,
            [" " * 36 + "1,024 ▾", "█" * 53 + "░" * 6, "system" + " " * 47 + "user"],
        ),
        (
            (part("system", "never", 100, 100), part("user", "request", 0, None)),
            104,
            [" " * 53 + "1,024 ▾", "█" * 5 + "░" * 6 + "·" * 48, "system"],
        ),
        (
            (part("system", "deployment", 0, None), part("system", "user", 0, None), part("user", "never", 2048, 2048)),
            4,
            [" " * 29 + "1,024 ▾", "▒" * 6 + "░" * 6 + "▓" * 47, "system      user"],
        ),
        (
            (part("tools", "never", 9000, 9000), part("*", "request", 0, None)),
            9000,
            ["1,024 ▾", "█" * 53 + "░" * 6, "tools" + " " * 47 + "messages"],
        ),
    ],
)
def test_a_picture(parts: tuple[PromptPart, ...], least: int, lines: list[str]) -> None:
    assert drawn(*parts, least=least) == lines


@pytest.mark.parametrize("varying", range(1, 90, 8))
@pytest.mark.parametrize("tokens", [0, 1, 5_000])
@pytest.mark.parametrize("width", [40, 78, 200])
def test_a_picture_fits_whatever_the_prompt_is(varying: int, tokens: int, width: int) -> None:
    parts = [part("system", "never", tokens, tokens), part("user", "request", 0, None)] * varying
    site = CallSite("c0ffee", "openai.chat", "app.py", Span(0, 1), Position(None, 1, 1))
    prompt = Prompt(site, (), "short", tokens, tokens, tokens, tokens, tuple(parts))
    mark, bar, roles = printed(picture(prompt, 1024, width)).splitlines()
    assert max(len(mark), len(bar), len(roles)) <= width
    assert mark.count("▾") == 1


def test_a_prompt_that_is_not_seen_has_no_picture(tmp_path: Path) -> None:
    (one,) = look(tmp_path, HIDDEN).prompts
    assert (one.verdict, list(picture(one, 1024, 60)), kinds(one)) == ("hidden", [], frozenset())
    assert list(legend((), 1024)) == []


TEXT = """\
app.py:11  openai.responses  gpt-4o
                                                    1,024 ▾
  ███████████████████████████████████████████████████████████████████████░░░░░░
  system                                                                messages
  shared   1,285 tokens; a hit reads 1,280 of them
  ends at  app.py:11  mail  (parameter mail)
  key      prompt_cache_key="app.good"
  price    1,289 tokens of input, 1,000 calls
           calls that hit      0 %     50 %     90 %
           gpt-4o            $3.22    $2.42    $1.78
           gpt-4.1-mini      $0.52    $0.32    $0.17
                             −84 %    −87 %    −90 %  cheaper

app.py:15  openai.responses  gpt-4o-mini
                                                         1,024 ▾
  ░░░░░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
  system                                                                    user
  shared   0 tokens, 1,024 missing to 1,024
  ends at  app.py:15  mail  (parameter mail)
  better   1,285 tokens are always the same: with them first, a hit reads 1,280
  order    migrator apply --review puts them first
  key      none: what all its requests share is too short to be cached
  price    1,292 tokens of input, 1,000 calls in that order
           calls that hit      0 %     50 %     90 %
           gpt-4o-mini       $0.19    $0.15    $0.11
           gpt-4.1-mini      $0.52    $0.32    $0.17
                            +167 %   +123 %    +59 %  dearer

"""
ENDING = "gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced\n  replacement is gpt-6-luna.\n"
SUMMARY = """\
  █ shared by all requests
  ▓ the same in all, but behind what varies
  ░ varies
  ▾ 1,024 tokens: a shorter beginning is not cached

4 calls in 1 file send a prompt (1 file read)
    1  shares enough from its beginning: it is cached
    1  would be cached with the static text first
    1  too short to be cached: the longest lacks 1,017 of 1,024 tokens
    1  does not show its prompt in the code
  --all shows those that are only counted here.

Caching alone never pays for the move from gpt-4o-mini, which caches too: a
  million tokens of input cost $0.40 instead of $0.15 (×2.67), cached $0.10
  instead of $0.075 (×1.33). Only against gpt-4o-mini without any hit is
  gpt-4.1-mini cheaper, where 84 % of the tokens hit or more.

gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced
  replacement is gpt-6-luna.
"""

Output = tuple[int, str, str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with four calls in it, and go there."""
    look(tmp_path, GOOD, LATE, SHORT, HIDDEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> Output:
    """Run a command in this process."""
    code = run(arguments)
    out, err = capfd.readouterr()
    return code, out, err


def test_the_command_shows_the_important_prompts_first(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cache") == (0, TEXT + SUMMARY, "")
    assert call(capfd, "cache", "--quiet") == (0, TEXT, "")


def test_all_shows_short_and_unseen_prompts_too(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "cache", "--all")
    assert code == 0
    assert re.findall(r"^app\.py:(\d+)", out, re.MULTILINE) == ["11", "15", "19", "23"]
    assert "app.py:23  openai.responses  model not known here\n  key      none: the code does not show" in out
    assert "--all" not in out


def test_no_line_is_wider_than_the_terminal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert max(map(len, call(capfd, "cache", "--all")[1].splitlines())) <= 80


def test_a_folder_without_calls_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain.py").write_text("x = create(1)\n", encoding="utf-8")
    assert call(capfd, "cache", str(tmp_path)) == (0, "No call that sends a prompt was found (1 file read).\n", "")


def test_an_excluded_file_is_not_looked_at(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "No call that sends a prompt was found (0 files read)." in call(capfd, "cache", "--exclude", "app.py")[1]


def test_a_configuration_file_counts(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "other.toml").write_text('exclude = ["app.py"]\n', encoding="utf-8")
    assert "(0 files read)" in call(capfd, "cache", "--config", "other.toml")[1]


def test_what_goes_wrong_is_exit_code_2(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cache", "nowhere.py")[0] == 2
    code, out, err = call(capfd, "cache", "-")
    assert (code, out, err) == (2, "", "migrator: cache reads files and folders, not standard input\n")
    (folder / "broken.py").write_text("def f(:\n    create(messages=1)\n", encoding="utf-8")
    code, out, _ = call(capfd, "cache", ".", "nowhere.py")
    assert code == 2
    assert "Failed:\n  nowhere.py: no such file or directory\nLeft alone:\n  broken.py: line 1" in out
    assert TEXT in out


def test_the_document_follows_its_schema(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "cache", "--format", "json")
    data = json.loads(out)
    jsonschema.validate(data, SCHEMAS["cache"])
    assert (code, [prompt["verdict"] for prompt in data["prompts"]]) == (0, ["pays", "short", "short", "hidden"])
    assert data["prompts"][0]["input"]["costs"][1] == {
        "model": "gpt-4.1-mini",
        "instead_of": "gpt-4o",
        "dollars": {"0": "0.5156", "50": "0.3236", "90": "0.17"},
    }
    assert call(capfd, "cache", "--format", "json")[1] == out
    empty = document.survey(Survey("gpt-4.1-mini", (), ()), BOOK)
    jsonschema.validate(json.loads(empty), SCHEMAS["cache"])


def test_both_schemas_describe_a_prompt_alike() -> None:
    shared: Mapping[str, object] = SCHEMAS["cache"]["$defs"]
    assert {name: SCHEMAS["report"]["$defs"][name] for name in shared} == shared
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_scan_says_which_calls_get_a_key(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = call(capfd, "scan", "--no-cache")[1]
    assert (
        """
Prompt caching of the 3 calls that the new name arrives at
    1  gets a prompt_cache_key
    2  no key: what all its requests share is too short to be cached; the
       longest lacks at least 1,011 of 1,024 tokens; 1 would be cached with the
       static text first
  migrator cache shows each prompt.
"""
        in out
    )
    explained = call(capfd, "scan", "--no-cache", "--explain")[1]
    assert "        app.py:11  key app.good: 1,285 tokens, up to app.py:11 mail\n" in explained
    assert "        app.py:15  short_prefix: 0 tokens, up to app.py:15 mail\n" in explained
    assert "Prompt caching" not in call(capfd, "scan", "--no-cache", "--only", "model")[1]


def test_a_reason_is_counted_once(tmp_path: Path) -> None:
    found = look(tmp_path, HIDDEN, HIDDEN.replace("hidden", "other")).prompts
    text = printed(section(found, TABLES, explain=True, width=80))
    assert "    2  no key: the code does not show its prompt or its arguments\n" in text
    assert "        app.py:11  hidden_prompt\n" in text
    assert list(section((), TABLES, explain=True, width=80)) == []


def test_a_scan_as_json_holds_the_prompts(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = json.loads(call(capfd, "scan", "--no-cache", "--format", "json")[1])
    jsonschema.validate(data, SCHEMAS["report"])
    assert [(prompt["line"], prompt["key"], prompt["reason"]) for prompt in data["prompts"]] == [
        (11, "app.good", None),
        (15, None, "short_prefix"),
        (19, None, "short_prefix"),
    ]
    proven = {reach["site"] for site in data["sites"] for reach in site["proof"]}
    assert {prompt["site"] for prompt in data["prompts"]} == proven


def test_a_key_is_an_annotation_at_its_call(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = call(capfd, "scan", "--no-cache", "--format", "github")[1]
    wanted = 'migrator%3A cache key::prompt_cache_key="app.good": its requests begin alike (migrator cache)'
    assert f"::warning file=app.py,line=11,col=12,title={wanted}\n" in out


def test_keys_are_not_counted_as_names(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "apply", "--diff")[2] == "3 names and 1 cache key in 1 file would change.\n" + ENDING
    out = call(capfd, "apply")[1]
    assert "wrote  app.py  3 names and 1 cache key\n" in out
    assert "Changed 3 names and 1 cache key in 1 file.\n" in out


def test_a_new_order_is_counted_apart(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = call(capfd, "apply", "--diff", "--review")[2]
    assert said == "3 names, 2 cache keys and the order of prompts in 1 file would change.\n" + ENDING
    said = call(capfd, "apply", "--diff", "--review", "--skip", "model,cache_key")[2]
    assert said == "The order of prompts in 1 file would change.\n"


def test_an_object_of_a_library_is_found_by_its_own_name(tmp_path: Path) -> None:
    """A file that makes the object need not name an argument that carries a prompt."""
    (tmp_path / "chat.py").write_text(
        "from langchain_openai import ChatOpenAI\nllm = ChatOpenAI(model='gpt-4o')\nllm.invoke('Hello')\n"
    )
    (one,) = survey.survey([tmp_path], Settings(), cwd=tmp_path, today=TODAY).prompts
    assert one.site.surface == "langchain_openai.ChatOpenAI"


def test_a_comma_that_a_key_needs_is_not_counted(tmp_path: Path) -> None:
    call_of_lines = (
        "def ask(mail):\n    return client.responses.create(\n"
        '        model="gpt-4o",\n        instructions=HANDBOOK,\n        input=mail  # the customer\n    )\n'
    )
    look(tmp_path, call_of_lines)
    found = plan.make([tmp_path], Settings(), cwd=tmp_path, today=TODAY)
    assert [edit.transform for edit in found.patches[0].edits] == ["model", "cache_key", "cache_key"]
    line, ending = receipt.diff_summary(found, rulebook.load(), review=False, width=200)
    assert line == (("1 name and 1 cache key in 1 file would change.", ""),)
    said = "gpt-4.1-mini has an announced shutdown date: 2027-01-14. The announced replacement is gpt-6-luna."
    assert ending == ((said, ""),)


def test_the_plan_is_kept_whole(folder: Path) -> None:
    """What a kept result gives back is the same report."""
    kept = folder / "kept"
    first, second = (plan.make([folder], Settings(), cwd=folder, today=TODAY, cache=kept) for _ in range(2))
    assert first.prompts == second.prompts
    assert first.prompts[0].cached == 1280
    assert [*github.commands(first, BOOK)] == [*github.commands(second, BOOK)]
    assert printed(report.summary(first, BOOK, review=False, width=80)).count("Prompt caching") == 1


def test_a_terminal_gets_two_colours_and_a_pipe_the_same_words(folder: Path) -> None:
    code, text = on_a_terminal(("cache",), without=("NO_COLOR",), COLUMNS="80")
    assert code == 0
    assert "\x1b[32m" + "█" * 71 + "\x1b[0m\x1b[35m" + "░" * 6 + "\x1b[0m" in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == TEXT + SUMMARY


def test_a_value_is_plain_data(tmp_path: Path) -> None:
    (one,) = look(tmp_path, HIDDEN).prompts
    data = prompt_data.value(one, MIGRATION, BOOK, CACHING)
    assert (data["breaker"], data["key"], data["reason"], data["parts"]) == (None, None, "hidden_prompt", [])


def test_lines_are_pairs(tmp_path: Path) -> None:
    found = look(tmp_path, GOOD)
    rows: list[Line] = [*survey_report.rows(found, TABLES, show_all=True, width=120)]
    assert all(len(piece) == 2 for line in rows for piece in line)
    assert max(sum(len(text) for text, _ in line) for line in rows) > 80


@pytest.mark.parametrize(
    ("instructions", "order"),
    [
        ('", ".join({"a", "b"}) + HANDBOOK', "sort"),
        ('", ".join(map(str, {"a", "b"})) + HANDBOOK', "sort"),
        ('"".join([*{"a", "b"}]) + HANDBOOK', "sort"),
        ('", ".join(tag.upper() for tag in {"a", "b"} if tag) + HANDBOOK', "sort"),
        ('", ".join(str(number) for number in {1, 2}) + HANDBOOK', ""),
        ('", ".join(str(number) for number in {*KNOWN}) + HANDBOOK', ""),
        ('f"{set(KNOWN)} {HANDBOOK}"', ""),
        ('", ".join(sorted({"a", "b"})) + HANDBOOK', ""),
        ('json.dumps({n: 1 for n in {"a", "b"}}) + HANDBOOK', "sort"),
        ('json.dumps({n: list({"x", "y"}) for n in {"a", "b"}}) + HANDBOOK', "sort"),
        ('json.dumps({n: 1 for n in {"a", "b"}}, sort_keys=False) + HANDBOOK', ""),
        ('json.dumps({"b": 1, "a": 2}) + HANDBOOK', ""),
        # Nothing would be gained: too short, behind what other processes do not share, or last of what is shared.
        ('", ".join({"a", "b"})', ""),
        ('f"{socket.gethostname()} " + ", ".join({"a", "b"}) + HANDBOOK', ""),
        ('HANDBOOK + ", ".join({"a", "b"})', ""),
    ],
)
def test_a_set_is_put_into_order_where_that_pays(instructions: str, order: str, tmp_path: Path) -> None:
    assert asked(tmp_path, instructions, before='KNOWN = ["x", 1]').order == order


def test_a_set_that_can_be_sorted_is_said_so(tmp_path: Path) -> None:
    body = 'return client.responses.create(model="gpt-4o", instructions=", ".join({"a", "b"}) + HANDBOOK, input=mail)'
    found = look(tmp_path, f"def ask(mail):\n    {body}\n")
    text = printed(survey_report.rows(found, TABLES, show_all=False, width=lines.WIDTH))
    assert "  order    migrator apply --review puts its sets into one order\n" in text


@pytest.mark.parametrize(
    ("elsewhere", "order"),
    [
        ("import tags\nprint('a' in tags.TAGS, len(tags.TAGS))\n", "sort"),
        ("import tags\ntags.TAGS.add(2)\n", ""),
        ("import tags\ntags.TAGS |= {2}\n", ""),
        ("import tags\ntags.TAGS = ['b', 'a']\n", ""),
        ("from tags import TAGS\nfill(TAGS)\n", ""),
        ("from tags import TAGS\nOTHER = TAGS\n", ""),
    ],
)
def test_a_set_that_another_file_changes_is_left(elsewhere: str, order: str, tmp_path: Path) -> None:
    (tmp_path / "tags.py").write_text('TAGS = {"a", "b"}\n', encoding="utf-8")
    (tmp_path / "other.py").write_text(elsewhere, encoding="utf-8")
    rules = '"".join(f"- {tag}" for tag in TAGS) + HANDBOOK'
    call = f'client.responses.create(model="gpt-4o", instructions={rules}, input=mail)'
    found = look(tmp_path, f"from tags import TAGS\ndef ask(mail):\n    return {call}\n").prompts
    assert [prompt.order for prompt in found if prompt.site.shown == "app.py"] == [order]
