"""What goes into and comes out of a validation, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from forms.model import Field
from forms.values import Text

Path = tuple[str | int, ...]
"""Where an error stands: ("address",), ("lines", 0, "quantity"); () is the whole record."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A refusal that a person can mend. `rule` names the check that failed, if it was one."""

    code: str
    path: Path
    message: Text
    rule: str = ""


@dataclass(frozen=True, slots=True)
class FieldRights:
    """What this person may not do, as dotted names ("lines" stands for all its columns too).

    `granted` names fields that may be written although the definition says read-only: the steps
    of a flow write so, never a person. `required` names fields that have to be filled in here,
    whatever the definition says. `fixed` names lines whose rows neither come nor go: their open
    columns may be written, and rows that are not given stay as they are. `rows` limits writing to
    some rows of lines, by id; the others are as good as read-only.
    """

    hidden: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    rows: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether nothing is closed to this person."""
        return not (self.hidden or self.readonly or self.granted or self.fixed or self.rows)

    def opens(self, lines: str, row_id: int) -> bool:
        """Whether this row of lines may be written."""
        open_rows = self.rows.get(lines)
        return open_rows is None or row_id in open_rows

    def may_write(self, dotted: str) -> bool:
        """Whether the field is neither hidden from nor read-only for this person."""
        if dotted in self.hidden or dotted in self.readonly:
            return False
        head, _, tail = dotted.partition(".")
        return not tail or (head not in self.hidden and head not in self.readonly)

    def takes(self, one: Field) -> bool:
        """Whether a value given for the field counts: it is not computed and not locked."""
        if one.formula is not None:
            return False
        if one.path in self.granted:
            return True
        return one.readonly is not True and one.visible is not False and self.may_write(one.path)

    def may_see(self, dotted: str) -> bool:
        """Whether the field is not hidden from this person."""
        head, _, _ = dotted.partition(".")
        return dotted not in self.hidden and head not in self.hidden


ALL_RIGHTS = FieldRights()


@dataclass(slots=True)
class Wanted:
    """Facts a validation asks for before it can go on.

    `links`: target → ids whose rows belong into `env.links[target]`; a target is "order",
    "order.lines", or "@user", "@department", "@file" where only existence counts. An id that is
    left out there does not exist, or not for this person. `fields`: target → names of the fields
    to load. `aggregates`: (aggregate, key id) to put into `env.aggregates[aggregate][key]`.
    """

    links: dict[str, set[int]] = field(default_factory=dict)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    aggregates: set[tuple[str, int]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.links or self.aggregates)
