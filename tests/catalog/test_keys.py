"""The schemas and the compilers know the same keys: neither promises what the other refuses."""

from __future__ import annotations

from typing import Any

from app.catalog import compile_aggregates as aggregates
from app.catalog import compile_calendars as calendars
from app.catalog import compile_connections as connections
from app.catalog import compile_dashboards as dashboards
from app.catalog import compile_imports as imports
from app.catalog import compile_outputs as outputs
from app.catalog import compile_policies as policies
from app.catalog import compile_reports as reports
from app.catalog import compile_roles as roles
from app.catalog import compile_rules as rules
from app.catalog import compile_scenarios as scenarios
from app.catalog.schemas import schema
from forms import compile as forms
from forms import compile_fields, compile_layout, compile_options, numbering
from forms.expr.functions import FUNCTIONS
from forms.types import REGISTRY
from forms.types.money import ROUNDINGS
from forms.types.text import FORMATS

OVERLAY = {"after"}
HEADING = {"extends"}


def keys(kind: str, *path: str) -> set[str]:
    node: Any = schema(kind)
    for step in path:
        node = node[step]
    return set(node["properties"])


def below(kind: str, *path: str) -> Any:
    node: Any = schema(kind)
    for step in path:
        node = node[step]
    return node


def test_form_keys() -> None:
    assert keys("form") == {*forms.KEYS, *HEADING}
    fields = set(compile_fields.COMMON_KEYS).union(*(kind.keys for kind in REGISTRY.values()))
    assert keys("form", "$defs", "field") == fields
    examples = below("form", "$defs", "field", "properties", "type", "examples")
    assert set(examples) == set(REGISTRY)
    part = ("form", "properties")
    assert keys(*part, "checks", "additionalProperties") == set(compile_layout.CHECK_KEYS)
    assert keys(*part, "sections", "additionalProperties") == set(compile_layout.SECTION_KEYS)
    assert keys(*part, "unique", "additionalProperties") == set(compile_layout.UNIQUE_KEYS)
    assert keys(*part, "list") == set(compile_layout.LIST_KEYS)
    assert keys(*part, "keep") == set(compile_layout.KEEP_KEYS)
    assert keys(*part, "number") == set(numbering._KEYS)


def test_words_of_fields() -> None:
    field = below("form", "$defs", "field", "properties")
    assert set(field["format"]["enum"]) == set(FORMATS)
    assert set(field["round"]["enum"]) == set(ROUNDINGS)
    assert set(below("form", "properties", "number", "properties", "reset")["enum"]) == set(
        numbering.RESETS
    )


def test_options_keys() -> None:
    assert keys("options") == {*compile_options.KEYS, *HEADING}
    values = keys("options", "properties", "values", "additionalProperties")
    assert values == set(compile_options.VALUE_KEYS)


def test_role_keys() -> None:
    assert keys("role") == {*roles.KEYS, *HEADING}
    grant = ("role", "properties", "can", "additionalProperties")
    assert keys(*grant) == {*roles.GRANT_KEYS, *OVERLAY}
    assert tuple(below(*grant, "properties", "actions", "items")["enum"]) == roles.ACTIONS


def test_aggregate_keys() -> None:
    assert keys("aggregate") == {*aggregates.KEYS, *HEADING}
    part = ("aggregate", "properties")
    assert keys(*part, "measures", "additionalProperties") == {*aggregates.MEASURE_KEYS, *OVERLAY}
    assert keys(*part, "never", "additionalProperties") == {*aggregates.NEVER_KEYS, *OVERLAY}


def test_report_and_dashboard_keys() -> None:
    assert keys("report") == {*reports.KEYS, *HEADING}
    part = ("report", "properties")
    assert keys(*part, "group", "additionalProperties") == {*reports.GROUP_KEYS, *OVERLAY}
    assert keys(*part, "measures", "additionalProperties") == {*reports.MEASURE_KEYS, *OVERLAY}
    assert keys(*part, "chart") == set(reports.CHART_KEYS)
    assert keys(*part, "schedule") == set(reports.SCHEDULE_KEYS)
    assert keys("dashboard") == {*dashboards.DASHBOARD_KEYS, *HEADING}
    tiles = keys("dashboard", "properties", "tiles", "additionalProperties")
    assert tiles == {*dashboards.TILE_KEYS, *OVERLAY}


def test_import_keys() -> None:
    assert keys("import") == {*imports.KEYS, *HEADING}
    assert keys("import", "properties", "file") == set(imports.FILE_KEYS)
    cell = {"value", "find", "by", "missing"}
    assert keys("import", "$defs", "mapped") == {*imports.LINES_KEYS, *cell}
    assert keys("import", "$defs", "cell") == cell
    columns = below("import", "properties", "file", "properties", "columns")
    assert columns["additionalProperties"]["enum"] == list(imports.COLUMN_TYPES)


def test_connection_keys() -> None:
    assert keys("connection") == {*connections.KEYS, *HEADING}
    part = ("connection", "properties", "events", "additionalProperties")
    assert keys(*part) == {*connections.EVENT_KEYS, *OVERLAY}
    assert keys(*part, "properties", "match") == set(connections.MATCH_KEYS)


def test_calendar_keys() -> None:
    assert keys("calendar") == {*calendars.KEYS, *HEADING}
    assert tuple(below("calendar", "properties", "hours", "properties")) == calendars.WEEKDAYS


def test_policy_keys() -> None:
    assert keys("policy") == {*policies.KEYS, *HEADING}
    part = ("policy", "properties")
    assert keys(*part, "outputs", "additionalProperties") == set(outputs.OUTPUT_KEYS)
    assert keys("policy", "$defs", "rule") == {*rules.RULE_KEYS, *OVERLAY}
    assert keys("policy", "$defs", "edition_rule") == {*rules.RULE_KEYS, "before", *OVERLAY}
    assert keys(*part, "editions", "additionalProperties") == {*rules.EDITION_KEYS, *OVERLAY}
    assert below(*part, "hit")["enum"] == list(policies.HITS)


def test_scenario_keys() -> None:
    assert keys("scenario") == {*scenarios.KEYS, *HEADING}
    assert keys("scenario", "properties", "steps", "items") == set(scenarios.STEP_KEYS)


def test_expressions_and_yaml_words_do_not_collide() -> None:
    assert not set(FUNCTIONS) & {"on", "off", "yes", "no"}
