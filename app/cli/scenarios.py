"""The command that plays scenarios: test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from app.catalog.sources import PACKS, TENANTS, packs, read_packs, read_tenant, tenants
from app.cli.session import Session, plain_errors
from app.scenarios import Outcome, Report, run_pack, run_tenant
from app.scenarios.result import Share

pass_session = click.make_pass_decorator(Session)


@click.command("test")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--scenario", "only", multiple=True, metavar="ID", help="Only these (repeatable).")
@click.option("--coverage/--no-coverage", default=True, help="Show steps and rules not seen.")
@pass_session
def test(session: Session, path: Path | None, only: tuple[str, ...], coverage: bool) -> None:
    """Play the scenarios of the definitions below PATH: all of them, one pack, or one tenant.

    Each is played on a tenant of its own in memory, with a clock that moves as the story says;
    nothing leaves. Exit code 1 where one does not come out as told.
    """
    root, chosen = _place(path or session.config.definitions)
    with plain_errors(session):
        reports = [report for report in _reports(session, root, chosen, only) if report.outcomes]
    if not reports:
        what = f"scenario {', '.join(only)}" if only else "scenarios"
        raise click.ClickException(f"{path or root}: no {what} there")
    for report in reports:
        show(session, report, coverage)
    failed = sum(len(report.failed) for report in reports)
    if failed:
        raise click.ClickException(f"{failed} scenario(s) do not come out as told · 未按预期")


def _place(path: Path) -> tuple[Path, tuple[str, str] | None]:
    """The `definitions` folder, and (packs or tenants, name) where one of them is meant."""
    absolute = path.resolve()
    for folder in (absolute, *absolute.parents):
        if (folder / PACKS).is_dir() or (folder / TENANTS).is_dir():
            parts = absolute.relative_to(folder).parts
            return folder, (parts[0], parts[1]) if len(parts) > 1 else None
    raise click.ClickException(f"{path}: no definitions there")


def _reports(
    session: Session, root: Path, chosen: tuple[str, str] | None, only: Iterable[str]
) -> Iterable[Report]:
    def watch(outcome: Outcome) -> None:
        session.out.print("·" if outcome.passed else "[red]F[/red]", end="")

    for kind, names in ((PACKS, packs(root)), (TENANTS, tenants(root))):
        for name in names:
            if chosen not in (None, (kind, name)):
                continue
            if kind == PACKS:
                sources, problems = read_packs(root, [name])
            else:
                sources, problems = read_tenant(root, name)
            if problems:
                session.show_problems(problems)
                raise click.ClickException(f"{len(problems)} problem(s); nothing was played")
            run = run_pack if kind == PACKS else run_tenant
            yield run(sources, name, only, watch)
            session.out.print()


def show(session: Session, report: Report, coverage: bool) -> None:
    """Print what became of the scenarios of one pack or tenant."""
    table = Table("", "scenario · 场景", "what it tells · 说明", "ms", title=report.name)
    for one in report.outcomes:
        mark = "✓" if one.passed else "[red]✗[/red]"
        label = escape(one.label.en or one.label.zh)
        table.add_row(mark, one.id, label, f"{one.seconds * 1000:.0f}")
    session.out.print(table)
    for failure in (failure for one in report.failed for failure in one.failures):
        click.echo(failure.told(session.lang))
    passed = len(report.outcomes) - len(report.failed)
    session.out.print(
        f"{report.name}: {passed} of {len(report.outcomes)} come out as told · 符合预期"
        f" (prepared in {report.prepared:.1f} s)"
    )
    if coverage:
        _covered(session, "steps · 步骤", report.steps)
        _covered(session, "rules · 规则", report.rules)


def _covered(session: Session, what: str, shares: Mapping[str, Share]) -> None:
    seen = sum(one.seen for one in shares.values())
    total = sum(one.total for one in shares.values())
    session.out.print(f"{what}: {seen} of {total} seen")
    for name, one in shares.items():
        if one.missed:
            missed = ", ".join(one.missed)
            session.out.print(f"  {name} {one.seen}/{one.total}, not seen: {missed}")
