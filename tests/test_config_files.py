"""Answer one question: are the models' names in configuration files changed exactly where they should?

``fixtures/config/<case>@<file name>.before.<suffix>`` becomes ``.after``; ``reported_`` and
``untouched_`` cases stay as they are. Without ``@`` the case is the file's name. A comment
``# expect: report azure`` names the decision and the reason that its line must get, or the next
line where it stands alone.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml
from file_cases import Case, cases
from hypothesis import given
from hypothesis import strategies as st

from migrator import filebook, rulebook
from migrator.discover import File
from migrator.flow.project import Project
from migrator.model import Edit, Position, Report, Review, Rewrite, Skip, Span
from migrator.plan_config import ConfigPlan, Surroundings, plan_config
from migrator.settings import Settings
from migrator.sources.config import read_config
from migrator.sources.entries import ConfigSource
from migrator.sources.pins import Pins
from migrator.tables import RuleError, Table
from migrator.verify_config import prove_config

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures" / "config"
TODAY = date(2026, 11, 22)
RULES = rulebook.load("gpt-4.1-mini")
MIGRATION = RULES.migrations["gpt-4.1-mini"]
# JSON has no comments: what is expected of its fixtures stands here.
TOLD = {
    "list_of_autogen": [(5, "report", "alias"), (8, "report", "azure")],
    "reported_answer": [(1, "report", "metadata")],
}
EXPECTATION = re.compile(r"(?:#|//|/\*) expect: ((?:(?:report|review) \w+(?:, )?)+)")


CASES = tuple(cases(FIXTURES))


def planned_files(
    folder: Path, texts: dict[str, bytes], settings: Settings | None = None, around: Surroundings | None = None
) -> ConfigPlan:
    """Write files into a folder and plan them."""
    for shown, data in texts.items():
        (folder / shown).parent.mkdir(parents=True, exist_ok=True)
        (folder / shown).write_bytes(data)
    found = [File(folder / shown, shown) for shown in texts]
    return plan_config(found, MIGRATION, RULES, settings or Settings(), today=TODAY, around=around)


def expected(text: str) -> list[tuple[int, str, str]]:
    """Read the remarks that a fixture asks for."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := EXPECTATION.search(line):
            is_alone = not line[: match.start()].strip()
            words = [remark.split(" ") for remark in match[1].strip().rstrip(",").split(", ")]
            found += [(number + is_alone, kind, reason) for kind, reason in words]
    return sorted(found)


def remarks(plan: ConfigPlan) -> list[tuple[int, str, str]]:
    """Give what a plan says of the values that it leaves alone."""
    kinds = [(d, "report" if isinstance(d, Report) else "review") for d in plan.decisions if not isinstance(d, Rewrite)]
    return sorted((d.finding.origin.position.line, kind, d.reason) for d, kind in kinds)


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_fixture_comes_out_as_written(case: Case, ends: str, tmp_path: Path) -> None:
    before, after = (data.replace(b"\n", ends.encode()) for data in (case.before, case.after))
    plan = planned_files(tmp_path, {case.shown: before})
    patched = {patch.shown: patch.after for patch in plan.patches}
    assert patched.get(case.shown, before) == after
    assert remarks(plan) == TOLD.get(case.name, expected(before.decode()))
    again = planned_files(tmp_path, {case.shown: after})
    assert again.patches == ()


def test_a_third_of_the_fixtures_stays_as_it_is() -> None:
    still = [case for case in CASES if case.before == case.after]
    assert len(still) >= len(CASES) / 3


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfa:\n  role: \xc3\xa9\n  goal: x\n  llm: gpt-4o\n"
    plan = planned_files(tmp_path, {"agents.yaml": data})
    assert [patch.after for patch in plan.patches] == [data.replace(b"gpt-4o", b"gpt-4.1-mini")]
    [decision] = plan.decisions
    assert decision.finding.origin.position == Position(None, 4, 8)


