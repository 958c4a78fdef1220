"""Answer one question: do the tables say what they must, and do wrong tables say what is wrong?"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from migrator import rulebook
from migrator.defaults import default_migration
from migrator.rulebook import Match, RuleError, Slot, load, load_all, load_migration
from migrator.shipped import rules as rules_folder
from migrator.tables import Table, expand

ROOT = Path(__file__).parent.parent
SURFACE = {"name": "mine", "calls": ["app.llm.ask"], "model": {"keyword": ["model"]}}


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small, right set of tables in a folder of its own; a test then makes one of them wrong."""
    folder = tmp_path / "rules"
    for name, text in SMALL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(rulebook, "rules_folder", lambda: folder)
    clear()
    yield folder
    clear()


def clear() -> None:
    rulebook._shipped.cache_clear()
    rulebook.load_migration.cache_clear()


SMALL = {
    "reasons.toml": '[azure]\ntitle = "an Azure deployment"\nadvice = "Use its name."\n',
    "carriers.toml": '[[carrier]]\nkind = "environment"\ncalls = ["os.getenv"]\nposition = 1\n',
    "models/one.toml": "".join(
        f'[[model]]\nname = "{name}"\nsources = [{{ source = "a", checked = 2026-11-22 }}]\n'
        for name in ("old", "new", "new-1")
    ),
    "migrations/new.toml": """\
[migration]
target    = "new"
prefixes  = ["", "openai/"]
prefilter = ["old"]
sources   = [{ source = "a", checked = 2026-11-22 }]

[[rename]]
from   = ["old"]
to     = "new"
pinned = "new-1"
""",
    "surfaces/lib.toml": """\
[library]
name    = "lib"
checked = "1.0"
source  = "a"

[[surface]]
name     = "lib.ask"
calls    = ["lib.{Client,AsyncClient}().ask"]
model    = { keyword = ["model"] }
evidence = "source"

[[client]]
calls    = ["lib.{Client,AsyncClient}"]
endpoint = ["base_url"]
same     = ["with_options"]
""",
}


def test_each_member_of_an_enumeration_is_seen_and_spells_a_name_of_its_side() -> None:
    for migration in load().migrations.values():
        for one in migration.enumerations:
            assert all(any(needle in name.encode() for needle in migration.prefilter) for name in one.members)
            assert set(one.members.values()) <= set(migration.names)
            assert set(one.targets.values()) <= {*migration.names.values(), *migration.pinned.values()}


def test_the_shipped_tables_parse_and_each_surface_says_where_it_was_read() -> None:
    book = load()
    assert len(book.surfaces) > 150
    assert {surface.name for surface in book.surfaces if not surface.library.source} == set()
    assert {surface.name for surface in book.surfaces if not surface.library.checked} == set()
    assert {surface.hold for surface in book.surfaces} - {None} <= set(book.reasons)


def test_every_library_of_the_research_has_a_surface() -> None:
    names = {surface.library.name for surface in load().surfaces}
    assert names >= {
        *("openai", "langchain-openai", "langchain", "langgraph", "litellm", "instructor", "pydantic-ai"),
        *("openai-agents", "llama-index-llms-openai", "dspy", "autogen-ext", "ag2", "crewai", "agno"),
        *("phidata", "semantic-kernel", "agent-framework-openai", "haystack-ai", "smolagents", "mirascope"),
        *("magentic", "marvin", "guidance", "outlines", "strands-agents", "google-adk", "browser-use"),
        *("aisuite", "mem0ai"),
        *("embedchain", "ragas", "deepeval", "camel-ai", "llm", "promptflow-tools", "vanna", "aider-chat"),
        *("guardrails-ai", "tiktoken", "raw HTTP", "gpt-researcher", "langfuse"),
    }


def test_every_form_is_a_prefix_that_some_migration_keeps() -> None:
    book = load()
    kept = {prefix for migration in book.migrations.values() for prefix in migration.prefixes}
    for surface in book.surfaces:
        assert set(surface.forms) <= {"plain", "alias"} | kept
        assert set(surface.knows) <= set(book.models)


