"""Answer one question: what does one comparison do, from the plan of a change to its report?"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import urlsplit

from migrator import __version__, plan, prices
from migrator.evidence import Money, ShadowReport, SiteEvidence
from migrator.folders import project_root
from migrator.model import Plan
from migrator.plan_prompts import Target
from migrator.rulebook import Rulebook, load, load_migration
from migrator.settings import Settings, SettingsError
from migrator.shadow import accepted
from migrator.shadow.account import evidence
from migrator.shadow.comparators import own
from migrator.shadow.linked import load_linked
from migrator.shadow.links import link_cases
from migrator.shadow.model import Usage
from migrator.shadow.outlook import Outlook, outlook, total
from migrator.shadow.prepare import Prepared, Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import Look, Rounds, Sender, State
from migrator.shadow.run.model import Got
from migrator.shadow.wanted import configured, functions

VERSION = 1
# The tables that say how the request itself has its parameters.
REQUESTS = {"chat/completions": "openai.chat", "responses": "openai.responses"}
SERVER = "https://api.openai.com/v1"
PEEK, FIRST_WAVE, LAST_WAVE = 10, 20, 160


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asks of a comparison.

    ``sites`` limits it to calls whose ids begin so, or whose places are these (``app.py:12``); none means all.
    ``cap`` is the most that may be spent, in dollars. ``canned`` says that the answers are scripted, and how.
    """

    paths: tuple[Path, ...]
    settings: Settings
    base_url: str = SERVER
    cap: float | None = None
    is_batch: bool = False
    sites: tuple[str, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    canned: str = ""

    @property
    def server(self) -> str:
        """Give the host that answers, without a login that the address may hold."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url


@dataclass(frozen=True, eq=False)
class Ready:
    """A comparison before anything is sent: the change, the calls that are compared, and what that would take."""

    order: Order
    root: Path
    plan: Plan
    targets: tuple[Target, ...]
    prepared: Prepared

    @cached_property
    def book(self) -> Rulebook:
        """Read the tables, with the user's own prices."""
        settings = self.order.settings
        return prices.with_own(load(settings.migration, settings.surfaces), settings.prices)

    @cached_property
    def outlooks(self) -> tuple[Outlook, ...]:
        """Look ahead, site by site."""
        return tuple(outlook(trial, self.price) for trial in self.prepared.trials)

    def price(self, model: str, usage: Usage) -> float | None:
        """Give the list price of a call, in dollars; None where the tables do not know the model."""
        known = prices.model_of(model, self.book)
        cost = prices.call_cost(known, usage.input, usage.cached, usage.output) if known is not None else None
        return None if cost is None else float(cost)


def ready(order: Order, cwd: Path, progress: plan.Progress | None = None) -> Ready:
    """Plan the change and put the recorded cases to its calls. Reads files, and sends nothing."""
    if "model" not in order.settings.transforms:
        raise SettingsError("a comparison is of two models: let the transform 'model' run, or leave --shadow out")
    paths = order.paths or (Path(),)
    planned, targets = plan.targets(paths, order.settings, cwd=cwd, today=date.today(), progress=progress)
    chosen = _chosen(targets, order.sites)
    root = project_root(paths, cwd)
    sites = load_linked(root)
    recorded = [case for site in sites for case in site.cases]
    links = link_cases(root, sites, [target.site for target in targets], cwd)
    wishes = configured(order.wishes, order.settings.shadow, functions(recorded, links))
    order = replace(order, wishes=wishes)
    prepared = prepare(chosen, recorded, links, _move(order.settings), wishes)
    return Ready(order, root, planned, chosen, prepared)


def _chosen(targets: tuple[Target, ...], sites: Sequence[str]) -> tuple[Target, ...]:
    """Give the calls that are asked for. Raises SettingsError for a name that is none of a call that changes."""
    names = {target.site.id: f"{target.site.shown}:{target.site.position.line}" for target in targets}
    for site in sites:
        if not any(_is_called(site, *name) for name in names.items()):
            known = ", ".join(f"{id} ({place})" for id, place in names.items()) or "none"
            raise SettingsError(f"--site {site}: no call that changes is called so; there are: {known}")
    return tuple(
        target
        for target in targets
        if not sites or any(_is_called(s, target.site.id, names[target.site.id]) for s in sites)
    )


def _is_called(said: str, site: str, place: str) -> bool:
    return bool(said) and (site.startswith(said) or place == said)


def _move(settings: Settings) -> Move:
    migration = load_migration(settings.migration)
    parameters = migration.parameters if "parameters" in settings.transforms else ()
    tables = {surface.name: surface.parameters for surface in load(settings.migration).surfaces} if parameters else {}
    spelled = {endpoint: tables[name] for endpoint, name in REQUESTS.items() if name in tables}
    rename = partial(migration.rename, pin=settings.pin)
    return Move(lambda name: rename(name) if migration.match(name) else None, parameters, spelled)


def compare(found: Ready, sender: Sender, look: Look = lambda _: None) -> ShadowReport:
    """Send what it takes, and say what the answers show."""
    _import_comparators(found)
    waves = _growing if found.order.is_batch else lambda _: PEEK
    rounds = Rounds(sender, found.order.wishes.alpha, waves, look=look)
    states = rounds.run(found.prepared.trials)
    wanted = accepted.load(found.root, date.today(), found.order.settings.migration)
    groups = {trial.site: [s for s in states if s.trial.site == trial.site] for trial in found.prepared.trials}
    sites = tuple(
        evidence(group, rounds.answers, rounds.blames.get(site), wanted.get(site), found.price)
        for site, group in groups.items()
    )
    return report(found, sites, _money(found, rounds.answers), is_complete=not any(map(_is_cut_short, states)))


def _import_comparators(found: Ready) -> None:
    """Import the user's own comparators from the project's root, before anything is paid for."""
    for name in dict.fromkeys(trial.contract.own for trial in found.prepared.trials if trial.contract.own):
        try:
            own.load(name, found.root)
        except ValueError as error:
            raise SettingsError(str(error)) from None


def _growing(number: int) -> int:
    """Waves of a batch grow, so that a broken site is known early and a good one does not wait for many batches."""
    return min(FIRST_WAVE << number, LAST_WAVE)


def _is_cut_short(state: State) -> bool:
    return state.is_stopped


def report(found: Ready, sites: tuple[SiteEvidence, ...], money: Money, *, is_complete: bool) -> ShadowReport:
    """Put the sites of a comparison and what stands around them together."""
    return ShadowReport(
        version=VERSION,
        tool=__version__,
        migration=found.order.settings.migration,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(found.root),
        server=found.order.server,
        canned=found.order.canned,
        alpha=found.order.wishes.alpha,
        sites=sites,
        held=found.prepared.held,
        unlinked=found.prepared.unlinked,
        money=money,
        is_batch=found.order.is_batch,
        is_complete=is_complete,
        notes=tuple(_notes(found)),
    )


def _notes(found: Ready) -> Sequence[str]:
    count = found.prepared.redacted
    if not count:
        return ()
    return (f"{count} requests hold placeholders in place of what was redacted, and are sent with those",)


def _money(found: Ready, answers: Mapping[str, Got]) -> Money:
    _, _, low, high = total(found.outlooks)
    fresh = [got for got in answers.values() if not got.is_stored]
    kept = [got for got in answers.values() if got.is_stored]
    return Money(
        spent=sum(got.cost for got in fresh),
        stored=sum(got.cost for got in kept),
        low=low or 0.0,
        high=high or 0.0,
        cap=found.order.cap,
        calls=len(fresh),
        stored_calls=len(kept),
    )


def _commit(root: Path) -> str:
    """Give the commit of the project; "" where there is none."""
    asked = ("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10, env=_quiet())
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _quiet() -> Mapping[str, str]:
    return {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
