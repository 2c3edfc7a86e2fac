"""A compiled portal: what people outside may see and do, and how they show who they are."""

from __future__ import annotations

from dataclasses import dataclass

from forms.values import Text


@dataclass(frozen=True, slots=True)
class Identify:
    """How somebody shows who they are.

    `by`: paths of the fields they must know ("order_no", "customer.email"), the first one a field
    of `form` itself. `code_to`: path of the address a one-time code goes to. `link`: the field of
    the record that leads to the contact, "" where the record is the contact. `contact`: the form
    contacts are records of.
    """

    form: str
    by: tuple[str, ...]
    code_to: str
    link: str
    contact: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What is asked after a record has come to one of these stages."""

    form: str
    at: frozenset[str]


@dataclass(frozen=True, slots=True)
class Portal:
    """One portal. `stages` None: all are shown. `fields`: dotted paths that are shown of a record
    (empty: all the role may see)."""

    id: str
    label: Text
    help: Text
    role: str
    identify: Identify
    start: tuple[str, ...] = ()
    stages: frozenset[str] | None = None
    fields: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    ask: Survey | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms whose records have pages here: what may be started, the survey, and what
        people identify themselves with."""
        asked = (self.ask.form,) if self.ask is not None else ()
        return tuple(dict.fromkeys((*self.start, *asked, self.identify.form)))
