"""A compiled form as the pages draw it: one view object for each input.

What never changes for a form and a language (widget, label, options, limits) is worked out once;
a request adds values, rules in force, errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from functools import lru_cache
from typing import Any

from app.records.files import DEFAULT_SIZE, size_shown
from app.web.desk.post import Posted
from app.web.desk.values import IDS, input_value
from forms.compile_under import OUTER
from forms.model import Field, Form, Lines
from forms.values import encode_id

_WIDGETS = {
    "choice": "select",
    "boolean": "radios",
    "link": "picker",
    "user": "picker",
    "department": "picker",
    "file": "files",
    "image": "files",
    "lines": "grid",
}
_INPUT_TYPES = {"date": "date", "datetime": "datetime-local"}
_TEXT_TYPES = {"email": "email", "phone": "tel", "url": "url"}
_MODES = {"integer": "numeric", "decimal": "decimal", "percent": "decimal", "money": "decimal"}
_CELLS = {
    **dict.fromkeys(("integer", "decimal", "percent", "boolean"), "rf-cell-narrow"),
    **dict.fromkeys(("link", "text", "file", "image", "datetime"), "rf-cell-broad"),
    **dict.fromkeys(("money", "choice", "date", "user", "department"), "rf-cell-middle"),
}
"""How wide a cell of the line grid is."""
TELLING = 3
"""Columns nobody can fill in that are shown of lines whose rows stay."""
_YES_NO = {"zh": (("true", "是"), ("false", "否")), "en": (("true", "yes"), ("false", "no"))}


@dataclass(slots=True)
class Chip:
    """One picked record or attached file: its id as posted, its name, where it can be seen."""

    value: str
    text: str
    url: str = ""


@dataclass(slots=True)
class FieldView:
    """One input. Text is ready to be shown; `value` is what the input holds."""

    name: str
    widget: str
    label: str
    help: str
    type: str
    column: str = ""
    css: str = ""
    cell_css: str = ""
    group: bool = False
    in_line: bool = False
    many: bool = False
    computed: bool = False
    input_type: str = "text"
    inputmode: str = ""
    max_length: int | None = None
    rows_shown: int = 1
    low: str = ""
    high: str = ""
    unit: str = ""
    accept: str = ""
    most: int = 0
    """Bytes a file may have."""
    most_shown: str = ""
    options: tuple[tuple[str, str], ...] = ()
    dated: bool = False
    """Whether its options differ from page to page."""
    follows: bool = False
    """Whether its options hang on another choice."""
    choices_url: str = ""
    upload_url: str = ""
    shells: dict[Any, tuple[str, ...]] = field(default_factory=dict)
    """HTML kept by `app.web.desk.drawing`; shared by all views of the field."""

    html_id: str = ""
    value: str | list[str] = ""
    text: str = ""
    chips: list[Chip] = field(default_factory=list)
    currency: str | None = None
    required: bool = False
    readonly: bool = False
    fixed: bool = False
    visible: bool = True
    error: str = ""
    warning: str = ""
    columns: list[FieldView] = field(default_factory=list)
    rows: list[RowView] = field(default_factory=list)
    blank: RowView | None = None

    @property
    def described(self) -> str:
        """The ids of what describes the input: its error, its help."""
        parts = [f"{self.html_id}-error"] if self.error else []
        if self.help and not self.in_line:
            parts.append(f"{self.html_id}-help")
        return " ".join(parts)


@dataclass(slots=True)
class RowView:
    """A row of the line grid."""

    key: str
    name: str
    html_id: str
    cells: list[FieldView]
    error: str = ""


@dataclass(slots=True)
class SectionView:
    """Fields under one heading."""

    id: str
    label: str
    help: str
    fields: list[FieldView]
    visible: bool = True

    @property
    def passive(self) -> bool:
        """Whether nothing can be filled in here: what comes about later."""
        return bool(self.label and self.fields) and all(one.readonly for one in self.fields)


@dataclass(slots=True)
class State:
    """What is known about a record on a page: values, rules in force, complaints.

    Flags and complaints go by input name ("amount", "lines.<row>.quantity", "lines.<row>").
    """

    row: Mapping[str, Any]
    row_keys: Mapping[str, list[str]]
    visible: Mapping[str, bool] = field(default_factory=dict)
    required: Mapping[str, bool] = field(default_factory=dict)
    readonly: Mapping[str, bool] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    """Fields the reader's role may not see, or not change (dotted)."""
    fixed: frozenset[str] = frozenset()
    """Lines whose rows neither come nor go."""
    at_hand: str = ""
    """The only row that is shown of lines that are fixed; "": all of them."""
    names: Mapping[str, Mapping[int, Chip]] = field(default_factory=dict)
    """Names of linked records, people and files: target → id → chip."""
    currency: str = ""
    posted: Posted | None = None
    computed: frozenset[str] = frozenset()
    """Input names whose value the server worked out: it is shown instead of what was typed."""
    blank_row: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For each lines field, a new row with its defaults."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form is drawn: language, zone, today, and the addresses inputs call."""

    lang: str
    choices_url: str
    upload_url: str
    zone: tzinfo = UTC
    today: date = date.min
    to_minute: bool = False
    """Moments without seconds: in a new record `now()` is nobody's business to the second."""


