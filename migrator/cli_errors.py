"""Answer one question: how does an error that a person can mend become one line and exit code 2?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a person can mend into one line and exit code 2."""
    from migrator.settings import SettingsError
    from migrator.tables import RuleError

    try:
        yield
    except (SettingsError, RuleError) as error:
        raise click.UsageError(str(error)) from None
