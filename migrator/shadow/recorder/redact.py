"""Answer one question: what in a request must never be written down, and what stands there instead?

The same value gets the same placeholder everywhere in one record (``<email-1>``), so that an answer which
repeats what it was asked still does. It is one module of the standard library alone, because it runs in
the user's program before anything touches the disk, where no other library can be relied upon.

It knows the secrets of this process exactly (variables like ``..._API_KEY``, the request's own key) and
the usual shapes of others. Shapes cannot be complete: names of people, addresses of houses, and numbers
that look like nothing else stay. Patterns of your own come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

SECRET_NAME = re.compile(
    r"(?:passw(?:or)?d|pwd|secret|(?:access|auth|refresh|bearer|session)[_-]?token"
    r"|credentials?|(?:api|private|access)[_-]?key|authorization)$",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_IS_GIVEN = re.compile(r"<[a-z]+-\d+>")
SHORTEST_SECRET = 8
_SHORT, _MOST_CLEAN = 40, 4_096

# What a key begins with, and how it goes on. A pattern that begins with letters is searched for many times
# faster than one that begins with a condition, so the condition on the character before stands behind them.
_KEYS = (
    *((prefix, r"(?=[\w-]{0,99}\d)[\w-]{16,}") for prefix in ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_")),
    *((prefix, r"[0-9A-Z]{16}") for prefix in ("AKIA", "ASIA")),
    *((prefix, r"[A-Za-z0-9]{20,}") for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "hf_", "gsk_", "npm_")),
    *((prefix, r"[\w-]{10,}") for prefix in ("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-")),
    *((prefix, r"[\w-]{16,}") for prefix in ("github_pat_", "glpat-", "pypi-", "AIza", "ya29.")),
    ("SG.", r"[\w-]{16,}\.[\w-]{16,}"),
)
_KEY = {
    prefix: re.compile(f"{re.escape(prefix)}(?<![A-Za-z0-9]{re.escape(prefix)}){rest}", re.ASCII)
    for prefix, rest in _KEYS
}
# A text is cut at a character that is rare in most, and only where a piece ends like one of these keys begins are
# they searched for. What is cut into more pieces than this is searched for each.
_CUTS = {cut: {prefix: prefix[:-1].rpartition(cut)[2] for prefix in _KEY if prefix.endswith(cut)} for cut in "-_"}
_ENDS = {cut: tuple(ends.values()) for cut, ends in _CUTS.items()}
_LONGEST_END = max(len(end) for ends in _ENDS.values() for end in ends)
_UNCUT = tuple(prefix for prefix in _KEY if not prefix.endswith(tuple(_CUTS)))
_MOST_PIECES = 1_000
_PEM = re.compile(r"-----BEGIN[A-Z ]{0,20}PRIVATE KEY-----.*?(?:-----END[A-Z ]{0,20}PRIVATE KEY-----|\Z)", re.DOTALL)
_TOKEN = re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", re.ASCII)
_BEARER = re.compile(r"[Bb](?:earer|EARER|asic|ASIC)\s+((?=[\w.~+/=-]{0,99}\d)[\w.~+/=-]{12,})", re.ASCII)
_LOGIN = re.compile(r"://([^\s/@:<>]+:[^\s/@<>]+)@")
_SIGNS = ":="
_VALUE = re.compile(r"\s*[\"']?([^\s\"',;<>{}()\[\]]{6,})")
_ASSIGNED_TO = re.compile(
    r"(?:passw(?:or)?d|pwd|secret|api[_-]?key|(?:access|auth|refresh|bearer)[_-]?token|access[_-]?key)[\"']?\s*$",
    re.IGNORECASE,
)
_ENDS_OF_NAMES = ("password", "passwd", "pwd", "secret", "key", "token")
_LONGEST_NAME = 24
_LOCAL = re.compile(r"[\w.%+'-]")
_DOMAIN = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
# Ranges are searched for twice as fast as ``\\d``. A number begins at its first digit, if at any.
_NUMBER = re.compile(r"[+(0-9](?<![0-9][0-9])[0-9 .()/-]{6,}[0-9]")
_LEAST_DIGITS = 8
_NO_DIGIT = bytes(byte for byte in range(256) if byte not in b"0123456789")
_DIGITS = re.compile(r"(?<!\d)\d(?:[ .-]?\d){12,}", re.ASCII)
_PHONE = re.compile(
    r"""(?<![\w+])\+\d(?:[ .()/-]{0,2}\d){7,14}(?!\d)
    | (?<![\w.-])(?:\(\d{2,5}\)\ ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])
    | (?<![\w.,-])0\d{1,4}[ /-]\d{3,}(?:[ -]?\d{2,})*(?![\w-])""",
    re.VERBOSE | re.ASCII,
)
_CARD_LENGTHS = range(13, 20)


@lru_cache(maxsize=4096)
def _is_secret(variable: str) -> bool:
    return _VARIABLE.search(variable) is not None


class Redactor:
    """What is looked for, compiled once."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self.patterns = tuple(re.compile(pattern) for pattern in patterns)
        self.known: Sequence[str] = ()
        self.clean: set[str] = set()

    def mask(self, environment: Mapping[str, str], secrets: Iterable[str] = ()) -> Mask:
        """Begin a record, in which the same value gets the same placeholder."""
        named = (environment.get(name, "") for name in environment if _is_secret(name))
        known = {value for value in (*named, *secrets) if len(value) >= SHORTEST_SECRET}
        ordered = sorted(known, key=lambda value: (-len(value), value))
        if ordered != self.known:
            self.known, self.clean = ordered, set()
        return Mask(self.patterns, ordered, self.clean)


