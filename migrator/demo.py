"""Answer one question: what does the whole job look like, from the first scan to a change that held up?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from migrator import evidence_report, plan, receipt, report, shadow_words, survey_report
from migrator.comparison import Order, compare, ready
from migrator.deliver import html
from migrator.deliver.diff import styled, unified
from migrator.deliver.terminal import show, width
from migrator.deliver.write import write
from migrator.demo_server import CANNED, serving
from migrator.evidence import ShadowReport
from migrator.lines import BLANK, Line, plural, wrapped
from migrator.model import Plan, Receipt
from migrator.prompt_words import Tables
from migrator.rulebook import Rulebook, load, load_caching
from migrator.settings import Settings, SettingsError
from migrator.shadow import cases, listing
from migrator.shadow.gate import gate
from migrator.shadow.run.runner import Runner
from migrator.shadow.run.store import Store
from migrator.shadow_session import keep
from migrator.survey import survey

SETTINGS = Settings()
# A word that is no key: the scripted server asks for none, the SDK does.
NO_KEY = "no-key"
MOST_USD = 2.0
PAGE = "shadow-report.html"
NEEDED = "The rest sends requests, to a scripted server: pip install 'migrator-llm[shadow]' and run the demo again."


def play(kept: Path | None = None) -> bool:
    """Scan, show the diff and the prompts, record, compare, apply what holds up; say whether all of it went well.

    The sample is copied to a temporary folder, or to ``kept``, which must be new. Raises SettingsError otherwise.
    """
    book = load(SETTINGS.migration)
    with _copy(kept) as root:
        show(_opening())
        first = _scan(root)
        _step("migrator scan", _report(first, book))
        _step("migrator apply --diff", chain.from_iterable(styled(unified(one)) for one in first.patches))
        _step("migrator cache", _prompts(root, book))
        if find_spec("openai") is None:
            show([BLANK, *wrapped(NEEDED, width(), indent="", style="review")])
            return bool(first.patches)
        with serving() as address:
            told = _compared(root, address)
        done, second = _applied(root, told, book)
        show([BLANK, *_closing(second, told, kept)])
        return _is_well(done, second, told)


def sample() -> Path:
    """Find the sample: inside the package when installed, among the fixtures in a checkout."""
    inside = Path(__file__).parent / "sample"
    return inside if inside.exists() else Path(__file__).parent.parent / "fixtures" / "repos" / "sample"


@contextmanager
def _copy(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        if kept.exists():
            raise SettingsError(f"{kept}: is there already; name a new folder")
        shutil.copytree(sample(), kept)
        yield kept.resolve()
        return
    with TemporaryDirectory(prefix="migrator-demo-") as folder:
        root = Path(folder).resolve() / "helpdesk"
        shutil.copytree(sample(), root)
        yield root


def _scan(root: Path, settings: Settings = SETTINGS) -> Plan:
    return plan.make((root,), settings, cwd=root, today=date.today())


def _prompts(root: Path, book: Rulebook) -> Iterator[Line]:
    found = survey((root,), SETTINGS, cwd=root, today=date.today())
    tables = Tables(book, book.migrations[SETTINGS.migration], load_caching())
    yield from survey_report.rows(found, tables, show_all=False, width=width())


def _report(found: Plan, book: Rulebook) -> Iterator[Line]:
    yield from report.rows(found, book, explain=False, quiet=False, width=width())
    yield from report.summary(found, book, review=False, width=width())


def _compared(root: Path, address: str) -> ShadowReport:
    """Record what the sample sends to the scripted server, and compare the models there."""
    _step("migrator record -- python -m helpdesk.day", wrapped(CANNED, width(), indent="", style="review"))
    _record(root, address)
    _step("migrator cases list", listing.table(cases.load(root), width()))
    order = Order((root,), SETTINGS, base_url=address, cap=MOST_USD, canned=CANNED)
    found = ready(order, root)
    _step(f"migrator shadow --max-usd {MOST_USD:g}", shadow_words.outlook(found, width()))
    with Store(root, found.order.server) as store, Runner(store, found.book, address, NO_KEY, MOST_USD) as runner:
        told = compare(found, runner)
        keep(root, told)
        (root / PAGE).write_bytes(html.document(told))
    show([BLANK, *evidence_report.rows(told, width())])
    return told


def _record(root: Path, address: str) -> None:
    command = (sys.executable, "-m", "migrator", "record", "--", sys.executable, "-m", "helpdesk.day")
    done = subprocess.run(command, cwd=root, env=_surroundings(address), capture_output=True, check=False, timeout=300)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SettingsError(f"the sample could not be run: {''.join(last)}")


def _surroundings(address: str) -> Mapping[str, str]:
    """What the sample runs with: our server, and no key of the user's."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_"))}
    return {**ours, "OPENAI_BASE_URL": address, "OPENAI_API_KEY": NO_KEY, "PYTHONUTF8": "1"}


def _applied(root: Path, told: ShadowReport, book: Rulebook) -> tuple[Receipt, Plan]:
    """Apply what holds up, and scan again with the same gate."""
    held = replace(SETTINGS, gate=gate(told))
    first = _scan(root, held)
    done = write(first.patches)
    _step("migrator apply --shadow", receipt.receipt(done, first, book, review=False, width=width()))
    second = _scan(root, held)
    _step("git diff", chain.from_iterable(styled(unified(one)) for one in first.patches))
    return done, second


def _is_well(done: Receipt, second: Plan, told: ShadowReport) -> bool:
    return bool(done.written) and not done.left and not second.patches and told.is_complete


def _step(command: str, lines: Iterable[Line]) -> None:
    show([BLANK, ((f"$ {command}", "command"),), BLANK])
    show(lines)


def _opening() -> Iterator[Line]:
    yield (("A small help desk, copied to a temporary folder. No network, no key.", ""),)


def _closing(second: Plan, told: ShadowReport, kept: Path | None) -> Iterator[Line]:
    if second.patches:
        yield (("The second scan still finds something to change.", "error"),)
        return
    passed = sum(site.action == "apply" for site in told.sites)
    text = f"Done: {plural(passed, 'call')} held up and changed; the rest stays for a person, with the reason."
    yield from wrapped(text, width(), indent="", style="rewrite")
    where = f"All of it is in {kept}; open {PAGE} there." if kept else "The copy is gone; --keep FOLDER keeps it"
    where = where if kept else f"{where}, with {PAGE}."
    yield from wrapped(f"{where} Try it on your own code: migrator scan PATH", width(), indent="")
