"""What is wrong with a definition, as plain data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]

ERROR = "error"
WARNING = "warning"
"""Worth a look, and no reason to refuse the definition."""
_MOST_LISTED = 40


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


def listed(known: Sequence[str]) -> str:
    """The words that are allowed, as one phrase; "" where there are none."""
    if not known:
        return ""
    if len(known) > _MOST_LISTED:
        return f"one of {', '.join(known[:_MOST_LISTED])}, …"
    return f"one of {', '.join(known)}" if len(known) > 1 else f"only {known[0]}"


class Noting:
    """What every compiler of a definition does: it notes problems, all it finds."""

    __slots__ = ()
    problems: list[Problem]

    def problem(
        self,
        code: str,
        path: Path,
        message: str,
        allowed: str = "",
        suggestion: str = "",
        *,
        on_key: bool = False,
    ) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, path, message, allowed, suggestion, on_key=on_key))

    def unknown(
        self, what: str, name: object, known: Iterable[str], path: Path, *, on_key: bool = False
    ) -> None:
        """Note a name that is none of those known here."""
        every = list(known)
        self.problem(
            f"unknown_{what}",
            path,
            f"there is no {what.replace('_', ' ')} {name} here",
            listed(every),
            suggest(str(name), every),
            on_key=on_key,
        )
