"""The pages of the journey want the same files as all pages."""

from tests.web.conftest import front_end_files

__all__ = ["front_end_files"]
