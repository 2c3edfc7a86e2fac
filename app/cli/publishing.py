"""Putting definitions into force from the command line, with what one sees meanwhile."""

from __future__ import annotations

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.access.actor import Actor
from app.catalog.sources import Sources
from app.cli.session import Session
from app.records.tenant import Tenant
from app.scenarios import Outcome, ScenariosFail
from app.scenarios import publish as publish_release


def put_into_force(
    session: Session, tenant: Tenant, actor: Actor, sources: Sources, note: str, despite: str = ""
) -> int:
    """Publish; scenarios are counted while they run. The release's number.

    Raises click.ClickException with every failure where scenarios fail and no reason is given, and
    what publishing raises.
    """
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=session.out,
        transient=True,
    ) as bar:
        task = bar.add_task("scenarios")

        def watch(outcome: Outcome) -> None:
            bar.advance(task)
            done = int(bar.tasks[0].completed)
            bar.update(task, description=f"scenarios: {done} played, {outcome.id}")

        try:
            return publish_release(tenant, actor, sources, note, despite=despite, watch=watch)
        except ScenariosFail as failing:
            raise _kept_out(failing, tenant.id) from None


def _kept_out(failing: ScenariosFail, tenant: str) -> click.ClickException:
    """Every failure, and what can be done."""
    failed = [one for report in failing.reports for one in report.failed]
    for one in (failure for outcome in failed for failure in outcome.failures):
        click.echo(str(one))
    return click.ClickException(
        f"{len(failed)} scenario(s) fail; nothing was published."
        f' Mend them, or say why it goes ahead: publish {tenant} --despite "…"'
    )
