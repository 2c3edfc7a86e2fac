"""What the commands share: the configuration, the tenants, and plain words for what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click
from rich.console import Console

from app.access.actor import SYSTEM, Actor
from app.access.actors import actor_for_login
from app.access.errors import AccessError
from app.catalog.problems import Located
from app.catalog.sources import Sources, read_tenant
from app.config import Config, ConfigError, load_config
from app.hooks import PluginError, load_plugins
from app.importers.errors import ImportStopped
from app.logs import init_logs
from app.records.errors import Refused
from app.records.releases import Unpublishable
from app.records.tenant import Tenant, Tenants
from app.storage.errors import StorageError, UnknownTenant


class Commands(click.Group):
    """Commands that end with a plain message where a database or a file cannot be used."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Raises click.ClickException."""
        try:
            return super().invoke(ctx)
        except StorageError as error:
            raise click.ClickException(f"the database: {error}") from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def caller_language(environ: Mapping[str, str] = os.environ) -> str:
    """The language of whoever calls, as the environment says: zh or en."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    said = next((environ[name] for name in names if environ.get(name)), "")
    return "zh" if said.lower().startswith("zh") else "en"


class Session:
    """One run of the command. Opens things when they are asked for; closes them at the end."""

    def __init__(self, config_path: Path) -> None:
        self.config_path = config_path
        self.out = Console(soft_wrap=True, highlight=False)
        self.lang = caller_language()
        self._config: Config | None = None
        self._tenants: Tenants | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._tenants is not None:
            self._tenants.close()

    @property
    def config(self) -> Config:
        """The configuration; a bad one ends the command with a plain message."""
        if self._config is None:
            try:
                self._config = load_config(self.config_path)
            except ConfigError as error:
                raise click.ClickException(str(error)) from None
            init_logs(self._config)
            try:
                load_plugins(
                    self._config.names("plugins")
                )  # what they can serve, definitions may name
            except PluginError as error:
                raise click.ClickException(str(error)) from None
        return self._config

    @property
    def tenants(self) -> Tenants:
        """The installation's tenants."""
        if self._tenants is None:
            self._tenants = Tenants.of(self.config)
        return self._tenants

    def tenant(self, name: str) -> Tenant:
        """A tenant by id; an unknown one ends the command, saying which there are."""
        if name not in self.config.tenants:
            known = ", ".join(self.config.tenants) or "none"
            raise click.ClickException(
                f"no tenant {name!r} in {self.config_path}; there are: {known}"
            )
        try:
            return self.tenants.get(name)
        except UnknownTenant:
            raise click.ClickException(
                f"tenant {name!r} has no database yet; `publish {name}` makes it"
            ) from None

    def opened(self, name: str) -> Tenant:
        """A tenant by id, its database made where it is not there yet."""
        self.tenants.installation.create(name)
        return self.tenant(name)

    def sources(self, name: str) -> Sources:
        """The definitions of a tenant; problems of reading them end the command."""
        if name not in self.config.tenants:
            self.tenant(name)
        sources, problems = read_tenant(self.config.definitions, name)
        if problems:
            self.show_problems(problems)
            raise click.ClickException(f"{len(problems)} problem(s); nothing was done")
        return sources

    def actor(self, tenant: Tenant, login: str | None, via: str) -> Actor:
        """Who acts: a user by login, or the system itself."""
        return actor_for_login(tenant.db, login, via=via) if login else SYSTEM

    def show_problems(self, problems: list[Located]) -> None:
        """Print definition problems, one a line."""
        for problem in problems:
            click.echo(str(problem))


@contextmanager
def plain_errors(session: Session) -> Iterator[None]:
    """Turn what the product raises into a message and exit code 1; never a stack trace."""
    try:
        yield
    except Refused as refused:
        details = "".join(
            f"\n  {'.'.join(map(str, d.path))}: {d.message.pick(session.lang)}"
            for d in refused.details
        )
        raise click.ClickException(f"{refused.message.pick(session.lang)}{details}") from None
    except AccessError as error:
        raise click.ClickException(error.message.pick(session.lang)) from None
    except ImportStopped as stopped:
        raise click.ClickException(str(stopped)) from None
    except Unpublishable as unpublishable:
        session.show_problems(unpublishable.problems)
        count = sum(problem.stands_in_the_way for problem in unpublishable.problems)
        raise click.ClickException(f"{count} problem(s); nothing was published") from None
    except StorageError as error:
        raise click.ClickException(f"the database: {error}") from None
