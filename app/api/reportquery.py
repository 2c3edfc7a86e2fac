"""Reading the address of a report: its filters, the number whose rows are wanted, the page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict

from app.api.query import Condition, Detail, bad_parameter, read_query, unknown
from app.catalog.model import Report
from app.reports.behind import BEFORE_KEY, CURRENCY_KEY, GROUP_PREFIX, MEASURE_KEY, Spot, read_spot
from app.reports.filters import FROM, PREFIX, RANGE, TO, Directory, Filter, Wish
from app.reports.narrowing import read
from app.web.errors import ApiError
from forms.values import Text

PAGING = ("limit", "cursor")
SPOT = {"measure": MEASURE_KEY, "currency": CURRENCY_KEY, "before": BEFORE_KEY}
"""Parameter → what the page's address calls it."""
_GROUP = re.compile(r"group\[([^\[\]]{1,120})\]")
_RANGES: Mapping[str, tuple[str, ...]] = {"eq": (FROM, TO), "ge": (FROM,), "le": (TO,)}
_VALUES: Mapping[str, tuple[str, ...]] = {"eq": ("",), "in": ("",)}
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call wants: `chosen` as `app.reports.filters.read` gives it, the number whose rows are
    meant, and the page: `limit` rows from `offset` on."""

    chosen: Mapping[str, Any] = field(default_factory=dict)
    spot: Spot = field(default_factory=Spot)
    limit: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads addresses of one report. `known`: its filters; `place`: what a cursor belongs to."""

    report: Report
    known: Mapping[str, Filter]
    directory: Directory
    today: date
    place: str

    def of_result(self, args: MultiDict[str, str], *, paged: bool = True) -> Asked:
        """The address of a result. Raises ApiError bad_parameter naming every parameter at fault,
        bad_cursor."""
        asked = read_query(args, PAGING if paged else ())
        details: list[Detail] = []
        chosen = self._chosen(asked.conditions, details)
        if details:
            raise ApiError("bad_parameter", details=details)
        offset = self._offset(asked.cursor, args)
        return Asked(chosen, limit=asked.limit, offset=offset)

    def of_rows(self, args: MultiDict[str, str], *, paged: bool = True) -> Asked:
        """The address of the rows behind a number. Raises as `of_result`."""
        rest = args.copy()
        given: dict[str, list[str]] = {}
        for name in list(rest):
            if name in SPOT or _GROUP.fullmatch(name):
                given[name] = rest.poplist(name)
        asked = read_query(rest, (*SPOT, *(PAGING if paged else ())))
        details: list[Detail] = []
        chosen = self._chosen(asked.conditions, details)
        spot = self._spot(given, details)
        if details:
            raise ApiError("bad_parameter", details=details)
        return Asked(chosen, spot, asked.limit, self._offset(asked.cursor, args))

    def cursor(self, args: MultiDict[str, str], offset: int) -> str:
        """The text that leads to the page that begins with a row."""
        raw = json.dumps([self._name(args), offset]).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _offset(self, cursor: str, args: MultiDict[str, str]) -> int:
        if not cursor:
            return 0
        try:
            if len(cursor) > _LONGEST:
                raise ValueError(cursor[:20])
            name, offset = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if name != self._name(args) or type(offset) is not int or not 0 <= offset < 1 << 31:
                raise ValueError(name)
        except (ValueError, TypeError, RecursionError):
            raise ApiError("bad_cursor") from None
        return offset

    def _name(self, args: MultiDict[str, str]) -> str:
        """What a cursor belongs to: this report in this release, so narrowed, for this reader."""
        told = sorted(pair for pair in args.items(multi=True) if pair[0] not in PAGING)
        return hashlib.sha256(json.dumps([self.place, told]).encode()).hexdigest()[:16]

    # -- filters

    def _chosen(self, conditions: Sequence[Condition], details: list[Detail]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        given: dict[str, dict[str, list[str]]] = {}
        for condition in conditions:
            one = self.known.get(condition.field)
            if one is None:
                known = tuple(self.known)
                name = condition.parameter
                details.append(unknown("unknown_filter", name, condition.field, known))
                continue
            places = operators_of(one).get(condition.operator)
            if places is None:
                known = tuple(operators_of(one))
                name = condition.parameter
                details.append(unknown("unknown_operator", name, condition.operator, known))
                continue
            texts = given.setdefault(one.id, {})
            for place in places:
                if place and place in texts:
                    text = Text("eq 不能与 ge、le 同时使用", "eq stands alone, without ge and le")
                    details.append(("repeated", (condition.parameter,), text))
                texts.setdefault(place, []).extend(condition.values)
        for name, texts in given.items():
            wish = self._read(self.known[name], texts)
            details += [("bad_value", (f"filter[{name}]",), one) for one in wish.problems]
            chosen |= wish.chosen
        return chosen

    def _read(self, one: Filter, texts: Mapping[str, Sequence[str]]) -> Wish:
        args = {f"{PREFIX}{one.id}{place}": values for place, values in texts.items()}
        return read({one.id: one}, args, self.directory, self.today)

    # -- the number whose rows are wanted

    def _spot(self, given: Mapping[str, list[str]], details: list[Detail]) -> Spot:
        spot = Spot()
        for name, texts in given.items():
            if len(texts) > 1:
                details.append(("repeated", (name,), Text("只能出现一次", "may be given once")))
                continue
            group = _GROUP.fullmatch(name)
            key = f"{GROUP_PREFIX}{group[1]}" if group else SPOT[name]
            found, wrong = read_spot(self.report, {key: texts[0]})
            details += [("bad_value", (name,), problem) for problem in wrong]
            spot = replace(
                spot,
                groups={**spot.groups, **found.groups},
                measure=spot.measure or found.measure,
                currency=spot.currency or found.currency,
                before=spot.before or found.before,
            )
        return spot


def operators_of(one: Filter) -> Mapping[str, tuple[str, ...]]:
    """How a filter is written: operator → the parts of the page's address it stands for."""
    return _RANGES if one.kind == RANGE else _VALUES


def no_parameters(args: MultiDict[str, str], *known: str) -> None:
    """Refuse parameters besides those known. Raises ApiError bad_parameter."""
    for name in args:
        if name not in known:
            text = unknown("unknown_parameter", name, name, known)[2]
            raise bad_parameter(name, "unknown_parameter", text)
