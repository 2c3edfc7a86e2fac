"""What the pages of reports share: who may open one, its words, its refusals."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, abort, g

from app.catalog.model import Report
from app.records.reporting import may_read
from app.reports.result import BEFORE, CHANGE, MEASURE, Result, ResultColumn
from app.reports.words import Teller, ids_in
from app.web.desk.names import names_of_ids
from app.web.i18n import language
from forms.values import Text

_NUMBERS = frozenset({"integer", "decimal", "money", "duration"})


def readable_report(report_id: str) -> Report:
    """A report of the release; 404 where there is none, 403 where it is not the reader's."""
    report: Report | None = g.tenant.active().catalog.reports.get(report_id)
    if report is None:
        abort(404)
    if not may_read(g.tenant, g.actor, report):
        abort(403)
    return report


def teller_of(result: Result) -> Teller:
    """Puts a result into the reader's words, names of records fetched in one go."""
    names = {
        target: {number: chip.text for number, chip in chips.items()}
        for target, chips in names_of_ids(ids_in(result)).items()
    }
    published = g.tenant.active()
    return Teller(result, language(), published.zone, published.catalog, names)


def refusal(problems: Sequence[Text]) -> Response:
    """Filters that cannot be understood, where no page can show them: in plain words."""
    said = "\n".join(one.pick(language()) for one in problems)
    return Response(said + "\n", 400, mimetype="text/plain")


def css_of(column: ResultColumn) -> str:
    """How the cells of a column are set."""
    right = column.role in (MEASURE, BEFORE, CHANGE) or column.type.kind in _NUMBERS
    return "rf-number" if right else ""
