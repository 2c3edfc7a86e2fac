"""The small pack under `definitions/`: clients, deliveries, claims with lines."""

from __future__ import annotations

from pathlib import Path

from app.catalog.sources import Sources

ROOT = Path(__file__).parent / "definitions"


def sources() -> Sources:
    """The pack's files."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ROOT.rglob("*.yaml"))
    }
    return Sources(files, "")
