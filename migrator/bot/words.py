"""Answer one question: what does the bot say in a check run, beside a line, and in an answer?

What comes from the code is written by ``github_text``: nothing of it calls a person, links an issue or is Markdown.
Only a suggestion holds code as it is, in a fence longer than any in it, for GitHub offers it as a change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from migrator.bot.added import Found, fingerprint
from migrator.deliver.forge_checks import Annotation, CheckRun, Head, Remark
from migrator.github_text import code, literal
from migrator.lines import plural

# As reviewdog does it: more comments in one review are refused, and nobody reads them. The others are annotations.
MOST_REMARKS = 30
MOST_ANNOTATED = 1_000
LONGEST = 1_000
ADVICE = (
    "Nobody has compared the answers of both models on your requests: `migrator record` and `migrator shadow` do. "
    "`# migrator: ignore` at the end of a line keeps it as it is."
)
COMMANDS: Mapping[str, str] = {
    "rerun": "look again",
    "recreate": "make the pull request of `migrator` anew, also after it was closed or somebody else committed to it: "
    "their commits are then gone from the branch",
    "ignore": "say nothing more here; a pull request of `migrator` is closed and does not come back",
    "help": "show this",
}


def check(found: Sequence[Found], head: Head, skipped: int = 0) -> CheckRun:
    """Say what a pull request brings, as a check run that blocks nothing."""
    shown = [_annotation(one) for one in found[:MOST_ANNOTATED]]
    title = _title(found)
    lines = [title + "."]
    if len(found) > MOST_ANNOTATED:
        lines.append(f"The first {MOST_ANNOTATED:,} are shown.")
    if skipped:
        lines.append(
            f"{plural(skipped, 'file')} of this pull request could not be read: too large, or not Python that parses."
        )
    lines += [ADVICE] if found else []
    said = "\n\n".join(lines)
    key = blake2b(repr((title, said, shown)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    conclusion = "neutral" if found else "success"
    return CheckRun(head.commit, f"migrator:{head.number}:{key}", conclusion, title, said, tuple(shown))


def _title(found: Sequence[Found]) -> str:
    if not found:
        return "No new use of an old model"
    sure = sum(one.level == "warning" for one in found)
    parts = [f"{plural(sure, 'new use')} of an old model"] if sure else []
    parts += [f"{plural(len(found) - sure, 'name')} to look at"] if sure < len(found) else []
    return ", ".join(parts)


def _annotation(one: Found) -> Annotation:
    title = f"{one.old} → {one.new}"[:200]
    return Annotation(one.path, one.line, one.end_line, one.level, title, one.message[:LONGEST])


def remarks(found: Sequence[Found]) -> tuple[Remark, ...]:
    """Give a comment with a suggestion for each change that is proven; names on the same lines share one."""
    groups: dict[tuple[str, int, int, str], list[Found]] = {}
    for one in found:
        if one.suggestion is not None:
            place = (one.path, one.suggestion.start, one.suggestion.end, one.suggestion.text)
            groups.setdefault(place, []).append(one)
    return tuple(_remark(group) for group in groups.values())[:MOST_REMARKS]


def _remark(group: Sequence[Found]) -> Remark:
    suggestion = group[0].suggestion
    assert suggestion is not None
    names = " ".join(f"{code(one.old)} → {code(one.new)}." for one in group)
    text = f"{names} {ADVICE}\n\n{fenced(suggestion.text)}"
    mark = blake2b("".join(map(fingerprint, group)).encode(), digest_size=8).hexdigest()
    return Remark(group[0].path, suggestion.start, suggestion.end, text, mark)


def fenced(text: str) -> str:
    """Put a suggestion into a fence that nothing in it ends."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}suggestion\n{text}\n{fence}"


def refused(words: str) -> str:
    """Say why a command was not carried out."""
    return f"`migrator` did not do that: {literal(words)}."


def offered() -> str:
    """List the commands."""
    rows = [f"- `/migrator {word}`: {text}." for word, text in COMMANDS.items()]
    said = "A command stands on a line of its own. Only people who may push to this repository are heard."
    return "\n".join(("Commands of `migrator`:", "", *rows, "", said))


def quiet() -> str:
    """Say that nothing more will be said."""
    return "`migrator` says nothing more on this pull request. `/migrator rerun` brings it back."


def reason(error: Exception) -> str:
    """Give an error as the end of a sentence."""
    return str(error).splitlines()[0].rstrip(".")
