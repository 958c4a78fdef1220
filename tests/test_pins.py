"""Answer one question: is a library that is held too low told apart from one that is not?"""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.sources import pins
from migrator.sources.pins import Refusal

NEEDED = "litellm>=1.66.1"


def lay_out(root: Path, **files: str) -> None:
    """Write files below ``root``; no name here needs more than a path as its keyword."""
    for shown, text in files.items():
        path = root / shown
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def asked(root: Path, path: str = "app/llm.py", needed: str = NEEDED) -> str | None:
    """Ask about one file and give the detail of the refusal."""
    refusal = pins.read(root).refuses(needed, root / path)
    return None if refusal is None else refusal.detail


TOO_OLD = [
    ("requirements.txt", "openai\nrich\nlitellm==1.60.2\n", "litellm==1.60.2", 3),
    ("requirements.txt", "litellm[proxy] == 1.60.2  # keep\n", "litellm[proxy] == 1.60.2", 1),
    ("requirements.txt", "\ufeffLiteLLM===1.60.2\n", "LiteLLM===1.60.2", 1),
    (
        "requirements.txt",
        "litellm==1.60.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n",
        "litellm==1.60.2",
        1,
    ),
    (
        "requirements.txt",
        'rich \\\n  >=13\nlitellm<1.60,>=1.50; python_version > "3.8"\n',
        "litellm<1.60,>=1.50",
        3,
    ),
    ("requirements.txt", "-e .\n--index-url x\nlitellm (<1.66.1)\n", "litellm (<1.66.1)", 3),
    ("requirements-dev.txt", "litellm<=1.66.0", "litellm<=1.66.0", 1),
    ("dev-requirements.txt", "litellm~=1.65.0", "litellm~=1.65.0", 1),
    ("requirements/base.txt", "litellm==1.65.*", "litellm==1.65.*", 1),
    ("pyproject.toml", '[project]\ndependencies = [\n  "litellm<1.60",\n]\n', "litellm<1.60", 3),
    (
        "pyproject.toml",
        '# litellm==1.60.2\n[project.optional-dependencies]\nllm = ["litellm==1.60.2"]\n',
        "litellm==1.60.2",
        3,
    ),
    (
        "pyproject.toml",
        '[dependency-groups]\ndev = [{include-group = "a"}, "litellm<1.60"]',
        "litellm<1.60",
        2,
    ),
    ("pyproject.toml", '[tool.uv]\nconstraint-dependencies = ["litellm<1.60"]', "litellm<1.60", 2),
    ("pyproject.toml", '[tool.uv]\ndev-dependencies = ["litellm<1.60"]', "litellm<1.60", 2),
    (
        "pyproject.toml",
        '[project]\ndependencies = ["litellm"]\n[tool.uv]\noverride-dependencies = ["litellm==1.60"]',
        "litellm==1.60",
        4,
    ),
    ("pyproject.toml", '[tool.pdm.dev-dependencies]\ntest = ["litellm<1.60"]', "litellm<1.60", 2),
    (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.9"\nlitellm = "1.60.2"',
        "litellm 1.60.2",
        3,
    ),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "^0.13"', "litellm ^0.13", 2),
    ("pyproject.toml", '[tool.poetry.dev-dependencies]\nlitellm = "~1.60.2"', "litellm ~1.60.2", 2),
    (
        "pyproject.toml",
        '[tool.poetry.group.llm.dependencies]\nlitellm = { version = "1.60.*", extras = ["proxy"] }',
        "litellm 1.60.*",
        2,
    ),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "^0.1 || ~1.60"', "litellm ^0.1 || ~1.60", 2),
    ("Pipfile", '[packages]\nlitellm = "==1.60.2"\n', "litellm ==1.60.2", 2),
    ("Pipfile", '[dev-packages]\nlitellm = {version = "<1.60", extras = ["proxy"]}\n', "litellm <1.60", 2),
    (
        "Pipfile.lock",
        '{\n "_meta": {},\n "default": {\n  "litellm": {\n   "version": "==1.60.2"\n  }\n }\n}',
        "litellm==1.60.2",
        4,
    ),
    (
        "uv.lock",
        'version = 1\n\n[[package]]\nname = "litellm"\nversion = "1.60.2"\ndependencies = [\n'
        '    { name = "openai", version = "2.0" },\n]\n',
        "litellm==1.60.2",
        5,
    ),
    (
        "poetry.lock",
        '[[package]]\nname = "litellm"\nversion = "1.60.2"\n\n[package.dependencies]\nopenai = "*"\n',
        "litellm==1.60.2",
        3,
    ),
    ("pdm.lock", '[[package]]\nname = "litellm"\nversion = "1.60.2"\n', "litellm==1.60.2", 3),
    ("pylock.toml", "[[packages]]\nname = 'litellm'\nversion = '1.60.2'\n", "litellm==1.60.2", 3),
    ("pylock.dev.toml", '[[packages]]\nname = "litellm"\nversion = "1.60.2"\n', "litellm==1.60.2", 3),
    (
        "setup.cfg",
        "[options]\ninstall_requires =\n    rich\n    litellm==1.60.2  # old\n",
        "litellm==1.60.2",
        4,
    ),
    ("setup.cfg", "[options.extras_require]\nllm = litellm<1.60; extra\n", "litellm<1.60", 2),
    (
        "setup.py",
        "import setuptools\nsetuptools.setup(\n  install_requires=[\n    'litellm==1.60.2',\n  ])\n",
        "litellm==1.60.2",
        4,
    ),
    ("setup.py", "setup(extras_require={'litellm': ('litellm<1.60',)})\n", "litellm<1.60", 1),
    ("environment.yml", "dependencies:\n  - python=3.11\n  - litellm=1.60\n", "litellm=1.60", 3),
    ("environment.yml", "  - conda-forge::litellm=1.60.2=py_0 # old\n", "litellm=1.60.2=py_0", 1),
    ("environment.yml", "  - litellm 1.60.2\n", "litellm 1.60.2", 1),
    ("environment-dev.yaml", "  - pip:\n    - 'litellm[proxy]==1.60.2'\n", "litellm[proxy]==1.60.2", 2),
]