def test_what_is_held_for_review_is_written_only_on_request(tmp_path: Path) -> None:
    text = {"app.toml": b'model = "gpt-4o"\n'}
    assert planned_files(tmp_path, text).patches == ()
    [patch] = planned_files(tmp_path, text, Settings(review=True)).patches
    assert patch.after == b'model = "gpt-4.1-mini"\n'


def test_the_dated_name_is_written_on_request(tmp_path: Path) -> None:
    text = {".aider.conf.yml": b"model: gpt-4o\n"}
    [patch] = planned_files(tmp_path, text, Settings(pin=True)).patches
    assert patch.after == b"model: gpt-4.1-mini-2025-04-14\n"


def test_a_name_written_with_an_escape_is_told_about(tmp_path: Path) -> None:
    text = {"OAI_CONFIG_LIST": b'[{"model": "gpt\\u002d4o", "api_key": "gpt-4o"}]'}
    plan = planned_files(tmp_path, text)
    assert (plan.patches, ("report", "escaped") in [r[1:] for r in remarks(plan)]) == ((), True)


def test_a_common_variable_is_a_proof_where_the_library_is_required(tmp_path: Path) -> None:
    text = {".env.example": b"MODEL=gpt-4o\n"}
    assert [type(d) for d in planned_files(tmp_path, text).decisions] == [Review]
    plan = planned_files(tmp_path, text, around=Surroundings(lambda library, path: library == "crewai"))
    assert [patch.after for patch in plan.patches] == [b"MODEL=gpt-4.1-mini\n"]


def test_a_variable_that_code_sends_is_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text('import os, openai\nopenai.OpenAI().responses.create(model=os.environ["ANSWER_WITH"])\n')
    around = Surroundings(code=lambda: Project(tmp_path, {path: "app.py"}, Pins(tmp_path)))
    text = {"app.env": b"ANSWER_WITH=gpt-4o\n"}
    assert [type(d) for d in planned_files(tmp_path, text).decisions] == [Report]
    assert [type(d) for d in planned_files(tmp_path, text, around=around).decisions] == [Rewrite]


def test_an_entry_that_code_picks_by_name_is_left(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('f = {"filter_dict": {"model": ["gpt-4o"]}}\n')
    around = Surroundings(python=(File(tmp_path / "app.py", "app.py"),))
    text = {"OAI_CONFIG_LIST": b'[{"model": "gpt-4o"}]'}
    plan = planned_files(tmp_path, text, around=around)
    assert [(type(d), d.detail) for d in plan.decisions if isinstance(d, Report)] == [(Report, "filter_dict in app.py")]


def test_data_is_counted_and_left_out(tmp_path: Path) -> None:
    record = '{"model": "gpt-4o", "answer": 1}'
    texts = {
        "cassettes/deep/a.yaml": b"model: gpt-4o\n",
        "uv-lock.json": b'{"model": "gpt-4o"}',
        "llm_cache.json": b'{"model": "gpt-4o"}',
        "batch.jsonl": f"{record}\n{record}\n".encode(),
        "records.json": f"[{','.join([record] * 300)}]".encode(),
        "big.json": f'["{"x" * 1_000_001}", "gpt-4o"]'.encode(),
        "script.ts": b'const model = "gpt-4o"\n',
        "nothing.yaml": b"model: other\n",
    }
    plan = planned_files(tmp_path, texts)
    assert (plan.decisions, plan.patches, plan.skips) == ((), (), ())
    assert plan.counted == {
        "batch.jsonl": 2,
        "big.json": 1,
        "cassettes/deep/a.yaml": 1,
        "llm_cache.json": 1,
        "records.json": 300,
        "script.ts": 1,
        "uv-lock.json": 1,
    }
    assert plan.left_out == {
        "batch.jsonl": "a data set",
        "big.json": "larger than 1,000,000 bytes",
        "cassettes/deep/a.yaml": "recorded traffic",
        "llm_cache.json": "a cache",
        "records.json": "a data set",
        "uv-lock.json": "a lock file",
    }


def test_what_cannot_be_opened_or_is_no_text_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"model: gpt-4o\0")
    files = [File(tmp_path / name, name) for name in ("a.yaml", "gone.yaml")]
    assert plan_config(files, MIGRATION, RULES, Settings(), today=TODAY) == ConfigPlan()


