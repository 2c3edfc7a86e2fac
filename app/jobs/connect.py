"""From an action a flow names to the connection that serves it, and what its plugin is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pluggy

from app import hooks
from app.capabilities import action, known
from app.catalog.model import Catalog, Connection
from app.config import Config
from app.jobs.notify import Post
from app.plugging import plugins_of
from app.records.outbox import Claimed, GiveUp
from app.records.tenant import Tenant
from forms.expr import Env, EvalError
from forms.values import Money, Text, encode_id


class NotServed(Exception):
    """No connection takes the call, or the one that does cannot be used; the text says why.
    `zh`: the same in Chinese."""

    def __init__(self, message: str, *, zh: str = "") -> None:
        super().__init__(message)
        self.zh = zh


@dataclass(frozen=True, slots=True)
class Outside:
    """How effects leave this installation.

    `secrets`: tenant → what its connections may name. `post`: how messages to people leave, and
    the address a tenant is reached under.
    """

    plugins: pluggy.PluginManager
    secrets: Callable[[str], Mapping[str, str]]
    post: Post

    @classmethod
    def of(cls, config: Config) -> Outside:
        """As the settings say. Raises PluginError."""
        bare = cls(plugins_of(config), config.secrets_of, Post.of(config))
        return replace(bare, post=replace(bare.post, webhook=bare.message))

    def message(self, tenant: Tenant, channel: str, key: str, content: Mapping[str, Any]) -> None:
        """Send a message of a notification through the connection its channel names.

        Raises GiveUp where that cannot work, TryAgain or Unknown where it may later.
        """
        connection = tenant.active().catalog.connections.get(channel)
        runner = self.plugin(connection, "run_action") if connection is not None else None
        if connection is None or runner is None:
            raise GiveUp(
                f"no connection {channel} with a plugin that sends",
                zh=f"没有可用于发送的连接 {channel}",
            )
        try:
            connected = self.connected(tenant.id, connection)
        except NotServed as error:
            raise GiveUp(str(error), zh=error.zh) from error
        call = {
            "key": key,
            "use": "webhook.send",
            "arguments": dict(content),
            "form": content["form"],
            "record": content["record"],
            "attempt": 1,
            "undo_of": "",
            **{name: connected[name] for name in ("settings", "secrets", "events_url")},
            "connection": connection.id,
        }
        arguments = {"tenant": tenant.id, "call": call}
        found = hooks.call_one(self.plugins, runner, "run_action", arguments)
        if found["outcome"] != "done":
            said = Text.of(found.get("message"), found["outcome"])
            raise GiveUp(said.en, zh=said.zh)

    def connected(self, tenant: str, connection: Connection) -> dict[str, Any]:
        """A connection as a plugin sees it. Raises NotServed where a secret is not given."""
        given = self.secrets(tenant)
        missing = [name for name in connection.secrets.values() if name not in given]
        if missing:
            raise NotServed(
                f"connection {connection.id}: the secret {missing[0]} is not among"
                f" `tenants.{tenant}.secrets` of the configuration",
                zh=f"连接 {connection.id} 的密钥 {missing[0]} 不在配置的"
                f" `tenants.{tenant}.secrets` 中",
            )
        return {
            "id": connection.id,
            "settings": plain_settings(connection.settings),
            "secrets": {name: given[kept] for name, kept in connection.secrets.items()},
            "events_url": f"{self.post.address(tenant)}/api/v1/events/{connection.id}",
        }

    def plugin(self, connection: Connection, hook: str) -> str | None:
        """The plugin behind a connection, if it has the hook."""
        return hooks.plugin_named(self.plugins, connection.plugin, hook)


def serving(catalog: Catalog, call: Mapping[str, Any], form: str, env: Env) -> Connection:
    """The connection that takes a call: its action's own condition goes before the capability's.

    Raises NotServed.
    """
    use = str(call["use"])
    row = {**typed(use, call["arguments"]), "form": form}
    for name in (use, use.partition(".")[0]):
        for _, connection in sorted(catalog.connections.items()):
            if name in connection.serves and _holds(connection, name, row, env):
                return connection
    raise NotServed(
        f"no connection serves {use} with these arguments", zh=f"没有连接可以处理此 {use} 请求"
    )


def _holds(connection: Connection, name: str, row: dict[str, Any], env: Env) -> bool:
    condition = connection.serves[name]
    if condition is None:
        return True
    try:
        return condition.evaluate(row, env) is True
    except EvalError:
        return False


def typed(use: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Plain arguments as values that conditions can read; what is not what it should be is null."""
    spec = action(known(), use)
    takes = spec.takes if spec is not None else {}
    return {name: _typed(kind, arguments.get(name)) for name, kind in takes.items()}


def _typed(kind: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        match kind:
            case "money":
                return Money(Decimal(value["amount"]), value["currency"])
            case "decimal":
                return Decimal(str(value))
            case "date":
                return date.fromisoformat(value)
            case "datetime":
                return datetime.fromisoformat(value)
            case _:
                return value
    except (ValueError, TypeError, KeyError, InvalidOperation):
        return None


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON values: numbers with decimals become floats."""
    return {name: _plain(value) for name, value in settings.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def plugin_call(
    outside: Outside, tenant: str, connection: Connection, one: Claimed, call: Mapping[str, Any]
) -> dict[str, Any]:
    """What a plugin's hooks are called with. Raises NotServed."""
    connected = outside.connected(tenant, connection)
    return {
        "key": call["key"],
        "use": call["use"],
        "arguments": call["arguments"],
        "connection": connected["id"],
        "settings": connected["settings"],
        "secrets": connected["secrets"],
        "events_url": connected["events_url"],
        "form": one.form,
        "record": encode_id(one.record_id),
        "attempt": one.attempts,
        "undo_of": call.get("undo_of", ""),
    }
