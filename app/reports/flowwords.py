"""Steps, levels, stages and outcomes that a report groups by, as the flow calls them."""

from __future__ import annotations

from collections.abc import Mapping

from app.catalog.flow_rows import LINES
from app.catalog.model import Catalog, Report
from flows.model import Approve, Flow, Step, Task
from flows.picture import outcome_name, step_name
from forms.expr import Expr
from forms.values import Text

_PARENT = "parent."
PROMISES = {
    "kept": Text("已达成", "Kept"),
    "breached": Text("已超时", "Breached"),
    "running": Text("计时中", "Running"),
}


def labels(catalog: Catalog, report: Report, by: Expr) -> Mapping[str, Text]:
    """What the values of an expression are called, where it names something of the flow: the
    `stage` of a record, and of a piece of work also its `step` and `level`. Else nothing."""
    form, _dot, lines = report.source.partition(".")
    flow, name = catalog.flows.get(form), by.source.strip()
    if flow is None:
        return {}
    if name == "stage" or (lines and name == f"{_PARENT}stage"):
        return {id_: stage.label for id_, stage in flow.stages.items()}
    if lines != LINES:
        return {}
    if name == "step":
        return _steps(flow)
    return _levels(flow) if name == "level" else {}


def outcome(report: Report, by: Expr, value: str) -> Text | None:
    """How a piece of work came out; None where the expression is something else."""
    if not report.source.endswith(f".{LINES}") or by.source.strip() != "outcome":
        return None
    return PROMISES.get(value) or Text(outcome_name(value, "zh"), outcome_name(value, "en"))


def _steps(flow: Flow) -> dict[str, Text]:
    """Steps people work in, by their own ids, and promises. Two of one id are told both."""
    found: dict[str, list[Text]] = {}
    for step in flow.steps.values():
        if isinstance(step.body, Task | Approve):
            found.setdefault(step.id, []).append(_called(step))
    for sla in flow.slas.values():
        found.setdefault(sla.id, []).append(sla.label)
    return {id_: _both(texts) for id_, texts in found.items()}


def _levels(flow: Flow) -> dict[str, Text]:
    found: dict[str, list[Text]] = {}
    for step in flow.steps.values():
        if isinstance(step.body, Approve):
            for level in step.body.levels.values():
                found.setdefault(level.id, []).append(level.label or Text.of(level.id))
    return {id_: _both(texts) for id_, texts in found.items()}


def _called(step: Step) -> Text:
    return Text(step_name(step, "zh"), step_name(step, "en"))


def _both(texts: list[Text]) -> Text:
    kept = list(dict.fromkeys(texts))
    return Text(" / ".join(one.zh for one in kept), " / ".join(one.en for one in kept))
