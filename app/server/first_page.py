"""Streamlit's own page with the app's styles, and the few lines that have to run before Streamlit's: they are there before anything is
drawn, so that nothing moves when they come, and no run of the script has to bring them."""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

from app.server import assets

STYLES, EARLY, COMING = ("shared/page.css", "shared/coming.css"), "shared/early.js", "shared/coming.js"
# Streamlit fetches the code of a kind of element when the first of it is to be drawn, and something of another height stands there until
# then. What nearly every page has is fetched with the page.
SOON_NEEDED = (
    "BidiComponent", "Button", "ButtonGroup", "Checkbox", "Html", "NumberInput", "Radio", "Selectbox", "Slider", "StreamlitMarkdown",
    "TextInput", "rehype-katex", "rehype-raw",
)  # fmt: skip
_OF_A_CLASS = re.compile(r"/r(/[^/]*)?$")  # the end of an address whose page is the app's own (app/room/routes.py)
_END_OF_HEAD, _BODY, _TITLE = "</head>", "<body>", "<title>Streamlit</title>"


@cache
def page() -> bytes:
    """The HTML, whose addresses are relative, as Streamlit's own are."""
    static = Path(file_util.get_static_dir())
    html = (static / "index.html").read_text("utf-8")
    scripts = [path.relative_to(static).as_posix() for name in SOON_NEEDED for path in static.glob(f"static/js/{name}.*.js")]
    links = [f'<link rel="modulepreload" crossorigin href="./{script}" />' for script in scripts]
    links.append(f'<script src="./{assets.folder()}{EARLY}"></script>')
    links.append(f'<script type="module" src="./{assets.folder()}{COMING}"></script>')
    # In the body, so that these styles come after those that Streamlit writes into the head, and win where both say something.
    styles = "\n    ".join(f'<link rel="stylesheet" href="./{assets.folder()}{each}" />' for each in STYLES)
    html = html.replace(_TITLE, "<title>Glass GPT</title>").replace(_END_OF_HEAD, "\n".join([*links, _END_OF_HEAD]), 1)
    return html.replace(_BODY, f"{_BODY}\n    {styles}", 1).encode()


@cache
def _packed() -> bytes:
    return gzip.compress(page(), mtime=0)


class FirstPage:
    """ASGI middleware: where Streamlit answers with its page, this one goes out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or _OF_A_CLASS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        asked, replaced = Headers(scope=scope), False
        mark = f'"{sha256(page()).hexdigest()[:32]}"'

        async def ours(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 200:
                replaced = Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
                if replaced:
                    await self._answer(asked, scope["method"], mark, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, ours)

    async def _answer(self, asked: Headers, method: str, mark: str, send: Send) -> None:
        packed = assets.takes_gzip(asked)
        known = asked.get("if-none-match") == mark
        body = b"" if known or method == "HEAD" else _packed() if packed else page()
        headers = {
            "content-type": "text/html; charset=utf-8",
            "cache-control": "no-cache",
            "etag": mark,
            "vary": "Accept-Encoding",
            "content-length": str(len(_packed() if packed else page()) if method == "HEAD" else len(body)),
        } | ({"content-encoding": "gzip"} if packed and not known else {})
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 304 if known else 200, "headers": raw})
        await send({"type": "http.response.body", "body": body})
