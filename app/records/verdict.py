"""The gate of publishing: definitions come into force with the verdict of their scenarios.

Scenarios are played above this layer; here it is made sure that no way leads around them.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.catalog.model import Catalog
from app.records.errors import Refused
from forms.values import Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the scenarios said of definitions. `content`: the hash of these definitions; `failed`:
    ids of the scenarios that did not come out as told; `despite`: why they are published all the
    same, "" for no reason."""

    content: str
    failed: tuple[str, ...] = ()
    despite: str = ""


def admit(catalog: Catalog, verdict: Verdict | None) -> None:
    """Let definitions pass that have no scenario, or whose scenarios were run on this very content
    and came out as told, or that somebody gave a reason for. Raises Refused invalid."""
    if verdict is None or verdict.content != catalog.hash:
        if catalog.scenarios:
            raise _unjudged(len(catalog.scenarios))
    elif verdict.failed and not verdict.despite.strip():
        raise _failing(verdict.failed)


def _unjudged(count: int) -> Refused:
    return Refused(
        "invalid",
        Text(
            f"无法发布：这些定义有 {count} 个场景尚未运行；请先运行场景。",
            f"This cannot be published: {count} scenario(s) of these definitions have not been"
            " run; run them first.",
        ),
    )


def _failing(failed: tuple[str, ...]) -> Refused:
    names = ", ".join(failed)
    return Refused(
        "invalid",
        Text(
            f"无法发布：场景 {names} 未按预期；请修正，或说明为何仍要发布。",
            f"This cannot be published: scenarios fail ({names}); mend them, or say why it goes"
            " ahead all the same.",
        ),
    )
