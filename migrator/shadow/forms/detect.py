"""Answer one question: in which form is this entry?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.settings import SettingsError
from migrator.shadow.forms import batch, langfuse, langsmith, openai, otel, spans, vcr
from migrator.shadow.forms.entries import Body, Entry
from migrator.shadow.forms.wire import Taken


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its name, how an entry of it is told from others, and how all entries of it are read together."""

    name: str
    what: str
    is_of: Callable[[Body], bool]
    read: Callable[[Sequence[Entry]], Iterator[Taken]]


FORMS = (
    Form("batch", "a line of OpenAI's Batch API: it has no custom_id", batch.is_of, batch.read),
    Form("openai", "a stored completion: its object is not chat.completion or response", openai.is_of, openai.read),
    Form("otel", "OTLP, or a span that the SDK printed", spans.is_otel, otel.read),
    Form("logfire", "a row of logfire's records: it has no span_name", spans.is_logfire, otel.read),
    Form("langfuse", "an observation of Langfuse: it has no type or no trace", langfuse.is_of, langfuse.read),
    Form("langsmith", "a run of LangSmith: it has no run_type or no inputs", langsmith.is_of, langsmith.read),
    Form("vcr", "a cassette of vcrpy: it has no interactions", vcr.is_of, vcr.read),
)
NAMES = tuple(form.name for form in FORMS)


def by_form(entries: Sequence[Entry], wanted: str | None) -> Mapping[str, list[Entry]]:
    """Sort entries by their form; with a form wanted each must be of it.

    Raises SettingsError for the first that is of none: a file of another kind is no place to guess.
    """
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(_form(entry, wanted).name, []).append(entry)
    return found


def _form(entry: Entry, wanted: str | None) -> Form:
    for form in FORMS:
        if form.name == wanted and not form.is_of(entry.value):
            raise SettingsError(f"{entry.where}: not {form.what}")
        if wanted in (None, form.name) and form.is_of(entry.value):
            return form
    raise SettingsError(f"{entry.where}: of no form that is known; docs/shadow.md says which are, and how to get them")
