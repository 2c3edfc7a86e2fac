"""Commands over people: user, token, tenant."""

from __future__ import annotations

import click

from app.access.tokens import issue_token
from app.access.users import create_user, find_user, set_password, set_roles
from app.cli.session import Session, plain_errors

pass_session = click.make_pass_decorator(Session)


@click.group()
def user() -> None:
    """Users of a tenant: add, password, roles."""


@user.command("add")
@click.argument("tenant")
@click.argument("login")
@click.option("--name", required=True, help="The name people see.")
@click.option("--role", "roles", multiple=True, help="A role to grant; may be repeated.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.password_option(help="Asked for where it is not given.")
@pass_session
def add(
    session: Session,
    tenant: str,
    login: str,
    name: str,
    roles: tuple[str, ...],
    lang: str,
    password: str,
) -> None:
    """Add a user to TENANT."""
    opened = session.tenant(tenant)
    with plain_errors(session):
        _known_roles(session, tenant, roles)
        create_user(opened.db, login, name, password, roles=roles, lang=lang)
    session.out.print(f"{login} may sign in at /t/{tenant}/")


@user.command("password")
@click.argument("tenant")
@click.argument("login")
@click.password_option(help="Asked for where it is not given.")
@pass_session
def password(session: Session, tenant: str, login: str, password: str) -> None:
    """Set LOGIN's password; ends their sessions."""
    opened = session.tenant(tenant)
    with plain_errors(session):
        set_password(opened.db, _user_id(session, tenant, login), password)
    session.out.print(f"{login}: the password is changed and every session ended")


@user.command("roles")
@click.argument("tenant")
@click.argument("login")
@click.argument("roles", nargs=-1)
@pass_session
def roles_(session: Session, tenant: str, login: str, roles: tuple[str, ...]) -> None:
    """Give LOGIN exactly these ROLES."""
    opened = session.tenant(tenant)
    with plain_errors(session):
        _known_roles(session, tenant, roles)
        set_roles(opened.db, _user_id(session, tenant, login), roles)
    session.out.print(f"{login}: {', '.join(roles) or 'no role'}")


@click.group()
def token() -> None:
    """API tokens of a tenant's users."""


@token.command("issue")
@click.argument("tenant")
@click.argument("login")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", "scopes", multiple=True, required=True, help="Such as *:read.")
@click.option("--days", type=int, default=90, show_default=True, help="Until it expires.")
@pass_session
def issue(
    session: Session, tenant: str, login: str, name: str, scopes: tuple[str, ...], days: int
) -> None:
    """Make an API token that acts as LOGIN; it is shown this once."""
    opened = session.tenant(tenant)
    with plain_errors(session):
        _, value = issue_token(
            opened.db,
            _user_id(session, tenant, login),
            name,
            scopes,
            days=days,
            forms=opened.active().catalog.forms,
        )
    click.echo(value)


@click.group()
def tenant() -> None:
    """Tenants of this installation."""


@tenant.command("create")
@click.argument("name")
@pass_session
def create(session: Session, name: str) -> None:
    """Make the database of tenant NAME, which config.yaml lists."""
    if name not in session.config.tenants:
        session.tenant(name)
    with plain_errors(session):
        session.opened(name)
    session.out.print(f"{name} has a database; `publish {name}` puts its definitions into force")


def _user_id(session: Session, tenant: str, login: str) -> int:
    found = find_user(session.tenant(tenant).db, login)
    if found is None:
        raise click.ClickException(f"no user {login!r} in {tenant}")
    return found.id


def _known_roles(session: Session, tenant: str, roles: tuple[str, ...]) -> None:
    known = session.tenant(tenant).active().catalog.roles
    for role in roles:
        if role not in known:
            raise click.ClickException(
                f"no role {role!r}; there are: {', '.join(known) or 'none (publish first)'}"
            )