def test_without_the_transform_nothing_is_written(tmp_path: Path) -> None:
    plan = planned_files(tmp_path, {".aider.conf.yml": b"model: gpt-4o\n"}, Settings(transforms=()))
    assert ([type(d) for d in plan.decisions], plan.patches) == ([Rewrite], ())


def test_a_known_file_with_prices_is_no_data(tmp_path: Path) -> None:
    entry = "- {model_name: m%d, litellm_params: {model: gpt-4o}, model_info: {input_cost_per_token: 1}}\n"
    data = ("model_list:\n" + "".join(entry % number for number in range(9))).encode()
    plan = planned_files(tmp_path, {"config.yaml": data})
    assert [patch.after for patch in plan.patches] == [data.replace(b"gpt-4o", b"gpt-4.1-mini")]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["gpt-4o", "a", "b", "c"], "model_list"),
        (["gpt-4o", "a", "a", "a"], "unproven"),
        (["gpt-4o", "a", "b"], "unproven"),
        (["gpt-4o", *["a"] * 19], "model_list"),
    ],
)
def test_one_of_many_of_its_kind_is_of_a_catalogue(values: list[str], reason: str, tmp_path: Path) -> None:
    data = json.dumps({"llm": [{"llm_name": value} for value in values]}).encode()
    assert [r[2] for r in remarks(planned_files(tmp_path, {"a.json": data}))] == [reason]


def test_a_wish_that_is_over_counts_no_more(tmp_path: Path) -> None:
    plan = planned_files(tmp_path, {"a.yaml": b"model: gpt-4o # migrator: ignore[until=2020-01-01] over\n"})
    assert (plan.ignored, [r[2] for r in remarks(plan)]) == (0, ["unproven"])


@pytest.mark.parametrize(
    ("shown", "data", "reason"),
    [
        ("a.yaml", b"a: [gpt-4o\n", "line 2: not valid YAML"),
        ("a.yaml", b"{% if x %}\nmodel: gpt-4o\n", "a template is not read, change it by hand"),
        ("a.json", b'{"a": gpt-4o}', "line 1: not valid JSON"),
        ("a.json", b'{"model": "gpt-4o", "model": "x"}', "a key stands twice"),
        ("a.toml", b"a = gpt-4o", "not valid TOML"),
        ("a.yaml", b"a: gpt-4o\n\xff\n", "line 2: not valid UTF-8"),
        ("a.yaml", b"[" * 5000 + b"gpt-4o" + b"]" * 5000, "too deeply nested"),
    ],
)
def test_what_cannot_be_read_is_skipped_with_a_reason(shown: str, data: bytes, reason: str, tmp_path: Path) -> None:
    plan = planned_files(tmp_path, {shown: data})
    assert [reason in skip.reason and not skip.is_error for skip in plan.skips] == [True]
    assert plan.decisions == ()


def test_aliases_that_unfold_without_end_are_skipped() -> None:
    levels = "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    found = read_config(Path("a.yaml"), "a.yaml", f"a0: &a0 [gpt-4o]\n{levels}".encode())
    assert isinstance(found, Skip)
    assert "aliases" in found.reason


def read(shown: str, text: str) -> ConfigSource:
    """Read a text that must be readable."""
    found = read_config(Path(shown), shown, text.encode())
    assert isinstance(found, ConfigSource), found
    return found


