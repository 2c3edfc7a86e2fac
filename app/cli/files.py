"""Commands that bring data in: import, demo."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.access.actor import SYSTEM
from app.access.departments import create_department
from app.access.users import create_user, find_user
from app.catalog.loader import load_text
from app.cli.publishing import put_into_force
from app.cli.session import Session, plain_errors
from app.folders import private_folder
from app.importers.generate import DemoError, Maker, wanted
from app.importers.run import Job, run_import
from app.importers.state import Progress as Counts
from app.process import step_aside
from app.records.errors import Refused
from app.records.tenant import Tenant
from app.scenarios.follow import Past
from app.scenarios.quiet import quiet
from forms.problems import suggest

pass_session = click.make_pass_decorator(Session)
_HARMLESS = ("limit_reached", "not_unique")
"""Refusals made-up people run into as real ones do."""


@click.command("import")
@click.argument("tenant")
@click.argument("definition")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Folder of the files, which bear the names of the definition (.gz too).",
)
@click.option("--file", "files", multiple=True, metavar="NAME=PATH", help="Where one file lies.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Where refused rows go.")
@click.option("--dry-run", is_flag=True, help="Read, look up and validate; write nothing.")
@click.option("--as", "login", help="The user who imports (default: the system).")
@pass_session
def import_(
    session: Session,
    tenant: str,
    definition: str,
    folder: Path,
    files: tuple[str, ...],
    rejects: Path | None,
    dry_run: bool,
    login: str | None,
) -> None:
    """Import files into TENANT by the import DEFINITION.

    Run again after an interruption it goes on where it was; records that are there already are
    left alone (mode insert) or changed (update, upsert).
    """
    opened = session.tenant(tenant)
    known = opened.active().catalog.imports
    if definition not in known:
        near = suggest(definition, known)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise click.ClickException(
            f"no import {definition!r}{hint}; there are: {', '.join(known) or 'none'}"
        )
    job = Job(
        opened,
        session.actor(opened, login, "import"),
        known[definition],
        dict(_named(pair) for pair in files),
        folder,
        rejects or Path(known[definition].rejects),
        dry_run,
    )
    step_aside()
    begin = time.monotonic()
    seen: list[Counts] = []
    with plain_errors(session), _bar(session) as bar:
        task = bar.add_task(definition, total=1.0, counts="")

        def watch(counts: Counts, share: float) -> None:
            seen[:] = [counts]
            told = f"{counts.accepted} taken, {counts.rejected} refused, {counts.skipped} skipped"
            bar.update(task, completed=share, counts=told)

        try:
            seen[:] = [run_import(job, watch)]
            bar.update(task, completed=1.0)
        finally:
            for counts in seen:
                _tell(session, job, counts, time.monotonic() - begin)


def _tell(session: Session, job: Job, counts: Counts, seconds: float) -> None:
    """What has become of the rows, also where a file could not be read to its end."""
    verb = "would be taken" if job.dry_run else "taken"
    session.out.print(
        f"{job.definition.id}: {counts.accepted} {verb} ({counts.lines} lines),"
        f" {counts.rejected} refused, {counts.skipped} there already, in {seconds:.1f} s"
    )
    if counts.rejected:
        reasons = ", ".join(f"{code} {n}" for code, n in sorted(counts.codes.items()))
        session.out.print(f"refused rows: {job.rejects} ({reasons})")
    if job.dry_run:
        session.out.print("Limits over many records are judged only when records are saved.")


def _named(pair: str) -> tuple[str, Path]:
    name, equals, path = pair.partition("=")
    if not equals:
        raise click.BadParameter("write --file NAME=PATH", param_hint="--file")
    return name, Path(path)


def _bar(session: Session) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=session.out,
        transient=True,
    )


@click.command()
@click.argument("tenant")
@pass_session
def demo(session: Session, tenant: str) -> None:
    """Publish TENANT's definitions and fill it with made-up, repeatable data, once.

    Scenarios that fail keep them out, as with `publish`. The description is
    definitions/tenants/TENANT/demo.yaml.
    """
    with plain_errors(session):
        fill_demo(session, tenant)


def fill_demo(session: Session, name: str) -> list[tuple[str, str, str]]:
    """Make a tenant's demo unless it is there; its sign-ins as (login, password, name)."""
    tenant = session.opened(name)
    if tenant.refresh().no == 0:
        put_into_force(session, tenant, SYSTEM, session.sources(name), "demo")
    definition = _demo_definition(session, name)
    password = _password(session, name)
    users = _map(definition.get("users"))
    if all(find_user(tenant.db, login) is None for login in users):
        _people(tenant, definition, password)
        _records(session, tenant, definition)
    return [(login, password, str(_map(user).get("name", ""))) for login, user in users.items()]


def _demo_definition(session: Session, name: str) -> Mapping[str, Any]:
    path = session.config.definitions / "tenants" / name / "demo.yaml"
    if not path.exists():
        raise click.ClickException(f"{path}: no such file; it describes the demo data")
    document = load_text(path.name, path.read_text(encoding="utf-8"))
    if document.problems:
        session.show_problems(list(document.problems))
        raise click.ClickException("the demo description has problems")
    return _map(document.data)


def _password(session: Session, name: str) -> str:
    """The demo's password: made at the first start, kept where only the owner reads it."""
    path = session.config.data_dir / f"demo_{name}.password"
    if not path.exists():
        private_folder(path.parent)
        path.touch(0o600)
        path.write_text(f"try-{secrets.token_hex(4)}", encoding="ascii")
    return path.read_text(encoding="ascii")


def _people(tenant: Tenant, definition: Mapping[str, Any], password: str) -> None:
    departments = {
        code: create_department(tenant.db, code, _one_name(_map(spec).get("name"), code))
        for code, spec in _map(definition.get("departments")).items()
    }
    for login, spec in _map(definition.get("users")).items():
        create_user(
            tenant.db,
            login,
            str(spec.get("name", login)),
            password,
            roles=[str(role) for role in spec.get("roles", [])],
            department_id=departments.get(spec.get("department", "")),
            lang=str(spec.get("lang", "zh")),
        )


def _records(session: Session, tenant: Tenant, definition: Mapping[str, Any]) -> None:
    maker = Maker(random.Random(int(definition.get("seed", 1))), tenant.now())  # noqa: S311
    total = sum(int(_map(s).get("count", 1)) for s in _map(definition.get("records")).values())
    refused = 0
    letters = session.config.data_dir / "mail"
    with _bar(session) as bar, quiet(), Past(tenant, maker, letters) as past:
        task = bar.add_task("demo data", total=total, counts="")
        try:
            for want in wanted(definition, maker):
                bar.advance(task)
                try:
                    row = past.make(want)
                except Refused as no:
                    if no.code not in _HARMLESS:
                        raise
                    refused += 1  # made-up people ask for too much, too
                    continue
                maker.made.setdefault(want.form, []).append(row)
            past.arrive()
        except DemoError as error:
            raise click.ClickException(f"demo.yaml: {error}") from None
    made = sum(map(len, maker.made.values()))
    session.out.print(f"demo data: {made} records made, {refused} refused by limits")


def _one_name(name: Any, fallback: str) -> str:
    if isinstance(name, Mapping):
        return " ".join(str(part) for part in name.values())
    return str(name or fallback)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
