"""This installation: one YAML file, one table of settings, environment variables on top.

Business rules are never here; they are definitions. A setting is looked up in this order: the
environment variable `RETURNFLOW_<NAME>` (dots become underscores), the file, the default. A value
that is a secret may be a reference: `env:NAME` or `file:PATH`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from app.folders import private_folder
from forms.problems import suggest

ENVIRONMENT_PREFIX = "RETURNFLOW_"
RESERVED_TENANTS = frozenset({"control"})
"""Names of databases of the installation's own."""


class ConfigError(Exception):
    """The installation file or an environment variable cannot be used; the text says what to do."""


def _boolean(value: object) -> bool:
    lowered = str(value).lower()
    if lowered not in {"true", "false"}:
        raise ValueError("true or false")
    return lowered == "true"


def _port(value: object) -> int:
    number = _whole(value)
    if number is None or number > 65535:
        raise ValueError("a port from 0 to 65535")
    return number


def _count(value: object) -> int:
    number = _whole(value)
    if not number:
        raise ValueError("a whole number from 1")
    return number


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _level(value: object) -> str:
    if str(value).lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("debug, info, warning or error")
    return str(value).lower()


def _tls(value: object) -> str:
    if str(value).lower() not in {"starttls", "tls", "none"}:
        raise ValueError("starttls, tls or none")
    return str(value).lower()


