"""The `returnflow` command: one file a group of commands."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli import definitions, files, people, proof, scenarios, serve
from app.cli.session import Commands, Session


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="RETURNFLOW_CONFIG",
    default=Path("config.yaml"),
    show_default=True,
    help="The installation's configuration file.",
)
@click.version_option(package_name=None, version="0.1.0", prog_name="returnflow")
@click.pass_context
def main(context: click.Context, config_path: Path) -> None:
    """Returnflow: returns and after-sales work, described in YAML.

    退货与售后的低代码平台。
    """
    context.obj = context.with_resource(Session(config_path))


for command in (
    definitions.check,
    definitions.plan,
    scenarios.test,
    definitions.publish,
    definitions.releases,
    definitions.rollback,
    definitions.export,
    files.import_,
    files.demo,
    people.user,
    people.token,
    people.tenant,
    proof.audit,
    proof.aggregate,
    serve.run,
    serve.web,
    serve.worker,
    serve.sandbox,
):
    main.add_command(command)
