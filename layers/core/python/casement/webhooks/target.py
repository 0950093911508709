"""Where we may call: public addresses, by TLS. Whoever may subscribe must not reach what only we can reach.

A name is judged by all its addresses, and by those again that a connection is made to: what a name stands for may
change between two looks.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from casement.domain.errors import InvalidRequest

Resolve = Callable[[str, int, float], list[str]]
"""The addresses of a host and port, looked for so many seconds at most. Raises OSError."""

RESOLVE_S = 5.0
_LONGEST_HOST = 253
# All that is not for the public (https://www.iana.org/assignments/iana-ipv4-special-registry), and 6to4's relays.
_NOT_PUBLIC_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",  # the metadata of EC2 and ECS, and Lambda's runtime
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# Of IPv6, only what is given out for the public is allowed; in there, not what leads elsewhere or stands in examples.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")))


class Target(NamedTuple):
    """Where a URL leads. `host` is as TLS and DNS take it, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


def target_of(url: str, *, allow_private: bool = False) -> Target:
    """Where a URL leads, as far as itself says. Raises `InvalidRequest`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if _is_address(host) else host.encode("idna").decode("ascii")
    except ValueError as error:  # UnicodeError too
        raise _refused("is no address of the web") from error
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not allow_private):
        raise _refused("must start with https://")
    if parts.username is not None or parts.password is not None:
        raise _refused("must hold no user name and no password")
    if parts.fragment:
        raise _refused("must hold no fragment")
    if not host or len(host) > _LONGEST_HOST or port == 0:
        raise _refused("must name a host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not all("!" <= character <= "~" for character in host + path):
        raise _refused("must be written in plain characters, without spaces")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def check_target(url: str, resolve: Resolve, *, allow_private: bool = False) -> None:
    """Raise `InvalidRequest` unless a URL may be called, as far as can be told now."""
    target = target_of(url, allow_private=allow_private)
    try:
        addresses = resolve(target.host, target.port, RESOLVE_S)
    except (OSError, UnicodeError) as error:
        raise _refused("names a host that cannot be found") from error
    if not addresses:
        raise _refused("names a host that cannot be found")
    if not allow_private and not all(map(is_public, addresses)):
        raise _refused("leads to an address that is not public")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet. Never raises."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_4)
    return parsed in _PUBLIC_6 and not any(parsed in network for network in _NOT_PUBLIC_6)


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host, IPv4 first: Lambda reaches IPv6 only from some networks. Raises OSError."""
    found: list[list[str]] = []
    problems: list[Exception] = []

    def look() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            problems.append(error)
            return
        infos.sort(key=lambda info: info[0] != socket.AF_INET)
        found.append(list(dict.fromkeys(str(info[4][0]) for info in infos)))

    looking = threading.Thread(target=look, daemon=True)  # a look-up takes no timeout
    looking.start()
    looking.join(max(0.0, seconds))
    if found:
        return found[0]
    raise problems[0] if problems else TimeoutError(f"no answer to the look-up of a host in {seconds:.1f} s")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"url {why}.", parameter="url")
