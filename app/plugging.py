"""The plugins of an installation, loaded and told what the operator configured."""

from __future__ import annotations

import pluggy

from app.config import Config
from app.hooks import load_plugins


def plugins_of(config: Config) -> pluggy.PluginManager:
    """Load and configure them. Raises PluginError."""
    return load_plugins(
        config.names("plugins"),
        {
            "data_dir": str(config.data_dir),
            "outgoing.allow": config.names("outgoing.allow"),
            "sandbox.payment": config.text("sandbox.payment"),
            "sandbox.carrier": config.text("sandbox.carrier"),
            "sandbox.key": config.sandbox_key(),
        },
    )
