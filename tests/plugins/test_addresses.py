"""Where a connector may go: every kind of address that leads inside is known."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from plugins.addresses import Allowed, Blocked, checked, is_public

INSIDE = (
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1"),
    *("fd12::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:a00:1::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "5f00::1", "3fff::1"),
    *("2001:4860:4860:0:0:5efe:7f00:1", "2001:4860:4860:0:200:5efe:a00:1", "4000::1"),
)
OUTSIDE = (
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"),
    *("2002:808:808::1", "64:ff9b::808:808", "2a00:1450:4001::1"),
)


@pytest.mark.parametrize("text", INSIDE)
def test_an_address_that_leads_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_an_address_that_leads_outside_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433"])
def test_no_way_of_writing_this_machine_passes(host: str) -> None:
    with pytest.raises(Blocked, match=r"outgoing\.allow"):
        checked(host, 80, Allowed())


def test_what_the_operator_allows_passes() -> None:
    assert checked("127.0.0.1", 8711, Allowed.of(["127.0.0.1:8711"])) == ["127.0.0.1"]
    assert checked("127.0.0.1", 1, Allowed.of(["127.0.0.0/8"])) == ["127.0.0.1"]
    with pytest.raises(Blocked):
        checked("127.0.0.1", 8712, Allowed.of(["127.0.0.1:8711", "10.0.0.0/8", "::/0"]))
