"""Answer one question: which words of the help come from the tables?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from migrator.defaults import default_migration

Command = TypeVar("Command", bound=Callable[..., object])


class Target(click.Option):
    """``--to``: its help names the default migration, and reads it only when the help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Give the option and its help, with the default behind it."""
        record = super().get_help_record(ctx)
        return record and (record[0], f"{record[1]} [default: {default_migration()}]")


def to(text: str = "Where to go: a name, or a FILE.toml.") -> Callable[[Command], Command]:
    """Add ``--to`` to a command."""
    return click.option("--to", metavar="MIGRATION", cls=Target, help=text)


class App(click.Group):
    """The program, whose help says between which models it moves code."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help with the names of the default migration in it."""
        from migrator.rulebook import load_migration

        migration = load_migration(default_migration())
        old = " and ".join(name for name, new in migration.names.items() if new == migration.target)
        self.help = (self.help or "").format(old=old, new=migration.target)
        super().format_help_text(ctx, formatter)
