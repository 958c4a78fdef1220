"""Answer one question: which models does a server list, and on which day does each end?

``GET /v1/models`` gives ``shutdown_date`` (YYYY-MM-DD or null) for each model
(https://developers.openai.com/api/docs/deprecations; openai 3.1.0 reads it). It is asked only when the user says so.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import date

from migrator.settings import SettingsError

TIMEOUT = 30
MOST_BYTES = 20_000_000


def ask(base_url: str, key: str | None) -> Mapping[str, date | None]:
    """Give each model's shutdown date, None where none is announced. Raises SettingsError, in one line."""
    if not key:
        raise SettingsError("no key: set OPENAI_API_KEY to ask the server for its models")
    if not base_url.startswith(("https://", "http://")):
        raise SettingsError(f"{base_url!r} is no address of a server")
    url = f"{base_url.rstrip('/')}/models"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
            said = json.loads(reply.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise SettingsError(f"{url}: the server answered {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{url}: {getattr(error, 'reason', error)}") from None
    rows = said.get("data") if isinstance(said, dict) else None
    if not isinstance(rows, list):
        raise SettingsError(f"{url}: the answer is no list of models")
    return {str(row.get("id")): _day(row.get("shutdown_date")) for row in rows if isinstance(row, dict)}


def _day(said: object) -> date | None:
    try:
        return date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
