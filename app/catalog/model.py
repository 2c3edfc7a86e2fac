"""A compiled catalog: frozen plain objects, what everything above reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalog.notifications import Notification
from app.catalog.portals import Portal
from app.catalog.sources import Sources
from flows.calendars import Calendar
from flows.model import Flow, Who
from flows.policy import Policy
from forms.compile_library import StaticLibrary
from forms.expr import Expr, Type
from forms.model import Form, Options
from forms.telling import Words
from forms.templates import TextTemplate
from forms.values import Text

Raw = Mapping[str, Any]
"""A definition's plain values, checked by its schema and not compiled further."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """How a company counts: its zone, the currency where a form names none, its languages."""

    id: str
    label: Text
    zone: str = "UTC"
    currency: str = ""
    languages: tuple[str, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """What a role may do with one form.

    `rows` limits the records (None: all); `hide` and `readonly` are dotted paths of fields.
    """

    actions: frozenset[str]
    rows: Expr | None = None
    hide: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A role: its rights by form, the roles it includes, its parts of the back office."""

    id: str
    label: Text
    includes: tuple[str, ...] = ()
    can: Mapping[str, Grant] = field(default_factory=dict)
    admin: frozenset[str] = frozenset()
    help: Text = field(default_factory=Text)
    was: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """One total of an aggregate.

    `source`: the rows that count ("order" or "order.lines"). `by`: the path of their link to the
    aggregate's `per` ("order_line", "parent.order"; a row of lines links to its record by the name
    of the form); None where the row itself is the key. `sum`: what is added up; None counts rows.
    `scale`: decimals of the stored integer. Neither reads anything but the row and its record.
    """

    id: str
    label: Text
    source: str
    by: str | None
    sum: Expr | None
    where: Expr | None
    type: Type
    scale: int


@dataclass(frozen=True, slots=True, eq=False)
class Never:
    """A state of the measures that must not come about; `message` says so, with placeholders."""

    id: str
    when: Expr
    message: TextTemplate


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """Totals kept for each `per` in the transaction that writes. Measure n is column `m<n>`."""

    id: str
    label: Text
    per: str
    measures: Mapping[str, Measure]
    never: Mapping[str, Never] = field(default_factory=dict)
    was: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What the rows of a report are grouped by; dates by `unit` (day … year), else ""."""

    id: str
    label: Text
    by: Expr
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ReportMeasure:
    """One number of a report.

    `kind`: count, sum, avg, min, max, distinct (of `value`, over the rows where `where`), `of` (the
    measure `of` = (report, measure) of a report with the same groups) or `ratio` (the first measure
    named in `ratio` divided by the second; by zero: nothing). `show`: number, percent, money,
    duration or "" (as its type is shown).
    """

    id: str
    label: Text
    kind: str
    type: Type
    value: Expr | None = None
    where: Expr | None = None
    of: tuple[str, str] | None = None
    ratio: tuple[str, str] | None = None
    show: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ReportFilter:
    """What readers and dashboards may narrow a report by."""

    id: str
    label: Text
    by: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of rows: of a report without groups, or of the rows behind a number."""

    source: str
    label: Text
    value: Expr


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture: `x` and `series` are groups ("" for none), `y` measures."""

    type: str
    x: str = ""
    series: str = ""
    y: tuple[str, ...] = ()
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a report is sent by itself, to whom and as which kind of file. `if_data`: only to those
    who find something in it."""

    every: str
    to: tuple[Who, ...]
    format: str = "xlsx"
    if_data: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A report. With groups or measures it counts; without, it lists rows by `columns`.

    `show` are the ids of groups and measures in the order they appear; `sort` holds
    (group, measure or column source, descending).
    """

    id: str
    label: Text
    source: str
    where: Expr | None = None
    filters: Mapping[str, ReportFilter] = field(default_factory=dict)
    group: Mapping[str, Group] = field(default_factory=dict)
    measures: Mapping[str, ReportMeasure] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    chart: Chart = field(default_factory=lambda: Chart("table"))
    compare: str = ""
    drill: tuple[Column, ...] = ()
    schedule: Schedule | None = None
    help: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class Tile:
    """A report on a dashboard."""

    id: str
    label: Text
    report: str
    size: str = "medium"


