"""All our own words that people see, found in templates and code."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir

ROOT = Path(__file__).parents[2]
FOLDERS = ("app/web", "app/admin")
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]


def words() -> list[str | tuple[str, ...]]:
    """Message ids; plurals are pairs."""
    found: dict[str | tuple[str, ...], None] = {}
    for folder in FOLDERS:
        for _file, _line, message, _notes, _context in extract_from_dir(
            str(ROOT / folder), METHODS, keywords=KEYWORDS
        ):
            found[message] = None
    return list(found)
