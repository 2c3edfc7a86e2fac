"""Where the browser of the browser tests is."""

from __future__ import annotations

import shutil

NO_CHROMIUM = "browser tests left out: no Chromium found (Debian: apt-get install chromium)"


def chromium_path() -> str | None:
    """Debian's Chromium, or None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