def test_every_name_of_a_migration_is_a_known_model_with_a_dated_source() -> None:
    book = load()
    for migration in book.migrations.values():
        named = {*migration.names, *migration.names.values(), *migration.pinned.values(), migration.target}
        assert named <= set(book.models)
        assert all(book.models[name].sources for name in named)
        assert {entry.reason for entry in migration.reported} <= set(book.reasons)
        assert all(entry.fact and entry.fact.checked <= date(2026, 11, 22) for entry in migration.reported)


@pytest.mark.parametrize(
    ("old", "figure", "ratio"),
    [
        ("gpt-4o", "input_price", "0.16"),
        ("gpt-4o", "output_price", "0.16"),
        ("gpt-4o", "cached_price", "0.08"),
        ("gpt-4o-2024-05-13", "input_price", "0.08"),
        ("gpt-4o-mini", "input_price", "2.67"),
        ("gpt-4o-mini", "output_price", "2.67"),
        ("gpt-4o-mini", "cached_price", "1.33"),
    ],
)
def test_the_price_ratios_follow_from_the_tables(old: str, figure: str, ratio: str) -> None:
    models = load().models
    quotient = getattr(models["gpt-4.1-mini"], figure) / getattr(models[old], figure)
    assert quotient.quantize(Decimal("0.01")) == Decimal(ratio)


def test_a_snapshot_has_the_figures_of_its_alias() -> None:
    models = load().models
    figures = (
        *("input_price", "cached_price", "output_price"),
        *("max_input", "max_output", "shutdown", "encoding"),
    )
    for model in models.values():
        for alias in (name for name in model.aliases if name in models):
            other = models[alias]
            assert [getattr(other, name) for name in figures] == [getattr(model, name) for name in figures]


def test_the_target_says_when_it_ends_and_what_follows() -> None:
    target = load().models["gpt-4.1-mini"]
    assert (target.shutdown, target.replacement) == (date(2027, 1, 14), "gpt-6-luna")
    assert (target.max_input, target.max_output) == (1_047_576, 32_768)


@pytest.mark.parametrize(
    ("value", "match", "new", "pinned"),
    [
        ("gpt-4o", Match("gpt-4o", "", "plain"), "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
        (
            "openai/gpt-4o-mini",
            Match("gpt-4o-mini", "openai/", "plain"),
            "openai/gpt-4.1-mini",
            "openai/gpt-4.1-mini-2025-04-14",
        ),
        (
            "openai-chat:gpt-4o-2024-08-06",
            Match("gpt-4o-2024-08-06", "openai-chat:", "plain"),
            "openai-chat:gpt-4.1-mini-2025-04-14",
            "openai-chat:gpt-4.1-mini-2025-04-14",
        ),
        (
            "openrouter/openai/gpt-4o",
            Match("gpt-4o", "openrouter/openai/", "gateway"),
            "openrouter/openai/gpt-4.1-mini",
            "openrouter/openai/gpt-4.1-mini-2025-04-14",
        ),
        (
            "openai/gpt-4o:completions",
            Match("gpt-4o", "openai/", "plain", ":completions"),
            "openai/gpt-4.1-mini:completions",
            "openai/gpt-4.1-mini-2025-04-14:completions",
        ),
        ("4o-mini", Match("4o-mini", "", "alias"), "gpt-4.1-mini", "gpt-4.1-mini"),
    ],
)
def test_a_name_is_read_as_a_whole_and_keeps_its_prefix(value: str, match: Match, new: str, pinned: str) -> None:
    migration = load_migration("gpt-4.1-mini")
    assert migration.match(value) == match
    assert (migration.rename(value), migration.rename(value, pin=True)) == (new, pinned)


@pytest.mark.parametrize(
    "value",
    [
        *("gpt-4o-realtime-preview", "gpt-4o-audio-preview", "gpt-4o-transcribe", "gpt-4o-mini-tts"),
        *("gpt-4o-search-preview", "chatgpt-4o-latest", "ft:gpt-4o:org::id", "gpt-4o:extended", "gpt-4o-64k"),
        *("azure/gpt-4o", "my-gpt-4o", "gpt-4o ", "GPT-4o", "gpt-4.1-mini", "use gpt-4o", "", "openai/"),
    ],
)
def test_a_name_that_only_contains_an_old_one_is_no_match(value: str) -> None:
    migration = load_migration("gpt-4.1-mini")
    assert (migration.match(value), migration.rename(value)) == (None, None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("chatgpt-4o-latest", "dead_model"),
        ("gpt-4o-mini-search-preview-2025-03-11", "dead_model"),
        ("openai/gpt-4o-audio-preview", "dead_model"),
        ("openai/gpt-4o:batch", "gateway"),
        ("azure/eu/gpt-4o-mini", "azure"),
    ],
)
def test_a_name_that_is_only_told_about_has_its_reason(value: str, reason: str) -> None:
    entry = load_migration("gpt-4.1-mini").reported_as(value)
    assert entry is not None
    assert entry.reason == reason


