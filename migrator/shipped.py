"""Answer one question: where are the tables and the pages that come with the package?

They are inside the package when it is installed, and beside it in a checkout.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def rules() -> Path:
    """Give the folder of the tables."""
    inside = PACKAGE / "rules"
    return inside if inside.exists() else PACKAGE.parent / "rules"


def reasons() -> Path:
    """Give the folder of the pages of the reasons."""
    inside = PACKAGE / "reasons"
    return inside if inside.exists() else PACKAGE.parent / "docs" / "reasons"
