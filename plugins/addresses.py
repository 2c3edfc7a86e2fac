"""Which addresses a connector may reach: public ones, and those the operator allows.

Python 3.11's `is_global` calls multicast, 6to4 and NAT64 addresses global although they lead, or
can lead, inside. Here an address that carries another is judged by the one it carries.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from app.hooks import TryAgain

Address = IPv4Address | IPv6Address

_PUBLIC6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_CLOSED4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
)
_CLOSED6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "3fff::/20", "fc00::/7", "fe80::/10", "ff00::/8")
)


class Blocked(TryAgain):
    """The address is not one a connector may reach; the text says which and what to do. Nothing
    was sent there."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator allows besides public addresses: hosts "name:port", networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allowed:
        """Read entries such as "127.0.0.1:8711", "erp.internal:443", "10.1.0.0/16"."""
        hosts, networks = set(), []
        for entry in entries:
            if "/" in entry:
                networks.append(ipaddress.ip_network(entry, strict=False))
            else:
                hosts.add(entry.lower())
        return cls(frozenset(hosts), tuple(networks))

    def host(self, name: str, port: int) -> bool:
        """Whether this very host and port are allowed, wherever the name leads."""
        return f"{name.lower()}:{port}" in self.hosts

    def address(self, address: Address) -> bool:
        """Whether the address lies in an allowed network."""
        return any(
            address.version == network.version and address in network for network in self.networks
        )


def is_public(address: Address) -> bool:
    """Whether an address leads out into the internet, and to one machine only."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED4)
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    if address not in _PUBLIC6 or address in _TEREDO:
        return False
    return not any(address in network for network in _CLOSED6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 one: mapped, NAT64, 6to4, ISATAP."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    number = int(address)
    if address in _NAT64:
        return IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((number >> 80) & 0xFFFFFFFF)
    if (number >> 32) & 0xFCFFFFFF == 0x00005EFE:
        return IPv4Address(number & 0xFFFFFFFF)
    return None


def checked(host: str, port: int, allowed: Allowed) -> list[str]:
    """The addresses of a host, every one of them judged.

    Raises Blocked where one is neither public nor allowed (a name that leads to both is a trap),
    and OSError where the name leads nowhere.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allowed.host(host, port):
        for text in texts:
            address = ipaddress.ip_address(text.partition("%")[0])
            if not (is_public(address) or allowed.address(address)):
                raise Blocked(
                    f"{host} leads to {text}, which is not a public address;"
                    f" the operator can allow {host}:{port} in the setting outgoing.allow"
                )
    return texts
