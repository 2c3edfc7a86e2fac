"""Whether a flow can go wrong, said before it is published.

`check_flow(flow, world)` follows every path a record may take and answers problems, each with the
steps or values that prove it. Pure: what lies around the flow comes in as a `World`.
"""

from __future__ import annotations

from flows.soundness.analysis import Analysis, analyse
from flows.soundness.checking import check_flow, filled_at_end, findings, given_by
from flows.soundness.codes import CODES, ERRORS, WARNINGS
from flows.soundness.world import World

__all__ = [
    "CODES",
    "ERRORS",
    "WARNINGS",
    "Analysis",
    "World",
    "analyse",
    "check_flow",
    "filled_at_end",
    "findings",
    "given_by",
]