def sections(form: Form, state: State, place: Place) -> list[SectionView]:
    """The form's sections with all fields the reader may see."""
    left = [one for one in form.fields if one not in state.hidden]
    found = []
    for section in form.sections.values():
        inside = [one for one in section.fields if one in left]
        left = [one for one in left if one not in inside]
        if inside:
            views = _views(form, inside, state, place)
            label, help_ = section.label.pick(place.lang), section.help.pick(place.lang)
            found.append(SectionView(section.id, label, help_, views))
    if left:
        found.append(SectionView("", "", "", _views(form, left, state, place)))
    for one in found:
        one.visible = any(view.visible for view in one.fields)
    return found


def _views(form: Form, ids: Iterable[str], state: State, place: Place) -> list[FieldView]:
    views = []
    for field_id in ids:
        one = form.fields[field_id]
        if isinstance(one, Lines):
            views.append(_grid(one, state, place))
        else:
            views.append(_input(one, one.id, state.row, state, place))
    return views


def _grid(lines: Lines, state: State, place: Place) -> FieldView:
    view = _fresh(lines, lines.id, state, place)
    columns = [one for one in lines.fields.values() if one.path not in state.hidden]
    view.columns = [_fresh(one, f"{lines.id}.*.{one.id}", state, place) for one in columns]
    keys = state.row_keys.get(lines.id, [])
    view.fixed = lines.id in state.fixed
    for key, row in zip(keys, state.row.get(lines.id) or [], strict=False):
        if view.fixed and state.at_hand and key != state.at_hand:
            continue
        view.rows.append(_row(lines, columns, key, row, state, place))
    if view.fixed:
        _mark_columns(view)
        _leave_out_columns(view)
    blank = state.blank_row.get(lines.id, {})
    view.blank = _row(lines, columns, "__row__", blank, state, place)
    return view


def _mark_columns(view: FieldView) -> None:
    """Stars above the columns that can be filled in and have to be."""
    for n, column in enumerate(view.columns):
        cells = [row.cells[n] for row in view.rows]
        column.required = any(cell.required and not cell.readonly for cell in cells)


def _leave_out_columns(view: FieldView) -> None:
    """Of columns that only tell what a row is about, the first few with values are enough."""
    told = 0
    kept = []
    for n in range(len(view.columns)):
        cells = [row.cells[n] for row in view.rows]
        if all(cell.readonly for cell in cells):
            if told == TELLING or not any(cell.value for cell in cells):
                continue
            told += 1
        kept.append(n)
    view.columns = [view.columns[n] for n in kept]
    for row in view.rows:
        row.cells = [row.cells[n] for n in kept]


def _row(
    lines: Lines,
    columns: Iterable[Field],
    key: str,
    row: Mapping[str, Any],
    state: State,
    place: Place,
) -> RowView:
    name = f"{lines.id}.{key}"
    cells = [_input(one, f"{name}.{one.id}", row, state, place) for one in columns]
    return RowView(key, name, html_id(name), cells, state.errors.get(name, ""))


def _fresh(one: Field, name: str, state: State, place: Place) -> FieldView:
    """The view with everything but its value."""
    view = replace(_plan(one, place.lang))
    view.name, view.html_id = name, html_id(name)
    view.choices_url, view.upload_url = place.choices_url, f"{place.upload_url}/{one.path}"
    view.required = state.required.get(name, one.required is True)
    view.visible = state.visible.get(name, one.visible is not False)
    locked = one.formula is not None or one.path in state.locked or one.readonly is True
    view.readonly = locked or state.readonly.get(name, False)
    view.error, view.warning = state.errors.get(name, ""), state.warnings.get(name, "")
    view.columns, view.rows, view.chips = [], [], []
    return view


