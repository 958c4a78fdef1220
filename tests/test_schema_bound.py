"""Answer one question: is a schema never longer than what is said of it from the code alone?"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from migrator import discover, rulebook
from migrator.plan import Code
from migrator.prompts.sites import sites
from migrator.prompts.varying import Reader
from migrator.settings import Settings
from migrator.tokens import count

pydantic = pytest.importorskip("pydantic")

MODELS = {
    "terse": "class Answer(BaseModel):\n    a: int\n    b: str\n",
    "optional": (
        "class Answer(BaseModel):\n    a: int | None = None\n    b: list[str] | None = None\n    c: float | str = 1\n"
    ),
    "described": (
        'class Answer(BaseModel):\n    """An answer."""\n\n'
        '    text: str = Field(description="What is said to the customer, in full sentences.")\n'
        "    score: int = Field(ge=0, le=10)\n"
    ),
    "nested": (
        "class Kind(str, Enum):\n    ONE = 'one'\n    TWO = 'two'\n\n"
        "class Part(BaseModel):\n    kind: Kind\n    at: datetime\n\n"
        "class Answer(BaseModel):\n    parts: list[Part]\n    best: Part | None = None\n    by_name: dict[str, Part]\n"
    ),
    "inherited": "class Base(BaseModel):\n    id: int\n\nclass Answer(Base):\n    kind: Literal['a', 'b', 'c']\n",
}
HEAD = """from datetime import datetime
from enum import Enum
from typing import Literal

from openai import OpenAI
from pydantic import BaseModel, Field

"""
CALL = """

def ask(text: str):
    return OpenAI().responses.parse(model="gpt-4o", input=text, text_format=Answer)
"""


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_is_no_longer_than_its_bound(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text(HEAD + MODELS[name] + CALL, encoding="utf-8")
    settings = Settings()
    code = Code(tmp_path, tmp_path, discover.select([tmp_path], settings, tmp_path), settings)
    reader = Reader(code.project(), rulebook.load(settings.migration), rulebook.load_caching())
    unit = reader.project.unit(tmp_path / "app.py")
    assert unit is not None
    (site,) = sites(reader, unit)
    assert site.template is not None
    bound = site.template.parts[0].segments[0].most
    module = types.ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", module)
    exec(compile(HEAD + MODELS[name], "app.py", "exec"), module.__dict__)
    schema = count(json.dumps(module.Answer.model_json_schema()))
    assert bound is not None
    assert schema <= bound <= 6 * schema
