"""Commands that prove the books: audit, aggregate."""

from __future__ import annotations

import click

from app.cli.session import Session, plain_errors
from app.records.anchors import anchor as anchor_entries
from app.records.proof import anchors_file, verify_aggregates, verify_journal

pass_session = click.make_pass_decorator(Session)


@click.group()
def audit() -> None:
    """The journal's proof: anchor it, verify it."""


@audit.command("anchor")
@click.argument("tenant")
@pass_session
def anchor(session: Session, tenant: str) -> None:
    """Anchor all entries that are not anchored yet (the worker does so every minute)."""
    opened = session.tenant(tenant)
    outside = anchors_file(session.config.data_dir, tenant)
    with plain_errors(session):
        count = anchor_entries(opened.db, opened.now_us(), outside)
    session.out.print(f"{count} entries anchored")


@audit.command("verify")
@click.argument("tenant")
@pass_session
def verify(session: Session, tenant: str) -> None:
    """Verify every chain, every anchor and the roots kept outside; exit code 1 on a finding."""
    opened = session.tenant(tenant)
    outside = anchors_file(session.config.data_dir, tenant)
    with plain_errors(session):
        verified = verify_journal(opened, outside)
    for finding in verified.findings:
        click.echo(f"{finding.code} {finding.form} {finding.record}: {finding.text}")
    session.out.print(
        f"{verified.entries} entries of {verified.records} records,"
        f" {verified.anchors} anchors: {len(verified.findings)} finding(s)"
    )
    if verified.findings:
        raise SystemExit(1)


@click.group()
def aggregate() -> None:
    """Totals kept beside the records."""


@aggregate.command("verify")
@click.argument("tenant")
@pass_session
def verify_totals(session: Session, tenant: str) -> None:
    """Recompute every aggregate from the rows and compare; exit code 1 where one differs."""
    opened = session.tenant(tenant)
    with plain_errors(session):
        differences = verify_aggregates(opened)
    for difference in differences:
        click.echo(str(difference))
    session.out.print(f"{len(differences)} difference(s)")
    if differences:
        raise SystemExit(1)
