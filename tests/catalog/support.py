"""Small helpers for tests of definitions."""

from __future__ import annotations

import re
from pathlib import Path

from app.catalog.loader import Document, load_text

ROOT = Path(__file__).parent.parent.parent
SHARED_EXAMPLES = ROOT.parent / "shared" / "examples"


def documents(path: str, text: str) -> list[Document]:
    """The definitions of a text that keeps several apart by `---` lines."""
    return [load_text(path, part) for part in re.split(r"(?m)^---\n", text) if part.strip()]
