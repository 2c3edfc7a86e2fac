"""Yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import FieldType, Invalid, Quick, Raw, Storage

if TYPE_CHECKING:
    from forms.model import Field

WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on", "y", "t", "是"), True),
    **dict.fromkeys(("false", "0", "no", "off", "n", "f", "否"), False),
}
"""What HTML forms and CSV cells write for true and false."""

_SHOWN = {"zh": ("否", "是"), "en": ("No", "Yes")}


class BooleanType(FieldType):
    """True, false, or not answered (None)."""

    __slots__ = ()
    id = "boolean"

    def expr_type(self, field: Field) -> Type:
        return Type("boolean")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def to_stored(self, value: object) -> object:
        return int(value)  # type: ignore[call-overload]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return bool(stored)

    def parse(self, raw: Raw, field: Field) -> bool | None:
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, str):
            word = raw.strip().lower()
            if not word:
                return None
            if word in WORDS:
                return WORDS[word]
        elif type(raw) is int and raw in (0, 1):
            return bool(raw)
        raise Invalid("not_boolean", got=got(raw))

    def quick(self, field: Field) -> Quick | None:
        return Quick("v is True or v is False")

    def format(self, value: object, lang: str, field: Field) -> str:
        return _SHOWN["zh" if lang == "zh" else "en"][bool(value)]

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return {"type": "boolean"}
