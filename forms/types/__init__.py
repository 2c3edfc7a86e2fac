"""The field types and their one registry, which plugins may add to."""

from __future__ import annotations

from forms.types.base import (
    REGISTRY,
    FieldType,
    Invalid,
    Quick,
    Report,
    Storage,
    field_type,
    register,
    suggest_type,
    type_ids,
    unregister,
)
from forms.types.boolean import BooleanType
from forms.types.choice import ChoiceType
from forms.types.dates import DatetimeType, DateType, DurationType
from forms.types.lines import LinesType
from forms.types.links import (
    DepartmentType,
    FileType,
    IdType,
    ImageType,
    LinkType,
    UserType,
)
from forms.types.money import MoneyType
from forms.types.numbers import DecimalType, IntegerType, PercentType
from forms.types.text import TextType

__all__ = [
    "REGISTRY",
    "FieldType",
    "IdType",
    "Invalid",
    "Quick",
    "Report",
    "Storage",
    "field_type",
    "register",
    "suggest_type",
    "type_ids",
    "unregister",
]

for _kind in (
    TextType(),
    IntegerType(),
    DecimalType(),
    PercentType(),
    MoneyType(),
    BooleanType(),
    ChoiceType(),
    DateType(),
    DatetimeType(),
    DurationType(),
    LinkType(),
    LinesType(),
    FileType(),
    ImageType(),
    UserType(),
    DepartmentType(),
):
    register(_kind)
