"""Answer one question: what does one comparison do, from the plan of a change to its report?"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import urlsplit

from migrator import __version__, plan, prices
from migrator.evidence import Judged, Money, ShadowReport, SiteEvidence, Step
from migrator.folders import project_root
from migrator.model import Plan
from migrator.plan_prompts import Target
from migrator.rulebook import Rulebook, load, load_migration
from migrator.settings import Settings, SettingsError
from migrator.shadow import accepted
from migrator.shadow.account import evidence, share
from migrator.shadow.comparators import own
from migrator.shadow.comparators.embedding import question
from migrator.shadow.comparators.judge import questions
from migrator.shadow.comparators.settle import Doubt
from migrator.shadow.linked import load_linked
from migrator.shadow.links import Links
from migrator.shadow.model import Usage
from migrator.shadow.outlook import Advice, Outlook, embedded, judged, outlook, total
from migrator.shadow.prepare import Prepared, Wishes, prepare
from migrator.shadow.requests import Move
from migrator.shadow.rounds import Look, Rounds, Sender, State
from migrator.shadow.run.cost import BATCH_FACTOR, worst_case
from migrator.shadow.run.model import Got
from migrator.shadow.settling import Adviser, Settling, decided
from migrator.shadow.shares import rate
from migrator.shadow.wanted import configured, functions

VERSION = 1
# The tables that say how the request itself has its parameters.
REQUESTS = {"chat/completions": "openai.chat", "responses": "openai.responses"}
SERVER = "https://api.openai.com/v1"
PEEK, FIRST_WAVE, LAST_WAVE = 10, 20, 160


def host(url: str) -> str:
    """Give the host of an address, without a login."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


@dataclass(frozen=True, slots=True)
class Advised:
    """A model for what stays undecided, and where it is asked."""

    model: str
    url: str


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
        return host(self.base_url)

    @property
    def advisers(self) -> Mapping[Step, Advised]:
        """Give the models that are to decide what stays undecided, in the order in which they are asked."""
        said = self.settings.shadow
        named: tuple[tuple[Step, str, str], ...] = (
            ("embeddings", said.embeddings, said.embeddings_url),
            ("judge", said.judge, said.judge_url),
        )
        return {step: Advised(model, url or self.base_url) for step, model, url in named if model}


@dataclass(frozen=True, eq=False)
class Ready:
    """A comparison before anything is sent: the change, the calls that are compared, and what that would take.

    ``keys`` gives the id that a scan from the project's root gives a call, by its own.
    """

    order: Order
    root: Path
    cwd: Path
    plan: Plan
    targets: tuple[Target, ...]
    prepared: Prepared
    keys: Mapping[str, str]

    @cached_property
    def book(self) -> Rulebook:
        """Read the tables, with the user's own prices."""
        settings = self.order.settings
        return prices.with_own(load(settings.migration, settings.surfaces), settings.prices)

    @cached_property
    def outlooks(self) -> tuple[Outlook, ...]:
        """Look ahead, site by site."""
        return tuple(outlook(trial, self.price) for trial in self.prepared.trials)

    @cached_property
    def advice(self) -> Mapping[Step, Advice]:
        """Look ahead for embeddings and the judge, as many requests as they can take together."""
        ahead = {"embeddings": embedded, "judge": judged}
        found = {
            step: [ahead[step](trial, one.model, self.price) for trial in self.prepared.trials]
            for step, one in self.order.advisers.items()
        }
        return {
            step: Advice(
                sum(one.calls for one in each),
                None if any(one.cost is None for one in each) else sum(one.cost or 0.0 for one in each),
            )
            for step, each in found.items()
        }

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
    links = Links(root, [target.site for target in targets], cwd)
    explained = links.all(sites)
    linked = {one.case: one.sites for one in explained if one.sites}
    wishes = configured(order.wishes, order.settings.shadow, functions(recorded, linked))
    order = replace(order, wishes=wishes)
    reasons = {one.case: one.why for one in explained}
    prepared = prepare(chosen, recorded, linked, _move(order.settings), wishes, reasons)
    return Ready(order, root, cwd, planned, chosen, prepared, {own: key for key, own in links.ids.items()})


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