@pytest.mark.parametrize(("shown", "text", "written", "line"), TOO_OLD)
def test_a_version_that_is_held_too_low_is_refused(
    shown: str, text: str, written: str, line: int, tmp_path: Path
) -> None:
    lay_out(tmp_path, **{shown: text})
    refusal = pins.read(tmp_path).refuses(NEEDED, tmp_path / "app" / "llm.py")
    assert refusal == Refusal(f"{written} in {shown}:{line}; needs >=1.66.1", shown, line)


OPEN = [
    ("requirements.txt", "litellm\n"),
    ("requirements.txt", "litellm>=1.50\n"),
    ("requirements.txt", "litellm>1.50,!=1.60\n"),
    ("requirements.txt", "litellm==1.66.1\n"),
    ("requirements.txt", "litellm==1.66.*\n"),
    ("requirements.txt", "litellm<=1.66.1\n"),
    ("requirements.txt", "litellm<1.66.2\n"),
    ("requirements.txt", "litellm~=1.60\n"),
    ("requirements.txt", "litellm===old\n"),
    ("requirements.txt", "litellm==\n"),
    ("requirements.txt", "# litellm==1.60.2\n"),
    ("requirements.txt", "my-litellm==1.60.2\nlitellm-proxy==0.1\n"),
    ("requirements.txt", "litellm @ git+https://example.org/litellm@v1.60.2\n"),
    ("requirements.txt", 'litellm==1.60.2; python_version < "3.9"\nlitellm==1.80; python_version >= "3.9"\n'),
    ("requirements.txt", 'litellm==1.60.2; python_version < "3.9"\nlitellm\n'),
    ("pyproject.toml", '[build-system]\nrequires = ["litellm==1.60.2"]'),
    ("pyproject.toml", '[project]\ndependencies = "litellm==1.60.2"'),
    ("pyproject.toml", '[project]\ndependencies = ["litellm==1.60.2"'),
    (
        "pyproject.toml",
        '[project]\ndependencies = ["litellm<1.60"]\n[tool.uv]\noverride-dependencies = ["litellm>=1.80"]',
    ),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "^1.60.2"'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "~1"'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "*"'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "<1.60 || ^1.70"'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = { git = "https://example.org/litellm" }'),
    (
        "pyproject.toml",
        '[tool.poetry.dependencies]\nlitellm = [{ version = "1.60", python = "<3.9" }, '
        '{ version = "^1.70", python = ">=3.9" }]',
    ),
    ("Pipfile", '[packages]\nlitellm = "*"\n[scripts]\nlitellm = "1.60"\n'),
    ("Pipfile.lock", "{"),
    ("Pipfile.lock", '{"default": {"litellm": {"git": "https://example.org/litellm"}}}'),
    ("pylock.toml", '[[packages]]\nversion = "1.60.2"\nname = "litellm"\n'),
    ("setup.py", "setup(name='litellm', version='1.60.2', install_requires=['rich'])"),
    ("requirements.txt", f"litellm=={'1' * 5000}\n"),
    (
        "uv.lock",
        '[[package]]\nname = "dspy"\nversion = "2"\ndependencies = [\n    { name = "litellm" },\n]\n',
    ),
    (
        "uv.lock",
        '[[package]]\nname = "litellm"\nversion = "1.60.2"\n[[package]]\nname = "litellm"\nversion = "1.80.0"\n',
    ),
    ("poetry.lock", '[[package]]\nname = "litellm"\n\n[[package]]\nname = "rich"\nversion = "1.60.2"\n'),
    ("setup.cfg", "install_requires = litellm==1.60.2\n"),
    ("setup.cfg", "[metadata]\nname = litellm\nversion = 1.60.2\n"),
    ("setup.py", "setup(install_requires=open('r').read() + 'litellm==1.60.2')"),
    ("setup.py", "setup(install_requires=['litellm==1.60.2']"),
    ("setup.py", "other(install_requires=['litellm==1.60.2'])"),
    ("environment.yml", "  - litellm>=1.60\n"),
    ("environment.yml", "  - litellm=1.66\n"),
    ("environment.yml", "  - litellm=1.*\n"),
    ("constraints.txt", "litellm==1.60.2\n"),
]