@dataclass(frozen=True, slots=True)
class DashboardFilter:
    """A filter that acts on every tile whose report has a filter of this id."""

    id: str
    label: Text
    default: object = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Several reports on one page."""

    id: str
    label: Text
    tiles: Mapping[str, Tile]
    filters: Mapping[str, DashboardFilter] = field(default_factory=dict)
    help: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A CSV file: `columns` id → type (text, integer, decimal, date, datetime, boolean).

    `headings`: column id → heading in the file, where it differs.
    """

    name: str
    columns: Mapping[str, str]
    headings: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","

    def heading(self, column: str) -> str:
        """How the file calls a column."""
        return self.headings.get(column, column)


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A field's value from the columns of its row."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value in every row."""

    value: str | int | bool | Any


@dataclass(frozen=True, slots=True, eq=False)
class Find:
    """A link to the row of `target` whose fields equal what `by` gives.

    A path `order.number` names a field of a line's record. All values empty: the link stays empty.
    `missing`: "reject" the row or leave the link "empty" where nothing is found.
    """

    target: str
    by: Mapping[str, Expr]
    missing: str = "reject"


FieldSource = Computed | Constant | Find


@dataclass(frozen=True, slots=True, eq=False)
class LinesImport:
    """Where the rows of a lines field come from.

    `file` None: the head file itself, whose rows with equal `on` columns are one record. `key`: the
    field of the lines that tells a row from the others when a record is updated.
    """

    field: str
    file: FileSpec | None
    on: tuple[str, ...]
    map: Mapping[str, FieldSource]
    where: Expr | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Import:
    """How files become records of `into`."""

    id: str
    label: Text
    into: str
    file: FileSpec
    key: tuple[str, ...]
    mode: str
    map: Mapping[str, FieldSource]
    lines: Mapping[str, LinesImport] = field(default_factory=dict)
    where: Expr | None = None
    zone: str = ""
    rejects: str = ""
    help: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story to be run before publishing: `given` and `steps` as written.

    `settings`: kind → id → the overlay it is told under. `answers`: action → what its calls come
    to, one after the other.
    """

    id: str
    label: Text
    given: tuple[Raw, ...]
    steps: tuple[Raw, ...]
    now: str = ""
    people: Mapping[str, Raw] = field(default_factory=dict)
    settings: Mapping[str, Raw] = field(default_factory=dict)
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """An event from outside: the record of `form` whose `field` holds the key it names. `save`:
    field path → part of the event."""

    name: str
    form: str
    field: str
    save: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """A service reached through a plugin.

    `settings` are plain values as written, `secrets` name → the installation's name of it.
    `serves`: capability or capability.action → condition over the arguments (None: always), in the
    order written.
    """

    id: str
    label: Text
    plugin: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    serves: Mapping[str, Expr | None]
    events: Mapping[str, ConnectionEvent]


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Everything a release knows. `others`: kind → id → plain values of the kinds not compiled."""

    hash: str
    sources: Sources
    tenant: Tenant
    forms: Mapping[str, Form]
    options: Mapping[str, Options]
    roles: Mapping[str, Role]
    aggregates: Mapping[str, Aggregate]
    imports: Mapping[str, Import]
    reports: Mapping[str, Report]
    dashboards: Mapping[str, Dashboard]
    scenarios: Mapping[str, Scenario]
    calendars: Mapping[str, Calendar]
    policies: Mapping[str, Policy]
    notifications: Mapping[str, Notification]
    portals: Mapping[str, Portal]
    connections: Mapping[str, Connection]
    flows: Mapping[str, Flow]
    others: Mapping[str, Mapping[str, Raw]]
    raw: Mapping[str, Mapping[str, Raw]]
    """kind → id → the merged plain values of every definition."""
    library: StaticLibrary
    words: Words
    """What names are called, for telling expressions: `words.of("order.lines")`."""
