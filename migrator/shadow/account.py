"""Answer one question: what does the report say of one site?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median, quantiles

from migrator.evidence import Action, Arm, Attribution, Difference, Exchange, Flip, Share, SiteEvidence
from migrator.shadow.accepted import Accepted
from migrator.shadow.bind import messages_of
from migrator.shadow.model import Answer, Case, Comparison, Outcome, Rate, Reply, Usage, Verdict
from migrator.shadow.rounds import Blame, State
from migrator.shadow.run.model import Cell
from migrator.shadow.shares import rate
from migrator.shadow.statistics import by_template
from migrator.shadow.trial import Answers, Item, Seen, Trial, ask, is_answer, noisy_fields

# Dollars of a call by the model's name and its tokens; None where no price is known.
Price = Callable[[str, Usage], float | None]
# Of the cases whose answers are the same so many are shown.
SAME_SHOWN = 20
WEIGHTS: Mapping[Flip, float] = {"failure": 5, "loss": 4, "both": 3, "undecided": 2, "gain": 1, "same": 0}
CALLS = 1_000


def evidence(
    states: Sequence[State], answers: Answers, blame: Blame | None, accepted: Accepted | None, price: Price
) -> SiteEvidence:
    """Give what was found at a site; ``states`` are of the whole change, then of its halves where they were tried.

    What was ``accepted`` counts only where nothing is found that it does not cover.
    """
    whole = states[0]
    trial, verdict = whole.trial, whole.verdict
    assert verdict is not None, "a site is judged before it is told of"
    place, numbers = trial.target.site, verdict.numbers
    told = exchanges(whole.found)
    wanted = accepted.acceptance if accepted is not None and not accepted.beyond(told) else None
    before, after = _arm(trial, Cell.OLD, whole, answers, price), _arm(trial, trial.half, whole, answers, price)
    return SiteEvidence(
        site=trial.site,
        file=place.shown,
        line=place.position.line,
        function=next((item.case.place.function for item in trial.items if item.case.place is not None), ""),
        surface=place.surface,
        contract=trial.contract.kind.value,
        why=trial.contract.why,
        changes=_changes(trial),
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        action="apply" if wanted is not None else _action(states),
        cases=trial.cases,
        compared=numbers.cases,
        unbound=_unbound(trial, whole, answers),
        margin=trial.rule.margin,
        noise=share(numbers.noise),
        new=share(numbers.new),
        losses=numbers.losses,
        gains=numbers.gains,
        undecided=numbers.undecided,
        excess=numbers.excess,
        error=numbers.error,
        mcnemar=numbers.mcnemar,
        better=numbers.better,
        worse=numbers.worse,
        before=before,
        after=after,
        path=whole.path,
        templates=_templates(whole),
        noisy_fields=noisy_fields(trial, whole.found),
        more=verdict.more,
        more_cost=_more_cost(verdict, before, after),
        attribution=_attribution(blame),
        accepted=wanted,
        exchanges=told,
    )


def _changes(trial: Trial) -> tuple[str, ...]:
    made = {"model": True, "order": trial.target.layout is not None, "cache_key": bool(trial.target.key)}
    return tuple(name for name, is_made in made.items() if is_made)


def _action(states: Sequence[State]) -> Action:
    """What may be done: all of it, the half that passed alone, or nothing."""
    passed = [s.trial.half for s in states if s.verdict is not None and s.verdict.outcome is Outcome.PASS]
    if Cell.NEW in passed:
        return "apply"
    if Cell.MODEL in passed:
        return "model"
    return "layout" if Cell.LAYOUT in passed else "hold"


def _unbound(trial: Trial, state: State, answers: Answers) -> Mapping[str, int]:
    """The cases that were not compared, by reason: those that cannot be, and those whose answers did not come."""
    asked = trial.items[: state.asked]
    missing = len(asked) - len(state.found)
    reasons: Counter[str] = Counter()
    if missing:
        known = {one.item.case.id for one in state.found}
        reasons.update(_silence(trial, item, answers) for item in asked if item.case.id not in known)
    return {**trial.unbound, **reasons}


def _silence(trial: Trial, item: Item, answers: Answers) -> str:
    old = answers.get(ask(item, trial.site, Cell.OLD).digest)
    if old is not None and old.body is None and is_answer(old):
        return f"the old model no longer answers: {old.error}"
    return "no answer came"


def share(found: Rate) -> Share:
    """Give a rate as the report has it."""
    return Share(found.count, found.total, found.interval.low, found.interval.high)


def _templates(state: State) -> Mapping[str, float]:
    found = by_template(state.pairs)
    return found if len(found) > 1 else {}


def _attribution(blame: Blame | None) -> Attribution | None:
    if blame is None or not blame.cases:
        return None
    model, layout = (share(rate(count, blame.cases)) for count in (blame.model, blame.layout))
    return Attribution(blame.cases, model, layout)


def _more_cost(verdict: Verdict, before: Arm, after: Arm) -> float | None:
    if verdict.more is None or before.cost is None or after.cost is None:
        return None
    return verdict.more * (before.cost + after.cost) / CALLS


def _arm(trial: Trial, cell: Cell, state: State, answers: Answers, price: Price) -> Arm:
    """Sum up what one side's first answers took."""
    got = [answers.get(ask(one.item, trial.site, cell).digest) for one in state.found]
    counted = [(one, one.usage) for one in got if one is not None and one.usage is not None]
    models = Counter(str((item.body(cell) or {}).get("model", "")) for item in trial.items)
    model = next((name for name, _ in models.most_common(1)), "")
    costs = [price(model, usage) for _, usage in counted]
    known = [cost for cost in costs if cost is not None]
    direct = [(one, usage) for one, usage in counted if not one.is_batch]
    latencies = [one.latency for one, _ in direct if one.latency is not None]
    return Arm(
        model=model,
        calls=len(counted),
        input=sum(usage.input for _, usage in counted),
        cached=sum(usage.cached for _, usage in direct) if direct else None,
        output=sum(usage.output for _, usage in counted),
        cost=CALLS * sum(known) / len(known) if known and len(known) == len(costs) else None,
        latency=median(latencies) if latencies else None,
        slow_latency=quantiles(latencies, n=20)[-1] if len(latencies) > 1 else None,
    )


