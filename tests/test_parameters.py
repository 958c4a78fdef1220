"""Answer one question: does a name move only together with the parameters of its calls?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from migrator import plan
from migrator.model import Plan, Report, Rewrite
from migrator.settings import Settings

TARGET = "gpt-6-luna"
TODAY = date(2026, 11, 28)
CALL = 'from openai import OpenAI\n\nOpenAI().chat.completions.create(model="gpt-4o", messages=[], max_tokens=5)\n'
MOVED = (
    "from openai import OpenAI\n\n"
    'OpenAI().chat.completions.create(model="gpt-6-luna", messages=[], max_completion_tokens=5, '
    'reasoning_effort="none")\n'
)
USUAL = Settings(migration=TARGET, transforms=("model", "parameters"))


def made(folder: Path, tree: Mapping[str, str], settings: Settings = USUAL, asked: str = "") -> Plan:
    """Lay files out and plan their change, or that of one of them."""
    for shown, text in tree.items():
        path = folder / shown
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return plan.make([folder / asked], settings, cwd=folder, today=TODAY)


def reasons(found: Plan) -> list[tuple[str, str]]:
    """Give what is said of each name that stays: the reason, and the words after the place."""
    return [(d.reason, d.detail.rpartition("py:3: ")[2]) for d in found.decisions if isinstance(d, Report)]


def test_a_name_moves_with_its_parameters(tmp_path: Path) -> None:
    (patch,) = made(tmp_path, {"app.py": CALL}).patches
    assert patch.after.decode() == MOVED


@pytest.mark.parametrize("transforms", [("model",), ("parameters",), ("model", "cache_key"), ("cache_key",)])
def test_neither_moves_without_the_other(transforms: tuple[str, ...], tmp_path: Path) -> None:
    assert made(tmp_path, {"app.py": CALL}, Settings(migration=TARGET, transforms=transforms)).patches == ()


def test_a_name_alone_moves_where_its_call_needs_no_parameter(tmp_path: Path) -> None:
    call = CALL.replace("max_tokens=5", 'reasoning_effort="none"')
    (patch,) = made(tmp_path, {"app.py": call}, Settings(migration=TARGET, transforms=("model",))).patches
    assert patch.after.decode() == call.replace("gpt-4o", TARGET)


@pytest.mark.parametrize("pin", ["openai==1.40", "openai>=1.40,<1.50"])
def test_an_old_library_keeps_the_name(pin: str, tmp_path: Path) -> None:
    found = made(tmp_path, {"app.py": CALL, "requirements.txt": pin + "\n"})
    assert found.patches == ()
    said = f"it needs openai>=1.58: {pin} in requirements.txt:1; needs >=1.58"
    assert reasons(found) == [("parameters", said)]


def test_a_gateway_has_no_known_way(tmp_path: Path) -> None:
    call = 'import litellm\n\nlitellm.completion(model="openrouter/openai/gpt-4o", messages=[])\n'
    settings = Settings(migration=TARGET, transforms=("model", "parameters"), gateways=True)
    found = made(tmp_path, {"app.py": call}, settings)
    assert found.patches == ()
    assert reasons(found) == [("parameters", "a gateway has no known way to set parameters")]


def test_a_constant_stays_where_its_call_is_in_a_file_that_was_not_named(tmp_path: Path) -> None:
    tree = {
        "names.py": 'MODEL = "gpt-4o"\n',
        "app.py": "from names import MODEL\nfrom openai import OpenAI\n"
        "OpenAI().chat.completions.create(model=MODEL, messages=[])\n",
    }
    assert made(tmp_path, tree, asked="names.py").patches == ()
    assert len(made(tmp_path, tree).patches) == 2


def test_a_constant_that_another_module_sets_is_for_review(tmp_path: Path) -> None:
    tree = {
        "names.py": 'MODEL = "gpt-4o"\n',
        "app.py": "import names\nfrom openai import OpenAI\n"
        "OpenAI().chat.completions.create(model=names.MODEL, messages=[])\n",
        "main.py": 'import names\n\nnames.MODEL = "o1"\n',
    }
    found = made(tmp_path, tree)
    assert found.patches == ()
    assert not any(isinstance(d, (Rewrite, Report)) for d in found.decisions)


def test_what_a_test_in_another_file_expects_stays(tmp_path: Path) -> None:
    expected = "from unittest.mock import ANY\n\n\ndef test(fake):\n    {}\n"
    whole = "fake.chat.completions.create.assert_called_once_with(model=ANY, messages=[], max_tokens=5)"
    one = 'assert fake.create.call_args.kwargs["max_tokens"] == 5'
    for text in (whole, one):
        found = made(tmp_path, {"app.py": CALL, "tests/test_app.py": expected.format(text)})
        assert found.patches == ()
        assert reasons(found) == [("parameters", "a test expects its arguments: tests/test_app.py:5")]


@pytest.mark.parametrize(("name", "text"), [(".env", "OPENAI_MODEL=gpt-4o\n"), ("config.yaml", "model: gpt-4o\n")])
def test_a_file_cannot_say_that_its_reader_sets_parameters(name: str, text: str, tmp_path: Path) -> None:
    for transforms in (("model",), ("model", "parameters")):
        settings = Settings(migration=TARGET, transforms=transforms)
        found = made(tmp_path, {name: text, "app.py": CALL}, settings, asked=name)
        assert (found.patches, [reason for reason, _ in reasons(found)]) == ((), ["parameters"])


HEAD = """\
[migration]
target   = "next"
prefixes = ["", "acme/", "openai:"]
sources  = [{ source = "a", checked = 2026-11-28 }]

