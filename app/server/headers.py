"""What every answer tells the browser: whose code may run in the page, whom it may talk to, and who may show it in a frame."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

# Comma-separated origins of pages that may show the app in a frame, for example a course's page "https://moodle.school.example".
FRAMES_VARIABLE = "GLASS_FRAMES"

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.S)
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?")


def frame_origins(text: str) -> list[str]:
    """The origins of a comma-separated list. Raises ValueError for what is none, with an example."""
    origins = [part.strip().rstrip("/") for part in text.split(",") if part.strip()]
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise ValueError(f"{FRAMES_VARIABLE} holds {wrong[0]!r}; give origins, as in https://moodle.school.example")
    return origins


@cache
def _inline_scripts() -> str:
    """The script in Streamlit's own page, by its hash, so that no other text can run as one."""
    page = (Path(file_util.get_static_dir()) / "index.html").read_text("utf-8")
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in _INLINE_SCRIPT.findall(page)]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def policy(host: str, frames: list[str]) -> str:
    """The content security policy. host: by which the page was asked for, already checked; for its websocket."""
    return "; ".join(
        [
            "default-src 'none'",
            # blob: Streamlit wraps the few lines that fetch a component into one.
            f"script-src 'self' blob: {_inline_scripts()}",
            "style-src 'self' 'unsafe-inline'",  # what Streamlit draws with writes its styles as it goes, and formulas theirs
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' ws://{host} wss://{host}",  # not every browser counts a websocket among 'self'
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors 'self'{''.join(f' {origin}' for origin in frames)}",
        ]
    )


class SafetyHeaders:
    """ASGI middleware. It stands outermost, so that refusals carry the headers too."""

    def __init__(self, app: ASGIApp, frames: list[str]) -> None:
        self._app = app
        self._frames = frames
        self._fixed = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",  # an address holds the prompt
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        } | ({} if frames else {"X-Frame-Options": "SAMEORIGIN"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The host becomes part of the policy: what could end a directive is no host, and the gate refuses it.
        host = re.sub(r"[^A-Za-z0-9.:\[\]_-]", "", Headers(scope=scope).get("host", ""))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**self._fixed, "Content-Security-Policy": policy(host, self._frames)}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
