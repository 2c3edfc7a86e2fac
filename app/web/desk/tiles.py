"""What a report looks like on a page, ready for its template."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Cell:
    """One cell of the table beside a picture."""

    text: str
    css: str = ""
    url: str = ""


@dataclass(slots=True)
class TileView:
    """A report ready to be shown."""

    id: str
    title: str
    help: str
    url: str
    csv_url: str
    size: str
    heads: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    cut: bool = False
    untouched: str = ""
    """Filters of the page that are chosen and do not act on this report."""
    charts: list[tuple[str, str]] = field(default_factory=list)
    """(caption, svg): one picture for each currency."""
    legend: list[tuple[int, str]] = field(default_factory=list)
    figure: str = ""
    figure_url: str = ""
    beside: str = ""
    """What a figure is compared with, in words."""
    table_open: bool = False


@dataclass(frozen=True, slots=True)
class InputView:
    """An input of a filter. `kind` as in `app.reports.filters`; `html_type` of a range's ends."""

    id: str
    name: str
    label: str
    kind: str
    html_type: str = "text"
    low: str = ""
    high: str = ""
    text: str = ""
    options: tuple[tuple[str, str, bool], ...] = ()
    """(value, label, chosen)"""
    chips: tuple[tuple[str, str], ...] = ()
    """(id, title) of the records chosen."""
    summary: str = ""
    choices_url: str = ""


@dataclass(frozen=True, slots=True)
class NarrowView:
    """The inputs of a page: where they lead, whether any is filled in, what is wrong."""

    url: str
    clear_url: str
    inputs: tuple[InputView, ...] = ()
    chosen: int = 0
    problems: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The parts of the inputs that say what is chosen, as selectors."""
        return ", ".join(f"#{one.id}-chosen" for one in self.inputs if one.kind == "choice")
