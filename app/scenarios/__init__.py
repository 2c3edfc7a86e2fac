"""Stories beside the definitions that must come out as told, played on a tenant of their own."""

from __future__ import annotations

from app.scenarios.gate import ScenariosFail, publish
from app.scenarios.result import Failure, Outcome, Report
from app.scenarios.run import run_pack, run_tenant
from app.scenarios.script import untold

__all__ = [
    "Failure",
    "Outcome",
    "Report",
    "ScenariosFail",
    "publish",
    "run_pack",
    "run_tenant",
    "untold",
]
