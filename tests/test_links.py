"""Answer one question: does a recorded case belong to the call of the plan that names its model?

The programs run for real under the recorder. The library is a stand-in with the name and the shape of one in the
tables; ``tests/contract/test_recording.py`` asks the same of the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from model_server import serving
from recording import ROOT, record, records

from migrator import plan
from migrator.model import CallSite
from migrator.settings import Settings
from migrator.shadow import cases
from migrator.shadow.links import explain, link_cases

LIBRARY = """\
import asyncio
import openai

class ChatOpenAI:
    def __init__(self, model="gpt-4o", temperature=None):
        self.model_name = model

    def invoke(self, text):
        return openai.OpenAI().chat.completions.create(
            model=self.model_name, messages=[{"role": "user", "content": text}])

    async def ainvoke(self, text):
        ask = openai.AsyncOpenAI().chat.completions
        return await asyncio.create_task(
            ask.create(model=self.model_name, messages=[{"role": "user", "content": text}]))

    def with_config(self, **settings):
        copy = object.__new__(type(self))
        copy.model_name = self.model_name
        return copy

    def late(self, text):
        return ChatOpenAI(self.model_name).invoke(text)
"""
START = "from langchain_openai import ChatOpenAI\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run the server."""
    with serving() as found:
        yield found


def run(folder: Path, address: str, **files: str) -> tuple[CallSite, ...]:
    """Run ``app.py`` under the recorder, and give the calls that change."""
    (folder / ".git").mkdir()
    library = folder.parent / f"{folder.name}-library" / "langchain_openai"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(LIBRARY, encoding="utf-8")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    path = f"{ROOT}:{library.parent}" if sys.platform != "win32" else f"{ROOT};{library.parent}"
    done = record(folder, [sys.executable, "app.py"], address, PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    return sites_of(folder, folder)


def sites_of(folder: Path, cwd: Path) -> tuple[CallSite, ...]:
    """Give the calls that change, shown from a folder."""
    _, targets = plan.targets([folder], Settings(), cwd=cwd, today=date(2026, 11, 22))
    return tuple(target.site for target in targets)


def lines(folder: Path, calls: tuple[CallSite, ...]) -> set[tuple[str, str, int, str]]:
    """Give what each case said, with the file and line of each call that it belongs to, and how that is known."""
    sites = cases.load(folder)
    asked = {case.id: case.request["messages"][0]["content"] for site in sites for case in site.cases}  # type: ignore[index]
    known = {call.id: call for call in calls}
    return {
        (asked[one.case], known[site].shown, known[site].position.line, one.how)
        for one in explain(folder, sites, calls)
        for site in one.sites
    }


@pytest.mark.parametrize(
    ("code", "line", "how"),
    [
        ('llm = ChatOpenAI(model="gpt-4o")\nllm.invoke("a")\n', 2, "constructed"),
        ('ChatOpenAI(model="gpt-4o").invoke("a")\n', 2, "constructed"),
        ('llm = ChatOpenAI(\n    model="gpt-4o"\n)\ndef ask():\n    return llm.invoke("a")\nask()\n', 2, "constructed"),
        ('import asyncio\nllm = ChatOpenAI(model="gpt-4o")\nasyncio.run(llm.ainvoke("a"))\n', 3, "constructed"),
        ('llm = ChatOpenAI(model="gpt-4o")\nllm.late("a")\n', 2, "constructed"),
        ('llm = ChatOpenAI(model="gpt-4o")\nllm.with_config(a=1).invoke("a")\n', 2, "flow"),
        (
            'import sys\none = ChatOpenAI(model="gpt-4o")\ntwo = ChatOpenAI(model="gpt-4o", temperature=1)\n'
            'chosen = two if sys.argv else one\nchosen.invoke("a")\n',
            4,
            "constructed",
        ),
        ('import openai\nopenai.OpenAI().chat.completions.create(model="gpt-4o", messages='
         '[{"role": "user", "content": "a"}])\n', 3, "call"),
    ],
)  # fmt: skip
def test_a_case_belongs_to_the_call_that_names_its_model(
    code: str, line: int, how: str, address: str, tmp_path: Path
) -> None:
    calls = run(tmp_path, address, app=START + code)
    assert lines(tmp_path, calls) == {("a", "app.py", line, how)}


def test_the_call_may_stand_in_another_file_and_the_plan_be_shown_from_another_folder(
    address: str, tmp_path: Path
) -> None:
    models = START + 'def make(temperature):\n    return ChatOpenAI(model="gpt-4o", temperature=temperature)\n'
    app = 'from models import make\nmake(0).invoke("a")\n'
    calls = run(tmp_path, address, models=models, app=app)
    assert lines(tmp_path, calls) == {("a", "models.py", 3, "constructed")}
    moved = sites_of(tmp_path, tmp_path.parent)
    assert [call.shown for call in moved] == [f"{tmp_path.name}/models.py"]
    ((site,),) = (link_cases(tmp_path, cases.load(tmp_path), moved, tmp_path.parent).values(),)
    assert site == (moved[0].id,)


def test_two_calls_that_may_have_made_an_object_that_no_run_noted_are_both_said(address: str, tmp_path: Path) -> None:
    code = (
        'import sys\none = ChatOpenAI(model="gpt-4o")\ntwo = ChatOpenAI(model="gpt-4o", temperature=1)\n'
        'chosen = two if sys.argv else one\nchosen.with_config(a=1).invoke("a")\n'
    )
    calls = run(tmp_path, address, app=START + code)
    assert lines(tmp_path, calls) == {("a", "app.py", 3, "flow"), ("a", "app.py", 4, "flow")}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            'llm = ChatOpenAI(model="gpt-4o")\nother = ChatOpenAI(model="gpt-4.1")\nother.invoke("a")\n',
            "what made its object does not change",
        ),
        (
            'import sys\none = ChatOpenAI(model="gpt-4o")\ntwo = ChatOpenAI(model="gpt-4.1")\n'
            'chosen = two if sys.argv else one\nchosen.with_config(a=1).invoke("a")\n',
            "its object may also be made by a call that does not change",
        ),
        (
            'llm = ChatOpenAI(model="gpt-4o")\nimport openai\nopenai.OpenAI().chat.completions.create('
            'model="gpt-4.1", messages=[{"role": "user", "content": "a"}])\n',
            "no call that changes is seen to lead to it",
        ),
    ],
)
def test_a_case_of_another_call_is_not_linked(code: str, why: str, address: str, tmp_path: Path) -> None:
    calls = run(tmp_path, address, app=START + code)
    assert len(calls) == 1
    assert [(one.sites, one.how, one.why) for one in explain(tmp_path, cases.load(tmp_path), calls)] == [((), "", why)]