[[rename]]
from = ["large"]
to   = "next"
"""
MODELS = "".join(
    f'[[model]]\nname = "{name}"\nsources = [{{ source = "a", checked = 2026-11-28 }}]\n' for name in ("large", "next")
)
FACT = 'source = "a"\nchecked = 2026-11-28\n'
RENAME = f'[[parameter]]\nname = "max_tokens"\naction = "rename"\nto = "limit"\n{FACT}'
DROP = f'[[parameter]]\nname = "top_p"\naction = "drop"\n{FACT}'
CHECK = f'[[parameter]]\nname = "tools"\naction = "check"\nneeds = {{ mode = "off" }}\n{FACT}'
ADD = f'[[parameter]]\nname = "team"\naction = "add"\nvalue = "support"\n{FACT}'
ASK = {"name": "ours.ask", "calls": ["ours.ask"], "model": {"keyword": ["model"], "position": 0}}


def moved_by_own(
    folder: Path, tables: str, call: str, parameters: Mapping[str, str] | None, **more: object
) -> tuple[str, list[tuple[str, str]]]:
    """Apply a migration of a user's own to one call; give the call as it is then, and why its name stays."""
    migration = folder / "next.toml"
    migration.write_text(HEAD + tables + MODELS, encoding="utf-8")
    surface = {**ASK, **more, **({} if parameters is None else {"parameters": parameters})}
    settings = Settings(migration=str(migration), transforms=("model", "parameters"), surfaces=(surface,))
    found = made(folder / "code", {"app.py": f"import ours\n\n{call}\n"}, settings)
    after = found.patches[0].after.decode() if found.patches else f"import ours\n\n{call}\n"
    return after.splitlines()[2], reasons(found)


@pytest.mark.parametrize(
    ("tables", "call", "why"),
    [
        (RENAME, 'ours.ask("large", max_tokens=9)', "rename max_tokens"),
        (RENAME, 'ours.ask("large", most=9)', "rename max_tokens"),
        (RENAME, 'ours.ask("large")', "rename max_tokens"),
        (DROP, 'ours.ask("large")', "drop top_p"),
        (CHECK, 'ours.ask("large", tools=[])', "see mode"),
        (ADD, 'ours.ask("large")', "set team"),
    ],
)
@pytest.mark.parametrize("parameters", [None, {}, {"temperature": "temperature"}])
def test_a_parameter_that_the_table_does_not_spell_keeps_the_name(
    tables: str, call: str, why: str, parameters: Mapping[str, str] | None, tmp_path: Path
) -> None:
    said = f"ours.ask has no known way to {why}: add it to `parameters` of the surface"
    assert moved_by_own(tmp_path, tables, call, parameters) == (call, [("parameters", said)])


