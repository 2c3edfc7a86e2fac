"""flask-admin's list, create, edit and delete pages over our own functions.

No ORM is behind them: a view says how its rows are listed and changed, always inside the tenant of
the request and only for roles with the right it names. `get_one` goes through the same door as
the list, so that no address reaches a row the list would not show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, flash, g
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from flask_babel import lazy_gettext as _l
from wtforms import Form

from app.access.errors import AccessError
from app.access.rights import admin_rights
from app.reports.csvfile import safe
from app.web.i18n import language
from forms.values import decode_id, encode_id

PAGE = 50
EXPORT = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Query:
    """What a list asks for: a page of rows, by a column, matching a search."""

    search: str
    sort: str
    descending: bool
    offset: int
    limit: int


class AdminRows(BaseModelView):  # type: ignore[misc]
    """Base of our row views. Subclasses set `right`, columns and the functions below."""

    right = ""
    list_template = "back_office/list.html"
    create_template = edit_template = "back_office/form.html"
    details_template = "back_office/details.html"
    can_create = can_edit = can_delete = False
    can_export = True
    can_view_details = False
    export_max_rows = EXPORT
    page_size = PAGE
    searchable = False
    sortable: Sequence[str] = ()
    moments: frozenset[str] = frozenset()
    """Columns that hold microseconds UTC."""
    remove_word: Any = _l("Remove")
    form_class: type[Form] = BaseForm
    column_type_formatters: dict[type, Callable[..., Any]] = {}  # noqa: RUF012
    column_type_formatters_detail = column_type_formatters_export = column_type_formatters

    # -- what a view says about its rows

    def find(self, query: Query) -> tuple[int | None, list[Any]]:
        """The number of rows (None: not counted) and one page of them."""
        raise NotImplementedError

    def one(self, row_id: int) -> Any:
        """One row, or None."""
        raise NotImplementedError

    def add(self, form: Any) -> int:
        """Create a row; its id. Raises AccessError."""
        raise NotImplementedError

    def change(self, form: Any, row: Any) -> None:
        """Change a row. Raises AccessError."""
        raise NotImplementedError

    def remove(self, row: Any) -> None:
        """Remove a row. Raises AccessError."""
        raise NotImplementedError

    def prepare(self, form: Any, row: Any) -> None:
        """Fill the choices of a form for this request."""

    # -- who may come in

    def is_accessible(self) -> bool:
        """Only roles with this view's administrative right."""
        return may(self.right)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """401 leads to the sign-in page, 403 says no."""
        abort(401 if g.actor is None else 403)

    # -- flask-admin's side

    def get_pk_value(self, model: Any) -> str:
        return encode_id(model.id)

    def scaffold_list_columns(self) -> list[str]:
        return list(self.column_list or ())

    def scaffold_sortable_columns(self) -> dict[str, str]:
        return {name: name for name in self.sortable}

    def scaffold_form(self) -> type[Form]:
        return self.form_class

    def scaffold_list_form(self, widget: Any = None, validators: Any = None) -> type[Form]:
        return self.form_class

    def scaffold_filters(self, name: Any) -> None:
        return None

    def init_search(self) -> bool:
        return self.searchable

    def get_list(
        self,
        page: int,
        sort_field: Any,
        sort_desc: bool,
        search: str | None,
        filters: Any,
        page_size: int | None = None,
    ) -> tuple[int | None, list[Any]]:
        limit = min(page_size or PAGE, EXPORT)
        sort = sort_field if sort_field in self.sortable else ""
        return self.find(
            Query((search or "")[:200], sort, bool(sort_desc), max(page or 0, 0) * limit, limit)
        )

    def get_one(self, id: Any) -> Any:
        try:
            return self.one(decode_id(str(id)))
        except (ValueError, AccessError):
            return None

    def create_form(self, obj: Any = None) -> Any:
        form = super().create_form(obj)
        self.prepare(form, None)
        return form

    def edit_form(self, obj: Any = None) -> Any:
        form = super().edit_form(obj)
        self.prepare(form, obj)
        return form

    def create_model(self, form: Any) -> Any:
        made: list[int] = []
        if not self._tried(form, lambda: made.append(self.add(form))):
            return False
        return self.one(made[0]) or True

    def update_model(self, form: Any, model: Any) -> bool:
        return self._tried(form, lambda: self.change(form, model))

    def delete_model(self, model: Any) -> bool:
        return self._tried(None, lambda: self.remove(model))

    def _tried(self, form: Any, work: Callable[[], object]) -> bool:
        """Run a change; a refusal goes to its input, or to the top of the page."""
        try:
            work()
        except AccessError as refused:
            message = refused.message.pick(language())
            if form is not None and refused.field in form:
                form[refused.field].errors = [*form[refused.field].errors, message]
            else:
                flash(message, "danger")
            return False
        return True

    def _get_list_value(
        self,
        context: Any,
        model: Any,
        name: str,
        column_formatters: Any,
        column_type_formatters: Any,
    ) -> Any:
        formatter = column_formatters.get(name)
        value = formatter(self, context, model, name) if formatter else getattr(model, name)
        return moment(value) if name in self.moments else shown(value)

    def get_export_value(self, model: Any, name: str) -> str:
        return safe(super().get_export_value(model, name))

    def get_export_name(self, export_type: str = "csv") -> str:
        return f"{self.endpoint.rpartition('.')[2]}.{export_type}"


def may(right: str) -> bool:
    """Whether the person signed in holds the administrative right."""
    if g.get("actor") is None or g.get("tenant") is None:
        return False
    return right in admin_rights(g.tenant.active().catalog, g.actor)


def moment(stored: int | None) -> str:
    """Microseconds UTC as people read them, in the tenant's zone."""
    if stored is None:
        return ""
    at = _EPOCH + timedelta(microseconds=stored)
    return at.astimezone(g.tenant.active().zone).strftime("%Y-%m-%d %H:%M:%S")


def shown(value: Any) -> str:
    """Anything else as text: yes and no in words, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[language()][value]
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(str(one) for one in value))
    return str(value)


def order_by(query: Query, allowed: dict[str, str], default: str) -> str:
    """The ORDER BY of a list: only columns that are named here."""
    column = allowed.get(query.sort)
    if column is None:
        return default
    return f"{column} {'DESC' if query.descending else 'ASC'}"


def page_of(rows: Sequence[Any], query: Query) -> list[Any]:
    """One page of rows that are all at hand."""
    return list(rows[query.offset : query.offset + query.limit])
