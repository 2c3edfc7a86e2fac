"""The product's definitions as they are, and with every id renamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.rename import SYSTEM, default_name, rename_definitions

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Named:
    """A `definitions` folder, and what an original id is called in it."""

    folder: Path
    name: Callable[[str], str]

    def path(self, dotted: str) -> str:
        """A dotted path of original ids, in this naming."""
        return ".".join(self.name(part) for part in dotted.split("."))

    def values(self, row: dict[str, object]) -> dict[str, object]:
        """Submitted values written with original field ids."""
        return {self.name(key): self._value(value) for key, value in row.items()}

    def _value(self, value: object) -> object:
        if isinstance(value, list):
            return [self.values(item) if isinstance(item, dict) else item for item in value]
        return value


def original() -> Named:
    """As committed."""
    return Named(ROOT / "definitions", lambda name: name)


def renamed(folder: Path) -> Named:
    """A copy with every form, field, option, option value and role renamed."""
    renamer = rename_definitions(ROOT / "definitions", folder)
    known = renamer.forms | renamer.fields | renamer.options | renamer.values | renamer.roles
    known |= renamer.found.words
    return Named(folder, lambda name: default_name(name) if name in known - SYSTEM else name)
