"""Answer one question: what happens when the bot is started, or looked over?"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.bot.settings import BotSettings, look, read
from migrator.settings import CannotRun

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from migrator.bot.log import Log

DONE, WRONG = 0, 4
NEEDED = ("jwt", "starlette", "uvicorn")


def _must_have(packages: Sequence[str]) -> None:
    """Say how to get what is not installed."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in packages):
        raise CannotRun("the bot needs more packages: pip install 'migrator-llm[bot]'")


def check() -> int:
    """Say what is right and what is missing, and give the exit code."""
    from migrator.bot.checkup import Answer, checkup
    from migrator.deliver.app import App

    _must_have(NEEDED[:1])
    settings, wrong = look(os.environ)
    is_right = not wrong
    found = checkup(App(settings.app, settings.key, settings.api), settings.database)
    for one in map(partial(Answer, False), wrong) if wrong else found:
        print(f"{'ok' if one.is_right else 'no':4}{one.what}")
        if one.advice:
            print(f"    {one.advice}")
        is_right = is_right and one.is_right
    return DONE if is_right else WRONG


def serve(host: str, port: int, workers: int) -> int:
    """Take deliveries in and do the work until a signal says stop."""
    _must_have(NEEDED)
    from migrator.bot.log import Forwarded, Log

    settings = read(os.environ)
    log = Log((settings.key, settings.secret, *_password(settings.database)))
    app, close = _assembled(settings, log, workers)
    logging.getLogger("uvicorn").addHandler(Forwarded(log))
    with _listening(host, port) as taken:
        log.say("started", host=host, port=port, workers=workers, server=settings.api)
        _run(app, taken)
    close()
    return DONE


def _run(app: Starlette, taken: socket.socket) -> None:
    """Serve until a signal comes: uvicorn takes it, ends the requests and then the work, and raises it again."""
    import uvicorn

    for name in (signal.SIGTERM, signal.SIGINT):
        # So that its end is a good one.
        signal.signal(name, lambda *_: None)
    quiet: Mapping[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config(app, lifespan="on", timeout_graceful_shutdown=10, **quiet)
    uvicorn.Server(config).run(sockets=[taken])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        # Its own text repeats the address.
        why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        raise CannotRun(f"cannot listen on {host}:{port}: {why}") from None


def _assembled(settings: BotSettings, log: Log, count: int) -> tuple[Starlette, Callable[[], None]]:
    """Put the parts together; gives the application and what closes the database."""
    from migrator.bot.database import Database
    from migrator.bot.inbox import Inbox
    from migrator.bot.log import Meters
    from migrator.bot.server import Door, application
    from migrator.bot.sweep import Sweep
    from migrator.bot.work import Work
    from migrator.bot.workers import Workers
    from migrator.deliver.app import App

    app = App(settings.app, settings.key, settings.api)
    # What cannot work at all is said now, not when the first delivery comes.
    app.proof()
    database = Database(settings.database)
    inbox, meters = Inbox(database), Meters()
    inbox.counts()
    workers = Workers(inbox, Work(app).do, log, meters, count, Sweep(app, inbox).run)
    door = Door(settings.secret, inbox, log, meters, workers.wake)
    return application(door, workers.running), database.close


def _password(database: str) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    found = urlsplit(database).password
    return (found,) if found else ()
