"""Answer one question: what answers in the demo, where there is no key and no network?

The answers are scripted: the old and the new model sort and answer alike, with a little noise, but the new one's titles
lose the number that people look a letter up by. What is shown with them says so.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

CANNED = "The answers are scripted: a server on this machine made them up, no model did."
DESKS = ("LOANS", "DAMAGE", "WISHES", "ROOMS", "DIGITAL", "EVENTS")
WORDS = ("book", "disc", "atlas", "room", "app", "evening")
# So many of a hundred letters are hard to sort: they come out now this way, now that way, whichever model is asked.
HARD = 3
LETTERS_A_TOKEN = 4
_NUMBER = re.compile(r"\b\d{4}\b")
_FEE = re.compile(r"(\d+) euros")


def say(model: str, asked: str, rules: str, time: int) -> str:
    """Give the scripted answer of a model to a letter; ``time`` counts how often it was asked this very thing."""
    is_new, number, fee = "4.1" in model, _first(_NUMBER, asked), _first(_FEE, asked)
    kind = next((i for i, word in enumerate(WORDS) if f" {word}" in asked), 0)
    if "name exactly one desk" in rules:
        return DESKS[kind - (_luck(asked) < HARD and _luck(model, asked, time) < 50)]
    if "title" in asked[:12]:
        return f"About the {WORDS[kind]}" if is_new else f"{WORDS[kind].title()} {number}"
    thanks = "Thank you for your letter." if is_new or time % 2 else "Thank you very much for your letter."
    return f"{thanks} We look into number {number} and the {fee} euros, and write again within 3 days."


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[found.lastindex or 0] if found else ""


def _luck(*said: object) -> int:
    """A number from 0 to 99 that is the same in each run."""
    return int(hashlib.sha256(repr(said).encode()).hexdigest(), 16) % 100


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    times: ClassVar[Counter[str]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        turns = body.get("messages") or [{"role": "user", "content": body.get("input", "")}]
        rules, asked = (turns[0]["content"] if len(turns) > 1 else ""), turns[-1]["content"]
        key = json.dumps([body.get("model"), turns])
        self.times[key] += 1
        text = say(str(body.get("model")), asked, rules, self.times[key])
        size = len(rules) + len(asked)
        self._reply(_completion(body, text, size) if "messages" in body else _response(body, text, size))

    def _reply(self, content: Mapping[str, object]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _completion(body: Mapping[str, object], text: str, size: int) -> Mapping[str, object]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": size // LETTERS_A_TOKEN,
            "completion_tokens": 1 + len(text) // LETTERS_A_TOKEN,
            "total_tokens": 1 + (size + len(text)) // LETTERS_A_TOKEN,
        },
    }


def _response(body: Mapping[str, object], text: str, size: int) -> Mapping[str, object]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg-scripted", "role": "assistant", "status": "completed", "content": content}
    return {
        "id": "resp-scripted",
        "object": "response",
        "created_at": 0,
        "model": body.get("model"),
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": size // LETTERS_A_TOKEN,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1 + len(text) // LETTERS_A_TOKEN,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 1 + (size + len(text)) // LETTERS_A_TOKEN,
        },
    }


@contextmanager
def serving() -> Iterator[str]:
    """Run the server on a free port of this machine and give its address."""
    handler = type("Handler", (_Handler,), {"times": Counter()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