@pytest.mark.parametrize(
    ("shown", "text", "wanted"),
    [
        ("a.yaml", "a: &x gpt-4o\nb: {c: *x}\n--- # é\n- 'q'\n", [(("a",), "gpt-4o"), ((0,), "q")]),
        (
            "a.yaml",
            "a: &d {m: x, n: y}\nb: {<<: *d, m: z}\n",
            [(("a", "m"), "x"), (("a", "n"), "y"), (("b", "m"), "z")],
        ),
        ("a.json", '{"é": [1, {"m": "x"}], "n": "é\\n"}', [(("é", 1, "m"), "x"), (("n",), "é\n")]),
        ("a.jsonc", '{// "c"\n"m": "//x", /* "y" */}', [(("m",), "//x")]),
        (
            "a.toml",
            'a.b = "x"\n[[t]]\n[[t]]\n"k é" = \'y\'\n[t.u]\nl = ["z", {m = "w"}]\n',
            [
                (("a", "b"), "x"),
                (("t", 1, "k é"), "y"),
                (("t", 1, "u", "l", 0), "z"),
                (("t", 1, "u", "l", 1, "m"), "w"),
            ],
        ),
        (".env", "#A=1\nexport B = 'x' # c\nC=y#z\nD=\"a b\"\n", [(("B",), "x"), (("C",), "y#z"), (("D",), "a b")]),
        ("a.ini", '[s]\nk = v\nm: "w"\nn =\n  one\n  two\n', [(("s", "k"), "v"), (("s", "m"), "w")]),
    ],
)
def test_values_are_found_with_their_keys(shown: str, text: str, wanted: list[tuple[object, str]]) -> None:
    found = read(shown, text)
    assert [(entry.keys, entry.value) for entry in found.entries if entry.is_text] == wanted
    data = text.encode()
    plain = [e for e in found.entries if e.is_plain and e.is_text]
    assert [data[e.span.start : e.span.end].decode() for e in plain] == [e.value for e in plain]


def test_the_places_of_an_anchor_are_all_known() -> None:
    found = read("a.yaml", "d: &d {m: x}\nb: {<<: *d}\nc: {<<: *d, m: y}\ne: [*d]\n")
    assert found.entries[0].places == (("d", "m"), ("b", "m"), ("e", 0, "m"))


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("a: new # x\nb: gpt-4o\n", None),
        ("a: new # y\nb: gpt-4o\n", "a byte outside the edits changed"),
        ("a: new\nb: gpt-4o\n", "a byte outside the edits changed"),
        ("a: new # x\nb: other\n", "line 2: b is not the old value with the planned edits"),
        ("a: neu # x\nb: gpt-4o\n", "line 1: a is not the old value with the planned edits"),
        ("a: new # x\nb: gpt-4o\nc: 1\n", "a value came or went"),
        ("a: new # x\nc: gpt-4o\n", "line 2: b is another value now"),
        ("a: [new # x\nb: gpt-4o\n", "the new text does not parse"),
        ("\ufeffa: new # x\nb: gpt-4o\n", "the encoding became utf-8-sig"),
    ],
)
def test_a_change_is_proven_or_refused(after: str, reason: str | None) -> None:
    before = read("a.yaml", "a: gpt-4o # x\nb: gpt-4o\n")
    edit = Edit("a.yaml", Span(3, 9), "new", "model")
    found = prove_config(before, [edit], after.encode())
    assert (found or "").startswith(reason) if reason else found is None


def test_an_edit_outside_the_values_is_refused() -> None:
    before = read("a.yaml", "a: gpt-4o # x\n")
    edit = Edit("a.yaml", Span(12, 13), "y", "model")
    assert prove_config(before, [edit], b"a: gpt-4o # y\n") == "an edit is outside the values"


# -- properties -----------------------------------------------------------------------------------

MODELS = ["gpt-4o", "gpt-4o-mini", "openai/gpt-4o"]
NAMES = st.sampled_from([*MODELS, "plain", "é😀", "a # b", "it's", 'say "x"', "", "\\"])
TREES = st.recursive(
    NAMES | st.integers() | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "llm", "k é", "a.b", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from(["model", "llm", "k é", "name"]), TREES, min_size=1, max_size=4)


