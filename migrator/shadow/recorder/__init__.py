"""The recorder: what runs inside the user's program and writes down its requests.

It is loaded by its path into a Python that may be older than ours and has none of our dependencies. So it
uses the standard library alone, in the syntax of Python 3.9, its own imports are relative, and what it hooks
is hooked when the program imports it, never sooner. Whatever goes wrong in here stays in here.
"""

from __future__ import annotations


def start(settings: str) -> None:
    """Hook the libraries of this process; ``settings`` is what ``migrator record`` put into the environment."""
    from .hooks import install
    from .journal import Journal

    install(Journal.of(settings))
