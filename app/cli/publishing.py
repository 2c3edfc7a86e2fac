"""Putting definitions into force from the command line, with what one sees meanwhile."""

from __future__ import annotations

import click
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.access.actor import SYSTEM, Actor
from app.catalog.model import Catalog
from app.catalog.sources import Sources
from app.cli.session import Session
from app.records.losses import example_words, harmful, losses, words
from app.records.tenant import Tenant
from app.scenarios import Outcome, ScenariosFail
from app.scenarios import publish as publish_release
from app.storage.losses import Loss


def put_into_force(
    session: Session, tenant: Tenant, actor: Actor, sources: Sources, note: str, despite: str = ""
) -> int:
    """Publish; scenarios are counted while they run. The release's number.

    Raises click.ClickException with every failure where scenarios fail and no reason is given, and
    what publishing raises.
    """
    with _bar(session) as bar:
        task = bar.add_task("scenarios")

        def watch(outcome: Outcome) -> None:
            bar.advance(task)
            done = int(bar.tasks[0].completed)
            bar.update(task, description=f"scenarios: {done} played, {outcome.id}")

        try:
            return publish_release(tenant, actor, sources, note, despite=despite, watch=watch)
        except ScenariosFail as failing:
            raise _kept_out(failing, tenant.id, session.lang) from None


def counted_losses(session: Session, tenant: Tenant, new: Catalog) -> list[Loss]:
    """What fields whose type changes would lose; rows are counted while they are looked at."""
    with _bar(session) as bar:
        task = bar.add_task("values")

        def watch(rows: int) -> None:
            bar.advance(task, rows)
            done = int(bar.tasks[0].completed)
            bar.update(task, description=f"values whose type changes: {done:,} looked at")

        return losses(tenant, SYSTEM, new, watch=watch)


def show_losses(session: Session, found: list[Loss]) -> None:
    """Print what fields would lose, with examples."""
    session.out.print("[b]Values whose type changes[/b]")
    for loss in found:
        said = escape(words(loss).pick(session.lang))
        session.out.print(f"{'✗' if harmful([loss]) else ' '} {said}")
        for example in loss.examples:
            session.out.print(f"    {escape(example_words(example))}")
        if loss.lost > len(loss.examples):
            session.out.print(f"    … and {loss.lost - len(loss.examples):,} more")


def demand_consent(session: Session, tenant: Tenant, new: Catalog, verb: str, yes: bool) -> None:
    """Ask before values are lost; `yes` is the answer given beforehand.

    Raises click.ClickException where the answer is no, or nobody is there to answer.
    """
    found = counted_losses(session, tenant, new)
    if not harmful(found):
        return
    show_losses(session, found)
    if yes:
        return
    try:
        agreed = click.confirm(f"{verb} all the same? (Old records go on showing theirs.)")
    except click.Abort:
        agreed = False
    if not agreed:
        raise click.ClickException("nothing was changed; --yes goes ahead without asking")


def _bar(session: Session) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=session.out,
        transient=True,
    )


def _kept_out(failing: ScenariosFail, tenant: str, lang: str) -> click.ClickException:
    """Every failure, and what can be done."""
    failed = [one for report in failing.reports for one in report.failed]
    for one in (failure for outcome in failed for failure in outcome.failures):
        click.echo(one.told(lang))
    return click.ClickException(
        f"{len(failed)} scenario(s) fail; nothing was published."
        f' Mend them, or say why it goes ahead: publish {tenant} --despite "…"'
    )