def renamed(value: object) -> object:
    """Rename every name of a model in a tree of values, keys left alone."""
    if isinstance(value, dict):
        return {key: renamed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [renamed(child) for child in value]
    return MIGRATION.rename(value) or value if isinstance(value, str) else value


def all_renamed(config: ConfigSource) -> tuple[bytes, tuple[Edit, ...]]:
    """Change every value that names a model, and prove it."""
    from migrator.edits import apply

    edits = tuple(
        Edit(config.source.shown, e.span, str(MIGRATION.rename(e.value)), "model")
        for e in config.entries
        if e.is_text and e.is_plain and MIGRATION.rename(e.value)
    )
    after = apply(config.source, edits)
    assert prove_config(config, edits, after) is None
    return after, edits


@given(TABLES, st.sampled_from([None, 2]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_json_says_the_same_but_for_the_names(tree: object, indent: int | None, is_ascii: bool, ends: str) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=is_ascii).replace("\n", ends)
    after, _ = all_renamed(read("a.json", text))
    assert json.loads(after) == renamed(tree)
    assert after.decode() == json.dumps(renamed(tree), indent=indent, ensure_ascii=is_ascii).replace("\n", ends)


STYLES = st.sampled_from([None, "'", '"', "|"])


@given(TABLES, st.sampled_from([True, False, None]), STYLES, st.sampled_from(["\n", "\r\n"]))
def test_yaml_says_the_same_but_for_the_names(tree: object, flow: bool | None, style: str | None, ends: str) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, default_style=style, allow_unicode=True).replace("\n", ends)
    config = read("a.yaml", text)
    after, edits = all_renamed(config)
    if style != "|":  # a block is prose, whatever it says
        assert yaml.safe_load(after) == renamed(tree)
    else:
        assert edits == () or "?" in text or flow


def toml_of(value: object) -> str:
    """Write a value as TOML has it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml_of(child) for child in value) + ", # c\n]" if value else "[]"
    if isinstance(value, str):
        return f"'{value}'" if "o" in value and "'" not in value else json.dumps(value, ensure_ascii=False)
    return "0" if value is None else json.dumps(value)


def without_none(value: object) -> object:
    """Put what ``toml_of`` writes for None in its place."""
    if isinstance(value, dict):
        return {key: without_none(child) for key, child in value.items()}
    if isinstance(value, list):
        return [without_none(child) for child in value]
    return 0 if value is None else value


@given(TABLES, TABLES, st.sampled_from(["[t]", "[[t]]", "[ t . 'u' ] # [x]"]))
def test_toml_says_the_same_but_for_the_names(first: dict[str, object], second: dict[str, object], head: str) -> None:
    text = "".join(f"{json.dumps(k, ensure_ascii=False)} = {toml_of(v)} # gpt-4o\n" for k, v in first.items())
    text += f"\n{head}\n" + "".join(f"'{k}' = {toml_of(v)}\n" for k, v in second.items())
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # a line break inside an inline table
        assert isinstance(read_config(Path("a.toml"), "a.toml", text.encode()), Skip)
        return
    after, _ = all_renamed(read("a.toml", text))
    assert tomllib.loads(after.decode()) == renamed(tree)


@given(
    st.lists(
        st.sampled_from(
            [
                "A=gpt-4o",
                "B='gpt-4o' # c",
                "#C=gpt-4o",
                "",
                'D="gpt-4o',
                "export E=x",
                "F: gpt-4o",
                "G=gpt-4o-mini\t",
                "[s]",
                " i = gpt-4o",
                "j = gpt-4o",
            ]
        )
    ),
    st.sampled_from([".env", "a.ini"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_only_values_of_lines_change(lines: list[str], shown: str, ends: str) -> None:
    text = ends.join(lines)
    after, edits = all_renamed(read(shown, text))
    assert len(after.decode().split(ends)) == len(text.split(ends))
    assert after.count(b"gpt-4.1-mini") == len(edits)


# -- the tables -----------------------------------------------------------------------------------


def test_every_kind_of_file_is_read() -> None:
    shapes = filebook.load(RULES.reasons)
    assert {
        "litellm.proxy",
        "crewai.agents",
        "promptfoo.config",
        "autogen.config_list",
        "gpt-researcher.llm",
        "aider.conf",
    } <= {shape.name for shape in shapes}
    assert all(shape.library.source and shape.library.checked for shape in shapes)


LIBRARY = {"name": "x", "checked": "1", "source": "s"}
FILE = {"name": "x.y", "files": ["*.yaml"], "model": ["a.*"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"file": FILE}, "rules/files/x.toml, key library: is missing"),
        (
            {"library": LIBRARY, "file": {**FILE, "modle": []}},
            "rules/files/x.toml, file x.y, key modle: unknown key; did you mean 'model'?",
        ),
        ({"library": LIBRARY, "file": {**FILE, "files": []}}, "rules/files/x.toml, file x.y, key files: is missing"),
        ({"library": LIBRARY, "file": {"name": "x.y", "files": "*"}}, "key model: is missing, and variables too"),
        ({"library": LIBRARY, "file": {**FILE, "unique": "yes"}}, "key unique: expected true or false"),
        ({"library": LIBRARY, "file": {**FILE, "held": {"reason": "azure", "detail": "d"}}}, "key paths: is missing"),
    ],
)
def test_a_wrong_table_names_file_table_and_key(data: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError) as caught:
        filebook.read(Table("rules/files/x.toml", "", data))
    assert message in str(caught.value).replace("file, key", "file x.y, key")


def test_a_reason_that_no_table_has_is_an_error() -> None:
    with pytest.raises(RuleError, match="no reason"):
        filebook.load({})


@pytest.mark.parametrize(
    ("pattern", "keys", "is_match"),
    [
        ("a.*.b", ("a", 0, "b"), True),
        ("a.*.b", ("a", "b"), False),
        ("**.b", ("b",), True),
        ("**.b", ("x", 1, "b"), True),
        ("a.**", ("a", "x", "y"), True),
        ("a", ("a", "b"), False),
    ],
)
def test_patterns_of_keys(pattern: str, keys: tuple[str | int, ...], is_match: bool) -> None:
    assert filebook.matches(tuple(pattern.split(".")), keys) is is_match


OWN = """\
[migration]
target   = "next"
prefixes = ["", "acme/"]
hosts    = ["llm.acme.example"]
sources  = [{ source = "a", checked = 2026-11-28 }]

[[rename]]
from = ["large"]
to   = "next"

[[model]]
name    = "large"
sources = [{ source = "a", checked = 2026-11-28 }]

[[model]]
name    = "next"
sources = [{ source = "a", checked = 2026-11-28 }]
"""
PROXY = """\
model_list:
- model_name: a
  litellm_params:
    model: acme/large
    api_base: https://HOST
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.yaml", "llm:\n  model: acme/large\n  base_url: https://HOST/v1\n"),
        ("app.json", '{"llm": {"model": "acme/large", "api_base": "https://HOST"}}\n'),
        ("app.toml", '[llm]\nmodel = "large"\nendpoint = "HOST"\n'),
        ("proxy.yaml", PROXY),
        (".env", "LLM_MODEL=large\nLLM_BASE_URL=https://HOST/v1\n"),
    ],
)
@pytest.mark.parametrize("host", ["llm.acme.example", "llm.other.example"])
def test_the_hosts_of_a_migration_are_known_in_files_too(name: str, text: str, host: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    rules = rulebook.load(str(tmp_path / "own.toml"))
    path = tmp_path / name
    path.write_text(text.replace("HOST", host), encoding="utf-8")
    (migration,) = rules.migrations.values()
    found = plan_config([File(path, name)], migration, rules, Settings(migration=migration.name), today=TODAY)
    (decision,) = found.decisions
    assert (getattr(decision, "reason", "") == "foreign_endpoint") == (host != "llm.acme.example")
    assert isinstance(decision, Rewrite) == (name == "proxy.yaml" and host == "llm.acme.example")