def test_the_prefilter_sees_every_name_and_no_reported_name_is_renamed() -> None:
    migration = load_migration("gpt-4.1-mini")
    for name in migration.names:
        assert any(part in name.encode() for part in migration.prefilter)
    for entry in migration.reported:
        assert [name for name in entry.names if migration.match(name)] == []


def test_a_note_says_that_the_oldest_snapshot_is_dead() -> None:
    texts = [note.text for note in load_migration("gpt-4.1-mini").notes if "gpt-4o-2024-05-13" in note.names]
    assert "gpt-4o-2024-05-13 was shut down on 2026-10-23: its calls fail today" in texts


@pytest.mark.parametrize(
    ("callee", "names"),
    [
        ("openai.OpenAI().chat.completions.create", ["openai.chat"]),
        ("openai.AsyncOpenAI().beta.chat.completions.parse", ["openai.chat"]),
        ("openai.OpenAI().with_options().chat.completions.with_raw_response.create", ["openai.chat"]),
        ("openai.OpenAI().copy().with_options().responses.stream", ["openai.responses"]),
        ("openai.chat.completions.create", ["openai.chat"]),
        ("openai.AzureOpenAI().with_options().chat.completions.create", ["openai.azure_chat"]),
        ("openai.AzureOpenAI().images.generate", ["openai.azure"]),
        ("openai.OpenAI().beta.threads.runs.create", ["openai.assistants"]),
        ("openai.OpenAI().fine_tuning.jobs.create", ["openai.fine_tuning"]),
        ("openai.OpenAI().embeddings.create", ["openai.other_endpoints"]),
        ("langchain.chat_models.ChatOpenAI", ["langchain_openai.ChatOpenAI"]),
        ("langchain_community.chat_models.openai.ChatOpenAI", ["langchain_openai.ChatOpenAI"]),
        ("langchain_openai.AzureChatOpenAI", ["langchain_openai.azure"]),
        ("instructor.from_openai().chat.completions.create", ["instructor"]),
        ("instructor.from_cohere().chat.completions.create", ["instructor.other_provider"]),
        ("litellm.Router", ["litellm.Router", "litellm.Router.model_name"]),
        ("agno.models.openai.chat.OpenAIChat", ["agno.OpenAIChat"]),
        ("pydantic_ai.Agent().run_sync", ["pydantic_ai.Agent.run"]),
        ("guardrails.Guard.for_pydantic().use()", ["guardrails.Guard"]),
        ("tiktoken.encoding_for_model", ["tiktoken"]),
        ("openai.OpenAI().chat.completions", []),
        ("openai.OpenAI.chat.completions.create", []),
        ("mylib.OpenAI().chat.completions.create", []),
        ("create", []),
        ("", []),
    ],
)
def test_a_callee_finds_its_surfaces(callee: str, names: list[str]) -> None:
    assert [surface.name for surface in load().surfaces_for(callee)] == names


def test_a_callee_finds_its_client() -> None:
    book = load()
    client = book.client_of("openai.OpenAI().with_options().chat.completions.create")
    assert client is book.client_of("openai.OpenAI")
    assert client is not None
    assert (client.endpoint, "api.openai.com" in client.hosts) == (("base_url",), True)
    wrapped = book.client_of("instructor.from_openai().chat.completions.create")
    assert wrapped is not None
    assert wrapped.client is not None
    assert book.client_of("openai.chat.completions.create") is None
    assert book.client_of("app.make()") is None


