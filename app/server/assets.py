"""The components' code and styles, each at an address of its own, which changes with any change of them: a browser asks once.

The modules import each other by relative addresses, so one hash of them all stands in the path.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

_FOLDER = Path(__file__).parents[1] / "components"
_TYPES = {".js": "text/javascript", ".css": "text/css"}  # said here: what a machine's own table says of .js may be plain text
_ADDRESS = "glass/assets"
_YEAR = "public, max-age=31536000, immutable"


@cache
def _files() -> dict[str, bytes]:
    """Every file by its path below the components' folder, compressed."""
    paths = sorted(path for path in _FOLDER.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(_FOLDER).as_posix(): gzip.compress(path.read_bytes(), mtime=0) for path in paths}


@cache
def folder() -> str:
    """The address below which all files lie, relative to the app's own, with a slash at its end."""
    digest = sha256(repr(sorted(_files().items())).encode()).hexdigest()[:16]
    return f"{_ADDRESS}/{digest}/"


def route(base: str) -> BaseRoute:
    """What answers under `folder()`. base: `server.baseUrlPath`, which Streamlit gives to its own routes only."""
    below = f"/{base.strip('/')}" if base.strip("/") else ""
    return Route(f"{below}/{folder()}{{path:path}}", _answer, methods=["GET", "HEAD"])


async def _answer(request: Request) -> Response:
    path = request.path_params["path"]
    packed = _files().get(path)
    if packed is None:
        return PlainTextResponse("Not Found", 404)
    headers = {"Cache-Control": _YEAR, "Vary": "Accept-Encoding"}
    if takes_gzip(request.headers):
        return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=_TYPES[Path(path).suffix])
    return Response(gzip.decompress(packed), headers=headers, media_type=_TYPES[Path(path).suffix])


def takes_gzip(headers: Headers) -> bool:
    """Whether the browser can unpack gzip."""
    entries = (entry.split(";") for entry in headers.get("accept-encoding", "").lower().split(","))
    return any(entry[0].strip() == "gzip" and "q=0" not in [part.strip() for part in entry[1:]] for entry in entries)