@pytest.mark.parametrize(("shown", "text"), OPEN)
def test_what_proves_nothing_refuses_nothing(shown: str, text: str, tmp_path: Path) -> None:
    lay_out(tmp_path, **{shown: text})
    assert asked(tmp_path) is None


def test_no_project_file_refuses_nothing(tmp_path: Path) -> None:
    assert asked(tmp_path) is None


def test_the_nearest_folder_that_names_the_library_decides(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        **{
            "requirements.txt": "litellm==1.60.2\n",
            "app/requirements.txt": "litellm>=1.50\n",
            "jobs/requirements.txt": "rich\n",
            "old/deep/requirements.txt": "litellm==1.40.0\n",
        },
    )
    assert asked(tmp_path, "app/core/llm.py") is None
    assert asked(tmp_path, "jobs/llm.py") == "litellm==1.60.2 in requirements.txt:1; needs >=1.66.1"
    assert asked(tmp_path, "old/deep/llm.py") == "litellm==1.40.0 in old/deep/requirements.txt:1; needs >=1.66.1"
    assert asked(tmp_path, "llm.py", "litellm>=1.50") is None


def test_nothing_above_the_root_is_read(tmp_path: Path) -> None:
    lay_out(tmp_path, **{"requirements.txt": "litellm==1.60.2\n", "app/llm.py": ""})
    assert asked(tmp_path / "app", "llm.py") is None
    assert pins.read(tmp_path / "app").refuses(NEEDED, tmp_path / "llm.py") is None


