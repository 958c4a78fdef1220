"""Answer one question: what does the environment say of the bot?

Secrets come from the environment or from a file, never from an argument, which every list of processes shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from migrator.github_api import API, is_secret
from migrator.settings import SettingsError

DATABASE = "migrator-bot.db"
# The variables that are read, in the order in which the documentation shows them.
APP, KEY, KEY_FILE, SECRET, SECRET_FILE, SERVER, PLACE = (
    "MIGRATOR_APP_ID",
    "MIGRATOR_PRIVATE_KEY",
    "MIGRATOR_PRIVATE_KEY_FILE",
    "MIGRATOR_WEBHOOK_SECRET",
    "MIGRATOR_WEBHOOK_SECRET_FILE",
    "MIGRATOR_API_URL",
    "MIGRATOR_DATABASE",
)
VARIABLES = (APP, KEY, KEY_FILE, SECRET, SECRET_FILE, SERVER, PLACE)
# GitHub's own advice is a random string of high entropy; a word is guessed.
SHORTEST = 16


@dataclass(frozen=True, slots=True)
class BotSettings:
    """Who the app is, and where its rows are kept. ``key`` is a PEM, ``secret`` what deliveries are signed with."""

    app: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    api: str = API
    database: str = field(default=DATABASE, repr=False)


def read(environment: Mapping[str, str]) -> BotSettings:
    """Read the settings. Raises SettingsError with all that is missing or wrong."""
    settings, wrong = look(environment)
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings


def look(environment: Mapping[str, str]) -> tuple[BotSettings, tuple[str, ...]]:
    """Read the settings, and say what is missing or wrong, one line each."""
    wrong: list[str] = []
    app = environment.get(APP, "").strip()
    if not app:
        wrong.append(f"{APP} is not set: the number, or the client id, on the settings page of the app")
    key = _secret(environment, KEY, KEY_FILE, "the private key (a PEM) of the app", wrong)
    # A variable of a container is often one line, with a backslash and an n in it.
    key = key.replace("\\n", "\n") if "\n" not in key.strip() else key
    if key and "PRIVATE KEY-----" not in key:
        wrong.append(f"{KEY if environment.get(KEY) else KEY_FILE}: no private key; its file begins with -----BEGIN")
    secret = _secret(environment, SECRET, SECRET_FILE, "the webhook secret of the app", wrong).strip()
    if secret and len(secret) < SHORTEST:
        wrong.append(f"{SECRET}: shorter than {SHORTEST} characters; `openssl rand -hex 32` makes one")
    api = environment.get(SERVER, "").strip().rstrip("/") or API
    wrong += _server(api)
    place = environment.get(PLACE, "").strip() or DATABASE
    wrong += _database(place)
    return BotSettings(app, key, secret, api, place), tuple(wrong)


def _secret(environment: Mapping[str, str], name: str, name_of_file: str, what: str, wrong: list[str]) -> str:
    """Read a secret from its variable or from the file that another one names."""
    said, place = environment.get(name, ""), environment.get(name_of_file, "").strip()
    if said.strip() and place:
        wrong.append(f"{name} and {name_of_file} are both set: take one of them away")
    elif said.strip():
        return said
    elif place:
        return _contents(Path(place), name_of_file, wrong)
    else:
        wrong.append(f"{name} is not set, and {name_of_file} neither: {what}")
    return ""


def _contents(path: Path, name: str, wrong: list[str]) -> str:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        wrong.append(f"{name}: {path}: {(error.strerror or str(error)).lower()}")
    except UnicodeDecodeError:
        wrong.append(f"{name}: {path}: not a text")
    else:
        if os.name != "nt" and path.stat().st_mode & 0o007:
            wrong.append(f"{name}: {path}: every user of this machine can read it; `chmod 600 {path}`")
        elif not text.strip():
            wrong.append(f"{name}: {path}: it is empty")
        return text
    return ""


def _database(place: str) -> list[str]:
    """Say that a URL is none; what reads it otherwise quotes the part that it cannot read, as of a password."""
    if not place.startswith(("postgresql://", "postgres://")):
        return []
    try:
        parts = urlsplit(place)
        is_right = (parts.port is None or parts.port > 0) and parts.netloc.count("@") <= 1
    except ValueError:
        is_right = False
    if is_right and not re.search("%(?![0-9A-Fa-f]{2})", place):
        return []
    return [f"{PLACE}: no URL that can be read; in a password, %40 stands for @, %25 for %, %2F for /"]


def _server(api: str) -> list[str]:
    parts = urlsplit(api)
    if not is_secret(parts):
        return [f"{SERVER}: only https, so that nobody on the way reads the tokens"]
    return [f"{SERVER}: no name or password belongs there"] if "@" in parts.netloc else []
