"""Small values the engine makes by the dozen in every transition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Made]) -> type[Made]:
    """A dataclass with slots that nobody changes, which the type checker sees to.

    Python's own `frozen=True` sets each field through a call: making a task of 18 fields takes
    nine times as long.
    """
    make: Callable[[type[Made]], type[Made]] = dataclass(slots=True, unsafe_hash=True)
    return make(cls)
