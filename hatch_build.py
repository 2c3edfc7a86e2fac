"""The wheel's build hook: put the front-end files in place before the package is packed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEndFiles(BuildHookInterface[Any]):
    """Runs `app/web/assets.py` and adds the git-ignored vendor folder to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        assets = runpy.run_path(str(Path(self.root) / "app/web/assets.py"))
        assets["build"](Path(self.root))
        build_data["artifacts"].append(f"/{assets['VENDOR'].as_posix()}/**")
