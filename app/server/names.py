"""By which names this server goes: which Host headers and which Origins are its own.

A browser sends in Host the name that stands in its address bar, and in Origin the page that makes the request. A foreign page that
reaches into this server from a visitor's browser has a foreign Origin; a foreign name that was pointed at this machine's address
(DNS rebinding) has a foreign Host. Neither can be an address in figures, localhost, or a name that only a local network gives, so
these are always own; any other name has to be listed by whoever runs the server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

# Comma-separated host names under which visitors reach the server, for example "glass.school.example, *.glass.example".
# "*" takes any: then a page of any name pointed at this machine may use it.
HOSTS_VARIABLE = "GLASS_HOSTS"

_LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")  # no public name server answers for these
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def listed(text: str) -> frozenset[str]:
    """The names of a comma-separated list, as OwnNames takes them. A port, a scheme and capital letters are taken off."""
    names = (part.strip().lower().split("://")[-1].rstrip("/") for part in text.split(","))
    return frozenset(name if name == "*" else re.sub(r":\d+$", "", name).rstrip(".") for name in names if name)


def host_name(host: str) -> str | None:
    """The name or address in a Host header without its port, small letters; None if it is not a host and a port at all."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        return None
    if name is None or parts.netloc != host or "@" in host:
        return None
    name = name.rstrip(".")
    return name if _is_address(name) or _NAME.fullmatch(name) else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class OwnNames:
    """The names of this server: what is always its own, and those in `more` (exact, "*.ending", or "*" for any)."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._more: Collection[str] = frozenset(more)

    def is_own_host(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(host)
        if name is None:
            return False
        return "." not in name or _is_address(name) or name.endswith(_LOCAL_ENDINGS) or "*" in self._more or self._is_listed(name)

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin header is a page of this server: of the address in the Host header, or of a listed name."""
        try:
            parts = urlsplit(origin.lower())
            default_port = _DEFAULT_PORTS[parts.scheme]
            port = parts.port or default_port
        except (ValueError, KeyError):  # "null", or nothing that a web page could have
            return False
        name = host_name(parts.netloc)
        if name is None or parts.path or parts.query or parts.fragment:
            return False
        own = urlsplit(f"//{host.lower()}")
        if name == host_name(host) and port == (own.port or default_port):
            return True
        return self._is_listed(name)

    def _is_listed(self, name: str) -> bool:
        return name in self._more or any(entry.startswith("*.") and name.endswith(entry[1:]) for entry in self._more)