@pytest.mark.parametrize(
    ("callee", "kind"),
    [
        ("os.getenv", "environment"),
        ("os.environ.get", "environment"),
        ("decouple.config", "environment"),
        ("environ.Env().str", "environment"),
        ("pydantic.Field", "field"),
        ("dataclasses.field", "field"),
        ("typer.Option", "parameter"),
        ("fastapi.Query", "parameter"),
        ("argparse.ArgumentParser().add_argument", "option"),
        ("argparse.ArgumentParser().add_argument_group().add_argument", "option"),
        ("argparse.ArgumentParser().add_subparsers().add_parser().add_argument", "option"),
        ("click.option", "option"),
        ("streamlit.sidebar.text_input", "widget"),
        ("typing.cast", "value"),
        ("print", "shows"),
        ("logging.getLogger().info", "shows"),
        ("app.client.create.assert_called_once_with", "asserts"),
        ("unittest.TestCase().assertEqual", "asserts"),
    ],
)
def test_a_callee_finds_its_carrier(callee: str, kind: str) -> None:
    carrier = load().carrier_of(callee)
    assert carrier is not None
    assert carrier.kind == kind
    assert load().carrier_of(f"other_{callee.partition('.')[0]}.nothing") is None


def test_a_longer_pattern_goes_before_a_shorter() -> None:
    wide = {**SURFACE, "name": "wide", "calls": ["app.**"], "hold": "azure"}
    deep = {**SURFACE, "name": "deep", "calls": ["app.llm.**"]}
    book = load(extra=(wide, deep, SURFACE))
    found = {callee: [surface.name for surface in book.surfaces_for(callee)] for callee in CALLEES}
    assert found == {"app.llm.ask": ["mine"], "app.llm.tell": ["deep"], "app.ask": ["wide"], "app": []}


CALLEES = ("app.llm.ask", "app.llm.tell", "app.ask", "app")