LOCK = '[[package]]\nname = "litellm"\nversion = "{}"\n'


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        (
            {"pyproject.toml": '[project]\ndependencies=["litellm>=1.50"]', "uv.lock": LOCK.format("1.60.2")},
            "litellm==1.60.2 in uv.lock:3; needs >=1.66.1",
        ),
        (
            {"pyproject.toml": '[project]\ndependencies=["litellm<1.60"]', "uv.lock": LOCK.format("1.80")},
            None,
        ),
        (
            {
                "pyproject.toml": '[project]\ndependencies=["litellm>=1.50"]',
                "requirements.txt": "litellm==1.60.2\n",
            },
            "litellm==1.60.2 in requirements.txt:1; needs >=1.66.1",
        ),
        (
            {
                "setup.cfg": "[options]\ninstall_requires = litellm<1.60\n",
                "requirements.txt": "litellm==1.80",
            },
            None,
        ),
        (
            {"requirements.txt": "litellm>=1.50", "requirements-prod.txt": "litellm<1.60"},
            "litellm<1.60 in requirements-prod.txt:1; needs >=1.66.1",
        ),
    ],
)
def test_a_lock_file_or_exact_pin_beats_a_range(files: dict[str, str], detail: str | None, tmp_path: Path) -> None:
    lay_out(tmp_path, **files)
    assert asked(tmp_path) == detail


def test_included_files_count_where_they_are_included(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        **{
            "shared/base.txt": "-c held.txt\nlitellm\n",
            "shared/held.txt": "-r base.txt\nlitellm==1.60.2\n",
            "app/requirements.txt": "-r ../shared/base.txt\n-r missing.txt\n",
            "jobs/environment.yml": "  - pip:\n    - -r ../shared/held.txt\n",
            "lib/requirements.txt": "--constraint=../shared/held.txt\n",
        },
    )
    detail = "litellm==1.60.2 in shared/held.txt:2; needs >=1.66.1"
    assert [asked(tmp_path, f"{folder}/llm.py") for folder in ("app", "jobs", "lib", "shared")] == [
        *[detail] * 3,
        None,
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_requirements_are_read_in_the_encodings_that_pip_meets(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("# für uns\r\nlitellm==1.60.2\r\n".encode(encoding))
    assert asked(tmp_path) == "litellm==1.60.2 in requirements.txt:2; needs >=1.66.1"


@pytest.mark.parametrize("written", ["llama-index-llms-openai", "llama_index.llms.openai", "Llama_Index-LLMs-OpenAI"])
def test_names_are_compared_as_pypi_does(written: str, tmp_path: Path) -> None:
    lay_out(tmp_path, **{"requirements.txt": f"{written}==0.3.2\n"})
    needed = "llama-index-llms-openai>=0.3.35"
    assert asked(tmp_path, needed=needed) == f"{written}==0.3.2 in requirements.txt:1; needs >=0.3.35"


@pytest.mark.parametrize("needed", ["litellm", "litellm==1.66.1", "litellm>=?", ""])
def test_a_requirement_without_a_lower_bound_refuses_nothing(needed: str, tmp_path: Path) -> None:
    lay_out(tmp_path, **{"requirements.txt": "litellm==1.60.2\n"})
    assert asked(tmp_path, needed=needed) is None


def test_a_folder_is_read_once_and_only_when_asked(tmp_path: Path) -> None:
    known = pins.read(tmp_path)
    lay_out(tmp_path, **{"requirements.txt": "litellm==1.60.2\n"})
    first = known.refuses(NEEDED, tmp_path / "llm.py")
    (tmp_path / "requirements.txt").unlink()
    assert first is not None
    assert known.refuses(NEEDED, tmp_path / "llm.py") == first


def test_a_project_file_that_is_a_folder_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    (tmp_path / "Pipfile").mkdir()
    assert asked(tmp_path) is None
