"""Owns from which address a request comes, and which proxies are believed when they say it."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_IPV6_SITE_BITS = 64  # what one customer has, and may draw addresses from at will


@dataclass(frozen=True)
class TrustedProxies:
    """So many proxies before this service, or the networks that they are in; none, and nothing is believed."""

    count: int = 0
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read `1`, or networks with commas between; raise ValueError on anything else."""
        if isinstance(value, cls):
            return value
        text = str(value).strip()
        if re.fullmatch(r"[0-9]{1,2}", text):
            return cls(count=int(text))
        try:
            return cls(networks=tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()))
        except ValueError as problem:
            raise ValueError(f"{problem}; give how many proxies there are, or their networks") from problem

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of who asked: each proxy adds to `X-Forwarded-For`, at its end, whom it was asked by."""
        chain = [part.strip() for part in forwarded_for.split(",") if part.strip()] + [peer]
        if not self.networks:
            return chain[-min(self.count + 1, len(chain))]
        while len(chain) > 1 and self._is_proxy(chain[-1]):
            chain.pop()
        return chain[-1]

    def _is_proxy(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self.networks)


def address_of(request: HttpRequest) -> str:
    """Return where a request comes from, as it is counted: of an IPv6 address the part that tells customers apart."""
    meta = request.META
    client = settings.VIDEOCRAFT.trusted_proxies.client(
        meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", "")
    )
    parsed = _parsed(client)
    if parsed is None:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return what an address says, which some proxies write with a port; None when it is none."""
    with_port = re.fullmatch(r"([0-9.]+):[0-9]{1,5}|\[(.+)\](?::[0-9]{1,5})?", address)
    if with_port:
        address = with_port[1] or with_port[2]
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