@pytest.mark.parametrize(
    ("tables", "call", "parameters", "after"),
    [
        (RENAME, "max_tokens=9", {"max_tokens": "max_tokens"}, "limit=9"),
        (RENAME, "most=9", {"max_tokens": "most", "limit": "at_most"}, "at_most=9"),
        (RENAME, "most=9", {"max_tokens": "most"}, "limit=9"),
        (RENAME, "most=9", {"unsent": "max_tokens", "limit": "most"}, "most=9"),
        (DROP, "top_p=1, n=2", {"top_p": "top_p"}, "n=2"),
        (DROP, "n=2", {"unsent": "top_p"}, "n=2"),
        (CHECK, 'tools=[], mode="off"', {"mode": "mode", "tools": "tools"}, 'tools=[], mode="off"'),
        (CHECK, 'mode="on"', {"mode": "mode", "tools": "tools"}, 'mode="on"'),
        (CHECK, 'tools=[], mode="on"', {"mode": "mode", "tools": "tools", "unchecked": "tools"}, 'tools=[], mode="on"'),
        (CHECK, "n=2", {"mode": "mode"}, "n=2"),
        (ADD, "n=2", {"team": "headers.X-Team"}, 'n=2, headers={"X-Team": "support"}'),
        (ADD, 'headers={"A": "b"}', {"team": "headers.X-Team"}, 'headers={"A": "b", "X-Team": "support"}'),
        (ADD, 'headers={"X-Team": "mine"}', {"team": "headers.X-Team"}, 'headers={"X-Team": "mine"}'),
    ],
)
def test_a_parameter_goes_where_the_table_says(
    tables: str, call: str, parameters: Mapping[str, str], after: str, tmp_path: Path
) -> None:
    assert moved_by_own(tmp_path, tables, f'ours.ask("large", {call})', parameters) == (
        f'ours.ask("next", {after})',
        [],
    )


@pytest.mark.parametrize(
    ("tables", "call", "parameters", "why"),
    [
        # The call names what the table says is spelled otherwise.
        (RENAME, "max_tokens=9", {"max_tokens": "most"}, "ours.ask has no known way to rename max_tokens: "),
        # Where tools are is not known: they may be set.
        (
            CHECK,
            'mode="on"',
            {"mode": "mode"},
            'tools is only taken with mode="off", and the call sets another one, and ',
        ),
        (CHECK, "tools=[]", {"tools": "tools"}, "ours.ask has no known way to see mode: "),
    ],
)
def test_what_a_table_leaves_open_keeps_the_name(
    tables: str, call: str, parameters: Mapping[str, str], why: str, tmp_path: Path
) -> None:
    call = f'ours.ask("large", {call})'
    after, ((reason, said),) = moved_by_own(tmp_path, tables, call, parameters)
    assert (after, reason) == (call, "parameters")
    assert said.startswith(why)
    assert said.endswith("add it to `parameters` of the surface")


@pytest.mark.parametrize(
    ("name", "is_moved"), [("large", True), ("openai:large", True), ("acme/large", False)], ids=lambda value: str(value)
)
def test_a_table_may_hold_for_some_prefixes_alone(name: str, is_moved: bool, tmp_path: Path) -> None:
    call = f'ours.ask("{name}", max_tokens=9)'
    parameters = {"max_tokens": "max_tokens", "prefixes": "plain openai:"}
    after, said = moved_by_own(tmp_path, RENAME, call, parameters, forms=["plain", "openai:"])
    stays = [("parameters", "ours.ask has no known way to set parameters for 'acme/'")]
    moved = call.replace("large", "next").replace("max_tokens", "limit")
    assert (after, said) == ((moved, []) if is_moved else (call, stays))


def test_a_prefix_of_ones_own_counts_at_every_call(tmp_path: Path) -> None:
    assert moved_by_own(tmp_path, "", 'ours.ask("acme/large")', None) == ('ours.ask("acme/next")', [])
    after, ((reason, _),) = moved_by_own(tmp_path, "", 'ours.ask("openai:large")', None)
    assert (after, reason) == ('ours.ask("openai:large")', "prefix")


@pytest.mark.parametrize(
    ("call", "parameters", "why"),
    [
        (
            "max_tokens=9",
            {"max_tokens": "max_tokens", "limit": "body.limit"},
            "limit stands in body, and max_tokens does not",
        ),
        ('body={"max_tokens": 9}', {"max_tokens": "body.max_tokens"}, "max_tokens is set in body"),
        ("body=given", {"max_tokens": "body.max_tokens"}, "body is not written here"),
        ("max_tokens=9, limit=8", {"max_tokens": "max_tokens"}, "max_tokens and limit are both set"),
    ],
)
def test_what_cannot_be_renamed_keeps_the_name(
    call: str, parameters: Mapping[str, str], why: str, tmp_path: Path
) -> None:
    call = f'ours.ask("large", {call})'
    assert moved_by_own(tmp_path, RENAME, call, parameters) == (call, [("parameters", why)])
