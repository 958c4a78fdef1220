"""Answer one question: which facts does a text state: numbers with units, dates, times, ids, and what it denies?

A fact is written in one way, so that "$1,200.50" and "1200.5 dollars" are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_SMALL = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: number for number, word in enumerate(_SMALL.split(), 2)}
TENS = {word: number * 10 for number, word in enumerate(_TENS.split(), 2)}
_SCALES = {"k": 3, "thousand": 3, "m": 6, "million": 6, "mn": 6, "bn": 9, "b": 9, "billion": 9, "hundred": 2}
# What a unit is called, by the one way in which it is written here.
_UNITS = {
    "%": "% percent pct",
    "$": "$ usd dollar dollars",
    "€": "€ eur euro euros",
    "£": "£ gbp pound pounds",
    "ms": "ms millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "d day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "kg": "kg kilogram kilograms",
    "mg": "mg milligram milligrams",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "g": "g gram grams",
    "km": "km kilometer kilometers kilometre kilometres",
    "m": "metre metres meter meters",
    "cm": "cm centimeter centimeters",
    "mm": "mm millimeter millimeters",
    "mi": "mile miles",
    "lb": "lb lbs",
    "l": "liter liters litre litres",
    "kb": "kb kilobyte kilobytes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "°c": "°c celsius",
    "°f": "°f fahrenheit",
}
UNITS = {name: unit for unit, names in _UNITS.items() for name in names.split()}
UNITS |= {"degrees celsius": "°c", "degrees fahrenheit": "°f"}
_UNIT = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))

_ID = re.compile(
    r"https?://[^\s<>\"')\]]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.-]*\w"
    r"|(?<![A-Za-z0-9])[A-Za-z0-9]+(?:[-_/#.][A-Za-z0-9]+)*(?![A-Za-z0-9])"
)
_DATE = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}}(?:T\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?)?)\b"
    rf"|\b{_MONTH}\s+{_DAY}\b(?:,?\s+(\d{{4}}))?|\b{_DAY}\s+(?:of\s+)?{_MONTH}\b(?:,?\s+(\d{{4}}))?"
    rf"|\b(?P<slashed>\d{{1,4}}[/.]\d{{1,2}}[/.]\d{{1,4}})\b",
    re.I,
)
_TIME = re.compile(r"\b(\d{1,2})(?::(\d{2}))(?::(\d{2}))?\s*([ap]\.?m\b\.?)?|\b(\d{1,2})\s*([ap]\.?m\b\.?)", re.I)
_NUMBER = re.compile(
    rf"(?P<before>[$€£])?\s?(?<![\w.])(?P<minus>(?<![\w\d])[-−](?=[\d.$€£]))?(?P<again>[$€£])?"
    rf"(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:st|nd|rd|th\b)?"
    rf"(?:[ -]?(?P<scale>{_SCALE})\b)?(?:[ -]?(?P<unit>{_UNIT})(?![A-Za-z]))?",
    re.I,
)
_WORD = re.compile(
    rf"\b(?:(?P<small>{'|'.join(WORDS)})|(?P<tens>{'|'.join(TENS)})(?:[ -](?P<one>one|{'|'.join([*WORDS][:8])}))?)\b"
    rf"(?:[ -](?P<scale>hundred|thousand|million|billion)\b)?"
    rf"(?:[ -](?P<unit>{_UNIT})(?![A-Za-z]))?",
    re.I,
)
_BULLET = re.compile(r"^[ \t]*[-*•+][ \t]+", re.M)
_QUOTES = str.maketrans("’‘“”„«»", "''" + '"' * 5)
_ITEM = re.compile(r"^[ \t]*(\d{1,3})[.)][ \t]+", re.M)
_DECORATION = re.compile(r"(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)|^#{1,6}\s+", re.M)


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One fact: ``kind`` is "number", "date", "time" or "id"; ``at`` is its place in the text."""

    kind: str
    said: str
    at: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What makes two facts one."""
        return self.kind, self.said

    @property
    def sort(self) -> str:
        """What it may be taken for another of: ``number €``, ``date``."""
        return f"number {self.said.partition(' ')[2]}" if self.kind == "number" else self.kind


def plain(text: str) -> str:
    """A text without the numbers of list items, and without stars and backticks."""
    text = _BULLET.sub("", text.translate(_QUOTES))
    counted = [int(number) for number in _ITEM.findall(text)]
    if len(counted) > 1 and counted == list(range(1, len(counted) + 1)):
        text = _ITEM.sub("", text)
    return _DECORATION.sub("", text)


def facts(text: str) -> tuple[Fact, ...]:
    """Read the facts of a text, in their order; each stretch of text gives one."""
    return _read(plain(text))[0]


def rest(text: str) -> str:
    """What a text says beside its facts."""
    return _read(plain(text))[1].replace(_TAKEN, " ")


def _read(text: str) -> tuple[tuple[Fact, ...], str]:
    found: list[Fact] = []
    for read in (_dates, _ids, _times, _numbers, _words):
        for start, end, kind, said in tuple(read(text)):
            found.append(Fact(kind, said, start))
            text = text[:start] + _TAKEN * (end - start) + text[end:]
    return tuple(sorted(found, key=lambda fact: fact.at)), text


_TAKEN = "\x00"
Found = Iterator[tuple[int, int, str, str]]


def _dates(text: str) -> Found:
    for match in _DATE.finditer(text):
        month = match[2] or match[6]
        day, year = match[3] or match[5], match[4] or match[7]
        if month:
            said = f"{year or '----'}-{MONTHS.index(month[:3].lower()) + 1:02}-{int(day):02}"
        else:
            said = match["iso"] or match["slashed"]
        yield *match.span(), "date", said


def _ids(text: str) -> Found:
    for match in _ID.finditer(text):
        said = match[0].rstrip(".,;:")
        is_address = "@" in said or "://" in said
        if is_address or (_is_named(said) and not _is_amount(said)):
            yield match.start(), match.start() + len(said), "id", said.lower() if "@" in said else said


def _is_named(said: str) -> bool:
    """Say whether a word is the name of something: a digit after a letter, parts with both, ``2.1.0``."""
    letters = [i for i, c in enumerate(said) if c.isalpha()]
    digits = [i for i, c in enumerate(said) if c.isdigit()]
    if not letters or not digits:
        return said.count(".") > 1 and said.replace(".", "").isdigit()
    return letters[0] < digits[-1] or not said.isalnum()


def _is_amount(said: str) -> bool:
    """Say whether a token with letters and digits is a number with a unit: ``5km``, ``3-day``, ``10k``, ``2nd``."""
    return (
        _NUMBER.fullmatch(said) is not None or re.fullmatch(r"\d+(?:[-/]\d+)*-[a-z]+|\d+[ap]m", said, re.I) is not None
    )


def _times(text: str) -> Found:
    for match in _TIME.finditer(text):
        hour, half = int(match[1] or match[5]), (match[4] or match[6] or "").lower()[:1]
        if hour > 24:
            continue
        hour = hour % 12 + (12 if half == "p" else 0) if half else hour
        yield *match.span(), "time", f"{hour:02}:{match[2] or '00'}" + (f":{match[3]}" if match[3] else "")


def _numbers(text: str) -> Found:
    for match in _NUMBER.finditer(text):
        unit = match["before"] or match["again"] or UNITS.get((match["unit"] or "").lower(), "")
        said = _written(_amount(match["digits"], match["scale"]), unit)
        yield *match.span(), "number", f"-{said}" if match["minus"] else said


def _words(text: str) -> Found:
    for match in _WORD.finditer(text):
        said = [(match[name] or "").lower() for name in ("small", "tens", "one")]
        number = sum(WORDS.get(word, 0) + TENS.get(word, 0) + (word == "one") for word in said)
        value = _amount(str(number), match["scale"])
        yield *match.span(), "number", _written(value, UNITS.get((match["unit"] or "").lower(), ""))


def _written(value: Decimal, unit: str) -> str:
    number = format(value, "f")
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} {unit}".strip()


def _amount(digits: str, scale: str | None) -> Decimal:
    """The value, exactly: of a number with more digits than the arithmetic keeps, the digits themselves."""
    value = Decimal(digits.replace(",", ""))
    return value.scaleb(_SCALES[scale.lower()]) if scale and len(digits) < 20 else value