def test_a_users_own_surface_stands_beside_the_shipped_ones() -> None:
    book = load(extra=(SURFACE,))
    (surface,) = book.surfaces_for("app.llm.ask")
    assert (surface.library.name, surface.evidence) == ("your own", "configuration")
    assert surface.forms == ("plain",)
    assert len(book.surfaces) == len(load().surfaces) + 1
    assert load().surfaces_for("app.llm.ask") == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"keyword": ["model"]},
            "key keyword: unknown key; known are name, calls, model, forms, hold, provider",
        ),
        ({"modle": {}}, "key modle: unknown key; did you mean 'model'?"),
        ({"calls": 3}, "key calls: expected a list of strings, found a whole number"),
        (
            {"calls": ["a", 3]},
            "key calls: expected a list of strings, found a list with a string and a whole number",
        ),
        ({"calls": []}, "key calls: is empty"),
        ({"calls": ["app.{a,b"]}, "key calls: a brace is opened but never closed in 'app.{a,b'"),
        ({"calls": ["app.a}"]}, "key calls: a brace is closed but never opened in 'app.a}'"),
        (
            {"calls": ["app-llm"]},
            "key calls: 'app-llm' is not a canonical callee, such as 'openai.OpenAI().chat'",
        ),
        ({"model": {}}, "key keyword: is missing, and position too: one must say where the argument is"),
        (
            {"model": {"keyword": ["model"], "postion": 0}},
            "key postion: unknown key; did you mean 'position'?",
        ),
        ({"model": {"position": True}}, "key position: expected a whole number, found a boolean"),
        ({"model": "model"}, "key model: expected a table, found a string"),
        ({"hold": "azur"}, "key hold: no reason 'azur'; did you mean 'azure'?"),
        ({"hold": 1}, "key hold: expected a string, found a whole number"),
        (
            {"evidence": "guess"},
            "key evidence: 'guess' is not one of measured, source, documentation, configuration",
        ),
        ({"knows": ["x"]}, "key knows: expected a table of strings, found a list with a string"),
        ({"name": "openai.chat", "hold": "azur"}, "key hold: no reason 'azur'; did you mean 'azure'?"),
        ({"name": ""}, "key name: is empty"),
        (
            {"provider": {"keyword": ["provider"], "value": ["x"]}},
            "key value: unknown key; did you mean 'values'?",
        ),
        ({"url": {"contains": ["x"]}}, "key keyword: is missing, and position too"),
        ({"cache_key": {"keywords": "x"}}, "key keywords: unknown key; did you mean 'keyword'?"),
    ],
)
def test_a_wrong_table_of_a_user_is_named_with_its_key(change: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load(extra=({**SURFACE, **change},))
    shown = str(caught.value)
    assert shown.startswith(f"[tool.migrator], surface {change.get('name', 'mine')}")
    assert message in shown
    assert "\n" not in shown


def test_a_table_without_a_key_that_must_be_there_says_so() -> None:
    with pytest.raises(RuleError, match=r"^\[tool\.migrator\], surface mine, key calls: is missing$"):
        load(extra=({"name": "mine", "model": {"keyword": ["model"]}},))
    with pytest.raises(RuleError, match=r"^\[tool\.migrator\], surface 1, key name: is missing$"):
        load(extra=({"calls": ["a.b"], "model": {"keyword": ["model"]}},))
    with pytest.raises(RuleError, match=r"^\[tool\.migrator\], surface mine, key model: is missing$"):
        load(extra=({"name": "mine", "calls": ["a.b"]},))


def test_the_small_tables_are_right(tables: Path) -> None:
    book = load("new")
    assert list(book.migrations) == ["new"]
    found = book.surfaces_for("lib.AsyncClient().with_options().ask")
    assert [surface.name for surface in found] == ["lib.ask"]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "surfaces/lib.toml",
            '"lib.ask"',
            "3",
            "surface 1, key name: expected a string, found a whole number",
        ),
        (
            "surfaces/lib.toml",
            "[[client]]",
            "[[clients]]",
            "key clients: unknown key; did you mean 'client'?",
        ),
        ("surfaces/lib.toml", "same ", "some ", "client 1, key some: unknown key; did you mean 'same'?"),
        ("surfaces/lib.toml", 'source  = "a"', "", "library, key source: is missing"),
        ("surfaces/lib.toml", 'evidence = "source"', "", "surface lib.ask, key evidence: is missing"),
        ("surfaces/lib.toml", "[library]", "[library", "cannot be read: Expected ']'"),
        (
            "carriers.toml",
            "environment",
            "env",
            "carrier 1, key kind: 'env' is not one of value, environment, field",
        ),
        ("reasons.toml", "advice", "advise", "azure, key advise: unknown key; did you mean 'advice'?"),
        (
            "models/one.toml",
            "checked = 2026-11-22",
            'checked = "today"',
            "expected a date such as 2026-11-22, found a",
        ),
        (
            "models/one.toml",
            'name = "old"',
            'name = "old"\ninput_price = "x"',
            "an amount such as \"0.40\", found 'x'",
        ),
        (
            "models/one.toml",
            'name = "old"',
            'name = "old"\ninput_price = 0.4',
            "expected a string, found a float",
        ),
        ("models/one.toml", '"new-1"', '"new-2"', "rename, key pinned: no [[model]] 'new-1'; did you mean 'new-2'?"),
        ("models/one.toml", ", checked = 2026-11-22", "", "model old.sources, key checked: is missing"),
        ("models/one.toml", "sources =", "aliases = [] #", "model old, key sources: is missing"),
        ("surfaces/lib.toml", "[library]", "[other]", "key other: unknown key; known are library, surface"),
        ("migrations/new.toml", "[migration]", "[note]", "key migration: is missing"),
        ("migrations/new.toml", 'target    = "new"', "", "migration, key target: is missing"),
        ("migrations/new.toml", 'from   = ["old"]', 'from = ["older"]', "key from: no [[model]] 'older'"),
        (
            "migrations/new.toml",
            "pinned",
            "pined",
            "rename 1, key pined: unknown key; did you mean 'pinned'?",
        ),
        (
            "migrations/new.toml",
            "sources   =",
            "source =",
            "migration, key source: unknown key; did you mean 'sources'?",
        ),
    ],
)
def test_a_wrong_shipped_table_is_named_with_file_table_and_key(
    tables: Path, name: str, old: str, new: str, message: str
) -> None:
    path = tables / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load()
    assert str(caught.value).startswith("rules/")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_surfaces_need_a_library(tables: Path) -> None:
    (tables / "surfaces/zoo.toml").write_text("", encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load()
    assert str(caught.value) == "rules/surfaces/zoo.toml, key library: is missing"


def test_two_files_with_one_surface_name_are_refused(tables: Path) -> None:
    (tables / "surfaces/zoo.toml").write_text(SMALL["surfaces/lib.toml"], encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load()
    place = "rules/surfaces/zoo.toml, surface lib.ask, key name"
    assert str(caught.value) == f"{place}: another surface has this name"


def test_a_reason_that_no_table_has_is_refused_in_a_migration(tables: Path) -> None:
    with (tables / "migrations/new.toml").open("a", encoding="utf-8") as file:
        file.write('[[reported]]\nnames = ["x"]\nreason = "azur"\ndetail = "y"\n')
        file.write('source = "a"\nchecked = 2026-11-22\n')
    with pytest.raises(RuleError) as caught:
        load()
    assert str(caught.value) == (
        "rules/migrations/new.toml, reported, key reason: no reason 'azur'; did you mean 'azure'?"
    )


def test_a_migration_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(RuleError) as caught:
        load_migration("gpt-4.1-min")
    assert str(caught.value) == (
        "rules/migrations: no migration 'gpt-4.1-min'; did you mean 'gpt-4.1-mini'? A path to a .toml file is taken too"
    )


def test_one_migration_reads_one_file(tables: Path) -> None:
    for path in tables.rglob("*.toml"):
        if path.name != "new.toml":
            path.write_text("not TOML", encoding="utf-8")
    assert load_migration("new").prefilter == (b"old",)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.b", ["a.b"]),
        ("a.{b,c}", ["a.b", "a.c"]),
        ("a.{,b.}{c,d}", ["a.c", "a.d", "a.b.c", "a.b.d"]),
        ("{a,b{,c,{d,e}}}f", ["af", "bf", "bcf", "bdf", "bef"]),
        ("a{}b", ["ab"]),
    ],
)
def test_braces_expand_in_order(pattern: str, names: list[str]) -> None:
    assert list(expand(pattern)) == names


