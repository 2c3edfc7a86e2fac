"""What is wrong with a definition, as plain data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]

ERROR = "error"
WARNING = "warning"
"""Worth a look, and no reason to refuse the definition."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a definition.

    `path` leads from the definition's root to the node; `offset` is the character offset inside
    the text found there (expressions); `on_key` says that the key itself is at fault, not its
    value. `severity` is "error" or "warning".
    """

    code: str
    path: Path
    message: str
    allowed: str = ""
    suggestion: str = ""
    offset: int | None = None
    on_key: bool = False
    severity: str = ERROR

    def softened(self) -> Problem:
        """The same finding as a warning."""
        return replace(self, severity=WARNING)

    def under(self, *prefix: str | int) -> Problem:
        """The same problem, seen from further up: `prefix` is put before its path."""
        return replace(self, path=(*prefix, *self.path))


def suggest(word: str, known: Iterable[str]) -> str:
    """The known word closest to a mistyped one, or "" where none is close."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
