"""Commands that serve: run (both processes), web, worker."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import click

from app.cli.files import fill_demo
from app.cli.session import Session, plain_errors
from app.cli.supervise import supervise
from app.folders import private_folder

pass_session = click.make_pass_decorator(Session)


@click.command()
@click.option("--demo", is_flag=True, help="Fill the first tenant with made-up data, once.")
@pass_session
def run(session: Session, demo: bool) -> None:
    """Start the web server and the worker; Ctrl-C stops both."""
    config = session.config
    first = next(iter(config.tenants), None)
    if first is None:
        raise click.ClickException(f"{session.config_path} lists no tenant")
    _free_port(config.text("web.host"), config.number("web.port"))
    _writable(config.data_dir)
    signins: list[tuple[str, str, str]] = []
    if demo:
        with plain_errors(session):
            signins = fill_demo(session, first)
    host, port = config.text("web.host"), config.number("web.port")
    address = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104
    session.out.print(f"\nReturnflow: {address}/t/{first}/")
    for login, password, name in signins:
        session.out.print(f"  sign in as {login:<10} password {password}   {name}")
    if demo:
        _show_portals(session, first, f"{address}/t/{first}")
    session.out.print("Ctrl-C stops the web server and the worker.\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "app.cli"]
    commands = {"web": [*command, "web"], "worker": [*command, "worker"]}
    environment = {"RETURNFLOW_CONFIG": str(session.config_path.resolve())}
    if demo or config.flag("sandbox.run"):
        _add_sandboxes(session, commands, environment)
    raise SystemExit(supervise(commands, environment))


def _show_portals(session: Session, tenant_id: str, address: str) -> None:
    """Where customers of the demo come in, with what, and where their code is to be found."""
    from app.jobs.portal import sample

    tenant = session.tenants.get(tenant_id)
    for portal in tenant.active().catalog.portals.values():
        given = sample(tenant, portal)
        if given:
            session.out.print(
                f"  as a customer {address}/portal/{portal.id}/   {' · '.join(given)}"
            )
            if not session.config.text("mail.host"):
                session.out.print(f"    letters are in {session.config.data_dir / 'mail'}")


@click.command()
@pass_session
def web(session: Session) -> None:
    """Serve the web application in the foreground."""
    from granian.constants import Interfaces  # the server is loaded by this command only
    from granian.log import LogLevels
    from granian.server import Server

    config = session.config
    workers = config.number("web.workers")
    if config.text("database.url") == "sqlite" and workers > 1:
        raise click.ClickException("web.workers: SQLite allows one; use PostgreSQL for more")
    # The server itself would share the port with another one, and each would get some requests.
    _free_port(config.text("web.host"), config.number("web.port"))
    os.environ["RETURNFLOW_CONFIG"] = str(session.config_path.resolve())
    Server(
        "app.web.wsgi:app",
        address=config.text("web.host"),
        port=config.number("web.port"),
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=config.number("web.threads"),
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,  # we print the address; threads wait on databases, not on cores
        workers_kill_timeout=10,
    ).serve()


@click.command()
@pass_session
def worker(session: Session) -> None:
    """Run the worker in the foreground: deliveries, timers, sweeps, anchors."""
    from app.jobs.worker import run_worker  # huey is loaded by this command only

    run_worker(session.config)


SANDBOXES = {"payment": 8711, "carrier": 8712}
"""Services of the demo and the port each takes if it is free."""


def _add_sandboxes(
    session: Session, commands: dict[str, list[str]], environment: dict[str, str]
) -> None:
    """Have the sandboxes run too, and web and worker know where: those not configured elsewhere."""
    config = session.config
    environment["SANDBOX_SECRET"] = config.sandbox_key()
    for name, usual in SANDBOXES.items():
        if config.text(f"sandbox.{name}"):
            continue
        port = _open_port(usual)
        ledger = config.data_dir / "sandbox" / f"{name}.jsonl"
        commands[name] = [
            *(sys.executable, "-m", f"plugins.{name}_sandbox"),
            *("--port", str(port), "--ledger", str(ledger)),
        ]
        environment[f"RETURNFLOW_SANDBOX_{name.upper()}"] = f"http://127.0.0.1:{port}"


def _open_port(wanted: int) -> int:
    """The wanted port of this machine, or another where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise click.ClickException("no port is free for a sandbox")


@click.command()
@click.argument("name", type=click.Choice(sorted(SANDBOXES)))
@click.option("--port", type=int, help="Port to listen on; the usual one if left out.")
@pass_session
def sandbox(session: Session, name: str, port: int | None) -> None:
    """Run the payment or carrier sandbox in the foreground."""
    config = session.config
    ledger = config.data_dir / "sandbox" / f"{name}.jsonl"
    os.environ["SANDBOX_SECRET"] = config.sandbox_key()
    command = [
        *(sys.executable, "-m", f"plugins.{name}_sandbox"),
        *("--port", str(port or SANDBOXES[name]), "--ledger", str(ledger)),
    ]
    os.execv(sys.executable, command)  # noqa: S606 - our own command


def _writable(folder: Path) -> None:
    """Say plainly that no data can be kept there, before anything is started."""
    try:
        with tempfile.TemporaryFile(dir=private_folder(folder)):
            pass
    except OSError as error:
        raise click.ClickException(
            f"data_dir {folder} cannot be written ({error.strerror}):"
            " let this system user write there, or set data_dir in the configuration"
        ) from None


def _free_port(host: str, port: int) -> None:
    """Say plainly that somebody else listens there, before anything is started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"{host}:{port} cannot be used ({error.strerror}); another: PORT=9000 make run"
            ) from None
