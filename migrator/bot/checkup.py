"""Answer one question: is the app set up as the bot needs it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.bot.database import Database
from migrator.bot.events import EVENTS
from migrator.bot.inbox import Inbox
from migrator.deliver.app import WRITES, App
from migrator.github_api import table
from migrator.settings import CannotRun, SettingsError

# Every app gets these without asking for them.
ALWAYS = ("installation", "installation_repositories")
SUBSCRIBED = tuple(name for name in EVENTS if name not in ALWAYS)
# Which right is enough for which.
ENOUGH: Mapping[str, tuple[str, ...]] = {"read": ("read", "write", "admin"), "write": ("write", "admin")}


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that was looked at: whether it is right, what it is, and what to do where it is not."""

    is_right: bool
    what: str
    advice: str = ""


def checkup(app: App, database: str) -> Iterator[Answer]:
    """Look at the key, the app, its rights and events, its webhook, its installations, and the inbox."""
    try:
        said = table(app.client.ask("GET", "/app").said)
    except CannotRun as error:
        yield Answer(False, f"the app does not answer: {error}", "is the id the one that the key belongs to?")
    else:
        yield Answer(True, f"the app is {said.get('name')}, and writes as {said.get('slug')}[bot]")
        yield from _rights(table(said.get("permissions")))
        yield from _events(said.get("events"))
        yield _webhook(app)
        yield _installed(app)
    yield _inbox(database)


def _rights(has: Mapping[str, object]) -> Iterator[Answer]:
    missing = [f"{name}: {wanted}" for name, wanted in WRITES.items() if has.get(name) not in ENOUGH[wanted]]
    if missing:
        advice = "add them under Permissions & events; each installation must then accept them"
        yield Answer(False, f"rights that are missing: {', '.join(missing)}", advice)
    else:
        yield Answer(True, f"rights: {', '.join(f'{name}: {right}' for name, right in WRITES.items())}")
    more = sorted(name for name in has if name not in WRITES)
    if more:
        yield Answer(True, f"rights that the bot does not use: {', '.join(more)}")


def _events(said: object) -> Iterator[Answer]:
    has = said if isinstance(said, list) else []
    missing = [name for name in SUBSCRIBED if name not in has]
    if missing:
        yield Answer(False, f"events that are missing: {', '.join(missing)}", "subscribe under Permissions & events")
    else:
        yield Answer(True, f"events: {', '.join(SUBSCRIBED)}")


def _webhook(app: App) -> Answer:
    try:
        said = table(app.client.ask("GET", "/app/hook/config").said)
    except CannotRun as error:
        return Answer(False, f"the webhook cannot be read: {error}", "is it active?")
    if not said.get("url"):
        return Answer(False, "the webhook has no address", "set it to https://YOUR-HOST/webhook")
    if said.get("content_type") != "json":
        return Answer(False, "the webhook sends forms", "set its content type to application/json")
    if not said.get("secret"):
        return Answer(False, "the webhook has no secret", "set it to that of MIGRATOR_WEBHOOK_SECRET")
    if str(said.get("insecure_ssl", "0")) != "0":
        return Answer(False, "the webhook does not verify certificates", "enable SSL verification")
    return Answer(True, f"the webhook goes to {said['url']}")


def _installed(app: App) -> Answer:
    try:
        count = sum(1 for _ in app.installations())
    except CannotRun as error:
        return Answer(False, f"its installations cannot be read: {error}")
    if not count:
        return Answer(False, "it is installed nowhere", "install it on an account or an organisation")
    return Answer(True, f"installed on {count} account{'' if count == 1 else 's'}")


def _inbox(place: str) -> Answer:
    database = Database(place)
    try:
        waiting = Inbox(database).counts().get("waiting", 0)
    except SettingsError as error:
        return Answer(False, f"the inbox cannot be used: {error}", "see MIGRATOR_DATABASE")
    finally:
        database.close()
    return Answer(True, f"the inbox is {database.shown}, with {waiting} waiting")
