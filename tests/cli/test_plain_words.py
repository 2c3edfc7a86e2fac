"""What cannot be used is told in a line, with exit code 1; never a stack trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main

ROOT = Path(__file__).resolve().parents[2]
NOBODY_LISTENS = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"


@pytest.mark.parametrize(
    ("settings", "command", "says"),
    [
        (f"database: {{url: '{NOBODY_LISTENS}'}}", "releases demo", "the database: connection"),
        (f"database: {{url: '{NOBODY_LISTENS}'}}", "publish demo", "the database: connection"),
        ("data_dir: taken/var", "publish demo", "taken"),
        ("data_dir: taken/var\nweb: {port: 0}", "run", "cannot be written"),
        ("database: {url: mysql://x}", "releases demo", "allowed: sqlite, or postgresql://"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(
    settings: str, command: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    path = tmp_path / "config.yaml"
    path.write_text(f"{settings}\ndefinitions: {ROOT / 'definitions'}\ntenants: {{demo: {{}}}}\n")
    done = CliRunner().invoke(main, ["--config", str(path), *command.split()])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.output.startswith("Error: ") and says in done.output, done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("command", ["run", "web"])
def test_a_port_is_not_shared_with_another_server(command: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as web servers do
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        path.write_text(f"web: {{port: {port}}}\ndata_dir: {tmp_path}\ntenants: {{demo: {{}}}}\n")
        done = CliRunner().invoke(main, ["--config", str(path), command])
    assert done.exit_code == 1
    assert str(port) in done.output and "PORT=" in done.output, done.output
