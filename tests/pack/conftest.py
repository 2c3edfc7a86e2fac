"""What the browser tests of the pages use, for the tests of the shipped pack too."""

from tests.web.conftest import chromium, front_end_files

__all__ = ["chromium", "front_end_files"]