def _input(one: Field, name: str, row: Mapping[str, Any], state: State, place: Place) -> FieldView:
    view, value = _fresh(one, name, state, place), row.get(one.id)
    posted = state.posted
    typed = posted.typed.get(name) if posted is not None else None
    if typed is not None and name not in state.computed:
        view.value = typed
    else:
        view.value = input_value(one, value, place.zone)
        if place.to_minute and one.type == "datetime" and isinstance(view.value, str):
            view.value = view.value[:16]
    if one.type in IDS:
        _fill_chips(one, view, value, state)
        if posted is not None and name in posted.texts and not view.value:
            view.text = posted.texts[name]
    elif one.type == "money":
        view.currency = getattr(value, "currency", None) or _currency(one, state)
    elif one.type == "choice":
        view.options = _open_options(one, view, place)
        if one.under or one.heads:
            view.options = _standing(one, view, row, state)
    return view


def _currency(one: Field, state: State) -> str:
    return one.currency if isinstance(one.currency, str) else state.currency


def _fill_chips(one: Field, view: FieldView, value: Any, state: State) -> None:
    target = one.to if one.type == "link" else ("file" if one.type == "image" else one.type)
    names = state.names.get(target, {})
    members = value if isinstance(value, list | tuple) else [] if value is None else [value]
    view.chips = [names.get(m) or Chip(encode_id(m), encode_id(m)) for m in members]
    if not isinstance(view.value, list):
        view.text = view.chips[0].text if view.chips else ""


def _open_options(one: Field, view: FieldView, place: Place) -> tuple[tuple[str, str], ...]:
    """Options that may be chosen today, and those that are chosen already."""
    if one.options is None or not one.options.dated:
        return view.options
    held = view.value if isinstance(view.value, list) else [view.value]
    known = one.options.values
    return tuple(
        (value, label)
        for value, label in view.options
        if value in held or known[value].open_on(place.today)
    )


def _standing(
    one: Field, view: FieldView, row: Mapping[str, Any], state: State
) -> tuple[tuple[str, str], ...]:
    """Options that stand under what is chosen above, or in the uppermost choice under nothing. What
    is chosen already stays, unless it is refused."""
    known = one.options.values if one.options else {}
    outer = one.under.startswith(OUTER)
    above = (state.row if outer else row).get(one.under.removeprefix(OUTER)) if one.under else ""
    held = view.value if isinstance(view.value, list) else [view.value]
    kept = [] if view.error else held
    return tuple(
        (value, label)
        for value, label in view.options
        if value in kept or (above is not None and known[value].parent == above)
    )


def html_id(name: str) -> str:
    """The id of an input in the page."""
    return "f-" + name.replace(".", "-").replace("*", "all")


@lru_cache(maxsize=8192)
def _plan(one: Field, lang: str) -> FieldView:
    """What is the same in every request. Bounded, so that old releases fall out."""
    widget = _WIDGETS.get(one.type, "text")
    in_line = bool(one.within)
    several = one.many or one.type in {"file", "image"}
    view = FieldView(
        name=one.id,
        widget=widget,
        label=one.label.pick(lang) or one.id,
        help=one.help.pick(lang),
        type=one.type,
        column=one.id if in_line else "",
        in_line=in_line,
        many=one.many,
        computed=one.formula is not None,
        input_type=_INPUT_TYPES.get(one.type, _TEXT_TYPES.get(one.format, "text")),
        inputmode=_MODES.get(one.type, ""),
        unit="%" if one.type == "percent" else one.unit.pick(lang) if one.unit else "",
    )
    if one.type == "text":
        if one.lines > 1:
            view.widget, view.rows_shown = "area", 1 if in_line else one.lines
        view.max_length = one.max if isinstance(one.max, int) else None
    if one.type == "date":
        view.low, view.high = _day(one.min), _day(one.max)
    if view.widget == "files":
        view.most = one.size or DEFAULT_SIZE
        view.most_shown = size_shown(view.most)
    if one.type == "image":
        view.accept = "image/png,image/jpeg,image/gif,image/webp"
    _plan_choice(one, view, lang)
    wide = view.widget in {"area", "grid"} or (several and view.widget == "checks")
    view.css = "" if in_line else " rf-wide" if wide else ""
    view.cell_css = _CELLS.get(one.type, "")
    view.group = view.widget in {"radios", "checks"}
    return view


def _plan_choice(one: Field, view: FieldView, lang: str) -> None:
    if one.type == "boolean":
        view.options = _YES_NO[lang]
        if one.within:
            view.widget = "select"
    elif one.type == "choice":
        known = one.options.values if one.options else {}
        view.follows = bool(one.under)
        view.dated = one.heads or view.follows or (one.options is not None and one.options.dated)
        view.options = tuple((v.id, v.label.pick(lang)) for v in known.values())
        view.widget = "checks" if one.many else "select"


def _day(limit: object) -> str:
    return limit.isoformat() if isinstance(limit, date) else ""