def _text(value: object) -> str:
    return str(value)


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(str(part) for part in value)
    raise ValueError("a list of names")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted name, how its value is read, its default and one line of help."""

    name: str
    read: Callable[[object], object]
    default: object
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("data_dir", _text, "var", "where embedded databases, attachments and logs are kept"),
    Setting("definitions", _text, "definitions", "the folder with schemas/, packs/ and tenants/"),
    Setting(
        "database.url",
        _text,
        "sqlite",
        "`sqlite` (a file per tenant in data_dir) or postgresql://… (a schema per tenant)",
        secret=True,
    ),
    Setting("database.pool", _count, 8, "PostgreSQL connections per process at the most"),
    Setting(
        "queue.url",
        _text,
        "sqlite",
        "`sqlite` (a file in data_dir) or redis://… (Valkey or Redis)",
        secret=True,
    ),
    Setting("web.host", _text, "127.0.0.1", "address the web server listens on"),
    Setting("web.port", _port, 8700, "port the web server listens on; PORT is honoured too"),
    Setting("web.workers", _count, 1, "web processes; SQLite allows one"),
    Setting("web.threads", _count, 8, "threads of each web process"),
    Setting("web.https", _boolean, False, "the site is served over HTTPS: secure cookies, HSTS"),
    Setting("web.proxies", _names, (), "addresses of reverse proxies whose headers are believed"),
    Setting("web.hosts", _names, (), "host names answered; empty: any"),
    Setting("web.upload_mb", _count, 25, "largest upload in MiB"),
    Setting(
        "web.url",
        _text,
        "",
        "address people reach this installation under, for links in messages; empty: host and port",
    ),
    Setting(
        "mail.host",
        _text,
        "",
        "mail server (SMTP); empty: letters are kept as files in data_dir/mail",
    ),
    Setting("mail.port", _port, 587, "port of the mail server"),
    Setting("mail.tls", _tls, "starttls", "starttls, tls (from the first byte) or none"),
    Setting("mail.user", _text, "", "name to sign in to the mail server with; empty: none"),
    Setting("mail.password", _text, "", "password for the mail server", secret=True),
    Setting("mail.from", _text, "Returnflow <returnflow@localhost>", "sender of letters"),
    Setting("session.idle_minutes", _count, 240, "an unused session ends after this many minutes"),
    Setting("session.hours", _count, 16, "every session ends after this many hours"),
    Setting("api.calls", _count, 12_000, "API calls a token or person may make in a minute"),
    Setting("metrics.allow", _names, ("127.0.0.1", "::1"), "addresses that may read /metrics"),
    Setting("plugins", _names, (), "plugin modules to load, in order"),
    Setting(
        "outgoing.allow",
        _names,
        (),
        "addresses connectors may reach although not public: `host:port` or networks `10.1.0.0/16`",
    ),
    Setting("sandbox.payment", _text, "", "where the payment sandbox is; empty: `run` starts it"),
    Setting("sandbox.carrier", _text, "", "where the carrier sandbox is; empty: `run` starts it"),
    Setting("sandbox.run", _boolean, False, "`run` starts the sandboxes; `run --demo` always does"),
    Setting("secret_key", _text, "", "signs cookies; empty: made once in data_dir", secret=True),
    Setting("log.level", _level, "info", "debug, info, warning or error"),
    Setting("log.json", _boolean, False, "log lines as JSON objects"),
)

_SCHEMES = {
    "database.url": ("postgresql://", "postgres://"),
    "queue.url": ("redis://", "rediss://", "unix://"),
}

_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """A tenant of this installation: its id, the host names that lead to it (may be none), and the
    secrets its connections may name."""

    id: str
    hosts: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force, by dotted name, and the tenants."""

    root: Path
    values: Mapping[str, object]
    tenants: Mapping[str, TenantEntry]

    def text(self, name: str) -> str:
        """A text setting."""
        return str(self.values[name])

    def number(self, name: str) -> int:
        """A whole-number setting."""
        value = self.values[name]
        if not isinstance(value, int):
            raise TypeError(f"setting {name} is no number")
        return value

    def flag(self, name: str) -> bool:
        """A true/false setting."""
        return self.values[name] is True

    def names(self, name: str) -> tuple[str, ...]:
        """A setting that is a list of names."""
        value = self.values[name]
        if not isinstance(value, tuple):
            raise TypeError(f"setting {name} is no list")
        return value

    @property
    def data_dir(self) -> Path:
        """Where embedded data lives, absolute."""
        return self.root / self.text("data_dir")

    @property
    def definitions(self) -> Path:
        """The folder of the definitions, absolute."""
        return self.root / self.text("definitions")

    def secrets_of(self, tenant: str) -> Mapping[str, str]:
        """The secrets a tenant's connections may name: its own, nobody else's."""
        entry = self.tenants.get(tenant)
        return entry.secrets if entry is not None else {}

    def sandbox_key(self) -> str:
        """What signs messages to and from the sandboxes, derived from the installation's key."""
        return hashlib.sha256(f"sandbox:{self.secret_key()}".encode()).hexdigest()

    def secret_key(self) -> str:
        """The key that signs cookies; made and kept in data_dir where none is configured."""
        configured = self.text("secret_key")
        if configured:
            return configured
        path = self.data_dir / "secret_key"
        if not path.exists():
            private_folder(path.parent)
            fresh = secrets.token_urlsafe(48)
            try:
                with os.fdopen(
                    os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
                ) as f:
                    f.write(fresh)
            except FileExistsError:  # another process was first
                pass
        return path.read_text().strip()


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the installation file and the environment.

    Raises ConfigError naming the setting, what is wrong and what is allowed.
    """
    env = os.environ if environment is None else environment
    raw = _read(path)
    tenants = _tenants(raw.pop("tenants", {}), env, path)
    given = dict(_flatten(raw))
    for name in given:
        if name not in _BY_NAME:
            near = suggest(name, _BY_NAME)
            hint = f" (did you mean `{near}`?)" if near else ""
            raise ConfigError(f"{path}: unknown setting `{name}`{hint}; see docs/configuration.md")
    values = {setting.name: _value(setting, given, env, path) for setting in SETTINGS}
    if "PORT" in env and ENVIRONMENT_PREFIX + "WEB_PORT" not in env:
        values["web.port"] = _parse(_BY_NAME["web.port"], env["PORT"], "PORT")
    return Config(path.resolve().parent, values, tenants)


def _read(path: Path) -> dict[str, object]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; name one with --config") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: a map of settings is expected")
    return {str(key): value for key, value in raw.items()}


def _flatten(raw: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for key, value in raw.items():
        if isinstance(value, dict):
            flat.extend(_flatten(value, f"{prefix}{key}."))
        else:
            flat.append((f"{prefix}{key}", value))
    return flat


def _value(
    setting: Setting, given: Mapping[str, object], env: Mapping[str, str], path: Path
) -> object:
    variable = ENVIRONMENT_PREFIX + setting.name.upper().replace(".", "_")
    if variable in env:
        value = _parse(setting, env[variable], variable)
    elif setting.name in given:
        value = _parse(setting, given[setting.name], str(path))
    else:
        return setting.default
    if not setting.secret:
        return value
    resolved = _resolve(setting.name, str(value), env, path)
    schemes = _SCHEMES.get(setting.name)
    if schemes and resolved != "sqlite" and not resolved.startswith(schemes):
        known = " or ".join(f"{scheme}…" for scheme in schemes)
        raise ConfigError(f"`{setting.name}`: allowed: sqlite, or {known}")  # the value is secret
    return resolved


def _parse(setting: Setting, value: object, where: str) -> object:
    try:
        return setting.read(value)
    except ValueError as error:
        raise ConfigError(f"{where}: `{setting.name}` is {value!r}; allowed: {error}") from None


def _resolve(name: str, value: str, env: Mapping[str, str], path: Path) -> str:
    kind, _, target = value.partition(":")
    if kind == "env":
        if target not in env:
            raise ConfigError(f"`{name}` names the variable {target}, which is not set")
        return env[target]
    if kind == "file":
        file = path.resolve().parent / target
        if not file.is_file():
            raise ConfigError(f"`{name}` names the file {target}, which is not there")
        return file.read_text(encoding="utf-8").strip()
    return value


def _tenants(raw: object, env: Mapping[str, str], path: Path) -> dict[str, TenantEntry]:
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: `tenants` is a map of tenant ids")
    entries = {}
    for tenant, settings in raw.items():
        if (
            not str(tenant).isidentifier()
            or len(str(tenant)) > 40
            or str(tenant) != str(tenant).lower()
        ):
            raise ConfigError(
                f"{path}: tenant `{tenant}`: lower-case letters, digits and _ only, 40 at the most"
            )
        if tenant in RESERVED_TENANTS:
            raise ConfigError(
                f"{path}: tenant `{tenant}`: this name is taken by the product itself"
            )
        given = settings or {}
        if not isinstance(given, dict) or not given.keys() <= {"hosts", "secrets"}:
            given = {"hosts": None}
        hosts, kept = given.get("hosts", []), given.get("secrets", {})
        if not isinstance(hosts, list) or not isinstance(kept, dict):
            raise ConfigError(
                f"{path}: tenant `{tenant}`: only `hosts: [name, …]` and `secrets: {{name: …}}`"
                " may be given"
            )
        where = f"tenants.{tenant}.secrets"
        resolved = {
            str(name): _resolve(f"{where}.{name}", str(value), env, path)
            for name, value in kept.items()
        }
        entries[str(tenant)] = TenantEntry(
            str(tenant), tuple(str(host) for host in hosts), resolved
        )
    return entries
