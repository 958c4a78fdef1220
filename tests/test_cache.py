"""Answer one question: is a result from the cache always the one that a fresh run would give?"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import cache, codec, discover, fingerprint, model, plan
from migrator.cli import run
from migrator.model import Finding, How, Origin, Patch, Plan, Position, Report, Rewrite, Skip, Span
from migrator.settings import Settings

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "fixtures" / "repos" / "sample"
CALL = 'from openai import OpenAI\n\nOpenAI().responses.create(model="gpt-4o", input="x")\n'
TODAY = date(2026, 1, 2)
NAME = "0" * 64

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links work otherwise there")

few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
st.register_type_strategy(Path, st.text(st.characters(exclude_characters="\0", codec="utf-8")).map(Path))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with one call in it, and go there."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text(CALL, encoding="utf-8")
    (project / "pyproject.toml").write_text('[project]\nname = "app"\n', encoding="utf-8")
    monkeypatch.chdir(project)
    return project


def make(folder: Path, settings: Settings | None = None, today: date = TODAY, kept: Path | None = cache.FOLDER) -> Plan:
    """Plan a folder, with the cache below it."""
    return plan.make([folder], settings or Settings(), cwd=folder, today=today, cache=kept)


def entries(folder: Path) -> set[str]:
    """Give the names of what is kept."""
    return {path.stem for path in (folder / cache.FOLDER).glob("*.json")}


MIGRATION = "gpt-4.1-mini"
LIE = Plan(MIGRATION, (), (), ())


def lie(folder: Path, plan: Plan = LIE) -> Path:
    """Replace what the one entry says by: nothing was found. A run that shows this has read the entry."""
    (path,) = (folder / cache.FOLDER).glob("*.json")
    name, _ = json.loads(path.read_bytes())
    path.write_text(json.dumps([name, codec.encode(Plan, plan)]), encoding="ascii")
    return path


# Values become JSON and the same values again.


KINDS = [kind for kind in vars(model).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@few
@given(data=st.data())
def test_every_value_of_the_model_is_the_same_again(kind: type[object], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert codec.decode(kind, json.loads(json.dumps(codec.encode(kind, value)))) == value


def test_what_is_no_text_is_the_same_again() -> None:
    origin = Origin("\udcff.py", Span(0, 1), Position(None, 1, 1), Position(0, 1, 2), "\0\u2028", How.INLINE, "")
    finding = Finding("\ud800", origin, (), (), None)
    patch = Patch(Path("/\udcff.py"), "\udcff.py", bytes(range(256)), b"", ())
    value = Plan("m", (Rewrite(finding, "n"), Report(finding, "r", "")), (patch,), (), others={"\udc80": 2})
    assert codec.decode(Plan, json.loads(json.dumps(codec.encode(Plan, value)))) == value


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@few
@given(ANYTHING)
def test_other_json_is_refused(data: object) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(Plan, data)


@few
@given(st.from_type(Finding), ANYTHING, st.data())
def test_a_changed_place_is_refused_or_of_the_type(value: Finding, other: object, data: st.DataObject) -> None:
    encoded = codec.encode(Finding, value)
    assert isinstance(encoded, list)
    place = data.draw(st.integers(0, len(encoded) - 1))
    changed = [*encoded[:place], other, *encoded[place + 1 :]]
    try:
        found = codec.decode(Finding, changed)
    except codec.CodecError:
        return
    assert codec.encode(Finding, found) == changed


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Skip, ["a", "b", 1]),
        (Span, [True, 1]),
        (Span, [1.0, 2]),
        (Span, [1]),
        (Span, {"start": 1, "end": 2}),
        (Patch, ["a", "a", "no base64", "", []]),
        (Patch, ["a", "a", "é", "", []]),
        (Origin, ["a", [0, 1], [None, 1, 1], [None, 1, 1], "v", "nowhere", ""]),
        (Plan, ["m", [["Source", []]], [], [], 0, 0, 0, {}, []]),
        (Plan, ["m", [["Skip", ["a", "b", False]]], [], [], 0, 0, 0, {}, []]),
        (Plan, ["m", [], [], [], 0, 0, 0, [], []]),
    ],
)
def test_a_near_miss_is_refused(kind: type[object], data: object) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(kind, data)


@pytest.mark.parametrize("kind", [object, list, dict[int, int], tuple[int | str, ...]])
def test_a_type_without_a_way_is_an_error_of_ours(kind: type[object]) -> None:
    with pytest.raises(TypeError, match="no way to"):
        codec.encode(kind, ())


# The same input gives the same plan.


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the sample repository, and go there."""
    copy = tmp_path / "sample"
    shutil.copytree(SAMPLE, copy)
    monkeypatch.chdir(copy)
    return copy


