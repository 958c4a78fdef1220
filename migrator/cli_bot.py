"""Answer one question: what did the user type after ``bot``?"""

from __future__ import annotations

import click

from migrator.cli_errors import one_line_errors


@click.group(short_help="Serve a GitHub App that keeps pull requests by itself.")
def bot() -> None:
    """Serve a GitHub App that keeps pull requests by itself.

    It opens one pull request in each repository that it is installed on, and remarks on pull requests
    that add calls of an old model. docs/bot.md sets one up in ten minutes.

    The environment says who the app is: MIGRATOR_APP_ID, MIGRATOR_PRIVATE_KEY (or
    MIGRATOR_PRIVATE_KEY_FILE), MIGRATOR_WEBHOOK_SECRET (or MIGRATOR_WEBHOOK_SECRET_FILE),
    MIGRATOR_API_URL for GitHub Enterprise, and MIGRATOR_DATABASE for where the inbox is.
    """


@bot.command(short_help="Take deliveries of GitHub in and do the work.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Listen there.")
@click.option("--port", metavar="NUMBER", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 32),
    default=2,
    show_default=True,
    help="Repositories that are looked at at the same time.",
)
def serve(*, host: str, port: int, workers: int) -> int:
    """Take deliveries of GitHub in and do the work, until SIGTERM or SIGINT.

    POST /webhook is for GitHub, through a proxy that speaks https. GET /healthz and GET /metrics are
    for you. What happens is told on standard error, one line of JSON each.

    After a signal no delivery is taken any more. What is being done has 25 seconds to end, and is
    given back to the inbox then.
    """
    from migrator.bot import session

    with one_line_errors():
        return session.serve(host, port, workers)


@bot.command(short_help="Say whether the app is set up as the bot needs it.")
def check() -> int:
    """Say whether the app is set up as the bot needs it: key, rights, events, webhook, inbox.

    It reads and changes nothing. The exit code is 4 where something is missing.
    """
    from migrator.bot import session

    with one_line_errors():
        return session.check()
