"""Answer one question: does each form of other tools give back the requests that were made?

The files of ``tests/exports`` were written by the tools; its README says which wrote what.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import shutil
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from migrator.cli import run
from migrator.cli_shadow import IMPORTED
from migrator.settings import SettingsError
from migrator.shadow.forms import otel
from migrator.shadow.forms.detect import NAMES, by_form
from migrator.shadow.forms.entries import Entry, entries
from migrator.shadow.forms.wire import Left, Request
from migrator.shadow.imports import FORMS, Asked, take
from migrator.shadow.linked import load_linked

EXPORTS = Path(__file__).parent / "exports"

TICKET = "Sort this ticket, written by a customer of ours today: I was charged twice. Write to ada@example.com."
SORT = [
    {"role": "system", "content": "You sort the tickets of a shop into billing, bug and other."},
    {"role": "user", "content": TICKET},
]
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["billing", "bug", "other"]}},
    "required": ["label"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "sorted", "strict": True, "schema": SCHEMA}}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Get the weather of a city.", "parameters": CITY}
TOOLS = [{"type": "function", "function": FUNCTION}]
WEATHER = [{"role": "user", "content": "What is the weather like today in the city of Oslo?"}]
TELL = [{"role": "user", "content": "Tell me in one short sentence what you know about whales."}]
FOX = "The quick brown fox jumps over the lazy dog."
RIVER = "The quick brown fox jumps over the lazy dog near the river."
SHORTEN = "Shorten what the user gives you to at most ten words."

STREAM = {"stream": True, "stream_options": {"include_usage": True}}
CLASSIFY_BODY = {"model": "gpt-4o", "messages": SORT, "temperature": 0.2, "response_format": FORMAT}
WEATHER_BODY = {"model": "gpt-4o-mini", "messages": WEATHER, "tools": TOOLS, "tool_choice": "required"}
TELL_BODY = {"model": "gpt-4o-mini", "messages": TELL, **STREAM}
SHORTEN_BODY = {"model": "gpt-4o", "instructions": SHORTEN, "input": RIVER, "temperature": 0}
# As they were on the wire; what a form leaves out is taken away from these.
WIRE = (CLASSIFY_BODY, WEATHER_BODY, TELL_BODY, SHORTEN_BODY)
WIRE_FOX = (CLASSIFY_BODY, WEATHER_BODY, TELL_BODY, {**SHORTEN_BODY, "input": FOX})
NO_FORMAT = "a JSON answer, but no response_format in the export"
NO_TOOLS = "the tools are not in the export"


def without(body: Mapping[str, object], *names: str) -> dict[str, object]:
    """Give a body as a form keeps it that leaves something out."""
    return {key: value for key, value in body.items() if key not in names}


def taken(*names: str) -> list[Request | Left]:
    """Read files as an import does."""
    found = by_form([one for name in names for one in entries(EXPORTS / name)], None)
    return [one for form in FORMS for one in form.read(found.get(form.name, []))]


def requests(*names: str) -> list[Request]:
    """Give the requests of files of which every entry gives one."""
    found = taken(*names)
    assert all(isinstance(one, Request) for one in found), found
    return [one for one in found if isinstance(one, Request)]


LEFT_OUT = (*STREAM, "tool_choice")
SHORTEN_AS_MESSAGES = {
    "model": "gpt-4o",
    "temperature": 0,
    "input": [{"role": "system", "content": SHORTEN}, {"role": "user", "content": RIVER}],
}


@pytest.mark.parametrize("name", ["vcrpy-9.4.yaml", "vcrpy-9.4.json", "vcrpy-9.4-gzip.yaml"])
def test_a_cassette_gives_what_was_on_the_wire(name: str) -> None:
    found = requests(name)
    assert [one.body for one in found] == list(WIRE)
    assert [one.lacks for one in found] == [()] * 4
    assert [one.status for one in found] == [200] * 4
    check_answers(found, is_whole=True)


def check_answers(found: list[Request], *, is_whole: bool = False) -> None:
    """Compare the answers: what was said, which tools were called, how it ended."""
    chosen = [one.answer["choices"][0] for one in found[:3] if one.answer]  # type: ignore[index]
    assert [choice["message"].get("content") or None for choice in chosen] == [
        '{"label": "billing"}',
        None,
        "Hello! gpt-4o-mini received: Tell me in one short sentence what you know about whales.",
    ]
    functions = [call["function"] for call in chosen[1]["message"]["tool_calls"]]
    assert functions == [{"name": "get_weather", "arguments": '{"city": "mock-city"}'}]
    assert [choice["finish_reason"] for choice in chosen] == ["stop", "tool_calls", "stop"]
    for one in found[3:]:
        assert one.answer is not None
        texts = [part["text"] for item in one.answer["output"] for part in item["content"]]  # type: ignore[attr-defined]
        assert len(texts) == 1
        assert "gpt-4o" in texts[0]
    if is_whole:
        assert all(one.answer and one.answer["usage"] for one in found)


def test_openinference_holds_the_body_as_it_was_sent() -> None:
    found = requests("openinference-0.1.66-otlp.json")
    assert [one.body for one in found] == list(WIRE_FOX)
    assert [(one.lacks, one.place) for one in found] == [((), None)] * 4
    check_answers(found, is_whole=True)


def test_logfire_before_5_holds_the_body_and_the_line() -> None:
    found = requests("logfire-5.4-version1-otlp.json")
    assert [one.body for one in found[:3]] == list(WIRE_FOX[:3])
    assert found[3].body == {
        "model": "gpt-4o",
        "temperature": 0,
        "input": [{"role": "system", "content": SHORTEN}, {"role": "user", "content": FOX}],
    }
    assert [one.lacks for one in found] == [()] * 4
    check_answers(found)


@pytest.mark.parametrize("name", ["logfire-5.4-otlp.json", "logfire-rows.json"])
def test_logfire_5_leaves_out_the_format_and_says_the_line(name: str) -> None:
    found = requests(name)
    assert [one.body for one in found[:3]] == [without(one, *LEFT_OUT, "response_format") for one in WIRE[:3]]
    assert found[3].body == {**SHORTEN_BODY, "input": [{"role": "user", "content": FOX}]}
    assert [one.place for one in found] == [
        ("app/app.py", 24, "classify"),
        ("app/app.py", 37, "weather"),
        ("app/app.py", 46, "tell"),
        ("app/app.py", 56, "shorten"),
    ]
    assert [one.lacks for one in found] == [(NO_FORMAT,), (), (), ()]
    check_answers(found, is_whole=True)


def test_openllmetry_gives_the_schema_without_its_name() -> None:
    found = requests("openllmetry-0.62-otlp.json")
    assert [one.body for one in found[:3]] == [without(one, *LEFT_OUT, "response_format") for one in WIRE[:3]]
    assert [one.lacks for one in found] == [("of response_format the export holds the schema alone",), (), (), ()]
    check_answers(found, is_whole=True)


def test_the_older_openllmetry_gives_one_attribute_for_each_word() -> None:
    found = requests("openllmetry-0.40-otlp.json")
    assert [one.body for one in found] == [without(one, *LEFT_OUT, "response_format") for one in WIRE[:3]]
    assert [one.lacks for one in found] == [(NO_FORMAT,), (), ()]
    check_answers(found)


def test_events_are_joined_with_their_spans() -> None:
    found = requests("openai-v2-2.1b0-otlp.json", "openai-v2-2.1b0-otlp-logs.json")
    assert [one.body for one in found] == [without(one, *LEFT_OUT, "response_format", "tools") for one in WIRE[:3]]
    assert [one.lacks for one in found] == [("the schema of response_format is not in the export",), (NO_TOOLS,), ()]
    check_answers(found, is_whole=True)


def test_spans_without_their_events_and_events_without_their_spans_are_left() -> None:
    spans, logs = taken("openai-v2-2.1b0-otlp.json"), taken("openai-v2-2.1b0-otlp-logs.json")
    silent = "it holds no messages; was the exporter told to capture content?"
    assert [one.reason for one in spans if isinstance(one, Left)] == [silent] * 3
    assert [one.reason for one in logs if isinstance(one, Left)] == [
        "a log record without its span; import the spans with it"
    ]


@pytest.mark.parametrize("name", ["langfuse-5.0-console.txt", "langfuse-api.json"])
def test_langfuse_without_the_parameters_that_it_makes_up(name: str) -> None:
    found = [one for one in taken(name) if isinstance(one, Request)]
    assert [one.body for one in found[:3]] == [without(one, *LEFT_OUT) for one in WIRE[:3]]
    assert found[3].body == SHORTEN_AS_MESSAGES
    assert [one.lacks for one in found] == [()] * 4
    check_answers(found, is_whole=True)


def test_a_span_of_langfuse_is_no_request() -> None:
    assert [one for one in taken("langfuse-api.json") if isinstance(one, Left)] == [
        Left(f"{(EXPORTS / 'langfuse-api.json').as_posix()}:1", "not a request to a model")
    ]


def test_langsmith_has_the_calls_of_wrap_openai_as_they_were() -> None:
    found = [one for one in taken("langsmith-0.15.jsonl") if isinstance(one, Request)]
    assert [one.body for one in found[:4]] == list(WIRE)
    assert [one.lacks for one in found[:4]] == [()] * 4
    check_answers(found[:4], is_whole=True)


QUESTION = [
    {"role": "system", "content": "You are short. You answer the questions of the customers of a shop."},
    {"role": "user", "content": "Where is my order number 7?"},
]
PARIS = [{"role": "user", "content": "What is the weather like in Paris?"}]
LANGCHAIN = [
    {"model": "gpt-4o", "temperature": 0.1, "messages": QUESTION},
    {"model": "gpt-4o", "temperature": 0.1, "messages": PARIS, "tools": TOOLS},
]


def test_openinference_of_langchain_gives_one_attribute_for_each_word() -> None:
    found = requests("openinference-langchain-0.1.80-console.txt")
    assert [(one.body, one.lacks) for one in found] == [(body, ()) for body in LANGCHAIN]
    called = found[1].answer["choices"][0]["message"]["tool_calls"][0]["function"]  # type: ignore[index]
    assert called == {"name": "get_weather", "arguments": '{"city": "mock-city"}'}
    assert found[1].answer["usage"] == {"prompt_tokens": 8, "completion_tokens": 5}  # type: ignore[index]


def test_langfuse_has_tools_of_langchain_behind_the_messages() -> None:
    found = requests("langfuse-langchain-5.0-console.txt")
    assert [(one.body, one.lacks) for one in found] == [(body, ()) for body in LANGCHAIN]
    message = found[1].answer["choices"][0]["message"]  # type: ignore[index]
    assert message["content"] is None
    assert message["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "mock-city"}'}


def test_langsmith_has_messages_of_langchain() -> None:
    found = [one for one in taken("langsmith-0.15.jsonl") if isinstance(one, Request)][4:]
    assert [one.body for one in found[:2]] == LANGCHAIN
    assert [one.lacks for one in found] == [(), (), ("of response_format the export holds the name of a class alone",)]
    called = found[1].answer["choices"][0]["message"]["tool_calls"][0]["function"]  # type: ignore[index]
    assert called == {"name": "get_weather", "arguments": '{"city": "mock-city"}'}


def test_stored_completions_need_their_messages() -> None:
    whole, bare = taken("stored-completions.jsonl")
    assert isinstance(whole, Request)
    assert whole.body == {"model": "gpt-4o-2024-08-06", "temperature": 0.2, "messages": SORT}
    assert (whole.lacks, whole.taken) == ((), "2025-02-07T20:36:50+00:00")
    assert isinstance(bare, Left)
    assert bare.reason == "its messages are not in the file; add those of messages.list"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with the program that the exports are of, and go there."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(EXPORTS / "app", tmp_path / "app")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command."""
    code = run(arguments)
    out, err = capfd.readouterr()
    return code, out, err