def test_the_second_plan_is_the_first(sample: Path) -> None:
    bare = make(sample, kept=None)
    assert not (sample / ".migrator").exists()
    first = make(sample)
    assert len(entries(sample)) == 1
    assert first == make(sample) == bare
    assert bare.decisions


@pytest.mark.parametrize("arguments", [(), ("--explain",), ("--format", "json"), ("--format", "github"), ("-q",)])
def test_the_same_bytes_with_and_without(
    sample: Path, capfdbinary: pytest.CaptureFixture[bytes], arguments: tuple[str, ...]
) -> None:
    def scanned(*more: str) -> tuple[int, bytes, bytes]:
        code = run(["scan", *arguments, *more])
        return code, *capfdbinary.readouterr()

    bare = scanned("--no-cache")
    assert not (sample / ".migrator").exists()
    assert bare == scanned() == scanned()
    assert len(entries(sample)) == 1
    lie(sample)
    assert bare != scanned()
    assert bare == scanned("--no-cache")


def test_an_entry_is_read(folder: Path) -> None:
    make(folder)
    lie(folder)
    assert make(folder).decisions == ()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("app.py", CALL + "# more\n"),
        ("other.py", "x = 1\n"),
        ("requirements.txt", "openai==1.0\n"),
        ("requirements/base.txt", "openai==1.0\n"),
        ("pyproject.toml", '[project]\nname = "openai"\n'),
        ("setup.py", ""),
        ("config.yaml", "model: gpt-4o\n"),
        (".env", "MODEL=gpt-4o\n"),
    ],
)
def test_a_changed_file_is_another_entry(folder: Path, shown: str, text: str) -> None:
    make(folder)
    _write(folder / shown, text)
    lie(folder)
    assert make(folder).decisions != ()
    assert len(entries(folder)) == 2


def test_what_a_requirements_file_includes_counts(folder: Path) -> None:
    _write(folder / "requirements.txt", "-r ../pinned.in\n")
    _write(folder / "../pinned.in", "openai==1.0\n")
    make(folder)
    _write(folder / "../pinned.in", "openai==2.0\n")
    make(folder)
    assert len(entries(folder)) == 2


def test_another_day_or_setting_is_another_entry(folder: Path) -> None:
    make(folder)
    make(folder, today=date(2026, 1, 3))
    make(folder, Settings(review=True))
    make(folder, Settings(surfaces=({"name": "own", "calls": ["own.call"], "model": {"keyword": ["model"]}},)))
    assert len(entries(folder)) == 4


@pytest.mark.parametrize("name", ["FORMAT", "__version__"])
def test_another_version_is_another_entry(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(folder)
    lie(folder)
    monkeypatch.setattr(fingerprint, name, "next")
    assert make(folder).decisions != ()


@pytest.mark.parametrize("shown", ["rules/models/a.toml", "migrator/rules/a.toml", "migrator/flow/a.py"])
def test_other_rules_or_modules_are_another_entry(
    folder: Path, tmp_path: Path, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path / "migrator")
    _write(tmp_path / shown, "a = 1\n")
    make(folder)
    lie(folder)
    assert make(folder).decisions == ()
    _write(tmp_path / shown, "a = 2\n")
    assert make(folder).decisions != ()


OPENED: list[Path] = []
WATCHED: list[Path] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHED and event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | os.PathLike):
        path = Path(os.path.abspath(os.fspath(arguments[0])))  # noqa: PTH100 - as opened
        if path.is_relative_to(WATCHED[0]):
            OPENED.append(path)


