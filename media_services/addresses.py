"""Owns which network addresses the service may connect to: the public internet, and what the operator opened."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
# What Python calls global, or once did, and still leads inside: tunnels and translators to IPv4, protocol assignments,
# the 6to4 relay, and the address where Azure answers its own machines.
_TRAPS: tuple[tuple[Network, str], ...] = (
    (ipaddress.ip_network("64:ff9b::/96"), "a NAT64 address"),
    (ipaddress.ip_network("64:ff9b:1::/48"), "a NAT64 address"),
    (ipaddress.ip_network("2002::/16"), "a 6to4 address"),
    (ipaddress.ip_network("2001::/32"), "a Teredo address"),
    (ipaddress.ip_network("192.0.0.0/24"), "a reserved address"),
    (ipaddress.ip_network("192.88.99.0/24"), "a 6to4 relay"),
    (ipaddress.ip_network("168.63.129.16/32"), "a cloud's own service"),
)
_HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class UnsafeAddress(Exception):
    """A host leads only to addresses that must not be connected to; the text says which and why."""


class UnknownHost(Exception):
    """A host name has no address; `temporary` says whether the name server may answer later."""

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


@dataclass(frozen=True)
class _Opening:
    """One thing the operator opened: a network or a host name, on one port or all."""

    network: Network | None
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        whole = text.strip().lower()
        bare, port = _split_port(whole)
        try:
            return cls(ipaddress.ip_network(bare, strict=False), "", port)
        except ValueError:
            if "/" in bare or not _HOST_NAME.fullmatch(bare):
                raise ValueError(
                    f"{text!r} is not a host (media.example), a domain (.example), an address or a network "
                    "(10.0.0.0/8), with or without a :port"
                ) from None
        return cls(None, bare, port)

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address in self.network
        return host.endswith(self.host) if self.host.startswith(".") else host == self.host


def _split_port(text: str) -> tuple[str, int | None]:
    if bracketed := re.fullmatch(r"\[([^]]+)\](?::(\d{1,5}))?", text):
        return bracketed[1], int(bracketed[2]) if bracketed[2] else None
    if text.count(":") == 1 and (plain := re.fullmatch(r"([^:]+):(\d{1,5})", text)):
        return plain[1], int(plain[2])
    return text, None


@dataclass(frozen=True)
class AllowList:
    """What the operator opened on purpose, beyond the public internet."""

    openings: tuple[_Opening, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read `host`, `.domain`, `address` and `network` entries, each optionally with `:port`; raise ValueError."""
        return cls(tuple(_Opening.parse(entry) for entry in entries))

    def permits(self, host: str, port: int, address: Address) -> bool:
        name = host.lower().rstrip(".")
        return any(opening.covers(name, port, address) for opening in self.openings)


def refusal(address: Address) -> str | None:
    """Say what an address is instead of one on the public internet, or return None when it is one."""
    for network, reason in _TRAPS:
        if address in network:
            return reason
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    if not address.is_global or address.is_reserved or (address.version == 6 and address not in _PUBLIC_V6):
        return "a private or reserved address"
    return None


def resolve(host: str, port: int, allow: AllowList) -> list[str]:
    """Return the numeric addresses of a host that may be connected to, in the resolver's order.

    Unsafe ones among them are left out rather than damning the host: behind DNS64 every name has a NAT64 twin.
    Raises UnsafeAddress when none is left and UnknownHost when there was none. The caller must connect to exactly
    these: a second look-up may answer differently.
    """
    found = _look_up(host, port)
    safe = [str(address) for address in found if allow.permits(host, port, address) or refusal(address) is None]
    if not safe:
        raise UnsafeAddress(f"{host} is {refusal(found[0])} ({found[0]})")
    return safe


def _look_up(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        temporary = error.errno == socket.EAI_AGAIN
        raise UnknownHost(f"the host name {host} cannot be resolved", temporary=temporary) from error
    except UnicodeError as error:
        raise UnknownHost(f"{host[:80]} is not a host name", temporary=False) from error
    numbers = dict.fromkeys(str(answer[4][0]) for answer in answers)
    return [_unwrapped(ipaddress.ip_address(number)) for number in numbers]


def _unwrapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
