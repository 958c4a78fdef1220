"""Answer one question: is this address one of these servers?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

OPENAI = ("api.openai.com",)


def is_served(text: str, hosts: Sequence[str]) -> bool:
    """Say whether an address, or a part of one, names one of the hosts or a host below it.

    ``https://eu.api.openai.com/v1`` is served by ``api.openai.com``; ``https://notapi.openai.com`` and
    ``https://api.openai.com.example`` are not.
    """
    return any(_pattern(host).search(text) is not None for host in hosts)


@cache
def _pattern(host: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[/.@]){re.escape(host)}(?:$|[/:?#])", re.IGNORECASE)