class Mask:
    """The placeholders of one record.

    ``clean`` are short texts without a secret, which come again in each record: names of members, of models.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]], known: Sequence[str], clean: set[str]) -> None:
        self.patterns = patterns
        self.known = known
        self.clean = clean
        self.given: dict[tuple[str, str], str] = {}
        self.counts: dict[str, int] = {}

    def value(self, value: Any) -> Any:
        """Give a JSON value with placeholders for what must not be written."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {self.text(key): self._member(key, one) for key, one in value.items()}
        if isinstance(value, int) and len(str(abs(value))) in _CARD_LENGTHS and _is_card(str(abs(value))):
            return self._give("card", str(value))
        return value

    def _member(self, key: str, value: Any) -> Any:
        is_secret = isinstance(value, str) and value and SECRET_NAME.search(key) and not _IS_GIVEN.fullmatch(value)
        return self._give("secret", value) if is_secret else self.value(value)

    def text(self, text: str) -> str:
        """Give a text with placeholders."""
        if text in self.clean or (len(text) < SHORTEST_SECRET and "@" not in text and not self.patterns):
            return text
        given = self._text(text)
        if given == text and len(text) <= _SHORT and len(self.clean) < _MOST_CLEAN:
            self.clean.add(text)
        return given

    def _text(self, text: str) -> str:
        """Replace first what is known exactly, then the shapes, the longest first."""
        for pattern in self.patterns:
            text = pattern.sub(lambda match: self._give("redacted", match[0]) if match[0] else "", text)
        for secret in self.known:
            if secret in text:
                text = text.replace(secret, self._give("secret", secret))
        # What can be there at all is asked of the bytes, which is many times faster than a pattern.
        data = text.encode("utf-8", "surrogatepass")
        for prefix in _prefixes(text):
            text = _KEY[prefix].sub(self._whole("key"), text)
        if b"PRIVATE KEY" in data:
            text = _PEM.sub(self._whole("key"), text)
        if b"eyJ" in data:
            text = _TOKEN.sub(self._whole("token"), text)
        small = data.lower()
        if b"bearer" in small or b"basic" in small:
            text = _BEARER.sub(self._group("token"), text)
        text = self._assigned(text)
        if "@" in text:
            text = self._emails(_LOGIN.sub(self._group("login"), text))
        return _NUMBER.sub(self._number, text) if len(data.translate(None, _NO_DIGIT)) >= _LEAST_DIGITS else text

    def _assigned(self, text: str) -> str:
        """Replace what is given to a name such as ``password``, from the sign between them to both sides."""
        parts, at = [], 0
        for start in _signs(text):
            before = text[max(at, start - _LONGEST_NAME) : start] if start >= at else ""
            is_named = _ends_like_a_name(before) and _ASSIGNED_TO.search(before)
            value = _VALUE.match(text, start + 1) if is_named else None
            if value is not None:
                parts += [text[at : value.start(1)], self._give("secret", value[1])]
                at = value.end()
        return "".join((*parts, text[at:]))

    def _emails(self, text: str) -> str:
        """Replace each address, from its ``@`` to both sides: a search from its beginning tries every word."""
        parts, at = [], 0
        for match in _DOMAIN.finditer(text):
            start = match.start()
            while start > at and _LOCAL.match(text, start - 1):
                start -= 1
            if at <= start < match.start():
                parts += [text[at:start], self._give("email", text[start : match.end()])]
                at = match.end()
        return "".join((*parts, text[at:]))

    def _number(self, match: re.Match[str]) -> str:
        """Replace cards and phones in a row of digits, seen with the characters around it."""
        text, start, end = match.string, match.start(), match.end()
        before, after = text[max(0, start - 1) : start], text[end : end + 1]
        seen = _PHONE.sub(self._phone, _DIGITS.sub(self._cards, f"{before}{match[0]}{after}"))
        return seen[len(before) : len(seen) - len(after)]

    def _whole(self, kind: str) -> Callable[[re.Match[str]], str]:
        return lambda match: self._give(kind, match[0])

    def _group(self, kind: str) -> Callable[[re.Match[str]], str]:
        def replaced(match: re.Match[str]) -> str:
            start, end = match.start(1) - match.start(), match.end(1) - match.start()
            return match[0][:start] + self._give(kind, match[1]) + match[0][end:]

        return replaced

    def _cards(self, match: re.Match[str]) -> str:
        """Replace each card number in a row of digits: other numbers may stand before and after it."""
        row, at, parts = match[0], 0, []
        groups = [group.span() for group in re.finditer(r"\d+", row)]
        for number, (start, _) in enumerate(groups):
            end = _end_of_card(row, groups, number) if start >= at else 0
            if end:
                parts += [row[at:start], self._give("card", row[start:end])]
                at = end
        return "".join((*parts, row[at:]))

    def _phone(self, match: re.Match[str]) -> str:
        count = sum(map(str.isdigit, match[0]))
        return self._give("phone", match[0]) if 8 <= count <= 15 else match[0]

    def _give(self, kind: str, value: str) -> str:
        if (kind, value) not in self.given:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.given[kind, value] = f"<{kind}-{self.counts[kind]}>"
        return self.given[kind, value]


