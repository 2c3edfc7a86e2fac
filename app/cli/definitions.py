"""Commands over definitions: check, plan, publish, releases, rollback, export."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from app.access.users import user_names
from app.catalog.check import check as check_definitions
from app.catalog.problems import Located
from app.catalog.sources import export as export_files
from app.cli.publishing import (
    counted_losses,
    demand_consent,
    put_into_force,
    show_losses,
)
from app.cli.session import Session, plain_errors
from app.records import plan_publish
from app.records import releases as list_releases
from app.records import rollback as roll_back
from app.records.releases import (
    ReleaseInfo,
    load_catalog,
    records_running,
    records_touched,
    release_info,
    release_sources,
)

pass_session = click.make_pass_decorator(Session)
MARKS = {"safe": " ", "attention": "!", "destructive": "✗"}


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@pass_session
def check(session: Session, path: Path | None, as_json: bool) -> None:
    """Print every problem of the definitions below PATH (default: all of them), each with its code.

    Exit code 1 where there is one that is no warning.
    """
    folder = path or session.config.definitions
    try:
        problems = check_definitions(folder)
    except FileNotFoundError:
        raise click.ClickException(f"{folder}: no such file or folder") from None
    if as_json:
        _print_json(problems)
        return
    session.show_problems(problems)
    errors = [problem for problem in problems if problem.stands_in_the_way]
    if errors:
        files = len({problem.file for problem in errors})
        raise click.ClickException(f"{len(errors)} problem(s) in {files} file(s)")
    warned = len(problems)
    told = f"no problems, {warned} warning(s)" if warned else "no problems"
    session.out.print(f"{folder}: {told}")


def _print_json(problems: Sequence[Located]) -> None:
    """Everything as one JSON object; exit code 1 where something stands in the way."""
    errors = sum(problem.stands_in_the_way for problem in problems)
    told = {
        "problems": [problem.as_dict() for problem in problems],
        "errors": errors,
        "warnings": len(problems) - errors,
    }
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if errors:
        click.get_current_context().exit(1)


@click.command()
@click.argument("tenant")
@pass_session
def plan(session: Session, tenant: str) -> None:
    """Say what publishing TENANT's definitions would change; change nothing."""
    sources = session.sources(tenant)
    with plain_errors(session):
        opened = session.opened(tenant)
        new, planned = plan_publish(opened, sources)
        touched = records_touched(opened, planned)
        running = records_running(opened, planned)
        losing = counted_losses(session, opened, new)
    if planned.nothing:
        session.out.print("Nothing would change.")
        return
    session.out.print("[b]Definitions[/b]")
    for change in planned.changes:
        session.out.print(f"{MARKS[change.severity]} {escape(change.words.pick(session.lang))}")
    if planned.tables:
        session.out.print("[b]Tables[/b]")
    for table in planned.tables:
        session.out.print(f"{MARKS[table.severity]} {escape(table.words.pick(session.lang))}")
    if touched:
        session.out.print("[b]Records touched[/b]")
    for form, count in touched.items():
        session.out.print(f"  {form}: {count:,}")
    if running:
        session.out.print("[b]Records on their way[/b] (they go on as they began)")
    for form, count in running.items():
        session.out.print(f"  {form}: {count:,}")
    if losing:
        show_losses(session, losing)
    session.out.print("(! look twice, ✗ something goes away)")


@click.command()
@click.argument("tenant")
@click.option("--note", default="", help="Why; kept with the release.")
@click.option("--as", "login", help="The user who publishes (default: the system).")
@click.option("--despite", default="", help="Why it is published though scenarios fail; kept too.")
@click.option("--yes", is_flag=True, help="Do not ask, also where values would be lost.")
@pass_session
def publish(
    session: Session, tenant: str, note: str, login: str | None, despite: str, yes: bool
) -> None:
    """Make a release of TENANT's definitions and put it into force, while people work.

    Scenarios that fail keep it out, unless --despite says why. Where a change of type would lose
    values it says how many and asks.
    """
    sources = session.sources(tenant)
    with plain_errors(session):
        opened = session.opened(tenant)
        actor = session.actor(opened, login, "web")
        before = opened.refresh().no
        new, _ = plan_publish(opened, sources)
        demand_consent(session, opened, new, "Publish", yes)
        no = put_into_force(session, opened, actor, sources, note, despite)
    digest = opened.active().catalog.hash[:12]
    if no == before:
        session.out.print(f"Release {no} ({digest}) is in force already; nothing changed.")
    else:
        session.out.print(f"Release {no} ({digest}) is in force.")


@click.command()
@click.argument("tenant")
@pass_session
def releases(session: Session, tenant: str) -> None:
    """List TENANT's releases, newest first."""
    opened = session.tenant(tenant)
    found = list_releases(opened)
    names = user_names(opened.db, {r.created_by for r in found if r.created_by})
    table = Table("no", "in force", "hash", "made (UTC)", "by", "note", "scenarios")
    for release in found:
        made = datetime.fromtimestamp(release.created_at / 1e6, UTC)
        by = names.get(release.created_by, "?") if release.created_by else "system"
        force = "●" if release.active else ""
        table.add_row(
            str(release.no),
            force,
            release.hash[:12],
            f"{made:%Y-%m-%d %H:%M}",
            by,
            escape(release.note),
            _verdict(release),
        )
    session.out.print(table)
    for release in found:
        if release.failing:
            session.out.print(f"{release.no}: {escape(_despite(release))}")


def _verdict(release: ReleaseInfo) -> str:
    """What the scenarios said of a release when it was published, in a word or two."""
    if release.failing is None:
        return "none"
    return f"{len(release.failing)} failed" if release.failing else "passed"


def _despite(release: ReleaseInfo) -> str:
    """Which scenarios failed, and the reason that was told."""
    return f"scenarios failed ({', '.join(release.failing or ())}): {release.despite}"


@click.command()
@click.argument("tenant")
@click.argument("no", type=int)
@click.option("--note", default="", help="Why; kept in the journal.")
@click.option("--as", "login", help="The user who does it (default: the system).")
@click.option("--yes", is_flag=True, help="Do not ask, also where values would be lost.")
@pass_session
def rollback(
    session: Session, tenant: str, no: int, note: str, login: str | None, yes: bool
) -> None:
    """Put release NO of TENANT into force again.

    Its scenarios are not run once more; what they said when it was published is told. Where a
    change of type would lose values it says how many and asks.
    """
    opened = session.tenant(tenant)
    with plain_errors(session):
        earlier = load_catalog(opened.db, no) if no else None
        if earlier is not None:
            demand_consent(session, opened, earlier, "Go back", yes)
        roll_back(opened, session.actor(opened, login, "web"), no, note)
    session.out.print(f"Release {no} is in force.")
    info = release_info(opened, no)
    if info is not None and info.failing:
        session.out.print(f"It was published although {escape(_despite(info))}")


@click.command()
@click.argument("tenant")
@click.option("--release", "no", type=int, help="Which release (default: the one in force).")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write to; made if it is missing, refused if it has files.",
)
@pass_session
def export(session: Session, tenant: str, no: int | None, folder: Path) -> None:
    """Write a release's YAML files back, byte for byte."""
    opened = session.tenant(tenant)
    number = no if no is not None else opened.refresh().no
    sources = release_sources(opened.db, number)
    if sources is None:
        raise click.ClickException(f"there is no release {number}; see `releases {tenant}`")
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty; name a new folder")
    files = export_files(sources)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    session.out.print(f"Release {number}: {len(files)} files in {folder}")
