"""Answer one question: what do the newest packages say that these tables do not?

``python rules/refresh.py`` compares ``rules/models/*.toml`` and ``rules/shutdowns.toml`` with what is installed: the
announced shutdown dates in openai's own docstrings, the prices and limits of ``litellm``'s map, checked against
``genai-prices``. It prints the difference for a person to review and writes nothing; with ``--write`` it writes
``rules/shutdowns.toml``, which is made from openai's docstrings alone. It invents nothing: where the packages disagree
or one is missing, it says so.

    pip install --upgrade openai litellm genai-prices
    python rules/refresh.py
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib import metadata, util
from pathlib import Path

HERE = Path(__file__).parent
SHUTDOWNS = HERE / "shutdowns.toml"
MODULES = ("types/shared/chat_model.py", "types/shared/all_models.py", "types/audio_model.py", "types/image_model.py")
ENTRY = re.compile(r"^- (.*?)(?=^- |\Z)", re.M | re.S)
DATE = re.compile(r"[Ss]hutdown\s+date:\s+(\d{4}-\d{2}-\d{2})")
MILLION, THOUSAND = 1_000_000, 1_000
# A field of our tables, and the key of litellm's map with the price of one token or the limit.
PRICES = {
    "input_price": "input_cost_per_token",
    "cached_price": "cache_read_input_token_cost",
    "output_price": "output_cost_per_token",
}
LIMITS = {"max_input": "max_input_tokens", "max_output": "max_output_tokens"}


def folder(package: str) -> Path | None:
    """Find an installed package without importing it."""
    found = util.find_spec(package)
    return Path(found.origin).parent if found is not None and found.origin else None


def announced(package: Path) -> Mapping[str, str]:
    """Give the shutdown date of every model that a docstring of openai's types announces."""
    found: dict[str, str] = {}
    for module in MODULES:
        path = package / module
        if not path.exists():
            continue
        texts = (node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
        for text in texts:
            if isinstance(text, str) and "hutdown" in text:
                for entry in ENTRY.findall(text):
                    day = DATE.search(entry)
                    names = re.findall(r'"([^"]+)"', entry.partition(":")[0] + ":")
                    found.update(dict.fromkeys(names, day[1]) if day else {})
    return found


def shutdowns(found: Mapping[str, str], version: str, today: date) -> str:
    """Write the table of shutdown dates, the latest date first."""
    lines = [
        f"# Announced shutdown dates, as openai {version} says them in the docstrings of its types. Made by",
        "# `python rules/refresh.py --write`; do not edit by hand.",
        "",
        f'source  = "openai {version}, types/shared/chat_model.py and its neighbours"',
        f"checked = {today}",
    ]
    for day in sorted(set(found.values()), reverse=True):
        names = sorted(name for name, one in found.items() if one == day)
        lines += ["", "[[shutdown]]", f"on    = {day}", "names = [", *(f'  "{name}",' for name in names), "]"]
    return "\n".join(lines) + "\n"


def models() -> Iterator[tuple[Path, Mapping[str, object]]]:
    """Give every model of our tables and the file that it stands in."""
    for path in sorted((HERE / "models").glob("*.toml")):
        for row in tomllib.loads(path.read_text("utf-8")).get("model", []):
            yield path, row


def price_map(package: Path) -> Mapping[str, Mapping[str, object]]:
    """Read litellm's map of prices and limits."""
    found: Mapping[str, Mapping[str, object]] = json.loads(
        (package / "model_prices_and_context_window_backup.json").read_text("utf-8")
    )
    return found


def differences(row: Mapping[str, object], said: Mapping[str, object], dates: Mapping[str, str]) -> Iterator[str]:
    """Say in which fields a model of ours is not what the packages say."""
    for field, key in PRICES.items():
        if key in said:
            theirs = (Decimal(str(said[key])) * MILLION).normalize()
            ours = row.get(field)
            if ours is None or Decimal(str(ours)) != theirs:
                yield f"{field}: {ours} here, {theirs:f} in litellm"
    for field, key in LIMITS.items():
        if said.get(key) is not None and row.get(field) != said[key]:
            yield f"{field}: {row.get(field)} here, {said[key]} in litellm"
    day = dates.get(str(row["name"]))
    if day is not None and str(row.get("shutdown")) != day:
        yield f"shutdown: {row.get('shutdown')} here, {day} in openai"


def second_opinion(row: Mapping[str, object]) -> Iterator[str]:
    """Say where genai-prices has another price than our table."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return
    # A request as long as a million tokens would cost more for each.
    usage = Usage(input_tokens=THOUSAND, output_tokens=THOUSAND)
    try:
        found = calc_price(usage, model_ref=str(row["name"]), provider_id="openai")
    except LookupError:
        return
    for field, theirs in (("input_price", found.input_price), ("output_price", found.output_price)):
        if row.get(field) is not None and theirs is not None and Decimal(str(row[field])) != theirs * THOUSAND:
            yield f"{field}: {row[field]} here, {theirs * THOUSAND} in genai-prices"


def main(arguments: Sequence[str]) -> int:
    """Print the differences; 1 where there are some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write rules/shutdowns.toml")
    chosen = parser.parse_args(arguments)
    openai, litellm = folder("openai"), folder("litellm")
    if openai is None:
        print("openai is not installed: pip install --upgrade openai litellm genai-prices", file=sys.stderr)
        return 2
    version = metadata.version("openai")
    dates = announced(openai)
    new = shutdowns(dates, version, date.today())
    old = SHUTDOWNS.read_text("utf-8") if SHUTDOWNS.exists() else ""
    if chosen.write:
        SHUTDOWNS.write_text(new, "utf-8")
        old = new
    diff = list(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "rules/shutdowns.toml", "openai"))
    sys.stdout.writelines(diff)
    known = price_map(litellm) if litellm is not None else {}
    if litellm is None:
        print("litellm is not installed: prices and limits are not compared", file=sys.stderr)
    count = 0
    for path, row in models():
        for said in (*differences(row, known.get(str(row["name"]), {}), dates), *second_opinion(row)):
            print(f"rules/models/{path.name}: {row['name']}: {said}")
            count += 1
    return int(bool(diff or count))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