sys.addaudithook(_watch)


@contextmanager
def opened(root: Path) -> Iterator[list[Path]]:
    """Collect what is opened below a folder."""
    OPENED.clear()
    WATCHED.append(root)
    try:
        yield OPENED
    finally:
        WATCHED.clear()


def test_a_plan_opens_nothing_that_the_fingerprint_does_not(sample: Path) -> None:
    _write(sample / "requirements.txt", "-r more/pins.in\nopenai==2.0\n")
    _write(sample / "more/pins.in", "langchain-openai==1.0\n")
    with opened(sample) as paths:
        make(sample, kept=None)
        planned = {path for path in paths if path.is_file()}
    selection = discover.select([sample], Settings(), sample)
    known, others = ({f.path: f.shown for f in files} for files in (selection.python, selection.others))
    with opened(sample) as paths:
        fingerprint.take(fingerprint.Inputs(sample, known, others, {}, Settings(), TODAY))
        taken = set(paths)
    assert {sample / "helpdesk/answer.py", sample / "more/pins.in"} - planned == set()
    assert planned - taken == set()


# What is kept, and where.


def test_the_folder_hides_itself(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    make(folder)
    status = subprocess.run(["git", "status", "--porcelain", "-uall"], check=True, capture_output=True, text=True)
    assert status.stdout == "?? app.py\n?? pyproject.toml\n"
    assert (folder / cache.FOLDER / cache.TAG).read_bytes().startswith(cache.SIGNATURE)
    assert make(folder, kept=None) == make(folder)


@posix
def test_only_its_owner_reads_an_entry(folder: Path) -> None:
    make(folder)
    (path,) = (folder / cache.FOLDER).glob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_kept_without_a_hit(folder: Path) -> None:
    _write(folder / "app.py", "x = 1\n")
    make(folder)
    assert run(["scan", "-q"]) == 0
    assert not (folder / ".migrator").exists()


def test_nothing_is_kept_of_standard_input(folder: Path) -> None:
    command = [sys.executable, "-m", "migrator", "scan", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=CALL.encode(), env=environment, capture_output=True)
    assert done.returncode == 1
    assert not (folder / ".migrator").exists()


@pytest.mark.parametrize("arguments", [("--diff",), ("--diff", "--format", "json"), ()])
def test_apply_computes(folder: Path, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    run(["scan"])
    lie(folder)
    assert run(["scan"]) == 0
    assert run(["apply", *arguments]) == (1 if arguments else 0)
    changed = (folder / "app.py").read_text(encoding="utf-8") + capfd.readouterr().out
    assert "gpt-4.1-mini" in changed


def test_the_newest_are_kept(folder: Path) -> None:
    days = [date(2026, 1, day) for day in range(1, 12)]
    for number, day in enumerate(days):
        make(folder, today=day)
        for path in (folder / cache.FOLDER).glob("*.json"):
            if path.stat().st_mtime > 1_000_000:
                os.utime(path, (number, number))
    before = entries(folder)
    assert len(before) == cache.KEPT
    make(folder, today=days[-1])
    make(folder, today=days[-cache.KEPT])
    assert entries(folder) == before


def test_an_error_is_not_kept(folder: Path) -> None:
    planned = Plan("m", (), (), (Skip("a.py", "broken", is_error=True),))
    inputs = fingerprint.Inputs(folder, {folder / "app.py": "app.py"}, {}, {}, Settings(), TODAY)
    assert cache.remembered(cache.FOLDER, inputs, lambda: planned) == planned
    assert not (folder / ".migrator").exists()


def test_a_file_that_changes_while_planning_keeps_nothing(folder: Path) -> None:
    def planned() -> Plan:
        _write(folder / "app.py", "x = 1\n")
        return Plan("m", (), (), ())

    inputs = fingerprint.Inputs(folder, {folder / "app.py": "app.py"}, {}, {}, Settings(), TODAY)
    cache.remembered(cache.FOLDER, inputs, planned)
    assert not (folder / ".migrator").exists()


# What others put there.


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"[1,2,3]", b"null", b'["x",["m"]]', b"[" * 100_000])
def test_what_is_broken_is_passed_over(folder: Path, data: bytes) -> None:
    first = make(folder)
    path = lie(folder)
    path.write_bytes(data)
    assert make(folder) == first
    lie(folder)
    assert make(folder).decisions == (), "and is replaced"


