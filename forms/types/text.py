"""Text: one line or several, plain or in a named format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import (
    FieldType,
    Invalid,
    Quick,
    Raw,
    Report,
    Storage,
    read_count,
    read_word,
)
from forms.values import INTEGER_LIMIT

if TYPE_CHECKING:
    from forms.model import Field

MAX_LINE = 200
"""Characters of a single-line text, where the definition says nothing."""

MAX_LINES = 10_000
"""Characters of a text of several lines, where the definition says nothing, and at most."""

# Named formats instead of patterns: a tenant's own regular expression could hang the server. Each
# of these runs in linear time.
FORMATS: Mapping[str, re.Pattern[str] | None] = {
    "plain": None,
    "email": re.compile(
        r"[^@\s<>()\[\],;:\\\"]{1,64}@(?:[^\W_][\w-]{0,62}\.)+[^\W\d_][\w-]{0,62}", re.UNICODE
    ),
    "phone": re.compile(r"\+?(?:[ ()-]*[0-9]){5,20}[ )]*"),
    "url": re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.IGNORECASE),
    "postcode": re.compile(r"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){2,9}"),
    "currency": re.compile(r"[A-Z]{3}"),
}

_JSON_FORMATS = {"email": "email", "url": "uri"}


class TextType(FieldType):
    """Text, normalised to NFC; outer white space is kept as given."""

    __slots__ = ()
    id = "text"
    keys = frozenset({"lines", "format", "max"})

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        lines = read_count(definition, "lines", report, lowest=1, highest=50) or 1
        form = read_word(definition, "format", tuple(FORMATS), report, "unknown_format") or "plain"
        if lines > 1 and form != "plain":
            report("format_on_lines", "format", allowed="plain, where lines is more than 1")
        longest = read_count(definition, "max", report, lowest=1, highest=MAX_LINES)
        return {
            "lines": lines,
            "format": form,
            "max": longest or (MAX_LINES if lines > 1 else MAX_LINE),
        }

    def expr_type(self, field: Field) -> Type:
        return Type("text")

    def parse(self, raw: Raw, field: Field) -> str | None:
        if not isinstance(raw, str):
            if raw is None:
                return None
            # A JSON author may well leave "10002" unquoted; the digits are the text.
            if type(raw) is not int or abs(raw) >= INTEGER_LIMIT:
                raise Invalid("not_text", got=got(raw))
            raw = str(raw)
        if len(raw) > 4 * MAX_LINES:
            raise Invalid("too_long", max=field.max, length=len(raw))
        text = raw if raw.isascii() else unicodedata.normalize("NFC", raw)
        if field.lines > 1:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not text.isprintable():
            _refuse_controls(text, several=field.lines > 1)
        if not text or text.isspace():
            return None
        if len(text) > field.max:  # type: ignore[operator]
            raise Invalid("too_long", max=field.max, length=len(text))
        pattern = FORMATS.get(field.format)
        if pattern is not None and not pattern.fullmatch(text):
            raise Invalid("format_" + field.format)
        return text

    def quick(self, field: Field) -> Quick | None:
        if field.format != "plain" or field.lines > 1:
            return None
        # Printable text that does not begin with a space needs none of the other questions.
        return Quick(
            "type(v) is str and v >= '!' and v.isprintable() and len(v) <= most"
            " and (v.isascii() or normalized('NFC', v))",
            {"most": field.max, "normalized": unicodedata.is_normalized},
        )

    def check(self, value: object, field: Field) -> None:
        if self.parse(value, field) != value:
            raise Invalid("not_text", got=got(value))

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        schema: dict[str, object] = {"type": "string", "maxLength": field.max}
        if field.format in _JSON_FORMATS:
            schema["format"] = _JSON_FORMATS[field.format]
        return schema

    def storage(self, field: Field) -> Storage:
        return Storage("text")


def _refuse_controls(text: str, *, several: bool) -> None:
    """Raise `Invalid` at the first character that no text may carry."""
    for position, char in enumerate(text, 1):
        if char.isprintable():
            continue
        if char in "\n\u2028\u2029":
            if several and char == "\n":
                continue
            raise Invalid("line_break")
        if char == "\r" and not several:
            raise Invalid("line_break")
        if char == "\t" and several:
            continue
        if unicodedata.category(char) in ("Cc", "Cs"):
            raise Invalid("control_character", character=f"U+{ord(char):04X}", position=position)