def compare(
    found: Ready, sender: Sender, look: Look = lambda _: None, *, others: Mapping[Step, Sender] | None = None
) -> ShadowReport:
    """Send what it takes, and say what the answers show. ``others`` send to the judge and for vectors, if not all do.

    Raises SettingsError before anything is sent, where a comparator cannot be imported or the cap cannot be kept.
    """
    _import_comparators(found)
    _check_prices(found)
    advisers = {
        step: Adviser(one.model, (others or {}).get(step, sender)) for step, one in found.order.advisers.items()
    }
    settling = Settling(advisers.get("embeddings"), advisers.get("judge"))
    waves = _growing if found.order.is_batch else lambda _: PEEK
    rounds = Rounds(sender, found.order.wishes.alpha, waves, settling, look=look)
    states = rounds.run(found.prepared.trials)
    wanted = accepted.load(found.root, date.today(), found.order.settings.migration)
    groups = {trial.site: [s for s in states if s.trial.site == trial.site] for trial in found.prepared.trials}
    sites = tuple(
        _at_root(
            found, evidence(group, rounds.answers, rounds.blames.get(site), wanted.get(found.keys[site]), found.price)
        )
        for site, group in groups.items()
    )
    is_complete = not settling.is_out and not any(map(_is_cut_short, states))
    told = report(found, sites, _money(found, {**rounds.answers, **settling.answers}), is_complete=is_complete)
    notes = (*told.notes, *_not_accepted(sites, wanted))
    return replace(told, server=_servers(found, settling), steps=tuple(_judged(found, settling, groups)), notes=notes)


def _at_root(found: Ready, site: SiteEvidence) -> SiteEvidence:
    """Name a call as it is seen from the project's root, from wherever the report is read later."""
    file = Path(os.path.relpath(found.cwd / site.file, found.root)).as_posix()
    return replace(site, key=found.keys[site.site], file=file)


def _not_accepted(sites: Sequence[SiteEvidence], wanted: Mapping[str, accepted.Accepted]) -> Iterator[str]:
    """Say where something is found that an acceptance does not cover."""
    for site in sites:
        one = wanted.get(site.key)
        if one is not None and site.accepted is None and site.outcome != "pass":
            new = "; ".join(one.beyond(site.exchanges))
            yield f"{site.file}:{site.line}: what was accepted does not cover what is found now: {new}"


def _servers(found: Ready, settling: Settling) -> str:
    """Name the hosts that were asked."""
    others = [host(one.url) for one in found.order.advisers.values()] if settling.answers else []
    return " and ".join(dict.fromkeys((found.order.server, *others)))


def _check_prices(found: Ready) -> None:
    """See that a cap can be kept with a judge and with embeddings, before anything is paid for."""
    for step, one in found.order.advisers.items():
        model = prices.model_of(one.model, found.book)
        body = question(("",), one.model) if step == "embeddings" else questions(Doubt("", ""), one.model)[0]
        if found.order.cap is not None and (model is None or worst_case(body, model) is None):
            raise SettingsError(
                f"no price is known of {one.model}, the {step} model, so that --max-usd cannot be kept; give it as a "
                "'price' in the configuration, or leave --max-usd out"
            )


def _judged(found: Ready, settling: Settling, groups: Mapping[str, Sequence[State]]) -> Iterator[Judged]:
    """Say of each site what its steps were worth, and how many answers they decided."""
    for site, steps in settling.steps.items():
        count = decided([one for state in groups[site] for one in state.found])
        for name, step in zip(found.order.advisers, steps, strict=True):
            known = step.calibration
            rates = (known.false, known.seen, known.missed) if known is not None else (rate(0, 0),) * 3
            false, seen, missed = map(share, rates)
            yield Judged(
                site=site,
                step=name,
                model=found.order.advisers[name].model,
                used=step.decide is not None,
                reason=step.objection,
                false_alarms=false,
                detected=seen,
                missed=missed,
                decided=count[name],
            )


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
        places={
            target.site.id: f"{target.site.shown}:{target.site.position.line}"
            for target in found.targets
            if target.site.id in found.prepared.held
        },
    )


def _notes(found: Ready) -> Sequence[str]:
    count = found.prepared.redacted
    if not count:
        return ()
    return (f"{count} requests hold placeholders in place of what was redacted, and are sent with those",)


def _money(found: Ready, answers: Mapping[str, Got]) -> Money:
    _, _, low, high = total(found.outlooks)
    advice = sum(one.cost or 0.0 for one in found.advice.values())
    fresh = [got for got in answers.values() if not got.is_stored]
    kept = [got for got in answers.values() if got.is_stored]
    return Money(
        spent=sum(got.cost for got in fresh),
        stored=sum(_would_cost(found, got) for got in kept),
        low=low or 0.0,
        high=(high or 0.0) + advice,
        cap=found.order.cap,
        calls=len(fresh),
        stored_calls=len(kept),
    )


def _would_cost(found: Ready, got: Got) -> float:
    """What an answer that is there would cost now, in dollars; 0 where no price is known."""
    name = str((got.body or {}).get("model", ""))
    cost = found.price(name, got.usage) if got.usage is not None else None
    return (cost or 0.0) * (float(BATCH_FACTOR) if found.order.is_batch else 1)


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
