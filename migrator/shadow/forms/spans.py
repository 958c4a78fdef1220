"""Answer one question: which spans does an export of OpenTelemetry or logfire hold?

Read are OTLP as JSON (one message, or one a line as the collector's file exporter writes them), what the SDK's
console exporter prints, and rows of logfire's query page. Log records of the same span become its events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from migrator.shadow.forms.entries import Body, Entry
from migrator.shadow.forms.wire import mapping, mappings, parsed, seconds


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a span: its name, its attributes, and the body of a log record."""

    name: str
    said: Body


@dataclass(frozen=True, slots=True)
class Span:
    """One span with plain attributes. ``begin`` and ``end`` are ISO times, ``error`` is empty where it went well."""

    where: str
    id: str
    name: str
    attributes: Body
    events: tuple[Event, ...]
    begin: str
    end: str
    error: str

    def get(self, *names: str) -> object:
        """Give the first of some attributes that is there."""
        return next((self.attributes[name] for name in names if self.attributes.get(name) is not None), None)

    @property
    def latency(self) -> float | None:
        """Seconds from its beginning to its end."""
        return seconds(self.begin, self.end)


def is_otel(value: Body) -> bool:
    """Say whether a value is OTLP, or a span that the SDK printed."""
    return bool({"resourceSpans", "resourceLogs"} & value.keys()) or ("context" in value and "attributes" in value)


def is_logfire(value: Body) -> bool:
    """Say whether a value is a row of logfire's table of records."""
    return "span_name" in value and "attributes" in value


def spans(entries: Sequence[Entry]) -> tuple[Span, ...]:
    """Give all spans, each with the log records that belong to it, in the order of time."""
    found: list[Span] = []
    logs: dict[str, list[Event]] = defaultdict(list)
    for entry in entries:
        if is_logfire(entry.value):
            found.append(_row(entry))
        elif "context" in entry.value:
            found.append(_printed(entry))
        else:
            found += _otlp(entry)
            for key, event in _logs(entry.value):
                logs[key].append(event)
    joined = (replace(one, events=(*one.events, *logs.get(one.id, ()))) for one in found)
    return tuple(sorted(joined, key=lambda one: one.begin))


def alone(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Give the messages of OTLP with log records of which no span is there."""
    known = {one.id for entry in entries if not is_logfire(entry.value) for one in _any(entry)}
    for entry in entries:
        if any(key not in known for key, event in _logs(entry.value) if event.name.startswith("gen_ai.")):
            yield entry


def _any(entry: Entry) -> Iterator[Span]:
    yield from (_printed(entry),) if "context" in entry.value else _otlp(entry)


def _otlp(entry: Entry) -> Iterator[Span]:
    for said in _inner(entry.value, "resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans"):
        begin, end = _time(said.get("startTimeUnixNano")), _time(said.get("endTimeUnixNano"))
        events = tuple(
            Event(str(e.get("name")), _attributes(e.get("attributes"))) for e in mappings(said.get("events"))
        )
        code = mapping(said.get("status")).get("code")
        error = _error(events, is_error=code in (2, "STATUS_CODE_ERROR"))
        attributes = _attributes(said.get("attributes"))
        yield Span(entry.where, _key(said), str(said.get("name")), attributes, events, begin, end, error)


def _logs(value: Body) -> Iterator[tuple[str, Event]]:
    for said in _inner(value, "resourceLogs", ("scopeLogs",), "logRecords"):
        attributes = _attributes(said.get("attributes"))
        body = _value(mapping(said.get("body")))
        name = said.get("eventName") or attributes.get("event.name") or ""
        yield _key(said), Event(str(name), {**attributes, **(body if isinstance(body, Mapping) else {"body": body})})


def _inner(value: Body, outer: str, middle: Sequence[str], inner: str) -> Iterator[Body]:
    for resource in mappings(value.get(outer)):
        for name in middle:
            for scope in mappings(resource.get(name)):
                yield from mappings(scope.get(inner))


def _key(said: Body) -> str:
    return f"{said.get('traceId', '')}/{said.get('spanId', '')}"


def _attributes(said: object) -> Body:
    return {str(one.get("key")): _value(mapping(one.get("value"))) for one in mappings(said)}


def _value(said: Body) -> object:
    """The value of an ``AnyValue`` of OTLP; a whole number is a text in its JSON."""
    for name, value in said.items():
        if name == "intValue":
            return _whole(value)
        if name == "arrayValue":
            return [_value(one) for one in mappings(mapping(value).get("values"))]
        if name == "kvlistValue":
            return _attributes(mapping(value).get("values"))
        return value
    return None


def _whole(value: object) -> object:
    try:
        return int(str(value))
    except ValueError:
        return value


def _time(nanoseconds: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(nanoseconds)) / 1e9, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _error(events: Sequence[Event], *, is_error: bool) -> str:
    kind = next((str(e.said["exception.type"]) for e in events if e.said.get("exception.type")), "")
    return (kind.rpartition(".")[2] or "Error") if is_error else ""


def _printed(entry: Entry) -> Span:
    """A span as ``ReadableSpan.to_json`` gives it."""
    said, context = entry.value, mapping(entry.value.get("context"))
    events = tuple(Event(str(e.get("name")), mapping(e.get("attributes"))) for e in mappings(said.get("events")))
    error = _error(events, is_error=mapping(said.get("status")).get("status_code") == "ERROR")
    key = f"{context.get('trace_id')}/{context.get('span_id')}"
    begin, end = str(said.get("start_time") or ""), str(said.get("end_time") or "")
    return Span(entry.where, key, str(said.get("name")), mapping(said.get("attributes")), events, begin, end, error)


def _row(entry: Entry) -> Span:
    """A row of logfire's table ``records``; a column of objects may be kept as text."""
    said = entry.value
    told = mappings(parsed(said.get("otel_events")))
    events = tuple(Event(str(e.get("event_name", e.get("name"))), mapping(e.get("attributes"))) for e in told)
    is_error = said.get("is_exception") is True or said.get("otel_status_code") == "ERROR"
    error = str(said.get("exception_type") or "").rpartition(".")[2] or "Error" if is_error else ""
    key = f"{said.get('trace_id')}/{said.get('span_id')}"
    times = (str(said.get("start_timestamp") or ""), str(said.get("end_timestamp") or ""))
    return Span(entry.where, key, str(said["span_name"]), mapping(said.get("attributes")), events, *times, error)
