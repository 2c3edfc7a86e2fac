"""The words in which the checks of a flow speak of fields.

A *fact* is the name of something that is filled: "address", "lines.refund" (in every row),
"line.refund" (in the row an `each` calls line), "lines" (there is a row), "order.paid" (through a
link, known from a condition only), "analysis@ended" (the linked record has come to its end).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Facts = frozenset[str]
NOTHING: Facts = frozenset()
ENDED = "@ended"
NO_VALUE = "null"
"""What stands for a value that an expression itself leaves out, as in `if(x, 1, null)`."""


class Lack(NamedTuple):
    """What may be empty: a fact of this record, or `form.field` of another one."""

    name: str
    form: str = ""


Lacks = frozenset[Lack]
NONE: Lacks = frozenset()


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an expression stands. `own`: what its bare names belong to: "" the record, else a
    lines field or the name of a row. `loop`: the same for the rows a function goes over."""

    own: str = ""
    loop: str = ""


RECORD = Frame()
