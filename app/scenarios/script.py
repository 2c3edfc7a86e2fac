"""Where a scenario stands in its file, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from app.catalog.nodes import Node
from app.catalog.sources import TENANTS, Sources, document

FOLDER = "scenarios"


def untold(sources: Sources) -> Sources:
    """The same definitions without the scenarios told of them."""
    files = {p: text for p, text in sources.files.items() if p.split("/")[2] != FOLDER}
    return Sources(files, sources.tenant)


@dataclass(frozen=True, slots=True)
class Script:
    """The file of a scenario; `root` None where it cannot be found."""

    file: str
    root: Node | None

    @classmethod
    def of(cls, sources: Sources, scenario: str) -> Script:
        """The file that tells a scenario: the tenant's own, else a pack's."""
        end = f"/{FOLDER}/{scenario}.yaml"
        found = sorted(
            (path for path in sources.files if path.endswith(end)),
            key=lambda path: not path.startswith(TENANTS),
        )
        if not found:
            return cls(scenario, None)
        return cls(found[0], document(found[0], sources.files[found[0]]).root)

    @property
    def heading(self) -> str:
        """The file, at its beginning."""
        return f"{self.file}:1"

    def place(self, given: bool, index: int) -> str:
        """file:line of what is given, or of a step, by its number from 0."""
        if self.root is None:
            return self.file
        listed = self.root.child("given" if given else "steps")
        if listed is None or index >= len(listed.items):
            return self.heading
        return f"{self.file}:{listed.items[index].span.line}"