class Stored(BaseHTTPRequestHandler):
    """A server with one stored completion, as OpenAI's API reference shows it."""

    def do_GET(self) -> None:
        (said,) = (json.loads(line) for line in read_lines("stored-completions.jsonl")[:1])
        messages = said.pop("messages")
        is_messages = self.path.partition("?")[0].endswith("/messages")
        data = json.dumps({"object": "list", "data": messages if is_messages else [said], "has_more": False}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def read_lines(name: str) -> list[str]:
    return (EXPORTS / name).read_text(encoding="utf-8").splitlines()


def test_the_lines_in_the_docs_give_a_file_that_can_be_imported(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (EXPORTS.parent.parent / "docs" / "shadow.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    with ThreadingHTTPServer(("127.0.0.1", 0), Stored) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        exec(lines, {"json": json, "openai": pytest.importorskip("openai")})
        server.shutdown()
    assert call(capfd, "cases", "import", "stored.jsonl") == (0, "Imported 1 case (openai).\n", "")
    (site,) = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    assert (site["function"], site["linked"], site["not_replayable"]) == ("classify", {"template": 1}, {})


# ---------------------------------------------------------------- what was never seen whole


def span(**attributes: object) -> dict[str, object]:
    """Give a span as the SDK prints it."""
    said = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", **attributes}
    context = {"trace_id": "0x1", "span_id": "0x2"}
    return {"name": "chat gpt-4o", "context": context, "start_time": "2026-11-01T00:00:00Z", "attributes": said}


ANSWERED = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Ho."}}]}
DEFLATED = {"content-encoding": ["deflate"]}


def one_of(tmp_path: Path, value: object) -> Request | Left:
    """Read a file with one entry."""
    path = tmp_path / "one.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    (entry,) = entries(path)
    ((name, found),) = by_form([entry], None).items()
    (only,) = next(form for form in FORMS if form.name == name).read(found)
    return only


def parts(role: str, *said: Mapping[str, object]) -> dict[str, object]:
    return {"role": role, "parts": list(said)}


def test_a_conversation_with_tools_comes_back_message_by_message(tmp_path: Path) -> None:
    call = {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Oslo"}}
    result = {"type": "tool_call_response", "id": "c1", "response": {"celsius": 4}}
    asked = [parts("user", {"type": "text", "content": "Oslo?"}), parts("assistant", call), parts("tool", result)]
    back = [{**parts("assistant", {"type": "text", "content": "4 degrees"}), "finish_reason": "length"}]
    own = [{"type": "text", "content": "Be short."}]
    told = {
        "gen_ai.system_instructions": json.dumps(own),
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(back),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", **FUNCTION}]),
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ["END"],
    }
    found = one_of(tmp_path, span(**told))
    assert isinstance(found, Request)
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert found.body == {
        "model": "gpt-4o",
        "max_tokens": 9,
        "stop": ["END"],
        "tools": TOOLS,
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Oslo?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"celsius": 4}'},
        ],
    }
    assert found.answer is not None
    assert found.answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "4 degrees"}, "finish_reason": "length"}
    ]
    assert found.lacks == ()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"gen_ai.input.messages": '[{"role": "user", "parts": [{"ty'}, "gen_ai.input.messages is cut off or empty"),
        ({"gen_ai.provider.name": "anthropic"}, "a request to anthropic, not to OpenAI"),
        ({"gen_ai.operation.name": "embeddings"}, "embeddings, not a chat"),
        ({"gen_ai.operation.name": "execute_tool"}, "not a request to a model"),
        ({"openinference.span.kind": "CHAIN"}, "not a request to a model"),
        ({"openinference.span.kind": "LLM"}, "it holds no messages; was the exporter told to hide its inputs?"),
    ],
)
def test_a_span_that_gives_no_case_says_why(attributes: dict[str, object], reason: str, tmp_path: Path) -> None:
    found = one_of(tmp_path, span(**attributes))
    assert isinstance(found, Left)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        ({"type": "text", "content": "A long text..."}, ("a text ends in “...”, it may be cut off",)),
        ({"type": "text", "content": "[Scrubbed due to 'password']"}, ("the exporter has left out a part of a text",)),
        ({"type": "uri", "uri": "https://example.com/a.png"}, ("a part of the kind “uri” is not rebuilt",)),
        ({"type": "text", "content": "whole."}, ()),
    ],
)
def test_what_is_cut_is_not_replayable(said: dict[str, str], reasons: tuple[str, ...], tmp_path: Path) -> None:
    found = one_of(tmp_path, span(**{"gen_ai.input.messages": json.dumps([parts("user", said)])}))
    assert isinstance(found, Request)
    assert (found.lacks, found.answer) == (reasons, None)


