"""Which tenant a request is for: by host name, or by the path prefix `/t/<tenant>/`.

The prefix moves into SCRIPT_NAME before Flask looks at the path, so that no route carries a tenant
and `url_for` writes the right address by itself. Views find the tenant on `g`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Config

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TENANT_KEY = "returnflow.tenant"
_PREFIX = re.compile(r"/t/([^/]+)(/.*)?", re.DOTALL)


class TenantRouting:
    """WSGI: names the request's tenant in the environment and takes its prefix off the path.

    A host that belongs to a tenant serves that tenant only; `/t/…` means nothing there.
    """

    def __init__(self, app: WSGIApplication, hosts: Mapping[str, str]) -> None:
        self.app = app
        self.hosts = hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop(TENANT_KEY, None)
        tenant = self.hosts.get(_host(environ)) if self.hosts else None
        if tenant is None:
            found = _PREFIX.fullmatch(environ.get("PATH_INFO", ""))
            if found:
                tenant = found[1]
                environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/t/{tenant}"
                environ["PATH_INFO"] = found[2] or "/"
        if tenant is not None:
            environ[TENANT_KEY] = tenant
        return self.app(environ, start_response)


class BelievedProxies:
    """WSGI: reads X-Forwarded-* only where the request comes from a proxy of ours."""

    def __init__(self, app: WSGIApplication, proxies: Iterable[str]) -> None:
        self.app = app
        self.proxies = frozenset(proxies)
        self.behind = ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("REMOTE_ADDR") in self.proxies:
            return self.behind(environ, start_response)
        return self.app(environ, start_response)


def hosts_of(config: Config) -> dict[str, str]:
    """Host name (lower case) → tenant id."""
    return {host.lower(): entry.id for entry in config.tenants.values() for host in entry.hosts}


def _host(environ: WSGIEnvironment) -> str:
    host = str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""))
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
