"""Results as a table, each with its target where one was set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One measured figure; `good` says whether a stated target is met (None: no target)."""

    section: str
    backend: str
    what: str
    value: float
    unit: str
    target: str = ""
    good: bool | None = None


def at_most(limit: float) -> tuple[str, Callable[[float], bool]]:
    """A target: the value may not exceed `limit`."""
    return f"≤ {limit:g}", lambda value: value <= limit


def at_least(limit: float) -> tuple[str, Callable[[float], bool]]:
    """A target: the value must reach `limit`."""
    return f"≥ {limit:g}", lambda value: value >= limit


def result(
    section: str,
    backend: str,
    what: str,
    value: float,
    unit: str,
    target: tuple[str, Callable[[float], bool]] | None = None,
) -> Result:
    """A figure, judged against its target where there is one."""
    if target is None:
        return Result(section, backend, what, value, unit)
    return Result(section, backend, what, value, unit, target[0], target[1](value))


def show(results: list[Result], console: Console | None = None) -> None:
    """Print the figures, a table a section."""
    out = console or Console(width=110)
    for section in dict.fromkeys(found.section for found in results):
        table = Table(title=section, title_justify="left")
        table.add_column("database", width=8)
        table.add_column("what", width=58)
        table.add_column("value", justify="right", width=13)
        table.add_column("target", justify="right", width=7)
        table.add_column("", width=6)
        for found in results:
            if found.section == section:
                mark = {True: "met", False: "MISSED", None: ""}[found.good]
                value = f"{found.value:,.3g} {found.unit}".strip()
                table.add_row(found.backend, found.what, value, found.target, mark)
        out.print(table)