def test_texts_that_end_at_one_length_are_cut_off() -> None:
    """As OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT makes them: nothing else shows it where each text is an attribute."""
    words = ("Summarize this letter. " * 20, "Translate this letter. " * 20, "A short one.")
    said = [span(**{"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": text[:200]}) for text in words]
    listed = [Entry("f", number, value) for number, value in enumerate(said)]
    found = [one for one in otel.read(listed) if isinstance(one, Request)]
    assert [one.lacks for one in found] == [(otel.CUT_OFF,), (otel.CUT_OFF,), ()]


def test_messages_on_a_log_record_are_those_of_its_span() -> None:
    """The event ``gen_ai.client.inference.operation.details``, after the text of the conventions."""
    ids = {"traceId": "0a", "spanId": "0b"}
    asked, back = (
        parts("user", {"type": "text", "content": "Hi."}),
        parts("assistant", {"type": "text", "content": "Ho."}),
    )
    given = {"gen_ai.input.messages": [asked], "gen_ai.output.messages": [{**back, "finish_reason": "stop"}]}
    attributes = [{"key": key, "value": otlp_value(value)} for key, value in given.items()]
    log = {**ids, "eventName": "gen_ai.client.inference.operation.details", "attributes": attributes}
    model = [{"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}}]
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [{**ids, "name": "chat", "attributes": model}]}]}]}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}
    (found,) = otel.read([Entry("spans", 1, spans), Entry("logs", 1, logs)])
    assert isinstance(found, Request)
    assert found.body == {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi."}]}
    assert found.answer is not None
    assert found.answer["choices"][0]["message"] == {"role": "assistant", "content": "Ho."}  # type: ignore[index]


def otlp_value(value: object) -> dict[str, object]:
    """Give an ``AnyValue`` of OTLP."""
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": [{"key": key, "value": otlp_value(one)} for key, one in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [otlp_value(one) for one in value]}}
    return {"stringValue": value}


def test_a_cassette_may_keep_bodies_as_yaml(tmp_path: Path) -> None:
    url = "https://api.openai.com/v1/chat/completions"
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Ho."}}]}
    asked = {"method": "POST", "uri": url, "parsed_body": TELL_BODY}
    response = {"status": {"code": 200}, "headers": {}, "parsed_body": answer}
    found = one_of(tmp_path, {"interactions": [{"request": asked, "response": response}]})
    assert isinstance(found, Request)
    assert (found.body, found.answer, found.address) == (TELL_BODY, answer, "api.openai.com/v1")


def test_what_an_error_says_is_not_kept(tmp_path: Path) -> None:
    error = "AuthenticationError('Incorrect API key provided: abc.')Traceback"
    inputs = {"messages": TELL, "model": "gpt-4o"}
    found = one_of(tmp_path, {"run_type": "llm", "id": "1", "inputs": inputs, "error": error})
    assert isinstance(found, Request)
    assert (found.error, found.status, found.answer) == ("AuthenticationError", None, None)


def test_a_failed_span_keeps_its_error(tmp_path: Path) -> None:
    event = {"name": "exception", "attributes": {"exception.type": "openai.RateLimitError"}}
    asked = json.dumps([parts("user", {"type": "text", "content": "Hi."})])
    value = {**span(**{"gen_ai.input.messages": asked}), "events": [event], "status": {"status_code": "ERROR"}}
    found = one_of(tmp_path, value)
    assert isinstance(found, Request)
    assert (found.error, found.status, found.answer) == ("RateLimitError", None, None)


def test_a_call_of_another_host_in_a_cassette_is_left(tmp_path: Path) -> None:
    request = {"method": "GET", "uri": "https://example.com/v1/models", "body": None}
    found = one_of(tmp_path, {"interactions": [{"request": request, "response": {}}]})
    assert isinstance(found, Left)
    assert found.reason == "not a request to a chat model"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"base64_string": base64.b64encode(json.dumps(ANSWERED).encode()).decode()}, {}),
        ({"string": zlib.compress(json.dumps(ANSWERED).encode()).decode("latin-1")}, {}),
        ({"base64_string": base64.b64encode(zlib.compress(json.dumps(ANSWERED).encode())).decode()}, DEFLATED),
        (json.dumps(ANSWERED), {}),
    ],
    ids=["base64", "not readable", "deflate", "text"],
)
def test_bodies_as_older_cassettes_keep_them(
    body: object, headers: Mapping[str, list[str]], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = "https://me@api.openai.com/v1/chat/completions"
    asked = {"method": "POST", "uri": url, "body": json.dumps(TELL_BODY)}
    answer = {"status": {"code": 200}, "headers": headers, "body": body}
    found = one_of(tmp_path, {"interactions": [{"request": asked, "response": answer}]})
    assert isinstance(found, Request)
    is_read = "not readable" not in request.node.callspec.id
    assert (found.body, found.answer) == (TELL_BODY, ANSWERED if is_read else None)
    assert found.address == "api.openai.com/v1"


def test_a_stored_response_needs_its_input(tmp_path: Path) -> None:
    items = [{"id": "msg_1", "type": "message", "role": "user", "status": "completed", "content": FOX}]
    output = [{"type": "message", "content": [{"type": "output_text", "text": "A fox jumps."}]}]
    stored = {
        **{"object": "response", "id": "resp_1", "created_at": 1738960610.0, "model": "gpt-4o-2024-08-06"},
        **{
            "instructions": SHORTEN,
            "temperature": 0.0,
            "top_p": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "metadata": {},
        },
        **{"text": {"format": {"type": "text"}}, "output": output, "max_output_tokens": 50, "status": "completed"},
    }
    found = one_of(tmp_path, {**stored, "input_items": items})
    assert isinstance(found, Request)
    assert found.body == {
        "model": "gpt-4o-2024-08-06",
        "instructions": SHORTEN,
        "temperature": 0.0,
        "max_output_tokens": 50,
        "text": {"format": {"type": "text"}},
        "input": [{"type": "message", "role": "user", "content": FOX}],
    }
    assert (found.answer, found.lacks) == (stored, ())
    bare = one_of(tmp_path, stored)
    assert isinstance(bare, Left)
    assert bare.reason == "its input is not in the file; add those of input_items.list"


def test_a_response_with_tools_has_items_and_not_messages(tmp_path: Path) -> None:
    call = {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Oslo"}}
    result = {"type": "tool_call_response", "id": "c1", "response": "4 degrees"}
    asked = [parts("user", {"type": "text", "content": "Oslo?"}), parts("assistant", call), parts("tool", result)]
    told = {
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps([parts("assistant", call)]),
        "gen_ai.tool.definitions": json.dumps(TOOLS),
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.id": "resp_1",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 2,
    }
    found = one_of(tmp_path, span(**told))
    assert isinstance(found, Request)
    called = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert (found.endpoint, found.lacks) == ("responses", ())
    assert found.body == {
        "model": "gpt-4o",
        "max_output_tokens": 9,
        "tools": [{"type": "function", **FUNCTION}],
        "input": [
            {"role": "user", "content": "Oslo?"},
            called,
            {"type": "function_call_output", "call_id": "c1", "output": "4 degrees"},
        ],
    }
    assert found.answer is not None
    assert found.answer["output"] == [called]
    assert found.answer["usage"] == {
        "input_tokens": 7,
        "output_tokens": 3,
        "total_tokens": 10,
        "input_tokens_details": {"cached_tokens": 2},
    }


STRANGE = (None, 1, -1, 1.5, True, "", "x", "[", '{"a": 1}', [], [1], [[]], {}, {"a": [1]}, [{"type": 1}], "9" * 400)


def changed(value: object, chance: random.Random) -> object:
    """Put something strange into one place of a value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        return {**value, key: changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], changed(value[at], chance), *value[at + 1 :]]
    return chance.choice(STRANGE)


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXPORTS.iterdir() if path.suffix != ".md" and path.is_file()),
    ids=lambda path: path.name,
)
def test_a_strange_value_gives_a_case_or_a_reason(path: Path, project: Path) -> None:
    chance = random.Random(path.name)
    listed = entries(path)
    for _ in range(60):
        value = changed(chance.choice(listed).value, chance)
        (project / "one.json").write_text(json.dumps(value, default=repr), encoding="utf-8")
        with suppress(SettingsError):
            take(project, Asked((project / "one.json",)))


# ---------------------------------------------------------------- the command


def exported(name: str) -> str:
    return str(EXPORTS / name)


def test_the_command_knows_all_forms() -> None:
    assert IMPORTED == NAMES


def test_a_line_of_an_export_links_to_the_call(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cases", "import", exported("logfire-5.4-otlp.json")) == (
        0,
        f"Imported 4 cases (otel).\n  1 not replayable: {NO_FORMAT}\n",
        "",
    )
    sites = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    assert [(one["line"], one["function"], one["linked"]) for one in sites] == [
        (24, "classify", {"place": 1}),
        (37, "weather", {"place": 1}),
        (46, "tell", {"place": 1}),
        (56, "shorten", {"place": 1}),
    ]
    assert all(one["site"] for one in sites)
    (name,) = sites[0]["cases"]
    shown = call(capfd, "cases", "show", name)[1]
    assert f"lacks     not replayable: {NO_FORMAT}\n" in shown
    assert "imported  from otel\n" in shown


def test_a_line_that_is_now_of_another_function_does_not_link(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = project / "app" / "app.py"
    path.write_text(path.read_text(encoding="utf-8").replace("def classify", "def sort"), encoding="utf-8")
    call(capfd, "cases", "import", exported("logfire-5.4-otlp.json"))
    sites = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    # The words of the prompt are still those of this call.
    assert next((one["line"], one["function"], one["linked"]) for one in sites) == (24, "sort", {"template": 1})


def test_without_a_line_the_template_links(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "cases", "import", exported("vcrpy-9.4.yaml"))
    code, out, err = call(capfd, "cases", "list")
    assert (code, err) == (0, "")
    # A row takes two lines where it is wider than a terminal.
    rows = [list(found) for found in re.findall(r"^\S+ +(app/app\.py:\d+) (\w+)", out, re.MULTILINE)]
    assert rows == [["app/app.py:24", "classify"], ["app/app.py:37", "weather"], ["app/app.py:46", "tell"],
                    ["app/app.py:56", "shorten"]]  # fmt: skip
    assert "\napp/app.py:24 classify\n  1 of 1 linked by template\n" in out
    sites = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    shown = call(capfd, "cases", "show", sites[0]["cases"][0])[1]
    assert f"site      {sites[0]['site']}, linked by template\nwhere     app/app.py:24 classify\n" in shown
    document = json.loads(call(capfd, "cases", "show", sites[0]["cases"][0], "--format", "json")[1])
    assert (document["linked"], document["origin"], document["lacks"]) == ("template", "vcr", [])


def test_two_calls_that_fit_equally_link_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = project / "app" / "app.py"
    text = path.read_text(encoding="utf-8")
    begin, end = text.index("def tell"), text.index("def shorten")
    again = text[begin:end].replace("def tell", "def tell_again")
    both = text.replace('tell(client, "whales")', 'tell(client, "whales")\n    tell_again(client, "whales")')
    path.write_text(f"{both}\n\n{again}", encoding="utf-8")
    call(capfd, "cases", "import", exported("vcrpy-9.4.yaml"))
    out = call(capfd, "cases", "list")[1]
    assert "\n(no line of this project)\n  1 of 1 fits 2 calls\n" in out
    (loose,) = [one for site in load_linked(project) for one in site.cases if not one.site]
    assert "unlinked  fits 2 calls\n" in call(capfd, "cases", "show", loose.id)[1]


def test_a_second_import_adds_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = exported("langsmith-0.15.jsonl")
    lacks = "  1 not replayable: of response_format the export holds the name of a class alone\n"
    first = call(capfd, "cases", "import", name)
    assert first == (0, f"Imported 7 cases (langsmith).\n  3 skipped: not a request to a model\n{lacks}", "")
    runs = sorted((project / ".migrator" / "records").iterdir())
    assert call(capfd, "cases", "import", name) == (
        0,
        "Imported 0 cases.\n  7 were there already\n  3 skipped: not a request to a model\n",
        "",
    )
    assert sorted((project / ".migrator" / "records").iterdir()) == runs


def test_what_is_imported_is_redacted(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "cases", "import", exported("vcrpy-9.4.yaml"), "--redact", "whales")
    (path,) = (project / ".migrator" / "records").rglob("*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text(encoding="utf-8")
    assert "ada@example.com" not in text
    assert "whales" not in text
    assert "Write to <email-1>." in text
    call(capfd, "cases", "prune", "--all")
    code, _, err = call(capfd, "cases", "import", exported("vcrpy-9.4.yaml"), "--raw")
    assert (code, err) == (0, "migrator: --raw: bodies are kept as they are, with every secret in them\n")
    (path,) = (project / ".migrator" / "records").rglob("*.jsonl")
    assert "ada@example.com" in path.read_text(encoding="utf-8")


def test_a_prompt_with_an_address_of_its_own_links_after_redaction(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = project / "app" / "app.py"
    old = "You sort the tickets of a shop into billing, bug and other."
    new = "You sort the tickets of a shop; in doubt you write to help@example.com."
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    cassette = (EXPORTS / "vcrpy-9.4.json").read_text(encoding="utf-8").replace(old, new)
    (project / "one.json").write_text(cassette, encoding="utf-8")
    call(capfd, "cases", "import", "one.json")
    sites = json.loads(call(capfd, "cases", "list", "--format", "json")[1])["sites"]
    assert next((one["function"], one["linked"]) for one in sites) == ("classify", {"template": 1})


def test_all_forms_at_once(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(
        capfd,
        "cases",
        "import",
        exported("vcrpy-9.4.yaml"),
        exported("langfuse-api.json"),
        exported("logfire-rows.json"),
    )
    assert (code, err) == (0, "")
    assert out.startswith("Imported 12 cases (4 logfire, 4 langfuse, 4 vcr).\n")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("{}", (), "a.json:1: of no form that is known; docs/shadow.md says which are, and how to get them"),
        ("[1]", (), "a.json:1: not an object; each entry of an export is one"),
        ('{"a": 1}\n\n{"b"', (), "a.json:3: not JSON; is the file whole?"),
        ('[{"custom_id": "a", "body": {}}', (), "a.json:1: not JSON; is the file whole?"),
        ("", (), "a.json: nothing is in it"),
        (
            '{"custom_id": "a"}',
            ("--format", "langsmith"),
            "a.json:1: not a run of LangSmith: it has no run_type or no inputs",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(
    text: str, options: tuple[str, ...], message: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "a.json").write_text(text, encoding="utf-8")
    assert call(capfd, "cases", "import", "a.json", *options) == (2, "", f"migrator: {message}\n")
    assert not (project / ".migrator").exists()


def test_a_cassette_that_is_no_yaml_says_its_line(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "a.yaml").write_text("interactions:\n- a: [\n", encoding="utf-8")
    code, _, err = call(capfd, "cases", "import", "a.yaml")
    assert (code, err.startswith("migrator: a.yaml: line 3: not valid YAML (")) == (2, True)


def test_a_missing_file_and_a_wrong_encoding(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "cases", "import", "no.json")[2] == "migrator: no.json: no such file or directory\n"
    (project / "a.json").write_bytes(b"\xff\xfe{")
    message = "a.json: not UTF-8; JSON, JSONL, and the YAML of vcrpy can be imported"
    assert call(capfd, "cases", "import", "a.json") == (2, "", f"migrator: {message}\n")


def test_a_packed_file_is_unpacked(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = (EXPORTS / "openinference-0.1.66-otlp.json").read_bytes()
    (project / "traces.json.gz").write_bytes(gzip.compress(data))
    assert call(capfd, "cases", "import", "traces.json.gz") == (0, "Imported 4 cases (otel).\n", "")


def test_two_batches_with_the_same_ids_are_not_mixed(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", "one"), ("b", "two")):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
        (project / f"{name}.jsonl").write_text(json.dumps(line), encoding="utf-8")
    message = "b.jsonl:1: '1' stands in a.jsonl:1 too; import each batch by itself"
    assert call(capfd, "cases", "import", "a.jsonl", "b.jsonl") == (2, "", f"migrator: {message}\n")


# ---------------------------------------------------------------- export


def test_a_batch_is_of_one_model_and_endpoint(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "cases", "import", exported("vcrpy-9.4.yaml"))
    note = "migrator: 1 of 4 requests holds placeholders such as <email-1> instead of what was sent\n"
    code, out, err = call(capfd, "cases", "export")
    names = "gpt-4o (chat/completions), gpt-4o (responses), gpt-4o-mini (chat/completions)"
    advice = "give --output FILE for a file each, or --model"
    assert (code, out, err) == (
        2,
        "",
        f"{note}migrator: a batch is of one model and endpoint, these are of {names}; {advice}\n",
    )
    files = ["in.gpt-4o-mini.chat-completions.jsonl", "in.gpt-4o.chat-completions.jsonl", "in.gpt-4o.responses.jsonl"]
    assert call(capfd, "cases", "export", "-o", "in.jsonl")[0] == 0
    assert sorted(path.name for path in project.glob("in*")) == files
    lines = [json.loads(line) for line in (project / files[0]).read_text(encoding="utf-8").splitlines()]
    assert [line["body"] for line in lines] == [WEATHER_BODY, without(TELL_BODY, *STREAM)]
    assert {line["url"] for line in lines} == {"/v1/chat/completions"}
    assert len({line["custom_id"] for line in lines}) == 2
    mini = call(capfd, "cases", "export", "--model", "gpt-4o-mini")
    assert mini == (0, (project / files[0]).read_text(encoding="utf-8"), "")


def test_what_lacks_something_is_not_exported(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "cases", "import", exported("openllmetry-0.40-otlp.json"))
    code, out, err = call(capfd, "cases", "export", "--model", "gpt-4o")
    assert (code, out) == (2, "")
    assert "nothing to export" in err
    code, out, err = call(capfd, "cases", "export")
    assert (code, len(out.splitlines())) == (0, 2)
    assert "1 of 3 requests left out, which cannot be sent again; `migrator cases list` says why" in err
