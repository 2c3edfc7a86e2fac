"""The plugins of an installation, loaded and told what the operator configured."""

from __future__ import annotations

import pluggy

from app.config import Config
from app.hooks import load_plugins
from app.letters import SETTINGS


def plugins_of(config: Config) -> pluggy.PluginManager:
    """Load and configure them. Raises PluginError."""
    return load_plugins(
        config.names("plugins"),
        {
            **mail_settings(config),
            "outgoing.allow": config.names("outgoing.allow"),
            "sandbox.payment": config.text("sandbox.payment"),
            "sandbox.carrier": config.text("sandbox.carrier"),
            "sandbox.key": config.sandbox_key(),
        },
    )


def mail_settings(config: Config) -> dict[str, object]:
    """How letters leave, by dotted name: what `app.letters.MailSettings` is made of."""
    return {name: config.values[name] for name in SETTINGS} | {"data_dir": str(config.data_dir)}
