"""Answer one question: does the bot read its settings, name what is wrong, and agree with its page?"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from migrator.bot.checkup import SUBSCRIBED
from migrator.bot.settings import VARIABLES, BotSettings, look, read
from migrator.bot.words import COMMANDS
from migrator.deliver.app import WRITES
from migrator.settings import SettingsError

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
SECRET = "0123456789abcdef"
GOOD = {"MIGRATOR_APP_ID": "1", "MIGRATOR_PRIVATE_KEY": PEM, "MIGRATOR_WEBHOOK_SECRET": SECRET}
DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "bot.md").read_text(encoding="utf-8")


def test_what_is_said_is_read() -> None:
    assert read(GOOD) == BotSettings("1", PEM, SECRET)
    more = {"MIGRATOR_API_URL": "https://git.example/api/v3/", "MIGRATOR_DATABASE": "postgresql://h/d"}
    assert read({**GOOD, **more}) == BotSettings("1", PEM, SECRET, "https://git.example/api/v3", "postgresql://h/d")
    # A variable of one line, as many hosts take only such.
    assert read({**GOOD, "MIGRATOR_PRIVATE_KEY": PEM.replace("\n", "\\n")}).key == PEM


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    for name, text in (("key", PEM), ("secret", f"{SECRET}\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    said = {
        "MIGRATOR_APP_ID": "1",
        "MIGRATOR_PRIVATE_KEY_FILE": str(tmp_path / "key"),
        "MIGRATOR_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"),
    }
    assert read(said) == BotSettings("1", PEM, SECRET)
    if os.name != "nt":
        (tmp_path / "key").chmod(0o644)
        assert look(said)[1] == (
            f"MIGRATOR_PRIVATE_KEY_FILE: {tmp_path / 'key'}: every user of this machine can read it; "
            f"`chmod 600 {tmp_path / 'key'}`",
        )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MIGRATOR_APP_ID", "", "MIGRATOR_APP_ID is not set"),
        ("MIGRATOR_PRIVATE_KEY", " ", "MIGRATOR_PRIVATE_KEY is not set, and MIGRATOR_PRIVATE_KEY_FILE neither"),
        ("MIGRATOR_PRIVATE_KEY", "a key", "MIGRATOR_PRIVATE_KEY: no private key"),
        ("MIGRATOR_PRIVATE_KEY_FILE", "x", "MIGRATOR_PRIVATE_KEY and MIGRATOR_PRIVATE_KEY_FILE are both set"),
        ("MIGRATOR_WEBHOOK_SECRET", "secret", "MIGRATOR_WEBHOOK_SECRET: shorter than 16 characters"),
        ("MIGRATOR_API_URL", "http://git.example", "MIGRATOR_API_URL: only https"),
        ("MIGRATOR_API_URL", "https://me:x@git.example", "MIGRATOR_API_URL: no name or password"),
        # What cannot be read is quoted by who reads it, and it may be a part of the password.
        *(
            ("MIGRATOR_DATABASE", f"postgresql://{place}", "MIGRATOR_DATABASE: no URL that can be read")
            for place in (
                "u:pass%word@h/d",
                "u:pass@wo:rd@h/d",
                "u:password@[::1/d",
                "u:pass#word@h/d",
                "u:password@h:x/d",
            )
        ),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, said: str) -> None:
    (wrong,) = look({**GOOD, name: value})[1]
    assert wrong.startswith(said)
    assert "word@" not in wrong
    with pytest.raises(SettingsError, match=re.escape(said)):
        read({**GOOD, name: value})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = {**GOOD, "MIGRATOR_PRIVATE_KEY": "", "MIGRATOR_PRIVATE_KEY_FILE": str(tmp_path / "none")}
    assert look(said)[1] == (f"MIGRATOR_PRIVATE_KEY_FILE: {tmp_path / 'none'}: no such file or directory",)


def test_no_secret_is_shown() -> None:
    shown = repr(read({**GOOD, "MIGRATOR_DATABASE": "postgresql://a:hidden@h/d"}))
    assert [one for one in ("MIIE", SECRET, "hidden") if one in shown] == []


def test_the_page_names_the_variables_and_the_commands() -> None:
    table = PAGE.partition("| variable | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"`(MIGRATOR_\w+)`", table) == list(VARIABLES)
    assert re.findall(r"^\| `/migrator (\w+)` \|", PAGE, re.MULTILINE) == list(COMMANDS)


def test_the_manifest_and_the_address_ask_for_what_the_bot_uses() -> None:
    manifest = json.loads((DOCS / "app-manifest.json").read_text(encoding="utf-8"))
    assert manifest["default_permissions"] == dict(WRITES)
    assert sorted(manifest["default_events"]) == sorted(SUBSCRIBED)
    (address,) = re.findall(r"^ +(https://github\.com/settings/apps/new\?\S+)$", PAGE, re.MULTILINE)
    asked = parse_qs(urlsplit(address).query)
    assert {name: asked[name] for name in WRITES} == {name: [right] for name, right in WRITES.items()}
    assert sorted(asked["events[]"]) == sorted(SUBSCRIBED)
    assert asked["webhook_url"] == [manifest["hook_attributes"]["url"]]