def test_one_string_stands_for_a_list_of_one() -> None:
    slot = {"keyword": "model", "position": 1, "path": ["llm", "*", "model"]}
    (surface,) = load(extra=({**SURFACE, "calls": "app.{a,b}", "model": slot},)).surfaces_for("app.b")
    assert surface.slots == (Slot(("model",), 1, ("llm", "*", "model")),)


def test_one_table_is_asked_for_and_two_stand_there() -> None:
    with pytest.raises(RuleError) as caught:
        Table("a.toml", "surface x", {"provider": [{}, {}]}).child("provider")
    assert str(caught.value) == "a.toml, surface x, key provider: expected one table, found 2"


def test_the_tables_stand_in_the_checkout_or_in_the_package() -> None:
    assert (rules_folder() / "reasons.toml").is_file()


def test_reading_a_migration_imports_nothing_heavy() -> None:
    code = (
        "import sys; from migrator.rulebook import load_migration; load_migration('gpt-4.1-mini');"
        "print(sorted({'libcst', 'rich', 'click', 'openai', 'difflib'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_one_shipped_migration_is_the_default() -> None:
    said = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["migration"].get("default", False)
        for path in (ROOT / "rules" / "migrations").glob("*.toml")
    }
    assert [name for name, is_default in said.items() if is_default] == [default_migration()]


def test_a_table_with_a_known_name_is_put_on_top_of_it() -> None:
    extra = {"name": "openai.chat", "calls": ["ours.chat"], "parameters": {"team": "extra_headers.X-Team", "n": "many"}}
    shipped, book = load(), load(extra=(extra,))
    (before,) = shipped.surfaces_for("openai.OpenAI().chat.completions.create")
    for callee in ("openai.OpenAI().chat.completions.create", "ours.chat"):
        (after,) = book.surfaces_for(callee)
        assert after == replace(
            before,
            calls=(*before.calls, "ours.chat"),
            parameters={**before.parameters, "team": "extra_headers.X-Team", "n": "many"},
        )
    assert len(book.surfaces) == len(shipped.surfaces)


