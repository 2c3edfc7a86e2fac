"""Pictures of compiled flows: a layout, an SVG, and the same in words."""

from __future__ import annotations

from flows.picture.drawing import NOWHERE, Marks, draw
from flows.picture.outline import Told, Way, outline
from flows.picture.words import (
    KINDS,
    act_text,
    exit_label,
    exit_name,
    interrupt_name,
    option_label,
    outcome_name,
    step_name,
    step_text,
)

__all__ = [
    "KINDS",
    "NOWHERE",
    "Marks",
    "Told",
    "Way",
    "act_text",
    "draw",
    "exit_label",
    "exit_name",
    "interrupt_name",
    "option_label",
    "outcome_name",
    "outline",
    "step_name",
    "step_text",
]
