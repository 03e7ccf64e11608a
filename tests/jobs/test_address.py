"""From where a request comes, when proxies stand before the service and anybody may write a header."""

import pytest
from django.test import RequestFactory

from jobs.address import TrustedProxies, address_of

SPOOFED = "203.0.113.9, 198.51.100.7"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("0", "192.0.2.1", SPOOFED, "192.0.2.1"),
        ("", "192.0.2.1", SPOOFED, "192.0.2.1"),
        ("1", "10.0.0.1", SPOOFED, "198.51.100.7"),
        ("2", "10.0.0.1", SPOOFED, "203.0.113.9"),
        ("3", "10.0.0.1", SPOOFED, "203.0.113.9"),
        ("1", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", SPOOFED, "198.51.100.7"),
        ("10.0.0.0/8, 198.51.100.7/32", "10.0.0.1", SPOOFED, "203.0.113.9"),
        ("10.0.0.0/8", "192.0.2.1", SPOOFED, "192.0.2.1"),
        ("10.0.0.0/8", "10.0.0.1", "nonsense", "nonsense"),
    ],
)
def test_only_trusted_proxies_are_believed(trusted, peer, forwarded, client):
    assert TrustedProxies.parse(trusted).client(peer, forwarded) == client


@pytest.mark.parametrize("text", ["-1", "10.0.0.1/33", "proxy", "10.0.0.1/8"])
def test_what_is_neither_a_count_nor_networks_is_refused(text):
    with pytest.raises(ValueError, match="networks"):
        TrustedProxies.parse(text)


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[2001:db8:1:2::3]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::3]", "2001:db8:1:2::/64"),
        ("192.0.2.1:", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_address_is_counted_as_one_customers(peer, counted):
    assert address_of(RequestFactory(REMOTE_ADDR=peer).get("/")) == counted
