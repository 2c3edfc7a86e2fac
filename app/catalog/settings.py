"""Overlays written as plain values: what a scenario is told under, laid over a tenant's sources."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml

from app.catalog.loader import load_text
from app.catalog.schemas import FOLDERS, SINGLE
from app.catalog.sources import PACKS, TENANTS, Sources

Raw = Mapping[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes what the loader reads: exact numbers, texts quoted where they look like others."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", format(value, "f"))


_Dumper.add_representer(Decimal, _decimal)


def write(data: Raw) -> str:
    """A definition as the text of its file."""
    text: str = yaml.dump(
        dict(data), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000
    )
    return text


def alone(sources: Sources, tenant: str, zone: str, currency: str) -> Sources:
    """Packs as a company without anything of its own has them."""
    packs = sorted({path.split("/")[1] for path in sources.files if path.startswith(f"{PACKS}/")})
    heading = {
        "tenant": tenant,
        "label": tenant,
        "packs": packs,
        "zone": zone,
        "currency": currency,
    }
    name = f"{TENANTS}/{tenant}/tenant.yaml"
    return Sources({**sources.files, name: write(heading)}, tenant)


def overlaid(sources: Sources, settings: Mapping[str, Raw]) -> Sources:
    """The sources of a tenant with some of its definitions changed: kind → id → what differs."""
    files = dict(sources.files)
    for kind, entries in settings.items():
        for name, patch in entries.items():
            path = _path(sources.tenant, kind, name)
            own = load_text(path, files[path]).data if path in files else None
            base = dict(own) if isinstance(own, dict) else {kind: name}
            if own is None:
                pack = _pack_of(files, kind, name)
                if pack:
                    base["extends"] = pack
            files[path] = write(_merged(base, patch))
    return Sources(files, sources.tenant)


def _path(tenant: str, kind: str, name: str) -> str:
    folder = FOLDERS.get(kind)
    return (
        f"{TENANTS}/{tenant}/{name}.yaml"
        if kind in SINGLE
        else (f"{TENANTS}/{tenant}/{folder}/{name}.yaml")
    )


def _pack_of(files: Mapping[str, str], kind: str, name: str) -> str:
    end = f"/{FOLDERS.get(kind)}/{name}.yaml"
    for path in files:
        if path.startswith(f"{PACKS}/") and path.endswith(end):
            return path.split("/")[1]
    return ""


def _merged(base: Raw, over: Raw) -> dict[str, Any]:
    """Maps merge, everything else replaces; None stays, for it takes out what lies below."""
    found = dict(base)
    for key, value in over.items():
        mine = found.get(key)
        both = isinstance(mine, Mapping) and isinstance(value, Mapping)
        found[key] = _merged(mine, value) if both else value  # type: ignore[arg-type]
    return found