def test_a_table_with_another_name_takes_the_place_of_the_known_ones_for_its_callees() -> None:
    own = {"name": "ours", "calls": ["litellm.Router"], "model": {"keyword": ["models"]}, "parameters": {"n": "n"}}
    book = load(extra=(own,))
    assert [one.name for one in book.surfaces_for("litellm.Router")] == ["ours"]
    assert [one.name for one in book.surfaces_for("litellm.router.Router")] == [
        "litellm.Router",
        "litellm.Router.model_name",
    ]
    whole = {**own, "calls": ["litellm.{,router.}Router"]}
    assert "litellm.Router" not in {one.name for one in load(extra=(whole,)).surfaces}


def test_two_tables_of_a_user_with_one_name_are_refused() -> None:
    twice = {"name": "openai.chat", "parameters": {"team": "user"}}
    with pytest.raises(RuleError, match=r"surface openai\.chat, key name: another surface has this name"):
        load(extra=(twice, twice))


OWN = """\
[migration]
target  = "acme/chat-next"
sources = [{ source = "a", checked = 2026-11-28 }]

[[rename]]
from = ["acme/chat-large", "acme/chat-large-{small,2024}", "other:mini"]
to   = "acme/chat-next"

[[model]]
name    = "acme/chat-large"
aliases = ["acme/chat-large-2024", "acme/chat-large-small", "other:mini"]
sources = [{ source = "a", checked = 2026-11-28 }]

[[model]]
name    = "acme/chat-next"
sources = [{ source = "a", checked = 2026-11-28 }]
"""


def own(folder: Path, old: str = "", new: str = "") -> str:
    """Write the table of a user's own migration, with one text changed."""
    assert old in OWN
    path = folder / "acme.toml"
    path.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    return str(path)


def test_what_a_migration_leaves_out_is_made_of_its_names(tmp_path: Path) -> None:
    name = own(tmp_path)
    migration = load(name).migrations[name]
    assert (migration.prefixes, migration.prefilter) == (("",), (b"chat-large", b"other"))
    assert migration.heads == migration.prefilter
    assert migration.pinned == migration.names
    assert migration.rename("acme/chat-large-2024", pin=True) == "acme/chat-next"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('target  = "acme/chat-next"', "target  = 5", "migration, key target: expected a string, found a whole number"),
        (
            'target  = "acme/chat-next"',
            'target  = "acme/chat-nxt"',
            "migration, key target: no [[model]] 'acme/chat-nxt'; did you mean 'acme/chat-next'?",
        ),
        (
            "sources =",
            'hosts = ["https://llm.acme.dev/v1"]\nsources =',
            "migration, key hosts: expected a host without a scheme and a path, found 'https://llm.acme.dev/v1'; "
            "write 'llm.acme.dev'",
        ),
        (
            "sources =",
            'hosts = ["/v1"]\nsources =',
            "migration, key hosts: expected a host without a scheme and a path, found '/v1'",
        ),
        (
            "sources =",
            'prefilter = ["chat-large", "other", "large2"]\nsources =',
            "migration, key prefilter: 'large2' is in no name of a [[rename]]; left out, it is made of the names",
        ),
        (
            "sources =",
            'prefilter = ["chat-large"]\nsources =',
            "migration, key prefilter: none of its texts is in 'other:mini', which would never be found",
        ),
        ("from =", "form =", "rename 1, key form: unknown key; did you mean 'from'?"),
        ('from = ["acme/chat-large",', 'from = ["",', "rename 1, key from: is empty"),
        ("sources =", "default = 1\nsources =", "migration, key default: expected true or false, found a whole number"),
    ],
)
def test_a_wrong_migration_of_a_user_says_what_to_write(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load(own(tmp_path, old, new))
    assert str(caught.value) == f"{tmp_path / 'acme.toml'}, {message}"


def test_a_host_may_have_a_port(tmp_path: Path) -> None:
    name = own(tmp_path, "sources =", 'hosts = ["localhost:4000"]\nsources =')
    assert load(name).migrations[name].hosts == ("localhost:4000",)


def test_all_tables_are_the_shipped_ones_and_the_users(tmp_path: Path) -> None:
    name, shipped = own(tmp_path), load()
    book = load_all(name)
    assert list(book.migrations) == [*shipped.migrations, name]
    assert list(book.models) == [*shipped.models, "acme/chat-large", "acme/chat-next"]
    assert load_all("gpt-6-luna").migrations == shipped.migrations