def exchanges(found: Iterable[Seen]) -> tuple[Exchange, ...]:
    """Give the cases with their answers, the worst first; of those that are the same only some."""
    told = sorted((_exchange(one) for one in found), key=lambda one: -one.weight)
    changed = [one for one in told if one.flip != "same"]
    return (*changed, *[one for one in told if one.flip == "same"][:SAME_SHOWN])


def _exchange(one: Seen) -> Exchange:
    flip = _flip(one)
    return Exchange(
        case=one.item.case.id,
        template=one.item.template,
        flip=flip,
        prompt=asked(one.item.case),
        recorded=shown(one.recorded),
        old=shown(one.old_reply),
        new=shown(one.new_reply),
        differences=_differences(one.new),
        old_differences=_differences(one.old),
        failure=one.failure,
        weight=WEIGHTS[flip] + min(len(one.new.evidence), 9) / 10,
    )


def _flip(one: Seen) -> Flip:
    old, new = one.old.answer, one.new.answer
    if one.failure:
        return "failure"
    if Answer.UNDECIDED in (old, new):
        return "undecided"
    if new is Answer.DIFFERS:
        return "both" if old is Answer.DIFFERS else "loss"
    return "gain" if old is Answer.DIFFERS else "same"


def _differences(found: Comparison) -> tuple[Difference, ...]:
    return tuple(Difference(one.kind, one.where, one.old, one.new, one.is_noise) for one in found.evidence)


def asked(case: Case) -> str:
    """Give the last thing that a person said in a request."""
    turns = messages_of(case.request) or ()
    last = next((turn for turn in reversed(turns) if turn.get("role") == "user"), turns[-1] if turns else {})
    said = last.get("content")
    if isinstance(said, str):
        return said
    parts = said if isinstance(said, Sequence) else ()
    return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in parts if isinstance(part, Mapping))


def shown(said: Reply) -> str:
    """Write an answer for people: its text, the calls of tools, or what came instead."""
    if said.error:
        return f"error: {said.error}"
    calls = [f"{call.name}({call.arguments})" for call in said.tools]
    return "\n".join(line for line in (said.text, said.refusal, *calls) if line)
