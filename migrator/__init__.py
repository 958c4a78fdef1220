"""migrator moves Python code from gpt-4o and gpt-4o-mini to gpt-4.1-mini, with proof."""

__version__ = "0.1.0"
