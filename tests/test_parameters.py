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
