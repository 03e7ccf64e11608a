"""Owns which addresses may be connected to: the public internet and what the operator opened, less what he denied."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ports = tuple[range, ...]

WEB_PORTS: Ports = (range(80, 81), range(443, 444))

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
_TRANSLATED = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class UnsafeAddress(Exception):
    """A host leads only to addresses that must not be connected to; the text says which, why, and which setting."""


class UnknownHost(Exception):
    """A host name has no address; `temporary` says whether the name server may answer later."""

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


@dataclass(frozen=True)
class _Entry:
    """One thing that a list of the operator's names: a network or a host name, on one port or all."""

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

    def names(self, host: str, port: int, address: Address) -> bool:
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
class HostList:
    """What the operator named: hosts, domains, addresses and networks."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read `host`, `.domain`, `address` and `network` entries, each optionally with `:port`; raise ValueError."""
        return cls(tuple(_Entry.parse(entry) for entry in entries))

    def names(self, host: str, port: int, address: Address) -> bool:
        """Say whether a host is named, by its own name or by the address that it leads to."""
        name = host.lower().rstrip(".")
        return any(entry.names(name, port, address) for entry in self.entries)


def parse_ports(entries: Iterable[str]) -> Ports:
    """Read ports and ranges of them: `443`, `8000-8099`; raise ValueError."""
    return tuple(_port_range(entry) for entry in entries)


def _port_range(text: str) -> range:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 0 < first <= last < 65536:
        raise ValueError(f"{text!r} is neither a port (443) nor a range of ports (8000-8099)")
    return range(first, last + 1)


@dataclass(frozen=True)
class Reach:
    """What may be connected to: public addresses on some ports, and all that is allowed, but nothing that is denied."""

    allow: HostList = HostList()
    deny: HostList = HostList()
    ports: Ports = WEB_PORTS

    def refusal(self, host: str, port: int, address: Address) -> str | None:
        """Say why an address that a host leads to must not be connected to, or return None when it may be."""
        if any(self.deny.names(host, port, each) for each in (address, *_inside(address))):
            return f"VIDEOCRAFT_FETCH_DENY forbids {host}"
        if self.allow.names(host, port, address):
            return None
        if reason := refusal(address):
            opened = "only public addresses are fetched from, unless VIDEOCRAFT_FETCH_ALLOW opens others"
            return f"{host} is {reason} ({address}); {opened}"
        if not any(port in each for each in self.ports):
            return f"port {port} is not one that VIDEOCRAFT_FETCH_PORTS opens"
        return None


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


def resolve(host: str, port: int, reach: Reach) -> list[str]:
    """Return the numeric addresses of a host that may be connected to, in the resolver's order.

    Those that may not are left out rather than damning the host: behind DNS64 every name has a NAT64 twin.
    Raises UnsafeAddress when none is left and UnknownHost when there was none. The caller must connect to exactly
    these: a second look-up may answer differently.
    """
    reasons = {address: reach.refusal(host, port, address) for address in _look_up(host, port)}
    safe = [str(address) for address, reason in reasons.items() if reason is None]
    if not safe:
        raise UnsafeAddress(next(iter(reasons.values())))
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


def _inside(address: Address) -> list[Address]:
    """Return the IPv4 addresses that tunnels and translators would lead to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = [address.sixtofour] if address.sixtofour else []
    found += address.teredo or ()
    if any(address in network for network in _TRANSLATED):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found