def test_a_call_that_is_a_wrapper_of_ones_own_has_the_cases_of_what_it_calls(address: str, tmp_path: Path) -> None:
    helper = (
        "import openai\n\n\ndef ask(text, model):\n    messages = [{'role': 'user', 'content': text}]\n"
        "    return openai.OpenAI().chat.completions.create(model=model, messages=messages)\n"
    )
    run(tmp_path, address, helper=helper, app='from helper import ask\n\nask("a", "gpt-4o")\n')
    ((site,),) = (cases.load(tmp_path),)
    (case,) = site.cases
    (caller,) = case.callers
    call = CallSite(caller, "own", "app.py", *_of_no_matter())
    assert [(one.sites, one.how) for one in explain(tmp_path, (site,), (call,))] == [((caller,), "frame")]


def _of_no_matter() -> tuple[object, object]:
    from migrator.model import Position, Span

    return Span(0, 0), Position(None, 3, 1)


def test_a_case_remembers_its_calls_when_the_file_has_changed(address: str, tmp_path: Path) -> None:
    calls = run(tmp_path, address, app=START + 'llm = ChatOpenAI(model="gpt-4o")\nllm.invoke("a")\n')
    assert lines(tmp_path, calls) == {("a", "app.py", 2, "constructed")}
    (tmp_path / "app.py").write_text('# changed, "gpt-4o"\n', encoding="utf-8")
    assert lines(tmp_path, calls) == {("a", "app.py", 2, "constructed")}
    ((site,),) = (cases.load(tmp_path),)
    forgotten = replace(site, cases=tuple(replace(case, site="", makers=()) for case in site.cases))
    assert [one.why for one in explain(tmp_path, (forgotten,), calls)] == [
        "its call is not there any more; record again"
    ]
    (tmp_path / "app.py").write_text("# changed, 'gpt-4o-mini'\n", encoding="utf-8")
    assert [one.why for one in explain(tmp_path, (forgotten,), calls)] == [
        "app.py does not name gpt-4o any more, so that nothing changes there"
    ]
    (case,) = site.cases
    matched = replace(site, cases=(replace(case, site=calls[0].id, makers=(), linked="template"),))
    assert [(one.sites, one.how) for one in explain(tmp_path, (matched,), calls)] == [((calls[0].id,), "template")]
    unplaced = replace(site, cases=(replace(case, site="", makers=(), place=None),))
    assert [one.why for one in explain(tmp_path, (unplaced,), calls)] == ["no line of the project is known of it"]


def test_a_record_has_the_places_of_what_sends_it(address: str, tmp_path: Path) -> None:
    run(tmp_path, address, app=START + 'llm = ChatOpenAI(model="gpt-4o")\nllm.late("a")\n')
    (one,) = records(tmp_path)
    made = one["made"]
    assert isinstance(made, list)
    assert [(place["makes"], place["line"], place["column"], place["depth"]) for place in made] == [
        ("ChatOpenAI", 3, 0, 0),
        ("ChatOpenAI", 2, 6, 1),
    ]
    assert isinstance(one["sources"], dict)
    assert one["sources"].keys() == {"app.py"}
