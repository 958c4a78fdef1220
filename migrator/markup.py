"""Answer one question: how does a text get into a page without becoming a part of its markup?"""

from __future__ import annotations

from html import escape

from migrator.evidence_words import visible


class Html(str):
    """A text that is HTML already; every other text is escaped where it is put in."""

    __slots__ = ()


def element(name: str, *inside: str, **attributes: str | float | None) -> Html:
    """Write an element: ``element("td", "a < b", class_="n")`` gives ``<td class="n">a &lt; b</td>``.

    An attribute of None is left out; ``aria_label`` becomes ``aria-label``, and a final ``_`` goes.
    """
    listed = "".join(f' {_name(key)}="{_text(str(value))}"' for key, value in attributes.items() if value is not None)
    return Html(f"<{name}{listed}>{together(*inside)}</{name}>")


def together(*inside: str) -> Html:
    """Put parts behind each other, escaping those that are no HTML."""
    return Html("".join(one if isinstance(one, Html) else _text(one) for one in inside))


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _text(text: str) -> str:
    return escape(visible(text))
