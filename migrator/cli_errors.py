"""Answer one question: how does an error that a person can mend become one line, and exit code 2 or 4?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


class Unable(click.ClickException):
    """What was asked for is right and cannot be done here."""

    exit_code = 4


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a person can mend into one line and exit code 2; 4 where only what is around us is at fault."""
    from migrator.settings import CannotRun, SettingsError
    from migrator.tables import RuleError

    try:
        yield
    except CannotRun as error:
        raise Unable(str(error)) from None
    except (SettingsError, RuleError) as error:
        raise click.UsageError(str(error)) from None
