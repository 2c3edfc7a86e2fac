"""Flows: references to other definitions are checked, then each is compiled against its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.catalog.compiling import Compiling
from app.catalog.references import check_references
from flows.compile import compile_flow as compile_steps
from flows.model import Flow
from forms.model import Form
from forms.telling import Words

if TYPE_CHECKING:
    from flows.policy.model import Policy


def compile_flow(
    flow_id: str,
    at: Compiling,
    forms: Mapping[str, Form],
    policies: Mapping[str, Policy],
    ends: Mapping[str, frozenset[str]],
    words: Words,
) -> Flow | None:
    """Compile one flow; None where something in it, or its form, has a problem."""
    check_references(flow_id, at)
    form = forms.get(flow_id)
    if form is None:
        return None
    return compile_steps(flow_id, at.data, at, policies, form, ends, words)
