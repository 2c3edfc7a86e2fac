"""The installation file: defaults, environment on top, clear refusals."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.config import SETTINGS, ConfigError, load_config
from app.storage.blobs import BlobStore
from app.storage.databases import Installation

ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_loads_and_names_the_demo_tenant() -> None:
    config = load_config(ROOT / "config.yaml", {})
    assert list(config.tenants) == ["demo"]
    assert config.text("database.url") == "sqlite"
    assert config.data_dir == ROOT / "var"


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, ""), {})
    assert dict(config.values) == {s.name: s.default for s in SETTINGS}


def test_environment_goes_before_the_file_and_port_is_honoured(tmp_path: Path) -> None:
    path = write(tmp_path, "web: {port: 9000}\n")
    assert load_config(path, {}).number("web.port") == 9000
    assert load_config(path, {"PORT": "9100"}).number("web.port") == 9100
    both = {"PORT": "9100", "RETURNFLOW_WEB_PORT": "9200"}
    assert load_config(path, both).number("web.port") == 9200


def test_secrets_are_references(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    path = write(tmp_path, "secret_key: file:key\ndatabase: {url: env:DB}\n")
    config = load_config(path, {"DB": "postgresql://somewhere/x"})
    assert config.secret_key() == "from the file"
    assert config.text("database.url") == "postgresql://somewhere/x"


def test_each_tenant_has_its_own_secrets(tmp_path: Path) -> None:
    text = "tenants: {acme: {secrets: {bank: env:BANK}}, other: {}}\n"
    config = load_config(write(tmp_path, text), {"BANK": "s3cret"})
    assert config.secrets_of("acme") == {"bank": "s3cret"}
    assert config.secrets_of("other") == config.secrets_of("nobody") == {}
    assert "s3cret" not in repr(config)


def test_a_secret_key_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, ""), {})
    key = config.secret_key()
    assert len(key) >= 48
    assert config.secret_key() == key
    assert (config.data_dir / "secret_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "env", "says"),
    [
        ("web: {port: abc}\n", {}, "a port from 0 to 65535"),
        ("web: {threads: many}\n", {}, "a whole number from 1"),
        ("log: {level: loud}\n", {}, "debug, info, warning or error"),
        ("database: {url: mysql://x}\n", {}, "sqlite, or postgresql://… or postgres://…"),
        ("queue: {url: env:Q}\n", {"Q": "amqp://x"}, "sqlite, or redis://…"),
        ("web: {prot: 1}", {}, "unknown setting `web.prot` (did you mean `web.port`?)"),
        ("web: {port: 70000}", {}, "a port from 0 to 65535"),
        ("web: {https: maybe}", {}, "true or false"),
        ("web: [1", {}, "not YAML"),
        ("- a", {}, "a map of settings"),
        ("secret_key: env:NOPE", {}, "variable NOPE, which is not set"),
        ("secret_key: file:nope", {}, "file nope, which is not there"),
        ("tenants: {Demo: {}}", {}, "tenant `Demo`: lower-case letters"),
        ("tenants: {control: {}}", {}, "taken by the product itself"),
        ("tenants: {demo: {hosts: x}}", {}, "only `hosts: [name, …]`"),
        ("tenants: {demo: {host: x}}", {}, "only `hosts: [name, …]`"),
        ("tenants: {demo: {secrets: {k: env:NO}}}", {}, "`tenants.demo.secrets.k` names"),
        ("", {"RETURNFLOW_WEB_THREADS": "0"}, "a whole number from 1"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, text: str, env: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), env)
    assert says in str(caught.value)


def test_every_setting_is_documented_with_its_default_and_variable() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert f"| `{setting.name}` |" in page, setting.name
        assert "RETURNFLOW_" + setting.name.upper().replace(".", "_") in page


def test_what_is_kept_is_for_this_system_user_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data_dir: deep/var\ntenants: {}\n")
    config = load_config(tmp_path / "config.yaml", {})
    config.secret_key()
    installation = Installation.of(config)
    installation.create("acme").close()
    BlobStore(installation.attachments("acme")).put(io.BytesIO(b"x"), 10)
    folders = [path for path in config.data_dir.rglob("*") if path.is_dir()]
    assert len(folders) > 2
    for folder in (config.data_dir, config.data_dir.parent, *folders):
        assert folder.stat().st_mode & 0o077 == 0, folder
    assert (config.data_dir / "secret_key").stat().st_mode & 0o077 == 0