def test_an_entry_under_another_name_is_passed_over(folder: Path) -> None:
    first = make(folder)
    path = lie(folder)
    path.write_text(json.dumps([NAME, codec.encode(Plan, LIE)]), encoding="ascii")
    assert make(folder) == first


def _told(shown: str, reason: str, migration: str = MIGRATION) -> Plan:
    here = Position(None, 1, 1)
    finding = Finding("id", Origin(shown, Span(0, 1), here, here, "gpt-4o", How.INLINE, ""), (), (), None)
    return Plan(migration, (Report(finding, reason, ""),), (), ())


@pytest.mark.parametrize(
    "told",
    [
        _told("app.py", "escaped", "gpt-9"),
        _told("../elsewhere.py", "escaped"),
        _told("app.py", "no such reason"),
        Plan(MIGRATION, (), (Patch(Path("/x"), "../x", b"", b"", ()),), ()),
    ],
)
def test_what_cannot_be_said_of_these_files_is_passed_over(folder: Path, told: Plan) -> None:
    first = make(folder)
    lie(folder, told)
    assert make(folder) == first
    lie(folder, _told("app.py", "escaped"))
    assert make(folder).decisions == _told("app.py", "escaped").decisions


@posix
def test_an_entry_with_the_mode_that_git_gives_is_passed_over(folder: Path) -> None:
    first = make(folder)
    lie(folder).chmod(0o644)
    assert make(folder) == first


@posix
def test_a_link_or_a_pipe_is_passed_over(folder: Path, tmp_path: Path) -> None:
    first = make(folder)
    path = lie(folder)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert make(folder) == first
    path.unlink()
    os.mkfifo(path, 0o600)
    assert make(folder) == first


@posix
@pytest.mark.parametrize("linked", [".migrator", ".migrator/cache"])
def test_a_link_leads_nowhere(folder: Path, tmp_path: Path, linked: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (folder / linked).parent.mkdir(exist_ok=True)
    (folder / linked).symlink_to(target)
    make(folder)
    assert list(target.iterdir()) == []


def test_a_folder_with_other_things_stays_as_it_is(folder: Path) -> None:
    _write(folder / cache.FOLDER / "mine.txt", "mine")
    make(folder)
    assert [path.name for path in (folder / cache.FOLDER).iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("blocked", [".migrator", ".migrator/cache"])
def test_a_folder_that_cannot_be_made_is_no_error(folder: Path, blocked: str) -> None:
    _write(folder / blocked, "a file")
    assert make(folder) == make(folder, kept=None)


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    folder.chmod(0o500)
    assert make(folder) == make(folder, kept=None)
    folder.chmod(0o700)


def test_an_interrupted_start_is_finished(folder: Path) -> None:
    _write(folder / cache.FOLDER / cache.IGNORE, "*\n")
    make(folder)
    assert len(entries(folder)) == 1


def test_a_named_folder_is_used(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--cache-dir", "../results"]) == 1
    assert not (folder / ".migrator").exists()
    assert len(list((tmp_path / "results").glob("*.json"))) == 1
    assert run(["scan", "--cache-dir", "."]) == 2
    assert capfd.readouterr().err == ("migrator: --cache-dir .: holds other files; name a new or an empty folder\n")
    assert not (folder / cache.IGNORE).exists()


def test_every_type_of_a_plan_is_known() -> None:
    kinds = {kind.__name__ for kind in get_args(model.Decision)}
    assert kinds == {"Rewrite", "Review", "Report"}
    assert set(get_type_hints(Plan)) == {field.name for field in dataclasses.fields(Plan)}
