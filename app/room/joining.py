"""How a class comes in: the address to type and its QR code, and the one that makes a phone the teacher's remote."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit


def join_message(base: str, code: str, token: str) -> dict[str, Any]:
    """For a browser that reaches the app under `base`, an absolute address. Raises ValueError for what is none.

    url: what a class opens; qr, remote_qr: as images; is_local: the address leads to this machine alone, and no other was found.
    The token stands after the #, which no browser sends to a server.
    """
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("not an address of the app")
    host, is_local = parts.netloc, False
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):  # a class cannot reach the teacher's machine by these
        found = lan_address()
        is_local = not found
        if found:
            host = f"{found}:{parts.port}" if parts.port else found
    url = f"{parts.scheme}://{host}{parts.path.rsplit('/', 1)[0]}/r/{code}"
    return {"url": url, "qr": _image(url), "remote_qr": _image(f"{url}#remote={token}"), "is_local": is_local}


def lan_address() -> str:
    """This machine's address in its network, "" if it has none. Nothing is sent: to choose a way is enough."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            found = str(probe.getsockname()[0])
        except OSError:
            return ""
    return "" if found.startswith(("127.", "0.")) else found


def _image(text: str) -> str:
    """A QR code as the address of an image. It has a light ground and a quiet edge of its own, so that a dark page does not spoil it."""
    import segno  # here: only a class needs it

    made: str = segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=3, dark="#000", light="#fff")
    return made