def _prefixes(text: str) -> Sequence[str]:
    """Give what keys begin with, as far as it is in the text, in the order in which keys are searched for."""
    near = {prefix for cut in _CUTS if cut in text for prefix in _near(text, cut)}
    near.update(prefix for prefix in _UNCUT if prefix in text)
    return [prefix for prefix in _KEY if prefix in near]


def _near(text: str, cut: str) -> Iterable[str]:
    """Give the beginnings of keys before whose last character the text, cut there, has a piece that ends so."""
    pieces = text.split(cut, _MOST_PIECES)
    if len(pieces) > _MOST_PIECES:
        return _CUTS[cut]
    ends = [piece[-_LONGEST_END:] for piece in pieces if piece.endswith(_ENDS[cut])]
    return (prefix for prefix, end in _CUTS[cut].items() if any(one.endswith(end) for one in ends))


def _signs(text: str) -> Sequence[int]:
    """Give where the signs stand that may give a value to a name."""
    found = []
    for sign in _SIGNS:
        at = text.find(sign)
        while at >= 0:
            found.append(at)
            at = text.find(sign, at + 1)
    return sorted(found)


def _ends_like_a_name(text: str) -> bool:
    return text.rstrip().rstrip("\"'").casefold().endswith(_ENDS_OF_NAMES)


def _end_of_card(row: str, groups: Sequence[tuple[int, int]], first: int) -> int:
    """Give where the longest card number ends that begins with this group of digits; 0 if none does."""
    found, digits = 0, ""
    for number in range(first, len(groups)):
        start, end = groups[number]
        digits += row[start:end]
        if len(digits) >= _CARD_LENGTHS.stop:
            break
        if _is_card(digits):
            found = end
    return found


def _is_card(digits: str) -> bool:
    """Say whether the last digit is the check digit of the others (Luhn), as in each card's number."""
    if len(digits) not in _CARD_LENGTHS or digits[0] not in "23456":
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0
