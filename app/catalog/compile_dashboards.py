"""Dashboards: reports side by side, and what their reader narrows them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.catalog.compile_reports import ADDABLE, MOMENTS
from app.catalog.compile_taken import alike
from app.catalog.compiling import Compiling
from app.catalog.model import Dashboard, DashboardFilter, Report, Tile
from forms.expr import Type
from forms.problems import Path, listed, suggest
from forms.values import Text

DASHBOARD_KEYS = ("dashboard", "label", "help", "was", "filters", "tiles")
TILE_KEYS = ("label", "report", "size")
DAYS = ("last_30_days", "this_month", "this_year", "last_12_months")
"""What a dashboard's filter of dates may begin with."""


def compile_dashboard(dashboard_id: str, at: Compiling, reports: Mapping[str, Report]) -> Dashboard:
    """Compile one dashboard."""
    tiles: dict[str, Tile] = {}
    for name, raw in at.data.get("tiles", {}).items():
        report_id = raw.get("report")
        if at.refers("report", report_id, ("tiles", name, "report")):
            fallback = reports[report_id].label if report_id in reports else Text.of(name)
            label = Text.of(raw["label"]) if "label" in raw else fallback
            tiles[name] = Tile(name, label, report_id, raw.get("size", "medium"))
    filters: dict[str, DashboardFilter] = {}
    offered = {
        f for tile in tiles.values() if tile.report in reports for f in reports[tile.report].filters
    }
    for name, raw in at.data.get("filters", {}).items():
        if name not in offered and all(tile.report in reports for tile in tiles.values()):
            at.problem(
                "filter_unused",
                ("filters", name),
                f"no report on this dashboard has a filter {name}",
                listed(sorted(offered)) if offered else "reports declare theirs under `filters`",
                suggest(name, offered),
                on_key=True,
            )
        alike = [
            reports[tile.report].filters[name].by.type
            for tile in tiles.values()
            if tile.report in reports and name in reports[tile.report].filters
        ]
        default = _first(name, raw, alike, at)
        filters[name] = DashboardFilter(name, Text.of(raw.get("label"), name), default)
    return Dashboard(
        id=dashboard_id,
        label=at.text("label", dashboard_id),
        help=at.text("help"),
        tiles=tiles,
        filters=filters,
    )


def _first(name: str, raw: Any, kinds: Sequence[Type], at: Compiling) -> object:
    """What a dashboard's filter begins with, if all its reports can be narrowed by that."""
    path: Path = ("filters", name)
    words = list(dict.fromkeys(alike(kind) for kind in kinds))
    if len(words) > 1:
        at.problem(
            "filters_differ",
            path,
            f"the reports of this dashboard mean different things by {name}: {', '.join(words)}",
            "filters of one kind of value, or another id",
            on_key=True,
        )
    default = raw.get("default")
    if default is None or not kinds:
        return default
    allowed = _defaults(kinds)
    fits = (
        any(default == one and type(default) is type(one) for one in allowed)
        if allowed
        else _is_typed(default, kinds[0])
    )
    if not fits:
        said = "true" if default is True else "false" if default is False else str(default)
        at.problem(
            "filter_default",
            (*path, "default"),
            f"{name} cannot begin with {said}: it is {kinds[0]}",
            listed([str(one).lower() if isinstance(one, bool) else str(one) for one in allowed])
            if allowed
            else "a number"
            if kinds[0].kind in ADDABLE
            else "no default: which records there are is not known here",
            suggest(said, [str(one) for one in allowed]),
        )
    return default


def _defaults(kinds: Sequence[Type]) -> list[object]:
    """All values a filter may begin with, where they can be listed."""
    kind = kinds[0].kind
    if kind in MOMENTS:
        return list(DAYS)
    if kind == "boolean":
        return [True, False]
    return [option for each in kinds for option in each.options or ()]


def _is_typed(default: object, kind: Type) -> bool:
    if kind.kind == "text":
        return isinstance(default, str)
    number = isinstance(default, int | Decimal) and not isinstance(default, bool)
    return number and kind.kind in ADDABLE
